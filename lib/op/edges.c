/* SPDX-License-Identifier: MIT */
/* edges.c -- how much a picture changes: the magnitude of Sobel's differences of each channel, over what black beside white
 * has, so that it lies in 0 .. sqrt 2.
 *
 *   x, y [batch, channels, height, width] f32, scale [2, channels] f32: means and deviations that x was normalised with
 *   y = deviation sqrt(gx^2 + gy^2) / 4
 *
 * The border is mirrored without the edge pixel; a side of one pixel has no differences. No gradient. */
#include "op/op.h"
#include "op/support.h"

#include <math.h>

struct job { const struct call *c; const struct env *e; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct shape *x = c->xs[0];
    (void)k;
    if (x->rank != 4 || c->xt[0] != F32 || elements(c->xs[1]) != 2 * (size_t)x->dim[1])
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = *x, .yt = F32 };
    return MIM_OK;
}

static int mirrored(int i, int n) { return n == 1 ? 0 : i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; }

static void plane_task(void *arg, int task, void *scratch)
{
    const struct call *c = ((const struct job *)arg)->c;
    const int *d = c->xs[0]->dim;
    size_t width = (size_t)d[3], plane = (size_t)d[2] * width;
    const float *x = (const float *)c->x[0] + (size_t)task * plane, *deviation = (const float *)c->x[1] + d[1];
    float *y = (float *)c->y + (size_t)task * plane;
    (void)scratch;
    for (int r = 0; r < d[2]; r++) {
        const float *up = x + (size_t)mirrored(r - 1, d[2]) * width, *here = x + (size_t)r * width;
        const float *down = x + (size_t)mirrored(r + 1, d[2]) * width;
        for (int k = 0; k < d[3]; k++) {
            int a = mirrored(k - 1, d[3]), b = mirrored(k + 1, d[3]);
            float gx = up[a] - up[b] + 2 * (here[a] - here[b]) + down[a] - down[b];
            float gy = up[a] - down[a] + 2 * (up[k] - down[k]) + up[b] - down[b];
            *y++ = sqrtf(gx * gx + gy * gy) * deviation[task % d[1]] / 4;
        }
    }
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    split(e, c->xs[0]->dim[0] * c->xs[0]->dim[1], plane_task, &j);
}

static const struct op edges_op = { .name = "edges", .infer = infer, .forward = forward };

struct tensor *mim__op_edges(struct graph *g, struct tensor *pixels, struct tensor *scale)
{
    struct tensor *in[] = { pixels, scale };
    return pixels && scale ? mim__graph_op(g, &edges_op, NULL, 0, 2, in) : NULL;
}
