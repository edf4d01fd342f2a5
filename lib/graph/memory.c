/* SPDX-License-Identifier: MIT */
/* memory.c -- where buffers lie in the arena, and from that the pointers of every step. */
#include "graph/draft.h"

#include <stdlib.h>

/* ---- memory ---- */

static int larger_first(const void *a, const void *b)
{
    const struct buffer *x = *(const struct buffer *const *)a, *y = *(const struct buffer *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : 1;
}

/* The lowest gap between the buffers already placed that live at the same time as b; `placed` stays in order of offsets. */
static void place(struct buffer *b, struct buffer **placed, int count)
{
    int at = 0;
    b->offset = 0;
    for (int i = 0; i < count; i++) {
        const struct buffer *p = placed[i];
        if (p->first > b->last || b->first > p->last)
            continue;
        if (p->offset >= b->offset + b->bytes)
            break;
        b->offset = zmax(b->offset, p->offset + p->bytes);
    }
    for (int low = 0, high = count; low < high;) {
        int middle = low + (high - low) / 2;
        if (placed[middle]->offset < b->offset)
            low = middle + 1;
        else
            high = middle;
        at = low;
    }
    memmove(placed + at + 1, placed + at, (size_t)(count - at) * sizeof *placed);
    placed[at] = b;
}

/* Largest first, each at the lowest offset that is free for its whole life. */
mim_status mim__draft_pack(struct draft *d)
{
    int n = d->buffer_count;
    struct buffer **order = mim__calloc(d->g->ctx, 2 * (size_t)n + 1, sizeof *order);
    if (!order)
        return mim__no_memory(d->g->ctx, 2 * (size_t)n * sizeof *order);
    for (int i = 0; i < n; i++)
        order[i] = &d->buffers[i];
    qsort(order, (size_t)n, sizeof *order, larger_first);
    for (int i = 0; i < n; i++) {
        place(order[i], order + n, i);
        d->p->arena_bytes = zmax(d->p->arena_bytes, order[i]->offset + order[i]->bytes);
    }
    mim__free(d->g->ctx, order);
    for (int i = 0; i < d->g->node_count; i++) {
        if (!mim__draft_needs(d, i))
            continue;
        d->p->work_bytes = zmax(d->p->work_bytes, round_up(d->g->nodes[i].sizes.work, ARENA_ALIGN));
        d->p->scratch_bytes = zmax(d->p->scratch_bytes, round_up(d->g->nodes[i].sizes.scratch, ARENA_ALIGN));
    }
    return MIM_OK;
}

/* ---- pointers ---- */

static void *at_buffer(const struct draft *d, int id)
{
    return id == NO_BUFFER ? NULL : d->p->arena + d->buffers[id].offset;
}

static void *address(const struct draft *d, const struct tensor *t, int step)
{
    if (t->kind == TENSOR_CONSTANT)
        return t->constant;
    if (t->kind == TENSOR_PARAM) {
        const struct param *q = &d->g->params[t->source];
        return d->o->weights[q->store] + q->offset;
    }
    return at_buffer(d, d->value[mim__draft_instance(d, t, step)][t->index]);
}

static void *gradient_address(const struct draft *d, const struct tensor *t)
{
    if (t->kind != TENSOR_PARAM)
        return at_buffer(d, d->slope[t->index]);
    const struct param *q = &d->g->params[t->source];
    return d->o->gradients[q->store] + q->offset;
}

static void resolve_step(struct draft *d, int s)
{
    struct step *step = &d->p->steps[s];
    const struct node *node = &d->g->nodes[step->node];
    struct call *c = &step->call;
    unsigned reads = step->backward ? node->op->reads : ~0u;
    c->id = (uint32_t)step->node;
    c->n = node->n;
    c->attr = node->attr;
    c->ys = &d->p->shapes[node->out->index];
    c->yt = node->out->type;
    c->y = reads & READ_Y ? address(d, node->out, s) : NULL;
    c->dy = step->backward ? gradient_address(d, node->out) : NULL;
    c->saved = node->sizes.saved ? at_buffer(d, d->saved[mim__draft_saved_instance(d, step->node, s)][step->node]) : NULL;
    for (int k = 0; k < node->n; k++)
        if (node->in[k]) {
            c->xs[k] = &d->p->shapes[node->in[k]->index];
            c->xt[k] = node->in[k]->type;
            c->x[k] = reads & READ_X(k) ? address(d, node->in[k], s) : NULL;
            c->dx[k] = c->dx[k] ? gradient_address(d, node->in[k]) : NULL;
        }
}

void mim__draft_resolve(struct draft *d)
{
    struct plan *p = d->p;
    for (int s = 0; s < p->step_count; s++)
        resolve_step(d, s);
    for (int i = 0; i < d->g->tensor_count; i++) {
        const struct tensor *t = d->g->tensors[i];
        if (t->kind == TENSOR_INPUT || (t->kind == TENSOR_RESULT && d->kept[i]))
            p->data[i] = address(d, t, 0);
        if ((t->kind == TENSOR_INPUT || t == p->seed) && d->has[i])
            p->gradient[i] = gradient_address(d, t);
    }
}

