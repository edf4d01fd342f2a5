/* SPDX-License-Identifier: MIT */
/* gemm.c -- matrix products of the shapes that training has, beside the limit of the machine measured in the same
 * run, and beside cblas_sgemm where a library that has it can be loaded.
 *
 *     gemm [rounds] [library] [isa]      rounds 15, library libopenblas.so.0, all sets of instructions
 *
 * The machine may be shared: rounds take turns (limit, ours, theirs), each keeps its median and its best, and time is the
 * thread's own. */
#include "op/matmul.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 15, MAX_ROUNDS = 99 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Limits: independent chains of multiply-adds in registers, `turns` times; the number of operations. */
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

__attribute__((target("avx2,fma"))) static double chains_avx2(long turns, float *sink)
{
    __m256 a[12], x = _mm256_set1_ps(1.0000001f), y = _mm256_set1_ps(1e-9f), sum = _mm256_setzero_ps();
    _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++) a[i] = _mm256_set1_ps((float)i);
    for (long r = 0; r < turns; r++) {
        _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++) a[i] = _mm256_fmadd_ps(a[i], x, y);
        __asm__ volatile("" : "+x"(a[0]));
    }
    _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++) sum = _mm256_add_ps(sum, a[i]);
    *sink += _mm256_cvtss_f32(sum);
    return (double)turns * 12 * 16;
}

__attribute__((target("avx512f"))) static double chains_avx512(long turns, float *sink)
{
    __m512 a[24], x = _mm512_set1_ps(1.0000001f), y = _mm512_set1_ps(1e-9f), sum = _mm512_setzero_ps();
    _Pragma("GCC unroll 24") for (int i = 0; i < 24; i++) a[i] = _mm512_set1_ps((float)i);
    for (long r = 0; r < turns; r++) {
        _Pragma("GCC unroll 24") for (int i = 0; i < 24; i++) a[i] = _mm512_fmadd_ps(a[i], x, y);
        __asm__ volatile("" : "+v"(a[0]));
    }
    _Pragma("GCC unroll 24") for (int i = 0; i < 24; i++) sum = _mm512_add_ps(sum, a[i]);
    *sink += _mm512_cvtss_f32(sum);
    return (double)turns * 24 * 32;
}

__attribute__((target("avx512f,avx512bf16"))) static double chains_bf16(long turns, float *sink)
{
    __m512 a[24], sum = _mm512_setzero_ps();
    __m512bh x = (__m512bh)_mm512_set1_epi16(0x3f80), y = (__m512bh)_mm512_set1_epi16(0x2f80);
    _Pragma("GCC unroll 24") for (int i = 0; i < 24; i++) a[i] = _mm512_set1_ps((float)i);
    for (long r = 0; r < turns; r++) {
        _Pragma("GCC unroll 24") for (int i = 0; i < 24; i++) a[i] = _mm512_dpbf16_ps(a[i], x, y);
        __asm__ volatile("" : "+v"(a[0]));
    }
    _Pragma("GCC unroll 24") for (int i = 0; i < 24; i++) sum = _mm512_add_ps(sum, a[i]);
    *sink += _mm512_cvtss_f32(sum);
    return (double)turns * 24 * 64;
}

static double chains(const char *isa, bool bf16, long turns, float *sink)
{
    if (!strcmp(isa, "avx512_bf16") && bf16)
        return chains_bf16(turns, sink);
    if (!strncmp(isa, "avx512", 6))
        return chains_avx512(turns, sink);
    return chains_avx2(turns, sink);
}
#else
static double chains(const char *isa, bool bf16, long turns, float *sink)
{
    float a[32];
    (void)isa, (void)bf16;
    for (int i = 0; i < 32; i++)
        a[i] = (float)i;
    for (long r = 0; r < turns; r++)
        for (int i = 0; i < 32; i++)
            a[i] = a[i] * 1.0000001f + 1e-9f;
    for (int i = 0; i < 32; i++)
        *sink += a[i];
    return (double)turns * 64;
}
#endif

static double limit(const char *isa, bool bf16)
{
    float sink = 0;
    double t = now(), operations = chains(isa, bf16, 200000, &sink);
    t = now() - t;
    return sink == 12345.0f ? 0 : operations / t * 1e-9;
}

static const struct shape_case { const char *name; int m, n, k; bool ta, tb; } shapes[] = {
    { "square_1024", 1024, 1024, 1024, false, false },
    { "square_2048", 2048, 2048, 2048, false, false },
    { "vitb_qkv_fwd", 1576, 2304, 768, false, true },
    { "vitb_proj_fwd", 1576, 768, 768, false, true },
    { "vitb_fc1_fwd", 1576, 3072, 768, false, true },
    { "vitb_fc2_fwd", 1576, 768, 3072, false, true },
    { "vitb_fc1_dgrad", 1576, 768, 3072, false, false },
    { "vitb_fc1_wgrad", 3072, 768, 1576, true, false },
    { "vits_fc1_fwd", 1576, 1536, 384, false, true },
    { "vits_fc1_wgrad", 1536, 384, 1576, true, false },
    { "vitti_fc1_fwd", 1576, 768, 192, false, true },
    { "swint_s1_fc1_fwd", 25088, 384, 96, false, true },
    { "swint_s1_wgrad", 384, 96, 25088, true, false },
    { "cifar_qkv_fwd", 4096, 384, 128, false, true },
    { "head_score", 197, 197, 64, false, true },
    { "head_value", 197, 64, 197, false, false },
    { "window_score", 49, 49, 32, false, true },
};

typedef void (*sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
struct run {
    const struct shape_case *s;
    struct env env;
    enum dtype type;
    const void *a, *b;
    float *c;
    void *work;
    sgemm theirs;
};

static void once(const struct run *r, bool ours)
{
    const struct shape_case *s = r->s;
    int lda = s->ta ? s->m : s->k, ldb = s->tb ? s->k : s->n;
    struct matrix a = { .data = r->a, .type = r->type, .stride = lda, .transposed = s->ta };
    struct matrix b = { .data = r->b, .type = r->type, .stride = ldb, .transposed = s->tb };
    if (ours)
        mim__matmul(&r->env, r->type, s->m, s->n, s->k, &a, &b, r->c, F32, s->n, NULL, r->work);
    else
        r->theirs(101, s->ta ? 112 : 111, s->tb ? 112 : 111, s->m, s->n, s->k, 1, r->a, lda, r->b, ldb, 0, r->c, s->n);
}

static double rate(const struct run *r, bool ours)
{
    double flop = 2.0 * r->s->m * r->s->n * r->s->k;
    int inner = (int)fmax(1, 6e8 / flop);
    double t = now();
    for (int i = 0; i < inner; i++)
        once(r, ours);
    return flop * inner / (now() - t) * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[n / 2];
}

/* Ratio to the limit: of medians, and of the best. */
struct result { double median, best, theirs; };
static struct result measure(const struct run *r, int rounds)
{
    static double top[MAX_ROUNDS], ours[MAX_ROUNDS], theirs[MAX_ROUNDS];
    const char *isa = r->env.k->isa;
    once(r, true);
    for (int i = 0; i < rounds; i++) {
        top[i] = limit(isa, r->type == BF16);
        ours[i] = rate(r, true);
        theirs[i] = r->theirs ? rate(r, false) : 0;
    }
    double t = median(top, rounds), o = median(ours, rounds), h = median(theirs, rounds);
    struct result q = { o / t, ours[rounds - 1] / top[rounds - 1], h / t };
    printf("%-12s %-4s %-18s %7.1f GFLOP/s  limit %6.1f  ratio %.3f  best %.3f", isa, r->type == BF16 ? "bf16" : "f32",
           r->s->name, o, t, q.median, q.best);
    if (r->theirs)
        printf("  cblas %7.1f (%.3f)", h, q.theirs);
    printf("\n");
    fflush(stdout);
    return q;
}

static void *numbers(size_t n, enum dtype type)
{
    size_t size = n * dtype_size(type);
    unsigned char *p = aligned_alloc(64, round_up(size, 64));
    for (size_t i = 0; p && i < n; i++) {
        float f = (float)(i * 2654435761u % 1024) / 1024 - 0.5f;
        uint32_t u;
        memcpy(&u, &f, 4);
        uint16_t h = (uint16_t)(u >> 16);
        memcpy(p + i * dtype_size(type), type == BF16 ? (void *)&h : (void *)&f, dtype_size(type));
    }
    return p;
}

static void bench(mim_context *ctx, const struct kernels *k, enum dtype type, int rounds, sgemm theirs)
{
    double log_median = 0, log_best = 0, log_theirs = 0;
    for (int i = 0; i < COUNT(shapes); i++) {
        const struct shape_case *s = &shapes[i];
        struct run r = { .s = s, .type = type, .theirs = type == F32 ? theirs : NULL };
        r.env = (struct env){ .k = k, .pool = mim__context_executor(ctx), .scratch = aligned_alloc(64, 4 << 20) };
        r.a = numbers((size_t)s->m * s->k, type);
        r.b = numbers((size_t)s->k * s->n, type);
        r.c = numbers((size_t)s->m * s->n, F32);
        r.work = aligned_alloc(64, round_up(mim__matmul_work(k, type, s->m, s->n, s->k), 64));
        struct result q = measure(&r, rounds);
        log_median += log(q.median) / COUNT(shapes);
        log_best += log(q.best) / COUNT(shapes);
        log_theirs += r.theirs ? log(q.theirs) / COUNT(shapes) : 0;
        free(r.env.scratch), free((void *)r.a), free((void *)r.b), free(r.c), free(r.work);
    }
    printf("%-12s %-4s geometric mean: ratio %.3f  best %.3f", k->isa, type == BF16 ? "bf16" : "f32",
           exp(log_median), exp(log_best));
    if (type == F32 && theirs)
        printf("  cblas %.3f", exp(log_theirs));
    printf("\n");
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? imin(imax(atoi(argv[1]), 1), MAX_ROUNDS) : ROUNDS;
    void *library = dlopen(argc > 2 ? argv[2] : "libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "cblas_sgemm") : NULL;
    void *threads = library ? dlsym(library, "openblas_set_num_threads") : NULL;
    const char *only = argc > 3 ? argv[3] : NULL;
    sgemm theirs = NULL;
    memcpy(&theirs, &symbol, sizeof theirs);
    if (threads) {
        void (*set)(int);
        memcpy(&set, &threads, sizeof set);
        set(1);
    }
    mim_context *ctx;
    if (mim_context_create(NULL, &ctx) != MIM_OK)
        return 1;
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++)
        for (int type = F32; type <= BF16; type++)
            if (strcmp((*k)->isa, "scalar") && (!only || !strcmp(only, (*k)->isa)))
                bench(ctx, *k, (enum dtype)type, rounds, theirs);
    mim_context_destroy(ctx);
    return 0;
}
