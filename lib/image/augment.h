/* SPDX-License-Identifier: MIT */
/* augment.h -- inside this room: what becomes of a training picture once it has its size. Colours and shapes change on 8
 * bits, as Pillow does it; erasing comes after normalisation. Draws are by seed, epoch and id alone. */
#ifndef MIM_IMAGE_AUGMENT_H
#define MIM_IMAGE_AUGMENT_H

#include "image/view.h"

/* A picture of 8 bits: planes [channels, height, width], and as much memory beside it. 1 or 3 channels. */
struct canvas { int channels, height, width; uint8_t *data, *spare; };

/* ---- canvas.c: Pillow's operations on colours ---- */
void mim__canvas_brightness(struct canvas *c, float factor);
void mim__canvas_contrast(struct canvas *c, float factor);
void mim__canvas_saturation(struct canvas *c, float factor);
void mim__canvas_sharpness(struct canvas *c, float factor);
void mim__canvas_hue(struct canvas *c, double turns);
void mim__canvas_grey(struct canvas *c);
void mim__canvas_autocontrast(struct canvas *c);
void mim__canvas_equalize(struct canvas *c);
void mim__canvas_invert(struct canvas *c);
void mim__canvas_posterize(struct canvas *c, int bits);
void mim__canvas_solarize(struct canvas *c, int threshold);
void mim__canvas_solarize_add(struct canvas *c, int more);

/* ---- affine.c: out(x, y) = in(m0 x + m1 y + m2, m3 x + m4 y + m5), `fill` [channels] where that is outside ---- */
void mim__canvas_affine(struct canvas *c, const double m[6], bool cubic, const uint8_t *fill);
void mim__canvas_rotate(struct canvas *c, double degrees, bool cubic, const uint8_t *fill);

/* ---- randaugment.c ---- */
enum randaugment_op {
    AUGMENT_AUTOCONTRAST, AUGMENT_EQUALIZE, AUGMENT_INVERT, AUGMENT_ROTATE, AUGMENT_POSTERIZE, AUGMENT_SOLARIZE,
    AUGMENT_SOLARIZE_ADD, AUGMENT_COLOUR, AUGMENT_CONTRAST, AUGMENT_BRIGHTNESS, AUGMENT_SHARPNESS, AUGMENT_SHEAR_X,
    AUGMENT_SHEAR_Y, AUGMENT_TRANSLATE_X, AUGMENT_TRANSLATE_Y, AUGMENT_OPS
};
/* One operation of strength 0..10, towards one side or the other. */
void mim__canvas_augment(struct canvas *c, enum randaugment_op op, double strength, bool negative, bool cubic,
                         const uint8_t *fill);
void mim__image_randaugment(const struct image_options *o, struct canvas *c, uint64_t seed, uint64_t epoch, uint64_t id);

/* ---- jitter.c: brightness, contrast, saturation and hue in any order; then grey ---- */
void mim__image_jitter(const struct image_options *o, struct canvas *c, uint64_t seed, uint64_t epoch, uint64_t id);

/* ---- erase.c ---- */
struct erase_box { int64_t top, left, height, width; };
/* One attempt from four draws in [0, 1): area, aspect, top, left. False if it does not fit. */
bool mim__image_erase_box(const struct image_options *o, const double u[4], struct erase_box *box);
void mim__image_erase(const struct image_options *o, float *pixels, uint64_t seed, uint64_t epoch, uint64_t id);

/* Is a canvas wanted? */
static inline bool mim__image_recolours(const struct image_options *o)
{
    bool jitter = o->jitter > 0 && (o->brightness > 0 || o->contrast > 0 || o->saturation > 0 || o->hue > 0);
    return o->randaugment > 0 || jitter || o->grey > 0;
}

#endif
