/* SPDX-License-Identifier: MIT */
/* test_linear.c -- the fused linear layer in its variants, and drop path.
 * a: rows a picture, depth, width, norm, activation, bias (0 none, 1 own, 2 given), layer scale, residual, convolution. */
#include "base/philox.h"
#include "support/op_check.h"

enum { TOKENS, DEPTH, WIDTH, NORM, ACTIVATION, BIAS, SCALE, RESIDUAL, CONV };

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    const int *a = c->a;
    enum dtype type = c->half ? BF16 : F32;
    struct tensor *x = op_input(b, SHAPE(b->batch, a[TOKENS], a[DEPTH]), a[NORM] ? F32 : type);
    struct linear o = { .activation = (enum activation)a[ACTIVATION], .no_bias = !a[BIAS], .compute = type, .type = type,
                        .tokens = a[TOKENS] };
    if (a[RESIDUAL])
        o.residual = op_input(b, SHAPE(b->batch, a[TOKENS], a[WIDTH]), F32);
    if (a[BIAS] == 2)
        o.bias = op_param(b, SHAPE(a[WIDTH]));
    if (a[NORM]) {
        o.norm = "n";
        o.eps = 1e-5f;
    }
    if (a[SCALE])
        o.scale = "gamma";
    if (a[CONV])
        o.weight_shape = SHAPE(a[WIDTH], a[DEPTH] / 4, 2, 2);
    return mim__op_linear(b->g, "w", x, a[WIDTH], o);
}

static double activate(int f, double x)
{
    switch (f) {
    case ACT_GELU: return 0.5 * x * (1 + erf(x / sqrt(2)));
    case ACT_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
    case ACT_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case ACT_RELU: return x > 0 ? x : 0;
    case ACT_SILU: return x / (1 + exp(-x));
    default: return x;
    }
}

static void normalise(const double *x, int n, const double *gamma, const double *beta, double *to)
{
    double mean = 0, square = 0;
    for (int i = 0; i < n; i++)
        mean += x[i] / n;
    for (int i = 0; i < n; i++)
        square += (x[i] - mean) * (x[i] - mean) / n;
    for (int i = 0; i < n; i++)
        to[i] = (x[i] - mean) / sqrt(square + (double)1e-5f) * gamma[i] + beta[i];
}

/* Leaves: x, residual, given bias, norm's two, weight, own bias, scale. */
static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    const int *a = c->a;
    int next = 1, depth = a[DEPTH], width = a[WIDTH];
    const double *residual = a[RESIDUAL] ? in[next++] : NULL, *bias = a[BIAS] == 2 ? in[next++] : NULL;
    const double *gamma = a[NORM] ? in[next++] : NULL, *beta = a[NORM] ? in[next++] : NULL, *w = in[next++];
    if (a[BIAS] == 1)
        bias = in[next++];
    const double *scale = a[SCALE] ? in[next++] : NULL;
    double *f = malloc((size_t)depth * sizeof *f);
    for (int r = 0; r < batch * a[TOKENS]; r++) {
        const double *x = in[0] + (size_t)r * (size_t)depth;
        if (a[NORM])
            normalise(x, depth, gamma, beta, f);
        else
            for (int i = 0; i < depth; i++)
                f[i] = activate(a[ACTIVATION], x[i]);
        for (int k = 0; k < width; k++) {
            double v = bias ? bias[k] : 0;
            for (int i = 0; i < depth; i++)
                v += f[i] * w[k * depth + i];
            *y++ = (residual ? residual[r * width + k] : 0) + (scale ? scale[k] : 1) * v;
        }
    }
    free(f);
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 1 } },
    { "bias", 3, { 5, 7, 11, 0, ACT_NONE, 1 } },
    { "norm", 2, { 9, 12, 5, 1, ACT_NONE, 1 } },
    { "gelu, given bias", 2, { 7, 9, 6, 0, ACT_GELU, 2 } },
    { "tanh gelu", 1, { 3, 8, 8, 0, ACT_GELU_TANH, 1 } },
    { "quick gelu, no bias", 1, { 4, 5, 3, 0, ACT_QUICK_GELU } },
    { "relu, scale", 2, { 6, 10, 4, 0, ACT_RELU, 1, 1 } },
    { "silu, residual", 2, { 5, 6, 7, 0, ACT_SILU, 1, 0, 1 } },
    { "everything", 3, { 11, 17, 13, 1, ACT_NONE, 1, 1, 1 } },
    { "scale without bias", 2, { 4, 9, 5, 1, ACT_NONE, 0, 1, 1 } },
    { "scale, given bias", 2, { 4, 9, 5, 0, ACT_GELU, 2, 1, 1 } },
    { "convolution", 2, { 6, 12, 10, 0, ACT_NONE, 1, 0, 0, 1 } },
    { "wider than a task", 2, { 67, 20, 36, 1, ACT_NONE, 1, 1, 1 } },
    { "large enough for threads", 3, { 131, 120, 101, 1, ACT_NONE, 1, 1, 1 }, .samples = 2, .tolerance = 1e-4 },
    { "bf16, for threads", 3, { 131, 120, 101, 0, ACT_GELU, 1, 0, 1 }, .half = true, .samples = 2, .tolerance = 3e-2 },
    { "bf16", 2, { 9, 24, 20, 0, ACT_NONE, 1 }, .half = true },
    { "bf16 norm", 2, { 33, 40, 24, 1, ACT_NONE, 1 }, .half = true },
    { "bf16 gelu, scale, residual", 2, { 10, 31, 17, 0, ACT_GELU, 1, 1, 1 }, .half = true, .tolerance = 3e-2 },
};

static void bad(struct graph *g, int k)
{
    struct tensor *x = mim__graph_input(g, "x", k == 0 ? SHAPE(2, 5, 9) : SHAPE(2, 5, 8), k == 1 ? BF16 : k == 2 ? I32 : F32);
    struct linear o = { .tokens = 5 };
    if (k == 0)
        o.weight_shape = SHAPE(4, 2, 2, 2);
    if (k == 1)
        o.norm = "n";
    if (k == 3)
        o.bias = mim__graph_input(g, "b", SHAPE(5), F32);
    if (k == 4)
        o.residual = mim__graph_input(g, "r", SHAPE(2, 5, 5), F32);
    if (k == 5)
        o.residual = mim__graph_input(g, "r", SHAPE(2, 5, 4), BF16);
    if (k == 6)
        o = (struct linear){ .drop_path = 0.1f, .tokens = 3 };
    if (k == 7)
        o = (struct linear){ .norm = "n", .activation = ACT_GELU };
    if (k == 8)
        o.bias = mim__graph_input(g, "b", SHAPE(4), BF16);
    if (k == 9)
        o.drop_path = 0.1f, o.tokens = 0;
    if (k == 10)
        x = mim__graph_input(g, "s", (struct shape){ 0, { 0 } }, F32);
    mim__op_linear(g, "w", x, 4, o);
}

static const struct op_test test = { "linear", build, reference, NULL, cases, COUNT(cases), bad, 11, false };

/* ---- drop path ---- */

enum { PICTURES = 64, ROWS_EACH = 3, IN = 4, OUT = 5 };
struct drop { mim_context *ctx; struct graph *g; struct plan *p; struct tensor *x, *y; float weights[256], slopes[256]; };

static void drop_begin(struct drop *d, float rate)
{
    static const char *const keep[] = { "y", NULL };
    *d = (struct drop){ 0 };
    CHECK(mim_context_create(NULL, &d->ctx) == MIM_OK && mim__graph_create(d->ctx, &d->g) == MIM_OK);
    d->x = mim__graph_input(d->g, "x", SHAPE(PICTURES, ROWS_EACH, IN), F32);
    d->y = mim__op_linear(d->g, "w", d->x, OUT, (struct linear){ .drop_path = rate, .tokens = ROWS_EACH });
    mim__graph_output(d->g, "y", d->y);
    struct plan_options o = { .weights = { d->weights }, .gradients = { d->slopes }, .backward = true, .keep = keep, .seed = d->y,
                              .input_gradients = true };
    CHECK(mim__graph_plan(d->g, &o, &d->p) == MIM_OK);
    for (int i = 0; i < IN * OUT; i++)
        d->weights[i] = 1;
    for (int i = 0; i < OUT; i++)
        d->weights[mim__graph_param_at(d->g, 1)->offset + (size_t)i] = 2;
}

static void drop_end(struct drop *d)
{
    mim__plan_destroy(d->p);
    mim__graph_destroy(d->g);
    mim_context_destroy(d->ctx);
}

/* All x one: a branch is IN + 2, and y tells the factor. */
static void drop_run(struct drop *d, uint64_t step, bool training, float factor[PICTURES])
{
    struct env e = { .pool = mim__context_executor(d->ctx), .seed = 5, .step = step, .training = training };
    float *x = mim__plan_data(d->p, d->x), *dy = mim__plan_gradient(d->p, d->y);
    for (int i = 0; i < PICTURES * ROWS_EACH * IN; i++)
        x[i] = 1;
    CHECK(mim__plan_forward(d->p, &e) == MIM_OK);
    for (int i = 0; i < PICTURES * ROWS_EACH * OUT; i++)
        dy[i] = (float)(1 + i / (ROWS_EACH * OUT));
    const float *y = mim__plan_data(d->p, d->y);
    for (int i = 0; i < PICTURES; i++) {
        factor[i] = y[i * ROWS_EACH * OUT] / (IN + 2);
        for (int k = 0; k < ROWS_EACH * OUT; k++)
            CHECK(y[i * ROWS_EACH * OUT + k] == y[i * ROWS_EACH * OUT]);
    }
    CHECK(mim__plan_backward(d->p, &e, false) == MIM_OK);
}

/* Factors are 0 or 1 / (1 - p), about p of them 0; backward uses those of forward; steps differ, and repeat. */
static void drop_path(void)
{
    struct drop d;
    float first[PICTURES], factor[PICTURES];
    int zeros = 0, differ = 0;
    drop_begin(&d, 0.25f);
    for (int step = 0; step < 100; step++) {
        double sum = 0;
        drop_run(&d, (uint64_t)step, true, factor);
        if (!step)
            memcpy(first, factor, sizeof first);
        const float *dx = mim__plan_gradient(d.p, d.x);
        for (int i = 0; i < PICTURES; i++) {
            CHECK(factor[i] == 0 || fabs(factor[i] - 1 / 0.75) < 1e-6);
            CHECK_NEAR(dx[i * ROWS_EACH * IN], factor[i] * OUT * (1 + i), 1e-3);
            zeros += factor[i] == 0;
            differ += factor[i] != first[i];
            sum += (double)factor[i] * ROWS_EACH * (1 + i);
        }
        CHECK_NEAR(d.slopes[0], sum, 1e-2);
        CHECK_NEAR(d.slopes[mim__graph_param_at(d.g, 1)->offset], sum, 1e-2);
    }
    CHECK_NEAR(zeros / 6400.0, 0.25, 0.03);
    CHECK(differ > 1000);
    drop_run(&d, 0, true, factor);
    CHECK(!memcmp(first, factor, sizeof first));
    drop_run(&d, 0, false, factor);
    for (int i = 0; i < PICTURES; i++)
        CHECK(factor[i] == 1);
    drop_end(&d);
}

int main(int argc, char **argv)
{
    TEST(drop_path);
    return op_check(argc, argv, &test);
}
