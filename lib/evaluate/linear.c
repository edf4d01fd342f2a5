/* SPDX-License-Identifier: MIT */
/* linear.c -- linear probe: features standardised by the training set, then multinomial logistic regression,
 *
 *   minimise  mean over rows of -log softmax(W x + b)[label]  +  penalty / 2 |W|^2       (b goes free)
 *
 * in double. Rows are taken a block at a time, transposed, so that the innermost loops run over the rows of a block. Blocks
 * make up chunks, one a task; sums over chunks are added in their order. */
#include "evaluate/evaluate.h"

#include "base/executor.h"

#include <math.h>

enum { BLOCK = 16, LANES = 4, CHUNK_ROWS = 256, CHUNKS_MOST = 16 };

struct linear {
    const struct probe *p;
    double *mean, *scale;                    /* [width]; scale 0 where a feature never changes */
    double *x;                               /* W [classes, width], then b [classes] */
    int chunks;
    double *gradients, *losses;              /* [chunks, size of x], [chunks] */
    const double *at;                        /* x of this evaluation */
    void *scratch;
};

static size_t unknowns(const struct probe *p)
{
    return (size_t)p->classes * ((size_t)p->width + 1);
}

static size_t block_doubles(const struct probe *p)
{
    return BLOCK * ((size_t)p->width + (size_t)p->classes);
}

/* Mean and deviation of each feature; one that differs by no more than rounding counts as constant. */
static void standardise(const struct linear *j)
{
    const struct features *f = &j->p->train;
    int width = j->p->width;
    double n = (double)f->count;
    for (int64_t r = 0; r < f->count; r++)
        for (int i = 0; i < width; i++)
            j->mean[i] += (double)f->rows[r * width + i];
    for (int i = 0; i < width; i++)
        j->mean[i] /= n;
    for (int64_t r = 0; r < f->count; r++)
        for (int i = 0; i < width; i++) {
            double d = (double)f->rows[r * width + i] - j->mean[i];
            j->scale[i] += d * d;
        }
    for (int i = 0; i < width; i++) {
        double deviation = sqrt(j->scale[i] / n);
        j->scale[i] = deviation > 1e-7 * fabs(j->mean[i]) ? 1 / deviation : 0;
    }
}

/* Rows [from, from + n) standardised and transposed: panel [width, BLOCK], missing rows zero. */
static void load_block(const struct linear *j, const float *rows, int n, double *panel)
{
    int width = j->p->width;
    memset(panel, 0, (size_t)width * BLOCK * sizeof *panel);
    for (int r = 0; r < n; r++)
        for (int i = 0; i < width; i++)
            panel[i * BLOCK + r] = ((double)rows[(int64_t)r * width + i] - j->mean[i]) * j->scale[i];
}

/* logits [classes, BLOCK] of a block. */
static void block_logits(const struct linear *j, const double *x, const double *panel, double *logits)
{
    int width = j->p->width;
    const double *bias = x + (size_t)j->p->classes * (size_t)width;
    for (int c = 0; c < j->p->classes; c++, x += width, logits += BLOCK) {
        double sum[BLOCK];
        for (int r = 0; r < BLOCK; r++)
            sum[r] = bias[c];
        for (int i = 0; i < width; i++)
            for (int r = 0; r < BLOCK; r++)
                sum[r] += x[i] * panel[i * BLOCK + r];
        memcpy(logits, sum, sizeof sum);
    }
}

/* Logits of row r become probabilities less 1 at the label; gives the row's loss. */
static double row_loss(const struct linear *j, double *logits, int r, int64_t label)
{
    int classes = j->p->classes;
    double top = logits[r], sum = 0, wanted = logits[label * BLOCK + r];
    for (int c = 1; c < classes; c++)
        top = fmax(top, logits[c * BLOCK + r]);
    for (int c = 0; c < classes; c++)
        sum += logits[c * BLOCK + r] = exp(logits[c * BLOCK + r] - top);
    for (int c = 0; c < classes; c++)
        logits[c * BLOCK + r] /= sum;
    logits[label * BLOCK + r] -= 1;
    return log(sum) + top - wanted;
}

/* gradient += deltas [classes, BLOCK] panel^T, and the same for the biases. */
static void add_gradient(const struct linear *j, const double *deltas, const double *panel, double *gradient)
{
    int width = j->p->width;
    double *bias = gradient + (size_t)j->p->classes * (size_t)width;
    for (int c = 0; c < j->p->classes; c++, deltas += BLOCK, gradient += width) {
        for (int r = 0; r < BLOCK; r++)
            bias[c] += deltas[r];
        for (int i = 0; i < width; i++) {
            double sum[LANES] = { 0 };
            for (int r = 0; r < BLOCK; r += LANES)
                for (int l = 0; l < LANES; l++)
                    sum[l] += deltas[r + l] * panel[i * BLOCK + r + l];
            gradient[i] += (sum[0] + sum[1]) + (sum[2] + sum[3]);
        }
    }
}

static void run_chunk(void *arg, int task, void *scratch)
{
    const struct linear *j = arg;
    const struct features *f = &j->p->train;
    int64_t blocks = (f->count + BLOCK - 1) / BLOCK, end = blocks * (task + 1) / j->chunks;
    double *panel = scratch, *logits = panel + (size_t)j->p->width * BLOCK, loss = 0;
    double *gradient = j->gradients + (size_t)task * unknowns(j->p);
    memset(gradient, 0, unknowns(j->p) * sizeof *gradient);
    for (int64_t b = blocks * task / j->chunks; b < end; b++) {
        int n = (int)lmin(BLOCK, f->count - b * BLOCK);
        load_block(j, f->rows + b * BLOCK * j->p->width, n, panel);
        block_logits(j, j->at, panel, logits);
        for (int r = 0; r < n; r++)
            loss += row_loss(j, logits, r, f->labels[b * BLOCK + r]);
        for (int c = 0; c < j->p->classes; c++)
            for (int r = n; r < BLOCK; r++)
                logits[c * BLOCK + r] = 0;
        add_gradient(j, logits, panel, gradient);
    }
    j->losses[task] = loss;
}

static mim_status objective(void *arg, const double *x, double *f, double *g)
{
    struct linear *j = arg;
    mim_context *ctx = j->p->ctx;
    size_t n = unknowns(j->p), weights = (size_t)j->p->classes * (size_t)j->p->width;
    double rows = (double)j->p->train.count, squares = 0, loss = 0;
    j->at = x;
    bool whole = mim__run(mim__context_executor(ctx), j->chunks, run_chunk, j, j->scratch, mim__context_cancel_flag(ctx));
    if (mim__cancelled(ctx))
        return MIM_ERR_CANCELLED;
    if (!whole)                              /* another call of the context consumed the request */
        return mim__fail(ctx, MIM_ERR_CANCELLED, "cancelled");
    memset(g, 0, n * sizeof *g);
    for (int c = 0; c < j->chunks; c++) {
        loss += j->losses[c];
        for (size_t i = 0; i < n; i++)
            g[i] += j->gradients[(size_t)c * n + i];
    }
    for (size_t i = 0; i < n; i++) {
        g[i] = g[i] / rows + (i < weights ? j->p->o->penalty * x[i] : 0);
        squares += i < weights ? x[i] * x[i] : 0;
    }
    *f = loss / rows + j->p->o->penalty / 2 * squares;
    return MIM_OK;
}

static void score_block(void *arg, int task, void *scratch)
{
    const struct linear *j = arg;
    const struct features *f = &j->p->test;
    int64_t from = (int64_t)task * BLOCK;
    int n = (int)lmin(BLOCK, f->count - from), classes = j->p->classes;
    double *panel = scratch, *logits = panel + (size_t)j->p->width * BLOCK;
    load_block(j, f->rows + from * j->p->width, n, panel);
    block_logits(j, j->x, panel, logits);
    for (int r = 0; r < n; r++)
        for (int c = 0; c < classes; c++)
            j->p->scores[(from + r) * classes + c] = (float)logits[c * BLOCK + r];
}

static mim_status run(struct linear *j)
{
    const struct probe *p = j->p;
    struct mim__executor *pool = mim__context_executor(p->ctx);
    mim_status status = mim__executor_reserve(pool, block_doubles(p) * sizeof(double));
    if (status)
        return status;
    standardise(j);
    status = mim__evaluate_minimise(p->ctx, unknowns(p), j->x, p->o->iterations, p->o->tolerance, objective, j);
    if (!status)
        mim__run(pool, (int)((p->test.count + BLOCK - 1) / BLOCK), score_block, j, j->scratch, NULL);
    return status;
}

mim_status mim__evaluate_linear(const struct probe *p)
{
    struct linear j = { .p = p, .chunks = (int)lmin(CHUNKS_MOST, (p->train.count + CHUNK_ROWS - 1) / CHUNK_ROWS) };
    size_t n = unknowns(p), chunks = (size_t)j.chunks;
    double *memory = mim__calloc(p->ctx, n * (1 + chunks) + 2 * (size_t)p->width + chunks, sizeof *memory);
    j.scratch = mim__alloc(p->ctx, block_doubles(p) * sizeof(double));
    mim_status status = MIM_OK;
    if (memory && j.scratch) {
        j.x = memory;
        j.gradients = j.x + n;
        j.mean = j.gradients + n * chunks;
        j.scale = j.mean + p->width;
        j.losses = j.scale + p->width;
        status = run(&j);
    } else {
        status = mim__no_memory(p->ctx, n * (1 + chunks) * sizeof *memory);
    }
    mim__free(p->ctx, memory);
    mim__free(p->ctx, j.scratch);
    return status;
}
