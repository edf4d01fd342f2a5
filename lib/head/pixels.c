/* SPDX-License-Identifier: MIT */
/* pixels.c -- regression of hidden pixels (SimMIM, Xie et al. 2022, sec. 3.3 and 3.4): a linear layer, or a perceptron,
 * from each patch's token to its pixels; within or after stages from a token to those of all patches it stands for.
 * prediction [batch, patches, channels * side^2], side = patch / reduce, in the order (channel, row, column), which is that
 * of a pixel shuffle. */
#include "head/head.h"

#include <math.h>
#include <stdio.h>

static mim_status check(const mim_head *h, struct head_options *o)
{
    if (o->masked && !h->encoder->options.mask_token)
        return mim__fail(h->object.ctx, MIM_ERR_VALUE, "head.kind is pixels, but encoder.mask_token is 0");
    mim_status status = mim__head_check_features(h, o);
    if (status)
        return status;
    if (!o->hidden)
        o->hidden = h->encoder->options.width << mim__head_level(h->encoder, o->features);
    status = mim__head_check_regression(h, o, HEAD_L1);
    return status ? status : mim__head_check_numbers(h, o, mim__head_depth(h));
}

static struct linear layer(int in, int out, enum dtype compute)
{
    float bound = 1 / sqrtf((float)in);              /* PyTorch's initial values of a convolution */
    struct init uniform = { INIT_UNIFORM, bound, 0, 0 };
    return (struct linear){
        .weight_init = uniform, .bias_init = uniform, .weight_shape = SHAPE(out, in, 1, 1), .compute = compute, .type = F32
    };
}

/* width, depth: numbers of a token, and to be predicted from it. */
static struct tensor *predict(const mim_head *h, struct graph *g, struct tensor *x, int width, int depth, enum dtype compute)
{
    int hidden = (int)h->options.hidden;
    if (h->options.layers == 1)
        return mim__op_linear(g, "decoder.0", x, depth, layer(width, depth, compute));
    struct linear first = layer(width, hidden, compute), last = layer(hidden, depth, compute);
    first.type = compute;
    last.activation = ACT_GELU;
    return mim__op_linear(g, "decoder.2", mim__op_linear(g, "decoder.0", x, hidden, first), depth, last);
}

static void build(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b)
{
    int level = mim__head_level(h->encoder, h->options.features), patches = 1 << level, numbers = (int)h->options.numbers;
    int width = (int)h->encoder->options.width << level;
    struct tensor *x = mim__head_features(h, g, e);
    b->prediction = predict(h, g, x, width, patches * patches * mim__head_depth(h), b->compute);
    if (patches > 1) {                              /* a token stands for so many, along each side */
        struct split_tokens whole = { e->rows, e->cols, patches, (int)h->encoder->image.channels,
                                      (int)(h->encoder->options.patch / h->options.reduce) };
        struct split_tokens single = { e->rows, e->cols, patches, mim__head_depth(h), 1 };
        b->prediction = mim__op_split(g, b->prediction, numbers || h->options.target == HEAD_HOG ? single : whole);
    }
    mim__head_regress(h, g, e, b, h->options.eps);
}

static const struct mim__tensor *find(const mim_tensors *t, const char *prefix, const char *name)
{
    char full[TENSOR_NAME];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    int64_t at = mim__tensors_find(t, full);
    return at < 0 ? NULL : mim__tensors_at(t, at);
}

/* transformers' decoder.0 predicts whole patches; libmim's own files say what theirs do. */
static mim_status config_from(const mim_tensors *t, enum name_column c, const char *prefix, mim_config *out, bool *found)
{
    const struct mim__tensor *w = find(t, prefix, "decoder.0.weight");
    (void)c;
    *found = w && w->rank == 4;
    if (!*found || mim__config_has(out, "head.kind"))
        return MIM_OK;
    return mim_config_set_str(out, "head.kind", "pixels");
}

static const struct name_rule rules[] = {
    { "decoder.0.weight", "", "", "decoder.0.weight" }, { "decoder.0.bias", "", "", "decoder.0.bias" },
    { "decoder.2.weight", "", "", NULL }, { "decoder.2.bias", "", "", NULL },
    { "norm.weight", "", "", NULL }, { "norm.bias", "", "", NULL }, { NULL, NULL, NULL, NULL },
};

const struct head_kind mim__pixels = {
    .name = "pixels", .check = check, .build = build, .config_from = config_from, .rules = rules, .masks = true,
    .stages = true,
    .task = "ForMaskedImageModeling",
};
