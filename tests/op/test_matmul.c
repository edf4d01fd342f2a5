/* SPDX-License-Identifier: MIT */
/* test_matmul.c -- matrix products against a plain one in double precision: every orientation, type and fused option, on
 * every instruction set, with operands between forbidden pages; and that an element's bits depend on nothing but k. */
#define _DEFAULT_SOURCE
#include "op/matmul.h"
#include "support/guard.h"
#include "support/test.h"

enum { GUARDS = 24 };

static uint64_t state = 1;
static uint32_t draw(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}
static float number(void) { return (float)draw(20001) / 10000.0f - 1.0f; }
static int one_of(const int *list, int n) { return list[draw((uint32_t)n)]; }

static float widen(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}
static uint16_t narrow(float f)         /* to nearest even; the numbers here are finite */
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
static double value_at(const void *p, enum dtype type, ptrdiff_t at)
{
    return type == BF16 ? widen(((const uint16_t *)p)[at]) : ((const float *)p)[at];
}

static double phi(double x) { return 0.5 * erfc(-x / sqrt(2)); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double activation(enum activation f, double x)
{
    switch (f) {
    case ACT_NONE: return x;
    case ACT_GELU: return x * phi(x);
    case ACT_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case ACT_QUICK_GELU: return x * sigmoid(1.702 * x);
    case ACT_RELU: return x > 0 ? x : 0;
    case ACT_SILU: return x * sigmoid(x);
    case ACT_SIGMOID: return sigmoid(x);
    }
    return 0;
}
static double derivative(enum activation f, double x)
{
    return f == ACT_RELU ? x > 0 : (activation(f, x + 1e-5) - activation(f, x - 1e-5)) / 2e-5;
}

/* A product and all its arrays, each between forbidden pages. */
struct product {
    int m, n, k;
    enum dtype compute, ct;
    struct matrix a, b;
    struct epilogue ep;
    ptrdiff_t ldc;
    void *c, *before;                   /* before: what c holds at first */
    size_t c_bytes;
    struct guard guards[GUARDS];
    int used;
};

static void *take(struct product *x, size_t bytes)
{
    if (x->used == GUARDS)
        abort();
    x->guards[x->used] = guard_take(bytes, draw(2) == 0);
    return x->guards[x->used++].data;
}
static void *numbers(struct product *x, enum dtype type, size_t n)
{
    unsigned char *p = take(x, n * dtype_size(type));
    for (size_t i = 0; i < n; i++) {
        float f = number();
        uint16_t h = narrow(f);
        memcpy(p + i * dtype_size(type), type == BF16 ? (void *)&h : (void *)&f, dtype_size(type));
    }
    return p;
}
/* An array of rows of `cols`, `stride` apart: nothing behind the last one. */
static void *rows_of(struct product *x, enum dtype type, int rows, int cols, ptrdiff_t stride)
{
    return numbers(x, type, (size_t)(rows - 1) * (size_t)stride + (size_t)cols);
}

static void operand(struct product *x, struct matrix *a, int rows, int cols, bool plain)
{
    a->transposed = draw(2);
    if (a->transposed) {
        int t = rows;
        rows = cols;
        cols = t;
    }
    a->type = draw(2) ? BF16 : F32;
    a->stride = cols + (ptrdiff_t)draw(3) * (ptrdiff_t)draw(9);
    a->data = rows_of(x, a->type, rows, cols, a->stride);
    if (plain)
        return;
    if (draw(2)) {
        a->mean = numbers(x, F32, (size_t)rows);
        a->rstd = numbers(x, F32, (size_t)rows);
        a->gamma = numbers(x, F32, (size_t)cols);
        a->beta = numbers(x, F32, (size_t)cols);
    }
    a->activation = (enum activation)(draw(2) ? draw(6) : 0);
    if (draw(2)) {
        a->row_group = 1 + (int)draw(5);
        a->row_factor = numbers(x, F32, (size_t)((rows - 1) / a->row_group + 1));
    }
    if (draw(2))
        a->col_factor = numbers(x, F32, (size_t)cols);
}

static void finish(struct product *x)
{
    struct epilogue *ep = &x->ep;
    if (draw(2))
        ep->bias = numbers(x, F32, (size_t)x->n);
    if (draw(2)) {
        ep->gate_type = draw(2) ? BF16 : F32;
        ep->gate_stride = x->n + (int)draw(5);
        ep->gate = rows_of(x, ep->gate_type, x->m, x->n, ep->gate_stride);
        ep->gate_activation = (enum activation)draw(6);
        ep->activated = draw(2) ? rows_of(x, ep->gate_type, x->m, x->n, ep->gate_stride) : NULL;
    }
    if (draw(2))
        ep->col_factor = numbers(x, F32, (size_t)x->n);
    if (draw(2)) {
        ep->row_group = 1 + (int)draw(5);
        ep->row_factor = numbers(x, F32, (size_t)((x->m - 1) / ep->row_group + 1));
    }
    ep->add = draw(3) == 0;
    if (draw(2)) {
        bool itself = x->ct == F32 && draw(2);
        ep->residual_stride = itself ? x->ldc : x->n + (int)draw(5);
        ep->residual = itself ? x->c : rows_of(x, F32, x->m, x->n, ep->residual_stride);
    }
}

static void make(struct product *x, int m, int n, int k, bool plain)
{
    *x = (struct product){ .m = m, .n = n, .k = k, .compute = draw(2) ? BF16 : F32, .ct = draw(2) ? BF16 : F32 };
    operand(x, &x->a, m, k, plain || draw(3) == 0);
    operand(x, &x->b, k, n, plain || draw(3) == 0);
    x->ldc = n + (int)draw(4);
    x->c_bytes = ((size_t)(m - 1) * (size_t)x->ldc + (size_t)n) * dtype_size(x->ct);
    x->c = rows_of(x, x->ct, m, n, x->ldc);
    if (!plain)
        finish(x);
    x->before = malloc(x->c_bytes);
    memcpy(x->before, x->c, x->c_bytes);
}
static void drop(struct product *x)
{
    while (x->used)
        guard_give(x->guards[--x->used]);
    free(x->before);
}

/* The element of an operand that the product sees, as it is packed. */
static double prepared(const struct matrix *a, enum dtype compute, int i, int j)
{
    int r = a->transposed ? j : i, c = a->transposed ? i : j;
    double v = value_at(a->data, a->type, r * a->stride + c);
    if (a->mean)
        v = (v - a->mean[r]) * a->rstd[r] * a->gamma[c] + a->beta[c];
    v = activation(a->activation, v);
    if (a->row_factor)
        v *= a->row_factor[r / a->row_group];
    if (a->col_factor)
        v *= a->col_factor[c];
    return compute == BF16 ? widen(narrow((float)v)) : v;
}

/* Element of c, and how far off it may be. */
static double expected(const struct product *x, int i, int j, double *slack)
{
    const struct epilogue *ep = &x->ep;
    double v = 0, size = 0, largest = 0, factor = 1;
    for (int p = 0; p < x->k; p++) {
        double t = prepared(&x->a, x->compute, i, p) * prepared(&x->b, x->compute, p, j);
        v += t;
        size += fabs(t);
        largest = fmax(largest, fabs(t));
    }
    if (ep->bias)
        v += ep->bias[j], size += fabs(ep->bias[j]);
    if (ep->gate)
        factor *= derivative(ep->gate_activation, value_at(ep->gate, ep->gate_type, i * ep->gate_stride + j));
    if (ep->col_factor)
        factor *= ep->col_factor[j];
    if (ep->row_factor)
        factor *= ep->row_factor[i / ep->row_group];
    v *= factor;
    double rest = 0;
    if (ep->residual)
        rest += ep->residual == x->c ? value_at(x->before, F32, i * x->ldc + j) : ep->residual[i * ep->residual_stride + j];
    if (ep->add)
        rest += value_at(x->before, x->ct, i * x->ldc + j);
    bool plain = !x->a.mean && !x->a.activation && !x->a.row_factor && !x->a.col_factor &&
                 !x->b.mean && !x->b.activation && !x->b.row_factor && !x->b.col_factor;
    *slack = 4e-6 * (size + 1) * fmax(fabs(factor), 1) + 1e-6 * fabs(rest);
    if (x->compute == BF16 && !plain)           /* a value near the middle of two bf16 may go either way */
        *slack += 3 * largest / 128 * fabs(factor);
    v += rest;
    if (x->ct == BF16)
        *slack += fabs(v) / 256 + 1e-30;
    return v;
}

static size_t scratch_size(const struct kernels *k)
{
    return zmax(mim__matmul_scratch(k, F32), mim__matmul_scratch(k, BF16));
}

/* One for each instruction set, as fresh pages cost more than most products. */
static void *scratch_of(const struct kernels *k)
{
    static struct guard of[8];
    int i = 0;
    while (mim__kernels_available()[i] != k)
        i++;
    if (!of[i].pages)
        of[i] = guard_take(round_up(scratch_size(k), 64), 1);
    return of[i].data;
}

/* c from `before`; work and scratch end at forbidden pages too, where 64 divides their size. */
static void multiply_on(mim_context *ctx, struct product *x, const struct kernels *k)
{
    size_t work_bytes = round_up(mim__matmul_work(k, x->compute, x->m, x->n, x->k), 64);
    struct guard work = guard_take(work_bytes, 1);
    struct env e = { .k = k, .pool = mim__context_executor(ctx), .scratch = scratch_of(k) };
    memset(work.data, 0xff, work_bytes);                /* NaN where something is read that was not packed */
    memset(e.scratch, 0xff, scratch_size(k));
    memcpy(x->c, x->before, x->c_bytes);
    mim__matmul(&e, x->compute, x->m, x->n, x->k, &x->a, &x->b, x->c, x->ct, x->ldc, &x->ep, work.data);
    guard_give(work);
}

static bool near(double a, double b, double slack) { return fabs(a - b) <= slack; }      /* false for NaN */

/* Where the gate is kept activated, so it is at i, j. */
static bool keeps(const struct epilogue *ep, int i, int j)
{
    if (!ep->gate || !ep->activated)
        return true;
    ptrdiff_t at = i * ep->gate_stride + j;
    double want = activation(ep->gate_activation, value_at(ep->gate, ep->gate_type, at));
    return near(value_at(ep->activated, ep->gate_type, at), want, 1e-6 + (ep->gate_type == BF16 ? fabs(want) / 256 : 0));
}

/* `samples` elements of c (all if there are not more), on every instruction set; what lies between rows is untouched. */
static void compare(mim_context *ctx, struct product *x, int samples)
{
    int all = x->m * x->n, count = all <= samples ? all : samples;
    int *at = malloc((size_t)count * sizeof *at);
    double *want = malloc((size_t)count * sizeof *want), *slack = malloc((size_t)count * sizeof *slack);
    for (int s = 0; s < count; s++) {
        at[s] = all <= samples ? s : (int)draw((uint32_t)all);
        want[s] = expected(x, at[s] / x->n, at[s] % x->n, &slack[s]);
    }
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        multiply_on(ctx, x, *k);
        for (int s = 0; s < count; s++) {
            double got = value_at(x->c, x->ct, at[s] / x->n * x->ldc + at[s] % x->n);
            if (!near(got, want[s], slack[s])) {
                printf("%s %s: m %d n %d k %d ta %d tb %d at %d: %.9g, should be %.9g +- %.3g\n", (*k)->isa,
                       x->compute == BF16 ? "bf16" : "f32", x->m, x->n, x->k, x->a.transposed, x->b.transposed, at[s],
                       got, want[s], slack[s]);
                CHECK(!"product");
                break;
            }
            if (!CHECK(keeps(&x->ep, at[s] / x->n, at[s] % x->n)))
                break;
        }
        size_t size = dtype_size(x->ct);
        for (int i = 0; i + 1 < x->m; i++) {
            size_t gap = ((size_t)i * (size_t)x->ldc + (size_t)x->n) * size, bytes = (size_t)(x->ldc - x->n) * size;
            if (!CHECK(!memcmp((char *)x->c + gap, (char *)x->before + gap, bytes)))
                break;
        }
    }
    free(at);
    free(want);
    free(slack);
}

static mim_context *ctx;

static const int sizes[] = { 1, 2, 3, 5, 7, 8, 13, 14, 15, 16, 17, 29, 31, 32, 33, 48, 49, 63, 64, 65, 100, 197 };
static const int depths[] = { 1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 49, 64, 97, 197, 255, 385, 769 };

static void fused(void)
{
    struct product x;
    for (int i = 0; i < 500 && !test_broken; i++) {
        int m = one_of(sizes, COUNT(sizes)), n = one_of(sizes, COUNT(sizes)), k = one_of(depths, COUNT(depths));
        make(&x, m, n, k, i % 4 == 0);
        compare(ctx, &x, 700);
        drop(&x);
    }
}

/* Larger than a band, a strip, a range of b and a part of the depth. */
static void large(void)
{
    static const int list[][3] = { { 500, 129, 771 }, { 260, 1000, 400 }, { 30, 2500, 97 }, { 150, 40, 9001 },
                                   { 3, 5, 20001 }, { 65, 8200, 500 } };
    for (int i = 0; i < 2 * COUNT(list) && !test_broken; i++) {
        struct product x;
        const int *s = list[i / 2];
        make(&x, s[0], s[1], s[2], i % 2);
        compare(ctx, &x, 60);
        drop(&x);
    }
}

/* k = 0 is a sum of nothing, and c of no rows or columns is left alone. */
static void empty(void)
{
    struct product x;
    make(&x, 5, 7, 1, true);
    x.k = 0;
    compare(ctx, &x, 35);
    x.m = 0;
    memset(x.before, 1, x.c_bytes);
    multiply_on(ctx, &x, mim__kernels_available()[0]);
    CHECK(!memcmp(x.c, x.before, x.c_bytes));
    drop(&x);
}

/* With any number of threads the same bits. */
static void threads(void)
{
    static const int list[][3] = { { 500, 65, 771 }, { 97, 300, 600 }, { 130, 19, 9001 }, { 40, 700, 33 } };
    for (int i = 0; i < 4 * COUNT(list) && !test_broken; i++) {
        struct product x;
        const int *s = list[i / 4];
        make(&x, s[0], s[1], s[2], i % 2);
        void *first = malloc(x.c_bytes);
        for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
            if (!strcmp((*k)->isa, "scalar") && i % 4)
                continue;
            multiply_on(ctx, &x, *k);
            memcpy(first, x.c, x.c_bytes);
            for (int t = 2; t <= 7; t++) {
                mim_context *many;
                if (!CHECK(mim_context_create(NULL, &many) == MIM_OK))
                    break;
                CHECK(mim_context_set_threads(many, t) == MIM_OK);
                CHECK(mim__executor_reserve(mim__context_executor(many), scratch_size(*k)) == MIM_OK);
                multiply_on(many, &x, *k);
                CHECK(!memcmp(first, x.c, x.c_bytes));
                mim_context_destroy(many);
            }
        }
        free(first);
        drop(&x);
    }
}

/* An element depends on k alone: any corner of c computed by itself has the same bits. */
static void corners(void)
{
    static const int list[][3] = { { 400, 97, 800 }, { 60, 900, 97 }, { 100, 49, 9001 }, { 49, 49, 32 } };
    for (int i = 0; i < 3 * COUNT(list) && !test_broken; i++) {
        struct product x;
        const int *s = list[i / 3];
        make(&x, s[0], s[1], s[2], i % 3 == 0);
        void *whole = malloc(x.c_bytes);
        for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
            int m = x.m, n = x.n;
            multiply_on(ctx, &x, *k);
            memcpy(whole, x.c, x.c_bytes);
            for (int t = 0; t < 4; t++) {
                x.m = t ? 1 + (int)draw((uint32_t)m) : 1;
                x.n = t ? 1 + (int)draw((uint32_t)n) : 1;
                multiply_on(ctx, &x, *k);
                for (int r = 0; r < x.m; r++) {
                    size_t at = (size_t)r * (size_t)x.ldc * dtype_size(x.ct);
                    CHECK(!memcmp((char *)whole + at, (char *)x.c + at, (size_t)x.n * dtype_size(x.ct)));
                }
                x.m = m;
                x.n = n;
            }
        }
        free(whole);
        drop(&x);
    }
}

/* Small products go a way of their own (gemm_small_tmpl.h): the same bits as a large one with the same rows, whatever the
 * types and the orientations are, with all columns in whole vectors and with a few more or less. */
static void small_as_large(void)
{
    static const int odd[] = { 0, 1, 2, 5, 6, 15 };
    for (int i = 0; i < 60 && !test_broken; i++) {
        struct product x;
        make(&x, 400, 16 * (8 + i % 3) + odd[i % COUNT(odd)], 90 + i, i % 4 > 0);
        size_t row = (size_t)x.ldc * dtype_size(x.ct);
        char *whole = malloc(x.c_bytes);
        for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
            multiply_on(ctx, &x, *k);
            memcpy(whole, x.c, x.c_bytes);
            x.m = 1 + i % 70;
            CHECK(gemm_is_small((*k)->gemm[x.compute], x.m, x.n, x.k) && !gemm_is_small((*k)->gemm[x.compute], 400, x.n, x.k));
            multiply_on(ctx, &x, *k);
            for (int r = 0; r < x.m; r++)
                CHECK(!memcmp(whole + (size_t)r * row, (char *)x.c + (size_t)r * row, (size_t)x.n * dtype_size(x.ct)));
            x.m = 400;
        }
        free(whole);
        drop(&x);
    }
}

/* What infer relies on: larger products never ask for less. */
static void work_grows(void)
{
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++)
        for (int type = F32; type <= BF16; type++) {
            size_t last = 0;
            for (int i = 1; i < 40000; i += 97) {
                size_t now = mim__matmul_work(*k, (enum dtype)type, 100, 33, i);
                CHECK(now >= last && now >= mim__matmul_work(*k, (enum dtype)type, 100, 32, i));
                CHECK(now >= mim__matmul_work(*k, (enum dtype)type, 99, 33, i));
                last = now;
            }
        }
}

/* Not a number and infinity come out where they went in, and nowhere else. */
static void not_finite(void)
{
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++)
        for (int type = F32; type <= BF16; type++) {
            struct product x;
            do {
                make(&x, 33, 35, 19, true);
                x.compute = (enum dtype)type;
                if (x.a.type == F32 && !x.a.transposed && x.ct == F32)
                    break;
                drop(&x);
            } while (true);
            float *a = (float *)(uintptr_t)x.a.data;
            a[7 * x.a.stride + 18] = NAN;
            a[9 * x.a.stride] = INFINITY;
            multiply_on(ctx, &x, *k);
            for (int i = 0; i < 33; i++)
                for (int j = 0; j < 35; j++) {
                    float v = ((float *)x.c)[i * x.ldc + j];
                    CHECK(i == 7 ? v != v : i == 9 ? !isfinite(v) : isfinite(v));
                }
            drop(&x);
        }
}

int main(void)
{
    if (mim_context_create(NULL, &ctx) != MIM_OK)
        return 1;
    TEST(fused);
    TEST(large);
    TEST(empty);
    TEST(threads);
    TEST(corners);
    TEST(small_as_large);
    TEST(work_grows);
    TEST(not_finite);
    mim_context_destroy(ctx);
    return test_end();
}
