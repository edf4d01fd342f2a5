/* SPDX-License-Identifier: MIT */
/* tables.h -- matrices that bring a table of positions from one grid to another, an axis at a time. */
#ifndef MIM_ENCODER_TABLES_H
#define MIM_ENCODER_TABLES_H

#include "base/context.h"

/* to [m, n]: cubic convolution from n to m samples, half-pixel centres. antialias false: a = -0.75, four taps, clamped
 * (PyTorch's interpolate; MAE, transformers). true: a = -0.5, taps that widen when it shrinks, weights to sum 1 (timm). */
void mim__cubic_matrix(int n, int m, bool antialias, float *to);

/* to [m, n], n and m odd: relative offsets -(n - 1) / 2 .. as places of a geometric progression that ends where m does,
 * and a not-a-knot cubic spline through them (BEiT's loader; SimMIM). n >= 4, or n == m. MIM_ERR_NOMEM. */
mim_status mim__geometric_matrix(mim_context *ctx, int n, int m, float *to);

#endif
