/* SPDX-License-Identifier: MIT */
/* mix.c -- soft labels of a batch that is mixed with itself (image/mix.c): row i is share * label i + (1 - share) * label
 * of its partner, each label smoothed (timm's mixup_target). */
#include "train/trainer.h"

/* A label -1 has an empty row. */
static void soften(int64_t classes, double smoothing, int32_t label, float *row)
{
    float off = (float)(smoothing / (double)classes), on = (float)(1 - smoothing + smoothing / (double)classes);
    for (int64_t k = 0; k < classes; k++)
        row[k] = label < 0 ? 0 : k == label ? on : off;
}

void mim__soft_labels(int64_t batch, int64_t classes, double smoothing, const int32_t *labels, float *to)
{
    for (int64_t b = 0; b < batch; b++)
        soften(classes, smoothing, labels[b], to + b * classes);
}

void mim__mix_labels(int64_t batch, int64_t classes, double share, float *rows)
{
    float own = (float)share, rest = 1 - own;
    for (int64_t b = 0; b < batch / 2; b++) {
        float *a = rows + b * classes, *partner = rows + (batch - 1 - b) * classes;
        for (int64_t k = 0; k < classes; k++) {
            float x = a[k], y = partner[k];
            a[k] = own * x + rest * y;
            partner[k] = own * y + rest * x;
        }
    }
}

void mim__trainer_mix(mim_trainer *t, int64_t batch, int64_t epoch, bool training)
{
    if (!t->mixes)
        return;
    int64_t classes = t->head->options.classes;
    float *rows = mim__plan_data(t->plan, t->hb.mixture);
    if (t->inputs[INPUT_LABELS].name)
        mim__soft_labels(batch, classes, t->head->options.smoothing, t->inputs[INPUT_LABELS].data, rows);
    if (!training)
        return;
    struct mix m = mim__image_mix_draw(&t->image, (uint64_t)t->run.seed, t->micro, (uint64_t)epoch);
    mim__image_mix(t->object.ctx, &t->image, &m, (int)batch, mim__plan_data(t->plan, t->eb.pixels));
    mim__mix_labels(batch, classes, m.share, rows);
}
