/* SPDX-License-Identifier: MIT */
/* test_lbfgs.c -- the minimiser against Newton's method, from any start, and where it has to end. */
#include "evaluate/make.h"

static mim_context *context;

/* Separable points in the plane; x = two weights and a bias; penalty 0.01 on the weights. */
enum { POINTS = 12 };
static const double points[POINTS][2] = { { 1, 2 }, { 2, 1 }, { 2, 3 }, { 3, 2 }, { 1.5, 2.5 }, { 2.5, 1.5 },
                                          { -1, -1 }, { -2, 0 }, { 0, -2 }, { -1, -3 }, { -2, -2 }, { -0.5, -1 } };
static int evaluations;

static mim_status logistic(void *arg, const double *x, double *f, double *g)
{
    double penalty = *(double *)arg;
    *f = penalty / 2 * (x[0] * x[0] + x[1] * x[1]);
    g[0] = penalty * x[0], g[1] = penalty * x[1], g[2] = 0;
    for (int i = 0; i < POINTS; i++) {
        double sign = i < POINTS / 2 ? 1 : -1, z = sign * (x[0] * points[i][0] + x[1] * points[i][1] + x[2]);
        double slope = -sign / (1 + exp(z)) / POINTS;
        *f += log1p(exp(-z)) / POINTS;
        g[0] += slope * points[i][0], g[1] += slope * points[i][1], g[2] += slope;
    }
    evaluations++;
    return MIM_OK;
}

/* Newton's method with the exact Hessian, solved by Cramer's rule. */
static void newton(double penalty, double x[3])
{
    x[0] = x[1] = x[2] = 0;
    for (int step = 0; step < 50; step++) {
        double f, g[3], h[3][3] = { { penalty }, { 0, penalty }, { 0 } };
        logistic(&penalty, x, &f, g);
        for (int i = 0; i < POINTS; i++) {
            double v[3] = { points[i][0], points[i][1], 1 }, p = 1 / (1 + exp(-(x[0] * v[0] + x[1] * v[1] + x[2])));
            for (int a = 0; a < 3; a++)
                for (int b = 0; b < 3; b++)
                    h[a][b] += p * (1 - p) * v[a] * v[b] / POINTS;
        }
        double det = h[0][0] * (h[1][1] * h[2][2] - h[1][2] * h[2][1]) - h[0][1] * (h[1][0] * h[2][2] - h[1][2] * h[2][0]) +
                     h[0][2] * (h[1][0] * h[2][1] - h[1][1] * h[2][0]), d[3];
        for (int k = 0; k < 3; k++) {
            double m[3][3];
            for (int a = 0; a < 3; a++)
                for (int b = 0; b < 3; b++)
                    m[a][b] = b == k ? g[a] : h[a][b];
            d[k] = (m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                    m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])) / det;
        }
        for (int k = 0; k < 3; k++)
            x[k] -= d[k];
    }
}

static void equals_newton(void)
{
    static const double starts[4][3] = { { 0, 0, 0 }, { 3, -2, 1 }, { -40, 50, 30 }, { 1e-3, 5, -5 } };
    double penalty = 0.01, wanted[3], f, g[3];
    newton(penalty, wanted);
    for (int s = 0; s < 4; s++) {
        double x[3] = { starts[s][0], starts[s][1], starts[s][2] };
        CHECK(mim__evaluate_minimise(context, 3, x, 1000, 1e-7, logistic, &penalty) == MIM_OK);
        logistic(&penalty, x, &f, g);
        for (int i = 0; i < 3; i++) {
            CHECK(fabs(g[i]) < 1e-6);
            CHECK_NEAR(x[i], wanted[i], 1e-5);
        }
    }
}

static void ends(void)
{
    double penalty = 0, x[3] = { 0 }, y[3];
    evaluations = 0;
    CHECK(mim__evaluate_minimise(context, 3, x, 5, 0, logistic, &penalty) == MIM_OK);
    CHECK(evaluations >= 6 && evaluations < 60);
    CHECK(mim__evaluate_minimise(context, 3, x, 100000, 0, logistic, &penalty) == MIM_OK);     /* there is no least value */
    penalty = 1;
    CHECK(mim__evaluate_minimise(context, 3, x, 1000, 1e-9, logistic, &penalty) == MIM_OK);
    memcpy(y, x, sizeof y);
    evaluations = 0;
    CHECK(mim__evaluate_minimise(context, 3, x, 1000, 1e-8, logistic, &penalty) == MIM_OK);    /* already there */
    CHECK(evaluations == 1 && !memcmp(x, y, sizeof y));
    x[0] = x[1] = x[2] = 0;
    CHECK(mim__evaluate_minimise(context, 3, x, 10000, 0, logistic, &penalty) == MIM_OK);      /* where rounding ends it */
    CHECK(evaluations < 1000);
}

/* A long narrow valley: condition 1e4, more unknowns than pairs are kept. */
enum { VALLEY = 50 };
static mim_status valley(void *arg, const double *x, double *f, double *g)
{
    (void)arg;
    *f = 0;
    for (int i = 0; i < VALLEY; i++) {
        double a = pow(10, 4.0 * i / (VALLEY - 1)), d = x[i] - i;
        *f += a / 2 * d * d;
        g[i] = a * d;
    }
    return MIM_OK;
}

static void narrow_valley(void)
{
    double x[VALLEY] = { 0 };
    CHECK(mim__evaluate_minimise(context, VALLEY, x, 5000, 1e-6, valley, NULL) == MIM_OK);
    for (int i = 0; i < VALLEY; i++)
        CHECK_NEAR(x[i], i, 1e-5);
}

static mim_status refuses(void *arg, const double *x, double *f, double *g)
{
    (void)x;
    *f = 0, g[0] = 1;
    return --*(int *)arg ? MIM_OK : MIM_ERR_CANCELLED;
}

static void passes_errors_on(void)
{
    double x[1] = { 0 };
    for (int at = 1; at < 4; at++) {
        int left = at;
        CHECK(mim__evaluate_minimise(context, 1, x, 10, 0, refuses, &left) == MIM_ERR_CANCELLED);
    }
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(equals_newton);
    TEST(ends);
    TEST(narrow_valley);
    TEST(passes_errors_on);
    mim_context_destroy(context);
    return test_end();
}
