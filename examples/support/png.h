/* SPDX-License-Identifier: MIT */
/* png.h -- write a PNG file: 8 bits a sample, gray or RGB, compressed. */
#ifndef EXAMPLES_SUPPORT_PNG_H
#define EXAMPLES_SUPPORT_PNG_H

/* pixels: dense rows of width * channels bytes; channels is 1 (gray) or 3 (RGB). The file appears whole or not at all.
 * Returns 0, or -1: bad size, no memory, or the file cannot be written. */
int png_write(const char *path, int width, int height, int channels, const unsigned char *pixels);

#endif
