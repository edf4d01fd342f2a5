/* SPDX-License-Identifier: MIT */
/* isa_avx2.c -- the AVX2 and FMA build of every kernel. */
#include "kernel/isa.h"
#include "kernel/kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

ISA_BEGIN("avx2,fma")
#include "kernel/vec_avx2.h"
#include "kernel/pairs_none.h"
#include "kernel/math_tmpl.h"

enum { MR = 6, NV = 2, DEPTHS = 2, KC = 512 };
#include "kernel/rows_tmpl.h"
#include "kernel/gemm_finish_tmpl.h"
#include "kernel/gemm_pack_tmpl.h"
#include "kernel/gemm_tmpl.h"
#include "kernel/gemm_small_tmpl.h"
#include "kernel/normals_tmpl.h"
#include "kernel/attention_tmpl.h"

static void pack_f32(const struct gemm_pack *g) { gemm_pack_to(g, SINGLE, pack_f32); }
static void pack_bf16(const struct gemm_pack *g) { gemm_pack_to(g, ROUNDED, pack_bf16); }
static void run(const struct gemm_run *g)
{
    if (g->a_depth || g->b_stride)
        gemm_run(g, ROWS);
    else
        gemm_run(g, PACKED);
}
static void small_f32(const struct gemm_small *g) { gemm_small(g, SINGLE); }
static void small_bf16(const struct gemm_small *g) { gemm_small(g, ROUNDED); }
ISA_END

static const struct gemm_kernels gemm_avx2 = { MR, NV * VN, VN, 1, KC, pack_f32, run, small_f32 };
static const struct gemm_kernels gemm_bf16_avx2 = { MR, NV * VN, VN, 1, KC, pack_bf16, run, small_bf16 };
static const struct attention_kernels attention_avx2 = ATTENTION_TABLE(F32);
static const struct attention_kernels attention_bf16_avx2 = ATTENTION_TABLE(BF16);
static const struct row_kernels rows_avx2 = ROW_TABLE;
static const struct normal_kernels normals_avx2 = { normals_row, normals_at, normals_middle, normals_words, normals_narrow };
const struct kernels mim__kernels_avx2 = {
    .isa = "avx2",
    .gemm = { &gemm_avx2, &gemm_bf16_avx2 },
    .attention = { &attention_avx2, &attention_bf16_avx2 },
    .rows = &rows_avx2,
    .normals = &normals_avx2,
};
#endif
