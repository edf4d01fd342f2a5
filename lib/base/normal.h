/* SPDX-License-Identifier: MIT */
/* normal.h -- a standard normal number from two random words (Box and Muller 1958), in operations that IEEE 754 fixes to the
 * bit and that vectorise: the kernels draw many at once (kernel/normals.h) and get what mim__normal gives. No libm, so
 * initial weights are the same on every machine. Relative error below 2e-15. */
#ifndef MIM_BASE_NORMAL_H
#define MIM_BASE_NORMAL_H

#include "base/base.h"

#if defined(__GNUC__)
#define MIM_INLINE static inline __attribute__((always_inline))
#else
#define MIM_INLINE static inline
#endif

MIM_INLINE uint64_t mim__bits(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

MIM_INLINE double mim__from_bits(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* Logarithm of a normal x. x = 2^e m with m in [sqrt 1/2, sqrt 2); ln m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172;
 * atanh(s) = s + s z p(z), z = s^2, to 7e-16. */
MIM_INLINE double mim__ln(double x)
{
    const uint64_t one = 0x3FF0000000000000u, least = 0x3FE6A09E667F3BCDu, mantissa = 0xFFFFFFFFFFFFFu;     /* 1, sqrt 1/2 */
    uint64_t u = mim__bits(x) + (one - least);
    double e = (double)((int32_t)(u >> 52) - 1023), f = mim__from_bits((u & mantissa) + least) - 1;
    double s = f / (f + 2), z = s * s;
    double p = 0.083109085764294641 * z + 0.09070096901432996;
    p = p * z + 0.11111431140054358;
    p = p * z + 0.14285712069162079;
    p = p * z + 0.20000000005603252;
    p = p * z + 0.33333333333331039;
    return e * 0.69314718055994531 + (2 * s + 2 * s * (z * p));
}

/* Square root of a normal a > 0: four steps of Newton's for 1 / sqrt(a), from 3.5 % off. */
MIM_INLINE double mim__root(double a)
{
    double r = mim__from_bits(0x5FE6EB50C7B537A9u - (mim__bits(a) >> 1)), half = 0.5 * a;
    r = r * (1.5 - half * r * r);
    r = r * (1.5 - half * r * r);
    r = r * (1.5 - half * r * r);
    r = r * (1.5 - half * r * r);
    return a * r;
}

/* Sine of |x| <= pi / 2: x + x z p(z), z = x^2, to 5e-16. */
MIM_INLINE double mim__sine(double x)
{
    double z = x * x, p = -7.4080548895426104e-13 * z + 1.6050972244135636e-10;
    p = p * z - 2.5051972921545551e-08;
    p = p * z + 2.7557318055685783e-06;
    p = p * z - 0.00019841269836469024;
    p = p * z + 0.0083333333333259329;
    p = p * z - 0.16666666666666649;
    return x + x * (z * p);
}

/* z with Phi(z) = 1/2 + q, |q| <= 0.425: the middle one of the three pieces of Wichura 1988 (AS 241, PPND16). */
MIM_INLINE double mim__middle_quantile(double q)
{
    double r = 0.180625 - q * q, a = 2509.0809287301226727 * r + 33430.575583588128105;
    double b = 5226.495278852545925 * r + 28729.085735721942674;
    a = a * r + 67265.770927008700853;
    b = b * r + 39307.89580009271061;
    a = a * r + 45921.953931549871457;
    b = b * r + 21213.794301586595867;
    a = a * r + 13731.693765509461125;
    b = b * r + 5394.1960214247511077;
    a = a * r + 1971.5909503065514427;
    b = b * r + 687.1870074920579083;
    a = a * r + 133.14166789178437745;
    b = b * r + 42.313330701600911252;
    a = a * r + 3.387132872796366608;
    b = b * r + 1;
    return q * a / b;
}

/* sqrt(-2 ln u) cos(2 pi v) with u = mim__open(a), v = mim__unit(b). The reduction of cos(2 pi v) to
 * sin(2 pi (|v - 1/2| - 1/4)) is exact. */
MIM_INLINE double mim__box_muller(uint32_t a, uint32_t b)
{
    double u = ((double)(int32_t)(a >> 8) + 0.5) * 0x1p-24, v = (double)(int32_t)(b >> 8) * 0x1p-24 - 0.5;
    v = v < 0 ? -v : v;
    return mim__root(-2 * mim__ln(u)) * mim__sine(6.2831853071795865 * (v - 0.25));
}

#endif
