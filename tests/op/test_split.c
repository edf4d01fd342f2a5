/* SPDX-License-Identifier: MIT */
/* test_split.c -- predictions of tokens as those of their patches. a: rows, cols, patches a side, channels, side. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    const int *a = c->a;
    int wide = a[2] * a[4], tokens = ceil_div(a[0], a[2]) * ceil_div(a[1], a[2]);
    struct tensor *x = op_input(b, SHAPE(b->batch, tokens, a[3] * wide * wide), F32);
    return mim__op_split(b->g, x, (struct split_tokens){ a[0], a[1], a[2], a[3], a[4] });
}

/* Pixel by pixel: the picture of all tokens, then the pixels of each patch in it. */
static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    const int *a = c->a;
    int wide = a[2] * a[4], across = ceil_div(a[1], a[2]), tokens = ceil_div(a[0], a[2]) * across;
    for (int b = 0; b < batch; b++)
        for (int r = 0; r < a[0] * a[1]; r++)
            for (int k = 0; k < a[3] * a[4] * a[4]; k++) {
                int channel = k / (a[4] * a[4]), py = r / a[1] * a[4] + k / a[4] % a[4], px = r % a[1] * a[4] + k % a[4];
                int token = py / wide * across + px / wide;
                *y++ = in[0][(((b * tokens + token) * a[3] + channel) * wide + py % wide) * wide + px % wide];
            }
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 1, 1, 1 } },       { "one patch a token", 2, { 2, 3, 1, 2, 3 } },
    { "of two", 2, { 4, 6, 2, 3, 2 } },
    { "of eight", 1, { 8, 16, 8, 1, 4 } },      { "beyond the end", 2, { 5, 3, 2, 2, 2 } },
    { "numbers", 2, { 4, 4, 4, 5, 1 } },
};

static void bad(struct graph *g, int k)
{
    struct tensor *x = mim__graph_input(g, "x", k == 1 ? SHAPE(12, 48) : SHAPE(1, 6, 48), k == 0 ? BF16 : F32);
    static const struct split_tokens o[] = { { 4, 6, 2, 3, 2 }, { 4, 6, 2, 3, 2 }, { 4, 8, 2, 3, 2 },
                                             { 4, 6, 2, 4, 2 }, { 4, 6, 0, 3, 2 } };
    mim__op_split(g, x, o[k]);
}

static const struct op_test test = { "split", build, reference, NULL, cases, COUNT(cases), bad, 5, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
