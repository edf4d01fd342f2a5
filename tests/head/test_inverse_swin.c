/* SPDX-License-Identifier: MIT */
/* test_inverse_swin.c -- decoders that mirror the encoder's stages: published sizes, what mirrors by itself, gradients by
 * central differences, checkpoints, other pictures, what contradicts. That they compute what stages of timm do is for
 * tests/golden (inverse_swin, inverse_swinv2). */
#include "train/make.h"
#include "kernel/kernel.h"

static mim_context *ctx;

/* The grid of 3 x 2 patches is one of 2 x 1 tokens after the first stage, and 4 x 2, of which some go, on the way back. */
#define INVERSE(kind, head) "{\"encoder\": {\"kind\": \"" kind "\", \"width\": 8, \"depths\": [2, 1]," \
                            " \"stage_heads\": [2, 2], \"window\": 2}, \"head\": {\"kind\": \"inverse_swin\"" head "}}"

static const char *const heads[] = {
    INVERSE("swin", ", \"loss\": \"l2\""),
    INVERSE("swin", ", \"loss\": \"l2\", \"width\": 4, \"depths\": [3, 1], \"stage_heads\": [4, 1], \"reduce\": 2"),
    INVERSE("swinv2", ", \"loss\": \"smooth_l1\", \"target\": \"window_norm\", \"window\": 5, \"features\": \"stage.2\""),
    INVERSE("swin", ", \"loss\": \"l2\", \"features\": \"block.1\", \"hidden\": 5"),
    INVERSE("swinv2", ", \"loss\": \"l2\", \"masked\": 0, \"target\": \"host\", \"numbers\": 2, \"width\": 16"),
};

static bool has_target(const char *json) { return strstr(json, "numbers") != NULL; }

static mim_status set_target(mim_trainer *t, const char *json)
{
    float target[MAKE_BATCH * MAKE_PATCHES * 2];
    for (int i = 0; i < COUNT(target); i++)
        target[i] = sinf((float)i);
    return has_target(json) ? mim_trainer_set_input(t, "target", MIM_F32, target, COUNT(target)) : MIM_OK;
}

/* ---- sizes ---- */

/* Swin-B with inverse Swin-B and Swin-T: 173.4 M and 115.0 M in all. */
static void published(void)
{
    static const struct { const char *json; int64_t parameters; } all[] = {
        { "{}", 173444768 },
        { "{\"head\": {\"width\": 96, \"depths\": [2, 6, 2, 2]}}", 115020962 },
        { "{\"head\": {\"width\": 96, \"depths\": [2, 6, 2, 2], \"stage_heads\": [24, 12, 6, 3]}}", 115020962 },
    };
    for (int i = 0; i < COUNT(all); i++) {
        mim_config *config = NULL, *plan = NULL;
        int64_t n = 0;
        OK(ctx, mim_config_create(ctx, "simmim_swin_base", &config));
        OK(ctx, mim_config_read_json(config, all[i].json));
        OK(ctx, mim_config_set_str(config, "head.kind", "inverse_swin"));
        OK(ctx, mim_config_set_i64(config, "trainer.batch", 1));
        OK(ctx, mim_trainer_plan(ctx, config, &plan));
        OK(ctx, mim_config_get_i64(plan, "parameters", &n));
        CHECK_NEAR(n, all[i].parameters, 0);
        mim_config_destroy(plan);
        mim_config_destroy(config);
    }
}

/* What describe says that was not set. */
static void mirrored(void)
{
    static const struct { const char *json, *depths, *stage_heads, *width, *hidden; } all[] = {
        { INVERSE("swin", ""), "[1, 2]", "[2, 2]", "8", "32" },
        { INVERSE("swinv2", ", \"width\": 16"), "[1, 2]", "[4, 4]", "16", "64" },
        { INVERSE("swin", ", \"features\": \"stage.1\", \"hidden\": 12"), "[2]", "[2]", "8", "12" },
        { INVERSE("swin", ", \"depths\": [1, 1], \"stage_heads\": [1, 4]"), "[1, 1]", "[1, 4]", "8", "32" },
    };
    for (int i = 0; i < COUNT(all); i++) {
        mim_trainer *t = make_trainer(ctx, all[i].json);
        mim_config *r = NULL;
        char text[200];
        const char *const keys[] = { "head.depths", "head.stage_heads", "head.width", "head.hidden" };
        const char *const want[] = { all[i].depths, all[i].stage_heads, all[i].width, all[i].hidden };
        OK(ctx, mim_trainer_describe(t, &r));
        for (int k = 0; k < COUNT(keys); k++) {
            OK(ctx, mim_config_get_str(r, keys[k], text, sizeof text, NULL));
            CHECK_TEXT(text, want[k]);
        }
        mim_config_destroy(r);
        mim_trainer_destroy(t);
    }
}

static void described(void)
{
    mim_trainer *t = make_trainer(ctx, heads[0]);
    mim_head *h = NULL;
    mim_config *r = NULL;
    char text[400];
    OK(ctx, mim_trainer_head(t, &h));
    OK(ctx, mim_head_describe(h, &r));
    OK(ctx, mim_config_get_str(r, "inputs", text, sizeof text, NULL));
    CHECK_TEXT(text, "[\"pixels\", \"mask\"]");
    OK(ctx, mim_config_get_str(r, "outputs", text, sizeof text, NULL));
    CHECK_TEXT(text, "[\"loss\", \"mask\", \"pixels\", \"prediction\", \"reconstruction\", \"picture\"]");
    mim_config_destroy(r);
    mim_head_destroy(h);
    mim_trainer_destroy(t);
}

/* ---- steps ---- */

static void gradients(void)
{
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        mim_context *of = NULL;
        CHECK(mim_context_create(NULL, &of) == MIM_OK && mim_context_set_isa_max(of, (*k)->isa) == MIM_OK);
        for (int i = 0; i < COUNT(heads) && !has_target(heads[i]); i++) {
            mim_trainer *t = make_trainer(of, heads[i]);
            make_slopes(of, t, "");
            mim_trainer_destroy(t);
        }
        mim_context_destroy(of);
    }
}

static mim_status step(mim_trainer *t, const char *json, int i)
{
    mim_status status = set_target(t, json);
    return status ? status : make_step(t, i);
}

/* Two steps, a state, two more: the same bits as four, on any number of threads, with blocks computed again. */
static void resumed(void)
{
    for (int i = 0; i < COUNT(heads); i++) {
        mim_trainer *one = make_trainer(ctx, heads[i]);
        for (int k = 0; k < 4; k++)
            OK(ctx, step(one, heads[i], k));
        CHECK(isfinite(make_metric(one, "loss")));
        for (int threads = 2; threads <= 7; threads += 5) {
            OK(ctx, mim_context_set_threads(ctx, threads));
            mim_trainer *many = make_trainer(ctx, heads[i]), *back = NULL;
            mim_tensors *state = NULL;
            mim_config *config = NULL;
            OK(ctx, step(many, heads[i], 0));
            OK(ctx, step(many, heads[i], 1));
            OK(ctx, mim_trainer_tensors(many, MIM_STATE, NULL, &state));
            OK(ctx, mim_config_create(ctx, NULL, &config));
            OK(ctx, mim_config_set_i64(config, "trainer.recompute", threads));
            if (OK(ctx, mim_trainer_resume(ctx, config, state, &back))) {
                OK(ctx, step(back, heads[i], 2));
                OK(ctx, step(back, heads[i], 3));
                CHECK(make_same_state(one, back, MIM_WEIGHTS));
            }
            mim_config_destroy(config);
            mim_tensors_destroy(state);
            mim_trainer_destroy(many);
            mim_trainer_destroy(back);
        }
        OK(ctx, mim_context_set_threads(ctx, 1));
        mim_trainer_destroy(one);
    }
}

/* Weights of a file serve pictures and windows of other sizes: tables of the decoder are resized as the encoder's. */
static void other_pictures(void)
{
    static const char *const kinds[] = { INVERSE("swin", ""), INVERSE("swinv2", "") };
    for (int i = 0; i < COUNT(kinds); i++) {
        mim_trainer *t = make_trainer(ctx, kinds[i]), *u = NULL;
        mim_tensors *w = NULL;
        mim_config *config = NULL;
        mim_encoder *e = NULL;
        mim_head *h = NULL;
        OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "mim", &w));
        OK(ctx, mim_config_create(ctx, NULL, &config));
        OK(ctx, mim_config_read_json(config, "{\"image\": {\"height\": 28, \"width\": 20}, \"encoder.window\": 4,"
                                             " \"trainer.batch\": 4}"));
        OK(ctx, mim_encoder_create(ctx, config, w, &e));
        OK(ctx, mim_head_create(ctx, config, e, w, &h));
        if (OK(ctx, mim_trainer_create(ctx, config, e, h, NULL, NULL, &u)))
            OK(ctx, make_step(u, 0));
        mim_trainer_destroy(u);
        mim_head_destroy(h);
        mim_encoder_destroy(e);
        mim_config_destroy(config);
        mim_tensors_destroy(w);
        mim_trainer_destroy(t);
    }
}

/* ---- what contradicts ---- */

static void refused(void)
{
    static const struct { const char *json; mim_status status; const char *part; } bad[] = {
        { "{\"head.kind\": \"inverse_swin\"}", MIM_ERR_UNSUPPORTED, "encoder.kind vit has none" },
        { INVERSE("swin", ", \"features\": \"stage.3\""), MIM_ERR_VALUE, "\"stage.3\", not pooled" },
        { INVERSE("swin", ", \"depths\": [1, 1, 1]"), MIM_ERR_VALUE,
          "head.depths has 3 stages, but from head.features \"pooled\" to patches there are 2" },
        { INVERSE("swin", ", \"features\": \"stage.1\", \"depths\": [1, 1]"), MIM_ERR_VALUE,
          "\"stage.1\" to patches there are 1" },
        { INVERSE("swin", ", \"depths\": [1.5, 1]"), MIM_ERR_VALUE, "1.5 blocks" },
        { INVERSE("swin", ", \"stage_heads\": [2]"), MIM_ERR_VALUE, "head.stage_heads is of 1 stages, head.depths of 2" },
        { INVERSE("swin", ", \"stage_heads\": [2, 3]"), MIM_ERR_VALUE,
          "the width 8 of stage 1 is not a multiple of its 3 heads" },
        { INVERSE("swin", ", \"width\": 6"), MIM_ERR_VALUE, "head.width 6 makes stage 0 12 wide, which heads of 8 numbers" },
        { INVERSE("swin", ", \"width\": 65536"), MIM_ERR_VALUE, "within 65536, from 65536 on" },
        { INVERSE("swin", ", \"depths\": [900, 900]"), MIM_ERR_VALUE, "1800 blocks" },
        { INVERSE("swin", ", \"reduce\": 3"), MIM_ERR_VALUE, "head.reduce 3 does not divide patches of 4" },
        { INVERSE("swin", ", \"target\": \"clusters\""), MIM_ERR_VALUE, "head.kind tokens, not inverse_swin" },
        { "{\"encoder\": {\"kind\": \"swin\", \"mask_token\": 0}, \"head.kind\": \"inverse_swin\"}", MIM_ERR_VALUE,
          "encoder.mask_token is 0" },
    };
    for (int i = 0; i < COUNT(bad); i++) {
        mim_config *config = make_config(ctx, bad[i].json);
        mim_trainer *t = NULL;
        CHECK(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t) == bad[i].status && !t);
        if (!CHECK(strstr(make_error(ctx), bad[i].part)))
            printf("%s: %s\n", bad[i].json, make_error(ctx));
        mim_config_destroy(config);
    }
}

/* transformers has no such decoder; under its names stands the encoder alone, and no folder is written. */
static void unsayable(void)
{
    mim_trainer *t = make_trainer(ctx, heads[0]);
    mim_tensors *w = NULL;
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "huggingface", &w));
    for (int64_t i = 0; i < mim_tensors_count(w); i++) {
        char name[128];
        OK(ctx, mim_tensors_name(w, i, name, sizeof name, NULL));
        CHECK(!strstr(name, "decoder"));
    }
    CHECK(mim_tensors_save_folder(w, "/nonexistent/folder") == MIM_ERR_UNSUPPORTED);
    CHECK(strstr(make_error(ctx), "a decoder of stages"));
    mim_tensors_destroy(w);
    mim_trainer_destroy(t);
}

int main(void)
{
    ctx = make_context();
    TEST(published);
    TEST(mirrored);
    TEST(described);
    TEST(gradients);
    TEST(resumed);
    TEST(other_pictures);
    TEST(refused);
    TEST(unsayable);
    mim_context_destroy(ctx);
    return test_end();
}
