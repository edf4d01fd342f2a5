/* SPDX-License-Identifier: MIT */
/* test_sgd.c -- SGD against updates worked out elsewhere: momentum, Nesterov's, none. */
#include "optimizer/make.h"

#define SGD "{\"optimizer\": {\"kind\": \"sgd\", \"schedule\": \"constant\", \"clip\": 0, \"rate\": 0.1, "

static void nesterov(void)
{
    static const double expected[3][3] = {
        { .9791, -1.9582, .44205 }, { 1.02532971, -1.95565942, .378505105 }, { 1.02936951, -2.01841953, .357993385 },
    };
    check_three_updates(SGD "\"decay\": 0.01, \"nesterov\": 1}}", expected);
}

static void momentum(void)
{
    static const double expected[3][3] = {
        { NAN, NAN, NAN }, { NAN, NAN, NAN }, { 1.01930279, -1.99365558, .38803137 },
    };
    check_three_updates(SGD "\"decay\": 0.01}}", expected);
}

static void without_momentum(void)
{
    static const double expected[3][3] = { { .99, -1.98, .47 }, { 1.02, -1.99, .45 }, { 1.015, -2.03, .46 } };
    mim_optimizer *o = make_optimizer(SGD "\"momentum\": 0}}");
    CHECK(o && mim__optimizer_moments(o) == 0);
    mim_optimizer_destroy(o);
    check_three_updates(SGD "\"momentum\": 0, \"decay\": 0}}", expected);
}

/* The velocity that resuming finds is gone on with, not begun anew. */
static void goes_on_after_resume(void)
{
    static struct model x;
    struct mim__slot slot = { .name = "w", .count = 1, .rank = 2 };
    if (!model_join(&x, SGD "\"decay\": 0}}", 1, &slot, 1, 0))
        return;
    x.m[0][0] = 2;
    mim__optimizer_set(x.o, (struct mim__optimizer_state){ .updates = 7, .host_rate = -1 });
    model_update(&x, 7);
    CHECK_NEAR(x.w[0], -0.18, 1e-7);
    CHECK(mim__optimizer_get(x.o).updates == 8);
    model_leave(&x);
}

static void bad_values(void)
{
    CHECK(optimizer_status("{\"optimizer\": {\"kind\": \"sgd\", \"nesterov\": 1, \"momentum\": 0}}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.kind\": \"sgd\", \"optimizer.momentum\": 1.1}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.kind\": \"sgd\", \"optimizer.momentum\": -0.1}") == MIM_ERR_VALUE);
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(nesterov);
    TEST(momentum);
    TEST(without_momentum);
    TEST(goes_on_after_resume);
    TEST(bad_values);
    mim_context_destroy(context);
    return test_end();
}
