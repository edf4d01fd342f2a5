/* SPDX-License-Identifier: MIT */
/* test_prepare.c -- the image stage as hosts call it: threads, order, lists, errors, memory. */
#include "image/make.h"

#include "base/executor.h"
#include "support/fail_alloc.h"

enum { N = 9, SIDE = 24, CHANNELS = 3, PICTURE = CHANNELS * SIDE * SIDE, ROOM = N * PICTURE };

static unsigned char *memory[N];
static mim_images list[N];                   /* one view each, sizes and types all different */

static void make_list(void)
{
    static const int types[] = { MIM_U8, MIM_F32, MIM_U16 };
    for (int i = 0; i < N; i++) {
        struct picture p;
        int height = i == 4 ? SIDE : 1 + (int)make_random(60), width = i == 4 ? SIDE : 1 + (int)make_random(60);
        memory[i] = make_picture(types[i % 3], height, width, CHANNELS, i % 5, &p);
        list[i] = (mim_images){ .struct_size = sizeof *list, .data = p.data, .type = p.type, .count = 1, .height = height,
                                .width = width, .channels = CHANNELS, .image_stride = 1, .row_stride = p.row,
                                .column_stride = p.column, .channel_stride = p.channel,
                                .next = i + 1 < N ? list + i + 1 : NULL };
    }
}

static mim_config *make_config(mim_context *context)
{
    mim_config *config = NULL;
    CHECK(mim_config_create(context, NULL, &config) == MIM_OK);
    CHECK(mim_config_set_i64(config, "image.height", SIDE) == MIM_OK);
    CHECK(mim_config_set_i64(config, "image.width", SIDE) == MIM_OK);
    return config;
}

static void threads_and_order(void)
{
    static float first[2][ROOM], out[ROOM];
    static const int64_t ids[N] = { 5, 1, 800000000000, 3, -1, 0, 77, 12, 5 };
    mim_context *context = NULL;
    CHECK(mim_context_create(NULL, &context) == MIM_OK);
    mim_config *config = make_config(context);
    for (int threads = 1; threads <= 7; threads++)
        for (int augment = 0; augment < 2; augment++) {
            float *to = threads == 1 ? first[augment] : out;
            CHECK(mim_context_set_threads(context, threads) == MIM_OK);
            CHECK(mim_images_prepare(context, config, augment, list, 4, ids, to, ROOM) == MIM_OK);
            CHECK(!memcmp(to, first[augment], sizeof first[0]));
        }
    CHECK(memcmp(first[0], first[1], sizeof first[0]));
    for (int i = 0; i < N; i++) {                               /* alone, a picture gives what it gives in the batch */
        mim_images alone = list[i];
        alone.next = NULL;
        CHECK(mim_images_prepare(context, config, 1, &alone, 4, ids + i, out, PICTURE) == MIM_OK);
        CHECK(!memcmp(out, first[1] + i * PICTURE, PICTURE * sizeof *out));
    }
    CHECK(mim_images_prepare(context, config, 1, list, 5, ids, out, ROOM) == MIM_OK);
    CHECK(memcmp(out, first[1], sizeof out));
    CHECK(mim_config_set_i64(config, "seed", 2) == MIM_OK);
    CHECK(mim_images_prepare(context, config, 1, list, 4, ids, out, ROOM) == MIM_OK);
    CHECK(memcmp(out, first[1], sizeof out));
    mim_config_destroy(config);
    mim_context_destroy(context);
}

/* ids NULL stands for 0, 1, 2, ...; a dense batch equals the same pictures as a list. */
static void defaults_of_the_call(void)
{
    static float a[2 * PICTURE], b[2 * PICTURE];
    enum { BYTES = 30 * 40 * CHANNELS };
    static unsigned char dense[2 * BYTES];
    static const int64_t ids[] = { 0, 1 };
    mim_context *context = NULL;
    CHECK(mim_context_create(NULL, &context) == MIM_OK);
    mim_config *config = make_config(context);
    for (size_t i = 0; i < sizeof dense; i++)
        dense[i] = (unsigned char)make_random(256);
    mim_images batch = { .struct_size = sizeof batch, .data = dense, .type = MIM_U8, .count = 2, .height = 30, .width = 40,
                         .channels = CHANNELS };
    mim_images second = batch, head = batch;
    head.count = second.count = 1, second.data = dense + BYTES, head.next = &second;
    CHECK(mim_images_prepare(context, config, 1, &batch, 0, NULL, a, 2 * PICTURE) == MIM_OK);
    CHECK(mim_images_prepare(context, config, 1, &head, 0, ids, b, 2 * PICTURE) == MIM_OK);
    CHECK(!memcmp(a, b, sizeof a));
    CHECK(mim_images_prepare(context, NULL, 0, &batch, 0, NULL, a, 2 * PICTURE) == MIM_ERR_SPACE);
    mim_config_destroy(config);
    mim_context_destroy(context);
}

/* A picture of the right size, evaluated, is converted and nothing else. */
static void as_it_is(void)
{
    static float out[PICTURE];
    static unsigned char bytes[PICTURE];
    static const float mean[] = { 0.485f, 0.456f, 0.406f }, deviation[] = { 0.229f, 0.224f, 0.225f };
    mim_context *context = NULL;
    CHECK(mim_context_create(NULL, &context) == MIM_OK);
    mim_config *config = make_config(context);
    mim_images picture = { .struct_size = sizeof picture, .data = bytes, .type = MIM_U8, .count = 1, .height = SIDE,
                           .width = SIDE, .channels = CHANNELS };
    int wrong = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)make_random(256);
    CHECK(mim_images_prepare(context, config, 0, &picture, 0, NULL, out, PICTURE) == MIM_OK);
    for (int c = 0; c < CHANNELS; c++)
        for (int i = 0; i < SIDE * SIDE; i++)
            wrong += out[c * SIDE * SIDE + i] != ((float)bytes[i * CHANNELS + c] / 255 - mean[c]) / deviation[c];
    CHECK(wrong == 0);
    mim_config_destroy(config);
    mim_context_destroy(context);
}

static void refused(void)
{
    static float out[ROOM];
    mim_context *context = NULL;
    CHECK(mim_context_create(NULL, &context) == MIM_OK);
    mim_config *config = make_config(context);
    out[0] = out[ROOM - 1] = 42;
    CHECK(mim_images_prepare(NULL, config, 1, list, 0, NULL, out, ROOM) == MIM_ERR_ARGUMENT);
    CHECK(mim_images_prepare(context, config, 1, NULL, 0, NULL, out, ROOM) == MIM_ERR_ARGUMENT);
    CHECK(mim_images_prepare(context, config, 1, list, 0, NULL, NULL, ROOM) == MIM_ERR_ARGUMENT);
    CHECK(mim_images_prepare(context, config, 2, list, 0, NULL, out, ROOM) == MIM_ERR_ARGUMENT);
    CHECK(mim_images_prepare(context, config, 1, list, 0, NULL, out, ROOM - 1) == MIM_ERR_SPACE);
    list[3].channels = 2;
    CHECK(mim_images_prepare(context, config, 1, list, 0, NULL, out, ROOM) == MIM_ERR_SHAPE);
    list[3].channels = CHANNELS;
    CHECK(mim_config_set_str(config, "image.crop", "none") == MIM_OK);
    CHECK(mim_config_set_str(config, "image.resize", "none") == MIM_OK);
    CHECK(mim_images_prepare(context, config, 1, list, 0, NULL, out, ROOM) == MIM_ERR_SHAPE);
    CHECK(mim_images_prepare(context, config, 0, list, 0, NULL, out, ROOM) == MIM_ERR_SHAPE);
    CHECK(out[0] == 42 && out[ROOM - 1] == 42);
    mim_config_destroy(config);
    mim_context_destroy(context);
}

static void not_finite(void)
{
    static float out[ROOM];
    char text[256];
    float before, nan = NAN;
    mim_context *context = NULL;
    CHECK(mim_context_create(NULL, &context) == MIM_OK);
    mim_config *config = make_config(context);
    unsigned char *at = (unsigned char *)(size_t)list[7].data + list[7].channel_stride;      /* picture 7, channel 1 */
    CHECK(list[7].type == MIM_F32);
    memcpy(&before, at, sizeof before);
    memcpy(at, &nan, sizeof nan);
    out[0] = 42;
    CHECK(mim_images_prepare(context, config, 1, list, 0, NULL, out, ROOM) == MIM_ERR_VALUE);
    CHECK(mim_last_error(context, text, sizeof text, NULL) == MIM_OK);
    CHECK(strstr(text, "image 7") && strstr(text, "channel 1"));
    CHECK(out[0] == 42);
    memcpy(at, &before, sizeof before);
    CHECK(mim_images_prepare(context, config, 1, list, 0, NULL, out, ROOM) == MIM_OK);
    mim_config_destroy(config);
    mim_context_destroy(context);
}

/* The inner call allocates nothing, whatever the pictures are, and writes nothing outside. */
static void no_allocation(void)
{
    static float out[ROOM + 2];
    mim_context *context = NULL;
    struct image_options o;
    struct fail_alloc memory_of = { 0 };
    mim_host host = fail_host(&memory_of);
    CHECK(mim_context_create(&host, &context) == MIM_OK);
    CHECK(mim_context_set_threads(context, 3) == MIM_OK);
    mim_config *config = make_config(context);
    CHECK(mim__image_read_options(context, config, &o) == MIM_OK);
    size_t bytes = mim__image_work(&o);
    unsigned char *work = aligned_alloc(64, round_up(bytes, 64) + 64);
    memset(work, 0x5a, round_up(bytes, 64) + 64);
    CHECK(mim__executor_reserve(mim__context_executor(context), bytes) == MIM_OK);
    long before = memory_of.calls;
    out[0] = out[ROOM + 1] = 42;
    CHECK(mim__image_prepare(context, &o, 1, true, list, 0, NULL, out + 1, work) == MIM_OK);
    CHECK(mim__image_prepare(context, &o, 1, false, list, 0, NULL, out + 1, work) == MIM_OK);
    CHECK(memory_of.calls == before);
    CHECK(out[0] == 42 && out[ROOM + 1] == 42);
    for (size_t i = bytes; i < round_up(bytes, 64) + 64; i++)
        CHECK(work[i] == 0x5a);
    o.resize = RESIZE_NONE;
    CHECK(mim__image_work(&o) == (size_t)CHANNELS * 256 * sizeof(float));
    o.height = o.width = 16384;
    CHECK(mim__image_work(&o) == (size_t)CHANNELS * 256 * sizeof(float));
    free(work);
    mim_config_destroy(config);
    mim_context_destroy(context);
    CHECK(memory_of.live == 0 && memory_of.wrong == 0);
}

static mim_status prepare_once(const mim_host *host, void *arg)
{
    static float out[ROOM];
    mim_context *context = NULL;
    mim_config *config = NULL;
    (void)arg;
    mim_status status = mim_context_create(host, &context);
    if (!status) status = mim_config_create(context, NULL, &config);
    if (!status) status = mim_config_set_i64(config, "image.height", SIDE);
    if (!status) status = mim_config_set_i64(config, "image.width", SIDE);
    if (!status) status = mim_context_set_threads(context, 2);
    out[0] = 42;
    if (!status) status = mim_images_prepare(context, config, 1, list, 0, NULL, out, ROOM);
    CHECK((status == MIM_OK) == (out[0] != 42));
    mim_config_destroy(config);
    mim_context_destroy(context);
    return status;
}

static void failing_memory(void)
{
    CHECK(fail_every_allocation(prepare_once, NULL) > 4);
}

int main(void)
{
    make_list();
    TEST(threads_and_order);
    TEST(defaults_of_the_call);
    TEST(as_it_is);
    TEST(refused);
    TEST(not_finite);
    TEST(no_allocation);
    TEST(failing_memory);
    for (int i = 0; i < N; i++)
        free(memory[i]);
    return test_end();
}
