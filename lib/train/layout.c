/* SPDX-License-Identifier: MIT */
/* layout.c -- the graph of encoder and head, planned within the memory budget. */
#include "train/trainer.h"

#include "graph/plan.h"

#include <stdio.h>
#include <stdlib.h>

static mim_status build(mim_trainer *t)
{
    mim_status status = mim__graph_create(t->object.ctx, &t->graph);
    if (status)
        return status;
    t->eb = (struct encoder_build){ .batch = (int)t->options.batch,
                                    .height = (int)t->image.height,
                                    .width = (int)t->image.width,
                                    .compute = (enum dtype)t->run.precision,
                                    .masked = mim__head_masks(t->head) || t->masker,
                                    .kept = t->kept };
    t->hb = (struct head_build){ .compute = (enum dtype)t->run.precision, .image = &t->image,
                                   .soft = t->mixes };
    t->encoder->kind->build(t->encoder, t->graph, &t->eb);
    mim__graph_store(t->graph, 1);
    t->head->kind->build(t->head, t->graph, &t->eb, &t->hb);
    return mim__graph_status(t->graph);
}

/* Outputs that are no result of the graph; *there says whether this trainer has it. */
static bool is_own(const mim_trainer *t, const char *name, bool *there)
{
    const struct { const char *name; bool there; } own[] = {
        { "mask", t->eb.mask }, { "visible", t->eb.visible }, { "pixels", true },
        { "reconstruction", t->hb.shows }, { "picture", t->hb.shows },
        { "pixels.gradient", t->options.gradients }, { "labels", false }, { "mixture", false }, { "target", false },
        { "statistics", false }, { "answers", false }, { "order", false },
    };
    for (int i = 0; i < COUNT(own); i++)
        if (!strcmp(own[i].name, name)) {
            *there = own[i].there;
            return true;
        }
    return false;
}

/* What stays alive for callers: the head's outputs and those of the encoder that were asked for. */
static mim_status list_kept(mim_trainer *t)
{
    static const char *const of_head[] = { "loss", "prediction", "logits", "statistics", "answers" };
    int n = 0;
    for (int i = 0; i < COUNT(of_head); i++)
        if (mim__graph_find(t->graph, of_head[i]))
            t->keep[n++] = of_head[i];
    for (int i = 0; i < t->options.outputs.count; i++) {
        const char *name = t->options.outputs.v[i];
        bool there = mim__graph_find(t->graph, name) != NULL, own = is_own(t, name, &there);
        if (there && own)
            continue;
        if (!there)
            return mim__fail(t->object.ctx, MIM_ERR_KEY, "trainer.outputs: this model has no output \"%s\"", name);
        t->keep[n++] = name;
    }
    t->keep[n] = NULL;
    return MIM_OK;
}

static bool wants_pixel_gradient(const mim_trainer *t)
{
    for (int i = 0; i < t->options.outputs.count; i++)
        if (!strcmp(t->options.outputs.v[i], "pixels.gradient"))
            return true;
    return false;
}

static struct plan_options options_of(const mim_trainer *t, bool dry)
{
    return (struct plan_options){
        .weights = { t->encoder->store.values, t->head->store.values }, .backward = t->options.gradients,
        .gradients = { t->gradients, t->gradients ? t->gradients + t->encoder->store.elements : NULL },
        .trained = t->trained, .keep = t->keep, .seed = t->hb.seed, .input_gradients = wants_pixel_gradient(t),
        .recompute = t->recompute, .dry = dry,
    };
}

static void add_up(mim_trainer *t, const struct plan *p)
{
    struct trainer_sizes *s = &t->sizes;
    size_t array = t->elements * sizeof(float);
    int threads = mim__executor_threads(mim__context_executor(t->object.ctx));
    s->plan = mim__plan_sizes(p);
    s->weights = array;
    s->gradients = t->options.gradients ? array : 0;
    s->range = mim__optimizer_range(t->optimizer, t->elements);
    s->moments = s->range.count * dtype_size(mim__optimizer_moment_type(t->optimizer))
               * (size_t)(t->options.gradients ? mim__optimizer_moments(t->optimizer) : 0);
    s->average = t->options.average > 0 ? array : 0;
    s->plan.scratch += (size_t)(threads - 1) * zmax(s->plan.thread, mim__image_work(&t->image)) + mim__trainer_buffers(t);
    s->total = s->weights + s->gradients + s->moments + s->average + s->plan.activations + s->plan.scratch;
}

static mim_status count(mim_trainer *t)
{
    struct plan *p = NULL;
    struct plan_options o = options_of(t, true);
    mim_status status = mim__graph_plan(t->graph, &o, &p);
    if (!status)
        add_up(t, p);
    for (int i = p ? p->forward_steps : 0; p && i < p->step_count; i++)
        if (!p->steps[i].backward)
            t->recompute[p->steps[i].node] = AGAIN;
    mim__plan_destroy(p);
    return status;
}

/* ---- what is recomputed ---- */

/* "blocks.3." is a block, counted from 1 by the encoder and on by the head. */
static bool is_block(const struct node *node) { return strstr(node->scope, "blocks.") != NULL; }

/* The first trainer.recompute blocks, whatever the budget. */
static mim_status mark_blocks(mim_trainer *t)
{
    const struct graph *g = t->graph;
    int64_t block = 0;
    t->recompute = mim__calloc(t->object.ctx, (size_t)g->node_count + 1, 1);
    if (!t->recompute)
        return mim__no_memory(t->object.ctx, (size_t)g->node_count);
    for (int i = 0; i < g->node_count; i++) {
        block += is_block(&g->nodes[i]) && (i == 0 || g->nodes[i].segment != g->nodes[i - 1].segment);
        t->recompute[i] = is_block(&g->nodes[i]) && block <= t->options.recompute ? DROPPED : 0;
    }
    return MIM_OK;
}

static mim_status fit(mim_trainer *t)
{
    size_t budget = (size_t)lmin(t->options.memory_budget, PTRDIFF_MAX), least = 0;
    mim_status status = mark_blocks(t);
    if (!status)
        status = count(t);
    if (status || !budget || t->sizes.total <= budget)
        return status;
    size_t rest = t->sizes.total - t->sizes.plan.activations;
    struct plan_options o = options_of(t, true);
    status = mim__graph_fit(t->graph, &o, budget > rest ? budget - rest : 0, t->recompute, &least);
    if (status == MIM_ERR_BUDGET)
        return mim__fail(t->object.ctx, status, "trainer.memory_budget is %zu bytes, but no plan takes less than %zu",
                         budget, least + rest);
    return status ? status : count(t);
}

static void mark_reached(mim_trainer *t)
{
    for (int s = 0; s < t->plan->step_count; s++) {
        const struct step *step = &t->plan->steps[s];
        const struct node *node = &t->graph->nodes[step->node];
        for (int k = 0; step->backward && k < node->n; k++)
            if (node->in[k] && node->in[k]->kind == TENSOR_PARAM && step->call.dx[k])
                t->trained[node->in[k]->source] = REACHED;
    }
}

mim_status mim__trainer_lay_out(mim_trainer *t, bool dry)
{
    mim_status status = build(t);
    if (!status)
        status = list_kept(t);
    if (!status)
        status = fit(t);
    struct plan_options o = options_of(t, false);
    if (!status && !dry)
        status = mim__graph_plan(t->graph, &o, &t->plan);
    if (!status && !dry) {
        mark_reached(t);
        mim__plan_profile(t->plan, t->options.profile);
    }
    return status;
}

/* "blocks.3." is "block.4"; a part of it "block.4.mlp.fc1" or, where it has no parameters, "block.4.attention". */
static void name_recomputed(const struct node *node, bool whole, char to[128])
{
    const char *at = strstr(node->scope, "blocks."), *part = *node->place ? node->place : node->op->name;
    char block[48] = "";
    if (at)
        snprintf(block, sizeof block, "%.*s.%d", (int)(at - node->scope) + 5, node->scope, atoi(at + 7) + 1);
    snprintf(to, 128, "%s%s%s", block, *block && !whole ? "." : "", *block && whole ? "" : part);
}

/* Of one segment: its block, where all of it is dropped that could be, else the parts. */
static int list_segment(const mim_trainer *t, int from, int to, char (*names)[128])
{
    int n = 0;
    bool whole = is_block(&t->graph->nodes[from]);
    for (int i = from; i < to; i++)
        whole = whole && t->recompute[i];
    for (int i = from; i < to && !(whole && n); i++)
        if (t->recompute[i] == AGAIN)
            name_recomputed(&t->graph->nodes[i], whole, names[n++]);
    return n;
}

static mim_status report_recomputed(const mim_trainer *t, const char *prefix, mim_config *report)
{
    mim_context *ctx = t->object.ctx;
    const struct graph *g = t->graph;
    int n = 0;
    char key[64], (*names)[128] = mim__calloc(ctx, (size_t)g->node_count + 1, sizeof *names);
    const char **list = mim__calloc(ctx, (size_t)g->node_count + 1, sizeof *list);
    mim_status status = names && list ? MIM_OK : mim__no_memory(ctx, (size_t)g->node_count * sizeof *names);
    for (int from = 0, to; !status && from < g->node_count; from = to) {
        for (to = from + 1; to < g->node_count && g->nodes[to].segment == g->nodes[from].segment;)
            to++;
        n += list_segment(t, from, to, names + n);
    }
    for (int i = 0; i < n; i++)
        list[i] = names[i];
    snprintf(key, sizeof key, "%srecomputed", prefix);
    if (!status)
        status = mim__report_words(report, key, n, list);
    mim__free(ctx, list);
    mim__free(ctx, names);
    return status;
}

mim_status mim__trainer_report_sizes(const mim_trainer *t, const char *prefix, mim_config *report)
{
    const struct trainer_sizes *s = &t->sizes;
    int64_t parameters = 0;
    for (int i = 0; i < mim__graph_params(t->graph); i++)
        parameters += (int64_t)mim__graph_param_at(t->graph, i)->count;
    const struct { const char *key; int64_t value; } rows[] = {
        { "bytes.weights", (int64_t)s->weights }, { "bytes.gradients", (int64_t)s->gradients },
        { "bytes.moments", (int64_t)s->moments }, { "bytes.average", (int64_t)s->average }, { "bytes.packed", 0 },
        { "bytes.activations", (int64_t)s->plan.activations }, { "bytes.scratch", (int64_t)s->plan.scratch },
        { "bytes.total", (int64_t)s->total }, { "parameters", parameters }, { "operations.forward", s->plan.forward },
        { "operations.step", s->plan.step }, { "operations.recomputed", s->plan.recomputed },
        { "shard.first", (int64_t)s->range.first }, { "shard.elements", (int64_t)s->range.count },
    };
    mim_status status = MIM_OK;
    for (int i = 0; i < COUNT(rows) && !status; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s%s", prefix, rows[i].key);
        status = mim__report_i64(report, key, rows[i].value);
    }
    return status ? status : report_recomputed(t, prefix, report);
}

mim_status mim_trainer_plan(mim_context *ctx, const mim_config *config, mim_config **out)
{
    mim_trainer *t = NULL;
    mim_config *report = NULL;
    if (!ctx || !config || !out)
        return mim__null_argument(ctx, "mim_trainer_plan");
    mim_status status = mim__trainer_create(ctx, config, (struct trainer_parts){ NULL, NULL, NULL, NULL }, true, &t);
    if (!status)
        status = mim__report_create(ctx, &report);
    if (!status)
        status = mim__trainer_report_sizes(t, "", report);
    mim_trainer_destroy(t);
    if (status)
        mim_config_destroy(report);
    else
        *out = report;
    return status;
}
