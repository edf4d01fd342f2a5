/* SPDX-License-Identifier: MIT */
/* test_store.c -- the values of one handle's parameters. */
#include "graph/store.h"
#include "kernel/kernel.h"
#include "support/fail_alloc.h"

static struct graph *make(mim_context *ctx)
{
    struct graph *g = NULL;
    struct init how = { INIT_TRUNCATED, 0.02f, 0.02f, 0 };
    if (mim__graph_create(ctx, &g))
        return NULL;
    mim__graph_param(g, "a", SHAPE(3, 5), how, 0);
    mim__graph_param(g, "large", SHAPE(300, 150), how, 0);      /* more than a task fills */
    mim__graph_store(g, 1);
    mim__graph_param(g, "head", SHAPE(7), (struct init){ INIT_CONSTANT, 2, 0, 0 }, 0);
    mim__graph_store(g, 0);
    mim__graph_param(g, "z", SHAPE(33), how, 0);
    return g;
}

static void values(void)
{
    float *first = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        mim_context *ctx = NULL;
        struct mim__store s, head;
        CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim_context_set_threads(ctx, threads) == MIM_OK);
        struct graph *g = make(ctx);
        CHECK(mim__store_create(g, 0, false, &s) == MIM_OK && mim__store_create(g, 1, false, &head) == MIM_OK);
        CHECK(s.count == 3 && head.count == 1 && s.elements == 16 + 45008 + 48 && head.elements == 16);
        CHECK_TEXT(s.params[2].name, "z");
        for (size_t i = 0; i < s.elements; i++)
            CHECK(s.values[i] == 0);
        mim__store_fill(ctx, &s, 11);
        mim__store_fill(ctx, &head, 11);
        for (int i = 0; i < s.count; i++) {
            float *want = malloc(s.params[i].count * sizeof *want);
            mim__init_values(mim__kernels(ctx), &s.params[i], 11, 0, s.params[i].count, want);
            CHECK(!memcmp(want, s.values + s.params[i].offset, s.params[i].count * sizeof *want));
            free(want);
        }
        CHECK(s.values[15] == 0 && s.values[16 + 45000] == 0 && s.values[s.elements - 1] == 0);      /* padding */
        CHECK(head.values[6] == 2 && head.values[7] == 0);
        if (!first) {
            first = malloc(s.elements * sizeof *first);
            memcpy(first, s.values, s.elements * sizeof *first);
        }
        CHECK(!memcmp(first, s.values, s.elements * sizeof *first));
        mim__store_free(ctx, &s);
        mim__store_free(ctx, &head);
        CHECK(!s.values && !s.params && !s.count);
        mim__graph_destroy(g);
        mim_context_destroy(ctx);
    }
    free(first);
}

static void dry(void)
{
    mim_context *ctx = NULL;
    struct mim__store s;
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK);
    struct graph *g = make(ctx);
    size_t before = mim__bytes_now(ctx);
    CHECK(mim__store_create(g, 0, true, &s) == MIM_OK);
    CHECK(!s.values && s.elements == 16 + 45008 + 48 && s.count == 3);
    CHECK(mim__bytes_now(ctx) - before < 10000);
    mim__store_free(ctx, &s);
    mim__graph_destroy(g);
    mim_context_destroy(ctx);
}

static mim_status scenario(const mim_host *host, void *arg)
{
    mim_context *ctx = NULL;
    struct mim__store s, untouched = { .count = 77 };
    (void)arg;
    mim_status status = mim_context_create(host, &ctx);
    if (status)
        return status;
    struct graph *g = make(ctx);
    status = g ? mim__graph_status(g) : MIM_ERR_NOMEM;
    if (!status) {
        s = untouched;
        status = mim__store_create(g, 0, false, &s);
        CHECK(!status || !memcmp(&s, &untouched, sizeof s));
        if (!status)
            mim__store_free(ctx, &s);
    }
    mim__graph_destroy(g);
    mim_context_destroy(ctx);
    return status;
}

static void allocations(void) { CHECK(fail_every_allocation(scenario, NULL) >= 8); }

int main(void)
{
    TEST(values);
    TEST(dry);
    TEST(allocations);
    return test_end();
}
