/* SPDX-License-Identifier: MIT */
/* test_adamw.c -- AdamW against updates worked out elsewhere, and against a loop in double. */
#include "optimizer/make.h"

#define CONSTANT "\"schedule\": \"constant\", \"clip\": 0, "

static void known_updates(void)
{
    static const double expected[3][3] = {
        { .89000001, -1.88, .395000003 }, { .930518991, -1.8345663, .294014794 }, { .948963619, -1.86195382, .235885459 },
    };
    check_three_updates("{\"optimizer\": {" CONSTANT "\"rate\": 0.1, \"decay\": 0.1}}", expected);
}

/* 200 updates at PyTorch's settings of pre-training; the second moment's memory is where float betas would show. */
static void long_run_in_double(void)
{
    static struct model x;
    struct mim__slot slot = { .name = "w", .count = 5, .rank = 2 };
    double w[5], m[5] = { 0 }, v[5] = { 0 };
    if (!model_join(&x, "{\"optimizer\": {" CONSTANT "\"rate\": 0.01, \"decay\": 0.05, \"beta2\": 0.95}}", 1, &slot, 1, 0))
        return;
    for (int i = 0; i < 5; i++)
        w[i] = x.w[i] = (float)i - 2;
    for (int t = 1; t <= 200; t++) {
        for (int i = 0; i < 5; i++) {
            double g = x.g[i] = sinf((float)(t * (i + 1)) * 0.37f);
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.95 * v[i] + 0.05 * g * g;
            w[i] = w[i] * (1 - 0.01 * 0.05) - 0.01 * (m[i] / (1 - pow(0.9, t))) / (sqrt(v[i] / (1 - pow(0.95, t))) + 1e-8);
        }
        model_update(&x, t - 1);
    }
    for (int i = 0; i < 5; i++)
        CHECK_NEAR(x.w[i], w[i], 2e-5);
    model_leave(&x);
}

/* The first update goes by the rate against the gradient's sign, whatever the betas and the gradient's size. */
static void first_update_is_the_rate(void)
{
    static const char *const betas[] = { "\"beta1\": 0, \"beta2\": 0", "\"beta1\": 0.5, \"beta2\": 0.9999",
                                         "\"beta1\": 0.9" };
    static struct model x;
    for (int b = 0; b < COUNT(betas); b++) {
        struct mim__slot slot = { .name = "w", .count = 3, .rank = 2 };
        char json[200];
        snprintf(json, sizeof json, "{\"optimizer\": {" CONSTANT "\"rate\": 0.125, \"decay\": 0, %s}}", betas[b]);
        if (!model_join(&x, json, 1, &slot, 1, 0))
            return;
        x.g[0] = 1e-3f, x.g[1] = -1e4f;
        model_update(&x, 0);
        CHECK_NEAR(x.w[0], -0.125, 2e-6);
        CHECK_NEAR(x.w[1], 0.125, 2e-6);
        CHECK(x.w[2] == 0);
        model_leave(&x);
    }
}

/* As TensorFlow Addons' AdamW on Keras's Adam: w -= decay w; w -= rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps),
 * of vectors too, and where the rate is 0. */
static void decay_apart_from_the_rate(void)
{
    static struct model x;
    struct mim__slot slot = { .name = "b", .count = 3, .rank = 1 };
    double w[3] = { 1, -2, 0.5 }, m[3] = { 0 }, v[3] = { 0 };
    if (!model_join(&x, "{\"optimizer\": {\"clip\": 0, \"rate\": 0.01, \"decay\": 1e-3, \"eps\": 1e-3, \"steps\": 4,"
                        " \"decay_by_rate\": 0, \"decay_all\": 1, \"eps_first\": 1}}", 1, &slot, 1, 0))
        return;
    for (int i = 0; i < 3; i++)
        x.w[i] = (float)w[i];
    for (int t = 1; t <= 7; t++) {
        double rate = t > 4 ? 0 : 0.005 * (1 + cos(acos(-1.0) * (t - 1) / 4));
        for (int i = 0; i < 3; i++) {
            double g = x.g[i] = 0.01f * sinf((float)(t * (i + 1)) * 0.37f);
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.999 * v[i] + 0.001 * g * g;
            w[i] -= 1e-3 * w[i];
            w[i] -= rate * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t)) * m[i] / (sqrt(v[i]) + 1e-3);
        }
        model_update(&x, t - 1);
        for (int i = 0; i < 3; i++)
            CHECK_NEAR(x.w[i], w[i], 2e-6);
    }
    model_leave(&x);
    CHECK(optimizer_status("{\"optimizer.decay_by_rate\": 0, \"optimizer.decay\": 1.5}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.decay_by_rate\": 0, \"optimizer.kind\": \"sgd\"}") == MIM_ERR_VALUE);
}

static void bad_values(void)
{
    CHECK(optimizer_status("{\"optimizer.beta1\": 1}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.beta2\": 1}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.beta2\": 0.99999999999}") == MIM_ERR_VALUE);      /* 1 as float */
    CHECK(optimizer_status("{\"optimizer.beta2\": 0.9999999}") == MIM_OK);
    CHECK(optimizer_status("{\"optimizer.beta1\": -0.1}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.eps\": 0}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.kind\": \"sgd\", \"optimizer.beta1\": 1}") == MIM_OK);
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(known_updates);
    TEST(long_run_in_double);
    TEST(first_update_is_the_rate);
    TEST(decay_apart_from_the_rate);
    TEST(bad_values);
    mim_context_destroy(context);
    return test_end();
}
