/* SPDX-License-Identifier: MIT */
/* test_images.c -- lists of views: what is malformed is refused before a pixel is read, the rest is addressed rightly. */
#include "image/make.h"

static mim_context *context;
static unsigned char bytes[4 * 4096];

static mim_images good(void)
{
    return (mim_images){ .struct_size = sizeof(mim_images), .data = bytes, .type = MIM_U8, .count = 2, .height = 3,
                         .width = 5, .channels = 3 };
}

static mim_status count(const mim_images *m, int64_t channels)
{
    int64_t n = -7;
    mim_status status = mim__images_count(context, m, channels, "test", &n);
    CHECK((status == MIM_OK) == (n != -7));
    return status;
}

static void counts(void)
{
    mim_images a = good(), b = good(), c = good();
    int64_t n = 0;
    a.next = &b, b.next = &c, c.count = 5;
    CHECK(mim__images_count(context, &a, 0, "test", &n) == MIM_OK && n == 9);
    CHECK(count(&a, 3) == MIM_OK);
    CHECK(count(&a, 4) == MIM_ERR_SHAPE);
    c.channels = 1;
    CHECK(count(&a, 3) == MIM_ERR_SHAPE);
    CHECK(count(&a, 0) == MIM_OK);
    CHECK(count(NULL, 0) == MIM_ERR_ARGUMENT);
}

static mim_status with(void (*spoil)(mim_images *m))
{
    mim_images first = good(), second = good();
    first.next = &second;
    spoil(&second);
    return count(&first, 0);
}
static void no_data(mim_images *m) { m->data = NULL; }
static void old_size(mim_images *m) { m->struct_size = 8; }
static void new_size(mim_images *m) { m->struct_size = sizeof *m + 8; }
static void signed_bytes(mim_images *m) { m->type = MIM_I8; }
static void doubles(mim_images *m) { m->type = MIM_F64; }
static void no_type(mim_images *m) { m->type = -1; }
static void empty(mim_images *m) { m->count = 0; }
static void flat(mim_images *m) { m->height = 0; }
static void thin(mim_images *m) { m->width = 0; }
static void colourless(mim_images *m) { m->channels = 0; }
static void negative(mim_images *m) { m->width = -1; }
static void many(mim_images *m) { m->channels = 65; }
static void reserved(mim_images *m) { m->reserved = 1; }
static void far_rows(mim_images *m) { m->row_stride = INT64_MAX; }
static void far_back(mim_images *m) { m->image_stride = INT64_MIN; }
static void far_sum(mim_images *m) { m->row_stride = m->column_stride = INT64_MAX / 5; }
static void huge(mim_images *m) { m->count = m->height = m->width = INT32_MAX; }
static void huge_plane(mim_images *m) { m->height = m->width = INT32_MAX, m->channels = 64, m->count = 1; }

static void malformed(void)
{
    CHECK(with(no_data) == MIM_ERR_ARGUMENT);
    CHECK(with(negative) == MIM_ERR_ARGUMENT);
    CHECK(with(old_size) == MIM_ERR_VALUE);
    CHECK(with(new_size) == MIM_ERR_VALUE);
    CHECK(with(signed_bytes) == MIM_ERR_VALUE);
    CHECK(with(doubles) == MIM_ERR_VALUE);
    CHECK(with(no_type) == MIM_ERR_VALUE);
    CHECK(with(reserved) == MIM_ERR_VALUE);
    CHECK(with(empty) == MIM_ERR_SHAPE);
    CHECK(with(flat) == MIM_ERR_SHAPE);
    CHECK(with(thin) == MIM_ERR_SHAPE);
    CHECK(with(colourless) == MIM_ERR_SHAPE);
    CHECK(with(many) == MIM_ERR_SHAPE);
    CHECK(with(far_rows) == MIM_ERR_VALUE);
    CHECK(with(far_back) == MIM_ERR_VALUE);
    CHECK(with(far_sum) == MIM_ERR_VALUE);
    CHECK(with(huge) == MIM_ERR_VALUE);
    CHECK(with(huge_plane) == MIM_ERR_VALUE);
}

static void circles(void)
{
    mim_images m[7];
    for (int size = 1; size <= 7; size++)
        for (int back = 0; back < size; back++) {
            for (int i = 0; i < size; i++) {
                m[i] = good();
                m[i].next = i + 1 < size ? m + i + 1 : m + back;
            }
            CHECK(count(m, 0) == MIM_ERR_VALUE);
        }
}

static void too_many(void)
{
    mim_images a = good(), b = good();
    a.count = b.count = INT32_MAX;
    a.row_stride = b.row_stride = 1;
    a.next = &b;
    CHECK(count(&a, 0) == MIM_ERR_SHAPE);
}

static void addresses(void)
{
    mim_images a = good(), b = good();
    a.next = &b;
    b.type = MIM_U16, b.count = 2;
    b.data = bytes + 1000, b.image_stride = -100, b.row_stride = 30, b.column_stride = 6, b.channel_stride = -2;
    struct picture p = mim__images_at(&a, 1);
    CHECK(p.data == bytes + 45 && p.row == 15 && p.column == 3 && p.channel == 1 && p.type == MIM_U8);
    p = mim__images_at(&a, 3);
    CHECK(p.data == bytes + 900 && p.row == 30 && p.column == 6 && p.channel == -2 && p.type == MIM_U16);
    CHECK(p.height == 3 && p.width == 5 && p.channels == 3);
}

static void put(float value, int at) { memcpy(bytes + 4 * at, &value, sizeof value); }

static void finite_pixels(void)
{
    static const float bad[] = { NAN, -NAN, INFINITY, -INFINITY };
    mim_images a = good(), b = good();
    char text[256];
    a.next = &b, b.type = MIM_F32;
    for (int i = 0; i < 90; i++)
        put(i % 2 ? -3.4e38f : 1e-45f, i);
    CHECK(mim__images_finite(context, &a, 4, "test") == MIM_OK);
    for (int i = 0; i < 90; i++) {
        put(bad[i % 4], i);
        CHECK(mim__images_finite(context, &a, 4, "test") == MIM_ERR_VALUE);
        put(0, i);
    }
    put(NAN, 45 + 3 * 7 + 2);                /* picture 3 of the list, channel 2 */
    CHECK(mim__images_finite(context, &a, 4, "test") == MIM_ERR_VALUE);
    CHECK(mim_last_error(context, text, sizeof text, NULL) == MIM_OK);
    CHECK(strstr(text, "image 3") && strstr(text, "channel 2"));
    put(INFINITY, 3 * 3 + 1);                /* picture 2, channel 1 comes first */
    CHECK(mim__images_finite(context, &a, 4, "test") == MIM_ERR_VALUE);
    CHECK(mim_last_error(context, text, sizeof text, NULL) == MIM_OK);
    CHECK(strstr(text, "image 2") && strstr(text, "channel 1"));
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(counts);
    TEST(malformed);
    TEST(circles);
    TEST(too_many);
    TEST(addresses);
    TEST(finite_pixels);
    mim_context_set_threads(context, 3);
    TEST(finite_pixels);
    mim_context_destroy(context);
    return test_end();
}
