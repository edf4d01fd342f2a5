/* SPDX-License-Identifier: MIT */
/* test_texts.c -- sets of texts, and the texts of a handle. */
#include "io_test.h"
#include "io/set.h"

static void set_of_texts(void)
{
    struct mim__texts *t = NULL;
    if (!CHECK(mim__texts_create(context, &t) == MIM_OK))
        return;
    for (int i = 0; i < 100; i++) {
        char key[16], value[16];
        snprintf(key, sizeof key, "k%02d", i * 37 % 100);
        snprintf(value, sizeof value, "%d", i);
        CHECK(mim__texts_set(t, key, value) == MIM_OK);
    }
    CHECK(mim__texts_count(t) == 100);
    for (int i = 1; i < 100; i++)
        CHECK(strcmp(mim__texts_key(t, i - 1), mim__texts_key(t, i)) < 0);
    CHECK_TEXT(mim__texts_get(t, "k37"), "1");
    CHECK(mim__texts_set(t, "k37", "another") == MIM_OK && mim__texts_count(t) == 100);
    CHECK_TEXT(mim__texts_get(t, "k37"), "another");
    CHECK(mim__texts_set(t, "k37", NULL) == MIM_OK && mim__texts_count(t) == 99);
    CHECK(mim__texts_get(t, "k37") == NULL);
    CHECK(mim__texts_set(t, "k37", NULL) == MIM_OK && mim__texts_count(t) == 99);
    CHECK_TEXT(mim__texts_get(t, "k38"), "74");
    mim__texts_destroy(t);
    mim__texts_destroy(NULL);
}

static void texts_of_a_set(void)
{
    mim_tensors *t = NULL;
    char text[64];
    size_t needed = 0;
    CHECK(mim_tensors_create(context, &t) == MIM_OK);
    CHECK(mim_tensors_set_text(t, "host.next", "41") == MIM_OK);
    CHECK(mim_tensors_set_text(t, "a \"b\"", "line\nline \xc3\xa9") == MIM_OK);
    CHECK(mim__tensors_put_text(t, "mim.kind", "model") == MIM_OK);
    CHECK(mim_tensors_get_text(t, "host.next", text, sizeof text, &needed) == MIM_OK && needed == 3);
    CHECK_TEXT(text, "41");
    CHECK(mim_tensors_get_text(t, "host.next", NULL, 0, &needed) == MIM_OK && needed == 3);
    CHECK(mim_tensors_get_text(t, "host.next", text, 2, &needed) == MIM_ERR_SPACE && needed == 3);
    CHECK_TEXT(text, "4");
    CHECK(mim_tensors_get_text(t, "nothing", text, sizeof text, NULL) == MIM_ERR_KEY);
    CHECK(mim_tensors_get_text(t, NULL, text, sizeof text, NULL) == MIM_ERR_SPACE);
    char all[128];
    CHECK(mim_tensors_get_text(t, NULL, all, sizeof all, NULL) == MIM_OK);
    CHECK_TEXT(all, "{\"a \\\"b\\\"\":\"line\\u000aline \xc3\xa9\",\"host.next\":\"41\",\"mim.kind\":\"model\"}");
    CHECK(mim_tensors_set_text(t, "host.next", NULL) == MIM_OK);
    CHECK(mim_tensors_set_text(t, "host.next", NULL) == MIM_ERR_KEY);
    CHECK(mim_tensors_set_text(t, "mim.kind", "x") == MIM_ERR_VALUE);
    CHECK(mim_tensors_set_text(t, "mim.kind", NULL) == MIM_ERR_VALUE);
    CHECK(mim_tensors_set_text(t, "format", "np") == MIM_ERR_VALUE);
    CHECK(mim_tensors_set_text(t, "k", "\xff") == MIM_ERR_VALUE);
    CHECK(mim_tensors_set_text(t, "\xff", "v") == MIM_ERR_VALUE);
    CHECK(mim_tensors_set_text(t, NULL, "v") == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_set_text(NULL, "k", "v") == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_get_text(NULL, "k", text, sizeof text, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_get_text(t, "k", NULL, 4, NULL) == MIM_ERR_ARGUMENT);
    mim_tensors_destroy(t);
}

/* The host's texts of a view live with its owner. */
static void texts_of_a_view(void)
{
    struct mim__texts *kept = NULL;
    mim_tensors *t = NULL;
    char all[128];
    CHECK(mim__texts_create(context, &kept) == MIM_OK);
    struct mim__view v = { .texts = kept, .config_json = "{}" };
    CHECK(mim__tensors_view(context, &v, 0, NULL, &t) == MIM_OK);
    CHECK(mim_tensors_set_text(t, "note", "hello") == MIM_OK);
    CHECK(mim__tensors_put_text(t, "mim.config", "c") == MIM_OK);
    CHECK(mim_tensors_get_text(t, NULL, all, sizeof all, NULL) == MIM_OK);
    CHECK_TEXT(all, "{\"config.json\":\"{}\",\"mim.config\":\"c\",\"note\":\"hello\"}");
    mim_tensors_destroy(t);
    CHECK(mim__texts_count(kept) == 1);
    CHECK_TEXT(mim__texts_get(kept, "note"), "hello");
    mim__texts_destroy(kept);
    v = (struct mim__view){ .texts = NULL };
    CHECK(mim__tensors_view(context, &v, 0, NULL, &t) == MIM_OK);
    CHECK(mim_tensors_set_text(t, "note", "hello") == MIM_ERR_STATE);
    CHECK(mim_tensors_get_text(t, "note", all, sizeof all, NULL) == MIM_ERR_KEY);
    mim_tensors_destroy(t);
}

static mim_status use_texts(void)
{
    mim_tensors *t = NULL;
    mim_status status = mim_tensors_create(context, &t);
    for (char key[] = "a"; key[0] < 'a' + 10 && status == MIM_OK; key[0]++) {
        status = mim_tensors_set_text(t, key, "text");
        CHECK((mim__tensors_text(t, key) != NULL) == (status == MIM_OK));
    }
    if (status == MIM_OK)
        status = mim_tensors_set_text(t, "a", "other");
    if (status == MIM_OK)
        status = mim_tensors_get_text(t, NULL, NULL, 0, NULL);
    mim_tensors_destroy(t);
    return status;
}

static void allocations_fail(void) { CHECK(fail_each_allocation(use_texts) > 20); }

int main(void)
{
    if (!context_begin())
        return 1;
    TEST(set_of_texts);
    TEST(texts_of_a_set);
    TEST(texts_of_a_view);
    TEST(allocations_fail);
    return context_end();
}
