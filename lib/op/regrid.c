/* SPDX-License-Identifier: MIT */
/* regrid.c -- the tokens of a grid as those of another: cut off or filled up with zeros at its lower and right ends; or,
 * with a step above 1, step x step tokens side by side as one (patch merging, Liu et al. 2021, sec. 3.1).
 *
 *   x [batch, rows cols, dim]      y [batch, to_rows to_cols, step^2 dim], of the type of x
 *   y[b][Y, X] = [x[b][step Y + r, step X + c] for c < step for r < step], zeros where x ends
 *
 * So every row of x stands in one place of y at most. A task is ROWS rows of what it writes. */
#include "op/op.h"
#include "op/support.h"

struct job { const struct call *c; const struct env *e; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct regrid *o = c->attr;
    const struct shape *x = c->xs[0];
    (void)k;
    if (x->rank != 3 || c->xt[0] == I32 || o->rows < 1 || o->cols < 1 || o->to_rows < 1 || o->to_cols < 1 || o->step < 1 ||
        x->dim[1] != o->rows * o->cols)
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = SHAPE(x->dim[0], o->to_rows * o->to_cols, o->step * o->step * x->dim[2]), .yt = c->xt[0],
                           .scratch = (size_t)x->dim[2] * sizeof(float) };
    return MIM_OK;
}

/* Part `part` of row r of y: the row of x that it is, or -1. */
static int source(const struct regrid *o, int r, int part)
{
    int n = o->to_rows * o->to_cols, y = r % n / o->to_cols * o->step + part % o->step,
        x = r % o->to_cols * o->step + part / o->step;
    return y < o->rows && x < o->cols ? r / n * o->rows * o->cols + y * o->cols + x : -1;
}

/* Where row r of x stands in y, counted in parts; or -1. */
static int target(const struct regrid *o, int r)
{
    int n = o->rows * o->cols, y = r % n / o->cols, x = r % o->cols, row = y / o->step, col = x / o->step;
    int at = (r / n * o->to_rows + row) * o->to_cols + col;
    return row < o->to_rows && col < o->to_cols ? at * o->step * o->step + x % o->step * o->step + y % o->step : -1;
}

static void forward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const struct regrid *o = c->attr;
    int dim = cols(c->xs[0]), parts = o->step * o->step, end = imin(rows(c->ys), (task + 1) * ROWS);
    size_t bytes = (size_t)dim * dtype_size(c->yt);
    (void)scratch;
    for (int r = task * ROWS; r < end; r++)
        for (int part = 0; part < parts; part++) {
            int from = source(o, r, part);
            void *to = (char *)at_row(c->y, c->yt, parts * dim, r) + (size_t)part * bytes;
            if (from < 0)
                memset(to, 0, bytes);
            else
                memcpy(to, row_of(c->x[0], c->yt, dim, from), bytes);
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
    int dim = cols(c->xs[0]), end = imin(rows(c->xs[0]), (task + 1) * ROWS);
    for (int r = task * ROWS; r < end; r++) {
        int from = target(c->attr, r);
        void *to = at_row(c->dx[0], c->yt, dim, r);
        if (from >= 0)
            mim__op_pass(j->e, c->yt, dim, row_of(c->dy, c->yt, dim, from), to, c->add & 1, scratch);
        else if (!(c->add & 1))
            memset(to, 0, (size_t)dim * dtype_size(c->yt));
    }
}

static void backward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    if (c->dx[0])
        split(e, tasks(rows(c->xs[0]), ROWS), backward_task, &j);
}

static const struct op regrid_op = { .name = "regrid", .infer = infer, .forward = forward, .backward = backward };

struct tensor *mim__op_regrid(struct graph *g, struct tensor *x, struct regrid o)
{
    return x ? mim__graph_op(g, &regrid_op, &o, sizeof o, 1, &x) : NULL;
}
