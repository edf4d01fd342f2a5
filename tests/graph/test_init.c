/* SPDX-License-Identifier: MIT */
/* test_init.c -- initial values: their distributions, the fixed table, and that only seed and name decide. */
#include "base/philox.h"
#include "graph/graph.h"
#include "kernel/kernel.h"
#include "support/test.h"

enum { MANY = 20000 };
static float values[MANY];
static const struct kernels *kernels;

static struct param of(const char *name, struct init how, struct shape s)
{
    struct param p = { .shape = s, .init = how, .count = elements(&s) };
    snprintf(p.name, sizeof p.name, "%s", name);
    return p;
}

struct moments { double mean, deviation, fourth, least, most; };
static struct moments fill(struct init how)
{
    struct param p = of("w", how, SHAPE(MANY));
    struct moments m = { .least = 1e9, .most = -1e9 };
    mim__init_values(kernels, &p, 3, 0, MANY, values);
    for (int i = 0; i < MANY; i++) {
        m.mean += values[i] / (double)MANY;
        m.least = fmin(m.least, values[i]);
        m.most = fmax(m.most, values[i]);
    }
    for (int i = 0; i < MANY; i++) {
        double d = (values[i] - m.mean) * (values[i] - m.mean);
        m.deviation += d / MANY;
        m.fourth += d * d / MANY;
    }
    m.fourth /= m.deviation * m.deviation;
    m.deviation = sqrt(m.deviation);
    return m;
}

static void distributions(void)
{
    struct moments m = fill((struct init){ INIT_NORMAL, 0.5f, 0, 0 });
    CHECK_NEAR(m.mean, 0, 0.015);
    CHECK_NEAR(m.deviation, 0.5, 0.01);
    CHECK_NEAR(m.fourth, 3, 0.2);
    CHECK(m.most > 1.5 && m.least < -1.5);
    m = fill((struct init){ INIT_TRUNCATED, 0.02f, 0.02f, 0 });
    CHECK(m.most <= 0.02f && m.least >= -0.02f && m.most > 0.0198);
    CHECK_NEAR(m.deviation, 0.02 * 0.53956, 2e-4);
    CHECK_NEAR(m.mean, 0, 3e-4);
    m = fill((struct init){ INIT_TRUNCATED, 0.02f, 0.04f, 0 });
    CHECK(m.most <= 0.04f && m.least >= -0.04f);
    CHECK_NEAR(m.deviation, 0.02 * 0.87963, 3e-4);
    m = fill((struct init){ INIT_UNIFORM, 0.25f, 0, 0 });
    CHECK(m.most <= 0.25f && m.most > 0.2499 && m.least >= -0.25f && m.least < -0.2499);
    CHECK_NEAR(m.deviation, 0.25 / sqrt(3), 2e-3);
    CHECK_NEAR(m.fourth, 1.8, 0.05);
    m = fill((struct init){ INIT_CONSTANT, 1.5f, 0, 0 });
    CHECK(m.least == 1.5 && m.most == 1.5);
    m = fill((struct init){ INIT_ZERO, 0, 0, 0 });
    CHECK(m.least == 0 && m.most == 0);
}

/* The same whatever part is asked for; other names, other seeds, other values. */
static void by_name(void)
{
    static const enum init_kind kinds[] = { INIT_NORMAL, INIT_TRUNCATED, INIT_UNIFORM };
    for (int k = 0; k < COUNT(kinds); k++) {
        struct init how = { kinds[k], 0.3f, 0.3f, 0 };
        struct param a = of("blocks.0.w", how, SHAPE(100)), b = of("blocks.1.w", how, SHAPE(100));
        float one[100], part[100], other[100];
        int same = 0;
        mim__init_values(kernels, &a, 7, 0, 100, one);
        for (size_t at = 0; at < 100; at += 9)
            mim__init_values(kernels, &a, 7, at, 100 - at < 9 ? 100 - at : 9, part + at);
        CHECK(!memcmp(one, part, sizeof one));
        mim__init_values(kernels, &b, 7, 0, 100, other);
        for (int i = 0; i < 100; i++)
            same += one[i] == other[i];
        mim__init_values(kernels, &a, 8, 0, 100, other);
        for (int i = 0; i < 100; i++)
            same += one[i] == other[i];
        CHECK(same < 3);
    }
}

/* As init.c says it, one number after the other; at a start and a length that are no multiple of anything, on every ISA. */
static void rejection(void)
{
    enum { FIRST = 1001, N = 1533 };
    struct param p = of("blocks.0.w", (struct init){ INIT_TRUNCATED, 0.02f, 0.03f, 0 }, SHAPE(MANY));
    struct mim__stream s = mim__stream(5, STREAM_INIT, mim__hash(p.name), 0);
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        int wrong = 0;
        mim__init_values(*k, &p, 5, FIRST, N, values);
        for (uint32_t i = FIRST; i < FIRST + N; i++) {
            double x = 1;
            for (uint32_t t = 0; !(fabs(x) <= 0.03f); t++)
                x = 0.02f * mim__normal(&s, i + t * MANY);
            wrong += values[i - FIRST] != (float)x;
        }
        CHECK(!wrong);
    }
}

/* A narrow cut: quantiles of the stream's words, one after the other; Phi of them is uniform within what the cut leaves. */
static void narrow(void)
{
    enum { FIRST = 1001, N = 1533 };
    struct param p = of("blocks.0.w", (struct init){ INIT_TRUNCATED, 0.02f, 0.02f, 0 }, SHAPE(MANY));
    struct mim__stream s = mim__stream(5, STREAM_INIT, mim__hash(p.name), 0);
    float first[N];
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        double worst = 0;
        mim__init_values(*k, &p, 5, FIRST, N, values);
        for (uint32_t i = 0; i < N; i++) {
            double share = 0.5 * erf(values[i] / 0.02 / sqrt(2)) / erf(1 / sqrt(2));
            worst = fmax(worst, fabs(share - (mim__open(mim__word(&s, FIRST + i)) - 0.5)));
        }
        CHECK_NEAR(worst, 0, 1e-7);
        if (k == mim__kernels_available())
            memcpy(first, values, sizeof first);
        CHECK(!memcmp(first, values, sizeof first));
    }
}

/* Nothing is within the cut: zeros, and an end. */
static void hopeless(void)
{
    struct param p = of("w", (struct init){ INIT_TRUNCATED, 1, 0, 0 }, SHAPE(MANY));
    values[0] = values[99] = 1;
    mim__init_values(kernels, &p, 5, 0, 100, values);
    CHECK(values[0] == 0 && values[99] == 0);
}

/* Width 8, grid 2 x 2, a row of zeros for the class token first. */
static void sincos(void)
{
    static const double want[5][8] = { { 0 }, { 0, 0, 1, 1, 0, 0, 1, 1 }, { .841471, .01, .540302, .999950, 0, 0, 1, 1 },
        { 0, 0, 1, 1, .841471, .01, .540302, .999950 }, { .841471, .01, .540302, .99995, .841471, .01, .540302, .99995 } };
    struct param p = of("pos_embed", (struct init){ INIT_SINCOS, 2, 2, 1 }, SHAPE(1, 5, 8));
    float got[40];
    mim__init_values(kernels, &p, 1, 0, 40, got);
    for (int i = 0; i < 40; i++)
        CHECK_NEAR(got[i], want[i / 8][i % 8], 1e-6);
    struct param wide = of("pos_embed", (struct init){ INIT_SINCOS, 2, 3, 0 }, SHAPE(1, 6, 4));    /* not square: row 1, column 2 */
    mim__init_values(kernels, &wide, 1, 20, 4, got);
    CHECK_NEAR(got[0], sin(2), 1e-6);
    CHECK_NEAR(got[1], cos(2), 1e-6);
    CHECK_NEAR(got[2], sin(1), 1e-6);
    CHECK_NEAR(got[3], cos(1), 1e-6);
}

int main(void)
{
    kernels = *mim__kernels_available();
    TEST(distributions);
    TEST(by_name);
    TEST(rejection);
    TEST(narrow);
    TEST(hopeless);
    TEST(sincos);
    return test_end();
}
