/* SPDX-License-Identifier: MIT */
/* prepare.c -- the image stage of a batch: one task a picture, each from its own seed, epoch and id alone. */
#include "image/view.h"

#include "base/executor.h"

struct batch {
    struct finish finish;
    const mim_images *images;
    uint64_t seed, epoch;
    const int64_t *ids;                      /* NULL: 0, 1, 2, ... */
    bool augment;
    float *out;
};

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
}

static size_t table_bytes(const struct image_options *o)
{
    return (size_t)o->channels * 256 * sizeof(float);
}

size_t mim__image_work(const struct image_options *o)
{
    return table_bytes(o) + (o->resize == RESIZE_NONE ? 0 : mim__image_resample_scratch(o));
}

static mim_status check_batch(mim_context *ctx, const struct image_options *o, const mim_images *images, int64_t *count)
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
    mim_status status = check_batch(ctx, o, images, &count);
    if (status)
        return status;
    mim__image_table(o, work);
    mim__run(mim__context_executor(ctx), (int)count, prepare_picture, &b, (char *)work + table_bytes(o), NULL);
    return MIM_OK;
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
