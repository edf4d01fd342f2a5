/* SPDX-License-Identifier: MIT */
/* history.h -- losses by step, and the chart of them. */
#ifndef EXAMPLES_SUPPORT_HISTORY_H
#define EXAMPLES_SUPPORT_HISTORY_H

struct history { double *step, *loss; int count, room; };

/* A loss that is not finite is left out. 0, or -1 without memory. */
int history_add(struct history *h, double step, double loss);
void history_free(struct history *h);
/* Training as a line of means over equal runs of steps, held_out (may be NULL) as dots, reference as a dashed line (NaN:
 * none). 0 or -1 as chart_write. */
int history_chart(const struct history *training, const struct history *held_out, double reference, const char *title,
                  const char *path);

#endif
