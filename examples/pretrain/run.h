/* SPDX-License-Identifier: MIT */
/* run.h -- a pretraining run: what was asked for, where it stands, and what it writes. */
#ifndef EXAMPLES_PRETRAIN_RUN_H
#define EXAMPLES_PRETRAIN_RUN_H

#include "../support/data.h"
#include "../support/history.h"
#include "../support/options.h"
#include "../support/progress.h"

#include <mim.h>
#include <stdio.h>

struct arguments {
    const char *data, *config, *precision, *out;
    struct texts set;
    long long steps, batch, threads, seed, save_every;      /* 0 or, for the seed, -1: as the configuration says */
    int resume, presets;
};

struct place { int64_t epoch, offset; };                    /* the next batch begins at order[offset] */

struct run {
    struct arguments arguments;
    mim_context *context;
    mim_trainer *trainer;
    mim_tensors *state;                                     /* a view of the trainer, its texts included */
    struct data data;
    const char *data_path;                                  /* of the arguments, or of the state: stored_path */
    char stored_path[4096];
    int64_t training, held_out;                             /* the first pictures and the last */
    int64_t batch, steps, seed, step;                       /* step: updates done */
    struct place place, mark;                               /* now, and after the last update */
    int64_t *order, ordered;                                /* of epoch `ordered`; -1: none yet */
    int64_t saved;                                          /* the step that was saved last; -1: none */
    int64_t skipped;                                        /* updates that were not finite, since it was begun or resumed */
    double seconds, begun;                                  /* before it was resumed; when it was begun or resumed */
    double mean_loss;                                       /* of the last evaluation */
    struct history losses, held_losses;
    struct progress progress;
    FILE *log, *held_log;
};

/* begin.c: pictures, trainer and place, from the arguments or from the state it was saved in. Prints why on
 * failure; MIM_ERR_CANCELLED is for the caller to explain. */
mim_status run_begin(struct run *r);
void run_end(struct run *r);

/* loop.c: steps until the last, or a signal. */
mim_status run_steps(struct run *r);

/* save.c: evaluation, weights, pictures, log and state into the folder. */
mim_status run_save(struct run *r);

/* log.c: log.csv and held_out.csv; rows after update `step` are dropped on opening, those before it go into the history. */
int log_open(struct run *r);
int log_evaluation(struct run *r, double loss);
int log_row(struct run *r, double loss, double rate, double norm);
double run_seconds(const struct run *r);

/* The sentence of the last failed call, to stderr, with what was being done; gives the status back. */
mim_status run_failed(const struct run *r, mim_status status, const char *doing);

#endif
