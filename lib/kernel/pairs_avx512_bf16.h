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
/* Numbers of 16 bits: l and l more than those of `first`, in lane l. */
INLINE __m512i v_pairs_order(int first)
{
    __m512i l = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_add_epi32(_mm512_or_si512(l, _mm512_slli_epi32(l, 16)), _mm512_set1_epi32(first));
}
/* Lane l of the result is low[l] and high[l]. */
INLINE vf v_pairs_across(vf low, vf high)
{
    return _mm512_castsi512_ps(_mm512_permutexvar_epi16(v_pairs_order(0x100000), (__m512i)_mm512_cvtne2ps_pbh(high, low)));
}
/* Of two rows of 2 VN bf16: lane l of the result is low[l] and high[l]; or low[VN + l] and high[VN + l]. */
INLINE vf v_pairs_cross_low(vf low, vf high)
{
    __m512i l = _mm512_castps_si512(low), h = _mm512_castps_si512(high);
    return _mm512_castsi512_ps(_mm512_permutex2var_epi16(l, v_pairs_order(0x200000), h));
}
INLINE vf v_pairs_cross_high(vf low, vf high)
{
    __m512i l = _mm512_castps_si512(low), h = _mm512_castps_si512(high);
    return _mm512_castsi512_ps(_mm512_permutex2var_epi16(l, v_pairs_order(0x300010), h));
}
/* n <= 2 VN values as they lie in memory. */
INLINE vf v_load_pairs(const uint16_t *p, int n)
{
    return _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(n == 2 * VN ? ~(__mmask32)0 : ((__mmask32)1 << n) - 1, p));
}
