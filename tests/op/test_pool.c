/* SPDX-License-Identifier: MIT */
/* test_pool.c -- the mean of some tokens (and, further down, these tokens themselves). a: tokens, width, first, count. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    return mim__op_pool(b->g, op_input(b, SHAPE(b->batch, c->a[0], c->a[1]), F32), c->a[2], c->a[3]);
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int n = c->a[0], dim = c->a[1];
    for (int b = 0; b < batch; b++)
        for (int i = 0; i < dim; i++, y++) {
            *y = 0;
            for (int t = 0; t < c->a[3]; t++)
                *y += in[0][(b * n + c->a[2] + t) * dim + i] / c->a[3];
        }
}

static struct tensor *build_slice(struct op_build *b, const struct op_case *c)
{
    return mim__op_slice(b->g, op_input(b, SHAPE(b->batch, c->a[0], c->a[1]), F32), c->a[2], c->a[3]);
}

static void reference_slice(const struct op_case *c, int batch, const double *const in[], double *y)
{
    for (int b = 0; b < batch; b++)
        for (int i = 0; i < c->a[3] * c->a[1]; i++)
            *y++ = in[0][(b * c->a[0] + c->a[2]) * c->a[1] + i];
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 0, 1 } }, { "class token", 3, { 10, 17, 0, 1 } }, { "patches", 2, { 10, 8, 1, 9 } },
    { "in the middle", 70, { 5, 3, 2, 2 } },
};

static void bad(struct graph *g, int k)
{
    static const int part[][2] = { { -1, 2 }, { 0, 0 }, { 2, 4 }, { 5, 1 } };
    struct tensor *x = k < 4 ? mim__graph_input(g, "x", SHAPE(2, 5, 4), F32) : k == 4 ? mim__graph_input(g, "x", SHAPE(10, 4), F32)
                                                                                       : mim__graph_input(g, "x", SHAPE(2, 5, 4), BF16);
    mim__op_pool(g, x, k < 4 ? part[k][0] : 0, k < 4 ? part[k][1] : 1);
}

static void bad_slice(struct graph *g, int k)
{
    static const int part[][2] = { { -1, 2 }, { 0, 0 }, { 2, 4 }, { 5, 1 } };
    mim__op_slice(g, mim__graph_input(g, "x", SHAPE(2, 5, 4), F32), part[k][0], part[k][1]);
}

static const struct op_test pool = { "pool", build, reference, NULL, cases, COUNT(cases), bad, 6, false };
static const struct op_test slice = { "slice", build_slice, reference_slice, NULL, cases, COUNT(cases), bad_slice, 4, false };
int main(int argc, char **argv)
{
    if (argc < 2)
        op_check_all(&slice);
    return op_check(argc, argv, &pool);
}
