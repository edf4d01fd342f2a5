/* SPDX-License-Identifier: MIT */
/* moments.c -- moments in f32, or in bf16: half the memory, and 8 bits of each number. A second moment changes by a
 * thousandth of itself (1 - beta2), a quarter of what the last of them is worth: to the nearest, it would never fall, and
 * rise only with gradients twice its root. So moments are rounded stochastically (Gupta et al. 2015, sec. 3): right on
 * average. The draw is a function of seed, update and place in the gradient array, whichever process and thread makes it; a
 * word of Philox serves four numbers of each moment, times odd constants. */
#include "optimizer/rule.h"

static const uint32_t factors[2][NARROWED / WORDS] = { { 0x9E3779B1u, 0x85EBCA77u, 0xC2B2AE3Du, 0x27D4EB2Fu },
                                                       { 0x165667B1u, 0x7FEB352Du, 0x846CA68Bu, 0x6C8E9CF5u } };

void mim__moments_begin(struct update *u, const struct kernels *k)
{
    u->normals = k->normals;
    u->stream = mim__stream(u->o->joined.seed, STREAM_MOMENT | STREAM_BATCH, (uint64_t)u->o->state.updates, 0);
}

static uint16_t *halves(const struct joined *j, int which, size_t at)
{
    return (uint16_t *)j->moments[which] + (at - j->range.first);
}

/* A chunk is of the gradient array, so that neighbours draw alike wherever a piece begins. */
void mim__moments_take(const struct update *u, size_t at, int most, struct piece *p)
{
    const struct joined *j = &u->o->joined;
    bool wide = u->o->options.moments == F32;
    p->at = at;
    p->skip = wide ? 0 : (int)(at % NARROWED);
    p->count = wide ? most : imin(most, NARROWED - p->skip);
    for (int i = 0; i < 2; i++) {
        p->moments[i] = NULL;
        if (!j->moments[i])
            continue;
        p->moments[i] = wide ? (float *)j->moments[i] + (at - j->range.first) : p->chunk[i] + p->skip;
        if (wide)
            continue;
        if (p->count < NARROWED)
            memset(p->chunk[i], 0, sizeof p->chunk[i]);
        u->rows->widen(p->count, halves(j, i, at), p->moments[i]);
    }
}

void mim__moments_put(const struct update *u, const struct piece *p)
{
    const struct joined *j = &u->o->joined;
    uint32_t words[WORDS];
    uint16_t narrow[NARROWED];
    if (u->o->options.moments == F32)
        return;
    u->normals->words(&u->stream, (uint32_t)(p->at / NARROWED) * (WORDS / 4), words);
    for (int i = 0; i < 2; i++)
        if (j->moments[i]) {
            u->normals->narrow(words, factors[i], p->chunk[i], narrow);
            memcpy(halves(j, i, p->at), narrow + p->skip, (size_t)p->count * sizeof *narrow);
        }
}
