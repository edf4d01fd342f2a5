/* SPDX-License-Identifier: MIT */
/* regrid.c -- the tokens of a grid as those of another: cut off or filled up with zeros at its lower and right ends; or,
 * with a step above 1, step x step tokens side by side as one (patch merging, Liu et al. 2021, sec. 3.1), or the way back.
 *
 *   x [batch, rows cols, dim]      y [batch, to_rows to_cols, step^2 dim], of the type of x
 *   y[b][Y, X] = [x[b][step Y + r, step X + c] for c < step for r < step], zeros where x ends
 *
 *   apart: x [batch, rows cols, step^2 dim]      y [batch, to_rows to_cols, dim]
 *   [y[b][step Y + r, step X + c] for c < step for r < step] = x[b][Y, X], as far as y goes; zeros where x ends
 *
 * So every row of the finer grid stands in one place of the coarser one at most, and the gradient of the one way goes the
 * other. A task is ROWS rows of what it writes. */
#include "op/op.h"
#include "op/support.h"

struct grid { int rows, cols; };

struct job {
    const struct env *e;
    struct grid fine, coarse;
    int step, dim;              /* numbers of a row of the finer grid */
    enum dtype type;
    int rows;                   /* to be written, of all pictures */
    const void *from;
    void *to;
    bool add;
};

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct regrid *o = c->attr;
    const struct shape *x = c->xs[0];
    int parts = o->step * o->step;
    (void)k;
    if (x->rank != 3 || c->xt[0] == I32 || o->rows < 1 || o->cols < 1 || o->to_rows < 1 || o->to_cols < 1 || o->step < 1 ||
        x->dim[1] != o->rows * o->cols || (o->apart && x->dim[2] % parts))
        return MIM_ERR_SHAPE;
    int dim = o->apart ? x->dim[2] / parts : x->dim[2];
    *out = (struct sizes){ .y = SHAPE(x->dim[0], o->to_rows * o->to_cols, o->apart ? dim : parts * dim), .yt = c->xt[0],
                           .scratch = (size_t)dim * sizeof(float) };
    return MIM_OK;
}

/* ---- from the finer grid to the coarser one ---- */

/* Part `part` of row r of the coarser grid: the row of the finer one that it is, or -1. */
static int source(const struct job *j, int r, int part)
{
    int n = j->coarse.rows * j->coarse.cols, y = r % n / j->coarse.cols * j->step + part % j->step,
        x = r % j->coarse.cols * j->step + part / j->step;
    return y < j->fine.rows && x < j->fine.cols ? (r / n * j->fine.rows + y) * j->fine.cols + x : -1;
}

static void join_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    int parts = j->step * j->step, end = imin(j->rows, (task + 1) * ROWS);
    size_t bytes = (size_t)j->dim * dtype_size(j->type);
    for (int r = task * ROWS; r < end; r++)
        for (int part = 0; part < parts; part++) {
            int from = source(j, r, part);
            void *to = (char *)at_row(j->to, j->type, parts * j->dim, r) + (size_t)part * bytes;
            if (from >= 0)
                mim__op_pass(j->e, j->type, j->dim, row_of(j->from, j->type, j->dim, from), to, j->add, scratch);
            else if (!j->add)
                memset(to, 0, bytes);
        }
}

/* ---- from the coarser grid to the finer one ---- */

/* Where row r of the finer grid stands in the coarser one, counted in parts; or -1. */
static int place(const struct job *j, int r)
{
    int n = j->fine.rows * j->fine.cols, y = r % n / j->fine.cols, x = r % j->fine.cols, row = y / j->step, col = x / j->step;
    int at = (r / n * j->coarse.rows + row) * j->coarse.cols + col;
    bool there = row < j->coarse.rows && col < j->coarse.cols;
    return there ? at * j->step * j->step + x % j->step * j->step + y % j->step : -1;
}

static void part_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    int end = imin(j->rows, (task + 1) * ROWS);
    for (int r = task * ROWS; r < end; r++) {
        int from = place(j, r);
        void *to = at_row(j->to, j->type, j->dim, r);
        if (from >= 0)
            mim__op_pass(j->e, j->type, j->dim, row_of(j->from, j->type, j->dim, from), to, j->add, scratch);
        else if (!j->add)
            memset(to, 0, (size_t)j->dim * dtype_size(j->type));
    }
}

static void run(const struct call *c, const struct env *e, bool back)
{
    const struct regrid *o = c->attr;
    struct grid x = { o->rows, o->cols }, y = { o->to_rows, o->to_cols };
    struct job j = { .e = e, .fine = o->apart ? y : x, .coarse = o->apart ? x : y, .step = o->step, .type = c->yt,
                     .dim = cols(o->apart ? c->ys : c->xs[0]), .rows = rows(back ? c->xs[0] : c->ys),
                     .from = back ? c->dy : c->x[0], .to = back ? c->dx[0] : c->y, .add = back && c->add & 1 };
    split(e, tasks(j.rows, ROWS), o->apart == back ? join_task : part_task, &j);
}

static void forward(const struct call *c, const struct env *e) { run(c, e, false); }

static void backward(const struct call *c, const struct env *e)
{
    if (c->dx[0])
        run(c, e, true);
}

static const struct op regrid_op = { .name = "regrid", .infer = infer, .forward = forward, .backward = backward };

struct tensor *mim__op_regrid(struct graph *g, struct tensor *x, struct regrid o)
{
    return x ? mim__graph_op(g, &regrid_op, &o, sizeof o, 1, &x) : NULL;
}
