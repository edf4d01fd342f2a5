/* SPDX-License-Identifier: MIT */
/* picture.c -- predictions as pictures, to be looked at: each patch in its place, a lower resolution spread, normalised
 * targets turned back by the statistics of the picture itself. */
#include "train/trainer.h"

#include <math.h>

struct view { int batch, channels, height, width, patch, side, reduce, rows, cols; bool interleaved; };

static struct view view_of(const mim_trainer *t)
{
    int patch = (int)t->encoder->options.patch, reduce = (int)t->head->options.reduce;
    return (struct view){ t->shown, (int)t->image.channels, t->eb.height, t->eb.width, patch, patch / reduce, reduce,
                          t->eb.rows, t->eb.cols, t->head->kind->interleaved };
}

static const float *pixels_of(const mim_trainer *t) { return mim__plan_data(t->plan, t->eb.pixels); }

/* A pixel as the target has it, in the picture's own or a lower resolution: the mean of reduce x reduce. */
static double pixel_at(const struct view *v, const float *plane, int y, int x)
{
    double sum = 0;
    for (int i = 0; i < v->reduce * v->reduce; i++)
        sum += plane[(size_t)(y * v->reduce + i / v->reduce) * (size_t)v->width + (size_t)(x * v->reduce + i % v->reduce)];
    return sum / (v->reduce * v->reduce);
}

/* A patch of all channels has one mean and deviation (MAE's target). */
static void patch_statistics(const struct view *v, const float *picture, int row, int col, double *mean, double *deviation)
{
    double sum = 0, square = 0;
    int n = v->channels * v->side * v->side;
    size_t plane = (size_t)v->height * (size_t)v->width;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < n; i++) {
            int c = i / (v->side * v->side), y = row * v->side + i / v->side % v->side, x = col * v->side + i % v->side;
            double value = pixel_at(v, picture + (size_t)c * plane, y, x);
            if (pass == 0)
                sum += value / n;
            else
                square += (value - sum) * (value - sum);
        }
    *mean = sum;
    *deviation = sqrt(square / (n > 1 ? n - 1 : 1) + 1e-6);
}

static float *at(const struct view *v, float *picture, int c, int y, int x)
{
    return picture + ((size_t)c * (size_t)v->height + (size_t)y) * (size_t)v->width + (size_t)x;
}

/* Place of a pixel in the prediction of its patch: (channel, row, column), or (row, column, channel). */
static int place_of(const struct view *v, int c, int y, int x)
{
    int pixel = y / v->reduce * v->side + x / v->reduce;
    return v->interleaved ? pixel * v->channels + c : c * v->side * v->side + pixel;
}

/* prediction of one patch into its place. */
static void place_patch(const struct view *v, const float *prediction, int row, int col, float *picture)
{
    for (int c = 0; c < v->channels; c++)
        for (int y = 0; y < v->patch; y++)
            for (int x = 0; x < v->patch; x++)
                *at(v, picture, c, row * v->patch + y, col * v->patch + x) =
                    prediction[place_of(v, c, y, x)];
}

static void undo_patches(const struct view *v, const float *shown, float *picture)
{
    for (int i = 0; i < v->rows * v->cols; i++) {
        int row = i / v->cols, col = i % v->cols;
        double mean, deviation;
        patch_statistics(v, shown, row, col, &mean, &deviation);
        for (int c = 0; c < v->channels; c++)
            for (int k = 0; k < v->patch * v->patch; k++) {
                float *p = at(v, picture, c, row * v->patch + k / v->patch, col * v->patch + k % v->patch);
                *p = (float)(*p * deviation + mean);
            }
    }
}

/* A plane in the resolution of the target; a lower one behind its sums, which leave room for that. */
static const float *lower(const struct view *v, const float *plane, double *sums)
{
    int height = v->height / v->reduce, width = v->width / v->reduce;
    float *to = (float *)(sums + 2 * (size_t)(height + 1) * (size_t)(width + 1));
    for (int y = 0; v->reduce > 1 && y < height; y++)
        for (int x = 0; x < width; x++)
            to[y * width + x] = (float)pixel_at(v, plane, y, x);
    return v->reduce > 1 ? to : plane;
}

static void undo_windows(const mim_trainer *t, const struct view *v, const float *shown, float *picture)
{
    int window = (int)t->head->options.window, height = v->height / v->reduce, width = v->width / v->reduce;
    size_t plane = (size_t)v->height * (size_t)v->width;
    for (int c = 0; c < v->channels; c++) {
        mim__window_sums(lower(v, shown + (size_t)c * plane, t->sums), height, width, t->sums);
        for (int y = 0; y < v->height; y++)
            for (int x = 0; x < v->width; x++) {
                struct mim__window w = mim__window_at(t->sums, height, width, window, y / v->reduce, x / v->reduce);
                float *p = at(v, picture, c, y, x);
                *p = (float)(*p * w.deviation + w.mean);
            }
    }
}

void mim__trainer_reconstruct(mim_trainer *t)
{
    struct view v = view_of(t);
    const float *prediction = mim__plan_data(t->plan, t->hb.prediction);
    size_t each = (size_t)v.channels * (size_t)v.height * (size_t)v.width, depth = (size_t)mim__head_depth(t->head);
    for (int b = 0; b < v.batch; b++) {
        float *picture = t->reconstruction + (size_t)b * each;
        const float *shown = pixels_of(t) + (size_t)b * each;
        for (int i = 0; i < v.rows * v.cols; i++, prediction += depth)
            place_patch(&v, prediction, i / v.cols, i % v.cols, picture);
        if (t->head->options.target == HEAD_PATCH_NORM)
            undo_patches(&v, shown, picture);
        if (t->head->options.target == HEAD_WINDOW_NORM)
            undo_windows(t, &v, shown, picture);
    }
}

/* 0..1: pixels as shown where the mask shows them, predictions where it hides. */
void mim__trainer_compose(mim_trainer *t)
{
    struct view v = view_of(t);
    size_t each = (size_t)v.channels * (size_t)v.height * (size_t)v.width;
    const struct mim__numbers *mean = &t->image.mean, *deviation = &t->image.deviation;
    mim__trainer_reconstruct(t);
    float *to = t->picture;
    for (int b = 0; b < v.batch; b++)
        for (int y = 0; y < v.height; y++)
            for (int x = 0; x < v.width; x++) {
                bool hidden = t->mask[(b * v.rows + y / v.patch) * v.cols + x / v.patch];
                const float *from = (hidden ? t->reconstruction : pixels_of(t)) + (size_t)b * each;
                for (int c = 0; c < v.channels; c++) {
                    float p = from[((size_t)c * (size_t)v.height + (size_t)y) * (size_t)v.width + (size_t)x];
                    *to++ = fminf(fmaxf((float)(p * deviation->v[c] + mean->v[c]), 0), 1);
                }
            }
}
