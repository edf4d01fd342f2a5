/* SPDX-License-Identifier: MIT */
/* strategy.h -- what a masking strategy sees and gives. A strategy works on a grid of units, squares of `repeat` x
 * `repeat` patches; masker.c repeats each unit over its patches afterwards. Adding one is a file with a strategy in it,
 * a line here, and a line in the table of masker.c. */
#ifndef MIM_MASKER_STRATEGY_H
#define MIM_MASKER_STRATEGY_H

#include "masker/masker.h"

struct masker_options {
    int kind;
    double ratio;
    int64_t count, unit;
    int64_t least, most;             /* block */
    int exact;
    int movable, outside;            /* square */
    int64_t side_rows, side_cols;
    int64_t stride, phase;           /* grid */
    int64_t seed;                    /* -1: the run's */
};

/* The grid of units, and how much of it to hide. */
struct field {
    const struct masker_options *options;
    int rows, cols;
    int target;                      /* units that ratio or count ask for: in 1 .. rows * cols - 1 once checked */
    uint64_t *keys;                  /* scratch, one for each unit */
};

struct strategy {
    uint32_t stream;                 /* of philox.h, so that no two strategies share a draw */
    /* Can this grid be masked so? Sets *hidden to the units of every mask, or -1 if their number varies. */
    mim_status (*check)(mim_context *ctx, const struct field *f, int *hidden);
    /* Set to 1 the units to hide; `units` [rows, cols] comes zeroed. At least one unit is hidden and one visible. */
    void (*draw)(const struct field *f, const struct mim__stream *s, uint8_t *units);
};
extern const struct strategy mim__masker_by_random, mim__masker_by_block, mim__masker_by_square, mim__masker_by_grid;

/* The check that every strategy with a target needs: MIM_ERR_VALUE where it hides nothing or all. */
mim_status mim__masker_check_target(mim_context *ctx, const struct field *f);

#endif
