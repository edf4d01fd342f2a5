/* SPDX-License-Identifier: MIT */
/* source.c -- reads at 64-bit offsets. A file is read, not mapped: another process that cuts it short then gives an
 * error here and not a signal. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif
#include "io/source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_MOST = 1 << 30,             /* bytes of one system call */
       PATH_SHOWN = 160 };

static const struct { int error; const char *reason; } reasons[] = {
    { ENOENT, "no such file or folder" },  { EACCES, "permission denied" },     { EPERM, "not permitted" },
    { ENOTDIR, "not a folder" },           { EISDIR, "it is a folder" },        { EEXIST, "it exists already" },
    { ENOSPC, "no space left" },           { EDQUOT, "quota exceeded" },        { EFBIG, "file too large" },
    { EROFS, "read-only file system" },    { EIO, "input/output error" },       { ENAMETOOLONG, "name too long" },
    { EMFILE, "too many open files" },     { ENFILE, "too many open files" },   { ELOOP, "too many symbolic links" },
};

const char *mim__path_end(const char *path)
{
    size_t size = strlen(path);
    const char *end = size > PATH_SHOWN ? path + (size - PATH_SHOWN) : path;
    while (end > path && (*end & 0xC0) == 0x80)             /* begin with a whole character */
        end++;
    return end;
}

mim_status mim__system_error(mim_context *ctx, const char *verb, const char *path, int error)
{
    const char *end = mim__path_end(path), *cut = end > path ? "..." : "";
    for (int i = 0; i < COUNT(reasons); i++)
        if (reasons[i].error == error)
            return mim__fail(ctx, MIM_ERR_IO, "cannot %s '%s%s': %s", verb, cut, end, reasons[i].reason);
    return mim__fail(ctx, MIM_ERR_IO, "cannot %s '%s%s': system error %d", verb, cut, end, error);
}

/* O_NONBLOCK: a pipe under that name must not make the caller wait for a writer. */
static mim_status open_regular(mim_context *ctx, const char *path, int *fd, uint64_t *size)
{
    struct stat st;
    int f = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f < 0)
        return mim__system_error(ctx, "open", path, errno);
    if (fstat(f, &st) != 0) {
        int error = errno;
        close(f);
        return mim__system_error(ctx, "examine", path, error);
    }
    if (!S_ISREG(st.st_mode)) {
        close(f);
        return mim__fail(ctx, MIM_ERR_IO, "'%s' is not a regular file", path);
    }
    *fd = f;
    *size = (uint64_t)st.st_size;
    return MIM_OK;
}

mim_status mim__source_file(mim_context *ctx, const char *path, struct mim__source *s)
{
    struct mim__source new = { .fd = -1 };
    mim_status status = open_regular(ctx, path, &new.fd, &new.size);
    if (status != MIM_OK)
        return status;
    new.name = mim__strdup(ctx, path);
    if (!new.name) {
        close(new.fd);
        return mim__no_memory(ctx, strlen(path) + 1);
    }
    *s = new;
    return MIM_OK;
}

mim_status mim__source_memory(mim_context *ctx, const void *data, size_t size, struct mim__source *s)
{
    struct mim__source new = { .fd = -1, .size = size, .name = mim__strdup(ctx, "memory"), .memory = mim__alloc(ctx, size) };
    if (!new.name || !new.memory) {
        mim__source_close(ctx, &new);
        return mim__no_memory(ctx, size);
    }
    if (size)
        memcpy(new.memory, data, size);
    *s = new;
    return MIM_OK;
}

mim_status mim__source_stream(mim_context *ctx, mim_read read, void *user, uint64_t size, struct mim__source *s)
{
    struct mim__source new = { .fd = -1, .size = size, .name = mim__strdup(ctx, "stream"), .read = read, .user = user };
    if (!new.name)
        return mim__no_memory(ctx, sizeof "stream");
    *s = new;
    return MIM_OK;
}

void mim__source_close(mim_context *ctx, struct mim__source *s)
{
    if (s->fd >= 0)
        close(s->fd);
    mim__free(ctx, s->memory);
    mim__free(ctx, s->name);
    *s = (struct mim__source){ .fd = -1 };
}

static mim_status read_file(mim_context *ctx, const struct mim__source *s, uint64_t offset, char *to, size_t size)
{
    while (size) {
        ssize_t got = pread(s->fd, to, size < READ_MOST ? size : READ_MOST, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mim__system_error(ctx, "read", s->name, errno);
        if (got == 0)
            return mim__fail(ctx, MIM_ERR_IO, "'%s' ends at byte %lld: it was cut short since it was opened", s->name,
                             (long long)offset);
        to += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return MIM_OK;
}

mim_status mim__source_read(mim_context *ctx, const struct mim__source *s, uint64_t offset, void *to, size_t size)
{
    if (size == 0)
        return MIM_OK;
    if (s->fd >= 0)
        return read_file(ctx, s, offset, to, size);
    if (s->memory) {
        memcpy(to, (const char *)s->memory + offset, size);
        return MIM_OK;
    }
    int32_t code = s->read(s->user, offset, to, size);
    if (code != 0)
        return mim__fail(ctx, MIM_ERR_IO, "the read callback gave %d for %lld bytes at byte %lld", (int)code,
                         (long long)size, (long long)offset);
    return MIM_OK;
}

char *mim__source_join(mim_context *ctx, const char *folder, const char *name)
{
    size_t a = strlen(folder), b = strlen(name) + 1;
    char *path = mim__alloc(ctx, a + 1 + b);
    if (!path) {
        mim__no_memory(ctx, a + 1 + b);
        return NULL;
    }
    memcpy(path, folder, a);
    if (a && path[a - 1] != '/')
        path[a++] = '/';
    memcpy(path + a, name, b);
    return path;
}
