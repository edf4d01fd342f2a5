/* SPDX-License-Identifier: MIT */
/* test_reference.c -- the lists of options and presets are JSON, whole, and say what the tables say. */
#include "base/config.h"
#include "base/json.h"
#include "support/test.h"

static char *fetch(mim_status (*get)(char *, size_t, size_t *))
{
    size_t needed = 0, again = 0;
    char one[1] = { 'x' };
    CHECK(get(NULL, 0, &needed) == MIM_OK && needed > 2);
    CHECK(get(NULL, 5, &again) == MIM_ERR_ARGUMENT);
    CHECK(get(one, 1, &again) == MIM_ERR_SPACE && again == needed && one[0] == '\0');
    char *text = malloc(needed);
    CHECK(get(text, needed - 1, NULL) == MIM_ERR_SPACE && strlen(text) == needed - 2);
    CHECK(get(text, needed, NULL) == MIM_OK && strlen(text) == needed - 1);
    return text;
}

static void matches(const struct json *item, const struct mim__option *o)
{
    struct json key = mim__json_member(item, "key"), doc = mim__json_member(item, "doc");
    struct json least = mim__json_member(item, "least"), choices = mim__json_member(item, "choices"), word;
    char name[OPTION_TEXT_SIZE];
    double number = 0;
    int n = 0;
    CHECK(mim__json_equal(&key, o->key) && mim__json_equal(&doc, o->doc));
    CHECK(mim__json_member(item, "type").type == JSON_STRING);
    CHECK(mim__json_member(item, "default").type > JSON_NULL);
    CHECK((least.type == JSON_NUMBER) == (o->least < o->most));
    if (least.type == JSON_NUMBER)
        CHECK(mim__json_f64(&least, &number) && number == o->least);
    CHECK((choices.type == JSON_ARRAY) == (o->choices != NULL));
    for (size_t at = 0; choices.type == JSON_ARRAY && mim__json_next(&choices, &at, NULL, &word); n++)
        CHECK(mim__json_equal(&word, mim__choice_name(o->choices, n, name)));
}

static void options(void)
{
    char *text = fetch(mim_config_options);
    struct json all = mim__json_parse(text, strlen(text), NULL), item;
    size_t at = 0;
    CHECK(all.type == JSON_ARRAY);
    for (int t = 0; mim__option_tables[t]; t++)
        for (const struct mim__option *o = mim__option_tables[t]; o->key; o++)
            if (CHECK(mim__json_next(&all, &at, NULL, &item)))
                matches(&item, o);
    CHECK(!mim__json_next(&all, &at, NULL, &item));
    CHECK(strstr(text, "\"most\": 9223372036854775807"));
    free(text);
}

static void presets(void)
{
    char *text = fetch(mim_config_presets);
    struct json all = mim__json_parse(text, strlen(text), NULL), item;
    size_t at = 0;
    CHECK(all.type == JSON_ARRAY);
    for (const struct mim__preset *p = mim__presets; p->name && CHECK(mim__json_next(&all, &at, NULL, &item)); p++) {
        struct json name = mim__json_member(&item, "name"), doc = mim__json_member(&item, "doc");
        CHECK(mim__json_equal(&name, p->name) && mim__json_equal(&doc, p->doc));
    }
    CHECK(!mim__json_next(&all, &at, NULL, &item));
    free(text);
}

int main(void)
{
    TEST(options);
    TEST(presets);
    return test_end();
}
