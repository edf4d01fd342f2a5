/* SPDX-License-Identifier: MIT */
/* vit.c -- Vision Transformer (Dosovitskiy et al. 2021, eq. 1-4) with the variants of masked image modelling: hidden
 * patches, as a token (SimMIM, Xie et al. 2022) or left out (MAE, He et al. 2022), relative position bias and layer scale
 * (BEiT, Bao et al. 2022).
 *
 * x [batch, tokens, width], class token first if there is one. Names of parameters are timm's. */
#include "encoder/encoder.h"
#include "encoder/tables.h"

#include <math.h>
#include <stdio.h>

enum {
    RELATIVE_MOST = 512,        /* side of a grid whose relative positions are resized: that takes its square in memory */
    INNER_MOST = 262144         /* numbers of all heads */
};

static const float KERAS_EMBEDDING = 0.05f;     /* bound of its embeddings' initial values */

struct vit {                    /* one build */
    const mim_encoder *e;
    const struct encoder_options *o;
    struct graph *g;
    struct encoder_build *b;
    struct tensor *bias;        /* relative position bias [heads, tokens, tokens], where all blocks share it */
    int tokens;
    struct init weight, token;
};

/* ---- positions ---- */

static struct tensor *positions(const struct vit *v)
{
    const struct encoder_options *o = v->o;
    struct table t = { .name = "pos_embed", .kind = (enum positions)o->positions, .width = (int)o->width,
                       .rows = (int)o->table_rows, .cols = (int)o->table_cols, .first = o->class_token && o->position_class,
                       .to_rows = v->b->rows, .to_cols = v->b->cols, .resize = (enum table_resize)o->table_resize,
                       .how = v->weight };
    if (o->init == INIT_WAY_KERAS)
        t.how = (struct init){ INIT_UNIFORM, KERAS_EMBEDDING, 0, 0 };
    return mim__positions(v->g, &t);
}

/* From relative positions of a grid of side n to those of side m; kept as a constant of the graph. */
static struct tensor *matrix(const struct vit *v, int n, int m)
{
    mim_context *ctx = v->e->object.ctx;
    int from = 2 * n - 1, to = 2 * m - 1;
    size_t bytes = (size_t)from * (size_t)to * sizeof(float);
    float *data = mim__alloc(ctx, bytes);
    mim_status status = data ? mim__geometric_matrix(ctx, from, to, data) : mim__no_memory(ctx, bytes);
    struct tensor *made = status ? NULL : mim__graph_constant(v->g, "matrix", SHAPE(to, from), data);
    if (status)
        mim__graph_fail(v->g, status);
    mim__free(ctx, data);
    return made;
}

/* A table of relative positions as the picture's grid needs it. */
static struct tensor *fitted(const struct vit *v, struct tensor *table, int suffix)
{
    int r0 = (int)v->o->table_rows, c0 = (int)v->o->table_cols, r1 = v->b->rows, c1 = v->b->cols;
    if (r0 == r1 && c0 == c1)
        return table;
    if (imin(r0, c0) < 3 || imax(imax(r0, c0), imax(r1, c1)) > RELATIVE_MOST) {
        mim__graph_fail(v->g, mim__fail(v->e->object.ctx, MIM_ERR_UNSUPPORTED,
                                        "relative positions of a %dx%d grid cannot be resized to %dx%d", r0, c0, r1, c1));
        return NULL;
    }
    struct tensor *rows = matrix(v, r0, r1), *cols = matrix(v, c0, c1);
    return mim__op_resample(v->g, table, rows, cols, (struct resample){ 0, suffix });
}

static struct tensor *relative_bias(const struct vit *v, const char *name)
{
    int rows = (int)v->o->table_rows, cols = (int)v->o->table_cols, cls = v->o->class_token;
    int entries = (2 * rows - 1) * (2 * cols - 1) + (cls ? 3 : 0);
    struct tensor *table = mim__graph_param(v->g, name, SHAPE(entries, (int)v->o->heads), (struct init){ INIT_ZERO, 0, 0, 0 },
                                            PARAM_NO_DECAY);
    table = fitted(v, table, cls ? 3 : 0);
    return mim__op_relative(v->g, table, (struct relative){ v->b->rows, v->b->cols, cls, 1 });
}

/* ---- blocks ---- */

static float drop_rate(const struct vit *v, int i)
{
    return v->o->depth > 1 ? (float)(v->o->drop_path * i / (double)(v->o->depth - 1)) : 0;
}

/* Weights at the end of a branch start smaller the deeper they stand (BEiT). */
static struct init branch_end(const struct vit *v, int i)
{
    float scale = v->o->init_rescale ? 1 / sqrtf(2 * (float)(i + 1)) : 1;
    return (struct init){ INIT_TRUNCATED, v->weight.a * scale, v->weight.b * scale, 0 };
}

static void name_output(struct graph *g, const char *kind, int i, struct tensor *t)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%d", kind, i);
    mim__graph_output(g, name, t);
}

static struct tensor *block(const struct vit *v, struct tensor *x, int i)
{
    const struct encoder_options *o = v->o;
    struct tensor *weights;
    struct block b = { .width = (int)o->width, .heads = (int)o->heads, .hidden = (int)o->hidden, .tokens = v->tokens,
                       .head_width = (int)o->head_width, .eps = o->eps,
                       .activation = (enum activation)(o->activation + 1), .activation_out = o->activation_out,
                       .qkv_bias = (enum qkv_bias)o->qkv_bias, .compute = v->b->compute,
                       .init = (enum init_way)o->init, .weight = v->weight, .end = branch_end(v, i),
                       .layer_scale = o->layer_scale, .drop_path = drop_rate(v, i), .bias = v->bias };
    mim__graph_segment(v->g);
    mim__graph_scope(v->g, "blocks.%d.", i);
    if (o->relative == RELATIVE_BLOCK)
        b.bias = relative_bias(v, "attn.relative_position_bias_table");
    x = mim__block(v->g, x, &b, &weights);
    name_output(v->g, "attention", i + 1, weights);
    name_output(v->g, "block", i + 1, x);
    return x;
}

/* ---- the whole ---- */

/* Without a mask token, hidden patches are left out: "visible" tells which are not. */
static void inputs(const struct vit *v)
{
    struct encoder_build *b = v->b;
    int patch = (int)v->o->patch, all;
    bool leaves_out = b->masked && !v->o->mask_token;
    b->rows = b->height / patch;
    b->cols = b->width / patch;
    b->first = v->o->class_token ? 1 : 0;
    b->token_rows = b->rows;
    b->token_cols = b->cols;
    all = b->rows * b->cols;
    b->kept = leaves_out && b->kept ? b->kept : all;
    b->pixels = mim__graph_input(v->g, "pixels", SHAPE(b->batch, (int)v->e->image.channels, b->height, b->width), F32);
    b->mask = b->masked ? mim__graph_input(v->g, "mask", SHAPE(b->batch, all), I32) : NULL;
    b->visible = leaves_out ? mim__graph_input(v->g, "visible", SHAPE(b->batch, b->kept), I32) : NULL;
    if (leaves_out && v->o->relative != RELATIVE_NONE)
        mim__graph_fail(v->g, mim__fail(v->e->object.ctx, MIM_ERR_UNSUPPORTED,
                                        "hidden patches cannot be left out of an encoder with encoder.relative: set "
                                        "encoder.mask_token 1"));
}

/* The pixels of each patch that is encoded, through a linear layer: a convolution's weight. */
static struct tensor *patches(const struct vit *v)
{
    struct encoder_build *b = v->b;
    int width = (int)v->o->width, patch = (int)v->o->patch, channels = (int)v->e->image.channels;
    int depth = channels * patch * patch;
    struct init weight = v->o->init == INIT_WAY_TRUNCATED ? v->weight : mim__xavier(depth, width), bias = { INIT_ZERO, 0, 0, 0 };
    if (v->o->init == INIT_WAY_XAVIER)               /* PyTorch's, as in MAE */
        bias = (struct init){ INIT_UNIFORM, 1 / sqrtf((float)depth), 0, 0 };
    struct tensor *x = mim__op_patches(v->g, b->pixels, patch, b->compute);
    x = b->visible ? mim__op_gather(v->g, x, b->visible) : x;
    b->patch_weight = mim__graph_param(v->g, "patch_embed.proj.weight", SHAPE(width, channels, patch, patch), weight, 0);
    b->patch_bias = mim__graph_param(v->g, "patch_embed.proj.bias", SHAPE(width), bias, PARAM_NO_DECAY);
    return mim__op_linear(v->g, "patch_embed.proj", x, width, (struct linear){ .weight = b->patch_weight, .type = F32,
                          .bias = b->patch_bias, .compute = b->compute });
}

static struct tensor *embedding(const struct vit *v)
{
    struct encoder_build *b = v->b;
    int width = (int)v->o->width;
    struct tensor *cls = NULL, *hidden = NULL;
    if (v->o->class_token)
        cls = mim__graph_param(v->g, "cls_token", SHAPE(1, 1, width), v->token, PARAM_NO_DECAY);
    if (v->o->mask_token)
        hidden = mim__graph_param(v->g, "mask_token", SHAPE(1, 1, width), v->token, PARAM_NO_DECAY);
    struct tensor *places = b->positions = positions(v), *x = patches(v);
    if (hidden && b->mask)
        x = mim__op_mask_tokens(v->g, x, b->mask, hidden);
    return b->visible ? mim__op_embed_some(v->g, x, cls, places, b->visible, cls && v->o->position_class)
                      : mim__op_embed(v->g, x, cls, places);
}

static void finish(const struct vit *v, struct tensor *x)
{
    struct encoder_build *b = v->b;
    bool mean = v->o->pool == POOL_MEAN;
    mim__graph_segment(v->g);
    mim__graph_scope(v->g, "%s", "");
    b->tokens = v->o->norm ? mim__op_norm(v->g, "norm", x, (float)v->o->eps, F32) : x;
    b->pooled = mim__op_pool(v->g, b->tokens, mean ? b->first : 0, mean ? b->kept : 1);
    if (v->o->pool_norm)
        b->pooled = mim__op_norm(v->g, "fc_norm", b->pooled, (float)v->o->eps, F32);
    mim__graph_output(v->g, "tokens", b->tokens);
    mim__graph_output(v->g, "pooled", b->pooled);
}

static void build(const mim_encoder *e, struct graph *g, struct encoder_build *b)
{
    struct vit v = { .e = e, .o = &e->options, .g = g, .b = b };
    v.weight = (struct init){ INIT_TRUNCATED, (float)e->options.init_deviation, (float)e->options.init_cut, 0 };
    v.token = e->options.init != INIT_WAY_TRUNCATED ? (struct init){ INIT_NORMAL, v.weight.a, 0, 0 } : v.weight;
    mim__graph_store(g, 0);
    mim__graph_scope(g, "%s", "");
    inputs(&v);
    v.tokens = b->first + b->kept;
    struct tensor *x = embedding(&v);
    mim__graph_output(g, "block.0", x);
    if (e->options.relative == RELATIVE_SHARED)
        v.bias = relative_bias(&v, "rel_pos_bias.relative_position_bias_table");
    for (int i = 0; i < e->options.depth; i++)
        x = block(&v, x, i);
    finish(&v, x);
}

static mim_status check(mim_context *ctx, struct encoder_options *o)
{
    if (o->positions == POSITIONS_AUTO)
        o->positions = POSITIONS_LEARNED;
    o->depths.count = o->stage_heads.count = o->stage_hidden.count = 0;
    if (!o->head_width && o->width % o->heads)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.width %lld is not a multiple of encoder.heads %lld", (long long)o->width,
                         (long long)o->heads);
    if (o->head_width && o->heads * o->head_width > INNER_MOST)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.heads %lld of encoder.head_width %lld are more than %d numbers",
                         (long long)o->heads, (long long)o->head_width, INNER_MOST);
    if (o->activation_out && (o->layer_scale > 0 || o->drop_path > 0))
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.activation_out 1 goes with neither encoder.layer_scale %g nor "
                                             "encoder.drop_path %g", o->layer_scale, o->drop_path);
    if (o->positions == POSITIONS_SINCOS && o->width % 4)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.positions sincos needs a width that 4 divides, not %lld", (long long)o->width);
    if (o->pool == POOL_CLASS && !o->class_token)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.pool is class, but encoder.class_token is 0");
    if (o->pool == POOL_AUTO)
        o->pool = o->class_token ? POOL_CLASS : POOL_MEAN;
    if (!o->hidden)
        o->hidden = 4 * o->width;
    return MIM_OK;
}

/* Layer decay: 0 what comes before the blocks, k + 1 block k, depth + 1 the rest (SimMIM, BEiT). */
static int layer(const mim_encoder *e, const char *parameter)
{
    static const char *const early[] = { "cls_token", "mask_token", "pos_embed", "patch_embed." };
    int number;
    for (int i = 0; i < COUNT(early); i++)
        if (!strncmp(parameter, early[i], strlen(early[i])))
            return 0;
    return sscanf(parameter, "blocks.%d.", &number) == 1 ? number + 1 : (int)e->options.depth + 1;
}

const struct architecture mim__vit = {
    .name = "vit", .check = check, .build = build, .layer = layer, .rules = mim__vit_rules, .import = mim__vit_import,
    .json = mim__vit_json, .timm_mark = "blocks.0.norm1.weight", .class_name = "ViT", .model_type = "vit", .prefix = "vit.",
    .huggingface_mark = "encoder.layer.0.layernorm_before.weight",
};
