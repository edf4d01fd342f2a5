/* SPDX-License-Identifier: MIT */
/* canvas.c -- operations on the colours of an 8-bit picture as Pillow has them (ImageEnhance, ImageOps), to the bit; hue
 * alone is turned without Pillow's detour over 8-bit hues. */
#include "image/augment.h"

#include <math.h>

static size_t plane_of(const struct canvas *c) { return (size_t)c->height * (size_t)c->width; }
static size_t size_of(const struct canvas *c) { return (size_t)c->channels * plane_of(c); }

/* ITU-R 601-2 luma in 16 bits. */
static int luma(int r, int g, int b) { return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16; }

static int grey_at(const struct canvas *c, size_t i)
{
    const uint8_t *p = c->data + i;
    size_t plane = plane_of(c);
    return c->channels == 3 ? luma(p[0], p[plane], p[2 * plane]) : p[0];
}

/* From `a` by `factor` of the way to b, and on beyond it: truncated, as Pillow's blend. */
static uint8_t blend(int a, int b, float factor)
{
    float v = (float)a + factor * (float)(b - a);
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)v;
}

static void blend_from(struct canvas *c, int grey, float factor)
{
    for (size_t i = 0; i < size_of(c); i++)
        c->data[i] = blend(grey, c->data[i], factor);
}

void mim__canvas_brightness(struct canvas *c, float factor) { blend_from(c, 0, factor); }

void mim__canvas_contrast(struct canvas *c, float factor)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < plane_of(c); i++)
        sum += (uint64_t)grey_at(c, i);
    blend_from(c, (int)((double)sum / (double)plane_of(c) + 0.5), factor);
}

void mim__canvas_saturation(struct canvas *c, float factor)
{
    size_t plane = plane_of(c);
    for (size_t i = 0; c->channels == 3 && i < plane; i++) {
        int grey = grey_at(c, i);
        for (int k = 0; k < 3; k++)
            c->data[(size_t)k * plane + i] = blend(grey, c->data[(size_t)k * plane + i], factor);
    }
}

void mim__canvas_grey(struct canvas *c) { mim__canvas_saturation(c, 0); }

/* The 3 x 3 filter 1 1 1, 1 5 1, 1 1 1 over 13 at (y, x), to nearest. */
static int smoothed(const uint8_t *p, int width)
{
    int sum = 4 * p[0];
    for (int y = -1; y <= 1; y++)
        for (int x = -1; x <= 1; x++)
            sum += p[y * width + x];
    return (2 * sum + 13) / 26;
}

void mim__canvas_sharpness(struct canvas *c, float factor)
{
    memcpy(c->spare, c->data, size_of(c));
    for (int k = 0; k < c->channels; k++)
        for (int y = 1; y < c->height - 1; y++)
            for (int x = 1; x < c->width - 1; x++) {
                size_t at = (size_t)k * plane_of(c) + (size_t)y * (size_t)c->width + (size_t)x;
                c->data[at] = blend(smoothed(c->spare + at, c->width), c->spare[at], factor);
            }
}

/* ---- hue ---- */

/* 0..1 to 8 bits as torchvision does. */
static uint8_t to_8_bits(double v) { return (uint8_t)(fmin(fmax(v, 0), 1) * 255.999); }

/* Smith 1978: hue in turns, from which sector the largest and how far into it. */
static double hue_of(double r, double g, double b, double most, double range)
{
    double h = most == r ? (g - b) / range : most == g ? 2 + (b - r) / range : 4 + (r - g) / range;
    return h / 6;
}

static void turn(uint8_t *r, uint8_t *g, uint8_t *b, double turns)
{
    double v[3] = { *r / 255.0, *g / 255.0, *b / 255.0 };
    double most = fmax(v[0], fmax(v[1], v[2])), range = most - fmin(v[0], fmin(v[1], v[2]));
    if (range == 0)
        return;
    double s = range / most, h = hue_of(v[0], v[1], v[2], most, range) + turns;
    h = 6 * (h - floor(h));
    int sector = (int)h % 6;
    double f = h - floor(h);
    uint8_t top = to_8_bits(most), p = to_8_bits(most * (1 - s)), q = to_8_bits(most * (1 - s * f)),
            t = to_8_bits(most * (1 - s * (1 - f)));
    const uint8_t to[6][3] = { { top, t, p }, { q, top, p }, { p, top, t }, { p, q, top }, { t, p, top }, { top, p, q } };
    *r = to[sector][0];
    *g = to[sector][1];
    *b = to[sector][2];
}

void mim__canvas_hue(struct canvas *c, double turns)
{
    size_t plane = plane_of(c);
    for (size_t i = 0; c->channels == 3 && i < plane; i++)
        turn(c->data + i, c->data + plane + i, c->data + 2 * plane + i, turns);
}

/* ---- through a table ---- */

static void look_up(struct canvas *c, int channel, const uint8_t table[256])
{
    uint8_t *p = c->data + (size_t)channel * plane_of(c);
    for (size_t i = 0; i < plane_of(c); i++)
        p[i] = table[p[i]];
}

static void look_up_all(struct canvas *c, const uint8_t table[256])
{
    for (int k = 0; k < c->channels; k++)
        look_up(c, k, table);
}

/* How often each value is there; *least and *most are the first and last that are. */
static void count(const struct canvas *c, int channel, int64_t h[256], int *least, int *most)
{
    const uint8_t *p = c->data + (size_t)channel * plane_of(c);
    memset(h, 0, 256 * sizeof *h);
    for (size_t i = 0; i < plane_of(c); i++)
        h[p[i]]++;
    for (*least = 0; *least < 255 && !h[*least]; ++*least)
        ;
    for (*most = 255; *most > 0 && !h[*most]; --*most)
        ;
}

void mim__canvas_autocontrast(struct canvas *c)
{
    for (int k = 0; k < c->channels; k++) {
        int64_t h[256];
        uint8_t table[256];
        int least, most;
        count(c, k, h, &least, &most);
        if (least >= most)
            continue;
        double scale = 255.0 / (most - least), offset = -least * scale;
        for (int i = 0; i < 256; i++)
            table[i] = (uint8_t)fmin(fmax(i * scale + offset, 0), 255);
        look_up(c, k, table);
    }
}

/* A table that spreads the values evenly; false if there is nothing to spread. */
static bool even_table(const int64_t h[256], int least, int most, uint8_t table[256])
{
    int64_t total = 0;
    for (int i = 0; i < 256; i++)
        total += h[i];
    int64_t step = (total - h[most]) / 255, n = step / 2;
    if (least >= most || !step)
        return false;
    for (int i = 0; i < 256; n += h[i++])
        table[i] = (uint8_t)lmin(n / step, 255);
    return true;
}

void mim__canvas_equalize(struct canvas *c)
{
    for (int k = 0; k < c->channels; k++) {
        int64_t h[256];
        uint8_t table[256];
        int least, most;
        count(c, k, h, &least, &most);
        if (even_table(h, least, most, table))
            look_up(c, k, table);
    }
}

void mim__canvas_invert(struct canvas *c) { mim__canvas_solarize(c, 0); }

/* The upper bits; none of them is black. */
void mim__canvas_posterize(struct canvas *c, int bits)
{
    uint8_t table[256];
    for (int i = 0; i < 256; i++)
        table[i] = (uint8_t)(i & ~((1 << (8 - bits)) - 1));
    look_up_all(c, table);
}

void mim__canvas_solarize(struct canvas *c, int threshold)
{
    uint8_t table[256];
    for (int i = 0; i < 256; i++)
        table[i] = (uint8_t)(i < threshold ? i : 255 - i);
    look_up_all(c, table);
}

void mim__canvas_solarize_add(struct canvas *c, int more)
{
    uint8_t table[256];
    for (int i = 0; i < 256; i++)
        table[i] = (uint8_t)(i < 128 ? imin(i + more, 255) : i);
    look_up_all(c, table);
}
