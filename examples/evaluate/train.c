/* SPDX-License-Identifier: MIT */
/* train.c -- a classifier by steps: shuffled epochs, the test pictures after each, and what is kept of the run. */
#include "task.h"
#include "../support/chart.h"
#include "../support/history.h"
#include "../support/interrupt.h"
#include "../support/model.h"
#include "../support/progress.h"
#include "../support/random.h"
#include "../support/system.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_SKIPPED = 100 };            /* updates in a row that are not finite */

struct training {
    struct task *task;
    struct recipe recipe;
    mim_trainer *trainer;
    mim_tensors *outputs;
    int64_t *order, *ids, *labels, step, seed;
    int skipped_in_a_row;
    mim_images *views;
    struct history losses, tops;        /* by epoch: mean loss, top-1 of the test pictures in percent */
    struct progress progress;
    FILE *log;
};

/* ---- beginning ---- */

static mim_status create_trainer(struct training *r)
{
    struct task *t = r->task;
    mim_encoder *encoder = NULL;
    mim_head *head = NULL;
    mim_status status = task_encoder(t, &encoder);
    if (!status) status = mim_head_create(t->context, t->config, encoder, NULL, &head);
    if (!status) status = mim_trainer_create(t->context, t->config, encoder, head, NULL, NULL, &r->trainer);
    if (!status) status = mim_trainer_tensors(r->trainer, MIM_OUTPUTS, NULL, &r->outputs);
    if (!status) status = mim_config_get_i64(t->config, "seed", &r->seed);
    mim_head_destroy(head);
    mim_encoder_destroy(encoder);
    return status;
}

static mim_status open_log(struct training *r)
{
    const char *out = r->task->arguments->out;
    char *path = join_path(out, "log.csv");
    r->log = path && !make_folder(out) ? fopen(path, "w") : NULL;
    free(path);
    if (!r->log || fputs("epoch,loss,top1,lr\n", r->log) < 0)
        return tell_wrong(MIM_ERR_IO, "cannot write %s/log.csv", out);
    return MIM_OK;
}

static mim_status begin(struct training *r)
{
    struct task *t = r->task;
    mim_status status = task_recipe(t, &r->recipe);
    if (!status) status = create_trainer(r);
    if (status)
        return tell_failed(t->context, status, t->arguments->probe);
    size_t batch = (size_t)r->recipe.batch;
    r->order = malloc((size_t)t->set.train.count * sizeof *r->order);
    r->ids = malloc(2 * batch * sizeof *r->ids);
    r->views = malloc(batch * sizeof *r->views);
    if (!r->order || !r->ids || !r->views)
        return tell_wrong(MIM_ERR_NOMEM, "no memory for batches of %lld", (long long)r->recipe.batch);
    r->labels = r->ids + batch;
    printf("%s%s: %lld epochs of %lld steps of %lld pictures\n", t->arguments->probe,
           t->arguments->scratch ? ", untrained" : "", (long long)r->recipe.epochs, (long long)r->recipe.steps_an_epoch,
           (long long)r->recipe.batch);
    return t->arguments->out ? open_log(r) : MIM_OK;
}

static void end(struct training *r)
{
    if (r->log)
        fclose(r->log);
    history_free(&r->losses);
    history_free(&r->tops);
    free(r->views);
    free(r->ids);
    free(r->order);
    mim_tensors_destroy(r->outputs);
    mim_trainer_destroy(r->trainer);
}

/* ---- a batch, an epoch ---- */

/* Pictures ids[0 .. n) and their labels, as the trainer takes them. */
static mim_status hand_in(struct training *r, const struct data *data, const int64_t *labels, int n)
{
    for (int i = 0; i < n; i++)
        r->labels[i] = labels[r->ids[i]];
    data_views(data, r->ids, n, r->views);
    return mim_trainer_set_input(r->trainer, "labels", MIM_I64, r->labels, (size_t)n);
}

static double metric(const struct training *r, const char *name)
{
    double value = NAN;
    return mim_trainer_metric(r->trainer, name, &value) ? NAN : value;
}

static mim_status train_epoch(struct training *r, int64_t epoch, double *loss)
{
    struct task *t = r->task;
    int64_t batch = r->recipe.batch < t->set.train.count ? r->recipe.batch : t->set.train.count, counted = 0;
    double sum = 0;
    mim_status status = MIM_OK;
    random_order(r->order, t->set.train.count, (uint64_t)r->seed, epoch);
    for (int64_t k = 0; !status && k < r->recipe.steps_an_epoch; k++) {
        for (int64_t i = 0; i < batch; i++)
            r->ids[i] = r->order[k * batch + i];
        status = hand_in(r, &t->set.train, t->set.train_labels, (int)batch);
        if (!status) status = mim_trainer_step(r->trainer, r->views, epoch, r->ids);
        r->skipped_in_a_row = status == MIM_ERR_NOT_FINITE ? r->skipped_in_a_row + 1 : 0;
        if (status == MIM_ERR_NOT_FINITE && r->skipped_in_a_row < MOST_SKIPPED)
            status = MIM_OK;                    /* that update was left out */
        if (status)
            break;                              /* its reason must not be followed by another */
        double now = metric(r, "loss");
        if (isfinite(now))
            sum += now, counted++;
        progress_step(&r->progress, ++r->step, now, (int)batch);
    }
    *loss = counted ? sum / (double)counted : NAN;
    return status;
}

/* Scores of all test pictures. */
static mim_status test(struct training *r)
{
    struct task *t = r->task;
    mim_status status = MIM_OK;
    for (int64_t i = 0; !status && i < t->set.test.count; i += r->recipe.batch) {
        int n = (int)(t->set.test.count - i < r->recipe.batch ? t->set.test.count - i : r->recipe.batch);
        size_t numbers = (size_t)n * (size_t)t->set.classes;
        for (int k = 0; k < n; k++)
            r->ids[k] = i + k;
        status = hand_in(r, &t->set.test, t->set.test_labels, n);
        if (!status) status = mim_trainer_evaluate(r->trainer, r->views, 0, r->ids);
        if (!status) status = mim_tensors_read(r->outputs, "logits", MIM_F32, 0, numbers, t->scores + i * t->set.classes);
    }
    return status;
}

static mim_status one_epoch(struct training *r, int64_t epoch)
{
    struct task *t = r->task;
    const struct labelled *s = &t->set;
    double loss = NAN, top1 = 0;
    mim_status status = train_epoch(r, epoch, &loss);
    if (!status) status = test(r);
    if (!status) status = mim_evaluate_accuracy(t->context, s->classes, s->test.count, t->scores, s->test_labels, 1, &top1,
                                                NULL);
    progress_break(&r->progress);
    if (status)
        return status == MIM_ERR_CANCELLED ? status : tell_failed(t->context, status, t->arguments->probe);
    printf("epoch %lld: loss %.4f, test top-1 %.2f %%\n", (long long)epoch + 1, loss, 100 * top1);
    if (r->log && (fprintf(r->log, "%lld,%.6g,%.6g,%.6g\n", (long long)epoch + 1, loss, top1, metric(r, "rate")) < 0
                   || fflush(r->log)))
        return tell_wrong(MIM_ERR_IO, "cannot write %s/log.csv", t->arguments->out);
    if (history_add(&r->losses, (double)epoch + 1, loss) || history_add(&r->tops, (double)epoch + 1, 100 * top1))
        return tell_wrong(MIM_ERR_NOMEM, "no memory for the curve");
    return MIM_OK;
}

/* ---- what is kept ---- */

static int write_curve(const struct training *r, const char *path)
{
    char title[64];
    const struct history *h = &r->tops;
    struct chart_curve curve = { .name = "top-1 of the test pictures", .x = h->step, .y = h->loss, .count = h->count,
                                 .colour = 0x2060C0, .dots = 1 };
    struct chart chart = { .title = title, .x_name = "epoch", .y_name = "%", .curves = &curve, .count = 1 };
    snprintf(title, sizeof title, "%s%s", r->task->arguments->probe, r->task->arguments->scratch ? ", untrained" : "");
    return chart_write(&chart, path);
}

static mim_status keep(struct training *r)
{
    const char *out = r->task->arguments->out;
    double average = 0;
    char *path = join_path(out, "curve.png");
    int failed = !path || write_curve(r, path);
    free(path);
    if (failed)
        return tell_wrong(MIM_ERR_IO, "cannot write %s/curve.png", out);
    mim_status status = mim_config_get_f64(r->task->config, "trainer.average", &average);
    if (!status) status = model_save(r->trainer, average > 0 ? MIM_AVERAGE : MIM_WEIGHTS, out);
    return status ? tell_failed(r->task->context, status, out) : MIM_OK;
}

/* Ctrl-C ends it as the last epoch does, but that there are no accuracies of what is kept. */
mim_status task_train(struct task *t)
{
    struct training r = { .task = t };
    mim_status status = begin(&r);
    int keeps = !status && t->arguments->out;
    if (keeps) interrupt_begin(t->context);
    progress_begin(&r.progress, 0, r.recipe.epochs * r.recipe.steps_an_epoch);
    for (int64_t epoch = 0; !status && epoch < r.recipe.epochs; epoch++)
        status = one_epoch(&r, epoch);
    t->stopped = status == MIM_ERR_CANCELLED;
    if (keeps && (!status || t->stopped)) status = keep(&r);
    if (!status && t->stopped)
        printf("Stopped in epoch %d of %lld; %s holds the model as it is, curve.png and log.csv.\n", r.tops.count + 1,
               (long long)r.recipe.epochs, t->arguments->out);
    if (keeps) interrupt_end();
    end(&r);
    return status;
}
