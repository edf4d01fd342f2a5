/* SPDX-License-Identifier: MIT */
/* test_attention.c -- multi-head attention, and its weights. a: tokens, heads, dim of a head, bias. r: scale. */
#include "support/op_check.h"

static struct attention options(const struct op_case *c)
{
    return (struct attention){ c->a[1], (float)c->r[0], c->half ? BF16 : F32 };
}

static void leaves(struct op_build *b, const struct op_case *c, struct tensor **qkv, struct tensor **bias)
{
    const int *a = c->a;
    *qkv = op_input(b, SHAPE(b->batch, a[0], 3 * a[1] * a[2]), c->half ? BF16 : F32);
    *bias = a[3] ? op_param(b, SHAPE(a[1], a[0], a[0])) : NULL;
}

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    struct tensor *qkv, *bias;
    leaves(b, c, &qkv, &bias);
    return mim__op_attention(b->g, qkv, bias, options(c));
}

static struct tensor *build_weights(struct op_build *b, const struct op_case *c)
{
    struct tensor *qkv, *bias;
    leaves(b, c, &qkv, &bias);
    return mim__op_attention_weights(b->g, qkv, bias, options(c));
}

/* Softmax of one query's scores into p. */
static void weights_of(const struct op_case *c, const double *const in[], int batch, int head, int query, double *p)
{
    int n = c->a[0], dim = c->a[2], width = c->a[1] * dim;
    double scale = c->r[0] > 0 ? (float)c->r[0] : 1 / sqrt(dim), most = -1e300, sum = 0;
    const double *rows = in[0] + (size_t)batch * (size_t)n * 3 * (size_t)width + head * dim;
    for (int j = 0; j < n; j++) {
        p[j] = 0;
        for (int d = 0; d < dim; d++)
            p[j] += rows[query * 3 * width + d] * rows[j * 3 * width + width + d];
        p[j] = p[j] * scale + (c->a[3] ? in[1][(head * n + query) * n + j] : 0);
        most = fmax(most, p[j]);
    }
    for (int j = 0; j < n; j++)
        sum += p[j] = exp(p[j] - most);
    for (int j = 0; j < n; j++)
        p[j] /= sum;
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int n = c->a[0], heads = c->a[1], dim = c->a[2], width = heads * dim;
    double p[512];
    for (int b = 0; b < batch; b++)
        for (int h = 0; h < heads; h++)
            for (int i = 0; i < n; i++) {
                weights_of(c, in, b, h, i, p);
                for (int d = 0; d < dim; d++) {
                    double v = 0;
                    for (int j = 0; j < n; j++)
                        v += p[j] * in[0][(b * n + j) * 3 * width + 2 * width + h * dim + d];
                    y[(b * n + i) * width + h * dim + d] = v;
                }
            }
}

static void reference_weights(const struct op_case *c, int batch, const double *const in[], double *y)
{
    for (int b = 0; b < batch; b++)
        for (int h = 0; h < c->a[1]; h++)
            for (int i = 0; i < c->a[0]; i++, y += c->a[0])
                weights_of(c, in, b, h, i, y);
}

static const struct op_case cases[] = {
    { "one token", 1, { 1, 1, 1 } },
    { "odd", 3, { 5, 2, 3 } },
    { "bias", 3, { 10, 3, 4, 1 } },
    { "scale", 2, { 7, 1, 9, 0 }, { 0.9 } },
    { "more than a block of queries", 1, { 70, 2, 5, 1 } },
    { "bf16", 2, { 17, 2, 8 }, .half = true, .tolerance = 3e-2 },
    { "bf16 bias", 2, { 33, 2, 6, 1 }, .half = true, .tolerance = 3e-2 },
};

static struct tensor *bad_input(struct graph *g, int k)
{
    static const struct shape shapes[] = { { 2, { 10, 12 } }, { 3, { 2, 5, 13 } }, { 3, { 2, 5, 15 } } };
    return mim__graph_input(g, "x", k < 3 ? shapes[k] : SHAPE(2, 5, 12), k == 5 ? I32 : F32);
}
static struct tensor *bad_bias(struct graph *g, int k)
{
    return k == 3 ? mim__graph_input(g, "b", SHAPE(2, 5, 4), F32) : k == 6 ? mim__graph_input(g, "b", SHAPE(2, 5, 5), BF16) : NULL;
}
static void bad(struct graph *g, int k) { mim__op_attention(g, bad_input(g, k), bad_bias(g, k), (struct attention){ .heads = k == 4 ? 0 : 2 }); }
static void bad_weights(struct graph *g, int k)
{
    mim__op_attention_weights(g, bad_input(g, k), bad_bias(g, k), (struct attention){ .heads = k == 4 ? 0 : 2 });
}

static const struct op_test test = { "attention", build, reference, NULL, cases, COUNT(cases), bad, 7, false };
static const struct op_test weights = { "attention_weights", build_weights, reference_weights, NULL, cases, COUNT(cases), bad_weights, 7, true };

int main(int argc, char **argv)
{
    if (argc < 2)
        op_check_all(&weights);
    return op_check(argc, argv, &test);
}
