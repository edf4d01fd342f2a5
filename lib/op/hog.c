/* SPDX-License-Identifier: MIT */
/* hog.c -- histograms of oriented gradients as MaskFeat predicts them (Wei et al. 2022, sec. 3.2; the operator of its code).
 *
 *   x [batch, channels, height, width] f32, scale [2, channels] f32: means and deviations that x was normalised with
 *   y [batch, patches, channels * 9 * n^2] f32, n = patch / 8, in the order (channel, bin, cell row, cell column)
 *
 * Of a channel: Sobel differences gx = left - right, gy = top - bottom, the border mirrored without the edge pixel;
 * magnitudes weighted by a Gaussian of deviation 8 in tiles of 16 x 16, summed in cells of 8 x 8 by the angle atan2(gx, gy)
 * modulo pi in nine bins; the nine brought to norm 1. Pixels are taken back to 8 bits first: gradients are whole numbers
 * then, and the vertical ones lie in a bin, not on the border of two, whatever the normalisation. No gradient. */
#include "op/op.h"
#include "op/support.h"

#include <math.h>

enum { BINS = 9, CELL = 8, TILE = 16 };

struct job { const struct call *c; const struct env *e; };
struct tables { double tile[TILE], cosine[BINS - 1], sine[BINS - 1]; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    int patch = *(const int *)c->attr;
    const struct shape *x = c->xs[0];
    (void)k;
    if (x->rank != 4 || c->xt[0] != F32 || elements(c->xs[1]) != 2 * (size_t)x->dim[1] || patch < CELL || patch % CELL ||
        x->dim[2] % patch || x->dim[3] % patch)
        return MIM_ERR_SHAPE;
    int n = patch / CELL;
    *out = (struct sizes){ .y = SHAPE(x->dim[0], x->dim[2] / patch * (x->dim[3] / patch), x->dim[1] * BINS * n * n),
                           .yt = F32, .scratch = (size_t)x->dim[2] * (size_t)x->dim[3] };
    return MIM_OK;
}

/* The Gaussian of a row or column, its tile summing up to 1; borders of the bins, 20 degrees each. */
static void fill_tables(struct tables *t)
{
    double sum = 0;
    for (int i = 0; i < TILE; i++)
        sum += t->tile[i] = exp(-0.5 * ((i - 7.5) / 8) * ((i - 7.5) / 8));
    for (int i = 0; i < TILE; i++)
        t->tile[i] /= sum;
    for (int k = 1; k < BINS; k++) {
        t->cosine[k - 1] = cos(k * 3.14159265358979323846 / BINS);
        t->sine[k - 1] = sin(k * 3.14159265358979323846 / BINS);
    }
}

/* How many borders the angle of (gy, gx), turned to 0 .. pi, has behind it. Straight up and down are both bin 0. */
static int bin_of(const struct tables *t, int gx, int gy)
{
    int bin = 0;
    if (gx == 0)
        return 0;
    if (gx < 0)
        gx = -gx, gy = -gy;
    for (int k = 0; k < BINS - 1; k++)
        bin += gx * t->cosine[k] >= gy * t->sine[k];
    return bin;
}

struct plane { const uint8_t *p; int height, width; };
static int at(const struct plane *p, int y, int x)
{
    y = y < 0 ? -y : y >= p->height ? 2 * p->height - 2 - y : y;
    x = x < 0 ? -x : x >= p->width ? 2 * p->width - 2 - x : x;
    return p->p[(size_t)y * (size_t)p->width + (size_t)x];
}

/* The normalised histogram of the cell that begins at (top, left). */
static void cell_histogram(const struct tables *t, const struct plane *p, int top, int left, double h[BINS])
{
    double square = 0;
    memset(h, 0, BINS * sizeof *h);
    for (int y = top; y < top + CELL; y++)
        for (int x = left; x < left + CELL; x++) {
            int a = at(p, y - 1, x - 1), b = at(p, y - 1, x), c = at(p, y - 1, x + 1), d = at(p, y, x - 1);
            int f = at(p, y, x + 1), g = at(p, y + 1, x - 1), i = at(p, y + 1, x), j = at(p, y + 1, x + 1);
            int gx = a + 2 * d + g - c - 2 * f - j, gy = a + 2 * b + c - g - 2 * i - j;
            h[bin_of(t, gx, gy)] += sqrt((double)(gx * gx + gy * gy)) * t->tile[y % TILE] * t->tile[x % TILE];
        }
    for (int k = 0; k < BINS; k++)
        square += h[k] * h[k];
    for (int k = 0; k < BINS; k++)
        h[k] /= fmax(sqrt(square), 1e-12);
}

static void plane_task(void *arg, int task, void *scratch)
{
    const struct call *c = ((const struct job *)arg)->c;
    const int *d = c->xs[0]->dim;
    int patch = *(const int *)c->attr, n = patch / CELL, channel = task % d[1], across = d[3] / patch;
    struct tables t;
    struct plane p = { scratch, d[2], d[3] };
    fill_tables(&t);
    mim__op_to_bytes(c->x[0], c->x[1], d, task, scratch);
    for (int y = 0; y < d[2] / CELL; y++)
        for (int x = 0; x < d[3] / CELL; x++) {
            double h[BINS];
            float *to = at_row(c->y, F32, cols(c->ys), task / d[1] * c->ys->dim[1] + y / n * across + x / n);
            cell_histogram(&t, &p, y * CELL, x * CELL, h);
            for (int k = 0; k < BINS; k++)
                to[((channel * BINS + k) * n + y % n) * n + x % n] = (float)h[k];
        }
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    split(e, c->xs[0]->dim[0] * c->xs[0]->dim[1], plane_task, &j);
}

static const struct op hog_op = { .name = "hog", .infer = infer, .forward = forward };

struct tensor *mim__op_hog(struct graph *g, struct tensor *pixels, struct tensor *scale, int patch)
{
    struct tensor *in[] = { pixels, scale };
    return pixels && scale ? mim__graph_op(g, &hog_op, &patch, sizeof patch, 2, in) : NULL;
}
