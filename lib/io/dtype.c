/* SPDX-License-Identifier: MIT */
/* dtype.c -- the table of element types. Its order is part of the format: tensors are written by it, descending. */
#include "io/dtype.h"

static const struct mim__dtype dtypes[DTYPE_COUNT] = {
    { "BOOL", 8, MIM_BOOL },    { "F4", 4, 0 },             { "F6_E2M3", 6, 0 },        { "F6_E3M2", 6, 0 },
    { "U8", 8, MIM_U8 },        { "I8", 8, MIM_I8 },        { "F8_E5M2", 8, 0 },        { "F8_E4M3", 8, 0 },
    { "F8_E8M0", 8, 0 },        { "F8_E4M3FNUZ", 8, 0 },    { "F8_E5M2FNUZ", 8, 0 },    { "I16", 16, MIM_I16 },
    { "U16", 16, MIM_U16 },     { "F16", 16, MIM_F16 },     { "BF16", 16, MIM_BF16 },   { "I32", 32, MIM_I32 },
    { "U32", 32, MIM_U32 },     { "F32", 32, MIM_F32 },     { "C64", 64, 0 },           { "F64", 64, MIM_F64 },
    { "I64", 64, MIM_I64 },     { "U64", 64, MIM_U64 },
};

int mim__dtype_find(const char *name)
{
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (!strcmp(dtypes[i].name, name))
            return i;
    return -1;
}

int mim__dtype_of(int32_t type)
{
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (type && dtypes[i].type == type)
            return i;
    return -1;
}

const struct mim__dtype *mim__dtype_at(int dtype) { return &dtypes[dtype]; }
