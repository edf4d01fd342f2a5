/* SPDX-License-Identifier: MIT */
/* outputs.h -- what a trainer shows of its last evaluation: pictures, masks, reconstructions. */
#ifndef EXAMPLES_SUPPORT_OUTPUTS_H
#define EXAMPLES_SUPPORT_OUTPUTS_H

#include <mim.h>

enum { MOST_CHANNELS = 64 };

struct outputs {
    int64_t batch, channels, height, width, rows, cols;
    float *pixels;              /* [batch, channels, height, width], normalised */
    float *picture;             /* [batch, height, width, channels], 0..1, predicted where hidden */
    uint8_t *mask;              /* [batch, rows, cols] */
    double mean[MOST_CHANNELS], deviation[MOST_CHANNELS];
};

/* Of the last forward or evaluate; free in the end. MIM_ERR_KEY: the head does not predict pixels. */
mim_status outputs_read(mim_trainer *trainer, struct outputs *o);
void outputs_free(struct outputs *o);

/* Loss of predicting, for each hidden pixel, the mean of the visible pixels of its picture and channel: what must be
 * beaten to have learnt anything. loss is head.loss: "l1", "l2", "smooth_l1". NaN for another loss. */
double outputs_mean_loss(const struct outputs *o, const char *loss);

/* Sheet of the first `most` pictures: picture, masked, reconstructed. 0 or -1 as sheet_write. */
int outputs_sheet(const struct outputs *o, int most, const char *path);

/* Is this pixel of picture b hidden? And 0..1, or what is beyond, as a byte. */
int outputs_hidden(const struct outputs *o, int64_t b, int64_t y, int64_t x);
unsigned char outputs_byte(double unit);

/* The status and its sentence, to stderr. */
void print_error(mim_context *context, mim_status status);

#endif
