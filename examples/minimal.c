/* SPDX-License-Identifier: MIT */
/* minimal.c -- pretrain on pictures in memory, print the loss, save. */
#include <mim.h>
#include <stdio.h>

enum { PICTURES = 512, SIDE = 32, SIZE = SIDE * SIDE * 3, BATCH = 64, STEPS = 40 };
static uint8_t pixels[PICTURES * SIZE];                     /* RGB; here ramps, every picture another slope */

int main(void)
{
    mim_context *context = NULL;
    mim_config *config = NULL;
    mim_trainer *trainer = NULL;
    mim_tensors *state = NULL;
    mim_images batch = { .struct_size = sizeof batch, .type = MIM_U8, .count = BATCH,
                         .height = SIDE, .width = SIDE, .channels = 3 };
    char why[512] = "";
    for (int i = 0; i < PICTURES * SIZE; i++)
        pixels[i] = (uint8_t)(i / 3 % SIDE * (i / SIZE % 9));

    mim_status status = mim_context_create(NULL, &context);
    if (!status) status = mim_config_create(context, "simmim_vit_tiny_32", &config);
    if (!status) status = mim_config_set_i64(config, "trainer.batch", BATCH);
    if (!status) status = mim_trainer_create(context, config, NULL, NULL, NULL, NULL, &trainer);
    for (int step = 0; !status && step < STEPS; step++) {
        double loss = 0;
        batch.data = pixels + step * BATCH % PICTURES * SIZE;
        status = mim_trainer_step(trainer, &batch, step * BATCH / PICTURES, NULL);
        if (!status) status = mim_trainer_metric(trainer, "loss", &loss);
        if (!status) printf("step %d, loss %.4f\n", step + 1, loss);
    }
    if (!status) status = mim_trainer_tensors(trainer, MIM_STATE, NULL, &state);
    if (!status) status = mim_tensors_save(state, "run.safetensors");
    if (status) mim_last_error(context, why, sizeof why, NULL);
    if (status) fprintf(stderr, "%s: %s\n", mim_status_name(status), why);
    mim_tensors_destroy(state);
    mim_trainer_destroy(trainer);
    mim_config_destroy(config);
    mim_context_destroy(context);
    return status != MIM_OK;
}
