/* SPDX-License-Identifier: MIT */
/* image.h -- the image stage: borrowed views in, normalised pixels [n, channels, height, width] out. */
#ifndef MIM_IMAGE_IMAGE_H
#define MIM_IMAGE_IMAGE_H

#include "base/context.h"
#include "base/options.h"

enum resize_kind { RESIZE_NONE, RESIZE_NEAREST, RESIZE_BILINEAR, RESIZE_BICUBIC };
enum erase_fill { ERASE_PIXEL, ERASE_RAND, ERASE_CONST };
enum crop_kind { CROP_NONE, CROP_CENTER, CROP_RANDOM, CROP_RANDOM_RESIZED };
struct image_options {
    int64_t height, width, channels;
    struct mim__numbers mean, deviation;     /* one number a channel */
    int resize, crop;                        /* crop: of training; see crop.c for evaluation */
    double crop_least, crop_most;            /* area of a random resized crop */
    double aspect_least, aspect_most;        /* its width / height */
    int crop_once;                           /* a draw that does not fit is cut, not drawn again */
    int64_t crop_from;                       /* of a random crop: what the shorter side is brought to first; 0: nothing */
    int64_t pad;                             /* black border before a random crop */
    double flip;                             /* probability */
    double eval_crop;                        /* share of the resized shorter side that the centre crop keeps */
    int64_t randaugment;                     /* operations a picture */
    double magnitude, magnitude_deviation;
    double brightness, contrast, saturation, hue, jitter, grey;
    double erase, erase_least, erase_most, erase_aspect;
    int erase_fill;
    double mixup, cutmix, mix_switch;
};
extern const struct mim__option mim__image_options[];
mim_status mim__image_read_options(mim_context *ctx, const mim_config *config, struct image_options *out);

/* Check a list of views and count its pictures. channels: what they must have, or 0 for any. `function` is named in errors.
 * MIM_ERR_ARGUMENT: no data, negative size. MIM_ERR_VALUE: struct_size, type, reserved, strides that leave the address
 * space, a list that runs in a circle. MIM_ERR_SHAPE: a size of 0, other channels. */
mim_status mim__images_count(mim_context *ctx, const mim_images *images, int64_t channels, const char *function,
                             int64_t *count);

/* One picture of a checked list, its strides filled in: sample (y, x, c) at data + y * row + x * column + c * channel. */
struct picture {
    const unsigned char *data;
    int type, height, width, channels;
    ptrdiff_t row, column, channel;          /* bytes */
};
struct picture mim__images_at(const mim_images *images, int64_t index);
/* MIM_ERR_VALUE, naming the first picture and its first channel, if a sample of an f32 picture is NaN or infinite. */
mim_status mim__images_finite(mim_context *ctx, const mim_images *images, int64_t count, const char *function);

/* All that mim__image_prepare checks: the list, that every picture fits, that samples are finite. */
mim_status mim__images_check(mim_context *ctx, const struct image_options *o, const mim_images *images, int64_t *count);

/* What mim_images_prepare does, into memory that is there; pictures of any size, and nothing is allocated. work is
 * mim__image_work(o) bytes at a multiple of 64 (with resize "none" only o->channels counts in that); the executor's
 * threads must have as much scratch each (mim__executor_reserve). seed is the run's. Checks the list again; out is written
 * once all checks passed. */
size_t mim__image_work(const struct image_options *o);
mim_status mim__image_prepare(mim_context *ctx, const struct image_options *o, uint64_t seed, bool augment,
                              const mim_images *images, int64_t epoch, const int64_t *ids, float *out, void *work);

/* Two pictures of a batch as one (mix.c): all of both in proportion, or a box of the partner's. share: what is the
 * picture's own, of the label too. */
struct mix { double share; bool cut; int top, bottom, left, right; };
static inline bool mim__image_mixes(const struct image_options *o) { return o->mixup > 0 || o->cutmix > 0; }
/* Drawn by seed, batch (`sample`) and epoch. */
struct mix mim__image_mix_draw(const struct image_options *o, uint64_t seed, uint64_t sample, uint64_t epoch);
struct mix mim__image_mix_box(const struct image_options *o, double share, int y, int x);
/* Mix pixels [batch, channels, height, width] with themselves reversed: the partner of picture i is batch - 1 - i; the
 * middle one of an odd batch stays. */
void mim__image_mix(mim_context *ctx, const struct image_options *o, const struct mix *m, int batch, float *pixels);

#endif
