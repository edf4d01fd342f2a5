/* SPDX-License-Identifier: MIT */
/* test_random.c -- random masks: known ones, exact counts on every grid, every patch equally likely. */
#include "masker/make.h"

static void check_mask(mim_masker *m, int64_t epoch, int64_t id, int rows, int cols, const char *expected)
{
    uint8_t mask[GRID_MOST];
    char text[512];
    if (!m)
        return;
    mim__masker_draw_one(m, epoch, id, mask);
    mask_text(mask, rows, cols, text);
    CHECK_TEXT(text, expected);
}

/* Visible in sample 5: 6 8 10 13; in sample 6: 4 7 8 11; in sample 5 of epoch 1: 3 7 12 15. */
static void known_masks_of_single_patches(void)
{
    mim_masker *m = make_masker("{\"seed\": 1234, \"masker.ratio\": 0.75}", 4, 4, 16);
    check_mask(m, 0, 5, 4, 4, "1111 1101 0101 1011");
    check_mask(m, 0, 6, 4, 4, "1111 0110 0110 1111");
    check_mask(m, 1, 5, 4, 4, "1110 1110 1111 0110");
    mim_masker_destroy(m);
}

static void known_mask_of_units(void)
{
    mim_masker *m = make_masker("{\"seed\": 7, \"masker.ratio\": 0.6}", 6, 6, 32);
    check_mask(m, 0, 0, 6, 6, "110011 010011 100001 111111 110101 110100");
    mim_masker_destroy(m);
    m = make_masker("{\"seed\": 7, \"masker.ratio\": 0.6, \"masker.unit\": 32}", 12, 12, 16);
    check_mask(m, 0, 0, 12, 12, "111100001111 111100001111 001100001111 001100001111 110000000011 110000000011 "
                                "111111111111 111111111111 111100110011 111100110011 111100110000 111100110000");
    mim_masker_destroy(m);
}

/* The words and their order as a plain sort gives them. */
static void agrees_with_a_sort(void)
{
    enum { ROWS = 13, COLS = 9, N = ROWS * COLS };
    uint8_t mask[N], expected[N];
    for (int count = 1; count < N; count += 7) {
        char json[96];
        snprintf(json, sizeof json, "{\"seed\": 9876543210, \"masker.count\": %d}", count);
        mim_masker *m = make_masker(json, ROWS, COLS, 4);
        if (!m)
            return;
        mim__masker_draw_one(m, 3, count, mask);
        struct mim__stream s = mim__stream(9876543210u, STREAM_MASK_RANDOM, (uint64_t)count, 3);
        for (int i = 0; i < N; i++) {
            int below = 0;
            for (int j = 0; j < N; j++)
                below += mim__word(&s, (uint32_t)j) < mim__word(&s, (uint32_t)i)
                         || (mim__word(&s, (uint32_t)j) == mim__word(&s, (uint32_t)i) && j < i);
            expected[i] = below >= N - count;
        }
        CHECK(!memcmp(mask, expected, N));
        mim_masker_destroy(m);
    }
}

static void counts_are_exact(void)
{
    static const struct { int rows, cols; double ratio; int hidden; } cases[] = {
        { 14, 14, 0.75, 147 }, { 6, 6, 0.6, 22 },  { 7, 7, 0.6, 30 },   { 10, 1, 0.9, 9 },   { 10, 10, 0.8, 80 },
        { 10, 10, 0.55, 55 },  { 10, 1, 0.7, 7 },  { 1, 2, 0.5, 1 },    { 2, 1, 0.01, 1 },   { 3, 5, 0.9, 14 },
        { 5, 41, 0.6, 123 },   { 1, 1000, 0.999, 999 }, { 8, 8, 0.4, 26 },
    };
    uint8_t mask[GRID_MOST];
    for (int c = 0; c < COUNT(cases); c++) {
        char json[64];
        snprintf(json, sizeof json, "{\"masker.ratio\": %g}", cases[c].ratio);
        mim_masker *m = make_masker(json, cases[c].rows, cases[c].cols, 16);
        if (!m)
            continue;
        CHECK(mim__masker_hidden(m) == cases[c].hidden);
        for (int id = 0; id < 300; id++) {
            mim__masker_draw_one(m, id % 3, id, mask);
            CHECK(hidden_in(mask, cases[c].rows * cases[c].cols) == cases[c].hidden);
        }
        mim_masker_destroy(m);
    }
}

static void every_patch_is_as_likely(void)
{
    enum { ROWS = 4, COLS = 7, N = ROWS * COLS, DRAWS = 100000 };
    static int hidden[N];
    uint8_t mask[N];
    mim_masker *m = make_masker("{\"masker.ratio\": 0.75}", ROWS, COLS, 16);
    if (!m)
        return;
    for (int id = 0; id < DRAWS; id++) {
        mim__masker_draw_one(m, 0, id, mask);
        for (int i = 0; i < N; i++)
            hidden[i] += mask[i];
    }
    for (int i = 0; i < N; i++)
        CHECK_NEAR((double)hidden[i] / DRAWS, 0.75, 0.006);
    mim_masker_destroy(m);
}

/* Which two of 5 are hidden: each of the 10 pairs equally often. */
static void every_pair_is_as_likely(void)
{
    enum { DRAWS = 40000 };
    int seen[32] = { 0 }, pairs = 0;
    uint8_t mask[5];
    mim_masker *m = make_masker("{\"masker.count\": 2}", 1, 5, 16);
    if (!m)
        return;
    for (int id = 0; id < DRAWS; id++) {
        mim__masker_draw_one(m, 7, id, mask);
        seen[mask[0] | mask[1] << 1 | mask[2] << 2 | mask[3] << 3 | mask[4] << 4]++;
    }
    for (int i = 0; i < 32; i++)
        if (seen[i]) {
            pairs++;
            CHECK_NEAR((double)seen[i] / DRAWS, 0.1, 0.008);
        }
    CHECK(pairs == 10);
    mim_masker_destroy(m);
}

static void too_few_or_too_many(void)
{
    CHECK(masker_status("{\"masker.ratio\": 0}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.ratio\": 1}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.ratio\": 0.99}", 14, 14, 16) == MIM_OK);
    CHECK(masker_status("{\"masker.ratio\": 0.999}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.count\": 196}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.count\": 2147483647}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.count\": 195}", 14, 14, 16) == MIM_OK);
    CHECK(masker_status("{\"masker.count\": 195, \"masker.ratio\": 0}", 14, 14, 16) == MIM_OK);
    CHECK(masker_status("{\"masker.ratio\": 0.5}", 1, 1, 16) == MIM_ERR_VALUE);
}

static void errors_name_the_counts(void)
{
    char why[512];
    masker_status("{\"masker.ratio\": 0.999}", 14, 14, 16);
    CHECK(mim_last_error(context, why, sizeof why, NULL) == MIM_OK);
    CHECK(strstr(why, "0.999") && strstr(why, "196"));
    masker_status("{\"masker.count\": 197}", 14, 14, 16);
    CHECK(mim_last_error(context, why, sizeof why, NULL) == MIM_OK);
    CHECK(strstr(why, "197") && strstr(why, "196"));
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(known_masks_of_single_patches);
    TEST(known_mask_of_units);
    TEST(agrees_with_a_sort);
    TEST(counts_are_exact);
    TEST(every_patch_is_as_likely);
    TEST(every_pair_is_as_likely);
    TEST(too_few_or_too_many);
    TEST(errors_name_the_counts);
    mim_context_destroy(context);
    return test_end();
}
