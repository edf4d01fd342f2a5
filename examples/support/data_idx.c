/* SPDX-License-Identifier: MIT */
/* data_idx.c -- IDX files of unsigned bytes: [count, height, width] or [count, height, width, channels], numbers with the
 * high byte first; labels [count] in a file of the same name but for "images" and "idx3". */
#include "data.h"

#include <stdlib.h>
#include <string.h>

enum { UNSIGNED_BYTE = 8 };

struct idx { int rank; uint64_t dim[8], bytes; const unsigned char *values; };

/* Sizes are multiplied only while the product stays within the file, so that it cannot overflow. */
static int parse(struct idx *x, const char *path, const unsigned char *file, size_t size, struct why *why)
{
    if (size < 8 || file[0] || file[1] || file[3] < 1 || file[3] > 8 || size < 4 + 4 * (size_t)file[3])
        return data_refuse(why, path, "is no IDX file, or cut short in its header");
    if (file[2] != UNSIGNED_BYTE)
        return data_refuse(why, path, "holds another type than unsigned bytes");
    x->rank = file[3];
    x->values = file + 4 + 4 * x->rank;
    x->bytes = 1;
    uint64_t held = size - (size_t)(x->values - file);
    for (int i = 0; i < x->rank; i++) {
        const unsigned char *p = file + 4 + 4 * i;
        x->dim[i] = (uint64_t)p[0] << 24 | (uint64_t)p[1] << 16 | (uint64_t)p[2] << 8 | p[3];
        if (!x->dim[i] || x->dim[i] > held / x->bytes)
            return data_refuse(why, path, "has a size of 0, or is shorter than its sizes say");
        x->bytes *= x->dim[i];
    }
    if (x->bytes != held)
        return data_refuse(why, path, "is longer than its sizes say");
    return 0;
}

int data_is_idx(const unsigned char *file, size_t size)
{
    struct idx x;
    struct why why;
    return !parse(&x, "", file, size, &why);
}

static void replace(char *text, const char *old, const char *new)       /* words of one length */
{
    char *at = strstr(text, old);
    if (at)
        memcpy(at, new, strlen(new));
}

/* Labels beside the pictures, in a new array; NULL where there is no such file (why stays "") or it does not fit. */
static unsigned char *read_labels(const char *path, uint64_t count, struct why *why)
{
    struct idx x;
    size_t size = 0;
    char *beside = malloc(strlen(path) + 1);
    unsigned char *labels = NULL;
    if (!beside)
        return NULL;
    strcpy(beside, path);
    char *name = strrchr(beside, '/') ? strrchr(beside, '/') + 1 : beside;
    replace(name, "images", "labels");
    replace(name, "idx3", "idx1");
    if (strcmp(beside, path) && is_file(beside) && (labels = read_file(beside, &size, why))) {
        int failed = parse(&x, beside, labels, size, why);
        if (!failed && (x.rank != 1 || x.bytes != count))
            failed = data_refuse(why, beside, "holds another number of labels than there are pictures");
        if (failed) {
            free(labels);
            labels = NULL;
        } else {
            memmove(labels, x.values, (size_t)count);
        }
    }
    free(beside);
    return labels;
}

static int add_pictures(struct data *data, const struct idx *x, const unsigned char *labels, struct why *why)
{
    size_t step = (size_t)(x->bytes / x->dim[0]);
    for (size_t i = 0; i < x->dim[0]; i++) {
        int64_t label = labels ? labels[i] : -1;
        struct picture p = { x->values + i * step, MIM_U8, (int32_t)x->dim[2], (int32_t)x->dim[1], 0, label };
        if (data_add(data, p, why))
            return -1;
        if (label >= data->classes)
            data->classes = (int32_t)label + 1;
    }
    return 0;
}

static int check_pictures(struct data *data, const struct idx *x, const char *path, struct why *why)
{
    if (x->rank != 3 && x->rank != 4)
        return data_refuse(why, path, "holds no pictures: it has not three or four sizes");
    if (x->dim[1] > DATA_LARGEST_SIDE || x->dim[2] > DATA_LARGEST_SIDE || (x->rank == 4 && x->dim[3] > DATA_MOST_CHANNELS))
        return data_refuse(why, path, "has pictures too large, or of too many channels");
    return data_set_channels(data, path, x->rank == 4 ? (int)x->dim[3] : 1, why);
}

int data_read_idx(struct data *data, const char *path, unsigned char *file, size_t size, struct why *why)
{
    struct idx x;
    *why->text = 0;
    if (parse(&x, path, file, size, why) || check_pictures(data, &x, path, why)) {
        free(file);
        return -1;
    }
    if (data_keep(data, file))
        return data_refuse(why, path, "no memory");
    unsigned char *labels = read_labels(path, x.dim[0], why);
    if (!labels && *why->text)
        return -1;
    int result = add_pictures(data, &x, labels, why);
    free(labels);
    return result;
}
