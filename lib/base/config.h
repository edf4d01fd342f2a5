/* SPDX-License-Identifier: MIT */
/* config.h -- what a config is made of; for the option and config files of this room alone. Every value is kept as
 * text, in the one form that its option gives it: numbers as the shortest text that reads back the same, lists as JSON. */
#ifndef MIM_BASE_CONFIG_H
#define MIM_BASE_CONFIG_H

#include "base/options.h"
#include "base/text.h"

enum { KEY_SIZE = 128 };
enum value_type { VALUE_INTEGER, VALUE_REAL, VALUE_TEXT, VALUE_LIST };

struct entry { enum value_type type; const char *text; char key[]; };      /* the text stands after the key */

struct mim_config {
    struct mim__object object;
    bool free;                              /* a report: any key */
    int count, capacity;
    struct entry **entries;                 /* sorted by key */
};

/* Room for the field of any option. */
union field {
    int64_t i64;
    double f64;
    int n;
    char text[OPTION_TEXT_SIZE];
    struct mim__numbers numbers;
    struct mim__words words;
};

/* Where a value comes from; not every type takes all of them. */
enum source { FROM_TEXT = 1, FROM_INTEGER = 2, FROM_REAL = 4, FROM_TRUTH = 8, FROM_ARRAY = 16 };

/* One option: text into its field, checked; a field into its text; how large the field is; which value it makes. */
mim_status mim__option_read(mim_context *ctx, const struct mim__option *o, enum source from, const char *text,
                            size_t size, union field *out);
void mim__option_write(const struct mim__option *o, const union field *field, struct mim__text *to);
size_t mim__option_size(const struct mim__option *o);
enum value_type mim__option_value(const struct mim__option *o);

/* As mim__option_find; records the nearest key if there is none. */
const struct mim__option *mim__option_need(mim_context *ctx, const char *key);

/* NULL if the key is unset. */
const struct entry *mim__config_find(const mim_config *c, const char *key);
mim_status mim__config_put(mim_config *c, const char *key, enum value_type type, const char *text);
mim_status mim__config_put_field(mim_config *c, const struct mim__option *o, const union field *field);
/* From text of a caller: read, check, put. */
mim_status mim__config_set(mim_config *c, const char *key, enum source from, const char *text, size_t size);
void mim__config_remove(mim_config *c, const char *key);
/* Exchange all values of two configs of one context. */
void mim__config_swap(mim_config *a, mim_config *b);
mim_status mim__config_preset(mim_config *c, const char *name);

#endif
