/* SPDX-License-Identifier: MIT */
/* test_lamb.c -- LAMB against updates worked out elsewhere, and against a loop in double. */
#include "optimizer/make.h"

#define LAMB "{\"optimizer\": {\"kind\": \"lamb\", \"schedule\": \"constant\", \"eps\": 1e-6, "

static void known_updates(void)
{
    static const double expected[3][3] = { { .86793339, -1.86662513, .36858632 },
                                           { .958183094, -1.81364703, .187525978 },
                                           { 1.03119122, -1.93332945, .0366223854 } };
    check_three_updates(LAMB "\"clip\": 1, \"rate\": 0.1, \"decay\": 0.01}}", expected);
}

/* A matrix longer than a part, one whose decay is off, a vector: only the first is scaled by its norms. */
static void several_parameters_in_double(void)
{
    enum { A = 20000, B = 301, C = 40, ALL = A + B + C };
    static struct model x;
    static double w[ALL], m[ALL], v[ALL], u[ALL];
    struct mim__slot slots[3] = { { .name = "a", .count = A, .rank = 2 },
                                  { .name = "b", .count = B, .rank = 4, .no_decay = true },
                                  { .name = "c", .count = C, .rank = 1 } };
    if (!model_join(&x, LAMB "\"clip\": 2, \"rate\": 0.02, \"decay\": 0.1, \"beta2\": 0.95}}", 3, slots, 1, 0))
        return;
    for (int i = 0; i < ALL; i++) {
        w[i] = x.w[i] = sinf((float)i);
        m[i] = v[i] = 0;
    }
    for (int t = 1; t <= 20; t++) {
        double all = 0, weight = 0, change = 0;
        for (int i = 0; i < ALL; i++) {
            x.g[i] = cosf(0.3f * (float)i * (float)t);
            all += (double)x.g[i] * x.g[i];
        }
        double scale = fmin(1, 2 / (sqrt(all) + 1e-6));
        for (int i = 0; i < ALL; i++) {
            double g = scale * x.g[i];
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.95 * v[i] + 0.05 * g * g;
            u[i] = m[i] / (1 - pow(0.9, t)) / (sqrt(v[i] / (1 - pow(0.95, t))) + 1e-6) + (i < A ? 0.1 * w[i] : 0);
            weight += i < A ? w[i] * w[i] : 0;
            change += i < A ? u[i] * u[i] : 0;
        }
        for (int i = 0; i < ALL; i++)
            w[i] -= 0.02 * (i < A ? sqrt(weight / change) : 1) * u[i];
        model_update(&x, t - 1);
    }
    double worst = 0;
    for (int i = 0; i < ALL; i++)
        worst = fmax(worst, fabs(w[i] - x.w[i]));
    CHECK_NEAR(worst, 0, 5e-5);
    model_leave(&x);
}

/* The first update has the norm rate |w|, whatever the gradient's. */
static void first_update_goes_by_the_weights(void)
{
    static struct model x;
    static const float scales[] = { 1e-2f, 1, 1e4f };
    for (int s = 0; s < COUNT(scales); s++) {
        struct mim__slot slot = { .name = "w", .count = 4, .rank = 2 };
        if (!model_join(&x, LAMB "\"clip\": 0, \"rate\": 0.25, \"decay\": 0.01}}", 1, &slot, 1, 0))
            return;
        float before[4] = { 3, -4, 0, 12 };
        double square = 0;
        memcpy(x.w, before, sizeof before);
        for (int i = 0; i < 4; i++)
            x.g[i] = scales[s] * (float)(i + 1);
        model_update(&x, 0);
        for (int i = 0; i < 4; i++)
            square += pow((double)x.w[i] - before[i], 2);
        CHECK_NEAR(sqrt(square), 0.25 * 13, 1e-5);
        model_leave(&x);
    }
}

/* A gradient whose square overflows moves nothing: its moment is infinite. */
static void huge_gradients(void)
{
    static struct model x;
    struct mim__slot slot = { .name = "w", .count = 2, .rank = 1 };
    if (!model_join(&x, LAMB "\"clip\": 0, \"rate\": 0.25, \"decay\": 0}}", 1, &slot, 1, 0))
        return;
    x.w[0] = x.w[1] = 1;
    x.g[0] = 2e20f;
    x.g[1] = 1;
    mim__optimizer_update(x.o, mim__kernels(context), x.g, 1, 0);
    CHECK(x.w[0] == 1 && x.w[1] < 1);
    model_leave(&x);
}

static void bad_values(void)
{
    CHECK(optimizer_status(LAMB "\"beta1\": 1}}") == MIM_ERR_VALUE);
    CHECK(optimizer_status(LAMB "\"beta2\": 0.99999999999}}") == MIM_ERR_VALUE);
    mim_optimizer *o = make_optimizer(LAMB "\"beta1\": 0}}");
    CHECK(o && mim__optimizer_moments(o) == 2);
    mim_optimizer_destroy(o);
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(known_updates);
    TEST(several_parameters_in_double);
    TEST(first_update_goes_by_the_weights);
    TEST(huge_gradients);
    TEST(bad_values);
    mim_context_destroy(context);
    return test_end();
}
