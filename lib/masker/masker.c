/* SPDX-License-Identifier: MIT */
/* masker.c -- mim_masker: which patches of a picture are hidden. The strategies are listed in the table below; each
 * draws on a grid of units, and a unit is repeated over the patches it holds.
 *
 * A mask is a pure function of (seed, epoch, id): the stream of philox.h that these three and the strategy name. */
#include "masker/strategy.h"

#include <math.h>

/* In the order of the choices of masker.kind. */
static const struct strategy *const strategies[] = {
    &mim__masker_by_random, &mim__masker_by_block, &mim__masker_by_square, &mim__masker_by_grid,
    NULL /* host: the masks are handed in */
};

#define FIELD(name) offsetof(struct masker_options, name)
const struct mim__option mim__masker_options[] = {
    { "masker.kind", OPTION_CHOICE, FIELD(kind), "random", 0, 0, "random block square grid host",
      "how hidden patches are chosen; host: the input \"mask\" says" },
    { "masker.ratio", OPTION_F64, FIELD(ratio), "0.6", 0, 1, NULL,
      "share of units to hide, rounded up to whole ones (random, block, square)" },
    { "masker.count", OPTION_I64, FIELD(count), "0", 0, 2147483647, NULL,
      "units to hide, in place of the ratio; 0: by the ratio" },
    { "masker.unit", OPTION_I64, FIELD(unit), "0", 0, 2147483647, NULL,
      "side in pixels of the squares that are hidden as a whole, a multiple of the patch; 0: one patch" },
    { "masker.least", OPTION_I64, FIELD(least), "16", 1, 2147483647, NULL, "block: least area of a block, in units" },
    { "masker.most", OPTION_I64, FIELD(most), "0", 0, 2147483647, NULL,
      "block: most units that one block hides; 0: all that are still to hide" },
    { "masker.exact", OPTION_BOOL, FIELD(exact), "0", 0, 1, NULL,
      "block: fill up with single units, so that each mask hides the same number" },
    { "masker.movable", OPTION_BOOL, FIELD(movable), "1", 0, 1, NULL,
      "square: at a place drawn for each picture; 0: in the middle" },
    { "masker.outside", OPTION_BOOL, FIELD(outside), "0", 0, 1, NULL, "square: hide what is around it instead" },
    { "masker.side_rows", OPTION_I64, FIELD(side_rows), "0", 0, 2147483647, NULL,
      "square: its height in units; 0: by the ratio" },
    { "masker.side_cols", OPTION_I64, FIELD(side_cols), "0", 0, 2147483647, NULL,
      "square: its width in units; 0: by the ratio" },
    { "masker.stride", OPTION_I64, FIELD(stride), "2", 2, 2147483647, NULL,
      "grid: one unit in so many, along rows and columns, stays visible" },
    { "masker.phase", OPTION_I64, FIELD(phase), "-1", -1, 2147483647, NULL,
      "grid: rows and columns whose number plus this divides by the stride stay visible; -1: drawn for each picture" },
    { "masker.seed", OPTION_I64, FIELD(seed), "-1", -1, 0x1p63, NULL, "masks follow from it; -1: from seed, as all else" },
    OPTIONS_END
};
#undef FIELD

struct mim_masker {
    struct mim__object object;
    struct masker_options options;
    const struct strategy *strategy;        /* NULL: host */
    uint64_t seed;
    int rows, cols;                         /* patches */
    int repeat;                             /* patches along the side of a unit */
    int hidden;                             /* patches in every mask; -1: varies */
    struct field field;
    uint8_t *units;
};

mim_status mim__masker_check_target(mim_context *ctx, const struct field *f)
{
    int64_t all = (int64_t)f->rows * f->cols;
    if (f->options->count >= all)
        return mim__fail(ctx, MIM_ERR_VALUE, "masker.count %lld leaves none of %lld units visible",
                         (long long)f->options->count, (long long)all);
    if (f->target < 1 || f->target >= all)
        return mim__fail(ctx, MIM_ERR_VALUE, "masker.ratio %g hides %d of %lld units; it must hide some and leave some",
                         f->options->ratio, f->target, (long long)all);
    return MIM_OK;
}

/* Rounded up, but for what binary fractions add: 0.9 of 10 is 9, 0.55 of 100 is 55. */
static int target_of(const struct masker_options *o, int64_t units)
{
    return (int)(o->count ? lmin(o->count, units) : lmin((int64_t)ceil((double)units * o->ratio - 1e-6), units));
}

/* The grid of units: unit in patches must be whole and divide the grid. */
static mim_status set_units(mim_context *ctx, mim_masker *m, int patch)
{
    int64_t unit = m->options.unit ? m->options.unit : patch;
    if (unit % patch)
        return mim__fail(ctx, MIM_ERR_SHAPE, "masker.unit %lld is not a multiple of the patch, %d pixels",
                         (long long)unit, patch);
    int64_t repeat = unit / patch;
    if (m->rows % repeat || m->cols % repeat)
        return mim__fail(ctx, MIM_ERR_SHAPE, "masker.unit %lld is %lld patches, which does not divide %d x %d patches",
                         (long long)unit, (long long)repeat, m->rows, m->cols);
    m->repeat = (int)repeat;
    m->field = (struct field){ &m->options, m->rows / m->repeat, m->cols / m->repeat, .keys = NULL };
    m->field.target = target_of(&m->options, (int64_t)m->field.rows * m->field.cols);
    return MIM_OK;
}

static mim_status set_strategy(mim_context *ctx, mim_masker *m, int patch)
{
    m->hidden = -1;
    m->strategy = strategies[m->options.kind];
    if (!m->strategy)
        return MIM_OK;
    int units = -1;
    mim_status status = set_units(ctx, m, patch);
    if (status == MIM_OK)
        status = m->strategy->check(ctx, &m->field, &units);
    if (status == MIM_OK && units >= 0)
        m->hidden = units * m->repeat * m->repeat;
    return status;
}

static mim_status allocate(mim_context *ctx, mim_masker *m)
{
    size_t units = (size_t)m->field.rows * (size_t)m->field.cols;
    m->units = mim__alloc(ctx, units);
    m->field.keys = mim__calloc(ctx, units, sizeof *m->field.keys);
    return m->units && m->field.keys ? MIM_OK : mim__no_memory(ctx, units * (1 + sizeof *m->field.keys));
}

mim_status mim__masker_create(mim_context *ctx, const mim_config *config, int rows, int cols, int patch, mim_masker **out)
{
    if (rows < 1 || cols < 1 || patch < 1 || (int64_t)rows * cols > INT32_MAX)
        return mim__fail(ctx, MIM_ERR_SHAPE, "no mask for a grid of %d x %d patches of %d pixels", rows, cols, patch);
    mim_masker *m = mim__calloc(ctx, 1, sizeof *m);
    if (!m)
        return mim__no_memory(ctx, sizeof *m);
    mim__object_init(&m->object, ctx);
    m->rows = rows;
    m->cols = cols;
    struct run_options run;
    mim_status status = mim__read_options(ctx, config, mim__run_options, &run);
    if (status == MIM_OK)
        status = mim__read_options(ctx, config, mim__masker_options, &m->options);
    if (status == MIM_OK)
        status = set_strategy(ctx, m, patch);
    if (status == MIM_OK)
        status = allocate(ctx, m);
    if (status != MIM_OK) {
        mim_masker_destroy(m);
        return status;
    }
    m->seed = (uint64_t)(m->options.seed < 0 ? run.seed : m->options.seed);
    *out = m;
    return MIM_OK;
}

mim_status mim_masker_create(mim_context *ctx, const mim_config *config, mim_masker **out)
{
    if (!ctx || !config || !out)
        return mim__null_argument(ctx, "mim_masker_create");
    static const char *const keys[] = { "image.height", "image.width", "encoder.patch" };
    int64_t v[COUNT(keys)];
    for (int i = 0; i < COUNT(keys); i++) {
        mim_status status = mim_config_get_i64(config, keys[i], &v[i]);
        if (status != MIM_OK)
            return status;
        if (v[i] < 1 || v[i] > INT32_MAX)
            return mim__fail(ctx, MIM_ERR_VALUE, "%s %lld is out of range", keys[i], (long long)v[i]);
    }
    if (v[0] % v[2] || v[1] % v[2])
        return mim__fail(ctx, MIM_ERR_SHAPE, "image of %lld x %lld is not a multiple of encoder.patch %lld",
                         (long long)v[0], (long long)v[1], (long long)v[2]);
    return mim__masker_create(ctx, config, (int)(v[0] / v[2]), (int)(v[1] / v[2]), (int)v[2], out);
}

void mim_masker_destroy(mim_masker *m)
{
    if (!m || !mim__object_release(&m->object))
        return;
    mim__free(m->object.ctx, m->units);
    mim__free(m->object.ctx, m->field.keys);
    mim__object_free(&m->object);
}

mim_context *mim__masker_context(const mim_masker *m) { return m->object.ctx; }
void mim__masker_retain(mim_masker *m) { mim__object_retain(&m->object); }
bool mim__masker_is_host(const mim_masker *m) { return !m->strategy; }
int mim__masker_hidden(const mim_masker *m) { return m->hidden; }

int mim__masker_expects(const mim_masker *m)
{
    return m->strategy ? m->hidden : target_of(&m->options, (int64_t)m->rows * m->cols);
}

void mim__masker_grid(const mim_masker *m, int *rows, int *cols)
{
    *rows = m->rows;
    *cols = m->cols;
}

/* Each unit over repeat x repeat patches: one row of patches is spread out, then copied. */
static void expand(const mim_masker *m, uint8_t *mask)
{
    const uint8_t *unit = m->units;
    size_t width = (size_t)m->cols, repeat = (size_t)m->repeat;
    for (int y = 0; y < m->field.rows; y++) {
        for (int x = 0; x < m->field.cols; x++)
            memset(mask + (size_t)x * repeat, *unit++, repeat);
        for (size_t i = 1; i < repeat; i++)
            memcpy(mask + i * width, mask, width);
        mask += repeat * width;
    }
}

void mim__masker_draw_one(mim_masker *m, int64_t epoch, int64_t id, uint8_t *mask)
{
    struct mim__stream s = mim__stream(m->seed, m->strategy->stream, (uint64_t)id, (uint64_t)epoch);
    memset(m->units, 0, (size_t)m->field.rows * (size_t)m->field.cols);
    m->strategy->draw(&m->field, &s, m->units);
    expand(m, mask);
}

mim_status mim_masker_draw(mim_masker *m, int64_t epoch, const int64_t *ids, int64_t count, uint8_t *mask, size_t bytes)
{
    if (!m)
        return mim__null_argument(NULL, "mim_masker_draw");
    mim_context *ctx = m->object.ctx;
    if (count < 0)
        return mim__fail(ctx, MIM_ERR_ARGUMENT, "mim_masker_draw: count is %lld", (long long)count);
    if (!mask && count)
        return mim__null_argument(ctx, "mim_masker_draw");
    if (!m->strategy)
        return mim__fail(ctx, MIM_ERR_UNSUPPORTED, "masker.kind \"host\" draws no masks: they are handed in");
    size_t size = (size_t)m->rows * (size_t)m->cols;
    if ((uint64_t)count > bytes / size)
        return mim__fail(ctx, MIM_ERR_SPACE, "%lld masks of %d x %d do not fit in %lld bytes",
                         (long long)count, m->rows, m->cols, (long long)bytes);
    for (int64_t i = 0; i < count; i++)
        mim__masker_draw_one(m, epoch, ids ? ids[i] : i, mask + (size_t)i * size);
    return MIM_OK;
}

mim_status mim__masker_report(const mim_masker *m, int64_t seed, mim_config *report)
{
    struct masker_options o = m->options;
    if (o.seed < 0 && m->seed != (uint64_t)seed)
        o.seed = (int64_t)m->seed;
    return mim__report_options(report, mim__masker_options, &o);
}

static mim_status report_all(const mim_masker *m, mim_config *report)
{
    mim_status status = mim__masker_report(m, (int64_t)m->seed, report);
    if (status == MIM_OK)
        status = mim__report_i64(report, "seed", (int64_t)m->seed);
    if (status == MIM_OK)
        status = mim__report_i64(report, "grid.rows", m->rows);
    if (status == MIM_OK)
        status = mim__report_i64(report, "grid.cols", m->cols);
    if (status == MIM_OK)
        status = mim__report_i64(report, "hidden", m->hidden);
    return status;
}

mim_status mim_masker_describe(const mim_masker *m, mim_config **out)
{
    if (!m || !out)
        return mim__null_argument(m ? m->object.ctx : NULL, "mim_masker_describe");
    mim_config *report;
    mim_status status = mim__report_create(m->object.ctx, &report);
    if (status != MIM_OK)
        return status;
    status = report_all(m, report);
    if (status != MIM_OK) {
        mim_config_destroy(report);
        return status;
    }
    *out = report;
    return MIM_OK;
}
