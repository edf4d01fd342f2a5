/* SPDX-License-Identifier: MIT */
/* view.h -- inside this room: what part of a picture is seen (crop.c), and how it gets into the output (copy.c where it
 * keeps its size, resample.c where it does not). */
#ifndef MIM_IMAGE_VIEW_H
#define MIM_IMAGE_VIEW_H

#include "image/image.h"

/* The box of the picture, scaled to rows x cols, and the place of the output's first pixel in that. Where the output
 * reaches outside (native views only), it is black. */
struct view {
    int64_t top, left, height, width;
    int64_t rows, cols, y, x;
    bool flip;
};
static inline bool native(const struct view *v) { return v->rows == v->height && v->cols == v->width; }

/* May a picture of this size be used with these options? MIM_ERR_SHAPE names the sizes. */
mim_status mim__image_fits(mim_context *ctx, const struct image_options *o, int64_t height, int64_t width);
/* The view of evaluation, and of training where the crop is not random. */
struct view mim__image_view(const struct image_options *o, int64_t height, int64_t width);
/* The view of training: drawn by seed, epoch and id. */
struct view mim__image_draw(const struct image_options *o, int64_t height, int64_t width, uint64_t seed, uint64_t epoch,
                            uint64_t id);
/* One attempt at a random resized crop from four draws in [0, 1): area, aspect, top, left. False if it does not fit. */
bool mim__image_attempt(const struct image_options *o, int64_t height, int64_t width, const double u[4], struct view *v);
/* The crop that is taken after ten attempts. */
void mim__image_fallback(const struct image_options *o, int64_t height, int64_t width, struct view *v);

/* What becomes of a sample: (value / range - mean) / deviation, in f32 and in this order. */
struct finish {
    const struct image_options *o;
    const float *u8;                         /* the 256 results of each channel, for u8 pictures */
};
void mim__image_table(const struct image_options *o, float *u8);      /* [channels, 256] */
static inline float range_of(int type) { return type == MIM_U8 ? 255.0f : type == MIM_U16 ? 65535.0f : 1.0f; }
static inline float finish_sample(float value, float range, float mean, float deviation)
{
    return (value / range - mean) / deviation;
}

/* Fill out [channels, height, width]. */
void mim__image_copy(const struct picture *p, const struct view *v, const struct finish *f, float *out);
void mim__image_resample(const struct picture *p, const struct view *v, const struct finish *f, float *out, void *scratch);
size_t mim__image_resample_scratch(const struct image_options *o);

#endif
