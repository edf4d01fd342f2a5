/* SPDX-License-Identifier: MIT */
/* dispatch.c -- which table of kernels a context uses: the best that this build holds, the processor and the system
 * run, and the host's cap allows. */
#include "base/executor.h"
#include "base/options.h"
#include "kernel/kernel.h"

/* Every table of the build, best first. Where one of them runs, so do all after it. */
#if defined(__x86_64__) && defined(__GNUC__)
static const struct kernels *const tables[] = {
#if AVX512_BF16
    &mim__kernels_avx512_bf16,
#endif
    &mim__kernels_avx512, &mim__kernels_avx2, &mim__kernels_scalar, NULL
};

/* The compiler's run-time support looks at CPUID and at what registers the system saves (XGETBV). */
static int first_that_runs(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return AVX512_BF16 + 2;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq"))
        return AVX512_BF16 + 1;
#if AVX512_BF16
    return __builtin_cpu_supports("avx512bf16") ? 0 : 1;
#else
    return 0;
#endif
}
#elif defined(__aarch64__) && defined(__GNUC__)
static const struct kernels *const tables[] = { &mim__kernels_neon, &mim__kernels_scalar, NULL };
static int first_that_runs(void) { return 0; }
#else
static const struct kernels *const tables[] = { &mim__kernels_scalar, NULL };
static int first_that_runs(void) { return 0; }
#endif

#if defined(_OPENMP)
enum { BUILT_WITH_OPENMP = 1 };
#else
enum { BUILT_WITH_OPENMP = 0 };
#endif
#if defined(__VERSION__)
static const char compiler[] = __VERSION__;
#else
static const char compiler[] = "unknown";
#endif

const struct kernels *const *mim__kernels_available(void) { return tables + first_that_runs(); }

/* The first table at or after `at` that the cap allows. The cap may name an instruction set of another architecture:
 * of what is here, only scalar is not above that. */
static const struct kernels *capped(const char *cap)
{
    int last = COUNT(tables) - 2, at = first_that_runs(), i = 0;
    while (*cap && i < last && strcmp(tables[i]->isa, cap))
        i++;
    return tables[imax(i, at)];
}

const struct kernels *mim__kernels(mim_context *ctx)
{
    const struct kernels *k = mim__context_kernels(ctx);
    if (!k) {
        k = capped(mim__context_isa_max(ctx));
        mim__context_set_kernels(ctx, k);
    }
    return k;
}

mim_status mim_context_set_isa_max(mim_context *ctx, const char *isa)
{
    static const char *const names[] = { "scalar", "avx2", "avx512", "avx512_bf16", "neon" };
    if (!ctx || !isa)
        return mim__null_argument(ctx, "mim_context_set_isa_max");
    for (int i = 0; i < COUNT(names); i++)
        if (!strcmp(isa, names[i]))
            return mim__context_set_isa_max(ctx, isa);
    return mim__fail(ctx, MIM_ERR_KEY, "no instruction set \"%s\": scalar, avx2, avx512, avx512_bf16 or neon", isa);
}

static mim_status describe(mim_context *ctx, mim_config *report)
{
    const struct kernels *const *all = mim__kernels_available();
    const char *names[COUNT(tables)];
    int n = 0;
    for (; all[n]; n++)
        names[n] = all[n]->isa;
    mim_status status = mim__report_i64(report, "threads", mim__executor_threads(mim__context_executor(ctx)));
    if (status == MIM_OK)
        status = mim__report_text(report, "isa", mim__kernels(ctx)->isa);
    if (status == MIM_OK)
        status = mim__report_text(report, "isa_max", mim__context_isa_max(ctx));
    if (status == MIM_OK)
        status = mim__report_words(report, "isa_available", n, names);
    if (status == MIM_OK)
        status = mim__report_i64(report, "bytes.now", (int64_t)mim__bytes_now(ctx));
    if (status == MIM_OK)
        status = mim__report_i64(report, "bytes.peak", (int64_t)mim__bytes_peak(ctx));
    if (status == MIM_OK)
        status = mim__report_text(report, "build.compiler", compiler);
    return status == MIM_OK ? mim__report_i64(report, "build.openmp", BUILT_WITH_OPENMP) : status;
}

mim_status mim_context_describe(mim_context *ctx, mim_config **out)
{
    mim_config *report = NULL;
    if (!ctx || !out)
        return mim__null_argument(ctx, "mim_context_describe");
    mim_status status = mim__report_create(ctx, &report);
    if (status == MIM_OK)
        status = describe(ctx, report);
    if (status != MIM_OK) {
        mim_config_destroy(report);
        return status;
    }
    *out = report;
    return MIM_OK;
}
