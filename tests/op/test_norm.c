/* SPDX-License-Identifier: MIT */
/* test_norm.c -- layer norm against its formula in double. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct tensor *x = op_input(b, SHAPE(b->batch, c->a[0], c->a[1]), F32);
    return mim__op_norm(b->g, "n", x, (float)c->r[0], c->half ? BF16 : F32);
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int n = batch * c->a[0], dim = c->a[1];
    for (int r = 0; r < n; r++) {
        const double *x = in[0] + (size_t)r * (size_t)dim;
        double mean = 0, square = 0;
        for (int i = 0; i < dim; i++)
            mean += x[i] / dim;
        for (int i = 0; i < dim; i++)
            square += (x[i] - mean) * (x[i] - mean) / dim;
        for (int i = 0; i < dim; i++)
            *y++ = (x[i] - mean) / sqrt(square + (float)c->r[0]) * in[1][i] + in[2][i];
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
};

static void bad(struct graph *g, int k)
{
    if (k == 0)
        mim__op_norm(g, "n", mim__graph_input(g, "x", SHAPE(2, 3), BF16), 1e-6f, F32);
    else
        mim__op_norm(g, "n", mim__graph_input(g, "x", SHAPE(2, 3), I32), 1e-6f, F32);
}

static const struct op_test test = { "norm", build, reference, fill, cases, COUNT(cases), bad, 2, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
