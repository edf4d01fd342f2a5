/* SPDX-License-Identifier: MIT */
/* test_mae.c -- the masked autoencoder against values that its authors' code computed in double precision: a tiny model whose
 * weights are formulas; positions, sizes and initial values; what contradicts. */
#include "train/make.h"

static mim_context *ctx;

/* ---- a model of formulas ---- */

enum { SIDE = 16, PIXELS = 3 * SIDE * SIDE, LATENT = 5 * 16, PREDICTION = 16 * 48 };

static const char *const block_names[] = { "norm1.weight", "norm1.bias", "attn.qkv.weight", "attn.qkv.bias", "attn.proj.weight",
                                           "attn.proj.bias", "norm2.weight", "norm2.bias", "mlp.fc1.weight", "mlp.fc1.bias",
                                           "mlp.fc2.weight", "mlp.fc2.bias" };

/* Parameter number k = 1.. in the authors' order: element i = 1.. is 0.2 sin(0.7 i + 1.3 k), and 1 more in a norm's weight. */
static void fill_one(mim_tensors *weights, const char *name, int k)
{
    size_t n = 0, length = strlen(name);
    if (!OK(ctx, mim_tensors_info(weights, name, NULL, NULL, NULL, &n)))
        return;
    float *v = malloc(n * sizeof *v);
    int gain = strstr(name, "norm") && !strcmp(name + length - 6, "weight");
    for (size_t i = 0; i < n; i++)
        v[i] = (float)(0.2 * sin(0.7 * (double)(i + 1) + 1.3 * k) + gain);
    OK(ctx, mim_tensors_write(weights, name, MIM_F32, 0, n, v));
    free(v);
}

static void fill_block(mim_tensors *weights, const char *block, int *k)
{
    char name[128];
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof name, "%s.%s", block, block_names[i]);
        fill_one(weights, name, ++*k);
    }
}

static void fill_weights(mim_trainer *t)
{
    mim_tensors *w = NULL;
    int k = 0;
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "mim", &w));
    fill_one(w, "encoder.cls_token", ++k);
    fill_one(w, "head.mask_token", ++k);
    fill_one(w, "encoder.patch_embed.proj.weight", ++k);
    fill_one(w, "encoder.patch_embed.proj.bias", ++k);
    fill_block(w, "encoder.blocks.0", &k);
    fill_block(w, "encoder.blocks.1", &k);
    fill_one(w, "encoder.norm.weight", ++k);
    fill_one(w, "encoder.norm.bias", ++k);
    fill_one(w, "head.decoder_embed.weight", ++k);
    fill_one(w, "head.decoder_embed.bias", ++k);
    fill_block(w, "head.decoder_blocks.0", &k);
    fill_one(w, "head.decoder_norm.weight", ++k);
    fill_one(w, "head.decoder_norm.bias", ++k);
    fill_one(w, "head.decoder_pred.weight", ++k);
    fill_one(w, "head.decoder_pred.bias", ++k);
    mim_tensors_destroy(w);
}

/* The four patches of least noise stay visible. */
static void make_mask(uint8_t *mask)
{
    for (int b = 0; b < 2; b++)
        for (int k = 0; k < 16; k++) {
            int before = 0;
            double own = fmod((16 * b + k + 1) * 0.6180339887498949, 1);
            for (int i = 0; i < 16; i++)
                before += fmod((16 * b + i + 1) * 0.6180339887498949, 1) < own;
            mask[16 * b + k] = before >= 4;
        }
}

static mim_trainer *golden_trainer(const char *target)
{
    char json[700];
    mim_config *config = NULL;
    mim_trainer *t = NULL;
    snprintf(json, sizeof json,
             "{\"image\": {\"height\": 16, \"width\": 16}, \"masker.ratio\": 0.75, \"trainer\": {\"batch\": 2, \"outputs\": \"tokens\"},"
             " \"encoder\": {\"patch\": 4, \"width\": 16, \"depth\": 2, \"heads\": 4, \"positions\": \"sincos\", \"mask_token\": 0},"
             " \"head\": {\"kind\": \"mae\", \"width\": 8, \"depth\": 1, \"heads\": 2, \"target\": \"%s\"}, \"optimizer.kind\": \"none\"}",
             target);
    OK(ctx, mim_config_create(ctx, NULL, &config));
    OK(ctx, mim_config_read_json(config, json));
    OK(ctx, mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t));
    mim_config_destroy(config);
    fill_weights(t);
    return t;
}

static void golden_step(mim_trainer *t)
{
    static float pixels[2 * PIXELS];
    uint8_t mask[32];
    for (int i = 0; i < 2 * PIXELS; i++)
        pixels[i] = (float)(sin(0.05 * (i + 1)) + 0.3 * cos(0.011 * pow(i + 1, 1.5)));
    make_mask(mask);
    OK(ctx, mim_trainer_set_input(t, "pixels", MIM_F32, pixels, 2 * PIXELS));
    OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, mask, 32));
    OK(ctx, mim_trainer_forward(t, NULL, 0, NULL));
    OK(ctx, mim_trainer_backward(t));
}

static void visible_patches(mim_trainer *t)
{
    static const int64_t want[8] = { 1, 4, 9, 12, 1, 6, 9, 14 };
    int64_t got[8], shape[MIM_MAX_RANK];
    int32_t type = 0, rank = 0;
    mim_tensors *out = NULL;
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &out));
    OK(ctx, mim_tensors_info(out, "visible", &type, &rank, shape, NULL));
    CHECK(type == MIM_I64 && rank == 2 && shape[0] == 2 && shape[1] == 4);
    OK(ctx, mim_tensors_read(out, "visible", MIM_I64, 0, 8, got));
    CHECK(!memcmp(got, want, sizeof want));
    mim_tensors_destroy(out);
}

static void near_all(const float *got, const double *want, int n)
{
    for (int i = 0; i < n; i++)
        CHECK_NEAR(got[i], want[i], 1e-5);
}

/* The authors' order of visible patches is 12 4 9 1, and 9 1 14 6; ours ascends. */
static void golden_outputs(mim_trainer *t)
{
    static float tokens[2 * LATENT], prediction[2 * PREDICTION];
    make_read(t, MIM_OUTPUTS, "tokens", tokens, 2 * LATENT);
    make_read(t, MIM_OUTPUTS, "prediction", prediction, 2 * PREDICTION);
    near_all(tokens, (double[]){ -0.71220327359630, -1.46170385858749, -0.56659708384459, -0.13532604874247 }, 4);
    near_all(tokens + LATENT + 2 * 16, (double[]){ 0.14719151819747, -0.55279662635683, -1.57321147024022, 0.09747686302756 }, 4);
    near_all(prediction, (double[]){ 0.28483064022656, 0.59362393846935, 0.63242447406274, 0.38308058061018 }, 4);
    near_all(prediction + PREDICTION + 15 * 48 + 44,
             (double[]){ -0.27269850006399, -0.06818673235421, 0.16545209876448, 0.32109921562989 }, 4);
}

static const struct { const char *name; double plain, first, norm; } slopes[] = {
    { "encoder.patch_embed.proj.weight", 5.132020518953e-3, 1.219221147787e-4, 5.367215415668e-3 },
    { "encoder.patch_embed.proj.bias", 4.187103361014e-3, 9.837924980205e-4, 4.472182782104e-3 },
    { "encoder.cls_token", 2.134315078143e-3, 6.111767708730e-4, 2.276791273632e-3 },
    { "head.mask_token", 3.627299080984e-1, -1.439215510927e-1, 3.726121471536e-1 },
    { "encoder.blocks.0.attn.qkv.weight", 7.750371671149e-3, -1.050469774174e-4, 8.403642981982e-3 },
    { "encoder.blocks.0.attn.qkv.bias", 2.005154867836e-3, 5.533371089746e-5, 2.155850898778e-3 },
    { "encoder.blocks.1.mlp.fc2.weight", 1.592914262310e-2, -2.797901030451e-4, 1.703568418503e-2 },
    { "encoder.norm.weight", 6.911989554677e-3, -9.693731215325e-4, 7.356485877359e-3 },
    { "head.decoder_embed.weight", 1.525440139583e-1, 7.876369751429e-4, 1.583357148476e-1 },
    { "head.decoder_blocks.0.attn.qkv.weight", 3.563727326690e-1, 1.898604419035e-3, 3.683459902420e-1 },
    { "head.decoder_pred.weight", 2.419759354050e-1, -1.291900691875e-2, 2.655878791749e-1 },
    { "head.decoder_pred.bias", 9.965582445031e-2, 1.359211151246e-3, 1.037000283922e-1 },
};

static void golden_slopes(mim_trainer *t, int normed)
{
    mim_tensors *g = NULL;
    OK(ctx, mim_trainer_tensors(t, MIM_GRADIENTS, "mim", &g));
    for (size_t i = 0; i < sizeof slopes / sizeof *slopes; i++) {
        size_t n = 0;
        double square = 0;
        static float v[1024];
        OK(ctx, mim_tensors_info(g, slopes[i].name, NULL, NULL, NULL, &n));
        OK(ctx, mim_tensors_read(g, slopes[i].name, MIM_F32, 0, n, v));
        for (size_t k = 0; k < n; k++)
            square += (double)v[k] * v[k];
        double want = normed ? slopes[i].norm : slopes[i].plain;
        CHECK_NEAR(sqrt(square), want, 1e-5 * want);
        if (!normed)
            CHECK_NEAR(v[0], slopes[i].first, 1e-5 * slopes[i].plain);
    }
    float fixed[16 * 17];
    OK(ctx, mim_tensors_read(g, "encoder.pos_embed", MIM_F32, 0, 16 * 17, fixed));
    for (int i = 0; i < 16 * 17; i++)
        CHECK(fixed[i] == 0);
    mim_tensors_destroy(g);
}

static void golden(void)
{
    mim_trainer *plain = golden_trainer("pixels"), *normed = golden_trainer("patch_norm");
    golden_step(plain);
    golden_step(normed);
    CHECK_NEAR(make_metric(plain, "loss"), 0.737894683473, 1e-6);
    CHECK_NEAR(make_metric(normed, "loss"), 1.180379958995, 2e-6);
    CHECK_NEAR(make_metric(plain, "hidden"), 0.75, 1e-12);
    visible_patches(plain);
    golden_outputs(plain);
    golden_slopes(plain, 0);
    golden_slopes(normed, 1);
    mim_trainer_destroy(plain);
    mim_trainer_destroy(normed);
}

/* ---- positions, initial values, sizes ---- */

static void positions(void)
{
    mim_trainer *t = golden_trainer("pixels");
    static float own[17 * 16], decoder[17 * 8];
    static const double row1col2[16] = { .90929743, .19866933, .01999867, .002, -.41614684, .98006658, .99980001, .999998,
                                         .84147098, .09983342, .00999983, .001, .54030231, .99500417, .99995, .9999995 };
    make_read(t, MIM_WEIGHTS, "encoder.pos_embed", own, 17 * 16);
    make_read(t, MIM_WEIGHTS, "head.decoder_pos_embed", decoder, 17 * 8);
    for (int i = 0; i < 16; i++) {
        CHECK(own[i] == 0);
        CHECK_NEAR(own[(1 + 4 + 2) * 16 + i], row1col2[i], 1e-7);
    }
    near_all(decoder + 8, (double[]){ 0, 0, 1, 1, 0, 0, 1, 1 }, 8);
    near_all(decoder + 2 * 8, (double[]){ .84147098, .00999983, .54030231, .99995, 0, 0, 1, 1 }, 8);
    near_all(decoder + 5 * 8, (double[]){ 0, 0, 1, 1, .84147098, .00999983, .54030231, .99995 }, 8);
    mim_trainer_destroy(t);
}

/* Uniform within a bound, and near it somewhere; or normal of deviation 0.02. */
static void spread(mim_tensors *w, const char *name, double bound)
{
    double rms, most = make_spread(ctx, w, name, &rms);
    if (bound > 0 && !CHECK(most <= bound * 1.000001 && most > 0.9 * bound && fabs(rms / bound - 0.57735) < 0.06))
        printf("%s: %g of %g, %g\n", name, most, bound, rms);
    if (bound < 0 && !CHECK(fabs(rms / 0.02 - 1) < 0.25))
        printf("%s: %g\n", name, rms);
}

static void initial_values(void)
{
    mim_config *config = NULL;
    mim_trainer *t = NULL;
    mim_tensors *w = NULL;
    OK(ctx, mim_config_create(ctx, "mae_vit_tiny_32", &config));
    OK(ctx, mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t));
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "mim", &w));
    spread(w, "encoder.patch_embed.proj.weight", sqrt(6.0 / (192 + 48)));
    spread(w, "encoder.patch_embed.proj.bias", 1 / sqrt(48));
    spread(w, "encoder.blocks.2.attn.qkv.weight", sqrt(6.0 / (4 * 192)));
    spread(w, "encoder.blocks.5.attn.proj.weight", sqrt(6.0 / (2 * 192)));
    spread(w, "encoder.blocks.5.mlp.fc2.weight", sqrt(6.0 / (5 * 192)));
    spread(w, "head.decoder_embed.weight", sqrt(6.0 / (192 + 128)));
    spread(w, "head.decoder_blocks.1.attn.qkv.weight", sqrt(6.0 / (4 * 128)));
    spread(w, "head.decoder_blocks.1.mlp.fc1.weight", sqrt(6.0 / (5 * 128)));
    spread(w, "head.decoder_pred.weight", sqrt(6.0 / (128 + 48)));
    spread(w, "encoder.cls_token", -1);
    spread(w, "head.mask_token", -1);
    mim_tensors_destroy(w);
    mim_trainer_destroy(t);
    mim_config_destroy(config);
}

static void sizes(void)
{
    static const struct { const char *preset; int64_t parameters; } all[] = {
        { "mae_vit_base", 111907840 }, { "mae_vit_large", 329541888 }, { "mae_vit_huge", 657074508 },
    };
    for (int i = 0; i < 3; i++) {
        mim_config *config = NULL, *plan = NULL;
        int64_t n = 0;
        OK(ctx, mim_config_create(ctx, all[i].preset, &config));
        OK(ctx, mim_config_set_i64(config, "trainer.batch", 1));
        OK(ctx, mim_trainer_plan(ctx, config, &plan));
        OK(ctx, mim_config_get_i64(plan, "parameters", &n));
        CHECK(n == all[i].parameters);
        mim_config_destroy(plan);
        mim_config_destroy(config);
    }
}

/* ---- options ---- */

#define MAE_JSON "\"encoder\": {\"mask_token\": 0}, \"head\": {\"kind\": \"mae\", \"width\": 8, \"depth\": 1, \"heads\": 2"

static void contradictions(void)
{
    static const struct { const char *json; mim_status status; } cases[] = {
        { "{" MAE_JSON "}}", MIM_OK },
        { "{" MAE_JSON "}, \"encoder.mask_token\": 1}", MIM_ERR_VALUE },
        { "{" MAE_JSON ", \"heads\": 3}}", MIM_ERR_VALUE },
        { "{" MAE_JSON ", \"width\": 6, \"heads\": 3}}", MIM_ERR_VALUE },
        { "{" MAE_JSON ", \"width\": 6, \"heads\": 3, \"positions\": \"learned\"}}", MIM_OK },
        { "{" MAE_JSON ", \"reduce\": 3}}", MIM_ERR_VALUE },
        { "{" MAE_JSON ", \"target\": \"window_norm\", \"window\": 4}}", MIM_ERR_VALUE },
        { "{" MAE_JSON "}, \"encoder.relative\": \"shared\"}", MIM_ERR_UNSUPPORTED },
        { "{" MAE_JSON "}, \"masker.kind\": \"block\", \"masker.least\": 1}", MIM_ERR_VALUE },
        { "{" MAE_JSON "}, \"masker.kind\": \"block\", \"masker.least\": 1, \"masker.exact\": 1}", MIM_OK },
        { "{" MAE_JSON "}, \"masker.kind\": \"grid\"}", MIM_ERR_VALUE },
        { "{" MAE_JSON "}, \"masker.kind\": \"grid\", \"masker.phase\": 0}", MIM_OK },
        { "{" MAE_JSON "}, \"masker.kind\": \"host\", \"masker.ratio\": 1}", MIM_ERR_VALUE },
        { "{" MAE_JSON "}, \"masker.kind\": \"host\", \"masker.ratio\": 0}", MIM_ERR_VALUE },
        { "{" MAE_JSON "}, \"masker.kind\": \"host\"}", MIM_OK },
        { "{" MAE_JSON ", \"loss\": \"host\"}, \"encoder.class_token\": 0, \"image.channels\": 5}", MIM_OK },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mim_config *config = make_config(ctx, cases[i].json);
        mim_trainer *t = NULL;
        mim_status status = mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t);
        if (!CHECK(status == cases[i].status && !status == !!t))
            printf("%s: %s, %s\n", cases[i].json, mim_status_name(status), make_error(ctx));
        mim_trainer_destroy(t);
        mim_config_destroy(config);
    }
}

static void described(void)
{
    mim_trainer *t = make_trainer(ctx, "{" MAE_JSON "}}");
    mim_head *h = NULL;
    mim_config *r = NULL;
    char text[200];
    OK(ctx, mim_trainer_head(t, &h));
    OK(ctx, mim_head_describe(h, &r));
    OK(ctx, mim_config_get_str(r, "outputs", text, sizeof text, NULL));
    CHECK(strstr(text, "visible") && strstr(text, "reconstruction"));
    OK(ctx, mim_config_get_str(r, "head.loss", text, sizeof text, NULL));
    CHECK(!strcmp(text, "l2"));
    OK(ctx, mim_config_get_str(r, "head.hidden", text, sizeof text, NULL));
    CHECK(!strcmp(text, "32"));
    mim_config_destroy(r);
    mim_head_destroy(h);
    mim_trainer_destroy(t);
}

/* ---- the loss ---- */

/* With head.visible the visible patches count too: w = 1 gives the mean over all, and nothing need be hidden. */
static void visible_loss(void)
{
    mim_trainer *hidden = make_trainer(ctx, "{" MAE_JSON "}}"), *all = make_trainer(ctx, "{" MAE_JSON ", \"visible\": 1}}");
    static float p[4 * 6 * 48], x[4 * MAKE_PIXELS];
    mim_images images = make_images(0, 4);
    OK(ctx, mim_trainer_evaluate(hidden, &images, 0, NULL));
    OK(ctx, mim_trainer_evaluate(all, &images, 0, NULL));
    make_read(all, MIM_OUTPUTS, "reconstruction", p, 4 * MAKE_PIXELS);
    make_read(all, MIM_OUTPUTS, "pixels", x, 4 * MAKE_PIXELS);
    double sum = 0;
    for (int i = 0; i < 4 * MAKE_PIXELS; i++)
        sum += ((double)p[i] - x[i]) * ((double)p[i] - x[i]) / (4 * MAKE_PIXELS);
    CHECK_NEAR(make_metric(all, "loss"), sum, 1e-5 * sum);
    CHECK(make_metric(hidden, "loss") != make_metric(all, "loss"));
    uint8_t none[24] = { 0 };
    CHECK(mim_trainer_set_input(hidden, "mask", MIM_U8, none, 24) == MIM_ERR_VALUE);
    OK(ctx, mim_trainer_set_input(all, "mask", MIM_U8, none, 24));
    OK(ctx, mim_trainer_step(all, &images, 0, NULL));
    mim_trainer_destroy(hidden);
    mim_trainer_destroy(all);
}

int main(void)
{
    ctx = make_context();
    TEST(golden);
    TEST(positions);
    TEST(initial_values);
    TEST(sizes);
    TEST(contradictions);
    TEST(described);
    TEST(visible_loss);
    mim_context_destroy(ctx);
    return test_end();
}
