/* SPDX-License-Identifier: MIT */
/* random.c -- see random.h. The generator is SplitMix64 (Steele, Lea and Flood 2014). */
#include "random.h"

uint64_t random_next(struct random *r)
{
    uint64_t z = r->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* Mixed twice, so that neighbouring seeds and numbers give sequences that share nothing. */
struct random random_start(uint64_t seed, uint64_t number)
{
    struct random r = { seed };
    r.state = random_next(&r) ^ number;
    r.state = random_next(&r);
    return r;
}

double random_unit(struct random *r)
{
    return (double)(random_next(r) >> 11) * 0x1p-53;
}

double random_between(struct random *r, double least, double most)
{
    return least + (most - least) * random_unit(r);
}

int64_t random_below(struct random *r, int64_t n)
{
    return (int64_t)(random_unit(r) * (double)n);
}

void random_order(int64_t *order, int64_t n, uint64_t seed, int64_t epoch)
{
    struct random r = random_start(seed, (uint64_t)epoch);
    for (int64_t i = 0; i < n; i++) {
        int64_t j = random_below(&r, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}
