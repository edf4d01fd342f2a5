/* SPDX-License-Identifier: MIT */
/* batch_norm.c -- batch norm without gain and bias (Ioffe and Szegedy 2015), before the linear probe of MAE.
 *
 *   statistics   x [rows, dim] f32, running mean and variance [dim] f32      y [2, dim]: the mean and biased variance of
 *                each column; where nothing is trained, the running ones. No gradient: batch_norm's has their part.
 *   batch_norm   y = (x - mean) rstd, rstd = 1 / sqrt(variance + eps)
 *                dx = rstd (dy - mean(dy) - y mean(dy y)), means over the rows
 *
 * Who trains brings the running statistics on. Sums are double; a task has columns of its own. */
#include "op/op.h"
#include "op/support.h"

#include <math.h>

enum { X, MEAN, VARIANCE, STATISTICS = 1, COLUMNS = 32 };

struct job { const struct call *c; const struct env *e; };

/* ---- statistics ---- */

static mim_status infer_statistics(const struct call *c, const struct kernels *k, struct sizes *out)
{
    size_t dim = (size_t)cols(c->xs[X]);
    (void)k;
    if (c->xt[X] != F32 || c->xs[X]->rank != 2 || elements(c->xs[MEAN]) != dim || elements(c->xs[VARIANCE]) != dim)
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = SHAPE(2, (int)dim), .yt = F32 };
    return MIM_OK;
}

static void statistics_task(void *arg, int task, void *scratch)
{
    const struct call *c = ((const struct job *)arg)->c;
    int n = rows(c->xs[X]), dim = cols(c->xs[X]), first = task * COLUMNS, count = imin(dim - first, COLUMNS);
    float *mean = (float *)c->y + first, *variance = mean + dim;
    double sum[COLUMNS] = { 0 }, square[COLUMNS] = { 0 };
    (void)scratch;
    for (int r = 0; r < n; r++)
        for (int i = 0; i < count; i++)
            sum[i] += ((const float *)row_of(c->x[X], F32, dim, r))[first + i];
    for (int r = 0; r < n; r++)
        for (int i = 0; i < count; i++) {
            double d = ((const float *)row_of(c->x[X], F32, dim, r))[first + i] - sum[i] / n;
            square[i] += d * d;
        }
    for (int i = 0; i < count; i++) {
        mean[i] = (float)(sum[i] / n);
        variance[i] = (float)(square[i] / n);
    }
}

static void forward_statistics(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    int dim = cols(c->xs[X]);
    if (e->training)
        split(e, tasks(dim, COLUMNS), statistics_task, &j);
    else
        for (int k = 0; k < 2; k++)
            memcpy(at_row(c->y, F32, dim, k), c->x[MEAN + k], (size_t)dim * sizeof(float));
}

static const struct op statistics_op = { .name = "batch_statistics", .infer = infer_statistics,
                                         .forward = forward_statistics };

struct tensor *mim__op_batch_statistics(struct graph *g, struct tensor *x, struct tensor *mean, struct tensor *variance)
{
    struct tensor *in[] = { x, mean, variance };
    return x && mean && variance ? mim__graph_op(g, &statistics_op, NULL, 0, 3, in) : NULL;
}

/* ---- the norm ---- */

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    size_t dim = (size_t)cols(c->xs[X]);
    (void)k;
    if (c->xt[X] != F32 || c->xs[X]->rank != 2 || c->xt[STATISTICS] != F32 || elements(c->xs[STATISTICS]) != 2 * dim)
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = *c->xs[X], .yt = F32, .saved = dim * sizeof(float) };
    return MIM_OK;
}

static void forward_task(void *arg, int task, void *scratch)
{
    const struct call *c = ((const struct job *)arg)->c;
    int dim = cols(c->xs[X]), end = imin(rows(c->xs[X]), (task + 1) * ROWS);
    const float *mean = c->x[STATISTICS], *rstd = c->saved;
    (void)scratch;
    for (int r = task * ROWS; r < end; r++) {
        const float *x = row_of(c->x[X], F32, dim, r);
        float *y = at_row(c->y, F32, dim, r);
        for (int i = 0; i < dim; i++)
            y[i] = (x[i] - mean[i]) * rstd[i];
    }
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    int dim = cols(c->xs[X]);
    const float *variance = (const float *)c->x[STATISTICS] + dim, eps = *(const float *)c->attr;
    float *rstd = c->saved;
    for (int i = 0; i < dim; i++)
        rstd[i] = 1 / sqrtf(variance[i] + eps);
    split(e, tasks(rows(c->xs[X]), ROWS), forward_task, &j);
}

static void backward_task(void *arg, int task, void *scratch)
{
    const struct call *c = ((const struct job *)arg)->c;
    int n = rows(c->xs[X]), dim = cols(c->xs[X]), first = task * COLUMNS, count = imin(dim - first, COLUMNS);
    const float *mean = (const float *)c->x[STATISTICS] + first, *rstd = (const float *)c->saved + first;
    double sum[COLUMNS] = { 0 }, product[COLUMNS] = { 0 };
    (void)scratch;
    for (int r = 0; r < n; r++) {
        const float *x = (const float *)row_of(c->x[X], F32, dim, r) + first;
        const float *dy = (const float *)row_of(c->dy, F32, dim, r) + first;
        for (int i = 0; i < count; i++) {
            sum[i] += dy[i];
            product[i] += dy[i] * ((double)x[i] - mean[i]) * rstd[i];
        }
    }
    for (int r = 0; r < n; r++) {
        const float *x = (const float *)row_of(c->x[X], F32, dim, r) + first;
        const float *dy = (const float *)row_of(c->dy, F32, dim, r) + first;
        float *dx = (float *)at_row(c->dx[X], F32, dim, r) + first;
        for (int i = 0; i < count; i++) {
            double y = ((double)x[i] - mean[i]) * rstd[i];
            dx[i] = (float)(rstd[i] * (dy[i] - sum[i] / n - y * product[i] / n)) + (c->add & 1 ? dx[i] : 0);
        }
    }
}

static void backward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    if (c->dx[X])
        split(e, tasks(cols(c->xs[X]), COLUMNS), backward_task, &j);
}

static const struct op batch_norm_op = { .name = "batch_norm", .infer = infer, .forward = forward, .backward = backward,
                                         .reads = READ_X(X) | READ_X(STATISTICS), .stops = READ_X(STATISTICS) };

struct tensor *mim__op_batch_norm(struct graph *g, struct tensor *x, struct tensor *statistics, float eps)
{
    struct tensor *in[] = { x, statistics };
    return x && statistics ? mim__graph_op(g, &batch_norm_op, &eps, sizeof eps, 2, in) : NULL;
}
