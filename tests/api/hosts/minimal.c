/* SPDX-License-Identifier: MIT */
/* minimal.c -- the least a host does: pictures in memory, steps, the loss, a state in a file.
 *
 *     minimal STATE */
#include <mim.h>
#include <stdio.h>

enum { MINIMAL_PICTURES = 32, MINIMAL_SIDE = 32, MINIMAL_BATCH = 16, MINIMAL_EPOCHS = 2 };
static uint8_t minimal_pixels[MINIMAL_PICTURES][MINIMAL_SIDE][MINIMAL_SIDE][3];

static mim_status minimal_run(mim_trainer *trainer)
{
    mim_images batch = { .struct_size = sizeof batch, .type = MIM_U8, .count = MINIMAL_BATCH, .height = MINIMAL_SIDE,
                         .width = MINIMAL_SIDE, .channels = 3 };
    mim_status status = MIM_OK;
    for (int done = 0; !status && done < MINIMAL_EPOCHS * MINIMAL_PICTURES; done += MINIMAL_BATCH) {
        double loss = 0;
        batch.data = minimal_pixels[done % MINIMAL_PICTURES];
        status = mim_trainer_step(trainer, &batch, done / MINIMAL_PICTURES, NULL);
        if (!status) status = mim_trainer_metric(trainer, "loss", &loss);
        if (!status) printf("after %d pictures: loss %.4f\n", done + MINIMAL_BATCH, loss);
    }
    return status;
}

int main(int argc, char **argv)
{
    mim_context *context = NULL;
    mim_config *config = NULL;
    mim_trainer *trainer = NULL;
    mim_tensors *state = NULL;
    char why[256] = "";
    mim_status status = argc == 2 ? mim_context_create(NULL, &context) : MIM_ERR_ARGUMENT;
    if (!status) status = mim_config_create(context, "simmim_vit_tiny_32", &config);
    if (!status) status = mim_config_set_i64(config, "trainer.batch", MINIMAL_BATCH);
    if (!status) status = mim_trainer_create(context, config, NULL, NULL, NULL, NULL, &trainer);
    if (!status) status = minimal_run(trainer);
    if (!status) status = mim_trainer_tensors(trainer, MIM_STATE, NULL, &state);
    if (!status) status = mim_tensors_save(state, argv[1]);
    if (status && !mim_last_error(context, why, sizeof why, NULL))
        fprintf(stderr, "%s\n", why);
    mim_tensors_destroy(state);
    mim_trainer_destroy(trainer);
    mim_config_destroy(config);
    mim_context_destroy(context);
    return status != MIM_OK;
}
