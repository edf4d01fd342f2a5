/* SPDX-License-Identifier: MIT */
/* measure.c -- likeness of the hidden pixels, batch after batch. */
#include "task.h"
#include "../support/progress.h"

#include <math.h>

static const double most_decibels = 100;        /* what a guess counts that is right to the last bit */

static mim_images view_of(const struct batch *b, const float *pictures, int i)
{
    size_t samples = (size_t)b->height * (size_t)b->width * (size_t)b->channels;
    return (mim_images){ .struct_size = sizeof(mim_images), .data = pictures + (size_t)i * samples, .type = MIM_F32,
                         .count = 1, .height = b->height, .width = b->width, .channels = b->channels };
}

/* SSIM is of windows of 11 x 11 wholly inside: not every small picture has one that is centred on a hidden pixel. */
static mim_status measure_one(struct task *t, const struct batch *b, int i, enum guess g)
{
    struct score *s = &t->scores[g];
    const uint8_t *where = b->hidden + (size_t)i * (size_t)b->height * (size_t)b->width;
    mim_images truth = view_of(b, b->shown, i), guessed = view_of(b, b->guesses[g], i);
    double value = 0;
    mim_status status = mim_evaluate_pictures(t->context, "psnr", &truth, &guessed, where, &value);
    if (!status)
        s->psnr += fmin(value, most_decibels), s->psnrs++;
    if (!status && !mim_evaluate_pictures(t->context, "ssim", &truth, &guessed, where, &value))
        s->ssim += value, s->ssims++;
    return status;
}

static mim_status measure_batch(struct task *t, const struct batch *b)
{
    mim_status status = MIM_OK;
    for (int i = 0; i < b->count; i++)
        for (int g = 0; !status && g < GUESSES; g++)
            status = measure_one(t, b, i, (enum guess)g);
    for (int64_t i = 0; i < (int64_t)b->count * b->height * b->width; i++)
        t->hidden += b->hidden[i];
    t->pixels += (int64_t)b->count * b->height * b->width;
    return status;
}

static mim_status one_batch(struct task *t, int64_t first, int n)
{
    int64_t ids[BATCH];
    mim_images views[BATCH];
    struct batch b;
    for (int k = 0; k < n; k++)
        ids[k] = first + k;
    data_views(&t->data, ids, n, views);
    mim_status status = mim_trainer_evaluate(t->trainer, views, 0, ids);
    if (status)
        return tell_failed(t->context, status, "prediction");
    status = batch_read(t, &b);
    if (status)
        return status == MIM_ERR_KEY ? tell_wrong(status, "%s does not predict pixels", t->arguments->weights)
                                     : tell_failed(t->context, status, "prediction");
    status = measure_batch(t, &b);
    if (status)
        tell_failed(t->context, status, "likeness");
    else if (!first && t->arguments->out)
        status = sheet_of(t, &b);
    batch_free(&b);
    return status;
}

mim_status task_measure(struct task *t)
{
    struct progress progress;
    mim_status status = MIM_OK;
    progress_begin(&progress, 0, t->count);
    progress.what = "picture";
    for (int64_t i = 0; !status && i < t->count; i += BATCH) {
        int n = t->count - i < BATCH ? (int)(t->count - i) : BATCH;
        status = one_batch(t, i, n);
        if (!status)
            progress_count(&progress, i + n, n);
    }
    progress_break(&progress);
    return status;
}
