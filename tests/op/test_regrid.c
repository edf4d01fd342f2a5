/* SPDX-License-Identifier: MIT */
/* test_regrid.c -- grids filled up, cut off, merged, and taken apart. a: rows, cols, rows and cols of y, step, width of x,
 * apart. */
#include "support/op_check.h"

static struct regrid options(const struct op_case *c)
{
    return (struct regrid){ c->a[0], c->a[1], c->a[2], c->a[3], c->a[4], c->a[6] };
}

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct tensor *x = op_input(b, SHAPE(b->batch, c->a[0] * c->a[1], c->a[5]), c->half ? BF16 : F32);
    return mim__op_regrid(b->g, x, options(c));
}

static void take_apart(const struct op_case *c, int batch, const double *x, double *y)
{
    int rows = c->a[0], cols = c->a[1], step = c->a[4], dim = c->a[5] / (step * step);
    for (int b = 0; b < batch; b++)
        for (int i = 0; i < c->a[2]; i++)
            for (int j = 0; j < c->a[3]; j++)
                for (int d = 0; d < dim; d++) {
                    int part = j % step * step + i % step;
                    bool there = i / step < rows && j / step < cols;
                    *y++ = there ? x[(((size_t)b * rows + i / step) * cols + j / step) * c->a[5] + part * dim + d] : 0;
                }
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    if (c->a[6]) {
        take_apart(c, batch, in[0], y);
        return;
    }
    int rows = c->a[0], cols = c->a[1], step = c->a[4], dim = c->a[5];
    for (int b = 0; b < batch; b++)
        for (int i = 0; i < c->a[2]; i++)
            for (int j = 0; j < c->a[3]; j++)
                for (int right = 0; right < step; right++)
                    for (int down = 0; down < step; down++) {
                        int from_y = step * i + down, from_x = step * j + right;
                        for (int d = 0; d < dim; d++)
                            *y++ = from_y < rows && from_x < cols
                                     ? in[0][(((size_t)b * rows + from_y) * cols + from_x) * dim + d] : 0;
                    }
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 1, 1, 1, 1 } },   { "filled up", 2, { 5, 6, 8, 8, 1, 7 } },
    { "cut off", 3, { 8, 8, 5, 6, 1, 9 } },
    { "merged", 2, { 4, 6, 2, 3, 2, 5 } },     { "merged, odd", 2, { 5, 7, 3, 4, 2, 3 } },
    { "of three", 1, { 7, 6, 2, 2, 3, 2 } },
    { "bf16", 2, { 9, 5, 5, 3, 2, 300 }, { 0 }, true },
    { "apart", 2, { 2, 3, 4, 6, 2, 20, 1 } },  { "apart, odd", 2, { 3, 4, 5, 7, 2, 12, 1 } },
    { "apart, filled up", 2, { 2, 2, 7, 5, 2, 8, 1 } }, { "apart of three", 1, { 2, 2, 6, 6, 3, 18, 1 } },
    { "apart, bf16", 2, { 5, 3, 9, 5, 2, 1200, 1 }, { 0 }, true },
};

static void bad(struct graph *g, int k)
{
    struct tensor *x = mim__graph_input(g, "x", k == 1 ? SHAPE(12, 4) : SHAPE(1, 12, 4), k == 0 ? I32 : F32);
    static const struct regrid o[] = { { 3, 4, 2, 2, 2 }, { 3, 4, 2, 2, 2 }, { 3, 5, 2, 2, 2 },
                                       { 3, 4, 0, 2, 2 }, { 3, 4, 2, 2, 0 }, { 3, 4, 9, 12, 3, true } };
    mim__op_regrid(g, x, o[k]);
}

static const struct op_test test = { "regrid", build, reference, NULL, cases, COUNT(cases), bad, 6, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
