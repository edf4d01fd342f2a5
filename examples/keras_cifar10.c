/* SPDX-License-Identifier: MIT */
/* keras_cifar10.c -- the masked autoencoder of keras.io on CIFAR-10 (preset keras_cifar10): pretraining, with its loss
 * beside the published one after every epoch, then the linear probe of that page. docs/learning.md says what still differs.
 *
 *     keras_cifar10 --train C/data_batch_[1-4].bin --held-out C/data_batch_5.bin --test C/test_batch.bin --out run
 *
 * With --resume beside the same options, a run that was stopped goes on after the last epoch of pretraining it finished. */
#include "support/chart.h"
#include "support/data.h"
#include "support/options.h"
#include "support/outputs.h"
#include "support/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256, EPOCHS = 10000, ROW = 64, PUBLISHED = 21 };
static const char header[] = "epoch,loss,held_out,seconds\n";

/* Loss of training after these epochs, as the page's log has it. */
static const double published_epoch[PUBLISHED] = { 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 92, 95, 98,
                                                   100 };
static const double published_loss[PUBLISHED] = {
    .0507, .0385, .0336, .0299, .0269, .0246, .0222, .0206, .0191, .0180, .0172, .0167, .0162, .0159, .0154, .0150, .0147,
    .0146, .0147, .0148, .0150
};

static const char probe_json[] =
    "{\"head\": {\"kind\": \"classifier\", \"classes\": 10, \"init_deviation\": 0.12}, \"trainer.frozen\": \"encoder\","
    " \"optimizer\": {\"kind\": \"sgd\", \"rate\": 0.1, \"momentum\": 0.9, \"decay\": 0, \"decay_by_rate\": 1, \"clip\": 0,"
    " \"warmup\": 780, \"steps\": 7800}}";

struct run {
    mim_context *context;
    struct data train, held_out, test;
    const char *out;
    int resume, told;                               /* told: what failed has been said */
    char log[sizeof header + EPOCHS * ROW];         /* log.csv; the state holds it too */
    int epochs;                                     /* of pretraining, done; what the log has of them: */
    double epoch[EPOCHS], learnt[EPOCHS], seen[EPOCHS];
    int64_t batch, *order, ids[BATCH], labels[BATCH];
    mim_images views[BATCH];
};
struct mean { double loss, accuracy, pictures; };

static double metric(const mim_trainer *t, const char *name)
{
    double value = NAN;
    return mim_trainer_metric(t, name, &value) ? NAN : value;
}

/* Pictures order[from ..] (NULL: in their own order) through the trainer, to learn or to be evaluated. */
static mim_status one_batch(struct run *r, mim_trainer *t, const struct data *data, const int64_t *order, int64_t from,
                            int64_t epoch, int probes, struct mean *m)
{
    int n = (int)(data->count - from < r->batch ? data->count - from : r->batch);
    mim_status status = MIM_OK;
    for (int i = 0; i < n; i++) {
        r->ids[i] = order ? order[from + i] : from + i;
        r->labels[i] = data->pictures[r->ids[i]].label;
    }
    data_views(data, r->ids, n, r->views);
    if (probes) status = mim_trainer_set_input(t, "labels", MIM_I64, r->labels, (size_t)n);
    if (!status && order) status = mim_trainer_step(t, r->views, epoch, r->ids);
    else if (!status) status = mim_trainer_evaluate(t, r->views, epoch, r->ids);
    if (status)
        return status;
    m->loss += metric(t, "loss") * n;
    m->accuracy += probes ? metric(t, "accuracy") * n : 0;
    m->pictures += n;
    return MIM_OK;
}

static mim_status all_batches(struct run *r, mim_trainer *t, const struct data *data, int learns, int64_t epoch, int probes,
                              struct mean *m)
{
    mim_status status = MIM_OK;
    *m = (struct mean){ 0, 0, 0 };
    if (learns)
        random_order(r->order, data->count, 1 + (uint64_t)probes, epoch);
    for (int64_t i = 0; !status && i < data->count; i += r->batch)
        status = one_batch(r, t, data, learns ? r->order : NULL, i, epoch, probes, m);
    m->loss /= m->pictures;
    m->accuracy /= m->pictures;
    return status;
}

static void read_log(struct run *r)
{
    r->epochs = 0;
    for (const char *row = strchr(r->log, '\n'); row && r->epochs < EPOCHS; row = strchr(row + 1, '\n')) {
        int n = r->epochs;
        r->epochs += sscanf(row, "%lf,%lf,%lf", &r->epoch[n], &r->learnt[n], &r->seen[n]) == 3;
    }
}

static int draw(const struct run *r)
{
    char path[4096];
    int published = 0;
    while (published < PUBLISHED && published_epoch[published] <= r->epochs)
        published++;
    const struct chart_curve curves[] = {
        { .name = "published", .x = published_epoch, .y = published_loss, .count = published, .colour = 0x888888,
          .dashed = 1, .dots = 1 },
        { .name = "training", .x = r->epoch, .y = r->learnt, .count = r->epochs, .colour = 0x1F77B4, .dots = 1 },
        { .name = "held out", .x = r->epoch, .y = r->seen, .count = r->epochs, .colour = 0xD62728, .dots = 1 },
    };
    struct chart chart = { .title = "keras_cifar10: loss", .x_name = "epoch", .y_name = "mean squared error",
                           .curves = curves, .count = 3, .from_zero = 1 };
    snprintf(path, sizeof path, "%s/curve.png", r->out);
    return chart_write(&chart, path);
}

static mim_status save_log(const struct run *r)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/log.csv", r->out);
    FILE *f = fopen(path, "w");
    int failed = !f || fputs(r->log, f) < 0;
    return (f && fclose(f)) || failed || draw(r) ? MIM_ERR_IO : MIM_OK;
}

static mim_status save(const struct run *r, mim_trainer *t, mim_encoder *encoder)
{
    char path[4096];
    mim_tensors *weights = NULL, *state = NULL;
    snprintf(path, sizeof path, "%s/encoder.safetensors", r->out);
    mim_status status = mim_encoder_tensors(encoder, MIM_WEIGHTS, "mim", &weights);
    if (!status) status = mim_tensors_save(weights, path);
    if (!status) status = save_log(r);
    snprintf(path, sizeof path, "%s/state.safetensors", r->out);
    if (!status) status = mim_trainer_tensors(t, MIM_STATE, NULL, &state);
    if (!status) status = mim_tensors_set_text(state, "host.log", r->log);
    if (!status) status = mim_tensors_save(state, path);
    mim_tensors_destroy(state);
    mim_tensors_destroy(weights);
    return status;
}

static mim_status pretrain(struct run *r, mim_trainer *t, mim_encoder *encoder, int epochs)
{
    mim_status status = MIM_OK;
    for (int e = r->epochs; !status && e < epochs; e++) {
        struct mean learnt = { 0 }, seen = { 0 };
        double begun = seconds_now();
        status = all_batches(r, t, &r->train, 1, e, 0, &learnt);
        double seconds = seconds_now() - begun;
        if (!status) status = all_batches(r, t, &r->held_out, 0, e, 0, &seen);
        if (status)
            return status;
        printf("epoch %3d   loss %.4f   held out %.4f   %.0f s\n", e + 1, learnt.loss, seen.loss, seconds);
        fflush(stdout);
        snprintf(r->log + strlen(r->log), ROW, "%d,%.6f,%.6f,%.1f\n", e + 1, learnt.loss, seen.loss, seconds);
        read_log(r);
        status = save(r, t, encoder);
    }
    return status;
}

static mim_status probe(struct run *r, mim_config *config, mim_encoder *encoder, int epochs)
{
    mim_trainer *t = NULL;
    struct mean m = { 0 };
    mim_status status = mim_config_read_json(config, probe_json);
    if (!status) status = mim_trainer_create(r->context, config, encoder, NULL, NULL, NULL, &t);
    for (int e = 0; !status && e < epochs; e++) {
        status = all_batches(r, t, &r->train, 1, e, 1, &m);
        if (!status) printf("probe epoch %3d   loss %.4f   accuracy %.4f\n", e + 1, m.loss, m.accuracy);
        fflush(stdout);
    }
    if (!status && epochs) status = all_batches(r, t, &r->test, 0, 0, 1, &m);
    if (!status && epochs)
        printf("test   loss %.4f   accuracy %.4f   (published 1.4375, 0.4790)\n", m.loss, m.accuracy);
    mim_trainer_destroy(t);
    return status;
}

/* A trainer, and what the log has of it before. */
static mim_status begin(struct run *r, const mim_config *config, mim_trainer **t)
{
    char path[4096];
    double step = 0;
    mim_tensors *state = NULL;
    memcpy(r->log, header, sizeof header);
    if (!r->resume)
        return mim_trainer_create(r->context, config, NULL, NULL, NULL, NULL, t);
    snprintf(path, sizeof path, "%s/state.safetensors", r->out);
    mim_status status = mim_tensors_open(r->context, path, &state);
    if (!status) status = mim_tensors_get_text(state, "host.log", r->log, sizeof r->log, NULL);
    if (!status) status = mim_trainer_resume(r->context, config, state, t);
    if (!status) status = mim_trainer_metric(*t, "step", &step);
    mim_tensors_destroy(state);
    read_log(r);
    if (!status && step != (double)(r->epochs * ((r->train.count + r->batch - 1) / r->batch))) {
        fprintf(stderr, "%s: %.0f steps are not %d epochs of these pictures\n", path, step, r->epochs);
        r->told = 1;
        return MIM_ERR_VALUE;
    }
    return status;
}

static mim_status run(struct run *r, int epochs, int probe_epochs, const char *precision)
{
    mim_config *config = NULL;
    mim_trainer *t = NULL;
    mim_encoder *encoder = NULL;
    mim_status status = mim_config_create(r->context, "keras_cifar10", &config);
    if (!status) status = mim_config_set_str(config, "precision", precision);
    if (!status) status = mim_config_set_i64(config, "trainer.batch", r->batch);
    if (!status) status = begin(r, config, &t);
    if (!status) status = mim_trainer_encoder(t, &encoder);
    if (!status) status = pretrain(r, t, encoder, epochs);
    mim_trainer_destroy(t);
    if (!status) status = probe(r, config, encoder, probe_epochs);
    mim_encoder_destroy(encoder);
    mim_config_destroy(config);
    return status;
}

/* Collections and the folder; a sentence on failure. */
static int open_all(struct run *r, const struct texts *train, const char *held_out, const char *test)
{
    struct why why;
    char path[4096];
    if (data_open_list(train->text, train->count, &r->train, &why) || data_open(held_out, &r->held_out, &why) ||
        data_open(test, &r->test, &why))
        return fprintf(stderr, "%s\n", why.text);
    if (!r->train.classes || !r->held_out.classes || !r->test.classes)
        return fprintf(stderr, "pictures without labels: the probe needs them\n");
    r->batch = r->train.count < BATCH ? r->train.count : BATCH;
    r->order = malloc((size_t)r->train.count * sizeof *r->order);
    snprintf(path, sizeof path, "%s/state.safetensors", r->out);
    if (!r->resume && is_file(path))
        return fprintf(stderr, "%s holds a run already; go on with --resume, or give another --out\n", r->out);
    if (!r->order || make_folder(r->out))
        return fprintf(stderr, "%s: %s\n", r->out, r->order ? "cannot make this folder" : "no memory");
    return 0;
}

int main(int argc, char **argv)
{
    static struct run r;
    struct texts train = { 0 };
    const char *held_out = NULL, *test = NULL, *precision = "f32";
    long long epochs = 100, probe_epochs = 50, threads = processors();
    const struct option options[] = {
        { "--train", LIST, &train, "PATH...", "pictures to learn from" },
        { "--held-out", TEXT, &held_out, "PATH", "pictures whose loss is shown beside" },
        { "--test", TEXT, &test, "PATH", "pictures to test the probe on" },
        { "--out", TEXT, &r.out, "DIR", "log.csv, curve.png, encoder.safetensors and state.safetensors go there" },
        { "--resume", FLAG, &r.resume, NULL, "go on with the run in DIR; all else as when it began" },
        { "--epochs", COUNT, &epochs, "N", "of pretraining (100)" },
        { "--probe-epochs", COUNT, &probe_epochs, "N", "of the probe (50); 0: none" },
        { "--threads", COUNT, &threads, "N", "threads (as many as there are processors)" },
        { "--precision", TEXT, &precision, "f32|bf16", "arithmetic (f32)" },
        { NULL, FLAG, NULL, NULL, NULL },
    };
    enum option_result read = read_options(options, argc, argv, "keras_cifar10 --train PATH... --held-out PATH --test PATH "
                                           "--out DIR [options]: the masked autoencoder of keras.io", NULL);
    if (read)
        return read == OPTIONS_HELP ? 0 : 2;
    if (!train.count || !held_out || !test || !r.out || epochs < 1 || epochs > EPOCHS || probe_epochs > 10000) {
        fprintf(stderr, "keras_cifar10 needs --train, --held-out, --test and --out; --help lists the options\n");
        return 2;
    }
    int failed = open_all(&r, &train, held_out, test);
    mim_status status = failed ? MIM_ERR_IO : mim_context_create(NULL, &r.context);
    if (!status) status = mim_context_set_threads(r.context, (int32_t)(threads > 1 << 30 ? 1 << 30 : threads));
    if (!status) status = run(&r, (int)epochs, (int)probe_epochs, precision);
    if (status && !failed && !r.told) print_error(r.context, status);
    free(r.order);
    data_close(&r.train);
    data_close(&r.held_out);
    data_close(&r.test);
    mim_context_destroy(r.context);
    return status != MIM_OK;
}
