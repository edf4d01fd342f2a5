/* SPDX-License-Identifier: MIT */
/* memory.c -- the context's allocator. A block begins with its size, so that the host's release gets it back; the
 * header takes a whole cache line to keep what follows aligned. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include "base/context_struct.h"

#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

enum { ALIGN = 64, HEADER = ALIGN, HUGE_PAGE = 1 << 21 };

/* Large blocks lie on large pages where the system gives those to who asks: 512 times fewer page faults, and fewer misses
 * of the table that translates addresses. */
#if defined(__linux__) && defined(MADV_HUGEPAGE)
static void *take(size_t size)
{
    if (size < 2 * HUGE_PAGE)
        return aligned_alloc(ALIGN, round_up(size, ALIGN));
    void *memory = aligned_alloc(HUGE_PAGE, round_up(size, HUGE_PAGE));
    if (memory)
        madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}
#else
static void *take(size_t size) { return aligned_alloc(ALIGN, round_up(size, ALIGN)); }
#endif

void *mim__memory_take(const mim_host *host, size_t size)
{
    if (!host->allocate)
        return take(size);
    void *memory = host->allocate(host->user, size, ALIGN);
    if ((uintptr_t)memory % ALIGN == 0)
        return memory;
    host->release(host->user, memory, size, ALIGN);       /* not what was asked for */
    return NULL;
}

void mim__memory_give(const mim_host *host, void *memory, size_t size)
{
    if (host->release)
        host->release(host->user, memory, size, ALIGN);
    else
        free(memory);
}

void mim__memory_count(mim_context *ctx, size_t size)
{
    size_t now = atomic_fetch_add(&ctx->now, size) + size, peak = atomic_load(&ctx->peak);
    while (now > peak && !atomic_compare_exchange_weak(&ctx->peak, &peak, now))
        ;
}

size_t mim__bytes_now(mim_context *ctx) { return atomic_load(&ctx->now); }
size_t mim__bytes_peak(mim_context *ctx) { return atomic_load(&ctx->peak); }

void *mim__alloc(mim_context *ctx, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size += HEADER;
    char *block = mim__memory_take(&ctx->host, size);
    if (!block)
        return NULL;
    memcpy(block, &size, sizeof size);
    mim__memory_count(ctx, size);
    return block + HEADER;
}

static size_t block_size(const void *memory)
{
    size_t size;
    memcpy(&size, (const char *)memory - HEADER, sizeof size);
    return size;
}

void *mim__calloc(mim_context *ctx, size_t count, size_t size)
{
    size_t bytes;
    void *memory = size_mul(count, size, &bytes) ? mim__alloc(ctx, bytes) : NULL;
    return memory ? memset(memory, 0, bytes) : NULL;
}

void *mim__realloc(mim_context *ctx, void *memory, size_t size)
{
    void *moved = mim__alloc(ctx, size);
    if (moved && memory) {
        size_t old = block_size(memory) - HEADER;
        memcpy(moved, memory, old < size ? old : size);
        mim__free(ctx, memory);
    }
    return moved;
}

char *mim__strdup(mim_context *ctx, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mim__alloc(ctx, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

void mim__free(mim_context *ctx, void *memory)
{
    if (!memory)
        return;
    size_t size = block_size(memory);
    atomic_fetch_sub(&ctx->now, size);
    mim__memory_give(&ctx->host, (char *)memory - HEADER, size);
}
