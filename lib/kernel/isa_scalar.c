/* SPDX-License-Identifier: MIT */
/* isa_scalar.c -- every kernel in plain C, one lane at a time. */
#include "kernel/isa.h"
#include "kernel/kernel.h"

#include "kernel/vec_scalar.h"
#include "kernel/pairs_none.h"
#include "kernel/math_tmpl.h"

enum { MR = 4, NV = 2, DEPTHS = 1, KC = 512 };
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

static const struct gemm_kernels gemm_scalar = { MR, NV * VN, VN, 1, KC, pack_f32, run, small_f32 };
static const struct gemm_kernels gemm_bf16_scalar = { MR, NV * VN, VN, 1, KC, pack_bf16, run, small_bf16 };
static const struct attention_kernels attention_scalar = ATTENTION_TABLE(F32);
static const struct attention_kernels attention_bf16_scalar = ATTENTION_TABLE(BF16);
static const struct row_kernels rows_scalar = ROW_TABLE;
static const struct normal_kernels normals_scalar = { normals_row, normals_at, normals_middle, normals_words,
                                                      normals_narrow };
const struct kernels mim__kernels_scalar = {
    .isa = "scalar",
    .gemm = { &gemm_scalar, &gemm_bf16_scalar },
    .attention = { &attention_scalar, &attention_bf16_scalar },
    .rows = &rows_scalar,
    .normals = &normals_scalar,
};
