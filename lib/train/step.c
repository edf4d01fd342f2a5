/* SPDX-License-Identifier: MIT */
/* step.c -- one batch: set_input, forward, backward, update; step, evaluate, metrics. */
#include "train/trainer.h"

#include "kernel/kernel.h"

#include <math.h>

static mim_context *context_of(const mim_trainer *t) { return t ? t->object.ctx : NULL; }

static void set_metric(mim_trainer *t, enum metric m, double value)
{
    t->metrics[m] = value;
    t->known[m] = true;
}

/* ---- inputs ---- */

mim_status mim_trainer_set_input(mim_trainer *t, const char *name, int32_t type, const void *data, size_t elements)
{
    if (!t || !name || !data)
        return mim__null_argument(context_of(t), "mim_trainer_set_input");
    char known[160] = "";
    struct mim__text list = { .data = known, .capacity = sizeof known };
    for (int i = 0; i < TRAINER_INPUTS; i++) {
        if (!t->inputs[i].name)
            continue;
        if (!strcmp(t->inputs[i].name, name))
            return mim__input_set(t->object.ctx, &t->inputs[i], type, data, elements);
        mim__text_format(&list, "%s%s", known[0] ? ", " : "", t->inputs[i].name);
    }
    return mim__fail(t->object.ctx, MIM_ERR_KEY, "this trainer has no input \"%.64s\": it has %s", name, known);
}

/* Inputs are used up by the call that took them. */
static void use_up(mim_trainer *t, int last)
{
    for (int i = 0; i <= last; i++)
        t->inputs[i].set = 0;
}

/* Pictures of the batch; all that was handed in must agree, and all that the head needs must be there. */
static mim_status count_batch(mim_trainer *t, const mim_images *images, int64_t *batch)
{
    mim_context *ctx = t->object.ctx;
    *batch = t->inputs[INPUT_PIXELS].set;
    if (images) {
        mim_status status = mim__images_count(ctx, images, t->image.channels, "the trainer", batch);
        if (status)
            return status;
    }
    if (!images && !*batch)
        return mim__fail(ctx, MIM_ERR_STATE, "neither images nor the input \"pixels\" is there");
    if (*batch < 1 || *batch > t->options.batch)
        return mim__fail(ctx, MIM_ERR_SHAPE, "a batch of %lld pictures; trainer.batch is %lld", (long long)*batch,
                         (long long)t->options.batch);
    for (int i = 0; i < INPUT_GRADIENT; i++) {
        const struct mim__input *in = &t->inputs[i];
        if (in->name && in->set && in->set != *batch)
            return mim__fail(ctx, MIM_ERR_SHAPE, "%lld pictures, but the input \"%s\" is for %lld", (long long)*batch,
                             in->name, (long long)in->set);
        if (in->name && !in->set && i > INPUT_HIDDEN)
            return mim__fail(ctx, MIM_ERR_STATE, "the head needs the input \"%s\"", in->name);
    }
    if (t->inputs[INPUT_HIDDEN].name && !t->inputs[INPUT_HIDDEN].set && (!t->masker || mim__masker_is_host(t->masker)))
        return mim__fail(ctx, MIM_ERR_STATE, "masker.kind is host, and the input \"mask\" was not set");
    return MIM_OK;
}

/* ---- masks ---- */

/* Numbers of pictures that the host did not number: on from the start of the run, or 0, 1, 2, ... to evaluate. */
static const int64_t *count_on(mim_trainer *t, int64_t batch, bool training)
{
    for (int64_t i = 0; i < batch; i++)
        t->ids[i] = i + (training ? t->counters[COUNT_PICTURES] + t->pending : 0);
    return t->ids;
}

static void place_masks(mim_trainer *t, int64_t batch, int64_t epoch, const int64_t *ids)
{
    const struct mim__input *in = &t->inputs[INPUT_HIDDEN];
    int64_t count = batch * (int64_t)in->each, hidden = 0;
    if (!in->name)
        return;
    int32_t *to = mim__plan_data(t->plan, t->places[INPUT_HIDDEN]);
    for (int64_t b = 0; !in->set && b < batch; b++)
        mim__masker_draw_one(t->masker, epoch, ids[b], t->mask + (size_t)b * in->each);
    for (int64_t i = 0; i < count; i++) {
        if (in->set)
            t->mask[i] = (uint8_t)((const int32_t *)in->data)[i];
        to[i] = t->mask[i];
        hidden += t->mask[i];
    }
    mim__trainer_list_visible(t, batch, epoch, ids);
    set_metric(t, METRIC_HIDDEN, (double)hidden / (double)count);
}

/* What was handed in goes to its place, but for the gradient, which is backward's. */
static void place_inputs(mim_trainer *t)
{
    for (int i = 0; i < INPUT_GRADIENT; i++)
        if (t->inputs[i].set && t->places[i] && i != INPUT_HIDDEN)
            memcpy(mim__plan_data(t->plan, t->places[i]), t->inputs[i].data,
                   (size_t)t->inputs[i].set * t->inputs[i].each * sizeof(float));
}

/* ---- forward ---- */

static struct env environment(mim_trainer *t, bool training)
{
    return (struct env){ .pool = mim__context_executor(t->object.ctx), .seed = (uint64_t)t->run.seed, .step = t->micro,
                         .training = training, .cancel = mim__context_cancel_flag(t->object.ctx) };
}

static double accuracy_of(const mim_trainer *t, int64_t batch)
{
    const float *logits = mim__plan_data(t->plan, t->hb.logits);
    const int32_t *labels = t->hb.answers ? mim__plan_data(t->plan, t->hb.answers) : t->inputs[INPUT_LABELS].data;
    int64_t classes = t->head->options.classes, right = 0, count = 0;
    int64_t each = t->hb.answers ? (int64_t)elements(mim__tensor_shape(t->hb.answers)) / t->eb.batch : 1;
    for (int64_t b = 0; b < batch * each; b++, logits += classes) {
        int64_t best = 0;
        for (int64_t c = 1; c < classes; c++)
            if (logits[c] > logits[best])
                best = c;
        right += labels[b] >= 0 && best == labels[b];
        count += labels[b] >= 0;
    }
    return count ? (double)right / (double)count : 0;
}

static void read_metrics(mim_trainer *t, int64_t batch)
{
    if (t->hb.loss)
        set_metric(t, METRIC_LOSS, *(const float *)mim__plan_data(t->plan, t->hb.loss));
    if (t->hb.logits && (t->hb.answers || t->inputs[INPUT_LABELS].name))
        set_metric(t, METRIC_ACCURACY, accuracy_of(t, batch));
}

/* Its pixels are written over. */
static void drop_batch(mim_trainer *t)
{
    t->forwarded = t->sloped = false;
    t->shown = 0;
    t->update_seconds = -1;
}

static mim_status run_forward(mim_trainer *t, const mim_images *images, int64_t epoch, const int64_t *ids, bool training)
{
    mim_context *ctx = t->object.ctx;
    int64_t batch;
    double start = mim__seconds();
    mim_status status = count_batch(t, images, &batch);
    if (status)
        return status;
    if (training)
        status = mim__trainer_check_statistics(t, batch);
    if (!status)
        status = mim__trainer_fit_visible(t, images, batch);
    if (status)
        return status;
    if (!ids)
        ids = count_on(t, batch, training);
    if (images && !t->inputs[INPUT_PIXELS].set)
        status = mim__image_prepare(ctx, &t->image, (uint64_t)t->run.seed, training, images, epoch, ids,
                                    mim__plan_data(t->plan, t->eb.pixels), t->image_work);
    if (!status || status == MIM_ERR_CANCELLED)
        drop_batch(t);
    if (status)
        return status;
    t->micro = (uint64_t)t->counters[COUNT_STEP] * (uint64_t)t->options.accumulate + (uint64_t)t->accumulated;
    place_inputs(t);
    mim__trainer_mix(t, batch, epoch, training);
    place_masks(t, batch, epoch, ids);
    status = mim__plan_set_batch(t->plan, (int)batch, (int)t->options.batch);
    struct env e = environment(t, training);
    if (!status)
        status = mim__plan_forward(t->plan, &e);
    if (status)
        return status;
    t->shown = (int)batch;
    read_metrics(t, batch);
    use_up(t, INPUT_GRADIENT - 1);
    set_metric(t, METRIC_SECONDS, mim__seconds() - start);
    return MIM_OK;
}

mim_status mim_trainer_forward(mim_trainer *t, const mim_images *images, int64_t epoch, const int64_t *ids)
{
    if (!t)
        return mim__null_argument(NULL, "mim_trainer_forward");
    if (!t->options.gradients)
        return mim__fail(t->object.ctx, MIM_ERR_STATE, "trainer.gradients is 0: this trainer can only evaluate");
    mim_status status = run_forward(t, images, epoch, ids, true);
    t->forwarded = t->forwarded || !status;
    return status;
}

/* ---- backward ---- */

/* Where backward starts: 1 / accumulate at the loss, or the host's gradient times it. */
static mim_status place_seed(mim_trainer *t)
{
    const struct mim__input *in = &t->inputs[INPUT_GRADIENT];
    float *to = mim__plan_gradient(t->plan, t->hb.seed), share = 1 / (float)t->options.accumulate;
    if (t->hb.seed == t->hb.loss) {
        if (to)
            *to = share;
        return MIM_OK;
    }
    if (in->set != t->shown)
        return in->set ? mim__fail(t->object.ctx, MIM_ERR_SHAPE, "the input \"gradient\" is for %lld pictures of %d",
                                   (long long)in->set, t->shown)
                       : mim__fail(t->object.ctx, MIM_ERR_STATE, "backward needs the input \"gradient\"");
    for (size_t i = 0; to && i < (size_t)t->shown * in->each; i++)
        to[i] = share * ((const float *)in->data)[i];
    return MIM_OK;
}

static void drop_accumulation(mim_trainer *t)
{
    t->accumulated = 0;
    t->pending = 0;
    t->loss_finite = true;
}

/* Trained, but not on the way to the loss: no step writes these gradients, and the host may have. */
static void clear_unreached(mim_trainer *t)
{
    for (int i = 0; t->accumulated == 0 && i < mim__graph_params(t->graph); i++) {
        const struct param *p = mim__trainer_param(t, i);
        if (t->trained[i] == TRAINED)
            memset(t->gradients + (p->store ? t->encoder->store.elements : 0) + p->offset, 0, p->count * sizeof(float));
    }
}

mim_status mim_trainer_backward(mim_trainer *t)
{
    if (!t)
        return mim__null_argument(NULL, "mim_trainer_backward");
    if (!t->forwarded)
        return mim__fail(t->object.ctx, MIM_ERR_STATE, "backward needs a forward before it");
    double start = mim__seconds();
    mim_status status = place_seed(t);
    if (status)
        return status;
    clear_unreached(t);
    struct env e = environment(t, true);
    t->forwarded = false;
    status = mim__plan_backward(t->plan, &e, t->accumulated > 0);
    if (status) {
        drop_accumulation(t);
        return status;
    }
    t->sloped = true;
    mim__trainer_follow_statistics(t);
    t->accumulated++;
    t->pending += t->shown;
    t->loss_finite = t->loss_finite && (!t->hb.loss || isfinite(t->metrics[METRIC_LOSS]));
    t->inputs[INPUT_GRADIENT].set = 0;
    set_metric(t, METRIC_SECONDS, mim__seconds() - start);
    return MIM_OK;
}

/* ---- the average of the weights ---- */

enum { PIECE = 1 << 14 };       /* weights a task */
struct pieces { const struct row_kernels *k; float keep, *values, *average; size_t n; };

static int piece(const struct pieces *p, int task, size_t *from)
{
    *from = (size_t)task * PIECE;
    return p->n - *from < PIECE ? (int)(p->n - *from) : PIECE;
}

static void average_piece(void *arg, int task, void *scratch)
{
    const struct pieces *p = arg;
    size_t from;
    int n = piece(p, task, &from);
    (void)scratch;
    p->k->scale(n, p->keep, p->average + from, p->average + from);
    p->k->axpy(n, 1 - p->keep, p->values + from, p->average + from);
}

static void exchange_piece(void *arg, int task, void *scratch)
{
    const struct pieces *p = arg;
    size_t from;
    int n = piece(p, task, &from);
    (void)scratch;
    for (size_t i = from; i < from + (size_t)n; i++) {
        float v = p->average[i];
        p->average[i] = p->values[i];
        p->values[i] = v;
    }
}

static void with_average(mim_trainer *t, mim__task task)
{
    const struct mim__store *stores[] = { &t->encoder->store, &t->head->store };
    float *average = t->average;
    for (int s = 0; average && s < 2; average += stores[s]->elements, s++) {
        struct pieces p = { mim__kernels(t->object.ctx)->rows, (float)t->options.average, stores[s]->values, average,
                            stores[s]->elements };
        mim__run(mim__context_executor(t->object.ctx), (int)((p.n + PIECE - 1) / PIECE), task, &p, NULL, NULL);
    }
}

/* ---- update ---- */

static void finish_step(mim_trainer *t)
{
    t->counters[COUNT_STEP]++;
    t->counters[COUNT_PICTURES] += t->pending;
    drop_accumulation(t);
}

mim_status mim_trainer_update(mim_trainer *t)
{
    if (!t)
        return mim__null_argument(NULL, "mim_trainer_update");
    mim_context *ctx = t->object.ctx;
    if (!t->gradients || t->accumulated < t->options.accumulate)
        return mim__fail(ctx, MIM_ERR_STATE, "update needs %lld backwards before it, not %d",
                         (long long)t->options.accumulate, t->accumulated);
    if (mim__cancelled(ctx))
        return MIM_ERR_CANCELLED;
    const struct kernels *k = mim__kernels(ctx);
    int64_t step = t->counters[COUNT_STEP];
    double start = mim__seconds(), norm = mim__optimizer_norm(t->optimizer, k, t->gradients);
    set_metric(t, METRIC_NORM, norm);
    set_metric(t, METRIC_RATE, mim__optimizer_rate_now(t->optimizer, step));
    bool finite = isfinite(norm) && t->loss_finite;
    if (finite) {
        mim__optimizer_update(t->optimizer, k, t->gradients, norm, step);
        mim__trainer_keep_statistics(t);
        with_average(t, average_piece);
    } else {
        t->counters[COUNT_SKIPPED]++;
    }
    finish_step(t);
    t->update_seconds = mim__seconds() - start;
    set_metric(t, METRIC_SECONDS, t->update_seconds);
    if (!finite && t->hb.loss)
        return mim__fail(ctx, MIM_ERR_NOT_FINITE, "step %lld: loss %g, norm of the gradient %g: the update was skipped",
                         (long long)step, t->metrics[METRIC_LOSS], norm);
    return finite ? MIM_OK : mim__fail(ctx, MIM_ERR_NOT_FINITE, "step %lld: norm of the gradient %g: the update was skipped",
                                       (long long)step, norm);
}

mim_status mim_trainer_step(mim_trainer *t, const mim_images *images, int64_t epoch, const int64_t *ids)
{
    double start = mim__seconds();
    int64_t set[TRAINER_INPUTS] = { 0 };
    size_t each[TRAINER_INPUTS] = { 0 };
    for (int i = 0; t && i < TRAINER_INPUTS; i++) {
        set[i] = t->inputs[i].set;
        each[i] = t->inputs[i].each;
    }
    mim_status status = mim_trainer_forward(t, images, epoch, ids);
    if (!status)
        status = mim_trainer_backward(t);
    if (!status && t->accumulated >= t->options.accumulate)
        status = mim_trainer_update(t);
    for (int i = 0; t && status && status != MIM_ERR_NOT_FINITE && i < TRAINER_INPUTS; i++)
        if (t->inputs[i].each == each[i])           /* as if not called, but where another plan takes other sizes */
            t->inputs[i].set = set[i];
    if (t && status == MIM_ERR_CANCELLED)
        drop_accumulation(t);
    if (!status)
        set_metric(t, METRIC_SECONDS, mim__seconds() - start);
    return status;
}

/* ---- evaluate ---- */

mim_status mim_trainer_evaluate(mim_trainer *t, const mim_images *images, int64_t epoch, const int64_t *ids)
{
    if (!t)
        return mim__null_argument(NULL, "mim_trainer_evaluate");
    if (t->options.evaluate)
        with_average(t, exchange_piece);
    mim_status status = run_forward(t, images, epoch, ids, false);
    if (t->options.evaluate)
        with_average(t, exchange_piece);
    return status;
}

/* ---- metrics ---- */

static const char *const metric_names[METRICS] = { "loss", "accuracy", "hidden", "gradient_norm", "rate", "step", "skipped",
                                                   "pictures", "seconds" };

mim_status mim_trainer_metric(const mim_trainer *t, const char *name, double *value)
{
    if (!t || !name || !value)
        return mim__null_argument(context_of(t), "mim_trainer_metric");
    for (int i = 0; i < METRICS; i++) {
        if (strcmp(metric_names[i], name))
            continue;
        if (i >= METRIC_STEP && i <= METRIC_PICTURES) {
            *value = (double)t->counters[i - METRIC_STEP];
            return MIM_OK;
        }
        if (!t->known[i])
            return mim__fail(t->object.ctx, MIM_ERR_STATE, "metric \"%s\" is not known yet", name);
        *value = t->metrics[i];
        return MIM_OK;
    }
    return mim__fail(t->object.ctx, MIM_ERR_KEY,
                     "there is no metric \"%.64s\": loss, accuracy, hidden, gradient_norm, rate, step, "
                     "skipped, pictures, seconds",
                     name);
}
