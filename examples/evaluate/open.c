/* SPDX-License-Identifier: MIT */
/* open.c -- pictures, labels, weights and configuration. What does not fit together is found here. */
#include "task.h"
#include "../support/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- pictures and labels ---- */

static mim_status open_pictures(const struct texts *paths, const char *option, struct data *data)
{
    struct why why;
    if (data_open_list(paths->text, paths->count, data, &why))
        return tell_wrong(MIM_ERR_IO, "%s: %s", option, why.text);
    if (!data->count)
        return tell_wrong(MIM_ERR_VALUE, "%s %s holds no pictures", option, paths->text[0]);
    if (!data->classes)
        return tell_wrong(MIM_ERR_VALUE, "%s %s: these pictures have no labels", option, paths->text[0]);
    return MIM_OK;
}

static mim_status count_classes(struct task *t)
{
    long long given = t->arguments->classes;
    int most = t->train.classes > t->test.classes ? t->train.classes : t->test.classes;
    if (given && (given < most || given > 1000000))
        return tell_wrong(MIM_ERR_VALUE, "--classes %lld, but the labels go up to %d", given, most - 1);
    if (!given && t->train.classes != t->test.classes)
        return tell_wrong(MIM_ERR_VALUE, "--train has %d classes, --test %d; --classes N says how many there are",
                          (int)t->train.classes, (int)t->test.classes);
    t->classes = given ? (int32_t)given : most;
    if (t->classes < 2)
        return tell_wrong(MIM_ERR_VALUE, "all pictures are of one class; two are needed");
    return MIM_OK;
}

static mim_status read_labels(const struct task *t, const struct data *data, const char *option, int64_t **to)
{
    int64_t *labels = malloc((size_t)data->count * sizeof *labels);
    if (!labels)
        return tell_wrong(MIM_ERR_NOMEM, "no memory for %lld labels", (long long)data->count);
    *to = labels;
    for (int64_t i = 0; i < data->count; i++) {
        labels[i] = data->pictures[i].label;
        if (labels[i] < 0 || labels[i] >= t->classes)
            return tell_wrong(MIM_ERR_VALUE, "%s: picture %lld has label %lld, outside 0 .. %d", option, (long long)i,
                              (long long)labels[i], t->classes - 1);
    }
    return MIM_OK;
}

static mim_status open_data(struct task *t)
{
    mim_status status = open_pictures(&t->arguments->train, "--train", &t->train);
    if (!status) status = open_pictures(&t->arguments->test, "--test", &t->test);
    if (!status && t->train.channels != t->test.channels)
        return tell_wrong(MIM_ERR_SHAPE, "--train has %d channel(s), --test %d", (int)t->train.channels,
                          (int)t->test.channels);
    if (!status) status = count_classes(t);
    if (!status) status = read_labels(t, &t->train, "--train", &t->train_labels);
    if (!status) status = read_labels(t, &t->test, "--test", &t->test_labels);
    return status;
}

/* One name a line; empty lines are passed over, and so are lines after the last class. */
static mim_status read_names(struct task *t)
{
    struct why why;
    size_t size;
    int n = 0;
    t->text = (char *)read_file(t->arguments->names, &size, &why);
    if (!t->text)
        return tell_wrong(MIM_ERR_IO, "--names: %s", why.text);
    t->names = malloc((size_t)t->classes * sizeof *t->names);
    for (char *p = strtok(t->text, "\r\n"); t->names && p && n < t->classes; p = strtok(NULL, "\r\n"))
        t->names[n++] = p;
    return n == t->classes ? MIM_OK : tell_wrong(MIM_ERR_VALUE, "--names %s: %d names for %d classes", t->arguments->names,
                                                 n, (int)t->classes);
}

/* ---- configuration ---- */

/* Without weights pictures stay at the size of the first. */
static mim_status describe_pictures(struct task *t)
{
    mim_status status = mim_config_set_i64(t->config, "image.channels", t->train.channels);
    if (!status) status = mim_config_set_i64(t->config, "image.height", t->train.pictures[0].height);
    if (!status) status = mim_config_set_i64(t->config, "image.width", t->train.pictures[0].width);
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
    if (!status && channels != t->train.channels)
        return tell_wrong(MIM_ERR_SHAPE, "%s is of pictures of %lld channel(s); these have %d", t->arguments->weights,
                          (long long)channels, (int)t->train.channels);
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

mim_status task_open(struct task *t)
{
    if (t->arguments->out && is_file(t->arguments->out))
        return tell_wrong(MIM_ERR_IO, "--out %s is a file; it should be a folder", t->arguments->out);
    mim_status status = open_data(t);
    if (!status && t->arguments->names) status = read_names(t);
    if (!status) status = configure(t);
    if (!status && !(t->scores = malloc((size_t)t->test.count * (size_t)t->classes * sizeof *t->scores)))
        return tell_wrong(MIM_ERR_NOMEM, "no memory for the scores of %lld pictures", (long long)t->test.count);
    if (!status)
        printf("%lld pictures to train on, %lld to test, %d classes\n", (long long)t->train.count, (long long)t->test.count,
               (int)t->classes);
    return status;
}

void task_close(struct task *t)
{
    free(t->names);
    free(t->text);
    free(t->scores);
    free(t->train_labels);
    free(t->test_labels);
    data_close(&t->train);
    data_close(&t->test);
    mim_config_destroy(t->config);
    mim_tensors_destroy(t->weights);
}
