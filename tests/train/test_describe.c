/* SPDX-License-Identifier: MIT */
/* test_describe.c -- what a trainer says of itself: where the time of its last step went; and what one of three billion
 * parameters would take, which is not made. */
#include "make.h"

static mim_context *ctx;

static double number(const mim_config *r, int i, const char *part)
{
    char key[64];
    double v = -1;
    snprintf(key, sizeof key, "profile.%d.%s", i, part);
    OK(ctx, mim_config_get_f64(r, key, &v));
    return v;
}

static const char *text(const mim_config *r, int i, const char *part)
{
    static char to[4][64];
    static int turn;
    char key[64], *t = to[turn = (turn + 1) % 4];
    snprintf(key, sizeof key, "profile.%d.%s", i, part);
    OK(ctx, mim_config_get_str(r, key, t, sizeof to[0], NULL));
    return t;
}

/* Every row is another operator, place or pass; operations of all are the plan's; the seconds are within the step's. */
static void profile(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"trainer\": {\"profile\": 1, \"recompute\": 1}}");
    mim_config *r = NULL;
    int64_t rows = 0, seen = 0;
    double operations = 0, seconds = 0, whole = 0;
    OK(ctx, make_step(t, 0));
    OK(ctx, mim_trainer_describe(t, &r));
    OK(ctx, mim_config_get_i64(r, "profile.count", &rows));
    OK(ctx, mim_config_get_f64(r, "plan.operations.step", &whole));
    for (int i = 0; i < rows; i++) {
        const char *op = text(r, i, "operator"), *place = text(r, i, "place"), *pass = text(r, i, "pass");
        operations += number(r, i, "operations");
        seconds += number(r, i, "seconds");
        CHECK(number(r, i, "calls") >= 1 && number(r, i, "bytes") > 0);
        if (!strcmp(op, "linear") && !strcmp(place, "mlp.fc1"))
            seen |= !strcmp(pass, "forward") && number(r, i, "calls") == 2 ? 1 :
                    !strcmp(pass, "recompute") && number(r, i, "calls") == 1 ? 2 :
                    !strcmp(pass, "backward") && number(r, i, "calls") == 2 ? 4 : 64;
        if (!strcmp(op, "attention"))
            CHECK_TEXT(place, "");
        seen |= !strcmp(op, "optimizer") && !strcmp(pass, "update") ? 8 : 0;
    }
    CHECK(seen == 15 && operations == whole && seconds <= make_metric(t, "seconds"));
    mim_config_destroy(r);
    mim_trainer_destroy(t);
}

/* ---- Swin V2-G on pictures of 1536 x 1536 ---- */

struct sizes { double weights, gradients, moments, activations, total, parameters, operations, recomputed; };

static struct sizes giant(const char *precision, int64_t batch, int64_t recompute)
{
    struct sizes s = { 0 };
    mim_config *config = NULL, *plan = NULL;
    const struct { const char *key; double *value; } rows[] = {
        { "bytes.weights", &s.weights }, { "bytes.gradients", &s.gradients }, { "bytes.moments", &s.moments },
        { "bytes.activations", &s.activations }, { "bytes.total", &s.total }, { "parameters", &s.parameters },
        { "operations.step", &s.operations }, { "operations.recomputed", &s.recomputed },
    };
    OK(ctx, mim_config_create(ctx, "simmim_swinv2_giant", &config));
    OK(ctx, mim_config_read_json(config, "{\"image.height\": 1536, \"image.width\": 1536, \"encoder.window\": 24,"
                                         " \"encoder.table_window\": 12}"));
    OK(ctx, mim_config_set_str(config, "precision", precision));
    OK(ctx, mim_config_set_i64(config, "trainer.batch", batch));
    OK(ctx, mim_config_set_i64(config, "trainer.recompute", recompute));
    OK(ctx, mim_trainer_plan(ctx, config, &plan));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        OK(ctx, mim_config_get_f64(plan, rows[i].key, rows[i].value));
    mim_config_destroy(plan);
    mim_config_destroy(config);
    return s;
}

/* 8 pictures have tensors of more than 2^31 elements. */
static void giant_plans(void)
{
    mim_config *facts = NULL;
    int64_t peak = 0;
    struct sizes one = giant("f32", 1, 0), eight = giant("f32", 8, 0), half = giant("bf16", 8, 0), less = giant("bf16", 8, 1000);
    OK(ctx, mim_context_describe(ctx, &facts));
    OK(ctx, mim_config_get_i64(facts, "bytes.peak", &peak));
    mim_config_destroy(facts);
    CHECK(peak < 16 << 20);
    CHECK(one.parameters == 3010430176.0);
    CHECK(one.weights >= 4 * one.parameters && one.weights < 4.001 * one.parameters && one.gradients == one.weights);
    CHECK(one.moments == 2 * one.weights && eight.moments == one.moments);
    CHECK(eight.activations > 7.5 * one.activations && eight.activations < 8.1 * one.activations);
    CHECK(half.activations < 0.75 * eight.activations && less.activations < 0.2 * half.activations);
    CHECK(eight.operations > 7.99 * one.operations && eight.operations <= 8 * one.operations);
    CHECK(less.recomputed > 0 && less.operations == half.operations + less.recomputed);
    CHECK(eight.total > eight.weights + eight.gradients + eight.moments + eight.activations);
}

int main(void)
{
    ctx = make_context();
    TEST(giant_plans); TEST(profile);
    mim_context_destroy(ctx);
    return test_end();
}
