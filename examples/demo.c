/* SPDX-License-Identifier: MIT */
/* demo.c -- SimMIM in about a minute: draws its own pictures, trains a small encoder to predict what is hidden of them,
 * and shows what it has learnt.
 *
 *     demo [FOLDER] [--seconds N] [--steps N] [--threads N]
 *
 * FOLDER (build/demo) gets reconstruction.png and curve.png. */
#include "support/data.h"
#include "support/evaluation.h"
#include "support/history.h"
#include "support/options.h"
#include "support/outputs.h"
#include "support/progress.h"
#include "support/random.h"
#include "support/scenes.h"

#include <mim.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, TRAINING = 8192, UNSEEN = 512, BATCH = 32, SEED = 1 };
enum { LEAST_STEPS = 100, TRIAL_STEPS = 3, KNOWN = 4096 };
static const double trial_seconds = 1.5, patience = 1.5;    /* of the time asked for, if the machine gets slower */

struct demo {
    const char *folder;
    double seconds;
    long long steps, threads;
    mim_context *context;
    mim_trainer *trainer;
    struct data data;               /* TRAINING pictures, then UNSEEN ones */
    int64_t labels[TRAINING + UNSEEN], order[TRAINING];
    struct history history;
};

/* ---- the pictures ---- */

static int draw_pictures(struct demo *d)
{
    struct why why;
    if (scenes_open(SEED, 0, TRAINING + UNSEEN, SIDE, &d->data, &why))
        return -1;
    for (int64_t i = 0; i < TRAINING + UNSEEN; i++)
        d->labels[i] = d->data.pictures[i].label;
    return 0;
}

/* Step `step` of the run: its epoch and pictures, every epoch in an order of its own. */
static int64_t next_batch(struct demo *d, int64_t step, int64_t *ids, mim_images *views)
{
    int64_t epoch = step * BATCH / TRAINING, at = step * BATCH % TRAINING;
    if (at == 0)
        random_order(d->order, TRAINING, SEED, epoch);
    memcpy(ids, d->order + at, BATCH * sizeof *ids);
    data_views(&d->data, ids, BATCH, views);
    return epoch;
}

/* ---- training ---- */

/* bf16 where the processor multiplies it: that halves the time of a step. */
static const char *precision(const struct demo *d)
{
    char isa[32] = "";
    mim_config *facts = NULL;
    if (!mim_context_describe(d->context, &facts))
        mim_config_get_str(facts, "isa", isa, sizeof isa, NULL);
    mim_config_destroy(facts);
    return strcmp(isa, "avx512_bf16") ? "f32" : "bf16";
}

/* The preset, made smaller and set to learn faster, so that a minute is enough. */
static mim_status configure(const struct demo *d, int64_t steps, mim_config **config)
{
    mim_status status = mim_config_create(d->context, "simmim_vit_tiny_32", config);
    if (!status) status = mim_config_read_json(*config,
        "{\"image\": {\"crop\": \"none\", \"eval_crop\": 1}, \"masker\": {\"unit\": 4},"
        " \"encoder\": {\"width\": 128, \"depth\": 4, \"heads\": 4, \"positions\": \"sincos\", \"pool\": \"mean\"},"
        " \"optimizer\": {\"rate\": 2e-3}}");
    if (!status) status = mim_config_set_i64(*config, "seed", SEED);
    if (!status) status = mim_config_set_str(*config, "precision", precision(d));
    if (!status) status = mim_config_set_i64(*config, "trainer.batch", BATCH);
    if (!status) status = mim_config_set_i64(*config, "optimizer.steps", steps);
    if (!status) status = mim_config_set_i64(*config, "optimizer.warmup", steps / 10);
    return status;
}

static mim_status make_trainer(struct demo *d, int64_t steps, mim_trainer **trainer)
{
    mim_config *config = NULL;
    mim_status status = configure(d, steps, &config);
    if (!status) status = mim_trainer_create(d->context, config, NULL, NULL, NULL, NULL, trainer);
    mim_config_destroy(config);
    return status;
}

/* How many steps fit the time: measured on a trainer that is thrown away. */
static mim_status choose_steps(struct demo *d)
{
    int64_t ids[BATCH], step = 0;
    mim_images views[BATCH];
    mim_trainer *trial = NULL;
    double begun = 0, taken = 0;
    mim_status status = make_trainer(d, LEAST_STEPS, &trial);
    for (; !status && (step < 2 * TRIAL_STEPS || taken < trial_seconds); step++) {
        if (step == TRIAL_STEPS)
            begun = seconds_now();                          /* the first ones warm up */
        int64_t epoch = next_batch(d, step, ids, views);
        status = mim_trainer_step(trial, views, epoch, ids);
        taken = step < TRIAL_STEPS ? 0 : seconds_now() - begun;
    }
    mim_trainer_destroy(trial);
    if (!status)
        d->steps = (long long)fmax(d->seconds * (double)(step - TRIAL_STEPS) / taken, LEAST_STEPS);
    return status;
}

static mim_status train(struct demo *d)
{
    int64_t ids[BATCH];
    mim_images views[BATCH];
    struct progress progress;
    double begun = seconds_now(), limit = d->seconds > 0 ? patience * d->seconds : INFINITY, loss = 0;
    mim_status status = make_trainer(d, d->steps, &d->trainer);
    progress_begin(&progress, 0, d->steps);
    for (int64_t step = 0; !status && step < d->steps && seconds_now() - begun < limit; step++) {
        int64_t epoch = next_batch(d, step, ids, views);
        status = mim_trainer_step(d->trainer, views, epoch, ids);
        if (!status) status = mim_trainer_metric(d->trainer, "loss", &loss);
        if (!status && history_add(&d->history, (double)step + 1, loss))
            status = MIM_ERR_NOMEM;
        progress_step(&progress, step + 1, loss, BATCH);
    }
    progress_break(&progress);
    return status;
}

/* ---- what it has learnt ---- */

/* Features of pictures [first, first + count): the mean over the patches, [count, width] in a new array. */
static mim_status extract(const struct demo *d, mim_encoder *encoder, int64_t first, int64_t count, float **features,
                          int32_t *width)
{
    mim_tensors *outputs = NULL;
    int64_t ids[BATCH], shape[MIM_MAX_RANK] = { 0 };
    mim_images views[BATCH];
    size_t n = 0;
    mim_status status = mim_encoder_tensors(encoder, MIM_OUTPUTS, NULL, &outputs);
    for (int64_t i = 0; !status && i < count; i += BATCH) {
        for (int64_t k = 0; k < BATCH; k++)
            ids[k] = first + i + k;
        data_views(&d->data, ids, BATCH, views);
        status = mim_encoder_encode(encoder, views, "pooled");
        if (!status) status = mim_tensors_info(outputs, "pooled", NULL, NULL, shape, &n);
        if (!status && !*features && !(*features = malloc((size_t)count * (size_t)shape[1] * sizeof **features)))
            status = MIM_ERR_NOMEM;
        if (!status) status = mim_tensors_read(outputs, "pooled", MIM_F32, 0, n, *features + i * shape[1]);
    }
    mim_tensors_destroy(outputs);
    *width = (int32_t)shape[1];
    return status;
}

/* Every feature to mean 0 and deviation 1 over the known pictures: what varies most is colour, and would drown the rest. */
static void standardise(float *known, float *unseen, int32_t width)
{
    for (int32_t k = 0; k < width; k++) {
        double sum = 0, square = 0;
        for (int i = 0; i < KNOWN; i++)
            sum += (double)known[i * width + k];
        for (int i = 0; i < KNOWN; i++)
            square += pow((double)known[i * width + k] - sum / KNOWN, 2);
        float mean = (float)(sum / KNOWN), deviation = (float)sqrt(square / KNOWN + 1e-12);
        for (int i = 0; i < KNOWN; i++)
            known[i * width + k] = (known[i * width + k] - mean) / deviation;
        for (int i = 0; i < UNSEEN; i++)
            unseen[i * width + k] = (unseen[i * width + k] - mean) / deviation;
    }
}

/* Share of the unseen pictures whose shape a probe tells that knows those of KNOWN training pictures. */
static mim_status classify(const struct demo *d, const char *kind, int32_t width, const float *known, const float *unseen,
                           double *accuracy)
{
    mim_config *config = NULL;
    float *scores = malloc(UNSEEN * SCENE_CLASSES * sizeof *scores);
    mim_status status = scores ? mim_config_create(d->context, NULL, &config) : MIM_ERR_NOMEM;
    if (!status) status = mim_config_set_str(config, "probe.kind", kind);
    if (!status) status = mim_evaluate_classify(d->context, config, SCENE_CLASSES, width, KNOWN, known, d->labels,
                                                UNSEEN, unseen, scores);
    if (!status) status = mim_evaluate_accuracy(d->context, SCENE_CLASSES, UNSEEN, scores, d->labels + TRAINING, 1,
                                                accuracy, NULL);
    mim_config_destroy(config);
    free(scores);
    return status;
}

static const char *const probes[] = { "knn", "linear" };

static mim_status probe(const struct demo *d, mim_encoder *encoder, double accuracy[2])
{
    float *known = NULL, *unseen = NULL;
    int32_t width = 0;
    mim_status status = extract(d, encoder, 0, KNOWN, &known, &width);
    if (!status) status = extract(d, encoder, TRAINING, UNSEEN, &unseen, &width);
    if (!status) standardise(known, unseen, width);
    for (int i = 0; !status && i < 2; i++)
        status = classify(d, probes[i], width, known, unseen, &accuracy[i]);
    free(unseen);
    free(known);
    return status;
}

static mim_status compare_features(const struct demo *d)
{
    mim_config *config = NULL;
    mim_encoder *learnt = NULL, *fresh = NULL;
    double trained[2] = { 0 }, untrained[2] = { 0 };
    mim_status status = mim_trainer_encoder(d->trainer, &learnt);
    if (!status) status = configure(d, d->steps, &config);
    if (!status) status = mim_encoder_create(d->context, config, NULL, &fresh);
    if (!status) status = probe(d, learnt, trained);
    if (!status) status = probe(d, fresh, untrained);
    if (!status)
        printf("which of %d shapes, told from the features of the encoder (guessing: %.0f %%)\n"
               "    by nearest neighbours   trained %.1f %%, untrained %.1f %%\n"
               "    by a linear probe       trained %.1f %%, untrained %.1f %%\n", SCENE_CLASSES, 100.0 / SCENE_CLASSES,
               100 * trained[0], 100 * untrained[0], 100 * trained[1], 100 * untrained[1]);
    mim_encoder_destroy(fresh);
    mim_encoder_destroy(learnt);
    mim_config_destroy(config);
    return status;
}

static mim_status report(const struct demo *d)
{
    struct evaluation e = { 0 };
    char *sheet = join_path(d->folder, "reconstruction.png"), *curve = join_path(d->folder, "curve.png");
    mim_status status = sheet && curve ? MIM_OK : MIM_ERR_NOMEM;
    if (!status) status = evaluate(d->trainer, &d->data, TRAINING, UNSEEN, BATCH, sheet, &e);
    if (!status && e.unwritten)
        status = MIM_ERR_IO;
    if (!status && history_chart(&d->history, NULL, e.mean_loss, "SimMIM: loss of the hidden pixels", curve))
        status = MIM_ERR_IO;
    if (!status) printf("loss of hidden pixels of unseen pictures: %.3f; of predicting the mean of the visible ones: %.3f\n",
                        e.loss, e.mean_loss);
    if (!status) status = compare_features(d);
    if (!status) printf("written: %s, %s\n", sheet, curve);
    free(curve);
    free(sheet);
    return status;
}

static mim_status run(struct demo *d)
{
    int measured = !d->steps;
    mim_status status = mim_context_create(NULL, &d->context);
    if (!status) status = mim_context_set_threads(d->context, (int32_t)d->threads);
    printf("drawing %d pictures of %d shapes\n", TRAINING + UNSEEN, SCENE_CLASSES);
    if (!status && draw_pictures(d))
        status = MIM_ERR_NOMEM;
    if (measured && !status) status = choose_steps(d);
    if (!measured)
        d->seconds = 0;
    if (!status) printf("training: %lld steps of %d pictures, %s, %lld thread(s)\n", d->steps, BATCH, precision(d),
                        d->threads);
    if (!status) status = train(d);
    if (!status) status = report(d);
    if (status)
        print_error(d->context, status);
    mim_trainer_destroy(d->trainer);
    mim_context_destroy(d->context);
    data_close(&d->data);
    history_free(&d->history);
    return status;
}

int main(int argc, char **argv)
{
    static struct demo d = { .folder = "build/demo", .seconds = 45 };
    d.threads = processors();
    const struct option options[] = {
        { "--seconds", SECONDS, &d.seconds, "N", "how long to train (45)" },
        { "--steps", COUNT, &d.steps, "N", "steps to train, in place of a time" },
        { "--threads", COUNT, &d.threads, "N", "threads (as many as there are processors)" },
        { NULL, FLAG, NULL, NULL, NULL },
    };
    enum option_result read = read_options(options, argc, argv, "demo [FOLDER] [options]: SimMIM on drawn pictures",
                                           &d.folder);
    if (read)
        return read == OPTIONS_HELP ? 0 : 2;
    if (make_folder(d.folder)) {
        fprintf(stderr, "%s: cannot make this folder\n", d.folder);
        return 1;
    }
    return run(&d) != MIM_OK;
}
