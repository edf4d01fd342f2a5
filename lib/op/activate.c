/* SPDX-License-Identifier: MIT */
/* activate.c -- an activation that no linear layer follows, and what it may be added to.
 *
 *   y = residual + f(x)      x, y [rows, dim]      residual f32, of the shape of y, or none; y f32
 */
#include "op/op.h"
#include "op/support.h"

enum { X, RESIDUAL, INPUTS };

struct job { const struct call *c; const struct env *e; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct shape *x = c->xs[X];
    (void)k;
    if (x->rank < 1 || c->xt[X] == I32 ||
        (c->xs[RESIDUAL] && (c->xt[RESIDUAL] != F32 || rows(c->xs[RESIDUAL]) != rows(x) || cols(c->xs[RESIDUAL]) != cols(x))))
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = *x, .yt = F32, .scratch = 2 * (size_t)cols(x) * sizeof(float) };
    return MIM_OK;
}

static void forward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const enum activation *f = c->attr;
    int dim = cols(c->ys), end = imin(rows(c->ys), (task + 1) * ROWS);
    for (int r = task * ROWS; r < end; r++) {
        float *y = at_row(c->y, F32, dim, r);
        j->e->k->rows->activate(dim, *f, read_row(j->e, c->xt[X], row_of(c->x[X], c->xt[X], dim, r), dim, scratch), y);
        if (c->x[RESIDUAL])
            j->e->k->rows->add(dim, y, row_of(c->x[RESIDUAL], F32, dim, r), y);
    }
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    split(e, tasks(rows(c->ys), ROWS), forward_task, &j);
}

static void backward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const enum activation *f = c->attr;
    int dim = cols(c->ys), end = imin(rows(c->ys), (task + 1) * ROWS);
    float *wide = scratch, *dx = wide + dim;
    for (int r = task * ROWS; r < end; r++) {
        const float *dy = row_of(c->dy, F32, dim, r);
        if (c->dx[X]) {                     /* first: of an input given twice, the later adds */
            const float *x = read_row(j->e, c->xt[X], row_of(c->x[X], c->xt[X], dim, r), dim, wide);
            j->e->k->rows->activate_backward(dim, *f, x, dy, dx);
            mim__op_store(j->e, c->xt[X], dim, dx, at_row(c->dx[X], c->xt[X], dim, r), c->add >> X & 1);
        }
        if (c->dx[RESIDUAL])
            mim__op_pass(j->e, F32, dim, dy, at_row(c->dx[RESIDUAL], F32, dim, r), c->add >> RESIDUAL & 1, scratch);
    }
}

static void backward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    split(e, tasks(rows(c->ys), ROWS), backward_task, &j);
}

static const struct op activate_op = { .name = "activate", .infer = infer, .forward = forward, .backward = backward,
                                       .reads = READ_X(X), .passes = RESIDUAL + 1 };

struct tensor *mim__op_activate(struct graph *g, struct tensor *x, enum activation f, struct tensor *residual)
{
    struct tensor *in[INPUTS] = { x, residual };
    return x ? mim__graph_op(g, &activate_op, &f, sizeof f, INPUTS, in) : NULL;
}
