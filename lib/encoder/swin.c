/* SPDX-License-Identifier: MIT */
/* swin.c -- Swin Transformer (Liu et al. 2021, sec. 3) and Swin V2 (Liu et al. 2022, sec. 3): stages (stage.c) between which
 * 2 x 2 tokens become one. Hidden patches become a token (SimMIM, Xie et al. 2022).
 *
 * x [batch, tokens, width] is a grid, row by row. Names of parameters are those of the authors' code: timm counts the
 * merging of a stage to the next one. */
#include "encoder/stage.h"

#include <math.h>
#include <stdio.h>

struct swin {                       /* one build */
    const mim_encoder *e;
    const struct encoder_options *o;
    struct graph *g;
    struct encoder_build *b;
    struct init weight;
};

/* ---- stages ---- */

static int hidden_of(const struct encoder_options *o, int k)
{
    return o->stage_hidden.count ? (int)o->stage_hidden.v[k] : (int)o->hidden << k;
}

static struct stage stage_of(const struct swin *v, int k)
{
    const struct encoder_options *o = v->o;
    struct stage s = { .e = v->e, .build = v->b, .g = v->g, .scope = "layers.", .number = k, .level = k,
                       .width = (int)o->width << k, .heads = (int)o->stage_heads.v[k], .hidden = hidden_of(o, k),
                       .blocks = (int)o->depths.v[k] };
    mim__stage_begin(&s);
    return s;
}

static void name_output(struct graph *g, const char *kind, int i, struct tensor *t)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%d", kind, i);
    mim__graph_output(g, name, t);
}

/* first: blocks of the stages before. */
static struct tensor *blocks(const struct swin *v, const struct stage *s, struct tensor *x, int first)
{
    const struct encoder_options *o = v->o;
    for (int i = 0; i < s->blocks; i++) {
        int number = first + i;
        float drop_path = o->depth > 1 ? (float)(o->drop_path * number / (double)(o->depth - 1)) : 0;
        struct tensor *weights;
        x = mim__stage_block(s, x, i, drop_path, &weights);
        name_output(v->g, "attention", number + 1, weights);
        name_output(v->g, "block", number + 1, x);
    }
    return x;
}

/* ---- the whole ---- */

static void inputs(const struct swin *v)
{
    struct encoder_build *b = v->b;
    int patch = (int)v->o->patch, last = mim__encoder_stages(v->e) - 1;
    b->rows = b->height / patch;
    b->cols = b->width / patch;
    b->token_rows = mim__stage_side(b->rows, last);
    b->token_cols = mim__stage_side(b->cols, last);
    b->kept = b->token_rows * b->token_cols;
    b->pixels = mim__graph_input(v->g, "pixels", SHAPE(b->batch, (int)v->e->image.channels, b->height, b->width), F32);
    b->mask = b->masked ? mim__graph_input(v->g, "mask", SHAPE(b->batch, b->rows * b->cols), I32) : NULL;
    if (b->masked && !v->o->mask_token)
        mim__graph_fail(v->g, mim__fail(v->e->object.ctx, MIM_ERR_UNSUPPORTED,
                                        "hidden patches cannot be left out of an encoder with windows: set "
                                        "encoder.mask_token 1"));
}

static struct tensor *positions(const struct swin *v)
{
    const struct encoder_options *o = v->o;
    struct table t = { .name = "absolute_pos_embed", .kind = (enum positions)o->positions, .width = (int)o->width,
                       .rows = (int)o->table_rows, .cols = (int)o->table_cols, .to_rows = v->b->rows, .to_cols = v->b->cols,
                       .resize = (enum table_resize)o->table_resize, .how = v->weight };
    return mim__positions(v->g, &t);
}

/* The bias of this convolution, and its weight, start as PyTorch's. */
static struct tensor *embedding(const struct swin *v)
{
    int width = (int)v->o->width, patch = (int)v->o->patch, channels = (int)v->e->image.channels;
    struct init uniform = { INIT_UNIFORM, 1 / sqrtf((float)(channels * patch * patch)), 0, 0 };
    struct linear o = { .weight_init = uniform, .bias_init = uniform, .compute = v->b->compute, .type = F32,
                        .weight_shape = SHAPE(width, channels, patch, patch) };
    struct tensor *x = mim__op_patches(v->g, v->b->pixels, patch, v->b->compute), *hidden = NULL;
    x = mim__op_linear(v->g, "patch_embed.proj", x, width, o);
    x = mim__op_norm(v->g, "patch_embed.norm", x, (float)v->o->merge_eps, F32);
    if (v->o->mask_token)
        hidden = mim__graph_param(v->g, "mask_token", SHAPE(1, 1, width), v->weight, PARAM_NO_DECAY);
    struct tensor *places = v->b->positions = positions(v);
    x = hidden && v->b->mask ? mim__op_mask_tokens(v->g, x, v->b->mask, hidden) : x;
    return places ? mim__op_embed(v->g, x, NULL, places) : x;
}

static void build(const mim_encoder *e, struct graph *g, struct encoder_build *b)
{
    const struct encoder_options *o = &e->options;
    struct swin v = { .e = e, .o = o, .g = g, .b = b };
    int first = 0;
    v.weight = (struct init){ INIT_TRUNCATED, (float)o->init_deviation, (float)o->init_cut, 0 };
    mim__graph_store(g, 0);
    mim__graph_scope(g, "%s", "");
    inputs(&v);
    struct tensor *x = embedding(&v);
    mim__graph_output(g, "block.0", x);
    for (int k = 0; k < o->depths.count; k++) {
        struct stage s = stage_of(&v, k);
        x = blocks(&v, &s, x, first);
        first += s.blocks;
        name_output(g, "stage", k + 1, x);
        if (k + 1 < o->depths.count)
            x = mim__stage_merge(&s, x);
    }
    mim__graph_segment(g);
    mim__graph_scope(g, "%s", "");
    b->tokens = o->norm ? mim__op_norm(g, "norm", x, (float)o->eps, F32) : x;
    b->pooled = mim__op_pool(g, b->tokens, 0, b->kept);
    mim__graph_output(g, "tokens", b->tokens);
    mim__graph_output(g, "pooled", b->pooled);
}

/* ---- options ---- */

static mim_status check_hidden(mim_context *ctx, struct encoder_options *o)
{
    const struct mim__numbers *n = &o->stage_hidden;
    if (n->count && n->count != o->depths.count)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.stage_hidden is of %d stages, encoder.depths of %d", n->count,
                         o->depths.count);
    for (int k = 0; k < n->count; k++)
        if (n->v[k] != floor(n->v[k]))
            return mim__fail(ctx, MIM_ERR_VALUE, "encoder.stage_hidden: %g is no whole number", n->v[k]);
    if (n->count)
        o->hidden = (int64_t)n->v[0];
    return MIM_OK;
}

static mim_status check_stages(mim_context *ctx, struct encoder_options *o)
{
    struct stages all = { "encoder", &o->depths, &o->stage_heads, o->width, o->stage_hidden.count ? 0 : o->hidden,
                          false };
    mim_status status = mim__stages_check(ctx, &all);
    o->depth = 0;
    for (int k = 0; k < o->depths.count; k++)
        o->depth += (int64_t)o->depths.v[k];
    o->heads = (int64_t)o->stage_heads.v[0];
    return status;
}

/* Options of other encoders become what they come to here. */
static mim_status check_both(mim_context *ctx, struct encoder_options *o)
{
    static const double usual[] = { 2, 2, 6, 2 };
    if (o->positions == POSITIONS_SINCOS)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.kind swin and swinv2 take encoder.positions learned or none, not sincos");
    if (o->pool == POOL_CLASS || o->pool_norm)
        return mim__fail(ctx, MIM_ERR_VALUE,
                         "encoder.kind swin and swinv2 pool the mean of their tokens, without another norm");
    if (o->layer_scale > 0)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.layer_scale is %g, but encoder.kind swin and swinv2 have none",
                         o->layer_scale);
    if (o->head_width || o->activation_out || o->init != INIT_WAY_TRUNCATED)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.kind swin and swinv2 take encoder.head_width 0, activation_out 0 and "
                         "init truncated");
    o->positions = o->positions == POSITIONS_AUTO ? POSITIONS_NONE : o->positions;
    o->relative = RELATIVE_BLOCK;
    o->class_token = o->position_class = 0;
    o->pool = POOL_MEAN;
    if (!o->hidden)
        o->hidden = 4 * o->width;
    if (!o->table_window)
        o->table_window = o->window;
    if (o->merge_eps == 0)
        o->merge_eps = o->eps;
    if (!o->depths.count)
        for (int k = 0; k < COUNT(usual); k++)
            o->depths.v[o->depths.count++] = usual[k];
    for (int k = 0; !o->stage_heads.count && k < imin(o->depths.count, STAGES_MOST); k++)
        o->stage_heads.v[k] = (double)(o->heads << k);
    if (!o->stage_heads.count)
        o->stage_heads.count = imin(o->depths.count, STAGES_MOST);
    mim_status status = check_hidden(ctx, o);
    return status ? status : check_stages(ctx, o);
}

static mim_status check(mim_context *ctx, struct encoder_options *o)
{
    if (o->qkv_bias == QKV_BIAS_QUERY_VALUE)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.kind swin takes encoder.qkv_bias full or none");
    if (o->norm_every)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.norm_every %lld is for encoder.kind swinv2", (long long)o->norm_every);
    o->pretrained_windows.count = 0;
    return check_both(ctx, o);
}

/* A bias of keys would change cosines, and there is none. */
static mim_status check_second(mim_context *ctx, struct encoder_options *o)
{
    for (int k = 0; k < o->pretrained_windows.count; k++)
        if (o->pretrained_windows.v[k] != floor(o->pretrained_windows.v[k]))
            return mim__fail(ctx, MIM_ERR_VALUE, "encoder.pretrained_windows: %g is no whole number",
                             o->pretrained_windows.v[k]);
    if (o->qkv_bias == QKV_BIAS_FULL)
        o->qkv_bias = QKV_BIAS_QUERY_VALUE;
    return check_both(ctx, o);
}

/* Layer decay: 0 what comes before the blocks, k + 1 block k and, of the last block of a stage, the merging after it;
 * depth + 1 the rest (SimMIM). */
static int layer(const mim_encoder *e, const char *parameter)
{
    const struct encoder_options *o = &e->options;
    int stage, block, first = 0;
    if (!strncmp(parameter, "mask_token", 10) || !strncmp(parameter, "patch_embed.", 12))
        return 0;
    int read = sscanf(parameter, "layers.%d.blocks.%d.", &stage, &block);
    for (int k = 0; read && k < stage; k++)
        first += (int)o->depths.v[k];
    return read == 2 ? first + block + 1 : read == 1 ? first + (int)o->depths.v[stage] : (int)o->depth + 1;
}

const struct architecture mim__swin = {
    .name = "swin", .check = check, .build = build, .layer = layer, .rules = mim__swin_rules, .import = mim__swin_import,
    .json = mim__swin_json, .timm_mark = "layers.0.blocks.0.attn.relative_position_bias_table",
    .huggingface_mark = "encoder.layers.0.blocks.0.attention.self.relative_position_bias_table",
    .class_name = "Swin", .model_type = "swin", .prefix = "swin.",
};

const struct architecture mim__swinv2 = {
    .name = "swinv2", .check = check_second, .build = build, .layer = layer, .rules = mim__swin_rules,
    .import = mim__swin_import, .json = mim__swin_json, .timm_mark = "layers.0.blocks.0.attn.logit_scale",
    .huggingface_mark = "encoder.layers.0.blocks.0.attention.self.logit_scale",
    .class_name = "Swinv2", .model_type = "swinv2", .prefix = "swinv2.",
};
