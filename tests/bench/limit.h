/* SPDX-License-Identifier: MIT */
/* limit.h -- the rate of multiply-adds that a kernel of an ISA could reach at most on the threads of an executor. */
#ifndef MIM_BENCH_LIMIT_H
#define MIM_BENCH_LIMIT_H

#include "base/executor.h"
#include "graph/graph.h"
#include "kernel/kernel.h"

#include <time.h>

enum { LIMIT_TASKS = 32, LIMIT_TURNS = 32000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
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

struct limit { const char *isa; bool bf16; double operations[LIMIT_TASKS]; };
static void limit_task(void *arg, int task, void *scratch)
{
    struct limit *l = arg;
    float sink = 0;
    (void)scratch;
    l->operations[task] = chains(l->isa, l->bf16, LIMIT_TURNS, &sink) + (sink == 12345.0f);
}

/* GFLOP/s. */
static double limit(const struct env *env, bool bf16)
{
    struct limit l = { .isa = env->k->isa, .bf16 = bf16 };
    double t = now(), sum = 0;
    mim__run(env->pool, LIMIT_TASKS, limit_task, &l, env->scratch, NULL);
    t = now() - t;
    for (int i = 0; i < LIMIT_TASKS; i++)
        sum += l.operations[i];
    return sum / t * 1e-9;
}

#endif
