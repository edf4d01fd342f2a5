/* SPDX-License-Identifier: MIT */
/* test_activate.c -- an activation by itself, and added to something. a: rows, width, activation, residual. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct tensor *x = op_input(b, SHAPE(b->batch, c->a[0], c->a[1]), c->half ? BF16 : F32);
    struct tensor *residual = c->a[3] ? op_input(b, SHAPE(b->batch, c->a[0], c->a[1]), F32) : NULL;
    return mim__op_activate(b->g, x, (enum activation)c->a[2], residual);
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    for (int i = 0; i < batch * c->a[0] * c->a[1]; i++) {
        double x = in[0][i], f = c->a[2] == ACT_GELU ? 0.5 * x * (1 + erf(x / sqrt(2))) : 1 / (1 + exp(-x));
        y[i] = f + (c->a[3] ? in[1][i] : 0);
    }
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, ACT_SIGMOID } }, { "sigmoid", 3, { 5, 17, ACT_SIGMOID } },
    { "gelu, residual", 2, { 9, 33, ACT_GELU, 1 } }, { "wider than a task", 3, { 67, 20, ACT_SIGMOID, 1 } },
    { "bf16", 2, { 40, 24, ACT_GELU, 1 }, .half = true }, { "bf16 sigmoid", 2, { 3, 40, ACT_SIGMOID }, .half = true },
};

static void bad(struct graph *g, int k)
{
    struct tensor *x = mim__graph_input(g, "x", SHAPE(2, 5, 4), k ? F32 : I32);
    struct tensor *residual = k < 2 ? NULL : k == 2 ? mim__graph_input(g, "r", SHAPE(2, 4, 5), F32)
                                           : mim__graph_input(g, "r", SHAPE(2, 5, 4), k == 3 ? BF16 : I32);
    if (k == 1)
        residual = mim__graph_input(g, "r", SHAPE(3, 5, 4), F32);
    mim__op_activate(g, x, ACT_GELU, residual);
}

static const struct op_test test = { "activate", build, reference, NULL, cases, COUNT(cases), bad, 5, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
