/* SPDX-License-Identifier: MIT */
/* resample.c -- a table over one grid brought to another: positions and relative biases of a picture of another size.
 *
 *   table [.., prefix + r0 c0 + suffix, width]      R [r1, r0], C [c1, c0] constant
 *   y[(i, j)] = sum over (p, q) of R[i][p] C[j][q] table[(p, q)]      prefix and suffix rows as they are
 *
 * The matrices are mostly zeros: these are left out. */
#include "op/op.h"
#include "op/support.h"

enum { TABLE, ROW_MATRIX, COL_MATRIX, INPUTS };

struct job { const struct call *c; const struct env *e; };
struct grid { int r0, c0, r1, c1, dim, prefix, suffix; };

static struct grid grid_of(const struct call *c)
{
    const struct resample *o = c->attr;
    const int *r = c->xs[ROW_MATRIX]->dim, *k = c->xs[COL_MATRIX]->dim;
    return (struct grid){ r[1], k[1], r[0], k[0], cols(c->xs[TABLE]), o->prefix, o->suffix };
}

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    struct grid g = grid_of(c);
    const struct shape *t = c->xs[TABLE];
    (void)k;
    if (c->xt[TABLE] != F32 || c->xt[ROW_MATRIX] != F32 || c->xt[COL_MATRIX] != F32)
        return MIM_ERR_SHAPE;
    if (t->rank < 2 || c->xs[ROW_MATRIX]->rank != 2 || c->xs[COL_MATRIX]->rank != 2 || g.prefix < 0 || g.suffix < 0)
        return MIM_ERR_SHAPE;
    if (rows(t) != t->dim[t->rank - 2] || rows(t) != g.prefix + g.r0 * g.c0 + g.suffix)
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = *t, .yt = F32 };
    out->y.dim[t->rank - 2] = g.prefix + g.r1 * g.c1 + g.suffix;
    return MIM_OK;
}

/* Row of the other table that stays as it is, for row r of one of `inner` grid rows; -1 inside the grid. */
static int kept_row(const struct grid *g, int r, int inner, int other)
{
    if (r < g->prefix)
        return r;
    return r >= g->prefix + inner ? r - inner + other : -1;
}

static void forward_task(void *arg, int r, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    struct grid g = grid_of(c);
    float *y = at_row(c->y, F32, g.dim, r);
    int kept = kept_row(&g, r, g.r1 * g.c1, g.r0 * g.c0);
    (void)scratch;
    if (kept >= 0) {
        memcpy(y, row_of(c->x[TABLE], F32, g.dim, kept), (size_t)g.dim * sizeof *y);
        return;
    }
    const float *row = (const float *)c->x[ROW_MATRIX] + (r - g.prefix) / g.c1 * g.r0;
    const float *col = (const float *)c->x[COL_MATRIX] + (r - g.prefix) % g.c1 * g.c0;
    memset(y, 0, (size_t)g.dim * sizeof *y);
    for (int p = 0; p < g.r0; p++)
        for (int q = 0; row[p] != 0 && q < g.c0; q++)
            if (col[q] != 0)
                j->e->k->rows->axpy(g.dim, row[p] * col[q], row_of(c->x[TABLE], F32, g.dim, g.prefix + p * g.c0 + q), y);
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    split(e, rows(c->ys), forward_task, &j);
}

static void backward_task(void *arg, int r, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    struct grid g = grid_of(c);
    const float *rm = c->x[ROW_MATRIX], *cm = c->x[COL_MATRIX];
    float *dx = at_row(c->dx[TABLE], F32, g.dim, r);
    int kept = kept_row(&g, r, g.r0 * g.c0, g.r1 * g.c1), p = (r - g.prefix) / g.c0, q = (r - g.prefix) % g.c0;
    (void)scratch;
    if (!(c->add >> TABLE & 1))
        memset(dx, 0, (size_t)g.dim * sizeof *dx);
    if (kept >= 0) {
        j->e->k->rows->axpy(g.dim, 1, row_of(c->dy, F32, g.dim, kept), dx);
        return;
    }
    for (int i = 0; i < g.r1; i++)
        for (int k = 0; rm[i * g.r0 + p] != 0 && k < g.c1; k++)
            if (cm[k * g.c0 + q] != 0)
                j->e->k->rows->axpy(g.dim, rm[i * g.r0 + p] * cm[k * g.c0 + q],
                                   row_of(c->dy, F32, g.dim, g.prefix + i * g.c1 + k), dx);
}

static void backward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    if (c->dx[TABLE])
        split(e, rows(c->xs[TABLE]), backward_task, &j);
}

static const struct op resample_op = { .name = "resample", .infer = infer, .forward = forward, .backward = backward,
                                       .reads = READ_X(ROW_MATRIX) | READ_X(COL_MATRIX) };

struct tensor *mim__op_resample(struct graph *g, struct tensor *table, struct tensor *r, struct tensor *c, struct resample o)
{
    struct tensor *in[INPUTS] = { table, r, c };
    return table && r && c ? mim__graph_op(g, &resample_op, &o, sizeof o, INPUTS, in) : NULL;
}
