/* SPDX-License-Identifier: MIT */
/* config_json.c -- configurations from JSON, nested or dotted, and back; presets, which are JSON too. */
#include "base/config.h"
#include "base/json.h"

enum { NESTED = 16, PRESETS = 8, STRING_SIZE = 8192 };

static mim_status apply(mim_config *c, const struct json *root, int presets);

/* ---- In ---- */

static mim_status set_string(mim_config *c, const char *key, const struct json *v)
{
    char text[STRING_SIZE];
    size_t size = mim__json_string(v, text, sizeof text);
    if (size == SIZE_MAX)
        return mim__fail(c->object.ctx, MIM_ERR_VALUE, "%s: the text is too long, or contains U+0000", key);
    return mim__config_set(c, key, FROM_TEXT, text, size);
}

static mim_status set_value(mim_config *c, const char *key, const struct json *v)
{
    switch (v->type) {
    case JSON_STRING: return set_string(c, key, v);
    case JSON_TRUE: case JSON_FALSE: return mim__config_set(c, key, FROM_TRUTH, v->text, v->size);
    case JSON_ARRAY: return mim__config_set(c, key, FROM_ARRAY, v->text, v->size);
    case JSON_NULL: return mim_config_set_str(c, key, NULL);
    default: return mim__config_set(c, key, FROM_INTEGER, v->text, v->size);    /* reals are told apart by their text */
    }
}

/* An object being walked, and how much of the key its name took. */
struct level { struct json in; size_t at, prefix; };

/* Append the name to the key; 0 if it does not fit. */
static size_t join(char key[KEY_SIZE], size_t prefix, const struct json *name)
{
    size_t size = mim__json_string(name, key + prefix, KEY_SIZE - 1 - prefix);
    return size == SIZE_MAX ? 0 : prefix + size;
}

static mim_status set_all(mim_config *c, const struct json *root)
{
    struct level stack[NESTED] = { { *root, 0, 0 } };
    struct json name, value;
    char key[KEY_SIZE] = "";
    for (int depth = 0; depth >= 0; ) {
        struct level *l = &stack[depth];
        if (!mim__json_next(&l->in, &l->at, &name, &value)) {
            depth--;
            continue;
        }
        if (depth == 0 && mim__json_equal(&name, "preset"))
            continue;
        size_t size = join(key, l->prefix, &name);
        if (size == 0 || (value.type == JSON_OBJECT && depth + 1 == NESTED))
            return mim__fail(c->object.ctx, MIM_ERR_KEY, "no option has so long a key, or an empty one: \"%s\"", key);
        if (value.type == JSON_OBJECT) {
            memcpy(key + size, ".", 2);
            stack[++depth] = (struct level){ value, 0, size + 1 };
        } else {
            mim_status status = set_value(c, key, &value);
            if (status != MIM_OK)
                return status;
        }
    }
    return MIM_OK;
}

static const struct mim__preset *nearest_preset(const char *name)
{
    const struct mim__preset *best = mim__presets;
    for (const struct mim__preset *p = mim__presets; p->name; p++)
        if (mim__distance(p->name, name) < mim__distance(best->name, name))
            best = p;
    return best;
}

/* Presets may begin with another preset. */
static mim_status apply_preset(mim_config *c, const char *name, int presets)
{
    const struct mim__preset *p = mim__presets;
    while (p->name && strcmp(p->name, name))
        p++;
    if (!p->name || presets == 0)
        return mim__fail(c->object.ctx, MIM_ERR_KEY, "no preset \"%s\"; the nearest is \"%s\"", name,
                         mim__presets->name ? nearest_preset(name)->name : "");
    struct json root = mim__json_parse(p->json, strlen(p->json), NULL);
    if (root.type != JSON_OBJECT)
        return mim__fail(c->object.ctx, MIM_ERR_FORMAT, "preset \"%s\" is not a JSON object", name);
    return apply(c, &root, presets - 1);
}

static mim_status apply(mim_config *c, const struct json *root, int presets)
{
    char name[KEY_SIZE];
    struct json preset = mim__json_member(root, "preset");
    mim_status status = MIM_OK;
    if (preset.type != JSON_ERROR && mim__json_string(&preset, name, sizeof name) == SIZE_MAX)
        return mim__fail(c->object.ctx, MIM_ERR_VALUE, "preset: not the name of a preset");
    if (preset.type != JSON_ERROR)
        status = apply_preset(c, name, presets);
    return status == MIM_OK ? set_all(c, root) : status;
}

mim_status mim__config_preset(mim_config *c, const char *name) { return apply_preset(c, name, PRESETS); }

mim_status mim_config_read_json(mim_config *config, const char *json)
{
    mim_config *changed = NULL;
    const char *why;
    if (!config)
        return MIM_ERR_ARGUMENT;
    mim_context *ctx = config->object.ctx;
    if (!json)
        return mim__null_argument(ctx, "mim_config_read_json");
    struct json root = mim__json_parse(json, strlen(json), &why);
    if (root.type == JSON_ERROR)
        return mim__fail(ctx, MIM_ERR_FORMAT, "JSON, byte %lld: %s", (long long)(root.text - json), why);
    if (root.type != JSON_OBJECT)
        return mim__fail(ctx, MIM_ERR_FORMAT, "JSON, byte %lld: not an object", (long long)(root.text - json));
    mim_status status = mim__config_copy(config, &changed);
    if (status != MIM_OK)
        return status;
    status = apply(changed, &root, PRESETS);
    if (status == MIM_OK)
        mim__config_swap(config, changed);
    mim_config_destroy(changed);
    return status;
}

/* ---- Out ---- */

static void write_value(const struct entry *e, struct mim__text *to)
{
    bool bare = e->type == VALUE_INTEGER || e->type == VALUE_LIST;
    if (bare || (e->type == VALUE_REAL && !strpbrk(e->text, "n")))      /* JSON knows no inf and nan */
        mim__text_add(to, e->text);
    else
        mim__text_json(to, e->text);
}

/* Length of the section that the key opens after `prefix` bytes, or 0: there is none, or the section is itself the
 * key of a value, and what is below it must keep its dot. */
static size_t section(const mim_config *c, const char *key, size_t prefix)
{
    char name[KEY_SIZE];
    const char *dot = strchr(key + prefix, '.');
    size_t size = dot ? (size_t)(dot - key) : 0;
    if (size == 0 || size >= sizeof name)
        return 0;
    memcpy(name, key, size);
    name[size] = '\0';
    return mim__config_find(c, name) ? 0 : size;
}

/* Keys are sorted, so those of a section follow each other. Sections nest no deeper than a key has dots. */
static int write_section(const mim_config *c, int i, size_t prefix, struct mim__text *to)
{
    const char *first = c->count > i ? c->entries[i]->key : "";
    mim__text_add(to, "{");
    for (bool more = false; i < c->count && !strncmp(c->entries[i]->key, first, prefix); more = true) {
        const struct entry *e = c->entries[i];
        char name[KEY_SIZE];
        size_t size = section(c, e->key, prefix);
        mim__text_add(to, more ? ", " : "");
        if (size) {
            memcpy(name, e->key + prefix, size - prefix);
            name[size - prefix] = '\0';
        }
        mim__text_json(to, size ? name : e->key + prefix);
        mim__text_add(to, ": ");
        if (size) {
            i = write_section(c, i, size + 1, to);
        } else {
            write_value(e, to);
            i++;
        }
    }
    mim__text_add(to, "}");
    return i;
}

mim_status mim_config_write_json(const mim_config *config, char *json, size_t capacity, size_t *needed)
{
    struct mim__text t = { .data = json, .capacity = json ? capacity : 0 };
    if (!config)
        return MIM_ERR_ARGUMENT;
    if (capacity && !json)
        return mim__null_argument(config->object.ctx, "mim_config_write_json");
    write_section(config, 0, 0, &t);
    return mim__text_end(config->object.ctx, &t, needed);
}
