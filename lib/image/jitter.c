/* SPDX-License-Identifier: MIT */
/* jitter.c -- brightness, contrast, saturation and hue changed at random, in any order (torchvision's ColorJitter, as BEiT
 * and MoCo use it), and the loss of all colour.
 *
 * Draws, stream 18: whether; four factors; the order; whether grey. */
#include "image/augment.h"

#include "base/philox.h"

#include <math.h>

enum { JITTERS = 4 };

/* From 1 - strength (at least 0) to 1 + strength. */
static float factor(double strength, double u)
{
    double low = fmax(0, 1 - strength);
    return (float)(low + u * (1 + strength - low));
}

static void change(const struct image_options *o, struct canvas *c, uint32_t which, double u)
{
    if (which == 0 && o->brightness > 0)
        mim__canvas_brightness(c, factor(o->brightness, u));
    else if (which == 1 && o->contrast > 0)
        mim__canvas_contrast(c, factor(o->contrast, u));
    else if (which == 2 && o->saturation > 0)
        mim__canvas_saturation(c, factor(o->saturation, u));
    else if (which == 3 && o->hue > 0)
        mim__canvas_hue(c, o->hue * (2 * u - 1));
}

/* Number `index` of the 24 orders. */
static void order_of(uint32_t index, uint32_t order[JITTERS])
{
    uint32_t left[JITTERS] = { 0, 1, 2, 3 };
    for (uint32_t i = 0; i < JITTERS; i++) {
        uint32_t n = JITTERS - i, k = index % n;
        index /= n;
        order[i] = left[k];
        memmove(left + k, left + k + 1, (n - 1 - k) * sizeof *left);
    }
}

void mim__image_jitter(const struct image_options *o, struct canvas *c, uint64_t seed, uint64_t epoch, uint64_t id)
{
    struct mim__stream s = mim__stream(seed, STREAM_COLOUR, id, epoch);
    uint32_t order[JITTERS];
    order_of(mim__below(mim__word(&s, 5), 24), order);
    if ((double)mim__unit(mim__word(&s, 0)) < o->jitter)
        for (int i = 0; i < JITTERS; i++)
            change(o, c, order[i], (double)mim__unit(mim__word(&s, 1 + order[i])));
    if ((double)mim__unit(mim__word(&s, 6)) < o->grey)
        mim__canvas_grey(c);
}
