/* SPDX-License-Identifier: MIT */
/* test_dtype.c -- the names of element types, and what libmim makes of them. */
#include "io/convert.h"
#include "io/dtype.h"
#include "support/test.h"

static void both_ways(void)
{
    int readable = 0;
    for (int i = 0; i < DTYPE_COUNT; i++) {
        const struct mim__dtype *d = mim__dtype_at(i);
        CHECK(mim__dtype_find(d->name) == i);
        if (!d->type)
            continue;
        readable++;
        CHECK(mim__dtype_of(d->type) == i);
        CHECK(mim__type_size(d->type) * 8 == (size_t)d->bits);
    }
    CHECK(readable == 13);
}

static void unknown(void)
{
    CHECK(mim__dtype_find("") == -1);
    CHECK(mim__dtype_find("f32") == -1);
    CHECK(mim__dtype_find("F32 ") == -1);
    CHECK(mim__dtype_of(0) == -1);
    CHECK(mim__dtype_of(14) == -1);
}

/* Tensors stand in files by type in this order, last first. */
static void order(void)
{
    static const char *const names[] = { "U64", "I64", "F64", "C64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16",
        "F8_E5M2FNUZ", "F8_E4M3FNUZ", "F8_E8M0", "F8_E4M3", "F8_E5M2", "I8", "U8", "F6_E3M2", "F6_E2M3", "F4", "BOOL" };
    for (int i = 0; i < COUNT(names); i++)
        CHECK(mim__dtype_find(names[i]) == COUNT(names) - 1 - i);
}

int main(void)
{
    TEST(both_ways);
    TEST(unknown);
    TEST(order);
    return test_end();
}
