/* SPDX-License-Identifier: MIT */
/* test_optimizer.c -- the handle: bad calls, what describe says, its life, no memory. */
#include "optimizer/make.h"
#include "support/fail_alloc.h"

static void bad_calls(void)
{
    mim_optimizer *o = make_optimizer("{}"), *none = NULL;
    mim_config *config = NULL, *report = NULL;
    double rate = 7;
    if (!o || !CHECK(mim_config_create(context, NULL, &config) == MIM_OK))
        return;
    CHECK(mim_optimizer_create(NULL, config, &none) == MIM_ERR_ARGUMENT);
    CHECK(mim_optimizer_create(context, NULL, &none) == MIM_ERR_ARGUMENT);
    CHECK(mim_optimizer_create(context, config, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_optimizer_rate(NULL, 0, &rate) == MIM_ERR_ARGUMENT);
    CHECK(mim_optimizer_rate(o, 0, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_optimizer_rate(o, -1, &rate) == MIM_ERR_ARGUMENT);
    CHECK(mim_optimizer_set_rate(NULL, 1) == MIM_ERR_ARGUMENT);
    CHECK(mim_optimizer_describe(NULL, &report) == MIM_ERR_ARGUMENT);
    CHECK(mim_optimizer_describe(o, NULL) == MIM_ERR_ARGUMENT);
    CHECK(rate == 7 && !none && !report);
    CHECK(mim_optimizer_rate(o, INT64_MAX, &rate) == MIM_OK && rate == 1e-4);
    mim_optimizer_destroy(NULL);
    mim_optimizer_destroy(o);
    mim_config_destroy(config);
}

static void values_that_are_refused(void)
{
    CHECK(optimizer_status("{\"optimizer.kind\": \"adam\"}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.decay\": -1}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.clip\": -1}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.layer_decay\": 1.5}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.gamma\": -1}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.learning_rate\": 1}") == MIM_ERR_KEY);
    CHECK(optimizer_status("{\"optimizer.kind\": \"none\"}") == MIM_OK);
}

static void describe_fills_in_defaults(void)
{
    static const struct { const char *key, *text; } expected[] = {
        { "optimizer.kind", "adamw" }, { "optimizer.rate", "0.001" },  { "optimizer.decay", "0.05" },
        { "optimizer.clip", "5" },     { "optimizer.beta2", "0.999" }, { "optimizer.warmup", "10" },
        { "optimizer.schedule", "step" },
        { "optimizer.milestones", "[100, 200.5]" },
    };
    mim_optimizer *o = make_optimizer("{\"optimizer\": {\"rate\": 1e-3, \"warmup\": 10,"
                                      " \"schedule\": \"step\", \"milestones\": [100, 200.5]}}");
    mim_config *report = NULL;
    char text[128];
    if (!o || !CHECK(mim_optimizer_describe(o, &report) == MIM_OK))
        return;
    for (int i = 0; i < COUNT(expected); i++) {
        text[0] = 0;
        CHECK(mim_config_get_str(report, expected[i].key, text, sizeof text, NULL) == MIM_OK);
        CHECK_TEXT(text, expected[i].text);
    }
    CHECK(mim_config_get_str(report, "groups.0.decay", text, sizeof text, NULL) == MIM_ERR_KEY);
    mim_config_destroy(report);
    mim_optimizer_destroy(o);
}

static void moments_by_rule(void)
{
    static const struct { const char *json; int moments; } cases[] = {
        { "{}", 2 }, { "{\"optimizer.kind\": \"sgd\"}", 1 },
        { "{\"optimizer.kind\": \"sgd\", \"optimizer.momentum\": 0}", 0 }, { "{\"optimizer.kind\": \"none\"}", 0 },
    };
    for (int i = 0; i < COUNT(cases); i++) {
        mim_optimizer *o = make_optimizer(cases[i].json);
        CHECK(o && mim__optimizer_moments(o) == cases[i].moments);
        mim_optimizer_destroy(o);
    }
}

static void lives_as_long_as_it_is_held(void)
{
    mim_context *own = NULL, *outer = context;
    double rate = 0;
    CHECK(mim_context_create(NULL, &own) == MIM_OK);
    context = own;
    mim_optimizer *o = make_optimizer("{}");
    context = outer;
    mim_context_destroy(own);
    mim__optimizer_retain(o);
    mim_optimizer_destroy(o);
    CHECK(mim_optimizer_rate(o, 0, &rate) == MIM_OK && rate == 1e-4);
    mim_optimizer_destroy(o);
}

/* A failed join leaves the optimizer free to join again. */
static mim_status whole_life(const mim_host *host, void *arg)
{
    static float weights[20000], moments[2][20000];
    struct mim__slot slots[2] = { { .name = "a", .weight = weights, .count = 17000, .rank = 2 },
                                  { .name = "b", .weight = weights, .offset = 17000, .count = 3000, .rank = 1 } };
    const struct mim__joining all = { 1, 20000, 1, { moments[0], moments[1] } };
    mim_config *config = NULL, *report = NULL;
    mim_optimizer *o = NULL;
    mim_context *own = NULL;
    (void)arg;
    mim_status status = mim_context_create(host, &own);
    if (status == MIM_OK)
        status = mim_config_create(own, NULL, &config);
    if (status == MIM_OK)
        status = mim_optimizer_create(own, config, &o);
    if (status == MIM_OK)
        status = mim__optimizer_join(o, 2, slots, &all);
    if (status == MIM_ERR_NOMEM && o)
        CHECK(mim__optimizer_join(o, 2, slots, &all) == MIM_OK);
    if (status == MIM_OK)
        status = mim_optimizer_describe(o, &report);
    mim_config_destroy(config);
    mim_config_destroy(report);
    mim_optimizer_destroy(o);
    mim_context_destroy(own);
    return status;
}

static void no_memory(void) { CHECK(fail_every_allocation(whole_life, NULL) > 8); }

static void updating_allocates_nothing(void)
{
    static struct model x;
    struct fail_alloc f = { 0 };
    mim_host host = fail_host(&f);
    mim_context *outer = context;
    struct mim__slot slot = { .name = "w", .count = 70000, .rank = 2 };
    if (!CHECK(mim_context_create(&host, &context) == MIM_OK))
        return;
    if (model_join(&x, "{}", 1, &slot, 1, 0)) {
        long before = f.calls;
        for (int step = 0; step < 3; step++)
            model_update(&x, step);
        CHECK(f.calls == before);
        model_leave(&x);
    }
    mim_context_destroy(context);
    CHECK(f.live == 0 && f.wrong == 0);
    context = outer;
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(bad_calls);
    TEST(values_that_are_refused);
    TEST(describe_fills_in_defaults);
    TEST(moments_by_rule);
    TEST(lives_as_long_as_it_is_held);
    TEST(no_memory);
    TEST(updating_allocates_nothing);
    mim_context_destroy(context);
    return test_end();
}
