/* SPDX-License-Identifier: MIT */
/* test_erase.c -- boxes as timm draws them, and what fills them. */
#include "image/augment.h"

#include "image/make.h"

static struct image_options options(int height, int width)
{
    struct image_options o = plain_options(height, width, 3);
    o.erase = 1, o.erase_least = 0.02, o.erase_most = 1.0 / 3, o.erase_aspect = 0.3;
    return o;
}

static void boxes(void)
{
    static const struct { int height, width; double u[4]; bool fits; int top, left, h, w; } cases[] = {
        { 32, 48, { .5, .25, .1, .9 }, true, 2, 24, 12, 22 },   { 224, 224, { 0, .5, .999, 0 }, true, 192, 0, 32, 32 },
        { 16, 64, { .99, .9, .3, .5 }, false, 0, 0, 0, 0 },     { 16, 64, { .1, .1, .3, .5 }, true, 3, 26, 4, 12 },
        { 16, 64, { .3, .4, .99, .99 }, true, 6, 52, 10, 12 },
    };
    for (int i = 0; i < COUNT(cases); i++) {
        struct image_options o = options(cases[i].height, cases[i].width);
        struct erase_box b = { 0, 0, 0, 0 };
        CHECK(mim__image_erase_box(&o, cases[i].u, &b) == cases[i].fits);
        CHECK(b.top == cases[i].top && b.left == cases[i].left && b.height == cases[i].h && b.width == cases[i].w);
    }
}

/* The box of changed pixels of a picture of 1e9: its area, and mean and variance of what is there. */
static int erased(const struct image_options *o, uint64_t id, double *mean, double *variance, int *differs)
{
    static float p[3 * 40 * 40];
    int n = 0, plane = (int)(o->height * o->width);
    double sum = 0, square = 0;
    *differs = 0;
    for (int i = 0; i < 3 * plane; i++)
        p[i] = 1e9f;
    mim__image_erase(o, p, 11, 2, id);
    for (int i = 0; i < plane; i++) {
        CHECK((p[i] == 1e9f) == (p[plane + i] == 1e9f) && (p[i] == 1e9f) == (p[2 * plane + i] == 1e9f));
        for (int c = 0; c < 3 && p[i] != 1e9f; c++, n++) {
            sum += p[c * plane + i];
            square += (double)p[c * plane + i] * p[c * plane + i];
        }
        *differs += p[i] != 1e9f && p[i] != p[plane + i];
    }
    *mean = sum / (n ? n : 1);
    *variance = square / (n ? n : 1) - *mean * *mean;
    return n / 3;
}

static void fills(void)
{
    struct image_options o = options(40, 40);
    double mean, variance, sum = 0, spread = 0, least = 1, most = 0;
    int differs, n = 0;
    for (uint64_t id = 0; id < 300; id++) {
        int area = erased(&o, id, &mean, &variance, &differs);
        least = fmin(least, area / 1600.0);
        most = fmax(most, area / 1600.0);
        sum += mean * area;
        spread += (variance + mean * mean) * area;
        n += area;
    }
    CHECK(least > 0.015 && least < 0.04 && most > 0.3 && most < 0.35);
    CHECK_NEAR(sum / n, 0, 0.02);
    CHECK_NEAR(spread / n, 1, 0.02);
    o.erase_fill = ERASE_CONST;
    CHECK(erased(&o, 1, &mean, &variance, &differs) > 0 && mean == 0 && variance == 0);
    o.erase_fill = ERASE_RAND;
    int area = erased(&o, 1, &mean, &variance, &differs);
    CHECK(area > 0 && differs == area && variance > 1e-4);
}

static void as_often_as_asked(void)
{
    struct image_options o = options(40, 40);
    double mean, variance;
    int differs, n = 0;
    o.erase = 0.25, o.erase_fill = ERASE_CONST;
    for (uint64_t id = 0; id < 2000; id++)
        n += erased(&o, id, &mean, &variance, &differs) > 0;
    CHECK_NEAR(n / 2000.0, 0.25, 0.03);
}

/* Pictures that no box fits into stay. */
static void tiny(void)
{
    struct image_options o = options(1, 1);
    float p[3] = { 5, 6, 7 };
    for (uint64_t id = 0; id < 50; id++)
        mim__image_erase(&o, p, 1, 0, id);
    CHECK(p[0] == 5 && p[1] == 6 && p[2] == 7);
}

int main(void)
{
    TEST(boxes);
    TEST(fills);
    TEST(as_often_as_asked);
    TEST(tiny);
    return test_end();
}
