/* SPDX-License-Identifier: MIT */
/* test_describe.c -- what a trainer says of itself: where the time of its last step went. */
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

int main(void)
{
    ctx = make_context();
    TEST(profile);
    mim_context_destroy(ctx);
    return test_end();
}
