/* SPDX-License-Identifier: MIT */
/* test_embed.c -- class token and positions, in all their combinations. a: patches, width, class token, rows of positions more
 * than patches or -1 for none. Further down, of some patches. */
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

/* ---- some patches: a: patches in all, width, class token, rows of positions before theirs or -1, kept ---- */

static struct tensor *build_some(struct op_build *b, const struct op_case *c)
{
    struct tensor *x = op_input(b, SHAPE(b->batch, c->a[4], c->a[1]), F32);
    struct tensor *which = op_input(b, SHAPE(b->batch, c->a[4]), I32);
    struct tensor *cls = c->a[2] ? op_param(b, SHAPE(1, 1, c->a[1])) : NULL;
    struct tensor *places = c->a[3] < 0 ? NULL : op_param(b, SHAPE(1, c->a[0] + c->a[3], c->a[1]));
    return mim__op_embed_some(b->g, x, cls, places, which, imax(c->a[3], 0));
}

static void reference_some(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int n = c->a[4], dim = c->a[1], first = c->a[2], prefix = c->a[3];
    const double *places = prefix < 0 ? NULL : in[2 + first];
    for (int b = 0; b < batch; b++)
        for (int t = 0; t < first + n; t++)
            for (int i = 0; i < dim; i++) {
                double v = t < first ? in[2][i] : in[0][(b * n + t - first) * dim + i];
                int p = t < first ? t - (first - prefix) : prefix + (int)in[1][b * n + t - first];
                *y++ = v + (places && p >= 0 ? places[p * dim + i] : 0);
            }
}

static float fill_some(const struct op_case *c, int leaf, size_t i)
{
    int patches = c->a[0], kept = c->a[4];
    return leaf == 1 ? (float)(((int)i / kept * 3 + (int)i % kept * (patches - 1)) % patches) : op_noise(leaf, i);
}

static const struct op_case some_cases[] = {
    { "smallest", 1, { 1, 1, 0, 0, 1 } }, { "a quarter", 3, { 16, 17, 1, 1, 4 } }, { "positions of patches", 2, { 9, 8, 1, 0, 3 } },
    { "no class token, all patches", 4, { 5, 3, 0, 0, 5 } }, { "no positions", 2, { 7, 4, 1, -1, 2 } },
};

static void bad_some(struct graph *g, int k)
{
    struct tensor *x = mim__graph_input(g, "x", SHAPE(2, 3, 4), F32), *cls = mim__graph_input(g, "c", SHAPE(1, 1, 4), F32);
    struct tensor *which = mim__graph_input(g, "w", SHAPE(2, k == 0 ? 2 : 3), k == 1 ? F32 : I32);
    mim__op_embed_some(g, x, cls, mim__graph_input(g, "p", SHAPE(1, k == 2 ? 3 : 9, k == 3 ? 3 : 4), F32), which,
                       k == 4 ? 2 : k == 5 ? -1 : 1);
}

static const struct op_test some = { "embed_some", build_some, reference_some, fill_some, some_cases, COUNT(some_cases), bad_some, 6, false };
static const struct op_test test = { "embed", build, reference, NULL, cases, COUNT(cases), bad, 7, false };
int main(int argc, char **argv)
{
    if (argc < 2)
        op_check_all(&some);
    return op_check(argc, argv, &test);
}
