/* SPDX-License-Identifier: MIT */
/* confusion.c -- see confusion.h. */
#include "confusion.h"
#include "draw.h"

#include <stdio.h>
#include <string.h>

enum { ABOVE = 66, MARGIN = 12, LARGEST = 52, WHOLE = 1000, LETTERED = 22, NUMBERED = 24 };
static const uint32_t dark = 0x303030, bright = 0xFFFFFF;

struct matrix {
    struct canvas canvas;
    const int64_t *counts;
    const char *const *names;
    int classes, cell, left;
};

static const char *name_of(const struct matrix *m, int class, char text[16])
{
    if (m->names)
        return m->names[class];
    snprintf(text, 16, "%d", class);
    return text;
}

/* Right and wrong have a colour each; paper at 0. */
static uint32_t shade(double share, int right)
{
    static const int full[2][3] = { { 0xC0, 0x40, 0x20 }, { 0x18, 0x50, 0xA8 } };
    uint32_t colour = 0;
    for (int i = 0; i < 3; i++)
        colour = colour << 8 | (uint32_t)(255 + (full[right][i] - 255) * share + 0.5);
    return colour;
}

/* In percent, where there is room for it. */
static void draw_cell(struct matrix *m, int row, int column, double share)
{
    char text[16];
    int x = m->left + column * m->cell, y = ABOVE + row * m->cell, gap = m->cell > 6;
    canvas_fill(&m->canvas, x, y, m->cell - gap, m->cell - gap, shade(share, row == column));
    snprintf(text, sizeof text, share >= 0.0995 ? "%.0f" : "%.1f", 100 * share);
    if (m->cell < NUMBERED || share == 0)
        return;
    int scale = canvas_text_width(2, text) + 4 <= m->cell ? 2 : 1;
    canvas_text(&m->canvas, x + (m->cell - canvas_text_width(scale, text)) / 2,
                y + (m->cell - GLYPH_HEIGHT * scale) / 2, scale, share > 0.5 ? bright : dark, text);
}

static void draw_class(struct matrix *m, int row)
{
    const int64_t *counts = m->counts + (size_t)row * (size_t)m->classes;
    int64_t sum = 0;
    for (int i = 0; i < m->classes; i++)
        sum += counts[i];
    for (int i = 0; i < m->classes; i++)
        draw_cell(m, row, i, sum ? (double)counts[i] / (double)sum : 0);
}

/* Where not every class has room for its name, every so manyth has. Names above are cut to what is free. */
static void draw_names(struct matrix *m)
{
    int every = (LETTERED + m->cell - 1) / m->cell;
    for (int i = 0; i < m->classes; i += every) {
        char number[16], cut[64];
        const char *name = name_of(m, i, number);
        int y = ABOVE + i * m->cell + (m->cell < LETTERED ? 0 : (m->cell - 16) / 2);
        canvas_text(&m->canvas, m->left - 8 - canvas_text_width(2, name), y, 2, dark, name);
        snprintf(cut, sizeof cut, "%.*s", m->cell * every / GLYPH_WIDTH, name);
        canvas_text(&m->canvas, m->left + i * m->cell + (m->cell < LETTERED ? 0 : (m->cell - canvas_text_width(1, cut)) / 2),
                    ABOVE - 14, 1, dark, cut);
    }
}

static int widest_name(const struct matrix *m)
{
    int widest = 0;
    for (int i = 0; i < m->classes; i++) {
        char number[16];
        int width = canvas_text_width(2, name_of(m, i, number));
        widest = width > widest ? width : widest;
    }
    return widest;
}

int confusion_write(const int64_t *counts, int classes, const char *const *names, const char *title, const char *path)
{
    struct matrix m = { .counts = counts, .names = names, .classes = classes };
    if (classes < 1 || classes > CONFUSION_MOST_CLASSES)
        return -1;
    m.cell = WHOLE / classes > LARGEST ? LARGEST : WHOLE / classes ? WHOLE / classes : 1;
    m.left = widest_name(&m) + 2 * MARGIN;
    int width = m.left + classes * m.cell + MARGIN, text = canvas_text_width(2, title) + 2 * MARGIN;
    if (canvas_create(&m.canvas, width > text ? width : text, ABOVE + classes * m.cell + MARGIN, bright))
        return -1;
    canvas_text(&m.canvas, MARGIN, 8, 2, dark, title);
    canvas_text(&m.canvas, MARGIN, 30, 1, dark, "rows: the class; columns: taken for; per cent of the row");
    for (int row = 0; row < classes; row++)
        draw_class(&m, row);
    draw_names(&m);
    int result = canvas_write(&m.canvas, path);
    canvas_destroy(&m.canvas);
    return result;
}
