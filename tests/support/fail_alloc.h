/* SPDX-License-Identifier: MIT */
/* fail_alloc.h -- a host allocator that counts, fails the k-th call, and notices leaks and wrong releases.
 *
 *     static mim_status scenario(const mim_host *host, void *arg) { ... create, use, destroy; the first status ... }
 *     fail_every_allocation(scenario, NULL);
 *
 * For one thread at a time. */
#ifndef MIM_TESTS_SUPPORT_FAIL_ALLOC_H
#define MIM_TESTS_SUPPORT_FAIL_ALLOC_H

#include "mim.h"
#include "support/test.h"

struct fail_alloc {
    long fail_at;               /* this call gives nothing, counted from 1; 0: none fails */
    long calls, failed;         /* so far */
    long live, wrong;           /* blocks not released; releases with another size or alignment, or of nothing */
    size_t bytes, peak;
};

struct fail_block { size_t size, align; void *start; unsigned magic; };
enum { FAIL_MAGIC = 0x4D494D21 };

static inline void *fail_allocate(void *user, size_t size, size_t align)
{
    struct fail_alloc *f = user;
    f->wrong += align == 0 || (align & (align - 1));
    if (++f->calls == f->fail_at) {
        f->failed++;
        return NULL;
    }
    char *start = malloc(size + align + sizeof(struct fail_block));
    if (!start)
        return NULL;
    uintptr_t memory = ((uintptr_t)start + sizeof(struct fail_block) + align - 1) / align * align;
    struct fail_block block = { size, align, start, FAIL_MAGIC };
    memcpy((char *)memory - sizeof block, &block, sizeof block);
    memset((void *)memory, 0xA5, size);         /* nothing may rely on fresh memory being zero */
    f->live++;
    f->bytes += size;
    f->peak = f->bytes > f->peak ? f->bytes : f->peak;
    return (void *)memory;
}

static inline void fail_release(void *user, void *memory, size_t size, size_t align)
{
    struct fail_alloc *f = user;
    struct fail_block block;
    if (!memory) {
        f->wrong++;
        return;
    }
    memcpy(&block, (char *)memory - sizeof block, sizeof block);
    f->wrong += block.magic != FAIL_MAGIC || block.size != size || block.align != align;
    f->live--;
    f->bytes -= size;
    memset((char *)memory - sizeof block, 0x5A, sizeof block + size);
    free(block.start);
}

static inline mim_host fail_host(struct fail_alloc *f)
{
    return (mim_host){ .struct_size = sizeof(mim_host), .user = f, .allocate = fail_allocate, .release = fail_release };
}

/* Create, use and destroy everything on a context made with `host`; the first status that is not MIM_OK. */
typedef mim_status (*fail_scenario)(const mim_host *host, void *arg);

/* The scenario again and again, with one more allocation going well each time, until all do. Gives their number. */
static inline long fail_every_allocation(fail_scenario scenario, void *arg)
{
    for (long k = 1; ; k++) {
        struct fail_alloc f = { .fail_at = k };
        mim_host host = fail_host(&f);
        mim_status status = scenario(&host, arg);
        int good = CHECK(f.live == 0) & CHECK(f.wrong == 0) & CHECK(status == (f.failed ? MIM_ERR_NOMEM : MIM_OK));
        if (!good)
            printf("with allocation %ld failing: status %d\n", k, (int)status);
        if (!good || !f.failed)
            return k - 1;
    }
}

#endif
