/* SPDX-License-Identifier: MIT */
/* test_step.c -- one batch after the other: what is learnt, what is counted, what is refused, what is left alone. */
#include "train/make.h"

static mim_context *ctx;

/* ---- learning ---- */

static void overfit(const char *json, double most)
{
    mim_trainer *t = make_trainer(ctx, json);
    double first = 0, last = 0;
    for (int i = 0; i < 150; i++) {
        OK(ctx, make_step(t, 0));
        last = make_metric(t, "loss");
        first = i ? first : last;
    }
    if (!CHECK(last < most * first))
        printf("%s: loss %g, then %g\n", json, first, last);
    mim_trainer_destroy(t);
}

static void learns_f32(void) { overfit("{\"masker\": {\"kind\": \"square\", \"ratio\": 0.4, \"movable\": 0}}", 0.2); }
static void learns_bf16(void) { overfit("{\"precision\": \"bf16\", \"masker\": {\"kind\": \"square\", \"ratio\": 0.4, \"movable\": 0}}", 0.25); }
static void learns_relative(void)
{
    overfit("{\"masker\": {\"kind\": \"square\", \"ratio\": 0.4, \"movable\": 0}, \"encoder\": {\"relative\": \"shared\","
            " \"positions\": \"none\", \"layer_scale\": 0.1, \"qkv_bias\": \"query_value\"}, \"head\": {\"loss\": \"l2\"}}", 0.2);
}
static void learns_two_layers(void)
{
    overfit("{\"masker\": {\"kind\": \"square\", \"ratio\": 0.4, \"movable\": 0}, \"head\": {\"layers\": 2, \"reduce\": 2,"
            " \"loss\": \"smooth_l1\"}, \"optimizer\": {\"kind\": \"sgd\", \"rate\": 0.5, \"decay\": 0}}", 0.5);
}

static void learns_classes(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"head\": {\"kind\": \"classifier\", \"classes\": 3}}");
    const int64_t labels[] = { 0, 1, 2, -1 };
    double first = 0;
    for (int i = 0; i < 60; i++) {
        OK(ctx, mim_trainer_set_input(t, "labels", MIM_I64, labels, 4));
        OK(ctx, make_step(t, 0));
        first = i ? first : make_metric(t, "loss");
    }
    CHECK_NEAR(first, log(3), 0.3);
    CHECK(make_metric(t, "loss") < 0.1);
    CHECK(make_metric(t, "accuracy") == 1);
    double v;
    CHECK(mim_trainer_metric(t, "hidden", &v) == MIM_ERR_STATE);
    mim_trainer_destroy(t);
}

static void learns_mixtures(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"head\": {\"kind\": \"classifier\", \"classes\": 2, \"mixture\": 1}}");
    const float soft[] = { 1, 0, 0, 1, 0.5f, 0.5f, 1, 0 };
    double bad[] = { 1, NAN };
    CHECK(mim_trainer_set_input(t, "mixture", MIM_F64, bad, 2) == MIM_ERR_VALUE);
    CHECK(make_step(t, 0) == MIM_ERR_STATE);
    for (int i = 0; i < 80; i++) {
        OK(ctx, mim_trainer_set_input(t, "mixture", MIM_F32, soft, 8));
        OK(ctx, make_step(t, 0));
    }
    CHECK_NEAR(make_metric(t, "loss"), log(2) / 4, 0.05);
    mim_trainer_destroy(t);
}

/* ---- metrics ---- */

static void metrics(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"optimizer\": {\"rate\": 0.01, \"warmup\": 4}}");
    static const char *const later[] = { "loss", "accuracy", "hidden", "gradient_norm", "rate", "seconds" };
    static const char *const always[] = { "step", "skipped", "pictures" };
    double v;
    for (int i = 0; i < 6; i++)
        CHECK(mim_trainer_metric(t, later[i], &v) == MIM_ERR_STATE);
    for (int i = 0; i < 3; i++)
        CHECK(make_metric(t, always[i]) == 0);
    CHECK(mim_trainer_metric(t, "losss", &v) == MIM_ERR_KEY && strstr(make_error(ctx), "loss"));
    OK(ctx, make_step(t, 0));
    CHECK(make_metric(t, "loss") > 0 && make_metric(t, "gradient_norm") > 0 && make_metric(t, "seconds") >= 0);
    CHECK_NEAR(make_metric(t, "rate"), 0.0025, 1e-12);
    CHECK(make_metric(t, "hidden") == 0.5 && make_metric(t, "step") == 1 && make_metric(t, "pictures") == 4);
    CHECK(mim_trainer_metric(t, "accuracy", &v) == MIM_ERR_STATE);
    OK(ctx, make_step(t, 1));
    CHECK(make_metric(t, "step") == 2 && make_metric(t, "pictures") == 8 && make_metric(t, "skipped") == 0);
    mim_trainer_destroy(t);
}

/* ---- the order of calls ---- */

static void order(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"trainer\": {\"accumulate\": 2}}");
    mim_images images = make_images(0, 4);
    CHECK(mim_trainer_backward(t) == MIM_ERR_STATE);
    CHECK(mim_trainer_update(t) == MIM_ERR_STATE);
    CHECK(mim_trainer_forward(t, NULL, 0, NULL) == MIM_ERR_STATE);
    OK(ctx, mim_trainer_forward(t, &images, 0, NULL));
    CHECK(mim_trainer_update(t) == MIM_ERR_STATE);
    OK(ctx, mim_trainer_backward(t));
    CHECK(mim_trainer_backward(t) == MIM_ERR_STATE);
    CHECK(mim_trainer_update(t) == MIM_ERR_STATE);
    OK(ctx, mim_trainer_forward(t, &images, 0, NULL));
    OK(ctx, mim_trainer_forward(t, &images, 0, NULL));         /* again: the first is forgotten */
    OK(ctx, mim_trainer_backward(t));
    OK(ctx, mim_trainer_update(t));
    CHECK(mim_trainer_update(t) == MIM_ERR_STATE);
    OK(ctx, mim_trainer_forward(t, &images, 0, NULL));
    OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
    CHECK(mim_trainer_backward(t) == MIM_ERR_STATE);            /* evaluate: forward is due again */
    mim_trainer_destroy(t);

    t = make_trainer(ctx, "{\"trainer\": {\"gradients\": 0}}");
    CHECK(mim_trainer_forward(t, &images, 0, NULL) == MIM_ERR_STATE);
    CHECK(mim_trainer_step(t, &images, 0, NULL) == MIM_ERR_STATE);
    CHECK(mim_trainer_update(t) == MIM_ERR_STATE);
    OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
    mim_tensors *view = NULL;
    CHECK(mim_trainer_tensors(t, MIM_GRADIENTS, NULL, &view) == MIM_ERR_STATE);
    CHECK(mim_trainer_tensors(t, MIM_AVERAGE, NULL, &view) == MIM_ERR_STATE);
    mim_trainer_destroy(t);
}

/* A call that fails leaves a forward whose backward is due, and the outputs. */
static void failures_leave_all(void)
{
    mim_trainer *t = make_trainer(ctx, NULL);
    mim_images images = make_images(0, 4), five = make_images(0, 5), grey = images;
    float nan[MAKE_PIXELS], before, after;
    grey.channels = 1;
    for (int i = 0; i < MAKE_PIXELS; i++)
        nan[i] = i == 100 ? NAN : 0;
    OK(ctx, mim_trainer_forward(t, &images, 0, NULL));
    make_read(t, MIM_OUTPUTS, "loss", &before, 1);
    CHECK(mim_trainer_forward(t, &five, 0, NULL) == MIM_ERR_SHAPE);
    CHECK(mim_trainer_forward(t, &grey, 0, NULL) == MIM_ERR_SHAPE);
    CHECK(mim_trainer_set_input(t, "pixels", MIM_F32, nan, MAKE_PIXELS) == MIM_ERR_VALUE);
    CHECK(mim_trainer_set_input(t, "pixels", MIM_F32, nan, MAKE_PIXELS - 1) == MIM_ERR_SHAPE);
    mim_images floats = images;
    float (*pixels)[MAKE_HEIGHT][MAKE_WIDTH][3] = calloc(4, sizeof *pixels);
    pixels[2][3][4][1] = INFINITY;
    floats.type = MIM_F32;
    floats.data = pixels;
    CHECK(mim_trainer_forward(t, &floats, 0, NULL) == MIM_ERR_VALUE);
    CHECK(strstr(make_error(ctx), "2") && strstr(make_error(ctx), "1"));
    CHECK(mim_trainer_evaluate(t, &floats, 0, NULL) == MIM_ERR_VALUE);
    free(pixels);
    make_read(t, MIM_OUTPUTS, "loss", &after, 1);
    CHECK(before == after);
    OK(ctx, mim_trainer_backward(t));
    OK(ctx, mim_trainer_update(t));
    mim_trainer_destroy(t);
}

/* ---- inputs ---- */

static void refused_inputs(void)
{
    mim_trainer *t = make_trainer(ctx, NULL), *c = make_trainer(ctx, "{\"head\": {\"kind\": \"classifier\", \"classes\": 3}}");
    uint8_t none[24] = { 0 }, all[24], two[24] = { 1, 0, 1, 2 }, some[24] = { 1 };
    const int64_t high[] = { 0, 3 }, low[] = { 0, -2 }, good[] = { 0, 2, -1, 1 };
    memset(all, 1, sizeof all);
    CHECK(mim_trainer_set_input(t, "mask", MIM_U8, none, 24) == MIM_ERR_VALUE);
    CHECK(mim_trainer_set_input(t, "mask", MIM_U8, two, 24) == MIM_ERR_VALUE);
    CHECK(mim_trainer_set_input(t, "mask", MIM_U8, some, 23) == MIM_ERR_SHAPE);
    CHECK(mim_trainer_set_input(t, "mask", MIM_U8, some, 0) == MIM_ERR_SHAPE);
    CHECK(mim_trainer_set_input(t, "mask", MIM_F32, some, 6) == MIM_ERR_VALUE);
    CHECK(mim_trainer_set_input(t, "mask", 99, some, 6) == MIM_ERR_VALUE);
    CHECK(mim_trainer_set_input(t, "mask", MIM_U8, some, 30) == MIM_ERR_SHAPE);
    CHECK(mim_trainer_set_input(t, "labels", MIM_I64, good, 4) == MIM_ERR_KEY && strstr(make_error(ctx), "mask"));
    CHECK(mim_trainer_set_input(c, "labels", MIM_I64, high, 2) == MIM_ERR_VALUE);
    CHECK(mim_trainer_set_input(c, "labels", MIM_I64, low, 2) == MIM_ERR_VALUE);
    OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, all, 24));                         /* the mask token is left to look at */
    OK(ctx, make_step(t, 0));
    OK(ctx, mim_trainer_set_input(c, "labels", MIM_I64, good, 2));
    CHECK(make_step(c, 0) == MIM_ERR_SHAPE);                    /* two labels, four pictures */
    OK(ctx, mim_trainer_set_input(c, "labels", MIM_I64, good, 4));
    CHECK(mim_trainer_set_input(c, "labels", MIM_I64, high, 2) == MIM_ERR_VALUE);      /* leaves the four */
    OK(ctx, make_step(c, 0));
    CHECK(make_step(c, 0) == MIM_ERR_STATE);                    /* used up */
    mim_trainer_destroy(t);
    mim_trainer_destroy(c);
}

/* The next batch may be handed in before this one's backward, and outputs stay. */
static void inputs_ahead(void)
{
    mim_trainer *t = make_trainer(ctx, NULL), *u = make_trainer(ctx, NULL);
    mim_images images = make_images(0, 4);
    uint8_t masks[2][24] = { { 0 } };
    for (int i = 0; i < 24; i++)
        masks[0][i] = i % 2 == 0, masks[1][i] = i % 3 == 0;
    for (int i = 0; i < 2; i++) {
        OK(ctx, mim_trainer_set_input(u, "mask", MIM_U8, masks[i], 24));
        OK(ctx, mim_trainer_step(u, &images, 0, NULL));
    }
    OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, masks[0], 24));
    OK(ctx, mim_trainer_forward(t, &images, 0, NULL));
    OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, masks[1], 24));
    mim_tensors *outputs = NULL;
    uint8_t back[24];
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &outputs));
    OK(ctx, mim_tensors_read(outputs, "mask", MIM_U8, 0, 24, back));
    CHECK(!memcmp(back, masks[0], 24));
    OK(ctx, mim_trainer_backward(t));
    OK(ctx, mim_trainer_update(t));
    OK(ctx, mim_trainer_step(t, &images, 0, NULL));
    OK(ctx, mim_tensors_read(outputs, "mask", MIM_U8, 0, 24, back));
    CHECK(!memcmp(back, masks[1], 24));
    CHECK(make_same_state(t, u, MIM_STATE));
    mim_tensors_destroy(outputs);
    mim_trainer_destroy(t);
    mim_trainer_destroy(u);
}

/* Pixels prepared elsewhere give what the images themselves give. */
static void pixels_in_place_of_images(void)
{
    const char *json = "{\"image\": {\"crop\": \"random_resized\", \"crop_least\": 0.3, \"flip\": 0.5}}";
    mim_trainer *t = make_trainer(ctx, json), *u = make_trainer(ctx, json);
    mim_config *config = make_config(ctx, json);
    mim_images images = make_images(0, 4), others = make_images(4, 4);
    const int64_t ids[] = { 9, 3, 5, 7 };
    static float pixels[4 * MAKE_PIXELS];
    OK(ctx, mim_trainer_step(t, &images, 3, ids));
    OK(ctx, mim_images_prepare(ctx, config, 1, &images, 3, ids, pixels, 4 * MAKE_PIXELS));
    OK(ctx, mim_trainer_set_input(u, "pixels", MIM_F32, pixels, 4 * MAKE_PIXELS));
    OK(ctx, mim_trainer_step(u, &others, 3, ids));              /* the input goes before images */
    CHECK(make_same_state(t, u, MIM_STATE));
    OK(ctx, mim_trainer_set_input(u, "pixels", MIM_F32, pixels, 2 * MAKE_PIXELS));
    CHECK(mim_trainer_step(u, &images, 3, ids) == MIM_ERR_SHAPE);
    mim_config_destroy(config);
    mim_trainer_destroy(t);
    mim_trainer_destroy(u);
}

/* ---- accumulation ---- */

static void accumulation(void)
{
    mim_trainer *one = make_trainer(ctx, "{\"trainer\": {\"batch\": 8}}"), *two = make_trainer(ctx, "{\"trainer\": {\"accumulate\": 2}}");
    mim_images images = make_images(0, 8), first = make_images(0, 4), second = make_images(4, 4);
    size_t n, m;
    for (int i = 0; i < 3; i++) {
        OK(ctx, mim_trainer_step(one, &images, i, NULL));
        OK(ctx, mim_trainer_step(two, &first, i, NULL));
        CHECK(make_metric(two, "step") == i);
        OK(ctx, mim_trainer_step(two, &second, i, NULL));
        CHECK(make_metric(two, "step") == i + 1);
        CHECK_NEAR(make_metric(one, "gradient_norm"), make_metric(two, "gradient_norm"), 1e-4 * make_metric(one, "gradient_norm"));
    }
    double *a = make_dump_of(one, MIM_GRADIENTS, &n), *b = make_dump_of(two, MIM_GRADIENTS, &m), worst = 0;
    CHECK(n == m);
    for (size_t i = 0; i < n && i < m; i++)
        worst = fmax(worst, fabs(a[i] - b[i]));
    CHECK_NEAR(worst, 0, 1e-3);
    CHECK(make_metric(one, "pictures") == 24 && make_metric(two, "pictures") == 24);
    free(a);
    free(b);
    mim_trainer_destroy(one);
    mim_trainer_destroy(two);
}

/* Backwards beyond trainer.accumulate add, each with its share. */
static void more_backwards_add(void)
{
    mim_trainer *t = make_trainer(ctx, NULL);
    size_t n;
    make_loss(ctx, t);
    OK(ctx, mim_trainer_backward(t));
    double *once = make_dump_of(t, MIM_GRADIENTS, &n), worst = 0;
    make_loss(ctx, t);
    OK(ctx, mim_trainer_backward(t));
    double *both = make_dump_of(t, MIM_GRADIENTS, &n);
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs(both[i] - 2 * once[i]));
    CHECK_NEAR(worst, 0, 1e-5);
    OK(ctx, mim_trainer_update(t));
    CHECK(make_metric(t, "step") == 1);
    free(once);
    free(both);
    mim_trainer_destroy(t);
}

/* ---- what is not finite ---- */

static void poison(mim_trainer *t, float value)
{
    mim_tensors *view = NULL;
    float *g = NULL;
    size_t n = 0;
    OK(ctx, mim_trainer_tensors(t, MIM_GRADIENTS, NULL, &view));
    OK(ctx, mim_tensors_data(view, NULL, &g, &n));
    for (size_t i = 0; i < n; i++)
        g[i] = value;
    mim_tensors_destroy(view);
}

static void not_finite(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"trainer\": {\"average\": 0.9}, \"head\": {\"kind\": \"classifier\", \"classes\": 3}}");
    const int64_t labels[] = { 0, 1, 2, 1 };
    const float values[] = { NAN, INFINITY, -INFINITY };
    mim_images images = make_images(0, 4);
    for (int i = 0; i < 4; i++) {
        mim_trainer_set_input(t, "labels", MIM_I64, labels, 4);
        OK(ctx, mim_trainer_step(t, &images, 0, NULL));
    }
    for (int k = 0; k < 3; k++) {
        size_t n, m;
        double *before = make_dump_of(t, MIM_STATE, &n);
        OK(ctx, mim_trainer_set_input(t, "labels", MIM_I64, labels, 4));
        OK(ctx, mim_trainer_forward(t, &images, 0, NULL));
        OK(ctx, mim_trainer_backward(t));
        poison(t, values[k]);
        CHECK(mim_trainer_update(t) == MIM_ERR_NOT_FINITE);
        double *after = make_dump_of(t, MIM_STATE, &m);
        CHECK(n == m && n > 5);
        CHECK(!memcmp(before, after, (n - 5) * sizeof *before));           /* counters and the rate stand last */
        CHECK(after[n - 5] == before[n - 5] + 1 && after[n - 4] == before[n - 4] + 1);      /* step, skipped */
        CHECK(after[n - 3] == before[n - 3] + 4 && after[n - 2] == before[n - 2]);          /* pictures; Adam's t */
        free(before);
        free(after);
        OK(ctx, mim_trainer_set_input(t, "labels", MIM_I64, labels, 4));
        OK(ctx, mim_trainer_step(t, &images, 0, NULL));                    /* the mask token's gradient was poisoned too */
        CHECK(isfinite(make_metric(t, "gradient_norm")));
    }
    CHECK(make_metric(t, "skipped") == 3 && make_metric(t, "step") == 10);
    mim_trainer_destroy(t);
}

/* A loss that overflows skips the update whatever the gradients are. */
static void loss_not_finite(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"head\": {\"target\": \"host\", \"loss\": \"l2\"}, \"trainer\": {\"accumulate\": 2}}");
    static float target[4 * MAKE_PIXELS];
    mim_images images = make_images(0, 4);
    size_t n, m;
    double *before = make_dump_of(t, MIM_WEIGHTS, &n);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 4 * MAKE_PIXELS; i++)
            target[i] = k ? 0 : 3e38f;
        OK(ctx, mim_trainer_set_input(t, "target", MIM_F32, target, 4 * MAKE_PIXELS));
        CHECK(mim_trainer_step(t, &images, 0, NULL) == (k ? MIM_ERR_NOT_FINITE : MIM_OK));
    }
    double *after = make_dump_of(t, MIM_WEIGHTS, &m);
    CHECK(make_same(before, n, after, m));
    CHECK(make_metric(t, "skipped") == 1 && make_metric(t, "step") == 1 && make_metric(t, "pictures") == 8);
    free(before);
    free(after);
    for (int k = 0; k < 2; k++) {
        OK(ctx, mim_trainer_set_input(t, "target", MIM_F32, target, 4 * MAKE_PIXELS));
        OK(ctx, mim_trainer_step(t, &images, 0, NULL));
    }
    CHECK(make_metric(t, "step") == 2);
    mim_trainer_destroy(t);
}

/* ---- clipping ---- */

static void clipping(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"optimizer\": {\"kind\": \"sgd\", \"momentum\": 0, \"rate\": 1, \"clip\": 0.001, \"decay\": 0}}");
    size_t n;
    double *before = make_dump_of(t, MIM_WEIGHTS, &n), square = 0;
    OK(ctx, make_step(t, 0));
    double *after = make_dump_of(t, MIM_WEIGHTS, &n);
    for (size_t i = 0; i < n; i++)
        square += (after[i] - before[i]) * (after[i] - before[i]);
    CHECK(make_metric(t, "gradient_norm") > 0.01);
    CHECK_NEAR(sqrt(square), 0.001, 2e-5);
    free(before);
    free(after);
    mim_trainer_destroy(t);
}

/* ---- evaluation ---- */

static void evaluation(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"encoder\": {\"drop_path\": 0.5}, \"image\": {\"flip\": 1}}"), *u = make_trainer(ctx, "{\"encoder\": {\"drop_path\": 0.5}, \"image\": {\"flip\": 1}}");
    mim_images images = make_images(0, 4);
    uint8_t a[24], b[24];
    mim_tensors *outputs = NULL;
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &outputs));
    for (int i = 0; i < 3; i++) {
        OK(ctx, make_step(t, i));
        OK(ctx, make_step(u, i));
        OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
        double loss = make_metric(t, "loss");
        OK(ctx, mim_tensors_read(outputs, "mask", MIM_U8, 0, 24, a));
        OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
        OK(ctx, mim_tensors_read(outputs, "mask", MIM_U8, 0, 24, b));
        CHECK(loss == make_metric(t, "loss") && !memcmp(a, b, 24));
    }
    CHECK(make_same_state(t, u, MIM_STATE));
    OK(ctx, mim_trainer_evaluate(t, &images, 1, NULL));
    OK(ctx, mim_tensors_read(outputs, "mask", MIM_U8, 0, 24, b));
    CHECK(memcmp(a, b, 24));
    mim_tensors_destroy(outputs);
    mim_trainer_destroy(t);
    mim_trainer_destroy(u);
}

/* No augmentation, no drop path, and masks of pictures 0, 1, 2, ..., whatever was trained before. */
static void evaluation_draws_nothing(void)
{
    const char *json = "{\"encoder.drop_path\": 0.5, \"optimizer.rate\": 0,"
                       " \"image\": {\"crop\": \"random_resized\", \"crop_least\": 0.3, \"flip\": 1}}";
    mim_trainer *t = make_trainer(ctx, json);
    mim_config *config = make_config(ctx, json);
    mim_images images = make_images(0, 4);
    static float want[4 * MAKE_PIXELS], shown[4 * MAKE_PIXELS];
    uint8_t first[24], mask[24];
    double loss = 0;
    mim_tensors *outputs = NULL;
    OK(ctx, mim_images_prepare(ctx, config, 0, &images, 0, NULL, want, 4 * MAKE_PIXELS));
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &outputs));
    for (int i = 0; i < 3; i++) {
        OK(ctx, make_step(t, i));
        OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
        OK(ctx, mim_tensors_read(outputs, "pixels", MIM_F32, 0, 4 * MAKE_PIXELS, shown));
        OK(ctx, mim_tensors_read(outputs, "mask", MIM_U8, 0, 24, i ? mask : first));
        CHECK(!memcmp(shown, want, sizeof want));
        CHECK(!i || !memcmp(mask, first, 24));
        CHECK(!i || make_metric(t, "loss") == loss);
        loss = make_metric(t, "loss");
    }
    mim_tensors_destroy(outputs);
    mim_config_destroy(config);
    mim_trainer_destroy(t);
}

static void averages(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"head\": {\"loss\": \"l2\"}, \"trainer\": {\"average\": 0.5, \"evaluate\": \"average\"}}");
    mim_images images = make_images(0, 4);
    float before, after, average, expected;
    make_read(t, MIM_WEIGHTS, "head.decoder.0.bias", &expected, 1);
    for (int i = 0; i < 3; i++) {
        OK(ctx, make_step(t, i));
        make_read(t, MIM_WEIGHTS, "head.decoder.0.bias", &before, 1);
        make_read(t, MIM_AVERAGE, "head.decoder.0.bias", &average, 1);
        expected = 0.5f * expected + 0.5f * before;
        CHECK(average == expected && average != before);
    }
    OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
    make_read(t, MIM_WEIGHTS, "head.decoder.0.bias", &after, 1);
    CHECK(before == after);
    double of_average = make_metric(t, "loss");
    mim_tensors *weights = NULL, *mean = NULL;
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "mim", &weights));
    OK(ctx, mim_trainer_tensors(t, MIM_AVERAGE, "mim", &mean));
    OK(ctx, mim_tensors_copy(weights, mean, NULL));
    OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
    CHECK(make_metric(t, "loss") == of_average);
    mim_tensors_destroy(weights);
    mim_tensors_destroy(mean);
    mim_trainer_destroy(t);
}

int main(void)
{
    ctx = make_context();
    TEST(learns_f32); TEST(learns_bf16); TEST(learns_relative); TEST(learns_two_layers); TEST(learns_classes); TEST(learns_mixtures);
    TEST(metrics); TEST(order); TEST(failures_leave_all); TEST(refused_inputs); TEST(inputs_ahead); TEST(pixels_in_place_of_images);
    TEST(accumulation); TEST(more_backwards_add); TEST(not_finite); TEST(loss_not_finite); TEST(clipping); TEST(evaluation);
    TEST(evaluation_draws_nothing); TEST(averages);
    mim_context_destroy(ctx);
    return test_end();
}
