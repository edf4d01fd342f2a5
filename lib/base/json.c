/* SPDX-License-Identifier: MIT */
/* json.c -- a strict JSON reader (RFC 8259). One pass checks everything, with its open brackets in a fixed stack; the
 * calls that walk a checked text then need only find where values end. */
#include "base/json.h"
#include "base/text.h"

struct reader { const char *at, *end, *why; };

static bool refuse(struct reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return false;
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

static bool digit(char c) { return c >= '0' && c <= '9'; }

static int hex(char c)
{
    if (digit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four hex digits, or -1. */
static int32_t unit(const char *p, const char *end)
{
    int32_t value = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        if (hex(p[i]) < 0)
            return -1;
        value = value * 16 + hex(p[i]);
    }
    return value;
}

/* ---- Checking ---- */

/* After the backslash; leaves r->at after the escape. */
static bool check_escape(struct reader *r)
{
    if (r->at == r->end || !memchr("\"\\/bfnrtu", *r->at, 9))
        return refuse(r, "unknown escape");
    if (*r->at++ != 'u')
        return true;
    int32_t first = unit(r->at, r->end);
    if (first < 0)
        return refuse(r, "\\u needs four hex digits");
    if (first >= 0xDC00 && first < 0xE000)
        return refuse(r, "half of a surrogate pair");
    if (first < 0xD800 || first >= 0xE000) {
        r->at += 4;
        return true;
    }
    int32_t second = r->end - r->at >= 10 && r->at[4] == '\\' && r->at[5] == 'u' ? unit(r->at + 6, r->end) : -1;
    if (second < 0xDC00 || second >= 0xE000)
        return refuse(r, "half of a surrogate pair");
    r->at += 10;
    return true;
}

/* From the opening quote. UTF-8 has been checked for the text as a whole. */
static bool check_string(struct reader *r)
{
    if (r->at == r->end || *r->at != '"')
        return refuse(r, "a string is due");
    for (r->at++; r->at < r->end && *r->at != '"'; )
        if ((unsigned char)*r->at < 0x20)
            return refuse(r, "control character in a string");
        else if (*r->at++ == '\\' && !check_escape(r))
            return false;
    if (r->at == r->end)
        return refuse(r, "string without an end");
    r->at++;
    return true;
}

static bool check_digits(struct reader *r)
{
    if (r->at == r->end || !digit(*r->at))
        return refuse(r, "a digit is due");
    while (r->at < r->end && digit(*r->at))
        r->at++;
    return true;
}

static bool check_number(struct reader *r)
{
    if (*r->at == '-')
        r->at++;
    if (r->at < r->end && *r->at == '0') {
        if (++r->at < r->end && digit(*r->at))
            return refuse(r, "number with a leading zero");
    } else if (!check_digits(r)) {
        return false;
    }
    if (r->at < r->end && *r->at == '.') {
        r->at++;
        if (!check_digits(r))
            return false;
    }
    if (r->at == r->end || (*r->at != 'e' && *r->at != 'E'))
        return true;
    if (++r->at < r->end && (*r->at == '+' || *r->at == '-'))
        r->at++;
    return check_digits(r);
}

static bool check_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n))
        return refuse(r, "a value is due");
    r->at += n;
    return true;
}

static bool check_scalar(struct reader *r)
{
    if (r->at == r->end)
        return refuse(r, "the text ends where a value is due");
    switch (*r->at) {
    case '"': return check_string(r);
    case 't': return check_word(r, "true");
    case 'f': return check_word(r, "false");
    case 'n': return check_word(r, "null");
    default: return digit(*r->at) || *r->at == '-' ? check_number(r) : refuse(r, "a value is due");
    }
}

/* Name and colon of a member, if it stands in an object. */
static bool check_name(struct reader *r, char bracket)
{
    if (bracket != '{')
        return true;
    if (!check_string(r))
        return false;
    r->at = skip_space(r->at, r->end);
    if (r->at == r->end || *r->at != ':')
        return refuse(r, "a colon is due");
    r->at = skip_space(r->at + 1, r->end);
    return true;
}

/* Closes brackets as long as they end, then steps over the comma before the next value. */
static bool check_close(struct reader *r, const char *open, int *depth)
{
    while (*depth > 0) {
        char bracket = open[*depth - 1];
        r->at = skip_space(r->at, r->end);
        if (r->at == r->end)
            return refuse(r, "the text ends inside a bracket");
        if (*r->at == ',') {
            r->at = skip_space(r->at + 1, r->end);
            return check_name(r, bracket);
        }
        if (*r->at != (bracket == '{' ? '}' : ']'))
            return refuse(r, "a comma or a closing bracket is due");
        r->at++;
        --*depth;
    }
    return true;
}

/* Opens brackets until a scalar or an empty pair; true if a scalar is due. */
static bool check_open(struct reader *r, char *open, int *depth, bool *scalar)
{
    *scalar = true;
    while (r->at < r->end && (*r->at == '{' || *r->at == '[')) {
        if (*depth == JSON_DEPTH)
            return refuse(r, "nested too deeply");
        char bracket = open[(*depth)++] = *r->at;
        r->at = skip_space(r->at + 1, r->end);
        if (r->at < r->end && *r->at == (bracket == '{' ? '}' : ']')) {
            *scalar = false;
            return true;
        }
        if (!check_name(r, bracket))
            return false;
    }
    return true;
}

static bool check_value(struct reader *r)
{
    char open[JSON_DEPTH];
    int depth = 0;
    bool scalar;
    do {
        if (!check_open(r, open, &depth, &scalar) || (scalar && !check_scalar(r)) || !check_close(r, open, &depth))
            return false;
    } while (depth > 0);
    return true;
}

/* ---- Walking what was checked ---- */

static enum json_type type_of(char c)
{
    switch (c) {
    case 'n': return JSON_NULL;
    case 't': return JSON_TRUE;
    case 'f': return JSON_FALSE;
    case '"': return JSON_STRING;
    case '[': return JSON_ARRAY;
    case '{': return JSON_OBJECT;
    default: return JSON_NUMBER;
    }
}

static const char *string_end(const char *p)
{
    for (p++; *p != '"'; p++)
        if (*p == '\\')
            p++;
    return p + 1;
}

static const char *value_end(const char *p, const char *end)
{
    int depth = 0;
    if (type_of(*p) < JSON_STRING) {
        while (p < end && !memchr(" \t\n\r,]}", *p, 7))
            p++;
        return p;
    }
    do {
        if (*p == '"') {
            p = string_end(p);
        } else {
            depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
            p++;
        }
    } while (depth > 0);
    return p;
}

static struct json value_at(const char *p, const char *end)
{
    return (struct json){ type_of(*p), p, (size_t)(value_end(p, end) - p) };
}

struct json mim__json_parse(const char *text, size_t size, const char **why)
{
    struct reader r = { text, text + size, NULL };
    size_t valid = mim__utf8_check(text, size);
    if (valid < size) {
        r.at += valid;
        refuse(&r, "not UTF-8");
    } else {
        r.at = skip_space(r.at, r.end);
        const char *start = r.at;
        if (check_value(&r)) {
            struct json v = { type_of(*start), start, (size_t)(r.at - start) };
            r.at = skip_space(r.at, r.end);
            if (r.at == r.end)
                return v;
            refuse(&r, "more text after the value");
        }
    }
    if (why)
        *why = r.why;
    return (struct json){ JSON_ERROR, r.at, 0 };
}

bool mim__json_next(const struct json *in, size_t *at, struct json *key, struct json *value)
{
    if (in->type != JSON_ARRAY && in->type != JSON_OBJECT)
        return false;
    const char *end = in->text + in->size, *p = skip_space(in->text + (*at ? *at : 1), end);
    if (*p == ',')
        p = skip_space(p + 1, end);
    if (*p == ']' || *p == '}')
        return false;
    if (in->type == JSON_OBJECT) {
        struct json name = value_at(p, end);
        if (key)
            *key = name;
        p = skip_space(name.text + name.size, end);
        p = skip_space(p + 1, end);                     /* the colon */
    }
    *value = value_at(p, end);
    *at = (size_t)(value->text + value->size - in->text);
    return true;
}

struct json mim__json_member(const struct json *object, const char *name)
{
    struct json key, value;
    for (size_t at = 0; object->type == JSON_OBJECT && mim__json_next(object, &at, &key, &value); )
        if (mim__json_equal(&key, name))
            return value;
    return (struct json){ JSON_ERROR, object->text, 0 };
}

static int put_utf8(uint32_t c, char to[4])
{
    int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3F));
    to[0] = (char)(n == 1 ? c : (0xF00u >> n & 0xFF) | c);
    return n;
}

/* The next one to four bytes of a checked string into `to`. */
static int decode(const char **p, char to[4])
{
    static const char escapes[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    if (**p != '\\') {
        to[0] = *(*p)++;
        return 1;
    }
    char c = (*p)[1];
    *p += 2;
    const char *escape = strchr(escapes, c);
    if (c != 'u') {
        to[0] = escape ? meanings[escape - escapes] : c;
        return 1;
    }
    uint32_t code = (uint32_t)unit(*p, *p + 4);
    *p += 4;
    if (code >= 0xD800 && code < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + ((uint32_t)unit(*p + 2, *p + 6) - 0xDC00);
        *p += 6;
    }
    return put_utf8(code, to);
}

size_t mim__json_string(const struct json *v, char *to, size_t capacity)
{
    size_t size = 0;
    if (v->type != JSON_STRING)
        return SIZE_MAX;
    for (const char *p = v->text + 1, *end = v->text + v->size - 1; p < end; ) {
        char bytes[4];
        int n = decode(&p, bytes);
        if (bytes[0] == '\0' || capacity - size <= (size_t)n)
            return SIZE_MAX;
        memcpy(to + size, bytes, (size_t)n);
        size += (size_t)n;
    }
    if (size >= capacity)
        return SIZE_MAX;
    to[size] = '\0';
    return size;
}

bool mim__json_equal(const struct json *v, const char *text)
{
    if (v->type != JSON_STRING)
        return false;
    for (const char *p = v->text + 1, *end = v->text + v->size - 1; p < end; ) {
        char bytes[4];
        int n = decode(&p, bytes);
        for (int i = 0; i < n; i++, text++)
            if (*text == '\0' || *text != bytes[i])
                return false;
    }
    return *text == '\0';
}

bool mim__json_u64(const struct json *v, uint64_t *out)
{
    uint64_t value = 0;
    if (v->type != JSON_NUMBER)
        return false;
    for (size_t i = 0; i < v->size; i++) {
        if (!digit(v->text[i]) || value > (UINT64_MAX - (unsigned)(v->text[i] - '0')) / 10)
            return false;
        value = value * 10 + (unsigned)(v->text[i] - '0');
    }
    *out = value;
    return true;
}

bool mim__json_i64(const struct json *v, int64_t *out)
{
    return v->type == JSON_NUMBER && mim__parse_i64(v->text, v->size, out);
}

bool mim__json_f64(const struct json *v, double *out)
{
    return v->type == JSON_NUMBER && mim__parse_f64(v->text, v->size, out);
}

mim_status mim__json_unlike(mim_context *ctx, mim_status status, const char *name, const struct json *v, const char *what)
{
    return mim__fail(ctx, status, "%s in config.json is %.*s, not %s", name, (int)(v->size < 64 ? v->size : 64), v->text,
                     what);
}
