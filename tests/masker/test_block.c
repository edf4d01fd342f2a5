/* SPDX-License-Identifier: MIT */
/* test_block.c -- block-wise masks: a known one, the statistics of BEiT's own generator, exact counts on request. */
#include "masker/make.h"

#define BEIT "{\"seed\": 99, \"masker.kind\": \"block\", \"masker.count\": 75, \"masker.least\": 16}"
#define BEIT_EXACT "{\"seed\": 99, \"masker.kind\": \"block\", \"masker.count\": 75, \"masker.exact\": 1}"

static void known_mask(void)
{
    static const int rows[14] = { 0x0000, 0x07e0, 0x07fc, 0x07fc, 0x07fc, 0x07fc, 0x063c,
                                  0x003e, 0x003e, 0x003e, 0x001e, 0x001e, 0x000e, 0x0000 };
    uint8_t mask[196];
    mim_masker *m = make_masker(BEIT, 14, 14, 16);
    if (!m)
        return;
    mim__masker_draw_one(m, 0, 0, mask);
    for (int y = 0; y < 14; y++)
        for (int x = 0; x < 14; x++)
            CHECK(mask[y * 14 + x] == (rows[y] >> (13 - x) & 1));
    mim_masker_destroy(m);
}

static void known_counts(void)
{
    uint8_t mask[196];
    int sum = 0, exact = 0, least = 196;
    mim_masker *m = make_masker(BEIT, 14, 14, 16);
    if (!m)
        return;
    CHECK(mim__masker_hidden(m) == -1);
    for (int id = 0; id < 2000; id++) {
        mim__masker_draw_one(m, 0, id, mask);
        int hidden = hidden_in(mask, 196);
        sum += hidden;
        exact += hidden == 75;
        least = imin(least, hidden);
        CHECK(hidden <= 75);
    }
    CHECK(sum == 148903);          /* mean 74.4515 */
    CHECK(exact == 1338);
    CHECK(least == 66);
    mim_masker_destroy(m);
}

/* Against 20 000 masks of the published generator. */
static void likeliness_by_place(void)
{
    enum { DRAWS = 20000 };
    static int seen[196];
    uint8_t mask[196];
    mim_masker *m = make_masker(BEIT, 14, 14, 16);
    if (!m)
        return;
    for (int id = 0; id < DRAWS; id++) {
        mim__masker_draw_one(m, 5, id, mask);
        for (int i = 0; i < 196; i++)
            seen[i] += mask[i];
    }
    CHECK_NEAR((double)seen[7 * 14 + 7] / DRAWS, 0.718, 0.02);
    CHECK_NEAR((double)seen[6 * 14 + 6] / DRAWS, 0.718, 0.02);
    static const int corners[] = { 0, 13, 182, 195 };
    for (int i = 0; i < 4; i++)
        CHECK_NEAR((double)seen[corners[i]] / DRAWS, 0.042, 0.01);
    mim_masker_destroy(m);
}

static void exact_fills_up(void)
{
    uint8_t mask[196], plain[196];
    mim_masker *m = make_masker(BEIT_EXACT, 14, 14, 16), *p = make_masker(BEIT, 14, 14, 16);
    if (!m || !p)
        return;
    CHECK(mim__masker_hidden(m) == 75);
    for (int id = 0; id < 2000; id++) {
        mim__masker_draw_one(m, 0, id, mask);
        mim__masker_draw_one(p, 0, id, plain);
        CHECK(hidden_in(mask, 196) == 75);
        for (int i = 0; i < 196; i++)
            CHECK(mask[i] >= plain[i]);
    }
    mim_masker_destroy(m);
    mim_masker_destroy(p);
}

static void odd_grids(void)
{
    static const struct { int rows, cols, count, least, most; } cases[] = {
        { 2, 2, 1, 1, 0 },   { 2, 2, 3, 1, 0 },   { 2, 50, 60, 1, 4 }, { 50, 2, 60, 16, 0 }, { 3, 7, 20, 4, 0 },
        { 5, 9, 1, 16, 0 },  { 64, 64, 2400, 16, 196 }, { 4, 4, 15, 1000, 0 }, { 7, 5, 21, 1, 1 },
    };
    uint8_t mask[GRID_MOST];
    for (int c = 0; c < COUNT(cases); c++)
        for (int exact = 0; exact < 2; exact++) {
            char json[160];
            snprintf(json, sizeof json,
                     "{\"masker\": {\"kind\": \"block\", \"count\": %d, \"least\": %d, \"most\": %d, \"exact\": %d}}",
                     cases[c].count, cases[c].least, cases[c].most, exact);
            mim_masker *m = make_masker(json, cases[c].rows, cases[c].cols, 8);
            if (!m)
                continue;
            for (int id = 0; id < 50; id++) {
                mim__masker_draw_one(m, 0, id, mask);
                int hidden = hidden_in(mask, cases[c].rows * cases[c].cols);
                CHECK(hidden >= 1 && hidden <= cases[c].count);
                CHECK(!exact || hidden == cases[c].count);
            }
            mim_masker_destroy(m);
        }
}

static void units_repeat(void)
{
    uint8_t mask[24 * 16];
    mim_masker *m = make_masker("{\"masker\": {\"kind\": \"block\", \"unit\": 32, \"least\": 4, \"exact\": 1}}", 24, 16, 8);
    if (!m)
        return;
    CHECK(mim__masker_hidden(m) == 15 * 16);
    for (int id = 0; id < 100; id++) {
        mim__masker_draw_one(m, 0, id, mask);
        CHECK(hidden_in(mask, 24 * 16) == 15 * 16);
        for (int y = 0; y < 24; y++)
            for (int x = 0; x < 16; x++)
                CHECK(mask[y * 16 + x] == mask[y / 4 * 4 * 16 + x / 4 * 4]);
    }
    mim_masker_destroy(m);
}

static void bad_values(void)
{
    CHECK(masker_status("{\"masker.kind\": \"block\", \"masker.ratio\": 0}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.kind\": \"block\", \"masker.ratio\": 1}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.kind\": \"block\", \"masker.count\": 196}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.kind\": \"block\", \"masker.most\": 15}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.kind\": \"block\"}", 1, 14, 16) == MIM_ERR_SHAPE);
    CHECK(masker_status("{\"masker.kind\": \"block\"}", 14, 1, 16) == MIM_ERR_SHAPE);
    CHECK(masker_status("{\"masker.kind\": \"block\", \"masker.least\": 0}", 14, 14, 16) == MIM_ERR_VALUE);
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(known_mask);
    TEST(known_counts);
    TEST(likeliness_by_place);
    TEST(exact_fills_up);
    TEST(odd_grids);
    TEST(units_repeat);
    TEST(bad_values);
    mim_context_destroy(context);
    return test_end();
}
