/* SPDX-License-Identifier: MIT */
/* pool.c -- some tokens of a sequence: their mean, or themselves. x [batch, tokens, width] f32.
 *
 *   pool    y [batch, width]          mean over tokens first .. first + count - 1
 *   slice   y [batch, count, width]   these tokens
 */
#include "op/op.h"
#include "op/support.h"

struct attr { int first, count; };
struct job { const struct call *c; const struct env *e; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct attr *a = c->attr;
    const struct shape *x = c->xs[0];
    (void)k;
    if (x->rank != 3 || c->xt[0] != F32 || a->first < 0 || a->count < 1 || a->first + a->count > x->dim[1])
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = SHAPE(x->dim[0], x->dim[2]), .yt = F32 };
    return MIM_OK;
}

static void forward_task(void *arg, int b, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const struct attr *a = c->attr;
    int dim = cols(c->ys), tokens = c->xs[0]->dim[1];
    float *y = at_row(c->y, F32, dim, b);
    (void)scratch;
    memset(y, 0, (size_t)dim * sizeof *y);
    for (int t = 0; t < a->count; t++)
        j->e->k->rows->axpy(dim, 1, row_of(c->x[0], F32, dim, b * tokens + a->first + t), y);
    j->e->k->rows->scale(dim, 1 / (float)a->count, y, y);
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
    const struct attr *a = c->attr;
    int dim = cols(c->ys), tokens = c->xs[0]->dim[1];
    float *dx = at_row(c->dx[0], F32, dim, b * tokens);
    (void)scratch;
    if (!(c->add & 1))
        memset(dx, 0, (size_t)tokens * (size_t)dim * sizeof *dx);
    for (int t = 0; t < a->count; t++)
        j->e->k->rows->axpy(dim, 1 / (float)a->count, row_of(c->dy, F32, dim, b), at_row(dx, F32, dim, a->first + t));
}

static void backward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    if (c->dx[0])
        split(e, c->ys->dim[0], backward_task, &j);
}

static const struct op pool_op = { .name = "pool", .infer = infer, .forward = forward, .backward = backward };

struct tensor *mim__op_pool(struct graph *g, struct tensor *x, int first, int count)
{
    struct attr a = { first, count };
    return x ? mim__graph_op(g, &pool_op, &a, sizeof a, 1, &x) : NULL;
}

/* ---- slice ---- */

static mim_status infer_slice(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct attr *a = c->attr;
    mim_status status = infer(c, k, out);
    if (!status)
        out->y = SHAPE(c->xs[0]->dim[0], a->count, c->xs[0]->dim[2]);
    return status;
}

static void slice_task(void *arg, int b, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const struct attr *a = c->attr;
    int dim = cols(c->ys), tokens = c->xs[0]->dim[1];
    (void)scratch;
    memcpy(at_row(c->y, F32, dim, b * a->count), row_of(c->x[0], F32, dim, b * tokens + a->first),
           (size_t)a->count * (size_t)dim * sizeof(float));
}

static void forward_slice(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    split(e, c->ys->dim[0], slice_task, &j);
}

static void backward_slice_task(void *arg, int b, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const struct attr *a = c->attr;
    int dim = cols(c->ys), tokens = c->xs[0]->dim[1];
    float *dx = at_row(c->dx[0], F32, dim, b * tokens);
    (void)scratch;
    if (!(c->add & 1))
        memset(dx, 0, (size_t)tokens * (size_t)dim * sizeof *dx);
    mim__op_store(j->e, F32, a->count * dim, row_of(c->dy, F32, dim, b * a->count), at_row(dx, F32, dim, a->first),
                  c->add & 1);
}

static void backward_slice(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    if (c->dx[0])
        split(e, c->ys->dim[0], backward_slice_task, &j);
}

static const struct op slice_op = {
    .name = "slice", .infer = infer_slice, .forward = forward_slice, .backward = backward_slice
};

struct tensor *mim__op_slice(struct graph *g, struct tensor *x, int first, int count)
{
    struct attr a = { first, count };
    return x ? mim__graph_op(g, &slice_op, &a, sizeof a, 1, &x) : NULL;
}
