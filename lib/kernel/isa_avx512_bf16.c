/* SPDX-License-Identifier: MIT */
/* isa_avx512_bf16.c -- the AVX-512 kernels once more, with products of bf16 in the processor. */
#include "kernel/isa.h"
#include "kernel/kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

ISA_BEGIN("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")
#include "kernel/vec_avx512.h"
#include "kernel/pairs_avx512_bf16.h"
#include "kernel/math_tmpl.h"

enum { MR = 14, NV = 2, KC = 1024 };
#include "kernel/rows_tmpl.h"
#include "kernel/gemm_finish_tmpl.h"
#include "kernel/gemm_pack_tmpl.h"
#include "kernel/gemm_tmpl.h"
#include "kernel/gemm_small_tmpl.h"
#include "kernel/normals_tmpl.h"
#include "kernel/attention_tmpl.h"
#include "kernel/attention_pairs_tmpl.h"

static void pack_f32(const struct gemm_pack *g) { gemm_pack_to(g, SINGLE, pack_f32); }
static void pack_pairs(const struct gemm_pack *g) { gemm_pack_to(g, PAIRED, pack_pairs); }
static void run_f32(const struct gemm_run *g)
{
    if (g->a_depth == 1)
        gemm_run(g, ROWS);
    else
        gemm_run(g, PACKED);
}
static void gemm_bf16_14x32_avx512bf16(const struct gemm_run *g) { gemm_run(g, PACKED_PAIRS); }
static void small_f32(const struct gemm_small *g) { gemm_small(g, SINGLE); }
static void small_pairs(const struct gemm_small *g) { gemm_small(g, PAIRED); }
ISA_END

const struct kernels mim__kernels_avx512_bf16 = {
    .isa = "avx512_bf16",
    .gemm = {
        { MR, NV * VN, VN, 1, KC, pack_f32, run_f32, small_f32 },
        { MR, NV * VN, VN, 2, KC, pack_pairs, gemm_bf16_14x32_avx512bf16, small_pairs },
    },
    .attention = { ATTENTION_TABLE(F32), ATTENTION_PAIRS_TABLE },
    .rows = ROW_TABLE,
    .normals = { normals_row, normals_at },
};
#endif
