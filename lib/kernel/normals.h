/* SPDX-License-Identifier: MIT */
/* normals.h -- many normal numbers of one stream at once: what mim__normal (base/philox.h) gives, to the bit, on every
 * ISA. */
#ifndef MIM_KERNEL_NORMALS_H
#define MIM_KERNEL_NORMALS_H

#include "base/normal.h"
#include "base/philox.h"

enum { NORMALS = 64 };                      /* drawn side by side */

struct normal_kernels {
    /* y[i] = number first + i; first is even, first + n below 2^32, n a multiple of NORMALS. */
    void (*row)(const struct mim__stream *s, uint32_t first, int n, double *y);
    /* y[i] = number index[i]; n a multiple of NORMALS / 2. */
    void (*at)(const struct mim__stream *s, int n, const uint32_t *index, double *y);
};

#endif
