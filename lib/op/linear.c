/* SPDX-License-Identifier: MIT */
/* linear.c -- a linear layer with everything around it that can be done while its product is made.
 *
 *   y = residual + factor * scale * (f(x) w^T + bias)       f: layer norm, an activation, or nothing
 *
 * factor is drop path's (Huang et al. 2016): per picture 0 with probability p, else 1 / (1 - p); scale is layer scale
 * (Touvron et al. 2021, CaiT, eq. 7). With g = factor * scale * dy:
 *
 *   d f(x) = g w      dw = g^T f(x)      dbias = sum of g      dresidual = dy
 *   dscale[c] = w[c] . dw'[c] + bias[c] dbias'[c]     with dw', dbias' as dw, dbias but for the scale
 *
 * The last line spares the branch's value: sum over rows of factor dy[c] (f(x) . w[c] + bias[c]), reordered. */
#include "op/matmul.h"
#include "op/op.h"
#include "op/support.h"

#include <stdio.h>

enum { X, W, BIAS, GAMMA, BETA, SCALE, RESIDUAL, INPUTS };

struct attr { float eps, drop_path; enum activation activation; enum dtype compute, type; int tokens; };

/* Where the parts of the work memory start, in floats from its beginning; `product` is mim__matmul's. */
struct layout { size_t factor, inner, active, partial, weight, bias, product, end; };

static struct layout lay_out(const struct call *c, const struct kernels *k)
{
    const struct attr *a = c->attr;
    int n = rows(c->xs[X]), in = cols(c->xs[X]), out = c->xs[W]->dim[0];
    size_t scaled = c->xs[SCALE] ? 1 : 0;
    struct layout l = { 0 };
    l.inner = round_up((size_t)tasks(n, imax(a->tokens, 1)), 16);
    l.active = l.inner + (c->xs[GAMMA] ? round_up((size_t)n * (size_t)in, 16) : 0);
    l.partial = l.active + (a->activation ? round_up((size_t)n * (size_t)in * dtype_size(c->xt[X]), 64) / sizeof(float) : 0);
    l.weight = l.partial + round_up(zmax(2 * mim__op_sums_size(n, in), mim__op_sums_size(n, out)), 16);
    l.bias = l.weight + scaled * round_up((size_t)out * (size_t)in, 16);
    l.product = l.bias + scaled * round_up((size_t)out, 16);
    size_t forward = mim__matmul_work(k, a->compute, n, out, in), inner = mim__matmul_work(k, a->compute, n, in, out),
           weight = mim__matmul_work(k, a->compute, out, in, n);
    l.end = l.product + zmax(forward, zmax(inner, weight)) / sizeof(float) + 1;
    return l;
}

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct attr *a = c->attr;
    const struct shape *x = c->xs[X], *w = c->xs[W];
    int n = rows(x), in = cols(x), width = w->dim[0];
    if (x->rank < 1 || c->xt[X] == I32 || c->xt[W] != F32 || c->xt[BIAS] != F32)
        return MIM_ERR_SHAPE;
    bool fits = w->rank >= 2 && elements(w) == (size_t)width * (size_t)in &&
                (!c->xs[BIAS] || elements(c->xs[BIAS]) == (size_t)width) &&
                (!c->xs[GAMMA] || (c->xt[X] == F32 && elements(c->xs[GAMMA]) == (size_t)in && !a->activation)) &&
                (!c->xs[SCALE] || elements(c->xs[SCALE]) == (size_t)width) &&
                (!c->xs[RESIDUAL] || (c->xt[RESIDUAL] == F32 && elements(c->xs[RESIDUAL]) == (size_t)n * (size_t)width)) &&
                (!a->drop_path || (a->tokens > 0 && n % a->tokens == 0));
    if (!fits)
        return MIM_ERR_SHAPE;
    out->y = *x;
    out->y.dim[x->rank - 1] = width;
    out->yt = c->xs[RESIDUAL] ? F32 : a->type;
    out->saved = c->xs[GAMMA] ? 2 * (size_t)n * sizeof(float) : 0;
    out->work = lay_out(c, k).end * sizeof(float);
    out->scratch = zmax(mim__matmul_scratch(k, a->compute), (size_t)imax(in, width) * sizeof(float));
    out->operations = 2 * (int64_t)n * in * width;
    return MIM_OK;
}

static const float *draw_factors(const struct call *c, const struct env *e, float *to)
{
    const struct attr *a = c->attr;
    return a->drop_path ? mim__op_drop_factors(e, c->id, rows(c->xs[X]) / a->tokens, a->drop_path, to) : NULL;
}

/* f(x) as the product sees it. */
static struct matrix input_matrix(const struct call *c, const float *saved)
{
    const struct attr *a = c->attr;
    int n = rows(c->xs[X]);
    struct matrix m = { .data = c->x[X], .type = c->xt[X], .stride = cols(c->xs[X]), .activation = a->activation };
    if (c->xs[GAMMA]) {
        m.mean = saved;
        m.rstd = saved + n;
        m.gamma = c->x[GAMMA];
        m.beta = c->x[BETA];
    }
    return m;
}

static void forward(const struct call *c, const struct env *e)
{
    const struct attr *a = c->attr;
    struct layout l = lay_out(c, e->k);
    float *work = e->work, *saved = c->saved;
    int n = rows(c->xs[X]), in = cols(c->xs[X]), out = c->xs[W]->dim[0];
    if (c->xs[GAMMA])
        mim__op_norm_stats(e, n, in, c->x[X], a->eps, saved, saved + n);
    struct matrix x = input_matrix(c, saved), w = { .data = c->x[W], .stride = in, .transposed = true };
    struct epilogue ep = { .bias = c->x[BIAS], .col_factor = c->x[SCALE], .row_factor = draw_factors(c, e, work + l.factor),
                           .row_group = a->tokens, .residual = c->x[RESIDUAL], .residual_stride = out };
    mim__matmul(e, a->compute, n, out, in, &x, &w, c->y, c->yt, out, &ep, work + l.product);
}

/* d f(x) = g w, through f to dx; the norm's own gradients on the way. */
static void backward_input(const struct call *c, const struct env *e, const struct layout *l, const float *factor)
{
    const struct attr *a = c->attr;
    int n = rows(c->xs[X]), in = cols(c->xs[X]), out = c->xs[W]->dim[0];
    float *work = e->work, *saved = c->saved;
    struct matrix g = { .data = c->dy, .type = c->yt, .stride = out, .row_factor = factor, .row_group = a->tokens,
                        .col_factor = c->x[SCALE] };
    struct matrix w = { .data = c->x[W], .stride = in };
    if (!c->xs[GAMMA]) {
        struct epilogue ep = { .add = c->add >> X & 1 };
        if (a->activation) {
            ep.gate = c->x[X];
            ep.gate_type = c->xt[X];
            ep.gate_stride = in;
            ep.gate_activation = a->activation;
            ep.activated = work + l->active;
        }
        mim__matmul(e, a->compute, n, in, out, &g, &w, c->dx[X], c->xt[X], in, &ep, work + l->product);
        return;
    }
    mim__matmul(e, a->compute, n, in, out, &g, &w, work + l->inner, F32, in, NULL, work + l->product);
    struct norm_rows norm = { .rows = n, .dim = in, .x = c->x[X], .mean = saved, .rstd = saved + n, .gamma = c->x[GAMMA],
                              .dy = work + l->inner, .dx = c->dx[X], .dgamma = c->dx[GAMMA], .dbeta = c->dx[BETA],
                              .partial = work + l->partial, .add_dx = c->add >> X & 1, .add_dgamma = c->add >> GAMMA & 1,
                              .add_dbeta = c->add >> BETA & 1 };
    mim__op_norm_backward(e, &norm);
}

/* dw = g^T f(x), without the scale, into `to`. Where dx was wanted, its product has left the activation of x in the work
 * memory: it needs what the activation and its derivative have in common. */
static void weight_product(const struct call *c, const struct env *e, const struct layout *l, const float *factor,
                           float *to, bool add)
{
    const struct attr *a = c->attr;
    int n = rows(c->xs[X]), in = cols(c->xs[X]), out = c->xs[W]->dim[0];
    struct matrix g = { .data = c->dy, .type = c->yt, .stride = out, .transposed = true, .row_factor = factor,
                        .row_group = a->tokens };
    struct matrix x = input_matrix(c, c->saved);
    struct epilogue ep = { .add = add };
    if (a->activation && c->dx[X]) {
        x.data = (float *)e->work + l->active;
        x.activation = ACT_NONE;
    }
    mim__matmul(e, a->compute, out, in, n, &g, &x, to, F32, in, &ep, (float *)e->work + l->product);
}

static void bias_sums(const struct call *c, const struct env *e, const struct layout *l, const float *factor, float *to,
                      bool add)
{
    const struct attr *a = c->attr;
    mim__op_sums(e, c->yt, rows(c->xs[X]), c->xs[W]->dim[0], c->dy, factor, imax(a->tokens, 1),
                 (float *)e->work + l->partial, to, add);
}

struct scale_job { const struct call *c; const struct env *e; const float *weight, *bias; };

/* One output channel: dscale from dw' and dbias', then these times the scale to where they belong. */
static void scale_task(void *arg, int channel, void *scratch)
{
    const struct scale_job *j = arg;
    const struct call *c = j->c;
    const struct row_kernels *k = j->e->k->rows;
    int in = cols(c->xs[X]);
    size_t at = (size_t)channel * (size_t)in;
    const float *bias = c->x[BIAS], *scale = c->x[SCALE];
    float *dw = c->dx[W], *dbias = c->dx[BIAS], *dscale = c->dx[SCALE];
    (void)scratch;
    if (dscale) {
        float sum = k->dot(in, (const float *)c->x[W] + at, j->weight + at) + (bias ? bias[channel] * j->bias[channel] : 0);
        dscale[channel] = sum + (c->add >> SCALE & 1 ? dscale[channel] : 0);
    }
    if (dw && c->add >> W & 1)
        k->axpy(in, scale[channel], j->weight + at, dw + at);
    else if (dw)
        k->scale(in, scale[channel], j->weight + at, dw + at);
    if (dbias)
        dbias[channel] = scale[channel] * j->bias[channel] + (c->add >> BIAS & 1 ? dbias[channel] : 0);
}

static void backward_scaled(const struct call *c, const struct env *e, const struct layout *l, const float *factor)
{
    float *work = e->work;
    struct scale_job j = { c, e, work + l->weight, work + l->bias };
    weight_product(c, e, l, factor, work + l->weight, false);
    bias_sums(c, e, l, factor, work + l->bias, false);
    split(e, c->xs[W]->dim[0], scale_task, &j);
}

struct pass_job { const struct call *c; const struct env *e; };

static void pass_task(void *arg, int task, void *scratch)
{
    const struct pass_job *j = arg;
    const struct call *c = j->c;
    int n = rows(c->ys), dim = cols(c->ys), from = task * ROWS, count = imin(n, from + ROWS) - from;
    mim__op_pass(j->e, F32, count * dim, row_of(c->dy, F32, dim, from), at_row(c->dx[RESIDUAL], F32, dim, from),
                 c->add >> RESIDUAL & 1, scratch);
}

static void backward(const struct call *c, const struct env *e)
{
    struct layout l = lay_out(c, e->k);
    const float *factor = draw_factors(c, e, (float *)e->work + l.factor);
    if (c->dx[X] || c->dx[GAMMA] || c->dx[BETA])
        backward_input(c, e, &l, factor);
    if (c->xs[SCALE] && (c->dx[W] || c->dx[BIAS] || c->dx[SCALE])) {
        backward_scaled(c, e, &l, factor);
    } else {
        if (c->dx[W])
            weight_product(c, e, &l, factor, c->dx[W], c->add >> W & 1);
        if (c->dx[BIAS])
            bias_sums(c, e, &l, factor, c->dx[BIAS], c->add >> BIAS & 1);
    }
    if (c->dx[RESIDUAL]) {
        struct pass_job j = { c, e };
        split(e, tasks(rows(c->ys), ROWS), pass_task, &j);
    }
}

static const struct op linear_op = {
    .name = "linear", .infer = infer, .forward = forward, .backward = backward,
    .reads = READ_X(X) | READ_X(W) | READ_X(BIAS) | READ_X(GAMMA) | READ_X(BETA) | READ_X(SCALE), .passes = RESIDUAL + 1,
};

static struct tensor *named(struct graph *g, const char *name, const char *part, struct shape s, struct init how,
                            unsigned flags)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", name, part);
    return mim__graph_param(g, full, s, how, flags);
}

struct tensor *mim__op_linear(struct graph *g, const char *name, struct tensor *x, int width, struct linear o)
{
    struct init one = { INIT_CONSTANT, 1, 0, 0 }, zero = { INIT_ZERO, 0, 0, 0 }, usual = { INIT_TRUNCATED, 0.02f, 0.02f, 0 };
    struct attr a = { o.eps, o.drop_path, o.activation, o.compute, o.type, o.tokens };
    struct tensor *in[INPUTS] = { x };
    if (!x)
        return NULL;
    int depth = cols(mim__tensor_shape(x));
    if (o.norm) {
        in[GAMMA] = named(g, o.norm, ".weight", SHAPE(depth), one, PARAM_NO_DECAY);
        in[BETA] = named(g, o.norm, ".bias", SHAPE(depth), zero, PARAM_NO_DECAY);
    }
    bool unset = o.weight_init.kind == INIT_ZERO && o.weight_init.a == 0;
    struct shape weight = o.weight_shape.rank ? o.weight_shape : SHAPE(width, depth);
    in[W] = o.weight ? o.weight : named(g, name, ".weight", weight, unset ? usual : o.weight_init,
                  o.no_decay ? PARAM_NO_DECAY : 0);
    in[BIAS] = o.bias ? o.bias : o.no_bias ? NULL : named(g, name, ".bias", SHAPE(width), o.bias_init, PARAM_NO_DECAY);
    in[SCALE] = o.scale ? mim__graph_param(g, o.scale, SHAPE(width), (struct init){ INIT_CONSTANT, o.scale_init, 0, 0 },
                                           PARAM_NO_DECAY) : NULL;
    in[RESIDUAL] = o.residual;
    return mim__graph_op(g, &linear_op, &a, sizeof a, INPUTS, in);
}
