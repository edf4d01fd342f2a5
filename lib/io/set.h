/* SPDX-License-Identifier: MIT */
/* set.h -- what is behind a mim_tensors handle, for the files of this room. */
#ifndef MIM_IO_SET_H
#define MIM_IO_SET_H

#include "io/source.h"
#include "io/tensors.h"

enum { NAME_MOST = 1024, TENSORS_MOST = 1000000, TEXTS_MOST = 65536 };   /* limits of this library, not of the format */
enum set_kind { SET_CREATED, SET_OPENED, SET_VIEW };

struct mim__entry {
    struct mim__tensor t;
    int dtype;                  /* see dtype.h */
    int source;                 /* opened sets: which file, where in it, how many bytes */
    uint64_t begin, bytes;
    const char *listed;         /* opened sets: the shape as text, where a mim__tensor cannot hold it; or NULL */
};

struct mim__storage { struct mim__storage *next; };      /* a block of names, freed with the set */

struct mim_tensors {
    struct mim__object object;
    enum set_kind kind;
    int32_t count, capacity;
    struct mim__entry *entries;
    int32_t *by_name;           /* indices of entries in order of their names */
    struct mim__storage *storage;
    struct mim__texts *texts;
    int source_count;
    struct mim__source *sources;
    struct mim__view view;
};

mim_status mim__set_create(mim_context *ctx, enum set_kind kind, mim_tensors **out);
void mim__set_destroy(mim_tensors *t);                   /* without release of a view's owner; accepts NULL */
char *mim__set_storage(mim_tensors *t, size_t size);     /* NULL: no memory */
mim_status mim__set_reserve(mim_tensors *t, int32_t count);      /* room for so many entries in all */
/* Fill by_name; *twin is an entry whose name another has too, or -1. */
void mim__set_sort(mim_tensors *t, int32_t *twin);

/* Entry by name; MIM_ERR_KEY with the nearest name. */
mim_status mim__set_find(mim_context *ctx, const mim_tensors *t, const char *name, int32_t *index);
/* An entry as it is now: *now is a copy, refreshed if it is a view's. Errors are told to ctx except those of refresh.
 * Without shape_only, MIM_ERR_STATE where values cannot be read. */
mim_status mim__set_now(mim_context *ctx, const mim_tensors *t, int32_t index, bool shape_only, struct mim__tensor *now);
size_t mim__set_elements(const struct mim__tensor *now);

/* A name or text of a file for a message: printable, at most 80 bytes. */
enum { QUOTE = 96 };
const char *mim__quote(const char *name, char to[QUOTE]);

/* Texts, beside those of tensors.h. `add` takes the block key \0 value \0 over and leaves the order to `settle`, which gives
 * MIM_ERR_VALUE and *twin if a key is there twice. */
mim_status mim__texts_add(struct mim__texts *t, char *block);
mim_status mim__texts_settle(struct mim__texts *t, const char **twin);
const char *mim__texts_value(const struct mim__texts *t, int index);
/* What is not there yet. */
mim_status mim__texts_merge(struct mim__texts *to, const struct mim__texts *from);
/* All texts of a set, the host's and the library's, as a set of texts of its own. */
mim_status mim__set_texts(const mim_tensors *t, struct mim__texts **out);

/* Add what the header of source `index` lists to an opened set, and its metadata to the texts. Names are checked for
 * twins by mim__set_sort, which the caller calls after the last one. */
mim_status mim__header_read(mim_tensors *t, int source);

#endif
