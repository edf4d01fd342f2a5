/* SPDX-License-Identifier: MIT */
/* vec_neon.h -- the vector verbs for AArch64 Advanced SIMD; vec_scalar.h says what each one means. It is in every such
 * processor, so that no target pragma is needed; <arm_neon.h> comes first. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#undef INLINE
#define INLINE static inline __attribute__((always_inline))

typedef float32x4_t vf;
typedef struct { float64x2_t lo, hi; } vd;
enum { VN = 4 };
enum { VREGS = 32 };

INLINE vf v_zero(void) { return vdupq_n_f32(0); }
INLINE vf v_all(float x) { return vdupq_n_f32(x); }
INLINE vf v_load(const float *p) { return vld1q_f32(p); }
INLINE void v_store(float *p, vf x) { vst1q_f32(p, x); }
INLINE vf v_load_n(const float *p, int n)
{
    float lanes[VN] = { 0 };
    memcpy(lanes, p, (size_t)n * sizeof *p);
    return vld1q_f32(lanes);
}
INLINE void v_store_n(float *p, int n, vf x)
{
    float lanes[VN];
    vst1q_f32(lanes, x);
    memcpy(p, lanes, (size_t)n * sizeof *p);
}

INLINE vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
INLINE vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
INLINE vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
INLINE vf v_div(vf a, vf b) { return vdivq_f32(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
INLINE vf v_fnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); }
INLINE vf v_less(vf a, vf b, vf x, vf y) { return vbslq_f32(vcltq_f32(a, b), x, y); }
INLINE vf v_min(vf a, vf b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
INLINE vf v_max(vf a, vf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
INLINE vf v_sqrt(vf a) { return vsqrtq_f32(a); }
INLINE vf v_abs(vf a) { return vabsq_f32(a); }
INLINE vf v_neg(vf a) { return vnegq_f32(a); }
INLINE vf v_copysign(vf magnitude, vf sign) { return vbslq_f32(vdupq_n_u32(0x80000000u), sign, magnitude); }
INLINE vf v_round(vf a) { return vrndnq_f32(a); }
/* Half of n goes straight into p's exponent, which p near 1 has room for; the product rounds. */
INLINE vf v_ldexp(vf p, vf n)
{
    int32x4_t whole = vcvtq_s32_f32(n), half = vshrq_n_s32(whole, 1);
    int32x4_t rest = vaddq_s32(vsubq_s32(whole, half), vdupq_n_s32(127));
    int32x4_t much = vaddq_s32(vreinterpretq_s32_f32(p), vshlq_n_s32(half, 23));
    return v_mul(vreinterpretq_f32_s32(much), vreinterpretq_f32_s32(vshlq_n_s32(rest, 23)));
}
INLINE vf v_rest(vf a, vf b, vf product) { return v_fma(a, b, v_neg(product)); }

INLINE float v_sum(vf a)
{
    float32x2_t s = vadd_f32(vget_low_f32(a), vget_high_f32(a));
    return vget_lane_f32(vpadd_f32(s, s), 0);
}
INLINE float v_top(vf a) { return vmaxvq_f32(a); }

/* The bits of x rounded to bf16, in the upper half of each lane; the lower half holds what is left over. */
INLINE uint32x4_t v_round_bf16(vf x)
{
    uint32x4_t u = vreinterpretq_u32_f32(x), odd = vandq_u32(vshrq_n_u32(u, 16), vdupq_n_u32(1));
    uint32x4_t r = vaddq_u32(u, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    return vbslq_u32(vceqq_f32(x, x), r, vorrq_u32(u, vdupq_n_u32(0x400000)));
}
INLINE vf v_load_bf16(const uint16_t *p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }
INLINE void v_store_bf16(uint16_t *p, vf x) { vst1_u16(p, vshrn_n_u32(v_round_bf16(x), 16)); }
INLINE vf v_load_bf16_n(const uint16_t *p, int n)
{
    uint16_t lanes[VN] = { 0 };
    memcpy(lanes, p, (size_t)n * sizeof *p);
    return v_load_bf16(lanes);
}
INLINE void v_store_bf16_n(uint16_t *p, int n, vf x)
{
    uint16_t lanes[VN];
    v_store_bf16(lanes, x);
    memcpy(p, lanes, (size_t)n * sizeof *p);
}
INLINE vf v_bf16(vf x) { return vreinterpretq_f32_u32(vandq_u32(v_round_bf16(x), vdupq_n_u32(0xffff0000u))); }

INLINE vf v_with_lane(vf x, int i, vf y)
{
    uint32_t lanes[VN] = { 0 };
    lanes[i] = 0xffffffffu;
    return vbslq_f32(vld1q_u32(lanes), y, x);
}
INLINE void v_transpose(vf x[VN])
{
    float32x4x2_t a = vtrnq_f32(x[0], x[1]), b = vtrnq_f32(x[2], x[3]);
    x[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    x[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    x[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    x[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}

INLINE vd vd_zero(void) { return (vd){ vdupq_n_f64(0), vdupq_n_f64(0) }; }
INLINE vd vd_add_square(vd sum, vf x)
{
    float64x2_t lo = vcvt_f64_f32(vget_low_f32(x)), hi = vcvt_high_f64_f32(x);
    return (vd){ vfmaq_f64(sum.lo, lo, lo), vfmaq_f64(sum.hi, hi, hi) };
}
INLINE double vd_sum(vd a) { return vaddvq_f64(vaddq_f64(a.lo, a.hi)); }
