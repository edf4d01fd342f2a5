/* SPDX-License-Identifier: MIT */
/* init.c -- initial values of parameters: every element a pure function of seed, name and index. */
#include "graph/graph.h"

#include "base/philox.h"
#include "kernel/kernel.h"

#include <math.h>

enum { ATTEMPTS = 64, BATCH = 1024 };       /* BATCH: elements at once */

static const double MIDDLE = 0.425;         /* of mim__middle_quantile */

struct normals { double v[BATCH + 2 * NORMALS]; };

/* Number `first` and those after it; n <= BATCH. Kernels draw pairs, so the first pair may stick out. */
static const double *draw(const struct kernels *k, const struct mim__stream *s, uint32_t first, int n, struct normals *to)
{
    uint32_t skip = first % 2;
    k->normals->row(s, first - skip, (int)round_up((size_t)n + skip, NORMALS), to->v);
    return to->v + skip;
}

/* Elements place[0 .. n - 1] of `to` take what v has for them. Returns how many of these lie outside, now the first of
 * `place`; without a branch, as there is no telling which. */
static int settle(int n, int *place, const double *v, double deviation, double cut, float *to)
{
    int left = 0;
    for (int i = 0; i < n; i++) {
        double x = deviation * v[i];
        int at = place[i];
        to[at] = (float)x;
        place[left] = at;
        left += !(fabs(x) <= cut);
    }
    return left;
}

/* N(0, deviation) conditioned on [-cut, cut], by rejection: attempt t of element i is normal number i + t * count. */
static void truncated(const struct kernels *k, const struct param *p, const struct mim__stream *s, uint32_t first, int n,
                      float *to)
{
    struct normals drawn;
    int place[BATCH];
    for (int i = 0; i < n; i++)
        place[i] = i;
    int left = settle(n, place, draw(k, s, first, n, &drawn), p->init.a, p->init.b, to);
    for (uint32_t t = 1; left && t < ATTEMPTS; t++) {
        uint32_t index[BATCH];
        int padded = (int)round_up((size_t)left, NORMALS / 2);
        for (int i = 0; i < padded; i++)
            index[i] = first + (uint32_t)place[imin(i, left - 1)] + t * (uint32_t)p->count;
        k->normals->at(s, padded, index, drawn.v);
        left = settle(left, place, drawn.v, p->init.a, p->init.b, to);
    }
    for (int i = 0; i < left; i++)
        to[place[i]] = 0;
}

/* Phi(c) - 1/2 for |c| < 2, by its series: no libm, so that it is the same everywhere. */
static double half_share(double c)
{
    double term = c * 0.39894228040143268, sum = term;
    for (int k = 1; k < 30; k++) {
        term *= -0.5 * c * c / k;
        sum += term / (2 * k + 1);
    }
    return sum;
}

/* The same for a narrow cut, where rejection would draw many in vain: the quantile of a number within what the cut leaves. */
static void narrow(const struct kernels *k, const struct param *p, const struct mim__stream *s, uint32_t first, int n,
                   double half, float *to)
{
    struct normals drawn;
    uint32_t skip = first % 4;
    k->normals->middle(s, first - skip, (int)round_up((size_t)n + skip, 2 * NORMALS), 2 * half, drawn.v);
    for (int i = 0; i < n; i++) {
        float x = (float)(p->init.a * drawn.v[i + (int)skip]);
        to[i] = x > p->init.b ? p->init.b : x < -p->init.b ? -p->init.b : x;
    }
}

static void normal(const struct kernels *k, const struct param *p, const struct mim__stream *s, uint32_t first, int n,
                   float *to)
{
    struct normals drawn;
    const double *v = draw(k, s, first, n, &drawn);
    for (int i = 0; i < n; i++)
        to[i] = (float)(p->init.a * v[i]);
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

static float single(const struct param *p, const struct mim__stream *s, size_t i)
{
    switch (p->init.kind) {
    case INIT_CONSTANT: return p->init.a;
    case INIT_UNIFORM: return (float)(p->init.a * (2 * mim__open(mim__word(s, (uint32_t)i)) - 1));
    case INIT_SINCOS: return sincos(p, i);
    default: return 0;
    }
}

void mim__init_values(const struct kernels *k, const struct param *p, uint64_t seed, size_t first, size_t n, float *to)
{
    struct mim__stream s = mim__stream(seed, STREAM_INIT, mim__hash(p->name), 0);
    double half = p->init.b < 1.5 * p->init.a ? half_share((double)p->init.b / p->init.a) : 1;
    for (size_t end = first + n; first < end; first += BATCH, to += BATCH) {
        int here = (int)(end - first < BATCH ? end - first : BATCH);
        if (p->init.kind == INIT_TRUNCATED && half <= MIDDLE)
            narrow(k, p, &s, (uint32_t)first, here, half, to);
        else if (p->init.kind == INIT_TRUNCATED)
            truncated(k, p, &s, (uint32_t)first, here, to);
        else if (p->init.kind == INIT_NORMAL)
            normal(k, p, &s, (uint32_t)first, here, to);
        else
            for (int i = 0; i < here; i++)
                to[i] = single(p, &s, first + (size_t)i);
    }
}
