/* SPDX-License-Identifier: MIT */
/* encoder.c -- the handle: made from a configuration, from weights, or both. */
#include "encoder/encoder.h"

#include <stdio.h>

enum { GRID_MOST = 1 << 28 };           /* patches; four times as many relative positions still fit an int */

const struct architecture *const mim__architectures[] = { &mim__vit, &mim__swin, &mim__swinv2, NULL };

/* ---- create ---- */

mim_status mim__encoder_grid(const mim_encoder *e, int64_t height, int64_t width, int *rows, int *cols)
{
    int64_t patch = e->options.patch;
    if (height < patch || width < patch || height % patch || width % patch || height > 65536 || width > 65536
        || (height / patch) * (width / patch) > GRID_MOST)
        return mim__fail(e->object.ctx, MIM_ERR_SHAPE, "image %lldx%lld is not a multiple of patch %lld", (long long)height,
                         (long long)width, (long long)patch);
    *rows = (int)(height / patch);
    *cols = (int)(width / patch);
    return MIM_OK;
}

static mim_status read_options(mim_encoder *e, const mim_config *config)
{
    mim_context *ctx = e->object.ctx;
    int rows, cols;
    mim_status status = mim__read_options(ctx, config, mim__run_options, &e->run);
    if (!status)
        status = mim__read_options(ctx, config, mim__encoder_options, &e->options);
    if (!status)
        status = mim__image_read_options(ctx, config, &e->image);
    if (status)
        return status;
    e->kind = mim__architectures[e->options.kind];
    status = e->kind->check(ctx, &e->options);
    if (!status)
        status = mim__encoder_grid(e, e->image.height, e->image.width, &rows, &cols);
    if (!status && !e->options.table_rows)
        e->options.table_rows = rows;
    if (!status && !e->options.table_cols)
        e->options.table_cols = cols;
    if (!status && e->options.table_rows * e->options.table_cols > GRID_MOST)
        status = mim__fail(ctx, MIM_ERR_VALUE, "position tables of a %lldx%lld grid are too large",
                           (long long)e->options.table_rows, (long long)e->options.table_cols);
    return status;
}

/* The parameters, by building the model once for a single picture; no memory for their values yet. */
static mim_status make_store(mim_encoder *e)
{
    struct graph *g = NULL;
    struct encoder_build b = { .batch = 1, .height = (int)e->image.height, .width = (int)e->image.width };
    mim_status status = mim__graph_create(e->object.ctx, &g);
    if (status)
        return status;
    e->kind->build(e, g, &b);
    status = mim__graph_status(g);
    if (!status)
        status = mim__store_create(g, 0, true, &e->store);
    mim__graph_destroy(g);
    return status;
}

static mim_status fill(mim_encoder *e, const mim_tensors *weights)
{
    if (!weights) {
        mim__store_fill(e->object.ctx, &e->store, (uint64_t)e->run.seed);
        return MIM_OK;
    }
    for (int i = 0; i < e->store.count; i++) {          /* a file may lack a mask token */
        const struct param *p = &e->store.params[i];
        if (!strcmp(p->name, "mask_token"))
            mim__init_values(mim__kernels(e->object.ctx), p, (uint64_t)e->run.seed, 0, p->count, e->store.values + p->offset);
    }
    return mim__encoder_load(e, weights);
}

/* What config says and the weights add. */
static mim_status merged(mim_context *ctx, const mim_config *config, const mim_tensors *weights, mim_config **out)
{
    mim_status status = mim_config_create(ctx, NULL, out);
    if (!status && config)
        status = mim__config_merge(*out, config);
    return !status && weights ? mim__encoder_config_from(ctx, weights, *out) : status;
}

static mim_status create(mim_context *ctx, const mim_config *config, const mim_tensors *weights, bool dry, mim_encoder **out)
{
    mim_config *whole = NULL;
    mim_encoder *e = mim__calloc(ctx, 1, sizeof *e);
    if (!e)
        return mim__no_memory(ctx, sizeof *e);
    mim__object_init(&e->object, ctx);
    mim__context_pin_isa(ctx, 1);
    mim_status status = merged(ctx, config, weights, &whole);
    if (!status)
        status = read_options(e, whole);
    if (!status)
        status = make_store(e);
    if (!status && weights)                 /* a small file may claim a model of any size: it must hold one first */
        status = mim__encoder_load(e, weights);
    if (!status && !dry)
        status = mim__store_allocate(ctx, &e->store);
    if (!status && !dry)
        status = fill(e, weights);
    mim_config_destroy(whole);
    if (status)
        mim_encoder_destroy(e);
    else
        *out = e;
    return status;
}

mim_status mim_encoder_create(mim_context *ctx, const mim_config *config, const mim_tensors *weights, mim_encoder **out)
{
    if (!ctx || !out || (!config && !weights))
        return mim__null_argument(ctx, "mim_encoder_create");
    return create(ctx, config, weights, false, out);
}

mim_status mim__encoder_create_dry(mim_context *ctx, const mim_config *config, mim_encoder **out)
{
    return create(ctx, config, NULL, true, out);
}

void mim__encoder_retain(mim_encoder *e) { mim__object_retain(&e->object); }

void mim_encoder_destroy(mim_encoder *e)
{
    if (!e || !mim__object_release(&e->object))
        return;
    mim__encoding_free(e);
    mim__store_free(e->object.ctx, &e->store);
    mim__context_pin_isa(e->object.ctx, -1);
    mim__object_free(&e->object);
}

/* ---- weights ---- */

static void release(void *owner) { mim_encoder_destroy(owner); }

static mim_status view_names(const mim_encoder *e, const char *naming, enum naming *n, struct mim__names *names)
{
    mim_status status = mim__naming_parse(e->object.ctx, naming, e->source.naming, n);
    bool own = !naming && *n != NAMING_MIM;
    struct encoder_naming as = { *n, own ? e->source.prefix : "", own && e->source_pretext };
    return status ? status : mim__encoder_names(e, &as, e->store.values, names);
}

static mim_status put_texts(const mim_encoder *e, enum naming n, mim_tensors *view)
{
    mim_config *report = NULL;
    mim_status status = mim__report_create(e->object.ctx, &report);
    if (!status)
        status = mim__encoder_report(e, report);
    if (!status)
        status = mim__tensors_put_config(view, report, mim__naming_text(n), "encoder");
    mim_config_destroy(report);
    return status;
}

static mim_status weights_view(mim_encoder *e, const char *naming, mim_tensors **out)
{
    mim_context *ctx = e->object.ctx;
    struct mim__names names = { .ctx = ctx };
    struct mim__text json = { .ctx = ctx };
    enum naming n = NAMING_MIM;
    mim_tensors *view = NULL;
    struct mim__view v = { .owner = e, .release = release, .writable = true, .whole = true,
                           .array = e->store.values, .elements = e->store.elements };
    mim_status status = view_names(e, naming, &n, &names);
    struct encoder_json as = { .naming = n, .own = !naming, .task = "Model", .why = v.no_folder };
    if (!status)
        status = mim__encoder_json(e, &as, &json);
    if (!status && json.size)
        v.config_json = json.data;
    if (v.no_folder[0])                     /* the tensors can still be read */
        status = MIM_OK;
    mim__encoder_retain(e);
    if (!status)
        status = mim__tensors_view(ctx, &v, names.count, names.list, &view);
    if (status)
        mim_encoder_destroy(e);
    else
        status = put_texts(e, n, view);
    if (!status)
        *out = view;
    else
        mim_tensors_destroy(view);
    mim__text_free(&json);
    mim__names_free(&names);
    return status;
}

mim_status mim_encoder_tensors(mim_encoder *e, int32_t what, const char *naming, mim_tensors **out)
{
    if (!e || !out)
        return mim__null_argument(e ? e->object.ctx : NULL, "mim_encoder_tensors");
    if (what == MIM_WEIGHTS)
        return weights_view(e, naming, out);
    if (what == MIM_OUTPUTS)
        return mim__encoding_view(e, out);
    return mim__fail(e->object.ctx, MIM_ERR_ARGUMENT, "an encoder has MIM_WEIGHTS and MIM_OUTPUTS, not %d", (int)what);
}

/* ---- describe ---- */

mim_status mim__encoder_report(const mim_encoder *e, mim_config *report)
{
    mim_status status = mim__report_options(report, mim__run_options, &e->run);
    if (!status)
        status = mim__report_options(report, mim__image_options, &e->image);
    return status ? status : mim__report_options(report, mim__encoder_options, &e->options);
}

static mim_status report_words(mim_config *report, const char *key, const struct mim__words *w)
{
    const char *list[OPTION_LIST_MAX];
    for (int i = 0; i < w->count; i++)
        list[i] = w->v[i];
    return mim__report_words(report, key, w->count, list);
}

mim_status mim_encoder_describe(const mim_encoder *e, mim_config **out)
{
    mim_config *r = NULL;
    int rows = 0, cols = 0;
    int64_t parameters = 0;
    if (!e || !out)
        return mim__null_argument(e ? e->object.ctx : NULL, "mim_encoder_describe");
    for (int i = 0; i < e->store.count; i++)
        parameters += (int64_t)e->store.params[i].count;
    mim_status status = mim__encoder_grid(e, e->image.height, e->image.width, &rows, &cols);
    if (!status)
        status = mim__report_create(e->object.ctx, &r);
    if (!status)
        status = mim__encoder_report(e, r);
    int each = 1 << (mim__encoder_stages(e) - 1);            /* patches a side that a token stands for */
    const struct { const char *key; int64_t value; } facts[] = {
        { "grid.rows", rows }, { "grid.cols", cols },
        { "tokens", ceil_div(rows, each) * ceil_div(cols, each) + e->options.class_token },
        { "width", mim__encoder_width(e) }, { "depth", e->options.depth }, { "parameters", parameters },
    };
    for (int i = 0; i < COUNT(facts) && !status; i++)
        status = mim__report_i64(r, facts[i].key, facts[i].value);
    if (!status)
        status = mim__report_text(r, "weights.naming", mim__naming_text(e->source.naming));
    if (!status)
        status = report_words(r, "weights.unused", &e->unused);
    if (!status)
        status = report_words(r, "weights.resized", &e->resized);
    if (status)
        mim_config_destroy(r);
    else
        *out = r;
    return status;
}
