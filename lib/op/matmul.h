/* SPDX-License-Identifier: MIT */
/* matmul.h -- the matrix product that linear layers are made of: c = epilogue(op(a) op(b)), cut into tasks.
 *
 * Operands are described as they lie in memory (struct matrix); what is to be done to them on the way (layer norm,
 * activation, factors) happens while they are packed, what is to be done to the product (struct epilogue) while a tile
 * is still in registers or first cache; both structs stand in kernel/gemm.h. Sums are f32 and run over k in an order
 * that only the ISA, k and whether a is transposed decide. */
#ifndef MIM_OP_MATMUL_H
#define MIM_OP_MATMUL_H

#include "graph/graph.h"
#include "kernel/kernel.h"

/* c [m, n] of type ct, stride ldc; op(a) [m, k], op(b) [k, n]. compute: F32, or BF16 (both operands rounded to bf16
 * once, when packed). c must not overlap a, b or gate; it may be the residual itself. ep may be NULL. An element of c
 * has the same bits whatever m, n and its place are: rows of a smaller batch equal those of a larger one.
 * work: mim__matmul_work bytes at a multiple of 64, shared by the tasks of this call (packed operands). */
void mim__matmul(const struct env *e, enum dtype compute, int m, int n, int k,
                 const struct matrix *a, const struct matrix *b, void *c, enum dtype ct, ptrdiff_t ldc,
                 const struct epilogue *ep, void *work);
/* Bytes for products up to these sizes (monotonous in each), and of scratch a thread needs for any product. */
size_t mim__matmul_work(const struct kernels *k, enum dtype compute, int m, int n, int depth);
size_t mim__matmul_scratch(const struct kernels *k, enum dtype compute);

#endif
