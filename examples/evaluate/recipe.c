/* SPDX-License-Identifier: MIT */
/* recipe.c -- fine-tuning and the linear classifier by steps, after MAE (He et al. 2022, appendix A.1), for runs that are
 * shorter and pictures that may be small: what steps there are, rates for the batch, how pictures are changed. LARS is for
 * batches of thousands and as many steps; the classifier here takes SGD. */
#include "task.h"
#include "../support/model.h"

#include <string.h>

enum {
    SMALL_SIDE = 96,                    /* pictures up to this are shifted, not cut out of */
    LONG_RUN = 50                       /* epochs from which mixing and erasing pay; before that they cost accuracy */
};

/* One section after the other; later ones win. First, what the weights were made with is undone. */
static const char plain[] =
    "{\"image\": {\"crop_from\": 0, \"crop_once\": 0, \"pad\": 0, \"randaugment\": 0, \"brightness\": 0, \"contrast\": 0,"
    " \"saturation\": 0, \"hue\": 0, \"grey\": 0, \"erase\": 0, \"mixup\": 0, \"cutmix\": 0},"
    " \"encoder\": {\"drop_path\": 0}}";
static const char finetune[] =
    "{\"head\": {\"kind\": \"classifier\", \"smoothing\": 0.1},"
    " \"image\": {\"crop\": \"random_resized\", \"crop_least\": 0.08, \"flip\": 0.5, \"randaugment\": 2},"
    " \"optimizer\": {\"kind\": \"adamw\", \"beta2\": 0.999, \"decay\": 0.05, \"clip\": 0, \"layer_decay\": 0.75}}";
static const char drop_path[] = "{\"encoder\": {\"drop_path\": 0.1}}";
/* What MAE's recipe makes of a ViT; other encoders pool as they do in any case. */
static const char mean_of_patches[] = "{\"encoder\": {\"pool\": \"mean\", \"norm\": 0, \"pool_norm\": 1}}";
static const char mixing[] = "{\"image\": {\"erase\": 0.25, \"mixup\": 0.8, \"cutmix\": 1}}";
static const char small[] = "{\"image\": {\"crop\": \"random\"}}";
/* Lower layers must learn as much as the others. */
static const char from_scratch[] = "{\"optimizer\": {\"layer_decay\": 1}}";
static const char steps[] =
    "{\"head\": {\"kind\": \"classifier\", \"batch_norm\": 1, \"init_deviation\": 0.01},"
    " \"trainer\": {\"frozen\": \"encoder\"},"
    " \"image\": {\"crop\": \"random_resized\", \"crop_least\": 0.08, \"crop_once\": 1, \"flip\": 0.5},"
    " \"optimizer\": {\"kind\": \"sgd\", \"decay\": 0, \"clip\": 0}}";

/* Do all pictures have the size, a small one, that the encoder is shown? *side gets it. */
static int are_small(const struct task *t, int64_t *side)
{
    int64_t height = 0, width = 0;
    if (mim_config_get_i64(t->config, "image.height", &height) || mim_config_get_i64(t->config, "image.width", &width))
        return 0;
    for (int64_t i = 0; i < t->set.train.count; i++)
        if (t->set.train.pictures[i].height != height || t->set.train.pictures[i].width != width)
            return 0;
    *side = height < width ? height : width;
    return *side <= SMALL_SIDE;
}

static mim_status set_pictures(struct task *t, int64_t epochs)
{
    int64_t side = 0, joined = 0;   /* joined: the Keras example's blocks, whose branches cannot be left out */
    char kind[16] = "";
    int tuned = t->probe == PROBE_FINETUNE;
    mim_status status = mim_config_get_str(t->config, "encoder.kind", kind, sizeof kind, NULL);
    if (!status) status = mim_config_get_i64(t->config, "encoder.activation_out", &joined);
    if (!status) status = mim_config_read_json(t->config, plain);
    if (!status) status = mim_config_read_json(t->config, tuned ? finetune : steps);
    if (!status && tuned && !joined) status = mim_config_read_json(t->config, drop_path);
    if (!status && tuned && !strcmp(kind, "vit")) status = mim_config_read_json(t->config, mean_of_patches);
    if (!status && tuned && epochs >= LONG_RUN) status = mim_config_read_json(t->config, mixing);
    if (!status && are_small(t, &side)) {
        status = mim_config_read_json(t->config, small);
        if (!status) status = mim_config_set_i64(t->config, "image.pad", side / 8);
    }
    return status;
}

static mim_status set_more(struct task *t)
{
    mim_status status = MIM_OK;
    for (int i = 0; !status && i < t->arguments->set.count; i++)
        status = model_set(t->config, t->arguments->set.text[i]);
    return status;
}

/* A small training set is one batch of all. */
static mim_status set_batch(struct task *t, struct recipe *r, int64_t *accumulate)
{
    int64_t wanted = t->arguments->batch ? t->arguments->batch : 256, count = t->set.train.count;
    mim_status status = mim_config_set_i64(t->config, "trainer.batch", wanted < count ? wanted : count);
    if (!status) status = set_more(t);                  /* may say otherwise */
    if (!status) status = mim_config_get_i64(t->config, "trainer.batch", &r->batch);
    if (!status) status = mim_config_get_i64(t->config, "trainer.accumulate", accumulate);
    if (!status) r->steps_an_epoch = count < r->batch ? 1 : count / r->batch;
    return status;
}

/* Updates, warm-up and rate follow from the pictures that an update sees. */
static mim_status set_steps(struct task *t, struct recipe *r)
{
    int64_t accumulate = 1;
    if (r->epochs > INT32_MAX)
        return tell_wrong(MIM_ERR_VALUE, "--epochs %lld are too many", (long long)r->epochs);
    mim_status status = set_batch(t, r, &accumulate);
    int64_t all = r->epochs * r->steps_an_epoch / accumulate;
    double rate = (t->probe == PROBE_FINETUNE ? 1e-3 : 0.1) * (double)(r->batch * accumulate) / 256;
    if (!status) status = mim_config_set_i64(t->config, "optimizer.steps", all ? all : 1);
    if (!status) status = mim_config_set_i64(t->config, "optimizer.warmup", all / 10);
    if (!status) status = mim_config_set_f64(t->config, "optimizer.rate", rate);
    return status;
}

/* With an average of the weights, that is what is looked at and kept. */
static mim_status set_average(struct task *t)
{
    double average = 0;
    mim_status status = mim_config_get_f64(t->config, "trainer.average", &average);
    return !status && average > 0 ? mim_config_set_str(t->config, "trainer.evaluate", "average") : status;
}

mim_status task_recipe(struct task *t, struct recipe *r)
{
    r->epochs = t->arguments->epochs ? t->arguments->epochs : 20;
    mim_status status = set_pictures(t, r->epochs);
    if (!status && t->arguments->scratch && t->probe == PROBE_FINETUNE)
        status = mim_config_read_json(t->config, from_scratch);
    if (!status) status = mim_config_set_i64(t->config, "head.classes", t->set.classes);
    if (!status && t->probe == PROBE_STEPS) status = mim_config_set_str(t->config, "head.features", t->arguments->features);
    if (!status && t->probe == PROBE_STEPS) status = mim_config_set_str(t->config, "head.pool", t->arguments->pool);
    if (!status) status = set_steps(t, r);
    if (!status) status = set_more(t);                  /* the schedule as well */
    return status ? status : set_average(t);
}
