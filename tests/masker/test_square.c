/* SPDX-License-Identifier: MIT */
/* test_square.c -- one rectangle: its sides, its place, its complement. */
#include "masker/make.h"

/* The one rectangle of ones; false if the ones are no rectangle. */
static bool rectangle(const uint8_t *mask, int rows, int cols, int value, int *top, int *left, int *height, int *width)
{
    int y0 = rows, x0 = cols, y1 = -1, x1 = -1, n = 0;
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < cols; x++)
            if (mask[y * cols + x] == value) {
                y0 = imin(y0, y), y1 = imax(y1, y), x0 = imin(x0, x), x1 = imax(x1, x);
                n++;
            }
    *top = y0, *left = x0, *height = y1 - y0 + 1, *width = x1 - x0 + 1;
    return n == *height * *width;
}

static void check_fixed(const char *json, int rows, int cols, int value, int top, int left, int height, int width)
{
    uint8_t mask[GRID_MOST];
    int t, l, h, w;
    mim_masker *m = make_masker(json, rows, cols, 16);
    if (!m)
        return;
    int expected = value ? height * width : rows * cols - height * width;
    CHECK(mim__masker_hidden(m) == expected);
    for (int id = 0; id < 3; id++) {
        mim__masker_draw_one(m, id, id, mask);
        CHECK(hidden_in(mask, rows * cols) == expected);
        CHECK(rectangle(mask, rows, cols, value, &t, &l, &h, &w));
        CHECK(t == top && l == left && h == height && w == width);
    }
    mim_masker_destroy(m);
}

#define FIXED "{\"masker.kind\": \"square\", \"masker.movable\": 0, "
static void in_the_middle(void)
{
    check_fixed(FIXED "\"masker.ratio\": 0.25}", 14, 14, 1, 3, 3, 7, 7);
    check_fixed(FIXED "\"masker.ratio\": 0.5}", 14, 14, 1, 2, 2, 10, 10);
    check_fixed(FIXED "\"masker.ratio\": 0.75}", 14, 14, 1, 1, 1, 12, 12);
    check_fixed(FIXED "\"masker.count\": 49}", 14, 14, 1, 3, 3, 7, 7);
    check_fixed(FIXED "\"masker.ratio\": 0.25}", 10, 24, 1, 2, 6, 5, 12);
    check_fixed(FIXED "\"masker.side_rows\": 3, \"masker.side_cols\": 5}", 9, 11, 1, 3, 3, 3, 5);
    check_fixed(FIXED "\"masker.side_rows\": 9, \"masker.side_cols\": 1}", 9, 11, 1, 0, 5, 9, 1);
    check_fixed(FIXED "\"masker.ratio\": 0.75, \"masker.outside\": 1}", 14, 14, 0, 3, 3, 7, 7);
    check_fixed(FIXED "\"masker.count\": 147, \"masker.outside\": 1}", 14, 14, 0, 3, 3, 7, 7);
    check_fixed(FIXED "\"masker.outside\": 1, \"masker.side_rows\": 2, \"masker.side_cols\": 2}", 4, 6, 0, 1, 2, 2, 2);
}

static void anywhere(void)
{
    enum { ROWS = 6, COLS = 9, DRAWS = 6000 };
    uint8_t mask[ROWS * COLS];
    int places[3][4] = { { 0 } };
    mim_masker *m = make_masker("{\"masker\": {\"kind\": \"square\", \"side_rows\": 4, \"side_cols\": 6}}", ROWS, COLS, 4);
    if (!m)
        return;
    for (int id = 0; id < DRAWS; id++) {
        int t, l, h, w;
        mim__masker_draw_one(m, 0, id, mask);
        CHECK(rectangle(mask, ROWS, COLS, 1, &t, &l, &h, &w) && h == 4 && w == 6);
        places[t][l]++;
    }
    for (int t = 0; t < 3; t++)
        for (int l = 0; l < 4; l++)
            CHECK_NEAR((double)places[t][l] / DRAWS, 1.0 / 12, 0.015);
    mim_masker_destroy(m);
}

static void bad_values(void)
{
    CHECK(masker_status(FIXED "\"masker.ratio\": 0}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status(FIXED "\"masker.ratio\": 1}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status(FIXED "\"masker.ratio\": 0.999}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status(FIXED "\"masker.ratio\": 0.001}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status(FIXED "\"masker.ratio\": 0.001, \"masker.outside\": 1}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status(FIXED "\"masker.count\": 197}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status(FIXED "\"masker.side_rows\": 15}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status(FIXED "\"masker.side_cols\": 15}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status(FIXED "\"masker.side_rows\": 14, \"masker.side_cols\": 14}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status(FIXED "\"masker.ratio\": 0.5}", 1, 1, 16) == MIM_ERR_VALUE);
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(in_the_middle);
    TEST(anywhere);
    TEST(bad_values);
    mim_context_destroy(context);
    return test_end();
}
