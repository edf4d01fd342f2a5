/* SPDX-License-Identifier: MIT */
/* test_log.c -- last error, log lines waiting in the ring or going to the hook, and strings out. */
#include "base/context.h"
#include "base/text.h"
#include "support/comma.h"
#include "support/fail_alloc.h"

#include <pthread.h>

static mim_context *make(const mim_host *host)
{
    mim_context *ctx = NULL;
    CHECK(mim_context_create(host, &ctx) == MIM_OK);
    return ctx;
}

static void error_text(void)
{
    mim_context *ctx = make(NULL);
    char text[600], small[5];
    size_t needed = 0;
    CHECK(mim_last_error(ctx, text, sizeof text, &needed) == MIM_OK && needed == 1);
    CHECK_TEXT(text, "");
    CHECK(mim__fail(ctx, MIM_ERR_SHAPE, "image %dx%d, patch %d", 224, 230, 16) == MIM_ERR_SHAPE);
    CHECK(mim_last_error(ctx, text, sizeof text, &needed) == MIM_OK && needed == strlen(text) + 1);
    CHECK_TEXT(text, "image 224x230, patch 16");
    CHECK(mim_last_error(ctx, NULL, 0, &needed) == MIM_OK && needed == 24);
    CHECK(mim_last_error(ctx, small, sizeof small, &needed) == MIM_ERR_SPACE && needed == 24);
    CHECK_TEXT(small, "imag");
    CHECK(mim_last_error(ctx, text, sizeof text, NULL) == MIM_OK);
    CHECK_TEXT(text, "image 224x230, patch 16");
    CHECK(mim_last_error(ctx, NULL, 5, &needed) == MIM_ERR_ARGUMENT);
    CHECK(mim_last_error(NULL, text, sizeof text, &needed) == MIM_ERR_ARGUMENT);
    CHECK(mim__fail(NULL, MIM_ERR_KEY, "nowhere") == MIM_ERR_KEY);
    CHECK(mim__no_memory(ctx, 12345) == MIM_ERR_NOMEM);
    mim_last_error(ctx, text, sizeof text, NULL);
    CHECK(strstr(text, "12345"));
    CHECK(mim__null_argument(ctx, "mim_f") == MIM_ERR_ARGUMENT);
    mim_last_error(ctx, text, sizeof text, NULL);
    CHECK(strstr(text, "mim_f"));
    mim_context_destroy(ctx);
}

/* Whatever a message quotes, it is one line of valid UTF-8, and is never cut inside a character. */
static void hostile(void)
{
    mim_context *ctx = make(NULL);
    char text[600], longest[2000] = "";
    mim__fail(ctx, MIM_ERR_KEY, "a\nb\x01" "c\xFF\xC3(%s)", "\xED\xA0\x80");
    mim_last_error(ctx, text, sizeof text, NULL);
    CHECK_TEXT(text, "a b c?" "?(?" "?" "?)");
    for (int shift = 0; shift < 3; shift++) {
        memset(longest, 'x', (size_t)shift);
        for (int i = 0; i < 300; i++)
            memcpy(longest + shift + i * 3, "\xE2\x82\xAC", 4);
        mim__fail(ctx, MIM_ERR_KEY, "%s", longest);
        mim_last_error(ctx, text, sizeof text, NULL);
        CHECK(mim__utf8_check(text, strlen(text)) == strlen(text) && !strchr(text, '?') && strlen(text) > 500);
        CHECK(!strncmp(text, longest, strlen(text)));
    }
    mim_context_destroy(ctx);
}

static void locale_free(void)
{
    mim_context *ctx = make(NULL);
    char text[100];
    if (comma_begin()) {
        mim__fail(ctx, MIM_ERR_VALUE, "%g and %g", 0.25, 1e-7);
        mim_last_error(ctx, text, sizeof text, NULL);
        CHECK_TEXT(text, "0.25 and 1e-07");
        comma_end();
    }
    mim_context_destroy(ctx);
}

static void ring(void)
{
    mim_context *ctx = make(NULL);
    char line[300], expected[40];
    int32_t level = 77;
    size_t needed;
    CHECK(mim_context_next_log(ctx, &level, line, sizeof line, &needed) == MIM_OK && level == 0 && needed == 1);
    CHECK_TEXT(line, "");
    for (int i = 0; i < 600; i++)
        mim__log(ctx, 1 + i % 4, "line %d", i);
    for (int i = 600 - 256; i < 600; i++) {
        snprintf(expected, sizeof expected, "line %d", i);
        CHECK(mim_context_next_log(ctx, &level, line, sizeof line, NULL) == MIM_OK && level == 1 + i % 4);
        CHECK_TEXT(line, expected);
    }
    CHECK(mim_context_next_log(ctx, &level, line, sizeof line, NULL) == MIM_OK && level == 0);
    mim_context_destroy(ctx);
}

static void ring_buffers(void)
{
    mim_context *ctx = make(NULL);
    char line[16], tiny[4];
    int32_t level = 77;
    size_t needed = 0;
    mim__log(ctx, MIM_LOG_INFO, "abcdef");
    CHECK(mim_context_next_log(ctx, &level, NULL, 0, &needed) == MIM_OK && needed == 7 && level == MIM_LOG_INFO);
    level = 77;
    CHECK(mim_context_next_log(ctx, &level, tiny, sizeof tiny, &needed) == MIM_ERR_SPACE && needed == 7 && level == 77);
    CHECK_TEXT(tiny, "abc");
    CHECK(mim_context_next_log(ctx, &level, line, sizeof line, NULL) == MIM_OK);
    CHECK_TEXT(line, "abcdef");
    CHECK(mim_context_next_log(ctx, &level, line, sizeof line, NULL) == MIM_OK && level == 0);
    CHECK(mim_context_next_log(NULL, &level, line, sizeof line, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_context_next_log(ctx, NULL, line, sizeof line, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_context_next_log(ctx, &level, NULL, 4, NULL) == MIM_ERR_ARGUMENT);
    mim__fail(ctx, MIM_ERR_KEY, "a failure");
    CHECK(mim_context_next_log(ctx, &level, line, sizeof line, NULL) == MIM_OK && level == MIM_LOG_ERROR);
    CHECK_TEXT(line, "a failure");
    mim_context_destroy(ctx);
}

struct seen { int lines; int32_t level; char line[600]; };
static void on_log(void *user, int32_t level, const char *line)
{
    struct seen *s = user;
    s->lines++;
    s->level = level;
    snprintf(s->line, sizeof s->line, "%s", line);
}

static void hook(void)
{
    struct seen s = { 0 };
    mim_host host = { .struct_size = sizeof host, .user = &s, .log = on_log };
    mim_context *ctx = make(&host);
    int32_t level;
    char line[10];
    mim__log(ctx, MIM_LOG_WARNING, "slow %s", "disk");
    CHECK(s.lines == 1 && s.level == MIM_LOG_WARNING);
    CHECK_TEXT(s.line, "slow disk");
    mim__fail(ctx, MIM_ERR_IO, "gone");
    CHECK(s.lines == 2 && s.level == MIM_LOG_ERROR);
    CHECK(mim_context_next_log(ctx, &level, line, sizeof line, NULL) == MIM_OK && level == 0);
    mim_context_destroy(ctx);
}

/* Logging takes no memory. */
static void silent(void)
{
    struct fail_alloc f = { 0 };
    mim_host host = fail_host(&f);
    mim_context *ctx = make(&host);
    long calls = f.calls;
    for (int i = 0; i < 1000; i++)
        mim__fail(ctx, MIM_ERR_VALUE, "value %d", i);
    CHECK(f.calls == calls);
    mim_context_destroy(ctx);
    CHECK(f.live == 0);
}

static void *complain(void *ctx)
{
    char text[100];
    int32_t level;
    for (int i = 0; i < 500; i++) {
        mim__fail(ctx, MIM_ERR_VALUE, "%s", i % 2 ? "aaaaaaaaaaaaaaaa" : "bbbbbbbbbbbbbbbb");
        mim_last_error(ctx, text, sizeof text, NULL);
        for (size_t k = 1; k < strlen(text); k++)
            if (text[k] != text[0])
                return "torn";
        mim_context_next_log(ctx, &level, text, sizeof text, NULL);
    }
    return NULL;
}

static void threads(void)
{
    mim_context *ctx = make(NULL);
    pthread_t thread[4];
    void *torn;
    for (int i = 0; i < 4; i++)
        CHECK(!pthread_create(&thread[i], NULL, complain, ctx));
    for (int i = 0; i < 4; i++)
        CHECK(!pthread_join(thread[i], &torn) && !torn);
    mim_context_destroy(ctx);
}

static void text_out(void)
{
    mim_context *ctx = make(NULL);
    char to[8] = "xxxxxxx";
    size_t needed = 0;
    CHECK(mim__text_out(ctx, "abc", to, 4, &needed) == MIM_OK && needed == 4);
    CHECK_TEXT(to, "abc");
    CHECK(mim__text_out(ctx, "abcd", to, 4, &needed) == MIM_ERR_SPACE && needed == 5);
    CHECK_TEXT(to, "abc");
    CHECK(to[4] == 'x');
    CHECK(mim__text_out(ctx, "abc", to, 1, NULL) == MIM_ERR_SPACE);
    CHECK_TEXT(to, "");
    to[0] = 'q';
    CHECK(mim__text_out(ctx, "abc", to, 0, &needed) == MIM_OK && to[0] == 'q' && needed == 4);
    CHECK(mim__text_out(ctx, "abc", NULL, 0, NULL) == MIM_OK);
    CHECK(mim__text_out(ctx, "abc", NULL, 9, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim__text_out(ctx, "a\xE2\x82\xAC", to, 4, NULL) == MIM_ERR_SPACE);
    CHECK_TEXT(to, "a");
    mim_context_destroy(ctx);
}

int main(void)
{
    TEST(error_text);
    TEST(hostile);
    TEST(locale_free);
    TEST(ring);
    TEST(ring_buffers);
    TEST(hook);
    TEST(silent);
    TEST(threads);
    TEST(text_out);
    return test_end();
}
