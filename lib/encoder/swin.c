/* SPDX-License-Identifier: MIT */
/* swin.c -- Swin Transformer (Liu et al. 2021, sec. 3): stages of blocks whose attention stays within windows, shifted by
 * half of one in every other block; between stages 2 x 2 tokens become one. Hidden patches become a token (SimMIM, Xie et
 * al. 2022). Swin V2 (Liu et al. 2022, sec. 3) has its norms at the end of branches, cosine attention, and a small network
 * of positions on a logarithmic scale in place of the tables.
 *
 * x [batch, tokens, width] is a grid, row by row. Names of parameters are those of the authors' code: timm counts the
 * merging of a stage to the next one. Tables of relative positions are stored for the windows of one grid and resized to
 * those of another. */
#include "encoder/encoder.h"

#include <math.h>
#include <stdio.h>

enum { STAGES_MOST = 8, POSITION_HIDDEN = 512 };    /* numbers in the hidden layer of V2's network of positions */

struct swin {                       /* one build */
    const mim_encoder *e;
    const struct encoder_options *o;
    struct graph *g;
    struct encoder_build *b;
    struct init weight;
    bool second;                    /* Swin V2 */
};

struct stage {
    int index, rows, cols, width, heads, blocks, first;     /* first: blocks of the stages before */
    struct windows windows, stored;                         /* of shifted blocks; that the tables are for */
    struct tensor *places;                                  /* of V2: [offsets in a window, 2] */
};

/* ---- windows ---- */

/* A window is no larger than the grid. down and right: of a shifted block. V2 of transformers looks at the rows alone. */
static struct windows windows_by(enum window_rule rule, bool second, int rows, int cols, int window)
{
    int least = second ? rows : imin(rows, cols);
    bool theirs = rule == WINDOW_RULE_TRANSFORMERS;
    struct windows w = { .high = imin(window, theirs ? least : rows), .wide = imin(window, theirs ? least : cols) };
    w.down = (theirs ? least : rows) > window ? window / 2 : 0;
    w.right = (theirs ? least : cols) > window ? window / 2 : 0;
    w.rows = ceil_div(rows, w.high) * w.high;
    w.cols = ceil_div(cols, w.wide) * w.wide;
    if (!theirs)
        w.turned_rows = rows, w.turned_cols = cols;
    return w;
}

static struct windows windows_of(const mim_encoder *e, int rows, int cols, int64_t window)
{
    return windows_by((enum window_rule)e->options.window_rule, e->kind == &mim__swinv2, rows, cols, (int)window);
}

static struct windows straight(struct windows w)
{
    w.down = w.right = w.turned_rows = w.turned_cols = 0;
    return w;
}

/* side / 2^k, rounded up at each halving. */
static int halved(int side, int k) { return (side - 1) / (1 << k) + 1; }

/* Of the grid that the tables are for. V1 of transformers has them of whole windows where the grid is smaller. */
static struct windows stored_windows(const mim_encoder *e, int k, int64_t window)
{
    struct windows w = windows_of(e, halved((int)e->options.table_rows, k), halved((int)e->options.table_cols, k), window);
    if (e->options.window_rule == WINDOW_RULE_TRANSFORMERS && e->kind == &mim__swin)
        w.high = w.wide = (int)window;
    return w;
}

/* Rows or columns of stage k, of the pictures that config.json speaks of. */
static int stated(const mim_encoder *e, int64_t side, int k) { return halved((int)(side / e->options.patch), k); }

int mim__swin_pretrained(const mim_encoder *e, int stage)
{
    const struct encoder_options *o = &e->options;
    struct json_size size = mim__json_size(e);
    struct windows own = windows_of(e, stated(e, size.height, stage), stated(e, size.width, stage), o->window);
    struct windows was = stored_windows(e, stage, o->table_window);
    double said = stage < o->pretrained_windows.count ? o->pretrained_windows.v[stage] : 0;
    if (said > 0)
        return (int)said;
    return own.high == was.high && own.wide == was.wide ? 0 : was.high == was.wide ? was.high : -1;
}

bool mim__swin_rules_agree(const mim_encoder *e)
{
    const struct encoder_options *o = &e->options;
    struct json_size size = mim__json_size(e);
    bool second = e->kind == &mim__swinv2;
    for (int k = 0; k < o->depths.count; k++) {
        int rows = stated(e, size.height, k), cols = stated(e, size.width, k);
        struct windows a = windows_by(WINDOW_RULE_TIMM, second, rows, cols, (int)o->window);
        struct windows b = windows_by(WINDOW_RULE_TRANSFORMERS, second, rows, cols, (int)o->window);
        bool fits = a.rows == rows && a.cols == cols, moves = a.down || a.right, whole = second || b.high == o->window;
        if (!whole || a.high != b.high || a.wide != b.wide || a.down != b.down || a.right != b.right || (moves && !fits))
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
    s.windows = windows_of(v->e, s.rows, s.cols, o->window);
    s.stored = stored_windows(v->e, k, o->table_window);
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
    return mim__op_relative(v->g, table, (struct relative){ to->high, to->wide, 0, 1 });
}

/* Swin V2, sec. 3.3, eq. 4: offsets as parts of those in the windows of training, times 8, on a logarithmic scale. */
static float log_spaced(int offset, int window)
{
    double t = window > 1 ? 8.0 * offset / (window - 1) : 0;
    return (float)copysign(log1p(fabs(t)) / log(8), t);
}

/* All offsets of a window, rows first. */
static struct tensor *places_of(const struct swin *v, const struct stage *s)
{
    mim_context *ctx = v->e->object.ctx;
    const struct windows *w = &s->windows;
    double said = s->index < v->o->pretrained_windows.count ? v->o->pretrained_windows.v[s->index] : 0;
    int high = said > 0 ? (int)said : s->stored.high, wide = said > 0 ? (int)said : s->stored.wide;
    int n = (2 * w->high - 1) * (2 * w->wide - 1), at = 0;
    float *places = mim__alloc(ctx, 2 * (size_t)n * sizeof *places);
    if (!places) {
        mim__graph_fail(v->g, mim__no_memory(ctx, 2 * (size_t)n * sizeof *places));
        return NULL;
    }
    for (int y = 1 - w->high; y < w->high; y++)
        for (int x = 1 - w->wide; x < w->wide; x++) {
            places[at++] = log_spaced(y, high);
            places[at++] = log_spaced(x, wide);
        }
    struct tensor *made = mim__graph_constant(v->g, "places", SHAPE(n, 2), places);
    mim__free(ctx, places);
    return made;
}

/* 16 sigmoid(network(place)), of V2 (eq. 3 and the authors' code). */
static struct tensor *network_bias(const struct swin *v, const struct stage *s)
{
    struct linear first = { .weight_init = v->weight, .no_decay = true, .type = F32 }, second = first;
    second.no_bias = true;
    second.activation = ACT_RELU;
    struct tensor *x = mim__op_linear(v->g, "attn.cpb_mlp.0", s->places, POSITION_HIDDEN, first);
    x = mim__op_linear(v->g, "attn.cpb_mlp.2", x, s->heads, second);
    x = x ? mim__op_activate(v->g, x, ACT_SIGMOID, NULL) : NULL;
    return mim__op_relative(v->g, x, (struct relative){ s->windows.high, s->windows.wide, 0, 16 });
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
    b.bias = v->second ? network_bias(v, s) : relative_bias(v, s);
    b.norm_after = v->second;
    if (v->second)
        b.cosine = mim__graph_param(v->g, "attn.logit_scale", SHAPE(s->heads, 1, 1),
                                    (struct init){ INIT_CONSTANT, logf(10), 0, 0 }, PARAM_NO_DECAY);
    x = mim__block(v->g, x, &b, &weights);
    if (o->norm_every && (i + 1) % o->norm_every == 0)
        x = mim__op_norm(v->g, "norm3", x, (float)o->eps, F32);
    name_output(v->g, "attention", number + 1, weights);
    name_output(v->g, "block", number + 1, x);
    return x;
}

/* 2 x 2 tokens side by side, and from their 4 width to 2 width (sec. 3.1). */
static struct tensor *merge(const struct swin *v, const struct stage *s, struct tensor *x)
{
    mim__graph_segment(v->g);
    mim__graph_scope(v->g, "layers.%d.downsample.", s->index);
    x = mim__op_regrid(v->g, x, (struct regrid){ s->rows, s->cols, halved(s->rows, 1), halved(s->cols, 1), 2, false });
    struct linear o = { .norm = v->second ? NULL : "norm", .eps = (float)v->o->eps, .no_bias = true,
                        .weight_init = v->weight, .compute = v->b->compute, .type = F32 };
    x = mim__op_linear(v->g, "reduction", x, 2 * s->width, o);
    return v->second ? mim__op_norm(v->g, "norm", x, o.eps, F32) : x;
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
    struct swin v = { .e = e, .o = o, .g = g, .b = b, .second = e->kind == &mim__swinv2 };
    v.weight = (struct init){ INIT_TRUNCATED, (float)o->init_deviation, (float)o->init_cut, 0 };
    mim__graph_store(g, 0);
    mim__graph_scope(g, "%s", "");
    inputs(&v);
    struct tensor *x = embedding(&v);
    mim__graph_output(g, "block.0", x);
    for (int k = 0; k < o->depths.count; k++) {
        struct stage s = stage_of(&v, k);
        s.places = v.second ? places_of(&v, &s) : NULL;
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
static mim_status check_both(mim_context *ctx, struct encoder_options *o)
{
    static const double usual[] = { 2, 2, 6, 2 };
    if (o->positions != POSITIONS_AUTO && o->positions != POSITIONS_NONE)
        return mim__fail(ctx, MIM_ERR_VALUE,
                         "encoder.kind swin and swinv2 have no absolute positions: encoder.positions is none");
    if (o->pool == POOL_CLASS || o->pool_norm)
        return mim__fail(ctx, MIM_ERR_VALUE,
                         "encoder.kind swin and swinv2 pool the mean of their tokens, without another norm");
    if (o->layer_scale > 0)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.layer_scale is %g, but encoder.kind swin and swinv2 have none",
                         o->layer_scale);
    if (o->head_width || o->activation_out || o->init != INIT_WAY_TRUNCATED)
        return mim__fail(ctx, MIM_ERR_VALUE, "encoder.kind swin and swinv2 take encoder.head_width 0, activation_out 0 and "
                         "init truncated");
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
