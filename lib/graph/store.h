/* SPDX-License-Identifier: MIT */
/* store.h -- the parameters of one handle: their list and their values in one f32 array. */
#ifndef MIM_GRAPH_STORE_H
#define MIM_GRAPH_STORE_H

#include "graph/graph.h"

struct mim__store {
    int count;
    struct param *params;
    float *values; size_t elements;         /* every parameter at its offset, padding zero */
};

/* The parameters that a graph made in `store`, values zero; dry: without memory for them. *out: on success only. */
mim_status mim__store_create(const struct graph *g, int store, bool dry, struct mim__store *out);
void mim__store_free(mim_context *ctx, struct mim__store *s);
/* Memory for the values of a dry one, zero. */
mim_status mim__store_allocate(mim_context *ctx, struct mim__store *s);
/* Initial values of all of them, on the context's threads. */
void mim__store_fill(mim_context *ctx, struct mim__store *s, uint64_t seed);

#endif
