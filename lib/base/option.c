/* SPDX-License-Identifier: MIT */
/* option.c -- one option: its text into a field, with every check there is, and the field back into text. */
#include "base/config.h"
#include "base/json.h"

#include <math.h>

enum { SHOWN = 80 };        /* of a wrong value, in the error */

size_t mim__option_size(const struct mim__option *o)
{
    switch (o->type) {
    case OPTION_I64: return sizeof(int64_t);
    case OPTION_F64: return sizeof(double);
    case OPTION_BOOL: case OPTION_CHOICE: return sizeof(int);
    case OPTION_TEXT: return OPTION_TEXT_SIZE;
    case OPTION_LIST_F64: return sizeof(struct mim__numbers);
    default: return sizeof(struct mim__words);
    }
}

enum value_type mim__option_value(const struct mim__option *o)
{
    switch (o->type) {
    case OPTION_I64: case OPTION_BOOL: return VALUE_INTEGER;
    case OPTION_F64: return VALUE_REAL;
    case OPTION_CHOICE: case OPTION_TEXT: return VALUE_TEXT;
    default: return VALUE_LIST;
    }
}

static unsigned sources(const struct mim__option *o)
{
    switch (o->type) {
    case OPTION_I64: return FROM_TEXT | FROM_INTEGER;
    case OPTION_F64: return FROM_TEXT | FROM_INTEGER | FROM_REAL;
    case OPTION_BOOL: return FROM_TEXT | FROM_INTEGER | FROM_TRUTH;
    case OPTION_LIST_F64: return FROM_TEXT | FROM_INTEGER | FROM_REAL | FROM_ARRAY;
    case OPTION_LIST_TEXT: return FROM_TEXT | FROM_ARRAY;
    default: return FROM_TEXT;
    }
}

/* What is being read, and why it failed. */
struct reading { mim_context *ctx; const struct mim__option *o; const char *text; size_t size; };

static mim_status wrong(const struct reading *r, const char *expected)
{
    size_t shown = r->size > SHOWN ? mim__utf8_floor(r->text, SHOWN) : r->size;
    return mim__fail(r->ctx, MIM_ERR_VALUE, "%s: \"%.*s\"%s is not %s", r->o->key, (int)shown, r->text,
                     shown < r->size ? "..." : "", expected);
}

static mim_status check_range(const struct reading *r, double v)
{
    char least[NUMBER_TEXT], most[NUMBER_TEXT], value[NUMBER_TEXT];
    const struct mim__option *o = r->o;
    if (isfinite(v) && (o->least >= o->most || (v >= o->least && v <= o->most)))
        return MIM_OK;
    mim__format_f64(v, value);
    mim__format_f64(o->least, least);
    mim__format_f64(o->most, most);
    if (!isfinite(v))
        return mim__fail(r->ctx, MIM_ERR_VALUE, "%s: %s is not finite", o->key, value);
    return mim__fail(r->ctx, MIM_ERR_VALUE, "%s: %s is not in %s .. %s", o->key, value, least, most);
}

static mim_status read_i64(const struct reading *r, int64_t *out)
{
    double real;
    int64_t v;
    if (!mim__parse_i64(r->text, r->size, &v)) {
        if (!mim__parse_f64(r->text, r->size, &real) || real != floor(real) || fabs(real) > 0x1p53)
            return wrong(r, "an integer");
        v = (int64_t)real;
    }
    *out = v;
    return check_range(r, (double)v);
}

static mim_status read_f64(const struct reading *r, double *out)
{
    return mim__parse_f64(r->text, r->size, out) ? check_range(r, *out) : wrong(r, "a number");
}

static bool is(const struct reading *r, const char *word)
{
    return r->size == strlen(word) && !memcmp(r->text, word, r->size);
}

static mim_status read_bool(const struct reading *r, int *out)
{
    bool yes = is(r, "1") || is(r, "true"), no = is(r, "0") || is(r, "false");
    *out = yes;
    return yes || no ? MIM_OK : wrong(r, "0 or 1");
}

static bool space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The next word of [*at, end), as its length; 0 when there is none. */
static size_t next_word(const char **at, const char *end)
{
    while (*at < end && space(**at))
        ++*at;
    const char *p = *at;
    while (p < end && !space(*p))
        p++;
    return (size_t)(p - *at);
}

/* Index of the word among the choices, or -1. */
static int choice(const char *choices, const char *word, size_t size)
{
    const char *end = choices + strlen(choices), *at = choices;
    int i = 0;
    for (size_t n; (n = next_word(&at, end)) > 0; at += n, i++)
        if (n == size && !memcmp(at, word, n))
            return i;
    return -1;
}

static mim_status check_choice(const struct reading *r, const char *word, size_t size, int *out)
{
    *out = choice(r->o->choices, word, size);
    if (*out >= 0)
        return MIM_OK;
    size_t shown = size > SHOWN ? mim__utf8_floor(word, SHOWN) : size;
    return mim__fail(r->ctx, MIM_ERR_VALUE, "%s: \"%.*s\" is none of: %s", r->o->key, (int)shown, word, r->o->choices);
}

static mim_status read_text(const struct reading *r, char *out, size_t room)
{
    int index;
    if (r->size >= room)
        return mim__fail(r->ctx, MIM_ERR_VALUE, "%s: a text of %d bytes, at most %d fit", r->o->key,
                         r->size > INT32_MAX ? INT32_MAX : (int)r->size, (int)room - 1);
    if (mim__utf8_check(r->text, r->size) < r->size || memchr(r->text, '\0', r->size))
        return mim__fail(r->ctx, MIM_ERR_VALUE, "%s: the text is not UTF-8", r->o->key);
    if (r->o->choices && check_choice(r, r->text, r->size, &index) != MIM_OK)
        return MIM_ERR_VALUE;
    memcpy(out, r->text, r->size);
    out[r->size] = '\0';
    return MIM_OK;
}

/* ---- Lists: as JSON, or as words between spaces ---- */

static mim_status add_item(const struct reading *r, union field *out, const char *text, size_t size)
{
    struct reading item = { r->ctx, r->o, text, size };
    int *count = r->o->type == OPTION_LIST_F64 ? &out->numbers.count : &out->words.count;
    if (*count == OPTION_LIST_MAX)
        return mim__fail(r->ctx, MIM_ERR_VALUE, "%s: more than %d items", r->o->key, OPTION_LIST_MAX);
    mim_status status = r->o->type == OPTION_LIST_F64
        ? read_f64(&item, &out->numbers.v[*count])
        : size ? read_text(&item, out->words.v[*count], OPTION_WORD_SIZE) : wrong(r, "a list without empty words");
    *count += status == MIM_OK;
    return status;
}

static mim_status add_json(const struct reading *r, union field *out, const struct json *v)
{
    char word[OPTION_WORD_SIZE];
    if (r->o->type == OPTION_LIST_F64)
        return v->type == JSON_NUMBER ? add_item(r, out, v->text, v->size) : wrong(r, "a list of numbers");
    if (v->type != JSON_STRING)
        return wrong(r, "a list of words");
    size_t size = mim__json_string(v, word, sizeof word);
    if (size == SIZE_MAX)
        return mim__fail(r->ctx, MIM_ERR_VALUE, "%s: words have at most %d bytes", r->o->key, OPTION_WORD_SIZE - 1);
    return add_item(r, out, word, size);
}

static mim_status read_array(const struct reading *r, union field *out)
{
    const char *why;
    struct json list = mim__json_parse(r->text, r->size, &why), item;
    mim_status status = MIM_OK;
    if (list.type != JSON_ARRAY)
        return wrong(r, "a list in JSON");
    for (size_t at = 0; status == MIM_OK && mim__json_next(&list, &at, NULL, &item); )
        status = add_json(r, out, &item);
    return status;
}

static mim_status read_list(const struct reading *r, union field *out)
{
    const char *at = r->text, *end = r->text + r->size;
    memset(out, 0, mim__option_size(r->o));
    size_t n = next_word(&at, end);
    if (n && *at == '[')
        return read_array(r, out);
    for (; n > 0; n = next_word(&at, end)) {
        if (add_item(r, out, at, n) != MIM_OK)
            return MIM_ERR_VALUE;
        at += n;
    }
    return MIM_OK;
}

mim_status mim__option_read(mim_context *ctx, const struct mim__option *o, enum source from, const char *text,
                            size_t size, union field *out)
{
    struct reading r = { ctx, o, text, size };
    static const char *const wanted[] = { "an integer", "a number", "a text", "a list" };
    if (!(sources(o) & from))
        return wrong(&r, wanted[mim__option_value(o)]);
    switch (o->type) {
    case OPTION_I64: return read_i64(&r, &out->i64);
    case OPTION_F64: return read_f64(&r, &out->f64);
    case OPTION_BOOL: return read_bool(&r, &out->n);
    case OPTION_CHOICE: return check_choice(&r, text, size, &out->n);
    case OPTION_TEXT: return read_text(&r, out->text, OPTION_TEXT_SIZE);
    default: return read_list(&r, out);
    }
}

const char *mim__choice_name(const char *choices, int index, char to[OPTION_TEXT_SIZE])
{
    const char *at = choices, *end = choices + strlen(choices);
    size_t n = next_word(&at, end);
    for (; n > 0 && index > 0; index--) {
        at += n;
        n = next_word(&at, end);
    }
    n = n < OPTION_TEXT_SIZE ? n : OPTION_TEXT_SIZE - 1;
    memcpy(to, at, n);
    to[n] = '\0';
    return to;
}

void mim__option_write(const struct mim__option *o, const union field *field, struct mim__text *to)
{
    char word[OPTION_TEXT_SIZE];
    int count = o->type == OPTION_LIST_F64 ? field->numbers.count : field->words.count;
    switch (o->type) {
    case OPTION_I64: mim__text_format(to, "%lld", (long long)field->i64); return;
    case OPTION_F64: mim__text_f64(to, field->f64); return;
    case OPTION_BOOL: mim__text_add(to, field->n ? "1" : "0"); return;
    case OPTION_CHOICE: mim__text_add(to, mim__choice_name(o->choices, field->n, word)); return;
    case OPTION_TEXT: mim__text_add(to, field->text); return;
    default: break;
    }
    mim__text_add(to, "[");
    for (int i = 0; i < count; i++) {
        mim__text_add(to, i ? ", " : "");
        if (o->type == OPTION_LIST_F64)
            mim__text_f64(to, field->numbers.v[i]);
        else
            mim__text_json(to, field->words.v[i]);
    }
    mim__text_add(to, "]");
}
