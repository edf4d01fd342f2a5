/* SPDX-License-Identifier: MIT */
/* reference.c -- the presets and the tables of options as JSON, straight into the caller's buffer. */
#include "base/config.h"

#include <math.h>

mim_status mim_config_presets(char *json, size_t capacity, size_t *needed)
{
    struct mim__text t = { .data = json, .capacity = capacity };
    if (capacity && !json)
        return MIM_ERR_ARGUMENT;
    mim__text_add(&t, "[");
    for (const struct mim__preset *p = mim__presets; p->name; p++) {
        mim__text_add(&t, p == mim__presets ? "{\"name\": " : ",\n {\"name\": ");
        mim__text_json(&t, p->name);
        mim__text_add(&t, ", \"doc\": ");
        mim__text_json(&t, p->doc);
        mim__text_add(&t, "}");
    }
    mim__text_add(&t, "]");
    return mim__text_end(NULL, &t, needed);
}

static const char *type_name(enum option_type type)
{
    static const char *const names[] = { "i64", "f64", "bool", "choice", "text", "list of f64", "list of text" };
    return names[type];
}

static void write_default(const struct mim__option *o, struct mim__text *t)
{
    union field field;
    enum value_type type = mim__option_value(o);
    mim__text_add(t, ", \"default\": ");
    if (type == VALUE_TEXT)
        mim__text_json(t, o->fallback);
    else if (mim__option_read(NULL, o, FROM_TEXT, o->fallback, strlen(o->fallback), &field) == MIM_OK)
        mim__option_write(o, &field, t);
    else
        mim__text_add(t, "null");
}

static void write_limit(const struct mim__option *o, const char *name, double limit, struct mim__text *t)
{
    bool largest = o->type == OPTION_I64 && limit >= 0x1p63;
    if (o->least >= o->most || !isfinite(limit))
        return;
    mim__text_format(t, ", \"%s\": ", name);
    if (largest)
        mim__text_format(t, "%lld", (long long)INT64_MAX);
    else
        mim__text_f64(t, limit);
}

static void write_choices(const struct mim__option *o, struct mim__text *t)
{
    char word[OPTION_TEXT_SIZE];
    if (!o->choices)
        return;
    mim__text_add(t, ", \"choices\": [");
    for (int i = 0; *mim__choice_name(o->choices, i, word); i++) {
        mim__text_add(t, i ? ", " : "");
        mim__text_json(t, word);
    }
    mim__text_add(t, "]");
}

static void write_option(const struct mim__option *o, struct mim__text *t)
{
    mim__text_add(t, "{\"key\": ");
    mim__text_json(t, o->key);
    mim__text_format(t, ", \"type\": \"%s\"", type_name(o->type));
    write_default(o, t);
    write_limit(o, "least", o->least, t);
    write_limit(o, "most", o->most, t);
    write_choices(o, t);
    mim__text_add(t, ", \"doc\": ");
    mim__text_json(t, o->doc);
    mim__text_add(t, "}");
}

mim_status mim_config_options(char *json, size_t capacity, size_t *needed)
{
    struct mim__text t = { .data = json, .capacity = capacity };
    bool first = true;
    if (capacity && !json)
        return MIM_ERR_ARGUMENT;
    mim__text_add(&t, "[");
    for (int i = 0; mim__option_tables[i]; i++)
        for (const struct mim__option *o = mim__option_tables[i]; o->key; o++, first = false) {
            mim__text_add(&t, first ? "" : ",\n ");
            write_option(o, &t);
        }
    mim__text_add(&t, "]");
    return mim__text_end(NULL, &t, needed);
}
