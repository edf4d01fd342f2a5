/* SPDX-License-Identifier: MIT */
/* grid.c -- a regular lattice stays visible, one unit in stride x stride (MAE, He et al. 2022, sec. 4.1 "grid-wise": stride
 * 2 keeps one of every four). The lattice is shifted by masker.phase, or by a draw for each picture. */
#include "masker/strategy.h"

static void draw(const struct field *f, const struct mim__stream *s, uint8_t *units)
{
    const struct masker_options *o = f->options;
    int stride = (int)o->stride, down = (int)o->phase, right = (int)o->phase;
    if (o->phase < 0) {
        down = (int)mim__below(mim__word(s, 0), (uint32_t)stride);
        right = (int)mim__below(mim__word(s, 1), (uint32_t)stride);
    }
    for (int y = 0; y < f->rows; y++)
        for (int x = 0; x < f->cols; x++)
            *units++ = (y + down) % stride || (x + right) % stride;
}

/* Units of `length` whose place plus `phase` divides by stride. */
static int visible_along(int length, int stride, int phase) { return (length - 1 + phase) / stride + (phase == 0); }

static mim_status check(mim_context *ctx, const struct field *f, int *hidden)
{
    const struct masker_options *o = f->options;
    if (o->phase < 0 && o->stride > imin(f->rows, f->cols))
        return mim__fail(ctx, MIM_ERR_VALUE, "masker.stride %lld can hide all %d x %d units",
                         (long long)o->stride, f->rows, f->cols);
    if (o->phase >= o->stride)
        return mim__fail(ctx, MIM_ERR_VALUE, "masker.phase %lld is not below masker.stride %lld",
                         (long long)o->phase, (long long)o->stride);
    int stride = (int)o->stride, phase = (int)lmax(o->phase, 0);
    bool even = f->rows % stride == 0 && f->cols % stride == 0;
    *hidden = f->rows * f->cols - visible_along(f->rows, stride, phase) * visible_along(f->cols, stride, phase);
    if (*hidden == f->rows * f->cols)
        return mim__fail(ctx, MIM_ERR_VALUE, "masker.stride %lld and masker.phase %lld hide all %d x %d units",
                         (long long)o->stride, (long long)o->phase, f->rows, f->cols);
    if (o->phase < 0 && !even)
        *hidden = -1;
    return MIM_OK;
}

const struct strategy mim__masker_by_grid = { STREAM_MASK_GRID, check, draw };
