/* SPDX-License-Identifier: MIT */
/* test_pictures.c -- likeness of pictures: golden values, types and layouts, lists, places that count, refusals. */
#include "evaluate/make.h"

enum { SIDE = 24, BYTES = SIDE * SIDE * 3 };
static mim_context *context;
static uint8_t a[BYTES], b[BYTES];

static mim_images view(const void *data)
{
    return (mim_images){ .struct_size = sizeof(mim_images), .data = data, .type = MIM_U8, .count = 1, .height = SIDE,
                         .width = SIDE, .channels = 3 };
}

static void make_pictures(void)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++) {
                int at = (y * SIDE + x) * 3 + c, p = (7 * x * x + 13 * y * y + 5 * x * y + 17 * x + 29 * y + 31 * c) % 256;
                int q = p + (3 * x + 5 * y + 7 * c) % 11 - 5;
                a[at] = (uint8_t)p;
                b[at] = (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
            }
}

static double measured(const char *measure, const mim_images *p, const mim_images *q, const uint8_t *where)
{
    double value = NAN;
    CHECK(mim_evaluate_pictures(context, measure, p, q, where, &value) == MIM_OK);
    return value;
}

static void golden(void)
{
    static uint8_t where[SIDE * SIDE], inner[SIDE * SIDE];
    mim_images p = view(a), q = view(b);
    for (int i = 0; i < SIDE * SIDE; i++) {
        where[i] = (i / SIDE * 3 + i % SIDE * 7) % 5 == 0;
        inner[i] = i / SIDE >= 2 && i / SIDE < SIDE - 2 && i % SIDE >= 2 && i % SIDE < SIDE - 2;
    }
    CHECK_NEAR(measured("psnr", &p, &q, NULL), 38.186196, 1e-6);
    CHECK_NEAR(measured("psnr_y", &p, &q, NULL), 45.715762, 1e-6);
    CHECK_NEAR(measured("psnr_y", &p, &q, inner), 45.737861, 1e-6);
    CHECK_NEAR(measured("ssim_y", &p, &q, NULL), 0.99957957, 1e-8);
    CHECK_NEAR(measured("ssim", &p, &q, NULL), 0.9989557701872948, 1e-9);
    CHECK_NEAR(measured("l1", &p, &q, NULL), 0.010600490196078432, 1e-12);
    CHECK_NEAR(measured("l2", &p, &q, NULL), 0.00015183796830278953, 1e-12);
    CHECK_NEAR(measured("psnr", &p, &q, where), 38.226700534019415, 1e-9);
    CHECK_NEAR(measured("ssim_y", &p, &q, where), 0.9995794782523422, 1e-9);
    CHECK(isinf(measured("psnr", &p, &p, NULL)) && measured("psnr_y", &p, &p, NULL) > 0);
    CHECK(measured("l1", &p, &p, NULL) == 0 && measured("l2", &p, &p, NULL) == 0);
    CHECK_NEAR(measured("ssim", &p, &p, NULL), 1, 1e-12);
}

/* The same pictures as u16, as f32 planes, and backwards, give the same. */
static void types_and_layouts(void)
{
    static const char *const names[] = { "psnr", "psnr_y", "ssim", "ssim_y", "l1", "l2" };
    static uint16_t wide[2][BYTES];
    static float planes[2][BYTES];
    mim_images p = view(a), q = view(b), w[2] = { view(wide[0]), view(wide[1]) }, f[2] = { view(0), view(0) };
    for (int i = 0; i < BYTES; i++) {
        int c = i % 3, at = (2 - c) * SIDE * SIDE + i / 3;          /* planes in the order BGR */
        wide[0][i] = (uint16_t)(a[i] * 257), wide[1][i] = (uint16_t)(b[i] * 257);
        planes[0][at] = (float)a[i] / 255, planes[1][at] = (float)b[i] / 255;
    }
    for (int k = 0; k < 2; k++) {
        w[k].type = MIM_U16;
        f[k].type = MIM_F32;
        f[k].row_stride = SIDE * 4, f[k].column_stride = 4, f[k].channel_stride = -SIDE * SIDE * 4;
        f[k].data = planes[k] + 2 * SIDE * SIDE;
    }
    for (int i = 0; i < COUNT(names); i++) {
        CHECK_NEAR(measured(names[i], w, w + 1, NULL), measured(names[i], &p, &q, NULL), 1e-9);
        CHECK_NEAR(measured(names[i], f, f + 1, NULL), measured(names[i], &p, &q, NULL), 1e-5);
    }
}

/* Lists cut in different ways, each picture with a place of its own in `where`, on any threads. */
static void lists(void)
{
    static uint8_t many[2][3][BYTES], small[2][5], where[3 * SIDE * SIDE + 5];
    mim_images p = view(many[0]), q = view(many[1]), q_rest = view(many[1][1]);
    mim_images tiny = view(small[0]), tiny_q = view(small[1]);
    double values[4], again[4];
    for (int i = 0; i < 2 * 3 * BYTES; i++)
        many[i / BYTES / 3][i / BYTES % 3][i % BYTES] = (uint8_t)(make_unit() * 256);
    for (int i = 0; i < COUNT(where); i++)
        where[i] = make_unit() < 0.3;
    small[0][2] = 51, where[3 * SIDE * SIDE + 2] = 1;
    p.count = 3, q_rest.count = 2;
    tiny.height = tiny_q.height = 5, tiny.width = tiny_q.width = tiny.channels = tiny_q.channels = 1;
    p.next = &tiny, q.next = &q_rest, q_rest.next = &tiny_q;
    CHECK(mim_evaluate_pictures(context, "l1", &p, &q, where, values) == MIM_OK);
    for (int i = 0; i < 3; i++) {
        mim_images one = view(many[0][i]), other = view(many[1][i]);
        CHECK(measured("l1", &one, &other, where + i * SIDE * SIDE) == values[i]);
    }
    int counted = 0;
    for (int i = 0; i < 5; i++)
        counted += where[3 * SIDE * SIDE + i];
    CHECK_NEAR(values[3], 0.2 / counted, 1e-12);
    for (int threads = 2; threads <= 7; threads++) {
        CHECK(mim_context_set_threads(context, threads) == MIM_OK);
        CHECK(mim_evaluate_pictures(context, "l1", &p, &q, where, again) == MIM_OK);
        CHECK(!memcmp(values, again, sizeof values));
    }
    CHECK(mim_context_set_threads(context, 1) == MIM_OK);
}

static void refused(void)
{
    static uint8_t nowhere[SIDE * SIDE];
    static float nan[BYTES];
    mim_images p = view(a), q = view(b);
    double value = 42;
    CHECK(mim_evaluate_pictures(NULL, "l1", &p, &q, NULL, &value) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_pictures(context, NULL, &p, &q, NULL, &value) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_pictures(context, "l1", NULL, &q, NULL, &value) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_pictures(context, "l1", &p, NULL, NULL, &value) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_pictures(context, "l1", &p, &q, NULL, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_pictures(context, "l3", &p, &q, NULL, &value) == MIM_ERR_KEY);
    CHECK(mim_evaluate_pictures(context, "l1", &p, &q, nowhere, &value) == MIM_ERR_VALUE);
    nowhere[5 * SIDE + 4] = 1;                  /* no centre of a window */
    CHECK(mim_evaluate_pictures(context, "ssim", &p, &q, nowhere, &value) == MIM_ERR_VALUE);
    q.height = SIDE - 1;
    CHECK(mim_evaluate_pictures(context, "l1", &p, &q, NULL, &value) == MIM_ERR_SHAPE);
    q = view(b), q.channels = 1;
    CHECK(mim_evaluate_pictures(context, "l1", &p, &q, NULL, &value) == MIM_ERR_SHAPE);
    p.channels = 1;
    CHECK(mim_evaluate_pictures(context, "psnr_y", &p, &q, NULL, &value) == MIM_ERR_SHAPE);
    p = view(a), q = view(b);
    q.type = MIM_U16, q.width = p.width = SIDE / 2;
    CHECK(mim_evaluate_pictures(context, "l1", &p, &q, NULL, &value) == MIM_ERR_SHAPE);
    p = view(a), q = view(b), p.next = &q;
    CHECK(mim_evaluate_pictures(context, "l1", &p, &q, NULL, &value) == MIM_ERR_SHAPE);
    p = view(a), q = view(b), p.width = q.width = 10;
    CHECK(mim_evaluate_pictures(context, "ssim", &p, &q, NULL, &value) == MIM_ERR_SHAPE);
    q.struct_size = 3;
    CHECK(mim_evaluate_pictures(context, "l1", &p, &q, NULL, &value) == MIM_ERR_VALUE);
    p = q = view(nan), p.type = q.type = MIM_F32, nan[100] = NAN;
    CHECK(mim_evaluate_pictures(context, "l1", &p, &q, NULL, &value) == MIM_ERR_VALUE);
    CHECK(value == 42);
}

static mim_status compare_once(const mim_host *host, void *arg)
{
    double value = 42;
    mim_images p = view(a), q = view(b);
    mim_context *c = NULL;
    mim_status status = mim_context_create(host, &c);
    if (!status) status = mim_context_set_threads(c, 2);
    if (!status) status = mim_evaluate_pictures(c, arg, &p, &q, NULL, &value);
    CHECK((status == MIM_OK) == (value != 42));
    mim_context_destroy(c);
    return status;
}

static void failing_memory(void)
{
    CHECK(fail_every_allocation(compare_once, "ssim") > 3);
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    make_pictures();
    TEST(golden);
    TEST(types_and_layouts);
    TEST(lists);
    TEST(refused);
    TEST(failing_memory);
    mim_context_destroy(context);
    return test_end();
}
