/* SPDX-License-Identifier: MIT */
/* gemm.c -- matrix products of the shapes that training has, beside the limit of the machine measured in the same
 * run, and beside the product of another library that can be loaded.
 *
 *     gemm [threads] [isa] [rounds] [library] [shape]
 *          1         best  15       none      all
 *
 * isa: a set of instructions by name, "best", or "all". library: its path; it has cblas_sgemm or dnnl_sgemm, and is told
 * by its environment how many threads to take. shape: those whose name contains it. Operands lie as training has them and
 * packing is part of the time; windows come in batches, each with operands of its own, which first cache cannot hold. A
 * line has the best rate in GFLOP/s, the median rate, the limit of all threads (median) and ratios to it: of medians, and
 * of the best to the best. Rounds take turns (limit, ours, theirs), by the wall clock. */
#define _POSIX_C_SOURCE 199309L
#include "limit.h"
#include "op/matmul.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 15, MAX_ROUNDS = 99, SCRATCH = 4 << 20, BATCH = 64 };

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
    { "window_value", 49, 32, 49, false, false },
    { "window65_score", 65, 65, 64, false, true },
    { "window65_value", 65, 64, 65, false, false },
};

enum { LAST_LARGE = 13 };     /* those behind it are counted in only one of the means */

typedef void (*cblas)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
typedef int (*dnnl)(char, char, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *, int64_t,
                    float, float *, int64_t);
struct library { cblas cblas; dnnl dnnl; };
struct run {
    const struct shape_case *s;
    struct env env;
    enum dtype type;
    const void *a, *b;
    float *c;
    void *work;
    struct library theirs;
};

static int batch(const struct shape_case *s) { return s->m < 100 ? BATCH : 1; }

enum { MARGIN = 1 << 22 };          /* a block of less is no candidate for large pages */
static mim_context *context;

/* Product number i of a batch that starts again at its end. */
static void once(const struct run *r, bool ours, int i)
{
    const struct shape_case *s = r->s;
    int lda = s->ta ? s->m : s->k, ldb = s->tb ? s->k : s->n;
    size_t at = (size_t)(i % batch(s)), size = dtype_size(r->type), m = (size_t)s->m, n = (size_t)s->n, k = (size_t)s->k;
    const void *x = (const char *)r->a + at * m * k * size, *y = (const char *)r->b + at * k * n * size;
    float *c = r->c + at * m * n;
    struct matrix a = { .data = x, .type = r->type, .stride = lda, .transposed = s->ta };
    struct matrix b = { .data = y, .type = r->type, .stride = ldb, .transposed = s->tb };
    if (ours)
        mim__matmul(&r->env, r->type, s->m, s->n, s->k, &a, &b, c, F32, s->n, NULL, r->work);
    else if (r->theirs.dnnl)
        r->theirs.dnnl(s->ta ? 'T' : 'N', s->tb ? 'T' : 'N', s->m, s->n, s->k, 1, x, lda, y, ldb, 0, c, s->n);
    else
        r->theirs.cblas(101, s->ta ? 112 : 111, s->tb ? 112 : 111, s->m, s->n, s->k, 1, x, lda, y, ldb, 0, c, s->n);
}

static double rate(const struct run *r, bool ours)
{
    double flop = 2.0 * r->s->m * r->s->n * r->s->k;
    int inner = (int)fmax(1, 6e8 / flop);
    double t = now();
    for (int i = 0; i < inner; i++)
        once(r, ours, i);
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

struct result { double median, best, theirs; };     /* ratios to the limit */
static struct result measure(const struct run *r, int rounds)
{
    static double top[MAX_ROUNDS], ours[MAX_ROUNDS], theirs[MAX_ROUNDS];
    bool other = r->theirs.cblas || r->theirs.dnnl;
    once(r, true, 0);
    if (other)
        once(r, false, 0);
    for (int i = 0; i < rounds; i++) {
        top[i] = limit(&r->env, r->type == BF16);
        ours[i] = rate(r, true);
        theirs[i] = other ? rate(r, false) : 0;
    }
    double t = median(top, rounds), o = median(ours, rounds), h = median(theirs, rounds);
    struct result q = { o / t, ours[rounds - 1] / top[rounds - 1], h / t };
    printf("%-10s %-18s %8.1f  median %7.1f  limit %7.1f  ratio %.3f  best %.3f", r->type == BF16 ? "libmim16" : "libmim",
           r->s->name, ours[rounds - 1], o, t, q.median, q.best);
    if (other)
        printf("  other %7.1f (%.3f)", theirs[rounds - 1], q.theirs);
    printf("\n");
    fflush(stdout);
    return q;
}

/* The next n numbers of the memory at *at. */
static void *numbers(unsigned char **at, size_t n, enum dtype type)
{
    unsigned char *p = *at;
    *at += round_up(n * dtype_size(type), 64);
    for (size_t i = 0; i < n; i++) {
        float f = (float)(i * 2654435761u % 1024) / 1024 - 0.5f;
        uint32_t u;
        memcpy(&u, &f, 4);
        uint16_t h = (uint16_t)(u >> 16);
        memcpy(p + i * dtype_size(type), type == BF16 ? (void *)&h : (void *)&f, dtype_size(type));
    }
    return p;
}

/* Operands lie in one block of the library's own memory, as those of a step do: on large pages where there are such. */
static struct result bench_shape(const struct shape_case *s, const struct env *env, enum dtype type, int rounds,
                                 struct library theirs)
{
    struct run r = { .s = s, .env = *env, .type = type };
    if (type == F32)
        r.theirs = theirs;
    size_t count = (size_t)batch(s), a = count * s->m * s->k, b = count * s->k * s->n, c = count * s->m * s->n;
    size_t work = mim__matmul_work(env->k, type, s->m, s->n, s->k);
    unsigned char *block = mim__alloc(context, (a + b) * dtype_size(type) + c * sizeof(float) + work + MARGIN), *at = block;
    struct result q = { 0 };
    if (!block)
        return q;
    r.a = numbers(&at, a, type);
    r.b = numbers(&at, b, type);
    r.c = numbers(&at, c, F32);
    r.work = at;
    q = measure(&r, rounds);
    mim__free(context, block);
    return q;
}

static void bench(const struct env *env, enum dtype type, int rounds, struct library theirs, const char *name)
{
    struct result sum = { 0 }, large = { 0 };
    int n = 0, n_large = 0;
    for (int i = 0; i < COUNT(shapes); i++) {
        if (!strstr(shapes[i].name, name))
            continue;
        struct result q = bench_shape(&shapes[i], env, type, rounds, theirs);
        sum = (struct result){ sum.median + log(q.median), sum.best + log(q.best), sum.theirs + log(q.theirs) };
        n++;
        if (i <= LAST_LARGE) {
            large = sum;
            n_large = n;
        }
    }
    printf("# %s %s geometric mean: ratio %.3f  best %.3f", env->k->isa, type == BF16 ? "bf16" : "f32",
           exp(sum.median / n), exp(sum.best / n));
    if (n_large)
        printf("; without the small ones: ratio %.3f  best %.3f", exp(large.median / n_large), exp(large.best / n_large));
    if (n_large && large.theirs > -INFINITY)
        printf("  other %.3f", exp(large.theirs / n_large));
    printf("\n");
}

static struct library load(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *c = handle ? dlsym(handle, "cblas_sgemm") : NULL, *d = handle ? dlsym(handle, "dnnl_sgemm") : NULL;
    struct library l = { 0 };
    memcpy(&l.cblas, &c, sizeof c);
    memcpy(&l.dnnl, &d, sizeof d);
    if (!c && !d)
        fprintf(stderr, "%s\n", handle ? "the library has no product of matrices" : dlerror());
    return l;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? imax(atoi(argv[1]), 1) : 1;
    const char *only = argc > 2 ? argv[2] : "best";
    int rounds = argc > 3 ? imin(imax(atoi(argv[3]), 1), MAX_ROUNDS) : ROUNDS;
    struct library theirs = { 0 };
    if (argc > 4 && *argv[4])
        theirs = load(argv[4]);
    if (mim_context_create(NULL, &context) != MIM_OK || mim_context_set_threads(context, threads) != MIM_OK)
        return 1;
    struct mim__executor *pool = mim__context_executor(context);
    struct env env = { .pool = pool, .scratch = aligned_alloc(64, SCRATCH) };
    if (!env.scratch || mim__executor_reserve(pool, SCRATCH) != MIM_OK)
        return 1;
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        env.k = *k;
        bool first = k == mim__kernels_available();
        if (strcmp(only, "best") ? strcmp(only, "all") && strcmp(only, (*k)->isa) : !first)
            continue;
        for (int type = F32; type <= BF16; type++)
            bench(&env, (enum dtype)type, rounds, theirs, argc > 5 ? argv[5] : "");
    }
    free(env.scratch);
    mim_context_destroy(context);
    return 0;
}
