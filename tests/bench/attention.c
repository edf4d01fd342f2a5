/* SPDX-License-Identifier: MIT */
/* attention.c -- time of one attention head, forward and backward, on every ISA of this processor, beside the
 * fused multiply-add rate that the forward's operations (4 n^2 dim) and the backward's (10 n^2 dim) could reach at most.
 *
 *     attention [isa]        seconds are the best of several runs */
#define _POSIX_C_SOURCE 199309L
#include "kernel/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *memory(size_t n)
{
    void *p = aligned_alloc(64, round_up(n, 64));
    if (!p)
        exit(1);
    memset(p, 0, n);
    return p;
}

static void fill(void *x, size_t n, enum dtype type, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        float v = (float)(seed >> 8) / 8388608.0f - 1.0f;
        uint32_t u;
        memcpy(&u, &v, sizeof u);
        if (type == F32)
            ((float *)x)[i] = v;
        else
            ((uint16_t *)x)[i] = (uint16_t)(u >> 16);
    }
}

static double best_of(void (*run)(const struct attention_head *h, void *scratch), const struct attention_head *h,
                      void *scratch)
{
    double best = 1e30, end = now() + 0.15;
    for (int i = 0; i < 3 || now() < end; i++) {
        double start = now();
        run(h, scratch);
        double t = now() - start;
        best = t < best ? t : best;
    }
    return best;
}

static void bench(const struct kernels *k, enum dtype compute, int n, int dim, bool bias)
{
    const struct attention_kernels *a = &k->attention[compute];
    size_t width = (size_t)3 * 12 * dim, size = (size_t)n * width, square = (size_t)n * n;
    char *x = memory(size * 4), *g = memory(size * 4);
    struct attention_head h = { .n = n, .dim = dim, .scale = 0.125f, .type = compute, .q = x, .stride = (ptrdiff_t)width };
    size_t part = (size_t)12 * dim * dtype_size(compute);
    fill(x, size, compute, 1);
    h.k = x + part;
    h.v = x + 2 * part;
    h.y = memory(size * 4);
    h.lse = memory((size_t)n * sizeof(float));
    h.dy = memory(size * 4);
    fill((void *)h.dy, (size_t)n * 12 * dim, compute, 2);
    h.y_stride = h.dy_stride = 12 * dim;
    h.dq = g;
    h.dk = g + part;
    h.dv = g + 2 * part;
    h.d_stride = (ptrdiff_t)width;
    if (bias) {
        h.bias = memory(square * sizeof(float));
        h.dbias = memory(square * sizeof(float));
    }
    void *scratch = memory(a->scratch(n, dim));
    double f = best_of(a->forward, &h, scratch), b = best_of(a->backward, &h, scratch), work = (double)n * n * dim;
    printf("%-12s %-4s n %4d dim %3d %s  ", k->isa, compute == F32 ? "f32" : "bf16", n, dim, bias ? "bias" : "    ");
    printf("forward %8.1f us %6.1f GFLOP/s   ", f * 1e6, 4e-9 * work / f);
    printf("backward %8.1f us %6.1f GFLOP/s\n", b * 1e6, 10e-9 * work / b);
    free(x), free(g), free(h.y), free(h.lse), free((void *)h.dy), free((void *)h.bias), free(h.dbias), free(scratch);
}

int main(int argc, char **argv)
{
    static const struct { int n, dim; bool bias; } cases[] = {
        { 197, 64, false }, { 50, 64, false }, { 49, 32, true }, { 144, 32, true }, { 197, 64, true }, { 257, 80, false },
        { 197, 16, false }, { 577, 128, false }, { 1000, 64, false },
    };
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++)
        for (int c = 0; c < COUNT(cases) * 2; c++)
            if (argc < 2 || !strcmp(argv[1], (*k)->isa))
                bench(*k, c % 2 ? BF16 : F32, cases[c / 2].n, cases[c / 2].dim, cases[c / 2].bias);
    return 0;
}
