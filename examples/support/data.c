/* SPDX-License-Identifier: MIT */
/* data.c -- find out what a path holds, and read it; see data.h. */
#include "data.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int data_refuse(struct why *why, const char *path, const char *what)
{
    snprintf(why->text, sizeof why->text, "%s: %s", path, what);
    return -1;
}

int data_keep(struct data *data, void *block)
{
    void **blocks = realloc(data->blocks, (data->block_count + 1) * sizeof *blocks);
    if (!blocks) {
        free(block);
        return -1;
    }
    data->blocks = blocks;
    blocks[data->block_count++] = block;
    return 0;
}

/* Room doubles at each power of two, so it need not be stored. */
int data_add(struct data *data, struct picture picture, struct why *why)
{
    if ((data->count & (data->count - 1)) == 0) {
        size_t places = data->count ? 2 * (size_t)data->count : 1;
        struct picture *more = realloc(data->pictures, places * sizeof *more);
        if (!more) {
            snprintf(why->text, sizeof why->text, "no memory for %zu pictures", places);
            return -1;
        }
        data->pictures = more;
    }
    data->pictures[data->count++] = picture;
    return 0;
}

int data_set_channels(struct data *data, const char *path, int channels, struct why *why)
{
    if (data->count && data->channels != channels) {
        snprintf(why->text, sizeof why->text, "%s: has %d channel(s), the pictures before it %d", path, channels,
                 (int)data->channels);
        return -1;
    }
    data->channels = channels;
    return 0;
}

static int read_any(struct data *data, const char *path, struct why *why)
{
    size_t size;
    unsigned char *file = read_file(path, &size, why);
    if (!file)
        return -1;
    if (size >= 2 && file[0] == 'P' && isdigit(file[1]))
        return data_read_pnm(data, path, file, size, why);
    if (size >= 4 && !file[0] && !file[1] && file[2] >= 8 && file[2] <= 14 && file[3] >= 1 && file[3] <= 8
        && (size % CIFAR_RECORD || data_is_idx(file, size)))            /* a dark picture of class 0 begins alike */
        return data_read_idx(data, path, file, size, why);
    if (size >= 2 && file[0] == 0x1F && file[1] == 0x8B) {
        free(file);
        return data_refuse(why, path, "is compressed; unpack it first (gunzip)");
    }
    return data_read_cifar(data, path, file, size, why);
}

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    if (n < m)
        return 0;
    for (size_t i = 0; i < m; i++)
        if (tolower((unsigned char)text[n - m + i]) != end[i])
            return 0;
    return 1;
}

static int is_batch(const char *path)
{
    const char *name = strrchr(path, '/');
    return !strncmp(name ? name + 1 : path, "data_batch_", 11) && ends_with(path, ".bin");
}

static int is_pnm(const char *path)
{
    return ends_with(path, ".ppm") || ends_with(path, ".pgm") || ends_with(path, ".pnm");
}

/* CIFAR-10 batches where there are any, PPM and PGM otherwise. */
static int read_folder(struct data *data, const char *path, struct why *why)
{
    size_t count, batches = 0;
    char **files = list_files(path, &count);
    int result = 0;
    for (size_t i = 0; i < count; i++)
        batches += (size_t)is_batch(files[i]);
    for (size_t i = 0; !result && i < count; i++)
        if (batches ? is_batch(files[i]) : is_pnm(files[i]))
            result = read_any(data, files[i], why);
    free_list(files, count);
    if (!result && !data->count)
        return data_refuse(why, path, "no data_batch_*.bin, .ppm or .pgm in this folder");
    return result;
}

int data_open(const char *path, struct data *data, struct why *why)
{
    struct data fresh = { 0 };
    int result = is_folder(path) ? read_folder(&fresh, path, why) : read_any(&fresh, path, why);
    if (result) {
        data_close(&fresh);
        return -1;
    }
    *data = fresh;
    return 0;
}

/* All that `more` holds goes to the end of `data`; `more` is empty then, or as it was. */
static int append(struct data *data, struct data *more, const char *path, struct why *why)
{
    int32_t classes = data->count && !(data->classes && more->classes) ? 0
                    : data->classes > more->classes ? data->classes : more->classes;
    if (data_set_channels(data, path, more->channels, why))
        return -1;
    for (int64_t i = 0; i < more->count; i++)
        if (data_add(data, more->pictures[i], why))
            return -1;
    for (; more->block_count; more->block_count--)
        if (data_keep(data, more->blocks[more->block_count - 1])) {
            more->block_count--;                /* data_keep has freed it */
            return data_refuse(why, path, "no memory");
        }
    data->classes = classes;
    data_close(more);
    return 0;
}

int data_open_list(const char *const *paths, int count, struct data *data, struct why *why)
{
    struct data all = { 0 };
    for (int i = 0; i < count; i++) {
        struct data one = { 0 };
        if (data_open(paths[i], &one, why) || append(&all, &one, paths[i], why)) {
            data_close(&one);
            data_close(&all);
            return -1;
        }
    }
    *data = all;
    return 0;
}

void data_close(struct data *data)
{
    for (size_t i = 0; i < data->block_count; i++)
        free(data->blocks[i]);
    free(data->blocks);
    free(data->pictures);
    *data = (struct data){ 0 };
}

void data_views(const struct data *data, const int64_t *ids, int count, mim_images *views)
{
    for (int i = 0; i < count; i++) {
        const struct picture *p = &data->pictures[ids[i]];
        int64_t sample = p->type == MIM_U16 ? 2 : 1, line = sample * p->width, plane = line * p->height;
        int32_t channels = data->channels;
        views[i] = (mim_images){ .struct_size = sizeof *views, .data = p->pixels, .type = p->type, .count = 1,
                                 .height = p->height, .width = p->width, .channels = channels,
                                 .image_stride = plane * channels,
                                 .row_stride = p->planar ? line : line * channels,
                                 .column_stride = p->planar ? sample : sample * channels,
                                 .channel_stride = p->planar ? plane : sample,
                                 .next = i + 1 < count ? &views[i + 1] : NULL };
    }
}
