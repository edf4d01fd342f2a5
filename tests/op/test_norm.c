/* SPDX-License-Identifier: MIT */
/* test_norm.c -- layer norm against its formula in double, alone and at the end of a branch; drop path there. a: tokens,
 * width, residual. r: eps, added to x. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct tensor *x = op_input(b, SHAPE(b->batch, c->a[0], c->a[1]), F32);
    struct norm_after after = { .eps = (float)c->r[0], .gain = 0.5f };
    if (!c->a[2])
        return mim__op_norm(b->g, "n", x, (float)c->r[0], c->half ? BF16 : F32);
    after.residual = op_input(b, SHAPE(b->batch, c->a[0], c->a[1]), F32);
    return mim__op_norm_after(b->g, "n", x, after);
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int n = batch * c->a[0], dim = c->a[1];
    const double *gain = in[c->a[2] ? 2 : 1], *bias = in[c->a[2] ? 3 : 2];
    for (int r = 0; r < n; r++) {
        const double *x = in[0] + (size_t)r * (size_t)dim;
        double mean = 0, square = 0;
        for (int i = 0; i < dim; i++)
            mean += x[i] / dim;
        for (int i = 0; i < dim; i++)
            square += (x[i] - mean) * (x[i] - mean) / dim;
        for (int i = 0; i < dim; i++)
            *y++ = (x[i] - mean) / sqrt(square + (float)c->r[0]) * gain[i] + bias[i]
                 + (c->a[2] ? in[1][r * dim + i] : 0);
    }
}

/* Far from zero in the third case: variance must come from centred values. */
static float fill(const struct op_case *c, int leaf, size_t i) { return op_noise(leaf, i) + (leaf == 0 ? (float)c->r[1] : 0); }

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 2 }, { 1e-6 }, .tolerance = 1e-3 },
    { "odd", 3, { 5, 7 }, { 1e-5 } },
    { "far from zero", 2, { 3, 33 }, { 1e-6, 100 }, .tolerance = 2e-3 },
    { "wider than a task", 2, { 67, 48 }, { 1e-6 } },
    { "bf16", 3, { 23, 40 }, { 1e-6 }, .half = true },
    { "after a branch", 3, { 23, 8, 1 }, { 1e-5 } },
};

static void bad(struct graph *g, int k)
{
    struct tensor *x = mim__graph_input(g, "x", SHAPE(2, 3), F32), *other = mim__graph_input(g, "y", SHAPE(3, 2), F32);
    if (k > 1)
        mim__op_norm_after(g, "n", x, (struct norm_after){ .residual = k == 2 ? other : NULL, .drop_path = 0.1f,
                                                           .tokens = k == 3 ? 3 : 0 });
    else if (k == 0)
        mim__op_norm(g, "n", mim__graph_input(g, "x", SHAPE(2, 3), BF16), 1e-6f, F32);
    else
        mim__op_norm(g, "n", mim__graph_input(g, "x", SHAPE(2, 3), I32), 1e-6f, F32);
}

static const struct op_test test = { "norm", build, reference, fill, cases, COUNT(cases), bad, 5, false };

/* Drop path: of each picture the norm is left out or 1 / (1 - rate) times what it is, in backward as in forward. */
static void drop_path(void)
{
    enum { PICTURES = 64, TOKENS = 3, DIM = 4, N = PICTURES * TOKENS * DIM };
    mim_context *ctx = NULL;
    struct graph *g = NULL;
    struct plan *p = NULL;
    float weights[32] = { 1, 1, 1, 1 }, slopes[32] = { 0 };      /* gains, then from 16 on biases */
    int dropped = 0;
    CHECK(!mim_context_create(NULL, &ctx) && !mim__graph_create(ctx, &g));
    struct tensor *x = mim__graph_input(g, "x", SHAPE(PICTURES, TOKENS, DIM), F32);
    struct tensor *residual = mim__graph_input(g, "r", SHAPE(PICTURES, TOKENS, DIM), F32);
    struct norm_after o = { .eps = 1e-6f, .drop_path = 0.25f, .tokens = TOKENS, .residual = residual };
    struct tensor *y = mim__op_norm_after(g, "n", x, o);
    static const char *const keep[] = { "y", NULL };
    mim__graph_output(g, "y", y);
    struct plan_options plan = { .weights = { weights }, .gradients = { slopes }, .backward = true, .seed = y,
                                 .keep = keep };
    struct env e = { .pool = mim__context_executor(ctx), .training = true };
    CHECK(!mim__graph_plan(g, &plan, &p));
    for (int i = 0; i < N; i++) {
        ((float *)mim__plan_data(p, x))[i] = (float)sin(i);
        ((float *)mim__plan_data(p, residual))[i] = 0;
    }
    CHECK(!mim__plan_forward(p, &e));
    for (int b = 0; b < PICTURES; b++) {
        const float *of = (const float *)mim__plan_data(p, y) + b * TOKENS * DIM;
        double square = 0;
        for (int i = 0; i < DIM; i++)
            square += of[i] * of[i] / DIM;
        dropped += square == 0;
        if (square != 0)
            CHECK_NEAR(square, 1 / 0.75 / 0.75, 1e-3);
    }
    CHECK(dropped > 6 && dropped < 28);
    for (int i = 0; i < N; i++)
        ((float *)mim__plan_gradient(p, y))[i] = 1;
    CHECK(!mim__plan_backward(p, &e, false));
    for (int i = 0; i < DIM; i++)
        CHECK_NEAR(slopes[16 + i], (PICTURES - dropped) * TOKENS / 0.75, 1e-2);
    mim__plan_destroy(p);
    mim__graph_destroy(g);
    mim_context_destroy(ctx);
}

int main(int argc, char **argv)
{
    TEST(drop_path);
    return op_check(argc, argv, &test);
}
