/* SPDX-License-Identifier: MIT */
/* train.c -- one point: an encoder trained under its masks, always on the same pictures in the same order, and its probe. */
#include "task.h"
#include "../support/encode.h"
#include "../support/random.h"

#include <math.h>
#include <stdlib.h>

struct batches { int64_t *order, *ids, epoch; mim_images *views; };

/* Step `step`: its epoch; ids and views. What fills no batch at the end of an epoch is dropped. */
static int64_t next_batch(const struct task *t, int64_t step, struct batches *b)
{
    int64_t size = t->arguments->batch, steps = t->set.train.count / size, epoch = step / steps;
    if (epoch != b->epoch)
        random_order(b->order, t->set.train.count, (uint64_t)t->arguments->seed, epoch);
    b->epoch = epoch;
    for (int64_t i = 0; i < size; i++)
        b->ids[i] = b->order[step % steps * size + i];
    data_views(&t->set.train, b->ids, (int)size, b->views);
    return epoch;
}

static mim_status run_steps(const struct task *t, mim_trainer *trainer, struct batches *b, double *loss)
{
    int64_t steps = t->arguments->steps, counted = 0;
    double sum = 0, now = 0;
    mim_status status = MIM_OK;
    for (int64_t step = 0; !status && step < steps; step++) {
        int64_t epoch = next_batch(t, step, b);
        status = mim_trainer_step(trainer, b->views, epoch, b->ids);
        if (!status) status = mim_trainer_metric(trainer, "loss", &now);
        if (step >= steps - (steps + 9) / 10)
            sum += now, counted++;
    }
    *loss = sum / (double)counted;
    return status;
}

static mim_status train(struct task *t, struct point *p, mim_encoder **encoder)
{
    size_t size = (size_t)t->arguments->batch;
    mim_trainer *trainer = NULL;
    struct batches b = { malloc((size_t)t->set.train.count * sizeof *b.order), malloc(size * sizeof *b.ids), -1,
                         malloc(size * sizeof *b.views) };
    mim_status status = b.order && b.ids && b.views ? point_configure(t, p) : MIM_ERR_NOMEM;
    if (!status) status = mim_trainer_create(t->context, t->config, NULL, NULL, NULL, NULL, &trainer);
    if (!status) status = run_steps(t, trainer, &b, &p->loss);
    if (!status) status = mim_trainer_encoder(trainer, encoder);
    mim_trainer_destroy(trainer);
    free(b.views);
    free(b.ids);
    free(b.order);
    return status;
}

static mim_status probe(struct task *t, mim_encoder *encoder, double *top1)
{
    struct features known = { 0 }, test = { 0 };
    const struct labelled *s = &t->set;
    float *scores = malloc((size_t)s->test.count * (size_t)s->classes * sizeof *scores);
    mim_status status = scores ? encode_pictures(encoder, &t->known, "pooled", POOL_MEAN, NULL, &known) : MIM_ERR_NOMEM;
    if (!status) status = encode_pictures(encoder, &s->test, "pooled", POOL_MEAN, NULL, &test);
    if (!status) status = mim_evaluate_classify(t->context, t->config, s->classes, (int32_t)known.width, t->known.count,
                                                known.rows, s->train_labels, s->test.count, test.rows, scores);
    if (!status)
        status = mim_evaluate_accuracy(t->context, s->classes, s->test.count, scores, s->test_labels, 1, top1, NULL);
    free(test.rows);
    free(known.rows);
    free(scores);
    return status;
}

mim_status point_run(struct task *t, struct point *p)
{
    double begun = seconds_now();
    mim_encoder *encoder = NULL;
    mim_status status = p->strategy < 0 ? mim_encoder_create(t->context, t->config, NULL, &encoder) : train(t, p, &encoder);
    p->seconds = seconds_now() - begun;
    if (!status) status = probe(t, encoder, &p->top1);
    mim_encoder_destroy(encoder);
    if (status && status != MIM_ERR_CANCELLED)
        tell_failed(t->context, status, p->strategy < 0 ? "untrained" : t->strategies[p->strategy].name);
    return status;
}
