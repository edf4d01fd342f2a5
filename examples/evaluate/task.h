/* SPDX-License-Identifier: MIT */
/* task.h -- one evaluation: what was asked for, pictures and labels, and the scores that come out of it. */
#ifndef EXAMPLES_EVALUATE_TASK_H
#define EXAMPLES_EVALUATE_TASK_H

#include "../support/errors.h"
#include "../support/labelled.h"
#include "../support/options.h"

#include <mim.h>

enum probe { PROBE_LINEAR, PROBE_STEPS, PROBE_KNN, PROBE_FINETUNE, PROBE_PIXELS, PROBE_RANDOM, PROBE_COUNT };

struct arguments {
    struct texts train, test, set;
    const char *weights, *probe, *features, *pool, *precision, *names, *out;
    long long classes, epochs, batch, threads, seed;        /* 0, or -1 for the seed: not given */
    int scratch;
};

struct task {
    const struct arguments *arguments;
    enum probe probe;
    mim_context *context;
    mim_tensors *weights;           /* NULL: none were given */
    mim_config *config;             /* all that follows is made from it */
    struct labelled set;
    const char **names;             /* one a class, or NULL */
    char *text;                     /* where they stand */
    float *scores;                  /* [set.test.count, set.classes] */
    int stopped;                    /* by a signal, and all saved: there are no scores */
};

extern const char *const probe_names[PROBE_COUNT];

/* All of these print why they failed. */

/* open.c: pictures, labels, weights and configuration, all checked before anything is computed. */
mim_status task_open(struct task *t);
void task_close(struct task *t);

/* encoder.c: with its weights, or untrained where that is asked for. */
mim_status task_encoder(struct task *t, mim_encoder **encoder);

/* probe.c: linear, knn, pixels, random: features of all pictures, then scores. */
mim_status task_probe(struct task *t);

/* recipe.c: what training by steps sets, and the command line on top. epochs, batch and the count of steps are settled. */
struct recipe { int64_t epochs, batch, steps_an_epoch; };
mim_status task_recipe(struct task *t, struct recipe *r);

/* train.c: steps, finetune: training with a classifier, then scores; and into --out the model, log and curve, after Ctrl-C
 * too. */
mim_status task_train(struct task *t);

/* report.c: accuracies, and into --out the confusion picture. */
mim_status task_report(struct task *t);

#endif
