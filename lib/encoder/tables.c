/* SPDX-License-Identifier: MIT */
/* tables.c -- resampling matrices of position tables. */
#include "encoder/tables.h"

#include <math.h>

/* Keys's cubic convolution kernel. */
static double cubic(double x, double a)
{
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static void plain_row(int n, int m, int o, float *row)
{
    double s = (o + 0.5) * n / m - 0.5, f = floor(s);
    for (int tap = -1; tap <= 2; tap++) {
        int at = imin(imax((int)f + tap, 0), n - 1);
        row[at] += (float)cubic(s - (f + tap), -0.75);
    }
}

static void antialias_row(int n, int m, int o, float *row)
{
    double scale = (double)n / m, stretch = fmax(scale, 1), support = 2 * stretch, centre = (o + 0.5) * scale, sum = 0;
    int first = imax((int)(centre - support + 0.5), 0), end = imin((int)(centre + support + 0.5), n);
    for (int i = first; i < end; i++)
        sum += cubic((i - centre + 0.5) / stretch, -0.5);
    for (int i = first; i < end; i++)
        row[i] = (float)(cubic((i - centre + 0.5) / stretch, -0.5) / sum);
}

void mim__cubic_matrix(int n, int m, bool antialias, float *to)
{
    memset(to, 0, (size_t)n * (size_t)m * sizeof *to);
    for (int o = 0; o < m; o++)
        (antialias ? antialias_row : plain_row)(n, m, o, to + (size_t)o * (size_t)n);
}

/* Places of the n offsets: 0, +-1, +-(1 + q^1), ...; q by bisection so that the last reaches (m - 1) / 2. */
static void places(int n, int m, double *x)
{
    int half = n / 2, goal = m / 2;
    double low = 1.01, high = 1.5, q = low;
    while (high - low > 1e-6) {
        q = (low + high) / 2;
        if ((1 - pow(q, half)) / (1 - q) > goal)
            high = q;
        else
            low = q;
    }
    double at = 0, step = 1;
    x[half] = 0;
    for (int i = 1; i <= half; i++, step *= q) {
        at += step;
        x[half + i] = at;
        x[half - i] = -at;
    }
}

/* Solve the n x n system a z = b in place, b [n, n], by elimination with row exchange: some n^2 operations, as a row of a
 * has but three entries, side by side. */
static void solve(int n, double *a, double *b)
{
    for (int c = 0; c < n; c++) {
        int best = c;
        for (int r = c + 1; r < n; r++)
            if (fabs(a[r * n + c]) > fabs(a[best * n + c]))
                best = r;
        for (int k = 0; k < n; k++) {
            double t = a[c * n + k], u = b[c * n + k];
            a[c * n + k] = a[best * n + k];
            a[best * n + k] = t;
            b[c * n + k] = b[best * n + k];
            b[best * n + k] = u;
        }
        for (int r = c + 1; r < n; r++) {
            double f = a[r * n + c] / a[c * n + c];
            for (int k = 0; f != 0 && k < n; k++) {
                a[r * n + k] -= f * a[c * n + k];
                b[r * n + k] -= f * b[c * n + k];
            }
        }
    }
    for (int c = n - 1; c >= 0; c--) {
        for (int k = 0; k < n; k++)
            b[c * n + k] /= a[c * n + c];
        for (int r = 0; r < c; r++)
            for (int k = 0; a[r * n + c] != 0 && k < n; k++)
                b[r * n + k] -= a[r * n + c] * b[c * n + k];
    }
}

/* Second derivatives of the spline through unit values: z [n, n], z[i][j] at knot i for value 1 at knot j. The first and
 * last two pieces are one cubic each (not-a-knot). */
static void curvatures(int n, const double *x, double *a, double *z)
{
    memset(a, 0, (size_t)n * (size_t)n * sizeof *a);
    memset(z, 0, (size_t)n * (size_t)n * sizeof *z);
    for (int i = 1; i + 1 < n; i++) {
        double h = x[i] - x[i - 1], k = x[i + 1] - x[i];
        a[i * n + i - 1] = h;
        a[i * n + i] = 2 * (h + k);
        a[i * n + i + 1] = k;
        z[i * n + i - 1] = 6 / h;
        z[i * n + i] = -6 / h - 6 / k;
        z[i * n + i + 1] = 6 / k;
    }
    double h0 = x[1] - x[0], h1 = x[2] - x[1], g0 = x[n - 2] - x[n - 3], g1 = x[n - 1] - x[n - 2];
    a[0] = h1;
    a[1] = -(h0 + h1);
    a[2] = h0;
    a[n * n - 3] = g1;
    a[n * n - 2] = -(g0 + g1);
    a[n * n - 1] = g0;
    solve(n, a, z);
}

static void spline_row(int n, const double *x, const double *z, double t, float *row)
{
    t = fmin(fmax(t, x[0]), x[n - 1]);
    int i = 0;
    while (i + 2 < n && t > x[i + 1])
        i++;
    double h = x[i + 1] - x[i], u = (x[i + 1] - t) / h, v = (t - x[i]) / h;
    double cu = (u * u * u - u) * h * h / 6, cv = (v * v * v - v) * h * h / 6;
    for (int j = 0; j < n; j++)
        row[j] = (float)(cu * z[i * n + j] + cv * z[(i + 1) * n + j] + (j == i ? u : 0) + (j == i + 1 ? v : 0));
}

mim_status mim__geometric_matrix(mim_context *ctx, int n, int m, float *to)
{
    if (n == m) {
        memset(to, 0, (size_t)n * (size_t)n * sizeof *to);
        for (int i = 0; i < n; i++)
            to[(size_t)i * (size_t)n + (size_t)i] = 1;
        return MIM_OK;
    }
    size_t square = (size_t)n * (size_t)n;
    double *x = mim__calloc(ctx, (size_t)n + 2 * square, sizeof *x);
    if (!x)
        return mim__no_memory(ctx, ((size_t)n + 2 * square) * sizeof *x);
    places(n, m, x);
    curvatures(n, x, x + n, x + n + square);
    for (int i = 0; i < m; i++)
        spline_row(n, x, x + n + square, i - m / 2, to + (size_t)i * (size_t)n);
    mim__free(ctx, x);
    return MIM_OK;
}
