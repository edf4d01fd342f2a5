/* SPDX-License-Identifier: MIT */
/* test_flat.c -- the masked autoencoder of keras.io: sizes and initial values of its page's model, the order of patches,
 * what contradicts. That it computes what Keras does is for tests/golden (keras_flat). */
#include "train/make.h"
#include "train/trainer.h"

static mim_context *ctx;

#define FLAT "\"image\": {\"mean\": [0], \"deviation\": [1]}, \"encoder\": {\"mask_token\": 0, \"class_token\": 0}," \
             " \"head\": {\"kind\": \"flat\", \"width\": 8, \"depth\": 1, \"heads\": 2"

/* ---- the page's model ---- */

static void sizes(void)
{
    mim_config *config = NULL, *plan = NULL, *r = NULL;
    mim_trainer *t = NULL;
    mim_encoder *e = NULL;
    int64_t n = 0;
    OK(ctx, mim_config_create(ctx, "keras_cifar10", &config));
    OK(ctx, mim_config_set_i64(config, "trainer.batch", 1));
    OK(ctx, mim_trainer_plan(ctx, config, &plan));
    OK(ctx, mim_config_get_i64(plan, "parameters", &n));
    CHECK(n == 30497196);
    OK(ctx, mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t));
    OK(ctx, mim_trainer_encoder(t, &e));
    OK(ctx, mim_encoder_describe(e, &r));
    OK(ctx, mim_config_get_i64(r, "parameters", &n));
    CHECK(n == 1981696 + 22252 - 108);              /* blocks; the patches' layer and positions, without the token */
    mim_config_destroy(r);
    mim_encoder_destroy(e);
    mim_trainer_destroy(t);
    mim_config_destroy(plan);
    mim_config_destroy(config);
}

/* Uniform within a bound and near it somewhere; bound 0: zeros. */
static void bounded(mim_tensors *w, const char *name, double bound)
{
    double rms, most = make_spread(ctx, w, name, &rms);
    if (!CHECK(most <= bound * 1.0001 && most >= 0.99 * bound && fabs(rms - bound / sqrt(3)) <= 0.02 * bound))
        printf("%s: %g of %g, %g\n", name, most, bound, rms);
}

static void initial_values(void)
{
    static const struct { const char *name; double bound; } all[] = {
        { "encoder.patch_embed.proj.weight", 0.159448 }, { "encoder.patch_embed.proj.bias", 0 },
        { "encoder.pos_embed", 0.05 },
        { "encoder.blocks.3.attn.qkv.weight", 0.018844 }, { "encoder.blocks.3.attn.proj.weight", 0.076547 },
        { "encoder.blocks.3.mlp.fc1.weight", 0.125 }, { "head.decoder_blocks.1.attn.qkv.weight", 0.037131 },
        { "head.decoder_blocks.1.attn.proj.weight", 0.108253 }, { "head.decoder_pred.weight", 0.0233465 },
    };
    mim_config *config = NULL;
    mim_trainer *t = NULL;
    mim_tensors *w = NULL;
    float token[108];
    double square = 0;
    OK(ctx, mim_config_create(ctx, "keras_cifar10", &config));
    OK(ctx, mim_config_set_i64(config, "trainer.batch", 1));
    OK(ctx, mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t));
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "mim", &w));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        bounded(w, all[i].name, all[i].bound);
    OK(ctx, mim_tensors_read(w, "head.mask_token", MIM_F32, 0, 108, token));
    for (int i = 0; i < 108; i++)
        square += (double)token[i] * token[i] / 108;
    CHECK(square > 0.6 && square < 1.5);
    mim_tensors_destroy(w);
    mim_trainer_destroy(t);
    mim_config_destroy(config);
}

/* ---- the order ---- */

/* Every patch once, visible ones first; different from picture to picture. */
static void order(void)
{
    mim_trainer *t = make_trainer(ctx, "{" FLAT "}}");
    int differ = 0, raster = 0;
    int32_t before[MAKE_PATCHES] = { 0 }, first[MAKE_BATCH * MAKE_PATCHES];
    for (int step = 0; step < 6; step++) {
        OK(ctx, make_step(t, step));
        const int32_t *drawn = mim__plan_data(t->plan, t->hb.order);
        for (int b = 0; b < MAKE_BATCH; b++, drawn += MAKE_PATCHES) {
            int seen = 0, ascends = 1;
            for (int i = 0; i < MAKE_PATCHES; i++) {
                seen |= 1 << drawn[i];
                CHECK(t->mask[b * MAKE_PATCHES + drawn[i]] == (i >= MAKE_PATCHES / 2));
                ascends = ascends && (i == 0 || i == MAKE_PATCHES / 2 || drawn[i] > drawn[i - 1]);
            }
            CHECK(seen == (1 << MAKE_PATCHES) - 1);
            differ += memcmp(before, drawn, sizeof before) != 0;
            raster += ascends;
            memcpy(before, drawn, sizeof before);
        }
    }
    CHECK(differ > 20 && raster < 6);
    OK(ctx, make_step(t, 0));                       /* of the same epoch and pictures: the same again */
    memcpy(first, mim__plan_data(t->plan, t->hb.order), sizeof first);
    OK(ctx, make_step(t, 0));
    CHECK(!memcmp(first, mim__plan_data(t->plan, t->hb.order), sizeof first));
    mim_trainer_destroy(t);
}

/* A mask of the host that hides another number takes another plan; the order follows it. */
static void other_count(void)
{
    mim_trainer *t = make_trainer(ctx, "{" FLAT "}}");
    static const uint8_t mask[MAKE_BATCH * MAKE_PATCHES] = {
        1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1
    };
    OK(ctx, make_step(t, 0));
    OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, mask, sizeof mask));
    OK(ctx, make_step(t, 1));
    const int32_t *drawn = mim__plan_data(t->plan, t->hb.order);
    for (int i = 0; i < MAKE_BATCH * MAKE_PATCHES; i++)
        CHECK(mask[i / MAKE_PATCHES * MAKE_PATCHES + drawn[i]] == (i % MAKE_PATCHES >= 2));
    OK(ctx, make_step(t, 2));
    mim_trainer_destroy(t);
}

/* The same bits on any number of threads. */
static void threads(void)
{
    double first[3] = { 0 };
    for (int n = 1; n <= 3; n++) {
        OK(ctx, mim_context_set_threads(ctx, n));
        mim_trainer *t = make_trainer(ctx, "{" FLAT "}, \"encoder.activation_out\": 1, \"encoder.head_width\": 5}");
        for (int step = 0; step < 3; step++) {
            OK(ctx, make_step(t, step));
            CHECK(n == 1 || make_metric(t, "loss") == first[step]);
            first[step] = make_metric(t, "loss");
        }
        mim_trainer_destroy(t);
    }
    OK(ctx, mim_context_set_threads(ctx, 1));
}

/* A prediction is in 0..1, and the loss is its distance from the hidden pixels. */
static void loss(void)
{
    mim_trainer *t = make_trainer(ctx, "{" FLAT "}}");
    static float p[4 * MAKE_PIXELS], x[4 * MAKE_PIXELS];
    double sum = 0;
    OK(ctx, make_step(t, 0));
    make_read(t, MIM_OUTPUTS, "reconstruction", p, 4 * MAKE_PIXELS);
    make_read(t, MIM_OUTPUTS, "pixels", x, 4 * MAKE_PIXELS);
    for (int i = 0; i < 4 * MAKE_PIXELS; i++) {
        int b = i / MAKE_PIXELS, y = i / MAKE_WIDTH % MAKE_HEIGHT, at = i % MAKE_WIDTH;
        CHECK(p[i] > 0 && p[i] < 1);
        if (t->mask[b * MAKE_PATCHES + y / 4 * 2 + at / 4])
            sum += ((double)p[i] - x[i]) * ((double)p[i] - x[i]) / (2 * MAKE_PIXELS);
    }
    CHECK_NEAR(make_metric(t, "loss"), sum, 1e-5 * sum);
    mim_trainer_destroy(t);
}

/* ---- options ---- */

static void contradictions(void)
{
    static const struct { const char *json; mim_status status; } cases[] = {
        { "{" FLAT "}}", MIM_OK },
        { "{" FLAT "}, \"encoder.mask_token\": 1}", MIM_ERR_VALUE },
        { "{" FLAT "}, \"encoder.class_token\": 1}", MIM_ERR_VALUE },
        { "{" FLAT "}, \"image.mean\": [0.5]}", MIM_ERR_VALUE },
        { "{" FLAT "}, \"image.deviation\": [1, 1, 0.5]}", MIM_ERR_VALUE },
        { "{" FLAT ", \"target\": \"patch_norm\"}}", MIM_ERR_VALUE },
        { "{" FLAT ", \"heads\": 3}}", MIM_ERR_VALUE },
        { "{" FLAT ", \"heads\": 3, \"head_width\": 5}}", MIM_OK },
        { "{" FLAT ", \"heads\": 4096, \"head_width\": 65536}}", MIM_ERR_VALUE },
        { "{" FLAT ", \"masked\": 0}}", MIM_ERR_VALUE },
        { "{" FLAT "}, \"masker.kind\": \"block\", \"masker.least\": 1}", MIM_ERR_VALUE },
        { "{" FLAT "}, \"encoder.positions\": \"none\"}", MIM_OK },
        { "{" FLAT "}, \"encoder.positions\": \"sincos\", \"encoder.heads\": 3, \"encoder.head_width\": 4}", MIM_OK },
        { "{" FLAT "}, \"encoder.activation_out\": 1}", MIM_OK },
        { "{" FLAT "}, \"encoder.activation_out\": 1, \"encoder.layer_scale\": 0.1}", MIM_ERR_VALUE },
        { "{" FLAT "}, \"encoder.activation_out\": 1, \"encoder.drop_path\": 0.1}", MIM_ERR_VALUE },
        { "{" FLAT "}, \"encoder.heads\": 4096, \"encoder.head_width\": 65536}", MIM_ERR_VALUE },
        { "{" FLAT "}, \"trainer.outputs\": [\"order\"]}", MIM_ERR_KEY },        /* numbers, and no output */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mim_config *config = make_config(ctx, cases[i].json);
        mim_trainer *t = NULL;
        mim_status status = mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t);
        if (!CHECK(status == cases[i].status && !status == !!t))
            printf("%s: %s, %s\n", cases[i].json, mim_status_name(status), make_error(ctx));
        if (t)
            OK(ctx, make_step(t, 0));
        mim_trainer_destroy(t);
        mim_config_destroy(config);
    }
}

/* The last layer is for the pictures that the head was made for, and the sigmoid for pixels in 0..1. */
static void other_pictures(void)
{
    static const struct { const char *json, *words; mim_status status; } all[] = {
        { "{\"image.height\": 16}", "12 x 8", MIM_ERR_UNSUPPORTED },
        { "{\"image.mean\": [0, 0.25, 0]}", "not 0.25 and 1", MIM_ERR_VALUE },
        { "{\"image.deviation\": 0.5}", "not 0 and 0.5", MIM_ERR_VALUE },
    };
    mim_config *config = make_config(ctx, "{" FLAT "}}");
    mim_encoder *e = NULL;
    mim_head *h = NULL;
    mim_trainer *t = NULL;
    OK(ctx, mim_encoder_create(ctx, config, NULL, &e));
    OK(ctx, mim_head_create(ctx, config, e, NULL, &h));
    mim_config_destroy(config);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        config = make_config(ctx, "{" FLAT "}}");
        OK(ctx, mim_config_read_json(config, all[i].json));
        CHECK(mim_trainer_create(ctx, config, e, h, NULL, NULL, &t) == all[i].status && !t);
        CHECK(strstr(make_error(ctx), all[i].words));
        mim_config_destroy(config);
    }
    mim_head_destroy(h);
    mim_encoder_destroy(e);
}

/* What timm and transformers would take for another model is not written under their names. */
static void names_elsewhere(void)
{
    static const struct { const char *json, *word; } all[] = {
        { "{\"encoder.head_width\": 5}", "width" }, { "{\"encoder.activation_out\": 1}", "perceptron" },
        { "{\"encoder.head_width\": 8}", NULL },    /* 2 x 8: the width, as it is without */
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int k = 0; k < 2; k++) {
            mim_config *config = make_config(ctx, all[i].json);
            mim_encoder *e = NULL;
            mim_tensors *w = NULL;
            OK(ctx, mim_encoder_create(ctx, config, NULL, &e));
            mim_status status = mim_encoder_tensors(e, MIM_WEIGHTS, k ? "timm" : "huggingface", &w);
            CHECK(status == (all[i].word ? MIM_ERR_UNSUPPORTED : MIM_OK));
            CHECK(!all[i].word || strstr(make_error(ctx), all[i].word));
            mim_tensors_destroy(w);
            mim_encoder_destroy(e);
            mim_config_destroy(config);
        }
}

int main(void)
{
    ctx = make_context();
    TEST(sizes);
    TEST(initial_values);
    TEST(order);
    TEST(other_count);
    TEST(threads);
    TEST(loss);
    TEST(contradictions);
    TEST(other_pictures);
    TEST(names_elsewhere);
    mim_context_destroy(ctx);
    return test_end();
}
