/* SPDX-License-Identifier: MIT */
/* regress.c -- what the heads that predict pixels share: the target, the distance to it, and their checks. */
#include "head/head.h"

mim_status mim__head_check_regression(const mim_head *h, struct head_options *o, enum head_loss usual)
{
    mim_context *ctx = h->object.ctx;
    int64_t patch = h->encoder->options.patch;
    if (patch % o->reduce)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.reduce %lld does not divide patches of %lld", (long long)o->reduce,
                         (long long)patch);
    if (o->target == HEAD_WINDOW_NORM && o->window % 2 == 0)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.window %lld is even", (long long)o->window);
    if (o->loss == HEAD_LOSS_AUTO)
        o->loss = usual;
    return MIM_OK;
}

static struct tensor *target(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b)
{
    const struct head_options *o = &h->options;
    if (o->target != HEAD_TARGET_HOST)
        return mim__op_target(g, e->pixels,
                              (struct target){ .patch = (int)h->encoder->options.patch,
                                               .kind = (enum target_kind)o->target,
                                               .window = (int)o->window,
                                               .reduce = (int)o->reduce,
                                               .interleaved = h->kind->interleaved });
    b->target = mim__graph_input(g, "target", SHAPE(e->batch, e->rows * e->cols, mim__head_depth(h)), F32);
    return b->target;
}

void mim__head_regress(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b, double eps)
{
    const struct head_options *o = &h->options;
    mim__graph_output(g, "prediction", b->prediction);
    b->seed = b->prediction;
    if (o->loss == HEAD_LOSS_HOST)
        return;
    struct pixel_loss loss = { .kind = (enum loss_kind)o->loss, .beta = (float)o->beta, .visible = (float)o->visible,
                               .eps = (float)eps, .channels = (int)h->encoder->image.channels };
    b->loss = mim__op_pixel_loss(g, b->prediction, target(h, g, e, b), e->mask, loss);
    mim__graph_output(g, "loss", b->loss);
    b->seed = b->loss;
}
