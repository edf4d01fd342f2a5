/* SPDX-License-Identifier: MIT */
/* regress.c -- what the heads that predict pixels share: the target, the distance to it, and their checks. */
#include "head/head.h"

mim_status mim__head_check_regression(const mim_head *h, struct head_options *o, enum head_loss usual)
{
    mim_context *ctx = h->object.ctx;
    int64_t patch = h->encoder->options.patch;
    if (o->target == HEAD_TARGET_AUTO)
        o->target = HEAD_PIXELS;
    if (o->target > HEAD_EDGES)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.target classes, clusters, bins and channel_bins are for head.kind "
                         "tokens, not %s", h->kind->name);
    if (o->target == HEAD_HOG && (patch % 8 || o->reduce != 1))
        return mim__fail(ctx, MIM_ERR_VALUE,
                         "head.target hog needs patches of a multiple of 8, not %lld, and head.reduce 1, not %lld",
                         (long long)patch, (long long)o->reduce);
    if (o->numbers && o->target != HEAD_TARGET_HOST)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.numbers %lld is for head.target host", (long long)o->numbers);
    if (patch % o->reduce)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.reduce %lld does not divide patches of %lld", (long long)o->reduce,
                         (long long)patch);
    if (o->target == HEAD_WINDOW_NORM && o->window % 2 == 0)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.window %lld is even", (long long)o->window);
    if (o->loss == HEAD_LOSS_AUTO)
        o->loss = o->target == HEAD_HOG ? HEAD_L2 : usual;
    return MIM_OK;
}

struct tensor *mim__head_scale(struct graph *g, const struct image_options *image)
{
    float scale[2 * OPTION_LIST_MAX];
    int channels = (int)image->channels;
    for (int i = 0; i < channels; i++) {
        scale[i] = (float)image->mean.v[i];
        scale[channels + i] = (float)image->deviation.v[i];
    }
    return mim__graph_constant(g, "scale", SHAPE(2, channels), scale);
}

/* Pixels, or edges in their place, patch by patch. */
static struct tensor *of_pixels(const mim_head *h, struct graph *g, struct tensor *pixels)
{
    const struct head_options *o = &h->options;
    enum target_kind kind = o->target == HEAD_EDGES ? TARGET_PIXELS : (enum target_kind)o->target;
    return mim__op_target(g, pixels, (struct target){ .patch = (int)h->encoder->options.patch,
                                                      .kind = kind,
                                                      .window = (int)o->window,
                                                      .reduce = (int)o->reduce,
                                                      .interleaved = h->kind->interleaved });
}

static struct tensor *target(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b)
{
    const struct head_options *o = &h->options;
    if (o->target == HEAD_HOG)
        return mim__op_hog(g, e->pixels, mim__head_scale(g, b->image), (int)h->encoder->options.patch);
    if (o->target == HEAD_EDGES)
        return of_pixels(h, g, mim__op_edges(g, e->pixels, mim__head_scale(g, b->image)));
    if (o->target != HEAD_TARGET_HOST)
        return of_pixels(h, g, e->pixels);
    b->target = mim__graph_input(g, "target", SHAPE(e->batch, e->rows * e->cols, mim__head_depth(h)), F32);
    return b->target;
}

void mim__head_regress(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b, double eps)
{
    const struct head_options *o = &h->options;
    mim__graph_output(g, "prediction", b->prediction);
    b->seed = b->prediction;
    b->shows = o->target <= HEAD_WINDOW_NORM || (o->target == HEAD_TARGET_HOST && !o->numbers);
    if (o->loss == HEAD_LOSS_HOST)
        return;
    struct pixel_loss loss = { .kind = (enum loss_kind)o->loss, .beta = (float)o->beta, .visible = (float)o->visible,
                               .eps = (float)eps, .channels = o->numbers ? 1 : (int)h->encoder->image.channels };
    b->loss = mim__op_pixel_loss(g, b->prediction, target(h, g, e, b), e->mask, loss);
    mim__graph_output(g, "loss", b->loss);
    b->seed = b->loss;
}
