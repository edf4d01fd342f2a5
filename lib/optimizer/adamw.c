/* SPDX-License-Identifier: MIT */
/* adamw.c -- Adam with decoupled weight decay (Loshchilov and Hutter 2019, alg. 2), as PyTorch does it; the formula
 * stands with the kernel in rows.h. */
#include "optimizer/rule.h"

#include <math.h>

static int moments(const struct optimizer_options *o)
{
    (void)o;
    return 2;
}

/* 1 - beta^t, of the beta that the kernel really uses: 1 - 0.999 differs from 1 - 0.999f in the fifth digit. */
static float correction(float beta, int64_t t) { return (float)(1 - pow((double)beta, (double)t)); }

static void begin(struct update *u, int64_t t, double scale)
{
    const struct optimizer_options *o = &u->o->options;
    float beta1 = (float)o->beta1, beta2 = (float)o->beta2;
    u->step.adamw = (struct adamw_step){
        .beta1 = beta1, .beta2 = beta2, .eps = (float)o->eps, .scale = (float)scale,
        .correction1 = correction(beta1, t), .correction2 = correction(beta2, t),
    };
    if (o->eps_first)                /* sqrt(v) + eps, and only that divided by the root of the correction */
        u->step.adamw.eps = (float)(o->eps / sqrt((double)u->step.adamw.correction2));
}

static void apply(const struct update *u, const struct member *m, size_t first, int count, float *const moments[2])
{
    struct adamw_step step = u->step.adamw;
    step.rate = (float)(u->rate * m->rate_scale);
    step.keep = u->o->options.decay_by_rate ? 1 - step.rate * (float)m->decay : (float)(1 - m->decay);
    u->rows->adamw(count, &step, u->gradients + m->slot.offset + first, m->slot.weight + first, moments[0], moments[1]);
}

const struct rule mim__optimizer_adamw = { moments, begin, apply, NULL, NULL, false };
