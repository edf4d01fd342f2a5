/* SPDX-License-Identifier: MIT */
/* options.h -- command lines: --name value or --name=value, from a table that also prints the help. */
#ifndef EXAMPLES_SUPPORT_OPTIONS_H
#define EXAMPLES_SUPPORT_OPTIONS_H

enum { MOST_TEXTS = 1024 };
struct texts { int count; const char *text[MOST_TEXTS]; };

enum option_kind {
    FLAG,           /* int, set to 1; takes no value */
    COUNT,          /* long long, 0 or more */
    SECONDS,        /* double, 0 or more */
    TEXT,           /* const char *, borrowed from argv */
    REPEATED,       /* struct texts, each KEY=VALUE */
    LIST            /* struct texts; one word or more, up to the next that begins with - */
};
struct option {
    const char *name;               /* "--steps" */
    enum option_kind kind;
    void *to;
    const char *value, *help;       /* what stands for the value in the help, and a sentence; \n goes on indented */
};

enum option_result { OPTIONS_READ, OPTIONS_HELP, OPTIONS_WRONG };
/* Table ended by name NULL. At most one word may stand without a name, and goes to *word if word is not NULL. --help and
 * -h print `about` and the table; a mistake prints a sentence to stderr. */
enum option_result read_options(const struct option *table, int argc, char **argv, const char *about, const char **word);
/* The same with any number of words. */
enum option_result read_words(const struct option *table, int argc, char **argv, const char *about, struct texts *words);

#endif
