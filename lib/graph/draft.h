/* SPDX-License-Identifier: MIT */
/* draft.h -- a plan in the making: what planning needs and a plan does not. plan.c makes it and calls, in this order,
 * order.c (which steps), lifetime.c (from when to when each buffer lives) and memory.c (where it lies). */
#ifndef MIM_GRAPH_DRAFT_H
#define MIM_GRAPH_DRAFT_H

#include "graph/plan.h"

enum { NO_BUFFER = -1, ARENA_ALIGN = 64 };

struct buffer { size_t bytes, offset; int first, last; };

struct draft {
    struct graph *g;
    const struct plan_options *o;
    struct plan *p;
    bool *wants;                /* by tensor: a gradient is to be had for it or for something before it */
    bool *has;                  /* by tensor: a gradient of it is computed */
    bool *border;               /* by tensor */
    bool *kept;                 /* by tensor */
    bool *needed;               /* by tensor: kept, or on the way to what is */
    bool *written;              /* by tensor: a step before has written its gradient */
    bool *due, *replayed;       /* by node: to be run again for the step at hand; was run again */
    int *value[2], *saved[2];   /* by tensor, by node: buffer of the first and of the replayed instance */
    int *slope;                 /* by tensor: buffer of the gradient */
    struct buffer *buffers;
    int buffer_count;
};

/* The value of a result has one instance where it is a border; else the steps after the forward half see the replayed. */
static inline int mim__draft_instance(const struct draft *d, const struct tensor *t, int step)
{
    return step >= d->p->forward_steps && !d->border[t->index];
}

/* Is there an input k that this operator gives a gradient to, if one is wanted? */
static inline bool mim__draft_flows(const struct node *node, int k) { return node->in[k] && !(node->op->stops >> k & 1); }

/* plan.c: a draft with its plan, up to the lives of its buffers; d->p is the caller's. */
mim_status mim__draft_begin(struct draft *d, struct graph *g, const struct plan_options *o);
void mim__draft_end(struct draft *d);
/* order.c */
mim_status mim__draft_order(struct draft *d);           /* MIM_ERR_KEY: an output to keep that is not there */
bool mim__draft_needs(const struct draft *d, int node);
bool mim__draft_replays(const struct draft *d, const struct node *node);
/* lifetime.c: buffers with their lives, the bytes alive at the fullest moment, and in the steps which gradients are wanted,
 * added to or written first. */
mim_status mim__draft_lifetimes(struct draft *d);
int mim__draft_saved_instance(const struct draft *d, int node, int step);
/* memory.c: offsets and sizes; then, once the arena is there, every pointer of every step. */
mim_status mim__draft_pack(struct draft *d);
void mim__draft_resolve(struct draft *d);

#endif
