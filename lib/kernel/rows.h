/* SPDX-License-Identifier: MIT */
/* rows.h -- elementwise and row-wise kernels. Arrays are f32 unless named otherwise, n >= 0 elements, no alignment asked,
 * nothing touched outside. In and out may be the same array, never overlap otherwise. Sums run in an order that n and
 * the ISA decide. */
#ifndef MIM_KERNEL_ROWS_H
#define MIM_KERNEL_ROWS_H

#include "base/base.h"

/* Activations (f) and where they come from: GELU 0.5 x (1 + erf(x / sqrt 2)); GELU_TANH 0.5 x (1 + tanh(sqrt(2 / pi)
 * (x + 0.044715 x^3))) (Hendrycks and Gimpel 2016; "gelu_new", "gelu_pytorch_tanh"); QUICK_GELU x sigmoid(1.702 x);
 * SILU x sigmoid(x); SIGMOID 1 / (1 + exp(-x)). */
enum activation { ACT_NONE, ACT_GELU, ACT_GELU_TANH, ACT_QUICK_GELU, ACT_RELU, ACT_SILU, ACT_SIGMOID };

/* One AdamW update (Loshchilov and Hutter 2019), moments bias-corrected as PyTorch does: w *= keep;
 * m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w -= rate / correction1 * m / (sqrt(v) / sqrt(correction2) + eps),
 * with g the gradient times `scale` and correction = 1 - beta^t. */
struct adamw_step { float rate, keep, beta1, beta2, eps, correction1, correction2, scale; };
/* One SGD update with momentum: g = scale * gradient + decay * w; b = first ? g : momentum * b + g;
 * w -= rate * (nesterov ? g + momentum * b : b). */
struct sgd_step { float rate, decay, momentum, scale; bool nesterov, first; };

struct row_kernels {
    void (*widen)(int n, const uint16_t *x, float *y);              /* bf16 to f32, exact */
    void (*narrow)(int n, const float *x, uint16_t *y);             /* f32 to bf16, to nearest even; NaN stays NaN */

    void (*add)(int n, const float *a, const float *b, float *y);                  /* y = a + b */
    void (*scale)(int n, float a, const float *x, float *y);                       /* y = a x; a == 0 gives zeros, whatever x holds */
    void (*axpy)(int n, float a, const float *x, float *y);                        /* y += a x */
    void (*multiply)(int n, const float *a, const float *b, float *y);             /* y = a b */
    float (*dot)(int n, const float *a, const float *b);
    float (*sum)(int n, const float *x);
    double (*squares)(int n, const float *x);                                      /* sum of x^2, in double */

    /* Layer norm (Ba et al. 2016) of one row. stats: mean, then the centred sum of squares; rstd = 1 / sqrt(biased
     * variance + eps). backward: with xhat = (x - mean) rstd and g = dy gamma,
     * dx (=, or += if add) rstd (g - mean(g) - xhat mean(g xhat)); dgamma += dy xhat; dbeta += dy. dx, dgamma with dbeta
     * may be NULL. */
    void (*norm_stats)(int n, const float *x, float eps, float *mean, float *rstd);
    void (*norm)(int n, const float *x, float mean, float rstd, const float *gamma, const float *beta, float *y);
    void (*norm_backward)(int n, const float *x, float mean, float rstd, const float *gamma, const float *dy,
                          float *dx, bool add, float *dgamma, float *dbeta);

    void (*activate)(int n, enum activation f, const float *x, float *y);                           /* y = f(x) */
    void (*activate_backward)(int n, enum activation f, const float *x, const float *dy, float *dx);  /* dx = dy f'(x) */

    float (*log_sum_exp)(int n, const float *x);                                   /* n >= 1; largest taken out first */
    void (*exp_shifted)(int n, float shift, float a, const float *x, float *y);    /* y = a exp(x - shift) */

    void (*adamw)(int n, const struct adamw_step *s, const float *gradient, float *w, float *m, float *v);
    void (*sgd)(int n, const struct sgd_step *s, const float *gradient, float *w, float *b);    /* b may be NULL if momentum is 0 */
};

#endif
