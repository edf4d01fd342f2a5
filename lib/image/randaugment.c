/* SPDX-License-Identifier: MIT */
/* randaugment.c -- some operations drawn at random, at one strength (Cubuk et al. 2020), as timm's rand-m9-mstd0.5-inc1 of
 * fine-tuning: fifteen operations, drawn with replacement, each done with probability 1/2; the strength of each normal
 * around the magnitude, cut to 0..10; more is stronger for all of them.
 *
 * Draws, stream 21, eight words an operation: which, whether, its sign; words 4 and 5 make the normal number. */
#include "image/augment.h"

#include "base/philox.h"

#include <math.h>

static void shear_or_shift(struct canvas *c, enum randaugment_op op, double by, bool cubic, const uint8_t *fill)
{
    double m[6] = { 1, 0, 0, 0, 1, 0 };
    switch (op) {
    case AUGMENT_SHEAR_X: m[1] = 0.3 * by; break;
    case AUGMENT_SHEAR_Y: m[3] = 0.3 * by; break;
    case AUGMENT_TRANSLATE_X: m[2] = 0.45 * by * c->width; break;
    default: m[5] = 0.45 * by * c->height;
    }
    mim__canvas_affine(c, m, cubic, fill);
}

void mim__canvas_augment(struct canvas *c, enum randaugment_op op, double strength, bool negative, bool cubic,
                         const uint8_t *fill)
{
    double level = strength / 10, by = negative ? -level : level;
    float factor = (float)fmax(0.1, 1 + (negative ? -(level * 0.9) : level * 0.9));
    switch (op) {
    case AUGMENT_AUTOCONTRAST: mim__canvas_autocontrast(c); break;
    case AUGMENT_EQUALIZE: mim__canvas_equalize(c); break;
    case AUGMENT_INVERT: mim__canvas_invert(c); break;
    case AUGMENT_ROTATE: mim__canvas_rotate(c, 30 * by, cubic, fill); break;
    case AUGMENT_POSTERIZE: mim__canvas_posterize(c, 4 - (int)(level * 4)); break;
    case AUGMENT_SOLARIZE: mim__canvas_solarize(c, 256 - imin(256, (int)(level * 256))); break;
    case AUGMENT_SOLARIZE_ADD: mim__canvas_solarize_add(c, imin(128, (int)(level * 110))); break;
    case AUGMENT_COLOUR: mim__canvas_saturation(c, factor); break;
    case AUGMENT_CONTRAST: mim__canvas_contrast(c, factor); break;
    case AUGMENT_BRIGHTNESS: mim__canvas_brightness(c, factor); break;
    case AUGMENT_SHARPNESS: mim__canvas_sharpness(c, factor); break;
    default: shear_or_shift(c, op, by, cubic, fill);
    }
}

/* The mean colour, for what comes from outside the frame. */
static void mean_colour(const struct image_options *o, uint8_t fill[3])
{
    for (int k = 0; k < 3 && k < o->channels; k++)
        fill[k] = (uint8_t)fmin(fmax(rint(255 * o->mean.v[k]), 0), 255);
}

void mim__image_randaugment(const struct image_options *o, struct canvas *c, uint64_t seed, uint64_t epoch, uint64_t id)
{
    struct mim__stream s = mim__stream(seed, STREAM_RANDAUGMENT, id, epoch);
    uint8_t fill[3] = { 0 };
    mean_colour(o, fill);
    for (uint32_t i = 0; i < (uint32_t)o->randaugment; i++) {
        enum randaugment_op op = (enum randaugment_op)mim__below(mim__word(&s, 8 * i), AUGMENT_OPS);
        double strength = o->magnitude + o->magnitude_deviation * mim__normal(&s, 4 * i + 2);
        if (mim__unit(mim__word(&s, 8 * i + 1)) < 0.5f)
            mim__canvas_augment(c, op, fmin(fmax(strength, 0), 10), mim__unit(mim__word(&s, 8 * i + 2)) >= 0.5f,
                                o->resize == RESIZE_BICUBIC, fill);
    }
}
