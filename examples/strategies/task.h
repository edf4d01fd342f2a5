/* SPDX-License-Identifier: MIT */
/* task.h -- the same small encoder, trained once under each strategy and ratio, and what a linear probe makes of it. */
#ifndef EXAMPLES_STRATEGIES_TASK_H
#define EXAMPLES_STRATEGIES_TASK_H

#include "../support/errors.h"
#include "../support/labelled.h"

#include <mim.h>
#include <stdio.h>

struct arguments {
    struct texts train, test, strategies, ratios, set;
    const char *precision, *out;
    long long steps, batch, probe, threads, seed;
};

enum { NAME = 32, MOST_POINTS = MOST_TEXTS * MOST_TEXTS };

/* "random-8": kind and side of a unit in pixels. */
struct strategy { char name[NAME], kind[NAME]; long long unit; };

struct point {
    int strategy;                   /* -1: none, an untrained encoder */
    double ratio;                   /* as asked for; */
    double hidden, distance;        /* and what comes of it: share of patches, AvgDist in pixels */
    double loss, top1, seconds;     /* training loss, mean of the last tenth of the steps; accuracy of the probe, 0..1 */
};

struct task {
    const struct arguments *arguments;
    mim_context *context;
    mim_config *config;             /* of all points; those set the masker's section */
    struct labelled set;
    struct data known;              /* the first of set.train: what the probe learns from; not to be closed */
    struct strategy strategies[MOST_TEXTS];
    int strategy_count, count, done;        /* of the points, in order */
    struct point points[MOST_POINTS], untrained;
    FILE *csv;
};

/* All of these tell why they failed. */

/* open.c: pictures and configuration. */
mim_status task_open(struct task *t);
void task_close(struct task *t);

/* choose.c: strategies and ratios, and of each pair how much it hides and how far from what is seen, measured on masks.
 * Pairs that hide all, or as much as one before, are left out. */
mim_status task_choose(struct task *t);
mim_status point_configure(struct task *t, const struct point *p);

/* train.c: one point. MIM_ERR_CANCELLED is for the caller to tell. */
mim_status point_run(struct task *t, struct point *p);

/* report.c: a line of the table, and of strategies.csv; and strategies.png. */
mim_status report_begin(struct task *t);
mim_status report_point(struct task *t, const struct point *p);
mim_status report_chart(const struct task *t);

#endif
