/* SPDX-License-Identifier: MIT */
/* open.c -- pictures, labels, weights and configuration. What does not fit together is found here. */
#include "task.h"
#include "../support/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One name a line; empty lines are passed over, and so are lines after the last class. */
static mim_status read_names(struct task *t)
{
    struct why why;
    size_t size;
    int n = 0;
    t->text = (char *)read_file(t->arguments->names, &size, &why);
    if (!t->text)
        return tell_wrong(MIM_ERR_IO, "--names: %s", why.text);
    t->names = malloc((size_t)t->set.classes * sizeof *t->names);
    for (char *p = strtok(t->text, "\r\n"); t->names && p && n < t->set.classes; p = strtok(NULL, "\r\n"))
        t->names[n++] = p;
    return n == t->set.classes ? MIM_OK : tell_wrong(MIM_ERR_VALUE, "--names %s: %d names for %d classes",
                                                     t->arguments->names, n, (int)t->set.classes);
}

/* ---- configuration ---- */

/* Without weights pictures stay at the size of the first. */
static mim_status describe_pictures(struct task *t)
{
    mim_status status = mim_config_set_i64(t->config, "image.channels", t->set.train.channels);
    if (!status) status = mim_config_set_i64(t->config, "image.height", t->set.train.pictures[0].height);
    if (!status) status = mim_config_set_i64(t->config, "image.width", t->set.train.pictures[0].width);
    return status;
}

static mim_status describe_model(struct task *t)
{
    mim_config *whole = NULL;
    mim_status status = model_open(t->context, t->arguments->weights, &t->weights);
    if (!status) status = mim_config_from_tensors(t->weights, &whole);
    if (!status) status = model_copy_sections(whole, "image. encoder. precision", t->config);
    mim_config_destroy(whole);
    return status;
}

static mim_status check_channels(const struct task *t)
{
    int64_t channels = 0;
    mim_status status = mim_config_get_i64(t->config, "image.channels", &channels);
    if (!status && channels != t->set.train.channels)
        return tell_wrong(MIM_ERR_SHAPE, "%s is of pictures of %lld channel(s); these have %d", t->arguments->weights,
                          (long long)channels, (int)t->set.train.channels);
    return status;
}

static mim_status configure(struct task *t)
{
    const struct arguments *a = t->arguments;
    mim_status status = mim_config_create(t->context, NULL, &t->config);
    if (!status) status = a->weights ? describe_model(t) : describe_pictures(t);
    if (!status && a->precision) status = mim_config_set_str(t->config, "precision", a->precision);
    if (!status && a->seed >= 0) status = mim_config_set_i64(t->config, "seed", a->seed);
    return status ? tell_failed(t->context, status, a->weights ? a->weights : "configuration") : check_channels(t);
}

/* What is trained here goes into a folder of its own, not over the run that it began from. */
static mim_status check_out(const struct arguments *a, enum probe probe)
{
    if (!a->out)
        return MIM_OK;
    if (is_file(a->out))
        return tell_wrong(MIM_ERR_IO, "--out %s is a file; it should be a folder", a->out);
    char *state = join_path(a->out, "state.safetensors"), *model = join_path(a->out, "model.safetensors");
    int trains = probe == PROBE_STEPS || probe == PROBE_FINETUNE;
    int taken = !state || !model || is_file(state) || is_file(model);
    free(model);
    free(state);
    if (trains && (taken || (a->weights && same_path(a->out, a->weights))))
        return tell_wrong(MIM_ERR_VALUE, "--out %s holds a model already; give another folder", a->out);
    return MIM_OK;
}

mim_status task_open(struct task *t)
{
    mim_status status = check_out(t->arguments, t->probe);
    if (!status) status = labelled_open(&t->arguments->train, &t->arguments->test, t->arguments->classes, &t->set);
    if (!status && t->arguments->names) status = read_names(t);
    if (!status) status = configure(t);
    if (!status && !(t->scores = malloc((size_t)t->set.test.count * (size_t)t->set.classes * sizeof *t->scores)))
        return tell_wrong(MIM_ERR_NOMEM, "no memory for the scores of %lld pictures", (long long)t->set.test.count);
    if (!status)
        printf("%lld pictures to train on, %lld to test, %d classes\n", (long long)t->set.train.count,
               (long long)t->set.test.count, (int)t->set.classes);
    return status;
}

void task_close(struct task *t)
{
    free(t->names);
    free(t->text);
    free(t->scores);
    labelled_close(&t->set);
    mim_config_destroy(t->config);
    mim_tensors_destroy(t->weights);
}
