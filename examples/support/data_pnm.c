/* SPDX-License-Identifier: MIT */
/* data_pnm.c -- binary PGM (P5) and PPM (P6), one picture a file, of 8 or 16 bits a sample (high byte first). Values are
 * brought from 0 .. maximum of the header to the whole range of their type. */
#include "data.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { LARGEST_VALUE = 65535 };

struct reader { const unsigned char *at, *end; };
struct header { int channels; long width, height, most; };

static void skip_blanks(struct reader *r)           /* and comments, which go to the end of their line */
{
    while (r->at < r->end && (isspace(*r->at) || *r->at == '#'))
        if (*r->at++ == '#')
            while (r->at < r->end && *r->at != '\n' && *r->at != '\r')
                r->at++;
}

/* A number from 1 to most; 0 where there is none. */
static long read_number(struct reader *r, long most)
{
    long n = 0;
    skip_blanks(r);
    while (r->at < r->end && isdigit(*r->at) && n <= most)
        n = 10 * n + (*r->at++ - '0');
    return n <= most ? n : 0;
}

static int read_header(struct reader *r, struct header *h, const char *path, struct why *why)
{
    if (r->at[1] != '5' && r->at[1] != '6')
        return data_refuse(why, path, "is a PNM file, but neither binary PGM (P5) nor binary PPM (P6)");
    h->channels = r->at[1] == '6' ? 3 : 1;
    r->at += 2;
    h->width = read_number(r, DATA_LARGEST_SIDE);
    h->height = read_number(r, DATA_LARGEST_SIDE);
    h->most = read_number(r, LARGEST_VALUE);
    if (!h->width || !h->height || !h->most || r->at == r->end || !isspace(*r->at))
        return data_refuse(why, path, "has no proper header: width, height (at most 32768) and maximum (65535)");
    r->at++;                                        /* exactly one blank before the pixels */
    return 0;
}

static unsigned bring(unsigned value, unsigned most, unsigned range)
{
    return most == range ? value : (unsigned)(((uint64_t)value * range + most / 2) / most);
}

/* In place: a sample never takes more room than it had, and the result begins where the block does. */
static int convert(unsigned char *block, const unsigned char *from, size_t samples, long most)
{
    int wide = most > 255;
    uint16_t *to = (uint16_t *)(void *)block;       /* as aligned as malloc made it */
    for (size_t i = 0; i < samples; i++) {
        unsigned value = wide ? (unsigned)from[2 * i] << 8 | from[2 * i + 1] : from[i];
        if (value > (unsigned)most)
            return -1;
        if (wide)
            to[i] = (uint16_t)bring(value, (unsigned)most, 65535);
        else
            block[i] = (unsigned char)bring(value, (unsigned)most, 255);
    }
    return 0;
}

static int read_picture(struct data *data, const char *path, unsigned char *file, size_t size, struct picture *p,
                        struct why *why)
{
    struct reader r = { file, file + size };
    struct header h = { 0 };
    if (read_header(&r, &h, path, why))
        return -1;
    size_t samples = (size_t)h.width * (size_t)h.height * (size_t)h.channels;
    size_t bytes = samples * (h.most > 255 ? 2 : 1), held = (size_t)(r.end - r.at);
    if (held < bytes) {
        snprintf(why->text, sizeof why->text, "%s: is cut short: %ld x %ld pixels need %zu bytes, %zu are there", path,
                 h.width, h.height, bytes, held);
        return -1;
    }
    if (data_set_channels(data, path, h.channels, why))
        return -1;
    if (convert(file, r.at, samples, h.most))
        return data_refuse(why, path, "has a pixel above the maximum of its header");
    *p = (struct picture){ file, h.most > 255 ? MIM_U16 : MIM_U8, (int32_t)h.width, (int32_t)h.height, 0, -1 };
    return 0;
}

int data_read_pnm(struct data *data, const char *path, unsigned char *file, size_t size, struct why *why)
{
    struct picture p;
    if (read_picture(data, path, file, size, &p, why)) {
        free(file);
        return -1;
    }
    if (data_keep(data, file))
        return data_refuse(why, path, "no memory");
    return data_add(data, p, why);
}
