/* SPDX-License-Identifier: MIT */
/* block.c -- the transformer block (Vaswani et al. 2017; norms before the branches, Dosovitskiy et al. 2021, eq. 2 and 3)
 * and absolute positions. Names of parameters are timm's. */
#include "encoder/block.h"
#include "encoder/tables.h"

#include <math.h>

struct init mim__xavier(int in, int out)
{
    return (struct init){ INIT_UNIFORM, (float)sqrt(6.0 / ((double)in + out)), 0, 0 };
}

/* ---- the block ---- */

static struct init layer(const struct block *b, int in, int out, bool end)
{
    return b->init != INIT_WAY_TRUNCATED ? mim__xavier(in, out) : end ? b->end : b->weight;
}

/* Numbers of all heads. */
static int inner(const struct block *b) { return b->head_width ? b->heads * b->head_width : b->width; }

/* Keras keeps the weights of queries as [width, heads, head width], those of the way back as [heads, head width, width], and
 * takes all dimensions but the last two for the area of a convolution, which multiplies both of these. */
static struct init keras_layer(int area, int in, int out) { return mim__xavier(area * in, area * out); }

static struct init qkv_init(const struct block *b)
{
    return b->init == INIT_WAY_KERAS ? keras_layer(b->width, b->heads, inner(b) / b->heads)
                                     : layer(b, b->width, 3 * inner(b), false);
}

static struct init proj_init(const struct block *b)
{
    return b->init == INIT_WAY_KERAS ? keras_layer(b->heads, inner(b) / b->heads, b->width)
                                     : layer(b, inner(b), b->width, true);
}

/* Windows that the grid does not fill: their grid is the larger one. */
static bool overhangs(const struct block *b)
{
    return b->windows.high && (b->windows.rows != b->rows || b->windows.cols != b->cols);
}

static struct tensor *fill_up(struct graph *g, struct tensor *x, const struct block *b)
{
    return mim__op_regrid(g, x, (struct regrid){ b->rows, b->cols, b->windows.rows, b->windows.cols, 1, false });
}

static struct tensor *cut_off(struct graph *g, struct tensor *x, const struct block *b)
{
    return mim__op_regrid(g, x, (struct regrid){ b->windows.rows, b->windows.cols, b->rows, b->cols, 1, false });
}

static struct tensor *qkv(struct graph *g, struct tensor *x, const struct block *b)
{
    int width = inner(b);
    struct init zero = { INIT_ZERO, 0, 0, 0 };
    struct linear o = { .norm = b->norm_after ? NULL : "norm1", .eps = (float)b->eps, .weight_init = qkv_init(b),
                        .compute = b->compute, .type = b->compute, .no_bias = b->qkv_bias == QKV_BIAS_NONE };
    if (b->qkv_bias == QKV_BIAS_QUERY_VALUE) {
        struct tensor *q = mim__graph_param(g, "attn.q_bias", SHAPE(width), zero, PARAM_NO_DECAY);
        o.bias = mim__op_join_bias(g, q, mim__graph_param(g, "attn.v_bias", SHAPE(width), zero, PARAM_NO_DECAY));
    }
    if (overhangs(b)) {                             /* zeros come after the norm */
        x = fill_up(g, o.norm ? mim__op_norm(g, "norm1", x, o.eps, b->compute) : x, b);
        o.norm = NULL;
    }
    x = mim__op_linear(g, "attn.qkv", x, 3 * width, o);
    return b->cosine ? mim__op_cosine(g, x, b->cosine) : x;
}

/* The end of a branch: its linear layer, and what adds it to x. */
static struct tensor *end(struct graph *g, const char *name, const char *norm, struct tensor *h, struct tensor *x,
                          const struct block *b, struct linear o)
{
    if (!b->norm_after)
        return mim__op_linear(g, name, h, b->width, o);
    struct norm_after after = { .eps = (float)b->eps, .drop_path = b->drop_path, .tokens = b->tokens, .residual = x };
    o.residual = NULL;
    o.drop_path = 0;
    o.type = F32;
    return mim__op_norm_after(g, norm, mim__op_linear(g, name, h, b->width, o), after);
}

/* The perceptron; branch: what its second layer shares with the other branch's end. */
static struct tensor *perceptron(struct graph *g, struct tensor *x, const struct block *b, struct linear branch)
{
    struct tensor *h = mim__op_linear(g, "mlp.fc1", x, b->hidden, (struct linear){
                                      .norm = b->norm_after ? NULL : "norm2", .eps = (float)b->eps, .compute = b->compute,
                                      .type = b->compute, .weight_init = layer(b, b->width, b->hidden, false) });
    branch.scale = b->layer_scale > 0 ? "ls2.gamma" : NULL;
    branch.residual = b->activation_out ? NULL : x;
    branch.activation = b->activation;
    branch.weight_init = layer(b, b->hidden, b->width, true);
    h = end(g, "mlp.fc2", "norm2", h, x, b, branch);
    return b->activation_out ? mim__op_activate(g, h, b->activation, x) : h;
}

struct tensor *mim__block(struct graph *g, struct tensor *x, const struct block *b, struct tensor **weights)
{
    struct linear branch = { .weight_init = proj_init(b), .drop_path = b->drop_path, .residual = x,
                             .compute = b->compute, .type = b->compute, .tokens = b->tokens,
                             .scale_init = (float)b->layer_scale };
    struct attention heads = { .heads = b->heads, .scale = b->cosine ? 1 : 0, .compute = b->compute, .windows = b->windows };
    struct tensor *projected = qkv(g, x, b), *h = mim__op_attention(g, projected, b->bias, heads);
    if (weights)
        *weights = mim__op_attention_weights(g, projected, b->bias, heads);
    if (overhangs(b))
        h = cut_off(g, h, b);
    branch.scale = b->layer_scale > 0 ? "ls1.gamma" : NULL;
    x = end(g, "attn.proj", "norm1", h, x, b, branch);
    return perceptron(g, x, b, branch);
}

/* ---- positions ---- */

struct tensor *mim__table_matrix(struct graph *g, int n, int m, enum table_resize how)
{
    mim_context *ctx = mim__graph_context(g);
    size_t bytes = (size_t)n * (size_t)m * sizeof(float);
    float *data = mim__alloc(ctx, bytes);
    if (!data) {
        mim__graph_fail(g, mim__no_memory(ctx, bytes));
        return NULL;
    }
    mim__cubic_matrix(n, m, how == TABLE_ANTIALIAS, data);
    struct tensor *made = mim__graph_constant(g, "matrix", SHAPE(m, n), data);
    mim__free(ctx, data);
    return made;
}

struct tensor *mim__positions(struct graph *g, const struct table *t)
{
    bool fixed = t->kind == POSITIONS_SINCOS;
    struct init sincos = { INIT_SINCOS, (float)t->rows, (float)t->cols, (float)t->first };
    if (t->kind == POSITIONS_NONE)
        return NULL;
    struct tensor *table = mim__graph_param(g, t->name, SHAPE(1, t->first + t->rows * t->cols, t->width),
                                            fixed ? sincos : t->how, PARAM_NO_DECAY | (fixed ? PARAM_FIXED : 0));
    if (t->rows == t->to_rows && t->cols == t->to_cols)
        return table;
    struct tensor *rows = mim__table_matrix(g, t->rows, t->to_rows, t->resize),
                  *cols = mim__table_matrix(g, t->cols, t->to_cols, t->resize);
    return mim__op_resample(g, table, rows, cols, (struct resample){ t->first, 0 });
}
