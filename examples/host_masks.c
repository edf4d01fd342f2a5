/* SPDX-License-Identifier: MIT */
/* host_masks.c -- masks of the host's own making: a triangle of patches, cut along a diagonal that changes sides from
 * picture to picture, in place of a masker's draw.
 *
 *     host_masks [STEPS] */
#include "support/scenes.h"

#include <mim.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 32, SIDE = 32 };
static uint8_t pixels[BATCH][SIDE][SIDE][3], mask[BATCH * SIDE * SIDE];

/* u8 [BATCH, rows, cols], 1 = hidden. */
static void draw_masks(int64_t rows, int64_t cols, int64_t first)
{
    uint8_t *m = mask;
    for (int64_t b = 0; b < BATCH; b++)
        for (int64_t y = 0; y < rows; y++)
            for (int64_t x = 0; x < cols; x++)
                *m++ = (first + b) % 2 ? x * rows < y * cols : x * rows + y * cols < rows * cols;
}

static mim_status make_trainer(mim_context *context, mim_trainer **trainer)
{
    mim_config *config = NULL;
    mim_status status = mim_config_create(context, "simmim_vit_tiny_32", &config);
    if (!status) status = mim_config_read_json(config, "{\"masker\": {\"kind\": \"host\"}, \"trainer\": {\"batch\": 32}}");
    if (!status) status = mim_trainer_create(context, config, NULL, NULL, NULL, NULL, trainer);
    mim_config_destroy(config);
    return status;
}

static mim_status step(mim_trainer *trainer, const mim_images *images, const int64_t *grid, int64_t number)
{
    double loss = 0, hidden = 0;
    for (int64_t b = 0; b < BATCH; b++)
        scene_draw(1, number * BATCH + b, SIDE, pixels[b][0][0]);
    draw_masks(grid[1], grid[2], number * BATCH);
    mim_status status = mim_trainer_set_input(trainer, "mask", MIM_U8, mask, (size_t)(BATCH * grid[1] * grid[2]));
    if (!status) status = mim_trainer_step(trainer, images, 0, NULL);
    if (!status) status = mim_trainer_metric(trainer, "loss", &loss);
    if (!status) status = mim_trainer_metric(trainer, "hidden", &hidden);
    if (!status) printf("step %lld, loss %.4f, %.0f %% hidden\n", (long long)number + 1, loss, 100 * hidden);
    return status;
}

int main(int argc, char **argv)
{
    int64_t steps = argc > 1 ? atoll(argv[1]) : 20, grid[MIM_MAX_RANK] = { 0 };
    mim_context *context = NULL;
    mim_trainer *trainer = NULL;
    mim_tensors *inputs = NULL;
    mim_images images = { .struct_size = sizeof images, .data = pixels, .type = MIM_U8, .count = BATCH,
                          .height = SIDE, .width = SIDE, .channels = 3 };
    char why[512] = "";
    mim_status status = mim_context_create(NULL, &context);
    if (!status) status = make_trainer(context, &trainer);
    if (!status) status = mim_trainer_tensors(trainer, MIM_INPUTS, NULL, &inputs);
    if (!status) status = mim_tensors_info(inputs, "mask", NULL, NULL, grid, NULL);      /* batch, rows, cols */
    for (int64_t i = 0; !status && i < steps; i++)
        status = step(trainer, &images, grid, i);
    if (status && !mim_last_error(context, why, sizeof why, NULL)) fprintf(stderr, "%s\n", why);
    mim_tensors_destroy(inputs);
    mim_trainer_destroy(trainer);
    mim_context_destroy(context);
    return status != MIM_OK;
}
