/* SPDX-License-Identifier: MIT */
/* test_dispatch.c -- which kernels a context gets, how the host caps them, and what describe tells. */
#include "kernel/kernel.h"
#include "support/fail_alloc.h"
#include "support/test.h"

static mim_context *create(void)
{
    mim_context *ctx = NULL;
    if (mim_context_create(NULL, &ctx) != MIM_OK)
        abort();
    return ctx;
}

/* Best first, scalar last, every pointer of a table set. */
static void available(void)
{
    const struct kernels *const *k = mim__kernels_available();
    CHECK(*k != NULL);
    for (; *k; k++) {
        CHECK((*k)->isa[0]);
        for (int type = F32; type <= BF16; type++) {
            const struct gemm_kernels *g = (*k)->gemm[type];
            CHECK(g->pack && g->run && g->mr > 0 && g->nr > 0 && g->nr % g->unit == 0 && g->kc % 2 == 0);
            CHECK(g->step == 1 || (g->step == 2 && type == BF16));
            CHECK((*k)->attention[type]->forward && (*k)->attention[type]->backward);
        }
        CHECK((*k)->rows->add && (*k)->rows->adamw);
        if (!k[1])
            CHECK_TEXT((*k)->isa, "scalar");
    }
}

static void best_by_default(void)
{
    mim_context *ctx = create();
    CHECK(mim__kernels(ctx) == mim__kernels_available()[0]);
    CHECK(mim__kernels(ctx) == mim__kernels(ctx));
    mim_context_destroy(ctx);
}

/* Each name that runs here gives its table; each that does not, something below it. */
static void caps(void)
{
    static const char *const names[] = { "scalar", "avx2", "avx512", "avx512_bf16", "neon" };
    for (int i = 0; i < COUNT(names); i++) {
        mim_context *ctx = create();
        CHECK(mim_context_set_isa_max(ctx, names[i]) == MIM_OK);
        const struct kernels *got = mim__kernels(ctx);
        const struct kernels *const *k = mim__kernels_available();
        bool runs = false, chosen = false;
        for (; *k; k++) {
            runs |= !strcmp((*k)->isa, names[i]);
            chosen |= *k == got;
        }
        CHECK(chosen);
        if (runs)
            CHECK_TEXT(got->isa, names[i]);
        CHECK(mim_context_set_isa_max(ctx, "scalar") == MIM_OK);
        CHECK_TEXT(mim__kernels(ctx)->isa, "scalar");
        mim_context_destroy(ctx);
    }
}

static void bad_caps(void)
{
    static const char *const names[] = { "", "AVX2", "avx", "avx51", "avx512_bf16 ", "sse2", "neon\n",
                                         "a name that is longer than any instruction set that will ever be" };
    mim_context *ctx = create();
    CHECK(mim_context_set_isa_max(ctx, "scalar") == MIM_OK);
    for (int i = 0; i < COUNT(names); i++) {
        CHECK(mim_context_set_isa_max(ctx, names[i]) == MIM_ERR_KEY);
        CHECK_TEXT(mim__kernels(ctx)->isa, "scalar");
    }
    char text[256];
    CHECK(mim_last_error(ctx, text, sizeof text, NULL) == MIM_OK && strstr(text, "avx512_bf16"));
    CHECK(mim_context_set_isa_max(ctx, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_context_set_isa_max(NULL, "avx2") == MIM_ERR_ARGUMENT);
    mim__context_pin_isa(ctx, 1);
    CHECK(mim_context_set_isa_max(ctx, "avx2") == MIM_ERR_STATE);
    mim__context_pin_isa(ctx, -1);
    CHECK(mim_context_set_isa_max(ctx, "avx2") == MIM_OK);
    mim_context_destroy(ctx);
}

static void text_is(const mim_config *c, const char *key, const char *want)
{
    char text[256] = "";
    CHECK(mim_config_get_str(c, key, text, sizeof text, NULL) == MIM_OK);
    CHECK_TEXT(text, want);
}

static void describe(void)
{
    mim_context *ctx = create();
    mim_config *c = NULL;
    char text[256];
    int64_t threads = 0, now = 0, peak = 0, openmp = -1;
    CHECK(mim_context_set_isa_max(ctx, "scalar") == MIM_OK);
    CHECK(mim_context_set_threads(ctx, 3) == MIM_OK);
    if (CHECK(mim_context_describe(ctx, &c) == MIM_OK)) {
        text_is(c, "isa", "scalar");
        text_is(c, "isa_max", "scalar");
        CHECK(mim_config_get_str(c, "isa_available", text, sizeof text, NULL) == MIM_OK && strstr(text, "scalar"));
        CHECK(strstr(text, mim__kernels_available()[0]->isa));
        CHECK(mim_config_get_i64(c, "threads", &threads) == MIM_OK && threads == 3);
        CHECK(mim_config_get_i64(c, "bytes.now", &now) == MIM_OK && now > 0);
        CHECK(mim_config_get_i64(c, "bytes.peak", &peak) == MIM_OK && peak >= now);
        CHECK(mim_config_get_i64(c, "build.openmp", &openmp) == MIM_OK && (openmp == 0 || openmp == 1));
        CHECK(mim_config_get_str(c, "build.compiler", text, sizeof text, NULL) == MIM_OK && text[0]);
    }
    mim_config_destroy(c);
    c = NULL;
    CHECK(mim_context_describe(NULL, &c) == MIM_ERR_ARGUMENT && !c);
    CHECK(mim_context_describe(ctx, NULL) == MIM_ERR_ARGUMENT);
    mim_context_destroy(ctx);
}

static mim_status describe_once(const mim_host *host, void *arg)
{
    mim_context *ctx = NULL;
    mim_config *c = NULL;
    (void)arg;
    mim_status status = mim_context_create(host, &ctx);
    if (status == MIM_OK)
        status = mim_context_describe(ctx, &c);
    CHECK((status == MIM_OK) == (c != NULL));
    mim_config_destroy(c);
    mim_context_destroy(ctx);
    return status;
}
static void no_memory(void) { fail_every_allocation(describe_once, NULL); }

int main(void)
{
    TEST(available);
    TEST(best_by_default);
    TEST(caps);
    TEST(bad_caps);
    TEST(describe);
    TEST(no_memory);
    return test_end();
}
