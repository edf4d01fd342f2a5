/* SPDX-License-Identifier: MIT */
/* scatter.c -- tokens of some patches go back to their places, and one learned vector stands in all others (MAE, He et al.
 * 2022, sec. 3: the decoder's input).
 *
 *   x [batch, first + kept, width] f32   token [1, 1, width]   which [batch, kept] i32   y [batch, first + patches, width]
 *   y[b][t]                    = x[b][t] for t < first
 *   y[b][first + which[b][i]]  = x[b][first + i];  all other rows are the token
 *   dx = dy in the rows that came from x;  dtoken = sum of dy over the rows that did not, in task order
 *
 * which is as for gather.c. A task is one picture. */
#include "op/op.h"
#include "op/support.h"

enum { X, TOKEN, WHICH, INPUTS };

struct job { const struct call *c; const struct env *e; float *factor; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct scatter *a = c->attr;
    const struct shape *x = c->xs[X], *which = c->xs[WHICH];
    (void)k;
    if (x->rank != 3 || c->xt[X] != F32 || c->xt[TOKEN] != F32 || c->xt[WHICH] != I32 || which->rank != 2 ||
        elements(c->xs[TOKEN]) != (size_t)x->dim[2] || which->dim[0] != x->dim[0] || a->first < 0 ||
        x->dim[1] != a->first + which->dim[1] || which->dim[1] > a->patches)
        return MIM_ERR_SHAPE;
    int n = x->dim[0] * (a->first + a->patches);
    *out = (struct sizes){ .y = SHAPE(x->dim[0], a->first + a->patches, x->dim[2]), .yt = F32,
                           .work = ((size_t)n + mim__op_sums_size(n, x->dim[2])) * sizeof(float),
                           .scratch = (size_t)x->dim[2] * sizeof(float) };
    return MIM_OK;
}

/* Row of y that row t of picture b goes to, both counted over the batch. */
static int target(const struct call *c, int b, int t)
{
    const struct scatter *a = c->attr;
    const int32_t *which = (const int32_t *)c->x[WHICH] + (size_t)b * (size_t)c->xs[WHICH]->dim[1];
    return b * c->ys->dim[1] + (t < a->first ? t : a->first + which[t - a->first]);
}

static void forward_task(void *arg, int b, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int dim = cols(c->ys), n = c->xs[X]->dim[1], all = c->ys->dim[1];
    size_t bytes = (size_t)dim * sizeof(float);
    (void)scratch;
    for (int t = 0; t < all; t++)
        memcpy(at_row(c->y, F32, dim, b * all + t), c->x[TOKEN], bytes);
    for (int t = 0; t < n; t++)
        memcpy(at_row(c->y, F32, dim, target(c, b, t)), row_of(c->x[X], F32, dim, b * n + t), bytes);
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e, NULL };
    split(e, c->ys->dim[0], forward_task, &j);
}

static void backward_task(void *arg, int b, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int dim = cols(c->ys), n = c->xs[X]->dim[1], all = c->ys->dim[1];
    (void)scratch;
    for (int t = 0; t < all; t++)
        j->factor[b * all + t] = 1;
    for (int t = 0; t < n; t++) {
        int r = target(c, b, t);
        j->factor[r] = 0;
        if (c->dx[X])
            mim__op_store(j->e, F32, dim, row_of(c->dy, F32, dim, r), at_row(c->dx[X], F32, dim, b * n + t),
                          c->add >> X & 1);
    }
}

static void backward(const struct call *c, const struct env *e)
{
    int n = rows(c->ys);
    struct job j = { c, e, e->work };
    split(e, c->ys->dim[0], backward_task, &j);
    if (c->dx[TOKEN])
        mim__op_sums(e, F32, n, cols(c->ys), c->dy, j.factor, 1, j.factor + n, c->dx[TOKEN], c->add >> TOKEN & 1);
}

static const struct op scatter_op = { .name = "scatter", .infer = infer, .forward = forward, .backward = backward,
                                      .reads = READ_X(WHICH), .stops = READ_X(WHICH) };

struct tensor *mim__op_scatter(struct graph *g, struct tensor *x, struct tensor *token, struct tensor *which,
                               struct scatter o)
{
    struct tensor *in[INPUTS] = { x, token, which };
    return x && token && which ? mim__graph_op(g, &scatter_op, &o, sizeof o, INPUTS, in) : NULL;
}
