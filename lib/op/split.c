/* SPDX-License-Identifier: MIT */
/* split.c -- what a token predicts of its pixels, as that of the patches it stands for: k x k of them after stages.
 *
 *   x [batch, tokens, channels (k side)^2] f32      y [batch, rows cols, channels side^2]
 *   y[b][(r, c)][channel, i, j] = x[b][(r / k, c / k)][channel, r mod k side + i, c mod k side + j]
 *
 * Tokens at the lower and right ends may reach beyond the patches; what they predict there goes nowhere. A task is ROWS
 * patches, in backward a token. */
#include "op/op.h"
#include "op/support.h"

struct job { const struct call *c; const struct env *e; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct split_tokens *o = c->attr;
    const struct shape *x = c->xs[0];
    (void)k;
    if (x->rank != 3 || c->xt[0] != F32 || o->rows < 1 || o->cols < 1 || o->patches < 1 || o->channels < 1 || o->side < 1 ||
        x->dim[1] != ceil_div(o->rows, o->patches) * ceil_div(o->cols, o->patches) ||
        x->dim[2] != o->channels * o->patches * o->side * o->patches * o->side)
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = SHAPE(x->dim[0], o->rows * o->cols, o->channels * o->side * o->side), .yt = F32 };
    return MIM_OK;
}

/* Patch r of all pictures: its token, and where in it the first pixel stands. */
static size_t place(const struct split_tokens *o, int r)
{
    int n = o->rows * o->cols, row = r % n / o->cols, col = r % o->cols, wide = o->patches * o->side;
    int across = ceil_div(o->cols, o->patches), down = ceil_div(o->rows, o->patches);
    size_t token = ((size_t)(r / n) * (size_t)down + (size_t)(row / o->patches)) * (size_t)across
                 + (size_t)(col / o->patches);
    return token * (size_t)o->channels * (size_t)wide * (size_t)wide
         + (size_t)(row % o->patches * o->side) * (size_t)wide + (size_t)(col % o->patches * o->side);
}

static void forward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const struct split_tokens *o = c->attr;
    size_t wide = (size_t)(o->patches * o->side), side = (size_t)o->side;
    int end = imin(rows(c->ys), (task + 1) * ROWS);
    float *to = at_row(c->y, F32, cols(c->ys), task * ROWS);
    (void)scratch;
    for (int r = task * ROWS; r < end; r++) {
        const float *from = (const float *)c->x[0] + place(o, r);
        for (int channel = 0; channel < o->channels; channel++, from += wide * (wide - side))
            for (int i = 0; i < o->side; i++, from += wide, to += side)
                memcpy(to, from, side * sizeof *to);
    }
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    split(e, tasks(rows(c->ys), ROWS), forward_task, &j);
}

/* One patch's gradient into its token's. */
static void give_back(const struct job *j, int r, bool add)
{
    const struct call *c = j->c;
    const struct split_tokens *o = c->attr;
    size_t wide = (size_t)(o->patches * o->side), side = (size_t)o->side;
    const float *from = row_of(c->dy, F32, cols(c->ys), r);
    float *to = (float *)c->dx[0] + place(o, r);
    for (int channel = 0; channel < o->channels; channel++, to += wide * (wide - side))
        for (int i = 0; i < o->side; i++, to += wide, from += side)
            mim__op_store(j->e, F32, o->side, from, to, add);
}

static void backward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const struct split_tokens *o = c->attr;
    int across = ceil_div(o->cols, o->patches), tokens = c->xs[0]->dim[1], b = task / tokens, t = task % tokens;
    int top = t / across * o->patches, left = t % across * o->patches, dim = cols(c->xs[0]);
    bool add = c->add & 1;
    (void)scratch;
    if (!add)
        memset(at_row(c->dx[0], F32, dim, task), 0, (size_t)dim * sizeof(float));
    for (int row = top; row < imin(o->rows, top + o->patches); row++)
        for (int col = left; col < imin(o->cols, left + o->patches); col++)
            give_back(j, (b * o->rows + row) * o->cols + col, add);
}

static void backward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    if (c->dx[0])
        split(e, rows(c->xs[0]), backward_task, &j);
}

static const struct op split_op = { .name = "split", .infer = infer, .forward = forward, .backward = backward };

struct tensor *mim__op_split(struct graph *g, struct tensor *x, struct split_tokens o)
{
    return x ? mim__graph_op(g, &split_op, &o, sizeof o, 1, &x) : NULL;
}
