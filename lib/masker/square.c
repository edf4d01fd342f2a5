/* SPDX-License-Identifier: MIT */
/* square.c -- one rectangle of the grid's own proportions, hidden or (masker.outside) the only part left visible: at a
 * place drawn for each picture (SimMIM, Xie et al. 2022, sec. 3.2 "square"), or in the middle. Its sides are rounded, so
 * the ratio is met only nearly; masker.side_rows and masker.side_cols give them outright. */
#include "masker/strategy.h"

#include <math.h>

/* Side along `length` units of a rectangle that covers `share` of the grid. */
static int side(int64_t given, double share, int length)
{
    return given ? (int)given : (int)rint(sqrt(share) * length);
}

static void sides(const struct field *f, int *rows, int *cols)
{
    const struct masker_options *o = f->options;
    double share = o->count ? (double)o->count / ((double)f->rows * f->cols) : o->ratio;
    if (o->outside)
        share = 1 - share;
    *rows = side(o->side_rows, share, f->rows);
    *cols = side(o->side_cols, share, f->cols);
}

static void draw(const struct field *f, const struct mim__stream *s, uint8_t *units)
{
    int rows, cols;
    sides(f, &rows, &cols);
    int top = (f->rows - rows) / 2, left = (f->cols - cols) / 2;
    if (f->options->movable) {
        top = (int)mim__below(mim__word(s, 0), (uint32_t)(f->rows - rows + 1));
        left = (int)mim__below(mim__word(s, 1), (uint32_t)(f->cols - cols + 1));
    }
    memset(units, f->options->outside, (size_t)(f->rows * f->cols));
    for (int y = top; y < top + rows; y++)
        memset(units + y * f->cols + left, !f->options->outside, (size_t)cols);
}

static mim_status check(mim_context *ctx, const struct field *f, int *hidden)
{
    const struct masker_options *o = f->options;
    if (o->side_rows > f->rows || o->side_cols > f->cols)
        return mim__fail(ctx, MIM_ERR_VALUE, "masker.side_rows %lld, side_cols %lld exceed a grid of %d x %d units",
                         (long long)o->side_rows, (long long)o->side_cols, f->rows, f->cols);
    if (o->count > (int64_t)f->rows * f->cols)
        return mim__masker_check_target(ctx, f);
    int rows, cols, all = f->rows * f->cols;
    sides(f, &rows, &cols);
    *hidden = o->outside ? all - rows * cols : rows * cols;
    if (*hidden < 1 || *hidden >= all)
        return mim__fail(ctx, MIM_ERR_VALUE, "a square of %d x %d on a grid of %d x %d units hides %d of %d",
                         rows, cols, f->rows, f->cols, *hidden, all);
    return MIM_OK;
}

const struct strategy mim__masker_by_square = { STREAM_MASK_SQUARE, check, draw };
