/* SPDX-License-Identifier: MIT */
/* norm.c -- layer norm over the last dimension (Ba et al. 2016): y = (x - mean) / sqrt(variance + eps) gamma + beta,
 * with the biased variance. x f32, y f32 or bf16. */
#include "op/op.h"
#include "op/support.h"

#include <stdio.h>

enum { X, GAMMA, BETA, INPUTS };

struct attr { float eps; enum dtype type; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct attr *a = c->attr;
    int n = rows(c->xs[X]), dim = cols(c->xs[X]);
    (void)k;
    if (c->xt[X] != F32 || elements(c->xs[GAMMA]) != (size_t)dim || elements(c->xs[BETA]) != (size_t)dim)
        return MIM_ERR_SHAPE;
    size_t wide = a->type == F32 ? 0 : (size_t)n * (size_t)dim;
    *out = (struct sizes){ .y = *c->xs[X], .yt = a->type, .saved = 2 * (size_t)n * sizeof(float),
                           .work = (wide + 2 * mim__op_sums_size(n, dim)) * sizeof(float),
                           .scratch = (size_t)dim * sizeof(float) };
    return MIM_OK;
}

struct job { const struct call *c; const struct env *e; float *wide; };

static void forward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int n = rows(c->xs[X]), dim = cols(c->xs[X]), end = imin(n, (task + 1) * ROWS);
    const float *mean = c->saved, *rstd = mean + n;
    for (int r = task * ROWS; r < end; r++) {
        float *to = c->yt == F32 ? at_row(c->y, F32, dim, r) : scratch;
        j->e->k->rows->norm(dim, row_of(c->x[X], F32, dim, r), mean[r], rstd[r], c->x[GAMMA], c->x[BETA], to);
        if (c->yt != F32)
            j->e->k->rows->narrow(dim, to, at_row(c->y, BF16, dim, r));
    }
}

static void forward(const struct call *c, const struct env *e)
{
    const struct attr *a = c->attr;
    int n = rows(c->xs[X]);
    float *mean = c->saved;
    struct job j = { c, e, NULL };
    mim__op_norm_stats(e, n, cols(c->xs[X]), c->x[X], a->eps, mean, mean + n);
    split(e, tasks(n, ROWS), forward_task, &j);
}

static void widen_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    int n = rows(j->c->ys), dim = cols(j->c->ys), from = task * ROWS, count = imin(n, from + ROWS) - from;
    (void)scratch;
    j->e->k->rows->widen(count * dim, row_of(j->c->dy, BF16, dim, from), at_row(j->wide, F32, dim, from));
}

static void backward(const struct call *c, const struct env *e)
{
    int n = rows(c->xs[X]), dim = cols(c->xs[X]);
    const float *mean = c->saved, *dy = c->dy;
    float *partial = e->work;
    if (c->yt != F32) {
        struct job j = { c, e, partial + 2 * mim__op_sums_size(n, dim) };
        split(e, tasks(n, ROWS), widen_task, &j);
        dy = j.wide;
    }
    struct norm_rows norm = { .rows = n,
                              .dim = dim,
                              .x = c->x[X],
                              .mean = mean,
                              .rstd = mean + n,
                              .gamma = c->x[GAMMA],
                              .dy = dy,
                              .dx = c->dx[X],
                              .dgamma = c->dx[GAMMA],
                              .dbeta = c->dx[BETA],
                              .partial = partial,
                              .add_dx = c->add >> X & 1,
                              .add_dgamma = c->add >> GAMMA & 1,
                              .add_dbeta = c->add >> BETA & 1 };
    mim__op_norm_backward(e, &norm);
}

static const struct op norm_op = { .name = "norm", .infer = infer, .forward = forward, .backward = backward,
                                   .reads = READ_X(X) | READ_X(GAMMA) };

struct tensor *mim__op_norm(struct graph *g, const char *name, struct tensor *x, float eps, enum dtype type)
{
    char part[64];
    struct attr a = { eps, type };
    struct tensor *in[INPUTS] = { x };
    if (!x)
        return NULL;
    int dim = cols(mim__tensor_shape(x));
    snprintf(part, sizeof part, "%s.weight", name);
    in[GAMMA] = mim__graph_param(g, part, SHAPE(dim), (struct init){ INIT_CONSTANT, 1, 0, 0 }, PARAM_NO_DECAY);
    snprintf(part, sizeof part, "%s.bias", name);
    in[BETA] = mim__graph_param(g, part, SHAPE(dim), (struct init){ INIT_ZERO, 0, 0, 0 }, PARAM_NO_DECAY);
    return mim__graph_op(g, &norm_op, &a, sizeof a, INPUTS, in);
}
