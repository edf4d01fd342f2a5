/* SPDX-License-Identifier: MIT */
/* math_tmpl.h -- exponential, error function, tanh and the activations on vectors, out of the verbs of vec_*.h. A NaN goes
 * through all of them. Polynomials are minimax fits of the relative error (Remez), their error is told beside them. */

/* exp(x) with x = n ln 2 + r, |r| <= ln 2 / 2, -152 <= n <= 128: exp(r) = 1 + r + r^2 q(r), q to 3e-9. */
INLINE vf v_exp_of(vf x, vf n)
{
    vf r = v_fnma(n, v_all(0.693359375f), x);           /* nine bits: n times it is exact */
    r = v_fnma(n, v_all(-2.12194440e-4f), r);
    vf square = v_mul(r, r), odd = v_fma(v_all(0.008368921791f), square, v_all(0.1666651894f));
    vf even = v_fma(v_all(0.001381417418f), square, v_all(0.04166840797f));
    vf q = v_fma(odd, r, v_fma(even, square, v_all(0.4999999333f)));
    return v_ldexp(v_add(v_fma(q, square, r), v_all(1.0f)), n);
}

/* exp(x), within 1.02 ulp; 0 and infinity beyond the range of floats, subnormal results included. */
INLINE vf v_exp(vf x)
{
    x = v_max(v_all(-104.0f), v_min(v_all(89.0f), x));
    return v_exp_of(x, v_round(v_mul(x, v_all(1.44269504f))));
}

/* 2^x for x <= 0, what attention spends its time on: to 1e-7, or, where what follows is rounded to bf16, to 4e-6. */
INLINE vf v_exp2_down(vf x, bool rough)
{
    x = v_max(v_all(-150.0f), x);
    vf n = v_round(x), f = v_sub(x, n), q;
    if (rough) {
        q = v_fma(v_all(0.009782912638f), f, v_all(0.05597688363f));
        q = v_fma(q, f, v_all(0.2402071108f));
        q = v_fma(q, f, v_all(0.6931136044f));
    } else {
        q = v_fma(v_all(1.559467813e-4f), f, v_all(0.001340664390f));
        q = v_fma(q, f, v_all(0.009617692973f));
        q = v_fma(q, f, v_all(0.05550310551f));
        q = v_fma(q, f, v_all(0.2402265278f));
        q = v_fma(q, f, v_all(0.6931472150f));
    }
    return v_ldexp(v_fma(q, f, v_all(1.0f)), n);
}

/* The sigmoid 1 / (1 + exp(-x)) and 1 minus it, each to a few ulp in both tails. */
struct gate { vf on, off; };
INLINE struct gate v_gate(vf x)
{
    vf one = v_all(1.0f), e = v_exp(v_neg(v_abs(x))), r = v_div(one, v_add(one, e)), er = v_mul(e, r);
    return (struct gate){ v_less(x, v_zero(), er, r), v_less(x, v_zero(), r, er) };
}

/* The upper tail of the normal distribution at a = |x| is tail * bell: bell = exp(-a^2 / 2), tail = erfcx(a / sqrt 2) / 2.
 * Kept apart, as the product may be subnormal where x times it is not. a^2 is taken to twice the precision, which keeps
 * the relative error near 3e-7 however small the bell is; beyond 14.5 it is 0. tail = t p(t) with t = 1 / (1 + 0.28 a),
 * to 6e-8. */
struct normal_tail { vf a, tail, bell; };
INLINE struct normal_tail v_normal_tail(vf x)
{
    vf a = v_min(v_all(14.5f), v_abs(x));
    vf t = v_div(v_all(1.0f), v_fma(a, v_all(0.28f), v_all(1.0f)));
    vf t2 = v_mul(t, t), even = v_fma(v_all(0.02305585081f), t2, v_all(0.07249940119f));
    vf odd = v_fma(v_all(-0.08466577994f), t2, v_all(0.0176908326f));
    even = v_fma(even, t2, v_all(0.05546792955f));
    odd = v_fma(odd, t2, v_all(0.09112505417f));
    even = v_fma(even, t2, v_all(0.1011777051f));
    odd = v_fma(odd, t2, v_all(0.1119596761f));
    even = v_fma(even, t2, v_all(0.1116893582f));
    vf p = v_fma(odd, t, even);
    vf square = v_mul(a, a), rest = v_rest(a, a, square), n = v_round(v_mul(square, v_all(-0.72134752f)));
    vf bell = v_exp_of(v_mul(square, v_all(-0.5f)), n);
    return (struct normal_tail){ a, v_mul(t, p), v_fnma(v_mul(rest, v_all(0.5f)), bell, bell) };
}

/* f(x) and f'(x); whoever wants one of them pays for no more. */
struct activated { vf value, slope; };

/* x times the normal distribution, max(x, 0) - |x| tail bell. */
INLINE struct activated v_gelu(vf x)
{
    struct normal_tail n = v_normal_tail(x);
    vf q = v_mul(n.tail, n.bell), density = v_mul(n.bell, v_all(0.398942280f));
    vf slope = v_fma(v_copysign(n.a, x), density, v_less(x, v_zero(), q, v_sub(v_all(1.0f), q)));
    return (struct activated){ v_fnma(v_mul(n.a, n.tail), n.bell, v_max(v_zero(), x)), slope };
}

/* x s(u(x)), s the sigmoid, slope = u'(x). */
INLINE struct activated v_gated(vf x, vf u, vf slope)
{
    struct gate s = v_gate(u);
    return (struct activated){ v_mul(x, s.on), v_fma(v_mul(v_mul(s.on, s.off), x), slope, s.on) };
}

/* (1 + tanh(u)) / 2 = sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3). It has saturated long before |x| = 16. */
INLINE struct activated v_gelu_tanh(vf x)
{
    vf a = v_max(v_all(-16.0f), v_min(v_all(16.0f), x)), y = v_mul(a, a), c = v_all(1.59576912f), one = v_all(1.0f);
    return v_gated(x, v_mul(v_mul(c, a), v_fma(y, v_all(0.044715f), one)), v_mul(c, v_fma(y, v_all(0.134145f), one)));
}

INLINE struct activated v_sigmoid(vf x)
{
    struct gate s = v_gate(x);
    return (struct activated){ s.on, v_mul(s.on, s.off) };
}

INLINE struct activated v_relu(vf x)
{
    vf flat = v_max(v_zero(), v_min(v_zero(), x));      /* 0 or NaN */
    return (struct activated){ v_max(v_zero(), x), v_less(v_zero(), x, v_all(1.0f), flat) };
}

INLINE struct activated v_activate(enum activation f, vf x)
{
    switch (f) {
    case ACT_GELU: return v_gelu(x);
    case ACT_GELU_TANH: return v_gelu_tanh(x);
    case ACT_QUICK_GELU: return v_gated(x, v_mul(x, v_all(1.702f)), v_all(1.702f));
    case ACT_RELU: return v_relu(x);
    case ACT_SILU: return v_gated(x, x, v_all(1.0f));
    case ACT_SIGMOID: return v_sigmoid(x);
    case ACT_NONE: break;
    }
    return (struct activated){ x, v_all(1.0f) };
}

/* The m lanes that are there, m = VN in the body of a loop and what is left at its end. */
INLINE vf v_take(int m, const float *p) { return m == VN ? v_load(p) : v_load_n(p, m); }
INLINE void v_put(int m, float *p, vf x)
{
    if (m == VN)
        v_store(p, x);
    else
        v_store_n(p, m, x);
}
