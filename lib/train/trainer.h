/* SPDX-License-Identifier: MIT */
/* trainer.h -- mim_trainer from the inside: the one place that sees encoder, head, masker and optimizer together. */
#ifndef MIM_TRAIN_TRAINER_H
#define MIM_TRAIN_TRAINER_H

#include "encoder/inputs.h"
#include "head/head.h"
#include "masker/masker.h"
#include "optimizer/optimizer.h"

struct trainer_options {
    int64_t batch, accumulate, recompute, memory_budget;
    int gradients, profile, evaluate;
    double average;
    struct mim__words frozen, outputs;
};
extern const struct mim__option mim__trainer_options[];

enum trainer_input { INPUT_PIXELS, INPUT_HIDDEN, INPUT_LABELS, INPUT_MIXTURE, INPUT_TARGET, INPUT_GRADIENT, TRAINER_INPUTS };
enum metric { METRIC_LOSS, METRIC_ACCURACY, METRIC_HIDDEN, METRIC_NORM, METRIC_RATE, METRIC_STEP, METRIC_SKIPPED,
              METRIC_PICTURES, METRIC_SECONDS, METRICS };
enum { TRAINED = 1, REACHED = 2 };
enum { DROPPED = 1, AGAIN = 2 };
/* What a state keeps of a run, as one tensor of int64. */
enum counter { COUNT_STEP, COUNT_SKIPPED, COUNT_PICTURES, COUNT_UPDATES, COUNTERS };

struct trainer_sizes {
    size_t weights, gradients, moments, average;
    struct mim__range range;                    /* of the gradients, that this process updates */
    struct plan_sizes plan;
    size_t total;
};

struct mim_trainer {
    struct mim__object object;
    struct run_options run;
    struct trainer_options options;
    struct image_options image;
    mim_encoder *encoder;
    mim_head *head;
    mim_masker *masker;                         /* NULL: masks are the host's, or there are none */
    mim_optimizer *optimizer;
    struct mim__texts *texts;                   /* of the host */

    struct graph *graph;
    struct plan *plan;
    struct encoder_build eb;
    struct head_build hb;
    struct trainer_sizes sizes;
    const char *keep[OPTION_LIST_MAX + 8];
    unsigned char *recompute;                   /* by node of the graph: DROPPED for backward, AGAIN: and computed again */
    size_t elements;                            /* of all gradients: the encoder's, then the head's */
    float *gradients, *average;
    void *moments[2];                           /* of sizes.range */
    float *statistics;                          /* running mean and variance, batches since the last update included */
    unsigned char *trained;                     /* by parameter of the graph: 0 no, TRAINED, REACHED by the gradient too */
    bool joined;                                /* the optimizer is ours */
    bool mixes;                                 /* training mixes the batch with itself: soft labels */

    struct mim__input inputs[TRAINER_INPUTS];   /* name NULL: not of this trainer; copies, until forward takes them */
    struct tensor *places[TRAINER_INPUTS];      /* where forward puts them */
    void *image_work;
    int64_t *ids;                               /* [batch], where the host gives none */
    uint8_t *mask;                              /* [batch, rows, cols], as used */
    int kept;                                   /* patches that the next plan encodes of a picture; 0: all */
    int usual;                                  /* the same, by the masker */
    int64_t *visible;                           /* [batch, kept], made when asked for; room for all patches */
    float *reconstruction, *picture;            /* made when asked for */
    double *sums;                               /* of windows, for turning predictions back */
    int shown;                                  /* pictures of the last call whose outputs stand; 0: none */
    bool forwarded;                             /* a backward may follow */
    bool sloped;                                /* the gradient of the pixels shown stands */
    uint64_t micro;                             /* number of the forward's random draws; its backward draws them again */
    int accumulated;                            /* backwards since the last update */
    int64_t pending;                            /* pictures of these */
    bool loss_finite;
    double metrics[METRICS];
    bool known[METRICS];
    int64_t counters[COUNTERS];
    double host_rate;
    double update_seconds;                      /* of the last step's update; negative: none yet */
};

/* create.c */
struct trainer_parts { mim_encoder *encoder; mim_head *head; mim_masker *masker; mim_optimizer *optimizer; };
mim_status mim__trainer_create(mim_context *ctx, const mim_config *config, struct trainer_parts parts, bool dry,
                               mim_trainer **out);

/* Does a trainer's name of a parameter ("encoder.norm.bias") match a pattern: equal, below it, or with `*`? */
bool mim__name_matches(const char *pattern, const char *name);

const struct param *mim__trainer_param(const mim_trainer *t, int index);      /* encoder's, then head's */
/* Inputs go to the tensors of the present graph. */
void mim__trainer_tie_inputs(mim_trainer *t);
/* Bytes of what make_buffers and make_inputs allocate. */
size_t mim__trainer_buffers(const mim_trainer *t);

/* layout.c: graph, plan within the budget, and their sizes. */
mim_status mim__trainer_lay_out(mim_trainer *t, bool dry);
mim_status mim__trainer_report_sizes(const mim_trainer *t, const char *prefix, mim_config *report);

/* visible.c: how many patches the masker leaves, once the parts are there. MIM_ERR_VALUE: not one number, or none or all. */
mim_status mim__trainer_expect_visible(mim_trainer *t);
/* A plan for as many as the next batch has; allocates where that is another number. All or nothing. */
mim_status mim__trainer_fit_visible(mim_trainer *t, const mim_images *images, int64_t batch);
/* Numbers of the visible patches into place, once the mask is, and the order of all for heads that want one; and the first
 * as the output "visible". */
void mim__trainer_list_visible(mim_trainer *t, int64_t batch, int64_t epoch, const int64_t *ids);
int64_t *mim__trainer_visible(mim_trainer *t);

/* The configuration of the whole run, every default filled in. */
mim_status mim__trainer_config(const mim_trainer *t, mim_config **out);

/* outputs.c, weights.c, state.c: the views. */
mim_status mim__trainer_outputs(mim_trainer *t, mim_tensors **out);
mim_status mim__trainer_inputs(mim_trainer *t, mim_tensors **out);
mim_status mim__trainer_weights(mim_trainer *t, int32_t what, const char *naming, mim_tensors **out);
mim_status mim__trainer_state(mim_trainer *t, mim_tensors **out);
mim_status mim__trainer_config_text(const mim_trainer *t, mim_tensors *view, enum naming n, const char *kind);
/* Tensors of encoder and head under libmim's names, weights or what lies in the same places of `array`. */
mim_status mim__trainer_names(const mim_trainer *t, float *encoder, float *head, struct mim__names *out);

/* statistics.c: a batch of a head with batch norm is done; and an update. MIM_ERR_SHAPE where a batch is too small. */
mim_status mim__trainer_check_statistics(mim_trainer *t, int64_t batch);
void mim__trainer_follow_statistics(mim_trainer *t);
void mim__trainer_keep_statistics(mim_trainer *t);

/* mix.c: rows [batch, classes] of soft labels, and mixed with each other; pixels and labels of the batch in the plan. */
void mim__soft_labels(int64_t batch, int64_t classes, double smoothing, const int32_t *labels, float *to);
void mim__mix_labels(int64_t batch, int64_t classes, double share, float *rows);
void mim__trainer_mix(mim_trainer *t, int64_t batch, int64_t epoch, bool training);

/* picture.c: predictions as pictures, for the pictures shown. */
void mim__trainer_reconstruct(mim_trainer *t);
void mim__trainer_compose(mim_trainer *t);

#endif
