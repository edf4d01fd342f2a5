/* SPDX-License-Identifier: MIT */
/* inverse_swin.c -- regression of hidden pixels through the encoder's stages mirrored (SimMIM, Xie et al. 2022, sec. 4.1.3,
 * inverse Swin-T and Swin-B): stages of Swin Transformers on ever finer grids, a token becoming 2 x 2 of half the width
 * between them, and a linear layer from the tokens of the last one, which are patches, to their pixels. prediction as
 * pixels.c has it.
 *
 * The authors' decoder is not published; this one is the encoder's own stages backwards, each with the grid and the windows
 * of its counterpart. A linear layer comes first where widths differ. */
#include "encoder/stage.h"
#include "head/head.h"

/* Of the encoder's width in each stage, backwards. */
static mim_status fill_heads(const mim_head *h, struct head_options *o, int count)
{
    const struct encoder_options *e = &h->encoder->options;
    for (int k = 0; k < count; k++) {
        int level = count - 1 - k;
        int64_t each = (e->width << level) / (int64_t)e->stage_heads.v[level], width = o->width << level;
        if (width % each)
            return mim__fail(h->object.ctx, MIM_ERR_VALUE, "head.width %lld makes stage %d %lld wide, which heads of %lld "
                             "numbers, the encoder's, do not divide: set head.stage_heads", (long long)o->width, k,
                             (long long)width, (long long)each);
        o->stage_heads.v[k] = (double)(width / each);
    }
    o->stage_heads.count = count;
    return MIM_OK;
}

/* What is not said mirrors the encoder. */
static mim_status fill_in(const mim_head *h, struct head_options *o)
{
    const struct encoder_options *e = &h->encoder->options;
    int count = mim__head_level(h->encoder, o->features) + 1;
    if (!o->width)
        o->width = e->width;
    if (!o->hidden)
        o->hidden = lmax(1, e->hidden * o->width / e->width);
    for (int k = 0; !o->depths.count && k < count; k++)
        o->depths.v[k] = e->depths.v[count - 1 - k];
    if (!o->depths.count)
        o->depths.count = count;
    if (o->depths.count != count)
        return mim__fail(h->object.ctx, MIM_ERR_VALUE, "head.depths has %d stages, but from head.features \"%s\" to patches "
                         "there are %d", o->depths.count, o->features, count);
    return o->stage_heads.count ? MIM_OK : fill_heads(h, o, count);
}

static mim_status check(const mim_head *h, struct head_options *o)
{
    const mim_encoder *e = h->encoder;
    if (!e->options.depths.count)
        return mim__fail(h->object.ctx, MIM_ERR_UNSUPPORTED, "head.kind inverse_swin mirrors an encoder's stages, and "
                         "encoder.kind %s has none", e->kind->name);
    if (o->masked && !e->options.mask_token)
        return mim__fail(h->object.ctx, MIM_ERR_VALUE, "head.kind is inverse_swin, but encoder.mask_token is 0");
    mim_status status = mim__head_check_features(h, o);
    if (!status)
        status = fill_in(h, o);
    struct stages all = { "head", &o->depths, &o->stage_heads, o->width, o->hidden, true };
    if (!status)
        status = mim__stages_check(h->object.ctx, &all);
    return status ? status : mim__head_check_regression(h, o, HEAD_L1);
}

static struct tensor *stage(const mim_head *h, struct graph *g, const struct encoder_build *e, struct tensor *x, int k)
{
    const struct head_options *o = &h->options;
    int level = o->depths.count - 1 - k;
    struct stage s = { .e = h->encoder, .build = e, .g = g, .scope = "decoder_layers.", .number = k, .level = level,
                       .width = (int)o->width << level, .heads = (int)o->stage_heads.v[k], .hidden = (int)o->hidden << level,
                       .blocks = (int)o->depths.v[k] };
    mim__stage_begin(&s);
    for (int i = 0; i < s.blocks; i++)
        x = mim__stage_block(&s, x, i, 0, NULL);
    return level ? mim__stage_expand(&s, x) : x;
}

static void build(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b)
{
    const struct encoder_options *from = &h->encoder->options;
    const struct head_options *o = &h->options;
    struct init weight = { INIT_TRUNCATED, (float)from->init_deviation, (float)from->init_cut, 0 };
    struct linear layer = { .weight_init = weight, .compute = b->compute, .type = F32 };
    struct tensor *x = mim__head_features(h, g, e);
    if (o->width != from->width)
        x = mim__op_linear(g, "decoder_embed", x, (int)o->width << (o->depths.count - 1), layer);
    for (int k = 0; k < o->depths.count; k++)
        x = stage(h, g, e, x, k);
    mim__graph_segment(g);
    mim__graph_scope(g, "%s", "");
    layer.norm = "decoder_norm";
    layer.eps = (float)from->eps;
    b->prediction = mim__op_linear(g, "decoder_pred", x, mim__head_depth(h), layer);
    mim__head_regress(h, g, e, b, o->eps);
}

#define OWN(name) { name, "", "", "" }
#define BLOCK(name) OWN("decoder_layers.%d.blocks.%d." name)
static const struct name_rule rules[] = {
    OWN("decoder_pred.weight"), OWN("decoder_pred.bias"), OWN("decoder_norm.weight"), OWN("decoder_norm.bias"),
    OWN("norm.weight"), OWN("norm.bias"), OWN("decoder_embed.weight"), OWN("decoder_embed.bias"),
    BLOCK("norm1.weight"), BLOCK("norm1.bias"), BLOCK("norm2.weight"), BLOCK("norm2.bias"), BLOCK("norm3.weight"),
    BLOCK("norm3.bias"), BLOCK("attn.relative_position_bias_table"), BLOCK("attn.logit_scale"),
    BLOCK("attn.cpb_mlp.0.weight"), BLOCK("attn.cpb_mlp.0.bias"), BLOCK("attn.cpb_mlp.2.weight"),
    BLOCK("attn.qkv.weight"), BLOCK("attn.qkv.bias"), BLOCK("attn.q_bias"), BLOCK("attn.v_bias"),
    BLOCK("attn.proj.weight"), BLOCK("attn.proj.bias"), BLOCK("mlp.fc1.weight"), BLOCK("mlp.fc1.bias"),
    BLOCK("mlp.fc2.weight"), BLOCK("mlp.fc2.bias"), OWN("decoder_layers.%d.upsample.expand.weight"),
    OWN("decoder_layers.%d.upsample.norm.weight"), OWN("decoder_layers.%d.upsample.norm.bias"), { NULL, NULL, NULL, NULL },
};
#undef OWN
#undef BLOCK

const struct head_kind mim__inverse_swin = {
    .name = "inverse_swin", .check = check, .build = build, .rules = rules, .masks = true, .stages = true, .task = "Model",
};
