/* SPDX-License-Identifier: MIT */
/* rows_tmpl.h -- the kernels of rows.h. Each is a step on m lanes, given VN of them in the body of a loop and what is left
 * at its end. Sums run in four chains of vectors, which are then added pairwise. */
enum { CHAINS = 4 };

static void row_widen(int n, const uint16_t *x, float *y)
{
    int i = 0;
    for (; i <= n - VN; i += VN)
        v_store(y + i, v_load_bf16(x + i));
    if (i < n)
        v_store_n(y + i, n - i, v_load_bf16_n(x + i, n - i));
}

static void row_narrow(int n, const float *x, uint16_t *y)
{
    int i = 0;
    for (; i <= n - VN; i += VN)
        v_store_bf16(y + i, v_load(x + i));
    if (i < n)
        v_store_bf16_n(y + i, n - i, v_load_n(x + i, n - i));
}

INLINE void add_step(int m, const float *a, const float *b, float *y) { v_put(m, y, v_add(v_take(m, a), v_take(m, b))); }
static void row_add(int n, const float *a, const float *b, float *y)
{
    int i = 0;
    for (; i <= n - VN; i += VN)
        add_step(VN, a + i, b + i, y + i);
    if (i < n)
        add_step(n - i, a + i, b + i, y + i);
}

INLINE void scale_step(int m, vf a, const float *x, float *y) { v_put(m, y, v_mul(a, v_take(m, x))); }
static void row_scale(int n, float a, const float *x, float *y)
{
    int i = 0;
    if (a == 0) {
        memset(y, 0, (size_t)imax(n, 0) * sizeof *y);
        return;
    }
    for (; i <= n - VN; i += VN)
        scale_step(VN, v_all(a), x + i, y + i);
    if (i < n)
        scale_step(n - i, v_all(a), x + i, y + i);
}

INLINE void axpy_step(int m, vf a, const float *x, float *y) { v_put(m, y, v_fma(a, v_take(m, x), v_take(m, y))); }
static void row_axpy(int n, float a, const float *x, float *y)
{
    int i = 0;
    for (; i <= n - VN; i += VN)
        axpy_step(VN, v_all(a), x + i, y + i);
    if (i < n)
        axpy_step(n - i, v_all(a), x + i, y + i);
}

INLINE void multiply_step(int m, const float *a, const float *b, float *y)
{
    v_put(m, y, v_mul(v_take(m, a), v_take(m, b)));
}
static void row_multiply(int n, const float *a, const float *b, float *y)
{
    int i = 0;
    for (; i <= n - VN; i += VN)
        multiply_step(VN, a + i, b + i, y + i);
    if (i < n)
        multiply_step(n - i, a + i, b + i, y + i);
}

INLINE float add_chains(const vf s[CHAINS]) { return v_sum(v_add(v_add(s[0], s[1]), v_add(s[2], s[3]))); }

static float row_dot(int n, const float *a, const float *b)
{
    vf s[CHAINS] = { v_zero(), v_zero(), v_zero(), v_zero() };
    int i = 0;
    for (; i <= n - CHAINS * VN; i += CHAINS * VN) {
        MIM_UNROLL
        for (int c = 0; c < CHAINS; c++)
            s[c] = v_fma(v_load(a + i + c * VN), v_load(b + i + c * VN), s[c]);
    }
    for (; i < n; i += VN) {
        int m = imin(VN, n - i);
        s[0] = v_fma(v_take(m, a + i), v_take(m, b + i), s[0]);
    }
    return add_chains(s);
}

static float row_sum(int n, const float *x)
{
    vf s[CHAINS] = { v_zero(), v_zero(), v_zero(), v_zero() };
    int i = 0;
    for (; i <= n - CHAINS * VN; i += CHAINS * VN) {
        MIM_UNROLL
        for (int c = 0; c < CHAINS; c++)
            s[c] = v_add(s[c], v_load(x + i + c * VN));
    }
    for (; i < n; i += VN)
        s[0] = v_add(s[0], v_take(imin(VN, n - i), x + i));
    return add_chains(s);
}

static double row_squares(int n, const float *x)
{
    vd even = vd_zero(), odd = vd_zero();
    int i = 0;
    for (; i <= n - 2 * VN; i += 2 * VN) {
        even = vd_add_square(even, v_load(x + i));
        odd = vd_add_square(odd, v_load(x + i + VN));
    }
    for (; i < n; i += VN)
        even = vd_add_square(even, v_take(imin(VN, n - i), x + i));
    return vd_sum(even) + vd_sum(odd);
}

/* The mean of floats is off by a rounding of the largest partial sum; the deviations from it tell by how much, and
 * what the centred sum of squares owes to that. A constant row has variance 0 thus, whatever its offset. */
static void row_norm_stats(int n, const float *x, float eps, float *mean, float *rstd)
{
    float count = (float)imax(n, 1), first = row_sum(n, x) / count;
    vf s[2] = { v_zero(), v_zero() }, q[2] = { v_zero(), v_zero() }, centre = v_all(first);
    int i = 0;
    for (; i <= n - 2 * VN; i += 2 * VN) {
        MIM_UNROLL
        for (int c = 0; c < 2; c++) {
            vf d = v_sub(v_load(x + i + c * VN), centre);
            s[c] = v_add(s[c], d);
            q[c] = v_fma(d, d, q[c]);
        }
    }
    for (; i < n; i += VN) {
        int m = imin(VN, n - i);
        float lanes[VN];
        v_store(lanes, centre);
        vf d = v_sub(v_take(m, x + i), v_take(m, lanes));
        s[0] = v_add(s[0], d);
        q[0] = v_fma(d, d, q[0]);
    }
    float shift = v_sum(v_add(s[0], s[1])) / count;
    float variance = v_sum(v_add(q[0], q[1])) / count - shift * shift;
    *mean = first + shift;
    *rstd = 1.0f / sqrtf((variance < 0 ? 0 : variance) + eps);
}

struct norm_row { vf mean, rstd; };
INLINE vf norm_hat(struct norm_row r, vf x) { return v_mul(v_sub(x, r.mean), r.rstd); }
INLINE void norm_step(int m, struct norm_row r, const float *x, const float *gamma, const float *beta, float *y)
{
    v_put(m, y, v_fma(norm_hat(r, v_take(m, x)), v_take(m, gamma), v_take(m, beta)));
}
static void row_norm(int n, const float *x, float mean, float rstd, const float *gamma, const float *beta, float *y)
{
    struct norm_row r = { v_all(mean), v_all(rstd) };
    int i = 0;
    for (; i <= n - VN; i += VN)
        norm_step(VN, r, x + i, gamma + i, beta + i, y + i);
    if (i < n)
        norm_step(n - i, r, x + i, gamma + i, beta + i, y + i);
}

/* dgamma and dbeta of m columns. */
INLINE void norm_weights_step(int m, struct norm_row r, const float *x, const float *dy, float *dgamma, float *dbeta)
{
    vf g = v_take(m, dy);
    v_put(m, dgamma, v_fma(g, norm_hat(r, v_take(m, x)), v_take(m, dgamma)));
    v_put(m, dbeta, v_add(v_take(m, dbeta), g));
}
static void norm_weights(int n, struct norm_row r, const float *x, const float *dy, float *dgamma, float *dbeta)
{
    int i = 0;
    for (; i <= n - VN; i += VN)
        norm_weights_step(VN, r, x + i, dy + i, dgamma + i, dbeta + i);
    if (i < n)
        norm_weights_step(n - i, r, x + i, dy + i, dgamma + i, dbeta + i);
}

/* Sums of g and of g xhat over a row, g = dy gamma: lanes beyond n add nothing, as dy is zero there. */
static void norm_sums(int n, struct norm_row r, const float *x, const float *gamma, const float *dy, float *g, float *gx)
{
    vf s[2] = { v_zero(), v_zero() }, t[2] = { v_zero(), v_zero() };
    int i = 0;
    for (; i <= n - 2 * VN; i += 2 * VN) {
        MIM_UNROLL
        for (int c = 0; c < 2; c++) {
            vf a = v_mul(v_load(dy + i + c * VN), v_load(gamma + i + c * VN));
            s[c] = v_add(s[c], a);
            t[c] = v_fma(a, norm_hat(r, v_load(x + i + c * VN)), t[c]);
        }
    }
    for (; i < n; i += VN) {
        int m = imin(VN, n - i);
        vf a = v_mul(v_take(m, dy + i), v_take(m, gamma + i));
        s[0] = v_add(s[0], a);
        t[0] = v_fma(a, norm_hat(r, v_take(m, x + i)), t[0]);
    }
    *g = v_sum(v_add(s[0], s[1]));
    *gx = v_sum(v_add(t[0], t[1]));
}

INLINE void norm_backward_step(int m, struct norm_row r, vf g, vf gx, const float *x, const float *gamma,
                                   const float *dy, float *dx, bool add)
{
    vf a = v_sub(v_mul(v_take(m, dy), v_take(m, gamma)), g);
    vf d = v_mul(r.rstd, v_fnma(norm_hat(r, v_take(m, x)), gx, a));
    v_put(m, dx, add ? v_add(v_take(m, dx), d) : d);
}
static void row_norm_backward(int n, const float *x, float mean, float rstd, const float *gamma, const float *dy,
                              float *dx, bool add, float *dgamma, float *dbeta)
{
    struct norm_row r = { v_all(mean), v_all(rstd) };
    if (dgamma)
        norm_weights(n, r, x, dy, dgamma, dbeta);
    if (!dx)
        return;
    float sum, product;
    int i = 0;
    norm_sums(n, r, x, gamma, dy, &sum, &product);
    vf g = v_all(sum / (float)imax(n, 1)), gx = v_all(product / (float)imax(n, 1));
    for (; i <= n - VN; i += VN)
        norm_backward_step(VN, r, g, gx, x + i, gamma + i, dy + i, dx + i, add);
    if (i < n)
        norm_backward_step(n - i, r, g, gx, x + i, gamma + i, dy + i, dx + i, add);
}

INLINE void activate_all(int n, enum activation f, const float *x, float *y)
{
    int i = 0;
    for (; i <= n - VN; i += VN)
        v_store(y + i, v_activate(f, v_load(x + i)).value);
    if (i < n)
        v_store_n(y + i, n - i, v_activate(f, v_load_n(x + i, n - i)).value);
}
static void row_activate(int n, enum activation f, const float *x, float *y)
{
    switch (f) {                /* a loop each: no branch in it, and constants in registers */
    case ACT_NONE: activate_all(n, ACT_NONE, x, y); return;
    case ACT_GELU: activate_all(n, ACT_GELU, x, y); return;
    case ACT_GELU_TANH: activate_all(n, ACT_GELU_TANH, x, y); return;
    case ACT_QUICK_GELU: activate_all(n, ACT_QUICK_GELU, x, y); return;
    case ACT_RELU: activate_all(n, ACT_RELU, x, y); return;
    case ACT_SILU: activate_all(n, ACT_SILU, x, y); return;
    case ACT_SIGMOID: activate_all(n, ACT_SIGMOID, x, y); return;
    }
}

static void row_activate_backward(int n, enum activation f, const float *x, const float *dy, float *dx)
{
    int i = 0;
    for (; i <= n - VN; i += VN)
        v_store(dx + i, v_mul(v_load(dy + i), v_activate(f, v_load(x + i)).slope));
    if (i < n)
        v_store_n(dx + i, n - i, v_mul(v_load_n(dy + i, n - i), v_activate(f, v_load_n(x + i, n - i)).slope));
}

static float row_top(int n, const float *x)
{
    vf top = v_all(x[0]);
    int i = 0;
    for (; i <= n - VN; i += VN)
        top = v_max(v_load(x + i), top);
    float most = v_top(top);
    for (; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

/* Where all is -infinity or something is +infinity, the largest is the answer, unless a NaN says otherwise. */
static float row_log_sum_exp(int n, const float *x)
{
    float top = row_top(n, x), sum = 0;
    vf s = v_zero(), shift = v_all(isinf(top) ? 0 : top);
    int i = 0;
    for (; i <= n - VN; i += VN)
        s = v_add(s, v_exp(v_sub(v_load(x + i), shift)));
    if (i < n) {
        float lanes[VN];
        v_store(lanes, v_exp(v_sub(v_load_n(x + i, n - i), shift)));
        s = v_add(s, v_load_n(lanes, n - i));
    }
    sum = v_sum(s);
    return isinf(top) && sum == sum ? top : top + logf(sum);
}

static void row_exp_shifted(int n, float shift, float a, const float *x, float *y)
{
    vf s = v_all(shift), f = v_all(a);
    int i = 0;
    for (; i <= n - VN; i += VN)
        v_store(y + i, v_mul(f, v_exp(v_sub(v_load(x + i), s))));
    if (i < n)
        v_store_n(y + i, n - i, v_mul(f, v_exp(v_sub(v_load_n(x + i, n - i), s))));
}

/* The optimizers multiply and add apart, in the order of rows.h, so that every ISA gives the same weights. */
struct adamw_lanes { vf keep, beta1, rest1, beta2, rest2, eps, step, root, scale; };
INLINE void adamw_at(int n, const struct adamw_lanes *s, const float *gradient, float *w, float *m, float *v)
{
    vf g = v_mul(s->scale, v_take(n, gradient)), x = v_mul(v_take(n, w), s->keep);
    vf m1 = v_add(v_mul(s->beta1, v_take(n, m)), v_mul(s->rest1, g));
    vf v1 = v_add(v_mul(s->beta2, v_take(n, v)), v_mul(s->rest2, v_mul(g, g)));
    v_put(n, m, m1);
    v_put(n, v, v1);
    v_put(n, w, v_sub(x, v_div(v_mul(s->step, m1), v_add(v_div(v_sqrt(v1), s->root), s->eps))));
}
static void row_adamw(int n, const struct adamw_step *s, const float *gradient, float *w, float *m, float *v)
{
    const struct adamw_lanes a = {
        v_all(s->keep), v_all(s->beta1), v_all(1 - s->beta1), v_all(s->beta2), v_all(1 - s->beta2),
        v_all(s->eps), v_all(s->rate / s->correction1), v_all(sqrtf(s->correction2)), v_all(s->scale),
    };
    int i = 0;
    for (; i <= n - VN; i += VN)
        adamw_at(VN, &a, gradient + i, w + i, m + i, v + i);
    if (i < n)
        adamw_at(n - i, &a, gradient + i, w + i, m + i, v + i);
}

INLINE void sgd_at(int m, const struct sgd_step *s, const float *gradient, float *w, float *b)
{
    vf x = v_take(m, w), momentum = v_all(s->momentum);
    vf g = v_add(v_mul(v_all(s->scale), v_take(m, gradient)), v_mul(v_all(s->decay), x)), u = g;
    if (b) {
        u = s->first ? g : v_add(v_mul(momentum, v_take(m, b)), g);
        v_put(m, b, u);
    }
    if (s->nesterov)
        u = v_add(g, v_mul(momentum, u));
    v_put(m, w, v_sub(x, v_mul(v_all(s->rate), u)));
}
static void row_sgd(int n, const struct sgd_step *s, const float *gradient, float *w, float *b)
{
    int i = 0;
    for (; i <= n - VN; i += VN)
        sgd_at(VN, s, gradient + i, w + i, b ? b + i : NULL);
    if (i < n)
        sgd_at(n - i, s, gradient + i, w + i, b ? b + i : NULL);
}

#define ROW_TABLE { .widen = row_widen, .narrow = row_narrow, .add = row_add, .scale = row_scale, .axpy = row_axpy, \
                    .multiply = row_multiply, .dot = row_dot, .sum = row_sum, .squares = row_squares, \
                    .norm_stats = row_norm_stats, .norm = row_norm, .norm_backward = row_norm_backward, \
                    .activate = row_activate, .activate_backward = row_activate_backward, \
                    .log_sum_exp = row_log_sum_exp, .exp_shifted = row_exp_shifted, .adamw = row_adamw, .sgd = row_sgd }
