/* SPDX-License-Identifier: MIT */
/* replace.h -- a file that replaces another at once: whatever happens, the old one or the new one is there, whole. */
#ifndef MIM_IO_REPLACE_H
#define MIM_IO_REPLACE_H

#include "base/context.h"

struct mim__replace {
    mim_context *ctx;
    const char *path;           /* the caller's, until commit or abort */
    char *temporary;
    int fd;
};

/* Create a temporary beside `path`. After MIM_OK, end with commit or abort; commit that fails has aborted. */
mim_status mim__replace_begin(mim_context *ctx, const char *path, struct mim__replace *r);
int32_t mim__replace_write(void *replace, const void *from, size_t size);      /* a mim_write; it records why it fails */
mim_status mim__replace_commit(struct mim__replace *r);
void mim__replace_abort(struct mim__replace *r);

/* Make the folder unless it is there; its parent must be. */
mim_status mim__replace_folder(mim_context *ctx, const char *path);

#endif
