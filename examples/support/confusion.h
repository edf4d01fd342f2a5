/* SPDX-License-Identifier: MIT */
/* confusion.h -- which classes are taken for which, as a PNG. */
#ifndef EXAMPLES_SUPPORT_CONFUSION_H
#define EXAMPLES_SUPPORT_CONFUSION_H

#include <stdint.h>

enum { CONFUSION_MOST_CLASSES = 4096 };

/* counts [classes, classes]: rows the class, columns what it was taken for. names: one a class, or NULL for numbers.
 * A cell is the darker the greater its share of the row. 0, or -1: too many classes, no memory, or the file cannot be
 * written. */
int confusion_write(const int64_t *counts, int classes, const char *const *names, const char *title, const char *path);

#endif
