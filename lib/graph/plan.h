/* SPDX-License-Identifier: MIT */
/* plan.h -- a schedule with its memory: what plan.c lays out and run.c replays. */
#ifndef MIM_GRAPH_PLAN_H
#define MIM_GRAPH_PLAN_H

#include "graph/graph_internal.h"

struct step {
    int node;
    bool backward;
    struct call call;           /* pointers resolved; shapes point into the plan's own, so a smaller batch shows through */
    unsigned fresh;             /* gradients of parameters that this step is the first to write */
    int row;                    /* of the profile */
};

struct plan {
    struct graph *g;
    struct step *steps;
    int step_count, forward_steps;
    struct shape *shapes;                    /* of every tensor, for the present batch */
    int batch, planned;                      /* pictures now and at most; both 1 until mim__plan_set_batch */
    struct tensor *seed;
    void **data, **gradient;                 /* by tensor: kept values and inputs; the seed's and the inputs' gradients */
    unsigned char *arena, *work, *scratch;
    size_t arena_bytes, work_bytes, scratch_bytes;
    struct plan_sizes sizes;
    struct profile_row *rows;
    int row_count;
    bool profiled;
};

#endif
