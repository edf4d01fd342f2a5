/* SPDX-License-Identifier: MIT */
/* json.h -- a strict JSON reader over a buffer (RFC 8259), without recursion on input or a tree: the caller walks it.
 * It is the reader behind configurations, config.json of other libraries and safetensors headers. */
#ifndef MIM_BASE_JSON_H
#define MIM_BASE_JSON_H

#include "base/base.h"

enum json_type { JSON_ERROR, JSON_NULL, JSON_TRUE, JSON_FALSE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
enum { JSON_DEPTH = 64 };

/* A value: where its text starts and ends in the buffer. Strings include their quotes. */
struct json { enum json_type type; const char *text; size_t size; };

/* Check the whole text as exactly one value (white space around it allowed), UTF-8, nesting at most JSON_DEPTH.
 * On failure type is JSON_ERROR, text points at the offence and *why says what it is. After it, the calls below
 * cannot fail on malformed text. */
struct json mim__json_parse(const char *text, size_t size, const char **why);

/* Walk an object or array: start with *at = 0; false at the end. key may be NULL for arrays. */
bool mim__json_next(const struct json *in, size_t *at, struct json *key, struct json *value);
/* Member by name (compared after unescaping), type JSON_ERROR if there is none. */
struct json mim__json_member(const struct json *object, const char *name);

/* Unescape a string into `to` (capacity bytes, ended by NUL). Gives its length, or SIZE_MAX if it does not fit or
 * contains U+0000. An unescaped string is never longer than its text. */
size_t mim__json_string(const struct json *v, char *to, size_t capacity);
bool mim__json_equal(const struct json *v, const char *text);
bool mim__json_u64(const struct json *v, uint64_t *out);        /* plain digits only: no sign, point or exponent */
bool mim__json_i64(const struct json *v, int64_t *out);
bool mim__json_f64(const struct json *v, double *out);          /* locale has no say */
/* An error of this status: "NAME in config.json is VALUE, not WHAT". */
mim_status mim__json_unlike(mim_context *ctx, mim_status status, const char *name, const struct json *v, const char *what);

#endif
