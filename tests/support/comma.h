/* SPDX-License-Identifier: MIT */
/* comma.h -- a locale whose decimal point is a comma, where the system has one. */
#ifndef MIM_TESTS_SUPPORT_COMMA_H
#define MIM_TESTS_SUPPORT_COMMA_H

#include "support/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

/* Sets it; 0 (and a note) if there is none, which is a failure where COMMA says that there is one. comma_end goes back. */
static inline int comma_begin(void)
{
    static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8", "es_ES.UTF-8",
                                         "nl_NL.UTF-8", "pl_PL.UTF-8", "ru_RU.UTF-8", "de_DE", "fr_FR" };
    char text[16];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (setlocale(LC_ALL, names[i])) {
            snprintf(text, sizeof text, "%.1f", 0.5);
            if (text[1] == ',')
                return 1;
        }
    setlocale(LC_ALL, "C");
    const char *wanted = getenv("COMMA");
    CHECK(!wanted || !*wanted);
    printf("no locale with a decimal comma: not tested in one\n");
    return 0;
}

static inline void comma_end(void) { setlocale(LC_ALL, "C"); }

#endif
