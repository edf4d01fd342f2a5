/* SPDX-License-Identifier: MIT */
/* init.c -- initial values of parameters: every element a pure function of seed, name and index. */
#include "graph/graph.h"

#include "base/philox.h"

#include <math.h>

enum { ATTEMPTS = 64 };

/* N(0, std) conditioned on [-cut, cut], by rejection: attempt t of element i is normal number i + t * count. */
static float truncated(const struct mim__stream *s, uint32_t index, uint32_t count, double std, double cut)
{
    double x = 0;
    for (uint32_t t = 0; t < ATTEMPTS; t++) {
        x = std * mim__normal(s, index + t * count);
        if (fabs(x) <= cut)
            return (float)x;
    }
    return 0;
}

/* The fixed two-dimensional table of MAE (He et al. 2021, models_mae): the first half of a row encodes the column, the
 * second the row of the patch, each as sines then cosines of q = width / 4 frequencies 10000^(-k / q). */
static float sincos(const struct param *p, size_t index)
{
    int across = (int)p->init.b, zeros = (int)p->init.c, width = cols(&p->shape), q = width / 4;
    int row = (int)(index / (size_t)width) - zeros, k = (int)(index % (size_t)width);
    if (row < 0)
        return 0;
    int place = k < 2 * q ? row % across : row / across;
    double angle = place * pow(10000.0, -(double)(k % q) / q);
    return (float)(k / q % 2 ? cos(angle) : sin(angle));
}

void mim__init_values(const struct param *p, uint64_t seed, size_t first, size_t n, float *to)
{
    struct mim__stream s = mim__stream(seed, STREAM_INIT, mim__hash(p->name), 0);
    const struct init *how = &p->init;
    for (uint32_t i = (uint32_t)first; i < (uint32_t)(first + n); i++, to++)
        switch (how->kind) {
        case INIT_CONSTANT: *to = how->a; break;
        case INIT_NORMAL: *to = (float)(how->a * mim__normal(&s, i)); break;
        case INIT_TRUNCATED: *to = truncated(&s, i, (uint32_t)p->count, how->a, how->b); break;
        case INIT_UNIFORM: *to = (float)(how->a * (2 * mim__open(mim__word(&s, i)) - 1)); break;
        case INIT_SINCOS: *to = sincos(p, i); break;
        default: *to = 0;
        }
}
