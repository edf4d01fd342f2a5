/* SPDX-License-Identifier: MIT */
/* convert.h -- arrays from one element type to another, MIM_U8 ... MIM_BOOL. */
#ifndef MIM_IO_CONVERT_H
#define MIM_IO_CONVERT_H

#include "base/base.h"

size_t mim__type_size(int32_t type);             /* bytes; 0: no such type */

/* Integers (with bool, which is 0 or 1) and floats do not mix. */
bool mim__type_mix(int32_t a, int32_t b);
/* Whether a value of `from` may not fit into `to`. Floats always do: rounded to nearest even, out of range to infinity. */
bool mim__convert_may_fail(int32_t from, int32_t to);

/* Convert n elements; any alignment. Gives n, or the index of the first that does not fit: elements before it may be
 * converted then. to NULL only looks. The same type means the same bits; a bool is checked to be 0 or 1, also as source. */
size_t mim__convert(int32_t from_type, const void *from, int32_t to_type, void *to, size_t n);

/* Elements between the byte order of files (little-endian) and this machine's, in place. */
void mim__convert_little(void *data, size_t n, size_t width);

#endif
