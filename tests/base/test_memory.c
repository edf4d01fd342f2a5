/* SPDX-License-Identifier: MIT */
/* test_memory.c -- alignment, counting, overflow, and what the host's hooks get to see. */
#include "base/context.h"
#include "support/fail_alloc.h"

static void aligned(void)
{
    static const size_t sizes[] = { 0, 1, 63, 64, 65, 4096, 100001, (4 << 20) - 65, 4 << 20, 5 << 20 };
    mim_context *ctx;
    if (!CHECK(mim_context_create(NULL, &ctx) == MIM_OK))
        return;
    for (int i = 0; i < COUNT(sizes); i++) {
        char *p = mim__alloc(ctx, sizes[i]);
        if (!CHECK(p) || !CHECK((uintptr_t)p % 64 == 0))
            continue;
        memset(p, 1, sizes[i]);
        mim__free(ctx, p);
    }
    mim__free(ctx, NULL);
    mim_context_destroy(ctx);
}

static void counted(void)
{
    struct fail_alloc f = { 0 };
    mim_host host = fail_host(&f);
    mim_context *ctx;
    if (!CHECK(mim_context_create(&host, &ctx) == MIM_OK))
        return;
    size_t before = mim__bytes_now(ctx);
    CHECK(before == f.bytes);
    void *p = mim__alloc(ctx, 1000), *q = mim__calloc(ctx, 10, 100);
    CHECK(mim__bytes_now(ctx) == f.bytes);
    CHECK(mim__bytes_now(ctx) >= before + 2000);
    size_t high = f.bytes;
    mim__free(ctx, p);
    mim__free(ctx, q);
    CHECK(mim__bytes_now(ctx) == before);
    CHECK(mim__bytes_peak(ctx) == high);
    mim_context_destroy(ctx);
    CHECK(f.live == 0 && f.wrong == 0 && f.bytes == 0);
}

static void contents(void)
{
    struct fail_alloc f = { 0 };
    mim_host host = fail_host(&f);
    mim_context *ctx;
    if (!CHECK(mim_context_create(&host, &ctx) == MIM_OK))
        return;
    char *p = mim__calloc(ctx, 3, 7);
    for (int i = 0; i < 21; i++)
        CHECK(p[i] == 0);
    memcpy(p, "abc", 4);
    p = mim__realloc(ctx, p, 1000);
    CHECK_TEXT(p, "abc");
    p = mim__realloc(ctx, p, 2);
    CHECK(p[0] == 'a' && p[1] == 'b');
    f.fail_at = f.calls + 1;
    CHECK(mim__realloc(ctx, p, 5000) == NULL);
    CHECK(p[0] == 'a' && p[1] == 'b');
    mim__free(ctx, p);
    char *copy = mim__strdup(ctx, "word");
    CHECK_TEXT(copy, "word");
    mim__free(ctx, copy);
    copy = mim__realloc(ctx, NULL, 8);
    CHECK(copy);
    mim__free(ctx, copy);
    mim_context_destroy(ctx);
    CHECK(f.live == 0 && f.wrong == 0);
}

static void overflow(void)
{
    mim_context *ctx;
    if (!CHECK(mim_context_create(NULL, &ctx) == MIM_OK))
        return;
    size_t before = mim__bytes_now(ctx);
    CHECK(!mim__alloc(ctx, SIZE_MAX));
    CHECK(!mim__alloc(ctx, SIZE_MAX - 64));
    CHECK(!mim__calloc(ctx, SIZE_MAX / 2, 3));
    CHECK(!mim__calloc(ctx, (size_t)1 << 33, (size_t)1 << 31));
    CHECK(mim__bytes_now(ctx) == before);
    mim_context_destroy(ctx);
}

/* A host that hands out memory at odd places is refused, not trusted. */
static long odd_live;
static void *odd_allocate(void *user, size_t size, size_t align)
{
    (void)user, (void)align;
    char *p = malloc(size + 8);
    odd_live += p != NULL;
    return p ? p + ((uintptr_t)p % 64 == 0 ? 8 : 0) : NULL;
}
static void odd_release(void *user, void *memory, size_t size, size_t align)
{
    (void)user, (void)size, (void)align;
    odd_live--;
    free((uintptr_t)memory % 16 == 0 ? memory : (char *)memory - 8);
}

static void misaligned(void)
{
    mim_host host = { .struct_size = sizeof host, .allocate = odd_allocate, .release = odd_release };
    mim_context *ctx = NULL;
    CHECK(mim_context_create(&host, &ctx) == MIM_ERR_NOMEM);
    CHECK(!ctx && odd_live == 0);
}

int main(void)
{
    TEST(aligned);
    TEST(counted);
    TEST(contents);
    TEST(overflow);
    TEST(misaligned);
    return test_end();
}
