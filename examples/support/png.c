/* SPDX-License-Identifier: MIT */
/* png.c -- a small PNG encoder: row filters by least absolute sum, LZ77 with one candidate a hash, and the fixed Huffman
 * codes of deflate (RFC 1950, 1951, 2083). */
#include "png.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_BITS = 14, WINDOW = 32768, LEAST_MATCH = 3, MOST_MATCH = 258, END_OF_BLOCK = 256, LARGEST_SIDE = 32768 };

/* ---- growing output; `failed` sticks, so that only the end is checked ---- */

struct bytes { unsigned char *data; size_t size, capacity; int failed; uint32_t bits; int held; };

static void put(struct bytes *b, unsigned value)
{
    if (b->size == b->capacity) {
        size_t capacity = b->capacity ? 2 * b->capacity : 4096;
        unsigned char *data = b->failed ? NULL : realloc(b->data, capacity);
        if (!data) {
            b->failed = 1;
            return;
        }
        b->data = data;
        b->capacity = capacity;
    }
    b->data[b->size++] = (unsigned char)value;
}

static void put_u32(struct bytes *b, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        put(b, value >> shift & 255);
}

/* Deflate fills bytes from the lowest bit up. */
static void put_bits(struct bytes *b, uint32_t value, int count)
{
    b->bits |= value << b->held;
    for (b->held += count; b->held >= 8; b->held -= 8, b->bits >>= 8)
        put(b, b->bits & 255);
}

/* Huffman codes go out from their highest bit. */
static void put_code(struct bytes *b, uint32_t code, int count)
{
    uint32_t turned = 0;
    for (int i = 0; i < count; i++)
        turned |= (code >> i & 1) << (count - 1 - i);
    put_bits(b, turned, count);
}

/* ---- deflate ---- */

static void put_symbol(struct bytes *b, int symbol)         /* RFC 1951, section 3.2.6 */
{
    if (symbol < 144)
        put_code(b, (uint32_t)(0x30 + symbol), 8);
    else if (symbol < 256)
        put_code(b, (uint32_t)(0x190 + symbol - 144), 9);
    else if (symbol < 280)
        put_code(b, (uint32_t)(symbol - 256), 7);
    else
        put_code(b, (uint32_t)(0xC0 + symbol - 280), 8);
}

/* Lengths and distances are ranges of doubling width: `group` codes a width, the first two widths being one.
 * Gives the code and its extra bits for `value` counted from 0. */
static int range_code(int value, int group_bits, int *extra, int *rest)
{
    int top = value >> (group_bits + 1), bits = 0;
    while (top >> bits)
        bits++;
    *extra = bits;
    *rest = value & ((1 << bits) - 1);
    return (bits << group_bits) + (value >> bits);
}

static void put_match(struct bytes *b, int length, int distance)
{
    int extra, rest, code;
    if (length == MOST_MATCH) {
        put_symbol(b, 285);
    } else {
        code = range_code(length - LEAST_MATCH, 2, &extra, &rest);
        put_symbol(b, 257 + code);
        put_bits(b, (uint32_t)rest, extra);
    }
    code = range_code(distance - 1, 1, &extra, &rest);
    put_code(b, (uint32_t)code, 5);
    put_bits(b, (uint32_t)rest, extra);
}

static unsigned hash(const unsigned char *p)
{
    uint32_t v = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
    return v * 2654435761u >> (32 - HASH_BITS);
}

static int match_length(const unsigned char *a, const unsigned char *b, size_t left)
{
    int most = left < MOST_MATCH ? (int)left : MOST_MATCH, n = 0;
    while (n < most && a[n] == b[n])
        n++;
    return n;
}

static void deflate(struct bytes *b, const unsigned char *data, size_t size)
{
    size_t *last = calloc((size_t)1 << HASH_BITS, sizeof *last);        /* position + 1 of each hash */
    if (!last) {
        b->failed = 1;
        return;
    }
    put_bits(b, 1, 1);                                                  /* last block, */
    put_bits(b, 1, 2);                                                  /* fixed codes */
    for (size_t i = 0; i < size;) {
        int length = 0;
        size_t from = 0;
        if (size - i >= LEAST_MATCH) {
            unsigned h = hash(data + i);
            from = last[h];
            last[h] = i + 1;
            if (from && i + 1 - from <= WINDOW)
                length = match_length(data + from - 1, data + i, size - i);
        }
        if (length >= LEAST_MATCH) {
            put_match(b, length, (int)(i + 1 - from));
            i += (size_t)length;
        } else {
            put_symbol(b, data[i++]);
        }
    }
    put_symbol(b, END_OF_BLOCK);
    put_bits(b, 0, b->held ? 8 - b->held : 0);
    free(last);
}

static uint32_t adler(const unsigned char *data, size_t size)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < size; i++) {
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* ---- row filters ---- */

static int paeth(int a, int b, int c)
{
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* One row under filter 0..4 into `to`; the sum of its values taken as signed. */
static long filter_row(int filter, const unsigned char *row, const unsigned char *above, int bytes, int step,
                       unsigned char *to)
{
    long sum = 0;
    for (int i = 0; i < bytes; i++) {
        int left = i < step ? 0 : row[i - step], up = above ? above[i] : 0;
        int corner = i < step || !above ? 0 : above[i - step];
        int guess = filter == 0 ? 0 : filter == 1 ? left : filter == 2 ? up
                  : filter == 3 ? (left + up) / 2 : paeth(left, up, corner);
        to[i] = (unsigned char)(row[i] - guess);
        sum += to[i] < 128 ? to[i] : 256 - to[i];
    }
    return sum;
}

/* Each row: the number of its filter, then the row under it. */
static unsigned char *filter_rows(int height, int bytes, int step, const unsigned char *pixels)
{
    size_t line = (size_t)bytes + 1;
    unsigned char *out = malloc(line * (size_t)height), *trial = malloc((size_t)bytes);
    for (int y = 0; out && trial && y < height; y++) {
        const unsigned char *row = pixels + (size_t)y * (size_t)bytes;
        unsigned char *to = out + (size_t)y * line;
        long least = -1;
        for (int filter = 0; filter < 5; filter++) {
            long sum = filter_row(filter, row, y ? row - bytes : NULL, bytes, step, trial);
            if (least < 0 || sum < least) {
                least = sum;
                to[0] = (unsigned char)filter;
                memcpy(to + 1, trial, (size_t)bytes);
            }
        }
    }
    if (!trial) {
        free(out);
        out = NULL;
    }
    free(trial);
    return out;
}

/* ---- chunks and the file ---- */

static uint32_t crc(const unsigned char *data, size_t size)
{
    uint32_t c = 0xFFFFFFFFu;
    for (size_t i = 0; i < size; i++) {
        c ^= data[i];
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xEDB88320u : 0);
    }
    return ~c;
}

/* Opens a chunk with its length still 0; end_chunk puts that right. */
static size_t begin_chunk(struct bytes *b, const char *type)
{
    size_t at = b->size;
    put_u32(b, 0);
    for (int i = 0; i < 4; i++)
        put(b, (unsigned char)type[i]);
    return at;
}

static void end_chunk(struct bytes *b, size_t at)
{
    if (b->failed)
        return;
    uint32_t size = (uint32_t)(b->size - at - 8);
    for (int i = 0; i < 4; i++)
        b->data[at + (size_t)i] = (unsigned char)(size >> (24 - 8 * i));
    put_u32(b, crc(b->data + at + 4, (size_t)size + 4));
}

static void encode(struct bytes *b, int width, int height, int channels, const unsigned char *rows)
{
    static const unsigned char magic[] = { 137, 'P', 'N', 'G', 13, 10, 26, 10 };
    size_t size = ((size_t)width * (size_t)channels + 1) * (size_t)height;
    for (size_t i = 0; i < sizeof magic; i++)
        put(b, magic[i]);
    size_t at = begin_chunk(b, "IHDR");
    put_u32(b, (uint32_t)width);
    put_u32(b, (uint32_t)height);
    put(b, 8);                                              /* bits a sample */
    put(b, channels == 3 ? 2 : 0);                          /* colour type */
    for (int i = 0; i < 3; i++)
        put(b, 0);                                          /* deflate, the five filters, not interlaced */
    end_chunk(b, at);
    at = begin_chunk(b, "IDAT");
    put(b, 0x78);
    put(b, 0x01);
    deflate(b, rows, size);
    put_u32(b, adler(rows, size));
    end_chunk(b, at);
    end_chunk(b, begin_chunk(b, "IEND"));
}

/* By a temporary beside it, so that who looks at the picture meanwhile never sees half of one. */
static int write_file(const char *path, const struct bytes *b)
{
    char *temporary = malloc(strlen(path) + 5);
    if (!temporary)
        return -1;
    strcat(strcpy(temporary, path), ".tmp");
    FILE *file = fopen(temporary, "wb");
    int failed = !file || fwrite(b->data, 1, b->size, file) != b->size;
    if (file && fclose(file))
        failed = 1;
    if (!failed)
        failed = rename(temporary, path) != 0;
    if (failed && file)
        remove(temporary);
    free(temporary);
    return failed ? -1 : 0;
}

int png_write(const char *path, int width, int height, int channels, const unsigned char *pixels)
{
    if (width < 1 || height < 1 || width > LARGEST_SIDE || height > LARGEST_SIDE || (channels != 1 && channels != 3))
        return -1;
    unsigned char *rows = filter_rows(height, width * channels, channels, pixels);
    struct bytes b = { 0 };
    if (rows)
        encode(&b, width, height, channels, rows);
    int result = rows && !b.failed ? write_file(path, &b) : -1;
    free(b.data);
    free(rows);
    return result;
}
