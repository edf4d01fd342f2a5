/* SPDX-License-Identifier: MIT */
/* load.c -- weights of named tensors into a fresh encoder, and what of them it did not take or will resize. */
#include "encoder/encoder.h"

#include <stdio.h>

static bool in_list(const struct mim__names *n, const char *name)
{
    for (int i = 0; i < n->count; i++)
        if (!strcmp(n->list[i].name, name))
            return true;
    return false;
}

static void add_word(struct mim__words *w, const char *name)
{
    if (w->count < OPTION_LIST_MAX)
        snprintf(w->v[w->count++], OPTION_WORD_SIZE, "%s", name);
}

static void note_unused(mim_encoder *e, const mim_tensors *t, const struct mim__names *n)
{
    size_t prefix = strlen(e->source.prefix);
    for (int64_t i = 0; i < mim_tensors_count(t) && e->unused.count < OPTION_LIST_MAX; i++) {
        const char *name = mim__tensors_at(t, i)->name;
        if (!strncmp(name, e->source.prefix, prefix) && !in_list(n, name))
            add_word(&e->unused, name);
    }
}

static void note_resized(mim_encoder *e, const struct mim__names *n)
{
    int rows, cols;
    bool windows = e->kind != &mim__swin || e->options.window == e->options.table_window;
    if (mim__encoder_grid(e, e->image.height, e->image.width, &rows, &cols)
        || (rows == e->options.table_rows && cols == e->options.table_cols && windows))
        return;
    for (int i = 0; i < n->count; i++)
        if (strstr(n->list[i].name, "pos") && !strstr(n->list[i].name, "proj") && !strstr(n->list[i].name, "mlp"))
            add_word(&e->resized, n->list[i].name);
}

static mim_status load_one(mim_encoder *e, const mim_tensors *t, const struct mim__tensor *to)
{
    mim_context *ctx = e->object.ctx;
    const char *end = to->name + strlen(to->name);
    bool mask_token = end - to->name >= 10 && !strcmp(end - 10, "mask_token");
    if (mask_token && (mim__tensors_find(t, to->name) < 0 || mim__encoder_has_decoder(t, &e->source))) {
        if (to->data)
            mim__log(ctx, MIM_LOG_WARNING, "the weights have no mask token: it starts from its initial values");
        return MIM_OK;
    }
    return mim__tensors_load(ctx, t, to->name, to->rank, to->shape, to->data);
}

mim_status mim__encoder_load(mim_encoder *e, const mim_tensors *t)
{
    struct mim__names names = { .ctx = e->object.ctx };
    mim_status status = mim__encoder_locate(t, &e->source);
    if (!status)
        status = mim__names_of_store(&names, &e->store, e->kind->rules, e->source.column, e->source.prefix, NULL,
                                     e->store.values);
    for (int i = 0; i < names.count && !status; i++)
        status = load_one(e, t, &names.list[i]);
    if (!status && e->store.values) {
        char mask_token[NAME_PREFIX + 32];
        snprintf(mask_token, sizeof mask_token, "%s%s", e->source.prefix,
                 e->source.naming == NAMING_HUGGINGFACE ? "embeddings.mask_token" : "mask_token");
        e->source_pretext = mim__tensors_find(t, mask_token) >= 0;
        note_unused(e, t, &names);
        note_resized(e, &names);
    }
    mim__names_free(&names);
    return status;
}
