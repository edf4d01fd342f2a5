/* SPDX-License-Identifier: MIT */
/* test_pixel_loss.c -- the regression loss. a: patches, channels, pixels a patch, kind, mask; r: beta, visible, eps, share hidden. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    const int *a = c->a;
    struct tensor *x = op_input(b, SHAPE(b->batch, a[0], a[1] * a[2]), F32), *t = op_plain(b, SHAPE(b->batch, a[0], a[1] * a[2]));
    struct tensor *mask = a[4] ? op_input(b, SHAPE(b->batch, a[0]), I32) : NULL;
    return mim__op_pixel_loss(b->g, x, t, mask, (struct pixel_loss){ (enum loss_kind)a[3], (float)c->r[0], (float)c->r[1], (float)c->r[2], a[1] });
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    const int *a = c->a;
    int depth = a[1] * a[2];
    double sum = 0, pixels = 0, beta = (float)c->r[0];
    for (int r = 0; r < batch * a[0]; r++) {
        double w = !a[4] || in[2][r] != 0 ? 1 : (float)c->r[1];
        pixels += w * a[2];
        for (int i = 0; i < depth; i++) {
            double d = fabs(in[0][r * depth + i] - in[1][r * depth + i]);
            sum += w * (a[3] == LOSS_L1 ? d : a[3] == LOSS_L2 ? d * d : d < beta ? d * d / 2 / beta : d - beta / 2);
        }
    }
    *y = pixels > 0 ? sum / (pixels + (float)c->r[2]) / a[1] : 0;
}

static float fill(const struct op_case *c, int leaf, size_t i)
{
    return leaf == 2 ? (float)(op_noise(2, i) / 2 + 0.5f < c->r[3]) : op_noise(leaf, i);
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 1, LOSS_L1, 0 } },
    { "L1", 3, { 9, 3, 4, LOSS_L1, 1 }, { 0, 0, 1e-5, 0.6 } },
    { "L1, long rows", 2, { 5, 3, 13, LOSS_L1, 1 }, { 0, 0.25, 1e-5, 0.5 } },
    { "L2, no mask", 2, { 5, 2, 3, LOSS_L2, 0 }, { 0, 0, 1e-5 } },
    { "smooth", 2, { 70, 3, 4, LOSS_SMOOTH_L1, 1 }, { 0.5, 0, 1e-5, 0.5 } },
    { "visible count too", 2, { 8, 1, 16, LOSS_L2, 1 }, { 0, 0.25, 0, 0.5 } },
    { "all hidden", 2, { 8, 1, 9, LOSS_L1, 1 }, { 0, 0, 1e-5, 1 } },
    { "none hidden", 2, { 8, 1, 9, LOSS_L1, 1 }, { 0, 0, 1e-5, 0 } },
    { "none hidden, no eps", 2, { 8, 1, 9, LOSS_L1, 1 }, { 0, 0, 0, 0 } },
    { "smooth without a bend", 2, { 8, 1, 9, LOSS_SMOOTH_L1, 1 }, { 0, 0, 0, 0.5 } },
};

static void bad(struct graph *g, int k)
{
    struct tensor *x = mim__graph_input(g, "x", SHAPE(2, 3, 12), k == 0 ? BF16 : F32);
    struct tensor *t = mim__graph_input(g, "t", k == 1 ? SHAPE(2, 3, 11) : k == 2 ? SHAPE(2, 4, 9) : SHAPE(2, 3, 12), F32);
    struct tensor *m = mim__graph_input(g, "m", SHAPE(2, k == 3 ? 4 : 3), k == 4 ? F32 : I32);
    mim__op_pixel_loss(g, x, t, m, (struct pixel_loss){ .channels = k == 5 ? 0 : k == 6 ? 5 : 3 });
}

static const struct op_test test = { "pixel_loss", build, reference, fill, cases, COUNT(cases), bad, 7, false };

/* One hidden patch of 2 x 2 ones in three channels against zero: 12 / (4 + 1e-5) / 3. */
static void golden(void)
{
    struct op_case c = { "golden", 1, { 4, 3, 4, LOSS_L1, 1 }, { 0, 0, 1e-5 } };
    double x[48] = { 0 }, t[48], mask[4] = { 1 }, y;
    const double *in[] = { x, t, mask };
    for (int i = 0; i < 48; i++)
        t[i] = 1;
    reference(&c, 1, in, &y);
    CHECK_NEAR(y, 0.9999975, 1e-8);
}

/* The slope of L1 wherever a column lies: a sign, 0 where prediction and target agree, NaN where one is NaN. */
static void signs(void)
{
    static const float differences[] = { 2, -2, 0, 1e-40f, -1e-40f, INFINITY, -INFINITY, NAN };
    static const float want[] = { 1, -1, 0, 1, -1, 1, -1 };
    enum { N = 16 + 8 };
    mim_context *ctx = NULL;
    struct graph *g = NULL;
    struct plan *p = NULL;
    CHECK(!mim_context_create(NULL, &ctx) && !mim__graph_create(ctx, &g));
    struct tensor *x = mim__graph_input(g, "x", SHAPE(1, 1, N), F32), *t = mim__graph_input(g, "t", SHAPE(1, 1, N), F32);
    struct tensor *y = mim__op_pixel_loss(g, x, t, NULL, (struct pixel_loss){ .kind = LOSS_L1, .channels = 1 });
    struct plan_options o = { .backward = true, .seed = y, .input_gradients = true };
    struct env e = { .pool = mim__context_executor(ctx), .training = true };
    CHECK(!mim__graph_plan(g, &o, &p));
    for (int i = 0; i < N; i++) {
        ((float *)mim__plan_data(p, x))[i] = differences[i % 8];
        ((float *)mim__plan_data(p, t))[i] = 0;
    }
    CHECK(!mim__plan_forward(p, &e));
    *(float *)mim__plan_gradient(p, y) = N;
    CHECK(!mim__plan_backward(p, &e, false));
    const float *dx = mim__plan_gradient(p, x);
    for (int i = 0; i < N; i++)
        CHECK(i % 8 == 7 ? isnan(dx[i]) : fabs(dx[i] - want[i % 8]) < 1e-6);
    mim__plan_destroy(p);
    mim__graph_destroy(g);
    mim_context_destroy(ctx);
}

int main(int argc, char **argv)
{
    TEST(signs);
    TEST(golden);
    return op_check(argc, argv, &test);
}
