/* SPDX-License-Identifier: MIT */
/* attention.c -- multi-head self-attention (Vaswani et al. 2017, eq. 1) on a fused projection, of a picture's tokens or
 * within windows of their grid (Liu et al. 2021, sec. 3.2).
 *
 *   qkv [batch, tokens, 3 width] = [q | k | v], each heads x dim      y [batch, tokens, width]
 *   y[b, :, h] = softmax(q k^T scale + bias[h]) v                     of each window by itself
 *
 * Windows move no data: the kernel is told which rows are a window's. Tokens that the shift has brought together from
 * opposite sides of the grid stand in regions that do not see each other.
 *
 * A task is one head of one picture, or all heads of one window. Where the bias wants a gradient, backward makes it one head
 * of a run of windows (of all pictures, without windows), so that the sum over them has an order. Saved are the log-sum-exp
 * of each row, and where the windows of a picture lie. */
#include "op/op.h"
#include "op/support.h"

#include <math.h>

enum { QKV, BIAS, INPUTS };
enum { RUNS_MOST = 16, SUMS_MOST = 1 << 22 };   /* runs of windows, and floats of all their sums of the bias's gradient */

/* rows and regions [windows, n]: of any picture; NULL without windows. */
struct job { const struct call *c; const struct env *e; float *lse; int32_t *rows; float *regions; int windows, n, runs; };

/* ---- windows ---- */

static int windows_of(const struct attention *a)
{
    const struct windows *w = &a->windows;
    return w->high ? w->rows / w->high * (w->cols / w->wide) : 1;
}

static bool windows_fit(const struct windows *w, int tokens)
{
    if (!w->high)
        return true;
    return w->high > 0 && w->wide > 0 && w->rows > 0 && w->cols > 0 && w->rows * w->cols == tokens && w->rows % w->high == 0
        && w->cols % w->wide == 0 && w->down >= 0 && w->down < w->high && w->right >= 0 && w->right < w->wide
        && w->turned_rows >= 0 && w->turned_rows <= w->rows && w->turned_cols >= 0 && w->turned_cols <= w->cols
        && (!w->turned_rows || w->down < w->turned_rows) && (!w->turned_cols || w->right < w->turned_cols);
}

/* Along one axis, after the shift: what stood before the last window, what has not moved in, what has. */
static int region(int at, int side, int window, int shift) { return at < side - window ? 0 : at < side - shift ? 1 : 2; }

static int turned(int at, int shift, int side) { return at + shift < side ? at + shift : at + shift - side; }

/* Into rows and regions, window by window. */
static void list_windows(const struct job *j)
{
    const struct windows *w = &((const struct attention *)j->c->attr)->windows;
    int across = w->high ? w->cols / w->wide : 0;
    int rows = w->turned_rows ? w->turned_rows : w->rows, cols = w->turned_cols ? w->turned_cols : w->cols;
    for (int window = 0, i = 0; w->high && window < j->windows; window++) {
        int top = window / across * w->high, left = window % across * w->wide;
        for (int y = top; y < top + w->high; y++)
            for (int x = left; x < left + w->wide; x++, i++) {
                bool turns = y < rows && x < cols;
                j->rows[i] = turns ? turned(y, w->down, rows) * w->cols + turned(x, w->right, cols) : y * w->cols + x;
                j->regions[i] = (float)(3 * region(y, w->rows, w->high, w->down) + region(x, w->cols, w->wide, w->right));
            }
    }
}

/* ---- shapes ---- */

/* Runs of windows whose sums of the bias's gradient are made apart. */
static int runs_of(const struct attention *a, int units, int n)
{
    size_t square = (size_t)n * (size_t)n * (size_t)a->heads;
    return a->windows.high ? imax(1, imin(units, imin(RUNS_MOST, (int)(SUMS_MOST / square)))) : 1;
}

/* Numbers of lse, behind which rows and regions stand. */
static size_t lse_of(const struct call *c)
{
    const struct shape *x = c->xs[QKV];
    return (size_t)x->dim[0] * (size_t)((const struct attention *)c->attr)->heads * (size_t)x->dim[1];
}

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct attention *a = c->attr;
    const struct shape *x = c->xs[QKV], *bias = c->xs[BIAS];
    int width = cols(x) / 3, tokens = x->rank == 3 ? x->dim[1] : 0;
    if (!tokens || c->xt[QKV] == I32 || cols(x) % 3 || a->heads < 1 || width % a->heads || !windows_fit(&a->windows, tokens))
        return MIM_ERR_SHAPE;
    int n = tokens / windows_of(a), dim = width / a->heads, units = x->dim[0] * windows_of(a), runs = runs_of(a, units, n);
    if (units > (INT32_MAX - 1023) / a->heads)          /* tasks */
        return MIM_ERR_SHAPE;
    if (bias && (c->xt[BIAS] != F32 || bias->rank != 3 || bias->dim[0] != a->heads || bias->dim[1] != n ||
                 bias->dim[2] != n))
        return MIM_ERR_SHAPE;
    size_t unwanted = bias ? (size_t)dim * sizeof(float) : 0, places = a->windows.high ? 2 * (size_t)tokens : 0;
    *out = (struct sizes){ .y = SHAPE(x->dim[0], tokens, width), .yt = c->xt[QKV],
                           .saved = (lse_of(c) + places) * sizeof(float),
                           .work = bias && runs > 1 ? (size_t)runs * elements(bias) * sizeof(float) : 0,
                           .scratch = k->attention[a->compute]->scratch(n, dim) + unwanted,
                           .operations = 4 * (int64_t)x->dim[0] * tokens * n * width };
    return MIM_OK;
}

static struct job job_of(const struct call *c, const struct env *e, float *lse)
{
    const struct attention *a = c->attr;
    int windows = windows_of(a), tokens = c->xs[QKV]->dim[1], n = tokens / windows;
    float *places = a->windows.high ? lse + lse_of(c) : NULL;
    return (struct job){ c, e, lse, (int32_t *)(void *)places, places ? places + tokens : NULL, windows, n,
                         runs_of(a, c->xs[QKV]->dim[0] * windows, n) };
}

static int units_of(const struct job *j) { return j->c->xs[QKV]->dim[0] * j->windows; }

static void *offset(const void *p, enum dtype t, size_t elements)
{
    return p ? (char *)(uintptr_t)p + elements * dtype_size(t) : NULL;
}

/* One head of one window, forward operands; a picture without windows is one. */
static struct attention_head head_of(const struct job *j, int unit, int head)
{
    const struct call *c = j->c;
    const struct attention *a = c->attr;
    int width = cols(c->xs[QKV]) / 3, dim = width / a->heads, window = unit % j->windows;
    size_t first = (size_t)(unit / j->windows) * (size_t)c->xs[QKV]->dim[1], w = (size_t)width, n = (size_t)j->n;
    size_t at = first * 3 * w + (size_t)(head * dim);
    const float *bias = c->x[BIAS], *regions = j->rows ? j->regions + window * j->n : NULL;
    enum dtype t = c->xt[QKV];
    return (struct attention_head){
        .n = j->n,
        .dim = dim,
        .type = t,
        .scale = a->scale != 0 ? a->scale : 1 / sqrtf((float)dim),
        .q = offset(c->x[QKV], t, at),
        .k = offset(c->x[QKV], t, at + w),
        .v = offset(c->x[QKV], t, at + 2 * w),
        .stride = 3 * width,
        .rows = j->rows ? j->rows + window * j->n : NULL,
        .regions = regions && regions[0] != regions[n - 1] ? regions : NULL,
        .apart = a->windows.apart,
        .bias = bias ? bias + (size_t)head * n * n : NULL,
        .y = offset(c->y, t, first * w + (size_t)(head * dim)),
        .y_stride = width,
        .lse = j->lse + ((size_t)unit * (size_t)a->heads + (size_t)head) * n,
    };
}

/* ---- forward and, without a gradient of the bias, backward ---- */

static struct attention_head backward_head_of(const struct job *j, int unit, int head, void *scratch)
{
    const struct call *c = j->c;
    const struct attention *a = c->attr;
    struct attention_head h = head_of(j, unit, head);
    size_t width = (size_t)cols(c->ys), first = (size_t)(unit / j->windows) * (size_t)c->ys->dim[1];
    size_t at = first * 3 * width + (size_t)(head * h.dim);
    h.dy = offset(c->dy, c->yt, first * width + (size_t)(head * h.dim));
    h.dy_stride = (ptrdiff_t)width;
    h.dq = offset(c->dx[QKV], c->xt[QKV], at);
    h.dk = offset(c->dx[QKV], c->xt[QKV], at + width);
    h.dv = offset(c->dx[QKV], c->xt[QKV], at + 2 * width);
    h.d_stride = 3 * (ptrdiff_t)width;
    h.add = c->add >> QKV & 1;
    if (!c->dx[QKV]) {                       /* only the bias is trained: the other gradients go nowhere */
        h.dq = h.dk = h.dv = (char *)scratch + j->e->k->attention[a->compute]->scratch(h.n, h.dim);
        h.d_stride = 0;
        h.add = false;
    }
    return h;
}

struct spot { int unit, head; };

/* What a task does, in kernel and operands. */
struct pass {
    struct attention_head (*head_of)(const struct job *j, int unit, int head, void *scratch);
    void (*run)(const struct attention_head *h, void *scratch);
};

/* A head, and one that the thread is likely to see next, if there is such a unit: the kernel asks for its operands. */
static void run_head(const struct job *j, const struct pass *p, struct spot at, struct spot after, float *dbias,
                     void *scratch)
{
    struct attention_head h = p->head_of(j, at.unit, at.head, scratch), next;
    if (after.unit < units_of(j)) {
        next = p->head_of(j, after.unit, after.head, scratch);
        h.next = &next;
    }
    h.dbias = dbias;
    p->run(&h, scratch);
}

/* A picture's heads are tasks of their own. */
static void picture_task(const struct job *j, const struct pass *p, int task, void *scratch)
{
    int heads = ((const struct attention *)j->c->attr)->heads, after = task + mim__executor_threads(j->e->pool);
    struct spot at = { task / heads, task % heads }, next = { after / heads, after % heads };
    run_head(j, p, at, next, NULL, scratch);
}

static void window_task(const struct job *j, const struct pass *p, int unit, void *scratch)
{
    int heads = ((const struct attention *)j->c->attr)->heads, after = unit + mim__executor_threads(j->e->pool);
    for (int head = 0; head < heads && !stopped(j->e); head++) {
        struct spot next = head + 1 < heads ? (struct spot){ unit, head + 1 } : (struct spot){ after, 0 };
        run_head(j, p, (struct spot){ unit, head }, next, NULL, scratch);
    }
}

static void run_task(const struct job *j, const struct pass *p, int task, void *scratch)
{
    const struct attention *a = j->c->attr;
    (a->windows.high ? window_task : picture_task)(j, p, task, scratch);
}

static int tasks_of(const struct job *j)
{
    const struct attention *a = j->c->attr;
    return units_of(j) * (a->windows.high ? 1 : a->heads);
}

static struct attention_head forward_head_of(const struct job *j, int unit, int head, void *scratch)
{
    (void)scratch;
    return head_of(j, unit, head);
}

static void forward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct attention *a = j->c->attr;
    run_task(j, &(struct pass){ forward_head_of, j->e->k->attention[a->compute]->forward }, task, scratch);
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = job_of(c, e, c->saved);
    list_windows(&j);
    split(e, tasks_of(&j), forward_task, &j);
}

static void backward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct attention *a = j->c->attr;
    run_task(j, &(struct pass){ backward_head_of, j->e->k->attention[a->compute]->backward }, task, scratch);
}

/* ---- backward with a gradient of the bias ---- */

/* Where a run of windows adds up the gradient of a head's bias: the gradient itself, where there is one run. */
static float *sum_of(const struct job *j, int run, int head)
{
    const struct attention *a = j->c->attr;
    float *sums = j->runs > 1 ? j->e->work : j->c->dx[BIAS];
    return sums + ((size_t)run * (size_t)a->heads + (size_t)head) * (size_t)j->n * (size_t)j->n;
}

static void backward_bias_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct attention *a = j->c->attr;
    const struct pass p = { backward_head_of, j->e->k->attention[a->compute]->backward };
    int run = task / a->heads, head = task % a->heads, units = units_of(j);
    int unit = (int)((int64_t)units * run / j->runs), end = (int)((int64_t)units * (run + 1) / j->runs);
    float *sum = sum_of(j, run, head);
    if (j->runs > 1 || !(j->c->add >> BIAS & 1))
        memset(sum, 0, (size_t)j->n * (size_t)j->n * sizeof *sum);
    for (; unit < end && !stopped(j->e); unit++) {
        struct spot next = { unit + 1 < end ? unit + 1 : units, head };
        run_head(j, &p, (struct spot){ unit, head }, next, sum, scratch);
    }
}

static void sum_task(void *arg, int head, void *scratch)
{
    const struct job *j = arg;
    int square = j->n * j->n;
    float *to = (float *)j->c->dx[BIAS] + (size_t)head * (size_t)square;
    (void)scratch;
    if (!(j->c->add >> BIAS & 1))
        memset(to, 0, (size_t)square * sizeof *to);
    for (int run = 0; run < j->runs; run++)
        j->e->k->rows->axpy(square, 1, sum_of(j, run, head), to);
}

static void backward(const struct call *c, const struct env *e)
{
    const struct attention *a = c->attr;
    struct job j = job_of(c, e, c->saved);
    if (c->dx[BIAS])
        split(e, j.runs * a->heads, backward_bias_task, &j);
    else if (c->dx[QKV])
        split(e, tasks_of(&j), backward_task, &j);
    if (c->dx[BIAS] && j.runs > 1)
        split(e, a->heads, sum_task, &j);
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
    int windows = windows_of(a), n = of_forward.y.dim[1] / windows;
    *out = (struct sizes){ .y = SHAPE(of_forward.y.dim[0] * windows, a->heads, n, n), .yt = F32,
                           .work = of_forward.saved + elements(&of_forward.y) * dtype_size(of_forward.yt),
                           .scratch = of_forward.scratch };
    return MIM_OK;
}

/* A forward into work memory for the sake of its log-sum-exp, then the weights. */
static void weights_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct attention *a = j->c->attr;
    int unit = task / a->heads, head = task % a->heads;
    size_t n = (size_t)j->n, tokens = n * (size_t)j->windows, width = (size_t)cols(j->c->xs[QKV]) / 3;
    struct attention_head h = head_of(j, unit, head);
    char *y = (char *)(j->lse + lse_of(j->c) + (j->rows ? 2 * tokens : 0));
    size_t at = (size_t)(unit / j->windows) * tokens * width + (size_t)(head * h.dim);
    h.y = y + at * dtype_size(h.type);
    j->e->k->attention[a->compute]->forward(&h, scratch);
    j->e->k->attention[a->compute]->weights(&h, (float *)j->c->y + (size_t)task * n * n, scratch);
}

static void forward_weights(const struct call *c, const struct env *e)
{
    const struct attention *a = c->attr;
    struct job j = job_of(c, e, e->work);
    list_windows(&j);
    split(e, units_of(&j) * a->heads, weights_task, &j);
}

static const struct op weights_op = { .name = "attention_weights", .infer = infer_weights, .forward = forward_weights };

static bool too_large(const struct shape *x, const struct attention *o)
{
    int windows = windows_of(o), n = x->rank == 3 ? x->dim[1] / windows : 0;
    return n > 0 && o->heads > 0 && !mim__graph_fits(&SHAPE(x->dim[0] * windows, o->heads, n, n), F32);
}

struct tensor *mim__op_attention_weights(struct graph *g, struct tensor *qkv, struct tensor *bias, struct attention o)
{
    struct tensor *in[INPUTS] = { qkv, bias };
    return qkv && !too_large(mim__tensor_shape(qkv), &o) ? mim__graph_op(g, &weights_op, &o, sizeof o, INPUTS, in) : NULL;
}
