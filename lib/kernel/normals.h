/* SPDX-License-Identifier: MIT */
/* normals.h -- many normal numbers of one stream at once: what mim__normal (base/philox.h) and base/normal.h give, to
 * the bit, on every ISA. */
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
    /* y[i] = mim__middle_quantile(spread * (mim__open(word first + i) - 1/2)); first a multiple of 4, n one of 2 NORMALS. */
    void (*middle)(const struct mim__stream *s, uint32_t first, int n, double spread, double *y);
};

#endif
