/* SPDX-License-Identifier: MIT */
/* attention.c -- attention as a training step has it: the heads of a batch that no cache holds, in rows of
 * [batch, tokens, 3 width] that a linear layer has just made, forward and backward through the operators.
 *
 *     attention [threads] [isa] [tokens]
 *               1         best   all
 *
 * isa: a set of instructions by name, "best", or "all". Counted are 4 n^2 dim operations a head forward and 8 n^2 dim
 * backward; what is computed once more, and softmax, are not. A line has the median rates in GFLOP/s and, behind the
 * limit measured in the same run, the ratios to it: forward, backward and both together; then the scratch of a thread. */
#define _POSIX_C_SOURCE 199309L
#include "limit.h"
#include "op/op.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 7 };

/* Of windows, where a picture has so many along a side: the first and third stage of a Swin Transformer, shifted. */
static const struct size { int batch, tokens, heads, dim; bool bias; int windows; } sizes[] = {
    { 128, 49, 12, 32, false, 0 }, { 128, 49, 12, 32, true, 0 }, { 8, 64, 3, 32, true, 8 }, { 8, 64, 12, 32, true, 2 },
    { 64, 65, 3, 64, false, 0 }, { 8, 197, 12, 64, false, 0 }, { 4, 577, 12, 64, false, 0 }, { 2, 1025, 12, 64, false, 0 },
    { 1, 4097, 6, 64, false, 0 }, { 8, 257, 16, 80, false, 0 },
};

static int pieces(const struct size *s) { return s->windows ? s->windows * s->windows : 1; }

static struct windows windows_of(const struct size *s)
{
    int side = 1;
    while (side * side < s->tokens)
        side++;
    int grid = s->windows * side;
    return s->windows ? (struct windows){ grid, grid, side, side, side / 2, side / 2, 0, 0, 0 } : (struct windows){ 0 };
}

struct bench {
    mim_context *ctx;
    struct graph *g;
    struct plan *p;
    struct tensor *y;
    float *weights, *gradients;
};

/* Seconds of the attention of one step. */
struct times { double forward, backward; };

static mim_status build(struct bench *b, const struct size *s, enum dtype type)
{
    int width = s->heads * s->dim;
    struct init uniform = { INIT_UNIFORM, 0.3f, 0, 0 };
    struct tensor *x = mim__graph_input(b->g, "x", SHAPE(s->batch, s->tokens * pieces(s), 32), F32);
    struct linear linear = { .no_bias = true, .compute = type, .type = type, .weight_init = uniform };
    struct tensor *qkv = mim__op_linear(b->g, "qkv", x, 3 * width, linear);
    struct shape square = SHAPE(s->heads, s->tokens, s->tokens);
    struct tensor *bias = s->bias ? mim__graph_param(b->g, "bias", square, uniform, 0) : NULL;
    b->y = mim__op_attention(b->g, qkv, bias,
                             (struct attention){ .heads = s->heads, .compute = type, .windows = windows_of(s) });
    mim__graph_output(b->g, "y", b->y);
    size_t size = mim__graph_store_size(b->g, 0);
    b->weights = calloc(size, sizeof(float));
    b->gradients = calloc(size, sizeof(float));
    for (int i = 0; i < mim__graph_params(b->g); i++) {
        const struct param *param = mim__graph_param_at(b->g, i);
        mim__init_values(mim__kernels(b->ctx), param, 1, 0, param->count, b->weights + param->offset);
    }
    static const char *const keep[] = { "y", NULL };
    struct plan_options o = { .weights = { b->weights }, .gradients = { b->gradients }, .backward = true, .keep = keep,
                              .seed = b->y };
    mim_status status = mim__graph_plan(b->g, &o, &b->p);
    for (size_t i = 0; !status && i < elements(mim__tensor_shape(x)); i++)
        ((float *)mim__plan_data(b->p, x))[i] = (float)(i * 2654435761u % 1024) / 512 - 1;
    return status;
}

static struct times once(const struct bench *b, struct env *e)
{
    struct times t = { 0 };
    const struct profile_row *rows;
    if (mim__plan_forward(b->p, e))
        exit(1);
    size_t n = elements(mim__plan_shape(b->p, b->y)) * dtype_size(mim__tensor_type(b->y));
    memcpy(mim__plan_gradient(b->p, b->y), mim__plan_data(b->p, b->y), n);
    if (mim__plan_backward(b->p, e, false))
        exit(1);
    for (int i = mim__plan_profile_rows(b->p, &rows); i-- > 0;)
        if (!strcmp(rows[i].name, "attention"))
            *(strcmp(rows[i].pass, "backward") ? &t.forward : &t.backward) = rows[i].seconds;
    return t;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double median(double *v)
{
    qsort(v, ROUNDS, sizeof *v, by_value);
    return v[ROUNDS / 2];
}

static void measure(const struct bench *b, const struct kernels *k, const struct size *s, enum dtype type)
{
    double top[ROUNDS], forward[ROUNDS], backward[ROUNDS];
    struct env e = { .k = k, .pool = mim__context_executor(b->ctx), .training = true };
    once(b, &e);
    for (int i = 0; i < ROUNDS; i++) {
        struct times t = once(b, &e);
        top[i] = limit(&e, type == BF16);
        forward[i] = t.forward;
        backward[i] = t.backward;
    }
    double l = median(top), f = median(forward), r = median(backward);
    double work = 4e-9 * s->batch * pieces(s) * s->heads * s->dim * s->tokens * s->tokens;
    printf("%-12s %-4s %4d x %2d heads of %2d%s%s  forward %6.1f backward %6.1f limit %6.1f", k->isa,
           type == BF16 ? "bf16" : "f32", s->tokens, s->heads, s->dim, s->bias ? " bias" : "     ",
           s->windows ? " windows" : "        ", work / f, 2 * work / r, l);
    printf("  ratios %.3f %.3f %.3f  scratch %5zu KiB\n", work / f / l, 2 * work / r / l, 3 * work / (f + r) / l,
           k->attention[type]->scratch(s->tokens, s->dim) >> 10);
    fflush(stdout);
}

static void bench(const struct kernels *k, const struct size *s, enum dtype type, int threads)
{
    struct bench b = { 0 };
    mim_status status = mim_context_create(NULL, &b.ctx);
    if (!status) status = mim_context_set_isa_max(b.ctx, k->isa);
    if (!status) status = mim_context_set_threads(b.ctx, threads);
    if (!status) status = mim__graph_create(b.ctx, &b.g);
    if (!status) status = build(&b, s, type);
    if (status)
        exit(1);
    mim__plan_profile(b.p, true);
    measure(&b, k, s, type);
    mim__plan_destroy(b.p);
    mim__graph_destroy(b.g);
    mim_context_destroy(b.ctx);
    free(b.weights), free(b.gradients);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? imax(atoi(argv[1]), 1) : 1, tokens = argc > 3 ? atoi(argv[3]) : 0;
    const char *isa = argc > 2 ? argv[2] : "best";
    const struct kernels *const *all = mim__kernels_available();
    for (int i = 0; all[i]; i++)
        if (!strcmp(isa, "all") || !strcmp(isa, all[i]->isa) || (!strcmp(isa, "best") && !i))
            for (int c = 0; c < COUNT(sizes) * 2; c++)
                if (!tokens || sizes[c / 2].tokens == tokens)
                    bench(all[i], &sizes[c / 2], c % 2 ? BF16 : F32, threads);
    return 0;
}
