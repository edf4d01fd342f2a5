/* SPDX-License-Identifier: MIT */
/* plan.c -- from tape to schedule: which gradients are wanted, in which order the steps run, how long every buffer
 * lives, and where it lies in the one arena.
 *
 *     forward   node 0 .. n - 1
 *     backward  node n - 1 .. 0; before the last node of a recomputed segment is reached, the segment's nodes run
 *               forward again (checkpointing: Chen et al. 2016)
 *
 * Nodes that neither the seed nor a kept output depends on are left out. A value that another segment, a caller or the end of the run needs is a border: it has one instance, which stays. Any
 * other value of a recomputed segment has two: one that dies in the forward half, one that the replay makes. */
#include "graph/plan.h"

#include "kernel/kernel.h"

#include <stdlib.h>

enum { NO_BUFFER = -1, ARENA_ALIGN = 64 };

struct buffer { size_t bytes, offset; int first, last; };

struct draft {                  /* what planning needs and a plan does not */
    struct graph *g;
    const struct plan_options *o;
    struct plan *p;
    bool *wants;                /* by tensor: a gradient is to be had for it or for something before it */
    bool *has;                  /* by tensor: a gradient of it is computed */
    bool *border;               /* by tensor */
    bool *kept;                 /* by tensor */
    bool *needed;               /* by tensor: kept, or on the way to what is */
    bool *written;              /* by tensor: a step before has written its gradient */
    int *value[2], *saved[2];   /* by tensor, by node: buffer of the first and of the replayed instance */
    int *slope;                 /* by tensor: buffer of the gradient */
    struct buffer *buffers;
    int buffer_count;
};

/* ---- which gradients ---- */

static bool is_trained(const struct draft *d, const struct tensor *t)
{
    if (d->g->params[t->source].flags & PARAM_FIXED)
        return false;
    return !d->o->trained || d->o->trained[t->source];
}

/* Is there an input k that this operator gives a gradient to, if one is wanted? */
static bool flows(const struct node *node, int k) { return node->in[k] && !(node->op->stops >> k & 1); }

static void mark_wanted(struct draft *d)
{
    const struct graph *g = d->g;
    for (int i = 0; i < g->tensor_count; i++) {
        const struct tensor *t = g->tensors[i];
        if (t->kind == TENSOR_PARAM)
            d->wants[i] = is_trained(d, t);
        else if (t->kind == TENSOR_INPUT)
            d->wants[i] = d->o->input_gradients && t->type == F32;
        else if (t->kind == TENSOR_RESULT && g->nodes[t->source].op->backward)
            for (int k = 0; k < g->nodes[t->source].n; k++)
                if (flows(&g->nodes[t->source], k) && d->wants[g->nodes[t->source].in[k]->index])
                    d->wants[i] = true;
    }
}

/* From the seed back: a gradient is computed where it is wanted and the seed depends on it. */
static void mark_had(struct draft *d)
{
    const struct graph *g = d->g;
    if (!d->o->backward || !d->o->seed)
        return;
    d->has[d->o->seed->index] = d->wants[d->o->seed->index];
    for (int i = g->node_count - 1; i >= 0; i--) {
        const struct node *node = &g->nodes[i];
        if (!d->has[node->out->index] || !node->op->backward)
            continue;
        for (int k = 0; k < node->n; k++)
            if (flows(node, k) && d->wants[node->in[k]->index])
                d->has[node->in[k]->index] = true;
    }
}

static mim_status mark_kept(struct draft *d)
{
    for (const char *const *name = d->o->keep; name && *name; name++) {
        struct tensor *t = mim__graph_find(d->g, *name);
        if (!t)
            return mim__fail(d->g->ctx, MIM_ERR_KEY, "this model has no output \"%s\"", *name);
        d->kept[t->index] = true;
    }
    if (d->o->seed)
        d->kept[d->o->seed->index] = true;
    return MIM_OK;
}

static void mark_needed(struct draft *d)
{
    const struct graph *g = d->g;
    memcpy(d->needed, d->kept, (size_t)g->tensor_count * sizeof *d->needed);
    for (int i = g->node_count - 1; i >= 0; i--)
        for (int k = 0; d->needed[g->nodes[i].out->index] && k < g->nodes[i].n; k++)
            if (g->nodes[i].in[k])
                d->needed[g->nodes[i].in[k]->index] = true;
}

static bool is_needed(const struct draft *d, int node) { return d->needed[d->g->nodes[node].out->index]; }

/* ---- order ---- */

static bool is_replayed(const struct draft *d, const struct node *node)
{
    return d->o->recompute && d->o->backward && d->o->recompute[node->segment];
}

static void mark_borders(struct draft *d)
{
    const struct graph *g = d->g;
    for (int i = 0; i < g->tensor_count; i++)
        d->border[i] = g->tensors[i]->kind != TENSOR_RESULT || d->kept[i];
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; is_needed(d, i) && k < g->nodes[i].n; k++) {
            const struct tensor *in = g->nodes[i].in[k];
            if (in && in->kind == TENSOR_RESULT && g->nodes[in->source].segment != g->nodes[i].segment)
                d->border[in->index] = true;
        }
    for (int i = 0; i < g->node_count; i++)
        if (!is_replayed(d, &g->nodes[i]))
            d->border[g->nodes[i].out->index] = true;
}

static void add_step(struct plan *p, int node, bool backward)
{
    p->steps[p->step_count++] = (struct step){ .node = node, .backward = backward };
}

/* The nodes of a segment forward again, but for those whose value stayed and which saved nothing. */
static void add_replay(struct draft *d, int last)
{
    const struct graph *g = d->g;
    int first = last;
    while (first > 0 && g->nodes[first - 1].segment == g->nodes[last].segment)
        first--;
    for (int i = first; i <= last; i++)
        if (is_needed(d, i) && (!d->border[g->nodes[i].out->index] || g->nodes[i].sizes.saved)) {
            add_step(d->p, i, false);
            d->p->sizes.recomputed += g->nodes[i].sizes.operations;
        }
}

static void order_steps(struct draft *d)
{
    const struct graph *g = d->g;
    struct plan *p = d->p;
    for (int i = 0; i < g->node_count; i++)
        if (is_needed(d, i)) {
            add_step(p, i, false);
            p->sizes.forward += g->nodes[i].sizes.operations;
        }
    p->forward_steps = p->step_count;
    p->sizes.step = p->sizes.forward;
    int replayed = -1;
    for (int i = g->node_count - 1; i >= 0; i--) {
        const struct node *node = &g->nodes[i];
        if (!d->has[node->out->index] || !node->op->backward)
            continue;
        if (is_replayed(d, node) && node->segment != replayed) {
            int last = i;
            while (last + 1 < g->node_count && g->nodes[last + 1].segment == node->segment)
                last++;
            add_replay(d, last);
            replayed = node->segment;
        }
        add_step(p, i, true);
        p->sizes.step += 2 * node->sizes.operations;
    }
    p->sizes.step += p->sizes.recomputed;
}

/* ---- lifetimes ---- */

static void touch(struct draft *d, int *id, size_t bytes, int step)
{
    if (*id == NO_BUFFER) {
        *id = d->buffer_count;
        d->buffers[d->buffer_count++] = (struct buffer){ .bytes = round_up(bytes, ARENA_ALIGN), .first = step, .last = step };
    }
    struct buffer *b = &d->buffers[*id];
    b->first = imin(b->first, step);
    b->last = imax(b->last, step);
}

/* Which instance of a value a step sees: the replayed one, if it comes after the forward half and the value has two. */
static int instance(const struct draft *d, const struct tensor *t, int step)
{
    return step >= d->p->forward_steps && !d->border[t->index];
}
static int saved_instance(const struct draft *d, int node, int step)
{
    return step >= d->p->forward_steps && is_replayed(d, &d->g->nodes[node]);
}

static size_t tensor_bytes(const struct tensor *t) { return elements(&t->shape) * dtype_size(t->type); }

static void touch_value(struct draft *d, const struct tensor *t, int step)
{
    if (t && (t->kind == TENSOR_RESULT || t->kind == TENSOR_INPUT))
        touch(d, &d->value[instance(d, t, step)][t->index], tensor_bytes(t), step);
}

static void live_forward(struct draft *d, int s)
{
    const struct node *node = &d->g->nodes[d->p->steps[s].node];
    for (int k = 0; k < node->n; k++)
        touch_value(d, node->in[k], s);
    touch_value(d, node->out, s);
    if (node->sizes.saved)
        touch(d, &d->saved[saved_instance(d, d->p->steps[s].node, s)][d->p->steps[s].node], node->sizes.saved, s);
}

/* May the gradient of input k be dy itself? Only if nothing has written it yet, and it is nobody's to read or keep. */
static bool hands_on(const struct draft *d, const struct node *node, int k)
{
    const struct tensor *in = node->in[k];
    for (int j = 0; j < node->n; j++)
        if (j != k && node->in[j] == in)
            return false;
    return node->op->passes == k + 1 && in && in->kind == TENSOR_RESULT && d->has[in->index] && !d->written[in->index]
        && in->type == node->out->type && in != d->o->seed;
}

static void live_backward(struct draft *d, int s)
{
    const struct node *node = &d->g->nodes[d->p->steps[s].node];
    for (int k = 0; k < node->n; k++)
        if (node->op->reads & READ_X(k))
            touch_value(d, node->in[k], s);
    if (node->op->reads & READ_Y)
        touch_value(d, node->out, s);
    if (node->sizes.saved)
        touch(d, &d->saved[saved_instance(d, d->p->steps[s].node, s)][d->p->steps[s].node], node->sizes.saved, s);
    touch(d, &d->slope[node->out->index], tensor_bytes(node->out), s);
    for (int k = 0; k < node->n; k++) {
        const struct tensor *in = node->in[k];
        if (!flows(node, k) || !d->has[in->index] || in->kind == TENSOR_PARAM)
            continue;
        if (hands_on(d, node, k))
            d->slope[in->index] = d->slope[node->out->index];
        touch(d, &d->slope[in->index], tensor_bytes(in), s);
    }
}

/* dx pointers of a backward step come from the same decisions as its lifetimes, so both are made in one walk. */
static void decide_gradients(struct draft *d, struct step *step)
{
    const struct node *node = &d->g->nodes[step->node];
    bool mine[MAX_IN] = { false };
    for (int k = 0; k < node->n; k++) {
        const struct tensor *in = node->in[k];
        if (!flows(node, k) || !d->has[in->index])
            continue;
        mine[k] = !hands_on(d, node, k);
        if (d->written[in->index])
            step->call.add |= 1u << k;
        else if (in->kind == TENSOR_PARAM)
            step->fresh |= 1u << k;
    }
    for (int k = 0; k < node->n; k++) {
        const struct tensor *in = node->in[k];
        if (!flows(node, k) || !d->has[in->index])
            continue;
        for (int j = 0; j < k; j++)             /* the same tensor twice: the second adds */
            if (flows(node, j) && node->in[j] == in) {
                step->call.add |= 1u << k;
                step->fresh &= ~(1u << k);
            }
        d->written[in->index] = true;
        step->call.dx[k] = mine[k] ? (void *)d : NULL;      /* marks it as wanted; resolve() puts the address */
    }
}

static void find_lifetimes(struct draft *d)
{
    const struct graph *g = d->g;
    struct plan *p = d->p;
    for (int s = 0; s < p->step_count; s++)
        if (p->steps[s].backward) {
            live_backward(d, s);
            decide_gradients(d, &p->steps[s]);
        } else {
            live_forward(d, s);
        }
    int end = imax(p->step_count - 1, 0);
    for (int i = 0; i < g->tensor_count; i++) {
        const struct tensor *t = g->tensors[i];
        if (t->kind == TENSOR_INPUT) {
            touch(d, &d->value[0][i], tensor_bytes(t), 0);
            touch(d, &d->value[0][i], tensor_bytes(t), end);
            if (d->has[i])
                touch(d, &d->slope[i], tensor_bytes(t), end);
        } else if (d->kept[i] && t->kind == TENSOR_RESULT) {
            touch(d, &d->value[0][i], tensor_bytes(t), end);
        }
    }
    if (d->o->seed && d->has[d->o->seed->index])
        touch(d, &d->slope[d->o->seed->index], tensor_bytes(d->o->seed), imin(p->forward_steps, end));
}

/* ---- memory ---- */

static int larger_first(const void *a, const void *b)
{
    const struct buffer *x = *(const struct buffer *const *)a, *y = *(const struct buffer *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : 1;
}

static int by_offset(const void *a, const void *b)
{
    const struct buffer *x = *(const struct buffer *const *)a, *y = *(const struct buffer *const *)b;
    return x->offset != y->offset ? (x->offset < y->offset ? -1 : 1) : (x < y ? -1 : 1);
}

/* The lowest gap between the buffers already placed that live at the same time as b. */
static size_t place(const struct buffer *b, struct buffer **placed, int count, struct buffer **near)
{
    int n = 0;
    for (int i = 0; i < count; i++)
        if (placed[i]->first <= b->last && b->first <= placed[i]->last)
            near[n++] = placed[i];
    qsort(near, (size_t)n, sizeof *near, by_offset);
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        if (near[i]->offset >= at + b->bytes)
            break;
        at = zmax(at, near[i]->offset + near[i]->bytes);
    }
    return at;
}

/* Largest first, each at the lowest offset that is free for its whole life. */
static mim_status pack(struct draft *d)
{
    int n = d->buffer_count;
    struct buffer **order = mim__calloc(d->g->ctx, 2 * (size_t)n + 1, sizeof *order);
    if (!order)
        return mim__no_memory(d->g->ctx, 2 * (size_t)n * sizeof *order);
    for (int i = 0; i < n; i++)
        order[i] = &d->buffers[i];
    qsort(order, (size_t)n, sizeof *order, larger_first);
    for (int i = 0; i < n; i++) {
        order[i]->offset = place(order[i], order, i, order + n);
        d->p->arena_bytes = zmax(d->p->arena_bytes, order[i]->offset + order[i]->bytes);
    }
    mim__free(d->g->ctx, order);
    for (int i = 0; i < d->g->node_count; i++) {
        if (!is_needed(d, i))
            continue;
        d->p->work_bytes = zmax(d->p->work_bytes, round_up(d->g->nodes[i].sizes.work, ARENA_ALIGN));
        d->p->scratch_bytes = zmax(d->p->scratch_bytes, round_up(d->g->nodes[i].sizes.scratch, ARENA_ALIGN));
    }
    return MIM_OK;
}

/* ---- pointers ---- */

static void *at_buffer(const struct draft *d, int id) { return id == NO_BUFFER ? NULL : d->p->arena + d->buffers[id].offset; }

static void *address(const struct draft *d, const struct tensor *t, int step)
{
    if (t->kind == TENSOR_CONSTANT)
        return t->constant;
    if (t->kind == TENSOR_PARAM) {
        const struct param *q = &d->g->params[t->source];
        return d->o->weights[q->store] + q->offset;
    }
    return at_buffer(d, d->value[instance(d, t, step)][t->index]);
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
    c->saved = node->sizes.saved ? at_buffer(d, d->saved[saved_instance(d, step->node, s)][step->node]) : NULL;
    for (int k = 0; k < node->n; k++)
        if (node->in[k]) {
            c->xs[k] = &d->p->shapes[node->in[k]->index];
            c->xt[k] = node->in[k]->type;
            c->x[k] = reads & READ_X(k) ? address(d, node->in[k], s) : NULL;
            c->dx[k] = c->dx[k] ? gradient_address(d, node->in[k]) : NULL;
        }
}

static void resolve(struct draft *d)
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

/* ---- profile ---- */

static mim_status make_rows(struct plan *p)
{
    p->rows = mim__calloc(p->g->ctx, (size_t)p->step_count + 1, sizeof *p->rows);
    if (!p->rows)
        return mim__no_memory(p->g->ctx, (size_t)p->step_count * sizeof *p->rows);
    for (int s = 0; s < p->step_count; s++) {
        const char *name = p->g->nodes[p->steps[s].node].op->name;
        int r = 0;
        while (r < p->row_count && (p->rows[r].name != name || p->rows[r].backward != p->steps[s].backward))
            r++;
        if (r == p->row_count)
            p->rows[p->row_count++] = (struct profile_row){ .name = name, .backward = p->steps[s].backward };
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

static void draft_destroy(struct draft *d)
{
    mim_context *ctx = d->g->ctx;
    mim__free(ctx, d->wants);
    mim__free(ctx, d->has);
    mim__free(ctx, d->border);
    mim__free(ctx, d->kept);
    mim__free(ctx, d->needed);
    mim__free(ctx, d->written);
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

static mim_status lay_out(struct draft *d)
{
    struct plan *p = d->p;
    mim_status status = draft_create(d);
    if (!status)
        status = mark_kept(d);
    if (status)
        return status;
    for (int i = 0; i < d->g->tensor_count; i++)
        p->shapes[i] = d->g->tensors[i]->shape;
    mark_needed(d);
    mark_wanted(d);
    mark_had(d);
    mark_borders(d);
    order_steps(d);
    find_lifetimes(d);
    status = pack(d);
    if (!status)
        status = make_rows(p);
    p->sizes.activations = p->arena_bytes;
    p->sizes.scratch = p->work_bytes + p->scratch_bytes;
    p->sizes.thread = p->scratch_bytes;
    p->sizes.segments = d->g->segment + 1;
    if (!status && !d->o->dry) {
        status = allocate(d);
        if (!status)
            resolve(d);
    }
    return status;
}

mim_status mim__graph_plan(struct graph *g, const struct plan_options *o, struct plan **out)
{
    if (g->status)
        return g->status;
    struct plan *p = mim__calloc(g->ctx, 1, sizeof *p);
    if (!p)
        return mim__no_memory(g->ctx, sizeof *p);
    p->g = g;
    p->seed = o->seed;
    struct draft d = { .g = g, .o = o, .p = p };
    mim_status status = lay_out(&d);
    draft_destroy(&d);
    if (status)
        mim__plan_destroy(p);
    else
        *out = p;
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
