/* SPDX-License-Identifier: MIT */
/* attention.h -- one head of one picture: y = softmax(q k^T * scale + bias) v, without ever holding the n x n scores:
 * they are made for a few dozen queries at a time (Rabe and Staats 2021; Dao et al. 2022).
 *
 * q, k, v, y and their gradients are rows of a wider matrix: row i of q is q + i * stride elements, `dim` of them count.
 * Forward keeps one number a row, lse[i] = log sum_j exp(score[i][j]); backward recomputes the scores from it.
 *
 *     forward   S = scale q k^T + bias    P = exp(S - lse)    y = P v
 *     backward  dP = dy v^T    D = sum of P dP over keys / sum of P    dS = P (dP - D)    dv = P^T dy
 *               dq = scale dS k    dk = scale dS^T q    dbias += dS
 *
 * Windows (Liu et al. 2021, sec. 3.2): `rows` says where in the matrix the n rows lie, and pairs of a query and a key of
 * different `regions` do not see each other, or lose `apart` of their score.
 *
 * Sums run in an order that n, dim and the ISA decide, so a head gives the same bits whoever computes it. Compute type
 * BF16: q, k, v, dy, P and dS are rounded to bf16 where they enter a product; softmax, sums, D and lse are f32.
 * Any n >= 1 and dim >= 1. Nothing is read or written outside the rows named. */
#ifndef MIM_KERNEL_ATTENTION_H
#define MIM_KERNEL_ATTENTION_H

#include "base/base.h"

struct attention_head {
    int n, dim;
    float scale;
    enum dtype type;                         /* of q, k, v, y, dy, dq, dk, dv: F32 or BF16 */
    const void *q, *k, *v; ptrdiff_t stride;
    const int32_t *rows;                     /* [n]: row i of q, k, v, y, dy, dq, dk, dv is row rows[i]; NULL: row i */
    const float *regions;                    /* [n], small whole numbers; NULL: all the same */
    float apart;                             /* 0: without end */
    const float *bias;                       /* [n, n] dense, or NULL */
    void *y; ptrdiff_t y_stride;             /* forward writes */
    float *lse;                              /* [n]; forward writes, backward reads */
    const void *dy; ptrdiff_t dy_stride;     /* backward only, from here on */
    void *dq, *dk, *dv; ptrdiff_t d_stride;
    bool add;                                /* dq, dk, dv: += instead of = */
    float *dbias;                            /* [n, n], added to; or NULL */
    const struct attention_head *next;       /* of the same n, dim and type, likely to follow: its rows are asked for; or NULL */
};
struct attention_kernels {
    size_t (*scratch)(int n, int dim);       /* bytes that either call needs, at a multiple of 64 */
    void (*forward)(const struct attention_head *h, void *scratch);
    void (*backward)(const struct attention_head *h, void *scratch);
    /* The weights themselves, for looking at: p [n, n] f32 from q, k, bias and lse of a forward. */
    void (*weights)(const struct attention_head *h, float *p, void *scratch);
};

#endif
