/* SPDX-License-Identifier: MIT */
/* block.c -- block-wise masking (BEiT, Bao et al. 2022, alg. 1, as its published code does it): rectangles of random
 * area and aspect are added until the target is met or no rectangle fits any more, ten attempts each.
 *
 * Each attempt takes four words of the stream, used or not: area, aspect, top, left. Where no further rectangle fits, the
 * mask stays below the target; with masker.exact, and where no rectangle fitted at all, single units fill it up. */
#include "masker/strategy.h"

#include <math.h>

enum { ATTEMPTS = 10 };
static const double LOG_ASPECT = 1.2039728043259361;      /* ln(1 / 0.3): aspects lie in 0.3 .. 1 / 0.3 */

struct block { int top, left, rows, cols; };

/* e^x for |x| < 2 by its series, as good as exact: libm's may differ between machines, and a mask must not. */
static double exponential(double x)
{
    double sum = 1;
    for (int i = 28; i > 0; i--)
        sum = 1 + x / i * sum;
    return sum;
}

/* False if the rectangle of this attempt is empty, or as high or as wide as the grid. */
static bool try_block(const struct field *f, const struct mim__stream *s, uint32_t word, int room, struct block *b)
{
    double least = (double)f->options->least;
    double area = least + (double)mim__unit(mim__word(s, word)) * (room - least);
    double aspect = exponential((2 * (double)mim__unit(mim__word(s, word + 1)) - 1) * LOG_ASPECT);
    double rows = rint(sqrt(area * aspect)), cols = rint(sqrt(area / aspect));
    if (!(rows >= 1 && cols >= 1 && rows < f->rows && cols < f->cols))
        return false;
    b->rows = (int)rows;
    b->cols = (int)cols;
    b->top = (int)mim__below(mim__word(s, word + 2), (uint32_t)(f->rows - b->rows + 1));
    b->left = (int)mim__below(mim__word(s, word + 3), (uint32_t)(f->cols - b->cols + 1));
    return true;
}

static int count_visible(const struct field *f, const struct block *b, const uint8_t *units)
{
    int visible = 0;
    for (int y = b->top; y < b->top + b->rows; y++)
        for (int x = b->left; x < b->left + b->cols; x++)
            visible += !units[y * f->cols + x];
    return visible;
}

static void hide(const struct field *f, const struct block *b, uint8_t *units)
{
    for (int y = b->top; y < b->top + b->rows; y++)
        memset(units + y * f->cols + b->left, 1, (size_t)b->cols);
}

/* One more rectangle, hiding at most `room` new units; gives how many it hid, 0 if no attempt did. */
static int add_block(const struct field *f, const struct mim__stream *s, uint32_t *word, int room, uint8_t *units)
{
    struct block b;
    for (int i = 0; i < ATTEMPTS; i++, *word += 4) {
        if (!try_block(f, s, *word, room, &b))
            continue;
        int fresh = count_visible(f, &b, units);
        if (fresh > 0 && fresh <= room) {
            hide(f, &b, units);
            *word += 4;
            return fresh;
        }
    }
    return 0;
}

/* Hide `need` of the visible units, each choice equally likely, in one pass (selection sampling: Knuth, TAOCP vol. 2,
 * alg. 3.4.2 S). */
static void fill_up(const struct mim__stream *s, uint32_t word, int visible, int need, uint8_t *units)
{
    for (int i = 0; need > 0; i++) {
        if (units[i])
            continue;
        if ((int)mim__below(mim__word(s, word++), (uint32_t)visible--) < need) {
            units[i] = 1;
            need--;
        }
    }
}

static void draw(const struct field *f, const struct mim__stream *s, uint8_t *units)
{
    const struct masker_options *o = f->options;
    int hidden = 0;
    uint32_t word = 0;
    while (hidden < f->target) {
        int room = f->target - hidden;
        if (o->most)
            room = (int)lmin(room, o->most);
        int fresh = add_block(f, s, &word, room, units);
        if (!fresh)
            break;
        hidden += fresh;
    }
    if (o->exact || !hidden)
        fill_up(s, word, f->rows * f->cols - hidden, f->target - hidden, units);
}

static mim_status check(mim_context *ctx, const struct field *f, int *hidden)
{
    const struct masker_options *o = f->options;
    *hidden = o->exact ? f->target : -1;
    if (o->most && o->most < o->least)
        return mim__fail(ctx, MIM_ERR_VALUE, "masker.most %lld is below masker.least %lld",
                         (long long)o->most, (long long)o->least);
    if (f->rows < 2 || f->cols < 2)
        return mim__fail(ctx, MIM_ERR_SHAPE, "a block is smaller than the grid both ways; a grid of %d x %d has none",
                         f->rows, f->cols);
    return mim__masker_check_target(ctx, f);
}

const struct strategy mim__masker_by_block = { STREAM_MASK_BLOCK, check, draw };
