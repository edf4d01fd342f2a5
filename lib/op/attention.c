/* SPDX-License-Identifier: MIT */
/* attention.c -- multi-head self-attention (Vaswani et al. 2017, eq. 1) on a fused projection.
 *
 *   qkv [batch, tokens, 3 width] = [q | k | v], each heads x dim      y [batch, tokens, width]
 *   y[b, :, h] = softmax(q k^T scale + bias[h]) v
 *
 * A task is one head of one picture; where the bias wants a gradient, backward makes it one head of all pictures, so
 * that the sum over pictures has an order. Only the log-sum-exp of each row is saved. */
#include "op/op.h"
#include "op/support.h"

#include <math.h>

enum { QKV, BIAS, INPUTS };

struct job { const struct call *c; const struct env *e; float *lse; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct attention *a = c->attr;
    const struct shape *x = c->xs[QKV], *bias = c->xs[BIAS];
    int width = cols(x) / 3, tokens = x->rank == 3 ? x->dim[1] : 0;
    if (!tokens || c->xt[QKV] == I32 || cols(x) % 3 || a->heads < 1 || width % a->heads)
        return MIM_ERR_SHAPE;
    if (bias && (c->xt[BIAS] != F32 || bias->rank != 3 || bias->dim[0] != a->heads || bias->dim[1] != tokens ||
                 bias->dim[2] != tokens))
        return MIM_ERR_SHAPE;
    size_t unwanted = bias ? (size_t)tokens * (size_t)(width / a->heads) * sizeof(float) : 0;
    *out = (struct sizes){ .y = SHAPE(x->dim[0], tokens, width), .yt = c->xt[QKV],
                           .saved = (size_t)x->dim[0] * (size_t)a->heads * (size_t)tokens * sizeof(float),
                           .scratch = k->attention[a->compute]->scratch(tokens, width / a->heads) + unwanted,
                           .operations = 4 * (int64_t)x->dim[0] * tokens * tokens * width };
    return MIM_OK;
}

static void *offset(const void *p, enum dtype t, size_t elements)
{
    return p ? (char *)(uintptr_t)p + elements * dtype_size(t) : NULL;
}

/* One head of one picture, forward operands. */
static struct attention_head head_of(const struct call *c, float *lse, int picture, int head)
{
    const struct attention *a = c->attr;
    int tokens = c->xs[QKV]->dim[1], width = cols(c->xs[QKV]) / 3, dim = width / a->heads;
    size_t at = (size_t)picture * (size_t)tokens * 3 * (size_t)width + (size_t)(head * dim);
    const float *bias = c->x[BIAS];
    enum dtype t = c->xt[QKV];
    return (struct attention_head){
        .n = tokens,
        .dim = dim,
        .type = t,
        .scale = a->scale != 0 ? a->scale : 1 / sqrtf((float)dim),
        .q = offset(c->x[QKV], t, at),
        .k = offset(c->x[QKV], t, at + (size_t)width),
        .v = offset(c->x[QKV], t, at + 2 * (size_t)width),
        .stride = 3 * width,
        .bias = bias ? bias + (size_t)head * (size_t)tokens * (size_t)tokens : NULL,
        .y = offset(c->y, t, (size_t)picture * (size_t)tokens * (size_t)width + (size_t)(head * dim)),
        .y_stride = width,
        .lse = lse + ((size_t)picture * (size_t)a->heads + (size_t)head) * (size_t)tokens,
    };
}

/* The task that the thread of this one is likely to be given next, or -1: a guess for the kernel to ask for operands by. */
static int task_after(const struct job *j, int task)
{
    const struct attention *a = j->c->attr;
    int next = task + mim__executor_threads(j->e->pool);
    return next < j->c->xs[QKV]->dim[0] * a->heads ? next : -1;
}

static void forward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct attention *a = j->c->attr;
    int after = task_after(j, task);
    struct attention_head h = head_of(j->c, j->lse, task / a->heads, task % a->heads), next;
    if (after >= 0) {
        next = head_of(j->c, j->lse, after / a->heads, after % a->heads);
        h.next = &next;
    }
    j->e->k->attention[a->compute]->forward(&h, scratch);
}

static void forward(const struct call *c, const struct env *e)
{
    const struct attention *a = c->attr;
    struct job j = { c, e, c->saved };
    split(e, c->xs[QKV]->dim[0] * a->heads, forward_task, &j);
}

static struct attention_head backward_head_of(const struct job *j, int picture, int head, void *scratch)
{
    const struct call *c = j->c;
    const struct attention *a = c->attr;
    struct attention_head h = head_of(c, j->lse, picture, head);
    size_t width = (size_t)cols(c->ys), tokens = (size_t)c->ys->dim[1];
    size_t at = (size_t)picture * tokens * 3 * width + (size_t)(head * h.dim);
    h.dy = offset(c->dy, c->yt, (size_t)picture * tokens * width + (size_t)(head * h.dim));
    h.dy_stride = (ptrdiff_t)width;
    h.dq = offset(c->dx[QKV], c->xt[QKV], at);
    h.dk = offset(c->dx[QKV], c->xt[QKV], at + width);
    h.dv = offset(c->dx[QKV], c->xt[QKV], at + 2 * width);
    h.d_stride = 3 * (ptrdiff_t)width;
    h.add = c->add >> QKV & 1;
    if (!c->dx[QKV]) {                       /* only the bias is trained: the other gradients go nowhere */
        h.dq = h.dk = h.dv = (char *)scratch + j->e->k->attention[a->compute]->scratch(h.n, h.dim);
        h.d_stride = h.dim;
    }
    h.dbias = c->dx[BIAS] ? (float *)c->dx[BIAS] + (size_t)head * tokens * tokens : NULL;
    return h;
}

static void backward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct attention *a = j->c->attr;
    int after = task_after(j, task);
    struct attention_head h = backward_head_of(j, task / a->heads, task % a->heads, scratch), next;
    if (after >= 0) {
        next = backward_head_of(j, after / a->heads, after % a->heads, scratch);
        h.next = &next;
    }
    j->e->k->attention[a->compute]->backward(&h, scratch);
}

static void backward_bias_task(void *arg, int head, void *scratch)
{
    const struct job *j = arg;
    const struct attention *a = j->c->attr;
    size_t tokens = (size_t)j->c->ys->dim[1];
    if (!(j->c->add >> BIAS & 1))
        memset((float *)j->c->dx[BIAS] + (size_t)head * tokens * tokens, 0, tokens * tokens * sizeof(float));
    for (int picture = 0; picture < j->c->ys->dim[0]; picture++) {
        struct attention_head h = backward_head_of(j, picture, head, scratch), next;
        if (picture + 1 < j->c->ys->dim[0]) {
            next = backward_head_of(j, picture + 1, head, scratch);
            h.next = &next;
        }
        j->e->k->attention[a->compute]->backward(&h, scratch);
    }
}

static void backward(const struct call *c, const struct env *e)
{
    const struct attention *a = c->attr;
    struct job j = { c, e, c->saved };
    if (c->dx[BIAS])
        split(e, a->heads, backward_bias_task, &j);
    else if (c->dx[QKV])
        split(e, c->xs[QKV]->dim[0] * a->heads, backward_task, &j);
}

static const struct op attention_op = { .name = "attention", .infer = infer, .forward = forward, .backward = backward,
                                        .reads = READ_X(QKV) | READ_X(BIAS) };

struct tensor *mim__op_attention(struct graph *g, struct tensor *qkv, struct tensor *bias, struct attention o)
{
    struct tensor *in[INPUTS] = { qkv, bias };
    return qkv ? mim__graph_op(g, &attention_op, &o, sizeof o, INPUTS, in) : NULL;
}

/* ---- the weights, to be looked at ---- */

static mim_status infer_weights(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct attention *a = c->attr;
    struct sizes of_forward;
    mim_status status = infer(c, k, &of_forward);
    if (status)
        return status;
    int batch = of_forward.y.dim[0], tokens = of_forward.y.dim[1];
    *out = (struct sizes){ .y = SHAPE(batch, a->heads, tokens, tokens), .yt = F32,
                           .work = of_forward.saved + elements(&of_forward.y) * dtype_size(of_forward.yt),
                           .scratch = of_forward.scratch };
    return MIM_OK;
}

/* A forward into work memory for the sake of its log-sum-exp, then the weights. */
static void weights_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct attention *a = j->c->attr;
    size_t tokens = (size_t)j->c->ys->dim[2];
    struct attention_head h = head_of(j->c, j->lse, task / a->heads, task % a->heads);
    float *p = (float *)j->c->y + (size_t)task * tokens * tokens;
    size_t pictures = (size_t)j->c->ys->dim[0], width = (size_t)cols(j->c->xs[QKV]) / 3;
    char *y = (char *)(j->lse + pictures * (size_t)a->heads * tokens);
    size_t at = (size_t)(task / a->heads) * tokens * width + (size_t)(task % a->heads * h.dim);
    h.y = y + at * dtype_size(h.type);
    j->e->k->attention[a->compute]->forward(&h, scratch);
    j->e->k->attention[a->compute]->weights(&h, p, scratch);
}

static void forward_weights(const struct call *c, const struct env *e)
{
    struct job j = { c, e, e->work };
    split(e, c->ys->dim[0] * c->ys->dim[1], weights_task, &j);
}

static const struct op weights_op = { .name = "attention_weights", .infer = infer_weights, .forward = forward_weights };

struct tensor *mim__op_attention_weights(struct graph *g, struct tensor *qkv, struct tensor *bias, struct attention o)
{
    struct tensor *in[INPUTS] = { qkv, bias };
    return qkv ? mim__graph_op(g, &weights_op, &o, sizeof o, INPUTS, in) : NULL;
}
