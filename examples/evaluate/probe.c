/* SPDX-License-Identifier: MIT */
/* probe.c -- features of the frozen encoder, or plain pixels, and a classifier on them. */
#include "task.h"
#include "../support/encode.h"
#include "../support/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITERATIONS = 200 };              /* of the linear probe: more have not changed what it says of test pictures */

/* Thousands of pixels, near ones alike, are fitted to the letter with the penalty that is good for features. */
static const double pixel_penalty = 0.1;

/* The command line on top of what the weights and the probe say. */
static mim_status configure(struct task *t)
{
    mim_status status = mim_config_set_str(t->config, "probe.kind", t->probe == PROBE_KNN ? "knn" : "linear");
    if (!status) status = mim_config_set_i64(t->config, "probe.iterations", ITERATIONS);
    if (!status && t->probe == PROBE_PIXELS) status = mim_config_set_f64(t->config, "probe.penalty", pixel_penalty);
    for (int i = 0; !status && i < t->arguments->set.count; i++)
        status = model_set(t->config, t->arguments->set.text[i]);
    return status;
}

/* ---- features ---- */

static enum pooling pooling_of(const struct task *t)
{
    char pool[16] = "";
    int64_t class_token = 0;
    const char *how = t->arguments->pool;
    if (!strcmp(how, "auto") && !mim_config_get_str(t->config, "encoder.pool", pool, sizeof pool, NULL))
        how = pool;
    if (!strcmp(how, "auto") && !mim_config_get_i64(t->config, "encoder.class_token", &class_token))
        how = class_token ? "class" : "mean";
    return strcmp(how, "class") ? POOL_MEAN : POOL_CLASS;
}

static mim_status encode_both(struct task *t, struct features *train, struct features *test)
{
    mim_encoder *encoder = NULL;
    const char *output = t->arguments->features;
    enum pooling pool = pooling_of(t);
    mim_status status = task_encoder(t, &encoder);
    if (!status) status = encode_pictures(encoder, &t->set.test, output, pool, "features to test: picture", test);
    if (!status) status = encode_pictures(encoder, &t->set.train, output, pool, "features to train: picture", train);
    if (status == MIM_ERR_UNSUPPORTED && !strcmp(t->arguments->pool, "class"))
        tell_wrong(status, "--pool class: this encoder has no class token");
    else if (status)
        tell_failed(t->context, status, t->arguments->weights);
    mim_encoder_destroy(encoder);
    return status;
}

/* As the encoder would be shown them. */
static mim_status prepare(struct task *t, const struct data *data, struct features *to)
{
    int64_t height = 0, width = 0, id;
    mim_images view;
    mim_status status = mim_config_get_i64(t->config, "image.height", &height);
    if (!status) status = mim_config_get_i64(t->config, "image.width", &width);
    to->width = height * width * data->channels;
    if (!status && !(to->rows = malloc((size_t)(to->width * data->count) * sizeof *to->rows)))
        return tell_wrong(MIM_ERR_NOMEM, "no memory for the pixels of %lld pictures", (long long)data->count);
    for (id = 0; !status && id < data->count; id++) {
        data_views(data, &id, 1, &view);
        status = mim_images_prepare(t->context, t->config, 0, &view, 0, NULL, to->rows + id * to->width, (size_t)to->width);
    }
    return status ? tell_failed(t->context, status, "pixels") : MIM_OK;
}

/* ---- classifier ---- */

static mim_status classify(struct task *t, const struct features *train, const struct features *test)
{
    const struct labelled *s = &t->set;
    if (train->width > INT32_MAX)
        return tell_wrong(MIM_ERR_SHAPE, "%lld features a picture are too many", (long long)train->width);
    printf("%s on %lld features of %lld pictures ...\n", t->probe == PROBE_KNN ? "nearest neighbours" : "linear probe",
           (long long)train->width, (long long)s->train.count);
    fflush(stdout);
    mim_status status = mim_evaluate_classify(t->context, t->config, s->classes, (int32_t)train->width, s->train.count,
                                              train->rows, s->train_labels, s->test.count, test->rows, t->scores);
    return status ? tell_failed(t->context, status, "the probe") : MIM_OK;
}

mim_status task_probe(struct task *t)
{
    struct features train = { 0 }, test = { 0 };
    mim_status status = configure(t);
    if (status)
        return tell_failed(t->context, status, "configuration");
    status = t->probe == PROBE_PIXELS ? prepare(t, &t->set.train, &train) : encode_both(t, &train, &test);
    if (!status && t->probe == PROBE_PIXELS) status = prepare(t, &t->set.test, &test);
    if (!status) status = classify(t, &train, &test);
    free(train.rows);
    free(test.rows);
    return status;
}
