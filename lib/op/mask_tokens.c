/* SPDX-License-Identifier: MIT */
/* mask_tokens.c -- hidden patches become one learned vector (SimMIM, Xie et al. 2022, sec. 3.2).
 *
 *   y[r]   = mask[r] ? token : x[r]        x, y [rows, dim] f32   mask [rows] i32   token [dim]
 *   dx[r]  = mask[r] ? 0 : dy[r]
 *   dtoken = sum of dy[r] over masked r
 */
#include "op/op.h"
#include "op/support.h"

enum { X, MASK, TOKEN, INPUTS };

struct job { const struct call *c; const struct env *e; float *factor; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    int n = rows(c->xs[X]), dim = cols(c->xs[X]);
    (void)k;
    if (c->xt[X] != F32 || c->xt[TOKEN] != F32 || c->xt[MASK] != I32 || elements(c->xs[MASK]) != (size_t)n ||
        elements(c->xs[TOKEN]) != (size_t)dim)
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = *c->xs[X], .yt = F32, .work = ((size_t)n + mim__op_sums_size(n, dim)) * sizeof(float),
                           .scratch = (size_t)dim * sizeof(float) };
    return MIM_OK;
}

static void forward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const int32_t *mask = c->x[MASK];
    int dim = cols(c->ys), end = imin(rows(c->ys), (task + 1) * ROWS);
    (void)scratch;
    for (int r = task * ROWS; r < end; r++)
        memcpy(at_row(c->y, F32, dim, r), mask[r] ? c->x[TOKEN] : row_of(c->x[X], F32, dim, r), (size_t)dim * sizeof(float));
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e, NULL };
    split(e, tasks(rows(c->ys), ROWS), forward_task, &j);
}

static void backward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const int32_t *mask = c->x[MASK];
    int dim = cols(c->ys), end = imin(rows(c->ys), (task + 1) * ROWS);
    (void)scratch;
    for (int r = task * ROWS; r < end; r++) {
        float *dx = at_row(c->dx[X], F32, dim, r);
        if (!mask[r])
            mim__op_store(j->e, F32, dim, row_of(c->dy, F32, dim, r), dx, c->add >> X & 1);
        else if (!(c->add >> X & 1))
            memset(dx, 0, (size_t)dim * sizeof *dx);
    }
}

static void backward(const struct call *c, const struct env *e)
{
    int n = rows(c->ys), dim = cols(c->ys);
    const int32_t *mask = c->x[MASK];
    struct job j = { c, e, e->work };
    if (c->dx[X])
        split(e, tasks(n, ROWS), backward_task, &j);
    if (!c->dx[TOKEN])
        return;
    for (int r = 0; r < n; r++)
        j.factor[r] = mask[r] ? 1 : 0;
    mim__op_sums(e, F32, n, dim, c->dy, j.factor, 1, j.factor + n, c->dx[TOKEN], c->add >> TOKEN & 1);
}

static const struct op mask_tokens_op = { .name = "mask_tokens", .infer = infer, .forward = forward, .backward = backward,
                                          .reads = READ_X(MASK) };

struct tensor *mim__op_mask_tokens(struct graph *g, struct tensor *x, struct tensor *mask, struct tensor *token)
{
    struct tensor *in[INPUTS] = { x, mask, token };
    return x && mask && token ? mim__graph_op(g, &mask_tokens_op, NULL, 0, INPUTS, in) : NULL;
}
