/* SPDX-License-Identifier: MIT */
/* test_masks.c -- AvgDist of masks whose distances are known, and of random ones against a search of all pairs. */
#include "evaluate/make.h"

static mim_context *context;
static uint8_t mask[192 * 192];

static double measured(int rows, int cols)
{
    double distance = -1;
    CHECK(mim_evaluate_masks(context, 1, rows, cols, mask, &distance) == MIM_OK);
    return distance;
}

static void golden(void)
{
    static const struct { int side; double distance; } squares[] = {
        { 64, 11.171875 }, { 96, 16.503472222222222 }, { 128, 21.8359375 }, { 160, 27.16875 } };
    for (int i = 0; i < 96 * 96; i++)
        mask[i] = i / 96 / 32 == 1 && i % 96 / 32 == 1;
    CHECK_NEAR(measured(96, 96), 5.84375, 1e-9);
    for (int i = 0; i < 192 * 192; i++)
        mask[i] = (i / 192 / 32 + i % 192 / 32) % 2;
    CHECK_NEAR(measured(192, 192), 7.026041666666667, 1e-9);
    for (int i = 0; i < 64; i++)
        mask[i] = i / 8 < 4 && i % 8 < 4;
    CHECK_NEAR(measured(8, 8), 1.875, 1e-12);
    for (int s = 0; s < COUNT(squares); s++) {
        int from = (192 - squares[s].side) / 2, end = from + squares[s].side;
        for (int i = 0; i < 192 * 192; i++)
            mask[i] = i / 192 >= from && i / 192 < end && i % 192 >= from && i % 192 < end;
        CHECK_NEAR(measured(192, 192), squares[s].distance, 1e-9);
    }
}

static double all_pairs(int rows, int cols)
{
    double sum = 0;
    int hidden = 0;
    for (int i = 0; i < rows * cols; i++) {
        double best = 1e9;
        for (int j = 0; j < rows * cols && mask[i]; j++)
            if (!mask[j])
                best = fmin(best, hypot(i / cols - j / cols, i % cols - j % cols));
        sum += mask[i] ? best : 0;
        hidden += mask[i];
    }
    return sum / hidden;
}

static void random_masks(void)
{
    for (int n = 0; n < 400; n++) {
        int rows = 1 + (int)(make_unit() * 17), cols = 1 + (int)(make_unit() * 17), size = rows * cols;
        double ratio = n % 3 ? make_unit() : 0.97;
        if (size < 2)
            continue;
        for (int i = 0; i < size; i++)
            mask[i] = make_unit() < ratio;
        mask[(int)(make_unit() * size)] = 0;
        int at = (int)(make_unit() * size);
        mask[at] = 1;
        mask[(at + 1) % size] = 0;
        CHECK_NEAR(measured(rows, cols), all_pairs(rows, cols), 1e-9);
    }
}

/* The mean is over hidden patches of all masks; the same on any threads. */
static void several(void)
{
    static const uint8_t two[2][4] = { { 1, 0, 0, 0 }, { 1, 1, 1, 0 } };
    double distance = 0, again = 0;
    CHECK(mim_evaluate_masks(context, 2, 1, 4, two[0], &distance) == MIM_OK);
    CHECK_NEAR(distance, (1 + 3 + 2 + 1) / 4.0, 1e-12);
    for (int i = 0; i < 192 * 192; i++)
        mask[i] = make_unit() < 0.8;
    CHECK(mim_evaluate_masks(context, 36, 32, 32, mask, &distance) == MIM_OK);
    for (int threads = 2; threads <= 7; threads++) {
        CHECK(mim_context_set_threads(context, threads) == MIM_OK);
        CHECK(mim_evaluate_masks(context, 36, 32, 32, mask, &again) == MIM_OK);
        CHECK(distance == again);
    }
}

static void refused(void)
{
    static const uint8_t none[4] = { 0 }, all[4] = { 1, 1, 1, 1 }, two[4] = { 0, 2, 1, 0 };
    double d = 42;
    CHECK(mim_evaluate_masks(NULL, 1, 2, 2, mask, &d) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_masks(context, 1, 2, 2, NULL, &d) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_masks(context, 1, 2, 2, mask, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_masks(context, 0, 2, 2, mask, &d) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_masks(context, 1, 0, 2, mask, &d) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_masks(context, 1, 2, -2, mask, &d) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_masks(context, 1, INT32_MAX, INT32_MAX, mask, &d) == MIM_ERR_SHAPE);
    CHECK(mim_evaluate_masks(context, 1, 2, 2, none, &d) == MIM_ERR_VALUE);
    CHECK(mim_evaluate_masks(context, 1, 2, 2, all, &d) == MIM_ERR_VALUE);
    CHECK(mim_evaluate_masks(context, 1, 2, 2, two, &d) == MIM_ERR_VALUE);
    CHECK(d == 42);
}

static mim_status measure_once(const mim_host *host, void *arg)
{
    double distance = 42;
    mim_context *c = NULL;
    mim_status status = mim_context_create(host, &c);
    if (!status) status = mim_context_set_threads(c, 2);
    if (!status) status = mim_evaluate_masks(c, 1, 2, 2, arg, &distance);
    CHECK((status == MIM_OK) == (distance != 42));
    mim_context_destroy(c);
    return status;
}

static void failing_memory(void)
{
    uint8_t one[4] = { 1, 0, 0, 0 };
    CHECK(fail_every_allocation(measure_once, one) > 3);
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(golden);
    TEST(random_masks);
    TEST(several);
    TEST(refused);
    TEST(failing_memory);
    mim_context_destroy(context);
    return test_end();
}
