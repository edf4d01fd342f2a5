/* SPDX-License-Identifier: MIT */
/* swin.c -- Swin Transformer (Liu et al. 2021, sec. 3): stages of blocks whose attention stays within windows, shifted by
 * half of one in every other block; between stages 2 x 2 tokens become one. Hidden patches become a token (SimMIM, Xie et
 * al. 2022).
 *
 * x [batch, tokens, width] is a grid, row by row. Names of parameters are those of the authors' code: timm counts the
 * merging of a stage to the next one. Tables of relative positions are stored for the windows of one grid and resized to
 * those of another. */
#include "encoder/encoder.h"

#include <math.h>
#include <stdio.h>

enum { STAGES_MOST = 8 };

struct swin {                       /* one build */
    const mim_encoder *e;
    const struct encoder_options *o;
    struct graph *g;
    struct encoder_build *b;
    struct init weight;
};

struct stage {
    int index, rows, cols, width, heads, blocks, first;     /* first: blocks of the stages before */
    struct windows windows, stored;                         /* of blocks that are not shifted; that the tables are for */
};

/* ---- windows ---- */

/* A window is no larger than the grid. down and right: of a shifted block. */
static struct windows windows_by(enum window_rule rule, int rows, int cols, int window)
{
    int least = imin(rows, cols);
    struct windows w = { .high = imin(window, rows), .wide = imin(window, cols) };
    if (rule == WINDOW_RULE_TRANSFORMERS && least <= window)
        w.high = w.wide = least;
    else
        w.down = rows > window ? window / 2 : 0, w.right = cols > window ? window / 2 : 0;
    w.rows = ceil_div(rows, w.high) * w.high;
    w.cols = ceil_div(cols, w.wide) * w.wide;
    if (rule == WINDOW_RULE_TIMM)
        w.turned_rows = rows, w.turned_cols = cols;
    return w;
}

static struct windows windows_of(const struct encoder_options *o, int rows, int cols, int64_t window)
{
    return windows_by((enum window_rule)o->window_rule, rows, cols, (int)window);
}

static struct windows straight(struct windows w)
{
    w.down = w.right = w.turned_rows = w.turned_cols = 0;
    return w;
}

/* side / 2^k, rounded up at each halving. */
static int halved(int side, int k) { return (side - 1) / (1 << k) + 1; }

bool mim__swin_rules_agree(const struct encoder_options *o)
{
    for (int k = 0; k < o->depths.count; k++) {
        int rows = halved((int)o->table_rows, k), cols = halved((int)o->table_cols, k);
        struct windows a = windows_by(WINDOW_RULE_TIMM, rows, cols, (int)o->window);
        struct windows b = windows_by(WINDOW_RULE_TRANSFORMERS, rows, cols, (int)o->window);
        bool fits = a.rows == rows && a.cols == cols, moves = a.down || a.right;
        if (a.high != b.high || a.wide != b.wide || a.down != b.down || a.right != b.right || (moves && !fits))
            return false;
    }
    return true;
}

static struct stage stage_of(const struct swin *v, int k)
{
    const struct encoder_options *o = v->o;
    struct stage s = { .index = k, .rows = halved(v->b->rows, k), .cols = halved(v->b->cols, k), .width = (int)o->width << k,
                       .heads = (int)o->stage_heads.v[k], .blocks = (int)o->depths.v[k] };
    for (int i = 0; i < k; i++)
        s.first += (int)o->depths.v[i];
    s.windows = windows_of(o, s.rows, s.cols, o->window);
    s.stored = windows_of(o, halved((int)o->table_rows, k), halved((int)o->table_cols, k),
                          o->table_window);
    return s;
}

/* Bias [heads, tokens, tokens] of a window; its table is resized as the authors' code does. */
static struct tensor *relative_bias(const struct swin *v, const struct stage *s)
{
    const struct windows *to = &s->windows, *from = &s->stored;
    struct shape stored = SHAPE((2 * from->high - 1) * (2 * from->wide - 1), s->heads);
    struct tensor *table = mim__graph_param(v->g, "attn.relative_position_bias_table", stored, v->weight, PARAM_NO_DECAY);
    if (from->high != to->high || from->wide != to->wide) {
        struct tensor *rows = mim__table_matrix(v->g, 2 * from->high - 1, 2 * to->high - 1, TABLE_BICUBIC);
        struct tensor *cols = mim__table_matrix(v->g, 2 * from->wide - 1, 2 * to->wide - 1, TABLE_BICUBIC);
        table = mim__op_resample(v->g, table, rows, cols, (struct resample){ 0, 0 });
    }
    return mim__op_relative(v->g, table, (struct relative){ to->high, to->wide, 0 });
}

/* ---- stages ---- */

static void name_output(struct graph *g, const char *kind, int i, struct tensor *t)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%d", kind, i);
    mim__graph_output(g, name, t);
}

static struct tensor *block(const struct swin *v, const struct stage *s, struct tensor *x, int i)
{
    const struct encoder_options *o = v->o;
    int number = s->first + i;
    struct tensor *weights;
    struct block b = { .width = s->width, .heads = s->heads, .hidden = (int)o->hidden << s->index,
                       .tokens = s->rows * s->cols, .eps = o->eps, .activation = (enum activation)(o->activation + 1),
                       .qkv_bias = (enum qkv_bias)o->qkv_bias, .compute = v->b->compute,
                       .weight = v->weight, .end = v->weight,
                       .drop_path = o->depth > 1 ? (float)(o->drop_path * number / (double)(o->depth - 1)) : 0,
                       .rows = s->rows, .cols = s->cols, .windows = i % 2 ? s->windows : straight(s->windows) };
    mim__graph_segment(v->g);
    mim__graph_scope(v->g, "layers.%d.blocks.%d.", s->index, i);
    b.bias = relative_bias(v, s);
    x = mim__block(v->g, x, &b, &weights);
    name_output(v->g, "attention", number + 1, weights);
    name_output(v->g, "block", number + 1, x);
    return x;
}

/* 2 x 2 tokens side by side, and from their 4 width to 2 width (sec. 3.1). */
static struct tensor *merge(const struct swin *v, const struct stage *s, struct tensor *x)
{
    mim__graph_segment(v->g);
    mim__graph_scope(v->g, "layers.%d.downsample.", s->index);
    x = mim__op_regrid(v->g, x, (struct regrid){ s->rows, s->cols, halved(s->rows, 1), halved(s->cols, 1), 2 });
    return mim__op_linear(v->g, "reduction", x, 2 * s->width,
                          (struct linear){ .norm = "norm", .eps = (float)v->o->eps, .no_bias = true,
                                           .weight_init = v->weight, .compute = v->b->compute, .type = F32 });
}

/* ---- the whole ---- */

static void inputs(const struct swin *v)
{
    struct encoder_build *b = v->b;
    int patch = (int)v->o->patch, last = mim__encoder_stages(v->e) - 1;
    b->rows = b->height / patch;
    b->cols = b->width / patch;
    b->token_rows = halved(b->rows, last);
    b->token_cols = halved(b->cols, last);
    b->kept = b->token_rows * b->token_cols;
    b->pixels = mim__graph_input(v->g, "pixels", SHAPE(b->batch, (int)v->e->image.channels, b->height, b->width), F32);
    b->mask = b->masked ? mim__graph_input(v->g, "mask", SHAPE(b->batch, b->rows * b->cols), I32) : NULL;
    if (b->masked && !v->o->mask_token)
        mim__graph_fail(v->g, mim__fail(v->e->object.ctx, MIM_ERR_UNSUPPORTED,
                                        "hidden patches cannot be left out of an encoder with windows: set "
                                        "encoder.mask_token 1"));
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
    x = mim__op_norm(v->g, "patch_embed.norm", x, (float)v->o->eps, F32);
    if (v->o->mask_token)
        hidden = mim__graph_param(v->g, "mask_token", SHAPE(1, 1, width), v->weight, PARAM_NO_DECAY);
    return hidden && v->b->mask ? mim__op_mask_tokens(v->g, x, v->b->mask, hidden) : x;
}

static void build(const mim_encoder *e, struct graph *g, struct encoder_build *b)
{
    const struct encoder_options *o = &e->options;
    struct swin v = { .e = e, .o = o, .g = g, .b = b };
    v.weight = (struct init){ INIT_TRUNCATED, (float)o->init_deviation, (float)o->init_cut, 0 };
    mim__graph_store(g, 0);
    mim__graph_scope(g, "%s", "");
    inputs(&v);
    struct tensor *x = embedding(&v);
    mim__graph_output(g, "block.0", x);
    for (int k = 0; k < o->depths.count; k++) {
        struct stage s = stage_of(&v, k);
        for (int i = 0; i < s.blocks; i++)
            x = block(&v, &s, x, i);
        name_output(g, "stage", k + 1, x);
        if (k + 1 < o->depths.count)
            x = merge(&v, &s, x);
    }
    mim__graph_segment(g);
    mim__graph_scope(g, "%s", "");
    b->tokens = o->norm ? mim__op_norm(g, "norm", x, (float)o->eps, F32) : x;
    b->pooled = mim__op_pool(g, b->tokens, 0, b->kept);
    mim__graph_output(g, "tokens", b->tokens);
    mim__graph_output(g, "pooled", b->pooled);
}

/* ---- options ---- */

static mim_status check_stages(mim_context *ctx, struct encoder_options *o)
{
    int last = o->depths.count - 1;
    if (o->depths.count > STAGES_MOST || (o->width << last) > 65536 || (o->hidden << last) > 262144)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.depths has %d stages; %d are possible, and as long as widths stay "
                         "within 65536, from %lld on", o->depths.count, STAGES_MOST, (long long)o->width);
    if (o->stage_heads.count != o->depths.count)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.stage_heads is of %d stages, encoder.depths of %d",
                         o->stage_heads.count, o->depths.count);
    double depth = 0;
    for (int k = 0; k <= last; k++) {
        double blocks = o->depths.v[k], heads = o->stage_heads.v[k];
        if (blocks != floor(blocks) || heads != floor(heads))
            return mim__fail(ctx, MIM_ERR_VALUE, "stage %d has %g blocks of %g heads, which are no whole numbers", k, blocks,
                             heads);
        if ((o->width << k) % (int64_t)heads)
            return mim__fail(ctx, MIM_ERR_VALUE, "the width %lld of stage %d is not a multiple of its %g heads",
                             (long long)(o->width << k), k, heads);
        depth += blocks;
    }
    o->depth = (int64_t)depth;
    o->heads = (int64_t)o->stage_heads.v[0];
    return depth <= 1000 ? MIM_OK : mim__fail(ctx, MIM_ERR_VALUE, "encoder.depths is of %g blocks, more than 1000", depth);
}

/* Options of other encoders become what they come to here. */
static mim_status check(mim_context *ctx, struct encoder_options *o)
{
    static const double usual[] = { 2, 2, 6, 2 };
    if (o->positions != POSITIONS_AUTO && o->positions != POSITIONS_NONE)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.kind swin has no absolute positions: encoder.positions is none");
    if (o->pool == POOL_CLASS || o->pool_norm)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.kind swin pools the mean of its tokens, without another norm");
    if (o->layer_scale > 0)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.layer_scale is %g, but encoder.kind swin has none", o->layer_scale);
    if (o->head_width || o->activation_out || o->init != INIT_WAY_TRUNCATED)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.kind swin takes encoder.head_width 0, activation_out 0 and init "
                         "truncated");
    if (o->qkv_bias == QKV_BIAS_QUERY_VALUE)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.kind swin takes encoder.qkv_bias full or none");
    o->positions = POSITIONS_NONE;
    o->relative = RELATIVE_BLOCK;
    o->class_token = o->position_class = 0;
    o->pool = POOL_MEAN;
    if (!o->hidden)
        o->hidden = 4 * o->width;
    if (!o->table_window)
        o->table_window = o->window;
    if (!o->depths.count)
        for (int k = 0; k < COUNT(usual); k++)
            o->depths.v[o->depths.count++] = usual[k];
    for (int k = 0; !o->stage_heads.count && k < imin(o->depths.count, STAGES_MOST); k++)
        o->stage_heads.v[k] = (double)(o->heads << k);
    if (!o->stage_heads.count)
        o->stage_heads.count = imin(o->depths.count, STAGES_MOST);
    return check_stages(ctx, o);
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
