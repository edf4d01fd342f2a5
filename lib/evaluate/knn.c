/* SPDX-License-Identifier: MIT */
/* knn.c -- k nearest neighbours by cosine, votes weighted by exp(cosine / temperature) (Wu et al. 2018; DINO, Caron et
 * al. 2021, eval_knn.py). Of neighbours equally near, those that come first in the training set are taken. */
#include "evaluate/evaluate.h"

#include "base/executor.h"
#include "kernel/kernel.h"

#include <math.h>

enum { ROWS = 16, TILE = 128 };              /* test rows of a task; training rows that stay in the cache meanwhile */

struct near { float cosine; int32_t label; };
struct knn {
    const struct probe *p;
    const struct row_kernels *rows;
    int k;
    float *train, *test;                     /* rows of length 1 */
    struct near *nearest;                    /* [test.count, k], nearest first */
};

/* Rows scaled to length 1; a row of zeros stays one. */
static void normalise(const struct knn *j, const struct features *f, int64_t from, int64_t end, float *to)
{
    int width = j->p->width;
    for (int64_t row = from; row < end; row++) {
        const float *x = f->rows + row * width;
        double length = 0;
        for (int i = 0; i < width; i++)
            length += (double)x[i] * (double)x[i];
        length = sqrt(length);
        for (int i = 0; i < width; i++)
            to[row * width + i] = length > 0 ? (float)((double)x[i] / length) : 0;
    }
}

static void normalise_train(void *arg, int task, void *scratch)
{
    const struct knn *j = arg;
    int64_t from = (int64_t)task * TILE;
    (void)scratch;
    normalise(j, &j->p->train, from, lmin(j->p->train.count, from + TILE), j->train);
}

/* Put a neighbour at its place among the k nearest so far; the farthest falls out. */
static void insert(struct near *list, int k, struct near x)
{
    int i = k - 1;
    for (; i > 0 && list[i - 1].cosine < x.cosine; i--)
        list[i] = list[i - 1];
    list[i] = x;
}

static void meet_tile(const struct knn *j, int64_t row, int64_t from, int64_t end)
{
    int width = j->p->width;
    const float *x = j->test + row * width;
    struct near *list = j->nearest + row * j->k;
    for (int64_t t = from; t < end; t++) {
        float cosine = j->rows->dot(width, x, j->train + t * width);
        if (cosine > list[j->k - 1].cosine)
            insert(list, j->k, (struct near){ cosine, (int32_t)j->p->train.labels[t] });
    }
}

static void find_nearest(void *arg, int task, void *scratch)
{
    const struct knn *j = arg;
    int64_t from = (int64_t)task * ROWS, end = lmin(j->p->test.count, from + ROWS), count = j->p->train.count;
    (void)scratch;
    normalise(j, &j->p->test, from, end, j->test);
    for (int64_t i = from * j->k; i < end * j->k; i++)
        j->nearest[i] = (struct near){ -2, 0 };
    for (int64_t tile = 0; tile < count; tile += TILE)
        for (int64_t row = from; row < end; row++)
            meet_tile(j, row, tile, lmin(count, tile + TILE));
}

/* Shares of the vote. The largest cosine is taken out, so that nothing overflows. */
static void vote(void *arg, int task, void *scratch)
{
    const struct knn *j = arg;
    int64_t from = (int64_t)task * ROWS, end = lmin(j->p->test.count, from + ROWS);
    (void)scratch;
    for (int64_t row = from; row < end; row++) {
        const struct near *list = j->nearest + row * j->k;
        float *scores = j->p->scores + row * j->p->classes;
        double total = 0;
        for (int i = 0; i < j->k; i++)
            total += exp(((double)list[i].cosine - (double)list[0].cosine) / j->p->o->temperature);
        memset(scores, 0, (size_t)j->p->classes * sizeof *scores);
        for (int i = 0; i < j->k; i++)
            scores[list[i].label] +=
                (float)(exp(((double)list[i].cosine - (double)list[0].cosine) / j->p->o->temperature) / total);
    }
}

static mim_status run(struct knn *j)
{
    mim_context *ctx = j->p->ctx;
    struct mim__executor *pool = mim__context_executor(ctx);
    const atomic_int *cancel = mim__context_cancel_flag(ctx);
    int tasks = (int)((j->p->test.count + ROWS - 1) / ROWS);
    bool whole = mim__run(pool, (int)((j->p->train.count + TILE - 1) / TILE), normalise_train, j, NULL, cancel)
              && mim__run(pool, tasks, find_nearest, j, NULL, cancel);
    if (mim__cancelled(ctx))
        return MIM_ERR_CANCELLED;
    if (!whole)                              /* another call of the context consumed the request */
        return mim__fail(ctx, MIM_ERR_CANCELLED, "cancelled");
    mim__run(pool, tasks, vote, j, NULL, NULL);
    return MIM_OK;
}

mim_status mim__evaluate_knn(const struct probe *p)
{
    struct knn j = { .p = p, .rows = mim__kernels(p->ctx)->rows, .k = (int)lmin(p->o->k, p->train.count) };
    size_t row = (size_t)p->width * sizeof(float);
    j.train = mim__calloc(p->ctx, (size_t)p->train.count, row);
    j.test = mim__calloc(p->ctx, (size_t)p->test.count, row);
    j.nearest = mim__calloc(p->ctx, (size_t)p->test.count, (size_t)j.k * sizeof *j.nearest);
    size_t missing = !j.train ? (size_t)p->train.count * row : !j.test ? (size_t)p->test.count * row
                   : zmin((size_t)p->test.count, SIZE_MAX / sizeof *j.nearest / (size_t)j.k) * (size_t)j.k * sizeof *j.nearest;
    mim_status status = j.train && j.test && j.nearest ? run(&j) : mim__no_memory(p->ctx, missing);
    mim__free(p->ctx, j.train);
    mim__free(p->ctx, j.test);
    mim__free(p->ctx, j.nearest);
    return status;
}
