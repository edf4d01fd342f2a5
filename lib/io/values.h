/* SPDX-License-Identifier: MIT */
/* values.h -- values of an entry as the bytes that stand in a file. */
#ifndef MIM_IO_VALUES_H
#define MIM_IO_VALUES_H

#include "io/set.h"

/* Bytes [at, at + size) of a tensor, little-endian; both at element borders. `now` is from mim__set_now. */
mim_status mim__values_bytes(mim_context *ctx, const mim_tensors *t, int32_t index, const struct mim__tensor *now,
                             uint64_t at, void *to, size_t size);

#endif
