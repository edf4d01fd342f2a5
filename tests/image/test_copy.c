/* SPDX-License-Identifier: MIT */
/* test_copy.c -- pictures that keep their size: every type and layout, mirrored, padded, normalised as by hand. */
#include "image/make.h"

/* What output (c, y, x) must be, for a native view. */
static float wanted(const struct picture *p, const struct view *v, const struct image_options *o, int c, int y, int x)
{
    int64_t from_y = v->y + y, from_x = v->x + (v->flip ? (int)o->width - 1 - x : x);
    float range = p->type == MIM_U8 ? 255.0f : p->type == MIM_U16 ? 65535.0f : 1.0f, value = 0;
    if (from_y >= 0 && from_y < v->height && from_x >= 0 && from_x < v->width)
        value = (float)get_sample(p, (int)(v->top + from_y), (int)(v->left + from_x), c);
    return (value / range - (float)o->mean.v[c]) / (float)o->deviation.v[c];
}

static void random_views(void)
{
    static const int types[] = { MIM_U8, MIM_U16, MIM_F32 };
    for (int i = 0; i < 400; i++) {
        int channels = i % 40 == 3 ? 64 : 1 + (int)make_random(5), wrong = 0;
        struct picture p;
        unsigned char *memory =
            make_picture(types[i % 3], 1 + (int)make_random(20), 1 + (int)make_random(20), channels, i % 5, &p);
        struct image_options o = plain_options(1 + (int)make_random(20), 1 + (int)make_random(20), channels);
        struct view v = { .flip = i % 2 };
        float *table = malloc(sizeof *table * 256 * 64), *out = malloc(sizeof *out * 64 * 400);
        for (int c = 0; c < channels; c++)
            o.mean.v[c] = 0.1 * c, o.deviation.v[c] = 0.5 + 0.01 * c;
        v.top = make_random((unsigned)p.height), v.left = make_random((unsigned)p.width);
        v.height = v.rows = 1 + make_random((unsigned)(p.height - v.top));
        v.width = v.cols = 1 + make_random((unsigned)(p.width - v.left));
        v.y = (int)make_random(50) - 25, v.x = (int)make_random(50) - 25;
        mim__image_table(&o, table);
        mim__image_copy(&p, &v, &(struct finish){ &o, table }, out);
        for (int c = 0, at = 0; c < channels; c++)
            for (int y = 0; y < o.height; y++)
                for (int x = 0; x < o.width; x++)
                    wrong += out[at++] != wanted(&p, &v, &o, c, y, x);
        CHECK(wrong == 0);
        free(memory);
        free(table);
        free(out);
    }
}

static void table(void)
{
    struct image_options o = plain_options(1, 1, 2);
    float u8[512];
    o.mean.v[1] = 0.485, o.deviation.v[1] = 0.229;
    mim__image_table(&o, u8);
    CHECK(u8[255] == 1 && u8[0] == 0);
    CHECK(u8[256 + 100] == (100.0f / 255.0f - 0.485f) / 0.229f);
}

int main(void)
{
    TEST(random_views);
    TEST(table);
    return test_end();
}
