/* SPDX-License-Identifier: MIT */
/* test_gather.c -- rows of some patches, in any order, and their gradient in its places. a: patches, width, kept. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct tensor *x = op_input(b, SHAPE(b->batch, c->a[0], c->a[1]), c->half ? BF16 : F32);
    return mim__op_gather(b->g, x, op_input(b, SHAPE(b->batch, c->a[2]), I32));
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int patches = c->a[0], dim = c->a[1], kept = c->a[2];
    for (int r = 0; r < batch * kept; r++)
        for (int i = 0; i < dim; i++)
            *y++ = in[0][(r / kept * patches + (int)in[1][r]) * dim + i];
}

/* Of each picture other patches, each once: steps that have no common divisor with their number. */
static float fill(const struct op_case *c, int leaf, size_t i)
{
    int patches = c->a[0], kept = c->a[2];
    return leaf == 1 ? (float)(((int)i / kept * 3 + (int)i % kept * (patches - 1)) % patches) : op_noise(leaf, i);
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 1 } }, { "a quarter", 3, { 16, 24, 4 } }, { "all, other order", 2, { 9, 7, 9 } },
    { "one of many", 5, { 70, 33, 1 } }, { "bf16", 2, { 6, 300, 3 }, { 0 }, true },
};

static void bad(struct graph *g, int k)
{
    struct tensor *x = mim__graph_input(g, "x", k == 3 ? SHAPE(10, 4) : SHAPE(2, 5, 4), k == 0 ? I32 : F32);
    mim__op_gather(g, x, mim__graph_input(g, "w", SHAPE(k == 1 ? 3 : 2, k == 4 ? 6 : 3), k == 2 ? F32 : I32));
}

static const struct op_test test = { "gather", build, reference, fill, cases, COUNT(cases), bad, 5, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
