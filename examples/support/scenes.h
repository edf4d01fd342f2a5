/* SPDX-License-Identifier: MIT */
/* scenes.h -- drawn pictures with something to learn: one lit shape on a textured ground. Place, size, turn, colours and
 * texture are random and tell nothing of the class; the class is the shape. */
#ifndef EXAMPLES_SUPPORT_SCENES_H
#define EXAMPLES_SUPPORT_SCENES_H

#include "data.h"

enum { SCENE_CLASSES = 10 };

/* Picture `index` of the collection `seed`: RGB [side, side, 3]; gives its class, 0 .. SCENE_CLASSES - 1. */
int scene_draw(uint64_t seed, int64_t index, int side, unsigned char *rgb);
const char *scene_class_name(int class);
/* Pictures [first, first + count) with their classes. 0; or -1 with nothing to free and a sentence in why. */
int scenes_open(uint64_t seed, int64_t first, int64_t count, int side, struct data *data, struct why *why);

#endif
