/* SPDX-License-Identifier: MIT */
/* norm.c -- layer norm over the last dimension (Ba et al. 2016): y = (x - mean) / sqrt(variance + eps) gamma + beta,
 * with the biased variance. x f32, y f32 or bf16. Or, at the end of a branch (Liu et al. 2022, Swin V2, sec. 3.2),
 *
 *   y = residual + factor * norm(x)      y, residual f32, factor drop path's, of each picture
 */
#include "op/op.h"
#include "op/support.h"

#include <stdio.h>

enum { X, GAMMA, BETA, RESIDUAL, INPUTS };

struct attr { float eps, drop_path; enum dtype type; int tokens; };
/* Floats of work memory: sums, a gradient that is not dy as it stands, drop path's factors. */
struct layout { size_t wide, factor, end; };

static struct layout lay_out(const struct call *c)
{
    const struct attr *a = c->attr;
    int n = rows(c->xs[X]), dim = cols(c->xs[X]);
    struct layout l = { .wide = 2 * mim__op_sums_size(n, dim) };
    l.factor = l.wide + (a->type != F32 || a->drop_path ? (size_t)n * (size_t)dim : 0);
    l.end = l.factor + (a->drop_path ? (size_t)(n / a->tokens) : 0);
    return l;
}

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct attr *a = c->attr;
    int n = rows(c->xs[X]), dim = cols(c->xs[X]);
    (void)k;
    if (c->xt[X] != F32 || elements(c->xs[GAMMA]) != (size_t)dim || elements(c->xs[BETA]) != (size_t)dim ||
        (c->xs[RESIDUAL] && (c->xt[RESIDUAL] != F32 || rows(c->xs[RESIDUAL]) != n || cols(c->xs[RESIDUAL]) != dim)) ||
        (a->drop_path && (a->tokens < 1 || n % a->tokens)))
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = *c->xs[X], .yt = a->type, .saved = 2 * (size_t)n * sizeof(float),
                           .work = lay_out(c).end * sizeof(float), .scratch = (size_t)dim * sizeof(float) };
    return MIM_OK;
}

struct job { const struct call *c; const struct env *e; float *wide; const float *factor; };

static struct job job_of(const struct call *c, const struct env *e)
{
    const struct attr *a = c->attr;
    struct layout l = lay_out(c);
    float *work = e->work;
    struct job j = { c, e, work + l.wide, NULL };
    if (a->drop_path)
        j.factor = mim__op_drop_factors(e, c->id, rows(c->xs[X]) / a->tokens, a->drop_path, work + l.factor);
    return j;
}

static float factor_of(const struct job *j, int r)
{
    const struct attr *a = j->c->attr;
    return j->factor ? j->factor[r / a->tokens] : 1;
}

static void forward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const struct row_kernels *k = j->e->k->rows;
    int n = rows(c->xs[X]), dim = cols(c->xs[X]), end = imin(n, (task + 1) * ROWS);
    const float *mean = c->saved, *rstd = mean + n;
    for (int r = task * ROWS; r < end; r++) {
        float *to = c->yt == F32 ? at_row(c->y, F32, dim, r) : scratch;
        k->norm(dim, row_of(c->x[X], F32, dim, r), mean[r], rstd[r], c->x[GAMMA], c->x[BETA], to);
        if (j->factor)
            k->scale(dim, factor_of(j, r), to, to);
        if (c->x[RESIDUAL])
            k->add(dim, row_of(c->x[RESIDUAL], F32, dim, r), to, to);
        if (c->yt != F32)
            k->narrow(dim, to, at_row(c->y, BF16, dim, r));
    }
}

static void forward(const struct call *c, const struct env *e)
{
    const struct attr *a = c->attr;
    int n = rows(c->xs[X]);
    float *mean = c->saved;
    struct job j = job_of(c, e);
    mim__op_norm_stats(e, n, cols(c->xs[X]), c->x[X], a->eps, mean, mean + n);
    split(e, tasks(n, ROWS), forward_task, &j);
}

/* The norm's gradient from that of y. */
static void widen_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    int dim = cols(j->c->ys), end = imin(rows(j->c->ys), (task + 1) * ROWS);
    for (int r = task * ROWS; r < end; r++) {
        float *to = at_row(j->wide, F32, dim, r);
        const float *from = read_row(j->e, j->c->yt, row_of(j->c->dy, j->c->yt, dim, r), dim, scratch);
        j->e->k->rows->scale(dim, factor_of(j, r), from, to);
    }
}

static void pass_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int n = rows(c->ys), dim = cols(c->ys), from = task * ROWS, count = imin(n, from + ROWS) - from;
    mim__op_pass(j->e, F32, count * dim, row_of(c->dy, F32, dim, from), at_row(c->dx[RESIDUAL], F32, dim, from),
                 c->add >> RESIDUAL & 1, scratch);
}

static void backward(const struct call *c, const struct env *e)
{
    int n = rows(c->xs[X]), dim = cols(c->xs[X]);
    const float *mean = c->saved, *dy = c->dy;
    struct job j = job_of(c, e);
    if (c->yt != F32 || j.factor) {
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
                              .partial = e->work,
                              .add_dx = c->add >> X & 1,
                              .add_dgamma = c->add >> GAMMA & 1,
                              .add_dbeta = c->add >> BETA & 1 };
    if (c->dx[X] || c->dx[GAMMA] || c->dx[BETA])
        mim__op_norm_backward(e, &norm);
    if (c->dx[RESIDUAL])
        split(e, tasks(n, ROWS), pass_task, &j);
}

static const struct op norm_op = { .name = "norm", .infer = infer, .forward = forward, .backward = backward,
                                   .reads = READ_X(X) | READ_X(GAMMA), .passes = RESIDUAL + 1 };

static struct tensor *make(struct graph *g, const char *name, struct tensor *x, struct tensor *residual, float gain,
                           const struct attr *a)
{
    char part[64];
    struct tensor *in[INPUTS] = { [X] = x, [RESIDUAL] = residual };
    if (!x)
        return NULL;
    int dim = cols(mim__tensor_shape(x));
    snprintf(part, sizeof part, "%s.weight", name);
    in[GAMMA] = mim__graph_param(g, part, SHAPE(dim), (struct init){ INIT_CONSTANT, gain, 0, 0 }, PARAM_NO_DECAY);
    snprintf(part, sizeof part, "%s.bias", name);
    in[BETA] = mim__graph_param(g, part, SHAPE(dim), (struct init){ INIT_ZERO, 0, 0, 0 }, PARAM_NO_DECAY);
    return mim__graph_op(g, &norm_op, a, sizeof *a, INPUTS, in);
}

struct tensor *mim__op_norm(struct graph *g, const char *name, struct tensor *x, float eps, enum dtype type)
{
    return make(g, name, x, NULL, 1, &(struct attr){ .eps = eps, .type = type });
}

struct tensor *mim__op_norm_after(struct graph *g, const char *name, struct tensor *x, struct norm_after o)
{
    struct attr a = { .eps = o.eps, .drop_path = o.drop_path, .type = F32, .tokens = o.tokens };
    return make(g, name, x, o.residual, o.gain, &a);
}
