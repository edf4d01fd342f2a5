/* SPDX-License-Identifier: MIT */
/* texts.c -- sets of texts, sorted by key; and the texts of a mim_tensors. */
#include "base/text.h"
#include "io/order.h"
#include "io/set.h"

#include <stdlib.h>

struct keyed_text { char *key; const char *value; };     /* one block: key \0 value \0 */

struct mim__texts {
    mim_context *ctx;
    int count, capacity;
    struct keyed_text *pairs;
};

mim_status mim__texts_create(mim_context *ctx, struct mim__texts **out)
{
    struct mim__texts *t = mim__alloc(ctx, sizeof *t);
    if (!t)
        return mim__no_memory(ctx, sizeof *t);
    *t = (struct mim__texts){ .ctx = ctx };
    *out = t;
    return MIM_OK;
}

void mim__texts_destroy(struct mim__texts *t)
{
    if (!t)
        return;
    for (int i = 0; i < t->count; i++)
        mim__free(t->ctx, t->pairs[i].key);
    mim__free(t->ctx, t->pairs);
    mim__free(t->ctx, t);
}

int mim__texts_count(const struct mim__texts *t) { return t->count; }
const char *mim__texts_key(const struct mim__texts *t, int index) { return t->pairs[index].key; }
const char *mim__texts_value(const struct mim__texts *t, int index) { return t->pairs[index].value; }

/* Where the key is, or would be. */
static int place(const struct mim__texts *t, const char *key, bool *found)
{
    int low = 0, high = t->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (strcmp(t->pairs[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < t->count && !strcmp(t->pairs[low].key, key);
    return low;
}

const char *mim__texts_get(const struct mim__texts *t, const char *key)
{
    bool found;
    int at = place(t, key, &found);
    return found ? t->pairs[at].value : NULL;
}

static mim_status grow(struct mim__texts *t)
{
    if (t->count < t->capacity)
        return MIM_OK;
    int capacity = t->capacity ? 2 * t->capacity : 8;
    struct keyed_text *pairs = mim__realloc(t->ctx, t->pairs, (size_t)capacity * sizeof *pairs);
    if (!pairs)
        return mim__no_memory(t->ctx, (size_t)capacity * sizeof *pairs);
    t->pairs = pairs;
    t->capacity = capacity;
    return MIM_OK;
}

static void remove_at(struct mim__texts *t, int at)
{
    mim__free(t->ctx, t->pairs[at].key);
    t->count--;
    memmove(t->pairs + at, t->pairs + at + 1, (size_t)(t->count - at) * sizeof *t->pairs);
}

static mim_status insert_at(struct mim__texts *t, int at, struct keyed_text pair)
{
    mim_status status = grow(t);
    if (status != MIM_OK)
        return status;
    memmove(t->pairs + at + 1, t->pairs + at, (size_t)(t->count - at) * sizeof *t->pairs);
    t->pairs[at] = pair;
    t->count++;
    return MIM_OK;
}

mim_status mim__texts_set(struct mim__texts *t, const char *key, const char *text)
{
    bool found;
    int at = place(t, key, &found);
    if (!text) {
        if (found)
            remove_at(t, at);
        return MIM_OK;
    }
    size_t key_size = strlen(key) + 1, text_size = strlen(text) + 1;
    char *block = mim__alloc(t->ctx, key_size + text_size);
    if (!block)
        return mim__no_memory(t->ctx, key_size + text_size);
    memcpy(block, key, key_size);
    memcpy(block + key_size, text, text_size);
    struct keyed_text pair = { block, block + key_size };
    if (found) {
        mim__free(t->ctx, t->pairs[at].key);
        t->pairs[at] = pair;
        return MIM_OK;
    }
    mim_status status = insert_at(t, at, pair);
    if (status != MIM_OK)
        mim__free(t->ctx, block);
    return status;
}

mim_status mim__texts_add(struct mim__texts *t, char *block)
{
    mim_status status = insert_at(t, t->count, (struct keyed_text){ block, block + strlen(block) + 1 });
    if (status != MIM_OK)
        mim__free(t->ctx, block);
    return status;
}

static bool key_before(const void *arg, int32_t a, int32_t b)
{
    const struct mim__texts *t = arg;
    return strcmp(t->pairs[a].key, t->pairs[b].key) < 0;
}

mim_status mim__texts_settle(struct mim__texts *t, const char **twin)
{
    int32_t *order = mim__calloc(t->ctx, (size_t)t->count, sizeof *order);
    struct keyed_text *pairs = mim__calloc(t->ctx, (size_t)t->count, sizeof *pairs);
    mim_status status = order && pairs ? MIM_OK : mim__no_memory(t->ctx, (size_t)t->count * sizeof *pairs);
    if (status == MIM_OK) {
        struct keyed_text *unsorted = t->pairs;
        mim__order(order, t->count, key_before, t);
        for (int i = 0; i < t->count; i++)
            pairs[i] = unsorted[order[i]];
        t->pairs = pairs;
        t->capacity = t->count;
        pairs = unsorted;
    }
    for (int i = 1; i < t->count && status == MIM_OK; i++)
        if (!strcmp(t->pairs[i - 1].key, t->pairs[i].key)) {
            *twin = t->pairs[i].key;
            status = MIM_ERR_VALUE;
        }
    mim__free(t->ctx, order);
    mim__free(t->ctx, pairs);
    return status;
}

mim_status mim__texts_merge(struct mim__texts *to, const struct mim__texts *from)
{
    mim_status status = MIM_OK;
    for (int i = 0; i < from->count && status == MIM_OK; i++)
        if (!mim__texts_get(to, from->pairs[i].key))
            status = mim__texts_set(to, from->pairs[i].key, from->pairs[i].value);
    return status;
}

/* ---- The texts of a mim_tensors: the library's in the handle, of a view the host's with its owner ---- */

const char *mim__tensors_text(const mim_tensors *t, const char *key)
{
    const char *text = mim__texts_get(t->texts, key);
    return text || !t->view.texts ? text : mim__texts_get(t->view.texts, key);
}

mim_status mim__set_texts(const mim_tensors *t, struct mim__texts **out)
{
    struct mim__texts *all = NULL;
    mim_status status = mim__texts_create(t->object.ctx, &all);
    if (status != MIM_OK)
        return status;
    status = mim__texts_merge(all, t->texts);
    if (status == MIM_OK && t->view.texts)
        status = mim__texts_merge(all, t->view.texts);
    if (status != MIM_OK) {
        mim__texts_destroy(all);
        return status;
    }
    *out = all;
    return MIM_OK;
}

static mim_status all_texts(const mim_tensors *t, char *text, size_t capacity, size_t *needed)
{
    struct mim__texts *all = NULL;
    mim_status status = mim__set_texts(t, &all);
    if (status != MIM_OK)
        return status;
    struct mim__text json = { .ctx = t->object.ctx };
    mim__text_add(&json, "{");
    for (int i = 0; i < all->count; i++) {
        mim__text_add(&json, i ? "," : "");
        mim__text_json(&json, all->pairs[i].key);
        mim__text_add(&json, ":");
        mim__text_json(&json, all->pairs[i].value);
    }
    mim__text_add(&json, "}");
    status = json.failed ? mim__no_memory(t->object.ctx, json.size)
                         : mim__text_out(t->object.ctx, json.data, text, capacity, needed);
    mim__text_free(&json);
    mim__texts_destroy(all);
    return status;
}

static mim_status no_text(mim_context *ctx, const char *key)
{
    char quoted[QUOTE];
    return mim__fail(ctx, MIM_ERR_KEY, "there is no text '%s'", mim__quote(key, quoted));
}

mim_status mim_tensors_get_text(const mim_tensors *t, const char *key, char *text, size_t capacity, size_t *needed)
{
    if (!t || (!text && capacity))
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_tensors_get_text");
    if (!key)
        return all_texts(t, text, capacity, needed);
    const char *value = mim__tensors_text(t, key);
    return value ? mim__text_out(t->object.ctx, value, text, capacity, needed) : no_text(t->object.ctx, key);
}

mim_status mim__tensors_put_text(mim_tensors *t, const char *key, const char *text)
{
    return mim__texts_set(t->texts, key, text);
}

mim_status mim__tensors_put_config(mim_tensors *t, const mim_config *config, const char *naming, const char *kind)
{
    mim_context *ctx = mim__tensors_context(t);
    size_t needed = 0;
    char *text = NULL;
    mim_status status = mim_config_write_json(config, NULL, 0, &needed);
    if (!status && !(text = mim__alloc(ctx, needed)))
        status = mim__no_memory(ctx, needed);
    if (!status)
        status = mim_config_write_json(config, text, needed, NULL);
    const char *const texts[][2] = { { "mim.config", text }, { "mim.naming", naming }, { "mim.kind", kind },
                                     { "mim.version", mim_version_string() } };
    for (int i = 0; i < COUNT(texts) && !status; i++)
        status = mim__tensors_put_text(t, texts[i][0], texts[i][1]);
    mim__free(ctx, text);
    return status;
}

static bool is_later(const char *version)
{
    char *end;
    long major = strtol(version, &end, 10), minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    return major > MIM_VERSION_MAJOR || (major == MIM_VERSION_MAJOR && minor > MIM_VERSION_MINOR);
}

mim_status mim__tensors_get_config(mim_context *ctx, const mim_tensors *t, const char **json)
{
    const char *version = mim__tensors_text(t, "mim.version");
    char quoted[QUOTE];
    *json = mim__tensors_text(t, "mim.config");
    if (!*json || !version || !is_later(version))
        return MIM_OK;
    return mim__fail(ctx, MIM_ERR_UNSUPPORTED, "the file was written by libmim %s, which is later than this, %s",
                     mim__quote(version, quoted), mim_version_string());
}

mim_status mim_tensors_set_text(mim_tensors *t, const char *key, const char *text)
{
    if (!t || !key)
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_tensors_set_text");
    mim_context *ctx = t->object.ctx;
    char quoted[QUOTE];
    struct mim__texts *texts = t->kind == SET_VIEW ? t->view.texts : t->texts;
    if (!strncmp(key, "mim.", 4) || !strcmp(key, "format"))
        return mim__fail(ctx, MIM_ERR_VALUE, "text '%s' is the library's, as 'format' and all that begins with 'mim.' are",
                         mim__quote(key, quoted));
    if (!texts)
        return mim__fail(ctx, MIM_ERR_STATE, "this view keeps no texts of the host; '%s' was not set",
                         mim__quote(key, quoted));
    if (!text && !mim__texts_get(texts, key))
        return no_text(ctx, key);
    if (mim__utf8_check(key, strlen(key)) < strlen(key) || (text && mim__utf8_check(text, strlen(text)) < strlen(text)))
        return mim__fail(ctx, MIM_ERR_VALUE, "text '%s' is not UTF-8", mim__quote(key, quoted));
    return mim__texts_set(texts, key, text);
}
