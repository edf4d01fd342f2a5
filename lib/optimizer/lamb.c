/* SPDX-License-Identifier: MIT */
/* lamb.c -- LAMB (You et al. 2020, alg. 2) as timm runs it:
 *
 *     m, v as Adam's      u = (m / c1) / (sqrt(v / c2) + eps) + decay * w      w -= rate * r u
 *
 * with c1, c2 Adam's corrections and r = |w| / |u|, or 1 where a norm is 0 and for parameters without decay. Its clipping
 * of all gradients to norm 1 is optimizer.clip.
 *
 * The kernel of AdamW does both passes, on zeros in place of weights: w = 0 - 1 * Adam's direction. The first pass brings
 * the moments on and sums up u; the second must find u again, and so leaves them as they are (beta 1). Of moments in bf16 it
 * finds u by what these were rounded to. */
#include "optimizer/rule.h"

#include <math.h>

enum { BLOCK = 256 };

static int moments(const struct optimizer_options *o)
{
    (void)o;
    return 2;
}

static void begin(struct update *u, int64_t t, double scale)
{
    const struct optimizer_options *o = &u->o->options;
    float beta1 = (float)o->beta1, beta2 = (float)o->beta2;
    u->step.adamw = (struct adamw_step){ .rate = 1, .keep = 1, .beta1 = beta1, .beta2 = beta2, .eps = (float)o->eps,
                                         .correction1 = (float)(1 - pow(beta1, (double)t)),
                                         .correction2 = (float)(1 - pow(beta2, (double)t)), .scale = (float)scale };
}

/* -u of n elements from `first` on, their moments brought on by `step`. */
static void direction(const struct update *u, const struct member *m, const struct adamw_step *step, size_t first, int n,
                      float *const moments[2], float *to)
{
    memset(to, 0, (size_t)n * sizeof *to);
    u->rows->adamw(n, step, u->gradients + m->slot.offset + first, to, moments[0], moments[1]);
    u->rows->axpy(n, (float)-m->decay, m->slot.weight + first, to);
}

static void measure(const struct update *u, const struct member *m, size_t first, int count, float *const moments[2],
                    double squares[2])
{
    float d[BLOCK];
    squares[0] += u->rows->squares(count, m->slot.weight + first);
    for (int i = 0; i < count; i += BLOCK) {
        int n = imin(BLOCK, count - i);
        direction(u, m, &u->step.adamw, first + (size_t)i, n, (float *[]){ moments[0] + i, moments[1] + i }, d);
        squares[1] += u->rows->squares(n, d);
    }
}

static double trust(const struct update *u, const struct member *m, double weight, double change)
{
    (void)u;
    return m->decay > 0 && weight > 0 && change > 0 ? weight / change : 1;
}

static void apply(const struct update *u, const struct member *m, size_t first, int count, float *const moments[2])
{
    struct adamw_step still = u->step.adamw;
    float d[BLOCK], rate = (float)(u->rate * m->rate_scale * m->trust);
    still.beta1 = still.beta2 = 1;
    still.scale = 0;                        /* 0 times a square that overflows is no number */
    for (int i = 0; i < count; i += BLOCK) {
        int n = imin(BLOCK, count - i);
        direction(u, m, &still, first + (size_t)i, n, (float *[]){ moments[0] + i, moments[1] + i }, d);
        u->rows->axpy(n, rate, d, m->slot.weight + first + i);
    }
}

const struct rule mim__optimizer_lamb = { moments, begin, apply, measure, trust, true };
