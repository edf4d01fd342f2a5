/* SPDX-License-Identifier: MIT */
/* test_mask_tokens.c -- hidden rows become the token, and their gradient is its. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct tensor *x = op_input(b, SHAPE(b->batch, c->a[0], c->a[1]), F32), *mask = op_input(b, SHAPE(b->batch, c->a[0]), I32);
    return mim__op_mask_tokens(b->g, x, mask, op_param(b, SHAPE(1, 1, c->a[1])));
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int dim = c->a[1];
    for (int r = 0; r < batch * c->a[0]; r++)
        for (int i = 0; i < dim; i++)
            *y++ = in[1][r] != 0 ? in[2][i] : in[0][r * dim + i];
}

static float fill(const struct op_case *c, int leaf, size_t i)
{
    return leaf == 1 ? (float)(op_noise(1, i) / 2 + 0.5f < c->r[0]) : op_noise(leaf, i);
}

static const struct op_case cases[] = {
    { "smallest, hidden", 1, { 1, 1 }, { 1 } },  { "none hidden", 2, { 32, 48 }, { 0 } },
    { "wider than a task", 3, { 65, 7 }, { 0.6 } }, { "all hidden", 2, { 9, 16 }, { 1 } },
};

static void bad(struct graph *g, int k)
{
    struct tensor *x = mim__graph_input(g, "x", SHAPE(2, 3, 4), k == 0 ? BF16 : F32);
    struct tensor *mask = mim__graph_input(g, "m", SHAPE(2, k == 1 ? 4 : 3), k == 2 ? F32 : I32);
    mim__op_mask_tokens(g, x, mask, mim__graph_input(g, "t", SHAPE(k == 3 ? 5 : 4), k == 4 ? I32 : F32));
}

static const struct op_test test = { "mask_tokens", build, reference, fill, cases, COUNT(cases), bad, 5, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
