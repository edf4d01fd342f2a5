/* SPDX-License-Identifier: MIT */
/* test_grid.c -- a lattice of visible patches: its phases, its counts, grids that its stride does not divide. */
#include "masker/make.h"

static void check_mask(const char *json, int rows, int cols, const char *expected)
{
    uint8_t mask[GRID_MOST];
    char text[512];
    mim_masker *m = make_masker(json, rows, cols, 16);
    if (!m)
        return;
    mim__masker_draw_one(m, 0, 0, mask);
    mask_text(mask, rows, cols, text);
    CHECK_TEXT(text, expected);
    CHECK(mim__masker_hidden(m) == hidden_in(mask, rows * cols));
    mim_masker_destroy(m);
}

#define GRID "{\"masker.kind\": \"grid\", "
static void fixed_phase(void)
{
    check_mask(GRID "\"masker.phase\": 0}", 4, 4, "0101 1111 0101 1111");
    check_mask(GRID "\"masker.phase\": 1}", 4, 4, "1111 1010 1111 1010");
    check_mask(GRID "\"masker.phase\": 0, \"masker.stride\": 3}", 4, 5, "01101 11111 11111 01101");
    check_mask(GRID "\"masker.phase\": 0, \"masker.stride\": 5}", 4, 4, "0111 1111 1111 1111");
    check_mask(GRID "\"masker.phase\": 1, \"masker.stride\": 3}", 4, 5, "11111 11111 11011 11111");
    check_mask(GRID "\"masker.phase\": 2, \"masker.stride\": 3}", 5, 5, "11111 10110 11111 11111 10110");
    check_mask(GRID "\"masker.phase\": 0, \"masker.unit\": 32}", 4, 8, "00110011 00110011 11111111 11111111");
}

/* Counts that the handle promises are those that are drawn, whatever the sizes. */
static void counts(void)
{
    uint8_t mask[GRID_MOST];
    for (int rows = 2; rows < 9; rows++)
        for (int cols = 2; cols < 9; cols++)
            for (int stride = 2; stride <= imin(rows, cols); stride++)
                for (int phase = -1; phase < stride; phase++) {
                    char json[96];
                    snprintf(json, sizeof json, GRID "\"masker.stride\": %d, \"masker.phase\": %d}", stride, phase);
                    mim_masker *m = make_masker(json, rows, cols, 16);
                    if (!m)
                        return;
                    int promised = mim__masker_hidden(m);
                    CHECK((promised < 0) == (phase < 0 && (rows % stride || cols % stride)));
                    for (int id = 0; id < 12; id++) {
                        mim__masker_draw_one(m, 0, id, mask);
                        int hidden = hidden_in(mask, rows * cols);
                        CHECK(promised < 0 ? hidden > 0 && hidden < rows * cols : hidden == promised);
                    }
                    mim_masker_destroy(m);
                }
}

static void every_phase_is_as_likely(void)
{
    enum { ROWS = 6, COLS = 9, DRAWS = 18000 };
    uint8_t mask[ROWS * COLS];
    int visible[ROWS * COLS] = { 0 };
    mim_masker *m = make_masker(GRID "\"masker.stride\": 3}", ROWS, COLS, 16);
    if (!m)
        return;
    CHECK(mim__masker_hidden(m) == 48);
    for (int id = 0; id < DRAWS; id++) {
        mim__masker_draw_one(m, 0, id, mask);
        for (int i = 0; i < ROWS * COLS; i++)
            visible[i] += !mask[i];
    }
    for (int i = 0; i < ROWS * COLS; i++)
        CHECK_NEAR((double)visible[i] / DRAWS, 1.0 / 9, 0.012);
    mim_masker_destroy(m);
}

static void bad_values(void)
{
    CHECK(masker_status(GRID "\"masker.stride\": 1}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status(GRID "\"masker.stride\": 14}", 14, 14, 16) == MIM_OK);
    CHECK(masker_status(GRID "\"masker.stride\": 15}", 14, 20, 16) == MIM_ERR_VALUE);
    CHECK(masker_status(GRID "\"masker.stride\": 15}", 20, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status(GRID "\"masker.stride\": 3, \"masker.phase\": 3}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status(GRID "\"masker.phase\": -2}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.kind\": \"grid\"}", 1, 14, 16) == MIM_ERR_VALUE);
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(fixed_phase);
    TEST(counts);
    TEST(every_phase_is_as_likely);
    TEST(bad_values);
    mim_context_destroy(context);
    return test_end();
}
