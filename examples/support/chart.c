/* SPDX-License-Identifier: MIT */
/* chart.c -- see chart.h. */
#include "chart.h"
#include "draw.h"

#include <math.h>
#include <stdio.h>

enum { WIDTH = 960, HEIGHT = 540, LEFT = 90, RIGHT = 30, TOP = 60, BOTTOM = 60, LEGEND_LINE = 22 };
static const uint32_t ink = 0x303030, faint = 0xE4E4E4, paper = 0xFFFFFF;

struct axis { double least, most, step; int log; };         /* least and most are logarithms where log is set */
struct plot { struct canvas canvas; struct axis x, y; int top; };

static int usable(const struct plot *p, const struct chart_curve *c, int i)
{
    return isfinite(c->x[i]) && isfinite(c->y[i]) && (!p->x.log || c->x[i] > 0) && (!p->y.log || c->y[i] > 0);
}

static double along(const struct axis *a, double value)     /* 0..1 */
{
    return ((a->log ? log10(value) : value) - a->least) / (a->most - a->least);
}

static double at_x(const struct plot *p, double x) { return LEFT + along(&p->x, x) * (WIDTH - LEFT - RIGHT); }
static double at_y(const struct plot *p, double y) { return HEIGHT - BOTTOM - along(&p->y, y) * (HEIGHT - p->top - BOTTOM); }

static void widen(struct axis *a, double value)
{
    value = a->log ? log10(value) : value;
    a->least = fmin(a->least, value);
    a->most = fmax(a->most, value);
}

/* 1, 2 or 5 times a power of ten, so that about `wanted` steps fit. */
static double round_step(double range, double wanted)
{
    double unit = pow(10, floor(log10(range / wanted))), n = range / wanted / unit;
    return unit * (n <= 1 ? 1 : n <= 2 ? 2 : n <= 5 ? 5 : 10);
}

static void finish_axis(struct axis *a, double wanted)
{
    if (!(a->least <= a->most))
        a->least = 0, a->most = 1;
    if (a->most - a->least < 1e-9 * (fabs(a->most) + 1e-30) || a->most == a->least)
        a->most = a->least + fmax(fabs(a->least) * 0.1, 1e-6);
    a->step = round_step(a->most - a->least, wanted);
}

static void find_axes(const struct chart *chart, struct plot *p)
{
    p->x = (struct axis){ INFINITY, -INFINITY, 0, chart->log_x };
    p->y = (struct axis){ INFINITY, -INFINITY, 0, chart->log_y };
    for (int k = 0; k < chart->count; k++)
        for (int i = 0; i < chart->curves[k].count; i++)
            if (usable(p, &chart->curves[k], i)) {
                widen(&p->x, chart->curves[k].x[i]);
                widen(&p->y, chart->curves[k].y[i]);
            }
    if (!chart->log_y && p->y.least > 0 && (chart->from_zero || p->y.least < 0.5 * p->y.most))
        p->y.least = 0;
    finish_axis(&p->x, 8);
    finish_axis(&p->y, 6);
    for (int k = 0; k < chart->count; k++)
        if (chart->curves[k].mark) {                        /* no mark on the edge */
            double room = 0.03 * (p->x.most - p->x.least);
            p->x.most += room;
            p->x.least -= room;
            break;
        }
    double room = 0.05 * (p->y.most - p->y.least);
    p->y.most += room;
    if (p->y.log || p->y.least != 0)
        p->y.least -= room;
}

static void number(char *to, size_t size, double value)
{
    snprintf(to, size, "%.6g", fabs(value) < 1e-12 ? 0 : value);
}

static void tick_y(struct plot *p, double value)
{
    char text[32];
    double y = at_y(p, value);
    if (y < p->top - 1 || y > HEIGHT - BOTTOM + 1)
        return;
    number(text, sizeof text, value);
    canvas_line(&p->canvas, LEFT, y, WIDTH - RIGHT, y, 1, faint);
    canvas_text(&p->canvas, LEFT - 8 - canvas_text_width(2, text), (int)y - 7, 2, ink, text);
}

static void tick_x(struct plot *p, double value)
{
    char text[32];
    double x = at_x(p, value);
    if (x < LEFT - 1 || x > WIDTH - RIGHT + 1)
        return;
    number(text, sizeof text, value);
    canvas_line(&p->canvas, x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 5, 1, ink);
    canvas_text(&p->canvas, (int)x - canvas_text_width(2, text) / 2, HEIGHT - BOTTOM + 10, 2, ink, text);
}

static void axis_ticks(struct plot *p, const struct axis *a, void (*tick)(struct plot *p, double value))
{
    static const double marks[] = { 1, 2, 5, 1.5, 3, 4, 6, 8 };
    double decades = a->most - a->least;
    int used = decades < 1 ? 8 : decades < 3 ? 3 : 1;
    for (double v = ceil(a->least / a->step) * a->step; !a->log && v <= a->most + 1e-9 * a->step; v += a->step)
        tick(p, v);
    for (int decade = (int)floor(a->least); a->log && decade <= (int)ceil(a->most); decade++)
        for (int i = 0; i < used; i++)
            tick(p, marks[i] * pow(10, decade));
}

static void draw_ticks(struct plot *p)
{
    axis_ticks(p, &p->x, tick_x);
    axis_ticks(p, &p->y, tick_y);
}

/* Closed outlines, within -1 .. 1. */
static void draw_mark(struct plot *p, enum chart_mark mark, double x, double y, uint32_t colour)
{
    static const struct { int count; double at[6][2]; } outlines[MARKS] = {
        [MARK_SQUARE] = { 4, { { -0.9, -0.9 }, { 0.9, -0.9 }, { 0.9, 0.9 }, { -0.9, 0.9 } } },
        [MARK_DIAMOND] = { 4, { { 0, -1.2 }, { 1.2, 0 }, { 0, 1.2 }, { -1.2, 0 } } },
        [MARK_TRIANGLE] = { 3, { { 0, -1.1 }, { 1.1, 0.9 }, { -1.1, 0.9 } } },
        [MARK_CROSS] = { 6, { { -1, -1 }, { 1, 1 }, { 0, 0 }, { 1, -1 }, { -1, 1 }, { 0, 0 } } },
        [MARK_PLUS] = { 6, { { -1.2, 0 }, { 1.2, 0 }, { 0, 0 }, { 0, -1.2 }, { 0, 1.2 }, { 0, 0 } } },
        [MARK_WEDGE] = { 3, { { 0, 1.1 }, { 1.1, -0.9 }, { -1.1, -0.9 } } },
        [MARK_BOW] = { 4, { { -1, -0.9 }, { 1, 0.9 }, { 1, -0.9 }, { -1, 0.9 } } },
    };
    const double radius = 5;
    int n = outlines[mark].count;
    for (int i = 0; i < n; i++) {
        const double *a = outlines[mark].at[i], *b = outlines[mark].at[(i + 1) % n];
        canvas_line(&p->canvas, x + radius * a[0], y + radius * a[1], x + radius * b[0], y + radius * b[1], 2, colour);
    }
}

static void draw_points(struct plot *p, const struct chart_curve *c)
{
    for (int i = 0; i < c->count; i++) {
        if (!usable(p, c, i))
            continue;
        double x = at_x(p, c->x[i]), y = at_y(p, c->y[i]);
        draw_mark(p, c->mark, x, y, c->colour);
        if (c->words)
            canvas_text(&p->canvas, (int)x + 9, (int)y - 4, 1, ink, c->words[i]);
    }
}

static void draw_curve(struct plot *p, const struct chart_curve *c)
{
    int before = -1;
    for (int i = 0; i < c->count; i++) {
        if (!usable(p, c, i))
            continue;
        double x = at_x(p, c->x[i]), y = at_y(p, c->y[i]);
        if (c->dots)
            canvas_line(&p->canvas, x, y, x, y, 7, c->colour);
        if (before >= 0 && c->dashed)
            canvas_dashes(&p->canvas, at_x(p, c->x[before]), at_y(p, c->y[before]), x, y, 2, 8, c->colour);
        else if (before >= 0)
            canvas_line(&p->canvas, at_x(p, c->x[before]), at_y(p, c->y[before]), x, y, 2, c->colour);
        before = i;
    }
}

static int sample_width(const struct chart_curve *c) { return c->mark ? 14 : 34; }

/* Curves from `from` on that fit one line of the legend, beside the name of y; gives the first that does not. */
static int legend_line(const struct chart *chart, int from)
{
    int room = WIDTH - LEFT - RIGHT - canvas_text_width(2, chart->y_name), k = from;
    for (; k < chart->count; k++) {
        room -= canvas_text_width(2, chart->curves[k].name) + sample_width(&chart->curves[k]) + 34;
        if (room < 0 && k > from)
            break;
    }
    return k;
}

static void draw_sample(struct plot *p, const struct chart_curve *c, int x, int y)
{
    int width = sample_width(c);
    if (c->mark)
        draw_mark(p, c->mark, x + width / 2.0, y, c->colour);
    else if (c->dashed)
        canvas_dashes(&p->canvas, x, y, x + width, y, 2, 8, c->colour);
    else
        canvas_line(&p->canvas, x, y, x + width, y, 2, c->colour);
    if (c->dots)
        canvas_line(&p->canvas, x + width / 2.0, y, x + width / 2.0, y, 7, c->colour);
}

static void draw_legend(struct plot *p, const struct chart *chart)
{
    for (int from = 0, y = TOP - 24; from < chart->count; from = legend_line(chart, from), y += LEGEND_LINE) {
        int x = WIDTH - RIGHT;
        for (int k = legend_line(chart, from) - 1; k >= from; k--) {
            x -= canvas_text_width(2, chart->curves[k].name);
            canvas_text(&p->canvas, x, y, 2, ink, chart->curves[k].name);
            x -= sample_width(&chart->curves[k]) + 10;
            draw_sample(p, &chart->curves[k], x, y + 7);
            x -= 24;
        }
    }
}

int chart_write(const struct chart *chart, const char *path)
{
    struct plot p;
    if (canvas_create(&p.canvas, WIDTH, HEIGHT, paper))
        return -1;
    p.top = TOP;
    for (int end = legend_line(chart, 0); end < chart->count; end = legend_line(chart, end))
        p.top += LEGEND_LINE;
    find_axes(chart, &p);
    draw_ticks(&p);
    canvas_line(&p.canvas, LEFT, p.top, LEFT, HEIGHT - BOTTOM, 1, ink);
    canvas_line(&p.canvas, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, 1, ink);
    for (int k = 0; k < chart->count; k++)
        (chart->curves[k].mark ? draw_points : draw_curve)(&p, &chart->curves[k]);
    draw_legend(&p, chart);
    canvas_text(&p.canvas, LEFT, 12, 2, ink, chart->title);
    canvas_text(&p.canvas, 12, TOP - 24, 2, ink, chart->y_name);
    canvas_text(&p.canvas, WIDTH - RIGHT - canvas_text_width(2, chart->x_name), HEIGHT - 24, 2, ink, chart->x_name);
    int result = canvas_write(&p.canvas, path);
    canvas_destroy(&p.canvas);
    return result;
}

int chart_thin(double *x, double *y, int count, int most)
{
    int run = (count + most - 1) / most, n = 0;
    for (int i = 0; run > 1 && i < count; i += run, n++) {
        int end = i + run < count ? i + run : count;
        double sum_x = 0, sum_y = 0;
        for (int j = i; j < end; j++)
            sum_x += x[j], sum_y += y[j];
        x[n] = sum_x / (end - i);
        y[n] = sum_y / (end - i);
    }
    return run > 1 ? n : count;
}
