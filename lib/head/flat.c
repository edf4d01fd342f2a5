/* SPDX-License-Identifier: MIT */
/* flat.c -- a masked autoencoder that predicts the whole picture at once, as the example "Masked image modeling with
 * Autoencoders" of keras.io builds it (after He et al. 2022). It differs from mae.c in three ways:
 *
 *   - the mask token is a patch of pixels, which goes through the encoder's own linear layer, and what the encoder saw gets
 *     its positions a second time;
 *   - the decoder's tokens, in the order in which their patches were drawn, visible ones first, are one long vector;
 *   - one linear layer takes that to all pixels of the picture, and a sigmoid to 0..1.
 *
 * Attention does not see the order of tokens, so they stand in their places until the end; only then are they brought into the
 * order drawn. prediction [batch, patches, side^2 * channels] as in mae.c. */
#include "head/head.h"

enum { FLAT_MOST = 1 << 24 };           /* numbers of the vector, and pixels */

/* The range of the sigmoid. */
static mim_status check_pixels(mim_context *ctx, const struct image_options *image)
{
    for (int i = 0; i < image->mean.count; i++)
        if (image->mean.v[i] != 0 || image->deviation.v[i] != 1)
            return mim__fail(ctx, MIM_ERR_VALUE, "head.kind flat predicts pixels in 0..1: image.mean must be 0 and "
                                                 "image.deviation 1, not %g and %g", image->mean.v[i], image->deviation.v[i]);
    return MIM_OK;
}

static mim_status check(const mim_head *h, struct head_options *o)
{
    mim_context *ctx = h->object.ctx;
    const struct encoder_options *from = &h->encoder->options;
    const struct image_options *image = &h->encoder->image;
    int64_t patches = from->patch ? image->height / from->patch * (image->width / from->patch) : 0;
    mim_status status = mim__head_check_decoder(h, o);
    if (status)
        return status;
    if (from->class_token)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.kind is flat, which has no place for a class token: encoder.class_token "
                                             "must be 0");
    if (o->target != HEAD_PIXELS)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.kind flat takes head.target pixels alone");
    if (patches * o->width > FLAT_MOST || image->channels * image->height * image->width > FLAT_MOST)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.kind flat takes at most %d numbers to as many: %lld patches of head.width "
                                             "%lld are too many", FLAT_MOST, (long long)patches, (long long)o->width);
    return check_pixels(ctx, image);
}

static struct linear layer(int in, int out, enum dtype compute)
{
    return (struct linear){ .weight_init = mim__xavier(in, out), .compute = compute, .type = F32 };
}

/* All places of the picture: what the encoder made of a patch, or a patch of learned pixels; and where each is. */
static struct tensor *sequence(const mim_head *h, struct graph *g, const struct encoder_build *e, enum dtype compute)
{
    const struct encoder_options *from = &h->encoder->options;
    int pixels = (int)(h->encoder->image.channels * from->patch * from->patch), width = (int)h->options.width;
    struct linear embed = { .weight = e->patch_weight, .bias = e->patch_bias, .compute = compute, .type = F32 };
    struct init normal = { INIT_NORMAL, 1, 0, 0 };
    struct tensor *token = mim__graph_param(g, "mask_token", SHAPE(1, 1, pixels), normal, PARAM_NO_DECAY);
    token = mim__op_linear(g, "mask_token", token, (int)from->width, embed);
    struct tensor *x = mim__op_scatter(g, e->tokens, token, e->visible, (struct scatter){ 0, e->rows * e->cols });
    x = mim__op_embed(g, x, NULL, e->positions);
    return mim__op_linear(g, "decoder_embed", x, width, layer((int)from->width, width, compute));
}

/* The last layer's weights are for one number of patches; and a trainer may prepare pictures in its own way. */
static mim_status check_build(const mim_head *h, const struct encoder_build *e, const struct head_build *b)
{
    const struct image_options *image = &h->encoder->image;
    int64_t patch = h->encoder->options.patch;
    if (e->rows != image->height / patch || e->cols != image->width / patch)
        return mim__fail(h->object.ctx, MIM_ERR_UNSUPPORTED, "head.kind flat is for pictures of %lld x %lld, not of %d x %d",
                         (long long)image->height, (long long)image->width, e->height, e->width);
    return check_pixels(h->object.ctx, b->image);
}

static void build(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b)
{
    int patches = e->rows * e->cols, depth = mim__head_depth(h), flat = patches * (int)h->options.width;
    mim_status status = check_build(h, e, b);
    if (status) {
        mim__graph_fail(g, status);
        return;
    }
    struct tensor *x = mim__head_decode(h, g, sequence(h, g, e, b->compute), patches, b->compute);
    b->order = mim__graph_input(g, "order", SHAPE(e->batch, patches), I32);
    x = mim__op_norm(g, "decoder_norm", x, (float)h->encoder->options.eps, b->compute);
    x = mim__op_gather(g, x, b->order);
    x = mim__op_reshape(g, x, SHAPE(e->batch, flat));
    x = mim__op_linear(g, "decoder_pred", x, patches * depth, layer(flat, patches * depth, b->compute));
    x = mim__op_activate(g, x, ACT_SIGMOID, NULL);
    b->prediction = mim__op_reshape(g, x, SHAPE(e->batch, patches, depth));
    mim__head_regress(h, g, e, b, 0);
}

static const struct name_rule rules[] = {
    { "mask_token", "", "", "" },
    { "decoder_embed.weight", "", "", "" },
    { "decoder_embed.bias", "", "", "" },
    { "decoder_blocks.%d.norm1.weight", "", "", "" },
    { "decoder_blocks.%d.norm1.bias", "", "", "" },
    { "decoder_blocks.%d.attn.qkv.weight", "", "", "" },
    { "decoder_blocks.%d.attn.qkv.bias", "", "", "" },
    { "decoder_blocks.%d.attn.proj.weight", "", "", "" },
    { "decoder_blocks.%d.attn.proj.bias", "", "", "" },
    { "decoder_blocks.%d.norm2.weight", "", "", "" },
    { "decoder_blocks.%d.norm2.bias", "", "", "" },
    { "decoder_blocks.%d.mlp.fc1.weight", "", "", "" },
    { "decoder_blocks.%d.mlp.fc1.bias", "", "", "" },
    { "decoder_blocks.%d.mlp.fc2.weight", "", "", "" },
    { "decoder_blocks.%d.mlp.fc2.bias", "", "", "" },
    { "decoder_norm.weight", "", "", "" },
    { "decoder_norm.bias", "", "", "" },
    { "decoder_pred.weight", "", "", "" },
    { "decoder_pred.bias", "", "", "" },
    { NULL, NULL, NULL, NULL },
};

const struct head_kind mim__flat = {
    .name = "flat", .check = check, .build = build, .rules = rules, .masks = true, .interleaved = true, .task = "Model",
};
