/* SPDX-License-Identifier: MIT */
/* normals.h -- many random numbers of one stream at once: normal ones, as mim__normal (base/philox.h) and base/normal.h give
 * them, and what decides which way to round; to the bit, on every ISA. */
#ifndef MIM_KERNEL_NORMALS_H
#define MIM_KERNEL_NORMALS_H

#include "base/normal.h"
#include "base/philox.h"

enum { NORMALS = 64 };                      /* drawn side by side */
enum { WORDS = 2 * NORMALS, NARROWED = 4 * WORDS };     /* words of as many blocks; what they round */

struct normal_kernels {
    /* y[i] = number first + i; first is even, first + n below 2^32, n a multiple of NORMALS. */
    void (*row)(const struct mim__stream *s, uint32_t first, int n, double *y);
    /* y[i] = number index[i]; n a multiple of NORMALS / 2. */
    void (*at)(const struct mim__stream *s, int n, const uint32_t *index, double *y);
    /* y[i] = mim__middle_quantile(spread * (mim__open(word first + i) - 1/2)); first a multiple of 4, n one of 2 NORMALS. */
    void (*middle)(const struct mim__stream *s, uint32_t first, int n, double spread, double *y);
    /* y[i] = word i / (WORDS / 4) of block first + i % (WORDS / 4), for i < WORDS. */
    void (*words)(const struct mim__stream *s, uint32_t first, uint32_t *y);
    /* y[i] = x[i], finite, as bf16, for i < NARROWED: one of its two neighbours, away from zero with the probability that
     * makes the mean right, itself if it is one. That is (bits of x + h) / 2^16, h the upper half of words[i % WORDS] times
     * the odd number factors[i / WORDS]. */
    void (*narrow)(const uint32_t *words, const uint32_t *factors, const float *x, uint16_t *y);
};

#endif
