/* SPDX-License-Identifier: MIT */
/* test_attention.c -- multi-head attention, and its weights. a: tokens, heads, dim of a head, bias; of windows rows, cols,
 * high, wide, down, right. r: scale; rows and cols that turn; what pairs lose that do not see each other, or 0. */
#include "support/op_check.h"

static struct attention options(const struct op_case *c)
{
    const int *w = c->a + 4;
    return (struct attention){ c->a[1], (float)c->r[0], c->half ? BF16 : F32,
                               { w[0], w[1], w[2], w[3], w[4], w[5], (int)c->r[1], (int)c->r[2], (float)c->r[3] } };
}

static void leaves(struct op_build *b, const struct op_case *c, struct tensor **qkv, struct tensor **bias)
{
    const int *a = c->a;
    *qkv = op_input(b, SHAPE(b->batch, a[0], 3 * a[1] * a[2]), c->half ? BF16 : F32);
    int n = a[6] ? a[6] * a[7] : a[0];
    *bias = a[3] ? op_param(b, SHAPE(a[1], n, n)) : NULL;
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

/* The grid turned, cut into windows, and painted by the nine rectangles of Liu et al.'s code, all as they are told: place
 * [rows * cols] says which token stands where. */
static void turn(const struct op_case *c, int *place, int *colour)
{
    int rows = c->a[4], cols = c->a[5], down = c->a[8], right = c->a[9], n = 0;
    int some_rows = c->r[1] > 0 ? (int)c->r[1] : rows, some_cols = c->r[2] > 0 ? (int)c->r[2] : cols;
    int ys[] = { 0, rows - c->a[6], rows - down, rows }, xs[] = { 0, cols - c->a[7], cols - right, cols };
    for (int i = 0; i < rows * cols; i++)
        place[i] = i;
    for (int i = 0; i < some_rows * some_cols; i++) {
        int y = i / some_cols, x = i % some_cols;
        place[((y - down + some_rows) % some_rows) * cols + (x - right + some_cols) % some_cols] = y * cols + x;
    }
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++, n++)
            for (int y = ys[i]; y < ys[i + 1]; y++)
                for (int x = xs[j]; x < xs[j + 1]; x++)
                    colour[y * cols + x] = n;
}

/* Weights of the query that stands at place `at` of window (wy, wx), over the places of that window. */
static void window_weights_of(const struct op_case *c, const double *const in[], int batch, int head, const int *place,
                              const int *colour, int corner, int at, double *p)
{
    int cols = c->a[5], wide = c->a[7], n = c->a[6] * wide, dim = c->a[2], width = c->a[1] * dim;
    double scale = c->r[0] > 0 ? (float)c->r[0] : 1 / sqrt(dim), sum = 0;
    const double *rows = in[0] + (size_t)batch * (size_t)c->a[0] * 3 * (size_t)width + head * dim;
    int q = corner + at / wide * cols + at % wide;
    for (int j = 0; j < n; j++) {
        int k = corner + j / wide * cols + j % wide;
        double dot = c->a[3] ? in[1][(head * n + at) * n + j] : 0;
        for (int d = 0; d < dim; d++)
            dot += scale * rows[place[q] * 3 * width + d] * rows[place[k] * 3 * width + width + d];
        sum += p[j] = colour[q] == colour[k] ? exp(dot) : c->r[3] > 0 ? exp(dot - c->r[3]) : 0;
    }
    for (int j = 0; j < n; j++)
        p[j] /= sum;
}

static void reference_windows(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int cols = c->a[5], wide = c->a[7], n = c->a[6] * wide, heads = c->a[1], dim = c->a[2], width = heads * dim;
    int place[256], colour[256], across = cols / wide, all = c->a[0] / n;
    double p[256];
    turn(c, place, colour);
    for (int u = 0; u < batch * all * heads * n; u++) {
        int at = u % n, head = u / n % heads, window = u / n / heads % all, b = u / n / heads / all;
        int corner = window / across * c->a[6] * cols + window % across * wide;
        int token = place[corner + at / wide * cols + at % wide];
        window_weights_of(c, in, b, head, place, colour, corner, at, p);
        for (int d = 0; d < dim; d++) {
            double v = 0;
            for (int j = 0; j < n; j++)
                v += p[j] * in[0][((size_t)b * c->a[0] + place[corner + j / wide * cols + j % wide]) * 3 * width + 2 * width
                                  + head * dim + d];
            y[((size_t)b * c->a[0] + token) * width + head * dim + d] = v;
        }
    }
}

static void reference_window_weights(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int cols = c->a[5], wide = c->a[7], n = c->a[6] * wide, heads = c->a[1], across = cols / wide, all = c->a[0] / n;
    int place[256], colour[256];
    turn(c, place, colour);
    for (int u = 0; u < batch * all * heads * n; u++, y += n) {
        int window = u / n / heads % all, corner = window / across * c->a[6] * cols + window % across * wide;
        window_weights_of(c, in, u / n / heads / all, u / n % heads, place, colour, corner, u % n, y);
    }
}

static const struct op_case window_cases[] = {
    { "one window", 2, { 4, 1, 3, 1, 2, 2, 2, 2 } },
    { "not shifted", 3, { 24, 2, 4, 1, 4, 6, 2, 3 } },
    { "shifted", 2, { 64, 2, 4, 1, 8, 8, 4, 4, 2, 2 } },
    { "no bias", 1, { 64, 1, 5, 0, 8, 8, 4, 4, 2, 2 } },
    { "shifted along one axis", 2, { 36, 1, 4, 1, 3, 12, 3, 4, 0, 2 } },
    { "more windows than runs", 5, { 16, 2, 4, 1, 4, 4, 2, 2, 1, 1 } },
    { "shift of its own", 1, { 60, 1, 3, 1, 6, 10, 3, 5, 1, 2 }, { 0.7 } },
    { "a part turns", 2, { 64, 2, 4, 1, 8, 8, 4, 4, 2, 2 }, { 0, 6, 7 } },
    { "apart, not unseen", 2, { 64, 2, 4, 1, 8, 8, 4, 4, 2, 2 }, { 0, 0, 0, 1.5 } },
    { "more than a block of queries", 1, { 162, 1, 4, 1, 9, 18, 9, 9, 4, 4 } },
    { "bf16", 2, { 64, 2, 8, 1, 8, 8, 4, 4, 2, 2 }, .half = true, .tolerance = 3e-2 },
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

/* Windows that do not divide the grid, no such grid, shifts of a whole window, a bias of the grid, more that turns than
 * there is. */
static void bad_windows(struct graph *g, int k)
{
    static const struct windows w[] = { { 4, 6, 2, 4, 0, 0, 0, 0 }, { 4, 5, 2, 1, 0, 0, 0, 0 }, { 4, 6, 2, 2, 2, 0, 0, 0 },
                                        { 4, 6, 2, 2, 0, -1, 0, 0 }, { 4, 6, 2, 2, 0, 0, 0, 0 }, { 4, 6, 2, 2, 1, 1, 5, 0 },
                                        { 4, 6, 2, 0, 0, 0, 0, 0 }, { 4, 6, 2, 2, 1, 1, 1, 0 } };
    struct tensor *x = mim__graph_input(g, "x", SHAPE(2, 24, 12), F32);
    struct tensor *bias = k == 4 ? mim__graph_input(g, "b", SHAPE(2, 24, 24), F32) : NULL;
    mim__op_attention(g, x, bias, (struct attention){ .heads = 2, .windows = w[k] });
}

static const struct op_test test = { "attention", build, reference, NULL, cases, COUNT(cases), bad, 7, false };
static const struct op_test weights = { "attention_weights", build_weights, reference_weights, NULL, cases, COUNT(cases), bad_weights, 7, true };

static const struct op_test windows = { "attention in windows", build, reference_windows, NULL, window_cases,
                                        COUNT(window_cases), bad_windows, 8, false };
static const struct op_test window_weights = { "weights in windows", build_weights, reference_window_weights, NULL,
                                               window_cases, COUNT(window_cases), bad_weights, 7, true };

int main(int argc, char **argv)
{
    if (argc < 2) {
        op_check_all(&weights);
        op_check_all(&window_weights);
        op_check_all(&windows);
    }
    return op_check(argc, argv, &test);
}
