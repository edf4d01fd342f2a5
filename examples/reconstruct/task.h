/* SPDX-License-Identifier: MIT */
/* task.h -- hidden patches of a collection, predicted and guessed, and how near both come. */
#ifndef EXAMPLES_RECONSTRUCT_TASK_H
#define EXAMPLES_RECONSTRUCT_TASK_H

#include "../support/data.h"
#include "../support/errors.h"
#include "../support/options.h"

#include <mim.h>

struct arguments {
    const char *weights, *precision, *out;
    struct texts data, set;
    double ratio;                       /* negative: as the weights say */
    long long count, rows, threads, seed;       /* 0, or -1 for the seed: not given */
};

enum guess { PREDICTED, MEAN, NEAREST, SMOOTH, PATCH_MEAN, GUESSES };
enum { BATCH = 32 };

struct score { double psnr, ssim; int64_t psnrs, ssims; };      /* sums over pictures, and of how many */

struct task {
    const struct arguments *arguments;
    mim_context *context;
    mim_trainer *trainer;
    struct data data;
    int64_t count, hidden, pixels;      /* pictures; pixels hidden, and in all */
    int normalised;                     /* the target is normalised by the hidden pixels themselves */
    struct score scores[GUESSES];
};

/* These print why they failed. */
mim_status task_open(struct task *t);           /* open.c */
mim_status task_measure(struct task *t);        /* measure.c; the sheet is written on the way */
void task_report(const struct task *t);         /* report.c */
void task_close(struct task *t);

/* batch.c: what the trainer was shown, what it predicts, and the guesses, of the pictures of a batch. */
struct batch {
    int count, height, width, channels;
    unsigned char *hidden;              /* [count, height, width] */
    float *shown;                       /* [count, height, width, channels], 0..1; and so are the next two */
    float *whole;                       /* predicted everywhere */
    float *guesses[GUESSES];            /* shown where visible */
};
mim_status batch_read(struct task *t, struct batch *b);
void batch_free(struct batch *b);

/* report.c: the first pictures of a batch. */
mim_status sheet_of(const struct task *t, const struct batch *b);

#endif
