/* SPDX-License-Identifier: MIT */
/* test_options.c -- section image: defaults, lists of one number a channel, and what contradicts. */
#include "image/make.h"

static mim_context *context;
static mim_config *config;

static void fresh(void)
{
    mim_config_destroy(config);
    config = NULL;
    CHECK(mim_config_create(context, NULL, &config) == MIM_OK);
}

static void defaults(void)
{
    struct image_options o;
    CHECK(mim__image_read_options(context, NULL, &o) == MIM_OK);
    CHECK(o.height == 224 && o.width == 224 && o.channels == 3);
    CHECK(o.mean.count == 3 && o.mean.v[0] == 0.485 && o.mean.v[1] == 0.456 && o.mean.v[2] == 0.406);
    CHECK(o.deviation.count == 3 && o.deviation.v[0] == 0.229 && o.deviation.v[1] == 0.224 && o.deviation.v[2] == 0.225);
    CHECK(o.resize == RESIZE_BICUBIC && o.crop == CROP_RANDOM_RESIZED);
    CHECK(o.crop_least == 0.67 && o.crop_most == 1 && o.aspect_least == 0.75 && o.aspect_most == 4.0 / 3);
    CHECK(o.pad == 0 && o.flip == 0.5 && o.eval_crop == 0.875);
    CHECK(o.randaugment == 0 && o.brightness == 0 && o.contrast == 0 && o.saturation == 0 && o.hue == 0 && o.grey == 0);
    CHECK(o.erase == 0 && o.mixup == 0 && o.cutmix == 0 && o.mix_switch == 0.5);
}

static void channels(void)
{
    struct image_options o = { .height = -1 };
    fresh();
    CHECK(mim_config_set_i64(config, "image.channels", 5) == MIM_OK);
    CHECK(mim__image_read_options(context, config, &o) == MIM_OK);
    CHECK(o.mean.count == 5 && o.mean.v[4] == 0.5 && o.deviation.count == 5 && o.deviation.v[4] == 0.5);
    CHECK(mim_config_set_str(config, "image.mean", "[0.25]") == MIM_OK);
    CHECK(mim__image_read_options(context, config, &o) == MIM_OK);
    CHECK(o.mean.count == 5 && o.mean.v[0] == 0.25 && o.mean.v[4] == 0.25 && o.deviation.v[0] == 0.5);
    CHECK(mim_config_set_str(config, "image.deviation", "[0.1, 0.2]") == MIM_OK);
    o.height = -1;
    CHECK(mim__image_read_options(context, config, &o) == MIM_ERR_VALUE);
    CHECK(o.height == -1);
}

static mim_status reads(const char *a, const char *b, const char *c, const char *d)
{
    struct image_options o;
    fresh();
    CHECK(mim_config_set_str(config, a, b) == MIM_OK);
    CHECK(mim_config_set_str(config, c, d) == MIM_OK);
    return mim__image_read_options(context, config, &o);
}

static void contradictions(void)
{
    CHECK(reads("image.crop_least", "0.9", "image.crop_most", "0.5") == MIM_ERR_VALUE);
    CHECK(reads("image.crop_least", "0.5", "image.crop_most", "0.5") == MIM_OK);
    CHECK(reads("image.aspect_least", "2", "image.aspect_most", "1") == MIM_ERR_VALUE);
    CHECK(reads("image.resize", "none", "image.crop", "random_resized") == MIM_ERR_VALUE);
    CHECK(reads("image.resize", "none", "image.crop", "random") == MIM_OK);
    CHECK(reads("image.crop", "random", "image.crop_from", "256") == MIM_OK);
    CHECK(reads("image.crop", "random", "image.crop_from", "100") == MIM_ERR_VALUE);
    CHECK(reads("image.crop", "center", "image.crop_from", "100") == MIM_OK);
    CHECK(reads("image.erase_least", "0.4", "image.erase_most", "0.3") == MIM_ERR_VALUE);
    CHECK(reads("image.grey", "0.2", "image.channels", "4") == MIM_ERR_VALUE);
    CHECK(reads("image.grey", "0", "image.channels", "4") == MIM_OK);
}

static void refused(void)
{
    fresh();
    CHECK(mim_config_set_i64(config, "image.height", 0) == MIM_ERR_VALUE);
    CHECK(mim_config_set_i64(config, "image.channels", 65) == MIM_ERR_VALUE);
    CHECK(mim_config_set_str(config, "image.deviation", "[0, 1, 1]") == MIM_ERR_VALUE);
    CHECK(mim_config_set_str(config, "image.crop", "left") == MIM_ERR_VALUE);
    CHECK(mim_config_set_f64(config, "image.flip", 1.5) == MIM_ERR_VALUE);
}

static void none_means_no_crop_either(void)
{
    struct image_options o;
    fresh();
    CHECK(mim_config_set_str(config, "image.resize", "none") == MIM_OK);
    CHECK(mim__image_read_options(context, config, &o) == MIM_OK);
    CHECK(o.crop == CROP_NONE);
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(defaults);
    TEST(channels);
    TEST(contradictions);
    TEST(refused);
    TEST(none_means_no_crop_either);
    mim_config_destroy(config);
    mim_context_destroy(context);
    return test_end();
}
