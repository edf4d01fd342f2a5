/* SPDX-License-Identifier: MIT */
/* test_convert.c -- every pair of element types: exact where it must be, rounded once where it cannot, refused where it
 * does not fit. */
#include "io/convert.h"
#include "support/test.h"

static const int32_t integers[] = { MIM_U8, MIM_I8, MIM_U16, MIM_I16, MIM_U32, MIM_I32, MIM_U64, MIM_I64, MIM_BOOL };
static const int32_t floats[] = { MIM_F16, MIM_BF16, MIM_F32, MIM_F64 };

static uint64_t random_bits(void)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state ^ state >> 29;
}

/* ---- Integers, against 128-bit limits written down once more ---- */

static long double least_of(int32_t type)
{
    switch (type) {
    case MIM_I8: return -128;
    case MIM_I16: return -32768;
    case MIM_I32: return -2147483648.0L;
    case MIM_I64: return -9223372036854775808.0L;
    default: return 0;
    }
}

static long double most_of(int32_t type)
{
    switch (type) {
    case MIM_U8: return 255;
    case MIM_I8: return 127;
    case MIM_U16: return 65535;
    case MIM_I16: return 32767;
    case MIM_U32: return 4294967295.0L;
    case MIM_I32: return 2147483647;
    case MIM_U64: return 18446744073709551615.0L;
    case MIM_I64: return 9223372036854775807.0L;
    default: return 1;
    }
}

static long double value_of(int32_t type, const void *at)
{
    union { uint8_t u8; int8_t i8; uint16_t u16; int16_t i16; uint32_t u32; int32_t i32; uint64_t u64; int64_t i64; } v;
    memcpy(&v, at, mim__type_size(type));
    switch (type) {
    case MIM_I8: return v.i8;
    case MIM_U16: return v.u16;
    case MIM_I16: return v.i16;
    case MIM_U32: return v.u32;
    case MIM_I32: return v.i32;
    case MIM_U64: return v.u64;
    case MIM_I64: return v.i64;
    default: return v.u8;
    }
}

static const uint64_t edges[] = { 0, 1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2147483647, 2147483648u,
    4294967295u, 4294967296u, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX, (uint64_t)-2, (uint64_t)-128, (uint64_t)-129,
    (uint64_t)-32768, (uint64_t)-32769, (uint64_t)-2147483648LL, (uint64_t)-2147483649LL };

static void integer_pairs(void)
{
    for (int a = 0; a < COUNT(integers); a++)
        for (int b = 0; b < COUNT(integers); b++)
            for (int i = 0; i < COUNT(edges) + 200; i++) {
                int32_t from = integers[a], to = integers[b];
                uint64_t in = i < COUNT(edges) ? edges[i] : random_bits() >> random_bits() % 64, out = 0x5555555555555555u;
                long double value = value_of(from, &in);
                bool fits = value >= least_of(to) && value <= most_of(to) && (from != MIM_BOOL || value <= 1);
                CHECK(mim__convert(from, &in, to, NULL, 1) == (size_t)fits);
                CHECK(mim__convert(from, &in, to, &out, 1) == (size_t)fits);
                CHECK(!fits || value_of(to, &out) == value);
                CHECK(fits || mim__convert_may_fail(from, to));
            }
}

static void first_misfit(void)
{
    int32_t in[1000];
    uint8_t out[1000];
    for (size_t bad = 0; bad < COUNT(in); bad += 37) {
        memset(in, 0, sizeof in);
        in[bad] = 256;
        in[999] = -1;
        CHECK(mim__convert(MIM_I32, in, MIM_U8, NULL, COUNT(in)) == bad);
        CHECK(mim__convert(MIM_I32, in, MIM_U8, out, COUNT(in)) == bad);
    }
    CHECK(mim__convert(MIM_I32, in, MIM_U8, out, 0) == 0);
}

/* ---- Floats, against a rounding written in another way ---- */

/* value rounded to `digits` bits of mantissa above `least` exponent, ties to even; in long double. */
static double rounded(double x, int digits, int least, double largest)
{
    if (x != x || isinf(x) || x == 0)
        return x;
    int e;
    frexp(x, &e);
    int unit = e - digits < least ? least : e - digits;
    double scaled = ldexp(x, -unit), whole = nearbyint(scaled), y = ldexp(whole, unit);
    return fabs(y) > largest ? copysign(INFINITY, x) : copysign(y, x);
}

static double read_16(int32_t type, uint16_t bits)
{
    int e = type == MIM_F16 ? bits >> 10 & 31 : bits >> 7 & 255, m = type == MIM_F16 ? bits & 1023 : bits & 127;
    int top = type == MIM_F16 ? 31 : 255, width = type == MIM_F16 ? 10 : 7, bias = type == MIM_F16 ? 15 : 127;
    double sign = bits & 0x8000 ? -1 : 1;
    if (e == top)
        return m ? NAN : sign * INFINITY;
    return sign * ldexp(e ? m + (1 << width) : m, (e ? e : 1) - bias - width);
}

static bool same(double a, double b) { return a != a ? b != b : a == b && signbit(a) == signbit(b); }

/* All 65536 values of both short types: widened exactly, and back to the same bits, NaN payloads included. */
static void short_floats(void)
{
    for (int t = 0; t < 2; t++)
        for (uint32_t i = 0; i < 65536; i++) {
            uint16_t in = (uint16_t)i, out = 0;
            float f;
            double d;
            mim__convert(floats[t], &in, MIM_F32, &f, 1);
            mim__convert(floats[t], &in, MIM_F64, &d, 1);
            double expected = read_16(floats[t], in);
            if (!CHECK(same(f, expected)) || !CHECK(same(d, expected)))
                return;
            mim__convert(MIM_F32, &f, floats[t], &out, 1);
            if (!CHECK(out == in))
                return;
            mim__convert(MIM_F64, &d, floats[t], &out, 1);
            if (!CHECK(out == in || d != d))
                return;
        }
}

static void check_rounding(double x)
{
    uint16_t h, b;
    float f;
    mim__convert(MIM_F64, &x, MIM_F16, &h, 1);
    mim__convert(MIM_F64, &x, MIM_BF16, &b, 1);
    mim__convert(MIM_F64, &x, MIM_F32, &f, 1);
    CHECK(same(read_16(MIM_F16, h), rounded(x, 11, -24, 65504)));
    CHECK(same(read_16(MIM_BF16, b), rounded(x, 8, -133, 0x1.fep127)));
    CHECK(same(f, rounded(x, 24, -149, 0x1.fffffep127)));
    mim__convert(MIM_F32, &f, MIM_F16, &h, 1);
    mim__convert(MIM_F32, &f, MIM_BF16, &b, 1);
    CHECK(same(read_16(MIM_F16, h), rounded(f, 11, -24, 65504)));
    CHECK(same(read_16(MIM_BF16, b), rounded(f, 8, -133, 0x1.fep127)));
}

static void rounding(void)
{
    static const double tricky[] = { 0, 1, 65504, 65519.999, 65520, 65536, 0x1p-24, 0x1p-25, 0x1.0000000001p-25, 0x1p-14,
        0x1.ffcp-15, 0x1.ffep-15, 0x1.fffp-15, 0x1.fffffffffp-15, 0x1p-126, 0x1p-149, 0x1p-150, 0x1.8p-149, 0x1p-300, 1e300,
        0x1.ffp127, 0x1.feffffp127, 0x1.fffffefp127, 0x1.ffffffp127, 0x1p128, INFINITY, NAN,
        1 + 0x1p-11, 1 + 0x1p-11 + 0x1p-40, 1 + 0x3p-11 - 0x1p-40, 1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-50, 1 + 0x3p-8 - 0x1p-50 };
    for (int i = 0; i < COUNT(tricky); i++) {
        check_rounding(tricky[i]);
        check_rounding(-tricky[i]);
    }
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = random_bits();
        int exponent = 1023 - 160 + (int)(random_bits() % 300);
        double x;
        bits = (bits & 0x800fffffffffffffu) | (uint64_t)exponent << 52;
        if (i % 3 == 0)
            bits &= ~0u << 28 | (uint64_t)0xffffffff << 32;      /* near ties */
        memcpy(&x, &bits, sizeof x);
        check_rounding(x);
    }
}

static void nan_of_low_payload(void)
{
    uint32_t nan = 0x7f800001, negative = 0xff800001;
    uint16_t h;
    mim__convert(MIM_F32, &nan, MIM_F16, &h, 1);
    CHECK(h == 0x7e00);
    mim__convert(MIM_F32, &negative, MIM_BF16, &h, 1);
    CHECK(h == 0xffc0);
}

/* ---- The rest ---- */

static void same_type_keeps_bits(void)
{
    unsigned char in[8 * 300], out[8 * 300];
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (unsigned char)random_bits();
    for (int32_t type = MIM_U8; type <= MIM_F64; type++) {
        size_t bytes = 300 * mim__type_size(type);
        memset(out, 0, sizeof out);
        CHECK(mim__convert(type, in, type, out, 300) == 300);
        CHECK(!memcmp(in, out, bytes));
    }
    in[0] = 1; in[1] = 0; in[2] = 2;
    CHECK(mim__convert(MIM_BOOL, in, MIM_BOOL, out, 3) == 2);
}

static void unaligned(void)
{
    unsigned char in[4 * 3 + 1], out[8 * 3 + 1];
    float f[3] = { 1.5f, -2, 3e30f };
    double d[3];
    memcpy(in + 1, f, sizeof f);
    CHECK(mim__convert(MIM_F32, in + 1, MIM_F64, out + 1, 3) == 3);
    memcpy(d, out + 1, sizeof d);
    for (int i = 0; i < 3; i++)
        CHECK(d[i] == (double)f[i]);
}

static void families(void)
{
    for (int i = 0; i < COUNT(integers); i++)
        for (int k = 0; k < COUNT(floats); k++)
            CHECK(mim__type_mix(integers[i], floats[k]) && mim__type_mix(floats[k], integers[i]));
    CHECK(!mim__type_mix(MIM_BOOL, MIM_U64));
    CHECK(!mim__type_mix(MIM_F16, MIM_F64));
    CHECK(mim__type_size(0) == 0 && mim__type_size(14) == 0 && mim__type_size(-1) == 0);
    CHECK(!mim__convert_may_fail(MIM_U8, MIM_I16) && mim__convert_may_fail(MIM_U8, MIM_I8));
    CHECK(!mim__convert_may_fail(MIM_F64, MIM_F16));
}

int main(void)
{
    TEST(integer_pairs);
    TEST(first_misfit);
    TEST(short_floats);
    TEST(rounding);
    TEST(nan_of_low_payload);
    TEST(same_type_keeps_bits);
    TEST(unaligned);
    TEST(families);
    return test_end();
}
