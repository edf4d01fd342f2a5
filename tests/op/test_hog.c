/* SPDX-License-Identifier: MIT */
/* test_hog.c -- histograms of oriented gradients against the definition with atan2, and against values worked out elsewhere.
 * a: channels, height, width, patch; r: mean, deviation of the first channel. Inputs are bytes, normalised. */
#include "support/op_check.h"

static void scale_of(const struct op_case *c, float *to)
{
    for (int k = 0; k < c->a[0]; k++) {
        to[k] = (float)c->r[0] + 0.1f * (float)k;
        to[c->a[0] + k] = (float)c->r[1] + 0.03f * (float)k;
    }
}

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    const int *a = c->a;
    float scale[16];
    scale_of(c, scale);
    return mim__op_hog(b->g, op_input(b, SHAPE(b->batch, a[0], a[1], a[2]), F32),
                       mim__graph_constant(b->g, "scale", SHAPE(2, a[0]), scale), a[3]);
}

/* A byte of the first leaf; a flat second half of the picture, where no direction is. */
static int byte_of(const struct op_case *c, size_t i)
{
    const int *a = c->a;
    int x = (int)(i % (size_t)a[2]), y = (int)(i / (size_t)a[2] % (size_t)a[1]), k = (int)(i / (size_t)(a[1] * a[2]) % (size_t)a[0]);
    if (c->r[2] > 0)
        return (7 * x * x + 13 * y * y + 5 * x * y + 17 * x + 29 * y + 31 * k) % 256;
    return x >= a[2] / 2 ? 77 : (int)(128 + 127 * op_noise(3, i));
}

static float fill(const struct op_case *c, int leaf, size_t i)
{
    float scale[16];
    scale_of(c, scale);
    int k = (int)(i / (size_t)(c->a[1] * c->a[2]) % (size_t)c->a[0]);
    (void)leaf;
    return ((float)byte_of(c, i) / 255 - scale[k]) / scale[c->a[0] + k];
}

static int mirrored(int i, int n) { return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; }

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    const int *a = c->a;
    int n = a[3] / 8, per = a[0] * 9 * n * n, across = a[2] / a[3], down = a[1] / a[3];
    const double pi = acos(-1);
    (void)in;
    memset(y, 0, (size_t)(batch * across * down * per) * sizeof *y);
    for (int b = 0; b < batch; b++)
        for (int k = 0; k < a[0]; k++) {
            size_t plane = (size_t)(b * a[0] + k) * (size_t)(a[1] * a[2]);
            #define P(Y, X) byte_of(c, plane + (size_t)(mirrored(Y, a[1]) * a[2] + mirrored(X, a[2])))
            for (int cy = 0; cy < a[1] / 8; cy++)
                for (int cx = 0; cx < a[2] / 8; cx++) {
                    double h[9] = { 0 }, square = 0;
                    for (int r = cy * 8; r < cy * 8 + 8; r++)
                        for (int q = cx * 8; q < cx * 8 + 8; q++) {
                            double gx = 0, gy = 0;
                            for (int i = -1; i <= 1; i++) {
                                gx += (i ? 1 : 2) * (P(r + i, q - 1) - P(r + i, q + 1));
                                gy += (i ? 1 : 2) * (P(r - 1, q + i) - P(r + 1, q + i));
                            }
                            int bin = (int)floor(atan2(gx, gy) / pi * 9);
                            h[((bin % 9) + 9) % 9] += hypot(gx, gy) * exp(-0.5 * pow((r % 16 - 7.5) / 8, 2) - 0.5 * pow((q % 16 - 7.5) / 8, 2));
                        }
                    for (int i = 0; i < 9; i++)
                        square += h[i] * h[i];
                    double *to = y + (size_t)((b * down + cy / n) * across + cx / n) * (size_t)per;
                    for (int i = 0; i < 9; i++)
                        to[((k * 9 + i) * n + cy % n) * n + cx % n] = square > 0 ? h[i] / sqrt(square) : 0;
                }
        }
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 8, 8, 8 }, { 0, 1 } }, { "normalised", 2, { 3, 32, 16, 16 }, { 0.4, 0.2 } },
    { "of several cells", 1, { 2, 24, 48, 24 }, { 0.5, 0.5 } }, { "golden picture", 1, { 3, 32, 32, 16 }, { 0.485, 0.229, 1 } },
};

static void bad(struct graph *g, int k)
{
    static const int sizes[][4] = { { 3, 16, 16, 4 }, { 3, 16, 24, 16 }, { 3, 20, 16, 8 }, { 2, 16, 16, 8 } };
    static const float scale[6] = { 0, 0, 0, 1, 1, 1 };
    const int *a = sizes[k < 4 ? k : 0];
    struct tensor *x = mim__graph_input(g, "x", SHAPE(2, a[0], a[1], a[2]), k == 4 ? BF16 : F32);
    mim__op_hog(g, x, mim__graph_constant(g, "s", SHAPE(2, 3), scale), k == 4 ? 8 : a[3]);
}

/* What the published operator makes of the picture of the golden values, from whole gradients. */
static void golden(void)
{
    static const double first[8] = { 0.181331, 0.369547, 0.393039, 0.391197, 0.104571, 0.080403, 0.589951, 0.363819 };
    static const double cell[9] = { 0.555163, 0.169317, 0.393417, 0.165669, 0.470140, 0.343039, 0.231726, 0.225098, 0.194497 };
    static double y[4 * 108];
    double sum = 0, square = 0;
    reference(&cases[3], 1, NULL, y);            /* which the operator was checked against */
    for (int i = 0; i < 432; i++) {
        sum += y[i];
        square += y[i] * y[i];
    }
    for (int i = 0; i < 8; i++)
        CHECK_NEAR(y[108 + i], first[i], 1e-6);
    CHECK_NEAR(y[108 + 107], 0.080488, 1e-6);
    for (int i = 0; i < 9; i++)
        CHECK_NEAR(y[4 * i], cell[i], 1e-6);
    CHECK_NEAR(sum, 127.227079, 1e-5);
    CHECK_NEAR(square, 48, 1e-9);
}

static const struct op_test test = { "hog", build, reference, fill, cases, COUNT(cases), bad, 5, true };
int main(int argc, char **argv)
{
    if (argc < 2)
        TEST(golden);
    return op_check(argc, argv, &test);
}
