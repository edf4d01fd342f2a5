/* SPDX-License-Identifier: MIT */
/* isa.h -- what the isa_*.c files and their templates need of the compiler: a target for the functions between
 * ISA_BEGIN("avx2,fma") and ISA_END (no build flags for single files), and full unrolling of loops whose trip count is
 * a constant once they are inlined. Headers of intrinsics are included before ISA_BEGIN. */
#ifndef MIM_KERNEL_ISA_H
#define MIM_KERNEL_ISA_H

#include "base/base.h"

#define ISA_PRAGMA(...) _Pragma(#__VA_ARGS__)

#if defined(__clang__)
#define ISA_BEGIN(features) ISA_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define ISA_END _Pragma("clang attribute pop")
#define MIM_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define ISA_BEGIN(features) _Pragma("GCC push_options") ISA_PRAGMA(GCC target(features))
#define ISA_END _Pragma("GCC pop_options")
#define MIM_UNROLL _Pragma("GCC unroll 64")
#else
#define ISA_BEGIN(features)
#define ISA_END
#define MIM_UNROLL
#endif

/* Ask for a line of cache: one that is read soon, read next, or written next. Never faults, whatever the address. */
#if defined(__GNUC__)
static inline void prefetch_read(const void *p) { __builtin_prefetch(p, 0, 2); }
static inline void prefetch_near(const void *p) { __builtin_prefetch(p, 0, 3); }
static inline void prefetch_write(const void *p) { __builtin_prefetch(p, 1, 3); }
#else
static inline void prefetch_read(const void *p) { (void)p; }
static inline void prefetch_near(const void *p) { (void)p; }
static inline void prefetch_write(const void *p) { (void)p; }
#endif

#endif
