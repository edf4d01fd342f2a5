/* SPDX-License-Identifier: MIT */
/* patches.c -- a picture as rows of patches (Dosovitskiy et al. 2021, sec. 3.1), each in the order of a convolution's
 * weight.
 *
 *   x [batch, channels, height, width] f32      y [batch, rows * cols, channels * patch^2], order (channel, row, column)
 */
#include "op/op.h"
#include "op/support.h"

struct attr { int patch; enum dtype type; };
struct job { const struct call *c; const struct env *e; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct attr *a = c->attr;
    const struct shape *x = c->xs[0];
    (void)k;
    if (x->rank != 4 || c->xt[0] != F32 || a->patch < 1 || x->dim[2] % a->patch || x->dim[3] % a->patch)
        return MIM_ERR_SHAPE;
    int depth = x->dim[1] * a->patch * a->patch;
    *out = (struct sizes){ .y = SHAPE(x->dim[0], x->dim[2] / a->patch * (x->dim[3] / a->patch), depth), .yt = a->type,
                           .scratch = 2 * (size_t)depth * sizeof(float) };
    return MIM_OK;
}

/* The pixel (0, 0, 0) of patch r of the batch. */
static size_t corner(const struct call *c, int r)
{
    const struct attr *a = c->attr;
    const int *d = c->xs[0]->dim;
    int across = d[3] / a->patch, each = c->ys->dim[1], y = r % each / across, x = r % each % across;
    return ((size_t)(r / each) * (size_t)d[1] * (size_t)d[2] + (size_t)(y * a->patch)) * (size_t)d[3] +
           (size_t)(x * a->patch);
}

static void forward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const struct attr *a = c->attr;
    const int *d = c->xs[0]->dim;
    int dim = cols(c->ys), end = imin(rows(c->ys), (task + 1) * ROWS);
    size_t line = (size_t)a->patch * sizeof(float);
    for (int r = task * ROWS; r < end; r++) {
        float *to = c->yt == F32 ? at_row(c->y, F32, dim, r) : scratch, *at = to;
        const float *from = (const float *)c->x[0] + corner(c, r);
        for (int ch = 0; ch < d[1]; ch++)
            for (int i = 0; i < a->patch; i++, at += a->patch)
                memcpy(at, from + ((size_t)ch * (size_t)d[2] + (size_t)i) * (size_t)d[3], line);
        if (c->yt != F32)
            j->e->k->rows->narrow(dim, to, at_row(c->y, BF16, dim, r));
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
    const struct attr *a = c->attr;
    const int *d = c->xs[0]->dim;
    int dim = cols(c->ys), end = imin(rows(c->ys), (task + 1) * ROWS);
    for (int r = task * ROWS; r < end; r++) {
        const float *from = read_row(j->e, c->yt, row_of(c->dy, c->yt, dim, r), dim, scratch);
        float *to = (float *)c->dx[0] + corner(c, r);
        for (int ch = 0; ch < d[1]; ch++)
            for (int i = 0; i < a->patch; i++, from += a->patch)
                mim__op_store(j->e, F32, a->patch, from, to + ((size_t)ch * (size_t)d[2] + (size_t)i) * (size_t)d[3],
                              c->add & 1);
    }
}

static void backward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    if (c->dx[0])
        split(e, tasks(rows(c->ys), ROWS), backward_task, &j);
}

static const struct op patches_op = { .name = "patches", .infer = infer, .forward = forward, .backward = backward };

struct tensor *mim__op_patches(struct graph *g, struct tensor *pixels, int patch, enum dtype type)
{
    struct attr a = { patch, type };
    return pixels ? mim__graph_op(g, &patches_op, &a, sizeof a, 1, &pixels) : NULL;
}
