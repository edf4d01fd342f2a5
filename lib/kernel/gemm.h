/* SPDX-License-Identifier: MIT */
/* gemm.h -- the two kernels of a matrix product c = epilogue(op(a) op(b)): pack a part of an operand into panels, and
 * multiply panels (Goto and van de Geijn 2008; Van Zee and van de Geijn 2015). op/matmul.h puts them together.
 *
 * A panel is as wide as a register tile and lies depth by depth, so that the inner loop reads both straight on:
 *
 *     a, h <= mr rows:     [ a(0,0) a(1,0) .. a(h-1,0) | a(0,1) a(1,1) .. a(h-1,1) | ... ]
 *     b, w <= nr columns:  [ b(0,0) b(0,1) .. b(0,w-1) | b(1,0) b(1,1) .. b(1,w-1) | ... ]
 *
 * A packed value is one float where step is 1. Where step is 2 (bf16 products in the processor) it is a pair of bf16,
 * those of depth 2p and 2p + 1, as large as a float; an odd depth is filled up with zero. Lanes beyond the last column of
 * b hold any value.
 *
 * An element of the product is a chain of multiply-adds along k from zero for each block of depth, and the sum of these
 * blocks in their order. The shape of its tile has no part in it: tiles at the edges are merely lower and narrower. */
#ifndef MIM_KERNEL_GEMM_H
#define MIM_KERNEL_GEMM_H

#include "base/base.h"
#include "kernel/rows.h"

struct matrix {             /* [rows, cols], row-major, `stride` elements from row to row */
    const void *data;
    enum dtype type;        /* F32 or BF16 */
    ptrdiff_t stride;
    bool transposed;        /* the product sees [cols, rows] */
    /* Done while packing, in this order, indices in the orientation of memory: */
    const float *mean, *rstd, *gamma, *beta;    /* layer norm: [rows], [rows], [cols], [cols]; mean NULL: none */
    enum activation activation;
    const float *row_factor; int row_group;     /* row r times row_factor[r / row_group]; NULL: none */
    const float *col_factor;                    /* [cols] or NULL */
};
struct epilogue {           /* v = sum; every part may be left out (NULL, 0) */
    const float *bias;                          /* v += bias[col] */
    const void *gate; enum dtype gate_type; ptrdiff_t gate_stride;
    enum activation gate_activation;            /* v *= derivative of the activation at gate[row][col] */
    void *activated;                            /* the activation at gate itself goes here, stored as gate is */
    const float *col_factor;                    /* v *= col_factor[col]                 (layer scale) */
    const float *row_factor; int row_group;     /* v *= row_factor[row / row_group]     (drop path) */
    const float *residual; ptrdiff_t residual_stride;   /* v += residual[row][col] */
    bool add;                                   /* v += what c holds */
};

/* n rows or columns cut into parts whose widths are multiples of `unit` and differ by one unit at most. The last part
 * may reach beyond n, by less than a unit. */
struct gemm_cut { int n, unit, parts, each, extra; };
static inline struct gemm_cut gemm_cut(int n, int unit, int parts)
{
    int units = ceil_div(n, unit);
    return (struct gemm_cut){ n, unit, parts, units / parts, units % parts };
}
static inline int gemm_start(const struct gemm_cut *c, int part)
{
    return (part * c->each + imin(part, c->extra)) * c->unit;
}

struct gemm_pack {          /* depths p to p + k of panels [from, to) of one operand */
    const struct matrix *x;
    bool across;            /* a panel's lanes are rows of memory: a as it lies, b transposed */
    const struct gemm_cut *cut;
    int from, to, p, k;
    float *panels;          /* one after the other; where widths are no multiples of `unit`, 64 bytes more are overwritten */
};
struct gemm_run {           /* panels [from, to) of a by one panel of b */
    int k;                  /* packed values along the depth */
    const float *a, *b;     /* a starts with panel `from` */
    ptrdiff_t a_row, a_depth;       /* 0: packed. Otherwise f32 as it lies, so many floats from row to row and from depth */
    ptrdiff_t b_stride;             /* to depth, one of the two 1; step 1 only. The same for b and its depths, where the
                                       panel's columns fill its width */
    const void *soon;       /* memory that is packed next, to be asked for meanwhile; NULL: none */
    ptrdiff_t soon_row, soon_depth;     /* bytes further for each row of a's panels, and each packed value along the depth */
    int soon_rows;                      /* as many rows there are to ask for; */
    bool soon_all;                      /* all of them, or the first of each tile, which brings its neighbours along */
    const struct gemm_cut *rows, *cols;
    int from, to, panel;
    bool first, last;       /* block of the depth */
    float *sums;            /* of the blocks so far: tile after tile [h][w]; not used if first and last */
    void *c; enum dtype ct; ptrdiff_t ldc;
    const struct epilogue *ep;      /* done with the last block; NULL: none */
};
enum { GEMM_SMALL = 4 << 20, GEMM_SMALL_OPERAND = 64 << 10, GEMM_SMALL_SPACE = 192 << 10 };
struct gemm_small {         /* a whole product with one block of depth, gemm_is_small */
    int m, n, k;
    const struct matrix *a, *b;     /* nothing to be done to them but rounding */
    void *c; enum dtype ct; ptrdiff_t ldc;
    const struct epilogue *ep;      /* NULL: none */
    float *space;                   /* GEMM_SMALL_SPACE floats: both operands, put straight, and a panel of b */
};
struct gemm_kernels {
    int mr, nr, unit;       /* most rows and columns of a tile; columns are cut in units of `unit` */
    int step;               /* depths in a packed value: 1 or 2 */
    int kc;                 /* most packed values in a block of the depth; half as many where a is transposed and mr > 8 */
    void (*pack)(const struct gemm_pack *g);
    void (*run)(const struct gemm_run *g);
    void (*small)(const struct gemm_small *g);
};
/* Few enough multiply-adds, one block of depth, and the operands fit their space, however they are put there. */
static inline bool gemm_is_small(const struct gemm_kernels *g, int m, int n, int k)
{
    return (int64_t)m * n * k <= GEMM_SMALL && k <= g->kc / 2 * g->step &&
           (int64_t)(imax(m, n) + 15) * (k + 15) <= GEMM_SMALL_OPERAND;
}

#endif
