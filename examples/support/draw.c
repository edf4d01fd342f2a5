/* SPDX-License-Identifier: MIT */
/* draw.c -- see draw.h. A line covers a pixel by its distance to the pixel's centre. */
#include "draw.h"
#include "font.h"
#include "png.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void blend(struct canvas *c, int x, int y, uint32_t colour, double cover)
{
    if (x < 0 || y < 0 || x >= c->width || y >= c->height || cover <= 0)
        return;
    unsigned char *p = c->rgb + ((size_t)y * (size_t)c->width + (size_t)x) * 3;
    for (int i = 0; i < 3; i++) {
        double want = colour >> (16 - 8 * i) & 255;
        p[i] = (unsigned char)(p[i] + (want - p[i]) * (cover < 1 ? cover : 1) + 0.5);
    }
}

int canvas_create(struct canvas *c, int width, int height, uint32_t colour)
{
    *c = (struct canvas){ width, height, malloc((size_t)width * (size_t)height * 3) };
    if (!c->rgb)
        return -1;
    canvas_fill(c, 0, 0, width, height, colour);
    return 0;
}

void canvas_destroy(struct canvas *c)
{
    free(c->rgb);
    c->rgb = NULL;
}

void canvas_fill(struct canvas *c, int x, int y, int width, int height, uint32_t colour)
{
    for (int i = 0; i < height; i++)
        for (int j = 0; j < width; j++)
            blend(c, x + j, y + i, colour, 1);
}

void canvas_line(struct canvas *c, double x0, double y0, double x1, double y1, double thick, uint32_t colour)
{
    double dx = x1 - x0, dy = y1 - y0, square = dx * dx + dy * dy, reach = thick / 2 + 1;
    int left = (int)floor(fmax(fmin(x0, x1) - reach, 0)), right = (int)ceil(fmin(fmax(x0, x1) + reach, c->width));
    int top = (int)floor(fmax(fmin(y0, y1) - reach, 0)), bottom = (int)ceil(fmin(fmax(y0, y1) + reach, c->height));
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            double px = x + 0.5 - x0, py = y + 0.5 - y0;
            double along = square > 0 ? fmin(fmax((px * dx + py * dy) / square, 0), 1) : 0;
            blend(c, x, y, colour, thick / 2 + 0.5 - hypot(px - along * dx, py - along * dy));
        }
}

void canvas_dashes(struct canvas *c, double x0, double y0, double x1, double y1, double thick, double dash,
                   uint32_t colour)
{
    double length = hypot(x1 - x0, y1 - y0);
    for (double at = 0; at < length; at += 2 * dash) {
        double from = at / length, to = fmin(at + dash, length) / length;
        canvas_line(c, x0 + (x1 - x0) * from, y0 + (y1 - y0) * from, x0 + (x1 - x0) * to, y0 + (y1 - y0) * to,
                    thick, colour);
    }
}

void canvas_text(struct canvas *c, int x, int y, int scale, uint32_t colour, const char *text)
{
    for (; *text; text++, x += GLYPH_WIDTH * scale) {
        int letter = *text < ' ' || *text > '~' ? '?' - ' ' : *text - ' ';
        for (int column = 0; column < 5; column++)
            for (int row = 0; row < 8; row++)
                if (font[letter][column] >> row & 1)
                    canvas_fill(c, x + column * scale, y + row * scale, scale, scale, colour);
    }
}

int canvas_text_width(int scale, const char *text)
{
    return (int)strlen(text) * GLYPH_WIDTH * scale;
}

void canvas_picture(struct canvas *c, int x, int y, int zoom, int width, int height, const unsigned char *rgb)
{
    for (int i = 0; i < height; i++)
        for (int j = 0; j < width; j++, rgb += 3) {
            uint32_t colour = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
            canvas_fill(c, x + j * zoom, y + i * zoom, zoom, zoom, colour);
        }
}

int canvas_write(const struct canvas *c, const char *path)
{
    return png_write(path, c->width, c->height, 3, c->rgb);
}
