/* SPDX-License-Identifier: MIT */
/* scenes.h -- drawn pictures with something to learn: one lit shape on a textured ground. Place, size, turn, colours and
 * texture are random and tell nothing of the class; the class is the shape. */
#ifndef EXAMPLES_SUPPORT_SCENES_H
#define EXAMPLES_SUPPORT_SCENES_H

#include <stdint.h>

enum { SCENE_CLASSES = 10 };

/* Picture `index` of the collection `seed`: RGB [side, side, 3]; gives its class, 0 .. SCENE_CLASSES - 1. */
int scene_draw(uint64_t seed, int64_t index, int side, unsigned char *rgb);
const char *scene_class_name(int class);

#endif
