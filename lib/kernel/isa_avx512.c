/* SPDX-License-Identifier: MIT */
/* isa_avx512.c -- the AVX-512 (F, BW, VL, DQ) build of every kernel. */
#include "kernel/isa.h"
#include "kernel/kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

ISA_BEGIN("avx512f,avx512bw,avx512vl,avx512dq")
#include "kernel/vec_avx512.h"
#include "kernel/pairs_none.h"
#include "kernel/math_tmpl.h"

enum { MR = 14, NV = 2, DEPTHS = 1, KC = 1024 };
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
    if (g->a_depth == 1)
        gemm_run(g, ROWS);
    else
        gemm_run(g, PACKED);
}
static void small_f32(const struct gemm_small *g) { gemm_small(g, SINGLE); }
static void small_bf16(const struct gemm_small *g) { gemm_small(g, ROUNDED); }
ISA_END

const struct gemm_kernels mim__gemm_avx512 = { MR, NV * VN, VN, 1, KC, pack_f32, run, small_f32 };
static const struct gemm_kernels gemm_bf16_avx512 = { MR, NV * VN, VN, 1, KC, pack_bf16, run, small_bf16 };
const struct attention_kernels mim__attention_avx512 = ATTENTION_TABLE(F32);
static const struct attention_kernels attention_bf16_avx512 = ATTENTION_TABLE(BF16);
const struct row_kernels mim__rows_avx512 = ROW_TABLE;
const struct normal_kernels mim__normals_avx512 = { normals_row, normals_at, normals_middle, normals_words, normals_narrow };
const struct kernels mim__kernels_avx512 = {
    .isa = "avx512",
    .gemm = { &mim__gemm_avx512, &gemm_bf16_avx512 },
    .attention = { &mim__attention_avx512, &attention_bf16_avx512 },
    .rows = &mim__rows_avx512,
    .normals = &mim__normals_avx512,
};
#endif
