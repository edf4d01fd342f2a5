/* SPDX-License-Identifier: MIT */
/* support.h -- what the operators share: rows of either type, tasks over rows, sums over rows in task order. */
#ifndef MIM_OP_SUPPORT_H
#define MIM_OP_SUPPORT_H

#include "graph/graph.h"
#include "kernel/kernel.h"

enum { ROWS = 64 };             /* rows a task: it fixes the order of sums, so that the thread count cannot */

static inline int tasks(int n, int each) { return ceil_div(n, each); }

static inline void *at_row(void *data, enum dtype t, int dim, int r)
{
    return (char *)data + (size_t)r * (size_t)dim * dtype_size(t);
}
static inline const void *row_of(const void *data, enum dtype t, int dim, int r)
{
    return (const char *)data + (size_t)r * (size_t)dim * dtype_size(t);
}

/* Plane `index` of pixels [.., channels, height, width] (d, its shape), normalised by scale [2, channels], as 8 bits. */
void mim__op_to_bytes(const float *x, const float *scale, const int *d, int index, uint8_t *to);

/* A row as f32: in place, or widened into `buffer`. */
static inline const float *read_row(const struct env *e, enum dtype t, const void *row, int n, float *buffer)
{
    if (t == F32)
        return row;
    e->k->rows->widen(n, row, buffer);
    return buffer;
}

/* to (=, or +=) from, elements of type t. buffer: n floats for bf16 sums. */
void mim__op_pass(const struct env *e, enum dtype t, int n, const void *from, void *to, bool add, float *buffer);

/* A row of f32 values stored as type t, added to what is there or not. */
void mim__op_store(const struct env *e, enum dtype t, int n, const float *from, void *to, bool add);

/* Drop path's factor of every picture (0 with probability `rate`, else 1 / (1 - rate)) in `to`, or NULL where there is none.
 * The draw depends on seed, step and operator. */
const float *mim__op_drop_factors(const struct env *e, uint32_t id, int pictures, float rate, float *to);

/* sum[col] (=, or +=) sum over rows of factor[row / group] * x[row][col]; factor may be NULL. x [rows, cols] of type t.
 * partial: mim__op_sums_size floats. Needs `cols` floats of scratch. */
size_t mim__op_sums_size(int rows, int cols);
void mim__op_sums(const struct env *e, enum dtype t, int rows, int cols, const void *x, const float *factor, int group,
                  float *partial, float *sum, bool add);

/* Layer norm over rows x [rows, dim] f32: statistics into mean, rstd [rows]; and backward from dy [rows, dim] f32.
 * dx of type F32 (NULL: not wanted), dgamma and dbeta (NULL: not wanted). partial: twice mim__op_sums_size floats. */
struct norm_rows {
    int rows, dim;
    const float *x, *mean, *rstd, *gamma, *dy;
    float *dx, *dgamma, *dbeta, *partial;
    bool add_dx, add_dgamma, add_dbeta;
};
void mim__op_norm_stats(const struct env *e, int rows, int dim, const float *x, float eps, float *mean, float *rstd);
void mim__op_norm_backward(const struct env *e, const struct norm_rows *n);

#endif
