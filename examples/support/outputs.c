/* SPDX-License-Identifier: MIT */
/* outputs.c -- see outputs.h. */
#include "outputs.h"
#include "sheet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void print_error(mim_context *context, mim_status status)
{
    char why[1024] = "";
    if (context)
        mim_last_error(context, why, sizeof why, NULL);
    fprintf(stderr, "%s: %s\n", mim_status_name(status), why);
}

/* A list option as numbers, one a channel; a single number goes for all. */
static mim_status read_list(const mim_config *config, const char *key, int64_t channels, double *to)
{
    char text[64 * 32];
    mim_status status = mim_config_get_str(config, key, text, sizeof text, NULL);
    const char *p = text + (*text == '[');
    for (int64_t i = 0; !status && i < channels; i++) {
        char *end;
        to[i] = strtod(p, &end);
        if (end == p)
            to[i] = i ? to[i - 1] : 0;
        p = end + (*end == ',');
    }
    return status;
}

/* All of an output in a new array; NULL where *status is a failure. */
static void *fetch(const mim_tensors *set, const char *name, int32_t type, int64_t shape[MIM_MAX_RANK], mim_status *status)
{
    size_t n = 0, size = type == MIM_U8 ? 1 : sizeof(float);
    if (!*status) *status = mim_tensors_info(set, name, NULL, NULL, shape, &n);
    void *data = *status ? NULL : malloc(n * size + 1);
    if (!*status) *status = data ? mim_tensors_read(set, name, type, 0, n, data) : MIM_ERR_NOMEM;
    return data;
}

mim_status outputs_read(mim_trainer *trainer, struct outputs *o)
{
    struct outputs out = { 0 };
    int64_t pixels[MIM_MAX_RANK] = { 0 }, mask[MIM_MAX_RANK] = { 0 }, picture[MIM_MAX_RANK] = { 0 };
    mim_tensors *set = NULL;
    mim_config *config = NULL;
    mim_status status = mim_trainer_tensors(trainer, MIM_OUTPUTS, NULL, &set);
    if (!status) status = mim_trainer_describe(trainer, &config);
    out.pixels = fetch(set, "pixels", MIM_F32, pixels, &status);
    out.mask = fetch(set, "mask", MIM_U8, mask, &status);
    out.picture = fetch(set, "picture", MIM_F32, picture, &status);
    if (!status && (pixels[1] < 1 || pixels[1] > MOST_CHANNELS))
        status = MIM_ERR_UNSUPPORTED;
    if (!status) status = read_list(config, "image.mean", pixels[1], out.mean);
    if (!status) status = read_list(config, "image.deviation", pixels[1], out.deviation);
    mim_config_destroy(config);
    mim_tensors_destroy(set);
    if (status) {
        outputs_free(&out);
        return status;
    }
    out.batch = pixels[0], out.channels = pixels[1], out.height = pixels[2], out.width = pixels[3];
    out.rows = mask[1], out.cols = mask[2];
    *o = out;
    return MIM_OK;
}

void outputs_free(struct outputs *o)
{
    free(o->pixels);
    free(o->picture);
    free(o->mask);
    *o = (struct outputs){ 0 };
}

int outputs_hidden(const struct outputs *o, int64_t b, int64_t y, int64_t x)
{
    return o->mask[(b * o->rows + y * o->rows / o->height) * o->cols + x * o->cols / o->width];
}

static double loss_of(const char *loss, double d)
{
    d = fabs(d);
    if (!strcmp(loss, "l1"))
        return d;
    if (!strcmp(loss, "l2"))
        return d * d;
    return strcmp(loss, "smooth_l1") ? NAN : d < 1 ? 0.5 * d * d : d - 0.5;
}

/* One channel of one picture: adds the losses of its hidden pixels and counts them. */
static void add_plane(const struct outputs *o, int64_t b, int64_t c, const char *loss, double *sum, double *count)
{
    const float *plane = o->pixels + (b * o->channels + c) * o->height * o->width;
    double mean = 0, visible = 0;
    for (int64_t y = 0; y < o->height; y++)
        for (int64_t x = 0; x < o->width; x++)
            if (!outputs_hidden(o, b, y, x))
                mean += (double)plane[y * o->width + x], visible++;
    mean /= visible > 0 ? visible : 1;
    for (int64_t y = 0; y < o->height; y++)
        for (int64_t x = 0; x < o->width; x++)
            if (outputs_hidden(o, b, y, x))
                *sum += loss_of(loss, (double)plane[y * o->width + x] - mean), ++*count;
}

double outputs_mean_loss(const struct outputs *o, const char *loss)
{
    double sum = 0, count = 0;
    for (int64_t b = 0; b < o->batch; b++)
        for (int64_t c = 0; c < o->channels; c++)
            add_plane(o, b, c, loss, &sum, &count);
    return count > 0 ? sum / count : NAN;
}

unsigned char outputs_byte(double unit)
{
    return (unsigned char)(255 * fmin(fmax(unit, 0), 1) + 0.5);
}

/* Pixel (y, x) of picture b into the three columns. Gray is shown as such; of many channels, the first three. */
static void show_pixel(const struct outputs *o, int64_t b, int64_t y, int64_t x, unsigned char *const to[3])
{
    int64_t at = (b * o->height + y) * o->width + x;
    for (int64_t i = 0; i < 3; i++) {
        int64_t c = o->channels < 3 ? 0 : i;
        double pixel = (double)o->pixels[((b * o->channels + c) * o->height + y) * o->width + x];
        to[0][at * 3 + i] = outputs_byte(pixel * o->deviation[c] + o->mean[c]);
        to[1][at * 3 + i] = outputs_hidden(o, b, y, x) ? 0x90 : to[0][at * 3 + i];
        to[2][at * 3 + i] = outputs_byte((double)o->picture[at * o->channels + c]);
    }
}

int outputs_sheet(const struct outputs *o, int most, const char *path)
{
    int64_t count = o->batch < most ? o->batch : most;
    size_t column = (size_t)(count * o->height * o->width * 3);
    unsigned char *rgb = malloc(3 * column + 1);
    if (!rgb)
        return -1;
    unsigned char *const to[] = { rgb, rgb + column, rgb + 2 * column };
    for (int64_t b = 0; b < count; b++)
        for (int64_t y = 0; y < o->height; y++)
            for (int64_t x = 0; x < o->width; x++)
                show_pixel(o, b, y, x, to);
    struct sheet sheet = { { "picture", "masked", "reconstructed" }, { to[0], to[1], to[2] }, 3,
                           (int)count, (int)o->width, (int)o->height };
    int result = sheet_write(&sheet, path);
    free(rgb);
    return result;
}
