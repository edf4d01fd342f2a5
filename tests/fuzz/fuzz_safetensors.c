/* SPDX-License-Identifier: MIT */
/* fuzz_safetensors.c -- any bytes as a file: it opens or is refused, and what opens can be listed, read, copied and
 * saved, and opens again as the same.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address. Without: build with -DFUZZ_MAIN and run
 *     fuzz_safetensors [iterations [seed]]
 * which mutates sound files in a fixed order: the same arguments, the same inputs. */
#include "mim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "not so: %s\n", what);
        abort();
    }
}

static void read_tensor(const mim_tensors *t, const char *name)
{
    int32_t type, rank;
    int64_t shape[MIM_MAX_RANK];
    size_t elements;
    double values[64];
    mim_status status = mim_tensors_info(t, name, &type, &rank, shape, &elements);
    demand(status == MIM_OK || status == MIM_ERR_UNSUPPORTED, "a listed tensor has info");
    if (status != MIM_OK)
        return;
    size_t n = elements < 64 ? elements : 64;
    for (int32_t to = MIM_U8; to <= MIM_BOOL; to++) {
        status = mim_tensors_read(t, name, to, elements - n, n, values);
        demand(status == MIM_OK || status == MIM_ERR_VALUE || type == 0, "a listed tensor can be read");
        demand(status == MIM_OK || to != type || type == MIM_BOOL, "a tensor can be read as what it is");
    }
    demand(type == 0 || mim_tensors_read(t, name, type, elements, 1, values) == MIM_ERR_SHAPE, "nothing is past the end");
}

static void *save(const mim_tensors *t, size_t *size)
{
    demand(mim_tensors_save_memory(t, NULL, 0, size) == MIM_OK, "what opened can be saved");
    void *bytes = malloc(*size);
    demand(bytes && mim_tensors_save_memory(t, bytes, *size, NULL) == MIM_OK, "and takes the size that was said");
    return bytes;
}

/* Saved, opened and saved again: the same bytes. */
static void save_twice(mim_context *context, const mim_tensors *t)
{
    mim_tensors *again = NULL;
    size_t size, second_size;
    void *bytes = save(t, &size);
    demand(mim_tensors_open_memory(context, bytes, size, &again) == MIM_OK, "what was saved opens");
    demand(mim_tensors_count(again) == mim_tensors_count(t), "with as many tensors");
    void *second = save(again, &second_size);
    demand(size == second_size && !memcmp(bytes, second, size), "and is saved as the same bytes");
    free(second);
    free(bytes);
    mim_tensors_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mim_context *context = NULL;
    mim_tensors *t = NULL;
    char name[1025];
    demand(mim_context_create(NULL, &context) == MIM_OK, "a context");
    mim_status status = mim_tensors_open_memory(context, data, size, &t);
    demand(status == MIM_OK || status == MIM_ERR_FORMAT || (status == MIM_ERR_ARGUMENT && !data), "opens or is refused");
    if (status == MIM_OK) {
        for (int64_t i = 0; i < mim_tensors_count(t); i++) {
            demand(mim_tensors_name(t, i, name, sizeof name, NULL) == MIM_OK,
                   "every tensor has a name of 1024 bytes at most");
            read_tensor(t, name);
        }
        mim_tensors_get_text(t, NULL, NULL, 0, NULL);
        save_twice(context, t);
    }
    mim_tensors_destroy(t);
    mim_context_destroy(context);
    return 0;
}

#ifdef FUZZ_MAIN

enum { MOST = 2048 };

static const struct { const char *header; size_t data; } seeds[] = {
    { "{}      ", 0 },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}  ", 8 },
    { "{\"__metadata__\":{\"format\":\"pt\",\"k\":\"\\u00e9\\ud83d\\ude00\"},\"i\":{\"dtype\":\"I64\",\"shape\":[2,1],"
      "\"data_offsets\":[0,16]},\"h\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[16,22]},"
      "\"e\":{\"dtype\":\"U8\",\"shape\":[0,4],\"data_offsets\":[22,22]},"
      "\"b\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[22,23]}}   ", 23 },
    { "{\"a\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[0,2],\"x\":[[{\"y\":null}],-1.5e3,true]},"
      "\"b\":{\"dtype\":\"F8_E8M0\",\"shape\":[1,1,1,1,1,1,1,1,1,1],\"data_offsets\":[2,3]}}", 3 },
};

static const char *const words[] = { "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "1", "18446744073709551615", "-", "e9",
    ".", "null", "\\u0000", "\\ud83d", "\xff", "\xc3\xa9", "__metadata__", "dtype", "shape", "data_offsets", "F16", "BOOL",
    "U64", "F6_E2M3", "4294967296", " ", "\t", "[0,0]", "[]", "{}",
            "\"w\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}," };

struct chance { uint64_t state; };

static uint32_t below(struct chance *c, size_t n)
{
    c->state = c->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((c->state >> 33) % n);
}

static size_t insert(uint8_t *data, size_t size, size_t at, const void *what, size_t n)
{
    if (size + n > MOST)
        return size;
    memmove(data + at + n, data + at, size - at);
    memcpy(data + at, what, n);
    return size + n;
}

static size_t mutate(uint8_t *data, size_t size, struct chance *c)
{
    const char *word = words[below(c, sizeof words / sizeof *words)];
    size_t at = below(c, size), n = 1 + below(c, 8), most = size - at < n ? size - at : n;
    uint8_t copy[8];
    switch (below(c, 7)) {
    case 0: data[at] ^= (uint8_t)(1 << below(c, 8)); return size;
    case 1: data[at] = (uint8_t)below(c, 256); return size;
    case 2: data[at] = (uint8_t)('0' + below(c, 10)); return size;
    case 3: return insert(data, size, at, word, strlen(word));
    case 4: memcpy(copy, data + at, most); return insert(data, size, below(c, size), copy, most);
    case 5: memmove(data + at, data + at + most, size - at - most); return size > most ? size - most : 1;
    default: return insert(data, size, size, "\0\0\0\0\0\0\0\0", n);
    }
}

/* Most inputs get a length that fits, so that they come past the first check. */
static void mend_length(uint8_t *data, size_t size, size_t values, struct chance *c)
{
    size_t n = size < 8 + values ? 0 : size - 8 - values;
    for (int i = 0; i < 8 && size >= 8 && below(c, 50); i++)
        data[i] = (uint8_t)((uint64_t)n >> 8 * i);
}

int main(int argc, char **argv)
{
    long iterations = argc > 1 ? atol(argv[1]) : 10000;
    struct chance c = { argc > 2 ? strtoull(argv[2], NULL, 10) : 1 };
    for (long i = 0; i < iterations; i++) {
        uint8_t data[MOST + 16];
        size_t k = below(&c, sizeof seeds / sizeof *seeds), n = strlen(seeds[k].header), size = 8 + n + seeds[k].data;
        memset(data, 0, sizeof data);
        memcpy(data + 8, seeds[k].header, n);
        for (uint32_t times = below(&c, 4); times-- > 0;)
            size = mutate(data, size, &c);
        mend_length(data, size, seeds[k].data, &c);
        uint8_t *exact = malloc(size);                   /* so that a read past its end is noticed */
        demand(exact != NULL, "memory");
        memcpy(exact, data, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    printf("%ld inputs\n", iterations);
    return 0;
}

#endif
