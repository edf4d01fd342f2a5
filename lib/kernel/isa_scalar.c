/* SPDX-License-Identifier: MIT */
/* isa_scalar.c -- every kernel in plain C, one lane at a time. */
#include "kernel/isa.h"
#include "kernel/kernel.h"

#include "kernel/vec_scalar.h"
#include "kernel/pairs_none.h"
#include "kernel/math_tmpl.h"

enum { MR = 4, NV = 4, KC = 512 };
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

const struct kernels mim__kernels_scalar = {
    .isa = "scalar",
    .gemm = {
        { MR, NV * VN, VN, 1, KC, pack_f32, run, small_f32 },
        { MR, NV * VN, VN, 1, KC, pack_bf16, run, small_bf16 },
    },
    .attention = { ATTENTION_TABLE(F32), ATTENTION_TABLE(BF16) },
    .rows = ROW_TABLE,
    .normals = { normals_row, normals_at },
};
