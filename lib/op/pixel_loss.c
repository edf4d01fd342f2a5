/* SPDX-License-Identifier: MIT */
/* pixel_loss.c -- regression of pixels (SimMIM, Xie et al. 2022, sec. 3.4).
 *
 *   prediction, target [batch, patches, depth] f32   mask [batch, patches] i32 or none      loss [1]
 *   loss = sum over patches of w sum |prediction - target| / (pixels + eps) / channels
 *
 * with w 1 where the mask hides and `visible` elsewhere (1 everywhere without a mask), and pixels the weighted count of
 * pixels, depth / channels a patch. L2 squares the difference d; smooth L1 takes d^2 / 2 beta where |d| < beta, else
 * |d| - beta / 2 (Girshick 2015). Sums are double, in task order. */
#include "op/op.h"
#include "op/support.h"

#include <math.h>

enum { PREDICTION, TARGET, MASK, INPUTS };
enum { CHUNK = 16 };                        /* differences at once */

struct job { const struct call *c; const struct env *e; double *partial; float slope; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct pixel_loss *o = c->attr;
    const struct shape *p = c->xs[PREDICTION];
    int n = rows(p);
    (void)k;
    if (c->xt[PREDICTION] != F32 || c->xt[TARGET] != F32 || elements(c->xs[TARGET]) != elements(p) ||
        cols(c->xs[TARGET]) != cols(p) || (c->xs[MASK] && (c->xt[MASK] != I32 || elements(c->xs[MASK]) != (size_t)n)) ||
        o->channels < 1 || cols(p) % o->channels)
        return MIM_ERR_SHAPE;
    *out = (struct sizes){
        .y = SHAPE(1), .yt = F32, .saved = sizeof(double), .work = 2 * (size_t)tasks(n, ROWS) * sizeof(double)
    };
    return MIM_OK;
}

static float weight_of(const struct call *c, int r)
{
    const struct pixel_loss *o = c->attr;
    const int32_t *mask = c->x[MASK];
    return !mask || mask[r] ? 1 : o->visible;
}

static double distance(const struct pixel_loss *o, int n, const float *a, const float *b)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double d = fabs((double)a[i] - b[i]);
        sum += o->kind == LOSS_L1   ? d
               : o->kind == LOSS_L2 ? d * d
               : d < o->beta        ? d * d / (2 * (double)o->beta)
                                    : d - o->beta / 2;
    }
    return sum;
}

static void forward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int dim = cols(c->xs[PREDICTION]), end = imin(rows(c->xs[PREDICTION]), (task + 1) * ROWS);
    double sum = 0, count = 0;
    (void)scratch;
    for (int r = task * ROWS; r < end; r++) {
        double w = weight_of(c, r);
        count += w;
        if (w != 0)
            sum += w * distance(c->attr, dim, row_of(c->x[PREDICTION], F32, dim, r), row_of(c->x[TARGET], F32, dim, r));
    }
    j->partial[2 * task] = sum;
    j->partial[2 * task + 1] = count;
}

static void forward(const struct call *c, const struct env *e)
{
    const struct pixel_loss *o = c->attr;
    struct job j = { c, e, e->work, 0 };
    int n = tasks(rows(c->xs[PREDICTION]), ROWS);
    double sum = 0, count = 0, *scale = c->saved;
    split(e, n, forward_task, &j);
    for (int i = 0; i < n; i++) {
        sum += j.partial[2 * i];
        count += j.partial[2 * i + 1];
    }
    count *= cols(c->xs[PREDICTION]) / o->channels;
    *scale = count > 0 ? 1 / (count + (double)o->eps) / o->channels : 0;
    *(float *)c->y = (float)(sum * *scale);
}

static float slope(const struct pixel_loss *o, float d)
{
    if (o->kind == LOSS_L2)
        return 2 * d;
    if (o->kind == LOSS_SMOOTH_L1 && fabsf(d) < o->beta)
        return d / o->beta;
    return d == d ? (float)((d > 0) - (d < 0)) : d;     /* a sign as good as random: without a branch; NaN stays */
}

/* As slope says, on CHUNK differences: 1 with their sign, but zeros and NaN stay. In whole numbers and without a branch, as
 * either sign is as likely. */
static void slopes_l1(float w, const float *a, const float *b, bool add, float *dx)
{
    const int32_t one = 0x3f800000, infinite = 0x7f800000, magnitude = 0x7fffffff;
    float d[CHUNK];
    int32_t u[CHUNK];
    for (int i = 0; i < CHUNK; i++)
        d[i] = a[i] - b[i];
    memcpy(u, d, sizeof u);
    for (int i = 0; i < CHUNK; i++) {
        int32_t size = u[i] & magnitude, stays = -((size == 0) | (size > infinite));
        u[i] = (u[i] & (stays | ~magnitude)) | (one & ~stays);
    }
    memcpy(d, u, sizeof d);
    for (int i = 0; i < CHUNK; i++)
        d[i] *= w;
    for (int i = 0; add && i < CHUNK; i++)
        d[i] += dx[i];
    memcpy(dx, d, sizeof d);
}

static void slopes(const struct pixel_loss *o, int n, float w, const float *a, const float *b, bool add,
                   float *dx)
{
    int i = 0;
    for (; o->kind == LOSS_L1 && i + CHUNK <= n; i += CHUNK)
        slopes_l1(w, a + i, b + i, add, dx + i);
    for (; i < n; i++)
        dx[i] = w * slope(o, a[i] - b[i]) + (add ? dx[i] : 0);
}

static void backward_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int dim = cols(c->xs[PREDICTION]), end = imin(rows(c->xs[PREDICTION]), (task + 1) * ROWS);
    (void)scratch;
    for (int r = task * ROWS; r < end; r++) {
        const float *a = row_of(c->x[PREDICTION], F32, dim, r), *b = row_of(c->x[TARGET], F32, dim, r);
        float *dx = at_row(c->dx[PREDICTION], F32, dim, r), w = weight_of(c, r) * j->slope;
        if (w == 0 && !(c->add & 1))
            memset(dx, 0, (size_t)dim * sizeof *dx);
        if (w != 0)
            slopes(c->attr, dim, w, a, b, c->add & 1, dx);
    }
}

static void backward(const struct call *c, const struct env *e)
{
    struct job j = { c, e, NULL, (float)(*(const double *)c->saved * *(const float *)c->dy) };
    if (c->dx[PREDICTION])
        split(e, tasks(rows(c->xs[PREDICTION]), ROWS), backward_task, &j);
}

static const struct op pixel_loss_op = { .name = "pixel_loss",
                                         .infer = infer,
                                         .forward = forward,
                                         .backward = backward,
                                         .reads = READ_X(PREDICTION) | READ_X(TARGET) | READ_X(MASK),
                                         .stops = READ_X(TARGET) };

struct tensor *mim__op_pixel_loss(struct graph *g, struct tensor *prediction, struct tensor *target, struct tensor *mask,
                                  struct pixel_loss o)
{
    struct tensor *in[INPUTS] = { prediction, target, mask };
    return prediction && target ? mim__graph_op(g, &pixel_loss_op, &o, sizeof o, INPUTS, in) : NULL;
}
