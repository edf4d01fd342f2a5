/* SPDX-License-Identifier: MIT */
/* options.c -- see options.h. */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(const struct option *table, const char *about)
{
    printf("%s\n", about);
    for (const struct option *o = table; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", o->name, o->value ? o->value : "");
        printf("  %-22s", left);
        for (const char *p = o->help; *p; p++)
            printf(*p == '\n' ? "\n%24s" : "%.1s", *p == '\n' ? "" : p);
        putchar('\n');
    }
    printf("  %-22s%s\n", "--help", "this text");
}

static int read_count(const char *text, long long *to)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < 0)
        return -1;
    *to = value;
    return 0;
}

static int read_seconds(const char *text, double *to)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || value < 0)
        return -1;
    *to = value;
    return 0;
}

static enum option_result wrong(const char *what, const char *name, const char *then)
{
    fprintf(stderr, "%s %s%s; --help lists the options\n", what, name, then);
    return OPTIONS_WRONG;
}

static enum option_result store(const struct option *o, const char *value)
{
    struct texts *texts = o->to;
    switch (o->kind) {
    case FLAG:
        *(int *)o->to = 1;
        return OPTIONS_READ;
    case COUNT:
        return read_count(value, o->to) ? wrong(o->name, value, " is not a whole number of 0 or more") : OPTIONS_READ;
    case SECONDS:
        return read_seconds(value, o->to) ? wrong(o->name, value, " is not a number of 0 or more") : OPTIONS_READ;
    case TEXT:
        *(const char **)o->to = value;
        return OPTIONS_READ;
    case REPEATED:
    case LIST:
        if (o->kind == REPEATED && (*value == '=' || !strchr(value, '=')))
            return wrong(o->name, value, " is not KEY=VALUE");
        if (texts->count == MOST_TEXTS) {
            fprintf(stderr, "%s: %d values are the most; of files, their folder counts as one\n", o->name, MOST_TEXTS);
            return OPTIONS_WRONG;
        }
        texts->text[texts->count++] = value;
    }
    return OPTIONS_READ;
}

/* The option of this argument; *value gets what follows its '=' or NULL. */
static const struct option *find(const struct option *table, const char *argument, const char **value)
{
    size_t length = strcspn(argument, "=");
    *value = argument[length] ? argument + length + 1 : NULL;
    for (; table->name; table++)
        if (strlen(table->name) == length && !strncmp(table->name, argument, length))
            return table;
    return NULL;
}

static enum option_result read_one(const struct option *table, int argc, char **argv, int *i)
{
    const char *value, *argument = argv[*i];
    const struct option *o = find(table, argument, &value);
    if (!o)
        return wrong("unknown option", argument, "");
    if (o->kind == FLAG && value)
        return wrong(o->name, "takes no value", "");
    if (o->kind != FLAG && !value) {
        if (*i + 1 >= argc)
            return wrong(o->name, "needs a value: ", o->value);
        value = argv[++*i];
    }
    enum option_result result = store(o, value);
    while (!result && o->kind == LIST && *i + 1 < argc && *argv[*i + 1] != '-')
        result = store(o, argv[++*i]);
    return result;
}

/* Words without a name, at most `most` of them, into *words. */
static enum option_result read_all(const struct option *table, int argc, char **argv, const char *about, int most,
                                   struct texts *words)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            print_help(table, about);
            return OPTIONS_HELP;
        }
        if (*argv[i] != '-' && words->count < most) {
            words->text[words->count++] = argv[i];
            continue;
        }
        enum option_result result = read_one(table, argc, argv, &i);
        if (result)
            return result;
    }
    return OPTIONS_READ;
}

enum option_result read_options(const struct option *table, int argc, char **argv, const char *about, const char **word)
{
    struct texts words = { 0 };
    enum option_result result = read_all(table, argc, argv, about, word != NULL, &words);
    if (!result && words.count)
        *word = words.text[0];
    return result;
}

enum option_result read_words(const struct option *table, int argc, char **argv, const char *about, struct texts *words)
{
    return read_all(table, argc, argv, about, MOST_TEXTS, words);
}
