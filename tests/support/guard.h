/* SPDX-License-Identifier: MIT */
/* guard.h -- arrays between pages that nobody may touch: one element too far, read or written, ends the test. */
#ifndef MIM_TESTS_SUPPORT_GUARD_H
#define MIM_TESTS_SUPPORT_GUARD_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard { unsigned char *pages, *data; size_t size; };

/* `bytes` that end right before a forbidden page, or begin right behind one. */
static inline struct guard guard_take(size_t bytes, int at_end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (bytes + page - 1) / page * page;
    struct guard g = { NULL, NULL, body + 2 * page };
    g.pages = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.pages == MAP_FAILED || mprotect(g.pages, page, PROT_NONE) || mprotect(g.pages + page + body, page, PROT_NONE))
        abort();
    g.data = g.pages + page + (at_end ? body - bytes : 0);
    return g;
}

static inline void guard_give(struct guard g)
{
    if (g.pages)
        munmap(g.pages, g.size);
}

#endif
