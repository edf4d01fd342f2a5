/* SPDX-License-Identifier: MIT */
/* test_embed.c -- class token and positions, in all their combinations. a: patches, width, class token, rows of positions more
 * than patches or -1 for none. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct tensor *x = op_input(b, SHAPE(b->batch, c->a[0], c->a[1]), F32);
    struct tensor *cls = c->a[2] ? op_param(b, SHAPE(1, 1, c->a[1])) : NULL;
    struct tensor *places = c->a[3] < 0 ? NULL : op_param(b, SHAPE(1, c->a[0] + c->a[3], c->a[1]));
    return mim__op_embed(b->g, x, cls, places);
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int n = c->a[0], dim = c->a[1], first = c->a[2], skip = first - (c->a[3] < 0 ? 0 : c->a[3]);
    const double *places = c->a[3] < 0 ? NULL : in[1 + first];
    for (int b = 0; b < batch; b++)
        for (int t = 0; t < first + n; t++)
            for (int i = 0; i < dim; i++) {
                double v = t < first ? in[1][i] : in[0][(b * n + t - first) * dim + i];
                *y++ = v + (places && t >= skip ? places[(t - skip) * dim + i] : 0);
            }
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 0, -1 } }, { "class token, all positions", 3, { 9, 17, 1, 1 } },
    { "positions of patches", 2, { 6, 8, 1, 0 } }, { "no class token", 4, { 5, 3, 0, 0 } }, { "class token alone", 2, { 70, 4, 1, -1 } },
};

static void bad(struct graph *g, int k)
{
    struct tensor *x = k == 0 ? mim__graph_input(g, "x", SHAPE(6, 4), F32) : mim__graph_input(g, "x", SHAPE(2, 3, 4), k == 1 ? BF16 : F32);
    struct tensor *cls = mim__graph_input(g, "c", SHAPE(1, 1, k == 2 ? 5 : 4), k == 3 ? I32 : F32);
    mim__op_embed(g, x, cls, mim__graph_input(g, "p", SHAPE(1, k == 4 ? 5 : 4, k == 5 ? 3 : 4), k == 6 ? BF16 : F32));
}

static const struct op_test test = { "embed", build, reference, NULL, cases, COUNT(cases), bad, 7, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
