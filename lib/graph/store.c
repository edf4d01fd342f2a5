/* SPDX-License-Identifier: MIT */
/* store.c -- parameters of one handle, kept apart from any graph so that many graphs can use them. */
#include "graph/store.h"

#include "kernel/kernel.h"

enum { CHUNK = 16384 };         /* elements a task fills */

mim_status mim__store_create(const struct graph *g, int store, bool dry, struct mim__store *out)
{
    mim_context *ctx = mim__graph_context(g);
    struct mim__store s = { .elements = mim__graph_store_size(g, store) };
    int all = mim__graph_params(g);
    s.params = mim__calloc(ctx, (size_t)all + 1, sizeof *s.params);
    if (!s.params)
        return mim__no_memory(ctx, (size_t)all * sizeof *s.params);
    for (int i = 0; i < all; i++)
        if (mim__graph_param_at(g, i)->store == store)
            s.params[s.count++] = *mim__graph_param_at(g, i);
    mim_status status = dry ? MIM_OK : mim__store_allocate(ctx, &s);
    if (status)
        mim__store_free(ctx, &s);
    else
        *out = s;
    return status;
}

mim_status mim__store_allocate(mim_context *ctx, struct mim__store *s)
{
    s->values = mim__calloc(ctx, s->elements + 1, sizeof *s->values);
    return s->values ? MIM_OK : mim__no_memory(ctx, s->elements * sizeof *s->values);
}

void mim__store_free(mim_context *ctx, struct mim__store *s)
{
    mim__free(ctx, s->params);
    mim__free(ctx, s->values);
    *s = (struct mim__store){ 0 };
}

struct fill { const struct kernels *k; struct mim__store *s; uint64_t seed; };

static void fill_chunk(void *arg, int index, void *scratch)
{
    const struct fill *f = arg;
    const struct mim__store *s = f->s;
    size_t from = (size_t)index * CHUNK, to = from + CHUNK;
    (void)scratch;
    for (int i = 0; i < s->count; i++) {
        const struct param *p = &s->params[i];
        size_t first = zmax(from, p->offset), end = p->offset + p->count < to ? p->offset + p->count : to;
        if (first < end)
            mim__init_values(f->k, p, f->seed, first - p->offset, end - first, s->values + first);
    }
}

void mim__store_fill(mim_context *ctx, struct mim__store *s, uint64_t seed)
{
    struct fill f = { mim__kernels(ctx), s, seed };
    mim__run(mim__context_executor(ctx), (int)((s->elements + CHUNK - 1) / CHUNK), fill_chunk, &f, NULL, NULL);
}
