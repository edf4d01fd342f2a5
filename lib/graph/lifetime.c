/* SPDX-License-Identifier: MIT */
/* lifetime.c -- from which step to which every buffer lives: values, what backward needs saved, gradients. */
#include "graph/draft.h"

/* ---- lifetimes ---- */

static void touch(struct draft *d, int *id, size_t bytes, int step)
{
    if (*id == NO_BUFFER) {
        *id = d->buffer_count;
        size_t whole = round_up(bytes, ARENA_ALIGN);
        d->buffers[d->buffer_count++] = (struct buffer){ .bytes = whole, .first = step, .last = step };
    }
    struct buffer *b = &d->buffers[*id];
    b->first = imin(b->first, step);
    b->last = imax(b->last, step);
}

/* The same for what a node saves. */
int mim__draft_saved_instance(const struct draft *d, int node, int step)
{
    return step >= d->p->forward_steps && mim__draft_replays(d, &d->g->nodes[node]);
}

static void touch_value(struct draft *d, const struct tensor *t, int step)
{
    if (t && (t->kind == TENSOR_RESULT || t->kind == TENSOR_INPUT))
        touch(d, &d->value[mim__draft_instance(d, t, step)][t->index], mim__tensor_bytes(t), step);
}

static void live_forward(struct draft *d, int s)
{
    const struct node *node = &d->g->nodes[d->p->steps[s].node];
    for (int k = 0; k < node->n; k++)
        touch_value(d, node->in[k], s);
    touch_value(d, node->out, s);
    if (node->sizes.saved)
        touch(d, &d->saved[mim__draft_saved_instance(d, d->p->steps[s].node, s)][d->p->steps[s].node], node->sizes.saved, s);
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
        touch(d, &d->saved[mim__draft_saved_instance(d, d->p->steps[s].node, s)][d->p->steps[s].node], node->sizes.saved, s);
    touch(d, &d->slope[node->out->index], mim__tensor_bytes(node->out), s);
    for (int k = 0; k < node->n; k++) {
        const struct tensor *in = node->in[k];
        if (!mim__draft_flows(node, k) || !d->has[in->index] || in->kind == TENSOR_PARAM)
            continue;
        if (hands_on(d, node, k))
            d->slope[in->index] = d->slope[node->out->index];
        touch(d, &d->slope[in->index], mim__tensor_bytes(in), s);
    }
}

/* dx pointers of a backward step come from the same decisions as its lifetimes, so both are made in one walk. */
static void decide_gradients(struct draft *d, struct step *step)
{
    const struct node *node = &d->g->nodes[step->node];
    bool mine[MAX_IN] = { false };
    for (int k = 0; k < node->n; k++) {
        const struct tensor *in = node->in[k];
        if (!mim__draft_flows(node, k) || !d->has[in->index])
            continue;
        mine[k] = !hands_on(d, node, k);
        if (d->written[in->index])
            step->call.add |= 1u << k;
        else if (in->kind == TENSOR_PARAM)
            step->fresh |= 1u << k;
    }
    for (int k = 0; k < node->n; k++) {
        const struct tensor *in = node->in[k];
        if (!mim__draft_flows(node, k) || !d->has[in->index])
            continue;
        for (int j = 0; j < k; j++)             /* the same tensor twice: the second adds */
            if (mim__draft_flows(node, j) && node->in[j] == in) {
                step->call.add |= 1u << k;
                step->fresh &= ~(1u << k);
            }
        d->written[in->index] = true;
        step->call.dx[k] = mine[k] ? (void *)d : NULL;      /* marks it as wanted; resolve() puts the address */
    }
}

/* Bytes alive at the fullest moment: no arena is smaller. */
static size_t fullest(const struct draft *d, size_t *level)
{
    size_t now = 0, most = 0;
    memset(level, 0, ((size_t)d->p->step_count + 1) * sizeof *level);
    for (int i = 0; i < d->buffer_count; i++) {             /* differences: unsigned, so what ends wraps round and back */
        level[d->buffers[i].first] += d->buffers[i].bytes;
        level[d->buffers[i].last + 1] -= d->buffers[i].bytes;
    }
    for (int s = 0; s <= d->p->step_count; s++)
        most = zmax(most, now += level[s]);
    return most;
}

static void live_all(struct draft *d)
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
            touch(d, &d->value[0][i], mim__tensor_bytes(t), 0);
            touch(d, &d->value[0][i], mim__tensor_bytes(t), end);
            if (d->has[i])
                touch(d, &d->slope[i], mim__tensor_bytes(t), end);
        } else if (d->kept[i] && t->kind == TENSOR_RESULT) {
            touch(d, &d->value[0][i], mim__tensor_bytes(t), end);
        }
    }
    if (d->o->seed && d->has[d->o->seed->index])
        touch(d, &d->slope[d->o->seed->index], mim__tensor_bytes(d->o->seed), imin(p->forward_steps, end));
}

mim_status mim__draft_lifetimes(struct draft *d)
{
    live_all(d);
    size_t *level = mim__alloc(d->g->ctx, ((size_t)d->p->step_count + 2) * sizeof *level);
    if (!level)
        return mim__no_memory(d->g->ctx, (size_t)d->p->step_count * sizeof *level);
    d->p->sizes.live = fullest(d, level);
    mim__free(d->g->ctx, level);
    return MIM_OK;
}
