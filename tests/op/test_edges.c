/* SPDX-License-Identifier: MIT */
/* test_edges.c -- magnitudes of Sobel's differences. a: channels, height, width; r: deviation of the first channel. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    const int *a = c->a;
    float scale[16] = { 0 };
    for (int k = 0; k < a[0]; k++)
        scale[a[0] + k] = (float)c->r[0] + (float)k;
    return mim__op_edges(b->g, op_input(b, SHAPE(b->batch, a[0], a[1], a[2]), F32),
                         mim__graph_constant(b->g, "scale", SHAPE(2, a[0]), scale));
}

static int mirrored(int i, int n) { return n == 1 ? 0 : i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; }

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    const int *a = c->a;
    for (int p = 0; p < batch * a[0]; p++)
        for (int r = 0; r < a[1]; r++)
            for (int q = 0; q < a[2]; q++) {
                const double *x = in[0] + (size_t)p * (size_t)(a[1] * a[2]);
                double gx = 0, gy = 0;
                #define P(Y, X) x[mirrored(Y, a[1]) * a[2] + mirrored(X, a[2])]
                for (int i = -1; i <= 1; i++) {
                    gx += (i ? 1 : 2) * (P(r + i, q - 1) - P(r + i, q + 1));
                    gy += (i ? 1 : 2) * (P(r - 1, q + i) - P(r + 1, q + i));
                }
                *y++ = hypot(gx, gy) / 4 * ((double)(float)c->r[0] + p % a[0]);
            }
}

static const struct op_case cases[] = {
    { "one pixel", 1, { 1, 1, 1 }, { 1 } }, { "one row", 2, { 2, 1, 5 }, { 0.5 } }, { "smallest", 1, { 1, 2, 2 }, { 1 } },
    { "colours", 2, { 3, 9, 16 }, { 0.229 } },
};

static void bad(struct graph *g, int k)
{
    static const float scale[6];
    struct tensor *x = k == 0 ? mim__graph_input(g, "x", SHAPE(2, 9), F32)
                              : mim__graph_input(g, "x", SHAPE(2, 3, 4, 4), k == 1 ? BF16 : F32);
    mim__op_edges(g, x, mim__graph_constant(g, "s", SHAPE(2, k == 2 ? 2 : 3), scale));
}

static const struct op_test test = { "edges", build, reference, NULL, cases, COUNT(cases), bad, 3, true };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
