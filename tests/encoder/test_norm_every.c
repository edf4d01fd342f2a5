/* SPDX-License-Identifier: MIT */
/* test_norm_every.c -- Swin V2's further layer norms on the residual stream (Liu et al. 2022, app. A1): where they are, and
 * that such a block is one without, then a layer norm. */
#include "train/make.h"

enum { SIDE = 16, PIXELS = 3 * SIDE * SIDE, TOKENS = 16, WIDTH = 8, ALL = TOKENS * WIDTH };

static mim_context *ctx;

static mim_encoder *create(int every)
{
    char json[300];
    mim_config *config = NULL;
    mim_encoder *e = NULL;
    snprintf(json, sizeof json, "{\"image\": {\"height\": 16, \"width\": 16}, \"trainer.batch\": 1, \"encoder\": {"
             "\"kind\": \"swinv2\", \"patch\": 4, \"width\": 8, \"heads\": 2, \"depths\": [4, 1], \"window\": 2,"
             " \"norm_every\": %d}}", every);
    OK(ctx, mim_config_create(ctx, NULL, &config));
    OK(ctx, mim_config_read_json(config, json));
    OK(ctx, mim_encoder_create(ctx, config, NULL, &e));
    mim_config_destroy(config);
    return e;
}

/* What both have becomes waves, so that no norm is without effect. */
static void set_weights(mim_encoder *e)
{
    mim_tensors *w = NULL;
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "mim", &w));
    for (int64_t t = 0; t < mim_tensors_count(w); t++) {
        char name[96];
        float x[2048];
        size_t n = 0;
        mim_tensors_name(w, t, name, sizeof name, NULL);
        OK(ctx, mim_tensors_info(w, name, NULL, NULL, NULL, &n));
        if (!CHECK(n <= sizeof x / sizeof *x))
            continue;
        double phase = 0, size = strstr(name, "cpb_mlp.2") ? 0.03 : 0.3;
        for (const char *c = name; *c; c++)
            phase += *c;
        for (size_t i = 0; i < n; i++)
            x[i] = (float)((strstr(name, "norm") && strstr(name, "weight") ? 1 : 0) + size * sin(0.7 * (double)i + phase));
        OK(ctx, mim_tensors_write(w, name, MIM_F32, 0, n, x));
    }
    mim_tensors_destroy(w);
}

static void encode(mim_encoder *e, float y[ALL])
{
    float x[PIXELS];
    mim_tensors *out = NULL;
    for (int i = 0; i < PIXELS; i++)
        x[i] = (float)sin(0.31 * i + 0.002 * i * i);
    OK(ctx, mim_encoder_set_input(e, "pixels", MIM_F32, x, PIXELS));
    OK(ctx, mim_encoder_encode(e, NULL, "block.2"));
    OK(ctx, mim_encoder_tensors(e, MIM_OUTPUTS, NULL, &out));
    OK(ctx, mim_tensors_read(out, "block.2", MIM_F32, 0, ALL, y));
    mim_tensors_destroy(out);
}

static void is_a_norm_after_the_block(void)
{
    mim_encoder *with = create(2), *without = create(0);
    mim_tensors *w = NULL;
    float y[ALL], x[ALL], gamma[WIDTH], beta[WIDTH];
    set_weights(with);
    set_weights(without);
    encode(with, y);
    encode(without, x);
    OK(ctx, mim_encoder_tensors(with, MIM_WEIGHTS, "mim", &w));
    OK(ctx, mim_tensors_read(w, "layers.0.blocks.1.norm3.weight", MIM_F32, 0, WIDTH, gamma));
    OK(ctx, mim_tensors_read(w, "layers.0.blocks.1.norm3.bias", MIM_F32, 0, WIDTH, beta));
    double worst = 0;
    for (int t = 0; t < TOKENS; t++) {
        double mean = 0, square = 0;
        for (int i = 0; i < WIDTH; i++)
            mean += x[t * WIDTH + i] / (double)WIDTH;
        for (int i = 0; i < WIDTH; i++)
            square += pow(x[t * WIDTH + i] - mean, 2) / WIDTH;
        for (int i = 0; i < WIDTH; i++)
            worst = fmax(worst, fabs(y[t * WIDTH + i] - beta[i] -
                                     gamma[i] * (x[t * WIDTH + i] - mean) / sqrt(square + 1e-5)));
    }
    CHECK_NEAR(worst, 0, 1e-5);
    mim_tensors_destroy(w);
    mim_encoder_destroy(with);
    mim_encoder_destroy(without);
}

/* Blocks are counted in each stage anew. */
static void places(void)
{
    static const struct { const char *name; int there; } all[] = {
        { "layers.0.blocks.0.norm3.weight", 0 }, { "layers.0.blocks.1.norm3.weight", 1 },
        { "layers.0.blocks.2.norm3.weight", 0 }, { "layers.0.blocks.3.norm3.bias", 1 },
        { "layers.1.blocks.0.norm3.weight", 0 },
    };
    mim_encoder *e = create(2);
    mim_tensors *w = NULL;
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "mim", &w));
    for (int i = 0; i < (int)(sizeof all / sizeof *all); i++)
        if (!CHECK((mim_tensors_info(w, all[i].name, NULL, NULL, NULL, NULL) == MIM_OK) == all[i].there))
            printf("%s\n", all[i].name);
    mim_tensors_destroy(w);
    mim_encoder_destroy(e);
}

int main(void)
{
    ctx = make_context();
    TEST(is_a_norm_after_the_block);
    TEST(places);
    mim_context_destroy(ctx);
    return test_end();
}
