/* SPDX-License-Identifier: MIT */
/* pairs_none.h -- verbs on pairs of bf16, for ISAs that do not multiply them: they exist so that the templates compile,
 * and are never called. */
INLINE vf v_fma_pairs(vf a, vf b, vf c) { return v_fma(a, b, c); }
INLINE vf v_pairs_along(vf low, vf high) { (void)high; return low; }
INLINE vf v_pairs_across(vf low, vf high) { (void)high; return low; }
INLINE vf v_load_pairs(const uint16_t *p, int n) { return v_load_bf16_n(p, n); }
