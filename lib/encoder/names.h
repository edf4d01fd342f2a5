/* SPDX-License-Identifier: MIT */
/* names.h -- the same parameters under libmim's names, timm's and those of transformers. */
#ifndef MIM_ENCODER_NAMES_H
#define MIM_ENCODER_NAMES_H

#include "graph/store.h"
#include "io/tensors.h"

enum naming { NAMING_MIM, NAMING_TIMM, NAMING_HUGGINGFACE };
enum { NAME_PREFIX = 64 };

/* One parameter; %d is a block's or stage's number, %+ that number and one, `@` three tensors in its place: query, key,
 * value. NULL: not expressible; "": left out. beit is timm's BEiT, for models with relative positions or without a bias of
 * keys; of Swin, the authors' own names. */
struct name_rule { const char *mim, *timm, *beit, *huggingface; };
/* The first three, of a name that is the same everywhere but in transformers. */
#define NAMED_ALIKE(name) name, name, name
enum name_column { COLUMN_MIM, COLUMN_TIMM, COLUMN_BEIT, COLUMN_HUGGINGFACE };

/* A list of tensors that owns its names. */
struct mim__names { mim_context *ctx; int count, room; struct mim__tensor *list; char (*text)[TENSOR_NAME]; };
void mim__names_free(struct mim__names *n);

/* Every parameter of the store, but the one named `without` (or NULL); data points into `array`, laid out as the store, or
 * is NULL with it.
 * rules end with a NULL mim. */
mim_status mim__names_of_store(struct mim__names *n, const struct mim__store *s, const struct name_rule *rules,
                               enum name_column column, const char *before, const char *without, float *array);
/* Does a naming have this name (without what stands before it) for a parameter of some block? */
bool mim__names_known(const struct name_rule *rules, enum name_column column, const char *name);
/* One more, of no parameter: f32 zeros [size], as where a model lacks a bias that the naming always has. */
mim_status mim__names_add_zeros(struct mim__names *n, const char *name, int64_t size);
/* "mim", "timm", "huggingface"; MIM_ERR_KEY otherwise. NULL gives `usual`. */
mim_status mim__naming_parse(mim_context *ctx, const char *text, enum naming usual, enum naming *out);
const char *mim__naming_text(enum naming n);

#endif
