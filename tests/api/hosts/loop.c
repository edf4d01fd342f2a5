/* SPDX-License-Identifier: MIT */
/* loop.c -- a host that keeps all in its hands: masks of its own, gradients it may exchange and clips itself, and one
 * file from which the run goes on.
 *
 *     loop STATE STEPS */
#include <mim.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOP_BATCH = 8, LOOP_SIDE = 64 };
struct loop { mim_context *context; mim_trainer *trainer; mim_tensors *inputs, *gradients, *state; int64_t next; };

static void loop_pictures(int64_t step, uint8_t *pixels, int64_t *ids)
{
    for (int i = 0; i < LOOP_BATCH; i++)
        ids[i] = step * LOOP_BATCH + i;
    for (size_t i = 0; i < (size_t)LOOP_BATCH * LOOP_SIDE * LOOP_SIDE * 3; i++)
        pixels[i] = (uint8_t)((size_t)step * 8 + i / 7);
}

/* One half of each picture, which one by its number. */
static void loop_masks(uint8_t *mask, int64_t rows, int64_t cols, const int64_t *ids)
{
    for (int64_t b = 0; b < LOOP_BATCH; b++)
        for (int64_t i = 0; i < rows * cols; i++)
            *mask++ = (uint8_t)((i % cols < cols / 2) == (ids[b] & 1));
}

static void loop_clip(float *g, size_t count, double most)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)g[i] * g[i];
    for (size_t i = 0; i < count && sqrt(sum) > most; i++)
        g[i] *= (float)(most / sqrt(sum));
}

static mim_status loop_fresh(struct loop *l)
{
    mim_config *config = NULL;
    mim_status status = mim_config_create(l->context, "simmim_vit_tiny", &config);
    if (!status) status = mim_config_read_json(config,
        "{\"image\": {\"height\": 64, \"width\": 64}, \"encoder\": {\"patch\": 8, \"depth\": 3}, \"precision\": \"bf16\","
        " \"trainer\": {\"batch\": 8, \"memory_budget\": 2000000000}, \"masker\": {\"kind\": \"host\"}, \"optimizer\": {\"clip\": 0}}");
    if (!status) status = mim_trainer_create(l->context, config, NULL, NULL, NULL, NULL, &l->trainer);
    mim_config_destroy(config);
    return status;
}

/* The run that the file holds, or a new one. */
static mim_status loop_begin(struct loop *l, const char *path)
{
    mim_tensors *stored = NULL;
    char text[32];
    mim_status status = mim_tensors_open(l->context, path, &stored);
    if (status == MIM_ERR_IO)
        return loop_fresh(l);
    if (!status && !mim_tensors_get_text(stored, "host.next", text, sizeof text, NULL))
        l->next = atoll(text);
    if (!status) status = mim_trainer_resume(l->context, NULL, stored, &l->trainer);
    mim_tensors_destroy(stored);
    return status;
}

static mim_status loop_step(struct loop *l, float *g, size_t count, const int64_t *shape)
{
    static uint8_t pixels[LOOP_BATCH * LOOP_SIDE * LOOP_SIDE * 3], mask[LOOP_BATCH * LOOP_SIDE * LOOP_SIDE];
    int64_t ids[LOOP_BATCH];
    double loss = 0, norm = 0;
    mim_images images = { .struct_size = sizeof images, .data = pixels, .type = MIM_U8, .count = LOOP_BATCH, .height = LOOP_SIDE,
                          .width = LOOP_SIDE, .channels = 3 };
    loop_pictures(l->next, pixels, ids);
    loop_masks(mask, shape[1], shape[2], ids);
    mim_status status = mim_trainer_set_input(l->trainer, "mask", MIM_U8, mask, (size_t)(LOOP_BATCH * shape[1] * shape[2]));
    if (!status) status = mim_trainer_forward(l->trainer, &images, l->next, ids);
    if (!status) status = mim_trainer_backward(l->trainer);
    if (status)
        return status;
    loop_clip(g, count, 1);
    status = mim_trainer_update(l->trainer);
    if (status == MIM_ERR_NOT_FINITE)                       /* skipped and counted */
        status = MIM_OK;
    if (!status) status = mim_trainer_metric(l->trainer, "loss", &loss);
    if (!status) status = mim_trainer_metric(l->trainer, "gradient_norm", &norm);
    printf("step %lld: loss %.4f, gradient %.3f\n", (long long)l->next, loss, norm);
    return status ? status : norm <= 1.001 ? MIM_OK : MIM_ERR_VALUE;
}

static mim_status loop_save(struct loop *l, const char *path)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)l->next);
    mim_status status = mim_tensors_set_text(l->state, "host.next", text);
    return status ? status : mim_tensors_save(l->state, path);
}

int main(int argc, char **argv)
{
    struct loop l = { NULL, NULL, NULL, NULL, NULL, 0 };
    int64_t shape[MIM_MAX_RANK] = { 0 };
    float *g = NULL;
    size_t count = 0;
    mim_status status = argc == 3 ? mim_context_create(NULL, &l.context) : MIM_ERR_ARGUMENT;
    if (!status) status = mim_context_set_threads(l.context, 2);
    if (!status) status = loop_begin(&l, argv[1]);
    if (!status) status = mim_trainer_tensors(l.trainer, MIM_INPUTS, NULL, &l.inputs);
    if (!status) status = mim_trainer_tensors(l.trainer, MIM_GRADIENTS, NULL, &l.gradients);
    if (!status) status = mim_trainer_tensors(l.trainer, MIM_STATE, NULL, &l.state);
    if (!status) status = mim_tensors_info(l.inputs, "mask", NULL, NULL, shape, NULL);
    if (!status) status = mim_tensors_data(l.gradients, NULL, &g, &count);
    for (int64_t end = status ? 0 : atoll(argv[2]); !status && l.next < end; l.next++)
        status = loop_step(&l, g, count, shape);
    if (!status) status = loop_save(&l, argv[1]);
    if (status) {
        char why[512] = "";
        mim_last_error(l.context, why, sizeof why, NULL);
        fprintf(stderr, "%s: %s\n", mim_status_name(status), why);
    }
    mim_tensors_destroy(l.state);
    mim_tensors_destroy(l.gradients);
    mim_tensors_destroy(l.inputs);
    mim_trainer_destroy(l.trainer);
    mim_context_destroy(l.context);
    return status != MIM_OK;
}
