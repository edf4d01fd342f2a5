/* SPDX-License-Identifier: MIT */
/* test_accuracy.c -- top-k, ties, confusion counts, and what is refused. */
#include "mim.h"
#include "support/test.h"

static mim_context *context;
static const float scores[4][3] = { { 1, 2, 3 }, { 5, 5, 5 }, { -1, -INFINITY, -1 }, { 0, 7, 0.5f } };
static const int64_t labels[4] = { 2, 1, 2, 0 };

static void top(void)
{
    double accuracy = -1;
    static const double wanted[] = { 0.25, 0.75, 1 };       /* ranks of the labels: 0, 1, 1, 2 */
    for (int k = 1; k <= 3; k++) {
        CHECK(mim_evaluate_accuracy(context, 3, 4, scores[0], labels, k, &accuracy, NULL) == MIM_OK);
        CHECK(accuracy == wanted[k - 1]);
    }
}

static void confusion(void)
{
    double accuracy;
    int64_t table[9];
    static const int64_t wanted[9] = { 0, 1, 0, 1, 0, 0, 1, 0, 1 };
    memset(table, 0x55, sizeof table);
    CHECK(mim_evaluate_accuracy(context, 3, 4, scores[0], labels, 2, &accuracy, table) == MIM_OK);
    CHECK(!memcmp(table, wanted, sizeof table));
}

static void refused(void)
{
    static const float nan[3] = { 0, NAN, 0 };
    static const int64_t low[4] = { 0, -1, 0, 0 }, high[4] = { 0, 0, 0, 3 };
    double accuracy = 42;
    int64_t table[9] = { 42 };
    CHECK(mim_evaluate_accuracy(NULL, 3, 4, scores[0], labels, 1, &accuracy, table) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_accuracy(context, 3, 4, NULL, labels, 1, &accuracy, table) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_accuracy(context, 3, 4, scores[0], NULL, 1, &accuracy, table) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_accuracy(context, 3, 4, scores[0], labels, 1, NULL, table) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_accuracy(context, 0, 4, scores[0], labels, 1, &accuracy, table) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_accuracy(context, 3, -1, scores[0], labels, 1, &accuracy, table) == MIM_ERR_ARGUMENT);
    CHECK(mim_evaluate_accuracy(context, 3, 0, scores[0], labels, 1, &accuracy, table) == MIM_ERR_VALUE);
    CHECK(mim_evaluate_accuracy(context, 3, 4, scores[0], labels, 0, &accuracy, table) == MIM_ERR_VALUE);
    CHECK(mim_evaluate_accuracy(context, 3, 4, scores[0], labels, 4, &accuracy, table) == MIM_ERR_VALUE);
    CHECK(mim_evaluate_accuracy(context, 3, 4, scores[0], low, 1, &accuracy, table) == MIM_ERR_VALUE);
    CHECK(mim_evaluate_accuracy(context, 3, 4, scores[0], high, 1, &accuracy, table) == MIM_ERR_VALUE);
    CHECK(mim_evaluate_accuracy(context, 3, 1, nan, labels, 1, &accuracy, table) == MIM_ERR_VALUE);
    CHECK(accuracy == 42 && table[0] == 42);
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(top);
    TEST(confusion);
    TEST(refused);
    mim_context_destroy(context);
    return test_end();
}
