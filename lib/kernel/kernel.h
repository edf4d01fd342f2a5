/* SPDX-License-Identifier: MIT */
/* kernel.h -- the table of kernels of one instruction set. Kernels take raw pointers and sizes: no tensors, threads,
 * allocation or errors. Each family's contract stands beside its pointers: gemm.h, attention.h, rows.h, normals.h. */
#ifndef MIM_KERNEL_KERNEL_H
#define MIM_KERNEL_KERNEL_H

#include "base/context.h"
#include "kernel/attention.h"
#include "kernel/gemm.h"
#include "kernel/normals.h"
#include "kernel/rows.h"

/* Is the table of bf16 products in the build? gcc knows these instructions since version 10. */
#if defined(__x86_64__) && (defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 10))
#define AVX512_BF16 1
#else
#define AVX512_BF16 0
#endif

struct kernels {
    const char *isa;                        /* "scalar", "avx2", "avx512", "avx512_bf16", "neon" */
    const struct gemm_kernels *gemm[2];     /* by compute type: F32, BF16 (operands rounded to bf16, sums f32) */
    const struct attention_kernels *attention[2];   /* likewise */
    const struct row_kernels *rows;
    const struct normal_kernels *normals;
};

extern const struct kernels mim__kernels_scalar, mim__kernels_avx2, mim__kernels_avx512,
                            mim__kernels_avx512_bf16, mim__kernels_neon;
/* Families of AVX-512 that AVX512-BF16 has no better ones of. */
extern const struct gemm_kernels mim__gemm_avx512;
extern const struct attention_kernels mim__attention_avx512;
extern const struct row_kernels mim__rows_avx512;
extern const struct normal_kernels mim__normals_avx512;

/* The best table that this build holds, this processor runs and the context's cap allows; chosen once a context. */
const struct kernels *mim__kernels(mim_context *ctx);
/* Every table that could be chosen here, best first, ended by NULL; for describe and tests. */
const struct kernels *const *mim__kernels_available(void);

#endif
