/* SPDX-License-Identifier: MIT */
/* test_visible.c -- where hidden patches are left out of the encoder: how many stay, masks of other counts, bad masks, and
 * that nothing else changes: smaller batches, threads, recomputation, resuming, memory. */
#include "support/fail_alloc.h"
#include "train/make.h"

static mim_context *ctx;

#define MAE "{\"encoder\": {\"mask_token\": 0}, \"head\": {\"kind\": \"mae\", \"width\": 8, \"depth\": 2, \"heads\": 2}"
static const char mae[] = MAE "}";

/* A mask that hides the first `hidden` of the six patches of each picture, moved on by one a picture. */
static void hide(uint8_t *mask, int pictures, int hidden)
{
    for (int b = 0; b < pictures; b++)
        for (int i = 0; i < MAKE_PATCHES; i++)
            mask[b * MAKE_PATCHES + (i + b) % MAKE_PATCHES] = i < hidden;
}

static mim_status run(mim_trainer *t, int pictures, int hidden)
{
    uint8_t mask[MAKE_BATCH * MAKE_PATCHES];
    mim_images images = make_images(0, pictures);
    hide(mask, pictures, hidden);
    mim_status status = mim_trainer_set_input(t, "mask", MIM_U8, mask, (size_t)(pictures * MAKE_PATCHES));
    return status ? status : mim_trainer_step(t, &images, 0, NULL);
}

/* Shape of an output as text. */
static const char *shape_of(mim_trainer *t, int32_t what, const char *name)
{
    static char text[64];
    int64_t shape[MIM_MAX_RANK] = { 0 };
    int32_t rank = 0;
    mim_tensors *view = NULL;
    OK(ctx, mim_trainer_tensors(t, what, NULL, &view));
    OK(ctx, mim_tensors_info(view, name, NULL, &rank, shape, NULL));
    text[0] = 0;
    for (int i = 0; i < rank; i++)
        snprintf(text + strlen(text), 16, i ? "x%d" : "%d", (int)shape[i]);
    mim_tensors_destroy(view);
    return text;
}

/* ---- counts ---- */

static void counts(void)
{
    mim_trainer *t = make_trainer(ctx, MAE ", \"trainer.outputs\": [\"tokens\", \"block.1\", \"attention.2\", \"visible\"]}");
    OK(ctx, make_step(t, 0));
    CHECK_TEXT(shape_of(t, MIM_OUTPUTS, "visible"), "4x3");
    CHECK_TEXT(shape_of(t, MIM_OUTPUTS, "tokens"), "4x4x16");
    CHECK_TEXT(shape_of(t, MIM_OUTPUTS, "block.1"), "4x4x16");
    CHECK_TEXT(shape_of(t, MIM_OUTPUTS, "attention.2"), "4x2x4x4");
    CHECK_TEXT(shape_of(t, MIM_OUTPUTS, "prediction"), "4x6x48");
    CHECK_TEXT(shape_of(t, MIM_OUTPUTS, "picture"), "4x12x8x3");
    OK(ctx, run(t, 2, 5));
    CHECK_TEXT(shape_of(t, MIM_OUTPUTS, "visible"), "2x1");
    CHECK_TEXT(shape_of(t, MIM_OUTPUTS, "tokens"), "2x2x16");
    CHECK(fabs(make_metric(t, "hidden") - 5 / 6.0) < 1e-12);
    OK(ctx, make_step(t, 1));
    CHECK_TEXT(shape_of(t, MIM_OUTPUTS, "visible"), "4x3");
    mim_trainer_destroy(t);
}

static void which(void)
{
    mim_trainer *t = make_trainer(ctx, mae);
    static const int64_t want[] = { 4, 5, 0, 5, 0, 1 };
    int64_t got[6];
    mim_tensors *out = NULL;
    OK(ctx, run(t, 3, 4));
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &out));
    OK(ctx, mim_tensors_read(out, "visible", MIM_I64, 0, 6, got));
    CHECK(!memcmp(got, want, sizeof want));
    mim_tensors_destroy(out);
    mim_trainer_destroy(t);
}

/* A plan made for other masks gives the bits of one that was made for these; so does what was run before. */
static void replanned(void)
{
    mim_trainer *a = make_trainer(ctx, MAE ", \"masker.ratio\": 0.8}"), *b = make_trainer(ctx, MAE ", \"masker.count\": 2}");
    OK(ctx, run(a, 4, 2));
    OK(ctx, run(b, 4, 2));
    CHECK(make_same_state(a, b, MIM_OUTPUTS) && make_same_state(a, b, MIM_GRADIENTS));
    OK(ctx, run(a, 3, 4));
    OK(ctx, run(a, 4, 1));
    OK(ctx, run(b, 3, 4));
    OK(ctx, run(b, 4, 1));
    CHECK(make_same_state(a, b, MIM_OUTPUTS) && make_same_state(a, b, MIM_WEIGHTS));
    mim_trainer_destroy(a);
    mim_trainer_destroy(b);
}

static void host_masks(void)
{
    mim_trainer *t = make_trainer(ctx, MAE ", \"masker\": {\"kind\": \"host\", \"ratio\": 0.4}}");
    mim_images images = make_images(0, 4);
    CHECK_TEXT(shape_of(t, MIM_OUTPUTS, "visible"), "4x3");
    CHECK(mim_trainer_step(t, &images, 0, NULL) == MIM_ERR_STATE);
    OK(ctx, run(t, 4, 3));
    OK(ctx, run(t, 4, 5));
    mim_trainer_destroy(t);
}

/* ---- bad masks ---- */

/* Another plan is due, and the pictures do not fit: the last batch stands. */
static void bad_sizes(void)
{
    mim_trainer *t = make_trainer(ctx, MAE ", \"image.resize\": \"none\"}");
    uint8_t mask[MAKE_BATCH * MAKE_PATCHES];
    mim_images images = make_images(0, 4);
    float before, after;
    OK(ctx, make_step(t, 0));
    make_read(t, MIM_OUTPUTS, "loss", &before, 1);
    hide(mask, 4, 4);
    images.height--;
    OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, mask, sizeof mask));
    CHECK(mim_trainer_step(t, &images, 0, NULL) == MIM_ERR_SHAPE);
    make_read(t, MIM_OUTPUTS, "loss", &after, 1);
    CHECK(before == after);
    CHECK_TEXT(shape_of(t, MIM_OUTPUTS, "visible"), "4x3");
    mim_trainer_destroy(t);
}

static void bad_masks(void)
{
    mim_trainer *t = make_trainer(ctx, mae);
    uint8_t mask[MAKE_BATCH * MAKE_PATCHES];
    mim_images images = make_images(0, 4);
    OK(ctx, make_step(t, 0));
    mim_trainer *untouched = make_trainer(ctx, mae);
    OK(ctx, make_step(untouched, 0));
    hide(mask, 4, 3);
    mask[2 * MAKE_PATCHES] ^= 1;
    CHECK(mim_trainer_set_input(t, "mask", MIM_U8, mask, sizeof mask) == MIM_ERR_VALUE);
    CHECK(strstr(make_error(ctx), "picture 2") && (strstr(make_error(ctx), " 2 patches") || strstr(make_error(ctx), " 4 patches"))
          && strstr(make_error(ctx), " 3 of picture 0"));
    for (int hidden = 0; hidden <= MAKE_PATCHES; hidden += MAKE_PATCHES) {
        hide(mask, 4, hidden);
        CHECK(mim_trainer_set_input(t, "mask", MIM_U8, mask, sizeof mask) == MIM_ERR_VALUE);
    }
    mask[3] = 2;
    CHECK(mim_trainer_set_input(t, "mask", MIM_U8, mask, sizeof mask) == MIM_ERR_VALUE);
    CHECK(mim_trainer_set_input(t, "mask", MIM_U8, mask, 7) == MIM_ERR_SHAPE);
    CHECK(mim_trainer_set_input(t, "visible", MIM_U8, mask, 4) == MIM_ERR_KEY);
    CHECK(make_same_state(t, untouched, MIM_OUTPUTS) && make_same_state(t, untouched, MIM_STATE));
    hide(mask, 4, 4);                       /* pixels that cannot be used: the outputs of the last batch stand */
    static float bad[4 * MAKE_PIXELS] = { NAN };
    images.data = bad;
    images.type = MIM_F32;
    OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, mask, sizeof mask));
    CHECK(mim_trainer_step(t, &images, 0, NULL) == MIM_ERR_VALUE);
    CHECK(make_same_state(t, untouched, MIM_OUTPUTS));
    mim_trainer_destroy(untouched);
    mim_trainer_destroy(t);
}

/* The least that a plan for one visible patch takes is too little for five. */
static void budget(void)
{
    mim_config *config = make_config(ctx, MAE ", \"masker.count\": 5, \"trainer.memory_budget\": 1}"), *plan = NULL;
    mim_trainer *t = NULL;
    CHECK(mim_trainer_plan(ctx, config, &plan) == MIM_ERR_BUDGET);
    const char *least = strstr(make_error(ctx), "less than ");
    OK(ctx, mim_config_set_i64(config, "trainer.memory_budget", least ? atoll(least + 10) : 0));
    OK(ctx, mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t));
    OK(ctx, run(t, 4, 5));
    CHECK(run(t, 4, 1) == MIM_ERR_BUDGET);
    CHECK_TEXT(shape_of(t, MIM_OUTPUTS, "visible"), "4x1");
    OK(ctx, run(t, 4, 5));
    mim_config_destroy(config);
    mim_trainer_destroy(t);
}

/* ---- nothing else changes ---- */

static void smaller_batch(void)
{
    mim_trainer *whole = make_trainer(ctx, mae), *small = make_trainer(ctx, MAE ", \"trainer.batch\": 3}");
    mim_images images = make_images(0, 3);
    OK(ctx, mim_trainer_step(whole, &images, 0, NULL));
    OK(ctx, mim_trainer_step(small, &images, 0, NULL));
    CHECK(make_same_state(whole, small, MIM_OUTPUTS) && make_same_state(whole, small, MIM_GRADIENTS));
    mim_trainer_destroy(whole);
    mim_trainer_destroy(small);
}

static void threads_and_recomputation(void)
{
    mim_trainer *one = make_trainer(ctx, mae), *again = make_trainer(ctx, MAE ", \"trainer.recompute\": 4}");
    for (int i = 0; i < 3; i++) {
        OK(ctx, make_step(one, i));
        OK(ctx, make_step(again, i));
    }
    CHECK(make_same_state(one, again, MIM_WEIGHTS));
    for (int threads = 2; threads <= 7; threads++) {
        mim_context *other = make_context();
        OK(other, mim_context_set_threads(other, threads));
        mim_trainer *t = make_trainer(other, mae);
        for (int i = 0; i < 3; i++)
            OK(other, make_step(t, i));
        CHECK(make_same_state(one, t, MIM_WEIGHTS) && make_same_state(one, t, MIM_OUTPUTS));
        mim_trainer_destroy(t);
        mim_context_destroy(other);
    }
    mim_trainer_destroy(again);
    mim_trainer_destroy(one);
}

static void resuming(const char *json)
{
    mim_trainer *through = make_trainer(ctx, json), *first = make_trainer(ctx, json), *second = NULL;
    mim_tensors *state = NULL, *file = NULL;
    size_t needed = 0;
    for (int i = 0; i < 6; i++)
        OK(ctx, make_step(through, i));
    for (int i = 0; i < 3; i++)
        OK(ctx, make_step(first, i));
    OK(ctx, mim_trainer_tensors(first, MIM_STATE, NULL, &state));
    OK(ctx, mim_tensors_save_memory(state, NULL, 0, &needed));
    void *memory = malloc(needed);
    OK(ctx, mim_tensors_save_memory(state, memory, needed, NULL));
    OK(ctx, mim_tensors_open_memory(ctx, memory, needed, &file));
    if (OK(ctx, mim_trainer_resume(ctx, NULL, file, &second))) {
        for (int i = 3; i < 6; i++)
            OK(ctx, make_step(second, i));
        CHECK(make_same_state(through, second, MIM_STATE) && make_same_state(through, second, MIM_OUTPUTS));
    }
    free(memory);
    mim_tensors_destroy(file);
    mim_tensors_destroy(state);
    mim_trainer_destroy(second);
    mim_trainer_destroy(first);
    mim_trainer_destroy(through);
}

static void resume(void)
{
    resuming(mae);
    resuming(MAE ", \"head.positions\": \"learned\", \"precision\": \"bf16\", \"trainer.average\": 0.9}");
}

/* What lies under the mask of visible patches does not reach the encoder, and no prediction of a visible patch the loss. */
static void sees_only_the_visible(void)
{
    mim_trainer *t = make_trainer(ctx, MAE ", \"trainer.outputs\": \"tokens\"}");
    static float pixels[4 * MAKE_PIXELS], tokens[2][4 * 4 * 16];
    uint8_t mask[MAKE_BATCH * MAKE_PATCHES];
    hide(mask, 4, 3);
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 4 * MAKE_PIXELS; k++) {
            int b = k / MAKE_PIXELS, y = k / MAKE_WIDTH % MAKE_HEIGHT, x = k % MAKE_WIDTH;
            pixels[k] = (float)sin(0.1 * k) + (float)(i * mask[b * MAKE_PATCHES + y / 4 * 2 + x / 4]);
        }
        OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, mask, sizeof mask));
        OK(ctx, mim_trainer_set_input(t, "pixels", MIM_F32, pixels, 4 * MAKE_PIXELS));
        OK(ctx, mim_trainer_evaluate(t, NULL, 0, NULL));
        make_read(t, MIM_OUTPUTS, "tokens", tokens[i], 4 * 4 * 16);
    }
    CHECK(!memcmp(tokens[0], tokens[1], sizeof tokens[0]));
    mim_trainer_destroy(t);
}

static void learns(void)
{
    mim_trainer *t = make_trainer(ctx, MAE ", \"head.target\": \"patch_norm\"}");
    double first = 0;
    for (int i = 0; i < 120; i++) {
        OK(ctx, make_step(t, i));
        if (i == 0)
            first = make_metric(t, "loss");
    }
    CHECK(make_metric(t, "loss") < 0.6 * first);
    mim_trainer_destroy(t);
}

/* A head of kind none on visible patches: the host's gradient is as large as the tokens are. */
static void own_loss(void)
{
    const char *json = "{\"encoder\": {\"mask_token\": 0}, \"head\": {\"kind\": \"none\"}}";
    mim_config *config = make_config(ctx, json);
    mim_masker *masker = NULL;
    mim_trainer *t = NULL;
    static float slope[4 * 6 * 16];
    uint8_t mask[MAKE_BATCH * MAKE_PATCHES];
    mim_images images = make_images(0, 4);
    for (int i = 0; i < 4 * 6 * 16; i++)
        slope[i] = (float)cos(i);
    OK(ctx, mim_masker_create(ctx, config, &masker));
    OK(ctx, mim_trainer_create(ctx, config, NULL, NULL, masker, NULL, &t));
    CHECK_TEXT(shape_of(t, MIM_INPUTS, "gradient"), "4x4x16");
    for (int hidden = 1; hidden <= 5; hidden += 2) {
        hide(mask, 4, hidden);
        OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, mask, sizeof mask));
        OK(ctx, mim_trainer_forward(t, &images, 0, NULL));
        OK(ctx, mim_trainer_set_input(t, "gradient", MIM_F32, slope, (size_t)(4 * (7 - hidden) * 16)));
        OK(ctx, mim_trainer_backward(t));
        OK(ctx, mim_trainer_update(t));
    }
    CHECK_TEXT(shape_of(t, MIM_OUTPUTS, "visible"), "4x1");
    OK(ctx, mim_trainer_set_input(t, "gradient", MIM_F32, slope, 4 * 2 * 16));
    OK(ctx, mim_trainer_forward(t, &images, 0, NULL));      /* the masker's count: that gradient is for another */
    CHECK(mim_trainer_backward(t) == MIM_ERR_STATE);
    hide(mask, 4, 5);
    OK(ctx, mim_trainer_set_input(t, "gradient", MIM_F32, slope, 4 * 4 * 16));
    OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, mask, sizeof mask));
    CHECK(mim_trainer_step(t, &images, 0, NULL) == MIM_ERR_STATE);      /* likewise in one call, and it does not come back */
    CHECK(mim_trainer_backward(t) == MIM_ERR_STATE);
    mim_trainer_destroy(t);
    mim_masker_destroy(masker);
    mim_config_destroy(config);
}

/* ---- memory ---- */

static void steps_allocate_nothing(void)
{
    struct fail_alloc f = { 0 };
    mim_host host = fail_host(&f);
    mim_context *own = NULL;
    CHECK(mim_context_create(&host, &own) == MIM_OK);
    mim_trainer *t = make_trainer(own, mae);
    OK(own, make_step(t, 0));
    long calls = f.calls;
    for (int i = 1; i < 4; i++)
        OK(own, make_step(t, i));
    CHECK(f.calls == calls);
    mim_trainer_destroy(t);
    mim_context_destroy(own);
    CHECK(f.live == 0 && f.wrong == 0);
}

/* Another count, with every allocation failing in turn; after a failure the trainer goes on as before. */
static mim_status another_count(const mim_host *host, void *arg)
{
    mim_context *own = NULL;
    mim_config *config = NULL;
    mim_trainer *t = NULL;
    (void)arg;
    mim_status status = mim_context_create(host, &own);
    if (!status) status = mim_config_create(own, NULL, &config);
    if (!status) status = mim_config_read_json(config, make_config_json);
    if (!status) status = mim_config_read_json(config, mae);
    if (!status) status = mim_trainer_create(own, config, NULL, NULL, NULL, NULL, &t);
    if (!status) status = make_step(t, 0);
    if (!status) {
        status = run(t, 4, 5);
        if (status)
            CHECK(make_step(t, 1) == MIM_OK && make_step(t, 2) == MIM_OK);
    }
    mim_trainer_destroy(t);
    mim_config_destroy(config);
    mim_context_destroy(own);
    return status;
}

static void failing_allocations(void)
{
    CHECK(fail_every_allocation(another_count, NULL) > 20);
}

int main(void)
{
    ctx = make_context();
    TEST(counts); TEST(which); TEST(replanned); TEST(host_masks); TEST(bad_masks); TEST(bad_sizes); TEST(budget); TEST(smaller_batch);
    TEST(threads_and_recomputation); TEST(resume); TEST(sees_only_the_visible); TEST(learns); TEST(own_loss);
    TEST(steps_allocate_nothing); TEST(failing_allocations);
    mim_context_destroy(ctx);
    return test_end();
}
