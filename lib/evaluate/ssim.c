/* SPDX-License-Identifier: MIT */
/* ssim.c -- structural similarity (Wang et al. 2004): windows of 11 x 11 with Gaussian weights, sigma 1.5, wholly inside
 * the picture; C1 = 0.01^2, C2 = 0.03^2 of the range. Windows are summed across, then down, through a ring of 11 rows. */
#include "evaluate/evaluate.h"

#include <math.h>

enum { SUMS = 5 };                           /* of a, b, aa, bb, ab */

size_t mim__evaluate_ssim_scratch(int width)
{
    return (size_t)width * (2 + SUMS * (SSIM_SIDE + 1));
}

static void gaussian(double w[SSIM_SIDE])
{
    double sum = 0;
    for (int i = 0; i < SSIM_SIDE; i++) {
        double x = i - SSIM_SIDE / 2;
        w[i] = exp(-x * x / (2 * 1.5 * 1.5));
        sum += w[i];
    }
    for (int i = 0; i < SSIM_SIDE; i++)
        w[i] /= sum;
}

/* sums [SUMS][n] of the windows along one row of both pictures. */
static void across(int n, const double *w, const double *a, const double *b, double *sums)
{
    for (int x = 0; x < n; x++) {
        double s[SUMS] = { 0 };
        for (int i = 0; i < SSIM_SIDE; i++) {
            double p = a[x + i], q = b[x + i];
            s[0] += w[i] * p;
            s[1] += w[i] * q;
            s[2] += w[i] * p * p;
            s[3] += w[i] * q * q;
            s[4] += w[i] * p * q;
        }
        for (int k = 0; k < SUMS; k++)
            sums[(size_t)k * (size_t)n + (size_t)x] = s[k];
    }
}

static double similarity(int n, const double *s)
{
    const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
    double a = s[0], b = s[n], aa = s[2 * n] - a * a, bb = s[3 * n] - b * b, ab = s[4 * n] - a * b;
    return (2 * a * b + c1) * (2 * ab + c2) / ((a * a + b * b + c1) * (aa + bb + c2));
}

/* Windows down: sums [SUMS][n] from the ring, whose oldest row is `first`. */
static void down(int n, const double *w, const double *ring, int first, double *sums)
{
    size_t line = SUMS * (size_t)n;
    memset(sums, 0, line * sizeof *sums);
    for (int i = 0; i < SSIM_SIDE; i++) {
        const double *row = ring + (size_t)((first + i) % SSIM_SIDE) * line;
        for (size_t k = 0; k < line; k++)
            sums[k] += w[i] * row[k];
    }
}

double mim__evaluate_ssim(const struct plane *a, const struct plane *b, const uint8_t *where, double *scratch)
{
    int width = a->p->width, n = width - SSIM_SIDE + 1, middle = SSIM_SIDE / 2;
    double w[SSIM_SIDE], total = 0, *row_a = scratch, *row_b = row_a + width, *sums = row_b + width;
    double *ring = sums + SUMS * (size_t)width;
    int64_t count = 0;
    gaussian(w);
    for (int y = 0; y < a->p->height; y++) {
        mim__evaluate_row(a, y, row_a);
        mim__evaluate_row(b, y, row_b);
        across(n, w, row_a, row_b, ring + (size_t)(y % SSIM_SIDE) * SUMS * (size_t)n);
        if (y < SSIM_SIDE - 1)
            continue;
        down(n, w, ring, (y + 1) % SSIM_SIDE, sums);
        const uint8_t *counts = where ? where + (int64_t)(y - middle) * width + middle : NULL;
        for (int x = 0; x < n; x++)
            if (!counts || counts[x]) {
                total += similarity(n, sums + x);
                count++;
            }
    }
    return total / (double)count;
}
