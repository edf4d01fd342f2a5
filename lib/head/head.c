/* SPDX-License-Identifier: MIT */
/* head.c -- the handle: the task on top of one encoder, made from a configuration, from weights, or both. */
#include "head/head.h"

#include <stdio.h>

/* Kind "none" ends at the tokens: the host has the loss. */
static mim_status check_none(const mim_head *h, struct head_options *o)
{
    (void)h;
    (void)o;
    return MIM_OK;
}

static void build_none(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b)
{
    (void)h;
    (void)g;
    b->seed = e->tokens;
}

static const struct name_rule no_rules[] = { { NULL, NULL, NULL, NULL } };
static const struct head_kind none = {
    .name = "none", .check = check_none, .build = build_none, .rules = no_rules, .stages = true, .task = "Model",
};

/* As the choices of head.kind. */
static const struct head_kind *const kinds[] = { &mim__pixels, &mim__classifier, &none, &mim__mae, &mim__tokens,
                                                 &mim__flat, &mim__inverse_swin };

void mim__head_retain(mim_head *h) { mim__object_retain(&h->object); }
bool mim__head_masks(const mim_head *h) { return h->kind->masks && h->options.masked; }

int mim__head_depth(const mim_head *h)
{
    const struct head_options *o = &h->options;
    int64_t side = h->encoder->options.patch / o->reduce, cells = side / 8, channels = h->encoder->image.channels;
    return (int)(o->numbers ? o->numbers : channels * (o->target == HEAD_HOG ? 9 * cells * cells : side * side));
}

/* ---- weights of a file ---- */

static bool has_name(const mim_tensors *t, const char *before, const char *name)
{
    char full[TENSOR_NAME];
    snprintf(full, sizeof full, "%s%s", before, name);
    return mim__tensors_find(t, full) >= 0;
}

/* How a file names its head: as the encoder beside it; or it holds a head alone and says so. libmim's names begin with
 * "head." beside an encoder, others are bare. */
static mim_status locate(const mim_tensors *t, enum name_column *column, char prefix[NAME_PREFIX])
{
    const char *said = mim__tensors_text(t, "mim.naming"), *kind = mim__tensors_text(t, "mim.kind");
    struct encoder_source s = { .naming = NAMING_MIM, .column = COLUMN_MIM };
    mim_status status = MIM_OK;
    if (!said || !kind || strcmp(kind, "head"))
        status = mim__encoder_locate(t, &s);
    else if (strcmp(said, "mim"))
        s.column = strcmp(said, "timm") ? COLUMN_HUGGINGFACE : COLUMN_TIMM;
    bool beside = false;
    for (int i = 0; i < COUNT(kinds); i++)
        beside = beside || (kinds[i]->rules->mim && has_name(t, "head.", kinds[i]->rules->mim));
    snprintf(prefix, NAME_PREFIX, "%s", s.column == COLUMN_MIM && beside ? "head." : s.wrapper);
    *column = s.column;
    return status;
}

mim_status mim__head_config_from(mim_context *ctx, const mim_tensors *t, mim_config *out)
{
    enum name_column column;
    char prefix[NAME_PREFIX] = "";
    bool found = false;
    (void)ctx;
    if (mim__tensors_text(t, "mim.config"))         /* whole, and already in *out */
        return MIM_OK;
    mim_status status = locate(t, &column, prefix);
    for (int i = 0; i < COUNT(kinds) && !status && !found; i++)
        if (kinds[i]->config_from)
            status = kinds[i]->config_from(t, column, prefix, out, &found);
    return status;
}

/* What timm has no place for stands under names of its own where a file of timm's names holds it. */
static enum name_column column_in_file(const mim_head *h, enum name_column c)
{
    return h->kind->bare && (c == COLUMN_TIMM || c == COLUMN_BEIT) ? COLUMN_MIM : c;
}

/* Where the store is dry, only looks whether all is there. */
static mim_status load(mim_head *h, const mim_tensors *t)
{
    mim_context *ctx = h->object.ctx;
    struct mim__names names = { .ctx = ctx };
    enum name_column column;
    char prefix[NAME_PREFIX] = "";
    mim_status status = locate(t, &column, prefix);
    if (h->kind->rules_of)
        h->rules = h->kind->rules_of(h->encoder, t, prefix);
    if (!status)
        status = mim__names_of_store(&names, &h->store, h->rules, column_in_file(h, column), prefix, NULL, h->store.values);
    for (int i = 0; i < names.count && !status; i++)
        status = mim__tensors_load(ctx, t, names.list[i].name, names.list[i].rank, names.list[i].shape, names.list[i].data);
    if (!status && names.count < h->store.count)
        status = mim__fail(ctx, MIM_ERR_FORMAT, "the weights have no head of kind %s", h->kind->name);
    mim__names_free(&names);
    h->from_file = !status;
    return status;
}

/* ---- create ---- */

static mim_status make_store(mim_head *h)
{
    const mim_encoder *e = h->encoder;
    struct graph *g = NULL;
    struct encoder_build b = {
        .batch = 1, .height = (int)e->image.height, .width = (int)e->image.width, .masked = mim__head_masks(h)
    };
    struct head_build own = { .compute = F32, .image = &e->image };
    mim_status status = mim__graph_create(h->object.ctx, &g);
    if (status)
        return status;
    e->kind->build(e, g, &b);
    mim__graph_store(g, 1);
    h->kind->build(h, g, &b, &own);
    status = mim__graph_status(g);
    if (!status)
        status = mim__store_create(g, 1, true, &h->store);
    mim__graph_destroy(g);
    return status;
}

static mim_status set_up(mim_head *h, const mim_config *config, const mim_tensors *weights, bool dry)
{
    mim_context *ctx = h->object.ctx;
    mim_config *whole = NULL;
    mim_status status = mim_config_create(ctx, NULL, &whole);
    if (!status && config)
        status = mim__config_merge(whole, config);
    if (!status && weights && mim__tensors_text(weights, "mim.config"))
        status = mim__encoder_config_from(ctx, weights, whole);
    if (!status && weights)
        status = mim__head_config_from(ctx, weights, whole);
    if (!status)
        status = mim__read_options(ctx, whole, mim__run_options, &h->run);
    if (!status)
        status = mim__read_options(ctx, whole, mim__head_options, &h->options);
    mim_config_destroy(whole);
    if (status)
        return status;
    h->kind = kinds[h->options.kind];
    h->rules = h->usual_rules = h->kind->rules_of ? h->kind->rules_of(h->encoder, NULL, "") : h->kind->rules;
    int stride = mim__encoder_stride(h->encoder);
    if (mim__encoder_stages(h->encoder) > 1 && !h->kind->stages)
        return mim__fail(ctx, MIM_ERR_UNSUPPORTED, "head.kind %s needs a token of each patch; this encoder has one of %dx%d "
                         "pixels", h->kind->name, stride, stride);
    status = h->kind->check(h, &h->options);
    if (!status)
        status = make_store(h);
    if (!status && weights)                 /* before memory goes to what a file merely claims */
        status = load(h, weights);
    if (!status && !dry)
        status = mim__store_allocate(ctx, &h->store);
    if (status || dry)
        return status;
    if (weights)
        return load(h, weights);
    mim__store_fill(ctx, &h->store, (uint64_t)h->run.seed);
    return MIM_OK;
}

static mim_status create(mim_context *ctx, const mim_config *config, mim_encoder *encoder, const mim_tensors *weights,
                         bool dry, mim_head **out)
{
    mim_head *h = mim__calloc(ctx, 1, sizeof *h);
    if (!h)
        return mim__no_memory(ctx, sizeof *h);
    mim__object_init(&h->object, ctx);
    mim__context_pin_isa(ctx, 1);
    mim__encoder_retain(encoder);
    h->encoder = encoder;
    mim_status status = set_up(h, config, weights, dry);
    if (status)
        mim_head_destroy(h);
    else
        *out = h;
    return status;
}

mim_status mim_head_create(mim_context *ctx, const mim_config *config, mim_encoder *encoder, const mim_tensors *weights,
                           mim_head **out)
{
    if (!ctx || !encoder || !out || (!config && !weights))
        return mim__null_argument(ctx, "mim_head_create");
    if (encoder->object.ctx != ctx)
        return mim__fail(ctx, MIM_ERR_ARGUMENT, "mim_head_create: the encoder is another context's");
    return create(ctx, config, encoder, weights, false, out);
}

mim_status mim__head_create_dry(mim_context *ctx, const mim_config *config, mim_encoder *encoder, mim_head **out)
{
    return create(ctx, config, encoder, NULL, true, out);
}

void mim_head_destroy(mim_head *h)
{
    if (!h || !mim__object_release(&h->object))
        return;
    mim__store_free(h->object.ctx, &h->store);
    mim_encoder_destroy(h->encoder);
    mim__context_pin_isa(h->object.ctx, -1);
    mim__object_free(&h->object);
}

/* ---- tensors ---- */

mim_status mim__head_names(const mim_head *h, const struct head_naming *n, float *array, struct mim__names *out)
{
    bool own = n->own && h->from_file;
    const char *wrapper = h->encoder->source.wrapper;
    enum name_column column = mim__encoder_column(h->encoder, n->naming);
    return mim__names_of_store(out, &h->store, own ? h->rules : h->usual_rules, own ? column_in_file(h, column) : column,
                               own && *wrapper ? wrapper : n->before, NULL, array);
}

static void add_labels(const mim_head *h, struct mim__text *more)
{
    mim__text_format(more, "\"num_labels\": %lld,\n  \"id2label\": {", (long long)h->options.classes);
    for (int64_t i = 0; i < h->options.classes; i++)
        mim__text_format(more, "%s\"%lld\": \"LABEL_%lld\"", i ? ", " : "", (long long)i, (long long)i);
    mim__text_add(more, "},\n  \"label2id\": {");
    for (int64_t i = 0; i < h->options.classes; i++)
        mim__text_format(more, "%s\"LABEL_%lld\": %lld", i ? ", " : "", (long long)i, (long long)i);
    mim__text_add(more, "}");
}

static void add_decoder(const mim_head *h, double ratio, struct mim__text *more)
{
    const struct head_options *o = &h->options;
    mim__text_format(more,
                     "\"decoder_hidden_size\": %lld,\n  \"decoder_num_hidden_layers\": %lld,\n"
                     "  \"decoder_num_attention_heads\": %lld,\n  \"decoder_intermediate_size\": %lld,\n  \"mask_ratio\": ",
                     (long long)o->width, (long long)o->depth, (long long)o->heads, (long long)o->hidden);
    mim__text_f64(more, ratio);
    mim__text_format(more, ",\n  \"norm_pix_loss\": %s", o->target == HEAD_PATCH_NORM ? "true" : "false");
}

/* The same of transformers' BEiT, which has a norm of its own after the last block, and classes from without. After the
 * encoder's as well, but then 5.24 takes one norm for the other when it opens its own folder. */
static const char *unsayable_of_beit(const mim_head *h)
{
    const struct encoder_options *e = &h->encoder->options;
    char last[OPTION_TEXT_SIZE];
    snprintf(last, sizeof last, "block.%lld", (long long)e->depth);
    return h->kind != &mim__tokens ? "pixels of a BEiT" : h->options.target != HEAD_CLASSES ? "classes made of pixels"
         : !h->options.masked ? "no hidden patches"
         : e->norm || strcmp(h->options.features, last) ? "other features than the last block's, not normed" : NULL;
}

/* What a folder of the other library cannot say of this head, or NULL. transformers' models predict pixels as they are; its
 * MAE also normalised ones, as a member says. */
static const char *unsayable(const mim_head *h, enum naming n, bool own)
{
    static const char features[] = "features of a block";
    const struct encoder_options *e = &h->encoder->options;
    int target = h->options.target;
    if (h->kind == &mim__classifier && strcmp(h->options.features, "pooled"))
        return features;
    if (n == NAMING_TIMM)
        return own && h->from_file && h->kind->bare ? "a decoder; the encoder alone can be written"
             : h->kind == &mim__tokens && mim__encoder_is_beit(h->encoder) ? "its layer; the encoder alone can be written" : NULL;
    if (!h->kind->masks)
        return NULL;
    if (mim__encoder_is_beit(h->encoder))
        return unsayable_of_beit(h);
    return h->kind == &mim__tokens ? "classes of patches"
         : target != HEAD_PIXELS && (target != HEAD_PATCH_NORM || h->kind != &mim__mae) ? "another target than pixels"
         : h->options.reduce != 1 ? "a lower resolution"
         : h->kind == &mim__pixels && h->options.layers != 1 ? "two layers"
         : h->kind == &mim__pixels && (h->options.norm || !mim__head_sees_end(h)) ? features
         : h->kind == &mim__flat ? "a decoder that predicts the whole picture at once"
         : h->kind == &mim__inverse_swin ? "a decoder of stages"
         : h->options.head_width ? "heads that do not make up its width"
         : h->kind == &mim__mae && e->table_rows != e->table_cols ? "pictures that are not square" : NULL;
}

mim_status mim__head_json(const mim_head *h, bool own, double ratio, struct encoder_json *j, struct mim__text *more)
{
    const char *what = unsayable(h, j->naming, own);
    j->task = h->kind->task;
    j->model_type = h->kind->model_type;
    j->classes = h->kind == &mim__classifier ? h->options.classes : 0;
    if (what) {
        snprintf(j->why, FOLDER_WHY, "%s cannot express a head of kind %s with %s",
                 j->naming == NAMING_TIMM ? "timm" : "transformers", h->kind->name, what);
        return MIM_ERR_UNSUPPORTED;
    }
    if (h->kind == &mim__classifier)
        add_labels(h, more);
    if (h->kind == &mim__mae)
        add_decoder(h, ratio, more);
    if (h->kind == &mim__tokens)
        mim__text_format(more, "\"vocab_size\": %lld", (long long)h->options.classes);
    j->more = more->size ? more->data : NULL;
    return more->failed ? mim__no_memory(h->object.ctx, more->size) : MIM_OK;
}

static void release(void *owner) { mim_head_destroy(owner); }

static mim_status put_texts(const mim_head *h, enum naming n, mim_tensors *view)
{
    mim_config *report = NULL;
    mim_status status = mim__report_create(h->object.ctx, &report);
    if (!status)
        status = mim__head_report(h, report);
    if (!status)
        status = mim__tensors_put_config(view, report, mim__naming_text(n), "head");
    mim_config_destroy(report);
    return status;
}

mim_status mim_head_tensors(mim_head *h, int32_t what, const char *naming, mim_tensors **out)
{
    if (!h || !out)
        return mim__null_argument(h ? h->object.ctx : NULL, "mim_head_tensors");
    if (what != MIM_WEIGHTS)
        return mim__fail(h->object.ctx, MIM_ERR_ARGUMENT, "a head has MIM_WEIGHTS, not %d", (int)what);
    struct mim__names names = { .ctx = h->object.ctx };
    enum naming n;
    mim_tensors *view = NULL;
    mim_status status = mim__naming_parse(h->object.ctx, naming, h->from_file ? h->encoder->source.naming : NAMING_MIM, &n);
    if (!status)
        status = mim__head_names(h, &(struct head_naming){ n, !naming, "" }, h->store.values, &names);
    struct mim__view v = { .owner = h, .release = release, .writable = true, .whole = true,
                           .array = h->store.values, .elements = h->store.elements };
    mim__head_retain(h);
    if (!status)
        status = mim__tensors_view(h->object.ctx, &v, names.count, names.list, &view);
    if (status)
        mim_head_destroy(h);
    else
        status = put_texts(h, n, view);
    if (status)
        mim_tensors_destroy(view);
    else
        *out = view;
    mim__names_free(&names);
    return status;
}

/* ---- describe ---- */

mim_status mim__head_report(const mim_head *h, mim_config *report)
{
    return mim__report_options(report, mim__head_options, &h->options);
}

static mim_status report_names(const mim_head *h, mim_config *r)
{
    const struct head_options *o = &h->options;
    bool tokens = h->kind == &mim__tokens, pixels = h->kind->masks && !tokens, masks = mim__head_masks(h);
    bool classes = h->kind == &mim__classifier, host = pixels && o->loss == HEAD_LOSS_HOST;
    bool shows = pixels && (o->target <= HEAD_WINDOW_NORM || (o->target == HEAD_TARGET_HOST && !o->numbers));
    const struct { const char *name; bool there; } in[] = {
        { "pixels", true }, { "mask", masks },
        { "labels", (classes && !o->mixture) || (tokens && o->target == HEAD_CLASSES) },
        { "mixture", classes && o->mixture },
        { "target", pixels && !host && o->target == HEAD_TARGET_HOST }, { "gradient", host || h->kind == &none },
    }, out[] = {
        { "loss", classes || tokens || (pixels && !host) }, { "mask", masks }, { "visible", masks && !h->encoder->options.mask_token },
        { "pixels", true }, { "prediction", pixels }, { "reconstruction", shows }, { "picture", shows },
        { "logits", classes || tokens }, { "tokens", h->kind == &none },
    };
    const char *ins[COUNT(in)], *outs[COUNT(out)];
    int n = 0, m = 0;
    for (int i = 0; i < COUNT(in); i++)
        if (in[i].there)
            ins[n++] = in[i].name;
    for (int i = 0; i < COUNT(out); i++)
        if (out[i].there)
            outs[m++] = out[i].name;
    mim_status status = mim__report_words(r, "inputs", n, ins);
    return status ? status : mim__report_words(r, "outputs", m, outs);
}

mim_status mim_head_describe(const mim_head *h, mim_config **out)
{
    mim_config *r = NULL;
    int64_t parameters = 0;
    if (!h || !out)
        return mim__null_argument(h ? h->object.ctx : NULL, "mim_head_describe");
    for (int i = 0; i < h->store.count; i++)
        parameters += (int64_t)h->store.params[i].count;
    mim_status status = mim__report_create(h->object.ctx, &r);
    if (!status)
        status = mim__head_report(h, r);
    if (!status)
        status = mim__report_i64(r, "parameters", parameters);
    if (!status)
        status = report_names(h, r);
    if (status)
        mim_config_destroy(r);
    else
        *out = r;
    return status;
}
