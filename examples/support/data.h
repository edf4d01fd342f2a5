/* SPDX-License-Identifier: MIT */
/* data.h -- collections of pictures in memory: CIFAR-10 binary, IDX, PPM and PGM. Every size is checked against the file;
 * a file that is cut short or lies about itself is refused with a sentence. */
#ifndef EXAMPLES_SUPPORT_DATA_H
#define EXAMPLES_SUPPORT_DATA_H

#include "system.h"

#include <mim.h>

enum { DATA_LARGEST_SIDE = 32768, DATA_MOST_CHANNELS = 64 };      /* of what the readers take */

struct picture {
    const void *pixels;             /* MIM_U8 or MIM_U16 */
    int32_t type, width, height, planar;
    int64_t label;                  /* -1: has none */
};

struct data {
    int64_t count;
    int32_t channels, classes;      /* classes 0: no labels */
    struct picture *pictures;
    void **blocks;                  /* what the pixels stand in */
    size_t block_count;
};

/* path: a CIFAR-10 binary file or a folder of data_batch_*.bin; an IDX file of bytes, whose labels are taken from the
 * file beside it (train-images-idx3-ubyte: train-labels-idx1-ubyte); a PPM or PGM file, or a folder of them, whose
 * sub-folders are searched too. Pictures of a folder may differ in size, not in channels.
 * 0; or -1 with nothing to free and a sentence in why. */
int data_open(const char *path, struct data *data, struct why *why);
/* Several paths as one collection; the same rules. It has labels if each of them has. */
int data_open_list(const char *const *paths, int count, struct data *data, struct why *why);
void data_close(struct data *data);

/* A batch as libmim takes it: views[i] shows picture ids[i] and leads to the next; pass &views[0]. */
void data_views(const struct data *data, const int64_t *ids, int count, mim_images *views);

/* For the readers, one file each: `file` is taken over on success and on failure. */
int data_add(struct data *data, struct picture picture, struct why *why);
int data_refuse(struct why *why, const char *path, const char *what);     /* -1, and "path: what" */
int data_keep(struct data *data, void *block);
int data_set_channels(struct data *data, const char *path, int channels, struct why *why);   /* one for all */
enum { CIFAR_RECORD = 1 + 32 * 32 * 3 };                /* bytes */
int data_is_idx(const unsigned char *file, size_t size);        /* to the byte */
int data_read_cifar(struct data *data, const char *path, unsigned char *file, size_t size, struct why *why);
int data_read_idx(struct data *data, const char *path, unsigned char *file, size_t size, struct why *why);
int data_read_pnm(struct data *data, const char *path, unsigned char *file, size_t size, struct why *why);

#endif
