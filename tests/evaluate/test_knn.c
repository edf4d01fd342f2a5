/* SPDX-License-Identifier: MIT */
/* test_knn.c -- votes of the nearest by hand, ties by index, and a plain search in double. */
#include "evaluate/make.h"

static mim_context *context;
static mim_config *config;

static void golden(void)
{
    static const float train[] = { 1, 0, .8f, .6f, 0, 1, -.6f, .8f }, query[] = { .6f, .8f, 6e20f, 8e20f, 6e-20f, 8e-20f };
    static const int64_t labels[] = { 0, 0, 1, 1 };
    const double a = 909008.48, b = 91910.58;
    float scores[6];
    CHECK(mim_config_set_i64(config, "probe.k", 3) == MIM_OK);
    CHECK(mim_evaluate_classify(context, config, 2, 2, 4, train, labels, 3, query, scores) == MIM_OK);
    for (int i = 0; i < 3; i++) {               /* whatever the length of the query */
        CHECK_NEAR(scores[2 * i], a / (a + b), 1e-6);
        CHECK_NEAR(scores[2 * i + 1], b / (a + b), 1e-6);
    }
}

static void ties_and_small_sets(void)
{
    static const float train[] = { 1, 1, 1, 1, 1, -1 }, query[] = { 1 }, zero[] = { 0 };
    static const int64_t labels[] = { 2, 0, 0, 1, 1, 1 };
    float scores[3];
    CHECK(mim_config_set_i64(config, "probe.k", 1) == MIM_OK);
    CHECK(mim_evaluate_classify(context, config, 3, 1, 6, train, labels, 1, query, scores) == MIM_OK);
    CHECK(scores[0] == 0 && scores[1] == 0 && scores[2] == 1);
    CHECK(mim_config_set_i64(config, "probe.k", 3) == MIM_OK);
    CHECK(mim_evaluate_classify(context, config, 3, 1, 6, train, labels, 1, query, scores) == MIM_OK);
    CHECK_NEAR(scores[0], 2.0 / 3, 1e-6);
    CHECK_NEAR(scores[2], 1.0 / 3, 1e-6);
    CHECK(mim_config_set_i64(config, "probe.k", 100) == MIM_OK);        /* more than there are: all */
    CHECK(mim_evaluate_classify(context, config, 3, 1, 6, train, labels, 1, zero, scores) == MIM_OK);
    CHECK_NEAR(scores[0], 2.0 / 6, 1e-6);
    CHECK_NEAR(scores[1], 3.0 / 6, 1e-6);
}

static void cold(void)
{
    static const float train[] = { 1, 0, .8f, .6f, 0, 1 }, query[] = { 1, 0 };
    static const int64_t labels[] = { 1, 0, 0 };
    float scores[2];
    CHECK(mim_config_set_f64(config, "probe.temperature", 1e-6) == MIM_OK);
    CHECK(mim_evaluate_classify(context, config, 2, 2, 3, train, labels, 1, query, scores) == MIM_OK);
    CHECK(scores[1] == 1 && scores[0] == 0);
    CHECK(mim_config_set_f64(config, "probe.temperature", 0.07) == MIM_OK);
}

enum { TRAIN = 300, TEST = 37, WIDTH = 23, CLASSES = 5, K = 7 };

static double cosine(const float *a, const float *b)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < WIDTH; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static void reference(const float *train, const int64_t *labels, const float *x, double scores[CLASSES])
{
    char taken[TRAIN] = { 0 };
    double total = 0;
    memset(scores, 0, CLASSES * sizeof *scores);
    for (int k = 0; k < K; k++) {
        int best = -1;
        for (int i = 0; i < TRAIN; i++)
            if (!taken[i] && (best < 0 || cosine(train + i * WIDTH, x) > cosine(train + best * WIDTH, x)))
                best = i;
        taken[best] = 1;
        scores[labels[best]] += exp(cosine(train + best * WIDTH, x) / 0.07);
        total += exp(cosine(train + best * WIDTH, x) / 0.07);
    }
    for (int c = 0; c < CLASSES; c++)
        scores[c] /= total;
}

static void plain_search(void)
{
    static float train[TRAIN * WIDTH], test[TEST * WIDTH], scores[TEST * CLASSES];
    static int64_t labels[TRAIN];
    make_features(TRAIN, WIDTH, CLASSES, 20, train, labels);
    make_features(TEST, WIDTH, CLASSES, 20, test, NULL);
    CHECK(mim_config_set_i64(config, "probe.k", K) == MIM_OK);
    CHECK(mim_evaluate_classify(context, config, CLASSES, WIDTH, TRAIN, train, labels, TEST, test, scores) == MIM_OK);
    for (int r = 0; r < TEST; r++) {
        double wanted[CLASSES];
        reference(train, labels, test + r * WIDTH, wanted);
        for (int c = 0; c < CLASSES; c++)
            CHECK_NEAR(scores[r * CLASSES + c], wanted[c], 1e-4);
    }
}

int main(void)
{
    context = make_context("knn", 1, &config);
    TEST(golden);
    TEST(ties_and_small_sets);
    TEST(cold);
    TEST(plain_search);
    mim_config_destroy(config);
    mim_context_destroy(context);
    return test_end();
}
