/* SPDX-License-Identifier: MIT */
/* images.c -- lists of borrowed views: every size and stride is checked before a pixel is read. */
#include "image/image.h"

#include "base/executor.h"

#include <stdint.h>

static int64_t sample_size(int32_t type)
{
    return type == MIM_U8 ? 1 : type == MIM_U16 ? 2 : type == MIM_F32 ? 4 : 0;
}

static bool dense(const mim_images *m)
{
    return !m->image_stride && !m->row_stride && !m->column_stride && !m->channel_stride;
}

/* *span += |stride| * (n - 1), or false when it leaves the address space. */
static bool reach(int64_t *span, int64_t stride, int64_t n)
{
    int64_t most = PTRDIFF_MAX;
    if (n <= 1 || !stride)
        return true;
    if (stride == INT64_MIN)
        return false;
    stride = stride < 0 ? -stride : stride;
    if (stride > (most - *span) / (n - 1))
        return false;
    *span += stride * (n - 1);
    return true;
}

/* Can every sample be addressed? For dense views: does the product of the sizes fit? */
static bool addressable(const mim_images *m)
{
    int64_t span = sample_size(m->type);
    if (dense(m))
        return reach(&span, span, (int64_t)m->channels * m->width) &&
               reach(&span, sample_size(m->type) * m->channels * m->width, m->height) &&
               m->height <= PTRDIFF_MAX / (sample_size(m->type) * m->channels * m->width) &&
               reach(&span, sample_size(m->type) * m->channels * m->width * m->height, m->count);
    return reach(&span, m->image_stride, m->count) && reach(&span, m->row_stride, m->height) &&
           reach(&span, m->column_stride, m->width) && reach(&span, m->channel_stride, m->channels);
}

static mim_status check_view(mim_context *ctx, const mim_images *m, int64_t channels, const char *function)
{
    if (m->struct_size != sizeof *m)
        return mim__fail(ctx, MIM_ERR_VALUE, "%s: struct_size %lld of mim_images is not %d", function,
                         (long long)m->struct_size, (int)sizeof *m);
    if (!m->data)
        return mim__fail(ctx, MIM_ERR_ARGUMENT, "%s: images without data", function);
    if (m->count < 0 || m->height < 0 || m->width < 0 || m->channels < 0)
        return mim__fail(ctx, MIM_ERR_ARGUMENT, "%s: images of negative size: count %d, %d x %d, %d channels", function,
                         m->count, m->height, m->width, m->channels);
    if (!m->count || !m->height || !m->width || !m->channels)
        return mim__fail(ctx, MIM_ERR_SHAPE, "%s: a size is 0: count %d, %d x %d, %d channels", function, m->count,
                         m->height, m->width, m->channels);
    if (!sample_size(m->type))
        return mim__fail(ctx, MIM_ERR_VALUE, "%s: images of type %d, not MIM_U8, MIM_U16 or MIM_F32", function, m->type);
    if (m->reserved)
        return mim__fail(ctx, MIM_ERR_VALUE, "%s: images with reserved %d, not 0", function, m->reserved);
    if (m->channels > OPTION_LIST_MAX || (channels && m->channels != channels))
        return mim__fail(ctx, MIM_ERR_SHAPE, "%s: images of %d channels where %lld are wanted", function, m->channels,
                         (long long)(channels ? channels : OPTION_LIST_MAX));
    if (!addressable(m))
        return mim__fail(ctx, MIM_ERR_VALUE, "%s: sizes and strides of the images leave the address space", function);
    return MIM_OK;
}

mim_status mim__images_count(mim_context *ctx, const mim_images *images, int64_t channels, const char *function,
                             int64_t *count)
{
    const mim_images *behind = NULL;         /* the view at the last power of two: met again only in a circle (Brent 1980) */
    int64_t pictures = 0, views = 0;
    if (!images)
        return mim__null_argument(ctx, function);
    for (const mim_images *m = images; m; m = m->next, views++) {
        mim_status status = check_view(ctx, m, channels, function);
        if (status)
            return status;
        if (m == behind)
            return mim__fail(ctx, MIM_ERR_VALUE, "%s: the list of images runs in a circle", function);
        if (!(views & (views - 1)))
            behind = m;
        pictures += m->count;
    }
    if (pictures > INT32_MAX)
        return mim__fail(ctx, MIM_ERR_SHAPE, "%s: %lld images at once", function, (long long)pictures);
    *count = pictures;
    return MIM_OK;
}

struct picture mim__images_at(const mim_images *m, int64_t index)
{
    for (; index >= m->count; m = m->next)
        index -= m->count;
    struct picture p = { NULL, m->type, m->height, m->width, m->channels, (ptrdiff_t)m->row_stride,
                         (ptrdiff_t)m->column_stride, (ptrdiff_t)m->channel_stride };
    ptrdiff_t image = (ptrdiff_t)m->image_stride;
    if (dense(m)) {
        p.channel = (ptrdiff_t)sample_size(m->type);
        p.column = p.channel * m->channels;
        p.row = p.column * m->width;
        image = p.row * m->height;
    }
    p.data = (const unsigned char *)m->data + index * image;
    return p;
}

/* ---- Are all samples finite? ---- */

/* Largest magnitude, as bits, of n samples; infinity and NaN are those with all exponent bits set. */
static uint32_t largest(const unsigned char *p, int n, ptrdiff_t stride)
{
    uint32_t top = 0;
    for (int i = 0; i < n; i++, p += stride) {
        uint32_t bits;
        memcpy(&bits, p, sizeof bits);
        bits &= 0x7fffffff;
        top = bits > top ? bits : top;
    }
    return top;
}

/* First channel with a sample that is not finite, or -1. */
static int bad_channel(const struct picture *p)
{
    for (int c = 0; c < p->channels; c++)
        for (int y = 0; y < p->height; y++)
            if (largest(p->data + c * p->channel + y * p->row, p->width, p->column) >= 0x7f800000)
                return c;
    return -1;
}

struct search { const mim_images *images; atomic_llong first; };

static void search_picture(void *arg, int index, void *scratch)
{
    struct search *s = arg;
    struct picture p = mim__images_at(s->images, index);
    long long first = atomic_load(&s->first);
    (void)scratch;
    if (p.type != MIM_F32 || index >= first || bad_channel(&p) < 0)
        return;
    while (index < first && !atomic_compare_exchange_weak(&s->first, &first, index))
        ;
}

mim_status mim__images_finite(mim_context *ctx, const mim_images *images, int64_t count, const char *function)
{
    struct search s = { images, 0 };
    const mim_images *m = images;
    while (m && m->type != MIM_F32)
        m = m->next;
    if (!m)
        return MIM_OK;
    atomic_store(&s.first, count);
    mim__run(mim__context_executor(ctx), (int)count, search_picture, &s, NULL, NULL);
    long long first = atomic_load(&s.first);
    if (first == count)
        return MIM_OK;
    struct picture p = mim__images_at(images, first);
    return mim__fail(ctx, MIM_ERR_VALUE, "%s: image %lld has a pixel that is not finite in channel %d", function, first,
                     bad_channel(&p));
}
