/* SPDX-License-Identifier: MIT */
/* test_classify.c -- both probes as hosts call them: threads, refusals, cancelling, failing memory. */
#include "evaluate/make.h"

enum { TRAIN = 700, TEST = 90, WIDTH = 19, CLASSES = 4 };
static float train[TRAIN * WIDTH], test[TEST * WIDTH];
static int64_t labels[TRAIN], truth[TEST];
static const char *const kinds[] = { "knn", "linear" };

static void learns_on_any_threads(void)
{
    static float first[TEST * CLASSES], scores[TEST * CLASSES];
    for (int k = 0; k < 2; k++)
        for (int threads = 1; threads <= 7; threads += 2) {
            mim_config *config = NULL;
            mim_context *context = make_context(kinds[k], threads, &config);
            double accuracy = 0;
            float *to = threads == 1 ? first : scores;
            CHECK(mim_evaluate_classify(context, config, CLASSES, WIDTH, TRAIN, train, labels, TEST, test, to) == MIM_OK);
            CHECK(!memcmp(to, first, sizeof first));
            CHECK(mim_evaluate_accuracy(context, CLASSES, TEST, to, truth, 1, &accuracy, NULL) == MIM_OK);
            CHECK(accuracy > 0.95);
            mim_config_destroy(config);
            mim_context_destroy(context);
        }
}

static void refused(void)
{
    float scores[TEST * CLASSES], bad[WIDTH * 2] = { 0 };
    char text[256];
    for (int k = 0; k < 2; k++) {
        mim_config *config = NULL;
        mim_context *c = make_context(kinds[k], 2, &config);
        int64_t wrong[2] = { 0, CLASSES };
        scores[0] = 42;
        CHECK(mim_evaluate_classify(NULL, config, CLASSES, WIDTH, TRAIN, train, labels, TEST, test, scores) ==
              MIM_ERR_ARGUMENT);
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, TRAIN, NULL, labels, TEST, test, scores) == MIM_ERR_ARGUMENT);
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, TRAIN, train, NULL, TEST, test, scores) == MIM_ERR_ARGUMENT);
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, TRAIN, train, labels, TEST, NULL, scores) ==
              MIM_ERR_ARGUMENT);
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, TRAIN, train, labels, TEST, test, NULL) == MIM_ERR_ARGUMENT);
        CHECK(mim_evaluate_classify(c, config, 0, WIDTH, TRAIN, train, labels, TEST, test, scores) == MIM_ERR_ARGUMENT);
        CHECK(mim_evaluate_classify(c, config, CLASSES, 0, TRAIN, train, labels, TEST, test, scores) == MIM_ERR_ARGUMENT);
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, -1, train, labels, TEST, test, scores) == MIM_ERR_ARGUMENT);
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, 0, train, labels, TEST, test, scores) == MIM_ERR_VALUE);
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, TRAIN, train, labels, 0, test, scores) == MIM_ERR_VALUE);
        CHECK(mim_evaluate_classify(c, config, INT32_MAX, INT32_MAX, 2, bad, wrong, 1, test, scores) == MIM_ERR_SHAPE);
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, 2, bad, wrong, TEST, test, scores) == MIM_ERR_VALUE);
        wrong[1] = -1;
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, 2, bad, wrong, TEST, test, scores) == MIM_ERR_VALUE);
        wrong[1] = 0;
        bad[WIDTH + 3] = INFINITY;
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, 2, bad, wrong, TEST, test, scores) == MIM_ERR_VALUE);
        bad[WIDTH + 3] = NAN;
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, TRAIN, train, labels, 2, bad, scores) == MIM_ERR_VALUE);
        CHECK(mim_last_error(c, text, sizeof text, NULL) == MIM_OK && strstr(text, "test row 1"));
        bad[WIDTH + 3] = 0;
        CHECK(scores[0] == 42);
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, 2, bad, wrong, 1, bad, scores) == MIM_OK);   /* all zeros */
        CHECK(scores[0] == scores[0]);
        mim_config_destroy(config);
        mim_context_destroy(c);
    }
}

static void cancelled(void)
{
    float scores[TEST * CLASSES] = { 42 };
    for (int k = 0; k < 2; k++) {
        mim_config *config = NULL;
        mim_context *c = make_context(kinds[k], 2, &config);
        mim_context_cancel(c);
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, TRAIN, train, labels, TEST, test, scores) ==
              MIM_ERR_CANCELLED);
        CHECK(scores[0] == 42);
        CHECK(mim_evaluate_classify(c, config, CLASSES, WIDTH, TRAIN, train, labels, TEST, test, scores) == MIM_OK);
        scores[0] = 42;
        mim_config_destroy(config);
        mim_context_destroy(c);
    }
}

static mim_status classify_once(const mim_host *host, void *arg)
{
    static float scores[TEST * CLASSES];
    mim_context *context = NULL;
    mim_config *config = NULL;
    mim_status status = mim_context_create(host, &context);
    if (!status) status = mim_config_create(context, NULL, &config);
    if (!status) status = mim_config_set_str(config, "probe.kind", arg);
    if (!status) status = mim_config_set_i64(config, "probe.iterations", 3);
    if (!status) status = mim_context_set_threads(context, 2);
    scores[0] = 42;
    if (!status) status = mim_evaluate_classify(context, config, CLASSES, WIDTH, TRAIN, train, labels, TEST, test, scores);
    CHECK((status == MIM_OK) == (scores[0] != 42));
    mim_config_destroy(config);
    mim_context_destroy(context);
    return status;
}

static void failing_memory(void)
{
    CHECK(fail_every_allocation(classify_once, "knn") > 4);
    CHECK(fail_every_allocation(classify_once, "linear") > 4);
}

int main(void)
{
    make_features(TRAIN, WIDTH, CLASSES, 6, train, labels);
    make_features(TEST, WIDTH, CLASSES, 6, test, truth);
    TEST(learns_on_any_threads);
    TEST(refused);
    TEST(cancelled);
    TEST(failing_memory);
    return test_end();
}
