/* SPDX-License-Identifier: MIT */
/* options.c -- section image of a configuration. */
#include "image/augment.h"

#define FIELD(name) offsetof(struct image_options, name)

const struct mim__option mim__image_options[] = {
    { "image.height", OPTION_I64, FIELD(height), "224", 1, 16384, NULL, "rows of the pictures the encoder is shown" },
    { "image.width", OPTION_I64, FIELD(width), "224", 1, 16384, NULL, "columns of the pictures the encoder is shown" },
    { "image.channels", OPTION_I64, FIELD(channels), "3", 1, OPTION_LIST_MAX, NULL, "channels of the pictures" },
    { "image.mean", OPTION_LIST_F64, FIELD(mean), "[0.485, 0.456, 0.406]", -1e6, 1e6, NULL,
      "taken off pixels in 0..1; one number, or one a channel (unless set: 0.5 where channels is not 3)" },
    { "image.deviation", OPTION_LIST_F64, FIELD(deviation), "[0.229, 0.224, 0.225]", 1e-6, 1e6, NULL,
      "divides pixels after the mean; one number, or one a channel (unless set: 0.5 where channels is not 3)" },
    { "image.resize", OPTION_CHOICE, FIELD(resize), "bicubic", 0, 0, "none nearest bilinear bicubic",
      "filter that brings pictures to size, as Pillow's (antialiased, 8-bit steps for u8); none: size must fit" },
    { "image.crop", OPTION_CHOICE, FIELD(crop), "random_resized", 0, 0, "none center random random_resized",
      "what training sees: the whole, the centre as in evaluation, a window in place, or one of random size" },
    { "image.crop_least", OPTION_F64, FIELD(crop_least), "0.67", 1e-6, 1, NULL, "least area of a random resized crop" },
    { "image.crop_most", OPTION_F64, FIELD(crop_most), "1", 1e-6, 1, NULL, "largest area of a random resized crop" },
    { "image.aspect_least", OPTION_F64, FIELD(aspect_least), "0.75", 1e-3, 1e3, NULL,
      "least width / height of a random resized crop" },
    { "image.aspect_most", OPTION_F64, FIELD(aspect_most), "1.3333333333333333", 1e-3, 1e3, NULL,
      "largest width / height of a random resized crop" },
    { "image.crop_once", OPTION_BOOL, FIELD(crop_once), "0", 0, 1, NULL,
      "a random resized crop that does not fit is cut to the picture (MAE's linear probe); 0: drawn again, ten times" },
    { "image.crop_from", OPTION_I64, FIELD(crop_from), "0", 0, 65536, NULL,
      "random crop: what the shorter side is brought to first; 0: only a picture too small changes size" },
    { "image.pad", OPTION_I64, FIELD(pad), "0", 0, 16384, NULL, "black border in pixels, before a random crop" },
    { "image.flip", OPTION_F64, FIELD(flip), "0.5", 0, 1, NULL, "probability that training sees a picture mirrored" },
    { "image.eval_crop", OPTION_F64, FIELD(eval_crop), "0.875", 0.01, 1, NULL,
      "evaluation resizes the shorter side to size / eval_crop and keeps the centre; pictures of the right size stay" },
    { "image.randaugment", OPTION_I64, FIELD(randaugment), "0", 0, 16, NULL,
      "operations a picture of timm's rand-mM-mstdD-inc1, each with probability 0.5; 0: none" },
    { "image.randaugment_magnitude", OPTION_F64, FIELD(magnitude), "9", 0, 10, NULL, "their strength, 0..10" },
    { "image.randaugment_deviation", OPTION_F64, FIELD(magnitude_deviation), "0.5", 0, 100, NULL,
      "deviation of the strength, drawn for each operation" },
    { "image.brightness", OPTION_F64, FIELD(brightness), "0", 0, 1e3, NULL,
      "colour jitter: factor from 1 - this (at least 0) to 1 + this" },
    { "image.contrast", OPTION_F64, FIELD(contrast), "0", 0, 1e3, NULL, "likewise of the distance from the mean grey" },
    { "image.saturation", OPTION_F64, FIELD(saturation), "0", 0, 1e3, NULL, "likewise of the distance from grey" },
    { "image.hue", OPTION_F64, FIELD(hue), "0", 0, 0.5, NULL, "colour jitter: turns of the hue, from minus to plus this" },
    { "image.jitter", OPTION_F64, FIELD(jitter), "1", 0, 1, NULL,
      "probability of the colour jitter, where one of its four is above 0" },
    { "image.grey", OPTION_F64, FIELD(grey), "0", 0, 1, NULL, "probability that training sees a picture without colour" },
    { "image.erase", OPTION_F64, FIELD(erase), "0", 0, 1, NULL, "probability that a box of a picture is erased" },
    { "image.erase_least", OPTION_F64, FIELD(erase_least), "0.02", 1e-6, 1, NULL, "least area of that box" },
    { "image.erase_most", OPTION_F64, FIELD(erase_most), "0.3333333333333333", 1e-6, 1, NULL, "largest area of that box" },
    { "image.erase_aspect", OPTION_F64, FIELD(erase_aspect), "0.3", 1e-3, 1, NULL,
      "least height / width of that box; the largest is its inverse" },
    { "image.erase_fill", OPTION_CHOICE, FIELD(erase_fill), "pixel", 0, 0, "pixel rand const",
      "normal noise in each pixel, one normal colour, or 0 (after normalisation)" },
    { "image.mixup", OPTION_F64, FIELD(mixup), "0", 0, 1e3, NULL,
      "classifier, training: each picture and label mixed with another's, shares by Beta(this, this); 0: not" },
    { "image.cutmix", OPTION_F64, FIELD(cutmix), "0", 0, 1e3, NULL,
      "likewise, but a box of the other's, of an area by Beta(this, this); 0: not" },
    { "image.mix_switch", OPTION_F64, FIELD(mix_switch), "0.5", 0, 1, NULL,
      "probability of cutmix, where both are above 0; drawn for each batch" },
    OPTIONS_END
};

/* One number a channel, whatever the configuration gave. */
static mim_status spread(mim_context *ctx, const mim_config *config, const char *key, int64_t channels,
                         struct mim__numbers *list)
{
    if (channels != 3 && !mim__config_has(config, key))
        *list = (struct mim__numbers){ 1, { 0.5 } };
    if (list->count != 1 && list->count != channels)
        return mim__fail(ctx, MIM_ERR_VALUE, "%s has %d numbers for image.channels %lld", key, list->count,
                         (long long)channels);
    for (int i = list->count; i < channels; i++)
        list->v[i] = list->v[0];
    list->count = (int)channels;
    return MIM_OK;
}

mim_status mim__image_read_options(mim_context *ctx, const mim_config *config, struct image_options *out)
{
    struct image_options o;
    mim_status status = mim__read_options(ctx, config, mim__image_options, &o);
    if (!status)
        status = spread(ctx, config, "image.mean", o.channels, &o.mean);
    if (!status)
        status = spread(ctx, config, "image.deviation", o.channels, &o.deviation);
    if (status)
        return status;
    if (o.crop_least > o.crop_most)
        return mim__fail(ctx, MIM_ERR_VALUE, "image.crop_least %g is above image.crop_most %g", o.crop_least, o.crop_most);
    if (o.crop == CROP_RANDOM && o.crop_from && (o.resize == RESIZE_NONE || o.pad || o.crop_from < lmax(o.height, o.width)))
        return mim__fail(ctx, MIM_ERR_VALUE, "image.crop_from %lld needs an image.resize, goes without image.pad, and is for "
                         "pictures up to %lld x %lld", (long long)o.crop_from, (long long)o.crop_from, (long long)o.crop_from);
    if (o.aspect_least > o.aspect_most)
        return mim__fail(ctx, MIM_ERR_VALUE, "image.aspect_least %g is above image.aspect_most %g", o.aspect_least,
                         o.aspect_most);
    if (o.erase_least > o.erase_most)
        return mim__fail(ctx, MIM_ERR_VALUE, "image.erase_least %g is above image.erase_most %g", o.erase_least,
                         o.erase_most);
    if (mim__image_recolours(&o) && o.channels != 1 && o.channels != 3)
        return mim__fail(ctx, MIM_ERR_VALUE, "image.randaugment, colour jitter and image.grey need 1 or 3 channels, "
                         "image.channels is %lld", (long long)o.channels);
    if (o.resize == RESIZE_NONE && o.crop == CROP_RANDOM_RESIZED && mim__config_has(config, "image.crop"))
        return mim__fail(ctx, MIM_ERR_VALUE, "image.crop random_resized needs an image.resize, not none");
    if (o.resize == RESIZE_NONE && o.crop == CROP_RANDOM_RESIZED)
        o.crop = CROP_NONE;
    *out = o;
    return MIM_OK;
}
