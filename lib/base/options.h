/* SPDX-License-Identifier: MIT */
/* options.h -- configurations: each room declares its options in one table, which drives parsing, checks, the error
 * that names the nearest known key, the filled-in description of a handle, and the printed reference.
 *
 *     struct masker_options { int kind; double ratio; int64_t unit; };
 *     static const struct mim__option masker_table[] = {
 *         { "masker.kind", OPTION_CHOICE, offsetof(struct masker_options, kind), "random", 0, 0,
 *           "random block square grid host", "how hidden patches are chosen" },
 *         { "masker.ratio", OPTION_F64, offsetof(struct masker_options, ratio), "0.6", 0, 1, NULL, "share of ..." },
 *         OPTIONS_END
 *     };
 */
#ifndef MIM_BASE_OPTIONS_H
#define MIM_BASE_OPTIONS_H

#include "base/base.h"
#include "base/context.h"

#include <stddef.h>

enum option_type {          /* and the field of the struct it fills */
    OPTION_I64,             /* int64_t */
    OPTION_F64,             /* double, finite */
    OPTION_BOOL,            /* int, 0 or 1; text "true" and "false" are read too */
    OPTION_CHOICE,          /* int: index into the words of `choices` */
    OPTION_TEXT,            /* char [OPTION_TEXT_SIZE] */
    OPTION_LIST_F64,        /* struct mim__numbers */
    OPTION_LIST_TEXT        /* struct mim__words */
};
enum { OPTION_TEXT_SIZE = 64, OPTION_LIST_MAX = 64, OPTION_WORD_SIZE = 96 };
struct mim__numbers { int count; double v[OPTION_LIST_MAX]; };
struct mim__words { int count; char v[OPTION_LIST_MAX][OPTION_WORD_SIZE]; };

struct mim__option {
    const char *key;
    enum option_type type;
    size_t field;                   /* offsetof in the room's options struct */
    const char *fallback;           /* default, as text */
    double least, most;             /* range of numbers, and of the elements of number lists */
    const char *choices;            /* words separated by spaces, or NULL */
    const char *doc;                /* one line for the reference */
};
#define OPTIONS_END { NULL, OPTION_I64, 0, NULL, 0, 0, NULL, NULL }

/* All tables, ended by NULL, and all presets; defined by lib/train/tables.c, the one room that knows every other. */
struct mim__preset { const char *name, *doc, *json; };
extern const struct mim__option *const mim__option_tables[];
extern const struct mim__preset mim__presets[];          /* ended by name NULL */

/* What every room may need of a run: the keys without a section, "seed" and "precision" (F32 or BF16 of enum dtype). */
struct run_options { int64_t seed; int precision; };
extern const struct mim__option mim__run_options[];

/* Fill a room's struct: defaults, then what config sets. config NULL: all defaults. Everything in config was checked
 * when it was set, so this fails on memory only. */
mim_status mim__read_options(mim_context *ctx, const mim_config *config, const struct mim__option *table, void *out);
/* Word `index` of a choices string into a buffer ("random", ...). */
const char *mim__choice_name(const char *choices, int index, char to[OPTION_TEXT_SIZE]);
const struct mim__option *mim__option_find(const char *key);

/* Is the key set in this config (rather than left to its default)? config may be NULL. */
bool mim__config_has(const mim_config *config, const char *key);
/* Is a key that begins so set in `config` (may be NULL) to something else than in `other`? */
bool mim__config_differs(const mim_config *config, const mim_config *other, const char *prefix);
mim_context *mim__config_context(const mim_config *config);

/* Reports are configs with free keys. `put` replaces a value of any key without a table; used by describe and plan. */
mim_status mim__report_create(mim_context *ctx, mim_config **out);
mim_status mim__report_i64(mim_config *report, const char *key, int64_t value);
mim_status mim__report_f64(mim_config *report, const char *key, double value);
mim_status mim__report_text(mim_config *report, const char *key, const char *value);
mim_status mim__report_words(mim_config *report, const char *key, int count, const char *const *words);
/* Every option of the table with the value that the filled struct holds. */
mim_status mim__report_options(mim_config *report, const struct mim__option *table, const void *options);
/* All values of `from` into `to`, those of `from` winning; the same values set where `to` has none. Used by resume
 * (stored configuration below, the host's on top) and by presets. */
mim_status mim__config_merge(mim_config *to, const mim_config *from);
mim_status mim__config_copy(const mim_config *from, mim_config **out);

#endif
