/* SPDX-License-Identifier: MIT */
/* test_null.c -- NULL for every argument of every public function: MIM_ERR_ARGUMENT where it is not allowed, the usual
 * where it is; destroying nothing does nothing. One line a call. */
#include "train/make.h"

static mim_context *ctx;
static mim_config *config, *made_config;
static mim_trainer *trainer, *made_trainer;
static mim_encoder *encoder, *made_encoder;
static mim_head *head, *made_head;
static mim_masker *masker, *made_masker;
static mim_optimizer *optimizer, *made_optimizer;
static mim_tensors *set, *view, *made_set;
static mim_images images;
static float floats[4 * MAKE_PIXELS];
static double number;
static int64_t whole, numbers[8];
static uint8_t bytes[64];
static char text[64];

static int32_t fetch(void *user, uint64_t offset, void *to, size_t size) { (void)user, (void)offset, (void)to, (void)size; return 1; }

#define REFUSED(call) CHECK((call) == MIM_ERR_ARGUMENT)

static void basics(void)
{
    CHECK(mim_version() == MIM_VERSION && mim_abi_check(MIM_VERSION) == MIM_OK && strcmp(mim_status_name(-5), "MIM_ERR_SHAPE") == 0);
    REFUSED(mim_constant(NULL, &whole));
    REFUSED(mim_constant("MIM_OK", NULL));
    REFUSED(mim_last_error(NULL, text, sizeof text, NULL));
    REFUSED(mim_last_error(ctx, NULL, 5, NULL));
    REFUSED(mim_context_create(NULL, NULL));
    REFUSED(mim_context_set_threads(NULL, 1));
    REFUSED(mim_context_stop_threads(NULL));
    REFUSED(mim_context_set_isa_max(NULL, "scalar"));
    REFUSED(mim_context_set_isa_max(ctx, NULL));
    REFUSED(mim_context_next_log(NULL, NULL, text, sizeof text, NULL));
    REFUSED(mim_context_describe(NULL, &made_config));
    REFUSED(mim_context_describe(ctx, NULL));
    mim_context_cancel(NULL);
    mim_context_destroy(NULL);
    mim_config_destroy(NULL);
    mim_masker_destroy(NULL);
    mim_encoder_destroy(NULL);
    mim_head_destroy(NULL);
    mim_optimizer_destroy(NULL);
    mim_trainer_destroy(NULL);
    mim_tensors_destroy(NULL);
}

static void configs(void)
{
    REFUSED(mim_config_create(NULL, NULL, &made_config));
    REFUSED(mim_config_create(ctx, NULL, NULL));
    REFUSED(mim_config_set_i64(NULL, "seed", 1));
    REFUSED(mim_config_set_i64(config, NULL, 1));
    REFUSED(mim_config_set_f64(NULL, "masker.ratio", 0.5));
    REFUSED(mim_config_set_f64(config, NULL, 0.5));
    REFUSED(mim_config_set_str(NULL, "seed", "1"));
    REFUSED(mim_config_set_str(config, NULL, "1"));
    REFUSED(mim_config_get_i64(NULL, "seed", &whole));
    REFUSED(mim_config_get_i64(config, NULL, &whole));
    REFUSED(mim_config_get_i64(config, "seed", NULL));
    REFUSED(mim_config_get_f64(NULL, "seed", &number));
    REFUSED(mim_config_get_f64(config, NULL, &number));
    REFUSED(mim_config_get_f64(config, "seed", NULL));
    REFUSED(mim_config_get_str(NULL, "seed", text, 9, NULL));
    REFUSED(mim_config_get_str(config, NULL, text, 9, NULL));
    REFUSED(mim_config_get_str(config, "seed", NULL, 9, NULL));
    CHECK(mim_config_count(NULL) == -1);
    REFUSED(mim_config_key(NULL, 0, text, 9, NULL));
    REFUSED(mim_config_key(config, 0, NULL, 9, NULL));
    REFUSED(mim_config_read_json(NULL, "{}"));
    REFUSED(mim_config_read_json(config, NULL));
    REFUSED(mim_config_write_json(NULL, text, 9, NULL));
    REFUSED(mim_config_write_json(config, NULL, 9, NULL));
    REFUSED(mim_config_from_tensors(NULL, &made_config));
    REFUSED(mim_config_from_tensors(set, NULL));
    REFUSED(mim_config_presets(NULL, 9, NULL));
    REFUSED(mim_config_options(NULL, 9, NULL));
}

static void parts(void)
{
    REFUSED(mim_images_prepare(NULL, config, 0, &images, 0, NULL, floats, 4 * MAKE_PIXELS));
    REFUSED(mim_images_prepare(ctx, config, 0, NULL, 0, NULL, floats, 4 * MAKE_PIXELS));
    REFUSED(mim_images_prepare(ctx, config, 0, &images, 0, NULL, NULL, 4 * MAKE_PIXELS));
    REFUSED(mim_masker_create(NULL, config, &made_masker));
    REFUSED(mim_masker_create(ctx, config, NULL));
    REFUSED(mim_masker_draw(NULL, 0, NULL, 1, bytes, 6));
    REFUSED(mim_masker_draw(masker, 0, NULL, 1, NULL, 6));
    REFUSED(mim_masker_describe(NULL, &made_config));
    REFUSED(mim_masker_describe(masker, NULL));
    REFUSED(mim_encoder_create(NULL, config, NULL, &made_encoder));
    REFUSED(mim_encoder_create(ctx, NULL, NULL, &made_encoder));
    REFUSED(mim_encoder_create(ctx, config, NULL, NULL));
    REFUSED(mim_encoder_encode(NULL, &images, "pooled"));
    REFUSED(mim_encoder_encode(encoder, NULL, "pooled"));
    REFUSED(mim_encoder_encode(encoder, &images, NULL));
    REFUSED(mim_encoder_set_input(NULL, "mask", MIM_U8, bytes, 6));
    REFUSED(mim_encoder_set_input(encoder, NULL, MIM_U8, bytes, 6));
    REFUSED(mim_encoder_set_input(encoder, "mask", MIM_U8, NULL, 6));
    REFUSED(mim_encoder_tensors(NULL, MIM_WEIGHTS, NULL, &made_set));
    REFUSED(mim_encoder_tensors(encoder, MIM_WEIGHTS, NULL, NULL));
    REFUSED(mim_encoder_tensors(encoder, 77, NULL, &made_set));
    REFUSED(mim_encoder_describe(NULL, &made_config));
    REFUSED(mim_encoder_describe(encoder, NULL));
    REFUSED(mim_head_create(NULL, config, encoder, NULL, &made_head));
    REFUSED(mim_head_create(ctx, NULL, encoder, NULL, &made_head));
    REFUSED(mim_head_create(ctx, config, NULL, NULL, &made_head));
    REFUSED(mim_head_create(ctx, config, encoder, NULL, NULL));
    REFUSED(mim_head_tensors(NULL, MIM_WEIGHTS, NULL, &made_set));
    REFUSED(mim_head_tensors(head, MIM_WEIGHTS, NULL, NULL));
    REFUSED(mim_head_describe(NULL, &made_config));
    REFUSED(mim_head_describe(head, NULL));
    REFUSED(mim_optimizer_create(NULL, config, &made_optimizer));
    REFUSED(mim_optimizer_create(ctx, config, NULL));
    REFUSED(mim_optimizer_rate(NULL, 0, &number));
    REFUSED(mim_optimizer_rate(optimizer, 0, NULL));
    REFUSED(mim_optimizer_set_rate(NULL, 1));
    REFUSED(mim_optimizer_describe(NULL, &made_config));
    REFUSED(mim_optimizer_describe(optimizer, NULL));
}

static void trainers(void)
{
    REFUSED(mim_trainer_plan(NULL, config, &made_config));
    REFUSED(mim_trainer_plan(ctx, NULL, &made_config));
    REFUSED(mim_trainer_plan(ctx, config, NULL));
    REFUSED(mim_trainer_create(NULL, config, NULL, NULL, NULL, NULL, &made_trainer));
    REFUSED(mim_trainer_create(ctx, NULL, NULL, NULL, NULL, NULL, &made_trainer));
    REFUSED(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, NULL));
    REFUSED(mim_trainer_resume(NULL, NULL, set, &made_trainer));
    REFUSED(mim_trainer_resume(ctx, NULL, NULL, &made_trainer));
    REFUSED(mim_trainer_resume(ctx, NULL, set, NULL));
    REFUSED(mim_trainer_encoder(NULL, &made_encoder));
    REFUSED(mim_trainer_encoder(trainer, NULL));
    REFUSED(mim_trainer_head(NULL, &made_head));
    REFUSED(mim_trainer_head(trainer, NULL));
    REFUSED(mim_trainer_masker(NULL, &made_masker));
    REFUSED(mim_trainer_masker(trainer, NULL));
    REFUSED(mim_trainer_optimizer(NULL, &made_optimizer));
    REFUSED(mim_trainer_optimizer(trainer, NULL));
    REFUSED(mim_trainer_set_input(NULL, "mask", MIM_U8, bytes, 6));
    REFUSED(mim_trainer_set_input(trainer, NULL, MIM_U8, bytes, 6));
    REFUSED(mim_trainer_set_input(trainer, "mask", MIM_U8, NULL, 6));
    REFUSED(mim_trainer_forward(NULL, &images, 0, NULL));
    REFUSED(mim_trainer_backward(NULL));
    REFUSED(mim_trainer_update(NULL));
    REFUSED(mim_trainer_step(NULL, &images, 0, NULL));
    REFUSED(mim_trainer_evaluate(NULL, &images, 0, NULL));
    CHECK(mim_trainer_step(trainer, NULL, 0, NULL) == MIM_ERR_STATE);
    REFUSED(mim_trainer_metric(NULL, "loss", &number));
    REFUSED(mim_trainer_metric(trainer, NULL, &number));
    REFUSED(mim_trainer_metric(trainer, "step", NULL));
    REFUSED(mim_trainer_tensors(NULL, MIM_WEIGHTS, NULL, &made_set));
    REFUSED(mim_trainer_tensors(trainer, MIM_WEIGHTS, NULL, NULL));
    REFUSED(mim_trainer_tensors(trainer, 0, NULL, &made_set));
    REFUSED(mim_trainer_tensors(trainer, 7, NULL, &made_set));
    REFUSED(mim_trainer_describe(NULL, &made_config));
    REFUSED(mim_trainer_describe(trainer, NULL));
}

static void tensors(void)
{
    float *data;
    size_t n;
    REFUSED(mim_tensors_create(NULL, &made_set));
    REFUSED(mim_tensors_create(ctx, NULL));
    REFUSED(mim_tensors_open(NULL, "x", &made_set));
    REFUSED(mim_tensors_open(ctx, NULL, &made_set));
    REFUSED(mim_tensors_open(ctx, "x", NULL));
    REFUSED(mim_tensors_open_memory(NULL, bytes, 8, &made_set));
    REFUSED(mim_tensors_open_memory(ctx, NULL, 8, &made_set));
    REFUSED(mim_tensors_open_memory(ctx, bytes, 8, NULL));
    REFUSED(mim_tensors_open_stream(NULL, fetch, NULL, 8, &made_set));
    REFUSED(mim_tensors_open_stream(ctx, NULL, NULL, 8, &made_set));
    REFUSED(mim_tensors_open_stream(ctx, fetch, NULL, 8, NULL));
    CHECK(mim_tensors_count(NULL) == -1);
    REFUSED(mim_tensors_name(NULL, 0, text, 9, NULL));
    REFUSED(mim_tensors_name(view, 0, NULL, 9, NULL));
    REFUSED(mim_tensors_info(NULL, "a", NULL, NULL, NULL, NULL));
    REFUSED(mim_tensors_info(set, NULL, NULL, NULL, NULL, NULL));
    CHECK(mim_tensors_info(set, "a", NULL, NULL, NULL, NULL) == MIM_OK);
    REFUSED(mim_tensors_read(NULL, "a", MIM_F32, 0, 1, floats));
    REFUSED(mim_tensors_read(set, NULL, MIM_F32, 0, 1, floats));
    REFUSED(mim_tensors_read(set, "a", MIM_F32, 0, 1, NULL));
    REFUSED(mim_tensors_write(NULL, "a", MIM_F32, 0, 1, floats));
    REFUSED(mim_tensors_write(set, NULL, MIM_F32, 0, 1, floats));
    REFUSED(mim_tensors_write(set, "a", MIM_F32, 0, 1, NULL));
    REFUSED(mim_tensors_add(NULL, "b", MIM_F32, 1, numbers, NULL));
    REFUSED(mim_tensors_add(set, NULL, MIM_F32, 1, numbers, NULL));
    REFUSED(mim_tensors_add(set, "b", MIM_F32, 1, NULL, NULL));
    REFUSED(mim_tensors_data(NULL, "a", &data, &n));
    REFUSED(mim_tensors_data(set, "a", NULL, &n));
    REFUSED(mim_tensors_copy(NULL, set, NULL));
    REFUSED(mim_tensors_copy(set, NULL, NULL));
    REFUSED(mim_tensors_get_text(NULL, "k", text, 9, NULL));
    REFUSED(mim_tensors_get_text(set, "k", NULL, 9, NULL));
    REFUSED(mim_tensors_set_text(NULL, "k", "v"));
    REFUSED(mim_tensors_set_text(set, NULL, "v"));
    REFUSED(mim_tensors_save(NULL, "x"));
    REFUSED(mim_tensors_save(set, NULL));
    REFUSED(mim_tensors_save_folder(NULL, "x"));
    REFUSED(mim_tensors_save_folder(set, NULL));
    REFUSED(mim_tensors_save_memory(NULL, bytes, 8, NULL));
    REFUSED(mim_tensors_save_memory(set, NULL, 8, NULL));
    REFUSED(mim_tensors_save_stream(NULL, NULL, NULL));
    REFUSED(mim_tensors_save_stream(set, NULL, NULL));
}

static void evaluations(void)
{
    REFUSED(mim_evaluate_classify(NULL, config, 2, 1, 2, floats, numbers, 2, floats, floats + 9));
    REFUSED(mim_evaluate_classify(ctx, config, 2, 1, 2, NULL, numbers, 2, floats, floats + 9));
    REFUSED(mim_evaluate_classify(ctx, config, 2, 1, 2, floats, NULL, 2, floats, floats + 9));
    REFUSED(mim_evaluate_classify(ctx, config, 2, 1, 2, floats, numbers, 2, NULL, floats + 9));
    REFUSED(mim_evaluate_classify(ctx, config, 2, 1, 2, floats, numbers, 2, floats, NULL));
    REFUSED(mim_evaluate_accuracy(NULL, 2, 2, floats, numbers, 1, &number, NULL));
    REFUSED(mim_evaluate_accuracy(ctx, 2, 2, NULL, numbers, 1, &number, NULL));
    REFUSED(mim_evaluate_accuracy(ctx, 2, 2, floats, NULL, 1, &number, NULL));
    REFUSED(mim_evaluate_accuracy(ctx, 2, 2, floats, numbers, 1, NULL, NULL));
    REFUSED(mim_evaluate_pictures(NULL, "psnr", &images, &images, NULL, &number));
    REFUSED(mim_evaluate_pictures(ctx, NULL, &images, &images, NULL, &number));
    REFUSED(mim_evaluate_pictures(ctx, "psnr", NULL, &images, NULL, &number));
    REFUSED(mim_evaluate_pictures(ctx, "psnr", &images, NULL, NULL, &number));
    REFUSED(mim_evaluate_pictures(ctx, "psnr", &images, &images, NULL, NULL));
    REFUSED(mim_evaluate_masks(NULL, 1, 2, 2, bytes, &number));
    REFUSED(mim_evaluate_masks(ctx, 1, 2, 2, NULL, &number));
    REFUSED(mim_evaluate_masks(ctx, 1, 2, 2, bytes, NULL));
}

/* Nothing was written where a call failed. */
static void nothing_written(void)
{
    CHECK(!made_config && !made_trainer && !made_encoder && !made_head && !made_masker && !made_optimizer && !made_set);
}

int main(void)
{
    ctx = make_context();
    images = make_images(0, 4);
    config = make_config(ctx, NULL);
    trainer = make_trainer(ctx, NULL);
    OK(ctx, mim_trainer_encoder(trainer, &encoder));
    OK(ctx, mim_trainer_head(trainer, &head));
    OK(ctx, mim_trainer_masker(trainer, &masker));
    OK(ctx, mim_trainer_optimizer(trainer, &optimizer));
    OK(ctx, mim_trainer_tensors(trainer, MIM_WEIGHTS, NULL, &view));
    OK(ctx, mim_tensors_create(ctx, &set));
    OK(ctx, mim_tensors_add(set, "a", MIM_F32, 1, (const int64_t[]){ 3 }, NULL));
    TEST(basics); TEST(configs); TEST(parts); TEST(trainers); TEST(tensors); TEST(evaluations); TEST(nothing_written);
    mim_tensors_destroy(set);
    mim_tensors_destroy(view);
    mim_optimizer_destroy(optimizer);
    mim_masker_destroy(masker);
    mim_head_destroy(head);
    mim_encoder_destroy(encoder);
    mim_trainer_destroy(trainer);
    mim_config_destroy(config);
    mim_context_destroy(ctx);
    return test_end();
}
