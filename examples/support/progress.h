/* SPDX-License-Identifier: MIT */
/* progress.h -- how far a run is: one line rewritten in place on a terminal, now and then a line elsewhere. */
#ifndef EXAMPLES_SUPPORT_PROGRESS_H
#define EXAMPLES_SUPPORT_PROGRESS_H

#include <stdint.h>

struct progress {
    int64_t first, steps;           /* step it began at, and the one it ends at */
    double begun, shown;            /* seconds */
    double loss;                    /* smoothed */
    int64_t pictures;
    int terminal, drawn, any;
    const char *what;               /* what the line begins with; "step" */
};

void progress_begin(struct progress *p, int64_t first, int64_t steps);
/* After each step: `step` are done; pictures is how many this one took. A loss that is not finite is not averaged. */
void progress_step(struct progress *p, int64_t step, double loss, int pictures);
/* The same of what has no loss. */
void progress_count(struct progress *p, int64_t step, int pictures);
/* Leave the line, so that something else may be printed; the next step draws it anew. */
void progress_break(struct progress *p);

#endif
