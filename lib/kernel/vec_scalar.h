/* SPDX-License-Identifier: MIT */
/* vec_scalar.h -- the vector verbs in plain C, one lane wide: what runs where no instruction set is known, and the
 * plainest statement of what each verb means. v_fma rounds twice here.
 *
 * Every vec_*.h gives the same names: vf (VN floats), vd (VN doubles, for sums). Such files and the *_tmpl.h have no include
 * guard, as each isa_*.c wants its own copy; nothing but an isa_*.c includes them, after kernel.h and isa.h. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#undef INLINE
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

typedef float vf;
typedef double vd;
enum { VN = 1 };
enum { VREGS = 16 };                          /* vector registers that a tile may count on */

INLINE vf v_zero(void) { return 0; }
INLINE vf v_all(float x) { return x; }
INLINE vf v_load(const float *p) { return *p; }
INLINE void v_store(float *p, vf x) { *p = x; }
INLINE vf v_load_n(const float *p, int n) { return n ? *p : 0; }      /* the first n lanes, 0 <= n <= VN; zeros above */
INLINE void v_store_n(float *p, int n, vf x) { if (n) *p = x; }

INLINE vf v_add(vf a, vf b) { return a + b; }
INLINE vf v_sub(vf a, vf b) { return a - b; }
INLINE vf v_mul(vf a, vf b) { return a * b; }
INLINE vf v_div(vf a, vf b) { return a / b; }
INLINE vf v_fma(vf a, vf b, vf c) { return a * b + c; }
INLINE vf v_fnma(vf a, vf b, vf c) { return c - a * b; }
INLINE vf v_min(vf a, vf b) { return a < b ? a : b; }                  /* b where either is not a number */
INLINE vf v_max(vf a, vf b) { return a > b ? a : b; }
INLINE vf v_sqrt(vf a) { return sqrtf(a); }
INLINE vf v_abs(vf a) { return fabsf(a); }
INLINE vf v_neg(vf a) { return -a; }
INLINE vf v_copysign(vf magnitude, vf sign) { return copysignf(magnitude, sign); }
INLINE vf v_round(vf a) { return rintf(a); }                           /* to nearest even, still a float */
INLINE vf v_less(vf a, vf b, vf x, vf y) { return a < b ? x : y; }     /* y where a or b is not a number */

/* 2^n for a whole n, -126 <= n <= 127; garbage, but no trap, for anything else. */
INLINE vf v_exp2i(vf n)
{
    int32_t i = n >= -126 && n <= 127 ? (int32_t)n : 0;
    uint32_t u = (uint32_t)(i + 127) << 23;
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* p 2^n for a whole n, -152 <= n <= 128; p near 1. Rounds once, where the result is subnormal. */
INLINE vf v_ldexp(vf p, vf n)
{
    vf half = v_round(n * 0.5f);
    return p * v_exp2i(half) * v_exp2i(n - half);
}
/* What rounding left out of product = a b. */
INLINE vf v_rest(vf a, vf b, vf product) { return (float)((double)a * (double)b - (double)product); }

INLINE float v_sum(vf a) { return a; }                                 /* always as the same tree */
INLINE float v_top(vf a) { return a; }                                 /* the largest lane */

/* bf16 is the upper half of a float. Rounding is to nearest even; a NaN stays one (and becomes quiet). */
INLINE vf v_load_bf16(const uint16_t *p)
{
    uint32_t u = (uint32_t)*p << 16;
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}
INLINE void v_store_bf16(uint16_t *p, vf x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    *p = (uint16_t)(x != x ? u >> 16 | 0x40 : (u + 0x7fff + (u >> 16 & 1)) >> 16);
}
INLINE vf v_load_bf16_n(const uint16_t *p, int n) { return n ? v_load_bf16(p) : 0; }
INLINE void v_store_bf16_n(uint16_t *p, int n, vf x) { if (n) v_store_bf16(p, x); }
INLINE vf v_bf16(vf x)                                                 /* rounded to bf16, still f32 */
{
    uint16_t h;
    v_store_bf16(&h, x);
    return v_load_bf16(&h);
}

INLINE vf v_with_lane(vf x, int i, vf y) { return i ? x : y; }               /* x, but in lane i y, whose lanes are alike */
INLINE void v_transpose(vf x[VN]) { (void)x; }                               /* rows become columns, in place */

INLINE vd vd_zero(void) { return 0; }
INLINE vd vd_add_square(vd sum, vf x) { return sum + (double)x * (double)x; }
INLINE double vd_sum(vd a) { return a; }
