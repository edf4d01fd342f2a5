/* SPDX-License-Identifier: MIT */
/* copy.c -- pictures that keep their size: convert, mirror, pad and normalise in one pass. */
#include "image/view.h"

void mim__image_table(const struct image_options *o, float *u8)
{
    for (int c = 0; c < o->channels; c++)
        for (int i = 0; i < 256; i++)
            *u8++ = finish_sample((float)i, 255.0f, (float)o->mean.v[c], (float)o->deviation.v[c]);
}

/* One row of one channel: `step` bytes from sample to sample. */
static void row_u8(int n, const unsigned char *p, ptrdiff_t step, const float *table, float *to)
{
    for (int x = 0; x < n; x++, p += step)
        to[x] = table[*p];
}

static void row_u16(int n, const unsigned char *p, ptrdiff_t step, float mean, float deviation, float *to)
{
    for (int x = 0; x < n; x++, p += step) {
        uint16_t value;
        memcpy(&value, p, sizeof value);
        to[x] = finish_sample(value, 65535.0f, mean, deviation);
    }
}

static void row_f32(int n, const unsigned char *p, ptrdiff_t step, float mean, float deviation, float *to)
{
    for (int x = 0; x < n; x++, p += step) {
        float value;
        memcpy(&value, p, sizeof value);
        to[x] = (value - mean) / deviation;
    }
}

static void fill(int n, float value, float *to)
{
    for (int x = 0; x < n; x++)
        to[x] = value;
}

/* The output's columns [from, to) show the picture, the others are black. */
struct span { int from, to; ptrdiff_t first, step; };      /* first: source column of output column 0 */

static struct span columns(const struct view *v, int width)
{
    int64_t from = v->flip ? v->x + width - v->width : -v->x;
    int64_t to = v->flip ? v->x + width : v->width - v->x;
    struct span s = { .first = (ptrdiff_t)(v->flip ? v->x + width - 1 : v->x), .step = v->flip ? -1 : 1 };
    s.from = (int)lmin(lmax(from, 0), width);
    s.to = (int)lmax(lmin(to, width), s.from);
    return s;
}

static void copy_row(const struct picture *p, const struct finish *f, int c, const unsigned char *row, struct span s,
                     float *out)
{
    float mean = (float)f->o->mean.v[c], deviation = (float)f->o->deviation.v[c];
    ptrdiff_t step = s.step * p->column;
    const unsigned char *from = row + c * p->channel + (s.first + s.step * s.from) * p->column;
    int n = s.to - s.from;
    if (n > 0 && p->type == MIM_U8)
        row_u8(n, from, step, f->u8 + 256 * c, out + s.from);
    else if (n > 0 && p->type == MIM_U16)
        row_u16(n, from, step, mean, deviation, out + s.from);
    else if (n > 0)
        row_f32(n, from, step, mean, deviation, out + s.from);
}

void mim__image_copy(const struct picture *p, const struct view *v, const struct finish *f, float *out)
{
    int height = (int)f->o->height, width = (int)f->o->width;
    struct span s = columns(v, width);
    for (int c = 0; c < p->channels; c++) {
        float black = finish_sample(0, 1, (float)f->o->mean.v[c], (float)f->o->deviation.v[c]);
        for (int y = 0; y < height; y++, out += width) {
            int64_t from = v->y + y;
            bool inside = from >= 0 && from < v->height;
            struct span here = inside ? s : (struct span){ 0 };
            fill(here.from, black, out);
            fill(width - here.to, black, out + here.to);
            if (inside)
                copy_row(p, f, c, p->data + (ptrdiff_t)(v->top + from) * p->row + (ptrdiff_t)v->left * p->column, here, out);
        }
    }
}
