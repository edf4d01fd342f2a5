/* SPDX-License-Identifier: MIT */
/* philox.h -- counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as
 * 1, 2, 3"). A draw is a pure function of (seed, stream, sample, epoch, index): no state, no order. */
#ifndef MIM_BASE_PHILOX_H
#define MIM_BASE_PHILOX_H

#include "base/base.h"

/* Streams are fixed for ever; a per-batch draw adds STREAM_BATCH and uses the step as its sample. */
enum {
    STREAM_MASK_RANDOM = 0, STREAM_MASK_BLOCK = 1, STREAM_MASK_GRID = 2, STREAM_MASK_SQUARE = 3,
    STREAM_ORDER = 4,
    STREAM_CROP = 16, STREAM_FLIP = 17, STREAM_COLOUR = 18, STREAM_ERASE = 19, STREAM_MIXUP = 20,
    STREAM_RANDAUGMENT = 21,
    STREAM_DROPOUT = 32, STREAM_DROP_PATH = 33, STREAM_MOMENT = 34, STREAM_INIT = 64, STREAM_BATCH = 0x100
};

/* Where draws come from. word(i) is lane i % 4 of block i / 4. */
struct mim__stream { uint32_t key[2], counter[4]; };     /* counter: block, stream, sample, epoch */

void mim__philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
struct mim__stream mim__stream(uint64_t seed, uint32_t stream, uint64_t sample, uint64_t epoch);
uint32_t mim__word(const struct mim__stream *s, uint32_t index);

/* Mappings of one word. */
static inline float mim__unit(uint32_t x) { return (float)(x >> 8) * 0x1p-24f; }                 /* [0, 1) */
static inline double mim__open(uint32_t x) { return ((double)(x >> 8) + 0.5) * 0x1p-24; }        /* (0, 1) */
static inline uint32_t mim__below(uint32_t x, uint32_t n) { return (uint32_t)((uint64_t)x * n >> 32); }
double mim__normal(const struct mim__stream *s, uint32_t index);   /* standard normal, from words 2 index, 2 index + 1 */

/* A name as a number: FNV-1a, 64 bits. Initial values of a parameter are drawn with sample = its name. */
uint64_t mim__hash(const char *text);

#endif
