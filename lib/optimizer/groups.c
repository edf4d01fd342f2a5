/* SPDX-License-Identifier: MIT */
/* groups.c -- what a trainer brings when it joins: parameters, the groups they fall into by layer decay and weight decay,
 * and the parts that work is cut into.
 *
 * Decay spares vectors and scalars (biases, gains) and what a model marks so (class and mask tokens, position tables), but for optimizer.decay_all.
 * Layer decay (Clark et al. 2020, ELECTRA; BEiT) gives layer i of n the rate times layer_decay^(n - 1 - i). */
#include "optimizer/rule.h"

enum { PART = 16384 };               /* elements: 64 KiB of each array, fixed for ever as the order of the norm's sum */

static double layer_scale(double layer_decay, int layers, int layer)
{
    double scale = 1;
    for (int i = layer; i < layers - 1; i++)
        scale *= layer_decay;
    return scale;
}

/* Numbered by first appearance. */
static int group_of(const struct joined *j, const struct member *m)
{
    for (const struct member *other = j->member; other < m; other++)
        if (other->group >= 0 && other->rate_scale == m->rate_scale && other->decay == m->decay)
            return other->group;
    return j->groups;
}

static void add_member(struct joined *j, const struct optimizer_options *o, const struct mim__slot *slot, int layers,
                       char *name)
{
    struct member *m = &j->member[j->members];
    *m = (struct member){ *slot, -1, layer_scale(o->layer_decay, layers, slot->layer), o->decay, 1 };
    m->slot.name = strcpy(name, slot->name);
    if (!o->decay_all && (slot->no_decay || slot->rank < 2))
        m->decay = 0;
    if (!slot->frozen)
        m->group = group_of(j, m);
    if (m->group == j->groups)
        j->groups++;
    j->members++;
}

/* Cuts member `index` into parts; with j->part NULL it only counts them. */
static void add_parts(struct joined *j, int index, const struct mim__slot *slot)
{
    if (slot->frozen)
        return;
    for (size_t first = 0; first < slot->count; first += PART) {
        size_t left = slot->count - first;
        if (j->part)
            j->part[j->parts] = (struct part){ index, left < PART ? (int)left : PART, first };
        j->parts++;
    }
}

static void release(mim_context *ctx, struct joined *j)
{
    mim__free(ctx, j->member);
    mim__free(ctx, j->names);
    mim__free(ctx, j->part);
    mim__free(ctx, j->squares);
    *j = (struct joined){ 0 };
}

static mim_status allocate(mim_context *ctx, struct joined *j, int count, const struct mim__slot *slots)
{
    size_t letters = 0;
    int parts = 0;
    for (int i = 0; i < count; i++) {
        letters += strlen(slots[i].name) + 1;
        add_parts(j, i, &slots[i]);
    }
    parts = j->parts;
    j->parts = 0;
    j->member = mim__calloc(ctx, (size_t)count, sizeof *j->member);
    j->names = mim__alloc(ctx, letters);
    j->part = mim__calloc(ctx, (size_t)parts, sizeof *j->part);
    j->squares = mim__calloc(ctx, (size_t)parts, 2 * sizeof *j->squares);
    if (j->member && j->names && j->part && j->squares)
        return MIM_OK;
    release(ctx, j);
    return mim__no_memory(ctx, (size_t)count * sizeof *j->member + letters
                               + (size_t)parts * (sizeof *j->part + 2 * sizeof *j->squares));
}

mim_status mim__optimizer_join(mim_optimizer *o, int count, const struct mim__slot *slots,
                               const struct mim__joining *joining)
{
    mim_context *ctx = o->object.ctx;
    struct joined j = { .range = mim__optimizer_range(o, joining->elements), .seed = joining->seed };
    size_t elements = joining->elements;
    if (o->is_joined)
        return mim__fail(ctx, MIM_ERR_STATE, "the optimizer is in use by another trainer");
    for (int i = 0; i < count; i++)
        if (slots[i].offset > elements || slots[i].count > elements - slots[i].offset)
            return mim__fail(ctx, MIM_ERR_SHAPE, "%s ends behind the gradients, %lld elements", slots[i].name,
                             (long long)elements);
    mim_status status = allocate(ctx, &j, count, slots);
    if (status != MIM_OK)
        return status;
    char *name = j.names;
    for (int i = 0; i < count; i++) {
        add_member(&j, &o->options, &slots[i], joining->layers, name);
        add_parts(&j, i, &slots[i]);
        name += strlen(name) + 1;
    }
    for (int i = 0; i < mim__optimizer_moments(o); i++)
        j.moments[i] = joining->moments[i];
    o->joined = j;
    o->is_joined = true;
    o->state.updates = 0;
    return MIM_OK;
}

void mim__optimizer_leave(mim_optimizer *o)
{
    release(o->object.ctx, &o->joined);
    o->is_joined = false;
}
