/* SPDX-License-Identifier: MIT */
/* test_scatter.c -- tokens back in their places, the learned one in all others, whose gradient is their sum.
 * a: patches, width, kept, first. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct tensor *x = op_input(b, SHAPE(b->batch, c->a[3] + c->a[2], c->a[1]), F32);
    struct tensor *which = op_input(b, SHAPE(b->batch, c->a[2]), I32);
    return mim__op_scatter(b->g, x, op_param(b, SHAPE(1, 1, c->a[1])), which, (struct scatter){ c->a[3], c->a[0] });
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int patches = c->a[0], dim = c->a[1], kept = c->a[2], first = c->a[3], all = first + patches;
    for (int b = 0; b < batch; b++) {
        for (int t = 0; t < all; t++)
            for (int i = 0; i < dim; i++)
                y[(b * all + t) * dim + i] = in[2][i];
        for (int t = 0; t < first + kept; t++)
            for (int i = 0; i < dim; i++) {
                int to = t < first ? t : first + (int)in[1][b * kept + t - first];
                y[(b * all + to) * dim + i] = in[0][(b * (first + kept) + t) * dim + i];
            }
    }
}

static float fill(const struct op_case *c, int leaf, size_t i)
{
    int patches = c->a[0], kept = c->a[2];
    return leaf == 1 ? (float)(((int)i / kept * 3 + (int)i % kept * (patches - 1)) % patches) : op_noise(leaf, i);
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 1, 0 } },      { "a quarter, class token", 3, { 16, 24, 4, 1 } },
    { "none hidden", 2, { 9, 7, 9, 0 } },   { "one of many", 5, { 70, 33, 1, 1 } },
    { "two tokens first", 2, { 6, 8, 3, 2 } },
};

static void bad(struct graph *g, int k)
{
    struct tensor *x = k == 0 ? mim__graph_input(g, "x", SHAPE(8, 4), F32) : mim__graph_input(g, "x", SHAPE(2, 4, 4), k == 1 ? BF16 : F32);
    struct tensor *which = mim__graph_input(g, "w", SHAPE(k == 2 ? 3 : 2, k == 3 ? 4 : 3), k == 4 ? F32 : I32);
    struct tensor *token = mim__graph_input(g, "t", SHAPE(1, 1, k == 5 ? 5 : 4), k == 6 ? I32 : F32);
    mim__op_scatter(g, x, token, which, (struct scatter){ k == 7 ? -1 : 1, k == 8 ? 2 : 9 });
}

static const struct op_test test = { "scatter", build, reference, fill, cases, COUNT(cases), bad, 9, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
