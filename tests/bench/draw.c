/* SPDX-License-Identifier: MIT */
/* draw.c -- a chart out of a CSV file with a line of names, as sweep and budget write them.
 *
 *     draw FILE.csv FILE.png --x COLUMN --y COLUMN [--by COLUMN] [--where COLUMN=VALUE]... [--title TEXT] [--x-name TEXT]
 *          [--y-name TEXT] [--log-x] [--log-y] [--from-zero]
 *
 * One curve for each value of the column --by, in the order of the file; only lines with the values of all --where. */
#include "../../examples/support/chart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 32, ROWS = 4096, CURVES = 6, CELL = 40, WHERES = 8 };

struct table { int columns, rows; char names[COLUMNS][CELL], cells[ROWS][COLUMNS][CELL]; };
struct request {
    const char *csv, *png, *x, *y, *by, *where[WHERES], *title, *x_name, *y_name;
    int wheres, log_x, log_y, from_zero;
};
struct series { char name[CELL]; double x[ROWS], y[ROWS]; int count; };

/* The cells of a line; how many there are. */
static int cut(char *line, char cells[COLUMNS][CELL])
{
    int n = 0;
    line[strcspn(line, "\r\n")] = 0;
    for (char *cell = line; cell && n < COLUMNS; n++) {
        char *comma = strchr(cell, ',');
        if (comma)
            *comma = 0;
        snprintf(cells[n], CELL, "%s", cell);
        cell = comma ? comma + 1 : NULL;
    }
    return n;
}

static int read_table(const char *path, struct table *t)
{
    char line[COLUMNS * CELL];
    FILE *f = fopen(path, "r");
    if (!f)
        return -1;
    t->columns = fgets(line, sizeof line, f) ? cut(line, t->names) : 0;
    for (t->rows = 0; t->rows < ROWS && fgets(line, sizeof line, f);)
        t->rows += cut(line, t->cells[t->rows]) == t->columns;
    fclose(f);
    return t->columns ? 0 : -1;
}

static int column(const struct table *t, const char *name)
{
    for (int i = 0; name && i < t->columns; i++)
        if (!strcmp(t->names[i], name))
            return i;
    return -1;
}

static int wanted(const struct table *t, const struct request *r, int row)
{
    for (int i = 0; i < r->wheres; i++) {
        char name[CELL];
        const char *equals = strchr(r->where[i], '=');
        snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - r->where[i]) : 0, r->where[i]);
        int c = column(t, name);
        if (c < 0 || strcmp(t->cells[row][c], equals + 1))
            return 0;
    }
    return 1;
}

/* Sorts the lines into curves; how many, or -1 where a column is not there. */
static int collect(const struct table *t, const struct request *r, struct series *s)
{
    int x = column(t, r->x), y = column(t, r->y), by = column(t, r->by), n = 0;
    if (x < 0 || y < 0 || (r->by && by < 0))
        return -1;
    for (int row = 0; row < t->rows; row++) {
        const char *name = by < 0 ? r->y : t->cells[row][by];
        int k = 0;
        if (!wanted(t, r, row))
            continue;
        while (k < n && strcmp(s[k].name, name))
            k++;
        if (k == CURVES)
            continue;
        n = k == n ? n + 1 : n;
        snprintf(s[k].name, CELL, "%s", name);
        s[k].x[s[k].count] = atof(t->cells[row][x]);
        s[k].y[s[k].count++] = atof(t->cells[row][y]);
    }
    return n;
}

static int draw(const struct request *r, struct series *s, int n)
{
    static const uint32_t colours[CURVES] = { 0x1F5FA8, 0xC8471B, 0x2E8B57, 0x8A4FB0, 0xB8860B, 0x505050 };
    struct chart_curve curves[CURVES];
    for (int k = 0; k < n; k++)
        curves[k] = (struct chart_curve){ .name = s[k].name, .x = s[k].x, .y = s[k].y, .count = s[k].count,
                                          .colour = colours[k], .dots = 1 };
    struct chart chart = { .title = r->title ? r->title : r->y, .x_name = r->x_name ? r->x_name : r->x,
                           .y_name = r->y_name ? r->y_name : r->y, .log_x = r->log_x, .log_y = r->log_y,
                           .from_zero = r->from_zero, .curves = curves, .count = n };
    return chart_write(&chart, r->png);
}

static int arguments(struct request *r, int argc, char **argv)
{
    const struct { const char *name; const char **to; } texts[] = {
        { "--x", &r->x }, { "--y", &r->y }, { "--by", &r->by }, { "--title", &r->title }, { "--x-name", &r->x_name },
        { "--y-name", &r->y_name },
    };
    const struct { const char *name; int *to; } flags[] = {
        { "--log-x", &r->log_x }, { "--log-y", &r->log_y }, { "--from-zero", &r->from_zero },
    };
    for (int i = 3; i < argc; i++) {
        int known = 0;
        for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
            if (!strcmp(argv[i], flags[k].name))
                known = *flags[k].to = 1;
        for (size_t k = 0; k < sizeof texts / sizeof *texts && !known && i + 1 < argc; k++)
            if (!strcmp(argv[i], texts[k].name)) {
                *texts[k].to = argv[++i];
                known = 1;
            }
        if (!known && !strcmp(argv[i], "--where") && i + 1 < argc && r->wheres < WHERES && strchr(argv[i + 1], '=')) {
            r->where[r->wheres++] = argv[++i];
            known = 1;
        }
        if (!known)
            return -1;
    }
    return argc < 3 || !r->x || !r->y ? -1 : 0;
}

int main(int argc, char **argv)
{
    static struct table table;
    static struct series series[CURVES];
    struct request r = { .csv = argc > 1 ? argv[1] : NULL, .png = argc > 2 ? argv[2] : NULL };
    int curves = -1, failed = arguments(&r, argc, argv);
    if (!failed)
        failed = read_table(r.csv, &table);
    if (!failed)
        curves = collect(&table, &r, series);
    if (failed || curves < 1 || draw(&r, series, curves)) {
        fprintf(stderr, "draw: no chart: see the top of draw.c\n");
        return 1;
    }
    return 0;
}
