/* SPDX-License-Identifier: MIT */
/* test_normals.c -- many normal numbers at once are those of mim__normal, and roundings those that words decide, to the bit,
 * on every ISA of this processor. */
#include "kernel/kernel.h"
#include "support/test.h"

enum { MOST = 3 * NORMALS };

static bool same(double a, double b) { return !memcmp(&a, &b, sizeof a); }

static void row_of(const struct kernels *k, struct mim__stream s, uint32_t first)
{
    double y[MOST + 1];
    int wrong = 0;
    for (int n = 0; n <= MOST; n += NORMALS) {
        y[n] = 77;
        k->normals->row(&s, first, n, y);
        for (int i = 0; i < n; i++)
            wrong += !same(y[i], mim__normal(&s, first + (uint32_t)i));
        CHECK(y[n] == 77);
    }
    CHECK(!wrong);
}

static void rows(void)
{
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        row_of(*k, mim__stream(1, STREAM_INIT, mim__hash("weight"), 0), 0);
        row_of(*k, mim__stream(~0ull, 3, 1ull << 40, 1ull << 33), 1002);
        row_of(*k, mim__stream(7, STREAM_INIT, 5, 9), 0xFFFFFF00u);
    }
}

static void any_order(void)
{
    struct mim__stream s = mim__stream(1, STREAM_INIT, mim__hash("weight"), 0);
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        uint32_t index[MOST];
        double y[MOST];
        int wrong = 0;
        for (uint32_t i = 0; i < MOST; i++)
            index[i] = i % 5 == 0 ? ~i : i * i * 977;
        (*k)->normals->at(&s, MOST, index, y);
        for (int i = 0; i < MOST; i++)
            wrong += !same(y[i], mim__normal(&s, index[i]));
        CHECK(!wrong);
    }
}

/* mim__middle_quantile against erfc, and the kernel against it, to the bit. */
static void middle(void)
{
    double worst = 0;
    for (double q = -0.425; q <= 0.425; q += 1.0 / 4096)
        worst = fmax(worst, fabs(0.5 * erf(mim__middle_quantile(q) / sqrt(2)) - q));
    CHECK_NEAR(worst, 0, 1e-15);
    struct mim__stream s = mim__stream(7, STREAM_INIT, 5, 9);
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        double y[4 * NORMALS + 1];
        int wrong = 0;
        y[4 * NORMALS] = 77;
        (*k)->normals->middle(&s, 0xFFFFF000u, 4 * NORMALS, 0.7, y);
        for (uint32_t i = 0; i < 4 * NORMALS; i++)
            wrong += !same(y[i], mim__middle_quantile(0.7 * (mim__open(mim__word(&s, 0xFFFFF000u + i)) - 0.5)));
        CHECK(!wrong && y[4 * NORMALS] == 77);
    }
}

/* ---- rounding ---- */

static const uint32_t odd[NARROWED / WORDS] = { 1, 0x9E3779B1u, 0xFFFFFFFFu, 0x10001u };

static void words(void)
{
    struct mim__stream s = mim__stream(5, STREAM_MOMENT | STREAM_BATCH, 1ull << 33, 0);
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++)
        for (uint32_t first = 0; first < 0x3FFFFF00u; first = 5 * first + 32) {
            uint32_t y[WORDS + 1];
            int wrong = 0;
            y[WORDS] = 77;
            (*k)->normals->words(&s, first, y);
            for (uint32_t i = 0; i < WORDS; i++)
                wrong += y[i] != mim__word(&s, 4 * (first + i % (WORDS / 4)) + i / (WORDS / 4));
            CHECK(!wrong && y[WORDS] == 77);
        }
}

static uint16_t narrowed(const uint32_t *words, int i, float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)((bits + (words[i % WORDS] * odd[i / WORDS] >> 16)) >> 16);
}

static void narrow(void)
{
    static const float some[] = { 0, -0.0f, 1, -1.00390625f, 3.1415927f, -2.7182817f, 1e-45f, -9e-41f, 3.3e38f, -1e-20f,
                                  0.99999994f };
    struct mim__stream s = mim__stream(5, STREAM_MOMENT, 1, 0);
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++)
        for (uint32_t first = 0; first < 10; first++) {
            uint32_t words[WORDS];
            float x[NARROWED];
            uint16_t y[NARROWED + 1];
            int wrong = 0;
            for (int i = 0; i < NARROWED; i++)
                x[i] = some[(i + (int)first) % COUNT(some)];
            y[NARROWED] = 77;
            (*k)->normals->words(&s, first * (WORDS / 4), words);
            (*k)->normals->narrow(words, odd, x, y);
            for (int i = 0; i < NARROWED; i++)
                wrong += y[i] != narrowed(words, i, x[i]);
            CHECK(!wrong && y[NARROWED] == 77);
        }
}

/* A quarter of the way from one neighbour to the next: up in a quarter of the cases, whatever the sign. */
static void right_on_average(void)
{
    struct mim__stream s = mim__stream(5, STREAM_MOMENT, 1, 0);
    const struct kernels *k = mim__kernels_available()[0];
    int up[2] = { 0, 0 }, other = 0;
    for (uint32_t chunk = 0; chunk < 200; chunk++) {
        uint32_t words[WORDS];
        float x[NARROWED];
        uint16_t y[NARROWED];
        for (int i = 0; i < NARROWED; i++)
            x[i] = (i % 2 ? -1 : 1) * (1 + 0x1p-9f);            /* 1, 1 + 2^-7 are neighbours */
        k->normals->words(&s, chunk * (WORDS / 4), words);
        k->normals->narrow(words, odd, x, y);
        for (int i = 0; i < NARROWED; i++) {
            int step = (y[i] & 0x7FFF) - 0x3F80;
            up[i % 2] += step == 1;
            other += (step != 0 && step != 1) || y[i] >> 15 != i % 2;
        }
    }
    CHECK(!other);
    CHECK_NEAR(up[0] / 51200.0, 0.25, 0.008);                   /* four deviations */
    CHECK_NEAR(up[1] / 51200.0, 0.25, 0.008);
}

int main(void)
{
    TEST(rows);
    TEST(any_order);
    TEST(middle);
    TEST(words);
    TEST(narrow);
    TEST(right_on_average);
    return test_end();
}
