/* SPDX-License-Identifier: MIT */
/* test_crop.c -- which part of a picture is seen: golden crops, evaluation as torchvision does it, padding, errors. */
#include "image/make.h"

#include "base/philox.h"

static struct image_options imagenet(void)
{
    struct image_options o = plain_options(224, 224, 3);
    o.crop = CROP_RANDOM_RESIZED, o.resize = RESIZE_BICUBIC;
    o.crop_least = 0.08, o.crop_most = 1;
    o.aspect_least = 0.75, o.aspect_most = 4.0 / 3;
    o.eval_crop = 0.875;
    return o;
}

static int is(const struct view *v, int64_t top, int64_t left, int64_t height, int64_t width)
{
    return v->top == top && v->left == left && v->height == height && v->width == width;
}

static void golden_attempts(void)
{
    struct image_options o = imagenet();
    struct view v;
    CHECK(mim__image_attempt(&o, 375, 500, (double[]){ .5, .25, .1, .9 }, &v));
    CHECK(is(&v, 3, 184, 342, 296));
    CHECK(v.rows == 224 && v.cols == 224 && v.y == 0 && v.x == 0);
    CHECK(!mim__image_attempt(&o, 375, 500, (double[]){ .999, 0, 0, 0 }, &v));
    CHECK(mim__image_attempt(&o, 375, 500, (double[]){ .2, .8, .5, .5 }, &v));
    CHECK(is(&v, 86, 129, 204, 243));
    o.crop_once = 1;
    CHECK(mim__image_attempt(&o, 375, 500, (double[]){ .999, 0, .5, .5 }, &v));
    CHECK(is(&v, 0, 63, 375, 375));
    CHECK(mim__image_attempt(&o, 375, 500, (double[]){ .5, .25, .1, .9 }, &v));
    CHECK(is(&v, 3, 184, 342, 296));
    o.crop_once = 0;
    mim__image_fallback(&o, 100, 1000, &v);
    CHECK(is(&v, 0, 433, 100, 133));
    mim__image_fallback(&o, 1000, 100, &v);
    CHECK(is(&v, 433, 0, 133, 100));
    mim__image_fallback(&o, 300, 300, &v);
    CHECK(is(&v, 0, 0, 300, 300));
}

/* The draw is the attempts, four words each, on stream 16, and one word of stream 17. */
static void words(void)
{
    struct image_options o = imagenet();
    o.flip = 0.5;
    for (unsigned id = 0; id < 200; id++) {
        struct mim__stream crop = mim__stream(7, 16, id, 3), flip = mim__stream(7, 17, id, 3);
        struct view v = mim__image_draw(&o, 375, 500, 7, 3, id), w;
        bool found = false;
        for (uint32_t a = 0; a < 10 && !found; a++) {
            double u[4];
            for (uint32_t i = 0; i < 4; i++)
                u[i] = i < 2 ? (double)mim__unit(mim__word(&crop, 4 * a + i)) : mim__word(&crop, 4 * a + i) / 4294967296.0;
            found = mim__image_attempt(&o, 375, 500, u, &w);
        }
        CHECK(!found || is(&w, v.top, v.left, v.height, v.width));
        CHECK(v.flip == (mim__unit(mim__word(&flip, 0)) < 0.5f));
    }
}

static void ranges(void)
{
    struct image_options o = imagenet();
    double area = 0;
    int flips = 0;
    o.flip = 0.25, o.crop_most = 0.5;        /* always fits: no attempt is refused, the mean is known */
    for (unsigned id = 0; id < 4000; id++) {
        struct view v = mim__image_draw(&o, 300, 400, 1, 0, id);
        CHECK(v.top >= 0 && v.left >= 0 && v.top + v.height <= 300 && v.left + v.width <= 400);
        CHECK((double)v.width / (double)v.height > 0.72 && (double)v.width / (double)v.height < 1.38);
        area += (double)(v.width * v.height) / 120000;
        flips += v.flip;
    }
    CHECK_NEAR(area / 4000, 0.29, 0.01);
    CHECK_NEAR(flips / 4000.0, 0.25, 0.03);
    o.flip = 0;
    CHECK(!mim__image_draw(&o, 300, 400, 1, 0, 0).flip);
    o.flip = 1;
    CHECK(mim__image_draw(&o, 300, 400, 1, 0, 0).flip);
}

static void other_seed_epoch_id(void)
{
    struct image_options o = imagenet();
    struct view a = mim__image_draw(&o, 375, 500, 1, 2, 3), b = mim__image_draw(&o, 375, 500, 1, 2, 3);
    CHECK(is(&a, b.top, b.left, b.height, b.width));
    b = mim__image_draw(&o, 375, 500, 9, 2, 3);
    CHECK(!is(&a, b.top, b.left, b.height, b.width));
    b = mim__image_draw(&o, 375, 500, 1, 9, 3);
    CHECK(!is(&a, b.top, b.left, b.height, b.width));
    b = mim__image_draw(&o, 375, 500, 1, 2, 9);
    CHECK(!is(&a, b.top, b.left, b.height, b.width));
}

/* Resize(256), CenterCrop(224): the longer side is cut down to a whole number, halves go to the even one. */
static void evaluation(void)
{
    struct image_options o = imagenet();
    struct view v = mim__image_view(&o, 375, 500);
    CHECK(is(&v, 0, 0, 375, 500) && v.rows == 256 && v.cols == 341 && v.y == 16 && v.x == 58);      /* 58.5 */
    v = mim__image_view(&o, 500, 333);
    CHECK(v.cols == 256 && v.rows == 384 && v.y == 80 && v.x == 16);
    v = mim__image_view(&o, 1, 1);
    CHECK(v.rows == 256 && v.cols == 256);
    v = mim__image_view(&o, 224, 224);
    CHECK(native(&v) && v.y == 0 && v.x == 0);
    o.width = 112, o.eval_crop = 1;
    v = mim__image_view(&o, 100, 100);
    CHECK(v.rows == 224 && v.cols == 224 && v.y == 0 && v.x == 56);
    o.crop = CROP_NONE;
    v = mim__image_view(&o, 100, 100);
    CHECK(v.rows == 224 && v.cols == 112 && v.y == 0 && v.x == 0);
    o.height = o.width = 192, o.crop = CROP_CENTER, o.eval_crop = 0.875;
    v = mim__image_view(&o, 300, 300);
    CHECK(v.rows == 219 && v.y == 14);                                                              /* 13.5 */
}

static void windows(void)
{
    struct image_options o = plain_options(32, 32, 3);
    int seen[9] = { 0 };
    o.crop = CROP_RANDOM, o.pad = 4;
    for (unsigned id = 0; id < 500; id++) {
        struct view v = mim__image_draw(&o, 32, 32, 1, 0, id);
        CHECK(native(&v) && v.y >= -4 && v.y <= 4 && v.x >= -4 && v.x <= 4);
        if (v.y >= -4 && v.y <= 4)
            seen[v.y + 4]++;
    }
    for (int i = 0; i < 9; i++)
        CHECK(seen[i] > 20);
    struct view v = mim__image_draw(&o, 10, 20, 1, 0, 0);           /* too small even with its border: enlarged */
    CHECK(v.rows == 32 && v.cols == 64 && v.y == 0 && v.x >= 0 && v.x <= 32);
    v = mim__image_view(&o, 32, 32);
    CHECK(native(&v) && v.y == 0 && v.x == 0);
}

/* 32 to 52, then a window of 48: five places along each side. */
static void windows_of_enlarged(void)
{
    struct image_options o = plain_options(48, 48, 3);
    int seen[5][5] = { { 0 } };
    o.crop = CROP_RANDOM, o.crop_from = 52, o.resize = RESIZE_BILINEAR;
    for (unsigned id = 0; id < 2000; id++) {
        struct view v = mim__image_draw(&o, 32, 32, 1, 0, id);
        if (CHECK(is(&v, 0, 0, 32, 32) && v.rows == 52 && v.cols == 52 && v.y >= 0 && v.y < 5 && v.x >= 0 && v.x < 5))
            seen[v.y][v.x]++;
    }
    for (int i = 0; i < 25; i++)
        CHECK(seen[i / 5][i % 5] > 40);
    struct view v = mim__image_draw(&o, 300, 600, 1, 0, 0);
    CHECK(v.rows == 52 && v.cols == 104 && v.y < 5 && v.x < 57);
    v = mim__image_draw(&o, 52, 52, 1, 0, 0);
    CHECK(native(&v) && v.y >= 0 && v.x >= 0);
}

static void no_resize(void)
{
    struct image_options o = plain_options(32, 32, 3);
    o.resize = RESIZE_NONE;
    CHECK(mim__image_fits(NULL, &o, 32, 32) == MIM_OK);
    CHECK(mim__image_fits(NULL, &o, 33, 32) == MIM_ERR_SHAPE);
    o.crop = CROP_CENTER, o.pad = 4;
    CHECK(mim__image_fits(NULL, &o, 33, 40) == MIM_OK);
    CHECK(mim__image_fits(NULL, &o, 31, 40) == MIM_ERR_SHAPE);
    struct view v = mim__image_view(&o, 33, 40);
    CHECK(native(&v) && v.y == 0 && v.x == 4);
    o.crop = CROP_RANDOM;
    CHECK(mim__image_fits(NULL, &o, 24, 24) == MIM_OK);
    CHECK(mim__image_fits(NULL, &o, 23, 24) == MIM_ERR_SHAPE);
    v = mim__image_view(&o, 27, 24);
    CHECK(native(&v) && v.y == -2 && v.x == -4);                    /* -2.5, to even */
    o.resize = RESIZE_BILINEAR;
    CHECK(mim__image_fits(NULL, &o, 1, 1) == MIM_OK);
}

int main(void)
{
    TEST(golden_attempts);
    TEST(words);
    TEST(ranges);
    TEST(other_seed_epoch_id);
    TEST(evaluation);
    TEST(windows);
    TEST(windows_of_enlarged);
    TEST(no_resize);
    return test_end();
}
