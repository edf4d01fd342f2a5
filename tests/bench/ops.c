/* SPDX-License-Identifier: MIT */
/* ops.c -- nanoseconds an element of the row kernels, on every ISA of this processor: on a row of 768 that stays in
 * the nearest cache, and on 16 million elements that come from memory (with the bytes moved a second).
 *
 *     ops [isa]        each is the best of several runs */
#define _POSIX_C_SOURCE 199309L
#include "kernel/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct arrays { int n; float *x, *y, *z, *w, *g, *b; uint16_t *h; };

static volatile double sink;
static const struct row_kernels *rows;
static const struct adamw_step adamw = { 1e-3f, 0.05f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.05f, 1.0f };
static const struct sgd_step sgd = { 1e-3f, 0.05f, 0.9f, 1.0f, false, false };

static void run_widen(const struct arrays *a) { rows->widen(a->n, a->h, a->y); }
static void run_narrow(const struct arrays *a) { rows->narrow(a->n, a->x, a->h); }
static void run_add(const struct arrays *a) { rows->add(a->n, a->x, a->z, a->y); }
static void run_axpy(const struct arrays *a) { rows->axpy(a->n, 1e-9f, a->x, a->y); }
static void run_dot(const struct arrays *a) { sink = rows->dot(a->n, a->x, a->z); }
static void run_sum(const struct arrays *a) { sink = rows->sum(a->n, a->x); }
static void run_squares(const struct arrays *a) { sink = rows->squares(a->n, a->x); }
static void run_stats(const struct arrays *a) { rows->norm_stats(a->n, a->x, 1e-6f, a->b, a->b + 1); }
static void run_norm(const struct arrays *a) { rows->norm(a->n, a->x, 0.1f, 1.1f, a->g, a->z, a->y); }
static void run_norm_backward(const struct arrays *a)
{
    rows->norm_backward(a->n, a->x, 0.1f, 1.1f, a->g, a->z, a->y, false, a->w, a->b);
}
static void run_gelu(const struct arrays *a) { rows->activate(a->n, ACT_GELU, a->x, a->y); }
static void run_gelu_tanh(const struct arrays *a) { rows->activate(a->n, ACT_GELU_TANH, a->x, a->y); }
static void run_gelu_backward(const struct arrays *a) { rows->activate_backward(a->n, ACT_GELU, a->x, a->z, a->y); }
static void run_exp(const struct arrays *a) { rows->exp_shifted(a->n, 1.0f, 1.0f, a->x, a->y); }
static void run_log_sum_exp(const struct arrays *a) { sink = rows->log_sum_exp(a->n, a->x); }
static void run_adamw(const struct arrays *a) { rows->adamw(a->n, &adamw, a->x, a->w, a->z, a->b); }
static void run_sgd(const struct arrays *a) { rows->sgd(a->n, &sgd, a->x, a->w, a->b); }

static const struct { const char *name; void (*run)(const struct arrays *a); int bytes; } cases[] = {
    { "widen", run_widen, 6 }, { "narrow", run_narrow, 6 }, { "add", run_add, 12 }, { "axpy", run_axpy, 12 },
    { "dot", run_dot, 8 }, { "sum", run_sum, 4 }, { "squares", run_squares, 4 }, { "norm_stats", run_stats, 8 },
    { "norm", run_norm, 16 }, { "norm_backward", run_norm_backward, 52 }, { "gelu", run_gelu, 8 },
    { "gelu_tanh", run_gelu_tanh, 8 }, { "gelu_backward", run_gelu_backward, 12 }, { "exp_shifted", run_exp, 8 },
    { "log_sum_exp", run_log_sum_exp, 8 }, { "adamw", run_adamw, 28 }, { "sgd", run_sgd, 20 },
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds for one element. */
static double best_of(void (*run)(const struct arrays *a), struct arrays a, int n)
{
    double best = 1e30, end = now() + 0.05;
    int repeat = imax(1, 100000 / n);
    a.n = n;
    for (int i = 0; i < 2 || now() < end; i++) {
        double start = now();
        for (int r = 0; r < repeat; r++)
            run(&a);
        double t = (now() - start) / repeat / n;
        best = t < best ? t : best;
    }
    return best;
}

static float *floats(int n)
{
    float *x = malloc((size_t)n * sizeof *x);
    if (!x)
        exit(1);
    for (int i = 0; i < n; i++)
        x[i] = 0.001f + (float)(i * 7 % 1000) / 500.0f;
    return x;
}

int main(int argc, char **argv)
{
    enum { LARGE = 16 << 20, SMALL = 768 };
    struct arrays a = { 0, floats(LARGE), floats(LARGE), floats(LARGE), floats(LARGE), floats(LARGE), floats(LARGE),
                        (uint16_t *)floats(LARGE / 2) };
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        if (argc > 1 && strcmp(argv[1], (*k)->isa))
            continue;
        rows = &(*k)->rows;
        for (int c = 0; c < COUNT(cases); c++) {
            double near = best_of(cases[c].run, a, SMALL), far = best_of(cases[c].run, a, LARGE);
            printf("%-12s %-14s %6.3f ns   from memory %6.3f ns %6.1f GB/s\n", (*k)->isa, cases[c].name, near * 1e9,
                   far * 1e9, 1e-9 * cases[c].bytes / far);
        }
    }
    free(a.x), free(a.y), free(a.z), free(a.w), free(a.g), free(a.b), free(a.h);
    return 0;
}
