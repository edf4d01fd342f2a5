/* SPDX-License-Identifier: MIT */
/* masks.c -- AvgDist of SimMIM (Xie et al. 2022, sec. 4.1.2): how far hidden patches are from what is seen, by the exact
 * Euclidean distance transform of Meijster, Roerdink and Hesselink (2000), all in integers. */
#include "evaluate/evaluate.h"

#include "base/executor.h"

#include <math.h>

struct distances {
    const uint8_t *masks;
    int rows, cols;
    double *sums;                            /* one a mask */
};

/* Squared distance from column x to the seen patch nearest in column i. */
static int64_t squared(int64_t x, int64_t i, const int32_t *up)
{
    return (x - i) * (x - i) + (int64_t)up[i] * up[i];
}

/* up [rows, cols]: distance to the nearest seen patch of the same column, rows + cols if there is none. */
static void along_columns(const struct distances *d, const uint8_t *mask, int32_t *up)
{
    int rows = d->rows, cols = d->cols;
    for (int x = 0; x < cols; x++) {
        int32_t far = rows + cols, last = far;
        for (int y = 0; y < rows; y++)
            up[(int64_t)y * cols + x] = last = mask[(int64_t)y * cols + x] ? imin(far, last + 1) : 0;
        last = far;
        for (int y = rows - 1; y >= 0; y--) {
            last = imin(last + 1, up[(int64_t)y * cols + x]);
            up[(int64_t)y * cols + x] = last;
        }
    }
}

/* The lower envelope of the parabolas of one row: column s[q] is nearest from column t[q] on. Gives the sum of the
 * distances, those of seen patches being 0. */
static double along_row(int cols, const int32_t *up, int32_t *s, int32_t *t)
{
    int q = 0;
    double sum = 0;
    s[0] = t[0] = 0;
    for (int u = 1; u < cols; u++) {
        while (q >= 0 && squared(t[q], s[q], up) > squared(t[q], u, up))
            q--;
        int64_t from = 0;
        if (q >= 0)
            from = 1 + (squared(0, u, up) - squared(0, s[q], up)) / (2 * ((int64_t)u - s[q]));
        if (from < cols) {
            q++;
            s[q] = u;
            t[q] = (int32_t)from;
        }
    }
    for (int u = cols - 1; u >= 0; u--) {
        sum += sqrt((double)squared(u, s[q], up));
        if (u == t[q])
            q--;
    }
    return sum;
}

static void measure(void *arg, int task, void *scratch)
{
    const struct distances *d = arg;
    size_t size = (size_t)d->rows * (size_t)d->cols;
    int32_t *up = scratch, *s = up + size, *t = s + d->cols;
    double sum = 0;
    along_columns(d, d->masks + (size_t)task * size, up);
    for (int y = 0; y < d->rows; y++)
        sum += along_row(d->cols, up + (int64_t)y * d->cols, s, t);
    d->sums[task] = sum;
}

/* *hidden: patches hidden in all masks together. */
static mim_status check(mim_context *ctx, const struct distances *d, int64_t count, int64_t *hidden)
{
    int64_t size = (int64_t)d->rows * d->cols;
    for (int64_t m = 0; m < count; m++) {
        int64_t here = 0;
        for (int64_t i = 0; i < size; i++) {
            if (d->masks[m * size + i] > 1)
                return mim__fail(ctx, MIM_ERR_VALUE, "mask %lld holds %d, not 0 or 1", (long long)m, d->masks[m * size + i]);
            here += d->masks[m * size + i];
        }
        if (!here || here == size)
            return mim__fail(ctx, MIM_ERR_VALUE, "mask %lld hides %s", (long long)m, here ? "all" : "nothing");
        *hidden += here;
    }
    return MIM_OK;
}

static mim_status run(mim_context *ctx, struct distances *d, int64_t count, double *total)
{
    size_t bytes = ((size_t)d->rows + 2) * (size_t)d->cols * sizeof(int32_t);
    void *scratch = mim__alloc(ctx, bytes);
    d->sums = mim__calloc(ctx, (size_t)count, sizeof *d->sums);
    mim_status status = scratch && d->sums ? mim__executor_reserve(mim__context_executor(ctx), bytes)
                                           : mim__no_memory(ctx, bytes);
    if (!status)
        mim__run(mim__context_executor(ctx), (int)count, measure, d, scratch, NULL);
    for (int64_t i = 0; !status && i < count; i++)
        *total += d->sums[i];
    mim__free(ctx, scratch);
    mim__free(ctx, d->sums);
    return status;
}

mim_status mim_evaluate_masks(mim_context *context, int64_t count, int32_t rows, int32_t cols, const uint8_t *masks,
                              double *distance)
{
    struct distances d = { masks, rows, cols, NULL };
    int64_t hidden = 0;
    double total = 0;
    if (!context || !masks || !distance)
        return mim__null_argument(context, __func__);
    if (count < 1 || rows < 1 || cols < 1)
        return mim__fail(context, MIM_ERR_ARGUMENT, "%s: %lld masks of %d x %d", __func__, (long long)count, rows, cols);
    if (count > INT32_MAX || rows > INT32_MAX / 2 / cols)
        return mim__fail(context, MIM_ERR_SHAPE, "%s: %lld masks of %d x %d are too large", __func__, (long long)count, rows,
                         cols);
    mim_status status = check(context, &d, count, &hidden);
    if (!status)
        status = run(context, &d, count, &total);
    if (!status)
        *distance = total / (double)hidden;
    return status;
}
