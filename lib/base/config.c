/* SPDX-License-Identifier: MIT */
/* config.c -- configurations: a sorted list of keys and values. A change is made ready first and then put in place, so
 * that a failed one leaves nothing behind. */
#include "base/config.h"

/* ---- The list ---- */

/* Where the key is, or would be. */
static int place(const mim_config *c, const char *key, bool *there)
{
    int low = 0, high = c->count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (strcmp(c->entries[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *there = low < c->count && !strcmp(c->entries[low]->key, key);
    return low;
}

const struct entry *mim__config_find(const mim_config *c, const char *key)
{
    bool there;
    int i = place(c, key, &there);
    return there ? c->entries[i] : NULL;
}

static mim_status make_room(mim_config *c)
{
    int capacity = c->capacity * 2 + 16;
    if (c->count < c->capacity)
        return MIM_OK;
    struct entry **more = mim__realloc(c->object.ctx, c->entries, (size_t)capacity * sizeof *more);
    if (!more)
        return mim__no_memory(c->object.ctx, (size_t)capacity * sizeof *more);
    c->entries = more;
    c->capacity = capacity;
    return MIM_OK;
}

/* `bytes` of text are still to be written behind the key. */
static struct entry *make_entry(mim_config *c, const char *key, enum value_type type, size_t bytes, char **text)
{
    size_t key_bytes = strlen(key) + 1, size = sizeof(struct entry) + key_bytes + bytes;
    if (make_room(c) != MIM_OK)
        return NULL;
    struct entry *e = mim__alloc(c->object.ctx, size);
    if (!e) {
        mim__no_memory(c->object.ctx, size);
        return NULL;
    }
    memcpy(e->key, key, key_bytes);
    *text = e->key + key_bytes;
    e->type = type;
    e->text = *text;
    return e;
}

static void insert(mim_config *c, struct entry *e)
{
    bool there;
    int i = place(c, e->key, &there);
    if (there) {
        mim__free(c->object.ctx, c->entries[i]);
    } else {
        memmove(c->entries + i + 1, c->entries + i, (size_t)(c->count - i) * sizeof *c->entries);
        c->count++;
    }
    c->entries[i] = e;
}

mim_status mim__config_put(mim_config *c, const char *key, enum value_type type, const char *text)
{
    char *to;
    struct entry *e = make_entry(c, key, type, strlen(text) + 1, &to);
    if (!e)
        return MIM_ERR_NOMEM;
    memcpy(to, text, strlen(text) + 1);
    insert(c, e);
    return MIM_OK;
}

mim_status mim__config_put_field(mim_config *c, const struct mim__option *o, const union field *field)
{
    struct mim__text text = { NULL, NULL, 0, 0, false };
    mim__option_write(o, field, &text);             /* counts only */
    struct entry *e = make_entry(c, o->key, mim__option_value(o), text.size + 1, &text.data);
    if (!e)
        return MIM_ERR_NOMEM;
    text.capacity = text.size + 1;
    text.size = 0;
    text.data[0] = '\0';
    mim__option_write(o, field, &text);
    insert(c, e);
    return MIM_OK;
}

void mim__config_remove(mim_config *c, const char *key)
{
    bool there;
    int i = place(c, key, &there);
    if (!there)
        return;
    mim__free(c->object.ctx, c->entries[i]);
    c->count--;
    memmove(c->entries + i, c->entries + i + 1, (size_t)(c->count - i) * sizeof *c->entries);
}

void mim__config_swap(mim_config *a, mim_config *b)
{
    mim_config c = *a;
    a->count = b->count;
    a->capacity = b->capacity;
    a->entries = b->entries;
    b->count = c.count;
    b->capacity = c.capacity;
    b->entries = c.entries;
}

/* ---- Life ---- */

static mim_status create(mim_context *ctx, bool free, mim_config **out)
{
    mim_config *c = mim__calloc(ctx, 1, sizeof *c);
    if (!c)
        return mim__no_memory(ctx, sizeof *c);
    mim__object_init(&c->object, ctx);
    c->free = free;
    *out = c;
    return MIM_OK;
}

mim_status mim__report_create(mim_context *ctx, mim_config **out) { return create(ctx, true, out); }

mim_status mim_config_create(mim_context *context, const char *preset, mim_config **out)
{
    mim_config *c = NULL;
    if (!context)
        return MIM_ERR_ARGUMENT;
    if (!out)
        return mim__null_argument(context, "mim_config_create");
    mim_status status = create(context, false, &c);
    if (status == MIM_OK && preset)
        status = mim__config_preset(c, preset);
    if (status == MIM_OK)
        *out = c;
    else
        mim_config_destroy(c);
    return status;
}

void mim_config_destroy(mim_config *config)
{
    if (!config || !mim__object_release(&config->object))
        return;
    for (int i = 0; i < config->count; i++)
        mim__free(config->object.ctx, config->entries[i]);
    mim__free(config->object.ctx, config->entries);
    mim__object_free(&config->object);
}

static mim_status put_all(mim_config *to, const mim_config *from)
{
    mim_status status = MIM_OK;
    for (int i = 0; i < from->count && status == MIM_OK; i++) {
        const struct entry *e = from->entries[i];
        if (to->free || mim__option_find(e->key))           /* what only a report has is no option */
            status = mim__config_put(to, e->key, e->type, e->text);
    }
    return status;
}

mim_status mim__config_copy(const mim_config *from, mim_config **out)
{
    mim_config *c = NULL;
    mim_status status = create(from->object.ctx, from->free, &c);
    if (status != MIM_OK)
        return status;
    status = put_all(c, from);
    if (status == MIM_OK)
        *out = c;
    else
        mim_config_destroy(c);
    return status;
}

mim_status mim__config_merge(mim_config *to, const mim_config *from)
{
    mim_config *merged = NULL;
    mim_status status = mim__config_copy(to, &merged);
    if (status != MIM_OK)
        return status;
    status = put_all(merged, from);
    if (status == MIM_OK)
        mim__config_swap(to, merged);
    mim_config_destroy(merged);
    return status;
}

bool mim__config_has(const mim_config *config, const char *key) { return config && mim__config_find(config, key); }

bool mim__config_differs(const mim_config *config, const mim_config *other, const char *prefix)
{
    for (int i = 0; config && i < config->count; i++) {
        const struct entry *e = config->entries[i], *o = mim__config_find(other, e->key);
        if (!strncmp(e->key, prefix, strlen(prefix)) && (!o || strcmp(e->text, o->text)))
            return true;
    }
    return false;
}

mim_context *mim__config_context(const mim_config *config) { return config->object.ctx; }

/* ---- Values in ---- */

mim_status mim__config_set(mim_config *c, const char *key, enum source from, const char *text, size_t size)
{
    union field field;
    mim_context *ctx = c->object.ctx;
    const struct mim__option *o = mim__option_need(ctx, key);
    if (!o)
        return MIM_ERR_KEY;
    mim_status status = mim__option_read(ctx, o, from, text, size, &field);
    return status == MIM_OK ? mim__config_put_field(c, o, &field) : status;
}

mim_status mim_config_set_i64(mim_config *config, const char *key, int64_t value)
{
    struct mim__text t = { .data = (char[NUMBER_TEXT]){ 0 }, .capacity = NUMBER_TEXT };
    if (!config)
        return MIM_ERR_ARGUMENT;
    if (!key)
        return mim__null_argument(config->object.ctx, "mim_config_set_i64");
    mim__text_format(&t, "%lld", (long long)value);
    return mim__config_set(config, key, FROM_INTEGER, t.data, t.size);
}

mim_status mim_config_set_f64(mim_config *config, const char *key, double value)
{
    char text[NUMBER_TEXT];
    if (!config)
        return MIM_ERR_ARGUMENT;
    if (!key)
        return mim__null_argument(config->object.ctx, "mim_config_set_f64");
    mim__format_f64(value, text);
    return mim__config_set(config, key, FROM_REAL, text, strlen(text));
}

mim_status mim_config_set_str(mim_config *config, const char *key, const char *value)
{
    if (!config)
        return MIM_ERR_ARGUMENT;
    if (!key)
        return mim__null_argument(config->object.ctx, "mim_config_set_str");
    if (value)
        return mim__config_set(config, key, FROM_TEXT, value, strlen(value));
    if (!config->free && !mim__option_need(config->object.ctx, key))
        return MIM_ERR_KEY;
    mim__config_remove(config, key);
    return MIM_OK;
}

/* ---- Values out ---- */

/* Text and type of the value, or of the default. */
static mim_status look_up(const mim_config *c, const char *key, enum value_type *type, struct mim__text *to)
{
    union field field;
    const struct entry *e = mim__config_find(c, key);
    if (e) {
        *type = e->type;
        mim__text_add(to, e->text);
        return MIM_OK;
    }
    const struct mim__option *o = mim__option_need(c->object.ctx, key);
    if (!o)
        return MIM_ERR_KEY;
    *type = mim__option_value(o);
    mim_status status = mim__option_read(c->object.ctx, o, FROM_TEXT, o->fallback, strlen(o->fallback), &field);
    if (status == MIM_OK)
        mim__option_write(o, &field, to);
    return status;
}

mim_status mim_config_get_i64(const mim_config *config, const char *key, int64_t *value)
{
    char text[NUMBER_TEXT] = "";
    struct mim__text t = { .data = text, .capacity = sizeof text };
    enum value_type type;
    if (!config)
        return MIM_ERR_ARGUMENT;
    if (!key || !value)
        return mim__null_argument(config->object.ctx, "mim_config_get_i64");
    mim_status status = look_up(config, key, &type, &t);
    if (status != MIM_OK)
        return status;
    if (type != VALUE_INTEGER || !mim__parse_i64(text, strlen(text), value))
        return mim__fail(config->object.ctx, MIM_ERR_VALUE, "%s is not an integer", key);
    return MIM_OK;
}

mim_status mim_config_get_f64(const mim_config *config, const char *key, double *value)
{
    char text[NUMBER_TEXT] = "";
    struct mim__text t = { .data = text, .capacity = sizeof text };
    enum value_type type;
    if (!config)
        return MIM_ERR_ARGUMENT;
    if (!key || !value)
        return mim__null_argument(config->object.ctx, "mim_config_get_f64");
    mim_status status = look_up(config, key, &type, &t);
    if (status != MIM_OK)
        return status;
    if ((type != VALUE_INTEGER && type != VALUE_REAL) || !mim__parse_f64(text, strlen(text), value))
        return mim__fail(config->object.ctx, MIM_ERR_VALUE, "%s is not a number", key);
    return MIM_OK;
}

mim_status mim_config_get_str(const mim_config *config, const char *key, char *text, size_t capacity, size_t *needed)
{
    struct mim__text t = { .data = text, .capacity = text ? capacity : 0 };
    enum value_type type;
    if (!config)
        return MIM_ERR_ARGUMENT;
    if (!key || (capacity && !text))
        return mim__null_argument(config->object.ctx, "mim_config_get_str");
    mim_status status = look_up(config, key, &type, &t);
    return status == MIM_OK ? mim__text_end(config->object.ctx, &t, needed) : status;
}

int64_t mim_config_count(const mim_config *config) { return config ? config->count : -1; }

mim_status mim_config_key(const mim_config *config, int64_t index, char *text, size_t capacity, size_t *needed)
{
    if (!config)
        return MIM_ERR_ARGUMENT;
    if (index < 0 || index >= config->count)
        return mim__fail(config->object.ctx, MIM_ERR_ARGUMENT, "key %lld of %d", (long long)index, config->count);
    return mim__text_out(config->object.ctx, config->entries[index]->key, text, capacity, needed);
}
