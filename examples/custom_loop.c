/* SPDX-License-Identifier: MIT */
/* custom_loop.c -- a training loop of the host's own: two batches make one update, gradients are read and clipped between
 * backward and update. Processes that share a run would exchange their gradients in the same place.
 *
 *     custom_loop [UPDATES] */
#include "support/scenes.h"

#include <mim.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 32, SIDE = 32, ACCUMULATE = 2 };
static const double most = 1;                           /* norm the gradient of one tensor may have */
static uint8_t pixels[BATCH][SIDE][SIDE][3];

static mim_status make_trainer(mim_context *context, mim_trainer **trainer)
{
    mim_config *config = NULL;
    mim_status status = mim_config_create(context, "simmim_vit_tiny_32", &config);
    if (!status) status = mim_config_read_json(config, "{\"trainer\": {\"batch\": 32, \"accumulate\": 2},"
                                                       " \"optimizer\": {\"clip\": 0}}");
    if (!status) status = mim_trainer_create(context, config, NULL, NULL, NULL, NULL, trainer);
    mim_config_destroy(config);
    return status;
}

/* Each tensor by itself, in place; counts those that were too long. */
static mim_status clip(mim_tensors *gradients, int *clipped)
{
    for (int64_t i = 0; i < mim_tensors_count(gradients); i++) {
        char name[256];
        float *g;
        size_t n;
        double sum = 0;
        mim_status status = mim_tensors_name(gradients, i, name, sizeof name, NULL);
        if (!status) status = mim_tensors_data(gradients, name, &g, &n);
        if (status)
            return status;
        for (size_t k = 0; k < n; k++)
            sum += (double)g[k] * (double)g[k];
        double scale = sum > most * most ? most / sqrt(sum) : 1;
        for (size_t k = 0; scale < 1 && k < n; k++)
            g[k] *= (float)scale;
        *clipped += scale < 1;
    }
    return MIM_OK;
}

static mim_status update(mim_trainer *trainer, mim_tensors *gradients, const mim_images *images, int64_t number)
{
    double sum = 0, loss = 0;
    int clipped = 0;
    mim_status status = MIM_OK;
    for (int64_t i = 0; !status && i < ACCUMULATE; i++) {
        for (int64_t b = 0; b < BATCH; b++)
            scene_draw(1, (number * ACCUMULATE + i) * BATCH + b, SIDE, pixels[b][0][0]);
        status = mim_trainer_forward(trainer, images, 0, NULL);
        if (!status) status = mim_trainer_backward(trainer);
        if (!status) status = mim_trainer_metric(trainer, "loss", &loss);
        sum += loss;
    }
    if (!status) status = clip(gradients, &clipped);
    if (!status) status = mim_trainer_update(trainer);
    if (status == MIM_ERR_NOT_FINITE) {                  /* weights are as they were, and the next batch may follow */
        printf("update %lld skipped\n", (long long)number + 1);
        return MIM_OK;
    }
    if (!status) printf("update %lld, loss %.4f, %d clipped\n", (long long)number + 1, sum / ACCUMULATE, clipped);
    return status;
}

int main(int argc, char **argv)
{
    int64_t updates = argc > 1 ? atoll(argv[1]) : 20;
    mim_context *context = NULL;
    mim_trainer *trainer = NULL;
    mim_tensors *gradients = NULL;
    mim_images images = { .struct_size = sizeof images, .data = pixels, .type = MIM_U8, .count = BATCH,
                          .height = SIDE, .width = SIDE, .channels = 3 };
    char why[512] = "";
    mim_status status = mim_context_create(NULL, &context);
    if (!status) status = make_trainer(context, &trainer);
    if (!status) status = mim_trainer_tensors(trainer, MIM_GRADIENTS, "mim", &gradients);
    for (int64_t i = 0; !status && i < updates; i++)
        status = update(trainer, gradients, &images, i);
    if (status && !mim_last_error(context, why, sizeof why, NULL)) fprintf(stderr, "%s\n", why);
    mim_tensors_destroy(gradients);
    mim_trainer_destroy(trainer);
    mim_context_destroy(context);
    return status != MIM_OK;
}
