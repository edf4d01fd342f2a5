/* SPDX-License-Identifier: MIT */
/* head.h -- mim_head from the inside. One pretext task per file; the table at the top of head.c lists them. */
#ifndef MIM_HEAD_HEAD_H
#define MIM_HEAD_HEAD_H

#include "encoder/encoder.h"

enum head_loss { HEAD_L1, HEAD_L2, HEAD_SMOOTH_L1, HEAD_LOSS_HOST, HEAD_LOSS_AUTO };       /* three as enum loss_kind */
enum head_target {                                       /* likewise enum target_kind */
    HEAD_PIXELS, HEAD_PATCH_NORM, HEAD_WINDOW_NORM, HEAD_TARGET_HOST, HEAD_HOG, HEAD_EDGES,
    HEAD_CLASSES, HEAD_CLUSTERS, HEAD_BINS, HEAD_CHANNEL_BINS, HEAD_TARGET_AUTO
};

#define HEAD_TARGETS "pixels patch_norm window_norm host hog edges classes clusters bins channel_bins auto"

struct head_options {
    int kind, loss, target, positions, mixture;          /* loss is never HEAD_LOSS_AUTO once a head is made */
    int batch_norm, pool, masked, norm;                  /* target is never HEAD_TARGET_AUTO either */
    char features[OPTION_TEXT_SIZE];
    int64_t layers, hidden, reduce, window, classes;     /* hidden 0 becomes the encoder's width, or 4 width (mae) */
    int64_t width, depth, heads, head_width, numbers, bins;
    struct mim__numbers depths, stage_heads;             /* as many as there are stages once a head is made, or empty */
    double beta, visible, eps, smoothing, init_deviation;
};
extern const struct mim__option mim__head_options[];

/* What a builder is told (with the encoder's build) and what it answers; tensors that a task has not are NULL. */
struct head_build {
    enum dtype compute;
    const struct image_options *image;                   /* how pixels are normalised */
    bool soft;                                           /* labels become soft ones: take "mixture" in their place */
    struct tensor *target, *labels, *mixture;            /* inputs, beside the encoder's */
    struct tensor *order;                                /* another, which the trainer draws: patches i32 [batch, patches],
                                                            visible ones first, each part in random order */
    struct tensor *prediction, *logits, *loss;           /* outputs of these names */
    struct tensor *answers;                              /* classes of patches that count, -1 others */
    bool shows;                                          /* the prediction is one of pixels */
    struct tensor *statistics;                           /* of a batch norm; its running ones are head.h's parameters */
    struct tensor *seed;                                 /* where backward starts: the loss, or what the host has the gradient of */
};

struct head_kind {
    const char *name;
    mim_status (*check)(const mim_head *h, struct head_options *o);
    /* Into the graph's store 1, after the encoder's build. */
    void (*build)(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b);
    /* What named tensors tell of this head, put into *out where unset; *found false if there is none of it. prefix is
     * what stands before the head's names. NULL: libmim's files alone hold it, and they say so. */
    mim_status (*config_from)(const mim_tensors *t, enum name_column c, const char *prefix, mim_config *out, bool *found);
    const struct name_rule *rules;
    /* Where names differ by file (t NULL: as libmim writes one) or encoder; or NULL. */
    const struct name_rule *(*rules_of)(const mim_encoder *e, const mim_tensors *t, const char *prefix);
    bool masks;                                          /* hides patches */
    bool stages;                                         /* takes encoders whose tokens stand for several patches */
    bool interleaved;                                    /* predicts (row, column, channel), not (channel, row, column) */
    bool bare;                                           /* files whose encoder has timm's names may hold the head too, under
                                                            libmim's: the authors' own */
    const char *task, *model_type;                       /* of transformers, as in struct encoder_json */
};
/* Parameters that are no weights: running statistics of a batch norm. */
#define RUNNING_MEAN "batch_norm.running_mean"
#define RUNNING_VARIANCE "batch_norm.running_var"
extern const struct head_kind mim__pixels, mim__mae, mim__flat, mim__classifier, mim__tokens, mim__inverse_swin;

struct mim_head {
    struct mim__object object;
    mim_encoder *encoder;                                /* kept alive */
    struct run_options run;
    struct head_options options;
    const struct head_kind *kind;
    const struct name_rule *rules, *usual_rules;         /* of the file that the weights came from; as libmim writes one */
    struct mim__store store;
    bool from_file;                                      /* weights came with the encoder's file */
};

void mim__head_retain(mim_head *h);
mim_status mim__head_create_dry(mim_context *ctx, const mim_config *config, mim_encoder *encoder, mim_head **out);
bool mim__head_masks(const mim_head *h);
mim_status mim__head_report(const mim_head *h, mim_config *report);
/* Numbers the head predicts a patch: of pixels channels * (patch / reduce)^2. */
int mim__head_depth(const mim_head *h);

/* Tensors of the head under a naming; see mim__encoder_names. Heads of pretext tasks that a naming does not have are left
 * out under it. own: as the file that the weights came from had them. */
struct head_naming { enum naming naming; bool own; const char *before; };
mim_status mim__head_names(const mim_head *h, const struct head_naming *n, float *array, struct mim__names *out);
/* The class and further members of config.json for transformers; `more` may stay empty. ratio: share of hidden patches, as
 * transformers computes with it. MIM_ERR_UNSUPPORTED as mim__encoder_json, the reason in j->why. */
mim_status mim__head_json(const mim_head *h, bool own, double ratio, struct encoder_json *j, struct mim__text *more);
/* Section head that named tensors carry; leaves *out as it is if they carry none. */
mim_status mim__head_config_from(mim_context *ctx, const mim_tensors *t, mim_config *out);

/* features.c, for heads that see what head.features says: how often the grid of patches is halved there, -1 if the encoder
 * has no such features; and, for those that predict patches, tokens f32 [batch, tokens of that grid, width] without a class
 * token: those at the end (also where it is pooled), others through a layer norm of the head's own. */
int mim__head_level(const mim_encoder *e, const char *features);
bool mim__head_sees_end(const mim_head *h);
mim_status mim__head_check_features(const mim_head *h, const struct head_options *o);
/* numbers: to be predicted, a patch. */
mim_status mim__head_check_numbers(const mim_head *h, const struct head_options *o, int64_t numbers);
struct tensor *mim__head_features(const mim_head *h, struct graph *g, const struct encoder_build *e);

/* regress.c, for heads that predict pixels: what their options must be, with the loss that "auto" stands for; and from
 * b->prediction to target and loss. eps is added to the number of pixels. */
mim_status mim__head_check_regression(const mim_head *h, struct head_options *o, enum head_loss usual);
struct tensor *mim__head_scale(struct graph *g, const struct image_options *image);      /* [2, channels] for targets */
void mim__head_regress(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b, double eps);

/* decoder.c, for heads with a decoder: their checks, those of regression among them; and its blocks. */
mim_status mim__head_check_decoder(const mim_head *h, struct head_options *o);
struct tensor *mim__head_decode(const mim_head *h, struct graph *g, struct tensor *x, int tokens, enum dtype compute);

#endif
