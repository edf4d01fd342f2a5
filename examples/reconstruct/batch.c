/* SPDX-License-Identifier: MIT */
/* batch.c -- a batch as pictures of 0..1: shown, predicted, guessed. */
#include "task.h"
#include "../support/fill.h"
#include "../support/outputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t samples(const struct batch *b)
{
    return (size_t)b->height * (size_t)b->width * (size_t)b->channels;
}

static int make_room(struct batch *b)
{
    size_t pictures = (size_t)b->count * samples(b);
    b->hidden = malloc((size_t)b->count * (size_t)b->height * (size_t)b->width);
    b->shown = malloc(pictures * sizeof(float));
    b->whole = malloc(pictures * sizeof(float));
    int made = b->hidden && b->shown && b->whole;
    for (int g = 0; g < GUESSES; g++)
        made = (b->guesses[g] = malloc(pictures * sizeof(float))) && made;
    return made;
}

void batch_free(struct batch *b)
{
    free(b->hidden);
    free(b->shown);
    free(b->whole);
    for (int g = 0; g < GUESSES; g++)
        free(b->guesses[g]);
    *b = (struct batch){ 0 };
}

/* Normalised [channels, height, width] to [height, width, channels] of 0..1. */
static void undo(const struct outputs *o, const float *from, float *to)
{
    int64_t plane = o->height * o->width;
    for (int64_t i = 0; i < plane; i++)
        for (int64_t c = 0; c < o->channels; c++)
            to[i * o->channels + c] = (float)fmin(fmax((double)from[c * plane + i] * o->deviation[c] + o->mean[c], 0), 1);
}

/* What is known of a hidden patch where the target is normalised by it: the mean of its pixels. */
static void fill_patch_mean(const struct outputs *o, int64_t b, float *picture)
{
    int64_t side_y = o->height / o->rows, side_x = o->width / o->cols;
    for (int64_t p = 0; p < o->rows * o->cols * o->channels; p++) {
        int64_t c = p % o->channels, y = p / o->channels / o->cols * side_y, x = p / o->channels % o->cols * side_x;
        float *first = picture + (y * o->width + x) * o->channels + c;
        double mean = 0;
        if (!outputs_hidden(o, b, y, x))
            continue;
        for (int64_t i = 0; i < side_y * side_x; i++)
            mean += (double)first[(i / side_x * o->width + i % side_x) * o->channels] / (double)(side_y * side_x);
        for (int64_t i = 0; i < side_y * side_x; i++)
            first[(i / side_x * o->width + i % side_x) * o->channels] = (float)mean;
    }
}

/* Hidden pixels are made zero first, so that no guess can see them. */
static int guess(const struct outputs *o, struct batch *b, int i)
{
    static int (*const fill[])(const struct hole *, float *) = { [MEAN] = fill_mean, [NEAREST] = fill_nearest,
                                                                 [SMOOTH] = fill_smooth };
    size_t at = (size_t)i * samples(b), pixels = (size_t)b->height * (size_t)b->width;
    struct hole hole = { b->height, b->width, b->channels, b->hidden + (size_t)i * pixels };
    for (int g = MEAN; g <= SMOOTH; g++) {
        float *picture = b->guesses[g] + at;
        for (size_t k = 0; k < samples(b); k++)
            picture[k] = hole.hidden[k / (size_t)b->channels] ? 0 : b->shown[at + k];
        if (fill[g](&hole, picture))
            return -1;
    }
    memcpy(b->guesses[PATCH_MEAN] + at, b->shown + at, samples(b) * sizeof(float));
    fill_patch_mean(o, i, b->guesses[PATCH_MEAN] + at);
    return 0;
}

static mim_status read_pictures(const struct outputs *o, const float *reconstruction, struct batch *b)
{
    for (int i = 0; i < b->count; i++) {
        size_t at = (size_t)i * samples(b);
        unsigned char *hidden = b->hidden + (size_t)i * (size_t)b->height * (size_t)b->width;
        undo(o, o->pixels + at, b->shown + at);
        undo(o, reconstruction + at, b->whole + at);
        memcpy(b->guesses[PREDICTED] + at, o->picture + at, samples(b) * sizeof(float));
        for (int y = 0; y < b->height; y++)
            for (int x = 0; x < b->width; x++)
                *hidden++ = (unsigned char)outputs_hidden(o, i, y, x);
        if (guess(o, b, i))
            return MIM_ERR_NOMEM;
    }
    return MIM_OK;
}

mim_status batch_read(struct task *t, struct batch *b)
{
    struct outputs o = { 0 };
    mim_tensors *set = NULL;
    float *reconstruction = NULL;
    mim_status status = outputs_read(t->trainer, &o);
    if (status)
        return status;
    *b = (struct batch){ .count = (int)o.batch, .height = (int)o.height, .width = (int)o.width,
                         .channels = (int)o.channels };
    size_t all = (size_t)b->count * samples(b);
    status = make_room(b) && (reconstruction = malloc(all * sizeof *reconstruction)) ? MIM_OK : MIM_ERR_NOMEM;
    if (!status) status = mim_trainer_tensors(t->trainer, MIM_OUTPUTS, NULL, &set);
    if (!status) status = mim_tensors_read(set, "reconstruction", MIM_F32, 0, all, reconstruction);
    if (!status) status = read_pictures(&o, reconstruction, b);
    mim_tensors_destroy(set);
    free(reconstruction);
    outputs_free(&o);
    if (status)
        batch_free(b);
    return status;
}
