/* SPDX-License-Identifier: MIT */
/* isa_avx512_bf16.c -- products of bf16 in the processor; all else is AVX-512's (isa_avx512.c), and what the templates have
 * of it here is not used. */
#include "kernel/isa.h"
#include "kernel/kernel.h"

#if AVX512_BF16
#include <immintrin.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
ISA_BEGIN("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")
#include "kernel/vec_avx512.h"
#include "kernel/pairs_avx512_bf16.h"
#include "kernel/math_tmpl.h"

enum { MR = 14, NV = 2, DEPTHS = 1, KC = 1024 };
#include "kernel/rows_tmpl.h"
#include "kernel/gemm_finish_tmpl.h"
#include "kernel/gemm_pack_tmpl.h"
#include "kernel/gemm_tmpl.h"
#include "kernel/gemm_small_tmpl.h"
#include "kernel/normals_tmpl.h"
#include "kernel/attention_tmpl.h"
#include "kernel/attention_pairs_tmpl.h"

static void pack_pairs(const struct gemm_pack *g) { gemm_pack_to(g, PAIRED, pack_pairs); }
static void gemm_bf16_14x32_avx512bf16(const struct gemm_run *g) { gemm_run(g, PACKED_PAIRS); }
static void small_pairs(const struct gemm_small *g) { gemm_small(g, PAIRED); }
ISA_END
#pragma GCC diagnostic pop

static const struct gemm_kernels gemm_pairs = { MR, NV * VN, VN, 2, KC, pack_pairs, gemm_bf16_14x32_avx512bf16, small_pairs };
static const struct attention_kernels attention_pairs = ATTENTION_PAIRS_TABLE;
const struct kernels mim__kernels_avx512_bf16 = {
    .isa = "avx512_bf16",
    .gemm = { &mim__gemm_avx512, &gemm_pairs },
    .attention = { &mim__attention_avx512, &attention_pairs },
    .rows = &mim__rows_avx512,
    .normals = &mim__normals_avx512,
};
#endif
