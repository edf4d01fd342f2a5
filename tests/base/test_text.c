/* SPDX-License-Identifier: MIT */
/* test_text.c -- numbers both ways, UTF-8, growing texts, distances. */
#include "base/text.h"
#include "base/philox.h"
#include "support/comma.h"
#include "support/fail_alloc.h"

static void shows(double value, const char *expected)
{
    char text[NUMBER_TEXT];
    double back = 0;
    mim__format_f64(value, text);
    CHECK_TEXT(text, expected);
    CHECK(mim__parse_f64(text, strlen(text), &back));
    CHECK(!memcmp(&back, &value, sizeof back) || (isnan(back) && isnan(value)));
}

static void known_numbers(void)
{
    shows(0.6, "0.6");
    shows(1e-5, "1e-05");
    shows(100, "100");
    shows(0, "0");
    shows(-0.0, "-0");
    shows(1.0 / 3, "0.3333333333333333");
    shows(0.1 + 0.2, "0.30000000000000004");
    shows(5e-324, "5e-324");
    shows(2.2250738585072014e-308, "2.2250738585072014e-308");
    shows(1.7976931348623157e308, "1.7976931348623157e+308");
    shows(-2.5e22, "-2.5e+22");
    shows(INFINITY, "inf");
    shows(-INFINITY, "-inf");
    shows(NAN, "nan");
}

static void any_numbers(void)
{
    struct mim__stream s = mim__stream(1, 2, 3, 4);
    char text[NUMBER_TEXT];
    for (uint32_t i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)mim__word(&s, 2 * i) << 32 | mim__word(&s, 2 * i + 1);
        double value, back = 0;
        memcpy(&value, &bits, sizeof value);
        if (isnan(value))
            continue;
        mim__format_f64(value, text);
        if (!CHECK(mim__parse_f64(text, strlen(text), &back) && !memcmp(&back, &value, sizeof back)))
            return;
    }
}

static double parsed(const char *text)
{
    double v = -777;
    CHECK(mim__parse_f64(text, strlen(text), &v));
    return v;
}

static void parse_f64(void)
{
    static const char *const bad[] = { "", "-", "+", "+1", ".", "-.", "e5", "1e", "1e+", "1e-", "1.2.3", "0x10", " 1", "1 ",
                                       "1e999", "-1e999", "infinity", "Inf", "-nan", "1,5", "1f", "--1", "1e5.0", "nan(1)" };
    static char many[5000];
    double v = 42;
    for (int i = 0; i < COUNT(bad); i++)
        if (!CHECK(!mim__parse_f64(bad[i], strlen(bad[i]), &v)))
            printf("  %s\n", bad[i]);
    CHECK(!mim__parse_f64("1\0002", 3, &v));
    CHECK(v == 42);
    CHECK(parsed("1.") == 1 && parsed(".5") == 0.5 && parsed("007") == 7 && parsed("-2.50E+1") == -25);
    CHECK(parsed("1e-999") == 0 && parsed("0e999") == 0 && parsed("0.0000e99999999999999999999") == 0);
    CHECK(parsed("9007199254740993") == 9007199254740992.0 && parsed("9007199254740993.0000000001") == 9007199254740994.0);
    CHECK(mim__parse_f64("12345", 3, &v) && v == 123);
    memset(many, '0', sizeof many - 1);
    memcpy(many, "0.", 2);
    memcpy(many + sizeof many - 7, "1e4992", 7);        /* 0.00...01e4992: about one */
    CHECK(strlen(many) == sizeof many - 1 && parsed(many) == strtod(many, NULL) && parsed(many) > 0);
    memset(many, '1', sizeof many - 1);
    many[300] = '.';
    CHECK(parsed(many) == strtod(many, NULL));
    memset(many, '0', sizeof many - 1);                 /* a tie, and then, very late, a little more */
    memcpy(many, "9007199254740993.", 17);
    CHECK(parsed(many) == 9007199254740992.0);
    many[sizeof many - 2] = '1';
    CHECK(parsed(many) == 9007199254740994.0);
}

static void parse_i64(void)
{
    static const char *const bad[] = { "", "-", "+1", "1.0", "9223372036854775808", "-9223372036854775809", "1e3", " 1",
                                       "99999999999999999999999", "0x1", "1a" };
    int64_t v = 42;
    for (int i = 0; i < COUNT(bad); i++)
        CHECK(!mim__parse_i64(bad[i], strlen(bad[i]), &v));
    CHECK(v == 42);
    CHECK(mim__parse_i64("9223372036854775807", 19, &v) && v == INT64_MAX);
    CHECK(mim__parse_i64("-9223372036854775808", 20, &v) && v == INT64_MIN);
    CHECK(mim__parse_i64("-0", 2, &v) && v == 0);
    CHECK(mim__parse_i64("0012", 4, &v) && v == 12);
}

static void comma(void)
{
    if (!comma_begin())
        return;
    shows(0.6, "0.6");
    shows(-1.5e-7, "-1.5e-07");
    CHECK(parsed("2.25") == 2.25);
    double v;
    CHECK(!mim__parse_f64("2,25", 4, &v));
    comma_end();
}

static size_t bad_at(const char *text) { return mim__utf8_check(text, strlen(text)); }

static void utf8(void)
{
    CHECK(bad_at("abc") == 3);
    CHECK(bad_at("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF") == 13);
    CHECK(bad_at("a\x80") == 1);
    CHECK(bad_at("ab\xC3") == 2);
    CHECK(bad_at("ab\xC3(") == 2);
    CHECK(bad_at("\xC0\x80") == 0 && bad_at("\xC1\xBF") == 0);
    CHECK(bad_at("\xE0\x9F\xBF") == 0 && bad_at("\xF0\x8F\xBF\xBF") == 0);
    CHECK(bad_at("\xED\x9F\xBF") == 3 && bad_at("\xED\xA0\x80") == 0 && bad_at("\xED\xBF\xBF") == 0);
    CHECK(bad_at("\xF4\x90\x80\x80") == 0 && bad_at("\xF8\x88\x80\x80\x80") == 0 && bad_at("\xFF") == 0);
    CHECK(mim__utf8_check("", 0) == 0);
}

static void utf8_floor(void)
{
    const char *text = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80" "b";
    static const size_t floors[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11 };
    for (size_t n = 0; n < sizeof floors / sizeof *floors; n++)
        CHECK(mim__utf8_floor(text, n) == floors[n]);
    CHECK(mim__utf8_floor("\x80\x80\x80\x80\x80", 5) == 5);
}

static void growing(void)
{
    mim_context *ctx;
    if (!CHECK(mim_context_create(NULL, &ctx) == MIM_OK))
        return;
    struct mim__text t = { .ctx = ctx };
    for (int i = 0; i < 1000; i++)
        mim__text_format(&t, "%d,", i);
    CHECK(!t.failed && t.size == strlen(t.data) && t.size == 3890);
    CHECK(!strncmp(t.data, "0,1,2,", 6) && !strcmp(t.data + t.size - 4, "999,"));
    mim__text_free(&t);
    CHECK(!t.data && !t.size);
    mim__text_json(&t, "a\"b\\c\n\x1F\xC3\xA4");
    CHECK_TEXT(t.data, "\"a\\\"b\\\\c\\u000a\\u001f\xC3\xA4\"");
    mim__text_f64(&t, 0.5);
    mim__text_add_n(&t, "xyz", 2);
    CHECK(!strcmp(t.data + t.size - 5, "0.5xy"));
    mim__text_free(&t);
    mim_context_destroy(ctx);
}

static void fixed(void)
{
    char buffer[8] = "zzzzzzz";
    size_t needed;
    struct mim__text t = { .data = buffer, .capacity = 6 };
    mim__text_add(&t, "abc");
    mim__text_format(&t, "%d", 1234);
    mim__text_add(&t, "more");
    CHECK(t.size == 11 && buffer[6] == 'z');
    CHECK_TEXT(buffer, "abc12");
    CHECK(mim__text_end(NULL, &t, &needed) == MIM_ERR_SPACE && needed == 12);
    mim__text_free(&t);
}

static void failing(void)
{
    struct fail_alloc f = { 0 };
    mim_host host = fail_host(&f);
    mim_context *ctx;
    if (!CHECK(mim_context_create(&host, &ctx) == MIM_OK))
        return;
    struct mim__text t = { .ctx = ctx };
    mim__text_add(&t, "begin");
    f.fail_at = f.calls + 1;
    for (int i = 0; i < 200; i++)
        mim__text_format(&t, "word %d", i);
    CHECK(t.failed && !strncmp(t.data, "begin", 5));
    mim__text_free(&t);
    mim_context_destroy(ctx);
    CHECK(f.live == 0 && f.wrong == 0);
}

static void distance(void)
{
    char longer[400];
    CHECK(mim__distance("", "") == 0 && mim__distance("", "abc") == 3 && mim__distance("abc", "") == 3);
    CHECK(mim__distance("kitten", "sitting") == 3 && mim__distance("depth", "dept") == 1);
    CHECK(mim__distance("encoder.depth", "encoder.depth") == 0);
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    CHECK(mim__distance(longer, "aaa") == 124);
}

int main(void)
{
    TEST(known_numbers);
    TEST(any_numbers);
    TEST(parse_f64);
    TEST(parse_i64);
    TEST(comma);
    TEST(utf8);
    TEST(utf8_floor);
    TEST(growing);
    TEST(fixed);
    TEST(failing);
    TEST(distance);
    return test_end();
}
