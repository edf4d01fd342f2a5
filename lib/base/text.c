/* SPDX-License-Identifier: MIT */
/* text.c -- numbers to text and back whatever the locale, UTF-8, a growing text, and the distance of two words. */
#include "base/text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void print_f64(char *to, size_t capacity, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mim__format(to, capacity, format, args);
    va_end(args);
}

/* Whatever has up to 15 digits survives the way through a double, so for normal numbers 15 are tried first (%g drops
 * zeros); the others have fewer digits to begin with. */
void mim__format_f64(double value, char to[NUMBER_TEXT])
{
    double back;
    if (isnan(value)) {
        strcpy(to, "nan");
        return;
    }
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        print_f64(to, NUMBER_TEXT, "%.*g", digits, value);
        if (mim__parse_f64(to, strlen(to), &back) && back == value)
            return;
    }
}

static bool digit(char c) { return c >= '0' && c <= '9'; }

/* Digits of a number without its point: value = 0.digits * 10^exponent. 768 digits decide every rounding, and one
 * more says that there were others. */
struct decimal { char digits[800]; int count; long exponent; bool any; };
enum { DECISIVE = 768 };

static void add_digit(struct decimal *d, char c, bool fraction)
{
    d->any = true;
    if (d->count == 0 && c == '0') {
        d->exponent -= fraction;
        return;
    }
    d->exponent += !fraction;
    if (d->count < DECISIVE)
        d->digits[d->count++] = c;
    else if (d->count == DECISIVE && c != '0')
        d->digits[d->count++] = '1';
}

static const char *read_digits(struct decimal *d, const char *p, const char *end)
{
    bool fraction = false;
    for (; p < end && (digit(*p) || (*p == '.' && !fraction)); p++)
        if (*p == '.')
            fraction = true;
        else
            add_digit(d, *p, fraction);
    return p;
}

/* NULL if there is an e without digits. Exponents past a million are as good as infinite. */
static const char *read_exponent(struct decimal *d, const char *p, const char *end)
{
    long value = 0, sign = 1;
    if (p == end || (*p != 'e' && *p != 'E'))
        return p;
    if (++p < end && (*p == '-' || *p == '+'))
        sign = *p++ == '-' ? -1 : 1;
    if (p == end)
        return NULL;
    for (; p < end && digit(*p); p++)
        value = value < 1000000 ? value * 10 + (*p - '0') : value;
    d->exponent += sign * value;
    return p;
}

static bool special(const char *text, size_t size, double *value)
{
    bool negative = size && *text == '-';
    if (size - negative != 3)
        return false;
    if (!memcmp(text + negative, "inf", 3))
        *value = negative ? -INFINITY : INFINITY;
    else if (!negative && !memcmp(text, "nan", 3))
        *value = NAN;
    else
        return false;
    return true;
}

/* strtod gets all digits as one integer with an exponent: no decimal point, so no locale. */
bool mim__parse_f64(const char *text, size_t size, double *value)
{
    struct decimal d = { .count = 0 };
    char plain[sizeof d.digits + 32];
    const char *end = text + size, *p = text;
    if (special(text, size, value))
        return true;
    bool negative = p < end && *p == '-';
    p = read_exponent(&d, read_digits(&d, p + negative, end), end);
    if (p != end || !d.any)
        return false;
    if (d.count == 0) {
        *value = negative ? -0.0 : 0.0;
        return true;
    }
    d.digits[d.count] = '\0';
    snprintf(plain, sizeof plain, "%s%se%ld", negative ? "-" : "", d.digits, d.exponent - d.count);
    double number = strtod(plain, NULL);
    if (isinf(number))
        return false;
    *value = number;
    return true;
}

bool mim__parse_i64(const char *text, size_t size, int64_t *value)
{
    bool negative = size && *text == '-';
    uint64_t limit = (uint64_t)INT64_MAX + negative, v = 0;
    if (size == negative)
        return false;
    for (size_t i = negative; i < size; i++) {
        unsigned d = (unsigned)(text[i] - '0');
        if (!digit(text[i]) || v > (limit - d) / 10)
            return false;
        v = v * 10 + d;
    }
    *value = !negative ? (int64_t)v : v ? -(int64_t)(v - 1) - 1 : 0;
    return true;
}

/* Bytes of the character that starts with `lead`, 0 if none does; and the least code point so many bytes may hold. */
static int sequence(unsigned char lead, uint32_t *least)
{
    static const uint32_t leasts[] = { 0, 0, 0x80, 0x800, 0x10000 };
    int n = lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 0;
    *least = leasts[n];
    return n;
}

size_t mim__utf8_check(const char *text, size_t size)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < size; ) {
        uint32_t least, code;
        int n = sequence(s[i], &least);
        if (n == 0 || size - i < (size_t)n)
            return i;
        code = n == 1 ? s[i] : s[i] & (0x7Fu >> n);
        for (size_t k = 1; k < (size_t)n; k++) {
            if ((s[i + k] & 0xC0) != 0x80)
                return i;
            code = code << 6 | (s[i + k] & 0x3Fu);
        }
        if (code < least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
            return i;
        i += (size_t)n;
    }
    return size;
}

size_t mim__utf8_floor(const char *text, size_t n)
{
    size_t start = n;
    uint32_t least;
    while (start > 0 && n - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return n;
    int whole = sequence((unsigned char)text[start - 1], &least);
    return whole > 1 && start - 1 + (size_t)whole > n ? start - 1 : n;
}

static void grow(struct mim__text *t, size_t capacity)
{
    char *data = mim__realloc(t->ctx, t->data, capacity);
    if (!data) {
        t->failed = true;
        return;
    }
    t->data = data;
    t->capacity = capacity;
}

void mim__text_add_n(struct mim__text *t, const char *text, size_t n)
{
    if (!t->failed && t->ctx && n >= t->capacity - t->size)
        grow(t, zmax(t->size + n + 1, t->capacity * 2 + 64));
    if (t->failed)
        return;
    size_t room = t->size < t->capacity ? t->capacity - t->size - 1 : 0;
    if (t->size < t->capacity) {
        memcpy(t->data + t->size, text, n < room ? n : room);
        t->data[t->size + (n < room ? n : room)] = '\0';
    }
    t->size += n;
}

void mim__text_add(struct mim__text *t, const char *text) { mim__text_add_n(t, text, strlen(text)); }

/* Written into what is free; where that is too little, once more after growing. */
void mim__text_format(struct mim__text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t n = mim__format(NULL, 0, format, args);
    va_end(args);
    if (!t->failed && t->ctx && n >= t->capacity - t->size)
        grow(t, zmax(t->size + n + 1, t->capacity * 2 + 64));
    if (t->failed)
        return;
    if (t->size < t->capacity) {
        va_start(args, format);
        mim__format(t->data + t->size, t->capacity - t->size, format, args);
        va_end(args);
    }
    t->size += n;
}

void mim__text_json(struct mim__text *t, const char *text)
{
    mim__text_add(t, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            mim__text_format(t, "\\%c", c);
        else if (c < 0x20)
            mim__text_format(t, "\\u%04x", (unsigned)c);
        else
            mim__text_add_n(t, text, 1);
    }
    mim__text_add(t, "\"");
}

void mim__text_f64(struct mim__text *t, double value)
{
    char number[NUMBER_TEXT];
    mim__format_f64(value, number);
    mim__text_add(t, number);
}

void mim__text_free(struct mim__text *t)
{
    if (t->ctx)
        mim__free(t->ctx, t->data);
    *t = (struct mim__text){ .ctx = t->ctx };
}

mim_status mim__text_end(mim_context *ctx, struct mim__text *t, size_t *needed)
{
    if (needed)
        *needed = t->size + 1;
    if (t->size < t->capacity || t->capacity == 0)
        return MIM_OK;
    t->data[mim__utf8_floor(t->data, t->capacity - 1)] = '\0';
    return mim__fail(ctx, MIM_ERR_SPACE, "%llu bytes are needed, the buffer has %llu", (unsigned long long)t->size + 1,
                     (unsigned long long)t->capacity);
}

enum { WORD_MAX = 127 };

static int length(const char *word)
{
    const char *end = memchr(word, '\0', WORD_MAX);
    return end ? (int)(end - word) : WORD_MAX;
}

/* One row of the table of edits at a time. Longer words count as if they ended there. */
int mim__distance(const char *a, const char *b)
{
    int row[WORD_MAX + 1], n = length(b), m = length(a);
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; i <= m; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = imin(change, 1 + imin(row[j], row[j - 1]));
        }
    }
    return row[n];
}
