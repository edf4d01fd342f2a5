/* SPDX-License-Identifier: MIT */
/* format.c -- printf whose numbers do not follow the locale. Each conversion is taken apart and handed to snprintf by
 * itself; in what comes back from a floating-point one, whatever is no part of a number is the decimal point. */
#include "base/text.h"

#include <stdio.h>

/* A conversion without its length and letter ("%-8.3"), these two beside it. */
struct conversion { char flags[40], length, letter; };

static const char *add_star(char *to, size_t room, const char *p, va_list *args)
{
    snprintf(to, room, "%d", va_arg(*args, int));
    return p + 1;
}

static const char *read_flags(struct conversion *c, const char *p, va_list *args)
{
    size_t n = 0;
    c->flags[n++] = '%';
    c->flags[n] = '\0';
    while (*p && strchr("-+ #0123456789.*", *p) && n + 16 < sizeof c->flags) {
        if (*p == '*') {
            p = add_star(c->flags + n, 12, p, args);
            n = strlen(c->flags);
            continue;
        }
        c->flags[n++] = *p++;
        c->flags[n] = '\0';
    }
    return p;
}

/* Lengths: l, L for ll, z, j, t, or 0. */
static const char *read_conversion(struct conversion *c, const char *p, va_list *args)
{
    p = read_flags(c, p, args);
    c->length = 0;
    for (; *p && strchr("hlzjt", *p); p++)
        c->length = (char)(*p == 'h' ? 0 : *p == 'l' && c->length == 'l' ? 'L' : *p);
    c->letter = *p;
    return *p ? p + 1 : p;
}

static long long signed_argument(char length, va_list *args)
{
    switch (length) {
    case 'l': return va_arg(*args, long);
    case 'L': return va_arg(*args, long long);
    case 'z': return (long long)va_arg(*args, size_t);
    case 'j': return va_arg(*args, intmax_t);
    case 't': return va_arg(*args, ptrdiff_t);
    default: return va_arg(*args, int);
    }
}

static unsigned long long unsigned_argument(char length, va_list *args)
{
    switch (length) {
    case 'l': return va_arg(*args, unsigned long);
    case 'L': return va_arg(*args, unsigned long long);
    case 'z': return va_arg(*args, size_t);
    case 'j': return va_arg(*args, uintmax_t);
    case 't': return (unsigned long long)va_arg(*args, ptrdiff_t);
    default: return va_arg(*args, unsigned);
    }
}

static bool numeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' || c == ' ';
}

/* The locale's decimal point, however many bytes it has, becomes '.'. */
static void point(char *text)
{
    size_t n = 0;
    for (const char *p = text; *p; ) {
        bool same = numeric(*p);
        text[n++] = same ? *p++ : '.';
        while (!same && *p && !numeric(*p))
            p++;
    }
    text[n] = '\0';
}

static int put_real(char *to, size_t room, const struct conversion *c, va_list *args)
{
    char format[48], number[400];
    snprintf(format, sizeof format, "%s%c", c->flags, c->letter);
    snprintf(number, sizeof number, format, va_arg(*args, double));
    point(number);
    return snprintf(to, room, "%s", number);
}

static int put(char *to, size_t room, const struct conversion *c, va_list *args)
{
    char format[48];
    bool integer = c->letter && strchr("dioxXu", c->letter);
    snprintf(format, sizeof format, "%s%s%c", c->flags, integer ? "ll" : "", c->letter);
    switch (c->letter) {
    case 'd': case 'i': return snprintf(to, room, format, signed_argument(c->length, args));
    case 'u': case 'x': case 'X': case 'o': return snprintf(to, room, format, unsigned_argument(c->length, args));
    case 's': return snprintf(to, room, format, va_arg(*args, const char *));
    case 'c': return snprintf(to, room, format, va_arg(*args, int));
    case 'p': return snprintf(to, room, format, va_arg(*args, void *));
    case 'g': case 'e': case 'f': return put_real(to, room, c, args);
    default: return snprintf(to, room, "%%");
    }
}

size_t mim__format(char *to, size_t capacity, const char *format, va_list args)
{
    size_t size = 0;
    struct conversion c;
    va_list own;
    va_copy(own, args);
    while (*format) {
        char *end = size < capacity ? to + size : NULL;
        size_t room = end ? capacity - size : 0;
        if (*format == '%') {
            format = read_conversion(&c, format + 1, &own);
            int n = put(end, room, &c, &own);
            size += n > 0 ? (size_t)n : 0;
        } else {
            if (room > 1)
                *end = *format;
            size++;
            format++;
        }
    }
    va_end(own);
    if (capacity)
        to[size < capacity ? size : capacity - 1] = '\0';
    return size;
}
