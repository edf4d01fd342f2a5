/* SPDX-License-Identifier: MIT */
/* log.c -- log.csv: one row an update, held_out.csv: one row an evaluation; none twice however often the run was
 * interrupted. */
#include "run.h"

#include <stdlib.h>
#include <string.h>

struct log { const char *name, *temporary, *header; };

static const struct log updates = { "log.csv", "log.csv.tmp", "step,loss,lr,grad_norm,seconds\n" };
static const struct log evaluations = { "held_out.csv", "held_out.csv.tmp", "step,loss\n" };

double run_seconds(const struct run *r)
{
    return r->seconds + seconds_now() - r->begun;
}

/* Rows from before, up to the saved update, into the new file and the history. */
static int copy_rows(const struct run *r, FILE *from, FILE *to, struct history *history)
{
    char line[256];
    while (fgets(line, sizeof line, from)) {
        char *end;
        long long step = strtoll(line, &end, 10);
        if (end == line || *end != ',' || !strchr(line, '\n') || step > r->step)
            continue;                                       /* header, half a row, or past the state */
        if (fputs(line, to) < 0 || history_add(history, (double)step, strtod(end + 1, NULL)))
            return -1;
    }
    return 0;
}

static FILE *open_one(const struct run *r, const struct log *log, struct history *history)
{
    char *path = join_path(r->arguments.out, log->name), *temporary = join_path(r->arguments.out, log->temporary);
    FILE *opened = NULL, *before = path && r->arguments.resume ? fopen(path, "r") : NULL;
    FILE *to = temporary ? fopen(temporary, "w") : NULL;
    int failed = !to || fputs(log->header, to) < 0 || (before && copy_rows(r, before, to, history));
    if (before)
        fclose(before);
    if (to && fclose(to))
        failed = 1;
    if (!failed && !rename(temporary, path))
        opened = fopen(path, "a");
    free(temporary);
    free(path);
    return opened;
}

int log_open(struct run *r)
{
    r->log = open_one(r, &updates, &r->losses);
    r->held_log = open_one(r, &evaluations, &r->held_losses);
    return r->log && r->held_log ? 0 : -1;
}

int log_evaluation(struct run *r, double loss)
{
    const struct history *h = &r->held_losses;
    if (h->count && (int64_t)h->step[h->count - 1] == r->step)              /* resumed where it had ended */
        return 0;
    int failed = fprintf(r->held_log, "%lld,%.6g\n", (long long)r->step, loss) < 0;
    return failed || history_add(&r->held_losses, (double)r->step, loss) ? -1 : 0;
}

int log_row(struct run *r, double loss, double rate, double norm)
{
    int failed = fprintf(r->log, "%lld,%.6g,%.6g,%.6g,%.3f\n", (long long)r->step, loss, rate, norm, run_seconds(r)) < 0;
    return failed || history_add(&r->losses, (double)r->step, loss) ? -1 : 0;
}
