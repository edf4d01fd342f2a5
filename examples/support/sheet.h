/* SPDX-License-Identifier: MIT */
/* sheet.h -- pictures side by side in rows, with captions above, as a PNG. */
#ifndef EXAMPLES_SUPPORT_SHEET_H
#define EXAMPLES_SUPPORT_SHEET_H

enum { SHEET_MOST_COLUMNS = 6 };

struct sheet {
    const char *captions[SHEET_MOST_COLUMNS];
    const unsigned char *pictures[SHEET_MOST_COLUMNS];      /* RGB [rows, height, width, 3] each */
    int columns, rows, width, height;
};

/* Small pictures are enlarged, pixel by pixel, and more than a few rows go into two groups beside each other.
 * 0, or -1: no memory, or the file cannot be written. */
int sheet_write(const struct sheet *s, const char *path);

#endif
