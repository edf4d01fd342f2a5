/* SPDX-License-Identifier: MIT */
/* prepare.c -- the image stage of a batch: one task a picture, each from its own seed, epoch and id alone. */
#include "image/augment.h"

#include "base/executor.h"

#include <math.h>

struct batch {
    struct finish finish;
    const mim_images *images;
    uint64_t seed, epoch;
    const int64_t *ids;                      /* NULL: 0, 1, 2, ... */
    bool augment;
    float *out;
};

/* Pixels to 8 bits and back. What came from 8 bits is found again; others are rounded and cut to the range. */
static void read_canvas(const struct image_options *o, const float *pixels, struct canvas *c)
{
    size_t plane = (size_t)(o->height * o->width);
    for (int64_t k = 0; k < o->channels; k++) {
        float mean = (float)o->mean.v[k], deviation = (float)o->deviation.v[k];
        uint8_t *to = c->data + (size_t)k * plane;
        for (size_t i = 0; i < plane; i++)
            to[i] = (uint8_t)lrintf(fminf(fmaxf((*pixels++ * deviation + mean) * 255.0f, 0), 255));
    }
}

static void write_canvas(const struct finish *f, const struct canvas *c, float *pixels)
{
    size_t plane = (size_t)c->height * (size_t)c->width;
    for (int k = 0; k < c->channels; k++)
        for (size_t i = 0; i < plane; i++)
            *pixels++ = f->u8[256 * k + c->data[(size_t)k * plane + i]];
}

static void augment_picture(const struct batch *b, uint64_t id, float *out, void *scratch)
{
    const struct image_options *o = b->finish.o;
    size_t size = (size_t)(o->channels * o->height * o->width);
    struct canvas c = { (int)o->channels, (int)o->height, (int)o->width, scratch, (uint8_t *)scratch + size };
    if (mim__image_recolours(o)) {
        read_canvas(o, out, &c);
        mim__image_randaugment(o, &c, b->seed, b->epoch, id);
        mim__image_jitter(o, &c, b->seed, b->epoch, id);
        write_canvas(&b->finish, &c, out);
    }
    if (o->erase > 0)
        mim__image_erase(o, out, b->seed, b->epoch, id);
}

static void prepare_picture(void *arg, int index, void *scratch)
{
    const struct batch *b = arg;
    const struct image_options *o = b->finish.o;
    struct picture p = mim__images_at(b->images, index);
    uint64_t id = (uint64_t)(b->ids ? b->ids[index] : index);
    struct view v = b->augment ? mim__image_draw(o, p.height, p.width, b->seed, b->epoch, id)
                               : mim__image_view(o, p.height, p.width);
    float *out = b->out + (size_t)index * (size_t)(o->channels * o->height * o->width);
    if (native(&v))
        mim__image_copy(&p, &v, &b->finish, out);
    else
        mim__image_resample(&p, &v, &b->finish, out, scratch);
    if (b->augment)
        augment_picture(b, id, out, scratch);
}

static size_t table_bytes(const struct image_options *o)
{
    return (size_t)o->channels * 256 * sizeof(float);
}

size_t mim__image_work(const struct image_options *o)
{
    size_t resize = o->resize == RESIZE_NONE ? 0 : mim__image_resample_scratch(o);
    size_t canvas = mim__image_recolours(o) ? 2 * (size_t)(o->channels * o->height * o->width) : 0;
    return table_bytes(o) + zmax(resize, canvas);
}

mim_status mim__images_check(mim_context *ctx, const struct image_options *o, const mim_images *images, int64_t *count)
{
    mim_status status = mim__images_count(ctx, images, o->channels, "mim_images", count);
    for (const mim_images *m = images; !status && m; m = m->next)
        status = mim__image_fits(ctx, o, m->height, m->width);
    if (!status)
        status = mim__images_finite(ctx, images, *count, "mim_images");
    return status;
}

mim_status mim__image_prepare(mim_context *ctx, const struct image_options *o, uint64_t seed, bool augment,
                              const mim_images *images, int64_t epoch, const int64_t *ids, float *out, void *work)
{
    struct batch b = { { o, work }, images, seed, (uint64_t)epoch, ids, augment, out };
    int64_t count = 0;
    mim_status status = mim__images_check(ctx, o, images, &count);
    if (status)
        return status;
    mim__image_table(o, work);
    bool whole = mim__run(mim__context_executor(ctx), (int)count, prepare_picture, &b, (char *)work + table_bytes(o),
                          mim__context_cancel_flag(ctx));
    if (mim__cancelled(ctx))
        return MIM_ERR_CANCELLED;
    return whole ? MIM_OK : mim__fail(ctx, MIM_ERR_CANCELLED, "cancelled");
}

static mim_status prepare_checked(mim_context *ctx, const struct image_options *o, uint64_t seed, bool augment,
                                  const mim_images *images, int64_t epoch, const int64_t *ids, float *out)
{
    size_t bytes = mim__image_work(o);
    mim_status status = mim__executor_reserve(mim__context_executor(ctx), bytes);
    void *work = status ? NULL : mim__alloc(ctx, bytes);
    if (!status)
        status = work ? mim__image_prepare(ctx, o, seed, augment, images, epoch, ids, out, work)
                      : mim__no_memory(ctx, bytes);
    mim__free(ctx, work);
    return status;
}

mim_status mim_images_prepare(mim_context *context, const mim_config *config, int32_t augment, const mim_images *images,
                              int64_t epoch, const int64_t *ids, float *out, size_t elements)
{
    struct image_options o;
    struct run_options run;
    int64_t count = 0;
    if (!context || !images || !out)
        return mim__null_argument(context, __func__);
    if (augment != 0 && augment != 1)
        return mim__fail(context, MIM_ERR_ARGUMENT, "%s: augment is %d, not 0 or 1", __func__, augment);
    mim_status status = mim__image_read_options(context, config, &o);
    if (!status)
        status = mim__read_options(context, config, mim__run_options, &run);
    if (!status)
        status = mim__images_count(context, images, o.channels, __func__, &count);
    if (status)
        return status;
    size_t picture = (size_t)(o.channels * o.height * o.width), wanted = 0;
    if (!size_mul(picture, (size_t)count, &wanted) || wanted > elements)
        return mim__fail(context, MIM_ERR_SPACE, "%s: room for %lld floats where %lld images take %lld each", __func__,
                         (long long)elements, (long long)count, (long long)picture);
    return prepare_checked(context, &o, (uint64_t)run.seed, augment, images, epoch, ids, out);
}
