/* SPDX-License-Identifier: MIT */
/* test_probe.c -- linear probes on a frozen encoder: batch norm with batch and running statistics, stored with the weights
 * and gone on with after a resume; features of any block. */
#include "train/make.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static mim_context *ctx;

enum { WIDTH = 16, CLASSES = 3 };
static const int64_t labels[] = { 2, 0, 1, 1 };

#define PROBE(more) "{\"head\": {\"kind\": \"classifier\", \"classes\": 3, \"batch_norm\": 1" more "}, " \
                    "\"trainer\": {\"frozen\": [\"encoder\"], \"outputs\": [\"pooled\", \"block.1\"]}}"

static mim_status label(mim_trainer *t, int n) { return mim_trainer_set_input(t, "labels", MIM_I64, labels, (size_t)n); }

static mim_status step(mim_trainer *t, int i)
{
    mim_status status = label(t, MAKE_BATCH);
    return status ? status : make_step(t, i);
}

/* Logits of features x [n, WIDTH] by given statistics, from the trainer's own weights. */
static void logits_by_hand(mim_trainer *t, const float *x, int n, const double *mean, const double *variance, double *to)
{
    float w[CLASSES * WIDTH], bias[CLASSES];
    make_read(t, MIM_WEIGHTS, "head.classifier.weight", w, CLASSES * WIDTH);
    make_read(t, MIM_WEIGHTS, "head.classifier.bias", bias, CLASSES);
    for (int b = 0; b < n; b++)
        for (int k = 0; k < CLASSES; k++) {
            to[b * CLASSES + k] = bias[k];
            for (int i = 0; i < WIDTH; i++)
                to[b * CLASSES + k] += w[k * WIDTH + i] * (x[b * WIDTH + i] - mean[i]) / sqrt(variance[i] + 1e-6);
        }
}

static void statistics_of(const float *x, int n, double *mean, double *variance)
{
    for (int i = 0; i < WIDTH; i++) {
        mean[i] = variance[i] = 0;
        for (int b = 0; b < n; b++)
            mean[i] += x[b * WIDTH + i] / n;
        for (int b = 0; b < n; b++)
            variance[i] += pow(x[b * WIDTH + i] - mean[i], 2) / n;
    }
}

static void logits_are(mim_trainer *t, int n, const double *want, double tolerance)
{
    float x[4 * CLASSES];
    make_read(t, MIM_OUTPUTS, "logits", x, (size_t)(n * CLASSES));
    for (int i = 0; i < n * CLASSES; i++)
        CHECK_NEAR(x[i], want[i], tolerance);
}

/* Three updates; the running statistics and both kinds of logits against doubles. */
static void by_hand(void)
{
    mim_trainer *t = make_trainer(ctx, PROBE(""));
    double mean[WIDTH], variance[WIDTH], kept[2][WIDTH], want[4 * CLASSES];
    float x[4 * WIDTH], now[2][WIDTH];
    for (int i = 0; i < WIDTH; i++)
        kept[0][i] = 0, kept[1][i] = 1;
    for (int s = 0; s < 3; s++) {
        int n = s == 1 ? 3 : 4;
        mim_images images = make_images(s, n);
        OK(ctx, label(t, n));
        OK(ctx, mim_trainer_forward(t, &images, 0, NULL));
        make_read(t, MIM_OUTPUTS, "pooled", x, (size_t)(n * WIDTH));
        statistics_of(x, n, mean, variance);
        logits_by_hand(t, x, n, mean, variance, want);
        logits_are(t, n, want, 1e-4);
        OK(ctx, mim_trainer_backward(t));
        OK(ctx, mim_trainer_update(t));
        for (int i = 0; i < WIDTH; i++) {
            kept[0][i] = 0.9 * kept[0][i] + 0.1 * mean[i];
            kept[1][i] = 0.9 * kept[1][i] + 0.1 * variance[i] * n / (n - 1);
        }
        make_read(t, MIM_WEIGHTS, "head.batch_norm.running_mean", now[0], WIDTH);
        make_read(t, MIM_WEIGHTS, "head.batch_norm.running_var", now[1], WIDTH);
        for (int i = 0; i < 2 * WIDTH; i++)
            CHECK_NEAR(now[i / WIDTH][i % WIDTH], kept[i / WIDTH][i % WIDTH], 1e-5);
    }
    mim_images one = make_images(5, 1);
    OK(ctx, label(t, 1));
    OK(ctx, mim_trainer_evaluate(t, &one, 0, NULL));
    make_read(t, MIM_OUTPUTS, "pooled", x, WIDTH);
    logits_by_hand(t, x, 1, kept[0], kept[1], want);
    logits_are(t, 1, want, 1e-4);
    OK(ctx, label(t, 1));
    CHECK(mim_trainer_step(t, &one, 0, NULL) == MIM_ERR_SHAPE && strstr(make_error(ctx), "batch_norm"));
    mim_trainer_destroy(t);
}

/* Statistics belong to the update: forward and backward alone, evaluating, or a skipped update leave them. */
static void only_updates_count(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"head\": {\"kind\": \"classifier\", \"classes\": 3, \"batch_norm\": 1}, "
                                       "\"trainer\": {\"accumulate\": 2}}");
    mim_tensors *w = NULL;
    float before[WIDTH], now[WIDTH], bad = INFINITY;
    OK(ctx, step(t, 0));
    OK(ctx, step(t, 1));
    make_read(t, MIM_WEIGHTS, "head.batch_norm.running_mean", before, WIDTH);
    CHECK(before[0] != 0);
    OK(ctx, step(t, 2));
    mim_images images = make_images(0, 4);
    OK(ctx, label(t, 4));
    OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
    make_read(t, MIM_WEIGHTS, "head.batch_norm.running_mean", now, WIDTH);
    CHECK(!memcmp(before, now, sizeof now));
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "mim", &w));
    OK(ctx, mim_tensors_write(w, "head.classifier.bias", MIM_F32, 0, 1, &bad));
    mim_tensors_destroy(w);
    CHECK(step(t, 3) == MIM_ERR_NOT_FINITE);
    make_read(t, MIM_WEIGHTS, "head.batch_norm.running_mean", now, WIDTH);
    CHECK(!memcmp(before, now, sizeof now));
    mim_trainer_destroy(t);
}

/* The encoder stays, the probe learns: by LARS as MAE does it, on any number of threads, over a resume. */
static void frozen_encoder(void)
{
    const char *json = "{\"head\": {\"kind\": \"classifier\", \"classes\": 3, \"batch_norm\": 1, \"init_deviation\": 0.01}, "
                       "\"trainer\": {\"frozen\": [\"encoder\"]}, "
                       "\"optimizer\": {\"kind\": \"lars\", \"rate\": 6, \"decay\": 0, \"clip\": 0}}";
    mim_trainer *one = make_trainer(ctx, json);
    size_t n, m;
    mim_encoder *e = NULL;
    mim_tensors *view = NULL;
    OK(ctx, mim_trainer_encoder(one, &e));
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "mim", &view));
    double *before = make_dump(view, &n), first = 0;
    for (int i = 0; i < 40; i++) {
        OK(ctx, step(one, 0));
        first = i ? first : make_metric(one, "loss");
    }
    double *after = make_dump(view, &m);
    CHECK(make_same(before, n, after, m));
    CHECK(make_metric(one, "loss") < 0.8 * first);
    for (int threads = 2; threads <= 7; threads++) {
        CHECK(mim_context_set_threads(ctx, threads) == MIM_OK);
        mim_trainer *many = make_trainer(ctx, json), *resumed = NULL;
        mim_tensors *state = NULL;
        for (int i = 0; i < 3; i++)
            OK(ctx, step(many, 0));
        OK(ctx, mim_trainer_tensors(many, MIM_STATE, NULL, &state));
        OK(ctx, mim_trainer_resume(ctx, NULL, state, &resumed));
        for (int i = 3; i < 40; i++)
            OK(ctx, step(resumed, 0));
        CHECK(make_same_state(one, resumed, MIM_STATE));
        mim_tensors_destroy(state);
        mim_trainer_destroy(many);
        mim_trainer_destroy(resumed);
    }
    CHECK(mim_context_set_threads(ctx, 1) == MIM_OK);
    free(before);
    free(after);
    mim_tensors_destroy(view);
    mim_encoder_destroy(e);
    mim_trainer_destroy(one);
}

/* Running statistics that are frozen stay; batches of one are refused all the same. */
static void frozen_statistics(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"head\": {\"kind\": \"classifier\", \"classes\": 3, \"batch_norm\": 1}, "
                                       "\"trainer\": {\"frozen\": [\"head.batch_norm\"]}}");
    float now[WIDTH];
    OK(ctx, step(t, 0));
    make_read(t, MIM_WEIGHTS, "head.batch_norm.running_mean", now, WIDTH);
    for (int i = 0; i < WIDTH; i++)
        CHECK(now[i] == 0);
    mim_images one = make_images(0, 1);     /* a batch of one has no variance, stored or not */
    OK(ctx, mim_trainer_set_input(t, "labels", MIM_I64, (int64_t[]){ 1 }, 1));
    CHECK(mim_trainer_step(t, &one, 0, NULL) == MIM_ERR_SHAPE);
    mim_trainer_destroy(t);
}

/* Either of the two by itself. */
static void one_frozen(void)
{
    static const char *const names[] = { "running_mean", "running_var" };
    for (int frozen = 0; frozen < 2; frozen++) {
        char json[200], name[64];
        snprintf(json, sizeof json, "{\"head\": {\"kind\": \"classifier\", \"classes\": 3, \"batch_norm\": 1}, "
                 "\"trainer\": {\"frozen\": [\"head.*%s\"]}}", names[frozen]);
        mim_trainer *t = make_trainer(ctx, json);
        OK(ctx, step(t, 0));
        for (int i = 0; i < 2; i++) {
            float now[WIDTH];
            snprintf(name, sizeof name, "head.batch_norm.%s", names[i]);
            make_read(t, MIM_WEIGHTS, name, now, WIDTH);
            CHECK((now[0] == (float)i) == (i == frozen));
        }
        mim_trainer_destroy(t);
    }
}

/* Tokens of a block, one of them or their mean, without batch norm: logits by hand. */
static void features_of_blocks(void)
{
    static const struct { const char *json, *name; int mean; } cases[] = {
        { "\"features\": \"block.1\"", "block.1", 0 }, { "\"features\": \"block.2\", \"pool\": \"mean\"", "block.2", 1 },
        { "\"features\": \"tokens\", \"pool\": \"class\"", "tokens", 0 }, { "\"features\": \"block.0\", \"pool\": \"mean\"", "block.0", 1 },
    };
    for (int c = 0; c < COUNT(cases); c++) {
        char json[300];
        snprintf(json, sizeof json, "{\"head\": {\"kind\": \"classifier\", \"classes\": 3, %s}, \"trainer\": {\"outputs\": [\"%s\"], "
                 "\"frozen\": [\"encoder\"]}}", cases[c].json, cases[c].name);
        mim_trainer *t = make_trainer(ctx, json);
        float tokens[2 * 7 * WIDTH], x[2 * WIDTH];
        double zero[WIDTH] = { 0 }, one[WIDTH], want[2 * CLASSES];
        mim_images images = make_images(0, 2);
        OK(ctx, label(t, 2));
        OK(ctx, mim_trainer_step(t, &images, 0, NULL));
        OK(ctx, label(t, 2));
        OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
        make_read(t, MIM_OUTPUTS, cases[c].name, tokens, 2 * 7 * WIDTH);
        for (int i = 0; i < 2 * WIDTH; i++) {
            const float *picture = tokens + i / WIDTH * 7 * WIDTH + i % WIDTH;
            one[i % WIDTH] = 1 - 1e-6;
            x[i] = picture[0];
            for (int k = 1; k <= 6 && cases[c].mean; k++)
                x[i] = (k == 1 ? 0 : x[i]) + picture[k * WIDTH] / 6;
        }
        logits_by_hand(t, x, 2, zero, one, want);
        logits_are(t, 2, want, 1e-4);
        mim_trainer_destroy(t);
    }
}

static void refused(void)
{
    static const struct { const char *json, *word; } bad[] = {
        { "{\"head\": {\"kind\": \"classifier\", \"features\": \"block.3\"}}", "block.2" },
        { "{\"head\": {\"kind\": \"classifier\", \"features\": \"attention.1\"}}", "attention.1" },
        { "{\"head\": {\"kind\": \"classifier\", \"features\": \"\"}}", "pooled" },
        { "{\"head\": {\"kind\": \"classifier\", \"features\": \"block.1\", \"pool\": \"class\"}, \"encoder.class_token\": 0}", "class_token" },
    };
    for (int i = 0; i < COUNT(bad); i++) {
        mim_config *config = make_config(ctx, bad[i].json);
        mim_trainer *t = NULL;
        CHECK(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t) == MIM_ERR_VALUE && !t);
        if (!CHECK(strstr(make_error(ctx), bad[i].word)))
            printf("%s\n", make_error(ctx));
        mim_config_destroy(config);
    }
    mim_config *config = make_config(ctx, "{\"head\": {\"kind\": \"classifier\", \"batch_norm\": 1}, \"trainer.outputs\": \"statistics\"}");
    mim_trainer *t = NULL;
    CHECK(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t) == MIM_ERR_KEY);
    mim_config_destroy(config);
    t = make_trainer(ctx, PROBE(""));
    mim_tensors *view = NULL;
    CHECK(mim_trainer_tensors(t, MIM_WEIGHTS, "timm", &view) == MIM_ERR_UNSUPPORTED && strstr(make_error(ctx), "batch_norm"));
    CHECK(mim_trainer_tensors(t, MIM_WEIGHTS, "huggingface", &view) == MIM_ERR_UNSUPPORTED);
    mim_trainer_destroy(t);
}

int main(void)
{
    ctx = make_context();
    TEST(by_hand);
    TEST(only_updates_count);
    TEST(frozen_encoder);
    TEST(frozen_statistics); TEST(one_frozen);
    TEST(features_of_blocks);
    TEST(refused);
    mim_context_destroy(ctx);
    return test_end();
}
