/* SPDX-License-Identifier: MIT */
/* test_options.c -- filling a struct from a table, and that every table of the library is in order. */
#include "base/config.h"
#include "support/sample.h"
#include "support/test.h"

static mim_context *ctx;

static void defaults(void)
{
    struct sample s;
    memset(&s, 0x77, sizeof s);
    CHECK(mim__read_options(ctx, NULL, sample_table, &s) == MIM_OK);
    CHECK(s.depth == 12 && s.any == -3 && s.ratio == 0.6 && s.flip == 1 && s.kind == 0);
    CHECK_TEXT(s.note, "");
    CHECK_TEXT(s.cut, "centre");
    CHECK(s.mean.count == 2 && s.mean.v[0] == 0.5 && s.mean.v[1] == 0.25 && s.names.count == 0 && s.parts.count == 1);
    CHECK_TEXT(s.parts.v[0], "head");
}

static void from_config(void)
{
    struct sample s, back;
    mim_config *c = NULL;
    if (!CHECK(mim__read_options(ctx, NULL, sample_table, &s) == MIM_OK) || !CHECK(mim__report_create(ctx, &c) == MIM_OK))
        return;
    s.depth = 24;
    s.ratio = 1.0 / 3;
    s.flip = 0;
    s.kind = 2;
    strcpy(s.note, "[a] \"note\"");
    s.mean = (struct mim__numbers){ 3, { 0.1, -2, 1e-7 } };
    s.names = (struct mim__words){ 2, { "block.8", "two words" } };
    CHECK(mim__report_options(c, sample_table, &s) == MIM_OK && mim_config_count(c) == S_COUNT);
    memset(&back, 0x77, sizeof back);
    CHECK(mim__read_options(ctx, c, sample_table, &back) == MIM_OK);
    CHECK(back.depth == 24 && back.any == -3 && back.ratio == 1.0 / 3 && back.flip == 0 && back.kind == 2);
    CHECK_TEXT(back.note, "[a] \"note\"");
    CHECK(back.mean.count == 3 && back.mean.v[0] == 0.1 && back.mean.v[2] == 1e-7);
    CHECK(back.names.count == 2);
    CHECK_TEXT(back.names.v[1], "two words");
    CHECK(mim__report_text(c, "s.depth", "deep") == MIM_OK);
    CHECK(mim__read_options(ctx, c, sample_table, &back) == MIM_ERR_VALUE);
    mim_config_destroy(c);
}

static void run_options(void)
{
    struct run_options run = { 0, 99 };
    mim_config *c = NULL;
    CHECK(mim__read_options(ctx, NULL, mim__run_options, &run) == MIM_OK && run.seed == 1 && run.precision == F32);
    CHECK(mim_config_create(ctx, NULL, &c) == MIM_OK);
    CHECK(mim_config_set_i64(c, "seed", INT64_MAX) == MIM_OK && mim_config_set_str(c, "precision", "bf16") == MIM_OK);
    CHECK(mim__read_options(ctx, c, mim__run_options, &run) == MIM_OK && run.seed == INT64_MAX && run.precision == BF16);
    CHECK(mim_config_set_i64(c, "seed", -1) == MIM_ERR_VALUE && mim_config_set_i64(c, "seed", 0) == MIM_OK);
    CHECK(mim_config_set_str(c, "precision", "f64") == MIM_ERR_VALUE);
    mim_config_destroy(c);
}

static void check_option(const struct mim__option *o)
{
    union field field;
    bool choice = o->type == OPTION_CHOICE, good = true;
    good &= CHECK(o->doc && *o->doc && !strchr(o->doc, '\n'));
    good &= CHECK(strlen(o->key) < KEY_SIZE && o->fallback && o->least <= o->most);
    good &= CHECK(!choice || (o->choices && *o->choices));
    good &= CHECK(mim__option_read(ctx, o, FROM_TEXT, o->fallback, strlen(o->fallback), &field) == MIM_OK);
    good &= CHECK(mim__option_find(o->key) == o);
    if (!good)
        printf("  %s\n", o->key);
}

/* Of all rooms: keys once only, defaults that pass their own checks. */
static void tables(void)
{
    int count = 0;
    for (int t = 0; mim__option_tables[t]; t++)
        for (const struct mim__option *o = mim__option_tables[t]; o->key; o++, count++)
            check_option(o);
    CHECK(count >= 2);
    CHECK(!mim__option_find("") && !mim__option_find("encoder") && !mim__option_find("no.such.key"));
}

static void presets(void)
{
    for (const struct mim__preset *p = mim__presets; p->name; p++) {
        mim_config *c = NULL;
        CHECK(p->doc && *p->doc);
        if (!CHECK(mim_config_create(ctx, p->name, &c) == MIM_OK) || !CHECK(mim_config_count(c) > 0))
            printf("  %s\n", p->name);
        mim_config_destroy(c);
    }
}

static void nearest(void)
{
    char text[300];
    CHECK(mim__option_need(ctx, "sed") == NULL);
    mim_last_error(ctx, text, sizeof text, NULL);
    CHECK_TEXT(text, "no option \"sed\"; the nearest is \"seed\"");
    CHECK(mim__option_need(ctx, "seed") == &mim__run_options[0]);
}

int main(void)
{
    if (mim_context_create(NULL, &ctx) != MIM_OK)
        return 1;
    TEST(defaults);
    TEST(from_config);
    TEST(run_options);
    TEST(tables);
    TEST(presets);
    TEST(nearest);
    mim_context_destroy(ctx);
    return test_end();
}
