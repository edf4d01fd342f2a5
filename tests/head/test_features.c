/* SPDX-License-Identifier: MIT */
/* test_features.c -- heads on encoders of stages, at their end and within: sizes, where what a token says of its patches
 * goes, gradients by central differences, checkpoints, and features that are not there. */
#include "train/make.h"
#include "kernel/kernel.h"

static mim_context *ctx;

/* The grid of 3 x 2 patches is one of 2 x 1 tokens after the first stage, so some reach beyond it. */
#define SWIN(kind, head) "{\"encoder\": {\"kind\": \"" kind "\", \"width\": 8, \"depths\": [2, 1]," \
                         " \"stage_heads\": [2, 2], \"window\": 2}, \"head\": {" head "}}"

static const char *const heads[] = {
    SWIN("swin", "\"layers\": 2, \"hidden\": 10, \"loss\": \"l2\""),
    SWIN("swin", "\"layers\": 2, \"features\": \"stage.1\", \"loss\": \"l2\", \"reduce\": 2"),
    SWIN("swinv2", "\"features\": \"stage.2\", \"loss\": \"l2\", \"target\": \"window_norm\", \"window\": 5"),
    SWIN("swin", "\"kind\": \"tokens\", \"classes\": 5, \"target\": \"clusters\""),
    SWIN("swinv2", "\"kind\": \"tokens\", \"target\": \"bins\", \"bins\": 3, \"features\": \"block.3\""),
    SWIN("swin", "\"kind\": \"tokens\", \"target\": \"channel_bins\", \"bins\": 4, \"features\": \"block.1\""),
    "{\"head\": {\"features\": \"block.1\", \"layers\": 2, \"loss\": \"l2\"}}",
    "{\"head\": {\"kind\": \"tokens\", \"target\": \"channel_bins\", \"smoothing\": 0.1}}",
};

static int64_t parameters_of(mim_trainer *t)
{
    mim_head *h = NULL;
    mim_config *r = NULL;
    int64_t n = -1;
    OK(ctx, mim_trainer_head(t, &h));
    OK(ctx, mim_head_describe(h, &r));
    OK(ctx, mim_config_get_i64(r, "parameters", &n));
    mim_config_destroy(r);
    mim_head_destroy(h);
    return n;
}

static size_t elements_of(mim_trainer *t, const char *name)
{
    mim_tensors *v = NULL;
    size_t n = 0;
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &v));
    mim_tensors_info(v, name, NULL, NULL, NULL, &n);
    mim_tensors_destroy(v);
    return n;
}

static void sizes(void)
{
    static const struct { int64_t parameters; size_t predicted; } want[COUNT(heads)] = {
        { 17 * 10 + 11 * 192, 48 }, { 16 + 9 * 8 + 9 * 12, 12 }, { 32 + 17 * 192, 48 },
        { 17 * 20 + 15, 5 }, { 32 + 17 * 108, 27 }, { 16 + 9 * 12, 12 },
        { 32 + 17 * 16 + 17 * 48, 48 }, { 17 * 24, 24 },
    };
    for (int i = 0; i < COUNT(heads); i++) {
        mim_trainer *t = make_trainer(ctx, heads[i]);
        bool tokens = strstr(heads[i], "tokens") != NULL;
        if (!CHECK(parameters_of(t) == want[i].parameters))
            printf("%s: %lld\n", heads[i], (long long)parameters_of(t));
        CHECK(elements_of(t, tokens ? "logits" : "prediction") == MAKE_BATCH * MAKE_PATCHES * want[i].predicted);
        mim_trainer_destroy(t);
    }
}

/* Of the published model: SimMIM's perceptron on Swin-B, 90.9 M in all. */
static void published(void)
{
    mim_config *config = NULL, *plan = NULL;
    int64_t n = 0;
    OK(ctx, mim_config_create(ctx, "simmim_swin_base", &config));
    OK(ctx, mim_config_read_json(config, "{\"head.layers\": 2, \"trainer.batch\": 1}"));
    OK(ctx, mim_trainer_plan(ctx, config, &plan));
    OK(ctx, mim_config_get_i64(plan, "parameters", &n));
    CHECK_NEAR(n, 90923704, 0);
    mim_config_destroy(plan);
    mim_config_destroy(config);
}

/* Without weights a token says its biases alone, part by part: columns of patches first. */
static void places(void)
{
    enum { CLASSES = 3, PARTS = 4 };
    mim_trainer *t = make_trainer(ctx, SWIN("swin", "\"kind\": \"tokens\", \"classes\": 3, \"target\": \"clusters\""));
    mim_tensors *w = NULL;
    float zero[PARTS * CLASSES * 16] = { 0 }, bias[PARTS * CLASSES], logits[MAKE_BATCH * MAKE_PATCHES * CLASSES];
    for (int i = 0; i < PARTS * CLASSES; i++)
        bias[i] = (float)i;
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "mim", &w));
    OK(ctx, mim_tensors_write(w, "head.lm_head.weight", MIM_F32, 0, PARTS * CLASSES * 16, zero));
    OK(ctx, mim_tensors_write(w, "head.lm_head.bias", MIM_F32, 0, PARTS * CLASSES, bias));
    make_loss(ctx, t);
    make_read(t, MIM_OUTPUTS, "logits", logits, COUNT(logits));
    for (int i = 0; i < COUNT(logits); i++) {
        int patch = i / CLASSES % MAKE_PATCHES, row = patch / 2, col = patch % 2;
        CHECK_NEAR(logits[i], (col % 2 * 2 + row % 2) * CLASSES + i % CLASSES, 0);
    }
    mim_tensors_destroy(w);
    mim_trainer_destroy(t);
}

static void gradients(void)
{
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        mim_context *of = NULL;
        CHECK(mim_context_create(NULL, &of) == MIM_OK && mim_context_set_isa_max(of, (*k)->isa) == MIM_OK);
        for (int i = 0; i < COUNT(heads); i++) {
            mim_trainer *t = make_trainer(of, heads[i]);
            make_slopes(of, t, "");
            mim_trainer_destroy(t);
        }
        mim_context_destroy(of);
    }
}

/* Two steps, a state, two more: the same bits as four on any number of threads. */
static void resumed(void)
{
    for (int i = 0; i < COUNT(heads); i++) {
        mim_trainer *one = make_trainer(ctx, heads[i]);
        for (int k = 0; k < 4; k++)
            OK(ctx, make_step(one, k));
        for (int threads = 2; threads <= 7; threads += 5) {
            OK(ctx, mim_context_set_threads(ctx, threads));
            mim_trainer *many = make_trainer(ctx, heads[i]), *back = NULL;
            mim_tensors *state = NULL;
            OK(ctx, make_step(many, 0));
            OK(ctx, make_step(many, 1));
            OK(ctx, mim_trainer_tensors(many, MIM_STATE, NULL, &state));
            if (OK(ctx, mim_trainer_resume(ctx, NULL, state, &back))) {
                OK(ctx, make_step(back, 2));
                OK(ctx, make_step(back, 3));
                CHECK(make_same_state(one, back, MIM_STATE));
            }
            mim_tensors_destroy(state);
            mim_trainer_destroy(many);
            mim_trainer_destroy(back);
        }
        OK(ctx, mim_context_set_threads(ctx, 1));
        mim_trainer_destroy(one);
    }
}

/* A classifier on a stage sees the mean of its tokens. */
static void classified(void)
{
    enum { CLASSES = 3, WIDTH = 8 };
    static const char json[] = SWIN("swin", "\"kind\": \"classifier\", \"classes\": 3, \"features\": \"stage.1\"");
    mim_config *config = make_config(ctx, json);
    mim_trainer *t = NULL;
    float x[MAKE_BATCH * MAKE_PATCHES * WIDTH], w[CLASSES * WIDTH], bias[CLASSES], logits[MAKE_BATCH * CLASSES];
    OK(ctx, mim_config_set_str(config, "trainer.outputs", "stage.1"));
    OK(ctx, mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t));
    OK(ctx, mim_trainer_set_input(t, "labels", MIM_I64, (int64_t[]){ 0, 1, 2, 0 }, MAKE_BATCH));
    make_loss(ctx, t);
    make_read(t, MIM_OUTPUTS, "stage.1", x, COUNT(x));
    make_read(t, MIM_OUTPUTS, "logits", logits, COUNT(logits));
    make_read(t, MIM_WEIGHTS, "head.classifier.weight", w, COUNT(w));
    make_read(t, MIM_WEIGHTS, "head.classifier.bias", bias, COUNT(bias));
    for (int i = 0; i < MAKE_BATCH * CLASSES; i++) {
        double want = bias[i % CLASSES];
        for (int k = 0; k < MAKE_PATCHES * WIDTH; k++)
            want += (double)x[i / CLASSES * MAKE_PATCHES * WIDTH + k] / MAKE_PATCHES * w[i % CLASSES * WIDTH + k % WIDTH];
        CHECK_NEAR(logits[i], want, 1e-5);
    }
    mim_trainer_destroy(t);
    mim_config_destroy(config);
}

static void refused(void)
{
    static const struct { const char *json, *part; } bad[] = {
        { SWIN("swin", "\"features\": \"stage.3\""),
          "\"stage.3\", not pooled, tokens, block.0 .. block.3, or stage.1 .. stage.2" },
        { SWIN("swin", "\"features\": \"stage.0\""), "\"stage.0\"" },
        { SWIN("swin", "\"kind\": \"tokens\", \"features\": \"block.4\""), "block.0 .. block.3" },
        { SWIN("swinv2", "\"kind\": \"classifier\", \"features\": \"stage.3\""), "stage.1 .. stage.2" },
        { SWIN("swin", "\"kind\": \"tokens\", \"features\": \"attention.1\""), "attention.1" },
        { "{\"head\": {\"features\": \"stage.1\"}}", "\"stage.1\", not pooled, tokens, block.0 .. block.2" },
        { SWIN("swin", "\"reduce\": 3"), "head.reduce 3 does not divide patches of 4" },
        { SWIN("swin", "\"target\": \"hog\""), "patches of a multiple of 8, not 4" },
        { "{\"encoder\": {\"kind\": \"swin\", \"patch\": 1, \"width\": 8, \"depths\": [1, 1, 1, 1, 1, 1, 1], \"heads\": 1}, "
          "\"head\": {\"kind\": \"tokens\", \"classes\": 5000}}", "5000 numbers a patch, from tokens that stand for 64x64" },
    };
    for (int i = 0; i < COUNT(bad); i++) {
        mim_config *config = make_config(ctx, bad[i].json);
        mim_trainer *t = NULL;
        CHECK(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t) == MIM_ERR_VALUE && !t);
        if (!CHECK(strstr(make_error(ctx), bad[i].part)))
            printf("%s: %s\n", bad[i].json, make_error(ctx));
        mim_config_destroy(config);
    }
}

/* A folder of transformers cannot tell of a head on a stage. */
static void unsayable(void)
{
    mim_trainer *t = make_trainer(ctx, SWIN("swin", "\"features\": \"stage.2\""));
    mim_tensors *w = NULL;
    mim_status status = mim_trainer_tensors(t, MIM_WEIGHTS, "huggingface", &w);
    CHECK(status == MIM_ERR_UNSUPPORTED || mim_tensors_save_folder(w, "/nonexistent/folder") == MIM_ERR_UNSUPPORTED);
    mim_tensors_destroy(w);
    mim_trainer_destroy(t);
}

int main(void)
{
    ctx = make_context();
    TEST(sizes);
    TEST(published);
    TEST(places);
    TEST(gradients);
    TEST(resumed);
    TEST(classified);
    TEST(refused);
    TEST(unsayable);
    mim_context_destroy(ctx);
    return test_end();
}
