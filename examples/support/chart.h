/* SPDX-License-Identifier: MIT */
/* chart.h -- curves over a common x, or points, as a PNG: axes with ticks, linear or logarithmic, a legend. */
#ifndef EXAMPLES_SUPPORT_CHART_H
#define EXAMPLES_SUPPORT_CHART_H

#include <stdint.h>

/* Of points that no line joins. */
enum chart_mark { MARK_NONE, MARK_SQUARE, MARK_DIAMOND, MARK_TRIANGLE, MARK_CROSS, MARK_PLUS, MARK_WEDGE, MARK_BOW, MARKS };

struct chart_curve {
    const char *name;
    const double *x, *y;            /* points that are not finite (or not positive on a log axis) are left out */
    int count;
    uint32_t colour;
    int dashed, dots;               /* a dashed line; a dot on every point */
    enum chart_mark mark;           /* not MARK_NONE: points alone */
    const char *const *words;       /* a word beside each point, or NULL */
};

struct chart {
    const char *title, *x_name, *y_name;
    int log_y;
    const struct chart_curve *curves;
    int count;
    int log_x, from_zero;           /* from_zero: the y axis starts at 0 */
};

/* 0, or -1: no memory, or the file cannot be written. A chart without points has axes alone. */
int chart_write(const struct chart *chart, const char *path);
/* Means of equal runs of points, in place, so that at most `most` points remain; returns how many do. */
int chart_thin(double *x, double *y, int count, int most);

#endif
