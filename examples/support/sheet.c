/* SPDX-License-Identifier: MIT */
/* sheet.c -- see sheet.h. */
#include "sheet.h"
#include "draw.h"

#include <stddef.h>

enum { WANTED_SIDE = 160, GAP = 6, GROUP_GAP = 28, HEAD = 26, ROWS_BEFORE_SPLIT = 4 };

static void draw_row(struct canvas *c, const struct sheet *s, int row, int x, int y, int zoom)
{
    size_t size = (size_t)s->width * (size_t)s->height * 3;
    for (int k = 0; k < s->columns; k++)
        canvas_picture(c, x + k * (s->width * zoom + GAP), y, zoom, s->width, s->height,
                       s->pictures[k] + (size_t)row * size);
}

int sheet_write(const struct sheet *s, const char *path)
{
    struct canvas c;
    int longer = s->width > s->height ? s->width : s->height;
    int zoom = longer >= WANTED_SIDE ? 1 : (WANTED_SIDE + longer - 1) / longer;
    int groups = s->rows > ROWS_BEFORE_SPLIT ? 2 : 1, lines = (s->rows + groups - 1) / groups;
    int cell_x = s->width * zoom + GAP, cell_y = s->height * zoom + GAP;
    int group_x = s->columns * cell_x + GROUP_GAP;
    if (canvas_create(&c, groups * group_x - GROUP_GAP + GAP, HEAD + lines * cell_y, 0xFFFFFF))
        return -1;
    for (int g = 0; g < groups; g++)
        for (int k = 0; k < s->columns; k++) {
            int scale = canvas_text_width(2, s->captions[k]) <= cell_x ? 2 : 1;
            canvas_text(&c, GAP + g * group_x + k * cell_x, 5, scale, 0x303030, s->captions[k]);
        }
    for (int row = 0; row < s->rows; row++)
        draw_row(&c, s, row, GAP + row / lines * group_x, HEAD + row % lines * cell_y, zoom);
    int result = canvas_write(&c, path);
    canvas_destroy(&c);
    return result;
}
