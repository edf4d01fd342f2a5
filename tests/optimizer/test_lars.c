/* SPDX-License-Identifier: MIT */
/* test_lars.c -- LARS against updates worked out elsewhere, against a loop in double, and where it must be plain momentum. */
#include "optimizer/make.h"

#define LARS "{\"optimizer\": {\"kind\": \"lars\", \"schedule\": \"constant\", \"clip\": 0, "

static void known_updates(void)
{
    static const double expected[3][3] = { { .999356746, -1.99871349, .498216431 },
                                           { 1.00060172, -1.99805885, .495322051 },
                                           { 1.00137562, -1.99966451, .493266061 } };
    check_three_updates(LARS "\"rate\": 1, \"decay\": 0.01}}", expected);
}

/* Twice the same gradient at MAE's rate of the linear probe: |w| / |g| is 10. */
static void the_linear_probe_of_mae(void)
{
    static const float w[4] = { .3f, -.2f, .1f, .4f }, g[4] = { .02f, .01f, -.03f, .04f };
    static const double expected[2][4] = { { .29872, -.20064, .10192, .39744 },
                                           { .296292624272, -.201853687864, .105561063592, .392585248544 } };
    static struct model x;
    struct mim__slot slot = { .name = "w", .count = 4, .rank = 2 };
    if (!model_join(&x, LARS "\"rate\": 6.4, \"decay\": 0}}", 1, &slot, 1, 0))
        return;
    memcpy(x.w, w, sizeof w);
    memcpy(x.g, g, sizeof g);
    for (int i = 0; i < 2; i++) {
        model_update(&x, i);
        for (int k = 0; k < 4; k++)
            CHECK_NEAR(x.w[k], expected[i][k], 1e-7);
    }
    model_leave(&x);
}

/* Parameters longer than a part, several at once, gradients clipped: norms are those of the whole parameter. */
static void several_parameters_in_double(void)
{
    enum { A = 20000, B = 301, ALL = A + B };
    static struct model x;
    static double w[ALL], b[ALL];
    struct mim__slot slots[2] = { { .name = "a", .count = A, .rank = 2 }, { .name = "b", .count = B, .rank = 4 } };
    if (!model_join(&x, "{\"optimizer\": {\"kind\": \"lars\", \"schedule\": \"constant\", \"clip\": 0.5, \"rate\": 3, "
                        "\"decay\": 0.1, \"trust\": 0.02, \"momentum\": 0.8}}", 2, slots, 1, 0))
        return;
    for (int i = 0; i < ALL; i++)
        w[i] = x.w[i] = sinf((float)i);
    memset(b, 0, sizeof b);
    for (int t = 0; t < 5; t++) {
        double all = 0;
        for (int i = 0; i < ALL; i++) {
            x.g[i] = cosf(0.3f * (float)i * (float)(t + 1));
            all += (double)x.g[i] * x.g[i];
        }
        double scale = fmin(1, 0.5 / (sqrt(all) + 1e-6));
        for (int s = 0; s < 2; s++) {
            double weight = 0, change = 0;
            for (int i = s ? A : 0; i < (s ? ALL : A); i++) {
                weight += w[i] * w[i];
                change += pow(scale * x.g[i] + 0.1 * w[i], 2);
            }
            for (int i = s ? A : 0; i < (s ? ALL : A); i++) {
                b[i] = 0.8 * b[i] + 0.02 * sqrt(weight / change) * (scale * x.g[i] + 0.1 * w[i]);
                w[i] -= 3 * b[i];
            }
        }
        model_update(&x, t);
    }
    double worst = 0;
    for (int i = 0; i < ALL; i++)
        worst = fmax(worst, fabs(w[i] - x.w[i]));
    CHECK_NEAR(worst, 0, 2e-6);
    model_leave(&x);
}

/* A vector takes plain momentum steps without decay; a matrix whose weights, or whose gradient, are zero unscaled ones. */
static void where_nothing_is_scaled(void)
{
    static struct model x;
    struct mim__slot slots[3] = { { .name = "vector", .count = 2, .rank = 1 }, { .name = "zero", .count = 2, .rank = 2 },
                                  { .name = "still", .count = 2, .rank = 2 } };
    if (!model_join(&x, LARS "\"rate\": 0.5, \"decay\": 0, \"momentum\": 0}}", 3, slots, 1, 0))
        return;
    for (int i = 0; i < 6; i++) {
        x.w[i] = i / 2 == 1 ? 0 : 1;
        x.g[i] = i / 2 == 2 ? 0 : 4;
    }
    model_update(&x, 0);
    CHECK(x.w[0] == -1 && x.w[1] == -1);
    CHECK(x.w[2] == -2 && x.w[3] == -2);
    CHECK(x.w[4] == 1 && x.w[5] == 1);
    model_leave(&x);
}

static void moments(void)
{
    mim_optimizer *with = make_optimizer(LARS "\"momentum\": 0.9}}"), *without = make_optimizer(LARS "\"momentum\": 0}}");
    CHECK(with && mim__optimizer_moments(with) == 1);
    CHECK(without && mim__optimizer_moments(without) == 0);
    mim_optimizer_destroy(with);
    mim_optimizer_destroy(without);
}

static void bad_values(void)
{
    CHECK(optimizer_status(LARS "\"trust\": -1}}") == MIM_ERR_VALUE);
    CHECK(optimizer_status(LARS "\"momentum\": 1.5}}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.kind\": \"larch\"}") == MIM_ERR_VALUE);
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(known_updates);
    TEST(the_linear_probe_of_mae);
    TEST(several_parameters_in_double);
    TEST(where_nothing_is_scaled);
    TEST(moments);
    TEST(bad_values);
    mim_context_destroy(context);
    return test_end();
}
