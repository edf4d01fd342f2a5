/* SPDX-License-Identifier: MIT */
/* update.c -- the passes over gradients: their norm, norms of each parameter for rules that want them, and the update of all
 * weights. All run over the parts that join cut; a part writes its own weights and moments, or its own sums, which are added
 * in the order of parts, so threads cannot change a result. */
#include "optimizer/rule.h"
#include "optimizer/schedule.h"

#include <math.h>

struct squares_job { const mim_optimizer *o; const struct kernels *k; const float *gradients; };

static void sum_part(void *arg, int index, void *scratch)
{
    (void)scratch;
    const struct squares_job *job = arg;
    const struct joined *j = &job->o->joined;
    const struct part *p = &j->part[index];
    const float *g = job->gradients + j->member[p->member].slot.offset + p->first;
    j->squares[index] = job->k->rows->squares(p->count, g);
}

double mim__optimizer_norm(mim_optimizer *o, const struct kernels *k, const float *gradients)
{
    const struct joined *j = &o->joined;
    struct squares_job job = { o, k, gradients };
    if (j->parts)
        mim__run(mim__context_executor(o->object.ctx), j->parts, sum_part, &job, NULL, NULL);
    double sum = 0;
    for (int i = 0; i < j->parts; i++)
        sum += j->squares[i];
    return sqrt(sum);
}

/* What gradients are multiplied with so that their norm is at most `clip`; the 1e-6 is PyTorch's. */
static double clip_scale(double clip, double norm) { return clip > 0 ? fmin(clip / (norm + 1e-6), 1) : 1; }

/* Of a part what this process updates. */
static struct part own_part(const struct joined *j, const struct part *p)
{
    size_t offset = j->member[p->member].slot.offset, end = offset + p->first + (size_t)p->count;
    size_t from = zmax(offset + p->first, j->range.first), to = zmin(end, j->range.first + j->range.count);
    return (struct part){ p->member, to > from ? (int)(to - from) : 0, from - offset };
}

/* Measures (squares) or applies, with the moments at hand. */
static void with_moments(const struct update *u, const struct part *part, double *squares)
{
    const struct member *m = &u->o->joined.member[part->member];
    const struct part own = own_part(&u->o->joined, part);
    const struct rule *rule = u->o->rule;
    struct piece p;
    for (int done = 0; done < own.count; done += p.count) {
        size_t first = own.first + (size_t)done;
        mim__moments_take(u, m->slot.offset + first, own.count - done, &p);
        if (squares)
            rule->measure(u, m, first, p.count, p.moments, squares);
        else
            rule->apply(u, m, first, p.count, p.moments);
        mim__moments_put(u, &p);
    }
}

static void measure_part(void *arg, int index, void *scratch)
{
    (void)scratch;
    const struct update *u = arg;
    const struct joined *j = &u->o->joined;
    const struct part *p = &j->part[index];
    double *squares = j->squares + 2 * index;
    squares[0] = squares[1] = 0;
    if (u->o->rule->moves)
        with_moments(u, p, squares);
    else
        u->o->rule->measure(u, &j->member[p->member], p->first, p->count, NULL, squares);
}

/* Parts of one member follow each other. */
static void measure(mim_optimizer *o, struct update *u)
{
    const struct joined *j = &o->joined;
    mim__run(mim__context_executor(o->object.ctx), j->parts, measure_part, u, NULL, NULL);
    for (int i = 0; i < j->parts;) {
        struct member *m = &j->member[j->part[i].member];
        double sums[2] = { 0, 0 };
        for (; i < j->parts && &j->member[j->part[i].member] == m; i++)
            for (int k = 0; k < 2; k++)
                sums[k] += j->squares[2 * i + k];
        m->trust = o->rule->trust(u, m, sqrt(sums[0]), sqrt(sums[1]));
    }
}

static void update_part(void *arg, int index, void *scratch)
{
    (void)scratch;
    const struct update *u = arg;
    with_moments(u, &u->o->joined.part[index], NULL);
}

void mim__optimizer_update(mim_optimizer *o, const struct kernels *k, const float *gradients, double norm, int64_t step)
{
    if (!o->rule)
        return;
    struct update u = { .o = o, .rows = k->rows, .gradients = gradients, .rate = mim__optimizer_rate_now(o, step) };
    o->state.updates++;
    mim__moments_begin(&u, k);
    o->rule->begin(&u, o->state.updates, clip_scale(o->options.clip, norm));
    if (o->joined.parts && o->rule->measure)
        measure(o, &u);
    if (o->joined.parts)
        mim__run(mim__context_executor(o->object.ctx), o->joined.parts, update_part, &u, NULL, NULL);
}

double mim__optimizer_rate_now(const mim_optimizer *o, int64_t step)
{
    return o->state.host_rate >= 0 ? o->state.host_rate : mim__schedule_rate(&o->options, step);
}
