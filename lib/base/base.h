/* SPDX-License-Identifier: MIT */
/* base.h -- the handful of helpers every room uses. */
#ifndef MIM_BASE_BASE_H
#define MIM_BASE_BASE_H

#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "libmim tells NaN and infinities apart: build it without -ffast-math, -Ofast and -ffinite-math-only"
#endif
/* Fused multiply-add only where v_fma says so: same source, same bits. (clang given -ffp-contract=fast heeds no pragma.) */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "mim.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

_Static_assert(sizeof(size_t) >= 8, "plans add up sizes of models; that takes 64 bits");

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

/* Element types inside a model. Files know more of them: MIM_U8 ... MIM_BOOL of mim.h. */
enum dtype { F32 = 0, BF16 = 1, I32 = 2 };

static inline size_t dtype_size(enum dtype t) { return t == BF16 ? 2 : 4; }
static inline int imin(int a, int b) { return a < b ? a : b; }
static inline int imax(int a, int b) { return a > b ? a : b; }
static inline int64_t lmin(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t lmax(int64_t a, int64_t b) { return a > b ? a : b; }
static inline size_t zmin(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t zmax(size_t a, size_t b) { return a > b ? a : b; }
static inline int ceil_div(int a, int b) { return a / b + (a % b > 0); }
static inline size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

/* *out = a * b, or false if it does not fit. For sizes that come from a caller or a file. */
static inline bool size_mul(size_t a, size_t b, size_t *out)
{
    if (b && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

#endif
