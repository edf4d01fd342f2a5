/* SPDX-License-Identifier: MIT */
/* test_relative.c -- relative position bias of a grid. a: rows, cols, class token, heads. r: scale. */
#include "support/op_check.h"

/* By distances, without the formula under test: entries in order of (dy, dx), each from -(side - 1) upwards. */
static int entry(int rows, int cols, int cls, int i, int j)
{
    int all = (2 * rows - 1) * (2 * cols - 1);
    if (cls && (!i || !j))
        return all + (i ? 1 : j ? 0 : 2);
    i -= cls;
    j -= cls;
    int at = 0;
    for (int dy = 1 - rows; dy < rows; dy++)
        for (int dx = 1 - cols; dx < cols; dx++, at++)
            if (dy == i / cols - j / cols && dx == i % cols - j % cols)
                return at;
    return -1;
}

/* The bias is of no batch: y is an attention's logits' worth of it, read through a linear layer of one input. */
static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct relative o = { c->a[0], c->a[1], c->a[2], (float)c->r[0] };
    struct tensor *x = op_input(b, SHAPE(b->batch, 1), F32);
    struct tensor *table = op_param(b, SHAPE((2 * o.rows - 1) * (2 * o.cols - 1) + (o.cls ? 3 : 0), c->a[3]));
    int n = o.rows * o.cols + o.cls;
    struct tensor *bias = mim__op_relative(b->g, table, o);
    return mim__op_linear(b->g, "w", x, c->a[3] * n * n, (struct linear){ .bias = bias });
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int n = c->a[0] * c->a[1] + c->a[2], heads = c->a[3];
    for (int b = 0; b < batch; b++)
        for (int h = 0, k = 0; h < heads; h++)
            for (int i = 0; i < n; i++)
                for (int j = 0; j < n; j++, k++)
                    *y++ = in[0][b] * in[2][k]
                         + (c->r[0] > 0 ? c->r[0] : 1) * in[1][entry(c->a[0], c->a[1], c->a[2], i, j) * heads + h];
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 0, 1 } }, { "class token", 2, { 2, 2, 1, 3 } }, { "not square", 2, { 2, 3, 1, 2 } },
    { "no class token", 1, { 3, 2, 0, 2 } }, { "scaled", 1, { 2, 3, 0, 2 }, { 16 } },
};

static void bad(struct graph *g, int k)
{
    struct relative o = { k == 0 ? 3 : 2, 2, k != 1 };
    if (k == 3)
        o = (struct relative){ 0, 2, 1 };
    mim__op_relative(g, mim__graph_input(g, "t", SHAPE(k == 3 ? 0 + 3 : 12, 2), k == 2 ? BF16 : F32), o);
}

static const struct op_test test = { "relative", build, reference, NULL, cases, COUNT(cases), bad, 4, false };

/* 2 x 2 patches and a class token (spec of the index, row by row). */
static void golden(void)
{
    static const int want[25] = { 11, 9, 9, 9, 9, 10, 4, 3, 1, 0, 10, 5, 4, 2, 1, 10, 7, 6, 4, 3, 10, 8, 7, 5, 4 };
    struct op_case c = { "golden", 1, { 2, 2, 1, 1 } };
    double x = 0, table[12], w[25] = { 0 }, y[25];
    const double *in[] = { &x, table, w };
    for (int i = 0; i < 12; i++)
        table[i] = i;
    reference(&c, 1, in, y);
    mim_context *ctx = NULL;
    struct graph *g = NULL;
    struct plan *p = NULL;
    float t[12], *none = NULL;
    for (int i = 0; i < 12; i++)
        t[i] = (float)i;
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim__graph_create(ctx, &g) == MIM_OK);
    struct tensor *out = mim__op_relative(g, mim__graph_constant(g, "t", SHAPE(12, 1), t), (struct relative){ 2, 2, 1 });
    mim__graph_output(g, "y", out);
    static const char *const keep[] = { "y", NULL };
    struct plan_options o = { .weights = { none }, .keep = keep };
    struct env e = { .pool = mim__context_executor(ctx) };
    if (CHECK(mim__graph_plan(g, &o, &p) == MIM_OK) && CHECK(mim__plan_forward(p, &e) == MIM_OK))
        for (int i = 0; i < 25; i++) {
            CHECK_NEAR(((const float *)mim__plan_data(p, out))[i], want[i], 0);
            CHECK_NEAR(y[i], want[i], 0);
        }
    mim__plan_destroy(p);
    mim__graph_destroy(g);
    mim_context_destroy(ctx);
}

int main(int argc, char **argv)
{
    TEST(golden);
    return op_check(argc, argv, &test);
}
