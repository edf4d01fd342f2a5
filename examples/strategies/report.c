/* SPDX-License-Identifier: MIT */
/* report.c -- the table, strategies.csv and strategies.png. */
#include "task.h"
#include "../support/chart.h"

#include <math.h>
#include <stdlib.h>

enum { DIGITS = 32 };

mim_status report_begin(struct task *t)
{
    const char *out = t->arguments->out;
    char *path = out ? join_path(out, "strategies.csv") : NULL;
    printf("%-12s%6s%9s%9s%9s%9s%9s\n", "strategy", "ratio", "hidden", "AvgDist", "loss", "probe", "seconds");
    if (!out)
        return MIM_OK;
    t->csv = path && !make_folder(out) ? fopen(path, "w") : NULL;
    free(path);
    if (!t->csv || fputs("strategy,ratio,hidden,avgdist,loss,top1,seconds\n", t->csv) < 0)
        return tell_wrong(MIM_ERR_IO, "cannot write %s/strategies.csv", out);
    return MIM_OK;
}

mim_status report_point(struct task *t, const struct point *p)
{
    char row[160];
    const char *name = p->strategy < 0 ? "untrained" : t->strategies[p->strategy].name;
    if (p->strategy < 0) {
        printf("%-12s%40.2f %%\n", name, 100 * p->top1);
        snprintf(row, sizeof row, "%s,,,,,%.6g,\n", name, p->top1);
    } else {
        printf("%-12s%6g%7.1f %%%9.2f%9.4f%7.2f %%%9.1f\n", name, p->ratio, 100 * p->hidden, p->distance, p->loss,
               100 * p->top1, p->seconds);
        snprintf(row, sizeof row, "%s,%g,%.6g,%.6g,%.6g,%.6g,%.1f\n", name, p->ratio, p->hidden, p->distance, p->loss,
                 p->top1, p->seconds);
    }
    fflush(stdout);
    if (t->csv && (fputs(row, t->csv) < 0 || fflush(t->csv)))
        return tell_wrong(MIM_ERR_IO, "cannot write %s/strategies.csv", t->arguments->out);
    return MIM_OK;
}

/* ---- the chart ---- */

struct drawing {
    double x[MOST_POINTS], y[MOST_POINTS], ends[2], untrained[2];
    char words[MOST_POINTS][DIGITS];
    const char *pointers[MOST_POINTS];
    struct chart_curve curves[MOST_TEXTS + 1];
    int used, count;
};

static const uint32_t colours[] = { 0x1F5FA8, 0xC8471B, 0x2E8B57, 0x8A4FB0, 0xB8860B, 0x505050, 0xB0305C };
enum { COLOURS = sizeof colours / sizeof *colours };

/* The points of a strategy, with their ratios in tenths beside them ("6" is 0.6). */
static void add_curve(const struct task *t, int strategy, struct drawing *d)
{
    struct chart_curve *c = &d->curves[d->count++];
    int first = d->used;
    for (int i = 0; i < t->done; i++) {
        const struct point *p = &t->points[i];
        if (p->strategy != strategy)
            continue;
        snprintf(d->words[d->used], DIGITS, "%.3g", 10 * p->ratio);
        d->pointers[d->used] = d->words[d->used];
        d->x[d->used] = p->distance;
        d->y[d->used++] = 100 * p->top1;
        d->ends[0] = fmin(d->ends[0], p->distance);
        d->ends[1] = fmax(d->ends[1], p->distance);
    }
    *c = (struct chart_curve){ .name = t->strategies[strategy].name, .x = d->x + first, .y = d->y + first,
                               .count = d->used - first, .colour = colours[strategy % COLOURS],
                               .mark = 1 + strategy % (MARKS - 1), .words = d->pointers + first };
}

mim_status report_chart(const struct task *t)
{
    char title[96];
    struct drawing *d = t->arguments->out ? calloc(1, sizeof *d) : NULL;
    char *path = d ? join_path(t->arguments->out, "strategies.png") : NULL;
    if (!t->arguments->out)
        return MIM_OK;
    if (!path) {
        free(d);
        return tell_wrong(MIM_ERR_NOMEM, "no memory for the chart");
    }
    d->ends[0] = INFINITY;
    for (int s = 0; s < t->strategy_count; s++)
        add_curve(t, s, d);
    d->untrained[0] = d->untrained[1] = 100 * t->untrained.top1;
    d->curves[d->count++] = (struct chart_curve){ .name = "untrained", .x = d->ends, .y = d->untrained, .count = 2,
                                                  .colour = 0x888888, .dashed = 1 };
    snprintf(title, sizeof title, "Linear probe after %lld steps; beside: ratio in tenths", t->arguments->steps);
    struct chart chart = { .title = title, .x_name = "AvgDist in pixels", .y_name = "top-1 in %", .curves = d->curves,
                           .count = d->count };
    int failed = chart_write(&chart, path);
    free(path);
    free(d);
    return failed ? tell_wrong(MIM_ERR_IO, "cannot write %s/strategies.png", t->arguments->out) : MIM_OK;
}
