/* SPDX-License-Identifier: MIT */
/* progress.c -- see progress.h. */
#include "progress.h"
#include "system.h"

#include <math.h>
#include <stdio.h>

static const double often = 0.1, seldom = 10;       /* seconds between lines: on a terminal, elsewhere */

void progress_begin(struct progress *p, int64_t first, int64_t steps)
{
    *p = (struct progress){ .first = first, .steps = steps, .begun = seconds_now(), .terminal = is_terminal(),
                            .what = "step" };
    p->shown = p->begun;
}

static void time_text(char *to, size_t size, double seconds)
{
    long s = seconds > 0 && seconds < 1e9 ? (long)(seconds + 0.5) : 0;
    if (s < 3600)
        snprintf(to, size, "%ld:%02ld", s / 60, s % 60);
    else
        snprintf(to, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

static void draw(struct progress *p, int64_t step, double now)
{
    char left[32], loss[32] = "", line[160];
    double taken = now - p->begun, rate = taken > 0 ? (double)p->pictures / taken : 0;
    time_text(left, sizeof left, taken / (double)(step - p->first) * (double)(p->steps - step));
    if (p->any)
        snprintf(loss, sizeof loss, "  loss %.4f", p->loss);
    snprintf(line, sizeof line, "%s %lld of %lld%s  %.0f pictures/s  %s left", p->what, (long long)step,
             (long long)p->steps, loss, rate, left);
    printf(p->terminal ? "\r%-78.78s" : "%s\n", line);
    fflush(stdout);
    p->drawn = p->terminal;
    p->shown = now;
}

void progress_step(struct progress *p, int64_t step, double loss, int pictures)
{
    double now = seconds_now();
    p->pictures += pictures;
    if (isfinite(loss)) {
        p->loss = p->any ? 0.95 * p->loss + 0.05 * loss : loss;
        p->any = 1;
    }
    if (step > p->first && (step >= p->steps || now - p->shown >= (p->terminal ? often : seldom)))
        draw(p, step, now);
}

void progress_count(struct progress *p, int64_t step, int pictures)
{
    progress_step(p, step, NAN, pictures);
}

void progress_break(struct progress *p)
{
    if (p->drawn)
        putchar('\n');
    p->drawn = 0;
    fflush(stdout);
}
