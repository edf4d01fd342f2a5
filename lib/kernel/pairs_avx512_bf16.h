/* SPDX-License-Identifier: MIT */
/* pairs_avx512_bf16.h -- a lane holds two bf16, the lower half first in order of depth. The processor takes subnormal
 * numbers for zero here, when it converts as well as when it multiplies. */

/* c + a.low * b.low + a.high * b.high, lane by lane. */
INLINE vf v_fma_pairs(vf a, vf b, vf c)
{
    return _mm512_dpbf16_ps(c, (__m512bh)_mm512_castps_si512(a), (__m512bh)_mm512_castps_si512(b));
}
/* Lane l of the result is lanes 2l and 2l + 1 of the 2 VN values (low, high). */
INLINE vf v_pairs_along(vf low, vf high)
{
    return _mm512_castsi512_ps((__m512i)_mm512_cvtne2ps_pbh(high, low));
}
/* Lane l of the result is low[l] and high[l]. */
INLINE vf v_pairs_across(vf low, vf high)
{
    __m512i l = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(low));
    __m512i h = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(high));
    return _mm512_castsi512_ps(_mm512_or_si512(l, _mm512_slli_epi32(h, 16)));
}
/* n <= 2 VN values as they lie in memory. */
INLINE vf v_load_pairs(const uint16_t *p, int n)
{
    return _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(n == 2 * VN ? ~(__mmask32)0 : ((__mmask32)1 << n) - 1, p));
}
