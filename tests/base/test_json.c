/* SPDX-License-Identifier: MIT */
/* test_json.c -- what is JSON and what is not, where the offence is, and walking what is. */
#include "base/json.h"
#include "support/comma.h"
#include "support/test.h"

static struct json parse(const char *text)
{
    const char *why = NULL;
    struct json v = mim__json_parse(text, strlen(text), &why);
    CHECK((v.type == JSON_ERROR) == (why != NULL));
    return v;
}

static void good(void)
{
    static const char *const texts[] = {
        "null", "true", " false ", "0", "-0", "10", "1.5", "1e5", "1E+5", "-1.25e-7", "\"\"", "[]", "{}", "[[],{}]",
        "\t[1 , 2]\r\n",
        "{\"a\":1,\"b\":[true,null],\"c\":{\"d\":\"e\"}}", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\"", "\"\\ud83d\\ude00\"",
        "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\x7F\"", "{\"\":0}", "[1e999]", "{\"a\":1,\"a\":2}", "\"\\u0000\"",
    };
    for (int i = 0; i < COUNT(texts); i++)
        if (!CHECK(parse(texts[i]).type != JSON_ERROR))
            printf("  %s\n", texts[i]);
}

static void bad(void)
{
    static const struct { const char *text; int at; } texts[] = {
        { "", 0 }, { "  ", 2 }, { "nul", 0 }, { "nulll", 4 }, { "True", 0 }, { "NaN", 0 }, { "-Infinity", 1 },
        { "01", 1 }, { "-01", 2 },
        { "1.", 2 }, { ".5", 0 }, { "+1", 0 }, { "-", 1 }, { "1e", 2 }, { "1e+", 3 }, { "0x10", 1 }, { "1 2", 2 },
        { "1,5", 1 },
        { "[1,]", 3 }, { "[,1]", 1 }, { "[1 2]", 3 }, { "[1", 2 }, { "]", 0 }, { "[}", 1 }, { "[1}", 2 },
        { "{1:2}", 1 }, { "{\"a\"}", 4 },
        { "{\"a\":}", 5 }, { "{\"a\":1,}", 7 }, { "{\"a\" 1}", 5 }, { "{,}", 1 }, { "{\"a\":1", 6 }, { "{", 1 },
        { "[", 1 }, { "{a:1}", 1 },
        { "'a'", 0 }, { "\"a", 2 }, { "\"a\\\"", 4 }, { "\"\\x\"", 2 }, { "\"\\u12g4\"", 3 }, { "\"\\u12\"", 3 },
        { "\"\\\"", 3 },
        { "\"a\nb\"", 2 }, { "\"a\tb\"", 2 }, { "\"\x01\"", 1 }, { "\"\\ud800\"", 3 }, { "\"\\udc00\"", 3 },
        { "\"\\ud800\\u0041\"", 3 },
        { "\"\\ud800\\ud800\"", 3 }, { "\"\xFF\"", 1 }, { "\"\xC0\x80\"", 1 }, { "\"\xED\xA0\x80\"", 1 },
        { "\"\xE2\x82\"", 1 },
        { "\xEF\xBB\xBF{}", 0 }, { "// no\n1", 0 }, { "[1]/**/", 3 }, { "{} {}", 3 }, { "\"a\" \"b\"", 4 }, { "\f1", 0 },
    };
    for (int i = 0; i < COUNT(texts); i++) {
        struct json v = parse(texts[i].text);
        if (!CHECK(v.type == JSON_ERROR) || !CHECK(v.text - texts[i].text == texts[i].at))
            printf("  %s: byte %d\n", texts[i].text, (int)(v.text - texts[i].text));
    }
    CHECK(mim__json_parse("1\0", 2, NULL).type == JSON_ERROR);
    CHECK(mim__json_parse("[1]", 2, NULL).type == JSON_ERROR);
}

/* Every beginning of a text is either refused or a value of its own; nothing is read past the end. */
static void cut(void)
{
    static const char text[] = "{\"a\": [1, -2.5e+3, true, false, null, \"x\\u00e4\\ud83d\\ude00\\n\"], \"b\": {\"c\": {}}}";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *copy = malloc(n + 1);
        memcpy(copy, text, n);
        CHECK(mim__json_parse(copy, n, NULL).type == JSON_ERROR);
        free(copy);
    }
    CHECK(parse(text).type == JSON_OBJECT);
}

static void deep(void)
{
    enum { MANY = 100000 };
    char *text = malloc(2 * MANY + 1);
    memset(text, '[', MANY);
    CHECK(mim__json_parse(text, MANY, NULL).type == JSON_ERROR);
    memset(text, '[', JSON_DEPTH);
    memset(text + JSON_DEPTH, ']', JSON_DEPTH);
    CHECK(mim__json_parse(text, 2 * JSON_DEPTH, NULL).type == JSON_ARRAY);
    memset(text, '[', JSON_DEPTH + 1);
    memset(text + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
    struct json v = mim__json_parse(text, 2 * JSON_DEPTH + 2, NULL);
    CHECK(v.type == JSON_ERROR && v.text == text + JSON_DEPTH);
    for (int i = 0; i < MANY; i += 5)
        memcpy(text + i, "{\"\":", 5);
    CHECK(mim__json_parse(text, MANY, NULL).type == JSON_ERROR);
    free(text);
}

static void walk(void)
{
    struct json v = parse(" { \"one\" : 1 , \"two\":[ 2,\"]}\" , {\"x\":[]} ],\"thr\\u0065e\":\"\\\"\" } ");
    struct json key, value, item;
    size_t at = 0, inner = 0;
    CHECK(v.type == JSON_OBJECT);
    CHECK(mim__json_next(&v, &at, &key, &value) && mim__json_equal(&key, "one") && value.type == JSON_NUMBER);
    CHECK(value.size == 1);
    CHECK(mim__json_next(&v, &at, &key, &value) && mim__json_equal(&key, "two") && value.type == JSON_ARRAY);
    CHECK(mim__json_next(&value, &inner, NULL, &item) && item.type == JSON_NUMBER);
    CHECK(mim__json_next(&value, &inner, NULL, &item) && mim__json_equal(&item, "]}"));
    CHECK(mim__json_next(&value, &inner, NULL, &item) && item.type == JSON_OBJECT);
    CHECK(mim__json_member(&item, "x").type == JSON_ARRAY);
    CHECK(!mim__json_next(&value, &inner, NULL, &item) && !mim__json_next(&value, &inner, NULL, &item));
    CHECK(mim__json_next(&v, &at, NULL, &value) && mim__json_equal(&value, "\""));
    CHECK(!mim__json_next(&v, &at, &key, &value));
    CHECK(mim__json_equal(&(struct json){ JSON_NUMBER, "1", 1 }, "1") == false);
    value = mim__json_member(&v, "three");
    CHECK(value.type == JSON_STRING);
    CHECK(mim__json_member(&v, "four").type == JSON_ERROR);
    CHECK(mim__json_member(&value, "x").type == JSON_ERROR);
    at = 0;
    v = parse("[]");
    CHECK(!mim__json_next(&v, &at, NULL, &value));
    v = parse("3");
    CHECK(!mim__json_next(&v, &at, NULL, &value));
}

static void strings(void)
{
    struct json v = parse("\"a\\u00e4\\u20ac\\ud83d\\ude00\\/\\n\\\\\"");
    const char *expected = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80/\n\\";
    char to[32];
    size_t size = strlen(expected);
    CHECK(mim__json_string(&v, to, sizeof to) == size);
    CHECK_TEXT(to, expected);
    CHECK(mim__json_string(&v, to, size + 1) == size);
    for (size_t n = 0; n <= size; n++)
        CHECK(mim__json_string(&v, to, n) == SIZE_MAX);
    CHECK(mim__json_equal(&v, expected) && !mim__json_equal(&v, "a") && !mim__json_equal(&v, ""));
    v = parse("\"a\\u0000b\"");
    CHECK(mim__json_string(&v, to, sizeof to) == SIZE_MAX);
    CHECK(!mim__json_equal(&v, "a"));
    v = parse("\"\"");
    CHECK(mim__json_string(&v, to, 1) == 0 && mim__json_string(&v, to, 0) == SIZE_MAX && mim__json_equal(&v, ""));
    v = parse("12");
    CHECK(mim__json_string(&v, to, sizeof to) == SIZE_MAX);
}

static void numbers(void)
{
    static const char *const not_u64[] = { "-1", "-0", "1.0", "1e3", "18446744073709551616",
    "99999999999999999999999", "\"1\"", "true" };
    uint64_t u = 7;
    int64_t i = 7;
    double f = 7;
    struct json v;
    for (int k = 0; k < COUNT(not_u64); k++) {
        v = parse(not_u64[k]);
        CHECK(!mim__json_u64(&v, &u) && u == 7);
    }
    v = parse("18446744073709551615");
    CHECK(mim__json_u64(&v, &u) && u == UINT64_MAX && !mim__json_i64(&v, &i) && i == 7);
    v = parse("-9223372036854775808");
    CHECK(mim__json_i64(&v, &i) && i == INT64_MIN);
    v = parse("1.5e3");
    CHECK(mim__json_f64(&v, &f) && f == 1500 && !mim__json_i64(&v, &i));
    v = parse("1e999");
    CHECK(!mim__json_f64(&v, &f) && f == 1500);
    v = parse("\"1\"");
    CHECK(!mim__json_f64(&v, &f));
    if (comma_begin()) {
        v = parse("[2.5]");
        struct json item;
        CHECK(mim__json_next(&v, &(size_t){ 0 }, NULL, &item) && mim__json_f64(&item, &f) && f == 2.5);
        comma_end();
    }
}

/* Any bytes at all: refused or walked, never out of bounds (the sanitizers watch). */
static size_t count_values(struct json v)
{
    size_t n = 1;
    struct json item;
    for (size_t at = 0; mim__json_next(&v, &at, NULL, &item); )
        n += count_values(item);
    return n;
}

static void random_texts(void)
{
    static const char alphabet[] = "{}[]\",:\\u0d8e1.-+ntrufalse \n\xC3\xA4";
    uint32_t state = 1;
    size_t accepted = 0;
    for (int round = 0; round < 200000; round++) {
        char text[12], to[40];
        size_t n = (size_t)round % sizeof text;
        for (size_t i = 0; i < n; i++) {
            state = state * 1664525u + 1013904223u;
            text[i] = alphabet[(state >> 16) % (sizeof alphabet - 1)];
        }
        struct json v = mim__json_parse(text, n, NULL);
        if (v.type == JSON_ERROR)
            CHECK(v.text >= text && v.text <= text + n);
        else
            accepted += count_values(v) > 0;
        if (v.type == JSON_STRING)
            CHECK(mim__json_string(&v, to, sizeof to) != 0 || v.size == 2);
    }
    CHECK(accepted > 1000);
}

int main(void)
{
    TEST(good);
    TEST(bad);
    TEST(cut);
    TEST(deep);
    TEST(walk);
    TEST(strings);
    TEST(numbers);
    TEST(random_texts);
    return test_end();
}
