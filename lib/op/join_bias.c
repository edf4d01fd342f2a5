/* SPDX-License-Identifier: MIT */
/* join_bias.c -- [q; 0; v]: the bias of a fused projection whose key part is zero (BEiT, SimMIM). q, v [width] f32. */
#include "op/op.h"
#include "op/support.h"

enum { Q, V, INPUTS };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    int n = (int)elements(c->xs[Q]);
    (void)k;
    if (c->xt[Q] != F32 || c->xt[V] != F32 || elements(c->xs[V]) != (size_t)n)
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = SHAPE(3 * n), .yt = F32 };
    return MIM_OK;
}

static void forward(const struct call *c, const struct env *e)
{
    size_t n = elements(c->xs[Q]);
    float *y = c->y;
    (void)e;
    memcpy(y, c->x[Q], n * sizeof *y);
    memset(y + n, 0, n * sizeof *y);
    memcpy(y + 2 * n, c->x[V], n * sizeof *y);
}

static void backward(const struct call *c, const struct env *e)
{
    int n = (int)elements(c->xs[Q]);
    const float *dy = c->dy;
    if (c->dx[Q])
        mim__op_store(e, F32, n, dy, c->dx[Q], c->add >> Q & 1);
    if (c->dx[V])
        mim__op_store(e, F32, n, dy + 2 * n, c->dx[V], c->add >> V & 1);
}

static const struct op join_bias_op = { .name = "join_bias", .infer = infer, .forward = forward, .backward = backward };

struct tensor *mim__op_join_bias(struct graph *g, struct tensor *q, struct tensor *v)
{
    struct tensor *in[INPUTS] = { q, v };
    return q && v ? mim__graph_op(g, &join_bias_op, NULL, 0, INPUTS, in) : NULL;
}
