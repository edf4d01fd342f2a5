/* SPDX-License-Identifier: MIT */
/* options.c -- section image of a configuration. */
#include "image/image.h"

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
    { "image.pad", OPTION_I64, FIELD(pad), "0", 0, 16384, NULL, "black border in pixels, before a random crop" },
    { "image.flip", OPTION_F64, FIELD(flip), "0.5", 0, 1, NULL, "probability that training sees a picture mirrored" },
    { "image.eval_crop", OPTION_F64, FIELD(eval_crop), "0.875", 0.01, 1, NULL,
      "evaluation resizes the shorter side to size / eval_crop and keeps the centre; pictures of the right size stay" },
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
    if (o.aspect_least > o.aspect_most)
        return mim__fail(ctx, MIM_ERR_VALUE, "image.aspect_least %g is above image.aspect_most %g", o.aspect_least,
                         o.aspect_most);
    if (o.resize == RESIZE_NONE && o.crop == CROP_RANDOM_RESIZED && mim__config_has(config, "image.crop"))
        return mim__fail(ctx, MIM_ERR_VALUE, "image.crop random_resized needs an image.resize, not none");
    if (o.resize == RESIZE_NONE && o.crop == CROP_RANDOM_RESIZED)
        o.crop = CROP_NONE;
    *out = o;
    return MIM_OK;
}
