/* SPDX-License-Identifier: MIT */
/* tokens.c -- classes of hidden patches (BEiT, Bao et al. 2022, sec. 2.4): a linear layer from each patch's token, or from
 * one to all patches it stands for, and cross-entropy. logits [batch, patches, classes]. The classes are the host's (tokens
 * of its tokenizer, or with head.masked 0 what each patch shows: a dense probe), or made of the pixels (SimMIM, Xie et al.
 * 2022, sec. 3.4): the nearest colour of a palette, bins of all channels together, or bins of each by itself, then logits
 * [batch, patches, channels * bins]. */
#include "head/head.h"

#include <stdio.h>

enum { DEPTH_MOST = 1000 };         /* blocks of an encoder */

/* Combinations of the bins of all channels; 0 if there are too many. */
static int64_t combinations(int64_t bins, int64_t channels)
{
    int64_t n = 1;
    for (int64_t i = 0; i < channels && n; i++)
        n = n * bins > 1000000 ? 0 : n * bins;
    return n;
}

/* Classes that a patch is of at once. */
static int of_patch(const mim_head *h, const struct head_options *o)
{
    return o->target == HEAD_CHANNEL_BINS ? (int)h->encoder->image.channels : 1;
}

static mim_status check(const mim_head *h, struct head_options *o)
{
    mim_context *ctx = h->object.ctx;
    int64_t channels = h->encoder->image.channels;
    char word[OPTION_TEXT_SIZE];
    if (o->target == HEAD_TARGET_AUTO)
        o->target = HEAD_CLASSES;
    if (o->target < HEAD_CLASSES)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.kind tokens takes head.target classes, clusters, bins or channel_bins, "
                         "not %s", mim__choice_name(HEAD_TARGETS, o->target, word));
    if (o->masked && !h->encoder->options.mask_token)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.kind is tokens and head.masked 1, but encoder.mask_token is 0");
    if (o->visible != 0 && o->visible != 1)
        return mim__fail(ctx, MIM_ERR_VALUE, "head.visible is %g; head.kind tokens takes 0 or 1", o->visible);
    if (o->target == HEAD_BINS && !combinations(o->bins, channels))
        return mim__fail(ctx, MIM_ERR_VALUE, "head.bins %lld of %lld channels make more than 1000000 classes",
                         (long long)o->bins, (long long)channels);
    if (o->target == HEAD_BINS)
        o->classes = combinations(o->bins, channels);
    if (o->target == HEAD_CHANNEL_BINS)
        o->classes = o->bins;
    mim_status status = mim__head_check_features(h, o);
    return status ? status : mim__head_check_numbers(h, o, o->classes * of_patch(h, o));
}

/* Colours drawn at random until the host writes its own: iGPT's range -1..1. */
static struct tensor *palette(const mim_head *h, struct graph *g)
{
    struct init uniform = { INIT_UNIFORM, 1, 0, 0 };
    return mim__graph_param(g, "palette", SHAPE((int)h->options.classes, (int)h->encoder->image.channels), uniform,
                            PARAM_FIXED | PARAM_NO_DECAY);
}

static struct tensor *classes(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b)
{
    const struct head_options *o = &h->options;
    struct colours colours = { (int)h->encoder->options.patch, (int)o->bins, o->target == HEAD_CHANNEL_BINS };
    if (o->target == HEAD_CLASSES)
        return b->labels = mim__graph_input(g, "labels", SHAPE(e->batch, e->rows * e->cols), I32);
    return mim__op_colours(g, e->pixels, mim__head_scale(g, b->image),
                           o->target == HEAD_CLUSTERS ? palette(h, g) : NULL, colours);
}

/* Of each patch: a token speaks for as many, along each side, as it stands for. */
static struct tensor *predict(const mim_head *h, struct graph *g, const struct encoder_build *e, int depth,
                              enum dtype compute)
{
    int patches = 1 << mim__head_level(h->encoder, h->options.features);
    struct linear o = { .weight_init = { INIT_TRUNCATED, (float)h->options.init_deviation, 2, 0 }, .compute = compute,
                        .type = F32 };
    struct regrid apart = { ceil_div(e->rows, patches), ceil_div(e->cols, patches), e->rows, e->cols, patches, true };
    struct tensor *x = mim__op_linear(g, "lm_head", mim__head_features(h, g, e), patches * patches * depth, o);
    return patches > 1 ? mim__op_regrid(g, x, apart) : x;
}

static void build(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b)
{
    const struct head_options *o = &h->options;
    int answers = of_patch(h, o), each = (int)o->classes;
    struct tensor *x = b->logits = predict(h, g, e, answers * each, b->compute);
    if (answers > 1)
        x = mim__op_reshape(g, x, SHAPE(e->batch, e->rows * e->cols * answers, each));
    b->answers = classes(h, g, e, b);
    if (e->mask && o->visible == 0)
        b->answers = mim__op_hidden_classes(g, b->answers, e->mask);
    b->loss = b->seed =
        mim__op_cross_entropy(g, x, b->answers, NULL, (struct cross_entropy){ (float)o->smoothing });
    mim__graph_output(g, "answers", b->answers);
    mim__graph_output(g, "logits", b->logits);
    mim__graph_output(g, "loss", b->loss);
}

static int64_t find(const mim_tensors *t, const char *before, const char *format, int block)
{
    char name[TENSOR_NAME - NAME_PREFIX], full[TENSOR_NAME];
    snprintf(name, sizeof name, format, block);
    snprintf(full, sizeof full, "%s%s", before, name);
    return mim__tensors_find(t, full);
}

/* BeitForMaskedImageModeling has a norm of its own, after the last block or, where it does not pool the mean, after a norm. */
static mim_status read_features(const mim_tensors *t, mim_config *out)
{
    struct encoder_source s;
    char features[32];
    int depth = 0;
    mim_status status = mim__encoder_locate(t, &s);
    while (!status && depth < DEPTH_MOST && find(t, s.prefix, "encoder.layer.%d.layernorm_before.weight", depth) >= 0)
        depth++;
    bool twice = !status && find(t, s.prefix, "layernorm.weight", 0) >= 0;
    snprintf(features, sizeof features, twice ? "tokens" : "block.%d", depth);
    if (twice && !mim__config_has(out, "head.norm"))
        status = mim_config_set_i64(out, "head.norm", 1);
    return status || mim__config_has(out, "head.features") ? status : mim_config_set_str(out, "head.features", features);
}

static mim_status config_from(const mim_tensors *t, enum name_column c, const char *prefix, mim_config *out, bool *found)
{
    char full[TENSOR_NAME];
    snprintf(full, sizeof full, "%slm_head.weight", prefix);
    int64_t at = mim__tensors_find(t, full);
    const struct mim__tensor *w = at < 0 ? NULL : mim__tensors_at(t, at);
    mim_status status = MIM_OK;
    *found = (c == COLUMN_BEIT || c == COLUMN_HUGGINGFACE || c == COLUMN_MIM) && w && w->rank == 2;
    if (*found && c == COLUMN_HUGGINGFACE)
        status = read_features(t, out);
    if (*found && !status && !mim__config_has(out, "head.kind"))
        status = mim_config_set_str(out, "head.kind", "tokens");
    if (*found && !status && !mim__config_has(out, "head.classes"))
        status = mim_config_set_i64(out, "head.classes", w->shape[0]);
    return status;
}

static const struct name_rule rules[] = {
    { "lm_head.weight", "", "lm_head.weight", "lm_head.weight" }, { "lm_head.bias", "", "lm_head.bias", "lm_head.bias" },
    { "norm.weight", "", "", "layernorm.weight" }, { "norm.bias", "", "", "layernorm.bias" }, { "palette", "", "", "" },
    { NULL, NULL, NULL, NULL },
};

const struct head_kind mim__tokens = {
    .name = "tokens", .check = check, .build = build, .config_from = config_from, .rules = rules, .masks = true,
    .stages = true, .task = "ForMaskedImageModeling",
};
