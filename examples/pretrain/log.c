/* SPDX-License-Identifier: MIT */
/* log.c -- log.csv: one row an update, and none twice however often the run was interrupted. */
#include "run.h"

#include <stdlib.h>
#include <string.h>

static const char header[] = "step,loss,lr,grad_norm,seconds\n";

double run_seconds(const struct run *r)
{
    return r->seconds + seconds_now() - r->begun;
}

/* Rows from before, up to the saved update, into the new file and the history. */
static int copy_rows(struct run *r, FILE *from, FILE *to)
{
    char line[256];
    while (fgets(line, sizeof line, from)) {
        char *end;
        long long step = strtoll(line, &end, 10);
        if (end == line || *end != ',' || !strchr(line, '\n') || step > r->step)
            continue;                                       /* header, half a row, or past the state */
        if (fputs(line, to) < 0 || history_add(&r->losses, (double)step, strtod(end + 1, NULL)))
            return -1;
    }
    return 0;
}

int log_open(struct run *r)
{
    char *path = join_path(r->arguments.out, "log.csv"), *temporary = join_path(r->arguments.out, "log.csv.tmp");
    FILE *before = path && r->arguments.resume ? fopen(path, "r") : NULL;
    FILE *to = temporary ? fopen(temporary, "w") : NULL;
    int failed = !to || fputs(header, to) < 0 || (before && copy_rows(r, before, to));
    if (before)
        fclose(before);
    if (to && fclose(to))
        failed = 1;
    if (!failed && !rename(temporary, path))
        r->log = fopen(path, "a");
    free(temporary);
    free(path);
    return r->log ? 0 : -1;
}

int log_row(struct run *r, double loss, double rate, double norm)
{
    int failed = fprintf(r->log, "%lld,%.6g,%.6g,%.6g,%.3f\n", (long long)r->step, loss, rate, norm, run_seconds(r)) < 0;
    return failed || history_add(&r->losses, (double)r->step, loss) ? -1 : 0;
}
