/* SPDX-License-Identifier: MIT */
/* fill.h -- hidden pixels guessed from the visible ones of the same picture, without having learnt anything. */
#ifndef EXAMPLES_SUPPORT_FILL_H
#define EXAMPLES_SUPPORT_FILL_H

struct hole {
    int height, width, channels;
    const unsigned char *hidden;        /* [height, width], 1: to be guessed; at least one pixel is 0 */
};

/* picture [height, width, channels], filled in place. 0, or -1 without memory. */
int fill_mean(const struct hole *h, float *picture);        /* the mean of the visible pixels, a channel */
int fill_nearest(const struct hole *h, float *picture);     /* the visible pixel fewest steps along rows and columns away */
int fill_smooth(const struct hole *h, float *picture);      /* each the mean of its neighbours: Laplace's equation */

#endif
