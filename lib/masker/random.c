/* SPDX-License-Identifier: MIT */
/* random.c -- units hidden uniformly at random, always the same number of them (MAE, He et al. 2022, sec. 3; with units
 * above one patch SimMIM, Xie et al. 2022, sec. 3.2).
 *
 * Unit i has word i of the stream as its key. In ascending order of (key, i) the first units stay visible and the last
 * `target` are hidden. Only that split is wanted, so the keys are partitioned around it rather than sorted. */
#include "masker/strategy.h"

static void fill_keys(const struct mim__stream *s, uint64_t *keys, int n)
{
    uint32_t counter[4], words[4];
    memcpy(counter, s->counter, sizeof counter);
    for (int i = 0; i < n; i++) {
        if (i % 4 == 0) {
            counter[0] = s->counter[0] + (uint32_t)i / 4;
            mim__philox(counter, s->key, words);
        }
        keys[i] = (uint64_t)words[i % 4] << 32 | (uint32_t)i;
    }
}

/* Reorder so that every key before `split` is below every key from it on (Hoare 1961, "Find"). The keys differ and come
 * from a generator, so the middle one is as good a pivot as any. */
static void partition_at(uint64_t *keys, int n, int split)
{
    int low = 0, high = n - 1;
    while (low < high) {
        uint64_t pivot = keys[low + (high - low) / 2];
        int i = low, j = high;
        while (i <= j) {
            while (keys[i] < pivot)
                i++;
            while (pivot < keys[j])
                j--;
            if (i > j)
                break;
            uint64_t swapped = keys[i];
            keys[i++] = keys[j];
            keys[j--] = swapped;
        }
        if (j < split)
            low = i;
        if (split < i)
            high = j;
    }
}

static void draw(const struct field *f, const struct mim__stream *s, uint8_t *units)
{
    int n = f->rows * f->cols, visible = n - f->target;
    fill_keys(s, f->keys, n);
    partition_at(f->keys, n, visible);
    for (int i = visible; i < n; i++)
        units[(uint32_t)f->keys[i]] = 1;
}

static mim_status check(mim_context *ctx, const struct field *f, int *hidden)
{
    *hidden = f->target;
    return mim__masker_check_target(ctx, f);
}

const struct strategy mim__masker_by_random = { STREAM_MASK_RANDOM, check, draw };
