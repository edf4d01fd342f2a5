/* SPDX-License-Identifier: MIT */
/* tensors.h -- mim_tensors from the inside: how other rooms make views of what they hold, and read weights. */
#ifndef MIM_IO_TENSORS_H
#define MIM_IO_TENSORS_H

#include "base/context.h"

enum { TENSOR_NAME = 128 };      /* room for a name that libmim makes; names of files may have up to 1024 bytes */

/* One named array. data may be NULL: then it reads as zeros (an exported bias that the model does not have), takes
 * nothing but zeros, and cannot be had in place. Of a file, type 0 means that it can be listed but not read, and data
 * is always NULL. */
struct mim__tensor {
    const char *name;
    int32_t type, rank;
    int64_t shape[MIM_MAX_RANK];
    void *data;
};

enum { FOLDER_WHY = 256 };       /* room for a reason below */

/* What a view does on behalf of the handle behind it. Every member may be NULL. */
struct mim__view {
    void *owner;
    void (*release)(void *owner);                /* the view ends: give up the hold on the handle */
    /* Before info, read, write or data of tensor `index`: bring shape and data of *t (a copy of the listed one) up to
     * date. Fails (MIM_ERR_STATE, by mim__fail) where it is not computed yet; with `shape_only` it must not fail and
     * gives the largest shape. */
    mim_status (*refresh)(void *owner, int index, bool shape_only, struct mim__tensor *t);
    bool writable, whole;                        /* whole: mim_tensors_data with name NULL gives the array below */
    bool unreadable;                             /* MIM_INPUTS: shapes only */
    bool sealed;                                 /* MIM_STATE: not to be had in place, as that would allow writing */
    float *array; size_t elements;
    /* Texts of the host (any key but "mim.*") are kept by the owner so that they outlive the view: a small set of its
     * own, or NULL for none that can be set. */
    struct mim__texts *texts;
    /* The text "config.json" of the view, a file of its own in mim_tensors_save_folder. Copied. */
    const char *config_json;
    char no_folder[FOLDER_WHY];                  /* why mim_tensors_save_folder cannot write this model; "": it can */
};
/* Copies the list, names included; on failure `release` is not called. Texts that the library writes beside the tensors
 * ("mim.config", ...) are added with put_text below. MIM_ERR_VALUE: a name twice, empty or reserved. */
mim_status mim__tensors_view(mim_context *ctx, const struct mim__view *v, int count, const struct mim__tensor *list,
                             mim_tensors **out);
/* Like mim_tensors_set_text, but keys of the library are allowed. */
mim_status mim__tensors_put_text(mim_tensors *t, const char *key, const char *text);
/* What libmim writes beside weights: the configuration as "mim.config", the names used as "mim.naming", what it is as
 * "mim.kind" ("encoder", "head", "model", "gradients", "state"), and "mim.version". */
mim_status mim__tensors_put_config(mim_tensors *t, const mim_config *config, const char *naming, const char *kind);
/* That configuration as text in place, or NULL. Errors are told to ctx. MIM_ERR_UNSUPPORTED: of a later version; patches
 * (the last number) do not count, they add nothing to files. */
mim_status mim__tensors_get_config(mim_context *ctx, const mim_tensors *t, const char **json);

/* A set of texts (key -> value) that lives with a trainer. */
struct mim__texts;
mim_status mim__texts_create(mim_context *ctx, struct mim__texts **out);
void mim__texts_destroy(struct mim__texts *t);
mim_status mim__texts_set(struct mim__texts *t, const char *key, const char *text);      /* NULL removes */
const char *mim__texts_get(const struct mim__texts *t, const char *key);                 /* NULL: none */
int mim__texts_count(const struct mim__texts *t);
const char *mim__texts_key(const struct mim__texts *t, int index);

/* For readers: index of a name, or -1; info in place (of a view: as it was listed); text in place (NULL: none). */
int64_t mim__tensors_find(const mim_tensors *t, const char *name);
const struct mim__tensor *mim__tensors_at(const mim_tensors *t, int64_t index);
const char *mim__tensors_text(const mim_tensors *t, const char *key);
mim_context *mim__tensors_context(const mim_tensors *t);

/* A whole tensor as f32; to NULL only looks whether it could be had. Errors are told to ctx. MIM_ERR_FORMAT: it is
 * missing; MIM_ERR_SHAPE: both shapes are named; MIM_ERR_VALUE: it holds integers; MIM_ERR_IO. */
mim_status mim__tensors_load(mim_context *ctx, const mim_tensors *t, const char *name, int32_t rank,
                             const int64_t *shape, float *to);

/* For messages: "[3, 16, 16]". */
enum { SHAPE_TEXT = 192 };
const char *mim__shape_text(int32_t rank, const int64_t *shape, char to[SHAPE_TEXT]);

#endif
