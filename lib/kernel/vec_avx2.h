/* SPDX-License-Identifier: MIT */
/* vec_avx2.h -- the vector verbs for AVX2 with FMA; vec_scalar.h says what each one means. An isa_*.c includes it
 * between ISA_BEGIN("avx2,fma") and ISA_END, after <immintrin.h>. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#undef INLINE
#define INLINE static inline __attribute__((always_inline))

typedef __m256 vf;
typedef struct { __m256d lo, hi; } vd;
enum { VN = 8 };
enum { VREGS = 16 };

INLINE vf v_zero(void) { return _mm256_setzero_ps(); }
INLINE vf v_all(float x) { return _mm256_set1_ps(x); }
INLINE vf v_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void v_store(float *p, vf x) { _mm256_storeu_ps(p, x); }
INLINE __m256i v_first(int n)                   /* all ones in the first n lanes */
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE vf v_load_n(const float *p, int n) { return _mm256_maskload_ps(p, v_first(n)); }
INLINE void v_store_n(float *p, int n, vf x) { _mm256_maskstore_ps(p, v_first(n), x); }

INLINE vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
INLINE vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
INLINE vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
INLINE vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf v_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
INLINE vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
INLINE vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE vf v_sqrt(vf a) { return _mm256_sqrt_ps(a); }
INLINE vf v_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
INLINE vf v_neg(vf a) { return _mm256_xor_ps(_mm256_set1_ps(-0.0f), a); }
INLINE vf v_copysign(vf magnitude, vf sign)
{
    vf bit = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(bit, magnitude), _mm256_and_ps(bit, sign));
}
INLINE vf v_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vf v_less(vf a, vf b, vf x, vf y) { return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
/* Half of n goes straight into p's exponent, which p near 1 has room for; the product rounds. */
INLINE vf v_ldexp(vf p, vf n)
{
    __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    __m256i rest = _mm256_add_epi32(_mm256_sub_epi32(whole, half), _mm256_set1_epi32(127));
    __m256i much = _mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(half, 23));
    return v_mul(_mm256_castsi256_ps(much), _mm256_castsi256_ps(_mm256_slli_epi32(rest, 23)));
}
INLINE vf v_rest(vf a, vf b, vf product) { return _mm256_fmsub_ps(a, b, product); }

INLINE float v_sum(vf a)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
INLINE float v_top(vf a)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}

/* The bits of x rounded to bf16, in the upper half of each lane; the lower half holds what is left over. */
INLINE __m256i v_round_bf16(vf x)
{
    __m256i u = _mm256_castps_si256(x), odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    __m256i r = _mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    __m256i quiet = _mm256_or_si256(u, _mm256_set1_epi32(0x400000));
    __m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    return _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(r), _mm256_castsi256_ps(quiet), nan));
}
INLINE vf v_load_bf16(const uint16_t *p)
{
    __m256i u = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(u, 16));
}
INLINE void v_store_bf16(uint16_t *p, vf x)
{
    __m256i u = _mm256_srli_epi32(v_round_bf16(x), 16);
    __m128i h = _mm_packus_epi32(_mm256_castsi256_si128(u), _mm256_extracti128_si256(u, 1));
    _mm_storeu_si128((__m128i *)(void *)p, h);
}
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
INLINE vf v_bf16(vf x)
{
    return _mm256_castsi256_ps(_mm256_and_si256(v_round_bf16(x), _mm256_set1_epi32(-0x10000)));
}

/* Four rows to four columns inside each 128 bits, for x[0] ... x[3]. */
INLINE void v_transpose_quads(vf x[4])
{
    vf a = _mm256_unpacklo_ps(x[0], x[1]), b = _mm256_unpackhi_ps(x[0], x[1]);
    vf c = _mm256_unpacklo_ps(x[2], x[3]), d = _mm256_unpackhi_ps(x[2], x[3]);
    x[0] = _mm256_shuffle_ps(a, c, 0x44);
    x[1] = _mm256_shuffle_ps(a, c, 0xee);
    x[2] = _mm256_shuffle_ps(b, d, 0x44);
    x[3] = _mm256_shuffle_ps(b, d, 0xee);
}
INLINE vf v_with_lane(vf x, int i, vf y)
{
    switch (i) {
    case 0: return _mm256_blend_ps(x, y, 0x01);
    case 1: return _mm256_blend_ps(x, y, 0x02);
    case 2: return _mm256_blend_ps(x, y, 0x04);
    case 3: return _mm256_blend_ps(x, y, 0x08);
    case 4: return _mm256_blend_ps(x, y, 0x10);
    case 5: return _mm256_blend_ps(x, y, 0x20);
    case 6: return _mm256_blend_ps(x, y, 0x40);
    default: return _mm256_blend_ps(x, y, 0x80);
    }
}
INLINE void v_transpose(vf x[VN])
{
    v_transpose_quads(x);
    v_transpose_quads(x + 4);
    MIM_UNROLL
    for (int i = 0; i < 4; i++) {
        vf a = x[i], b = x[i + 4];
        x[i] = _mm256_permute2f128_ps(a, b, 0x20);
        x[i + 4] = _mm256_permute2f128_ps(a, b, 0x31);
    }
}

INLINE vd vd_zero(void) { return (vd){ _mm256_setzero_pd(), _mm256_setzero_pd() }; }
INLINE vd vd_add_square(vd sum, vf x)
{
    __m256d lo = _mm256_cvtps_pd(_mm256_castps256_ps128(x)), hi = _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
    return (vd){ _mm256_fmadd_pd(lo, lo, sum.lo), _mm256_fmadd_pd(hi, hi, sum.hi) };
}
INLINE double vd_sum(vd a)
{
    __m256d s = _mm256_add_pd(a.lo, a.hi);
    __m128d t = _mm_add_pd(_mm256_castpd256_pd128(s), _mm256_extractf128_pd(s, 1));
    return _mm_cvtsd_f64(_mm_add_sd(t, _mm_unpackhi_pd(t, t)));
}
