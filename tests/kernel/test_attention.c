/* SPDX-License-Identifier: MIT */
/* test_attention.c -- the attention kernels of every ISA of this processor against attention in double precision:
 * forward, weights and gradients, odd sizes, both types, bias, strides, accumulation, and nothing touched outside. */
#define _DEFAULT_SOURCE
#include "kernel/kernel.h"
#include "support/test.h"

#include <sys/mman.h>

struct shape { int n, dim; };
struct trial { struct shape s; enum dtype type, compute; bool bias, add; };

/* All of one trial: f32 master copies, what the kernel sees, and the double reference. */
enum { Q, K, V, Y, DY, DQ, DK, DV, ARRAYS };
struct state {
    struct trial t;
    int stride[ARRAYS];
    double *exact[ARRAYS], *bias, *dbias, *p, *lse;
    void *given[ARRAYS];                    /* element 0 of row 0; the last row ends at a guard page */
    float *given_bias, *given_dbias, *given_p, *given_lse;
    void *scratch;
    struct { void *base; size_t size; } maps[32];
    int map_count;
};

static unsigned seed;
static double draw(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (double)(seed >> 8) / 8388608.0 - 1.0;
}

/* Memory that faults one byte behind its end, and before its first page. */
static void *guarded(struct state *s, size_t size)
{
    size_t page = 4096, body = round_up(size, page);
    char *p = mmap(NULL, body + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        exit(2);
    mprotect(p, page, PROT_NONE);
    mprotect(p + page + body, page, PROT_NONE);
    s->maps[s->map_count].base = p;
    s->maps[s->map_count++].size = body + 2 * page;
    return p + page + body - size;
}

static double *doubles(size_t n)
{
    double *p = calloc(n, sizeof *p);
    if (!p)
        exit(2);
    return p;
}

static double get(enum dtype t, const void *p, ptrdiff_t i)
{
    if (t == F32)
        return ((const float *)p)[i];
    uint32_t u = (uint32_t)((const uint16_t *)p)[i] << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}
static void put(enum dtype t, void *p, ptrdiff_t i, double x)
{
    float f = (float)x;
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    if (t == F32)
        ((float *)p)[i] = f;
    else
        ((uint16_t *)p)[i] = (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static void set_up(struct state *s, const struct kernels *k, struct trial t)
{
    static const int extra[ARRAYS] = { 5, 5, 5, 3, 0, 7, 7, 7 };
    int n = t.s.n, dim = t.s.dim;
    size_t square = (size_t)n * n;
    *s = (struct state){ .t = t };
    seed = (unsigned)(n * 131 + dim);
    for (int a = 0; a < ARRAYS; a++) {
        s->stride[a] = dim + extra[a];
        s->exact[a] = doubles((size_t)n * dim);
        s->given[a] = guarded(s, ((size_t)(n - 1) * s->stride[a] + dim) * dtype_size(t.type));
        for (int i = 0; i < n; i++)
            for (int d = 0; d < dim; d++) {
                put(t.type, s->given[a], (ptrdiff_t)i * s->stride[a] + d, draw());
                s->exact[a][i * dim + d] = get(t.type, s->given[a], (ptrdiff_t)i * s->stride[a] + d);
            }
    }
    s->bias = doubles(square), s->dbias = doubles(square), s->p = doubles(square), s->lse = doubles((size_t)n);
    s->given_bias = guarded(s, square * sizeof(float));
    s->given_dbias = guarded(s, square * sizeof(float));
    s->given_p = guarded(s, square * sizeof(float));
    s->given_lse = guarded(s, (size_t)n * sizeof(float));
    for (size_t i = 0; i < square; i++) {
        s->bias[i] = s->given_bias[i] = t.bias ? (float)(2 * draw()) : 0;
        s->dbias[i] = s->given_dbias[i] = (float)draw();
    }
    size_t size = k->attention[t.compute]->scratch(n, dim);
    s->scratch = guarded(s, round_up(size, 64));
    memset(s->scratch, 0xff, size);             /* every float a NaN: nothing may be read before it is written */
}

static void tear_down(struct state *s)
{
    for (int i = 0; i < s->map_count; i++)
        munmap(s->maps[i].base, s->maps[i].size);
    for (int a = 0; a < ARRAYS; a++)
        free(s->exact[a]);
    free(s->bias), free(s->dbias), free(s->p), free(s->lse);
}

static double scale_of(const struct state *s) { return 1.7 / sqrt(s->t.s.dim); }

static void exact_forward(struct state *s)
{
    int n = s->t.s.n, dim = s->t.s.dim;
    for (int i = 0; i < n; i++) {
        double top = -INFINITY, sum = 0, *p = s->p + (size_t)i * n;
        for (int j = 0; j < n; j++) {
            double dot = 0;
            for (int d = 0; d < dim; d++)
                dot += s->exact[Q][i * dim + d] * s->exact[K][j * dim + d];
            p[j] = dot * (float)scale_of(s) + s->bias[(size_t)i * n + j];
            top = p[j] > top ? p[j] : top;
        }
        for (int j = 0; j < n; j++)
            sum += p[j] = exp(p[j] - top);
        s->lse[i] = top + log(sum);
        for (int d = 0; d < dim; d++)
            s->exact[Y][i * dim + d] = 0;
        for (int j = 0; j < n; j++) {
            p[j] /= sum;
            for (int d = 0; d < dim; d++)
                s->exact[Y][i * dim + d] += p[j] * s->exact[V][j * dim + d];
        }
    }
}

static void exact_backward(struct state *s)
{
    int n = s->t.s.n, dim = s->t.s.dim;
    double scale = (float)scale_of(s);
    for (int a = DQ; a <= DV && !s->t.add; a++)
        memset(s->exact[a], 0, (size_t)n * dim * sizeof(double));
    for (int i = 0; i < n; i++) {
        const double *dy = s->exact[DY] + i * dim, *q = s->exact[Q] + i * dim;
        double mean = 0;
        for (int d = 0; d < dim; d++)
            mean += dy[d] * s->exact[Y][i * dim + d];
        for (int j = 0; j < n; j++) {
            const double *v = s->exact[V] + j * dim, *k = s->exact[K] + j * dim;
            double p = s->p[(size_t)i * n + j], dp = 0;
            for (int d = 0; d < dim; d++)
                dp += dy[d] * v[d];
            double ds = p * (dp - mean);
            s->dbias[(size_t)i * n + j] += ds;
            for (int d = 0; d < dim; d++) {
                s->exact[DQ][i * dim + d] += scale * ds * k[d];
                s->exact[DK][j * dim + d] += scale * ds * q[d];
                s->exact[DV][j * dim + d] += p * dy[d];
            }
        }
    }
}

static struct attention_head head_of(const struct state *s)
{
    return (struct attention_head){
        .n = s->t.s.n, .dim = s->t.s.dim, .scale = (float)scale_of(s), .type = s->t.type,
        .q = s->given[Q], .k = s->given[K], .v = s->given[V], .stride = s->stride[Q],
        .bias = s->t.bias ? s->given_bias : NULL, .y = s->given[Y], .y_stride = s->stride[Y], .lse = s->given_lse,
        .dy = s->given[DY], .dy_stride = s->stride[DY], .dq = s->given[DQ], .dk = s->given[DK], .dv = s->given[DV],
        .d_stride = s->stride[DQ], .add = s->t.add, .dbias = s->t.bias ? s->given_dbias : NULL,
    };
}

/* The largest error of an array, relative to its largest element. */
static double error_of(const struct state *s, int a)
{
    int dim = s->t.s.dim;
    double worst = 0, most = 0.05;
    for (int i = 0; i < s->t.s.n; i++)
        for (int d = 0; d < dim; d++) {
            double x = s->exact[a][i * dim + d], e = fabs(get(s->t.type, s->given[a], (ptrdiff_t)i * s->stride[a] + d) - x);
            worst = e <= worst ? worst : e;     /* a NaN is worst of all */
            most = fabs(x) > most ? fabs(x) : most;
        }
    return worst / most;
}
static double error_of_floats(size_t n, const float *x, const double *exact)
{
    double worst = 0, most = 0.05;
    for (size_t i = 0; i < n; i++) {
        double e = fabs(x[i] - exact[i]);
        worst = e <= worst ? worst : e;
        most = fabs(exact[i]) > most ? fabs(exact[i]) : most;
    }
    return worst / most;
}

static const char *current_isa;
static void expect(const struct state *s, const char *what, double error, double limit)
{
    char text[256];
    snprintf(text, sizeof text, "%s, %s, n %d dim %d, %s in %s%s%s: error %.3g, at most %.3g", what, current_isa, s->t.s.n,
             s->t.s.dim, s->t.type == F32 ? "f32" : "bf16", s->t.compute == F32 ? "f32" : "bf16",
             s->t.bias ? ", bias" : "", s->t.add ? ", add" : "", error, limit);
    test_check(error <= limit, __FILE__, __LINE__, text);
}

static void check_trial(const struct kernels *k, struct trial t)
{
    struct state s;
    set_up(&s, k, t);
    const struct attention_kernels *a = k->attention[t.compute];
    struct attention_head h = head_of(&s);
    double limit = t.type == F32 && t.compute == F32 ? 6e-6 : 2e-2, sums = t.compute == F32 ? 6e-6 : 2e-2;
    size_t square = (size_t)t.s.n * t.s.n;
    a->forward(&h, s.scratch);
    exact_forward(&s);
    expect(&s, "y", error_of(&s, Y), limit);
    expect(&s, "lse", error_of_floats((size_t)t.s.n, s.given_lse, s.lse), sums);
    a->weights(&h, s.given_p, s.scratch);
    expect(&s, "p", error_of_floats(square, s.given_p, s.p), sums);
    a->backward(&h, s.scratch);
    exact_backward(&s);
    expect(&s, "dq", error_of(&s, DQ), limit);
    expect(&s, "dk", error_of(&s, DK), limit);
    expect(&s, "dv", error_of(&s, DV), limit);
    if (t.bias)
        expect(&s, "dbias", error_of_floats(square, s.given_dbias, s.dbias), limit);
    tear_down(&s);
}

static const struct shape shapes[] = {
    { 1, 1 }, { 1, 64 }, { 2, 3 }, { 3, 17 }, { 5, 16 }, { 15, 8 }, { 16, 24 }, { 17, 40 }, { 47, 5 }, { 48, 32 },
    { 49, 32 }, { 50, 64 }, { 64, 31 }, { 65, 64 }, { 53, 80 }, { 96, 48 }, { 97, 33 }, { 144, 32 }, { 197, 64 },
    { 130, 128 }, { 61, 200 },
};

static const struct kernels *kernels;
static void every_shape(void)
{
    for (int i = 0; i < COUNT(shapes); i++)
        for (int how = 0; how < 12; how++) {
            enum dtype type = how % 3 == 1 ? BF16 : F32, compute = how % 3 ? BF16 : F32;
            check_trial(kernels, (struct trial){ shapes[i], type, compute, how / 3 % 2, how / 6 });
        }
    check_trial(kernels, (struct trial){ { 300, 20 }, BF16, F32, true, true });
}
static void long_rows(void) { check_trial(kernels, (struct trial){ { 1000, 16 }, F32, F32, false, false }); }

/* What stands between the rows stays, for gradients as for y. */
static void gaps_stay(void)
{
    struct state s;
    set_up(&s, kernels, (struct trial){ { 50, 13 }, F32, F32, false, false });
    struct attention_head h = head_of(&s);
    static const int written[] = { Y, DQ, DK, DV };
    for (int w = 0; w < 4; w++)
        for (int i = 0; i < 49; i++)
            for (int d = 13; d < s.stride[written[w]]; d++)
                ((float *)s.given[written[w]])[i * s.stride[written[w]] + d] = 1234.5f;
    kernels->attention[F32]->forward(&h, s.scratch);
    kernels->attention[F32]->backward(&h, s.scratch);
    for (int w = 0; w < 4; w++)
        for (int i = 0; i < 49; i++)
            for (int d = 13; d < s.stride[written[w]]; d++)
                if (!CHECK(((float *)s.given[written[w]])[i * s.stride[written[w]] + d] == 1234.5f))
                    i = 49, w = 3;
    tear_down(&s);
}

/* The same call leaves the same bits, whatever the scratch held before. */
static void same_bits(void)
{
    for (int compute = F32; compute <= BF16; compute++) {
        struct state s, again;
        struct trial t = { { 197, 64 }, F32, (enum dtype)compute, true, false };
        set_up(&s, kernels, t);
        set_up(&again, kernels, t);
        memset(again.scratch, 0x3f, kernels->attention[compute]->scratch(197, 64));
        struct attention_head h = head_of(&s), g = head_of(&again);
        kernels->attention[compute]->forward(&h, s.scratch);
        kernels->attention[compute]->forward(&g, again.scratch);
        kernels->attention[compute]->backward(&h, s.scratch);
        kernels->attention[compute]->backward(&g, again.scratch);
        static const int written[] = { Y, DQ, DK, DV };
        for (int w = 0; w < 4; w++)
            for (int i = 0; i < 197; i++) {
                size_t at = (size_t)i * s.stride[written[w]] * sizeof(float);
                const char *a = (const char *)s.given[written[w]] + at, *b = (const char *)again.given[written[w]] + at;
                if (!CHECK(!memcmp(a, b, 64 * sizeof(float))))
                    break;
            }
        CHECK(!memcmp(s.given_lse, again.given_lse, 197 * sizeof(float)));
        CHECK(!memcmp(s.given_dbias, again.given_dbias, 197 * 197 * sizeof(float)));
        tear_down(&s);
        tear_down(&again);
    }
}

/* A head that is told which one follows gives the same bits. */
static void followed(void)
{
    for (int compute = F32; compute <= BF16; compute++) {
        struct state s, again;
        struct trial t = { { 50, 33 }, BF16, (enum dtype)compute, false, true };
        set_up(&s, kernels, t);
        set_up(&again, kernels, t);
        struct attention_head h = head_of(&s), g = head_of(&again);
        h.next = &g;
        kernels->attention[compute]->forward(&h, s.scratch);
        kernels->attention[compute]->backward(&h, s.scratch);
        kernels->attention[compute]->forward(&g, again.scratch);
        kernels->attention[compute]->backward(&g, again.scratch);
        static const int written[] = { Y, DQ, DK, DV };
        for (int w = 0; w < 4; w++)
            for (int i = 0; i < 50; i++) {
                size_t at = (size_t)i * s.stride[written[w]];
                const uint16_t *a = (uint16_t *)s.given[written[w]] + at, *b = (uint16_t *)again.given[written[w]] + at;
                if (!CHECK(!memcmp(a, b, 33 * sizeof *a)))
                    break;
            }
        tear_down(&s);
        tear_down(&again);
    }
}

/* Masks of -infinity, scores far from zero, and numbers that are none. */
static void extremes(void)
{
    for (int compute = F32; compute <= BF16; compute++) {
        struct state s;
        set_up(&s, kernels, (struct trial){ { 50, 24 }, F32, (enum dtype)compute, true, false });
        struct attention_head h = head_of(&s);
        for (int i = 0; i < 50; i++)
            for (int j = 0; j < 50; j++) {
                float seen = i == 3 ? 3000.0f : -500.0f;
                s.bias[i * 50 + j] = s.given_bias[i * 50 + j] = (i < 20) == (j < 20) ? seen : -INFINITY;
            }
        kernels->attention[compute]->forward(&h, s.scratch);
        exact_forward(&s);
        expect(&s, "y, masked", error_of(&s, Y), compute == F32 ? 2e-4 : 2e-2);
        kernels->attention[compute]->backward(&h, s.scratch);
        exact_backward(&s);
        expect(&s, "dk, masked", error_of(&s, DK), compute == F32 ? 2e-4 : 2e-2);
        for (int j = 20; j < 50; j++)
            CHECK(s.given_dbias[j] == (float)s.dbias[j]);      /* no gradient through the mask */
        ((float *)s.given[Q])[7 * s.stride[Q]] = NAN;
        kernels->attention[compute]->forward(&h, s.scratch);
        CHECK(isnan(s.given_lse[7]) && isnan(((float *)s.given[Y])[7 * s.stride[Y]]));
        CHECK(!isnan(s.given_lse[6]) && !isnan(((float *)s.given[Y])[8 * s.stride[Y]]));
        tear_down(&s);
    }
}

/* A window: rows in another order and apart, two regions. The same bits as rows in their order and a mask in the bias. */
static void windows(void)
{
    enum { N = 49, DIM = 33 };
    int32_t rows[N];
    float regions[N];
    for (int i = 0; i < N; i++) {
        rows[i] = (i * 9 + 3) % N;
        regions[i] = (float)(4 + i % 3);
    }
    for (int compute = F32; compute <= BF16; compute++) {
        struct state s, plain;
        struct trial t = { { N, DIM }, BF16, (enum dtype)compute, true, true };
        set_up(&s, kernels, t);
        set_up(&plain, kernels, t);
        struct attention_head h = head_of(&s), g = head_of(&plain);
        h.rows = rows;
        h.regions = regions;
        for (int a = 0; a < ARRAYS; a++)
            for (int i = 0; i < N; i++)
                memcpy((uint16_t *)s.given[a] + (size_t)rows[i] * s.stride[a],
                       (uint16_t *)plain.given[a] + (size_t)i * s.stride[a], DIM * sizeof(uint16_t));
        for (int i = 0; i < N * N; i++)
            if (regions[i / N] != regions[i % N])
                plain.given_bias[i] = -INFINITY;
        kernels->attention[compute]->forward(&h, s.scratch);
        kernels->attention[compute]->forward(&g, plain.scratch);
        kernels->attention[compute]->backward(&h, s.scratch);
        kernels->attention[compute]->backward(&g, plain.scratch);
        static const int written[] = { Y, DQ, DK, DV };
        for (int w = 0; w < 4; w++)
            for (int i = 0; i < N; i++) {
                int stride = s.stride[written[w]];
                const uint16_t *a = (uint16_t *)s.given[written[w]] + (size_t)rows[i] * stride;
                if (!CHECK(!memcmp(a, (uint16_t *)plain.given[written[w]] + (size_t)i * stride, DIM * sizeof *a)))
                    break;
            }
        CHECK(!memcmp(s.given_lse, plain.given_lse, sizeof rows));
        CHECK(!memcmp(s.given_dbias, plain.given_dbias, N * N * sizeof(float)));
        kernels->attention[compute]->weights(&h, s.given_p, s.scratch);
        kernels->attention[compute]->weights(&g, plain.given_p, plain.scratch);
        CHECK(!memcmp(s.given_p, plain.given_p, N * N * sizeof(float)));
        tear_down(&s);
        tear_down(&plain);
    }
}

int main(void)
{
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        kernels = *k;
        current_isa = kernels->isa;
        TEST(every_shape);
        TEST(long_rows);
        TEST(gaps_stay);
        TEST(same_bits);
        TEST(followed);
        TEST(extremes);
        TEST(windows);
    }
    return test_end();
}
