/* SPDX-License-Identifier: MIT */
/* test_report.c -- reports: any key, read like a config. */
#include "base/config.h"
#include "support/fail_alloc.h"

static mim_status fill(mim_config *r)
{
    static const char *const words[] = { "tokens", "two words", "q\"" };
    mim_status s = mim__report_i64(r, "grid.rows", 14);
    s = s ? s : mim__report_f64(r, "seconds", 0.25);
    s = s ? s : mim__report_f64(r, "psnr", INFINITY);
    s = s ? s : mim__report_text(r, "isa", "avx2");
    s = s ? s : mim__report_words(r, "outputs", 3, words);
    s = s ? s : mim__report_words(r, "none", 0, words);
    s = s ? s : mim__report_i64(r, "grid.rows", -7);
    return s;
}

static void values(void)
{
    mim_context *ctx = NULL;
    mim_config *r = NULL;
    char text[300];
    int64_t i = 0;
    double f = 0;
    if (!CHECK(mim_context_create(NULL, &ctx) == MIM_OK) || !CHECK(mim__report_create(ctx, &r) == MIM_OK))
        return;
    CHECK(fill(r) == MIM_OK && mim_config_count(r) == 6);
    CHECK(mim_config_get_i64(r, "grid.rows", &i) == MIM_OK && i == -7);
    CHECK(mim_config_get_f64(r, "seconds", &f) == MIM_OK && f == 0.25);
    CHECK(mim_config_get_i64(r, "seconds", &i) == MIM_ERR_VALUE);
    CHECK(mim_config_get_f64(r, "psnr", &f) == MIM_OK && isinf(f));
    CHECK(mim_config_get_str(r, "outputs", text, sizeof text, NULL) == MIM_OK);
    CHECK_TEXT(text, "[\"tokens\", \"two words\", \"q\\\"\"]");
    CHECK(mim_config_get_str(r, "none", text, sizeof text, NULL) == MIM_OK);
    CHECK_TEXT(text, "[]");
    CHECK(mim_config_get_i64(r, "grid.cols", &i) == MIM_ERR_KEY);
    CHECK(mim_config_write_json(r, text, sizeof text, NULL) == MIM_OK);
    CHECK_TEXT(text, "{\"grid\": {\"rows\": -7}, \"isa\": \"avx2\", \"none\": [], "
                     "\"outputs\": [\"tokens\", \"two words\", \"q\\\"\"], \"psnr\": \"inf\", \"seconds\": 0.25}");
    CHECK(mim_config_set_str(r, "isa", NULL) == MIM_OK && mim_config_count(r) == 5);
    mim_config_destroy(r);
    mim_context_destroy(ctx);
}

static mim_status scenario(const mim_host *host, void *arg)
{
    (void)arg;
    mim_context *ctx = NULL;
    mim_config *r = NULL;
    mim_status s = mim_context_create(host, &ctx);
    s = s ? s : mim__report_create(ctx, &r);
    s = s ? s : fill(r);
    mim_config_destroy(r);
    mim_context_destroy(ctx);
    return s;
}

static void memory_fails(void) { CHECK(fail_every_allocation(scenario, NULL) > 10); }

int main(void)
{
    TEST(values);
    TEST(memory_fails);
    return test_end();
}
