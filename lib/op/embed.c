/* SPDX-License-Identifier: MIT */
/* embed.c -- patches become the encoder's sequence (Dosovitskiy et al. 2021, eq. 1): y = [cls; x] + positions.
 *
 *   x [batch, patches, width]   cls [1, 1, width] or none   positions [1, n, width] or none      all f32
 *
 * with n as many rows as y, or as x (the class token then has no position); or, where only some patches are there, as many
 * as there are in all, and `which` [batch, patches] says which these are. A task is one token of all pictures (or, for the
 * sum of such positions, one position), so the sums over pictures that cls and positions need have an order. */
#include "op/op.h"
#include "op/support.h"

enum { X, CLS, POSITIONS, WHICH, INPUTS };

struct attr { int prefix; };        /* with which: rows of positions before those of patches */
struct job { const struct call *c; const struct env *e; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct attr *a = c->attr;
    const struct shape *x = c->xs[X], *positions = c->xs[POSITIONS], *which = c->xs[WHICH];
    (void)k;
    if (x->rank != 3 || c->xt[X] != F32 || c->xt[CLS] != F32 || c->xt[POSITIONS] != F32 ||
        (c->xs[CLS] && elements(c->xs[CLS]) != (size_t)x->dim[2]))
        return MIM_ERR_SHAPE;
    int tokens = x->dim[1] + (c->xs[CLS] ? 1 : 0);
    if (positions && (cols(positions) != x->dim[2] || (!which && rows(positions) != tokens && rows(positions) != x->dim[1])))
        return MIM_ERR_SHAPE;
    if (which && (c->xt[WHICH] != I32 || elements(which) != (size_t)x->dim[0] * (size_t)x->dim[1] || a->prefix < 0 ||
                  a->prefix > tokens - x->dim[1] || (positions && rows(positions) < a->prefix + x->dim[1])))
        return MIM_ERR_SHAPE;
    *out =
        (struct sizes){ .y = SHAPE(x->dim[0], tokens, x->dim[2]), .yt = F32, .scratch = (size_t)x->dim[2] * sizeof(float) };
    return MIM_OK;
}

/* Row of the table of positions for token t of picture b, or -1. */
static int position_of(const struct call *c, int b, int t)
{
    const struct attr *a = c->attr;
    int patches = c->xs[X]->dim[1], first = c->ys->dim[1] - patches;
    if (!c->xs[POSITIONS])
        return -1;
    if (!c->xs[WHICH])
        return t - (c->ys->dim[1] - rows(c->xs[POSITIONS]));
    return t < first ? t - (first - a->prefix) : a->prefix + ((const int32_t *)c->x[WHICH])[b * patches + t - first];
}

static void forward_task(void *arg, int t, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int dim = cols(c->ys), tokens = c->ys->dim[1], patches = c->xs[X]->dim[1], first = tokens - patches;
    (void)scratch;
    for (int b = 0; b < c->ys->dim[0]; b++) {
        int p = position_of(c, b, t);
        const float *from = t < first ? c->x[CLS] : row_of(c->x[X], F32, dim, b * patches + t - first);
        float *to = at_row(c->y, F32, dim, b * tokens + t);
        if (p >= 0)
            j->e->k->rows->add(dim, from, row_of(c->x[POSITIONS], F32, dim, p), to);
        else
            memcpy(to, from, (size_t)dim * sizeof *to);
    }
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    split(e, c->ys->dim[1], forward_task, &j);
}

static void backward_task(void *arg, int t, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int dim = cols(c->ys), tokens = c->ys->dim[1], patches = c->xs[X]->dim[1], first = tokens - patches,
        p = c->xs[WHICH] ? -1 : position_of(c, 0, t);
    float *sum = scratch;
    memset(sum, 0, (size_t)dim * sizeof *sum);
    for (int b = 0; b < c->ys->dim[0]; b++) {
        const float *dy = row_of(c->dy, F32, dim, b * tokens + t);
        j->e->k->rows->axpy(dim, 1, dy, sum);
        if (t >= first && c->dx[X])
            mim__op_store(j->e, F32, dim, dy, at_row(c->dx[X], F32, dim, b * patches + t - first), c->add >> X & 1);
    }
    if (t < first && c->dx[CLS])
        mim__op_store(j->e, F32, dim, sum, c->dx[CLS], c->add >> CLS & 1);
    if (p >= 0 && c->dx[POSITIONS])
        mim__op_store(j->e, F32, dim, sum, at_row(c->dx[POSITIONS], F32, dim, p), c->add >> POSITIONS & 1);
}

/* Row p of the gradient of positions, where each picture has other ones. */
static void position_task(void *arg, int p, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int dim = cols(c->ys), tokens = c->ys->dim[1];
    float *sum = scratch;
    memset(sum, 0, (size_t)dim * sizeof *sum);
    for (int b = 0; b < c->ys->dim[0]; b++)
        for (int t = 0; t < tokens; t++)
            if (position_of(c, b, t) == p)
                j->e->k->rows->axpy(dim, 1, row_of(c->dy, F32, dim, b * tokens + t), sum);
    mim__op_store(j->e, F32, dim, sum, at_row(c->dx[POSITIONS], F32, dim, p), c->add >> POSITIONS & 1);
}

static void backward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    split(e, c->ys->dim[1], backward_task, &j);
    if (c->xs[WHICH] && c->dx[POSITIONS])
        split(e, rows(c->xs[POSITIONS]), position_task, &j);
}

static const struct op embed_op = { .name = "embed", .infer = infer, .forward = forward, .backward = backward,
                                    .reads = READ_X(WHICH), .stops = READ_X(WHICH) };

struct tensor *mim__op_embed(struct graph *g, struct tensor *x, struct tensor *cls, struct tensor *positions)
{
    struct attr a = { 0 };
    struct tensor *in[INPUTS] = { x, cls, positions, NULL };
    return x ? mim__graph_op(g, &embed_op, &a, sizeof a, INPUTS, in) : NULL;
}

struct tensor *mim__op_embed_some(struct graph *g, struct tensor *x, struct tensor *cls, struct tensor *positions,
                                  struct tensor *which, int prefix)
{
    struct attr a = { prefix };
    struct tensor *in[INPUTS] = { x, cls, positions, which };
    return x && which ? mim__graph_op(g, &embed_op, &a, sizeof a, INPUTS, in) : NULL;
}
