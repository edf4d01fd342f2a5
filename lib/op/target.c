/* SPDX-License-Identifier: MIT */
/* target.c -- what pixels are to be predicted, patch by patch.
 *
 *   x [batch, channels, height, width]      y [batch, patches, channels * side^2], side = patch / reduce
 *
 * reduce: the picture is first brought to a coarser grid by the mean of reduce x reduce pixels (SimMIM, sec. 4.1.4).
 * TARGET_PATCH_NORM: each patch minus its mean over its deviation, all channels together, unbiased, eps 1e-6 (MAE, He et
 * al. 2021, sec. 4.1). TARGET_WINDOW_NORM: each pixel minus the mean over the deviation of the window around it, a channel
 * at a time, cut at the border, unbiased, eps 1e-6 (Swin V2's SimMIM). No gradient flows through a target. */
#include "op/op.h"
#include "op/support.h"

#include <math.h>

struct job { const struct call *c; const struct env *e; };
struct size { int channels, height, width, side; };      /* of the reduced picture */

static struct size size_of(const struct call *c)
{
    const struct target *o = c->attr;
    const int *d = c->xs[0]->dim;
    return (struct size){ d[1], d[2] / o->reduce, d[3] / o->reduce, o->patch / o->reduce };
}

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct target *o = c->attr;
    const struct shape *x = c->xs[0];
    (void)k;
    if (x->rank != 4 || c->xt[0] != F32 || o->patch < 1 || o->reduce < 1 || x->dim[2] % o->patch || x->dim[3] % o->patch ||
        o->patch % o->reduce)
        return MIM_ERR_SHAPE;
    struct size s = size_of(c);
    size_t plane = round_up((size_t)s.height * (size_t)s.width, 16), sums = (size_t)(s.height + 1) * (size_t)(s.width + 1);
    *out = (struct sizes){
        .y = SHAPE(x->dim[0], s.height / s.side * (s.width / s.side), s.channels * s.side * s.side), .yt = F32,
        .scratch = plane * sizeof(float) + (o->kind == TARGET_WINDOW_NORM ? 2 * sums * sizeof(double) : 0),
    };
    return MIM_OK;
}

static void reduce_plane(const float *x, int width, int factor, struct size s, float *to)
{
    for (int y = 0; y < s.height; y++)
        for (int k = 0; k < s.width; k++) {
            float sum = 0;
            for (int i = 0; i < factor * factor; i++)
                sum += x[(size_t)(y * factor + i / factor) * (size_t)width + (size_t)(k * factor + i % factor)];
            *to++ = sum / (float)(factor * factor);
        }
}

/* Summed-area tables of x and x^2 with a border of zeros. */
static void sum_areas(const float *x, struct size s, double *one, double *two)
{
    int stride = s.width + 1;
    memset(one, 0, (size_t)stride * sizeof *one);
    memset(two, 0, (size_t)stride * sizeof *two);
    for (int y = 1; y <= s.height; y++) {
        double a = 0, b = 0;
        one[y * stride] = two[y * stride] = 0;
        for (int k = 1; k <= s.width; k++) {
            double v = *x++;
            a += v;
            b += v * v;
            one[y * stride + k] = one[(y - 1) * stride + k] + a;
            two[y * stride + k] = two[(y - 1) * stride + k] + b;
        }
    }
}

static double area(const double *table, int stride, int y0, int y1, int x0, int x1)
{
    return table[y1 * stride + x1] - table[y0 * stride + x1] - table[y1 * stride + x0] + table[y0 * stride + x0];
}

void mim__window_sums(const float *x, int height, int width, double *sums)
{
    struct size s = { .height = height, .width = width };
    sum_areas(x, s, sums, sums + (size_t)(height + 1) * (size_t)(width + 1));
}

struct mim__window mim__window_at(const double *sums, int height, int width, int window, int y, int x)
{
    int stride = width + 1, half = window / 2;
    int y0 = imax(y - half, 0), y1 = imin(y + half + 1, height), x0 = imax(x - half, 0), x1 = imin(x + half + 1, width);
    double n = (double)(y1 - y0) * (x1 - x0), mean = area(sums, stride, y0, y1, x0, x1) / n;
    double square = area(sums + (size_t)(height + 1) * (size_t)stride, stride, y0, y1, x0, x1) / n;
    double variance = n > 1 ? fmax((square - mean * mean) * n / (n - 1), 0) : 0;
    return (struct mim__window){ mean, sqrt(variance + 1e-6) };
}

static void normalise_windows(float *x, struct size s, int window, double *sums)
{
    mim__window_sums(x, s.height, s.width, sums);
    for (int y = 0; y < s.height; y++)
        for (int k = 0; k < s.width; k++, x++) {
            struct mim__window w = mim__window_at(sums, s.height, s.width, window, y, k);
            *x = (float)((*x - w.mean) / w.deviation);
        }
}

/* One channel of a picture to its places in the patches, a row of a patch at a time. */
static void scatter(const struct call *c, struct size s, const float *x, int picture, int channel)
{
    const struct target *o = c->attr;
    int across = s.width / s.side, dim = cols(c->ys), step = o->interleaved ? s.channels : 1;
    int start = o->interleaved ? channel : channel * s.side * s.side;
    for (int y = 0; y < s.height; y++)
        for (int k = 0; k < across; k++, x += s.side) {
            float *patch = at_row(c->y, F32, dim, picture * c->ys->dim[1] + y / s.side * across + k);
            float *to = patch + start + y % s.side * s.side * step;
            if (step == 1)
                memcpy(to, x, (size_t)s.side * sizeof *x);
            for (int i = 0; step > 1 && i < s.side; i++)
                to[i * step] = x[i];
        }
}

static void plane_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    const struct target *o = c->attr;
    const int *d = c->xs[0]->dim;
    struct size s = size_of(c);
    size_t plane = round_up((size_t)s.height * (size_t)s.width, 16);
    const float *x = (const float *)c->x[0] + (size_t)task * (size_t)d[2] * (size_t)d[3];
    float *small = scratch;
    if (o->reduce > 1)
        reduce_plane(x, d[3], o->reduce, s, small);
    else if (o->kind == TARGET_WINDOW_NORM)
        memcpy(small, x, (size_t)d[2] * (size_t)d[3] * sizeof *x);
    if (o->kind == TARGET_WINDOW_NORM)
        normalise_windows(small, s, o->window, (double *)(small + plane));
    scatter(c, s, o->reduce > 1 || o->kind == TARGET_WINDOW_NORM ? small : x, task / d[1], task % d[1]);
}

static void patch_task(void *arg, int task, void *scratch)
{
    const struct job *j = arg;
    const struct call *c = j->c;
    int dim = cols(c->ys), end = imin(rows(c->ys), (task + 1) * ROWS);
    float unbiased = (float)imax(dim - 1, 1) / (float)dim;
    (void)scratch;
    for (int r = task * ROWS; r < end; r++) {
        float *y = at_row(c->y, F32, dim, r), mean, rstd;
        j->e->k->rows->norm_stats(dim, y, 1e-6f * unbiased, &mean, &rstd);      /* of the biased variance */
        rstd *= sqrtf(unbiased);
        for (int i = 0; i < dim; i++)
            y[i] = (y[i] - mean) * rstd;
    }
}

static void forward(const struct call *c, const struct env *e)
{
    const struct target *o = c->attr;
    struct job j = { c, e };
    split(e, c->xs[0]->dim[0] * c->xs[0]->dim[1], plane_task, &j);
    if (o->kind == TARGET_PATCH_NORM)
        split(e, tasks(rows(c->ys), ROWS), patch_task, &j);
}

static const struct op target_op = { .name = "target", .infer = infer, .forward = forward };

struct tensor *mim__op_target(struct graph *g, struct tensor *pixels, struct target o)
{
    return pixels ? mim__graph_op(g, &target_op, &o, sizeof o, 1, &pixels) : NULL;
}
