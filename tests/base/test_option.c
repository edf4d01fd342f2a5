/* SPDX-License-Identifier: MIT */
/* test_option.c -- one option's text into its field and back: types, ranges, choices, lists. */
#include "base/config.h"
#include "support/comma.h"
#include "support/sample.h"
#include "support/test.h"

static mim_context *ctx;
static union field field;

static mim_status read_from(int option, enum source from, const char *text)
{
    return mim__option_read(ctx, &sample_table[option], from, text, strlen(text), &field);
}
static mim_status read(int option, const char *text) { return read_from(option, FROM_TEXT, text); }

static const char *written(int option)
{
    static char buffer[400];
    struct mim__text t = { .data = buffer, .capacity = sizeof buffer };
    mim__option_write(&sample_table[option], &field, &t);
    return buffer;
}
#define GIVES(option, text, expected) (CHECK(read(option, text) == MIM_OK), CHECK_TEXT(written(option), expected))
#define REFUSED(option, text) CHECK(read(option, text) == MIM_ERR_VALUE)

static const char *why(void)
{
    static char text[600];
    mim_last_error(ctx, text, sizeof text, NULL);
    return text;
}

static void integers(void)
{
    GIVES(S_DEPTH, "1", "1");
    GIVES(S_DEPTH, "1000", "1000");
    GIVES(S_DEPTH, "1e2", "100");
    GIVES(S_DEPTH, "12.0", "12");
    GIVES(S_ANY, "-9223372036854775808", "-9223372036854775808");
    static const char *const bad[] = { "", " 1", "1 ", "x", "12.5", "0", "1001", "-1", "1e99",
    "9223372036854775808", "nan", "0x1", "[1]" };
    for (int i = 0; i < COUNT(bad); i++)
        REFUSED(S_DEPTH, bad[i]);
    REFUSED(S_DEPTH, "1001");
    CHECK_TEXT(why(), "s.depth: 1001 is not in 1 .. 1000");
    REFUSED(S_DEPTH, "many");
    CHECK_TEXT(why(), "s.depth: \"many\" is not an integer");
}

static void reals(void)
{
    GIVES(S_RATIO, "0.75", "0.75");
    GIVES(S_RATIO, "1", "1");
    GIVES(S_RATIO, ".5", "0.5");
    GIVES(S_RATIO, "1e-05", "1e-05");
    static const char *const bad[] = { "", "a", "-0.1", "1.0001", "inf", "nan", "-inf", "0,5", "1e999", "0.5 ", "true" };
    for (int i = 0; i < COUNT(bad); i++)
        REFUSED(S_RATIO, bad[i]);
    if (comma_begin()) {
        GIVES(S_RATIO, "0.75", "0.75");
        REFUSED(S_RATIO, "0,75");
        REFUSED(S_RATIO, "1.5");
        CHECK_TEXT(why(), "s.ratio: 1.5 is not in 0 .. 1");
        comma_end();
    }
}

static void truths(void)
{
    GIVES(S_FLIP, "true", "1");
    GIVES(S_FLIP, "false", "0");
    GIVES(S_FLIP, "1", "1");
    GIVES(S_FLIP, "0", "0");
    REFUSED(S_FLIP, "");
    REFUSED(S_FLIP, "2");
    REFUSED(S_FLIP, "TRUE");
    REFUSED(S_FLIP, "1.0");
}

static void texts(void)
{
    char longest[OPTION_TEXT_SIZE + 1];
    GIVES(S_KIND, "block", "block");
    CHECK(field.n == 1);
    REFUSED(S_KIND, "blok");
    CHECK_TEXT(why(), "s.kind: \"blok\" is none of: random block square");
    REFUSED(S_KIND, "");
    REFUSED(S_KIND, "random block");
    REFUSED(S_KIND, "rand");
    GIVES(S_NOTE, "", "");
    GIVES(S_NOTE, "any \"text\", [even] this \xC3\xA4", "any \"text\", [even] this \xC3\xA4");
    REFUSED(S_NOTE, "\xFF");
    memset(longest, 'a', sizeof longest);
    CHECK(mim__option_read(ctx, &sample_table[S_NOTE], FROM_TEXT, longest, OPTION_TEXT_SIZE, &field) == MIM_ERR_VALUE);
    CHECK(mim__option_read(ctx, &sample_table[S_NOTE], FROM_TEXT, longest, OPTION_TEXT_SIZE - 1, &field) == MIM_OK);
    CHECK(mim__option_read(ctx, &sample_table[S_NOTE], FROM_TEXT, "a\0b", 3, &field) == MIM_ERR_VALUE);
    GIVES(S_CUT, "none", "none");
    REFUSED(S_CUT, "nowhere");
}

static void numbers(void)
{
    char many[400] = "";
    GIVES(S_MEAN, "", "[]");
    GIVES(S_MEAN, "  ", "[]");
    GIVES(S_MEAN, "[]", "[]");
    GIVES(S_MEAN, "2", "[2]");
    GIVES(S_MEAN, " 1 -2\t0.5\n", "[1, -2, 0.5]");
    GIVES(S_MEAN, " [1,-2 , 5e-1] ", "[1, -2, 0.5]");
    static const char *const bad[] = { "a", "1 a", "[1", "[1,]", "[\"1\"]", "[[1]]", "[true]", "[null]", "11",
    "[-11]", "1,2", "{}",
                                       "[1] 2", "nan", "[1e999]", "[01]" };
    for (int i = 0; i < COUNT(bad); i++)
        REFUSED(S_MEAN, bad[i]);
    for (int i = 0; i < OPTION_LIST_MAX; i++)
        strcat(many, "1 ");
    CHECK(read(S_MEAN, many) == MIM_OK && field.numbers.count == OPTION_LIST_MAX);
    strcat(many, "1");
    REFUSED(S_MEAN, many);
}

static void words(void)
{
    char longest[2 * OPTION_WORD_SIZE];
    GIVES(S_NAMES, "", "[]");
    GIVES(S_NAMES, "block.8 tokens", "[\"block.8\", \"tokens\"]");
    GIVES(S_NAMES, "[\"a b\", \"c\\u00e4\\\"\"]", "[\"a b\", \"c\xC3\xA4\\\"\"]");
    REFUSED(S_NAMES, "[1]");
    REFUSED(S_NAMES, "[\"\"]");
    REFUSED(S_NAMES, "[\"a\\u0000\"]");
    REFUSED(S_NAMES, "[\"a\"");
    REFUSED(S_NAMES, "\xC3");
    memset(longest, 'a', sizeof longest);
    longest[OPTION_WORD_SIZE - 1] = '\0';
    CHECK(read(S_NAMES, longest) == MIM_OK);
    longest[OPTION_WORD_SIZE - 1] = 'a';
    longest[OPTION_WORD_SIZE] = '\0';
    REFUSED(S_NAMES, longest);
    GIVES(S_PARTS, "encoder head", "[\"encoder\", \"head\"]");
    REFUSED(S_PARTS, "encoder hat");
    REFUSED(S_PARTS, "[\"head\", \"hat\"]");
}

/* What each type takes from where. */
static void sources(void)
{
    static const struct { int option; unsigned takes; } expected[] = {
        { S_ANY, FROM_INTEGER }, { S_RATIO, FROM_INTEGER | FROM_REAL }, { S_FLIP, FROM_INTEGER | FROM_TRUTH }, { S_KIND, 0 },
        { S_NOTE, 0 }, { S_MEAN, FROM_INTEGER | FROM_REAL | FROM_ARRAY }, { S_NAMES, FROM_ARRAY },
    };
    static const struct { enum source from; const char *text; } values[] = {
        { FROM_INTEGER, "1" }, { FROM_REAL, "0.5" }, { FROM_TRUTH, "true" }, { FROM_ARRAY, "[]" },
    };
    for (int i = 0; i < COUNT(expected); i++)
        for (int k = 0; k < COUNT(values); k++) {
            mim_status status = read_from(expected[i].option, values[k].from, values[k].text);
            CHECK(status == (expected[i].takes & values[k].from ? MIM_OK : MIM_ERR_VALUE));
        }
}

static void long_values(void)
{
    char text[300];
    memset(text, 'b', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    REFUSED(S_DEPTH, text);
    CHECK(strlen(why()) < 200 && strstr(why(), "bbb\"..."));
    REFUSED(S_KIND, text);
    CHECK(strlen(why()) < 200);
}

static void choice_names(void)
{
    char to[OPTION_TEXT_SIZE];
    CHECK_TEXT(mim__choice_name("random block square", 0, to), "random");
    CHECK_TEXT(mim__choice_name("random block square", 2, to), "square");
    CHECK_TEXT(mim__choice_name("random block square", 3, to), "");
    CHECK_TEXT(mim__choice_name("", 0, to), "");
}

int main(void)
{
    if (mim_context_create(NULL, &ctx) != MIM_OK)
        return 1;
    TEST(integers);
    TEST(reals);
    TEST(truths);
    TEST(texts);
    TEST(numbers);
    TEST(words);
    TEST(sources);
    TEST(long_values);
    TEST(choice_names);
    mim_context_destroy(ctx);
    return test_end();
}
