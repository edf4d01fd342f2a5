/* SPDX-License-Identifier: MIT */
/* budget.c -- what to compute again in backward so that the arena fits, cheapest first.
 *
 * A value that backward reads lives until then unless it is dropped: computed again at the price of its operator, in
 * operations and in bytes moved, for the bytes that it and what its operator saves would have taken. In the order of price
 * a byte, earlier values first, dropping one more after the other gives a row of plans in which each adds operations
 * to the one before. The first that fits is taken: so a larger budget never adds any.
 *
 * Most plans of the row are only looked at, not laid out: no arena is smaller than what is alive at the fullest moment. */
#include "graph/draft.h"

#include <stdlib.h>

enum { STAGES = 128 };                  /* plans in the row, at most; a stage drops several values in models with more */
enum { OPERATIONS_A_BYTE = 16 };        /* what takes as long as moving a byte, roughly, on one core */

struct candidate { int node; double price; };
struct row { struct graph *g; struct plan_options o; unsigned char *recompute; struct candidate *list; int count, stages; };

/* ---- candidates ---- */

/* Values that backward reads: not those that die in forward. */
static void mark_read(const struct draft *d, bool *read)
{
    const struct graph *g = d->g;
    for (int i = 0; i < g->node_count; i++) {
        const struct node *node = &g->nodes[i];
        bool runs = d->has[node->out->index] && node->op->backward;
        for (int k = 0; runs && k < node->n; k++)
            if (node->in[k] && node->op->reads & READ_X(k))
                read[node->in[k]->index] = true;
        if (runs && node->op->reads & READ_Y)
            read[node->out->index] = true;
    }
}

static double price(const struct node *node, size_t freed)
{
    double moved = (double)mim__tensor_bytes(node->out);
    for (int k = 0; k < node->n; k++)
        moved += node->in[k] ? (double)mim__tensor_bytes(node->in[k]) : 0;
    return ((double)node->sizes.operations + OPERATIONS_A_BYTE * moved) / (double)freed;
}

static int cheapest_first(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->price != y->price)
        return x->price < y->price ? -1 : 1;
    return x->node - y->node;
}

/* With everything dropped, what is not a border can be. The others are no candidates but are marked from the start: what
 * dies in forward is not to be kept for the sake of one that is, and runs again only where one needs it. */
static void list_candidates(struct row *r, const struct draft *d, const bool *read)
{
    for (int i = 0; i < r->g->node_count; i++) {
        const struct node *node = &r->g->nodes[i];
        int t = node->out->index;
        bool backward = d->has[t] && node->op->backward;
        size_t freed = (read[t] && !d->border[t] ? mim__tensor_bytes(node->out) : 0) + (backward ? node->sizes.saved : 0);
        if (freed && mim__draft_needs(d, i) && !r->recompute[i])
            r->list[r->count++] = (struct candidate){ i, price(node, freed) };
        else
            r->recompute[i] = 1;
    }
    qsort(r->list, (size_t)r->count, sizeof *r->list, cheapest_first);
    r->stages = imin(r->count, STAGES) + 1;
}

static mim_status find_candidates(struct row *r)
{
    struct graph *g = r->g;
    struct draft d;
    unsigned char *all = mim__alloc(g->ctx, (size_t)g->node_count + 1);
    bool *read = mim__calloc(g->ctx, (size_t)g->tensor_count + 1, sizeof *read);
    r->list = mim__calloc(g->ctx, (size_t)g->node_count + 1, sizeof *r->list);
    mim_status status = all && read && r->list ? MIM_OK : mim__no_memory(g->ctx, (size_t)g->node_count * sizeof *r->list);
    if (!status) {
        memset(all, 1, (size_t)g->node_count);
        r->o.recompute = all;
        status = mim__draft_begin(&d, g, &r->o);
        if (!status) {
            mark_read(&d, read);
            list_candidates(r, &d, read);
        }
        mim__draft_end(&d);
        mim__plan_destroy(d.p);
        r->o.recompute = r->recompute;
    }
    mim__free(g->ctx, read);
    mim__free(g->ctx, all);
    return status;
}

/* ---- the row ---- */

/* Bytes of a plan of the row: of its arena, or of what is alive at its fullest moment. */
static mim_status bytes_of(struct row *r, int stage, bool arena, size_t *bytes)
{
    struct draft d;
    int64_t dropped = (int64_t)stage * r->count / imax(r->stages - 1, 1);
    for (int i = 0; i < r->count; i++)
        r->recompute[r->list[i].node] = i < dropped;
    mim_status status = mim__draft_begin(&d, r->g, &r->o);
    if (!status && arena)
        status = mim__draft_pack(&d);
    if (!status)
        *bytes = arena ? d.p->arena_bytes : d.p->sizes.live;
    mim__draft_end(&d);
    mim__plan_destroy(d.p);
    return status;
}

/* The least arena of all: those that may be smaller than the least so far, most promising first. */
static mim_status find_least(struct row *r, size_t *live, size_t *least)
{
    mim_status status = MIM_OK;
    for (*least = SIZE_MAX; !status;) {
        int best = 0;
        size_t bytes;
        for (int s = 1; s < r->stages; s++)
            if (live[s] <= live[best])
                best = s;
        if (live[best] >= *least)
            break;
        live[best] = SIZE_MAX;
        status = bytes_of(r, best, true, &bytes);
        if (!status && bytes < *least)
            *least = bytes;
    }
    return status;
}

static mim_status walk(struct row *r, size_t arena, size_t *least)
{
    size_t live[STAGES + 1], bytes;
    for (int s = 0; s < r->stages; s++) {
        mim_status status = bytes_of(r, s, false, &live[s]);
        if (!status && live[s] <= arena) {
            status = bytes_of(r, s, true, &bytes);
            if (!status && bytes <= arena)
                return MIM_OK;
        }
        if (status)
            return status;
    }
    mim_status status = find_least(r, live, least);
    return status ? status : MIM_ERR_BUDGET;
}

mim_status mim__graph_fit(struct graph *g, const struct plan_options *o, size_t arena, unsigned char *recompute,
                          size_t *least)
{
    struct row r = { .g = g, .o = *o, .recompute = recompute };
    if (g->status)
        return g->status;
    r.o.dry = true;
    mim_status status = find_candidates(&r);
    if (!status)
        status = walk(&r, arena, least);
    mim__free(g->ctx, r.list);
    return status;
}
