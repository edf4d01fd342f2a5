/* SPDX-License-Identifier: MIT */
/* test_memory.c -- where memory comes from and when: every allocation may fail, nothing is lost, and nothing is allocated
 * by the calls that promise it. */
#include "mim.h"
#include "support/fail_alloc.h"
#include "train/make.h"

/* ---- every allocation fails once ---- */

struct kind { const char *json; int classes; };

static mim_status step_once(mim_trainer *t, int classes)
{
    const int64_t labels[] = { 0, 1, 2, 1 };
    mim_status status = classes ? mim_trainer_set_input(t, "labels", MIM_I64, labels, 4) : MIM_OK;
    return status ? status : make_step(t, 0);
}

static mim_status trainer_life(const mim_host *host, void *arg)
{
    const struct kind *kind = arg;
    mim_context *ctx = NULL;
    mim_config *config = NULL, *report = NULL;
    mim_trainer *t = NULL;
    mim_tensors *view = NULL;
    mim_status status = mim_context_create(host, &ctx);
    if (!status) status = mim_config_create(ctx, NULL, &config);
    if (!status) status = mim_config_read_json(config, make_config_json);
    if (!status) status = mim_config_read_json(config, kind->json);
    if (!status) status = mim_trainer_plan(ctx, config, &report);
    if (!status) status = mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t);
    if (!status) status = step_once(t, kind->classes);
    if (!status) status = mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &view);
    mim_tensors_destroy(view);
    view = NULL;
    if (!status) status = mim_trainer_tensors(t, MIM_GRADIENTS, "mim", &view);
    mim_config_destroy(report);
    report = NULL;
    if (!status) status = mim_trainer_describe(t, &report);
    mim_tensors_destroy(view);
    mim_config_destroy(report);
    mim_config_destroy(config);
    mim_trainer_destroy(t);
    mim_context_destroy(ctx);
    return status;
}

static void trainers(void)
{
    struct kind kinds[] = {
        { "{\"masker\": {\"kind\": \"block\", \"least\": 1}, \"encoder\": {\"relative\": \"shared\", \"table_rows\": 5, \"table_cols\": 5},"
          " \"trainer\": {\"outputs\": [\"block.1\", \"pixels.gradient\"], \"profile\": 1, \"average\": 0.9}}", 0 },
        { "{\"head\": {\"kind\": \"classifier\", \"classes\": 3}}", 1 },
        { "{\"head\": {\"kind\": \"classifier\", \"classes\": 3, \"batch_norm\": 1}, \"optimizer\": {\"kind\": \"lamb\"}, "
          "\"image\": {\"mixup\": 0.8, \"randaugment\": 2}}", 1 },
        { "{\"head\": {\"kind\": \"tokens\", \"classes\": 3, \"target\": \"clusters\"}}", 0 },
        { "{\"head\": {\"target\": \"edges\"}}", 0 },
        { "{\"encoder\": {\"mask_token\": 0, \"table_rows\": 5, \"table_cols\": 4}, \"head\": {\"kind\": \"mae\", \"width\": 8, \"depth\": 1,"
          " \"heads\": 2}}", 0 },
        { "{\"encoder\": {\"kind\": \"swin\", \"patch\": 2, \"depths\": [2, 1], \"window\": 4, \"table_window\": 3}}", 0 },
        { "{\"encoder\": {\"kind\": \"swinv2\", \"patch\": 2, \"depths\": [2, 1], \"window\": 4, \"norm_every\": 2}}", 0 },
        { "{\"encoder\": {\"kind\": \"swinv2\", \"patch\": 2, \"depths\": [2, 1], \"window\": 4},"
          " \"head.kind\": \"inverse_swin\"}", 0 },
        { "{\"encoder\": {\"kind\": \"swin\", \"patch\": 2, \"depths\": [2, 1], \"window\": 4},"
          " \"head\": {\"kind\": \"tokens\", \"target\": \"channel_bins\", \"features\": \"stage.1\"}}", 0 },
    };
    for (int i = 0; i < (int)(sizeof kinds / sizeof *kinds); i++)
        CHECK(fail_every_allocation(trainer_life, &kinds[i]) > 50);
}

static mim_status parts_life(const mim_host *host, void *arg)
{
    mim_context *ctx = NULL;
    mim_config *config = NULL, *report = NULL;
    mim_encoder *e = NULL;
    mim_head *h = NULL;
    mim_masker *m = NULL;
    mim_optimizer *o = NULL;
    mim_trainer *t = NULL;
    mim_tensors *view = NULL;
    mim_images images = make_images(0, 2);
    (void)arg;
    mim_status status = mim_context_create(host, &ctx);
    if (!status) status = mim_config_create(ctx, NULL, &config);
    if (!status) status = mim_config_read_json(config, make_config_json);
    if (!status) status = mim_encoder_create(ctx, config, NULL, &e);
    if (!status) status = mim_encoder_encode(e, &images, "pooled attention.1");
    if (!status) status = mim_encoder_tensors(e, MIM_OUTPUTS, NULL, &view);
    mim_tensors_destroy(view);
    view = NULL;
    if (!status) status = mim_encoder_tensors(e, MIM_WEIGHTS, "huggingface", &view);
    if (!status) status = mim_encoder_describe(e, &report);
    mim_config_destroy(report);
    report = NULL;
    if (!status) status = mim_head_create(ctx, config, e, NULL, &h);
    if (!status) status = mim_head_describe(h, &report);
    if (!status) status = mim_masker_create(ctx, config, &m);
    if (!status) status = mim_optimizer_create(ctx, config, &o);
    if (!status) status = mim_trainer_create(ctx, config, e, h, m, o, &t);
    mim_config_destroy(report);
    mim_tensors_destroy(view);
    mim_trainer_destroy(t);
    mim_optimizer_destroy(o);
    mim_masker_destroy(m);
    mim_head_destroy(h);
    mim_encoder_destroy(e);
    mim_config_destroy(config);
    mim_context_destroy(ctx);
    return status;
}

static mim_status visible_life(const mim_host *host, void *arg)
{
    static const uint8_t hidden[12] = { 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0 };
    mim_context *ctx = NULL;
    mim_config *config = NULL;
    mim_encoder *e = NULL;
    mim_images images = make_images(0, 2);
    (void)arg;
    mim_status status = mim_context_create(host, &ctx);
    if (!status) status = mim_config_create(ctx, NULL, &config);
    if (!status) status = mim_config_read_json(config, make_config_json);
    if (!status) status = mim_config_set_i64(config, "encoder.mask_token", 0);
    if (!status) status = mim_encoder_create(ctx, config, NULL, &e);
    if (!status) status = mim_encoder_set_input(e, "mask", MIM_U8, hidden, 12);
    if (!status) status = mim_encoder_encode(e, &images, "tokens visible");
    if (!status) status = mim_encoder_encode(e, &images, "tokens");
    mim_encoder_destroy(e);
    mim_config_destroy(config);
    mim_context_destroy(ctx);
    return status;
}

static void visible(void) { CHECK(fail_every_allocation(visible_life, NULL) > 30); }
static void parts(void) { CHECK(fail_every_allocation(parts_life, NULL) > 50); }

struct bytes { void *data; size_t size; };

static mim_status resume_life(const mim_host *host, void *arg)
{
    const struct bytes *b = arg;
    mim_context *ctx = NULL;
    mim_tensors *state = NULL, *view = NULL;
    mim_config *config = NULL;
    mim_trainer *t = NULL;
    mim_encoder *e = NULL;
    size_t needed;
    mim_status status = mim_context_create(host, &ctx);
    if (!status) status = mim_tensors_open_memory(ctx, b->data, b->size, &state);
    if (!status) status = mim_config_from_tensors(state, &config);
    if (!status) status = mim_trainer_resume(ctx, NULL, state, &t);
    if (!status) status = mim_encoder_create(ctx, NULL, state, &e);
    if (!status) status = mim_trainer_tensors(t, MIM_STATE, NULL, &view);
    if (!status) status = mim_tensors_set_text(view, "a", "b");
    if (!status) status = mim_tensors_save_memory(view, NULL, 0, &needed);
    mim_encoder_destroy(e);
    mim_tensors_destroy(view);
    mim_trainer_destroy(t);
    mim_config_destroy(config);
    mim_tensors_destroy(state);
    mim_context_destroy(ctx);
    return status;
}

static void resuming(void)
{
    mim_context *ctx = make_context();
    mim_trainer *t = make_trainer(ctx, "{\"trainer\": {\"average\": 0.5}}");
    mim_tensors *view = NULL;
    struct bytes b = { NULL, 0 };
    OK(ctx, mim_trainer_tensors(t, MIM_STATE, NULL, &view));
    OK(ctx, mim_tensors_set_text(view, "host", "note"));
    OK(ctx, mim_tensors_save_memory(view, NULL, 0, &b.size));
    b.data = malloc(b.size);
    OK(ctx, mim_tensors_save_memory(view, b.data, b.size, NULL));
    CHECK(fail_every_allocation(resume_life, &b) > 50);
    free(b.data);
    mim_tensors_destroy(view);
    mim_trainer_destroy(t);
    mim_context_destroy(ctx);
}

/* An encode that finds no memory leaves the last outputs, inputs and the encoder itself. */
static void encode_again(void)
{
    for (long k = 1; k < 200; k++) {
        struct fail_alloc f = { 0 };
        mim_host host = fail_host(&f);
        mim_context *ctx = NULL;
        mim_encoder *e = NULL;
        mim_tensors *v = NULL;
        mim_images two = make_images(0, 2), three = make_images(0, 3);
        float before[32], after[32];
        CHECK(mim_context_create(&host, &ctx) == MIM_OK);
        mim_config *config = make_config(ctx, NULL);
        OK(ctx, mim_encoder_create(ctx, config, NULL, &e));
        f.fail_at = f.calls + k;
        mim_status first = mim_encoder_encode(e, &two, "pooled");
        f.fail_at = 0;
        CHECK(first == MIM_OK || first == MIM_ERR_NOMEM);
        OK(ctx, mim_encoder_encode(e, &two, "pooled"));
        OK(ctx, mim_encoder_tensors(e, MIM_OUTPUTS, NULL, &v));
        OK(ctx, mim_tensors_read(v, "pooled", MIM_F32, 0, 32, before));
        f.fail_at = f.calls + k;
        mim_status second = mim_encoder_encode(e, &three, "pooled");
        f.fail_at = 0;
        if (second) {
            CHECK(second == MIM_ERR_NOMEM);
            OK(ctx, mim_tensors_read(v, "pooled", MIM_F32, 0, 32, after));
            CHECK(!memcmp(before, after, sizeof before));
        }
        OK(ctx, mim_encoder_encode(e, &three, "pooled"));
        mim_tensors_destroy(v);
        mim_encoder_destroy(e);
        mim_config_destroy(config);
        mim_context_destroy(ctx);
        CHECK(f.live == 0 && f.wrong == 0);
        if (!first && !second)
            return;
    }
    CHECK(!"more allocations than expected");
}

/* ---- none where none is promised ---- */

static void steps_allocate_nothing(const char *json, int classes)
{
    struct fail_alloc f = { 0 };
    mim_host host = fail_host(&f);
    mim_context *ctx = NULL;
    CHECK(mim_context_create(&host, &ctx) == MIM_OK);
    mim_trainer *t = make_trainer(ctx, json);
    mim_images images = make_images(0, 4), large = make_images(0, 1), list = make_images(1, 2);
    static uint8_t big[40 * 50 * 3];
    large.data = big;
    large.height = 40;
    large.width = 50;
    list.next = &large;
    const int64_t labels[] = { 0, 1, 2, 1 };
    static const uint8_t mask[24] = { 1, 0, 1 };
    float x[4];
    double v;
    mim_tensors *out = NULL, *state = NULL;
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &out));
    OK(ctx, mim_trainer_tensors(t, MIM_STATE, NULL, &state));
    long calls = f.calls;
    for (int i = 0; i < 3; i++) {
        OK(ctx, step_once(t, classes));
        if (classes)
            OK(ctx, mim_trainer_set_input(t, "labels", MIM_I64, labels, 3));
        else
            OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, mask, 18));
        OK(ctx, mim_trainer_forward(t, &list, 0, NULL));
        OK(ctx, mim_trainer_backward(t));
        OK(ctx, mim_trainer_update(t));
        if (classes)
            OK(ctx, mim_trainer_set_input(t, "labels", MIM_I64, labels, 4));
        OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
        OK(ctx, mim_trainer_metric(t, "loss", &v));
        OK(ctx, mim_tensors_read(out, classes || strstr(json, "tokens") ? "logits" : "picture", MIM_F32, 0, 4, x));
        OK(ctx, mim_tensors_read(state, "encoder.norm.bias", MIM_F32, 0, 4, x));
        CHECK(mim_trainer_backward(t) == MIM_ERR_STATE);
    }
    if (!CHECK(f.calls == calls))
        printf("%s: %ld allocations\n", json, f.calls - calls);
    mim_tensors_destroy(out);
    mim_tensors_destroy(state);
    mim_trainer_destroy(t);
    mim_context_destroy(ctx);
    CHECK(f.live == 0 && f.wrong == 0);
}

static void steps(void)
{
    steps_allocate_nothing("{\"image\": {\"crop\": \"random_resized\", \"crop_least\": 0.5, \"resize\": \"bicubic\"},"
                           " \"encoder\": {\"relative\": \"block\", \"drop_path\": 0.3}, \"trainer\": {\"average\": 0.9, \"evaluate\": \"average\"}}", 0);
    steps_allocate_nothing("{\"precision\": \"bf16\", \"head\": {\"kind\": \"classifier\", \"classes\": 3}, \"trainer\": {\"profile\": 1, \"recompute\": 1}}", 1);
    steps_allocate_nothing("{\"head\": {\"kind\": \"tokens\", \"target\": \"bins\", \"bins\": 2}}", 0);
    steps_allocate_nothing("{\"head\": {\"kind\": \"classifier\", \"classes\": 3, \"batch_norm\": 1}, \"optimizer\": {\"kind\": \"lars\"}, "
                           "\"image\": {\"cutmix\": 1, \"randaugment\": 2, \"hue\": 0.1, \"erase\": 1}}", 1);
    steps_allocate_nothing("{\"head\": {\"target\": \"window_norm\", \"window\": 5, \"layers\": 2}, \"masker\": {\"kind\": \"block\", \"least\": 1}}", 0);
}

static void encodes(void)
{
    struct fail_alloc f = { 0 };
    mim_host host = fail_host(&f);
    mim_context *ctx = NULL;
    mim_encoder *e = NULL;
    mim_images images = make_images(0, 3);
    CHECK(mim_context_create(&host, &ctx) == MIM_OK);
    mim_config *config = make_config(ctx, NULL);
    OK(ctx, mim_encoder_create(ctx, config, NULL, &e));
    OK(ctx, mim_encoder_encode(e, &images, "pooled block.1"));
    long calls = f.calls;
    for (int i = 0; i < 3; i++)
        OK(ctx, mim_encoder_encode(e, &images, "pooled block.1"));
    CHECK(f.calls == calls);
    CHECK(mim_encoder_encode(e, &images, "pooled block.9") == MIM_ERR_KEY);
    calls = f.calls;
    OK(ctx, mim_encoder_encode(e, &images, "pooled block.1"));
    CHECK(f.calls == calls);
    mim_encoder_destroy(e);
    mim_config_destroy(config);
    mim_context_destroy(ctx);
    CHECK(f.live == 0 && f.wrong == 0);
}

/* ---- the plan ---- */

static void plan_says_what_create_takes(const char *json)
{
    struct fail_alloc f = { 0 };
    mim_host host = fail_host(&f);
    mim_context *ctx = NULL;
    mim_trainer *t = NULL;
    mim_config *plan = NULL, *whole = NULL;
    int64_t total = 0, now = 0, parts = 0, v;
    static const char *const keys[] = { "bytes.weights", "bytes.gradients", "bytes.moments", "bytes.average", "bytes.packed",
                                        "bytes.activations", "bytes.scratch" };
    CHECK(mim_context_create(&host, &ctx) == MIM_OK);
    mim_config *config = make_config(ctx, json);
    OK(ctx, mim_trainer_plan(ctx, config, &plan));
    OK(ctx, mim_config_get_i64(plan, "bytes.total", &total));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        OK(ctx, mim_config_get_i64(plan, keys[i], &v));
        parts += v;
    }
    CHECK(parts == total);
    size_t before = f.bytes;
    OK(ctx, mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t));
    double took = (double)(f.bytes - before);
    if (!CHECK(took > 0.9 * (double)total && took < 1.05 * (double)total + 400e3))
        printf("%s: plan %lld, taken %.0f\n", json, (long long)total, took);
    OK(ctx, mim_trainer_describe(t, &whole));
    OK(ctx, mim_config_get_i64(whole, "plan.bytes.total", &now));
    CHECK(now == total);
    mim_config_destroy(whole);
    mim_config_destroy(plan);
    mim_config_destroy(config);
    mim_trainer_destroy(t);
    mim_context_destroy(ctx);
}

static void plans(void)
{
    plan_says_what_create_takes("{\"image\": {\"height\": 64, \"width\": 64}, \"encoder\": {\"width\": 64}, \"trainer\": {\"batch\": 32}}");
    plan_says_what_create_takes("{\"encoder\": {\"width\": 256}, \"trainer\": {\"average\": 0.9}, \"head\": {\"kind\": \"classifier\"}}");
    plan_says_what_create_takes("{\"precision\": \"bf16\", \"encoder\": {\"width\": 256, \"depth\": 3}, \"optimizer\": {\"kind\": \"sgd\"}}");
    plan_says_what_create_takes("{\"encoder\": {\"width\": 256}, \"trainer\": {\"gradients\": 0}}");
}

/* A plan of the largest model is a matter of numbers. */
static void large_plan(void)
{
    struct fail_alloc f = { 0 };
    mim_host host = fail_host(&f);
    mim_context *ctx = NULL;
    mim_config *config = NULL, *plan = NULL;
    int64_t v = 0;
    CHECK(mim_context_create(&host, &ctx) == MIM_OK);
    OK(ctx, mim_config_create(ctx, "simmim_vit_huge", &config));
    OK(ctx, mim_trainer_plan(ctx, config, &plan));
    OK(ctx, mim_config_get_i64(plan, "bytes.total", &v));
    CHECK(v > 10000000000);
    CHECK(f.peak < 16000000);
    mim_config_destroy(plan);
    plan = NULL;
    OK(ctx, mim_config_set_i64(config, "trainer.memory_budget", v / 2));        /* recomputes some blocks */
    OK(ctx, mim_trainer_plan(ctx, config, &plan));
    OK(ctx, mim_config_get_i64(plan, "bytes.total", &v));
    char list[4000] = "";
    OK(ctx, mim_config_get_str(plan, "recomputed", list, sizeof list, NULL));
    CHECK(strstr(list, "block.1"));
    CHECK(f.peak < 16000000);
    mim_config_destroy(plan);
    mim_config_destroy(config);
    mim_context_destroy(ctx);
    CHECK(f.live == 0 && f.wrong == 0);
}

int main(void)
{
    TEST(trainers); TEST(parts); TEST(visible); TEST(resuming); TEST(encode_again); TEST(steps); TEST(encodes); TEST(plans); TEST(large_plan);
    return test_end();
}
