/* SPDX-License-Identifier: MIT */
/* history.c -- see history.h. */
#include "history.h"
#include "chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_POINTS = 300, LOG_FROM = 10 };      /* a logarithmic axis where the largest loss is that many times the least */

int history_add(struct history *h, double step, double loss)
{
    if (!isfinite(loss))
        return 0;
    if (h->count == h->room) {
        int room = h->room ? 2 * h->room : 256;
        double *steps = realloc(h->step, (size_t)room * sizeof *steps);
        if (steps)
            h->step = steps;
        double *losses = steps ? realloc(h->loss, (size_t)room * sizeof *losses) : NULL;
        if (!losses)
            return -1;
        h->loss = losses;
        h->room = room;
    }
    h->step[h->count] = step;
    h->loss[h->count++] = loss;
    return 0;
}

void history_free(struct history *h)
{
    free(h->step);
    free(h->loss);
    *h = (struct history){ 0 };
}

static int wide_range(const double *y, int count)
{
    double least = INFINITY, most = 0;
    for (int i = 0; i < count; i++)
        least = fmin(least, y[i]), most = fmax(most, y[i]);
    return least > 0 && most > LOG_FROM * least;
}

int history_chart(const struct history *training, const struct history *held_out, double reference, const char *title,
                  const char *path)
{
    int n = training->count;
    double *x = malloc(((size_t)n + 1) * sizeof *x), *y = malloc(((size_t)n + 1) * sizeof *y);
    int result = -1;
    if (x && y) {
        if (n) {
            memcpy(x, training->step, (size_t)n * sizeof *x);
            memcpy(y, training->loss, (size_t)n * sizeof *y);
        }
        double ends[2] = { n ? x[0] : 0, n ? x[n - 1] : 1 }, level[2] = { reference, reference };
        n = chart_thin(x, y, n, MOST_POINTS);
        int count = 0;
        struct chart_curve curves[3];
        curves[count++] = (struct chart_curve){ .name = "training", .x = x, .y = y, .count = n, .colour = 0x2060C0 };
        if (isfinite(reference))
            curves[count++] = (struct chart_curve){ .name = "mean of visible pixels", .x = ends, .y = level, .count = 2,
                                                    .colour = 0x808080, .dashed = 1 };
        if (held_out)
            curves[count++] = (struct chart_curve){ .name = "held out", .x = held_out->step, .y = held_out->loss,
                                                    .count = held_out->count, .colour = 0xD06020, .dots = 1 };
        struct chart chart = { .title = title, .x_name = "step", .y_name = "loss", .log_y = wide_range(y, n),
                               .curves = curves, .count = count };
        result = chart_write(&chart, path);
    }
    free(x);
    free(y);
    return result;
}
