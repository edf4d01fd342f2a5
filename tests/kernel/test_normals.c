/* SPDX-License-Identifier: MIT */
/* test_normals.c -- many normal numbers at once are those of mim__normal, to the bit, on every ISA of this processor. */
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

int main(void)
{
    TEST(rows);
    TEST(any_order);
    TEST(middle);
    return test_end();
}
