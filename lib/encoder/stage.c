/* SPDX-License-Identifier: MIT */
/* stage.c -- a stage of Swin Transformers (Liu et al. 2021, sec. 3): blocks whose attention stays within windows, shifted by
 * half of one in every other block; and what joins stages. Swin V2 (Liu et al. 2022, sec. 3) has its norms at the end of
 * branches, cosine attention, and a small network of positions on a logarithmic scale in place of the tables. Tables of
 * relative positions are stored for the windows of one grid and resized to those of another. */
#include "encoder/stage.h"

#include <math.h>

enum { POSITION_HIDDEN = 512 };     /* numbers in the hidden layer of V2's network of positions */

static bool is_second(const struct stage *s) { return s->e->kind == &mim__swinv2; }

/* ---- windows ---- */

/* Of stage k; floored: the rows by which V2 of transformers sets its windows, as it rounds down. */
struct grid { int rows, cols, floored; };

static struct grid grid_of(int64_t rows, int64_t cols, int k)
{
    return (struct grid){ mim__stage_side((int)rows, k), mim__stage_side((int)cols, k), imax(1, (int)rows >> k) };
}

/* A window is no larger than the grid. down and right: of a shifted block. */
static struct windows windows_by(enum window_rule rule, bool second, struct grid g, int window)
{
    int least = second ? g.floored : imin(g.rows, g.cols);
    bool theirs = rule == WINDOW_RULE_TRANSFORMERS;
    struct windows w = { .high = imin(window, theirs ? least : g.rows), .wide = imin(window, theirs ? least : g.cols) };
    w.down = (theirs ? least : g.rows) > window ? window / 2 : 0;
    w.right = (theirs ? least : g.cols) > window ? window / 2 : 0;
    w.rows = ceil_div(g.rows, w.high) * w.high;
    w.cols = ceil_div(g.cols, w.wide) * w.wide;
    if (!theirs)
        w.turned_rows = g.rows, w.turned_cols = g.cols;
    return w;
}

/* V2 of transformers keeps the windows of the pictures in config.json whatever the pictures; here until they are others. */
static struct windows windows_of(const mim_encoder *e, struct grid g, int k, int64_t window)
{
    const struct encoder_options *o = &e->options;
    if (o->window == o->table_window)
        g.floored = grid_of(o->table_rows, o->table_cols, k).floored;
    struct windows w = windows_by((enum window_rule)o->window_rule, e->kind == &mim__swinv2, g, (int)window);
    w.apart = (float)o->window_mask;
    return w;
}

static struct windows straight(struct windows w)
{
    w.down = w.right = w.turned_rows = w.turned_cols = 0;
    return w;
}

/* Of the grid that the tables are for. V1 of transformers has them of whole windows where the grid is smaller. */
static struct windows stored_windows(const mim_encoder *e, int k, int64_t window)
{
    const struct encoder_options *o = &e->options;
    struct windows w = windows_of(e, grid_of(o->table_rows, o->table_cols, k), k, window);
    if (o->window_rule == WINDOW_RULE_TRANSFORMERS && e->kind == &mim__swin)
        w.high = w.wide = (int)window;
    return w;
}

/* Of the pictures that config.json speaks of. */
static struct grid stated(const mim_encoder *e, int k)
{
    struct json_size s = mim__json_size(e);
    return grid_of(s.height / e->options.patch, s.width / e->options.patch, k);
}

int mim__swin_pretrained(const mim_encoder *e, int stage)
{
    const struct encoder_options *o = &e->options;
    struct windows own = windows_of(e, stated(e, stage), stage, o->window);
    struct windows was = stored_windows(e, stage, o->table_window);
    double said = stage < o->pretrained_windows.count ? o->pretrained_windows.v[stage] : 0;
    if (said > 0)
        return (int)said;
    return own.high == was.high && own.wide == was.wide ? 0 : was.high == was.wide ? was.high : -1;
}

bool mim__swin_rules_agree(const mim_encoder *e)
{
    const struct encoder_options *o = &e->options;
    bool second = e->kind == &mim__swinv2;
    for (int k = 0; k < o->depths.count; k++) {
        struct grid g = stated(e, k);
        struct windows a = windows_by(WINDOW_RULE_TIMM, second, g, (int)o->window);
        struct windows b = windows_by(WINDOW_RULE_TRANSFORMERS, second, g, (int)o->window);
        bool fits = a.rows == g.rows && a.cols == g.cols, moves = a.down || a.right, whole = second || b.high == o->window;
        if (!whole || a.high != b.high || a.wide != b.wide || a.down != b.down || a.right != b.right || (moves && !fits))
            return false;
    }
    return true;
}

/* ---- positions ---- */

/* Bias [heads, tokens, tokens] of a window; its table is resized as the authors' code does. */
static struct tensor *relative_bias(const struct stage *s)
{
    const struct windows *to = &s->windows, *from = &s->stored;
    struct shape stored = SHAPE((2 * from->high - 1) * (2 * from->wide - 1), s->heads);
    struct tensor *table = mim__graph_param(s->g, "attn.relative_position_bias_table", stored, s->weight, PARAM_NO_DECAY);
    if (from->high != to->high || from->wide != to->wide) {
        struct tensor *rows = mim__table_matrix(s->g, 2 * from->high - 1, 2 * to->high - 1, TABLE_BICUBIC);
        struct tensor *cols = mim__table_matrix(s->g, 2 * from->wide - 1, 2 * to->wide - 1, TABLE_BICUBIC);
        table = mim__op_resample(s->g, table, rows, cols, (struct resample){ 0, 0 });
    }
    return mim__op_relative(s->g, table, (struct relative){ to->high, to->wide, 0, 1 });
}

/* Swin V2, sec. 3.3, eq. 4: offsets as parts of those in the windows of training, times 8, on a logarithmic scale. */
static float log_spaced(int offset, int window)
{
    double t = window > 1 ? 8.0 * offset / (window - 1) : 0;
    return (float)copysign(log1p(fabs(t)) / log(8), t);
}

/* All offsets of a window, rows first. */
static struct tensor *places_of(const struct stage *s)
{
    mim_context *ctx = s->e->object.ctx;
    const struct windows *w = &s->windows;
    const struct mim__numbers *pretrained = &s->e->options.pretrained_windows;
    double said = s->level < pretrained->count ? pretrained->v[s->level] : 0;
    int high = said > 0 ? (int)said : s->stored.high, wide = said > 0 ? (int)said : s->stored.wide;
    int n = (2 * w->high - 1) * (2 * w->wide - 1), at = 0;
    float *places = mim__alloc(ctx, 2 * (size_t)n * sizeof *places);
    if (!places) {
        mim__graph_fail(s->g, mim__no_memory(ctx, 2 * (size_t)n * sizeof *places));
        return NULL;
    }
    for (int y = 1 - w->high; y < w->high; y++)
        for (int x = 1 - w->wide; x < w->wide; x++) {
            places[at++] = log_spaced(y, high);
            places[at++] = log_spaced(x, wide);
        }
    struct tensor *made = mim__graph_constant(s->g, "places", SHAPE(n, 2), places);
    mim__free(ctx, places);
    return made;
}

/* 16 sigmoid(network(place)), of V2 (eq. 3 and the authors' code). */
static struct tensor *network_bias(const struct stage *s)
{
    struct linear first = { .weight_init = s->weight, .no_decay = true, .type = F32 }, second = first;
    second.no_bias = true;
    second.activation = ACT_RELU;
    struct tensor *x = mim__op_linear(s->g, "attn.cpb_mlp.0", s->places, POSITION_HIDDEN, first);
    x = mim__op_linear(s->g, "attn.cpb_mlp.2", x, s->heads, second);
    x = x ? mim__op_activate(s->g, x, ACT_SIGMOID, NULL) : NULL;
    return mim__op_relative(s->g, x, (struct relative){ s->windows.high, s->windows.wide, 0, 16 });
}

/* ---- blocks ---- */

void mim__stage_begin(struct stage *s)
{
    const struct encoder_options *o = &s->e->options;
    s->rows = mim__stage_side(s->build->rows, s->level);
    s->cols = mim__stage_side(s->build->cols, s->level);
    s->weight = (struct init){ INIT_TRUNCATED, (float)o->init_deviation, (float)o->init_cut, 0 };
    s->windows = windows_of(s->e, grid_of(s->build->rows, s->build->cols, s->level), s->level, o->window);
    s->stored = stored_windows(s->e, s->level, o->table_window);
    s->places = is_second(s) ? places_of(s) : NULL;
}

struct tensor *mim__stage_block(const struct stage *s, struct tensor *x, int i, float drop_path, struct tensor **weights)
{
    const struct encoder_options *o = &s->e->options;
    struct block b = { .width = s->width, .heads = s->heads, .hidden = s->hidden, .tokens = s->rows * s->cols, .eps = o->eps,
                       .activation = (enum activation)(o->activation + 1), .qkv_bias = (enum qkv_bias)o->qkv_bias,
                       .compute = s->build->compute, .weight = s->weight, .end = s->weight, .drop_path = drop_path,
                       .rows = s->rows, .cols = s->cols, .windows = i % 2 ? s->windows : straight(s->windows) };
    mim__graph_segment(s->g);
    mim__graph_scope(s->g, "%s%d.blocks.%d.", s->scope, s->number, i);
    b.bias = is_second(s) ? network_bias(s) : relative_bias(s);
    b.norm_after = is_second(s);
    if (is_second(s))
        b.cosine = mim__graph_param(s->g, "attn.logit_scale", SHAPE(s->heads, 1, 1),
                                    (struct init){ INIT_CONSTANT, logf(10), 0, 0 }, PARAM_NO_DECAY);
    x = mim__block(s->g, x, &b, weights);
    return o->norm_every && (i + 1) % o->norm_every == 0 ? mim__op_norm(s->g, "norm3", x, (float)o->eps, F32) : x;
}

/* ---- between stages ---- */

static struct linear layer(const struct stage *s)
{
    return (struct linear){ .norm = is_second(s) ? NULL : "norm", .eps = (float)s->e->options.merge_eps, .no_bias = true,
                            .weight_init = s->weight, .compute = s->build->compute, .type = F32 };
}

/* 2 x 2 tokens side by side, and from their 4 width to 2 width (sec. 3.1). */
struct tensor *mim__stage_merge(const struct stage *s, struct tensor *x)
{
    struct regrid join = { s->rows, s->cols, mim__stage_side(s->rows, 1), mim__stage_side(s->cols, 1), 2, false };
    struct linear o = layer(s);
    mim__graph_segment(s->g);
    mim__graph_scope(s->g, "%s%d.downsample.", s->scope, s->number);
    x = mim__op_linear(s->g, "reduction", mim__op_regrid(s->g, x, join), 2 * s->width, o);
    return is_second(s) ? mim__op_norm(s->g, "norm", x, o.eps, F32) : x;
}

/* From width to 2 width, which is 2 x 2 tokens of half the width. */
struct tensor *mim__stage_expand(const struct stage *s, struct tensor *x)
{
    int above = s->level - 1;
    struct regrid apart = { s->rows, s->cols, mim__stage_side(s->build->rows, above), mim__stage_side(s->build->cols, above),
                            2, true };
    struct linear o = layer(s);
    mim__graph_segment(s->g);
    mim__graph_scope(s->g, "%s%d.upsample.", s->scope, s->number);
    x = mim__op_regrid(s->g, mim__op_linear(s->g, "expand", x, 2 * s->width, o), apart);
    return is_second(s) ? mim__op_norm(s->g, "norm", x, o.eps, F32) : x;
}

/* ---- options ---- */

enum { HEADS_MOST = 4096 };

static mim_status check_one(mim_context *ctx, const struct stages *a, int k)
{
    double blocks = a->depths->v[k], heads = a->heads->v[k];
    int64_t width = a->width << (a->mirrored ? a->depths->count - 1 - k : k);
    if (blocks != floor(blocks) || heads != floor(heads))
        return mim__fail(ctx, MIM_ERR_VALUE, "%s.depths: stage %d has %g blocks of %g heads, which are no whole numbers",
                         a->section, k, blocks, heads);
    if (heads > HEADS_MOST)
        return mim__fail(ctx, MIM_ERR_VALUE, "%s.stage_heads: stage %d has %g heads, more than %d", a->section, k, heads,
                         HEADS_MOST);
    if (width % (int64_t)heads)
        return mim__fail(ctx, MIM_ERR_VALUE, "%s.stage_heads: the width %lld of stage %d is not a multiple of its %g heads",
                         a->section, (long long)width, k, heads);
    return MIM_OK;
}

mim_status mim__stages_check(mim_context *ctx, const struct stages *a)
{
    int last = a->depths->count - 1;
    double depth = 0;
    mim_status status = MIM_OK;
    if (last >= STAGES_MOST || (a->width << last) > 65536 || (a->hidden << last) > 262144)
        return mim__fail(ctx, MIM_ERR_VALUE, "%s.depths has %d stages; %d are possible, and as long as widths stay within "
                         "65536, from %lld on", a->section, last + 1, STAGES_MOST, (long long)a->width);
    if (a->heads->count != a->depths->count)
        return mim__fail(ctx, MIM_ERR_VALUE, "%s.stage_heads is of %d stages, %s.depths of %d", a->section, a->heads->count,
                         a->section, a->depths->count);
    for (int k = 0; k <= last && !status; k++) {
        status = check_one(ctx, a, k);
        depth += a->depths->v[k];
    }
    return status || depth <= 1000 ? status : mim__fail(ctx, MIM_ERR_VALUE, "%s.depths is of %g blocks, more than 1000",
                                                        a->section, depth);
}
