/* SPDX-License-Identifier: MIT */
/* order.c -- which gradients are wanted, and in which order the steps run.
 *
 *     forward   node 0 .. n - 1
 *     backward  node n - 1 .. 0; right before a node that needs what was not kept, the nodes that make it run forward
 *               again (checkpointing: Chen et al. 2016)
 *
 * Nodes that neither the seed nor a kept output depends on are left out. A value that another segment, a caller or the end
 * of the run needs is a border: it has one instance, which stays. Any other value of a recomputed node has two: one that
 * dies in the forward half, one that the replay makes. So a replay never leaves its segment. */
#include "graph/draft.h"

/* ---- which gradients ---- */

static bool is_trained(const struct draft *d, const struct tensor *t)
{
    if (d->g->params[t->source].flags & PARAM_FIXED)
        return false;
    return !d->o->trained || d->o->trained[t->source];
}

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
                if (mim__draft_flows(&g->nodes[t->source], k) && d->wants[g->nodes[t->source].in[k]->index])
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
            if (mim__draft_flows(node, k) && d->wants[node->in[k]->index])
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

bool mim__draft_needs(const struct draft *d, int node) { return d->needed[d->g->nodes[node].out->index]; }

/* ---- order ---- */

bool mim__draft_replays(const struct draft *d, const struct node *node)
{
    return d->o->recompute && d->o->backward && d->o->recompute[node - d->g->nodes];
}

static void mark_borders(struct draft *d)
{
    const struct graph *g = d->g;
    for (int i = 0; i < g->tensor_count; i++)
        d->border[i] = g->tensors[i]->kind != TENSOR_RESULT || d->kept[i];
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; mim__draft_needs(d, i) && k < g->nodes[i].n; k++) {
            const struct tensor *in = g->nodes[i].in[k];
            if (in && in->kind == TENSOR_RESULT && g->nodes[in->source].segment != g->nodes[i].segment)
                d->border[in->index] = true;
        }
    for (int i = 0; i < g->node_count; i++)
        if (!mim__draft_replays(d, &g->nodes[i]))
            d->border[g->nodes[i].out->index] = true;
}

static void add_step(struct plan *p, int node, bool backward)
{
    p->steps[p->step_count++] = (struct step){ .node = node, .backward = backward };
}

static void mark_due(struct draft *d, const struct tensor *t)
{
    if (t && t->kind == TENSOR_RESULT && !d->border[t->index])
        d->due[t->source] = true;
}

/* What the backward of node i finds gone runs forward again before it, and what that needs: all of it in one segment. */
static void add_replay(struct draft *d, int i)
{
    const struct graph *g = d->g;
    const struct node *node = &g->nodes[i];
    int first = i;
    while (first > 0 && g->nodes[first - 1].segment == node->segment)
        first--;
    d->due[i] = mim__draft_replays(d, node) && node->sizes.saved;
    for (int k = 0; k < node->n; k++)
        if (node->op->reads & READ_X(k))
            mark_due(d, node->in[k]);
    if (node->op->reads & READ_Y)
        mark_due(d, node->out);
    for (int j = i; j >= first; j--)
        for (int k = 0; d->due[j] && !d->replayed[j] && k < g->nodes[j].n; k++)
            mark_due(d, g->nodes[j].in[k]);
    for (int j = first; j <= i; j++) {
        if (d->due[j] && !d->replayed[j]) {
            add_step(d->p, j, false);
            d->p->sizes.recomputed += g->nodes[j].sizes.operations;
            d->replayed[j] = true;
        }
        d->due[j] = false;
    }
}

static void order_steps(struct draft *d)
{
    const struct graph *g = d->g;
    struct plan *p = d->p;
    for (int i = 0; i < g->node_count; i++)
        if (mim__draft_needs(d, i)) {
            add_step(p, i, false);
            p->sizes.forward += g->nodes[i].sizes.operations;
        }
    p->forward_steps = p->step_count;
    p->sizes.step = p->sizes.forward;
    for (int i = g->node_count - 1; i >= 0; i--) {
        const struct node *node = &g->nodes[i];
        if (!d->has[node->out->index] || !node->op->backward)
            continue;
        if (d->o->recompute)
            add_replay(d, i);
        add_step(p, i, true);
        p->sizes.step += 2 * node->sizes.operations;
    }
    p->sizes.step += p->sizes.recomputed;
}

mim_status mim__draft_order(struct draft *d)
{
    mim_status status = mark_kept(d);
    if (status)
        return status;
    mark_needed(d);
    mark_wanted(d);
    mark_had(d);
    mark_borders(d);
    order_steps(d);
    return MIM_OK;
}
