/* SPDX-License-Identifier: MIT */
/* replace.c -- write a temporary in the same folder, flush it to the disk, rename it over the old file, flush the folder.
 * Every step is checked, the close too, since some file systems tell only then that the disk is full. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif
#include "base/text.h"
#include "io/replace.h"
#include "io/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_TRIED = 1000, SUFFIX = 64, WRITE_MOST = 1 << 30 };

/* A free name: what a killed process left behind must not be in the way, nor another thread that saves here. */
static mim_status create_temporary(struct mim__replace *r)
{
    const char *slash = strrchr(r->path, '/');
    size_t length = slash ? (size_t)(slash + 1 - r->path) : 0;      /* a name may be as long as names can be */
    r->temporary = mim__alloc(r->ctx, length + SUFFIX);
    if (!r->temporary)
        return mim__no_memory(r->ctx, length + SUFFIX);
    memcpy(r->temporary, r->path, length);
    for (int i = 0; i < NAMES_TRIED; i++) {
        struct mim__text suffix = { .data = r->temporary + length, .capacity = SUFFIX };
        mim__text_format(&suffix, "mim-%lld-%d.tmp", (long long)getpid(), i);
        r->fd = open(r->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (r->fd >= 0)
            return MIM_OK;
        if (errno != EEXIST)
            break;
    }
    return mim__system_error(r->ctx, "create", r->temporary, errno);
}

mim_status mim__replace_begin(mim_context *ctx, const char *path, struct mim__replace *r)
{
    struct stat old;
    bool there = stat(path, &old) == 0;
    *r = (struct mim__replace){ .ctx = ctx, .path = path, .fd = -1 };
    if (there && !S_ISREG(old.st_mode))          /* a rename would take the place of a device or pipe */
        return mim__fail(ctx, MIM_ERR_IO, "'%s' is not a regular file and is not replaced", path);
    mim_status status = create_temporary(r);
    if (status != MIM_OK) {
        mim__free(ctx, r->temporary);
        return status;
    }
    if (there)                                   /* who could read the old file can read the new; no more than a wish */
        (void)!fchmod(r->fd, old.st_mode & 0777);
    return MIM_OK;
}

int32_t mim__replace_write(void *replace, const void *from, size_t size)
{
    struct mim__replace *r = replace;
    const char *p = from;
    while (size) {
        ssize_t done = write(r->fd, p, size < WRITE_MOST ? size : WRITE_MOST);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return mim__system_error(r->ctx, "write", r->path, done < 0 ? errno : ENOSPC);
        p += done;
        size -= (size_t)done;
    }
    return 0;
}

/* So that a new name in it survives a crash. `scratch` is a path in that folder, and is cut. Some file systems refuse to
 * flush a folder; they need it no more. */
static mim_status flush_folder(mim_context *ctx, char *scratch, const char *path)
{
    char *slash = strrchr(scratch, '/');
    if (slash)
        slash[slash == scratch] = 0;
    int fd = open(slash ? scratch : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = fd < 0 ? errno : 0;
    if (fd >= 0 && fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP)
        error = errno;
    if (fd >= 0)
        close(fd);
    return error && error != EACCES ? mim__system_error(ctx, "flush the folder of", path, error) : MIM_OK;
}

mim_status mim__replace_commit(struct mim__replace *r)
{
    int error = fsync(r->fd) != 0 ? errno : 0;
    if (close(r->fd) != 0 && !error)
        error = errno;
    r->fd = -1;
    if (!error && rename(r->temporary, r->path) != 0)
        error = errno;
    if (error) {
        mim__replace_abort(r);
        return mim__system_error(r->ctx, "write", r->path, error);
    }
    mim_status status = flush_folder(r->ctx, r->temporary, r->path);     /* nothing is allocated after the rename */
    mim__free(r->ctx, r->temporary);
    r->temporary = NULL;
    return status;
}

void mim__replace_abort(struct mim__replace *r)
{
    if (r->fd >= 0)
        close(r->fd);
    unlink(r->temporary);
    mim__free(r->ctx, r->temporary);
    r->fd = -1;
    r->temporary = NULL;
}

static mim_status make_folder(mim_context *ctx, char *scratch)
{
    struct stat there;
    if (mkdir(scratch, 0777) == 0)
        return flush_folder(ctx, scratch, scratch);
    int error = errno;
    if (error == EEXIST && stat(scratch, &there) == 0)
        return S_ISDIR(there.st_mode) ? MIM_OK : mim__system_error(ctx, "write into", scratch, ENOTDIR);
    return mim__system_error(ctx, "make folder", scratch, error);
}

mim_status mim__replace_folder(mim_context *ctx, const char *path)
{
    size_t size = strlen(path);
    char *scratch = mim__strdup(ctx, path);
    if (!scratch)
        return mim__no_memory(ctx, size + 1);
    while (size > 1 && scratch[size - 1] == '/')
        scratch[--size] = 0;
    mim_status status = make_folder(ctx, scratch);
    mim__free(ctx, scratch);
    return status;
}
