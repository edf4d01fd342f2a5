/* SPDX-License-Identifier: MIT */
/* test_reshape.c -- the same values; dimension 0 follows from the others. a: dimensions of x behind the batch, then rank and
 * dimensions behind the first of y. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct tensor *x = op_input(b, SHAPE(b->batch, c->a[0], c->a[1]), c->half ? BF16 : F32);
    struct shape s = { c->a[2], { 1, c->a[3], c->a[4], c->a[5] } };
    return mim__op_reshape(b->g, x, s);
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    for (int i = 0; i < batch * c->a[0] * c->a[1]; i++)
        y[i] = in[0][i];
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 1 } }, { "flat", 3, { 5, 7, 1 } }, { "matrix", 2, { 6, 4, 2, 8 } }, { "rank 4", 3, { 12, 5, 4, 2, 3, 5 } },
    { "bf16", 5, { 16, 9, 2, 48 }, .half = true, .tolerance = 1e-2 },
};

static void bad(struct graph *g, int k)
{
    static const struct shape to[] = { { 2, { 1, 7 } }, { 2, { 1, 0 } }, { 2, { 1, -4 } }, { 0, { 0 } } };
    mim__op_reshape(g, mim__graph_input(g, "x", SHAPE(2, 3, 4), F32), to[k]);
}

static const struct op_test test = { "reshape", build, reference, NULL, cases, COUNT(cases), bad, 4, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
