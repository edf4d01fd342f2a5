/* SPDX-License-Identifier: MIT */
/* sgd.c -- stochastic gradient descent with momentum (Sutskever et al. 2013), plain or Nesterov's, weight decay added to
 * the gradient, as PyTorch does it; the formula stands with the kernel in rows.h. */
#include "optimizer/rule.h"

static int moments(const struct optimizer_options *o) { return o->momentum > 0; }

static void begin(struct update *u, int64_t t, double scale)
{
    const struct optimizer_options *o = &u->o->options;
    u->step.sgd = (struct sgd_step){
        .momentum = (float)o->momentum, .scale = (float)scale, .nesterov = o->nesterov != 0, .first = t == 1,
    };
}

static void apply(const struct update *u, const struct member *m, size_t first, int count, float *const moments[2])
{
    struct sgd_step step = u->step.sgd;
    step.rate = (float)(u->rate * m->rate_scale);
    step.decay = (float)m->decay;
    u->rows->sgd(count, &step, u->gradients + m->slot.offset + first, m->slot.weight + first, moments[0]);
}

const struct rule mim__optimizer_sgd = { moments, begin, apply, NULL, NULL, false };
