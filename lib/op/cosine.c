/* SPDX-License-Identifier: MIT */
/* cosine.c -- queries and keys of length one, the queries times a learned scale, so that the products of attention are
 * scaled cosines (Liu et al. 2022, Swin V2, sec. 3.3).
 *
 *   x, y [batch, tokens, 3 width] = [q | k | v], each heads x dim      scale [heads, 1, 1] f32
 *   y = [s q / |q| | k / |k| | v]      s = exp(min(scale, log 100)) of each head, lengths at least 1e-12
 *
 * With u = q / |q| and g the gradient of s u: dq = s (g - u (u . g)) / |q|, and dscale = sum of s u . g, or 0 where scale
 * is above its bound. A task is ROWS tokens, whose sums of dscale are added in their order. */
#include "op/op.h"
#include "op/support.h"

#include <math.h>

enum { X, SCALE, INPUTS };
static const float least = 1e-12f, log_most = 4.605170186f;

struct job { const struct call *c; const struct env *e; float *partial; };

static int heads_of(const struct call *c) { return (int)elements(c->xs[SCALE]); }

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct shape *x = c->xs[X];
    int width = cols(x) / 3;
    (void)k;
    if (x->rank != 3 || c->xt[X] == I32 || c->xt[SCALE] != F32 || cols(x) % 3 || heads_of(c) < 1 || width % heads_of(c))
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = *x, .yt = c->xt[X],
                           .work = (size_t)tasks(rows(x), ROWS) * (size_t)heads_of(c) * sizeof(float),
                           .scratch = 3 * (size_t)cols(x) * sizeof(float) };
    return MIM_OK;
}

/* One that is no number stays one, so that the loss tells of it. */
static bool is_bound(const struct call *c, int head) { return ((const float *)c->x[SCALE])[head] > log_most; }
static float scale_of(const struct call *c, int head)
{
    return expf(is_bound(c, head) ? log_most : ((const float *)c->x[SCALE])[head]);
}

/* Of a row of f32, all heads of queries and keys. */
static void normalise(const struct job *j, const float *x, float *y)
{
    const struct call *c = j->c;
    int heads = heads_of(c), dim = cols(c->xs[X]) / 3 / heads;
    for (int h = 0; h < 2 * heads; h++, x += dim, y += dim) {
        float length = sqrtf(j->e->k->rows->dot(dim, x, x));
        length = isinf(length) ? NAN : fmaxf(length, least);        /* zeros would hide that it is too long */
        j->e->k->rows->scale(dim, (h < heads ? scale_of(c, h) : 1) / length, x, y);
    }
    memmove(y, x, (size_t)(heads * dim) * sizeof *y);
}

static void forward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int n = cols(c->xs[X]), end = imin(rows(c->xs[X]), (task + 1) * ROWS);
    float *x = scratch, *y = x + n;
    for (int r = task * ROWS; r < end; r++) {
        normalise(j, read_row(j->e, c->xt[X], row_of(c->x[X], c->xt[X], n, r), n, x), y);
        mim__op_store(j->e, c->yt, n, y, at_row(c->y, c->yt, n, r), false);
    }
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e, NULL };
    split(e, tasks(rows(c->xs[X]), ROWS), forward_task, &j);
}

/* One head's query or key: dx from the gradient g; returns s u . g. */
static float denormalise(const struct row_kernels *k, int dim, float scale, const float *x, const float *g, float *dx)
{
    float length = sqrtf(k->dot(dim, x, x)), divisor = fmaxf(length, least), along = k->dot(dim, x, g) / divisor;
    k->scale(dim, scale / divisor, g, dx);
    if (length >= least)
        k->axpy(dim, -scale * along / divisor / divisor, x, dx);
    return scale * along;
}

static void backward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int n = cols(c->xs[X]), heads = heads_of(c), dim = n / 3 / heads, end = imin(rows(c->xs[X]), (task + 1) * ROWS);
    float *partial = j->partial + (size_t)task * (size_t)heads, *buffer = scratch, *dx = buffer + 2 * n;
    memset(partial, 0, (size_t)heads * sizeof *partial);
    for (int r = task * ROWS; r < end; r++) {
        const float *x = read_row(j->e, c->xt[X], row_of(c->x[X], c->xt[X], n, r), n, buffer);
        const float *g = read_row(j->e, c->yt, row_of(c->dy, c->yt, n, r), n, buffer + n);
        for (int h = 0, at = 0; h < 2 * heads; h++, at += dim) {
            float scale = h < heads ? scale_of(c, h) : 1;
            float slope = denormalise(j->e->k->rows, dim, scale, x + at, g + at, dx + at);
            if (h < heads)
                partial[h] += slope;
        }
        memcpy(dx + 2 * heads * dim, g + 2 * heads * dim, (size_t)(heads * dim) * sizeof *dx);
        if (c->dx[X])
            mim__op_store(j->e, c->xt[X], n, dx, at_row(c->dx[X], c->xt[X], n, r), c->add >> X & 1);
    }
}

static void backward(const struct call *c, const struct env *e)
{
    struct job j = { c, e, e->work };
    int heads = heads_of(c), count = tasks(rows(c->xs[X]), ROWS);
    float *dscale = c->dx[SCALE];
    if (c->dx[X] || dscale)
        split(e, count, backward_task, &j);
    for (int h = 0; dscale && h < heads; h++) {
        float sum = 0;
        for (int task = 0; task < count; task++)
            sum += j.partial[(size_t)task * (size_t)heads + (size_t)h];
        sum = is_bound(c, h) ? 0 : sum;
        dscale[h] = sum + (c->add >> SCALE & 1 ? dscale[h] : 0);
    }
}

static const struct op cosine_op = { .name = "cosine", .infer = infer, .forward = forward, .backward = backward,
                                     .reads = READ_X(X) | READ_X(SCALE) };

struct tensor *mim__op_cosine(struct graph *g, struct tensor *qkv, struct tensor *scale)
{
    struct tensor *in[INPUTS] = { qkv, scale };
    return qkv && scale ? mim__graph_op(g, &cosine_op, NULL, 0, INPUTS, in) : NULL;
}
