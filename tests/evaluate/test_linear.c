/* SPDX-License-Identifier: MIT */
/* test_linear.c -- the linear probe against scikit-learn's logistic regression, and features that say nothing. */
#include "evaluate/make.h"

static mim_context *context;
static mim_config *config;

enum { TRAIN = 60, TEST = 4, WIDTH = 5, CLASSES = 3 };
static float train[TRAIN * WIDTH], test[TEST * WIDTH];
static int64_t labels[TRAIN];

static float feature(int i, int j) { return (float)((i * i * 7 + j * 13 + i * j * 3) % 31 / 10.0); }

static void make_golden(void)
{
    for (int i = 0; i < TRAIN; i++) {
        labels[i] = (i * i * 7 + i * 3) % 31 * 3 / 31;
        for (int j = 0; j < WIDTH; j++)
            train[i * WIDTH + j] = feature(i, j);
    }
    for (int i = 0; i < TEST; i++)
        for (int j = 0; j < WIDTH; j++)
            test[i * WIDTH + j] = feature(i + 100, j);
}

/* LogisticRegression(C = 1 / (0.01 * 60), tol = 1e-12) on (x - mean) / deviation: decision_function. */
static void equals_sklearn(void)
{
    static const double wanted[TEST * CLASSES] = {
        -0.88877094, -1.38810819, 2.27687912, 2.13645287, 0.19072358, -2.32717645,
        1.5021318, 0.30449397, -1.80662577, 1.77389411, 2.99974407, -4.77363819,
    };
    float scores[TEST * CLASSES];
    make_golden();
    CHECK(mim_config_set_f64(config, "probe.penalty", 0.01) == MIM_OK);
    CHECK(mim_config_set_f64(config, "probe.tolerance", 1e-9) == MIM_OK);
    CHECK(mim_evaluate_classify(context, config, CLASSES, WIDTH, TRAIN, train, labels, TEST, test, scores) == MIM_OK);
    for (int i = 0; i < TEST * CLASSES; i++)
        CHECK_NEAR(scores[i], wanted[i], 2e-5);
}

/* A constant feature, whatever it is in the test set, and another scale and offset of the others change nothing. */
static void scale_and_constants(void)
{
    static float wide[TRAIN * (WIDTH + 1)], wide_test[TEST * (WIDTH + 1)];
    float plain[TEST * CLASSES], scores[TEST * CLASSES];
    make_golden();
    CHECK(mim_evaluate_classify(context, config, CLASSES, WIDTH, TRAIN, train, labels, TEST, test, plain) == MIM_OK);
    for (int i = 0; i < TRAIN + TEST; i++) {
        float *to = i < TRAIN ? wide + i * (WIDTH + 1) : wide_test + (i - TRAIN) * (WIDTH + 1);
        const float *from = i < TRAIN ? train + i * WIDTH : test + (i - TRAIN) * WIDTH;
        for (int j = 0; j < WIDTH; j++)
            to[j] = 1024 * from[j] + 512;
        to[WIDTH] = i < TRAIN ? 0.1f : 1e6f;
    }
    CHECK(mim_evaluate_classify(context, config, CLASSES, WIDTH + 1, TRAIN, wide, labels, TEST, wide_test, scores) ==
          MIM_OK);
    for (int i = 0; i < TEST * CLASSES; i++)
        CHECK_NEAR(scores[i], plain[i], 1e-3);
}

/* One class in training: its score ends above the others. One row: as well. */
static void degenerate(void)
{
    static const int64_t ones[TRAIN] = { 1, 1, 1 };
    float scores[TEST * CLASSES];
    CHECK(mim_evaluate_classify(context, config, CLASSES, WIDTH, 3, train, ones, TEST, test, scores) == MIM_OK);
    CHECK(scores[1] > scores[0] && scores[1] > scores[2]);
    CHECK(mim_evaluate_classify(context, config, CLASSES, WIDTH, 1, train, ones, TEST, test, scores) == MIM_OK);
    CHECK(scores[1] > scores[0] && scores[1] > scores[2]);
    CHECK(mim_evaluate_classify(context, config, 1, WIDTH, 1, train, labels, TEST, test, scores) == MIM_OK);
}

/* A strong penalty leaves the biases: the classes' frequencies. */
static void only_biases(void)
{
    float scores[TEST * CLASSES];
    make_golden();
    CHECK(mim_config_set_f64(config, "probe.penalty", 1e5) == MIM_OK);
    CHECK(mim_evaluate_classify(context, config, CLASSES, WIDTH, TRAIN, train, labels, TEST, test, scores) == MIM_OK);
    CHECK_NEAR(scores[0] - scores[1], log(25.0 / 20), 1e-3);
    CHECK_NEAR(scores[0] - scores[2], log(25.0 / 15), 1e-3);
}

int main(void)
{
    context = make_context("linear", 2, &config);
    TEST(equals_sklearn);
    TEST(scale_and_constants);
    TEST(degenerate);
    TEST(only_biases);
    mim_config_destroy(config);
    mim_context_destroy(context);
    return test_end();
}
