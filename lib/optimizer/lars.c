/* SPDX-License-Identifier: MIT */
/* lars.c -- layer-wise adaptive rate scaling (You et al. 2017, alg. 1) as MoCo v3 and MAE run it (He et al. 2021, app. A.2):
 *
 *     d = scale * gradient + decay * w      q = trust |w| / |d|, or 1 where a norm is 0
 *     b = momentum * b + q d                w -= rate * b
 *
 * Vectors and scalars have neither decay nor scaling: q is 1. */
#include "optimizer/rule.h"

enum { BLOCK = 256 };

static int moments(const struct optimizer_options *o) { return o->momentum > 0; }

static void begin(struct update *u, int64_t t, double scale)
{
    u->step.sgd = (struct sgd_step){ .momentum = (float)u->o->options.momentum, .scale = (float)scale, .first = t == 1 };
}

static void measure(const struct update *u, const struct member *m, size_t first, int count, float *const moments[2],
                    double squares[2])
{
    const float *g = u->gradients + m->slot.offset + first, *w = m->slot.weight + first;
    float d[BLOCK];
    (void)moments;
    squares[0] += u->rows->squares(count, w);
    for (int i = 0; i < count; i += BLOCK) {
        int n = imin(BLOCK, count - i);
        u->rows->scale(n, u->step.sgd.scale, g + i, d);
        u->rows->axpy(n, (float)m->decay, w + i, d);
        squares[1] += u->rows->squares(n, d);
    }
}

static double trust(const struct update *u, const struct member *m, double weight, double change)
{
    return m->slot.rank > 1 && weight > 0 && change > 0 ? u->o->options.trust * weight / change : 1;
}

/* q goes into both terms of d: plain momentum from there on. */
static void apply(const struct update *u, const struct member *m, size_t first, int count, float *const moments[2])
{
    struct sgd_step step = u->step.sgd;
    step.rate = (float)(u->rate * m->rate_scale);
    step.decay = (float)(m->decay * m->trust);
    step.scale = (float)(step.scale * m->trust);
    u->rows->sgd(count, &step, u->gradients + m->slot.offset + first, m->slot.weight + first, moments[0]);
}

const struct rule mim__optimizer_lars = { moments, begin, apply, measure, trust, false };
