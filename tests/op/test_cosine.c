/* SPDX-License-Identifier: MIT */
/* test_cosine.c -- queries and keys of length one, times a scale. a: tokens, heads, dim. r: added to the scale. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct tensor *x = op_input(b, SHAPE(b->batch, c->a[0], 3 * c->a[1] * c->a[2]), c->half ? BF16 : F32);
    return mim__op_cosine(b->g, x, op_param(b, SHAPE(c->a[1], 1, 1)));
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int heads = c->a[1], dim = c->a[2], width = heads * dim;
    const double *x = in[0];
    for (int r = 0; r < batch * c->a[0]; r++) {
        for (int h = 0; h < 2 * heads; h++) {
            double square = 0, scale = h < heads ? exp(fmin(in[1][h], log(100))) : 1;
            for (int d = 0; d < dim; d++)
                square += x[d] * x[d];
            for (int d = 0; d < dim; d++)
                *y++ = *x++ * scale / fmax(sqrt(square), 1e-12);
        }
        for (int d = 0; d < width; d++)
            *y++ = *x++;
    }
}

static float fill(const struct op_case *c, int leaf, size_t i)
{
    return op_noise(leaf, i) + (leaf == 1 ? (float)c->r[0] : 0);
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 2 } },           { "odd", 3, { 5, 3, 7 }, { 1 } },
    { "more than a task", 2, { 70, 2, 4 } },
    { "above the bound", 2, { 9, 3, 5 }, { 6 } }, { "bf16", 2, { 33, 2, 8 }, { 0.5 }, .half = true, .tolerance = 3e-2 },
};

static void bad(struct graph *g, int k)
{
    static const struct shape shapes[] = { { 2, { 10, 12 } }, { 3, { 2, 5, 13 } }, { 3, { 2, 5, 15 } } };
    struct tensor *x = mim__graph_input(g, "x", k < 3 ? shapes[k] : SHAPE(2, 5, 12), k == 3 ? I32 : F32);
    mim__op_cosine(g, x, mim__graph_input(g, "s", SHAPE(2, 1, 1), k == 4 ? BF16 : F32));
}

static const struct op_test test = { "cosine", build, reference, fill, cases, COUNT(cases), bad, 5, false };

int main(int argc, char **argv) { return op_check(argc, argv, &test); }
