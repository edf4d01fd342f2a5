/* SPDX-License-Identifier: MIT */
/* reshape.c -- the same values under another shape. Dimension 0 follows from the number of elements, so that it scales
 * with the batch. */
#include "op/op.h"
#include "op/support.h"

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    struct shape s = *(const struct shape *)c->attr;
    (void)k;
    if (s.rank < 1 || s.rank > MAX_RANK)
        return MIM_ERR_SHAPE;
    s.dim[0] = 1;
    size_t each = elements(&s), all = elements(c->xs[0]);
    if (!each || all % each)
        return MIM_ERR_SHAPE;
    s.dim[0] = (int)(all / each);
    *out = (struct sizes){ .y = s, .yt = c->xt[0], .scratch = (size_t)cols(&s) * sizeof(float) };
    return MIM_OK;
}

static void forward(const struct call *c, const struct env *e)
{
    (void)e;
    memcpy(c->y, c->x[0], elements(c->ys) * dtype_size(c->yt));
}

static void backward(const struct call *c, const struct env *e)
{
    int n = cols(c->ys);
    for (int r = 0; c->dx[0] && r < rows(c->ys); r++)
        mim__op_pass(e, c->yt, n, row_of(c->dy, c->yt, n, r), at_row(c->dx[0], c->yt, n, r), c->add & 1, e->scratch);
}

static const struct op reshape_op = {
    .name = "reshape", .infer = infer, .forward = forward, .backward = backward, .passes = 1
};

struct tensor *mim__op_reshape(struct graph *g, struct tensor *x, struct shape s)
{
    return x ? mim__graph_op(g, &reshape_op, &s, sizeof s, 1, &x) : NULL;
}
