/* SPDX-License-Identifier: MIT */
/* open.c -- pictures, and a trainer that only evaluates. */
#include "task.h"
#include "../support/model.h"

#include <stdio.h>
#include <string.h>

static mim_status open_pictures(struct task *t)
{
    struct why why;
    const struct arguments *a = t->arguments;
    if (data_open_list(a->data.text, a->data.count, &t->data, &why))
        return tell_wrong(MIM_ERR_IO, "%s", why.text);
    if (!t->data.count)
        return tell_wrong(MIM_ERR_VALUE, "%s holds no pictures", a->data.text[0]);
    t->count = a->count && a->count < t->data.count ? a->count : t->data.count;
    return MIM_OK;
}

static mim_status set_arguments(const struct arguments *a, mim_config *config)
{
    mim_status status = mim_config_set_i64(config, "trainer.batch", BATCH);
    if (!status) status = mim_config_set_i64(config, "trainer.gradients", 0);
    if (!status && a->ratio > 0) status = mim_config_set_f64(config, "masker.ratio", a->ratio);
    if (!status && a->ratio > 0) status = mim_config_set_i64(config, "masker.count", 0);
    if (!status && a->precision) status = mim_config_set_str(config, "precision", a->precision);
    if (!status && a->seed >= 0) status = mim_config_set_i64(config, "seed", a->seed);
    for (int i = 0; !status && i < a->set.count; i++)
        status = model_set(config, a->set.text[i]);
    return status;
}

static mim_status configure(struct task *t, const mim_tensors *weights, mim_config **config)
{
    mim_config *whole = NULL;
    mim_status status = mim_config_create(t->context, NULL, config);
    if (!status) status = mim_config_from_tensors(weights, &whole);
    if (!status) status = model_copy_sections(whole, "image. encoder. head. masker. precision", *config);
    if (!status) status = set_arguments(t->arguments, *config);
    mim_config_destroy(whole);
    return status;
}

static mim_status create_trainer(struct task *t, const mim_config *config, const mim_tensors *weights)
{
    char target[32] = "";
    mim_encoder *encoder = NULL;
    mim_head *head = NULL;
    mim_status status = mim_encoder_create(t->context, config, weights, &encoder);
    if (!status) status = mim_head_create(t->context, config, encoder, weights, &head);
    if (!status) status = mim_trainer_create(t->context, config, encoder, head, NULL, NULL, &t->trainer);
    if (!status) status = mim_config_get_str(config, "head.target", target, sizeof target, NULL);
    t->normalised = !strcmp(target, "patch_norm") || !strcmp(target, "window_norm");
    mim_head_destroy(head);
    mim_encoder_destroy(encoder);
    return status;
}

static mim_status check_model(const struct task *t, const mim_config *config)
{
    int64_t channels = 0;
    char kind[32] = "";
    mim_status status = mim_config_get_i64(config, "image.channels", &channels);
    if (!status) status = mim_config_get_str(config, "head.kind", kind, sizeof kind, NULL);
    if (!status && (!strcmp(kind, "classifier") || !strcmp(kind, "tokens") || !strcmp(kind, "none")))
        return tell_wrong(MIM_ERR_UNSUPPORTED, "%s does not predict pixels: its head is of kind %s", t->arguments->weights,
                          kind);
    if (!status && channels != t->data.channels)
        return tell_wrong(MIM_ERR_SHAPE, "%s is of pictures of %lld channel(s); these have %d", t->arguments->weights,
                          (long long)channels, (int)t->data.channels);
    return status;
}

mim_status task_open(struct task *t)
{
    mim_tensors *weights = NULL;
    mim_config *config = NULL;
    mim_status status = open_pictures(t);
    if (status)
        return status;
    status = model_open(t->context, t->arguments->weights, &weights);
    if (!status) status = configure(t, weights, &config);
    if (status)
        tell_failed(t->context, status, t->arguments->weights);
    else if (!(status = check_model(t, config)) && (status = create_trainer(t, config, weights)))
        tell_failed(t->context, status, t->arguments->weights);
    mim_config_destroy(config);
    mim_tensors_destroy(weights);
    return status;
}

void task_close(struct task *t)
{
    mim_trainer_destroy(t->trainer);
    data_close(&t->data);
}
