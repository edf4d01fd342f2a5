/* SPDX-License-Identifier: MIT */
/* open.c -- pictures, of files or drawn, and what all trainings have in common. */
#include "task.h"
#include "../support/model.h"
#include "../support/scenes.h"

#include <stdio.h>

enum { DRAWN = 4096, DRAWN_TO_TEST = 1024, DRAWN_SIDE = 32 };

/* A preset, made small enough for many trainings. What is masked decides, so pictures are not cut out of. */
static const char base[] =
    "{\"preset\": \"simmim_vit_tiny_32\", \"image\": {\"crop\": \"none\", \"eval_crop\": 1},"
    " \"encoder\": {\"width\": 64, \"depth\": 3, \"heads\": 2}, \"optimizer\": {\"rate\": 2e-3}}";

static mim_status draw_pictures(struct task *t)
{
    struct why why;
    uint64_t seed = (uint64_t)t->arguments->seed;
    if (scenes_open(seed, 0, DRAWN, DRAWN_SIDE, &t->set.train, &why)
        || scenes_open(seed, DRAWN, DRAWN_TO_TEST, DRAWN_SIDE, &t->set.test, &why))
        return tell_wrong(MIM_ERR_NOMEM, "%s", why.text);
    return labelled_check(SCENE_CLASSES, &t->set);
}

static mim_status configure(struct task *t)
{
    const struct arguments *a = t->arguments;
    const struct picture *p = t->set.train.pictures;
    mim_status status = mim_config_create(t->context, NULL, &t->config);
    if (!status) status = mim_config_read_json(t->config, base);
    if (!status) status = mim_config_set_i64(t->config, "image.channels", t->set.train.channels);
    if (!status) status = mim_config_set_i64(t->config, "image.height", p->height);
    if (!status) status = mim_config_set_i64(t->config, "image.width", p->width);
    if (!status) status = mim_config_set_i64(t->config, "seed", a->seed);
    if (!status) status = mim_config_set_i64(t->config, "trainer.batch", a->batch);
    if (!status) status = mim_config_set_i64(t->config, "optimizer.steps", a->steps);
    if (!status) status = mim_config_set_i64(t->config, "optimizer.warmup", a->steps / 10);
    if (!status) status = mim_config_set_str(t->config, "probe.kind", "linear");
    if (!status) status = mim_config_set_i64(t->config, "probe.iterations", 200);
    if (!status && a->precision) status = mim_config_set_str(t->config, "precision", a->precision);
    for (int i = 0; !status && i < a->set.count; i++)
        status = model_set(t->config, a->set.text[i]);
    return status ? tell_failed(t->context, status, "configuration") : MIM_OK;
}

mim_status task_open(struct task *t)
{
    const struct arguments *a = t->arguments;
    if (a->out && is_file(a->out))
        return tell_wrong(MIM_ERR_IO, "--out %s is a file; it should be a folder", a->out);
    mim_status status = a->train.count ? labelled_open(&a->train, &a->test, 0, &t->set) : draw_pictures(t);
    if (status)
        return status;
    if (a->batch > t->set.train.count)
        return tell_wrong(MIM_ERR_VALUE, "--batch %lld is more than the %lld pictures to train on", a->batch,
                          (long long)t->set.train.count);
    t->known = t->set.train;
    if (a->probe < t->known.count)
        t->known.count = a->probe;
    printf("%lld pictures to train on, %lld of them for the probe, %lld to test, %d classes\n",
           (long long)t->set.train.count, (long long)t->known.count, (long long)t->set.test.count, (int)t->set.classes);
    return configure(t);
}

void task_close(struct task *t)
{
    if (t->csv)
        fclose(t->csv);
    labelled_close(&t->set);
    mim_config_destroy(t->config);
}
