/* SPDX-License-Identifier: MIT */
/* test_encode.c -- features without training: which outputs there are, of which shape, from pictures of which size, and
 * that they are what a trainer shows its head. */
#include "train/make.h"

static mim_context *ctx;

static mim_encoder *make_encoder(const char *json)
{
    mim_config *config = make_config(ctx, json);
    mim_encoder *e = NULL;
    OK(ctx, mim_encoder_create(ctx, config, NULL, &e));
    mim_config_destroy(config);
    return e;
}

static void features(mim_encoder *e, const mim_images *images, const char *name, float *to, size_t n)
{
    mim_tensors *v = NULL;
    OK(ctx, mim_encoder_encode(e, images, name));
    OK(ctx, mim_encoder_tensors(e, MIM_OUTPUTS, NULL, &v));
    OK(ctx, mim_tensors_read(v, name, MIM_F32, 0, n, to));
    mim_tensors_destroy(v);
}

static void all_outputs(void)
{
    static const struct { const char *name; int32_t rank; int64_t shape[4]; } all[] = {
        { "tokens", 3, { 3, 7, 16 } }, { "pooled", 2, { 3, 16 } }, { "block.0", 3, { 3, 7, 16 } }, { "block.1", 3, { 3, 7, 16 } },
        { "block.2", 3, { 3, 7, 16 } }, { "attention.1", 4, { 3, 2, 7, 7 } }, { "attention.2", 4, { 3, 2, 7, 7 } },
    };
    mim_encoder *e = make_encoder(NULL);
    mim_images images = make_images(0, 3);
    mim_tensors *v = NULL, *again = NULL;
    float x[300];
    OK(ctx, mim_encoder_tensors(e, MIM_OUTPUTS, NULL, &v));
    CHECK(mim_tensors_read(v, "tokens", MIM_F32, 0, 1, x) == MIM_ERR_STATE);
    OK(ctx, mim_encoder_encode(e, &images, "  tokens pooled block.0 block.1 block.2 attention.1 attention.2 "));
    for (int i = 0; i < 7; i++) {
        int32_t rank = 0;
        int64_t shape[MIM_MAX_RANK];
        size_t n = 0;
        OK(ctx, mim_tensors_info(v, all[i].name, NULL, &rank, shape, &n));
        CHECK(rank == all[i].rank);
        for (int k = 0; k < rank; k++)
            CHECK(shape[k] == all[i].shape[k]);
        OK(ctx, mim_tensors_read(v, all[i].name, MIM_F32, n - 1, 1, x));
        CHECK(mim_tensors_read(v, all[i].name, MIM_F32, n, 1, x) == MIM_ERR_SHAPE);
    }
    OK(ctx, mim_tensors_read(v, "attention.2", MIM_F32, 0, 294, x));
    for (int r = 0; r < 42; r++) {
        double sum = 0;
        for (int i = 0; i < 7; i++)
            sum += x[r * 7 + i];
        CHECK_NEAR(sum, 1, 1e-5);
    }
    OK(ctx, mim_encoder_encode(e, &images, "pooled"));
    CHECK(mim_tensors_read(v, "tokens", MIM_F32, 0, 1, x) == MIM_ERR_STATE);
    OK(ctx, mim_tensors_read(v, "pooled", MIM_F32, 0, 1, x));
    OK(ctx, mim_encoder_encode(e, &images, "pooled block.1 pooled"));
    OK(ctx, mim_encoder_tensors(e, MIM_OUTPUTS, NULL, &again));
    CHECK(mim_tensors_count(again) == 2);
    mim_tensors_destroy(again);
    mim_encoder_destroy(e);
    OK(ctx, mim_tensors_read(v, "pooled", MIM_F32, 0, 1, x));
    mim_tensors_destroy(v);
}

static void refused(void)
{
    static const char *const names[] = { "", " ", "pixels", "mask", "block.3", "attention.0", "block", "logits", "pooled,tokens", "block.01" };
    mim_encoder *e = make_encoder(NULL);
    mim_images images = make_images(0, 2), grey = images;
    float before[32], after[32], nan[MAKE_PIXELS] = { NAN };
    uint8_t mask[6] = { 1, 2 };
    mim_tensors *v = NULL;
    features(e, &images, "pooled", before, 32);
    OK(ctx, mim_encoder_tensors(e, MIM_OUTPUTS, NULL, &v));
    grey.channels = 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!CHECK(mim_encoder_encode(e, &images, names[i]) == MIM_ERR_KEY))
            printf("\"%s\"\n", names[i]);
    CHECK(mim_encoder_encode(e, &grey, "pooled") == MIM_ERR_SHAPE);
    CHECK(mim_encoder_encode(e, NULL, "pooled") != MIM_OK);
    CHECK(mim_encoder_set_input(e, "pixels", MIM_F32, nan, MAKE_PIXELS) == MIM_ERR_VALUE);
    CHECK(mim_encoder_set_input(e, "pixels", MIM_F32, before, 32) == MIM_ERR_SHAPE);
    CHECK(mim_encoder_set_input(e, "mask", MIM_U8, mask, 6) == MIM_ERR_VALUE);
    CHECK(mim_encoder_set_input(e, "labels", MIM_U8, mask, 6) == MIM_ERR_KEY);
    OK(ctx, mim_tensors_read(v, "pooled", MIM_F32, 0, 32, after));          /* nothing of that touched the outputs */
    CHECK(!memcmp(before, after, sizeof before));
    mim_tensors_destroy(v);
    mim_encoder_destroy(e);
}

static void as_a_trainer_shows(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"head\": {\"kind\": \"none\"}, \"trainer\": {\"outputs\": [\"block.1\", \"pooled\"]}}");
    mim_encoder *e = NULL;
    mim_images images = make_images(0, 4);
    float a[4 * 7 * 16], b[4 * 7 * 16];
    OK(ctx, mim_trainer_encoder(t, &e));
    OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
    static const char *const names[] = { "tokens", "block.1", "pooled" };
    for (int i = 0; i < 3; i++) {
        size_t n = i == 2 ? 64 : 448;
        make_read(t, MIM_OUTPUTS, names[i], a, n);
        features(e, &images, names[i], b, n);
        CHECK(!memcmp(a, b, n * sizeof *a));
    }
    mim_encoder_destroy(e);
    mim_trainer_destroy(t);
}

static void masked(void)
{
    mim_encoder *e = make_encoder(NULL);
    mim_images images = make_images(0, 2);
    float a[32], b[32];
    uint8_t mask[12] = { 0 };
    features(e, &images, "pooled", a, 32);
    OK(ctx, mim_encoder_set_input(e, "mask", MIM_U8, mask, 12));
    features(e, &images, "pooled", b, 32);
    CHECK(!memcmp(a, b, sizeof a));
    mask[3] = 1;
    OK(ctx, mim_encoder_set_input(e, "mask", MIM_U8, mask, 12));
    features(e, &images, "pooled", b, 32);
    CHECK(memcmp(a, b, 64) && !memcmp(a + 16, b + 16, 64));
    OK(ctx, mim_encoder_set_input(e, "mask", MIM_U8, mask, 6));
    CHECK(mim_encoder_encode(e, &images, "pooled") == MIM_ERR_SHAPE);
    OK(ctx, mim_encoder_set_input(e, "mask", MIM_U8, mask, 12));
    CHECK(mim_encoder_encode(e, &images, "visible") == MIM_ERR_KEY);
    mim_encoder_destroy(e);
}

/* Without a mask token only what is visible is encoded; without a mask, everything. */
static void left_out(void)
{
    mim_encoder *e = make_encoder("{\"encoder\": {\"mask_token\": 0}}");
    mim_images images = make_images(0, 2);
    float all[2 * 7 * 16], some[2 * 4 * 16], whole[2 * 7 * 16];
    const uint8_t mask[12] = { 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0 }, none[12] = { 0 };
    const int64_t want[6] = { 1, 3, 4, 0, 3, 5 };
    int64_t shape[MIM_MAX_RANK], got[6];
    int32_t type = 0;
    mim_tensors *v = NULL;
    features(e, &images, "block.0", all, 2 * 7 * 16);
    OK(ctx, mim_encoder_set_input(e, "mask", MIM_U8, mask, 12));
    OK(ctx, mim_encoder_encode(e, &images, "block.0 tokens attention.1 pooled visible"));
    OK(ctx, mim_encoder_tensors(e, MIM_OUTPUTS, NULL, &v));
    OK(ctx, mim_tensors_info(v, "visible", &type, NULL, shape, NULL));
    CHECK(type == MIM_I64 && shape[0] == 2 && shape[1] == 3);
    OK(ctx, mim_tensors_read(v, "visible", MIM_I64, 0, 6, got));
    CHECK(!memcmp(got, want, sizeof want));
    OK(ctx, mim_tensors_info(v, "attention.1", NULL, NULL, shape, NULL));
    CHECK(shape[0] == 2 && shape[1] == 2 && shape[2] == 4 && shape[3] == 4);
    OK(ctx, mim_tensors_read(v, "block.0", MIM_F32, 0, 2 * 4 * 16, some));
    for (int b = 0; b < 2; b++)
        for (int i = 0; i < 4; i++)
            CHECK(!memcmp(some + (b * 4 + i) * 16, all + (b * 7 + (i ? 1 + want[b * 3 + i - 1] : 0)) * 16, 64));
    mim_tensors_destroy(v);
    features(e, &images, "block.0", whole, 2 * 7 * 16);
    CHECK(!memcmp(whole, all, sizeof all));
    CHECK(mim_encoder_encode(e, &images, "visible") == MIM_ERR_KEY);
    OK(ctx, mim_encoder_set_input(e, "mask", MIM_U8, none, 12));
    features(e, &images, "block.0", whole, 2 * 7 * 16);
    CHECK(!memcmp(whole, all, sizeof all));
    mim_encoder_destroy(e);
}

static void left_out_badly(void)
{
    mim_encoder *e = make_encoder("{\"encoder\": {\"mask_token\": 0}}"),
                *relative = make_encoder("{\"encoder\": {\"mask_token\": 0, \"relative\": \"block\"}}");
    const uint8_t unequal[12] = { 1, 1, 0, 0, 0, 0, 1 }, all[6] = { 1, 1, 1, 1, 1, 1 }, one[6] = { 1 };
    mim_images images = make_images(0, 1);
    CHECK(mim_encoder_set_input(e, "mask", MIM_U8, unequal, 12) == MIM_ERR_VALUE && strstr(make_error(ctx), "picture 1"));
    CHECK(mim_encoder_set_input(e, "mask", MIM_U8, all, 6) == MIM_ERR_VALUE);
    OK(ctx, mim_encoder_set_input(relative, "mask", MIM_U8, one, 6));
    CHECK(mim_encoder_encode(relative, &images, "tokens") == MIM_ERR_UNSUPPORTED);
    mim_encoder_destroy(relative);
    mim_encoder_destroy(e);
}

static void sizes(void)
{
    static uint8_t data[64 * 64 * 3];
    mim_encoder *e = make_encoder("{\"image\": {\"resize\": \"none\"}, \"encoder\": {\"relative\": \"shared\", \"table_rows\": 4, \"table_cols\": 4}}");
    mim_images images = make_images(0, 2);
    float x[64];
    uint8_t mask[12] = { 1 };
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * i >> 5);
    images.data = data;
    for (int h = 4; h <= 36; h += 16)
        for (int w = 4; w <= 36; w += 16) {
            images.height = h;
            images.width = w;
            features(e, &images, "pooled", x, 32);
            CHECK(isfinite(x[0]));
        }
    images.height = 10;
    CHECK(mim_encoder_encode(e, &images, "pooled") == MIM_ERR_SHAPE);
    images.height = images.width = 4;
    OK(ctx, mim_encoder_set_input(e, "mask", MIM_U8, mask, 12));            /* masks are for 12 x 8 */
    CHECK(mim_encoder_encode(e, &images, "pooled") == MIM_ERR_SHAPE);
    mim_images other = make_images(0, 1);
    images.next = &other;
    CHECK(mim_encoder_encode(e, &images, "pooled") == MIM_ERR_SHAPE);       /* nor may sizes differ in a batch */
    mim_encoder_destroy(e);
}

/* Pictures of two sizes, where the first would take another plan: the outputs of the last call stand. */
static void sizes_that_differ(void)
{
    mim_encoder *e = make_encoder("{\"image\": {\"resize\": \"none\"}}");
    mim_images other = make_images(0, 1), images = make_images(0, 1);
    mim_tensors *v = NULL;
    float before[32], after[32];
    images.count = 2;
    features(e, &images, "pooled", before, 32);
    images.count = 1;
    images.height = 8;
    images.next = &other;
    CHECK(mim_encoder_encode(e, &images, "pooled") == MIM_ERR_SHAPE);
    OK(ctx, mim_encoder_tensors(e, MIM_OUTPUTS, NULL, &v));
    OK(ctx, mim_tensors_read(v, "pooled", MIM_F32, 0, 32, after));
    CHECK(!memcmp(before, after, sizeof before));
    mim_tensors_destroy(v);
    mim_encoder_destroy(e);
}

/* Encoding sees a picture as evaluation does, whatever training would make of it. */
static void pixels(void)
{
    static const char json[] = "{\"image\": {\"crop\": \"random_resized\", \"crop_least\": 0.3, \"flip\": 1}}";
    mim_encoder *e = make_encoder(json);
    mim_config *config = make_config(ctx, json);
    mim_images images = make_images(0, 2);
    static float p[2 * MAKE_PIXELS];
    float a[32], b[32];
    features(e, &images, "pooled", a, 32);
    OK(ctx, mim_images_prepare(ctx, config, 0, &images, 0, NULL, p, 2 * MAKE_PIXELS));
    OK(ctx, mim_encoder_set_input(e, "pixels", MIM_F32, p, 2 * MAKE_PIXELS));
    features(e, NULL, "pooled", b, 32);
    CHECK(!memcmp(a, b, sizeof a));
    OK(ctx, mim_encoder_set_input(e, "pixels", MIM_F32, p, 2 * MAKE_PIXELS));
    static float bad[3 * MAKE_PIXELS] = { NAN };                            /* a larger batch that is refused ... */
    CHECK(mim_encoder_set_input(e, "pixels", MIM_F32, bad, 3 * MAKE_PIXELS) == MIM_ERR_VALUE);
    features(e, NULL, "pooled", b, 32);                                     /* ... leaves the one before */
    CHECK(!memcmp(a, b, sizeof a));
    mim_config_destroy(config);
    mim_encoder_destroy(e);
}

/* A table of positions brought to a smaller grid: with and without antialiasing it is not the same. */
static void table_resize(void)
{
    float x[2][28];
    for (int i = 0; i < 2; i++) {
        char json[300];
        snprintf(json, sizeof json, "{\"image\": {\"height\": 8, \"width\": 8}, \"encoder\": {\"width\": 4, \"class_token\": 0,"
                 " \"table_rows\": 5, \"table_cols\": 5, \"table_resize\": \"%s\"}}", i ? "antialias" : "bicubic");
        mim_encoder *e = make_encoder(json);
        mim_images images = make_images(0, 1);
        images.height = 8;
        features(e, &images, "block.0", x[i], 16);
        mim_encoder_destroy(e);
    }
    CHECK(memcmp(x[0], x[1], 16 * sizeof(float)));
}

/* The last layers of both branches begin smaller, the deeper the smaller: by 1 / sqrt(2 times the block's number). */
static void branch_ends(void)
{
    for (int rescale = 0; rescale < 2; rescale++) {
        mim_encoder *e = make_encoder(rescale ? "{\"encoder.width\": 64}" : "{\"encoder\": {\"width\": 64, \"init_rescale\": 0}}");
        mim_tensors *w = NULL;
        OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "mim", &w));
        for (int k = 0; k < 2; k++) {
            char name[64];
            double rms, cut = 0.02 / (rescale ? sqrt(2.0 * (k + 1)) : 1);
            snprintf(name, sizeof name, "blocks.%d.mlp.fc2.weight", k);
            double most = make_spread(ctx, w, name, &rms);
            CHECK(most <= cut * 1.00001 && most > 0.99 * cut);
        }
        mim_tensors_destroy(w);
        mim_encoder_destroy(e);
    }
}

int main(void)
{
    ctx = make_context();
    TEST(all_outputs); TEST(refused); TEST(as_a_trainer_shows); TEST(masked); TEST(left_out); TEST(left_out_badly); TEST(sizes);
    TEST(sizes_that_differ); TEST(pixels); TEST(table_resize); TEST(branch_ends);
    mim_context_destroy(ctx);
    return test_end();
}
