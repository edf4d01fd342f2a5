/* SPDX-License-Identifier: MIT */
/* text.h -- numbers to text and back whatever the locale, a growing text, and the distance between two words. */
#ifndef MIM_BASE_TEXT_H
#define MIM_BASE_TEXT_H

#include "base/base.h"
#include "base/context.h"

#include <stdarg.h>

enum { NUMBER_TEXT = 40 };

/* The shortest text that reads back as the same double ("0.6", "1e-05", "inf", "nan"). */
void mim__format_f64(double value, char to[NUMBER_TEXT]);
/* The whole of [text, text + size) as a number; false otherwise. */
bool mim__parse_f64(const char *text, size_t size, double *value);
bool mim__parse_i64(const char *text, size_t size, int64_t *value);

/* Valid UTF-8: no overlong forms, surrogates or values above U+10FFFF. Gives the offset of the first bad byte, or
 * size if there is none. */
size_t mim__utf8_check(const char *text, size_t size);

/* The largest length up to n that does not cut a character of the text in two. */
size_t mim__utf8_floor(const char *text, size_t n);

/* vsnprintf for the conversions d i u x c s p g e f and their widths and lengths; the locale has no say. */
size_t mim__format(char *to, size_t capacity, const char *format, va_list args);

/* A text that grows. Failed allocations stick in `failed`; the rest is then ignored. With ctx NULL it does not grow:
 * data and capacity are the caller's buffer, what does not fit is dropped, and size counts on. */
struct mim__text { mim_context *ctx; char *data; size_t size, capacity; bool failed; };
void mim__text_add(struct mim__text *t, const char *text);
void mim__text_add_n(struct mim__text *t, const char *text, size_t n);
void mim__text_format(struct mim__text *t, const char *format, ...) MIM_PRINTF(2);
void mim__text_json(struct mim__text *t, const char *text);      /* with quotes and escapes */
void mim__text_f64(struct mim__text *t, double value);
void mim__text_free(struct mim__text *t);
/* The end of a string out that was written into the caller's buffer; see mim__text_out. */
mim_status mim__text_end(mim_context *ctx, struct mim__text *t, size_t *needed);

/* Edit distance (Levenshtein), to name the nearest known key. */
int mim__distance(const char *a, const char *b);

#endif
