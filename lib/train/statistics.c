/* SPDX-License-Identifier: MIT */
/* statistics.c -- running mean and variance of a head's batch norm: r = 0.9 r + 0.1 batch (PyTorch's momentum 0.1, the
 * variance unbiased), batch by batch of an accumulation, and into the weights with its update. A step that is cancelled or
 * skipped leaves them as they were. */
#include "train/trainer.h"

static const char *const full_names[] = { "head." RUNNING_MEAN, "head." RUNNING_VARIANCE };

static float *running(const mim_trainer *t, int which)
{
    const struct mim__store *s = &t->head->store;
    for (int i = 0; i < s->count; i++)
        if (!strcmp(s->params[i].name, full_names[which] + strlen("head.")))
            return s->values + s->params[i].offset;
    return NULL;
}

static bool frozen(const mim_trainer *t, int which)
{
    bool is = false;
    for (int i = 0; i < t->options.frozen.count; i++)
        is = is || mim__name_matches(t->options.frozen.v[i], full_names[which]);
    return is;
}

mim_status mim__trainer_check_statistics(mim_trainer *t, int64_t batch)
{
    if (!t->hb.statistics || batch > 1)                     /* frozen ones are only not stored */
        return MIM_OK;
    return mim__fail(t->object.ctx, MIM_ERR_SHAPE, "head.batch_norm 1 trains on batches of at least 2 pictures, not %lld",
                     (long long)batch);
}

void mim__trainer_follow_statistics(mim_trainer *t)
{
    if (!t->statistics)
        return;
    const float *batch = mim__plan_data(t->plan, t->hb.statistics);
    size_t width = (size_t)cols(mim__tensor_shape(t->hb.statistics));
    float unbiased = (float)t->shown / (float)(t->shown - 1);
    if (t->accumulated == 0) {
        memcpy(t->statistics, running(t, 0), width * sizeof(float));
        memcpy(t->statistics + width, running(t, 1), width * sizeof(float));
    }
    for (size_t i = 0; i < 2 * width; i++)
        t->statistics[i] = 0.9f * t->statistics[i] + 0.1f * batch[i] * (i < width ? 1 : unbiased);
}

void mim__trainer_keep_statistics(mim_trainer *t)
{
    if (!t->statistics)
        return;
    size_t width = (size_t)cols(mim__tensor_shape(t->hb.statistics));
    for (size_t k = 0; k < 2; k++)
        if (!frozen(t, (int)k))
            memcpy(running(t, (int)k), t->statistics + k * width, width * sizeof(float));
}
