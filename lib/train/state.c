/* SPDX-License-Identifier: MIT */
/* state.c -- all that resuming needs, as named tensors, and a trainer made from them again. An accumulation in progress
 * is no part of it: it starts anew. */
#include "train/trainer.h"

#include "base/json.h"

#include <math.h>

static const char *const moment_names[] = { "optimizer.moment.1", "optimizer.moment.2" };
static const int64_t COUNT_MOST = (int64_t)1 << 53;
static const char counters_name[] = "trainer.counters", rate_name[] = "optimizer.rate", average_name[] = "trainer.average";

/* ---- out ---- */

mim_status mim__trainer_config_text(const mim_trainer *t, mim_tensors *view, enum naming n, const char *kind)
{
    mim_config *config = NULL;
    mim_status status = mim__trainer_config(t, &config);
    if (!status)
        status = mim__tensors_put_config(view, config, mim__naming_text(n), kind);
    mim_config_destroy(config);
    return status;
}

static void release(void *owner) { mim_trainer_destroy(owner); }

/* Counters live in two places: bring the optimizer's into ours before they are read. */
static mim_status refresh(void *owner, int index, bool shape_only, struct mim__tensor *to)
{
    mim_trainer *t = owner;
    struct mim__optimizer_state s = mim__optimizer_get(t->optimizer);
    (void)index;
    (void)shape_only;
    (void)to;
    t->counters[COUNT_UPDATES] = s.updates;
    t->host_rate = s.host_rate;
    return MIM_OK;
}

static mim_status add_array(struct mim__names *n, const char *name, int32_t type, int64_t size, void *data)
{
    mim_status status = mim__names_add_zeros(n, name, size);
    if (!status) {
        n->list[n->count - 1].type = type;
        n->list[n->count - 1].data = data;
    }
    return status;
}

static int32_t moment_type(const mim_trainer *t)
{
    return mim__optimizer_moment_type(t->optimizer) == BF16 ? MIM_BF16 : MIM_F32;
}

static mim_status list_state(mim_trainer *t, struct mim__names *n)
{
    mim_status status = mim__trainer_names(t, t->encoder->store.values, t->head->store.values, n);
    for (int i = 0; i < 2 && !status; i++)
        if (t->moments[i])
            status = add_array(n, moment_names[i], moment_type(t), (int64_t)t->sizes.range.count, t->moments[i]);
    if (!status && t->average)
        status = add_array(n, average_name, MIM_F32, (int64_t)t->elements, t->average);
    if (!status)
        status = add_array(n, counters_name, MIM_I64, COUNTERS, t->counters);
    return status ? status : add_array(n, rate_name, MIM_F64, 1, &t->host_rate);
}

mim_status mim__trainer_state(mim_trainer *t, mim_tensors **out)
{
    mim_context *ctx = t->object.ctx;
    struct mim__names names = { .ctx = ctx };
    mim_tensors *view = NULL;
    mim_status status = list_state(t, &names);
    struct mim__view v = { .owner = t, .release = release, .refresh = refresh, .texts = t->texts, .sealed = true };
    mim__object_retain(&t->object);
    if (!status)
        status = mim__tensors_view(ctx, &v, names.count, names.list, &view);
    if (status)
        mim_trainer_destroy(t);
    else
        status = mim__trainer_config_text(t, view, NAMING_MIM, "state");
    if (status)
        mim_tensors_destroy(view);
    else
        *out = view;
    mim__names_free(&names);
    return status;
}

/* ---- in ---- */

/* Which part of the moments a configuration speaks of: 0 of 1 is all of them. */
struct shard { int64_t index, count; };

static mim_status read_shard(const mim_config *config, struct shard *to)
{
    mim_status status = mim_config_get_i64(config, "optimizer.shard", &to->index);
    return status ? status : mim_config_get_i64(config, "optimizer.shards", &to->count);
}

/* The stored part must be ours, or all of which ours is a part. */
static mim_status check_shard(mim_context *ctx, const mim_config *whole, const mim_config *stored, bool *all)
{
    struct shard ours = { 0, 1 }, theirs = { 0, 1 };
    mim_status status = read_shard(whole, &ours);
    if (!status)
        status = read_shard(stored, &theirs);
    *all = theirs.count == 1;
    if (!status && !*all && (ours.count != theirs.count || ours.index != theirs.index))
        return mim__fail(ctx, MIM_ERR_VALUE,
                         "the state has the moments of optimizer.shard %lld of %lld, not those of %lld of %lld",
                         (long long)theirs.index, (long long)theirs.count, (long long)ours.index, (long long)ours.count);
    return status;
}

/* Of any type. */
static mim_status load_moments(mim_trainer *t, const mim_tensors *state, const mim_config *whole, const mim_config *stored)
{
    struct mim__range range = t->sizes.range;
    bool all = true;
    mim_status status = t->moments[0] ? check_shard(t->object.ctx, whole, stored, &all) : MIM_OK;
    int64_t size = (int64_t)(all ? t->elements : range.count);
    for (int i = 0; i < 2 && !status; i++) {
        if (!t->moments[i])
            continue;
        status = mim__tensors_load(t->object.ctx, state, moment_names[i], 1, &size, NULL);
        if (!status)
            status = mim_tensors_read(state, moment_names[i], moment_type(t), all ? range.first : 0, range.count,
                                      t->moments[i]);
    }
    return status;
}

static mim_status load_average(mim_trainer *t, const mim_tensors *state)
{
    int64_t size = (int64_t)t->elements;
    if (!t->average || mim__tensors_find(state, average_name) < 0)
        return MIM_OK;
    return mim__tensors_load(t->object.ctx, state, average_name, 1, &size, t->average);
}

static mim_status load_counters(mim_trainer *t, const mim_tensors *state)
{
    mim_context *ctx = t->object.ctx;
    int64_t counters[COUNTERS];
    double rate;
    int64_t at = mim__tensors_find(state, counters_name);
    if (at < 0 || mim__tensors_find(state, rate_name) < 0 || mim__tensors_at(state, at)->rank != 1
        || mim__tensors_at(state, at)->shape[0] != COUNTERS)
        return mim__fail(ctx, MIM_ERR_FORMAT, "not a state: it has no \"%s\" of %d or no \"%s\"", counters_name, COUNTERS,
                         rate_name);
    mim_status status = mim_tensors_read(state, counters_name, MIM_I64, 0, COUNTERS, counters);
    if (!status)
        status = mim_tensors_read(state, rate_name, MIM_F64, 0, 1, &rate);
    if (status)
        return status;
    for (int i = 0; i < COUNTERS; i++)
        if (counters[i] < 0 || counters[i] > COUNT_MOST)
            return mim__fail(ctx, MIM_ERR_FORMAT, "\"%s\" holds %lld", counters_name, (long long)counters[i]);
    if (isnan(rate) || isinf(rate))
        return mim__fail(ctx, MIM_ERR_FORMAT, "\"%s\" is not finite", rate_name);
    memcpy(t->counters, counters, sizeof counters);
    t->host_rate = rate;
    mim__optimizer_set(t->optimizer, (struct mim__optimizer_state){ counters[COUNT_UPDATES], rate });
    return MIM_OK;
}

static mim_status load_texts(mim_trainer *t, const mim_tensors *state)
{
    size_t needed = 0;
    mim_status status = mim_tensors_get_text(state, NULL, NULL, 0, &needed);
    char *all = status ? NULL : mim__alloc(t->object.ctx, needed);
    if (status || !all)
        return status ? status : mim__no_memory(t->object.ctx, needed);
    status = mim_tensors_get_text(state, NULL, all, needed, NULL);
    const char *why;
    struct json object = status ? (struct json){ JSON_ERROR, NULL, 0 } : mim__json_parse(all, strlen(all), &why), key, value;
    size_t at = 0;
    while (object.type == JSON_OBJECT && !status && mim__json_next(&object, &at, &key, &value)) {
        char *name = mim__alloc(t->object.ctx, key.size + value.size), *text = name ? name + key.size : NULL;
        if (!name)
            status = mim__no_memory(t->object.ctx, key.size + value.size);
        else if (mim__json_string(&key, name, key.size) != SIZE_MAX && mim__json_string(&value, text, value.size) != SIZE_MAX
                 && strncmp(name, "mim.", 4) && strcmp(name, "format"))
            status = mim__texts_set(t->texts, name, text);
        mim__free(t->object.ctx, name);
    }
    mim__free(t->object.ctx, all);
    return status;
}

static mim_status load_rest(mim_trainer *t, const mim_tensors *state, const mim_config *whole, const mim_config *stored)
{
    mim_status status = load_moments(t, state, whole, stored);
    if (!status)
        status = load_average(t, state);
    if (!status)
        status = load_counters(t, state);
    return status ? status : load_texts(t, state);
}

/* The stored configuration with the host's on top. */
static mim_status merged(mim_context *ctx, const mim_config *config, const char *stored, mim_config **out)
{
    mim_status status = mim_config_create(ctx, NULL, out);
    if (!status)
        status = mim_config_read_json(*out, stored);
    return !status && config ? mim__config_merge(*out, config) : status;
}

/* Everything that is stored must have its place; an average may be given up, moments by a trainer without gradients. */
static mim_status check_places(mim_trainer *t, const mim_tensors *state)
{
    struct mim__names names = { .ctx = t->object.ctx };
    mim_status status = list_state(t, &names);
    for (int64_t i = 0; i < mim_tensors_count(state) && !status; i++) {
        const char *name = mim__tensors_at(state, i)->name;
        bool there = !strcmp(name, average_name) || (!t->options.gradients && !strncmp(name, "optimizer.moment.", 17));
        for (int k = 0; k < names.count && !there; k++)
            there = !strcmp(names.list[k].name, name);
        if (!there)
            status = mim__fail(t->object.ctx, MIM_ERR_FORMAT, "the state holds \"%.128s\", for which this run has no place",
                               name);
    }
    mim__names_free(&names);
    return status;
}

/* A masker that the host had handed to a head which hides nothing: the state tells of it, the configuration would not
 * make it. */
static mim_status masker_of(const struct trainer_parts *p, const mim_config *whole, const mim_config *stored,
                            mim_masker **out)
{
    mim_context *ctx = p->encoder->object.ctx;
    struct image_options image;
    int rows, cols;
    if (mim__head_masks(p->head) || !mim__config_has(stored, "masker.kind"))
        return MIM_OK;
    mim_status status = mim__image_read_options(ctx, whole, &image);
    if (!status)
        status = mim__encoder_grid(p->encoder, image.height, image.width, &rows, &cols);
    return status ? status : mim__masker_create(ctx, whole, rows, cols, (int)p->encoder->options.patch, out);
}

static mim_status resume(mim_context *ctx, const mim_config *whole, const mim_tensors *state, const mim_config *stored,
                         mim_trainer **out)
{
    struct trainer_parts parts = { NULL, NULL, NULL, NULL };
    mim_trainer *t = NULL;
    mim_status status = mim_encoder_create(ctx, whole, state, &parts.encoder);
    if (!status)
        status = mim_head_create(ctx, whole, parts.encoder, state, &parts.head);
    if (!status)
        status = masker_of(&parts, whole, stored, &parts.masker);
    if (!status)
        status = mim__trainer_create(ctx, whole, parts, false, &t);
    mim_masker_destroy(parts.masker);
    mim_head_destroy(parts.head);
    mim_encoder_destroy(parts.encoder);
    if (!status)
        status = check_places(t, state);
    if (!status)
        status = load_rest(t, state, whole, stored);
    if (status)
        mim_trainer_destroy(t);
    else
        *out = t;
    return status;
}

/* Has the host other values than the state of what shapes of weights and moments come from? */
static bool reshapes(const mim_config *config, const mim_config *stored)
{
    static const char *const sections[] = { "encoder.", "head.", "image.", "masker.", "optimizer.", "trainer.average",
                                            "trainer.gradients" };
    bool any = false;
    for (int i = 0; i < COUNT(sections) && !any; i++)
        any = mim__config_differs(config, stored, sections[i]);
    return any;
}

mim_status mim_trainer_resume(mim_context *ctx, const mim_config *config, const mim_tensors *state, mim_trainer **out)
{
    mim_config *whole = NULL, *stored = NULL;
    if (!ctx || !state || !out)
        return mim__null_argument(ctx, "mim_trainer_resume");
    const char *text, *kind = mim__tensors_text(state, "mim.kind");
    mim_status status = mim__tensors_get_config(ctx, state, &text);
    if (status)
        return status;
    if (!text || !kind || strcmp(kind, "state"))
        return mim__fail(ctx, MIM_ERR_FORMAT, "not a state: it is %s%s", kind ? "of kind " : "without a kind",
                         kind ? kind : "");
    status = merged(ctx, NULL, text, &stored);
    if (!status)
        status = merged(ctx, config, text, &whole);
    if (!status)
        status = resume(ctx, whole, state, stored, out);
    mim_config_destroy(whole);
    if (status == MIM_ERR_SHAPE || status == MIM_ERR_FORMAT)        /* whose fault: the host's keys, or the state's */
        status = reshapes(config, stored) ? MIM_ERR_VALUE : MIM_ERR_FORMAT;
    mim_config_destroy(stored);
    return status;
}
