/* SPDX-License-Identifier: MIT */
/* frozen.c -- an encoder inside a larger model of the host: tokens go out, their gradient comes in, gradients of pixels
 * and weights go out again. The first two blocks stay as they are.
 *
 *     frozen FOLDER */
#include <mim.h>
#include <stdio.h>
#include <stdlib.h>

enum { FROZEN_BATCH = 4, FROZEN_SIDE = 64, FROZEN_STEPS = 20 };
static uint8_t frozen_pixels[FROZEN_BATCH][FROZEN_SIDE][FROZEN_SIDE][3];
struct frozen { mim_trainer *trainer; mim_tensors *outputs, *gradients; float *tokens, *gradient; size_t n; double first, loss; };

/* The rest of the host's model: it would have every token zero. */
static double frozen_model(const float *tokens, float *gradient, size_t n)
{
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        loss += 0.5 * (double)tokens[i] * (double)tokens[i] / (double)n;
        gradient[i] = tokens[i] / (float)n;
    }
    return loss;
}

static mim_status frozen_make(mim_context *context, const char *folder, mim_trainer **trainer)
{
    mim_tensors *weights = NULL;
    mim_encoder *encoder = NULL;
    mim_config *config = NULL;
    mim_status status = mim_tensors_open(context, folder, &weights);
    if (!status) status = mim_encoder_create(context, NULL, weights, &encoder);
    if (!status) status = mim_config_create(context, NULL, &config);
    if (!status) status = mim_config_read_json(config,
        "{\"head\": {\"kind\": \"none\"}, \"optimizer\": {\"kind\": \"adamw\", \"rate\": 1e-3}, \"trainer\": {\"batch\": 4,"
        " \"outputs\": [\"tokens\", \"pixels.gradient\"],"
        " \"frozen\": [\"encoder.patch_embed.*\", \"encoder.blocks.0.*\", \"encoder.blocks.1.*\"]}}");
    if (!status) status = mim_trainer_create(context, config, encoder, NULL, NULL, NULL, trainer);
    mim_config_destroy(config);
    mim_encoder_destroy(encoder);
    mim_tensors_destroy(weights);
    return status;
}

static mim_status frozen_step(struct frozen *f, const mim_images *images)
{
    float of_pixel = 0, of_bias = 0;
    mim_status status = mim_trainer_forward(f->trainer, images, 0, NULL);
    if (!status) status = mim_tensors_read(f->outputs, "tokens", MIM_F32, 0, f->n, f->tokens);
    if (status)
        return status;
    f->loss = frozen_model(f->tokens, f->gradient, f->n);
    status = mim_trainer_set_input(f->trainer, "gradient", MIM_F32, f->gradient, f->n);
    if (!status) status = mim_trainer_backward(f->trainer);
    if (!status) status = mim_tensors_read(f->outputs, "pixels.gradient", MIM_F32, 0, 1, &of_pixel);
    if (!status) status = mim_tensors_read(f->gradients, "encoder.norm.bias", MIM_F32, 0, 1, &of_bias);
    if (!status) status = mim_trainer_update(f->trainer);
    if (!status) printf("loss %.5f, of a pixel %.2e, of a bias %.2e\n", f->loss, (double)of_pixel, (double)of_bias);
    return status;
}

static mim_status frozen_views(struct frozen *f)
{
    mim_status status = mim_trainer_tensors(f->trainer, MIM_OUTPUTS, NULL, &f->outputs);
    if (!status) status = mim_trainer_tensors(f->trainer, MIM_GRADIENTS, "mim", &f->gradients);
    if (!status) status = mim_tensors_info(f->outputs, "tokens", NULL, NULL, NULL, &f->n);
    if (status)
        return status;
    f->tokens = malloc(f->n * sizeof *f->tokens);
    f->gradient = malloc(f->n * sizeof *f->gradient);
    return f->tokens && f->gradient ? MIM_OK : MIM_ERR_NOMEM;
}

int main(int argc, char **argv)
{
    mim_context *context = NULL;
    struct frozen f = { NULL, NULL, NULL, NULL, NULL, 0, 0, 0 };
    mim_images images = { .struct_size = sizeof images, .data = frozen_pixels, .type = MIM_U8, .count = FROZEN_BATCH,
                          .height = FROZEN_SIDE, .width = FROZEN_SIDE, .channels = 3 };
    mim_status status = argc == 2 ? mim_context_create(NULL, &context) : MIM_ERR_ARGUMENT;
    if (!status) status = frozen_make(context, argv[1], &f.trainer);
    if (!status) status = frozen_views(&f);
    for (int step = 0; !status && step < FROZEN_STEPS; step++) {
        status = frozen_step(&f, &images);
        f.first = step ? f.first : f.loss;
    }
    if (status) {
        char why[512] = "";
        mim_last_error(context, why, sizeof why, NULL);
        fprintf(stderr, "%s: %s\n", mim_status_name(status), why);
    }
    free(f.gradient);
    free(f.tokens);
    mim_tensors_destroy(f.gradients);
    mim_tensors_destroy(f.outputs);
    mim_trainer_destroy(f.trainer);
    mim_context_destroy(context);
    return status != MIM_OK || f.loss >= f.first;
}
