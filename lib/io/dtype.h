/* SPDX-License-Identifier: MIT */
/* dtype.h -- the element types of safetensors files. */
#ifndef MIM_IO_DTYPE_H
#define MIM_IO_DTYPE_H

#include "base/base.h"

/* Their numbers give the order in which tensors are written: highest first. */
struct mim__dtype {
    const char *name;
    int32_t bits;
    int32_t type;               /* MIM_F32, ...; 0 where libmim can only list it */
};
enum { DTYPE_COUNT = 22 };

int mim__dtype_find(const char *name);           /* -1: not one of the format */
int mim__dtype_of(int32_t type);                 /* of MIM_U8 ... MIM_BOOL; -1: not one of them */
const struct mim__dtype *mim__dtype_at(int dtype);

#endif
