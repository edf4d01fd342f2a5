/* SPDX-License-Identifier: MIT */
/* pictures.c -- how alike two lists of pictures are, pixel by pixel or by windows, on values brought to 0..1.
 *
 *   l1    mean of |a - b|           l2    mean of (a - b)^2           psnr  -10 log10 of l2
 *   ssim  mean over channels of structural similarity; see ssim.c
 *
 * The luma of psnr_y is that of image restoration (EDSR, Lim et al. 2017, and IPT): (65.738 R + 129.057 G + 25.064 B) / 256;
 * that of ssim_y is MATLAB's rgb2ycbcr: 16 / 255 + (65.481 R + 128.553 G + 24.966 B) / 255. */
#include "evaluate/evaluate.h"

#include "base/executor.h"

#include <math.h>

enum { L1, L2, PSNR, SSIM };
struct measure { const char *name; int kind; const double *luma; };

static const double luma_psnr[4] = { 65.738 / 256, 129.057 / 256, 25.064 / 256, 0 };
static const double luma_ssim[4] = { 65.481 / 255, 128.553 / 255, 24.966 / 255, 16.0 / 255 };
static const struct measure measures[] = {
    { "psnr", PSNR, NULL }, { "psnr_y", PSNR, luma_psnr }, { "ssim", SSIM, NULL }, { "ssim_y", SSIM, luma_ssim },
    { "l1", L1, NULL },     { "l2", L2, NULL },
};

struct comparison {
    const struct measure *measure;
    const mim_images *a, *b;
    const uint8_t *where;
    double *values;
};

/* ---- Pixels ---- */

static double sample(int type, const unsigned char *p)
{
    uint16_t half;
    float real;
    if (type == MIM_U8)
        return *p / 255.0;
    if (type == MIM_U16) {
        memcpy(&half, p, sizeof half);
        return half / 65535.0;
    }
    memcpy(&real, p, sizeof real);
    return (double)real;
}

void mim__evaluate_row(const struct plane *s, int y, double *to)
{
    const struct picture *p = s->p;
    const unsigned char *at = p->data + y * p->row + s->channel * p->channel;
    for (int x = 0; x < p->width; x++, at += p->column) {
        to[x] = sample(p->type, at);
        if (s->luma)
            to[x] = s->luma[0] * to[x] + s->luma[1] * sample(p->type, at + p->channel) +
                    s->luma[2] * sample(p->type, at + 2 * p->channel) + s->luma[3];
    }
}

/* Sums over the pixels of one plane that count; row holds 2 width doubles. */
struct sums { double l1, l2; int64_t count; };

static void add_plane(const struct plane *a, const struct plane *b, const uint8_t *where, double *row, struct sums *s)
{
    int width = a->p->width;
    for (int y = 0; y < a->p->height; y++) {
        mim__evaluate_row(a, y, row);
        mim__evaluate_row(b, y, row + width);
        for (int x = 0; x < width; x++)
            if (!where || where[(int64_t)y * width + x]) {
                double d = row[x] - row[width + x];
                s->l1 += fabs(d);
                s->l2 += d * d;
                s->count++;
            }
    }
}

static double compare(const struct measure *m, const struct picture *a, const struct picture *b, const uint8_t *where,
                      double *scratch)
{
    struct sums s = { 0 };
    int planes = m->luma ? 1 : a->channels;
    double similarity = 0;
    for (int c = 0; c < planes; c++) {
        struct plane p = { a, c, m->luma }, q = { b, c, m->luma };
        if (m->kind == SSIM)
            similarity += mim__evaluate_ssim(&p, &q, where, scratch) / planes;
        else
            add_plane(&p, &q, where, scratch, &s);
    }
    if (m->kind == SSIM)
        return similarity;
    double n = (double)s.count, mean = (m->kind == L1 ? s.l1 : s.l2) / n;
    return m->kind != PSNR ? mean : mean > 0 ? -10 * log10(mean) : (double)INFINITY;
}

/* The part of `where` that belongs to a picture. */
static const uint8_t *where_of(const uint8_t *where, const mim_images *m, int64_t index)
{
    for (; where && index >= m->count; m = m->next) {
        where += (int64_t)m->count * m->height * m->width;
        index -= m->count;
    }
    return where ? where + index * m->height * m->width : NULL;
}

static void compare_pictures(void *arg, int index, void *scratch)
{
    const struct comparison *j = arg;
    struct picture a = mim__images_at(j->a, index), b = mim__images_at(j->b, index);
    j->values[index] = compare(j->measure, &a, &b, where_of(j->where, j->a, index), scratch);
}

/* ---- Checks ---- */

/* Both lists hold the same pictures in the same order, however they are cut into views. */
static mim_status check_pairs(mim_context *ctx, const struct comparison *j)
{
    const mim_images *a = j->a, *b = j->b;
    int64_t left_a = a->count, left_b = b->count, at = 0;
    while (a && b) {
        int64_t n = lmin(left_a, left_b);
        if (a->type != b->type || a->height != b->height || a->width != b->width || a->channels != b->channels)
            return mim__fail(ctx, MIM_ERR_SHAPE, "picture %lld: %d x %d x %d of type %d against %d x %d x %d of type %d",
                             (long long)at, a->height, a->width, a->channels, a->type, b->height, b->width, b->channels,
                             b->type);
        at += n;
        if (!(left_a -= n) && (a = a->next))
            left_a = a->count;
        if (!(left_b -= n) && (b = b->next))
            left_b = b->count;
    }
    return MIM_OK;
}

static mim_status check_views(mim_context *ctx, const struct comparison *j)
{
    int side = j->measure->kind == SSIM ? SSIM_SIDE : 1;
    for (const mim_images *m = j->a; m; m = m->next) {
        if (j->measure->luma && m->channels != 3)
            return mim__fail(ctx, MIM_ERR_SHAPE, "%s of pictures with %d channels, not 3", j->measure->name, m->channels);
        if (m->height < side || m->width < side)
            return mim__fail(ctx, MIM_ERR_SHAPE, "%s of pictures of %d x %d: its windows are %d x %d", j->measure->name,
                             m->height, m->width, side, side);
    }
    return MIM_OK;
}

/* Does `where` pick a pixel (for ssim: the centre of a window) in every picture? */
static mim_status check_where(mim_context *ctx, const struct comparison *j, int64_t count)
{
    int border = j->measure->kind == SSIM ? SSIM_SIDE / 2 : 0;
    for (int64_t i = 0; j->where && i < count; i++) {
        struct picture p = mim__images_at(j->a, i);
        const uint8_t *where = where_of(j->where, j->a, i);
        bool any = false;
        for (int y = border; y < p.height - border && !any; y++)
            for (int x = border; x < p.width - border && !any; x++)
                any = where[(int64_t)y * p.width + x] != 0;
        if (!any)
            return mim__fail(ctx, MIM_ERR_VALUE, "where picks no pixel of picture %lld%s", (long long)i,
                             border ? " that is the centre of a window of 11 x 11" : "");
    }
    return MIM_OK;
}

static mim_status check(mim_context *ctx, const struct comparison *j, int64_t *count)
{
    int64_t other = 0;
    mim_status status = mim__images_count(ctx, j->a, 0, "mim_evaluate_pictures", count);
    if (!status)
        status = mim__images_count(ctx, j->b, 0, "mim_evaluate_pictures", &other);
    if (!status && *count != other)
        status = mim__fail(ctx, MIM_ERR_SHAPE, "mim_evaluate_pictures: %lld pictures against %lld", (long long)*count,
                           (long long)other);
    if (!status)
        status = check_pairs(ctx, j);
    if (!status)
        status = check_views(ctx, j);
    if (!status)
        status = mim__images_finite(ctx, j->a, *count, "mim_evaluate_pictures");
    if (!status)
        status = mim__images_finite(ctx, j->b, *count, "mim_evaluate_pictures");
    return status ? status : check_where(ctx, j, *count);
}

static mim_status run(mim_context *ctx, struct comparison *j, int64_t count)
{
    int width = 1;
    for (const mim_images *m = j->a; m; m = m->next)
        width = imax(width, m->width);
    size_t bytes = mim__evaluate_ssim_scratch(width) * sizeof(double);
    void *scratch = mim__alloc(ctx, bytes);
    mim_status status = scratch ? mim__executor_reserve(mim__context_executor(ctx), bytes) : mim__no_memory(ctx, bytes);
    if (!status)
        mim__run(mim__context_executor(ctx), (int)count, compare_pictures, j, scratch, NULL);
    mim__free(ctx, scratch);
    return status;
}

mim_status mim_evaluate_pictures(mim_context *context, const char *measure, const mim_images *a, const mim_images *b,
                                 const uint8_t *where, double *values)
{
    struct comparison j = { NULL, a, b, where, values };
    int64_t count = 0;
    if (!context || !measure || !a || !b || !values)
        return mim__null_argument(context, __func__);
    for (int i = 0; i < COUNT(measures); i++)
        if (!strcmp(measure, measures[i].name))
            j.measure = measures + i;
    if (!j.measure)
        return mim__fail(context, MIM_ERR_KEY, "no measure \"%s\"; there are psnr, psnr_y, ssim, ssim_y, l1, l2", measure);
    mim_status status = check(context, &j, &count);
    return status ? status : run(context, &j, count);
}
