/* SPDX-License-Identifier: MIT */
/* affine.c -- a picture moved, sheared or turned in its frame, as Pillow's transform does it: every pixel's centre is
 * looked up in the source and its neighbourhood interpolated in double and truncated; the source goes on over its border
 * with the same values, but a centre outside is `fill`. */
#include "image/augment.h"

#include <math.h>

/* Cubic through the two in the middle, with slopes of twice Catmull and Rom's (Keys 1981 with a = -1). */
static double cubic_at(const double v[4], double d)
{
    double p2 = -v[0] + v[2], p3 = 2 * (v[0] - v[1]) + v[2] - v[3], p4 = -v[0] + v[1] - v[2] + v[3];
    return v[1] + d * (p2 + d * (p3 + d * p4));
}

static double mix(const double v[4], double d, bool cubic)
{
    return cubic ? cubic_at(v, d) : v[1] + (v[2] - v[1]) * d;
}

/* One plane at a place inside it. */
static uint8_t sample(const uint8_t *plane, int height, int width, double x, double y, bool cubic)
{
    int x0 = (int)floor(x - 0.5), y0 = (int)floor(y - 0.5);
    double dx = x - 0.5 - x0, dy = y - 0.5 - y0, down[4] = { 0 };
    for (int j = cubic ? 0 : 1; j < (cubic ? 4 : 3); j++) {
        const uint8_t *row = plane + (size_t)imin(imax(y0 + j - 1, 0), height - 1) * (size_t)width;
        double across[4];
        for (int i = 0; i < 4; i++)
            across[i] = row[imin(imax(x0 + i - 1, 0), width - 1)];
        down[j] = mix(across, dx, cubic);
    }
    return (uint8_t)fmin(fmax(mix(down, dy, cubic), 0), 255);
}

void mim__canvas_affine(struct canvas *c, const double m[6], bool cubic, const uint8_t *fill)
{
    size_t plane = (size_t)c->height * (size_t)c->width;
    uint8_t *to = c->spare;
    for (int k = 0; k < c->channels; k++)
        for (int y = 0; y < c->height; y++)
            for (int x = 0; x < c->width; x++) {
                double xx = m[0] * (x + 0.5) + m[1] * (y + 0.5) + m[2], yy = m[3] * (x + 0.5) + m[4] * (y + 0.5) + m[5];
                bool inside = xx >= 0 && xx < c->width && yy >= 0 && yy < c->height;
                *to++ = inside ? sample(c->data + (size_t)k * plane, c->height, c->width, xx, yy, cubic) : fill[k];
            }
    c->spare = c->data;
    c->data = to - (size_t)c->channels * plane;
}

/* Counterclockwise about the centre. */
void mim__canvas_rotate(struct canvas *c, double degrees, bool cubic, const uint8_t *fill)
{
    double angle = -degrees * 3.14159265358979323846 / 180, x = c->width / 2.0, y = c->height / 2.0;
    double cosine = rint(cos(angle) * 1e15) / 1e15, sine = rint(sin(angle) * 1e15) / 1e15;
    double m[6] = { cosine, sine, 0, -sine, cosine, 0 };
    m[2] = cosine * -x + sine * -y + x;
    m[5] = -sine * -x + cosine * -y + y;
    mim__canvas_affine(c, m, cubic, fill);
}
