/* SPDX-License-Identifier: MIT */
/* test_tables.c -- resampling matrices against rows computed elsewhere. */
#include "encoder/tables.h"
#include "support/test.h"

static mim_context *ctx;

static void near_row(const float *row, const double *want, int n, double tolerance)
{
    for (int i = 0; i < n; i++)
        CHECK_NEAR(row[i], want[i], tolerance);
}

static void plain(void)
{
    static const double rows[3][4] = { { 1.086806, -0.086806, 0, 0 }, { 0.5, 0.59375, -0.09375, 0 }, { -0.086806, 0.943287, 0.160880, -0.017361 } };
    float m[24], same[16];
    mim__cubic_matrix(4, 6, false, m);
    for (int r = 0; r < 3; r++) {
        near_row(m + 4 * r, rows[r], 4, 1e-6);
        for (int i = 0; i < 4; i++)
            CHECK_NEAR(m[4 * (5 - r) + i], m[4 * r + 3 - i], 1e-6);
    }
    mim__cubic_matrix(4, 4, false, same);
    for (int i = 0; i < 16; i++)
        CHECK(same[i] == (i % 5 == 0));
}

static void antialias(void)
{
    static const double rows[3][4] = { { 1.065789, -0.065789, 0, 0 }, { 0.529412, 0.529412, -0.058824, 0 }, { -0.057870, 0.9375, 0.131944, -0.011574 } };
    float m[24], down[28];
    mim__cubic_matrix(4, 6, true, m);
    for (int r = 0; r < 3; r++)
        near_row(m + 4 * r, rows[r], 4, 1e-6);
    mim__cubic_matrix(7, 4, true, down);
    for (int r = 0; r < 4; r++) {
        double sum = 0;
        for (int i = 0; i < 7; i++)
            sum += down[7 * r + i];
        CHECK_NEAR(sum, 1, 1e-6);
    }
}

static void geometric(void)
{
    static const double five[] = { 0.4419053, 1.0952368, -0.7599989, 0.2380949, -0.0152381 };
    static const double eleven[] = { 0.1275065, 1.1432423, -0.3937465, 0.1604946, -0.0487982, 0.0142937, -0.0036940, 0.0008632, -0.0001943,
                                     0.0000368, -0.0000040 };
    float m[7 * 5], n[13 * 11], same[25];
    CHECK(mim__geometric_matrix(ctx, 5, 7, m) == MIM_OK);
    near_row(m + 5, five, 5, 2e-6);
    for (int r = 2; r < 5; r++)
        for (int i = 0; i < 5; i++)
            CHECK_NEAR(m[5 * r + i], i == r - 1, 1e-6);
    CHECK_NEAR(m[0], 1, 1e-6);
    CHECK_NEAR(m[34], 1, 1e-6);
    CHECK(mim__geometric_matrix(ctx, 11, 13, n) == MIM_OK);
    near_row(n + 11, eleven, 11, 2e-6);
    CHECK(mim__geometric_matrix(ctx, 5, 5, same) == MIM_OK);
    for (int i = 0; i < 25; i++)
        CHECK(same[i] == (i % 6 == 0));
}

/* The spline through a line is that line, at the places of the knots as between them. */
static void geometric_large(void)
{
    enum { FROM = 401, TO = 1023 };
    static float m[TO * FROM], up[FROM * TO];
    CHECK(mim__geometric_matrix(ctx, FROM, TO, m) == MIM_OK && mim__geometric_matrix(ctx, TO, FROM, up) == MIM_OK);
    for (int r = 0; r < TO; r++) {
        double sum = 0;
        for (int i = 0; i < FROM; i++)
            sum += m[r * FROM + i];
        CHECK_NEAR(sum, 1, 1e-5);
    }
    for (int r = 0; r < FROM; r++) {
        double sum = 0;
        for (int i = 0; i < TO; i++)
            sum += up[r * TO + i];
        CHECK_NEAR(sum, 1, 1e-5);
    }
}

int main(void)
{
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK);
    TEST(plain); TEST(antialias); TEST(geometric); TEST(geometric_large);
    mim_context_destroy(ctx);
    return test_end();
}
