/* SPDX-License-Identifier: MIT */
/* test_augment.c -- random changes of training pictures through the public call: off by default, a matter of seed, epoch and
 * id alone, of training alone; and each as often and as strong as its options say. */
#include "image/augment.h"

#include "base/philox.h"
#include "image/make.h"

enum { SIDE = 16, CHANNELS = 3, PLANE = SIDE * SIDE, PICTURE = CHANNELS * PLANE, N = 24, ROOM = N * PICTURE };

static mim_context *context;
static uint8_t bytes[ROOM];
static float plain[ROOM], out[ROOM], again[ROOM];

static mim_images pictures(void)
{
    for (int n = 0; n < N; n++)
        for (int i = 0; i < PICTURE; i++)
            bytes[n * PICTURE + i] = (uint8_t)((pattern(i % 3, i / 3 / SIDE, i / 3 % SIDE) / 2 + 9u * (unsigned)n) % 256);
    return (mim_images){ .struct_size = sizeof(mim_images), .data = bytes, .type = MIM_U8, .count = N, .height = SIDE,
                         .width = SIDE, .channels = CHANNELS };
}

/* Pictures stay in place, so that what changes is what is asked for. */
static mim_status prepare(const char *json, int augment, int64_t epoch, const int64_t *ids, float *to)
{
    mim_config *config = NULL;
    mim_images images = pictures();
    CHECK(mim_config_create(context, NULL, &config) == MIM_OK);
    CHECK(mim_config_read_json(config, "{\"image\": {\"height\": 16, \"width\": 16, \"crop\": \"none\", \"flip\": 0}}") == MIM_OK);
    mim_status status = mim_config_read_json(config, json);
    if (!status)
        status = mim_images_prepare(context, config, augment, &images, epoch, ids, to, ROOM);
    mim_config_destroy(config);
    return status;
}

static int changed(const float *a, int n)
{
    return memcmp(a + n * PICTURE, plain + n * PICTURE, PICTURE * sizeof *a) != 0;
}

static const char *const kinds[] = {
    "{\"image.randaugment\": 2}", "{\"image\": {\"brightness\": 0.4, \"contrast\": 0.4, \"saturation\": 0.4, \"hue\": 0.1}}",
    "{\"image.grey\": 0.5}", "{\"image.erase\": 0.7}", "{\"image\": {\"erase\": 0.7, \"erase_fill\": \"rand\"}}",
    "{\"image\": {\"erase\": 0.7, \"erase_fill\": \"const\"}}",
    "{\"image\": {\"randaugment\": 3, \"hue\": 0.5, \"grey\": 0.2, \"erase\": 0.25, \"flip\": 0.5, \"crop\": \"random_resized\"}}",
};

static void seed_epoch_and_id(void)
{
    int64_t ids[N], back[N];
    for (int i = 0; i < N; i++) {
        ids[i] = 3 * i + (i == 5 ? 1000000000000 : 0);
        back[i] = ids[i];
    }
    for (int k = 0; k < COUNT(kinds); k++) {
        int other = 0;
        for (int threads = 1; threads <= 7; threads++) {
            CHECK(mim_context_set_threads(context, threads) == MIM_OK);
            CHECK(prepare(kinds[k], 1, 4, back, threads == 1 ? out : again) == MIM_OK);
            CHECK(threads == 1 || !memcmp(out, again, sizeof out));
        }
        for (int i = 0; i < N; i++)
            other += changed(out, i);
        CHECK(other > 4);
        CHECK(prepare(kinds[k], 1, 5, ids, again) == MIM_OK && memcmp(out, again, sizeof out));
        CHECK(prepare(kinds[k], 0, 4, ids, again) == MIM_OK && !memcmp(plain, again, sizeof plain));
    }
    CHECK(mim_context_set_threads(context, 1) == MIM_OK);
}

/* Going over 8 bits and back changes nothing by itself, with any mean and deviation; nor for f32 and u16 but by rounding. */
static void through_8_bits(void)
{
    static const char *const idle[] = { "{\"image\": {\"hue\": 1e-9, \"mean\": [0.1], \"deviation\": [0.004]}}",
                                        "{\"image\": {\"saturation\": 1e-9, \"mean\": [-3, 0, 9], \"deviation\": [7]}}" };
    CHECK(prepare("{\"image\": {\"mean\": [0.1], \"deviation\": [0.004]}}", 1, 0, NULL, out) == MIM_OK);
    CHECK(prepare(idle[0], 1, 0, NULL, again) == MIM_OK && !memcmp(out, again, sizeof out));
    CHECK(prepare("{\"image\": {\"mean\": [-3, 0, 9], \"deviation\": [7]}}", 1, 0, NULL, out) == MIM_OK);
    CHECK(prepare(idle[1], 1, 0, NULL, again) == MIM_OK && !memcmp(out, again, sizeof out));
    static float real[PICTURE], a[PICTURE];
    mim_config *config = NULL;
    mim_images image = { .struct_size = sizeof image, .data = real, .type = MIM_F32, .count = 1, .height = SIDE,
                         .width = SIDE, .channels = CHANNELS };
    for (int i = 0; i < PICTURE; i++)
        real[i] = (float)i / 500 - 0.2f;
    CHECK(mim_config_create(context, NULL, &config) == MIM_OK);
    CHECK(mim_config_read_json(config, "{\"image\": {\"height\": 16, \"width\": 16, \"crop\": \"none\", \"flip\": 0, "
                                       "\"mean\": [0], \"deviation\": [1], \"contrast\": 1e-9}}") == MIM_OK);
    CHECK(mim_images_prepare(context, config, 1, &image, 0, NULL, a, PICTURE) == MIM_OK);
    mim_config_destroy(config);
    for (int c = 0; c < CHANNELS; c++)
        for (int i = 0; i < PLANE; i++)
            CHECK_NEAR(a[c * PLANE + i], fminf(fmaxf(real[i * CHANNELS + c], 0), 1), 0.5 / 255 + 1e-6);
}

/* One channel is a grey picture to all of them; any other number but three has no colours. */
static void channels(void)
{
    static uint8_t grey[PLANE];
    static float a[PLANE], b[PLANE];
    mim_images image = { .struct_size = sizeof image, .data = grey, .type = MIM_U8, .count = 1, .height = SIDE, .width = SIDE,
                         .channels = 1 };
    mim_config *config = NULL;
    for (int i = 0; i < PLANE; i++)
        grey[i] = (uint8_t)i;
    CHECK(mim_config_create(context, NULL, &config) == MIM_OK);
    CHECK(mim_config_read_json(config, "{\"image\": {\"height\": 16, \"width\": 16, \"crop\": \"none\", \"flip\": 0, "
                                       "\"channels\": 1, \"grey\": 1, \"hue\": 0.5, \"saturation\": 1}}") == MIM_OK);
    CHECK(mim_images_prepare(context, config, 0, &image, 0, NULL, a, PLANE) == MIM_OK);
    CHECK(mim_images_prepare(context, config, 1, &image, 0, NULL, b, PLANE) == MIM_OK);
    CHECK(!memcmp(a, b, sizeof a));
    CHECK(mim_config_read_json(config, "{\"image\": {\"randaugment\": 4, \"brightness\": 0.5}}") == MIM_OK);
    CHECK(mim_images_prepare(context, config, 1, &image, 0, NULL, b, PLANE) == MIM_OK);
    CHECK(memcmp(a, b, sizeof a));
    mim_config_destroy(config);
    CHECK(prepare("{\"image\": {\"channels\": 2, \"grey\": 0.5}}", 1, 0, NULL, out) == MIM_ERR_VALUE);
    CHECK(prepare("{\"image\": {\"channels\": 4, \"randaugment\": 1}}", 1, 0, NULL, out) == MIM_ERR_VALUE);
    CHECK(prepare("{\"image\": {\"channels\": 4, \"hue\": 0.1}}", 1, 0, NULL, out) == MIM_ERR_VALUE);
    CHECK(prepare("{\"image\": {\"hue\": 0.6}}", 1, 0, NULL, out) == MIM_ERR_VALUE);
    CHECK(prepare("{\"image\": {\"erase_least\": 0.5}}", 1, 0, NULL, out) == MIM_ERR_VALUE);
    CHECK(prepare("{\"image\": {\"randaugment_magnitude\": 11}}", 1, 0, NULL, out) == MIM_ERR_VALUE);
}

/* ---- draws ---- */

/* What the options say, done by hand with the words that the stream gives. */
static void randaugment_words(void)
{
    static uint8_t memory[2][PICTURE], other[2][PICTURE];
    struct image_options o = plain_options(SIDE, SIDE, CHANNELS);
    o.resize = RESIZE_BICUBIC, o.randaugment = 2, o.magnitude = 9, o.magnitude_deviation = 0.5;
    o.mean.v[0] = 0.485, o.mean.v[1] = 0.456, o.mean.v[2] = 0.406;
    static const uint8_t fill[3] = { 124, 116, 104 };
    int seen[AUGMENT_OPS] = { 0 }, done = 0, negatives = 0;
    for (uint64_t id = 0; id < 600; id++) {
        struct mim__stream s = mim__stream(3, 21, id, 1);
        struct canvas a = { CHANNELS, SIDE, SIDE, memory[0], memory[1] }, b = { CHANNELS, SIDE, SIDE, other[0], other[1] };
        for (int i = 0; i < PICTURE; i++)
            a.data[i] = b.data[i] = (uint8_t)pattern(i / PLANE, i % PLANE / SIDE, i % SIDE);
        mim__image_randaugment(&o, &a, 3, 1, id);
        for (uint32_t k = 0; k < 2; k++) {
            int op = (int)mim__below(mim__word(&s, 8 * k), AUGMENT_OPS);
            bool negative = mim__word(&s, 8 * k + 2) >> 31;
            seen[op]++;
            if (mim__word(&s, 8 * k + 1) >> 31)
                continue;
            mim__canvas_augment(&b, (enum randaugment_op)op, fmin(10, 9 + 0.5 * mim__normal(&s, 4 * k + 2)), negative, true,
                                fill);
            done++;
            negatives += negative;
        }
        CHECK(!memcmp(a.data, b.data, PICTURE));
    }
    for (int i = 0; i < AUGMENT_OPS; i++)
        CHECK(seen[i] > 40 && seen[i] < 130);
    CHECK(done > 530 && done < 670);
    CHECK(negatives > done / 3 && negatives < done * 2 / 3);
}

/* Four operations are done in each of the 24 orders; factors fill their range. */
static void jitter_words(void)
{
    struct image_options o = plain_options(1, 1, 1);
    double least = 9, most = 0;
    int grey = 0, none = 0;
    o.brightness = 0.4, o.jitter = 0.8, o.grey = 0.25;
    for (uint64_t id = 0; id < 4000; id++) {
        uint8_t p[3] = { 200, 100, 50 }, spare[3];
        struct canvas c = { 3, 1, 1, p, spare };
        mim__image_jitter(&o, &c, 3, 0, id);
        bool is_grey = p[0] == p[1] && p[1] == p[2];
        grey += is_grey;
        none += p[0] == 200 && p[1] == 100;
        if (!is_grey && p[2] != 50) {
            least = fmin(least, p[1] / 100.0);
            most = fmax(most, p[1] / 100.0);
        }
    }
    CHECK_NEAR(grey / 4000.0, 0.25, 0.03);
    CHECK_NEAR(none / 4000.0, 0.75 * 0.2, 0.03);
    CHECK(least >= 0.59 && least < 0.62 && most > 1.37 && most <= 1.4);
}

static void jitter_orders(void)
{
    struct image_options o = plain_options(1, 1, 1);
    bool after[2] = { false, false };
    o.brightness = 0.9, o.saturation = 0.9, o.jitter = 1;
    for (uint64_t id = 0; id < 200; id++) {
        struct mim__stream s = mim__stream(3, 18, id, 0);
        float f[2];
        uint8_t p[2][3], spare[3], got[3] = { 250, 100, 50 };
        for (uint32_t i = 0; i < 2; i++)
            f[i] = (float)(1 - 0.9 + 1.8 * (double)mim__unit(mim__word(&s, 1 + 2 * i)));
        for (int first = 0; first < 2; first++) {
            memcpy(p[first], (uint8_t[]){ 250, 100, 50 }, 3);
            struct canvas c = { 3, 1, 1, p[first], spare };
            (first ? mim__canvas_saturation : mim__canvas_brightness)(&c, f[first]);
            (first ? mim__canvas_brightness : mim__canvas_saturation)(&c, f[!first]);
        }
        struct canvas c = { 3, 1, 1, got, spare };
        mim__image_jitter(&o, &c, 3, 0, id);
        CHECK(!memcmp(got, p[0], 3) || !memcmp(got, p[1], 3));
        for (int first = 0; first < 2; first++)
            after[first] = after[first] || (!memcmp(got, p[first], 3) && memcmp(p[0], p[1], 3));
    }
    CHECK(after[0] && after[1]);
}

int main(void)
{
    if (mim_context_create(NULL, &context) || prepare("{}", 0, 0, NULL, plain))
        return 1;
    TEST(seed_epoch_and_id);
    TEST(through_8_bits);
    TEST(channels);
    TEST(randaugment_words);
    TEST(jitter_words);
    TEST(jitter_orders);
    mim_context_destroy(context);
    return test_end();
}
