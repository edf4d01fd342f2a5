/* SPDX-License-Identifier: MIT */
/* report.c -- accuracies, of all and of each class, and the confusion picture. classes.csv: taken_for is the class that a
 * class is most often taken for, and `times` how often; -1 and 0 where it never is. */
#include "task.h"
#include "../support/confusion.h"
#include "../support/system.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_LISTED = 40 };

static const char *name_of(const struct task *t, int class, char text[32])
{
    if (t->names)
        return t->names[class];
    snprintf(text, 32, "class %d", class);
    return text;
}

struct of_class { int64_t pictures, found; int taken; };        /* taken: what it is most often taken for; -1: for nothing else */

static struct of_class class_of(const struct task *t, const int64_t *confusion, int class)
{
    const int64_t *row = confusion + (size_t)class * (size_t)t->set.classes;
    struct of_class c = { 0, row[class], -1 };
    for (int i = 0; i < t->set.classes; i++) {
        c.pictures += row[i];
        if (i != class && row[i] && (c.taken < 0 || row[i] > row[c.taken]))
            c.taken = i;
    }
    return c;
}

/* How often a class is found, and what it is taken for where it is not. */
static void print_class(const struct task *t, const int64_t *confusion, int class)
{
    const int64_t *row = confusion + (size_t)class * (size_t)t->set.classes;
    struct of_class c = class_of(t, confusion, class);
    char own[32], other[32];
    printf("  %-16s", name_of(t, class, own));
    if (!c.pictures)
        printf(" no picture of it to test\n");
    else if (c.taken < 0)
        printf(" %6.2f %% of %lld\n", 100.0 * (double)c.found / (double)c.pictures, (long long)c.pictures);
    else
        printf(" %6.2f %% of %lld; most often taken for %s, %.2f %%\n", 100.0 * (double)c.found / (double)c.pictures,
               (long long)c.pictures, name_of(t, c.taken, other), 100.0 * (double)row[c.taken] / (double)c.pictures);
}

static void print_classes(const struct task *t, const int64_t *confusion)
{
    for (int i = 0; i < t->set.classes && i < MOST_LISTED; i++)
        print_class(t, confusion, i);
    if (t->set.classes > MOST_LISTED)
        printf("  ... and %d more%s\n", (int)t->set.classes - MOST_LISTED,
               t->arguments->out ? ", in classes.csv" : ", which --out writes");
}

static void write_text(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++)
        fputs(*text == '"' ? "\"\"" : (char[]){ *text, 0 }, f);
    fputc('"', f);
}

static mim_status write_classes(const struct task *t, const int64_t *confusion)
{
    char *path = join_path(t->arguments->out, "classes.csv"), name[32];
    int failed = !path || make_folder(t->arguments->out);
    FILE *f = failed ? NULL : fopen(path, "w");
    if (f)
        fputs("class,pictures,found,taken_for,times,name\n", f);
    for (int i = 0; f && i < t->set.classes; i++) {
        struct of_class c = class_of(t, confusion, i);
        int64_t times = c.taken < 0 ? 0 : confusion[(size_t)i * (size_t)t->set.classes + (size_t)c.taken];
        fprintf(f, "%d,%lld,%lld,%d,%lld,", i, (long long)c.pictures, (long long)c.found, c.taken, (long long)times);
        write_text(f, name_of(t, i, name));
        fputc('\n', f);
    }
    failed = !f || ferror(f);
    if (f && fclose(f))
        failed = 1;
    free(path);
    return failed ? tell_wrong(MIM_ERR_IO, "cannot write %s/classes.csv", t->arguments->out) : MIM_OK;
}

static mim_status write_confusion(const struct task *t, const int64_t *confusion, double top1)
{
    char title[128];
    char *path = join_path(t->arguments->out, "confusion.png");
    snprintf(title, sizeof title, "%s%s: top-1 %.2f %%", probe_names[t->probe], t->arguments->scratch ? ", untrained" : "",
             100 * top1);
    int failed = !path || make_folder(t->arguments->out)
              || confusion_write(confusion, t->set.classes, t->names, title, path);
    free(path);
    return failed ? tell_wrong(MIM_ERR_IO, "cannot write %s/confusion.png", t->arguments->out) : MIM_OK;
}

mim_status task_report(struct task *t)
{
    double top1 = 0, top5 = 0;
    int classes = t->set.classes, most = classes < 5 ? classes : 5;
    int64_t n = t->set.test.count, *labels = t->set.test_labels;
    int64_t *confusion = malloc((size_t)classes * (size_t)classes * sizeof *confusion);
    mim_status status = confusion ? MIM_OK : MIM_ERR_NOMEM;
    if (!status) status = mim_evaluate_accuracy(t->context, classes, n, t->scores, labels, 1, &top1, confusion);
    if (!status) status = mim_evaluate_accuracy(t->context, classes, n, t->scores, labels, most, &top5, NULL);
    if (status) {
        tell_failed(t->context, status, "accuracies");
    } else {
        print_classes(t, confusion);
        printf("%s%s: top-1 %.2f %%, top-%d %.2f %% of %lld pictures\n", probe_names[t->probe],
               t->arguments->scratch ? ", untrained" : "", 100 * top1, most, 100 * top5, (long long)n);
        if (t->arguments->out)
            status = write_classes(t, confusion);
        if (t->arguments->out && !status)
            status = write_confusion(t, confusion, top1);
    }
    free(confusion);
    return status;
}
