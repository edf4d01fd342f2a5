/* SPDX-License-Identifier: MIT */
/* test_patches.c -- pictures as rows of patches. a: channels, height, width, patch. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    return mim__op_patches(b->g, op_input(b, SHAPE(b->batch, c->a[0], c->a[1], c->a[2]), F32), c->a[3], c->half ? BF16 : F32);
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int ch = c->a[0], h = c->a[1], w = c->a[2], p = c->a[3];
    for (int b = 0; b < batch; b++)
        for (int r = 0; r < h / p; r++)
            for (int q = 0; q < w / p; q++)
                for (int k = 0; k < ch; k++)
                    for (int i = 0; i < p; i++)
                        for (int j = 0; j < p; j++)
                            *y++ = in[0][((b * ch + k) * h + r * p + i) * w + q * p + j];
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 1, 1 } }, { "not square", 2, { 3, 6, 9, 3 } }, { "many", 3, { 2, 20, 18, 2 } },
    { "whole picture", 2, { 5, 4, 4, 4 } }, { "bf16", 2, { 3, 8, 12, 4 }, .half = true },
};

static void bad(struct graph *g, int k)
{
    if (k == 0)
        mim__op_patches(g, mim__graph_input(g, "x", SHAPE(2, 8, 8), F32), 4, F32);
    else
        mim__op_patches(g, mim__graph_input(g, "x", SHAPE(2, 3, k == 1 ? 6 : 8, k == 2 ? 10 : 8), k == 3 ? BF16 : F32), k == 4 ? 0 : 4, F32);
}

static const struct op_test test = { "patches", build, reference, NULL, cases, COUNT(cases), bad, 5, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
