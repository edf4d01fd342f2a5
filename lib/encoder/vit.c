/* SPDX-License-Identifier: MIT */
/* vit.c -- Vision Transformer (Dosovitskiy et al. 2021, eq. 1-4) with the variants of masked image modelling: hidden
 * patches (SimMIM, Xie et al. 2022), relative position bias and layer scale (BEiT, Bao et al. 2022).
 *
 * x [batch, tokens, width], class token first if there is one. Names of parameters are timm's. */
#include "encoder/encoder.h"
#include "encoder/tables.h"

#include <math.h>
#include <stdio.h>

enum { RELATIVE_MOST = 4096 };  /* side of a grid whose relative positions are resized: that takes its square in memory */

struct vit {                    /* one build */
    const mim_encoder *e;
    const struct encoder_options *o;
    struct graph *g;
    struct encoder_build *b;
    struct tensor *bias;        /* relative position bias [heads, tokens, tokens], where all blocks share it */
    int tokens;
    struct init weight;
};

/* ---- positions ---- */

/* A matrix of the graph from grid side n to m; kept as a constant. */
static struct tensor *matrix(const struct vit *v, int n, int m, bool relative)
{
    mim_context *ctx = v->e->object.ctx;
    size_t bytes = (size_t)n * (size_t)m * sizeof(float);
    float *data = mim__alloc(ctx, bytes);
    mim_status status = data ? MIM_OK : mim__no_memory(ctx, bytes);
    if (!status && relative)
        status = mim__geometric_matrix(ctx, n, m, data);
    else if (!status)
        mim__cubic_matrix(n, m, v->o->table_resize == TABLE_ANTIALIAS, data);
    struct tensor *made = status ? NULL : mim__graph_constant(v->g, "matrix", SHAPE(m, n), data);
    if (status)
        mim__graph_fail(v->g, status);
    mim__free(ctx, data);
    return made;
}

/* A table as the picture's grid needs it. */
static struct tensor *fitted(const struct vit *v, struct tensor *table, int prefix, int suffix, bool relative)
{
    int r0 = (int)v->o->table_rows, c0 = (int)v->o->table_cols, r1 = v->b->rows, c1 = v->b->cols;
    if (r0 == r1 && c0 == c1)
        return table;
    if (relative && (imin(r0, c0) < 3 || imax(imax(r0, c0), imax(r1, c1)) > RELATIVE_MOST)) {
        mim__graph_fail(v->g, mim__fail(v->e->object.ctx, MIM_ERR_UNSUPPORTED,
                                        "relative positions of a %dx%d grid cannot be resized to %dx%d", r0, c0, r1, c1));
        return NULL;
    }
    struct tensor *rows = relative ? matrix(v, 2 * r0 - 1, 2 * r1 - 1, true) : matrix(v, r0, r1, false);
    struct tensor *cols = relative ? matrix(v, 2 * c0 - 1, 2 * c1 - 1, true) : matrix(v, c0, c1, false);
    return mim__op_resample(v->g, table, rows, cols, (struct resample){ prefix, suffix });
}

static struct tensor *positions(const struct vit *v)
{
    int first = v->o->class_token && v->o->position_class ? 1 : 0, rows = (int)v->o->table_rows, cols = (int)v->o->table_cols;
    struct init how = v->weight;
    if (v->o->positions == POSITIONS_NONE)
        return NULL;
    if (v->o->positions == POSITIONS_SINCOS)
        how = (struct init){ INIT_SINCOS, (float)rows, (float)cols, (float)first };
    unsigned flags = PARAM_NO_DECAY | (v->o->positions == POSITIONS_SINCOS ? PARAM_FIXED : 0);
    struct tensor *table = mim__graph_param(v->g, "pos_embed", SHAPE(1, first + rows * cols, (int)v->o->width), how, flags);
    return fitted(v, table, first, 0, false);
}

static struct tensor *relative_bias(const struct vit *v, const char *name)
{
    int rows = (int)v->o->table_rows, cols = (int)v->o->table_cols, cls = v->o->class_token;
    int entries = (2 * rows - 1) * (2 * cols - 1) + (cls ? 3 : 0);
    struct tensor *table = mim__graph_param(v->g, name, SHAPE(entries, (int)v->o->heads), (struct init){ INIT_ZERO, 0, 0, 0 },
                                            PARAM_NO_DECAY);
    table = fitted(v, table, 0, cls ? 3 : 0, true);
    return mim__op_relative(v->g, table, (struct relative){ v->b->rows, v->b->cols, cls });
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

static struct tensor *qkv(const struct vit *v, struct tensor *x)
{
    int width = (int)v->o->width;
    struct init zero = { INIT_ZERO, 0, 0, 0 };
    struct linear o = { .norm = "norm1", .eps = (float)v->o->eps, .weight_init = v->weight, .compute = v->b->compute,
                        .type = v->b->compute, .no_bias = v->o->qkv_bias == QKV_BIAS_NONE };
    if (v->o->qkv_bias == QKV_BIAS_QUERY_VALUE) {
        struct tensor *q = mim__graph_param(v->g, "attn.q_bias", SHAPE(width), zero, PARAM_NO_DECAY);
        o.bias = mim__op_join_bias(v->g, q, mim__graph_param(v->g, "attn.v_bias", SHAPE(width), zero, PARAM_NO_DECAY));
    }
    return mim__op_linear(v->g, "attn.qkv", x, 3 * width, o);
}

static void name_output(struct graph *g, const char *kind, int i, struct tensor *t)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%d", kind, i);
    mim__graph_output(g, name, t);
}

static struct tensor *block(const struct vit *v, struct tensor *x, int i)
{
    struct graph *g = v->g;
    const struct encoder_options *o = v->o;
    struct linear branch = { .weight_init = branch_end(v, i), .drop_path = drop_rate(v, i), .residual = x, .compute = v->b->compute,
                             .tokens = v->tokens, .scale_init = (float)o->layer_scale };
    struct attention heads = { .heads = (int)o->heads, .compute = v->b->compute };
    mim__graph_segment(g);
    mim__graph_scope(g, "blocks.%d.", i);
    struct tensor *bias = o->relative == RELATIVE_BLOCK ? relative_bias(v, "attn.relative_position_bias_table") : v->bias;
    struct tensor *projected = qkv(v, x), *h = mim__op_attention(g, projected, bias, heads);
    name_output(g, "attention", i + 1, mim__op_attention_weights(g, projected, bias, heads));
    branch.scale = o->layer_scale > 0 ? "ls1.gamma" : NULL;
    x = mim__op_linear(g, "attn.proj", h, (int)o->width, branch);
    h = mim__op_linear(g, "mlp.fc1", x, (int)o->hidden, (struct linear){ .norm = "norm2", .eps = (float)o->eps,
                       .weight_init = v->weight, .compute = v->b->compute, .type = v->b->compute });
    branch.scale = o->layer_scale > 0 ? "ls2.gamma" : NULL;
    branch.residual = x;
    branch.activation = (enum activation)(o->activation + 1);
    x = mim__op_linear(g, "mlp.fc2", h, (int)o->width, branch);
    name_output(g, "block", i + 1, x);
    return x;
}

/* ---- the whole ---- */

static void inputs(const struct vit *v)
{
    struct encoder_build *b = v->b;
    int patch = (int)v->o->patch;
    b->rows = b->height / patch;
    b->cols = b->width / patch;
    b->first = v->o->class_token ? 1 : 0;
    b->pixels = mim__graph_input(v->g, "pixels", SHAPE(b->batch, (int)v->e->image.channels, b->height, b->width), F32);
    b->mask = b->masked ? mim__graph_input(v->g, "mask", SHAPE(b->batch, b->rows * b->cols), I32) : NULL;
}

static struct tensor *embedding(const struct vit *v)
{
    struct encoder_build *b = v->b;
    int width = (int)v->o->width, patch = (int)v->o->patch;
    struct tensor *cls = NULL, *hidden = NULL;
    if (v->o->class_token)
        cls = mim__graph_param(v->g, "cls_token", SHAPE(1, 1, width), v->weight, PARAM_NO_DECAY);
    if (v->o->mask_token)
        hidden = mim__graph_param(v->g, "mask_token", SHAPE(1, 1, width), v->weight, PARAM_NO_DECAY);
    struct tensor *places = positions(v), *x = mim__op_patches(v->g, b->pixels, patch, b->compute);
    x = mim__op_linear(v->g, "patch_embed.proj", x, width, (struct linear){ .weight_init = v->weight, .compute = b->compute,
                       .type = F32, .weight_shape = SHAPE(width, (int)v->e->image.channels, patch, patch) });
    if (b->mask)
        x = mim__op_mask_tokens(v->g, x, b->mask, hidden);
    return mim__op_embed(v->g, x, cls, places);
}

static void finish(const struct vit *v, struct tensor *x)
{
    struct encoder_build *b = v->b;
    bool mean = v->o->pool == POOL_MEAN;
    mim__graph_segment(v->g);
    mim__graph_scope(v->g, "%s", "");
    b->tokens = v->o->norm ? mim__op_norm(v->g, "norm", x, (float)v->o->eps, F32) : x;
    b->pooled = mim__op_pool(v->g, b->tokens, mean ? b->first : 0, mean ? b->rows * b->cols : 1);
    if (v->o->pool_norm)
        b->pooled = mim__op_norm(v->g, "fc_norm", b->pooled, (float)v->o->eps, F32);
    mim__graph_output(v->g, "tokens", b->tokens);
    mim__graph_output(v->g, "pooled", b->pooled);
}

static void build(const mim_encoder *e, struct graph *g, struct encoder_build *b)
{
    struct vit v = { .e = e, .o = &e->options, .g = g, .b = b };
    v.weight = (struct init){ INIT_TRUNCATED, (float)e->options.init_deviation, (float)e->options.init_cut, 0 };
    mim__graph_store(g, 0);
    mim__graph_scope(g, "%s", "");
    inputs(&v);
    v.tokens = b->first + b->rows * b->cols;
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
    if (o->width % o->heads)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.width %lld is not a multiple of encoder.heads %lld", (long long)o->width,
                         (long long)o->heads);
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

static const struct name_rule rules[] = {
    { "cls_token", "cls_token", "cls_token", "embeddings.cls_token" },
    { "mask_token", "mask_token", "mask_token", "embeddings.mask_token" },
    { "pos_embed", "pos_embed", "pos_embed", "embeddings.position_embeddings" },
    { "patch_embed.proj.weight", "patch_embed.proj.weight", "patch_embed.proj.weight", "embeddings.patch_embeddings.projection.weight" },
    { "patch_embed.proj.bias", "patch_embed.proj.bias", "patch_embed.proj.bias", "embeddings.patch_embeddings.projection.bias" },
    { "rel_pos_bias.relative_position_bias_table", NULL, "rel_pos_bias.relative_position_bias_table", NULL },
    { "blocks.%d.norm1.weight", "blocks.%d.norm1.weight", "blocks.%d.norm1.weight", "encoder.layer.%d.layernorm_before.weight" },
    { "blocks.%d.norm1.bias", "blocks.%d.norm1.bias", "blocks.%d.norm1.bias", "encoder.layer.%d.layernorm_before.bias" },
    { "blocks.%d.attn.qkv.weight", "blocks.%d.attn.qkv.weight", "blocks.%d.attn.qkv.weight", "encoder.layer.%d.attention.attention.@.weight" },
    { "blocks.%d.attn.qkv.bias", "blocks.%d.attn.qkv.bias", NULL, "encoder.layer.%d.attention.attention.@.bias" },
    { "blocks.%d.attn.q_bias", NULL, "blocks.%d.attn.q_bias", "encoder.layer.%d.attention.attention.query.bias" },
    { "blocks.%d.attn.v_bias", NULL, "blocks.%d.attn.v_bias", "encoder.layer.%d.attention.attention.value.bias" },
    { "blocks.%d.attn.relative_position_bias_table", NULL, "blocks.%d.attn.relative_position_bias_table", NULL },
    { "blocks.%d.attn.proj.weight", "blocks.%d.attn.proj.weight", "blocks.%d.attn.proj.weight", "encoder.layer.%d.attention.output.dense.weight" },
    { "blocks.%d.attn.proj.bias", "blocks.%d.attn.proj.bias", "blocks.%d.attn.proj.bias", "encoder.layer.%d.attention.output.dense.bias" },
    { "blocks.%d.ls1.gamma", "blocks.%d.ls1.gamma", "blocks.%d.gamma_1", NULL },
    { "blocks.%d.norm2.weight", "blocks.%d.norm2.weight", "blocks.%d.norm2.weight", "encoder.layer.%d.layernorm_after.weight" },
    { "blocks.%d.norm2.bias", "blocks.%d.norm2.bias", "blocks.%d.norm2.bias", "encoder.layer.%d.layernorm_after.bias" },
    { "blocks.%d.mlp.fc1.weight", "blocks.%d.mlp.fc1.weight", "blocks.%d.mlp.fc1.weight", "encoder.layer.%d.intermediate.dense.weight" },
    { "blocks.%d.mlp.fc1.bias", "blocks.%d.mlp.fc1.bias", "blocks.%d.mlp.fc1.bias", "encoder.layer.%d.intermediate.dense.bias" },
    { "blocks.%d.mlp.fc2.weight", "blocks.%d.mlp.fc2.weight", "blocks.%d.mlp.fc2.weight", "encoder.layer.%d.output.dense.weight" },
    { "blocks.%d.mlp.fc2.bias", "blocks.%d.mlp.fc2.bias", "blocks.%d.mlp.fc2.bias", "encoder.layer.%d.output.dense.bias" },
    { "blocks.%d.ls2.gamma", "blocks.%d.ls2.gamma", "blocks.%d.gamma_2", NULL },
    { "norm.weight", "norm.weight", "norm.weight", "layernorm.weight" },
    { "norm.bias", "norm.bias", "norm.bias", "layernorm.bias" },
    { "fc_norm.weight", "fc_norm.weight", "fc_norm.weight", NULL },
    { "fc_norm.bias", "fc_norm.bias", "fc_norm.bias", NULL },
    { NULL, NULL, NULL, NULL },
};

const struct architecture mim__vit = { "vit", check, build, layer, rules };
