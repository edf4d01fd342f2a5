/* SPDX-License-Identifier: MIT */
/* test_rows.c -- the kernels of rows.h on every ISA of this processor against plain double precision, at sizes around
 * every vector width, with a guard page right behind or right before each array. */
#define _DEFAULT_SOURCE
#include "kernel/kernel.h"
#include "support/test.h"

#include <sys/mman.h>

enum { ARRAYS = 8, MOST = 1000, PAGE = 4096, BODY = 2 * PAGE };
static const int sizes[] = { 0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 29, 31, 32, 33, 53, 63, 64, 65, 197, 768, MOST };

static const struct row_kernels *rows;
static const char *isa;
static int n;                               /* of the test that runs */
static int at_end;                          /* arrays end at a guard page; otherwise they start at one */
static char *body[ARRAYS];
static unsigned seed;

static double draw(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (double)(seed >> 8) / 8388608.0 - 1.0;
}

static void map_arrays(void)
{
    for (int a = 0; a < ARRAYS; a++) {
        char *p = mmap(NULL, BODY + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            exit(2);
        mprotect(p, PAGE, PROT_NONE);
        mprotect(p + PAGE + BODY, PAGE, PROT_NONE);
        body[a] = p + PAGE;
    }
}

static void *place(int a, size_t size) { return at_end ? body[a] + BODY - size : body[a]; }
static float *floats(int a)                 /* array number a: n numbers between -2 and 2 */
{
    float *x = place(a, (size_t)n * sizeof *x);
    for (int i = 0; i < n; i++)
        x[i] = (float)(2 * draw());
    return x;
}
static float *copy(int a, const float *from)
{
    float *x = place(a, (size_t)n * sizeof *x);
    memmove(x, from, (size_t)n * sizeof *x);
    return x;
}

static int near(const char *what, double got, double exact, double allowed)
{
    char text[256];
    snprintf(text, sizeof text, "%s on %s, n %d: %.9g against %.9g, allowed %.3g", what, isa, n, got, exact, allowed);
    return test_check(fabs(got - exact) <= allowed, __FILE__, __LINE__, text);
}

/* Every size at both places. */
static void each(void (*test)(void))
{
    for (at_end = 0; at_end < 2; at_end++)
        for (int s = 0; s < COUNT(sizes) && !test_broken; s++) {
            n = sizes[s];
            seed = (unsigned)(77 + n);
            test();
        }
}

static float from_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}
static uint32_t to_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* Every bf16 there is, widened and narrowed again; all but NaNs come back, and NaNs as NaNs. */
static void every_bf16(void)
{
    uint16_t x[256], back[256];
    float y[256];
    for (int high = 0; high < 256; high++) {
        for (int i = 0; i < 256; i++)
            x[i] = (uint16_t)(high << 8 | i);
        rows->widen(256, x, y);
        rows->narrow(256, y, back);
        for (int i = 0; i < 256; i++) {
            if (!CHECK(to_bits(y[i]) == (uint32_t)x[i] << 16 || (isnan(y[i]) && (x[i] & 0x7f))))
                return;
            if (!CHECK(isnan(y[i]) ? (back[i] & 0x7f80) == 0x7f80 && (back[i] & 0x7f) : back[i] == x[i]))
                return;
        }
    }
}
static void narrow_rounds(void)
{
    static const struct { uint32_t from; uint16_t to; } cases[] = {
        { 0x3f808000, 0x3f80 }, { 0x3f818000, 0x3f82 }, { 0x3f808001, 0x3f81 }, { 0x3f807fff, 0x3f80 },
        { 0x3f817fff, 0x3f81 }, { 0x7f7fffff, 0x7f80 }, { 0xff7fffff, 0xff80 }, { 0x7f800000, 0x7f80 },
        { 0xff800000, 0xff80 }, { 0x80000000, 0x8000 }, { 0x00008001, 0x0001 }, { 0x00008000, 0x0000 },
        { 0x00018000, 0x0002 }, { 0x007fffff, 0x0080 }, { 0x80012345, 0x8001 }, { 0x7f800001, 0x7fc0 },
        { 0xffffffff, 0xffff }, { 0x7fc00000, 0x7fc0 },
    };
    float x[COUNT(cases)];
    uint16_t y[COUNT(cases)];
    for (int i = 0; i < COUNT(cases); i++)
        x[i] = from_bits(cases[i].from);
    rows->narrow(COUNT(cases), x, y);
    for (int i = 0; i < COUNT(cases); i++)
        near("narrow", y[i], cases[i].to, 0);
}
static void both_ways(void)
{
    const float *x = floats(0);
    uint16_t *h = place(1, (size_t)n * sizeof *h);
    float *y = place(2, (size_t)n * sizeof *y);
    rows->narrow(n, x, h);
    rows->widen(n, h, y);
    for (int i = 0; i < n; i++)
        if (!near("narrow and widen", y[i], x[i], fabs(x[i]) / 256) || !CHECK(to_bits(y[i]) >> 16 == h[i]))
            return;
}

static void elementwise(void)
{
    const float *a = floats(0), *b = floats(1), *c = floats(2);
    float *y = place(3, (size_t)n * sizeof *y), *z = copy(4, c), *in = copy(5, a);
    rows->add(n, a, b, y);
    for (int i = 0; i < n; i++)
        CHECK(y[i] == a[i] + b[i]);
    rows->multiply(n, a, b, y);
    for (int i = 0; i < n; i++)
        CHECK(y[i] == a[i] * b[i]);
    rows->scale(n, 0.3f, a, y);
    for (int i = 0; i < n; i++)
        CHECK(y[i] == 0.3f * a[i]);
    rows->axpy(n, 0.3f, a, z);
    for (int i = 0; i < n; i++)
        near("axpy", z[i], c[i] + (double)0.3f * a[i], 3e-7);
    rows->add(n, in, b, in);
    for (int i = 0; i < n; i++)
        CHECK(in[i] == a[i] + b[i]);
}
static void scale_by_zero(void)
{
    float *x = floats(0), *y = floats(1);
    for (int i = 0; i < n; i++)
        x[i] = i % 2 ? NAN : INFINITY;
    rows->scale(n, 0.0f, x, y);
    for (int i = 0; i < n; i++)
        CHECK(y[i] == 0);
    rows->scale(n, 2.0f, x, y);
    for (int i = 0; i < n; i++)
        CHECK(i % 2 ? isnan(y[i]) : isinf(y[i]));
}

static void sums(void)
{
    const float *a = floats(0), *b = floats(1);
    double dot = 0, sum = 0, squares = 0;
    for (int i = 0; i < n; i++) {
        dot += (double)a[i] * b[i];
        sum += a[i];
        squares += (double)a[i] * a[i];
    }
    near("dot", rows->dot(n, a, b), dot, 2e-7 * (n + 1));
    near("sum", rows->sum(n, a), sum, 2e-7 * (n + 1));
    near("squares", rows->squares(n, a), squares, 1e-13 * (squares + 1));
    CHECK(rows->dot(n, a, b) == rows->dot(n, a, b) && rows->sum(n, a) == rows->sum(n, a));
    if (n > 0) {
        ((float *)a)[n - 1] = NAN;
        CHECK(isnan(rows->dot(n, a, b)) && isnan(rows->sum(n, a)) && isnan(rows->squares(n, a)));
        ((float *)a)[n - 1] = 1e30f;
        near("squares of large numbers", rows->squares(n, a) / ((double)1e30f * 1e30f), 1, 1e-12);
    }
}

static void exact_stats(const float *x, double eps, double *mean, double *rstd)
{
    double m = 0, v = 0;
    for (int i = 0; i < n; i++)
        m += x[i];
    m /= n;
    for (int i = 0; i < n; i++)
        v += (x[i] - m) * (x[i] - m);
    *mean = m;
    *rstd = 1 / sqrt(v / n + eps);
}

static void norm_stats(void)
{
    static const double offsets[] = { 0, 1, -1000, 1e6 };
    float *x = floats(0), mean, rstd;
    double m, r;
    for (int o = 0; o < COUNT(offsets) && n; o++) {
        for (int i = 0; i < n; i++)
            x[i] = (float)(x[i] + offsets[o]);
        exact_stats(x, 1e-6f, &m, &r);
        rows->norm_stats(n, x, 1e-6f, &mean, &rstd);
        near("mean", mean, m, 2e-7 + 1.2e-7 * fabs(m));
        near("rstd", rstd, r, 3e-6 * r);
    }
    static const float constants[] = { 0, 1.1f, -3.3e4f, 1e10f, 1e-20f };
    for (int c = 0; c < COUNT(constants) && n; c++) {
        for (int i = 0; i < n; i++)
            x[i] = constants[c];
        rows->norm_stats(n, x, 1e-6f, &mean, &rstd);
        near("mean of a constant", mean, constants[c], 1.2e-7 * fabs(constants[c]));
        if (c < 3 || c == 4)
            near("rstd of a constant", rstd, 1000, 0.1);
        CHECK(isfinite(rstd) && rstd > 0);
    }
    rows->norm_stats(n, x, 1e-5f, &mean, &rstd);
    CHECK(isfinite(mean) && isfinite(rstd));
    if (n) {
        x[n / 2] = NAN;
        rows->norm_stats(n, x, 1e-5f, &mean, &rstd);
        CHECK(isnan(mean) && isnan(rstd));
    }
}

static void norm_forward(void)
{
    const float *x = floats(0), *gamma = floats(1), *beta = floats(2);
    float *y = place(3, (size_t)n * sizeof *y), *in = copy(4, x);
    rows->norm(n, x, 0.25f, 1.5f, gamma, beta, y);
    for (int i = 0; i < n; i++)
        near("norm", y[i], ((double)x[i] - 0.25) * 1.5 * gamma[i] + beta[i], 2e-6);
    rows->norm(n, in, 0.25f, 1.5f, gamma, beta, in);
    CHECK(!n || !memcmp(in, y, (size_t)n * sizeof *y));
}

static void norm_backward(void)
{
    const float *x = floats(0), *gamma = floats(1), *dy = floats(2);
    float *dx = floats(3), *was = copy(4, dx), *dgamma = floats(5), *dbeta = floats(6), mean = 0.1f, rstd = 0.8f;
    double g = 0, gx = 0, old[2] = { n ? dgamma[n - 1] : 0, n ? dbeta[n - 1] : 0 };
    for (int i = 0; i < n; i++) {
        g += (double)dy[i] * gamma[i] / n;
        gx += (double)dy[i] * gamma[i] * ((double)x[i] - mean) * rstd / n;
    }
    for (int add = 0; add < 2; add++) {
        rows->norm_backward(n, x, mean, rstd, gamma, dy, dx, add, add ? dgamma : NULL, add ? dbeta : NULL);
        for (int i = 0; i < n; i++) {
            double hat = ((double)x[i] - mean) * rstd, exact = rstd * ((double)dy[i] * gamma[i] - g - hat * gx);
            if (!near("dx", dx[i], exact + (add ? was[i] : 0), 6e-6))
                return;
        }
        memcpy(dx, was, (size_t)n * sizeof *dx);
    }
    if (n) {
        near("dgamma", dgamma[n - 1], old[0] + (double)dy[n - 1] * ((double)x[n - 1] - mean) * rstd, 3e-6);
        near("dbeta", dbeta[n - 1], old[1] + dy[n - 1], 3e-7);
    }
    rows->norm_backward(n, x, mean, rstd, gamma, dy, NULL, false, dgamma, dbeta);
    if (n)
        near("dbeta, again", dbeta[n - 1], old[1] + 2.0 * dy[n - 1], 5e-7);
    CHECK(!n || !memcmp(dx, was, (size_t)n * sizeof *dx));
}

static void activations(void)
{
    const float *x = floats(0), *dy = floats(1);
    float *y = place(2, (size_t)n * sizeof *y), *dx = place(3, (size_t)n * sizeof *dx), *ones = copy(4, x);
    for (int i = 0; i < n; i++)
        ones[i] = 1;
    for (int f = ACT_NONE; f <= ACT_SIGMOID; f++) {
        rows->activate(n, (enum activation)f, x, y);
        float lone;
        for (int i = 0; i < n; i++) {       /* the place in the row has no part in it */
            rows->activate(1, (enum activation)f, x + i, &lone);
            CHECK(lone == y[i]);
        }
        rows->activate_backward(n, (enum activation)f, x, ones, y);
        rows->activate_backward(n, (enum activation)f, x, dy, dx);
        for (int i = 0; i < n; i++)
            CHECK(dx[i] == y[i] * dy[i]);
    }
}

static void exponentials(void)
{
    float *x = floats(0), *y = place(1, (size_t)n * sizeof *y);
    double sum = 0;
    rows->exp_shifted(n, 0.7f, 3.0f, x, y);
    for (int i = 0; i < n; i++) {
        sum += exp(x[i]);
        near("exp_shifted", y[i], 3 * exp((double)x[i] - 0.7f), 1e-5 * y[i]);
    }
    if (!n)
        return;
    near("log_sum_exp", rows->log_sum_exp(n, x), log(sum), 2e-6);
    for (int i = 0; i < n; i++)
        x[i] -= 5000;
    near("log_sum_exp far down", rows->log_sum_exp(n, x), log(sum) - 5000, 1e-3);
    x[n - 1] = -INFINITY;
    CHECK(n == 1 ? rows->log_sum_exp(n, x) == -INFINITY : isfinite(rows->log_sum_exp(n, x)));
    x[n / 2] = INFINITY;
    CHECK(rows->log_sum_exp(n, x) == INFINITY);
    x[0] = NAN;
    CHECK(isnan(rows->log_sum_exp(n, x)));
    for (int i = 0; i < n; i++)
        x[i] = -INFINITY;
    CHECK(rows->log_sum_exp(n, x) == -INFINITY);
    x[n - 1] = NAN;
    CHECK(isnan(rows->log_sum_exp(n, x)));
}

/* The optimizers are to give the very bits of the formula in floats, in its order. */
static void adamw(void)
{
    const struct adamw_step s = { 3e-3f, 0.99985f, 0.9f, 0.95f, 1e-8f, 0.271f, 0.1426f, 0.37f };
    const float *gradient = floats(0), *w0 = floats(1), *m0 = floats(2);
    float *v0 = floats(3), *w = copy(4, w0), *m = copy(5, m0), *v = copy(6, v0);
    for (int i = 0; i < n; i++)
        v[i] = v0[i] = i % 5 ? fabsf(v0[i]) : 0;
    rows->adamw(n, &s, gradient, w, m, v);
    for (int i = 0; i < n; i++) {
        float g = s.scale * gradient[i], a = s.beta1 * m0[i], b = (1 - s.beta1) * g, m1 = a + b;
        float square = g * g, c = s.beta2 * v0[i], d = (1 - s.beta2) * square, v1 = c + d;
        float below = sqrtf(v1) / sqrtf(s.correction2), step = s.rate / s.correction1 * m1;
        float kept = w0[i] * s.keep;
        CHECK(m[i] == m1 && v[i] == v1);
        if (!CHECK(w[i] == kept - step / (below + s.eps)))
            return;
    }
}
static void sgd(void)
{
    const float *gradient = floats(0), *w0 = floats(1), *b0 = floats(2);
    for (int how = 0; how < 8; how++) {
        const struct sgd_step s = { 0.02f, 1e-3f, how & 4 ? 0.0f : 0.9f, 0.7f, how & 1, how & 2 };
        float *w = copy(3, w0), *b = copy(4, b0);
        rows->sgd(n, &s, gradient, w, how & 4 ? NULL : b);
        for (int i = 0; i < n; i++) {
            float p = s.scale * gradient[i], q = s.decay * w0[i], g = p + q, old = s.momentum * b0[i];
            float moved = s.first || how & 4 ? g : old + g, ahead = s.momentum * moved;
            float step = s.rate * (s.nesterov ? g + ahead : moved);
            CHECK(w[i] == w0[i] - step);
            if (!CHECK(b[i] == (how & 4 ? b0[i] : moved)))
                return;
        }
    }
}

static void conversions_of_rows(void) { each(both_ways); }
static void elementwise_rows(void) { each(elementwise); }
static void zeros_of_scale(void) { each(scale_by_zero); }
static void sums_of_rows(void) { each(sums); }
static void stats_of_rows(void) { each(norm_stats); }
static void norms(void) { each(norm_forward); }
static void norm_gradients(void) { each(norm_backward); }
static void activated_rows(void) { each(activations); }
static void exponentials_of_rows(void) { each(exponentials); }
static void adamw_bits(void) { each(adamw); }
static void sgd_bits(void) { each(sgd); }

int main(void)
{
    map_arrays();
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        rows = (*k)->rows;
        isa = (*k)->isa;
        TEST(every_bf16);
        TEST(narrow_rounds);
        TEST(conversions_of_rows);
        TEST(elementwise_rows);
        TEST(zeros_of_scale);
        TEST(sums_of_rows);
        TEST(stats_of_rows);
        TEST(norms);
        TEST(norm_gradients);
        TEST(activated_rows);
        TEST(exponentials_of_rows);
        TEST(adamw_bits);
        TEST(sgd_bits);
    }
    return test_end();
}
