/* SPDX-License-Identifier: MIT */
/* decoder.c -- what the heads with a decoder share (MAE, He et al. 2022, sec. 3): their checks, and its blocks. Norms,
 * activation and qkv bias are as in the encoder. */
#include "head/head.h"

enum { INNER_MOST = 262144, WIDTH_USUAL = 512 };        /* numbers of all heads */

mim_status mim__head_check_decoder(const mim_head *h, struct head_options *o)
{
    mim_context *ctx = h->object.ctx;
    if (h->encoder->options.mask_token)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.kind is %s, whose encoder leaves hidden patches out: encoder.mask_token "
                                             "must be 0", h->kind->name);
    if (!o->masked)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.kind is %s, which must hide patches, but head.masked is 0", h->kind->name);
    if (!o->width)
        o->width = WIDTH_USUAL;
    if (!o->head_width && o->width % o->heads)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.width %lld is not a multiple of head.heads %lld", (long long)o->width,
                         (long long)o->heads);
    if (o->heads * o->head_width > INNER_MOST)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.heads %lld of head.head_width %lld are more than %d numbers",
                         (long long)o->heads, (long long)o->head_width, INNER_MOST);
    if (!o->hidden)
        o->hidden = 4 * o->width;
    return mim__head_check_regression(h, o, HEAD_L2);
}

struct tensor *mim__head_decode(const mim_head *h, struct graph *g, struct tensor *x, int tokens, enum dtype compute)
{
    const struct encoder_options *from = &h->encoder->options;
    const struct head_options *o = &h->options;
    const struct block block = { .width = (int)o->width, .heads = (int)o->heads, .hidden = (int)o->hidden,
                                 .head_width = (int)o->head_width, .tokens = tokens, .eps = from->eps,
                                 .activation = (enum activation)(from->activation + 1),
                                 .activation_out = from->activation_out,
                                 .qkv_bias = from->qkv_bias == QKV_BIAS_NONE ? QKV_BIAS_NONE : QKV_BIAS_FULL,
                                 .compute = compute,
                                 .init = from->init == INIT_WAY_KERAS ? INIT_WAY_KERAS : INIT_WAY_XAVIER };
    for (int i = 0; i < o->depth; i++) {
        mim__graph_segment(g);
        mim__graph_scope(g, "decoder_blocks.%d.", i);
        x = mim__block(g, x, &block, NULL);
    }
    mim__graph_segment(g);
    mim__graph_scope(g, "%s", "");
    return x;
}
