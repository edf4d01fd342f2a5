/* SPDX-License-Identifier: MIT */
/* vec_avx512.h -- the vector verbs for AVX-512 (F, BW, VL, DQ); vec_scalar.h says what each one means. An isa_*.c
 * includes it between ISA_BEGIN("avx512f,avx512bw,avx512vl,avx512dq") and ISA_END, after <immintrin.h>. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#undef INLINE
#define INLINE static inline __attribute__((always_inline))

typedef __m512 vf;
typedef struct { __m512d lo, hi; } vd;
enum { VN = 16 };
enum { VREGS = 32 };

INLINE vf v_zero(void) { return _mm512_setzero_ps(); }
INLINE vf v_all(float x) { return _mm512_set1_ps(x); }
INLINE vf v_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void v_store(float *p, vf x) { _mm512_storeu_ps(p, x); }
INLINE __mmask16 v_first(int n) { return (__mmask16)((1u << n) - 1); }
INLINE vf v_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps(v_first(n), p); }
INLINE void v_store_n(float *p, int n, vf x) { _mm512_mask_storeu_ps(p, v_first(n), x); }

INLINE vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
INLINE vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
INLINE vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
INLINE vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf v_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
INLINE vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf v_sqrt(vf a) { return _mm512_sqrt_ps(a); }
INLINE vf v_abs(vf a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
INLINE vf v_neg(vf a) { return _mm512_xor_ps(_mm512_set1_ps(-0.0f), a); }
INLINE vf v_copysign(vf magnitude, vf sign)
{
    vf bit = _mm512_set1_ps(-0.0f);
    return _mm512_or_ps(_mm512_andnot_ps(bit, magnitude), _mm512_and_ps(bit, sign));
}
INLINE vf v_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vf v_less(vf a, vf b, vf x, vf y) { return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x); }
INLINE vf v_ldexp(vf p, vf n) { return _mm512_scalef_ps(p, n); }
INLINE vf v_rest(vf a, vf b, vf product) { return _mm512_fmsub_ps(a, b, product); }

INLINE float v_sum(vf a)
{
    __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
INLINE float v_top(vf a)
{
    __m256 h = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}

/* The bits of x rounded to bf16, in the upper half of each lane; the lower half holds what is left over. The processor's own
 * conversion (AVX512-BF16) is not used: it takes subnormal numbers for zero. */
INLINE __m512i v_round_bf16(vf x)
{
    __m512i u = _mm512_castps_si512(x), odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    __m512i r = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    return _mm512_mask_or_epi32(r, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), u, _mm512_set1_epi32(0x400000));
}
INLINE vf v_widen(__m256i h) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16)); }
INLINE __m256i v_narrow(vf x) { return _mm512_cvtepi32_epi16(_mm512_srli_epi32(v_round_bf16(x), 16)); }
INLINE vf v_load_bf16(const uint16_t *p) { return v_widen(_mm256_loadu_si256((const __m256i *)(const void *)p)); }
INLINE void v_store_bf16(uint16_t *p, vf x) { _mm256_storeu_si256((__m256i *)(void *)p, v_narrow(x)); }
INLINE vf v_load_bf16_n(const uint16_t *p, int n) { return v_widen(_mm256_maskz_loadu_epi16(v_first(n), p)); }
INLINE void v_store_bf16_n(uint16_t *p, int n, vf x) { _mm256_mask_storeu_epi16(p, v_first(n), v_narrow(x)); }
INLINE vf v_bf16(vf x) { return _mm512_castsi512_ps(_mm512_and_si512(v_round_bf16(x), _mm512_set1_epi32(-0x10000))); }

/* Out of a register: a masked broadcast would load y once more for each lane. */
INLINE vf v_with_lane(vf x, int i, vf y) { return _mm512_mask_moveldup_ps(x, (__mmask16)(1u << i), y); }

/* Four rows to four columns inside each 128 bits, for x[0] ... x[3]. */
INLINE void v_transpose_quads(vf x[4])
{
    vf a = _mm512_unpacklo_ps(x[0], x[1]), b = _mm512_unpackhi_ps(x[0], x[1]);
    vf c = _mm512_unpacklo_ps(x[2], x[3]), d = _mm512_unpackhi_ps(x[2], x[3]);
    x[0] = _mm512_shuffle_ps(a, c, 0x44);
    x[1] = _mm512_shuffle_ps(a, c, 0xee);
    x[2] = _mm512_shuffle_ps(b, d, 0x44);
    x[3] = _mm512_shuffle_ps(b, d, 0xee);
}
INLINE void v_transpose(vf x[VN])
{
    MIM_UNROLL
    for (int i = 0; i < VN; i += 4)
        v_transpose_quads(x + i);
    MIM_UNROLL                                /* x[i + 4 g] holds rows 4 g ... 4 g + 3 of columns i, i + 4, i + 8, i + 12 */
    for (int i = 0; i < 4; i++) {
        vf a = _mm512_shuffle_f32x4(x[i], x[i + 4], 0x44), b = _mm512_shuffle_f32x4(x[i], x[i + 4], 0xee);
        vf c = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0x44), d = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0xee);
        x[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        x[i + 4] = _mm512_shuffle_f32x4(a, c, 0xdd);
        x[i + 8] = _mm512_shuffle_f32x4(b, d, 0x88);
        x[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

INLINE vd vd_zero(void) { return (vd){ _mm512_setzero_pd(), _mm512_setzero_pd() }; }
INLINE vd vd_add_square(vd sum, vf x)
{
    __m512d lo = _mm512_cvtps_pd(_mm512_castps512_ps256(x)), hi = _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1));
    return (vd){ _mm512_fmadd_pd(lo, lo, sum.lo), _mm512_fmadd_pd(hi, hi, sum.hi) };
}
INLINE double vd_sum(vd a)
{
    __m512d e = _mm512_add_pd(a.lo, a.hi);
    __m256d s = _mm256_add_pd(_mm512_castpd512_pd256(e), _mm512_extractf64x4_pd(e, 1));
    __m128d t = _mm_add_pd(_mm256_castpd256_pd128(s), _mm256_extractf128_pd(s, 1));
    return _mm_cvtsd_f64(_mm_add_sd(t, _mm_unpackhi_pd(t, t)));
}
