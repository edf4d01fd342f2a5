/* SPDX-License-Identifier: MIT */
/* report.c -- configs that describe: values put under any key, without a table. */
#include "base/config.h"

mim_status mim__report_i64(mim_config *report, const char *key, int64_t value)
{
    char text[NUMBER_TEXT];
    struct mim__text t = { .data = text, .capacity = sizeof text };
    mim__text_format(&t, "%lld", (long long)value);
    return mim__config_put(report, key, VALUE_INTEGER, text);
}

mim_status mim__report_f64(mim_config *report, const char *key, double value)
{
    char text[NUMBER_TEXT];
    mim__format_f64(value, text);
    return mim__config_put(report, key, VALUE_REAL, text);
}

mim_status mim__report_text(mim_config *report, const char *key, const char *value)
{
    return mim__config_put(report, key, VALUE_TEXT, value);
}

mim_status mim__report_words(mim_config *report, const char *key, int count, const char *const *words)
{
    struct mim__text t = { .ctx = report->object.ctx };
    mim__text_add(&t, "[");
    for (int i = 0; i < count; i++) {
        mim__text_add(&t, i ? ", " : "");
        mim__text_json(&t, words[i]);
    }
    mim__text_add(&t, "]");
    mim_status status = t.failed ? mim__no_memory(t.ctx, t.size) : mim__config_put(report, key, VALUE_LIST, t.data);
    mim__text_free(&t);
    return status;
}

mim_status mim__report_options(mim_config *report, const struct mim__option *table, const void *options)
{
    union field field;
    mim_status status = MIM_OK;
    for (const struct mim__option *o = table; o->key && status == MIM_OK; o++) {
        memcpy(&field, (const char *)options + o->field, mim__option_size(o));
        status = mim__config_put_field(report, o, &field);
    }
    return status;
}
