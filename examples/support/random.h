/* SPDX-License-Identifier: MIT */
/* random.h -- random numbers of the examples: a sequence for each (seed, number), the same on every machine. */
#ifndef EXAMPLES_SUPPORT_RANDOM_H
#define EXAMPLES_SUPPORT_RANDOM_H

#include <stdint.h>

struct random { uint64_t state; };

struct random random_start(uint64_t seed, uint64_t number);
uint64_t random_next(struct random *r);
double random_unit(struct random *r);                               /* 0 <= x < 1 */
double random_between(struct random *r, double least, double most);
int64_t random_below(struct random *r, int64_t n);                  /* 0 .. n - 1 */
/* 0 .. n - 1 in the order of this epoch. */
void random_order(int64_t *order, int64_t n, uint64_t seed, int64_t epoch);

#endif
