/* SPDX-License-Identifier: MIT */
/* gather.c -- of the patches of a picture only some go on (MAE, He et al. 2022, sec. 3: the encoder sees what is visible).
 *
 *   x [batch, patches, width]   which [batch, kept] i32      y [batch, kept, width], of the type of x
 *   y[b][t] = x[b][which[b][t]]
 *   dx      = dy in these rows, zero in all others
 *
 * which names patches, 0 .. patches - 1, each of a picture once. A task is one picture. */
#include "op/op.h"
#include "op/support.h"

enum { X, WHICH, INPUTS };

struct job { const struct call *c; const struct env *e; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct shape *x = c->xs[X], *which = c->xs[WHICH];
    (void)k;
    if (x->rank != 3 || c->xt[X] == I32 || c->xt[WHICH] != I32 || which->rank != 2 || which->dim[0] != x->dim[0] ||
        which->dim[1] > x->dim[1])
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = SHAPE(x->dim[0], which->dim[1], x->dim[2]), .yt = c->xt[X],
                           .scratch = (size_t)x->dim[2] * sizeof(float) };
    return MIM_OK;
}

/* Row of x that row r of y comes from. */
static int source(const struct call *c, int r)
{
    return r / c->ys->dim[1] * c->xs[X]->dim[1] + ((const int32_t *)c->x[WHICH])[r];
}

static void forward_task(void *arg, int b, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int dim = cols(c->ys), n = c->ys->dim[1];
    (void)scratch;
    for (int r = b * n; r < (b + 1) * n; r++)
        memcpy(at_row(c->y, c->yt, dim, r), row_of(c->x[X], c->yt, dim, source(c, r)), (size_t)dim * dtype_size(c->yt));
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    split(e, c->ys->dim[0], forward_task, &j);
}

static void backward_task(void *arg, int b, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int dim = cols(c->ys), n = c->ys->dim[1], all = c->xs[X]->dim[1];
    bool add = c->add >> X & 1;
    if (!add)
        memset(at_row(c->dx[X], c->yt, dim, b * all), 0, (size_t)all * (size_t)dim * dtype_size(c->yt));
    for (int r = b * n; r < (b + 1) * n; r++)
        mim__op_pass(j->e, c->yt, dim, row_of(c->dy, c->yt, dim, r), at_row(c->dx[X], c->yt, dim, source(c, r)), add,
                     scratch);
}

static void backward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    if (c->dx[X])
        split(e, c->ys->dim[0], backward_task, &j);
}

static const struct op gather_op = { .name = "gather", .infer = infer, .forward = forward, .backward = backward,
                                     .reads = READ_X(WHICH), .stops = READ_X(WHICH) };

struct tensor *mim__op_gather(struct graph *g, struct tensor *x, struct tensor *which)
{
    struct tensor *in[INPUTS] = { x, which };
    return x && which ? mim__graph_op(g, &gather_op, NULL, 0, INPUTS, in) : NULL;
}
