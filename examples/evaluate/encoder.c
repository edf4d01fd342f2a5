/* SPDX-License-Identifier: MIT */
/* encoder.c -- the encoder under test: with its weights, untrained, or with its weights but for the last norm. */
#include "task.h"

#include <stdlib.h>
#include <string.h>

/* One tensor of `to`, if `from` has it too. */
static mim_status copy_tensor(const mim_tensors *from, const char *name, mim_tensors *to)
{
    size_t n = 0, there = 0;
    mim_status status = mim_tensors_info(to, name, NULL, NULL, NULL, &n);
    if (status || mim_tensors_info(from, name, NULL, NULL, NULL, &there))
        return status;
    float *values = there == n ? malloc(n * sizeof *values + 1) : NULL;
    status = there != n ? MIM_ERR_SHAPE : values ? mim_tensors_read(from, name, MIM_F32, 0, n, values) : MIM_ERR_NOMEM;
    if (!status) status = mim_tensors_write(to, name, MIM_F32, 0, n, values);
    free(values);
    return status;
}

static mim_status copy_tensors(mim_encoder *from, mim_encoder *to)
{
    char name[256];
    mim_tensors *source = NULL, *target = NULL;
    mim_status status = mim_encoder_tensors(from, MIM_WEIGHTS, "mim", &source);
    if (!status) status = mim_encoder_tensors(to, MIM_WEIGHTS, "mim", &target);
    for (int64_t i = 0; !status && i < mim_tensors_count(target); i++) {
        status = mim_tensors_name(target, i, name, sizeof name, NULL);
        if (!status) status = copy_tensor(source, name, target);
    }
    mim_tensors_destroy(target);
    mim_tensors_destroy(source);
    return status;
}

/* The weights as they are need their own last norm: "encoder.norm" and "pool_norm" unset mean what the weights say. */
static mim_status load_as_stored(struct task *t, mim_encoder **encoder)
{
    char *json = NULL;
    size_t needed = 0;
    mim_config *config = NULL;
    mim_status status = mim_config_write_json(t->config, NULL, 0, &needed);
    if (status != MIM_OK && status != MIM_ERR_SPACE)
        return status;
    json = malloc(needed);
    status = json ? mim_config_write_json(t->config, json, needed, NULL) : MIM_ERR_NOMEM;
    if (!status) status = mim_config_create(t->context, NULL, &config);
    if (!status) status = mim_config_read_json(config, json);
    if (!status) status = mim_config_set_str(config, "encoder.norm", NULL);
    if (!status) status = mim_config_set_str(config, "encoder.pool_norm", NULL);
    if (!status) status = mim_encoder_create(t->context, config, t->weights, encoder);
    mim_config_destroy(config);
    free(json);
    return status;
}

/* A picture's features are the norm of the mean in fine-tuning, and pretraining has only the norm of each token: what the
 * weights do not have begins afresh. */
static mim_status load_for_tuning(struct task *t, mim_encoder **out)
{
    mim_encoder *stored = NULL, *encoder = NULL;
    mim_status status = load_as_stored(t, &stored);
    if (!status) status = mim_encoder_create(t->context, t->config, NULL, &encoder);
    if (!status) status = copy_tensors(stored, encoder);
    mim_encoder_destroy(stored);
    if (status)
        mim_encoder_destroy(encoder);
    else
        *out = encoder;
    return status;
}

mim_status task_encoder(struct task *t, mim_encoder **encoder)
{
    if (t->arguments->scratch || t->probe == PROBE_RANDOM)
        return mim_encoder_create(t->context, t->config, NULL, encoder);
    return t->probe == PROBE_FINETUNE ? load_for_tuning(t, encoder)
                                      : mim_encoder_create(t->context, t->config, t->weights, encoder);
}
