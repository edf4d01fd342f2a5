/* SPDX-License-Identifier: MIT */
/* test_config_json.c -- JSON into configurations, all or nothing, and back; presets. */
#include "base/config.h"
#include "support/fail_alloc.h"

static mim_context *ctx;

static mim_config *fresh(void)
{
    mim_config *c = NULL;
    CHECK(mim_config_create(ctx, NULL, &c) == MIM_OK);
    return c;
}

static const char *json_of(const mim_config *c)
{
    static char text[2][4000];
    static int turn;
    turn ^= 1;
    CHECK(mim_config_write_json(c, text[turn], sizeof text[turn], NULL) == MIM_OK);
    return text[turn];
}

static const char *why(void)
{
    static char text[600];
    mim_last_error(ctx, text, sizeof text, NULL);
    return text;
}

static void reads(const char *json, const char *expected)
{
    mim_config *c = fresh(), *again = fresh();
    if (!CHECK(mim_config_read_json(c, json) == MIM_OK))
        printf("  %s: %s\n", json, why());
    CHECK_TEXT(json_of(c), expected);
    CHECK(mim_config_read_json(again, json_of(c)) == MIM_OK);
    CHECK_TEXT(json_of(again), expected);
    mim_config_destroy(c);
    mim_config_destroy(again);
}

static void good(void)
{
    reads("{}", "{}");
    reads("{\"encoder\": {\"depth\": 6, \"width\": 192}, \"seed\": 5}",
    "{\"encoder\": {\"depth\": 6, \"width\": 192}, \"seed\": 5}");
    reads("{\"seed\": 5, \"encoder.width\": 192, \"encoder\": {\"depth\": 6}}",
          "{\"encoder\": {\"depth\": 6, \"width\": 192}, \"seed\": 5}");
    reads("{\"encoder\": {}}", "{}");
    reads("{\"seed\": 1, \"seed\": 2}", "{\"seed\": 2}");
    reads("{\"seed\": 12.0}", "{\"seed\": 12}");
    reads("{\"seed\": \"12\"}", "{\"seed\": 12}");
    reads("{\"seed\": 9223372036854775807}", "{\"seed\": 9223372036854775807}");
    reads("{\"seed\": 3, \"masker\": {\"ratio\": 0.5}, \"seed\": null}", "{\"masker\": {\"ratio\": 0.5}}");
    reads("{\"masker\": {\"kind\": \"bl\\u006fck\", \"exact\": true, \"ratio\": 1}}",
          "{\"masker\": {\"exact\": 1, \"kind\": \"block\", \"ratio\": 1}}");
    reads("{\"image.mean\": [0.1, 2e-1], \"precision\": \"bf16\"}",
    "{\"image\": {\"mean\": [0.1, 0.2]}, \"precision\": \"bf16\"}");
    reads("{\"trainer.outputs\": [\"tokens\", \"block.8\"]}", "{\"trainer\": {\"outputs\": [\"tokens\", \"block.8\"]}}");
    reads("{\"trainer.outputs\": \"tokens block.8\"}", "{\"trainer\": {\"outputs\": [\"tokens\", \"block.8\"]}}");
}

static void bad(void)
{
    char nested[2000] = "", longest[1000] = "{\"", repeated[3000] = "";
    mim_config *c = fresh();
    for (int i = 0; i < 30; i++)
        strcat(nested, "{\"a\":");
    strcat(nested, "1");
    for (int i = 0; i < 30; i++)
        strcat(nested, "}");
    memset(longest + 2, 'k', 500);
    strcat(longest, "\": 1}");
    strcpy(repeated, "{\"encoder.depth\": 7, \"x\": {\"");
    memset(repeated + strlen(repeated), 'y', 200);
    strcat(repeated, "\": {\"z\": 1}}}");
    const struct { const char *json; mim_status status; } cases[] = {
        { "", MIM_ERR_FORMAT }, { "{", MIM_ERR_FORMAT }, { "[]", MIM_ERR_FORMAT }, { "3", MIM_ERR_FORMAT },
        { "{\"seed\": 01}", MIM_ERR_FORMAT },
        { "{\"seed\": 1,}", MIM_ERR_FORMAT }, { "{\"seed\": +1}", MIM_ERR_FORMAT },
        { "{\"precision\": \"\xFF\"}", MIM_ERR_FORMAT },
        { "{\"encoder.depth\": 7, \"encoder.dept\": 1}", MIM_ERR_KEY }, { "{\"encoder\": 3}", MIM_ERR_KEY },
        { "{\"\": 1}", MIM_ERR_KEY },
        { "{\"seed\": {\"x\": 1}}", MIM_ERR_KEY }, { "{\"encoder\": {\"preset\": \"x\"}}", MIM_ERR_KEY },
        { nested, MIM_ERR_KEY },
        { longest, MIM_ERR_KEY }, { repeated, MIM_ERR_KEY }, { "{\"see\\u0000d\": 1}", MIM_ERR_KEY },
        { "{\"encoder.depth\": 7, \"seed\": -1}", MIM_ERR_VALUE },
        { "{\"encoder.depth\": 7, \"seed\": 1.5}", MIM_ERR_VALUE },
        { "{\"seed\": true}", MIM_ERR_VALUE }, { "{\"seed\": [1]}", MIM_ERR_VALUE },
        { "{\"masker.kind\": 1}", MIM_ERR_VALUE },
        { "{\"masker.kind\": [\"block\"]}", MIM_ERR_VALUE }, { "{\"masker.ratio\": 1e999}", MIM_ERR_VALUE },
        { "{\"masker.ratio\": \"nan\"}", MIM_ERR_VALUE }, { "{\"image.mean\": [[1]]}", MIM_ERR_VALUE },
        { "{\"precision\": \"f32\\u0000\"}", MIM_ERR_VALUE }, { "{\"preset\": 3}", MIM_ERR_VALUE },
        { "{\"preset\": \"nothing\"}", MIM_ERR_KEY },
        { "{\"encoder.depth\": 7, \"preset\": \"nothing\"}", MIM_ERR_KEY },
    };
    CHECK(mim_config_set_i64(c, "encoder.depth", 5) == MIM_OK);
    for (int i = 0; i < COUNT(cases); i++) {
        mim_status status = mim_config_read_json(c, cases[i].json);
        if (!CHECK(status == cases[i].status) || !CHECK(*why()))
            printf("  %s: %d\n", cases[i].json, (int)status);
        CHECK_TEXT(json_of(c), "{\"encoder\": {\"depth\": 5}}");
    }
    CHECK(mim_config_read_json(c, "{\"seed\": 1,}") == MIM_ERR_FORMAT);
    CHECK(strstr(why(), "byte 11"));
    CHECK(mim_config_read_json(c, NULL) == MIM_ERR_ARGUMENT && mim_config_read_json(NULL, "{}") == MIM_ERR_ARGUMENT);
    mim_config_destroy(c);
}

static void out(void)
{
    mim_config *c = fresh();
    char text[8];
    size_t needed = 0;
    CHECK(mim_config_read_json(c, "{\"seed\": 5}") == MIM_OK);
    CHECK(mim_config_write_json(c, NULL, 0, &needed) == MIM_OK && needed == 12);
    CHECK(mim_config_write_json(c, text, sizeof text, &needed) == MIM_ERR_SPACE && needed == 12);
    CHECK_TEXT(text, "{\"seed\"");
    CHECK(mim_config_write_json(c, NULL, 8, &needed) == MIM_ERR_ARGUMENT);
    CHECK(mim_config_write_json(NULL, text, 8, &needed) == MIM_ERR_ARGUMENT);
    mim_config_destroy(c);
}

/* A value and a section of one name: what is below keeps its dot, so that no name comes twice. */
static void clashes(void)
{
    mim_config *r = NULL;
    CHECK(mim__report_create(ctx, &r) == MIM_OK);
    CHECK(mim__report_i64(r, "a.b", 1) == MIM_OK && mim__report_i64(r, "a.b.c", 2) == MIM_OK);
    CHECK(mim__report_i64(r, "a.b-c", 3) == MIM_OK);
    CHECK(mim__report_i64(r, "a", 4) == MIM_OK && mim__report_i64(r, "b.c.d.e", 5) == MIM_OK);
    CHECK(mim__report_i64(r, "b.c.x", 6) == MIM_OK);
    CHECK_TEXT(json_of(r), "{\"a\": 4, \"a.b\": 1, \"a.b-c\": 3, \"a.b.c\": 2, "
                           "\"b\": {\"c\": {\"d\": {\"e\": 5}, \"x\": 6}}}");
    mim_config_destroy(r);
}

static void presets(void)
{
    mim_config *c = NULL, *d;
    char json[200];
    CHECK(mim_config_create(ctx, "nothing_like_this", &c) == MIM_ERR_KEY && !c);
    if (!CHECK(mim__presets->name))
        return;
    d = fresh();
    snprintf(json, sizeof json, "%.100s_", mim__presets->name);
    CHECK(mim_config_create(ctx, json, &c) == MIM_ERR_KEY && !c && strstr(why(), mim__presets->name));
    CHECK(mim_config_create(ctx, mim__presets->name, &c) == MIM_OK);
    CHECK(mim_config_set_i64(c, "seed", 123) == MIM_OK);
    snprintf(json, sizeof json, "{\"seed\": 123, \"preset\": \"%.100s\"}", mim__presets->name);
    CHECK(mim_config_read_json(d, json) == MIM_OK);
    CHECK_TEXT(json_of(d), json_of(c));
    mim_config_destroy(c);
    mim_config_destroy(d);
}

static mim_status scenario(const mim_host *host, void *arg)
{
    (void)arg;
    mim_context *own = NULL;
    mim_config *c = NULL;
    char json[400];
    mim_status s = mim_context_create(host, &own);
    s = s ? s : mim_config_create(own, mim__presets->name, &c);
    if (!s) {
        CHECK(mim_config_write_json(c, json, sizeof json, NULL) != MIM_ERR_NOMEM);
        int64_t count = mim_config_count(c);
        s = mim_config_read_json(c, "{\"seed\": 8, \"image.mean\": [1, 2, 3], \"trainer\": {\"outputs\": \"tokens\"}}");
        CHECK(s == MIM_OK || mim_config_count(c) == count);
    }
    mim_config_destroy(c);
    mim_context_destroy(own);
    return s;
}

static void memory_fails(void) { CHECK(fail_every_allocation(scenario, NULL) > 8); }

int main(void)
{
    if (mim_context_create(NULL, &ctx) != MIM_OK)
        return 1;
    TEST(good);
    TEST(bad);
    TEST(out);
    TEST(clashes);
    TEST(presets);
    TEST(memory_fails);
    mim_context_destroy(ctx);
    return test_end();
}
