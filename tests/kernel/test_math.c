/* SPDX-License-Identifier: MIT */
/* test_math.c -- the functions of math_tmpl.h against libm in double precision, over dense sweeps, with the error that is
 * allowed stated at each: through the tables of every ISA of this processor. */
#include "kernel/kernel.h"
#include "support/test.h"

enum { MANY = 4096 };
static const struct row_kernels *rows;
static const char *isa;

static double ulp(double x)
{
    int e;
    frexp(x, &e);
    return ldexp(1.0, (e < -125 ? -125 : e) - 24);
}

static void expect(const char *what, double x, double got, double exact, double allowed)
{
    char text[256];
    snprintf(text, sizeof text, "%s on %s at %.9g: %.9g against %.9g, allowed %.3g", what, isa, x, got, exact, allowed);
    test_check(fabs(got - exact) <= allowed, __FILE__, __LINE__, text);
}

/* x[i] = from ... to, evenly. */
static void sweep(float *x, double from, double to)
{
    for (int i = 0; i < MANY; i++)
        x[i] = (float)(from + (to - from) * i / (MANY - 1));
}

static void exponential(void)
{
    static const struct { double from, to; } parts[] = {
        { -104, -86 }, { -87, 89 }, { -1, 1 }, { -1e-3, 1e-3 }, { 87.5, 88.72 },
    };
    float x[MANY], y[MANY];
    for (int p = 0; p < COUNT(parts); p++) {
        sweep(x, parts[p].from, parts[p].to);
        rows->exp_shifted(MANY, 0.0f, 1.0f, x, y);
        for (int i = 0; i < MANY && !test_broken; i++)
            if (exp(x[i]) > 3.4028235e38)
                CHECK(isinf(y[i]));
            else
                expect("exp", x[i], y[i], exp(x[i]), 1.02 * ulp(exp(x[i])));
    }
}

static void exponential_ends(void)
{
    const float x[] = { 0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e30f, -1e30f, 89.0f, -104.0f, 88.7228f, 88.7229f, -103.0f,
                        -200.0f, 3e38f, -3e38f, 1e-30f, 1e-45f };
    float y[COUNT(x)];
    rows->exp_shifted(COUNT(x), 0.0f, 1.0f, x, y);
    CHECK(y[0] == 1 && y[1] == 1 && y[15] == 1 && y[16] == 1);
    CHECK(isinf(y[2]) && y[2] > 0 && isinf(y[5]) && isinf(y[7]) && isinf(y[10]) && isinf(y[13]));
    CHECK(y[3] == 0 && y[6] == 0 && y[8] == 0 && y[12] == 0 && y[14] == 0);
    CHECK(isnan(y[4]));
    CHECK(!isinf(y[9]) && y[9] > 3.4e38f && y[11] > 0 && y[11] < 2e-44f);
}

static double exact_activation(enum activation f, double x)
{
    double u = sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x);
    switch (f) {
    case ACT_GELU: return 0.5 * x * erfc(-x / sqrt(2));
    case ACT_GELU_TANH: return x / (1 + exp(-2 * u));
    case ACT_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case ACT_RELU: return x > 0 ? x : 0;
    case ACT_SILU: return x / (1 + exp(-x));
    case ACT_SIGMOID: return 1 / (1 + exp(-x));
    default: return x;
    }
}
static double exact_gradient(enum activation f, double x)
{
    double c = sqrt(2 / acos(-1.0)), s = 1 / (1 + exp(-2 * c * (x + 0.044715 * x * x * x)));
    double quick = 1 / (1 + exp(-1.702 * x)), sigmoid = 1 / (1 + exp(-x));
    switch (f) {
    case ACT_GELU: return 0.5 * erfc(-x / sqrt(2)) + x * exp(-x * x / 2) / sqrt(2 * acos(-1.0));
    case ACT_GELU_TANH: return s + x * s * (1 - s) * 2 * c * (1 + 3 * 0.044715 * x * x);
    case ACT_QUICK_GELU: return quick + x * quick * (1 - quick) * 1.702;
    case ACT_RELU: return x > 0;
    case ACT_SILU: return sigmoid + x * sigmoid * (1 - sigmoid);
    case ACT_SIGMOID: return sigmoid / (1 + exp(x));
    default: return 1;
    }
}

static const enum activation all[] = { ACT_NONE, ACT_GELU, ACT_GELU_TANH, ACT_QUICK_GELU, ACT_RELU, ACT_SILU,
                                       ACT_SIGMOID };
static const char *const names[] = { "none", "gelu", "gelu tanh", "quick gelu", "relu", "silu", "sigmoid" };
static const struct { double from, to; } ranges[] = { { -14, 14 }, { -1, 1 }, { -1e-3, 1e-3 }, { -40, 40 }, { -100, 100 } };

/* Relative to the result: 1e-6 for GELU, for the others as well what the rounding of the exponent costs in their far tails;
 * and some steps of the smallest float. */
static void activations(void)
{
    float x[MANY], y[MANY];
    for (int f = 0; f < COUNT(all); f++)
        for (int r = 0; r < COUNT(ranges); r++) {
            sweep(x, ranges[r].from, ranges[r].to);
            rows->activate(MANY, all[f], x, y);
            for (int i = 0; i < MANY && !test_broken; i++) {
                double exact = exact_activation(all[f], x[i]);
                double share = all[f] == ACT_SIGMOID ? exact : x[i] == 0 ? 1 : fabs(exact / x[i]);
                double exponent = fmin(fabs(log(share + 1e-40)), 90);
                double relative = 1e-6 + (all[f] == ACT_GELU ? 0 : 3.6e-7 * exponent);
                expect(names[f], x[i], y[i], exact, fabs(exact) * relative + (all[f] == ACT_GELU ? 2e-44 : 1e-42));
            }
        }
}

static void activation_gradients(void)
{
    float x[MANY], y[MANY], one[MANY];
    for (int i = 0; i < MANY; i++)
        one[i] = 1;
    for (int f = 0; f < COUNT(all); f++)
        for (int r = 0; r < COUNT(ranges); r++) {
            sweep(x, ranges[r].from, ranges[r].to);
            rows->activate_backward(MANY, all[f], x, one, y);
            for (int i = 0; i < MANY && !test_broken; i++)
                expect(names[f], x[i], y[i], exact_gradient(all[f], x[i]), 1e-6);
        }
}

static void activation_ends(void)
{
    const float x[] = { 0.0f, NAN, 1e20f, -1e20f, 3e38f, -3e38f, INFINITY };
    const float one[] = { 1, 1, 1, 1, 1, 1, 1 };
    float y[7], dx[7];
    for (int f = 0; f < COUNT(all) - 1; f++) {            /* the sigmoid, which does not grow, below */
        rows->activate(7, all[f], x, y);
        rows->activate_backward(7, all[f], x, one, dx);
        CHECK(y[0] == 0 && isnan(y[1]) && y[2] == 1e20f && y[4] == 3e38f && isinf(y[6]) && y[6] > 0);
        CHECK(all[f] == ACT_NONE || (y[3] == 0 && y[5] == 0));
        CHECK(dx[2] == 1 && dx[4] == 1);
        CHECK(all[f] == ACT_NONE || (isnan(dx[1]) && dx[3] == 0 && dx[5] == 0));
    }
    rows->activate(7, ACT_SIGMOID, x, y);
    rows->activate_backward(7, ACT_SIGMOID, x, one, dx);
    CHECK(y[0] == 0.5f && isnan(y[1]) && y[2] == 1 && y[3] == 0 && y[4] == 1 && y[5] == 0 && y[6] == 1);
    CHECK(dx[0] == 0.25f && isnan(dx[1]) && dx[2] == 0 && dx[3] == 0 && dx[4] == 0 && dx[5] == 0 && dx[6] == 0);
}

int main(void)
{
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        rows = (*k)->rows;
        isa = (*k)->isa;
        TEST(exponential);
        TEST(exponential_ends);
        TEST(activations);
        TEST(activation_gradients);
        TEST(activation_ends);
    }
    return test_end();
}
