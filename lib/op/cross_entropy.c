/* SPDX-License-Identifier: MIT */
/* cross_entropy.c -- mean cross-entropy of a softmax, with label smoothing (Szegedy et al. 2016, sec. 7).
 *
 *   logits [.., classes] f32   labels [rows] i32, -1 takes no part; or mixture [rows, classes] f32      loss [1]
 *   t = (1 - smoothing) onehot(label) + smoothing / classes, or the mixture itself (a row of zeros takes no part)
 *   loss = mean over rows of sum(t) lse - t . logits      dlogits = (sum(t) softmax - t) / rows
 */
#include "op/op.h"
#include "op/support.h"

enum { LOGITS, LABELS, MIXTURE, INPUTS };

struct job { const struct call *c; const struct env *e; double *partial; float slope; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    int n = rows(c->xs[LOGITS]);
    (void)k;
    bool labels = !c->xs[LABELS] || (c->xt[LABELS] == I32 && elements(c->xs[LABELS]) == (size_t)n);
    bool mixture = !c->xs[MIXTURE] ||
                   (c->xt[MIXTURE] == F32 && rows(c->xs[MIXTURE]) == n && cols(c->xs[MIXTURE]) == cols(c->xs[LOGITS]));
    if (c->xt[LOGITS] != F32 || !labels || !mixture || !c->xs[LABELS] == !c->xs[MIXTURE])
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = SHAPE(1), .yt = F32, .saved = ((size_t)n + 1) * sizeof(float),
                           .work = 2 * (size_t)tasks(n, ROWS) * sizeof(double),
                           .scratch = (size_t)cols(c->xs[LOGITS]) * sizeof(float) };
    return MIM_OK;
}

/* The loss of row r, and the log-sum-exp for backward; labels in [0, classes) are the caller's promise. */
static double row_loss(const struct job *j, int r)
{
    const struct call *c = j->c;
    const struct cross_entropy *o = c->attr;
    const struct row_kernels *k = j->e->k->rows;
    int n = cols(c->xs[LOGITS]);
    const float *x = row_of(c->x[LOGITS], F32, n, r);
    float lse = ((float *)c->saved)[r] = k->log_sum_exp(n, x);
    if (c->xs[MIXTURE]) {
        const float *t = row_of(c->x[MIXTURE], F32, n, r);
        return (double)k->sum(n, t) * lse - k->dot(n, t, x);
    }
    float label = x[((const int32_t *)c->x[LABELS])[r]];
    return (double)lse - (1 - o->smoothing) * label - (o->smoothing > 0 ? o->smoothing * k->sum(n, x) / (float)n : 0);
}

static bool takes_part(const struct call *c, int r)
{
    int n = cols(c->xs[LOGITS]);
    const float *t = c->xs[MIXTURE] ? row_of(c->x[MIXTURE], F32, n, r) : NULL;
    for (int i = 0; t && i < n; i++)
        if (t[i] != 0)
            return true;
    return !t && ((const int32_t *)c->x[LABELS])[r] >= 0;
}

static void forward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    int end = imin(rows(j->c->xs[LOGITS]), (task + 1) * ROWS);
    double sum = 0, count = 0;
    (void)scratch;
    for (int r = task * ROWS; r < end; r++)
        if (takes_part(j->c, r)) {
            sum += row_loss(j, r);
            count++;
        }
    j->partial[2 * task] = sum;
    j->partial[2 * task + 1] = count;
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e, e->work, 0 };
    int n = rows(c->xs[LOGITS]), parts = tasks(n, ROWS);
    double sum = 0, count = 0;
    split(e, parts, forward_task, &j);
    for (int i = 0; i < parts; i++) {
        sum += j.partial[2 * i];
        count += j.partial[2 * i + 1];
    }
    ((float *)c->saved)[n] = count > 0 ? (float)(1 / count) : 0;
    *(float *)c->y = count > 0 ? (float)(sum / count) : 0;
}

static void backward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const struct cross_entropy *o = c->attr;
    const struct row_kernels *k = j->e->k->rows;
    int n = cols(c->xs[LOGITS]), end = imin(rows(c->xs[LOGITS]), (task + 1) * ROWS);
    float *to = scratch;
    for (int r = task * ROWS; r < end; r++) {
        const float *t = c->xs[MIXTURE] ? row_of(c->x[MIXTURE], F32, n, r) : NULL;
        float scale = takes_part(c, r) ? j->slope : 0;
        k->scale(n, 0, row_of(c->x[LOGITS], F32, n, r), to);
        if (scale != 0)
            k->exp_shifted(n, ((const float *)c->saved)[r], scale * (t ? k->sum(n, t) : 1), row_of(c->x[LOGITS], F32, n, r),
                           to);
        if (scale != 0 && t)
            k->axpy(n, -scale, t, to);
        if (scale != 0 && !t) {
            for (int i = 0; o->smoothing > 0 && i < n; i++)
                to[i] -= scale * o->smoothing / (float)n;
            to[((const int32_t *)c->x[LABELS])[r]] -= scale * (1 - o->smoothing);
        }
        mim__op_store(j->e, F32, n, to, at_row(c->dx[LOGITS], F32, n, r), c->add & 1);
    }
}

static void backward(const struct call *c, const struct env *e)
{
    int n = rows(c->xs[LOGITS]);
    struct job j = { c, e, NULL, ((const float *)c->saved)[n] * *(const float *)c->dy };
    if (c->dx[LOGITS])
        split(e, tasks(n, ROWS), backward_task, &j);
}

static const struct op cross_entropy_op = { .name = "cross_entropy",
                                            .infer = infer,
                                            .forward = forward,
                                            .backward = backward,
                                            .reads = READ_X(LOGITS) | READ_X(LABELS) | READ_X(MIXTURE),
                                            .stops = READ_X(MIXTURE) };

struct tensor *mim__op_cross_entropy(struct graph *g, struct tensor *logits, struct tensor *labels, struct tensor *mixture,
                                     struct cross_entropy o)
{
    struct tensor *in[INPUTS] = { logits, labels, mixture };
    return logits ? mim__graph_op(g, &cross_entropy_op, &o, sizeof o, INPUTS, in) : NULL;
}
