/* SPDX-License-Identifier: MIT */
/* draw.h -- a bitmap to draw on: rectangles, lines, text, pictures. Colours are 0xRRGGBB; what falls outside is cut. */
#ifndef EXAMPLES_SUPPORT_DRAW_H
#define EXAMPLES_SUPPORT_DRAW_H

#include <stdint.h>

enum { GLYPH_WIDTH = 6, GLYPH_HEIGHT = 8 };         /* of one letter with its gaps, at scale 1 */

struct canvas { int width, height; unsigned char *rgb; };

/* 0, or -1 without memory. */
int canvas_create(struct canvas *c, int width, int height, uint32_t colour);
void canvas_destroy(struct canvas *c);
void canvas_fill(struct canvas *c, int x, int y, int width, int height, uint32_t colour);
/* Anti-aliased; `thick` pixels wide. Dashes: `dash` pixels drawn, as many left out. */
void canvas_line(struct canvas *c, double x0, double y0, double x1, double y1, double thick, uint32_t colour);
void canvas_dashes(struct canvas *c, double x0, double y0, double x1, double y1, double thick, double dash,
                   uint32_t colour);
/* ASCII; (x, y) is the upper left corner. */
void canvas_text(struct canvas *c, int x, int y, int scale, uint32_t colour, const char *text);
int canvas_text_width(int scale, const char *text);
/* RGB [height, width, 3], each pixel a square of `zoom`. */
void canvas_picture(struct canvas *c, int x, int y, int zoom, int width, int height, const unsigned char *rgb);
/* As PNG; 0 or -1. */
int canvas_write(const struct canvas *c, const char *path);

#endif
