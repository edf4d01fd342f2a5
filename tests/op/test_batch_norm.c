/* SPDX-License-Identifier: MIT */
/* test_batch_norm.c -- columns normalised by their own mean and variance, gradients through both. a: rows a picture, columns;
 * r: eps, what is added to all x. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct tensor *x = op_input(b, SHAPE(b->batch * c->a[0], c->a[1]), F32);
    static const float other[128];
    struct tensor *running = mim__graph_constant(b->g, "running", SHAPE(c->a[1]), other);
    return mim__op_batch_norm(b->g, x, mim__op_batch_statistics(b->g, x, running, running), (float)c->r[0]);
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int n = batch * c->a[0], dim = c->a[1];
    for (int i = 0; i < dim; i++) {
        double mean = 0, square = 0;
        for (int r = 0; r < n; r++)
            mean += in[0][r * dim + i] / n;
        for (int r = 0; r < n; r++)
            square += pow(in[0][r * dim + i] - mean, 2) / n;
        for (int r = 0; r < n; r++)
            y[r * dim + i] = (in[0][r * dim + i] - mean) / sqrt(square + (double)(float)c->r[0]);
    }
}

static float fill(const struct op_case *c, int leaf, size_t i) { return op_noise(leaf, i) + (leaf ? 0 : (float)c->r[1]); }

static const struct op_case cases[] = {
    { "smallest", 2, { 1, 1 }, { 0.1 } }, { "odd", 5, { 1, 33 }, { 0.01 } }, { "several blocks", 9, { 1, 70 }, { 1e-6 } },
    { "rows of more than a task", 70, { 1, 5 }, { 1e-6 } }, { "off zero", 6, { 2, 7 }, { 1e-3, 20 }, .tolerance = 2e-4 },
};

static void bad(struct graph *g, int k)
{
    struct tensor *x = k == 1 ? mim__graph_input(g, "x", SHAPE(4, 2, 5), F32) : mim__graph_input(g, "x", SHAPE(4, 5), k ? F32 : BF16);
    struct tensor *right = mim__graph_input(g, "r", SHAPE(5), F32), *wrong = mim__graph_input(g, "w", SHAPE(4), F32);
    if (k < 4)
        mim__op_batch_statistics(g, x, k == 2 ? wrong : right, k == 3 ? wrong : right);
    else
        mim__op_batch_norm(g, x, wrong, 0);
}

static const struct op_test test = { "batch_norm", build, reference, fill, cases, COUNT(cases), bad, 5, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
