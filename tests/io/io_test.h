/* SPDX-License-Identifier: MIT */
/* io_test.h -- what the tests of this room share: a context whose k-th allocation fails, files made of a header and
 * bytes, a folder to work in. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#ifndef MIM_TESTS_IO_TEST_H
#define MIM_TESTS_IO_TEST_H

#include "io/tensors.h"
#include "support/fail_alloc.h"
#include "support/test.h"

#include <sys/stat.h>
#include <unistd.h>

static struct fail_alloc memory;
static mim_context *context;

static inline int context_begin(void)
{
    static mim_host host;
    host = fail_host(&memory);
    return mim_context_create(&host, &context) == MIM_OK;
}

/* Counts a leak as a failed test. */
static inline int context_end(void)
{
    mim_context_destroy(context);
    test_failed += memory.live != 0 || memory.wrong != 0;
    if (memory.live || memory.wrong)
        printf("%ld blocks of memory were not freed, %ld not freed as they were taken\n", memory.live, memory.wrong);
    return test_end();
}

/* `call` again and again, with one more allocation going well each time, until all do: it gives MIM_ERR_NOMEM, and
 * what it made is gone. Gives the number of allocations that failed. */
static inline long fail_each_allocation(mim_status (*call)(void))
{
    for (long k = 1; ; k++) {
        long before = memory.live;
        memory.calls = memory.failed = 0;
        memory.fail_at = k;
        mim_status status = call();
        long failed = memory.failed;
        memory.fail_at = 0;
        int good = CHECK(memory.live == before) & CHECK(status == (failed ? MIM_ERR_NOMEM : MIM_OK));
        if (!good)
            printf("with allocation %ld failing: status %d\n", k, (int)status);
        if (!good || !failed)
            return k - 1;
    }
}

static inline const char *last_error(void)
{
    static char text[512];
    mim_last_error(context, text, sizeof text, NULL);
    return text;
}

/* A file of this header and `data` bytes of 0, 1, 2, ...; its size. */
static inline size_t make_file(unsigned char *to, const char *header, size_t size, size_t data)
{
    for (int i = 0; i < 8; i++)
        to[i] = (unsigned char)((uint64_t)size >> 8 * i);
    memcpy(to + 8, header, size);
    for (size_t i = 0; i < data; i++)
        to[8 + size + i] = (unsigned char)i;
    return 8 + size + data;
}

static inline mim_status open_header(const char *header, size_t size, size_t data, mim_tensors **out)
{
    unsigned char *file = malloc(8 + size + data);
    size_t n = make_file(file, header, size, data);
    mim_status status = mim_tensors_open_memory(context, file, n, out);
    free(file);
    return status;
}

/* A fresh folder below the current one, or below the first argument of the program. */
static char folder[256];

static inline void folder_begin(int argc, char **argv, const char *name)
{
    const char *parent = argc > 1 ? argv[1] : "build/tmp";
    if (argc <= 1) {
        mkdir("build", 0777);
        mkdir("build/tmp", 0777);
    }
    snprintf(folder, sizeof folder, "%s/%s.%ld", parent, name, (long)getpid());
    if (mkdir(folder, 0777))
        printf("cannot make %s\n", folder);
}

static inline const char *in_folder(const char *name)
{
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline int write_file(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    int good = f && fwrite(data, 1, size, f) == size;
    return f && fclose(f) == 0 && good;
}

/* Its size, or -1; at most `capacity` bytes into `to`. */
static inline long read_file(const char *path, void *to, size_t capacity)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(to, 1, capacity, f) : 0;
    if (f)
        fclose(f);
    return f ? (long)n : -1;
}

#endif
