/* SPDX-License-Identifier: MIT */
/* test_config.c -- setting and getting, what is refused, copies and merges, memory that fails. */
#include "base/config.h"
#include "support/comma.h"
#include "support/fail_alloc.h"

static mim_context *ctx;

static mim_config *fresh(void)
{
    mim_config *c = NULL;
    CHECK(mim_config_create(ctx, NULL, &c) == MIM_OK);
    return c;
}

static const char *text_of(const mim_config *c, const char *key)
{
    static char text[2][300];
    static int turn;
    turn ^= 1;
    strcpy(text[turn], "?");
    CHECK(mim_config_get_str(c, key, text[turn], sizeof text[turn], NULL) == MIM_OK);
    return text[turn];
}

static const char *why(void)
{
    static char text[600];
    mim_last_error(ctx, text, sizeof text, NULL);
    return text;
}

static void unset(void)
{
    mim_config *c = fresh();
    int64_t i = 0;
    double f = 0;
    CHECK(mim_config_count(c) == 0);
    CHECK(mim_config_get_i64(c, "seed", &i) == MIM_OK && i == 1);
    CHECK(mim_config_get_f64(c, "seed", &f) == MIM_OK && f == 1);
    CHECK(mim_config_get_f64(c, "masker.ratio", &f) == MIM_OK && f == 0.6);
    CHECK_TEXT(text_of(c, "seed"), "1");
    CHECK_TEXT(text_of(c, "precision"), "f32");
    CHECK(text_of(c, "image.mean")[0] == '[');
    CHECK(!mim__config_has(c, "seed") && !mim__config_has(NULL, "seed"));
    CHECK(mim__config_context(c) == ctx);
    mim_config_destroy(c);
}

static void set(void)
{
    mim_config *c = fresh();
    int64_t i = 0;
    double f = 0;
    CHECK(mim_config_set_i64(c, "encoder.depth", 24) == MIM_OK);
    CHECK(mim_config_get_i64(c, "encoder.depth", &i) == MIM_OK && i == 24);
    CHECK(mim_config_set_f64(c, "masker.ratio", 0.75) == MIM_OK);
    CHECK(mim_config_get_f64(c, "masker.ratio", &f) == MIM_OK && f == 0.75);
    CHECK(mim_config_set_i64(c, "masker.ratio", 1) == MIM_OK);
    CHECK(mim_config_get_f64(c, "masker.ratio", &f) == MIM_OK && f == 1);
    CHECK(mim_config_set_str(c, "masker.ratio", "0.5") == MIM_OK);
    CHECK(mim_config_get_f64(c, "masker.ratio", &f) == MIM_OK && f == 0.5);
    CHECK(mim_config_set_str(c, "encoder.depth", "6") == MIM_OK);
    CHECK(mim_config_get_i64(c, "encoder.depth", &i) == MIM_OK && i == 6);
    CHECK(mim_config_set_str(c, "masker.kind", "block") == MIM_OK);
    CHECK_TEXT(text_of(c, "masker.kind"), "block");
    CHECK(mim_config_set_str(c, "image.mean", "0.5 0.25 1") == MIM_OK);
    CHECK_TEXT(text_of(c, "image.mean"), "[0.5, 0.25, 1]");
    CHECK(mim_config_set_str(c, "image.mean", "[0.5,0.25]") == MIM_OK);
    CHECK_TEXT(text_of(c, "image.mean"), "[0.5, 0.25]");
    CHECK(mim_config_count(c) == 4 && mim__config_has(c, "masker.kind"));
    CHECK(mim_config_set_str(c, "masker.kind", NULL) == MIM_OK && mim_config_count(c) == 3);
    CHECK_TEXT(text_of(c, "masker.kind"), "random");
    CHECK(mim_config_set_str(c, "masker.kind", NULL) == MIM_OK && mim_config_count(c) == 3);
    mim_config_destroy(c);
}

static void refused(void)
{
    mim_config *c = fresh();
    int64_t i = 77;
    double f = 77;
    CHECK(mim_config_set_i64(c, "encoder.dept", 1) == MIM_ERR_KEY);
    CHECK(strstr(why(), "\"encoder.depth\""));
    CHECK(mim_config_set_f64(c, "", 1) == MIM_ERR_KEY && mim_config_set_str(c, "encoder", "x") == MIM_ERR_KEY);
    CHECK(mim_config_set_str(c, "no.key", NULL) == MIM_ERR_KEY);
    CHECK(mim_config_set_i64(c, "encoder.depth", 0) == MIM_ERR_VALUE);
    CHECK(mim_config_set_i64(c, "encoder.depth", INT64_MIN) == MIM_ERR_VALUE);
    CHECK(mim_config_set_f64(c, "encoder.depth", 12) == MIM_ERR_VALUE);
    CHECK(mim_config_set_i64(c, "masker.kind", 0) == MIM_ERR_VALUE);
    CHECK(mim_config_set_f64(c, "masker.kind", 0) == MIM_ERR_VALUE);
    CHECK(mim_config_set_f64(c, "masker.ratio", 1.5) == MIM_ERR_VALUE);
    CHECK(mim_config_set_f64(c, "masker.ratio", NAN) == MIM_ERR_VALUE);
    CHECK(mim_config_set_f64(c, "masker.ratio", INFINITY) == MIM_ERR_VALUE);
    CHECK(mim_config_set_str(c, "masker.kind", "blok") == MIM_ERR_VALUE);
    CHECK(mim_config_set_str(c, "encoder.depth", "") == MIM_ERR_VALUE);
    CHECK(mim_config_set_str(c, "image.mean", "[1, ") == MIM_ERR_VALUE);
    CHECK(mim_config_set_str(c, "image.mean", "x") == MIM_ERR_VALUE);
    CHECK(mim_config_count(c) == 0);
    CHECK(mim_config_get_i64(c, "no.key", &i) == MIM_ERR_KEY && mim_config_get_f64(c, "no.key", &f) == MIM_ERR_KEY);
    CHECK(mim_config_get_i64(c, "masker.ratio", &i) == MIM_ERR_VALUE);
    CHECK(mim_config_get_i64(c, "masker.kind", &i) == MIM_ERR_VALUE);
    CHECK(mim_config_get_f64(c, "masker.kind", &f) == MIM_ERR_VALUE);
    CHECK(mim_config_get_f64(c, "image.mean", &f) == MIM_ERR_VALUE);
    CHECK(mim_config_get_str(c, "no.key", NULL, 0, NULL) == MIM_ERR_KEY);
    CHECK(i == 77 && f == 77);
    mim_config_destroy(c);
}

static void nulls(void)
{
    mim_config *c = fresh(), *none = NULL;
    char text[8];
    int64_t i;
    double f;
    CHECK(mim_config_create(NULL, NULL, &none) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_create(ctx, NULL, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_set_i64(NULL, "seed", 1) == MIM_ERR_ARGUMENT && mim_config_set_i64(c, NULL, 1) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_set_f64(NULL, "seed", 1) == MIM_ERR_ARGUMENT && mim_config_set_f64(c, NULL, 1) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_set_str(NULL, "seed", "1") == MIM_ERR_ARGUMENT && mim_config_set_str(c, NULL, "1") == MIM_ERR_ARGUMENT);
    CHECK(mim_config_get_i64(NULL, "seed", &i) == MIM_ERR_ARGUMENT && mim_config_get_i64(c, NULL, &i) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_get_i64(c, "seed", NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_get_f64(NULL, "seed", &f) == MIM_ERR_ARGUMENT && mim_config_get_f64(c, NULL, &f) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_get_f64(c, "seed", NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_get_str(NULL, "seed", text, 8, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_get_str(c, NULL, text, 8, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_get_str(c, "seed", NULL, 8, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_count(NULL) == -1 && mim_config_key(NULL, 0, text, 8, NULL) == MIM_ERR_ARGUMENT);
    mim_config_destroy(NULL);
    mim_config_destroy(c);
}

static void strings_out(void)
{
    mim_config *c = fresh();
    char text[8] = "zzzzzzz";
    size_t needed = 0;
    CHECK(mim_config_set_str(c, "masker.kind", "square") == MIM_OK);
    CHECK(mim_config_get_str(c, "masker.kind", NULL, 0, &needed) == MIM_OK && needed == 7);
    CHECK(mim_config_get_str(c, "masker.kind", text, 7, NULL) == MIM_OK);
    CHECK_TEXT(text, "square");
    CHECK(mim_config_get_str(c, "masker.kind", text, 6, &needed) == MIM_ERR_SPACE && needed == 7);
    CHECK_TEXT(text, "squar");
    CHECK(mim_config_set_str(c, "masker.kind", NULL) == MIM_OK);
    CHECK(mim_config_get_str(c, "masker.kind", text, 3, &needed) == MIM_ERR_SPACE && needed == 7);
    CHECK_TEXT(text, "ra");
    mim_config_destroy(c);
}

static void keys(void)
{
    mim_config *c = fresh();
    char key[KEY_SIZE], before[KEY_SIZE] = "";
    CHECK(mim_config_set_i64(c, "seed", 3) == MIM_OK && mim_config_set_i64(c, "encoder.width", 192) == MIM_OK);
    CHECK(mim_config_set_f64(c, "masker.ratio", 0.5) == MIM_OK && mim_config_set_i64(c, "encoder.depth", 3) == MIM_OK);
    for (int64_t i = 0; i < mim_config_count(c); i++) {
        CHECK(mim_config_key(c, i, key, sizeof key, NULL) == MIM_OK && strcmp(before, key) < 0);
        strcpy(before, key);
    }
    CHECK_TEXT(before, "seed");
    CHECK(mim_config_key(c, -1, key, sizeof key, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_key(c, 4, key, sizeof key, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_key(c, 3, key, 3, NULL) == MIM_ERR_SPACE);
    CHECK(mim_config_key(c, 3, NULL, 3, NULL) == MIM_ERR_ARGUMENT);
    mim_config_destroy(c);
}

static void copy_and_merge(void)
{
    mim_config *a = fresh(), *b = fresh(), *c = NULL, *report = NULL;
    CHECK(mim_config_set_i64(a, "encoder.depth", 3) == MIM_OK && mim_config_set_i64(a, "seed", 7) == MIM_OK);
    CHECK(mim_config_set_i64(b, "encoder.depth", 9) == MIM_OK && mim_config_set_str(b, "masker.kind", "grid") == MIM_OK);
    CHECK(mim__config_copy(a, &c) == MIM_OK && mim_config_count(c) == 2);
    CHECK(mim__config_merge(c, b) == MIM_OK && mim_config_count(c) == 3 && mim_config_count(a) == 2);
    CHECK(mim_config_count(b) == 2);
    CHECK_TEXT(text_of(c, "encoder.depth"), "9");
    CHECK_TEXT(text_of(c, "seed"), "7");
    CHECK_TEXT(text_of(a, "encoder.depth"), "3");
    CHECK(mim__report_create(ctx, &report) == MIM_OK && mim__report_i64(report, "grid.rows", 14) == MIM_OK);
    CHECK(mim__report_i64(report, "seed", 8) == MIM_OK && mim__config_merge(c, report) == MIM_OK);
    CHECK_TEXT(text_of(c, "seed"), "8");
    CHECK(!mim__config_has(c, "grid.rows"));        /* no option: it does not come along */
    mim_config_destroy(a);
    mim_config_destroy(b);
    mim_config_destroy(c);
    mim_config_destroy(report);
}

static void in_comma_locale(void)
{
    if (!comma_begin())
        return;
    mim_config *c = fresh();
    double f = 0;
    CHECK(mim_config_set_str(c, "masker.ratio", "0.25") == MIM_OK);
    CHECK(mim_config_get_f64(c, "masker.ratio", &f) == MIM_OK && f == 0.25);
    CHECK(mim_config_set_f64(c, "masker.ratio", 0.125) == MIM_OK);
    CHECK_TEXT(text_of(c, "masker.ratio"), "0.125");
    CHECK(mim_config_set_str(c, "masker.ratio", "0,25") == MIM_ERR_VALUE);
    mim_config_destroy(c);
    comma_end();
}

static mim_status fill(mim_config *c)
{
    mim_status s = mim_config_set_i64(c, "encoder.depth", 3);
    s = s ? s : mim_config_set_f64(c, "masker.ratio", 0.5);
    s = s ? s : mim_config_set_str(c, "image.mean", "1 2 3");
    s = s ? s : mim_config_set_str(c, "masker.kind", "grid");
    s = s ? s : mim_config_set_str(c, "masker.kind", "block");
    return s;
}

/* After a failure what was set before is still there, whole. */
static mim_status scenario(const mim_host *host, void *arg)
{
    (void)arg;
    mim_context *own = NULL;
    mim_config *c = NULL, *copy = NULL;
    char kind[20] = "";
    mim_status s = mim_context_create(host, &own);
    s = s ? s : mim_config_create(own, NULL, &c);
    s = s ? s : fill(c);
    s = s ? s : mim__config_copy(c, &copy);
    s = s ? s : mim__config_merge(copy, c);
    if (c && mim_config_count(c) == 4)
        CHECK(mim_config_get_str(c, "masker.kind", kind, sizeof kind, NULL) == MIM_OK
              && (!strcmp(kind, "grid") || !strcmp(kind, "block")));
    mim_context_destroy(own);                   /* in this order: the configs outlive it */
    mim_config_destroy(copy);
    mim_config_destroy(c);
    return s;
}

static void memory_fails(void) { CHECK(fail_every_allocation(scenario, NULL) > 15); }

int main(void)
{
    if (mim_context_create(NULL, &ctx) != MIM_OK)
        return 1;
    TEST(unset);
    TEST(set);
    TEST(refused);
    TEST(nulls);
    TEST(strings_out);
    TEST(keys);
    TEST(copy_and_merge);
    TEST(in_comma_locale);
    TEST(memory_fails);
    mim_context_destroy(ctx);
    return test_end();
}
