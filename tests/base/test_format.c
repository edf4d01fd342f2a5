/* SPDX-License-Identifier: MIT */
/* test_format.c -- mim__format against snprintf, and in a locale with a decimal comma. */
#include "base/text.h"
#include "support/comma.h"
#include "support/test.h"

static char ours[2000], theirs[2000];

static size_t format(char *to, size_t capacity, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t n = mim__format(to, capacity, format, args);
    va_end(args);
    return n;
}

#define SAME(...) \
    (CHECK(format(ours, sizeof ours, __VA_ARGS__) == (size_t)snprintf(theirs, sizeof theirs, __VA_ARGS__)), \
     CHECK_TEXT(ours, theirs))

static void conversions(void)
{
    SAME("plain");
    SAME("%d %i %u %x %X %o", -5, 7, 8u, 255u, 255u, 8u);
    SAME("%ld %lu %lld %llu", -5L, 6ul, INT64_MIN + 0LL, 18446744073709551615ull);
    SAME("%zu %zx %jd %td", sizeof(int), (size_t)77, (intmax_t)-9, (ptrdiff_t)-4);
    SAME("%5d|%-5d|%05d|%+d|% d", 42, 42, 42, 42, 42);
    SAME("%*d|%-*d|%.*s", 6, 42, 6, 42, 3, "abcdef");
    SAME("%s|%10s|%-10s|%.2s|%s", "abc", "abc", "abc", "abc", "");
    SAME("%c%c %%", 'x', 'y');
    SAME("%g %g %g %e %f %.3f %.10g", 0.1, 1e100, -0.0, 1.5, 2.25, 3.14159, 1.0 / 3);
    SAME("%g %g", INFINITY, -INFINITY);
    SAME("%8.3f|%-8.2g|", 3.14159, 0.5);
}

static void truncation(void)
{
    char small[6] = "zzzzz";
    CHECK(format(small, 4, "%s", "abcdef") == 6);
    CHECK_TEXT(small, "abc");
    CHECK(small[4] == 'z');
    CHECK(format(small, 4, "ab%dcd", 12345) == 9);
    CHECK_TEXT(small, "ab1");
    CHECK(format(NULL, 0, "%d%s%g", 1, "xx", 0.5) == 6);
    CHECK(format(small, 1, "abc") == 3);
    CHECK_TEXT(small, "");
}

static void comma(void)
{
    if (!comma_begin())
        return;
    format(ours, sizeof ours, "%g %.3f %d %s %8.2f|%e", 0.5, 1.25, 3, "1,5", 2.5, 0.125);
    CHECK_TEXT(ours, "0.5 1.250 3 1,5     2.50|1.250000e-01");
    comma_end();
}

int main(void)
{
    TEST(conversions);
    TEST(truncation);
    TEST(comma);
    return test_end();
}
