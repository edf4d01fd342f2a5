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

struct kernels {
    const char *isa;                        /* "scalar", "avx2", "avx512", "avx512_bf16", "neon" */
    struct gemm_kernels gemm[2];            /* by compute type: F32, BF16 (operands rounded to bf16, sums f32) */
    struct attention_kernels attention[2];  /* likewise */
    struct row_kernels rows;
    struct normal_kernels normals;
};

extern const struct kernels mim__kernels_scalar, mim__kernels_avx2, mim__kernels_avx512,
                            mim__kernels_avx512_bf16, mim__kernels_neon;

/* The best table that this build holds, this processor runs and the context's cap allows; chosen once a context. */
const struct kernels *mim__kernels(mim_context *ctx);
/* Every table that could be chosen here, best first, ended by NULL; for describe and tests. */
const struct kernels *const *mim__kernels_available(void);

#endif
