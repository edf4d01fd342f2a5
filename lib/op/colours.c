/* SPDX-License-Identifier: MIT */
/* colours.c -- classes of patches, for heads that predict them (iGPT's colours, Chen et al. 2020, of a patch's mean).
 *
 *   colours   x [batch, channels, height, width] f32, scale [2, channels] f32: means and deviations that x was normalised
 *             with; y [batch, patches] i32: the nearest row of palette [classes, channels] f32 in -1..1, the lowest where
 *             several are; or without one, bins of equal width of each channel, the first channel's number leading;
 *             apart: y [batch, patches channels], these bins one by one (SimMIM, Xie et al. 2022, sec. 3.4)
 *   hidden    y = mask ? classes : -1, classes [batch, patches classes of one] i32, mask [batch, patches] i32: what is shown
 *             takes no part in the loss
 *
 * No gradient. */
#include "op/op.h"
#include "op/support.h"

#include <math.h>

enum { X, SCALE, PALETTE, INPUTS, CHANNELS_MOST = 64 };

struct job { const struct call *c; const struct env *e; };

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    const struct colours *o = c->attr;
    const struct shape *x = c->xs[X];
    (void)k;
    if (x->rank != 4 || c->xt[X] != F32 || elements(c->xs[SCALE]) != 2 * (size_t)x->dim[1] || x->dim[1] > CHANNELS_MOST ||
        o->patch < 1 || x->dim[2] % o->patch || x->dim[3] % o->patch || (!c->xs[PALETTE] && o->bins < 1) ||
        (c->xs[PALETTE] && (o->apart || c->xt[PALETTE] != F32 || cols(c->xs[PALETTE]) != x->dim[1])))
        return MIM_ERR_SHAPE;
    int patches = x->dim[2] / o->patch * (x->dim[3] / o->patch);
    *out = (struct sizes){ .y = SHAPE(x->dim[0], patches * (o->apart ? x->dim[1] : 1)), .yt = I32 };
    return MIM_OK;
}

/* Of a patch brought to 8 bits, 0..255. */
static double mean_of(const struct call *c, int picture, int channel, int row, int col)
{
    const int *d = c->xs[X]->dim, patch = ((const struct colours *)c->attr)->patch;
    const float *scale = c->x[SCALE];
    size_t line = (size_t)(picture * d[1] + channel) * (size_t)d[2] + (size_t)(row * patch);
    const float *x = (const float *)c->x[X] + line * (size_t)d[3] + col * patch;
    double sum = 0;
    for (int y = 0; y < patch; y++, x += d[3])
        for (int k = 0; k < patch; k++)
            sum += lrintf(fminf(fmaxf((x[k] * scale[d[1] + channel] + scale[channel]) * 255.0f, 0), 255));
    return sum / (patch * patch);
}

static int nearest(const float *palette, int classes, int channels, const double *colour)
{
    int best = 0;
    double least = INFINITY;
    for (int k = 0; k < classes; k++, palette += channels) {
        double square = 0;
        for (int i = 0; i < channels; i++)
            square += (colour[i] / 127.5 - 1 - palette[i]) * (colour[i] / 127.5 - 1 - palette[i]);
        if (square < least) {
            least = square;
            best = k;
        }
    }
    return best;
}

/* Bins of 256 / bins values. */
static int bin(int bins, int channels, const double *colour)
{
    int number = 0;
    for (int i = 0; i < channels; i++)
        number = number * bins + (int)(colour[i] * bins / 256);
    return number;
}

static void colours_task(void *arg, int task, void *scratch)
{
    const struct call *c = ((const struct job *)arg)->c;
    const struct colours *o = c->attr;
    const int *d = c->xs[X]->dim;
    int across = d[3] / o->patch, patches = d[2] / o->patch * across, end = imin(d[0] * patches, (task + 1) * ROWS);
    int each = o->apart ? d[1] : 1;
    int32_t *to = (int32_t *)c->y + (size_t)task * ROWS * (size_t)each;
    (void)scratch;
    for (int r = task * ROWS; r < end; r++, to += each) {
        double colour[CHANNELS_MOST];
        for (int i = 0; i < d[1]; i++)
            colour[i] = mean_of(c, r / patches, i, r % patches / across, r % patches % across);
        if (c->xs[PALETTE])
            *to = nearest(c->x[PALETTE], rows(c->xs[PALETTE]), d[1], colour);
        for (int i = 0; !c->xs[PALETTE] && i < each; i++)
            to[i] = bin(o->bins, d[1] / each, colour + i);
    }
}

static void forward(const struct call *c, const struct env *e)
{
    struct job j = { c, e };
    const struct colours *o = c->attr;
    int patches = (int)elements(c->ys) / (o->apart ? c->xs[X]->dim[1] : 1);
    split(e, tasks(patches, ROWS), colours_task, &j);
}

static const struct op colours_op = { .name = "colours", .infer = infer, .forward = forward, .stops = READ_X(PALETTE) };

struct tensor *mim__op_colours(struct graph *g, struct tensor *pixels, struct tensor *scale, struct tensor *palette,
                               struct colours o)
{
    struct tensor *in[INPUTS] = { pixels, scale, palette };
    return pixels && scale ? mim__graph_op(g, &colours_op, &o, sizeof o, INPUTS, in) : NULL;
}

/* ---- hidden ---- */

static mim_status infer_hidden(const struct call *c, const struct kernels *k, struct sizes *out)
{
    (void)k;
    if (c->xt[0] != I32 || c->xt[1] != I32 || elements(c->xs[0]) % elements(c->xs[1]))
        return MIM_ERR_SHAPE;
    *out = (struct sizes){ .y = *c->xs[0], .yt = I32 };
    return MIM_OK;
}

static void forward_hidden(const struct call *c, const struct env *e)
{
    const int32_t *classes = c->x[0], *mask = c->x[1];
    size_t each = elements(c->xs[0]) / elements(c->xs[1]);
    (void)e;
    for (size_t i = 0; i < elements(c->ys); i++)
        ((int32_t *)c->y)[i] = mask[i / each] ? classes[i] : -1;
}

static const struct op hidden_op = { .name = "hidden_classes", .infer = infer_hidden, .forward = forward_hidden };

struct tensor *mim__op_hidden_classes(struct graph *g, struct tensor *classes, struct tensor *mask)
{
    struct tensor *in[] = { classes, mask };
    return classes && mask ? mim__graph_op(g, &hidden_op, NULL, 0, 2, in) : NULL;
}
