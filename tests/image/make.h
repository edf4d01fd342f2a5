/* SPDX-License-Identifier: MIT */
/* make.h -- pictures and options to test the image stage with. */
#ifndef MIM_TESTS_IMAGE_MAKE_H
#define MIM_TESTS_IMAGE_MAKE_H

#include "image/view.h"
#include "support/test.h"

/* The picture of the golden values. */
static inline unsigned pattern(int c, int y, int x)
{
    return (unsigned)(7 * x * x + 13 * y * y + 5 * x * y + 17 * x + 29 * y + 31 * c) % 256u;
}

static unsigned make_state = 1;
static inline unsigned make_random(unsigned below)
{
    make_state = make_state * 1664525u + 1013904223u;
    return (make_state >> 8) % below;
}

/* Results are the samples as they are, for u8 and f32; u16 is brought to 0..1. */
static inline struct image_options plain_options(int height, int width, int channels)
{
    struct image_options o = { .height = height, .width = width, .channels = channels, .resize = RESIZE_BILINEAR,
                               .crop_least = 1, .crop_most = 1, .aspect_least = 1, .aspect_most = 1, .eval_crop = 1 };
    o.mean.count = o.deviation.count = channels;
    for (int c = 0; c < channels; c++)
        o.deviation.v[c] = 1;
    return o;
}
static inline void plain_table(int channels, float *table)
{
    for (int i = 0; i < 256 * channels; i++)
        table[i] = (float)(i % 256);
}

static inline int sample_bytes(int type) { return type == MIM_U8 ? 1 : type == MIM_U16 ? 2 : 4; }
static inline void put_sample(int type, unsigned char *at, double value)
{
    unsigned short half = (unsigned short)value;
    float real = (float)value;
    if (type == MIM_U8)
        *at = (unsigned char)value;
    else if (type == MIM_U16)
        memcpy(at, &half, sizeof half);
    else
        memcpy(at, &real, sizeof real);
}
static inline double get_sample(const struct picture *p, int y, int x, int c)
{
    const unsigned char *at = p->data + y * p->row + x * p->column + c * p->channel;
    unsigned short half;
    float real;
    if (p->type == MIM_U8)
        return *at;
    if (p->type == MIM_U16)
        return memcpy(&half, at, sizeof half), half;
    return memcpy(&real, at, sizeof real), (double)real;
}

/* A random picture in one of several layouts: 0 interleaved, 1 planar, 2 upside down with padded rows, 3 columns and
 * channels backwards, 4 odd strides that leave samples unaligned. Free the result. */
static inline unsigned char *make_picture(int type, int height, int width, int channels, int layout, struct picture *p)
{
    int size = sample_bytes(type), pad = layout == 2 ? 5 * size : layout == 4 ? 1 : 0;
    *p = (struct picture){ NULL, type, height, width, channels, 0, 0, 0 };
    p->channel = layout == 1 ? (ptrdiff_t)size * width * height : size;
    p->column = layout == 1 ? size : (ptrdiff_t)size * channels + (layout == 4);
    p->row = p->column * width + pad;
    if (layout == 1)
        p->row = (ptrdiff_t)size * width;
    size_t bytes = (size_t)(p->row * height + p->channel * channels + 64);
    unsigned char *memory = calloc(bytes, 1);
    p->data = memory + (layout == 4);
    if (layout == 2) {
        p->data += p->row * (height - 1);
        p->row = -p->row;
    }
    if (layout == 3) {
        p->data += p->column * (width - 1) + p->channel * (channels - 1);
        p->column = -p->column;
        p->channel = -p->channel;
    }
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                put_sample(type, (unsigned char *)(size_t)p->data + y * p->row + x * p->column + c * p->channel,
                           type == MIM_U8 ? make_random(256) : type == MIM_U16 ? make_random(65536)
                                                                               : make_random(1u << 20) / 1048576.0 - 0.25);
    return memory;
}

#endif
