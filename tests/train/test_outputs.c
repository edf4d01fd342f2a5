/* SPDX-License-Identifier: MIT */
/* test_outputs.c -- what comes out of a trainer: names, shapes, when it may be read; the host's loss, and gradients of
 * pixels and parameters against differences. */
#include "train/make.h"

static mim_context *ctx;

static int has_shape(const mim_tensors *v, const char *name, int32_t type, int32_t rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    int32_t is, r;
    int64_t shape[MIM_MAX_RANK] = { 0 }, want[4] = { a, b, c, d };
    size_t n, all = 1;
    if (!OK(ctx, mim_tensors_info(v, name, &is, &r, shape, &n)))
        return 0;
    int good = is == type && r == rank;
    for (int i = 0; i < rank && good; i++) {
        good = shape[i] == want[i];
        all *= (size_t)shape[i];
    }
    good = good && n == all;
    if (!good)
        printf("%s: type %d rank %d [%d %d %d %d]\n", name, (int)is, (int)r, (int)shape[0], (int)shape[1], (int)shape[2], (int)shape[3]);
    return good;
}

static void shapes(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"trainer\": {\"outputs\": [\"tokens\", \"pooled\", \"block.0\", \"block.2\", \"attention.1\","
                                       " \"pixels.gradient\", \"loss\"]}}");
    mim_tensors *v = NULL, *in = NULL;
    mim_images images = make_images(0, 3);
    float x;
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &v));
    OK(ctx, mim_trainer_tensors(t, MIM_INPUTS, NULL, &in));
    for (int n = 4; n >= 3; n--) {
        CHECK(has_shape(v, "loss", MIM_F32, 1, 1, 0, 0, 0));
        CHECK(has_shape(v, "mask", MIM_U8, 3, n, 3, 2, 0));
        CHECK(has_shape(v, "pixels", MIM_F32, 4, n, 3, 12, 8));
        CHECK(has_shape(v, "prediction", MIM_F32, 3, n, 6, 48, 0));
        CHECK(has_shape(v, "reconstruction", MIM_F32, 4, n, 3, 12, 8));
        CHECK(has_shape(v, "picture", MIM_F32, 4, n, 12, 8, 3));
        CHECK(has_shape(v, "tokens", MIM_F32, 3, n, 7, 16, 0));
        CHECK(has_shape(v, "pooled", MIM_F32, 2, n, 16, 0, 0));
        CHECK(has_shape(v, "block.0", MIM_F32, 3, n, 7, 16, 0));
        CHECK(has_shape(v, "block.2", MIM_F32, 3, n, 7, 16, 0));
        CHECK(has_shape(v, "attention.1", MIM_F32, 4, n, 2, 7, 7));
        CHECK(has_shape(v, "pixels.gradient", MIM_F32, 4, n, 3, 12, 8));
        if (n == 4) {
            CHECK(mim_tensors_count(v) == 12);
            CHECK(mim_tensors_read(v, "loss", MIM_F32, 0, 1, &x) == MIM_ERR_STATE);
            OK(ctx, mim_trainer_forward(t, &images, 0, NULL));
            OK(ctx, mim_tensors_read(v, "loss", MIM_F32, 0, 1, &x));
            CHECK(mim_tensors_read(v, "pixels.gradient", MIM_F32, 0, 1, &x) == MIM_ERR_STATE);
            OK(ctx, mim_trainer_backward(t));
            OK(ctx, mim_tensors_read(v, "pixels.gradient", MIM_F32, 0, 1, &x));
            OK(ctx, mim_trainer_update(t));
            OK(ctx, mim_tensors_read(v, "pixels.gradient", MIM_F32, 0, 1, &x));
        }
        CHECK(has_shape(in, "mask", MIM_U8, 3, 4, 3, 2, 0));
        CHECK(has_shape(in, "pixels", MIM_F32, 4, 4, 3, 12, 8));
    }
    CHECK(mim_tensors_read(v, "prediction", MIM_F32, 3 * 6 * 48, 1, &x) == MIM_ERR_SHAPE);
    CHECK(mim_tensors_write(v, "loss", MIM_F32, 0, 1, &x) == MIM_ERR_STATE);
    CHECK(mim_tensors_read(in, "pixels", MIM_F32, 0, 1, &x) == MIM_ERR_STATE);
    CHECK(mim_tensors_write(in, "pixels", MIM_F32, 0, 1, &x) == MIM_ERR_STATE);
    OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
    CHECK(mim_tensors_read(v, "pixels.gradient", MIM_F32, 0, 1, &x) == MIM_ERR_STATE);
    mim_trainer_destroy(t);                             /* the view goes on */
    OK(ctx, mim_tensors_read(v, "loss", MIM_F32, 0, 1, &x));
    mim_tensors_destroy(v);
    mim_tensors_destroy(in);
}

/* What is saved is what is read, type by type: the mask is not f32. */
static void saved(void)
{
    mim_trainer *t = make_trainer(ctx, NULL);
    mim_tensors *v = NULL, *back = NULL;
    size_t needed = 0;
    int64_t unused = -1;
    uint8_t mask[24], again[24];
    OK(ctx, make_step(t, 0));
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &v));
    OK(ctx, mim_tensors_save_memory(v, NULL, 0, &needed));
    char *data = malloc(needed);
    OK(ctx, mim_tensors_save_memory(v, data, needed, NULL));
    OK(ctx, mim_tensors_open_memory(ctx, data, needed, &back));
    CHECK(mim_tensors_count(back) == mim_tensors_count(v));
    CHECK(has_shape(back, "mask", MIM_U8, 3, 4, 3, 2, 0));
    OK(ctx, mim_tensors_read(v, "mask", MIM_U8, 0, 24, mask));
    OK(ctx, mim_tensors_read(back, "mask", MIM_U8, 0, 24, again));
    CHECK(!memcmp(mask, again, sizeof mask));
    CHECK(mim_tensors_copy(v, back, &unused) == MIM_ERR_STATE);
    free(data);
    mim_tensors_destroy(back);
    mim_tensors_destroy(v);
    mim_trainer_destroy(t);
}

static void attention_rows(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"trainer\": {\"outputs\": [\"attention.2\"]}, \"encoder\": {\"relative\": \"block\"}}");
    float a[4 * 2 * 49];
    OK(ctx, make_step(t, 0));
    make_read(t, MIM_OUTPUTS, "attention.2", a, 4 * 2 * 49);
    for (int r = 0; r < 4 * 2 * 7; r++) {
        double sum = 0;
        for (int i = 0; i < 7; i++)
            sum += a[r * 7 + i];
        CHECK_NEAR(sum, 1, 1e-5);
    }
    mim_trainer_destroy(t);
}

/* Of many patches there are no rows of attention to be had, which keeps nobody from the rest. */
static void attention_too_large(void)
{
    const char *json = "{\"image\": {\"height\": 2048, \"width\": 2048}, \"encoder\": {\"patch\": 16, \"heads\": 12, \"width\": 24},"
                       " \"trainer\": {\"batch\": 1, \"outputs\": [\"%s\"]}}";
    for (int i = 0; i < 2; i++) {
        char text[300];
        mim_config *plan = NULL;
        snprintf(text, sizeof text, json, i ? "attention.1" : "tokens");
        mim_config *config = make_config(ctx, text);
        CHECK(mim_trainer_plan(ctx, config, &plan) == (i ? MIM_ERR_KEY : MIM_OK));
        mim_config_destroy(plan);
        mim_config_destroy(config);
    }
    mim_encoder *e = NULL;
    mim_tensors *v = NULL;
    mim_config *config = make_config(ctx, "{\"image\": {\"height\": 2048, \"width\": 2048}, \"encoder\": {\"patch\": 16,"
                                          " \"heads\": 12, \"width\": 24}}");
    OK(ctx, mim_encoder_create(ctx, config, NULL, &e));
    OK(ctx, mim_encoder_tensors(e, MIM_OUTPUTS, NULL, &v));
    OK(ctx, mim_tensors_info(v, "block.1", NULL, NULL, NULL, NULL));
    CHECK(mim_tensors_info(v, "attention.1", NULL, NULL, NULL, NULL) == MIM_ERR_KEY);
    mim_tensors_destroy(v);
    mim_encoder_destroy(e);
    mim_config_destroy(config);
}

/* ---- the host's loss ---- */

/* 0.5 of the squares of what the host is handed, from pixels. */
static double host_loss(mim_trainer *t, const char *output, const float *pixels, float *values, size_t n, int back)
{
    double loss = 0;
    uint8_t mask[12] = { 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1 };
    OK(ctx, mim_trainer_set_input(t, "pixels", MIM_F32, pixels, 2 * MAKE_PIXELS));
    mim_trainer_set_input(t, "mask", MIM_U8, mask, 12);
    OK(ctx, mim_trainer_forward(t, NULL, 0, NULL));
    make_read(t, MIM_OUTPUTS, output, values, n);
    for (size_t i = 0; i < n; i++)
        loss += 0.5 * values[i] * values[i];
    if (back) {
        OK(ctx, mim_trainer_set_input(t, "gradient", MIM_F32, values, n));
        OK(ctx, mim_trainer_backward(t));
    }
    return loss;
}

static void differences(const char *json, const char *output, size_t n)
{
    mim_trainer *t = make_trainer(ctx, json);
    static float pixels[2 * MAKE_PIXELS], slope[2 * MAKE_PIXELS], values[4096];
    float w[16], of_w[16];
    mim_tensors *weights = NULL;
    for (int i = 0; i < 2 * MAKE_PIXELS; i++)
        pixels[i] = (float)sin(0.7 * i + 0.01 * i * i);
    host_loss(t, output, pixels, values, n, 1);
    make_read(t, MIM_OUTPUTS, "pixels.gradient", slope, 2 * MAKE_PIXELS);
    make_read(t, MIM_GRADIENTS, "encoder.blocks.0.mlp.fc1.bias", of_w, 16);
    int seen = 0;
    for (int i = 3; i < 2 * MAKE_PIXELS; i += 37) {
        const float h = 1e-2f, old = pixels[i];
        pixels[i] = old + h;
        double more = host_loss(t, output, pixels, values, n, 0);
        pixels[i] = old - h;
        double less = host_loss(t, output, pixels, values, n, 0);
        pixels[i] = old;
        CHECK_NEAR((more - less) / (2 * h), slope[i], 2e-2 * fabs(slope[i]) + 2e-3);
        seen += slope[i] != 0;
    }
    CHECK(seen > 5);
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, NULL, &weights));
    make_read(t, MIM_WEIGHTS, "encoder.blocks.0.mlp.fc1.bias", w, 16);
    for (int i = 0; i < 16; i += 5) {
        float more = w[i] + 0.01f, less = w[i] - 0.01f;
        OK(ctx, mim_tensors_write(weights, "encoder.blocks.0.mlp.fc1.bias", MIM_F32, (size_t)i, 1, &more));
        double a = host_loss(t, output, pixels, values, n, 0);
        OK(ctx, mim_tensors_write(weights, "encoder.blocks.0.mlp.fc1.bias", MIM_F32, (size_t)i, 1, &less));
        double b = host_loss(t, output, pixels, values, n, 0);
        OK(ctx, mim_tensors_write(weights, "encoder.blocks.0.mlp.fc1.bias", MIM_F32, (size_t)i, 1, &w[i]));
        CHECK_NEAR((a - b) / 0.02, of_w[i], 2e-2 * fabs(of_w[i]) + 2e-3);
    }
    mim_tensors_destroy(weights);
    mim_trainer_destroy(t);
}

static void tokens_and_back(void)
{
    const char *json = "{\"head\": {\"kind\": \"none\"}, \"encoder\": {\"init_deviation\": 0.3, \"init_cut\": 1}, \"trainer\": {\"batch\": 2, \"outputs\": [\"pixels.gradient\"]}}";
    differences(json, "tokens", 2 * 7 * 16);
    mim_trainer *t = make_trainer(ctx, json);
    mim_images images = make_images(0, 2);
    float g[2 * 7 * 16] = { 1 };
    double v;
    CHECK(mim_trainer_step(t, &images, 0, NULL) == MIM_ERR_STATE);      /* no gradient: the host must go step by step */
    OK(ctx, mim_trainer_forward(t, &images, 0, NULL));
    CHECK(mim_trainer_backward(t) == MIM_ERR_STATE);
    OK(ctx, mim_trainer_set_input(t, "gradient", MIM_F32, g, 7 * 16));
    CHECK(mim_trainer_backward(t) == MIM_ERR_SHAPE);
    CHECK(mim_trainer_set_input(t, "gradient", MIM_F32, g, 7 * 16 + 1) == MIM_ERR_SHAPE);
    g[3] = NAN;
    OK(ctx, mim_trainer_set_input(t, "gradient", MIM_F32, g, 2 * 7 * 16));
    OK(ctx, mim_trainer_backward(t));
    CHECK(mim_trainer_update(t) == MIM_ERR_NOT_FINITE);
    CHECK(mim_trainer_metric(t, "loss", &v) == MIM_ERR_STATE);
    mim_trainer_destroy(t);
}

static void host_loss_of_predictions(void)
{
    differences("{\"head\": {\"loss\": \"host\"}, \"encoder\": {\"init_deviation\": 0.3, \"init_cut\": 1}, \"trainer\": {\"batch\": 2, \"outputs\": [\"pixels.gradient\"]}}",
                "prediction", 2 * 6 * 48);
}

/* What the host says is 1/accumulate of the whole, as the library's own loss is. */
static void host_gradient_shares(void)
{
    mim_trainer *one = make_trainer(ctx, "{\"head\": {\"kind\": \"none\"}}"), *two = make_trainer(ctx, "{\"head\": {\"kind\": \"none\"}, \"trainer\": {\"accumulate\": 2}}");
    mim_images images = make_images(0, 4);
    float g[4 * 7 * 16], a[16], b[16];
    for (int i = 0; i < 4 * 7 * 16; i++)
        g[i] = (float)sin(i);
    mim_trainer *both[] = { one, two };
    for (int i = 0; i < 2; i++) {
        OK(ctx, mim_trainer_forward(both[i], &images, 0, NULL));
        OK(ctx, mim_trainer_set_input(both[i], "gradient", MIM_F32, g, 4 * 7 * 16));
        OK(ctx, mim_trainer_backward(both[i]));
    }
    make_read(one, MIM_GRADIENTS, "encoder.norm.bias", a, 16);
    make_read(two, MIM_GRADIENTS, "encoder.norm.bias", b, 16);
    for (int i = 0; i < 16; i++)
        CHECK_NEAR(a[i] / 2, b[i], 1e-6 + 1e-5 * fabs(a[i]));
    mim_trainer_destroy(one);
    mim_trainer_destroy(two);
}

static void pixel_gradient_of_losses(void)
{
    static const char *const heads[] = { "{\"kind\": \"pixels\", \"target\": \"host\", \"loss\": \"l2\"}",
                                         "{\"kind\": \"classifier\", \"classes\": 2, \"mixture\": 1}" };
    static float target[4 * MAKE_PIXELS], slope[4 * MAKE_PIXELS];
    for (int i = 0; i < 2; i++) {
        char json[300];
        snprintf(json, sizeof json, "{\"head\": %s, \"trainer\": {\"outputs\": [\"pixels.gradient\"]}}", heads[i]);
        mim_trainer *t = make_trainer(ctx, json);
        OK(ctx, mim_trainer_set_input(t, i ? "mixture" : "target", MIM_F32, target, i ? 8 : 4 * MAKE_PIXELS));
        OK(ctx, make_step(t, 0));
        make_read(t, MIM_OUTPUTS, "pixels.gradient", slope, 4 * MAKE_PIXELS);
        double most = 0;
        for (int k = 0; k < 4 * MAKE_PIXELS; k++) {
            CHECK(isfinite(slope[k]));
            most = fmax(most, fabs(slope[k]));
        }
        CHECK(i || most > 0);                           /* of a mixture of zeros no loss is left */
        mim_trainer_destroy(t);
    }
}

int main(void)
{
    ctx = make_context();
    TEST(shapes); TEST(saved); TEST(attention_rows); TEST(attention_too_large); TEST(tokens_and_back); TEST(host_loss_of_predictions); TEST(host_gradient_shares);
    TEST(pixel_gradient_of_losses);
    mim_context_destroy(ctx);
    return test_end();
}
