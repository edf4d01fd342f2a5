/* SPDX-License-Identifier: MIT */
/* data_cifar.c -- CIFAR-10 binary: records of one label byte and 32 x 32 pixels as a red, a green and a blue plane. */
#include "data.h"

#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 32, CHANNELS = 3, RECORD = CIFAR_RECORD, CLASSES = 10 };

static int check(struct data *data, const char *path, const unsigned char *file, size_t size, struct why *why)
{
    if (!size || size % RECORD) {
        snprintf(why->text, sizeof why->text, "%s: %zu bytes are no whole number of CIFAR-10 records of %d bytes, and it "
                 "is neither IDX, PPM nor PGM", path, size, RECORD);
        return -1;
    }
    for (size_t i = 0; i < size / RECORD; i++)
        if (file[i * RECORD] >= CLASSES) {
            snprintf(why->text, sizeof why->text, "%s: record %zu has label %d; CIFAR-10 has 0 to %d", path, i,
                     file[i * RECORD], CLASSES - 1);
            return -1;
        }
    return data_set_channels(data, path, CHANNELS, why);
}

int data_read_cifar(struct data *data, const char *path, unsigned char *file, size_t size, struct why *why)
{
    if (check(data, path, file, size, why)) {
        free(file);
        return -1;
    }
    if (data_keep(data, file))
        return data_refuse(why, path, "no memory");
    data->classes = CLASSES;
    for (size_t i = 0; i < size / RECORD; i++) {
        const unsigned char *record = file + i * RECORD;
        struct picture p = { record + 1, MIM_U8, SIDE, SIDE, 1, record[0] };
        if (data_add(data, p, why))
            return -1;
    }
    return 0;
}
