/* SPDX-License-Identifier: MIT */
/* test_resample.c -- a table of one grid on another. a: r0, c0, r1, c1, prefix, suffix, width. */
#include "support/op_check.h"

static float entry(int which, int i)        /* some zeros, as real matrices have */
{
    float v = op_noise(60 + which, (size_t)i);
    return v < -0.4f ? 0 : v;
}

static struct tensor *matrix(struct graph *g, int which, int rows, int cols)
{
    float data[256];
    for (int i = 0; i < rows * cols; i++)
        data[i] = entry(which, i);
    return mim__graph_constant(g, "m", SHAPE(rows, cols), data);
}

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    const int *a = c->a;
    struct tensor *x = op_input(b, SHAPE(b->batch, a[4] + a[2] * a[3] + a[5], a[6]), F32);
    struct tensor *table = op_param(b, SHAPE(1, a[4] + a[0] * a[1] + a[5], a[6]));
    struct tensor *y = mim__op_resample(b->g, table, matrix(b->g, 0, a[2], a[0]), matrix(b->g, 1, a[3], a[1]),
                                        (struct resample){ a[4], a[5] });
    return mim__op_embed(b->g, x, NULL, y);
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    const int *a = c->a;
    int grid = a[2] * a[3], all = a[4] + grid + a[5], w = a[6];
    for (int b = 0; b < batch; b++)
        for (int r = 0; r < all; r++)
            for (int i = 0; i < w; i++) {
                double v = 0;
                if (r < a[4])
                    v = in[1][r * w + i];
                else if (r >= a[4] + grid)
                    v = in[1][(r - grid + a[0] * a[1]) * w + i];
                else
                    for (int p = 0; p < a[0]; p++)
                        for (int q = 0; q < a[1]; q++)
                            v += (double)entry(0, (r - a[4]) / a[3] * a[0] + p) * entry(1, (r - a[4]) % a[3] * a[1] + q)
                               * in[1][(a[4] + p * a[1] + q) * w + i];
                *y++ = in[0][(b * all + r) * w + i] + v;
            }
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 1, 1, 0, 0, 1 } }, { "positions", 2, { 3, 4, 5, 2, 1, 0, 9 } }, { "relative", 1, { 5, 3, 7, 5, 0, 3, 2 } },
    { "both ends", 3, { 2, 2, 3, 3, 2, 1, 17 } },
};

static void bad(struct graph *g, int k)
{
    struct tensor *table = k == 0 ? mim__graph_input(g, "t", SHAPE(5), F32) : k == 1 ? mim__graph_input(g, "t", SHAPE(2, 5, 4), F32)
                         : mim__graph_input(g, "t", SHAPE(1, k == 2 ? 6 : 5, 4), k == 3 ? BF16 : F32);
    struct tensor *r = k == 4 ? mim__graph_input(g, "r", SHAPE(6), F32) : mim__graph_input(g, "r", SHAPE(3, k == 1 ? 5 : 2), k == 5 ? I32 : F32);
    struct tensor *c = mim__graph_input(g, "c", SHAPE(3, 2), F32);
    mim__op_resample(g, table, r, c, k == 6 ? (struct resample){ -1, 2 } : (struct resample){ k == 1 ? 0 : 1, 0 });
}

static const struct op_test test = { "resample", build, reference, NULL, cases, COUNT(cases), bad, 7, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
