/* SPDX-License-Identifier: MIT */
/* convert.c -- element types of files and of the model, by blocks: load a block into a wide form, check it, store it.
 *
 * Integers go through 64 bits. Floats go through f32, which holds f16 and bf16 exactly, so that there is one rounding,
 * the one of the store; an f64 on its way to 16 bits is first rounded to odd (Boldo & Melquiond 2008, "Emulation of FMA
 * and correctly rounded sums: proved algorithms using rounding to odd"), which makes the second rounding exact. */
#include "io/convert.h"

enum { BLOCK = 256 };
enum family { NO_TYPE, INTEGER, REAL };

static const struct { uint8_t size, family; int64_t least; uint64_t most; } types[] = {
    [0] = { 0, NO_TYPE, 0, 0 },
    [MIM_U8] = { 1, INTEGER, 0, UINT8_MAX },       [MIM_I8] = { 1, INTEGER, INT8_MIN, INT8_MAX },
    [MIM_U16] = { 2, INTEGER, 0, UINT16_MAX },     [MIM_I16] = { 2, INTEGER, INT16_MIN, INT16_MAX },
    [MIM_U32] = { 4, INTEGER, 0, UINT32_MAX },     [MIM_I32] = { 4, INTEGER, INT32_MIN, INT32_MAX },
    [MIM_U64] = { 8, INTEGER, 0, UINT64_MAX },     [MIM_I64] = { 8, INTEGER, INT64_MIN, INT64_MAX },
    [MIM_F16] = { 2, REAL, 0, 0 },                 [MIM_BF16] = { 2, REAL, 0, 0 },
    [MIM_F32] = { 4, REAL, 0, 0 },                 [MIM_F64] = { 8, REAL, 0, 0 },
    [MIM_BOOL] = { 1, INTEGER, 0, 1 },
};

/* A block as it stands in an array; copied here first, so that alignment does not matter. */
union block {
    uint8_t u8[BLOCK]; int8_t i8[BLOCK]; uint16_t u16[BLOCK]; int16_t i16[BLOCK]; uint32_t u32[BLOCK];
    int32_t i32[BLOCK]; uint64_t u64[BLOCK]; float f32[BLOCK]; double f64[BLOCK];
};

static bool known(int32_t type) { return type > 0 && type < COUNT(types); }

size_t mim__type_size(int32_t type) { return known(type) ? types[type].size : 0; }

bool mim__type_mix(int32_t a, int32_t b) { return types[a].family != types[b].family; }

bool mim__convert_may_fail(int32_t from, int32_t to)
{
    if (from == MIM_BOOL)                        /* a file may hold any byte */
        return true;
    return types[from].family == INTEGER && (types[from].least < types[to].least || types[from].most > types[to].most);
}

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static float from_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 0x3ff;
    if (exponent == 31)
        return float_of(sign | 0x7f800000 | mantissa << 13);
    if (exponent == 0)
        return float_of(sign | bits_of((float)mantissa * 0x1p-24f));
    return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
}

/* |x| below the smallest normal half: its 24-bit mantissa, shifted to units of 2^-24. */
static uint32_t half_subnormal(uint32_t magnitude)
{
    uint32_t exponent = magnitude >> 23, mantissa = (magnitude & 0x7fffff) | 0x800000, shift = 126 - exponent;
    if (shift > 24)
        return 0;
    uint32_t kept = mantissa >> shift, rest = mantissa & ((1u << shift) - 1), half = 1u << (shift - 1);
    return kept + (rest > half || (rest == half && (kept & 1)));
}

static uint16_t to_half(float x)
{
    uint32_t u = bits_of(x), sign = u >> 16 & 0x8000, magnitude = u & 0x7fffffff, r;
    if (magnitude > 0x7f800000) {                /* NaN: what fits of its payload, never infinity */
        uint32_t payload = magnitude >> 13 & 0x3ff;
        r = 0x7c00 | (payload ? payload : 0x200);
    } else if (magnitude >= 0x47800000) {        /* 2^16 and above; from 65520 on the carry below does it */
        r = 0x7c00;
    } else if (magnitude >= 0x38800000) {
        r = (magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
    } else {
        r = half_subnormal(magnitude);
    }
    return (uint16_t)(sign | r);
}

static uint16_t to_bf16(float x)
{
    uint32_t u = bits_of(x);
    if ((u & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(u >> 16 | (u >> 16 & 0x7f ? 0 : 0x40));
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* Of the two f32 around x, the one with an odd mantissa; x itself if it is one. */
static float round_to_odd(double x)
{
    float f = (float)x;
    uint32_t u = bits_of(f);
    double back = (double)f;
    if (back == x || x != x || (u & 1))
        return f;
    bool above = (back < 0 ? -back : back) > (x < 0 ? -x : x);
    return float_of(above ? u - 1 : u + 1);
}

static void load_floats(int32_t type, const union block *in, int n, float *to)
{
    switch (type) {
    case MIM_F16: for (int i = 0; i < n; i++) to[i] = from_half(in->u16[i]); break;
    case MIM_BF16: for (int i = 0; i < n; i++) to[i] = float_of((uint32_t)in->u16[i] << 16); break;
    case MIM_F64: for (int i = 0; i < n; i++) to[i] = round_to_odd(in->f64[i]); break;
    default: memcpy(to, in->f32, (size_t)n * sizeof *to); break;
    }
}

static void store_floats(int32_t type, const float *from, int n, union block *out)
{
    switch (type) {
    case MIM_F16: for (int i = 0; i < n; i++) out->u16[i] = to_half(from[i]); break;
    case MIM_BF16: for (int i = 0; i < n; i++) out->u16[i] = to_bf16(from[i]); break;
    case MIM_F64: for (int i = 0; i < n; i++) out->f64[i] = (double)from[i]; break;
    default: memcpy(out->f32, from, (size_t)n * sizeof *from); break;
    }
}

static void convert_floats(int32_t from, const union block *in, int32_t to, union block *out, int n)
{
    float wide[BLOCK];
    if (from == MIM_F64 && to == MIM_F32) {
        for (int i = 0; i < n; i++)
            out->f32[i] = (float)in->f64[i];
        return;
    }
    load_floats(from, in, n, wide);
    store_floats(to, wide, n, out);
}

static void load_integers(int32_t type, const union block *in, int n, uint64_t *to)
{
    switch (type) {
    case MIM_I8: for (int i = 0; i < n; i++) to[i] = (uint64_t)(int64_t)in->i8[i]; break;
    case MIM_U16: for (int i = 0; i < n; i++) to[i] = in->u16[i]; break;
    case MIM_I16: for (int i = 0; i < n; i++) to[i] = (uint64_t)(int64_t)in->i16[i]; break;
    case MIM_U32: for (int i = 0; i < n; i++) to[i] = in->u32[i]; break;
    case MIM_I32: for (int i = 0; i < n; i++) to[i] = (uint64_t)(int64_t)in->i32[i]; break;
    case MIM_U64: case MIM_I64: memcpy(to, in->u64, (size_t)n * sizeof *to); break;
    default: for (int i = 0; i < n; i++) to[i] = in->u8[i]; break;              /* u8, bool */
    }
}

static void store_integers(size_t size, const uint64_t *from, int n, union block *out)
{
    switch (size) {
    case 1: for (int i = 0; i < n; i++) out->u8[i] = (uint8_t)from[i]; break;
    case 2: for (int i = 0; i < n; i++) out->u16[i] = (uint16_t)from[i]; break;
    case 4: for (int i = 0; i < n; i++) out->u32[i] = (uint32_t)from[i]; break;
    default: memcpy(out->u64, from, (size_t)n * sizeof *from); break;
    }
}

/* How many of the n fit before one does not. */
static int convert_integers(int32_t from, const union block *in, int32_t to, union block *out, int n)
{
    uint64_t wide[BLOCK];
    uint64_t most = from == MIM_BOOL ? 1 : types[to].most;
    int good = 0;
    load_integers(from, in, n, wide);
    for (; good < n; good++) {
        bool negative = types[from].least < 0 && wide[good] > INT64_MAX;
        if (negative ? (int64_t)wide[good] < types[to].least : wide[good] > most)
            break;
    }
    store_integers(types[to].size, wide, good, out);
    return good;
}

size_t mim__convert(int32_t from_type, const void *from, int32_t to_type, void *to, size_t n)
{
    size_t from_size = types[from_type].size, to_size = types[to_type].size;
    bool may_fail = mim__convert_may_fail(from_type, to_type);
    if (!may_fail && (!to || from_type == to_type)) {
        if (to && n)
            memmove(to, from, n * from_size);
        return n;
    }
    union block in, out;
    for (size_t done = 0; done < n; done += BLOCK) {
        int block = (int)(n - done < BLOCK ? n - done : BLOCK), good = block;
        memcpy(&in, (const char *)from + done * from_size, (size_t)block * from_size);
        if (types[from_type].family == REAL)
            convert_floats(from_type, &in, to_type, &out, block);
        else
            good = convert_integers(from_type, &in, to_type, &out, block);
        if (to)
            memcpy((char *)to + done * to_size, &out, (size_t)good * to_size);
        if (good < block)
            return done + (size_t)good;
    }
    return n;
}

void mim__convert_little(void *data, size_t n, size_t width)
{
    const uint16_t one = 1;
    unsigned char first, *p = data;
    memcpy(&first, &one, 1);
    if (first == 1)                              /* a little-endian machine */
        return;
    for (size_t i = 0; i < n; i++, p += width)
        for (size_t k = 0; k < width / 2; k++) {
            unsigned char swapped = p[k];
            p[k] = p[width - 1 - k];
            p[width - 1 - k] = swapped;
        }
}
