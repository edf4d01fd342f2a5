/* SPDX-License-Identifier: MIT */
/* test_target.c -- what is to be predicted. a: channels, height, width, patch, kind, window, reduce, interleaved. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    const int *a = c->a;
    struct target o = { a[3], (enum target_kind)a[4], a[5], a[6], a[7] };
    return mim__op_target(b->g, op_input(b, SHAPE(b->batch, a[0], a[1], a[2]), F32), o);
}

/* Pixel (y, x) of the reduced channel. */
static double pixel(const struct op_case *c, const double *plane, int y, int x)
{
    int f = c->a[6];
    double sum = 0;
    for (int i = 0; i < f; i++)
        for (int j = 0; j < f; j++)
            sum += plane[(y * f + i) * c->a[2] + x * f + j];
    return sum / (f * f);
}

static double windowed(const struct op_case *c, const double *plane, int y, int x)
{
    int h = c->a[1] / c->a[6], w = c->a[2] / c->a[6], half = c->a[5] / 2, n = 0;
    double mean = 0, square = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = y - half; i <= y + half; i++)
            for (int j = x - half; j <= x + half; j++)
                if (i >= 0 && i < h && j >= 0 && j < w) {
                    double v = pixel(c, plane, i, j);
                    if (pass)
                        square += (v - mean) * (v - mean);
                    else
                        mean += v, n++;
                }
        mean = pass ? mean : mean / n;
    }
    return (pixel(c, plane, y, x) - mean) / sqrt(square / (n - 1) + 1e-6);
}

static void normalise(double *y, int n)
{
    double mean = 0, square = 0;
    for (int i = 0; i < n; i++)
        mean += y[i] / n;
    for (int i = 0; i < n; i++)
        square += (y[i] - mean) * (y[i] - mean);
    for (int i = 0; i < n; i++)
        y[i] = (y[i] - mean) / sqrt(square / (n - 1) + 1e-6);
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    const int *a = c->a;
    int side = a[3] / a[6], depth = a[0] * side * side;
    for (int b = 0; b < batch; b++)
        for (int r = 0; r < a[1] / a[3]; r++)
            for (int q = 0; q < a[2] / a[3]; q++, y += depth) {
                for (int k = 0; k < a[0]; k++)
                    for (int i = 0; i < side * side; i++) {
                        const double *plane = in[0] + (size_t)(b * a[0] + k) * (size_t)(a[1] * a[2]);
                        int row = r * side + i / side, col = q * side + i % side;
                        y[a[7] ? i * a[0] + k : k * side * side + i] =
                            a[4] == TARGET_WINDOW_NORM ? windowed(c, plane, row, col) : pixel(c, plane, row, col);
                    }
                if (a[4] == TARGET_PATCH_NORM)
                    normalise(y, depth);
            }
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 1, 1, TARGET_PIXELS, 0, 1, 0 } },
    { "pixels", 2, { 3, 6, 9, 3, TARGET_PIXELS, 0, 1, 0 } },
    { "interleaved", 2, { 3, 6, 9, 3, TARGET_PIXELS, 0, 1, 1 } },
    { "patch norm", 2, { 3, 8, 12, 4, TARGET_PATCH_NORM, 0, 1, 0 } },
    { "patch norm, interleaved, reduced", 1, { 2, 8, 12, 4, TARGET_PATCH_NORM, 0, 2, 1 } },
    { "reduced", 2, { 3, 12, 8, 4, TARGET_PIXELS, 0, 2, 0 } },
    { "reduced to one", 2, { 3, 12, 8, 4, TARGET_PIXELS, 0, 4, 0 } },
    { "window", 2, { 2, 8, 12, 4, TARGET_WINDOW_NORM, 3, 1, 0 }, .tolerance = 2e-4 },
    { "window wider than the picture", 1, { 1, 6, 6, 3, TARGET_WINDOW_NORM, 47, 1, 0 } },
    { "window, reduced", 1, { 2, 12, 8, 4, TARGET_WINDOW_NORM, 3, 2, 0 }, .tolerance = 2e-4 },
};

static void bad(struct graph *g, int k)
{
    if (k == 0)
        mim__op_target(g, mim__graph_input(g, "x", SHAPE(3, 8, 8), F32), (struct target){ .patch = 4, .reduce = 1 });
    else
        mim__op_target(g, mim__graph_input(g, "x", SHAPE(1, 3, 8, k == 1 ? 10 : 8), k == 2 ? I32 : F32),
                       (struct target){ .patch = k == 3 ? 0 : 4, .reduce = k == 4 ? 0 : k == 5 ? 3 : 1 });
}

static const struct op_test test = { "target", build, reference, NULL, cases, COUNT(cases), bad, 6, true };

static void run_golden(int window, float y[25])
{
    static const char *const keep[] = { "y", NULL };
    mim_context *ctx = NULL;
    struct graph *g = NULL;
    struct plan *p = NULL;
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim__graph_create(ctx, &g) == MIM_OK);
    struct tensor *x = mim__graph_input(g, "x", SHAPE(1, 1, 5, 5), F32);
    struct tensor *t = mim__op_target(g, x, (struct target){ .patch = 5, .kind = TARGET_WINDOW_NORM, .window = window, .reduce = 1 });
    struct env e = { .pool = mim__context_executor(ctx) };
    struct plan_options o = { .keep = keep };
    mim__graph_output(g, "y", t);
    if (CHECK(mim__graph_plan(g, &o, &p) == MIM_OK)) {
        for (int i = 0; i < 25; i++)
            ((float *)mim__plan_data(p, x))[i] = (float)(i / 5 * (i / 5) + 2 * (i % 5));
        CHECK(mim__plan_forward(p, &e) == MIM_OK);
        memcpy(y, mim__plan_data(p, t), 25 * sizeof *y);
    }
    mim__plan_destroy(p);
    mim__graph_destroy(g);
    mim_context_destroy(ctx);
}

/* x = y^2 + 2 x on 5 x 5, windows of 3 and of 47. */
static void golden(void)
{
    static const double want[5][3] = { { -1.161895, -0.267261, 0.387298 }, { -0.771517, -0.266667, 0.154303 },
        { -0.441253, -0.170716, 0.088251 }, { -0.302947, -0.121212, 0.060589 }, { 0.594789, 0.827259, 1.070620 } };
    static const double wide[5] = { -1.497662, -1.198129, -0.898597, -0.599065, -0.299532 };
    float y[25] = { 0 };
    run_golden(3, y);
    for (int i = 0; i < 25; i++)
        CHECK_NEAR(y[i], want[i / 5][i % 5 == 0 ? 0 : i % 5 == 4 ? 2 : 1], 2e-6);
    run_golden(47, y);
    for (int i = 0; i < 5; i++)
        CHECK_NEAR(y[i], wide[i], 2e-6);
    CHECK_NEAR(y[24], 2.096726, 2e-6);
}

int main(int argc, char **argv)
{
    TEST(golden);
    return op_check(argc, argv, &test);
}
