/* SPDX-License-Identifier: MIT */
/* source.h -- where the bytes of an opened set come from: a file, a copy in memory, or the host's callback. */
#ifndef MIM_IO_SOURCE_H
#define MIM_IO_SOURCE_H

#include "base/context.h"

struct mim__source {
    uint64_t size;
    char *name;                 /* for messages: the path, "memory" or "stream" */
    int fd;                     /* a file, open until close; -1: none */
    void *memory;               /* or a copy of the host's bytes */
    mim_read read;              /* or its callback */
    void *user;
};

/* Each fills *s on success only. The file must be a regular one (a pipe or a folder is MIM_ERR_IO). */
mim_status mim__source_file(mim_context *ctx, const char *path, struct mim__source *s);
mim_status mim__source_memory(mim_context *ctx, const void *data, size_t size, struct mim__source *s);
mim_status mim__source_stream(mim_context *ctx, mim_read read, void *user, uint64_t size, struct mim__source *s);
void mim__source_close(mim_context *ctx, struct mim__source *s);

/* All of [offset, offset + size), or MIM_ERR_IO. The range must lie inside s->size. */
mim_status mim__source_read(mim_context *ctx, const struct mim__source *s, uint64_t offset, void *to, size_t size);

/* "folder/name", for mim__free; NULL: no memory. */
char *mim__source_join(mim_context *ctx, const char *folder, const char *name);

/* What a message has room for of a path: its end. */
const char *mim__path_end(const char *path);
/* MIM_ERR_IO with "cannot <verb> '<path>': <reason>", reason from an errno, in English whatever the locale. */
mim_status mim__system_error(mim_context *ctx, const char *verb, const char *path, int error);

#endif
