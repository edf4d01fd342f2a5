/* SPDX-License-Identifier: MIT */
/* crop.c -- which part of a picture is seen, and at what size.
 *
 *   random_resized   a box of random area and aspect, brought to height x width (Szegedy et al. 2015)
 *   random           a window of height x width in place, after a black border of `pad`; a picture too small for one is
 *                    first enlarged until it covers height x width; with crop_from, the shorter side of each is brought
 *                    to that before
 *   none             the whole picture, brought to height x width; in evaluation as well
 *   center           as evaluation: the shorter side is brought to size / eval_crop, the centre kept
 *
 * Evaluation takes pictures that have the right size already as they are. With resize "none" nothing changes size. Draws:
 * stream 16, four words an attempt (area, aspect, top, left; a window takes the last two), and stream 17, one word. */
#include "image/view.h"

#include "base/philox.h"

#include <math.h>

enum { ATTEMPTS = 10 };

static bool same_size(const struct image_options *o, int64_t height, int64_t width)
{
    return height == o->height && width == o->width;
}

/* Is there room for a window in place, once padded? */
static bool window_fits(const struct image_options *o, int64_t height, int64_t width)
{
    int64_t pad = o->crop == CROP_RANDOM ? o->pad : 0;
    return height + 2 * pad >= o->height && width + 2 * pad >= o->width;
}

mim_status mim__image_fits(mim_context *ctx, const struct image_options *o, int64_t height, int64_t width)
{
    if (o->resize != RESIZE_NONE || same_size(o, height, width))
        return MIM_OK;
    if (o->crop == CROP_NONE)
        return mim__fail(ctx, MIM_ERR_SHAPE, "image of %lld x %lld where image.resize none wants %lld x %lld",
                         (long long)height, (long long)width, (long long)o->height, (long long)o->width);
    if (!window_fits(o, height, width))
        return mim__fail(ctx, MIM_ERR_SHAPE, "image of %lld x %lld is too small to cut out %lld x %lld",
                         (long long)height, (long long)width, (long long)o->height, (long long)o->width);
    return MIM_OK;
}

/* n / 2 to nearest, ties to even. */
static int64_t half(int64_t n)
{
    int64_t odd = n & 1, down = (n - odd) / 2;
    return down + (odd && (down & 1));
}

/* The whole picture, at the least size with its aspect that covers rows x cols. */
static struct view cover(int64_t height, int64_t width, int64_t rows, int64_t cols)
{
    struct view v = { .height = height, .width = width, .rows = rows, .cols = cols };
    if (height * cols <= width * rows)
        v.cols = rows * width / height;
    else
        v.rows = cols * height / width;
    return v;
}

struct view mim__image_view(const struct image_options *o, int64_t height, int64_t width)
{
    struct view v = { .height = height, .width = width, .rows = o->height, .cols = o->width };
    if (same_size(o, height, width) || (o->crop == CROP_NONE && o->resize != RESIZE_NONE))
        return v;
    if (o->resize == RESIZE_NONE)
        v.rows = height, v.cols = width;
    else
        v = cover(height, width, (int64_t)((double)o->height / o->eval_crop), (int64_t)((double)o->width / o->eval_crop));
    v.y = half(v.rows - o->height);
    v.x = half(v.cols - o->width);
    return v;
}

/* One of the places 0 .. last, by a draw in [0, 1). */
static int64_t place(double u, int64_t last)
{
    return lmin(last, (int64_t)(u * (double)(last + 1)));
}

bool mim__image_attempt(const struct image_options *o, int64_t height, int64_t width, const double u[4], struct view *v)
{
    double area = (double)height * (double)width * (o->crop_least + u[0] * (o->crop_most - o->crop_least));
    double low = log(o->aspect_least), high = log(o->aspect_most), aspect = exp(low + u[1] * (high - low));
    double w = rint(sqrt(area * aspect)), h = rint(sqrt(area / aspect));
    if (o->crop_once) {                      /* MAE's linear probe takes what it drew, cut to the picture */
        w = fmin(w, (double)width);
        h = fmin(h, (double)height);
    }
    if (!(w > 0 && w <= (double)width && h > 0 && h <= (double)height))
        return false;
    *v = (struct view){ .height = (int64_t)h, .width = (int64_t)w, .rows = o->height, .cols = o->width };
    v->top = place(u[2], height - v->height);
    v->left = place(u[3], width - v->width);
    return true;
}

void mim__image_fallback(const struct image_options *o, int64_t height, int64_t width, struct view *v)
{
    double aspect = (double)width / (double)height;
    *v = (struct view){ .height = height, .width = width, .rows = o->height, .cols = o->width };
    if (aspect < o->aspect_least)
        v->height = lmax(1, lmin(height, (int64_t)rint((double)width / o->aspect_least)));
    else if (aspect > o->aspect_most)
        v->width = lmax(1, lmin(width, (int64_t)rint((double)height * o->aspect_most)));
    v->top = (height - v->height) / 2;
    v->left = (width - v->width) / 2;
}

static void attempt_draws(const struct mim__stream *s, int attempt, double u[4])
{
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t word = mim__word(s, 4 * (uint32_t)attempt + i);
        u[i] = i < 2 ? (double)mim__unit(word) : word * 0x1p-32;
    }
}

static struct view random_resized(const struct image_options *o, int64_t height, int64_t width,
                                  const struct mim__stream *s)
{
    struct view v;
    for (int i = 0; i < ATTEMPTS; i++) {
        double u[4];
        attempt_draws(s, i, u);
        if (mim__image_attempt(o, height, width, u, &v))
            return v;
    }
    mim__image_fallback(o, height, width, &v);
    return v;
}

static struct view random_window(const struct image_options *o, int64_t height, int64_t width, const struct mim__stream *s)
{
    struct view v = { .height = height, .width = width, .rows = height, .cols = width };
    int64_t pad = o->pad;
    double u[4];
    if (o->crop_from || !window_fits(o, height, width)) {
        v = cover(height, width, o->crop_from ? o->crop_from : o->height, o->crop_from ? o->crop_from : o->width);
        pad = 0;
    }
    attempt_draws(s, 0, u);
    v.y = place(u[2], v.rows + 2 * pad - o->height) - pad;
    v.x = place(u[3], v.cols + 2 * pad - o->width) - pad;
    return v;
}

struct view mim__image_draw(const struct image_options *o, int64_t height, int64_t width, uint64_t seed, uint64_t epoch,
                            uint64_t id)
{
    struct mim__stream crop = mim__stream(seed, STREAM_CROP, id, epoch), flip = mim__stream(seed, STREAM_FLIP, id, epoch);
    struct view v;
    if (o->crop == CROP_RANDOM_RESIZED)
        v = random_resized(o, height, width, &crop);
    else if (o->crop == CROP_RANDOM)
        v = random_window(o, height, width, &crop);
    else
        v = mim__image_view(o, height, width);
    v.flip = o->flip > 0 && (double)mim__unit(mim__word(&flip, 0)) < o->flip;
    return v;
}
