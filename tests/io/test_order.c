/* SPDX-License-Identifier: MIT */
/* test_order.c -- sorted, complete and stable, for inputs sorted, reversed, equal and random. */
#include "io/order.h"
#include "support/test.h"

static bool less(const void *arg, int32_t a, int32_t b)
{
    const int *keys = arg;
    return keys[a] < keys[b];
}

static void check(const int *keys, int32_t n)
{
    int32_t order[1000];
    unsigned char seen[1000] = { 0 };
    mim__order(order, n, less, keys);
    for (int32_t i = 0; i < n; i++) {
        if (!CHECK(order[i] >= 0 && order[i] < n && !seen[order[i]]))
            return;
        seen[order[i]] = 1;
        CHECK(i == 0 || keys[order[i - 1]] < keys[order[i]]
              || (keys[order[i - 1]] == keys[order[i]] && order[i - 1] < order[i]));
    }
}

static void kinds(void)
{
    int keys[1000];
    unsigned state = 7;
    for (int kind = 0; kind < 6; kind++)
        for (int n = 0; n <= 1000; n += n < 20 ? 1 : 97) {
            for (int i = 0; i < n; i++) {
                state = state * 1664525 + 1013904223;
                int values[] = { i, -i, 0, (int)(state >> 8), (int)(state >> 30), i % 7 };
                keys[i] = values[kind];
            }
            check(keys, n);
        }
}

int main(void)
{
    TEST(kinds);
    return test_end();
}
