/* SPDX-License-Identifier: MIT */
/* print_options.c -- the option reference, docs/options.md, from the tables that drive parsing. Prints Markdown. */
#include "base/options.h"

#include <stdio.h>

static const char *type_name(const struct mim__option *o)
{
    static const char *const names[] = { "integer", "number", "0 or 1", "", "text", "numbers", "words" };
    return names[o->type];
}

static void print_choices(const char *words)
{
    for (const char *at = words; *at;) {
        size_t n = strcspn(at, " ");
        printf("%s`%.*s`", at == words ? "" : ", ", (int)n, at);
        at += n + (at[n] == ' ');
    }
}

static void print_option(const struct mim__option *o)
{
    printf("| `%s` | ", o->key);
    if (o->type == OPTION_CHOICE)
        print_choices(o->choices);
    else
        printf("%s", type_name(o));
    if (o->least < o->most && o->type != OPTION_BOOL)
        printf(o->most < INT32_MAX ? ", %.10g to %.10g" : ", %.10g or more", o->least, o->most);
    printf(" | `%s` | %s |\n", o->fallback, o->doc);
}

int main(void)
{
    printf("# Options\n\nPrinted from the tables that read them (`make options`). A preset sets some of these; `describe` of a handle "
           "gives all with their values.\n\n| key | values | default | |\n|---|---|---|---|\n");
    for (const struct mim__option *const *table = mim__option_tables; *table; table++)
        for (const struct mim__option *o = *table; o->key; o++)
            print_option(o);
    printf("\n## Presets\n\n| name | |\n|---|---|\n");
    for (const struct mim__preset *p = mim__presets; p->name; p++)
        printf("| `%s` | %s |\n", p->name, p->doc);
    return 0;
}
