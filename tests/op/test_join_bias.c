/* SPDX-License-Identifier: MIT */
/* test_join_bias.c -- [q; 0; v]. Nothing here depends on the batch, so the bias is added to rows that do. a: width. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct tensor *x = op_input(b, SHAPE(b->batch, 2), F32);
    struct tensor *q = op_param(b, SHAPE(c->a[0])), *v = op_param(b, SHAPE(c->a[0]));
    return mim__op_linear(b->g, "w", x, 3 * c->a[0], (struct linear){ .bias = mim__op_join_bias(b->g, q, v) });
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int n = c->a[0];
    for (int r = 0; r < batch; r++)
        for (int i = 0; i < 3 * n; i++)
            *y++ = in[0][2 * r] * in[3][2 * i] + in[0][2 * r + 1] * in[3][2 * i + 1]
                 + (i < n ? in[1][i] : i < 2 * n ? 0 : in[2][i - 2 * n]);
}

static const struct op_case cases[] = { { "smallest", 1, { 1 } }, { "odd", 3, { 7 } }, { "usual", 65, { 48 } } };

static void bad(struct graph *g, int k)
{
    mim__op_join_bias(g, mim__graph_input(g, "q", SHAPE(4), k == 0 ? BF16 : F32), mim__graph_input(g, "v", SHAPE(k == 1 ? 5 : 4), k == 2 ? I32 : F32));
}

static const struct op_test test = { "join_bias", build, reference, NULL, cases, COUNT(cases), bad, 3, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
