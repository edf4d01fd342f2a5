/* SPDX-License-Identifier: MIT */
/* test_budget.c -- trainer.memory_budget: the plans of all budgets, that they are kept, and that no bit depends on them. */
#include "make.h"

static mim_context *ctx;
enum { BUDGETS = 24, RECORDS = 400000 };        /* bytes: names, operators and options of so small a model */

static const char *const models[] = {
    "{\"image\": {\"height\": 48, \"width\": 48}, \"encoder\": {\"width\": 64, \"depth\": 5, \"drop_path\": 0.3},"
    " \"trainer\": {\"batch\": 6}}",
    "{\"precision\": \"bf16\", \"image\": {\"height\": 32, \"width\": 48}, \"encoder\": {\"width\": 48, \"depth\": 4, \"layer_scale\": 0.1,"
    " \"relative\": \"shared\"}, \"head\": {\"layers\": 2, \"reduce\": 2}, \"trainer\": {\"batch\": 5}}",
    "{\"encoder\": {\"width\": 64, \"depth\": 4}, \"head\": {\"kind\": \"none\"},"
    " \"trainer\": {\"batch\": 32, \"outputs\": [\"block.2\", \"pixels.gradient\"], \"frozen\": [\"encoder.blocks.0\"], \"recompute\": 1}}",
};

static mim_status plan(mim_config *config, int64_t budget, int64_t *total, int64_t *operations)
{
    mim_config *r = NULL;
    OK(ctx, mim_config_set_i64(config, "trainer.memory_budget", budget));
    mim_status status = mim_trainer_plan(ctx, config, &r);
    if (!status) {
        OK(ctx, mim_config_get_i64(r, "bytes.total", total));
        OK(ctx, mim_config_get_i64(r, "operations.recomputed", operations));
    }
    mim_config_destroy(r);
    return status;
}

/* What no plan goes below, as the error names it. */
static int64_t least_of(mim_config *config)
{
    int64_t total, operations;
    CHECK(plan(config, 1, &total, &operations) == MIM_ERR_BUDGET);
    const char *text = strstr(make_error(ctx), "less than ");
    return CHECK(text != NULL) ? strtoll(text + 10, NULL, 10) : 1;
}

/* From all that it likes down to the least: kept, never fewer operations for fewer bytes; a byte below the least, nothing. */
static void curve(const char *json)
{
    mim_config *config = make_config(ctx, json);
    int64_t most = 0, first = 0, total = 0, operations = 0, before = 0, most_operations = 0;
    OK(ctx, plan(config, 0, &most, &first));
    int64_t least = least_of(config);
    CHECK(least < most);
    before = first;
    for (int i = 0; i <= 100; i++) {
        int64_t budget = most - (most - least) * i / 100;
        if (!CHECK(plan(config, budget, &total, &operations) == MIM_OK && total <= budget && operations >= before))
            printf("budget %lld: %lld bytes, %lld operations\n", (long long)budget, (long long)total, (long long)operations);
        before = operations;
    }
    most_operations = operations;
    CHECK(total == least && most_operations > first);
    CHECK(plan(config, least - 1, &total, &operations) == MIM_ERR_BUDGET && least_of(config) == least);
    CHECK(plan(config, INT64_MAX / 2, &total, &operations) == MIM_OK && total == most && operations == first);
    mim_config_destroy(config);
}
static void curves(void)
{
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        curve(models[i]);
}

/* ---- the same bits ---- */

/* A trainer of its own context after three steps, the last of a smaller batch. */
static mim_trainer *trained(mim_context *own, mim_config *config)
{
    static float pixels[32 * 3 * 48 * 48], gradient[32 * 10 * 64];
    mim_trainer *t = NULL;
    mim_config *all = NULL;
    int64_t batch = 0, height = 0, width = 0, dim = 0, tokens;
    OK(own, mim_trainer_create(own, config, NULL, NULL, NULL, NULL, &t));
    OK(own, mim_trainer_describe(t, &all));
    OK(own, mim_config_get_i64(all, "trainer.batch", &batch));
    OK(own, mim_config_get_i64(all, "image.height", &height));
    OK(own, mim_config_get_i64(all, "image.width", &width));
    OK(own, mim_config_get_i64(all, "encoder.width", &dim));
    mim_config_destroy(all);
    tokens = height * width / 16 + 1;
    for (int i = 0; i < (int)(sizeof pixels / sizeof *pixels); i++)
        pixels[i] = (float)((i * 37) % 101) / 101 - 0.5f;
    for (int i = 0; i < (int)(sizeof gradient / sizeof *gradient); i++)
        gradient[i] = (float)((i * 53) % 97) / 97 - 0.5f;
    for (int i = 0; i < 3; i++) {
        size_t n = (size_t)(i < 2 ? batch : batch - 3);
        OK(own, mim_trainer_set_input(t, "pixels", MIM_F32, pixels, n * 3 * (size_t)(height * width)));
        if (mim_trainer_set_input(t, "gradient", MIM_F32, gradient, n * (size_t)(tokens * dim)) != MIM_OK)
            CHECK(strstr(make_error(own), "no input"));
        OK(own, mim_trainer_step(t, NULL, i, NULL));
    }
    return t;
}

static void same_bits(const char *json)
{
    mim_config *config = make_config(ctx, json);
    int64_t most = 0, total = 0, operations = 0, last = -1;
    OK(ctx, plan(config, 0, &most, &operations));
    int64_t least = least_of(config);
    mim_config_set_i64(config, "trainer.memory_budget", 0);
    mim_trainer *base = trained(ctx, config);
    for (int i = 0; i < BUDGETS; i++) {
        OK(ctx, plan(config, least + (most - least) * i / BUDGETS, &total, &operations));
        if (total == last)
            continue;
        last = total;
        mim_context *own = make_context();
        mim_trainer *t = trained(own, config);
        mim_config *facts = NULL;
        int64_t peak = 0;
        CHECK(make_same_state(base, t, MIM_WEIGHTS) && make_same_state(base, t, MIM_GRADIENTS) && make_same_state(base, t, MIM_STATE));
        OK(own, mim_context_describe(own, &facts));
        OK(own, mim_config_get_i64(facts, "bytes.peak", &peak));
        if (!CHECK(peak <= total + RECORDS))
            printf("plan %lld, peak %lld\n", (long long)total, (long long)peak);
        mim_config_destroy(facts);
        mim_trainer_destroy(t);
        mim_context_destroy(own);
    }
    mim_trainer_destroy(base);
    mim_config_destroy(config);
}
static void same_bits_f32(void) { same_bits(models[0]); }
static void same_bits_bf16(void) { same_bits(models[1]); }
static void same_bits_of_a_host(void) { same_bits(models[2]); }

/* A budget that nothing fits leaves the parts as they were, free for a trainer that does. */
static void refused(void)
{
    mim_config *config = make_config(ctx, NULL), *facts = NULL;
    mim_encoder *e = NULL;
    mim_head *h = NULL;
    mim_optimizer *o = NULL;
    mim_trainer *t = NULL, *same = make_trainer(ctx, NULL);
    int64_t least = least_of(config), before = 0, after = 0;
    OK(ctx, mim_encoder_create(ctx, config, NULL, &e));
    OK(ctx, mim_head_create(ctx, config, e, NULL, &h));
    OK(ctx, mim_optimizer_create(ctx, config, &o));
    for (int i = 0; i < 3; i++) {
        OK(ctx, mim_context_describe(ctx, &facts));
        OK(ctx, mim_config_get_i64(facts, "bytes.now", i ? &after : &before));
        mim_config_destroy(facts);
        OK(ctx, mim_config_set_i64(config, "trainer.memory_budget", i ? 1 : least - 1));
        CHECK(mim_trainer_create(ctx, config, e, h, NULL, o, &t) == MIM_ERR_BUDGET && !t);
        if (i)
            CHECK(after <= before + 64);            /* the text of the error */
    }
    OK(ctx, mim_config_set_i64(config, "trainer.memory_budget", least));
    OK(ctx, mim_trainer_create(ctx, config, e, h, NULL, o, &t));
    for (int i = 0; i < 2; i++) {
        OK(ctx, make_step(t, i));
        OK(ctx, make_step(same, i));
    }
    CHECK(make_same_state(t, same, MIM_WEIGHTS) && make_same_state(t, same, MIM_STATE));
    mim_trainer_destroy(t);
    mim_trainer_destroy(same);
    mim_optimizer_destroy(o);
    mim_head_destroy(h);
    mim_encoder_destroy(e);
    mim_config_destroy(config);
}

/* ---- what is named ---- */

static const char *recomputed(const char *json)
{
    static char text[4000];
    mim_config *config = make_config(ctx, json), *r = NULL;
    OK(ctx, mim_trainer_plan(ctx, config, &r));
    OK(ctx, mim_config_get_str(r, "recomputed", text, sizeof text, NULL));
    mim_config_destroy(r);
    mim_config_destroy(config);
    return text;
}

static void names(void)
{
    CHECK_TEXT(recomputed(NULL), "[]");
    CHECK_TEXT(recomputed("{\"trainer\": {\"recompute\": 1}}"), "[\"block.1\"]");
    CHECK_TEXT(recomputed("{\"trainer\": {\"recompute\": 1000}}"), "[\"block.1\", \"block.2\"]");
    mim_config *config = make_config(ctx, models[0]);
    int64_t least = least_of(config), most, total, operations;
    OK(ctx, plan(config, 0, &most, &operations));
    mim_config_set_i64(config, "trainer.memory_budget", least);
    mim_config *r = NULL;
    char text[4000];
    OK(ctx, mim_trainer_plan(ctx, config, &r));
    OK(ctx, mim_config_get_str(r, "recomputed", text, sizeof text, NULL));
    CHECK(strstr(text, "\"patches\"") && strstr(text, "\"block.1\", \"block.2\"") && !strstr(text, "block.6"));
    mim_config_destroy(r);
    for (int i = 1; i < 100; i++) {                 /* somewhere between: parts of blocks */
        OK(ctx, plan(config, least + (most - least) * i / 100, &total, &operations));
        OK(ctx, mim_trainer_plan(ctx, config, &r));
        OK(ctx, mim_config_get_str(r, "recomputed", text, sizeof text, NULL));
        mim_config_destroy(r);
        if (strstr(text, "\"block.1.attn.qkv\""))
            break;
    }
    CHECK(strstr(text, "\"block.1.attn.qkv\"") && !strstr(text, "\"block.1\""));
    mim_config_destroy(config);
}

int main(void)
{
    ctx = make_context();
    TEST(curves); TEST(same_bits_f32); TEST(same_bits_bf16); TEST(same_bits_of_a_host); TEST(refused); TEST(names);
    mim_context_destroy(ctx);
    return test_end();
}
