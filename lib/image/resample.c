/* SPDX-License-Identifier: MIT */
/* resample.c -- Pillow's separable resize (src/libImaging/Resample.c): across first, then down, the filter stretched by
 * the reduction, weights in double. u8 pictures are rounded to 8 bits after each pass, with weights of 22 bits, and come
 * out as Pillow's do; others go on as f32.
 *
 * Memory is bounded whatever the size of the picture. Rows that went through the first pass wait in a cache until no
 * output row needs them (where a filter is taller than the cache, they are made anew for each output row). Weights of the
 * first pass are made for as many output columns at once as there is room for; columns are cut into such tiles. A single
 * column that reaches over more samples than that makes its weights anew for each row. */
#include "image/view.h"

#include <math.h>

enum { TAPS = 16384, SLOTS_LEAST = 8, SLOTS_MOST = 64, SLOT_ROOM = 1 << 22 };

/* ---- One axis ---- */

struct axis { int kind; int64_t in; double scale, inverse, support; };     /* inverse: 1 / how far the filter is stretched */
struct taps { int64_t first, count; double sum; };                         /* samples of the picture behind one output */

static struct axis axis_of(int kind, int64_t in, int64_t out)
{
    struct axis a = { in == out ? RESIZE_NEAREST : kind, in, (double)in / (double)out, 1, 0 };
    double stretch = a.scale > 1 ? a.scale : 1;
    a.inverse = 1 / stretch;
    a.support = (kind == RESIZE_BICUBIC ? 2 : 1) * stretch;
    return a;
}

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* Keys 1981 with a = -1/2. */
static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/* Weight of sample j in output i, before the sum is brought to 1. */
static double weight(const struct axis *a, int64_t i, int64_t j)
{
    double x = ((double)j - ((double)i + 0.5) * a->scale + 0.5) * a->inverse;
    return a->kind == RESIZE_NEAREST ? 1 : a->kind == RESIZE_BILINEAR ? bilinear(x) : bicubic(x);
}

static struct taps taps_of(const struct axis *a, int64_t i)
{
    double centre = ((double)i + 0.5) * a->scale;
    if (a->kind == RESIZE_NEAREST)
        return (struct taps){ lmin((int64_t)centre, a->in - 1), 1, 1 };
    int64_t first = lmax((int64_t)(centre - a->support + 0.5), 0);
    int64_t end = lmin((int64_t)(centre + a->support + 0.5), a->in);
    struct taps t = { first, end - first, 0 };
    for (int64_t j = first; j < end; j++)
        t.sum += weight(a, i, j);
    return t;
}

/* The weight as it is used: for u8 a whole number of 2^-22. */
static double final_weight(const struct axis *a, const struct taps *t, int64_t i, int64_t j, bool fixed)
{
    double w = weight(a, i, j) / t->sum;
    return fixed ? (double)(int32_t)(w * 0x1p22 + (w < 0 ? -0.5 : 0.5)) : w;
}

/* ---- One picture ---- */

struct scaler {
    const struct picture *p;
    const struct view *v;
    const struct finish *f;
    struct axis across, down;
    bool fixed;
    int slots;                               /* rows in the cache */
    int first, n;                            /* the tile: output columns, before mirroring */
    int64_t span;                            /* samples of a picture's row behind it */
    struct taps *columns;                    /* [n] */
    double *weights;                         /* of the tile's columns, one after the other */
    float *line;                             /* `span` samples of one channel */
    int64_t *row;                            /* [slots], which row is there; -1: none */
    float *rows;                             /* [slots][channels][n] */
    double *sum;                             /* [channels][n] */
};

static int slots_of(const struct image_options *o)
{
    return imax(SLOTS_LEAST, imin(SLOTS_MOST, SLOT_ROOM / (int)(o->width * o->channels)));
}

size_t mim__image_resample_scratch(const struct image_options *o)
{
    size_t line = (size_t)(o->width * o->channels), slots = (size_t)slots_of(o);
    return TAPS * (sizeof(double) + sizeof(float)) + (size_t)o->width * sizeof(struct taps) + slots * sizeof(int64_t) +
           line * (sizeof(double) + slots * sizeof(float));
}

/* Cuts scratch up, widest types first. */
static void lay_out(struct scaler *s, void *scratch)
{
    size_t width = (size_t)s->f->o->width;
    s->slots = slots_of(s->f->o);
    s->columns = scratch;
    s->row = (int64_t *)(s->columns + width);
    s->weights = (double *)(s->row + s->slots);
    s->sum = s->weights + TAPS;
    s->line = (float *)(s->sum + width * (size_t)s->f->o->channels);
    s->rows = s->line + TAPS;
}

/* Take as many columns from `first` on as there is room for, at least one, and make their weights. */
static void next_tile(struct scaler *s, int first)
{
    int end = (int)s->f->o->width;
    int64_t total = 0, start = 0, reach = 0;
    double *to = s->weights;
    for (s->first = first, s->n = 0; first + s->n < end; s->n++) {
        struct taps t = taps_of(&s->across, s->v->x + first + s->n);
        start = s->n ? start : t.first;
        if (s->n && (total + t.count > TAPS || t.first + t.count - start > TAPS))
            break;
        s->columns[s->n] = t;
        total += t.count;
        reach = t.first + t.count - start;
        for (int64_t j = 0; total <= TAPS && j < t.count; j++)
            *to++ = final_weight(&s->across, &t, s->v->x + first + s->n, t.first + j, s->fixed);
    }
    s->span = reach;
    for (int i = 0; i < s->slots; i++)
        s->row[i] = -1;
}

/* n samples of a row as floats, exactly. */
static void load(const struct picture *p, const unsigned char *from, int64_t n, float *to)
{
    ptrdiff_t step = p->column;
    if (p->type == MIM_U8)
        for (int64_t x = 0; x < n; x++, from += step)
            to[x] = *from;
    else if (p->type == MIM_U16)
        for (int64_t x = 0; x < n; x++, from += step) {
            uint16_t value;
            memcpy(&value, from, sizeof value);
            to[x] = value;
        }
    else
        for (int64_t x = 0; x < n; x++, from += step)
            memcpy(to + x, from, sizeof *to);
}

static double dot(int64_t n, const double *w, const float *x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += w[i] * (double)x[i];
    return sum;
}

/* A column of more samples than there is room for weights. */
static double long_dot(struct scaler *s, const unsigned char *from)
{
    const struct taps *t = s->columns;
    double sum = 0;
    for (int64_t j = 0; j < t->count; j += TAPS) {
        int64_t n = lmin(TAPS, t->count - j);
        for (int64_t i = 0; i < n; i++)
            s->weights[i] = final_weight(&s->across, t, s->v->x + s->first, t->first + j + i, s->fixed);
        load(s->p, from + (ptrdiff_t)(t->first + j) * s->p->column, n, s->line);
        sum += dot(n, s->weights, s->line);
    }
    return sum;
}

/* The end of a pass. Clipping makes truncation as good as Pillow's shift, which rounds down. */
static float pass_result(double sum, bool fixed)
{
    return fixed ? (float)imax(0, imin(255, (int)((sum + 0x1p21) * 0x1p-22))) : (float)sum;
}

/* First pass: row y of the box, the tile's columns of each channel. */
static void scale_across(struct scaler *s, int64_t y, float *to)
{
    const unsigned char *row = s->p->data + (ptrdiff_t)(s->v->top + y) * s->p->row + (ptrdiff_t)s->v->left * s->p->column;
    for (int c = 0; c < s->p->channels; c++, row += s->p->channel, to += s->n) {
        const double *w = s->weights;
        int64_t start = s->columns[0].first;
        if (s->span > TAPS) {
            to[0] = pass_result(long_dot(s, row), s->fixed);
            continue;
        }
        load(s->p, row + (ptrdiff_t)start * s->p->column, s->span, s->line);
        for (int x = 0; x < s->n; x++) {
            const struct taps *t = s->columns + x;
            to[x] = pass_result(dot(t->count, w, s->line + (t->first - start)), s->fixed);
            w += t->count;
        }
    }
}

static const float *scaled_row(struct scaler *s, int64_t y)
{
    int slot = (int)(y % s->slots);
    float *row = s->rows + (size_t)slot * (size_t)(s->n * s->p->channels);
    if (s->row[slot] != y)
        scale_across(s, y, row);
    s->row[slot] = y;
    return row;
}

/* Second pass: the sums of output row y. */
static void scale_down(struct scaler *s, int64_t y)
{
    struct taps t = taps_of(&s->down, y);
    int n = s->n * s->p->channels;
    double *sum = s->sum;
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int64_t j = t.first; j < t.first + t.count; j++) {
        const float *row = scaled_row(s, j);
        double w = final_weight(&s->down, &t, y, j, s->fixed);
        for (int x = 0; x < n; x++)
            sum[x] += w * (double)row[x];
    }
}

static void finish_row(const struct scaler *s, int y, float *out)
{
    const struct image_options *o = s->f->o;
    float range = range_of(s->p->type);
    for (int c = 0; c < s->p->channels; c++) {
        float mean = (float)o->mean.v[c], deviation = (float)o->deviation.v[c];
        float *to = out + ((int64_t)c * o->height + y) * o->width + (s->v->flip ? o->width - 1 - s->first : s->first);
        for (int x = 0; x < s->n; x++) {
            float value = pass_result(s->sum[c * s->n + x], s->fixed);
            to[s->v->flip ? -x : x] =
                s->fixed ? s->f->u8[256 * c + (int)value] : finish_sample(value, range, mean, deviation);
        }
    }
}

void mim__image_resample(const struct picture *p, const struct view *v, const struct finish *f, float *out, void *scratch)
{
    struct scaler s = { .p = p, .v = v, .f = f, .fixed = p->type == MIM_U8 };
    s.across = axis_of(f->o->resize, v->width, v->cols);
    s.down = axis_of(f->o->resize, v->height, v->rows);
    lay_out(&s, scratch);
    for (int x = 0; x < f->o->width; x += s.n) {
        next_tile(&s, x);
        for (int y = 0; y < f->o->height; y++) {
            scale_down(&s, v->y + y);
            finish_row(&s, y, out);
        }
    }
}
