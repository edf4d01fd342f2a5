/* SPDX-License-Identifier: MIT */
/* relative.c -- relative position bias of a grid (Raffel et al. 2020; with a class token as BEiT, Bao et al. 2022).
 *
 *   table [(2 rows - 1)(2 cols - 1) (+ 3), heads]      y [heads, n, n], n = rows cols (+ 1)
 *   y[h][i][j] = scale table[index(i, j)][h]
 *
 * index of query i and key j: (yi - yj + rows - 1)(2 cols - 1) + (xi - xj + cols - 1); with T the number of such rows,
 * class token to patch T, patch to class token T + 1, class token to itself T + 2. */
#include "op/op.h"
#include "op/support.h"

struct job { const struct call *c; const struct env *e; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct relative *o = c->attr;
    int heads = cols(c->xs[0]), n = o->rows * o->cols + (o->cls ? 1 : 0);
    (void)k;
    if (c->xt[0] != F32 || o->rows < 1 || o->cols < 1 ||
        rows(c->xs[0]) != (2 * o->rows - 1) * (2 * o->cols - 1) + (o->cls ? 3 : 0))
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = SHAPE(heads, n, n), .yt = F32 };
    return MIM_OK;
}

static int index_of(const struct relative *o, int i, int j)
{
    int special = (2 * o->rows - 1) * (2 * o->cols - 1);
    if (o->cls && (i == 0 || j == 0))
        return special + (i == 0 ? (j == 0 ? 2 : 0) : 1);
    i -= o->cls ? 1 : 0;
    j -= o->cls ? 1 : 0;
    return (i / o->cols - j / o->cols + o->rows - 1) * (2 * o->cols - 1) + i % o->cols - j % o->cols + o->cols - 1;
}

static float scale_of(const struct call *c)
{
    const struct relative *o = c->attr;
    return o->scale != 0 ? o->scale : 1;
}

static void forward_task(void *arg, int head, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int heads = c->ys->dim[0], n = c->ys->dim[1];
    const float *table = c->x[0], scale = scale_of(c);
    float *y = (float *)c->y + (size_t)head * (size_t)n * (size_t)n;
    (void)scratch;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            *y++ = scale * table[(size_t)index_of(c->attr, i, k) * (size_t)heads + (size_t)head];
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    split(e, c->ys->dim[0], forward_task, &j);
}

static void backward_task(void *arg, int head, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int heads = c->ys->dim[0], n = c->ys->dim[1];
    const float *dy = (const float *)c->dy + (size_t)head * (size_t)n * (size_t)n;
    float *table = (float *)c->dx[0] + head, scale = scale_of(c);
    (void)scratch;
    for (int r = 0; !(c->add & 1) && r < rows(c->xs[0]); r++)
        table[(size_t)r * (size_t)heads] = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            table[(size_t)index_of(c->attr, i, k) * (size_t)heads] += scale * *dy++;
}

static void backward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    if (c->dx[0])
        split(e, c->ys->dim[0], backward_task, &j);
}

static const struct op relative_op = { .name = "relative", .infer = infer, .forward = forward, .backward = backward };

struct tensor *mim__op_relative(struct graph *g, struct tensor *table, struct relative o)
{
    return table ? mim__graph_op(g, &relative_op, &o, sizeof o, 1, &table) : NULL;
}
