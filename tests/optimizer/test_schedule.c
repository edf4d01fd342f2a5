/* SPDX-License-Identifier: MIT */
/* test_schedule.c -- learning rates against tables of the programs they come from. */
#include "optimizer/make.h"

static double rate_at(const mim_optimizer *o, int64_t step)
{
    double rate = -1;
    CHECK(mim_optimizer_rate(o, step, &rate) == MIM_OK);
    return rate;
}

static void check_rates(const char *json, int count, const int64_t *steps, const double *rates)
{
    mim_optimizer *o = make_optimizer(json);
    for (int i = 0; o && i < count; i++)
        CHECK_NEAR(rate_at(o, steps[i]), rates[i], 1e-8 * rates[i]);
    mim_optimizer_destroy(o);
}

/* 20 epochs of 10 steps, 5 of them warm-up, to 1e-3. */
#define RUN "{\"optimizer\": {\"steps\": 200, \"warmup\": 50, \"rate\": 0.001, "
static const int64_t at[] = { 0, 7, 49, 50, 51, 120, 199 };

static void cosine_of_mae(void)
{
    static const double rates[] = { 0, .00014, .00098, .001, .000999890451, .000552711967, 1.1095486e-6 };
    check_rates(RUN "\"warmup_rate\": 0, \"warmup_inclusive\": 0, \"minimum\": 1e-6}}", 7, at, rates);
}

static void cosine_of_beit(void)
{
    static const double rates[] = { 1e-6, .000143714286, .001, .001, .000999891438, .000556741589, 1.01085617e-5 };
    check_rates(RUN "\"warmup_rate\": 1e-6, \"minimum\": 1e-5}}", 7, at, rates);
}

static void cosine_of_simmim(void)
{
    static const double rates[] = { 1e-6, .00014086, .00098002, .000855017857, .000849476834, .000352036588, 1.00610669e-5 };
    check_rates(RUN "\"warmup_rate\": 1e-6, \"warmup_inclusive\": 0, \"warmup_prefix\": 0, \"minimum\": 1e-5}}",
                7, at, rates);
}

static void warm_up_by_default(void)
{
    static const double rates[] = { .00002, .00016, .001, .001 };
    check_rates(RUN "\"minimum\": 1e-6}}", 4, at, rates);
    static const int64_t first[] = { 0, 1 };
    static const double whole[] = { 0.5, 0.5 };
    check_rates("{\"optimizer\": {\"rate\": 0.5, \"warmup\": 1}}", 2, first, whole);
    static const double halves[] = { 0.25, 0.5 };
    check_rates("{\"optimizer\": {\"rate\": 0.5, \"warmup\": 1, \"warmup_rate\": 0.25, \"warmup_inclusive\": 0}}",
                2, first, halves);
}

/* 800 epochs of 10 steps, the drop at epoch 700 (SimMIM). */
static void milestones(void)
{
    static const int64_t steps[] = { 0, 50, 100, 6999, 7000, 7499, 7500, 8000, 1000000 };
    static const double rates[] = { 5e-7, 5.025e-5, 1e-4, 1e-4, 1e-5, 1e-5, 1e-6, 1e-6, 1e-6 };
    check_rates("{\"optimizer\": {\"schedule\": \"step\", \"rate\": 0.0001, \"warmup\": 100, \"warmup_rate\": 5e-7,"
                " \"warmup_inclusive\": 0, \"steps\": 8000, \"milestones\": [7000, 7500], \"gamma\": 0.1}}",
                9, steps, rates);
    check_rates("{\"optimizer\": {\"schedule\": \"step\", \"rate\": 0.0001}}", 3, at, (const double[]){ 1e-4, 1e-4, 1e-4 });
}

static void ends(void)
{
    static const int64_t steps[] = { 0, 4, 5, 9, 10, 11, 9000000000000000 };
    mim_optimizer *o = make_optimizer("{\"optimizer\": {\"rate\": 1, \"minimum\": 0.1, \"steps\": 10}}");
    if (!o)
        return;
    for (int i = 0; i < 7; i++) {
        double half = .5 * (1 + cos(3.141592653589793 * (double)lmin(steps[i], 10) / 10));
        CHECK_NEAR(rate_at(o, steps[i]), .1 + .9 * half, 1e-12);
    }
    mim_optimizer_destroy(o);
    static const double unknown[] = { .25, 1, 1, 1, 1, 1, 1 }, constant[] = { .5, .5, .5, .5, .5, .5, .5 };
    check_rates("{\"optimizer\": {\"rate\": 1, \"minimum\": 0.1, \"warmup\": 4}}", 7, steps, unknown);
    check_rates("{\"optimizer\": {\"rate\": 0.5, \"schedule\": \"constant\", \"steps\": 3}}", 7, steps, constant);
    static const double all[] = { .1, .5, .6, 1, .1, .1, .1 };
    check_rates("{\"optimizer\": {\"rate\": 1, \"minimum\": 0.1, \"warmup\": 10, \"steps\": 10}}", 7, steps, all);
}

/* Every schedule rises through its warm-up, never rises after it, and stays within its bounds. */
static void monotone(void)
{
    static const char *const kinds[] = {
        "\"schedule\": \"cosine\"", "\"schedule\": \"cosine\", \"warmup_prefix\": 0",
        "\"schedule\": \"step\", \"milestones\": [40, 33, 60]", "\"schedule\": \"constant\"",
    };
    for (int k = 0; k < COUNT(kinds); k++) {
        char json[200];
        snprintf(json, sizeof json, "{\"optimizer\": {\"rate\": 1, \"steps\": 77, \"warmup\": 13, \"minimum\": 0.001, %s}}",
                 kinds[k]);
        mim_optimizer *o = make_optimizer(json);
        if (!o)
            return;
        for (int step = 0; step < 100; step++) {
            double now = rate_at(o, step), next = rate_at(o, step + 1);
            CHECK(now > 0 && now <= 1);
            CHECK(step < 12 ? next > now : next <= now);
        }
        mim_optimizer_destroy(o);
    }
}

static void bad_values(void)
{
    CHECK(optimizer_status("{\"optimizer.warmup\": 11, \"optimizer.steps\": 10}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.warmup\": 10, \"optimizer.steps\": 10}") == MIM_OK);
    CHECK(optimizer_status("{\"optimizer.warmup\": 11}") == MIM_OK);
    CHECK(optimizer_status("{\"optimizer.warmup\": -1}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.steps\": -1}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.rate\": -1}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.rate\": \"fast\"}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.minimum\": 0.2, \"optimizer.rate\": 0.1}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer\": {\"minimum\": 0.2, \"rate\": 0.1, \"schedule\": \"constant\"}}") == MIM_OK);
    CHECK(optimizer_status("{\"optimizer.schedule\": \"linear\"}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer.milestones\": [-1]}") == MIM_ERR_VALUE);
    char why[512];
    optimizer_status("{\"optimizer.warmup\": 11, \"optimizer.steps\": 10}");
    CHECK(mim_last_error(context, why, sizeof why, NULL) == MIM_OK);
    CHECK(strstr(why, "11") && strstr(why, "10"));
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(cosine_of_mae);
    TEST(cosine_of_beit);
    TEST(cosine_of_simmim);
    TEST(warm_up_by_default);
    TEST(milestones);
    TEST(ends);
    TEST(monotone);
    TEST(bad_values);
    mim_context_destroy(context);
    return test_end();
}
