/* SPDX-License-Identifier: MIT */
/* plan.c -- from tape to schedule: makes a draft, lets it be ordered and laid out, and keeps what a run needs. */
#include "graph/draft.h"

/* ---- profile ---- */

static mim_status make_rows(struct plan *p)
{
    static const char *const passes[] = { "forward", "recompute", "backward" };
    p->rows = mim__calloc(p->g->ctx, (size_t)p->step_count + 1, sizeof *p->rows);
    if (!p->rows)
        return mim__no_memory(p->g->ctx, (size_t)p->step_count * sizeof *p->rows);
    for (int s = 0; s < p->step_count; s++) {
        const struct node *node = &p->g->nodes[p->steps[s].node];
        const char *pass = p->steps[s].backward ? passes[2] : passes[s >= p->forward_steps];
        int r = 0;
        while (r < p->row_count && (p->rows[r].name != node->op->name || p->rows[r].pass != pass ||
                                    strcmp(p->rows[r].place, node->place)))
            r++;
        if (r == p->row_count)
            p->rows[p->row_count++] = (struct profile_row){ .name = node->op->name, .place = node->place, .pass = pass };
        p->steps[s].row = r;
    }
    return MIM_OK;
}

/* ---- the whole ---- */

static void *zeroed(struct draft *d, size_t count, size_t size, mim_status *status)
{
    void *made = mim__calloc(d->g->ctx, zmax(count, 1), size);
    if (!made && !*status)
        *status = mim__no_memory(d->g->ctx, count * size);
    return made;
}

static int *no_buffers(struct draft *d, int count, mim_status *status)
{
    int *made = zeroed(d, (size_t)count, sizeof *made, status);
    for (int i = 0; made && i < count; i++)
        made[i] = NO_BUFFER;
    return made;
}

static mim_status draft_create(struct draft *d)
{
    size_t tensors = (size_t)d->g->tensor_count, nodes = (size_t)d->g->node_count;
    mim_status status = MIM_OK;
    d->wants = zeroed(d, tensors, sizeof *d->wants, &status);
    d->has = zeroed(d, tensors, sizeof *d->has, &status);
    d->border = zeroed(d, tensors, sizeof *d->border, &status);
    d->kept = zeroed(d, tensors, sizeof *d->kept, &status);
    d->needed = zeroed(d, tensors, sizeof *d->needed, &status);
    d->written = zeroed(d, tensors, sizeof *d->written, &status);
    d->due = zeroed(d, nodes, sizeof *d->due, &status);
    d->replayed = zeroed(d, nodes, sizeof *d->replayed, &status);
    for (int i = 0; i < 2; i++) {
        d->value[i] = no_buffers(d, d->g->tensor_count, &status);
        d->saved[i] = no_buffers(d, d->g->node_count, &status);
    }
    d->slope = no_buffers(d, d->g->tensor_count, &status);
    d->buffers = zeroed(d, 3 * tensors + 2 * nodes, sizeof *d->buffers, &status);
    d->p->steps = zeroed(d, 3 * nodes, sizeof *d->p->steps, &status);
    d->p->shapes = zeroed(d, tensors, sizeof *d->p->shapes, &status);
    d->p->data = zeroed(d, tensors, sizeof *d->p->data, &status);
    d->p->gradient = zeroed(d, tensors, sizeof *d->p->gradient, &status);
    return status;
}

void mim__draft_end(struct draft *d)
{
    mim_context *ctx = d->g->ctx;
    mim__free(ctx, d->wants);
    mim__free(ctx, d->has);
    mim__free(ctx, d->border);
    mim__free(ctx, d->kept);
    mim__free(ctx, d->needed);
    mim__free(ctx, d->written);
    mim__free(ctx, d->due);
    mim__free(ctx, d->replayed);
    for (int i = 0; i < 2; i++) {
        mim__free(ctx, d->value[i]);
        mim__free(ctx, d->saved[i]);
    }
    mim__free(ctx, d->slope);
    mim__free(ctx, d->buffers);
}

static mim_status allocate(struct draft *d)
{
    struct plan *p = d->p;
    size_t bytes = p->arena_bytes + p->work_bytes + p->scratch_bytes;
    p->arena = mim__alloc(d->g->ctx, bytes);
    if (!p->arena)
        return mim__no_memory(d->g->ctx, bytes);
    memset(p->arena, 0, p->arena_bytes);
    p->work = p->arena + p->arena_bytes;
    p->scratch = p->work + p->work_bytes;
    return mim__executor_reserve(mim__context_executor(d->g->ctx), p->scratch_bytes);
}

mim_status mim__draft_begin(struct draft *d, struct graph *g, const struct plan_options *o)
{
    struct plan *p = mim__calloc(g->ctx, 1, sizeof *p);
    *d = (struct draft){ .g = g, .o = o, .p = p };
    if (!p)
        return mim__no_memory(g->ctx, sizeof *p);
    *p = (struct plan){ .g = g, .seed = o->seed, .batch = 1, .planned = 1 };
    mim_status status = draft_create(d);
    for (int i = 0; i < g->tensor_count && !status; i++)
        p->shapes[i] = g->tensors[i]->shape;
    if (!status)
        status = mim__draft_order(d);
    if (!status)
        status = mim__draft_lifetimes(d);
    return status;
}

static mim_status lay_out(struct draft *d)
{
    struct plan *p = d->p;
    mim_status status = mim__draft_pack(d);
    if (!status)
        status = make_rows(p);
    p->sizes.activations = p->arena_bytes;
    p->sizes.scratch = p->work_bytes + p->scratch_bytes;
    p->sizes.thread = p->scratch_bytes;
    p->sizes.segments = d->g->segment + 1;
    if (!status && !d->o->dry) {
        status = allocate(d);
        if (!status)
            mim__draft_resolve(d);
    }
    return status;
}

mim_status mim__graph_plan(struct graph *g, const struct plan_options *o, struct plan **out)
{
    if (g->status)
        return g->status;
    struct draft d;
    mim_status status = mim__draft_begin(&d, g, o);
    if (!status)
        status = lay_out(&d);
    mim__draft_end(&d);
    if (status)
        mim__plan_destroy(d.p);
    else
        *out = d.p;
    return status;
}

void mim__plan_destroy(struct plan *p)
{
    if (!p)
        return;
    mim_context *ctx = p->g->ctx;
    mim__free(ctx, p->steps);
    mim__free(ctx, p->shapes);
    mim__free(ctx, p->data);
    mim__free(ctx, p->gradient);
    mim__free(ctx, p->rows);
    mim__free(ctx, p->arena);
    mim__free(ctx, p);
}

struct plan_sizes mim__plan_sizes(const struct plan *p) { return p->sizes; }
