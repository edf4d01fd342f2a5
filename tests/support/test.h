/* SPDX-License-Identifier: MIT */
/* test.h -- the whole of the test harness: a check that says where and what, and a count at the end.
 *
 *     int main(void) { TEST(round_trip); TEST(truncated); return test_end(); }
 *
 * A test program prints its failures, then one line "N passed, N failed", and ends non-zero if any failed. */
#ifndef MIM_TESTS_SUPPORT_TEST_H
#define MIM_TESTS_SUPPORT_TEST_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int test_passed, test_failed, test_broken;
static const char *test_name = "";

static inline int test_check(int ok, const char *file, int line, const char *what)
{
    if (!ok) {
        test_broken = 1;
        printf("%s:%d: in %s: %s\n", file, line, test_name, what);
    }
    return ok;
}
/* Carries on after a failure; gives the condition, so that a test may leave early: if (!CHECK(p)) return; */
#define CHECK(condition) test_check(!!(condition), __FILE__, __LINE__, #condition)
#define CHECK_NEAR(a, b, tolerance) test_near((double)(a), (double)(b), tolerance, __FILE__, __LINE__, #a " ~ " #b)
#define CHECK_TEXT(a, b) test_text(a, b, __FILE__, __LINE__)

static inline int test_near(double a, double b, double tolerance, const char *file, int line, const char *what)
{
    char text[512];
    snprintf(text, sizeof text, "%s: %.9g against %.9g", what, a, b);
    return test_check(fabs(a - b) <= tolerance, file, line, text);
}

static inline int test_text(const char *a, const char *b, const char *file, int line)
{
    char text[1024];
    snprintf(text, sizeof text, "\"%s\" is not \"%s\"", a, b);
    return test_check(!strcmp(a, b), file, line, text);
}

static inline void test_run(void (*test)(void), const char *name)
{
    test_name = name;
    test_broken = 0;
    test();
    *(test_broken ? &test_failed : &test_passed) += 1;
}
#define TEST(function) test_run(function, #function)

static inline int test_end(void)
{
    printf("%d passed, %d failed\n", test_passed, test_failed);
    return test_failed > 0;
}

#endif
