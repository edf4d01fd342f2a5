/* SPDX-License-Identifier: MIT */
/* test_mix.c -- fine-tuning on batches that are mixed with themselves: pixels and soft labels by the definition, in training
 * alone, the same for any threads and after a resume. */
#include "train/make.h"

#include "image/image.h"
#include "train/trainer.h"

enum { CLASSES = 3 };

static mim_context *ctx;
static const int64_t labels[] = { 2, 0, 1, 1 };

#define HEAD "\"head\": {\"kind\": \"classifier\", \"classes\": 3, \"smoothing\": 0.1}"
#define MIXED(image) "{\"image\": {" image "}, " HEAD "}"
static const char *const ways[] = { MIXED("\"mixup\": 0.8"), MIXED("\"cutmix\": 1"), MIXED("\"mixup\": 0.8, \"cutmix\": 1") };

static void soft_labels(void)
{
    float rows[4 * 10];
    mim__soft_labels(2, 10, 0.1, (int32_t[]){ 3, 7 }, rows);
    CHECK_NEAR(rows[3], 0.91, 1e-6);
    CHECK_NEAR(rows[10], 0.01, 1e-6);
    mim__mix_labels(2, 10, 0.7, rows);
    for (int k = 0; k < 10; k++) {
        CHECK_NEAR(rows[k], k == 3 ? 0.64 : k == 7 ? 0.28 : 0.01, 1e-6);
        CHECK_NEAR(rows[10 + k], k == 7 ? 0.64 : k == 3 ? 0.28 : 0.01, 1e-6);
    }
    mim__soft_labels(3, 10, 0, (int32_t[]){ 3, -1, 0 }, rows);
    mim__mix_labels(3, 10, 0.75, rows);
    CHECK(rows[3] == 0.75f && rows[0] == 0.25f && rows[23] == 0.25f && rows[20] == 0.75f);
    for (int k = 10; k < 20; k++)
        CHECK(rows[k] == 0);
}

static mim_status forward(mim_trainer *t, int count, const int64_t *of)
{
    mim_images images = make_images(0, count);
    mim_status status = mim_trainer_set_input(t, "labels", MIM_I64, of, (size_t)count);
    return status ? status : mim_trainer_forward(t, &images, 0, NULL);
}

/* Mean soft cross-entropy of the logits that the trainer shows. */
static double loss_by_hand(mim_trainer *t, int count, const int64_t *of, double share)
{
    float x[4 * CLASSES];
    double sum = 0;
    int taking = 0;
    make_read(t, MIM_OUTPUTS, "logits", x, (size_t)(count * CLASSES));
    for (int b = 0; b < count; b++) {
        const float *z = x + b * CLASSES;
        double lse = log(exp(z[0]) + exp(z[1]) + exp(z[2]));
        int64_t own = of[b], other = of[count - 1 - b];
        taking += (own >= 0 && share > 0) || (other >= 0 && share < 1);
        for (int k = 0; k < CLASSES; k++) {
            double a = own < 0 ? 0 : 0.9 * (k == own) + 0.1 / CLASSES, p = other < 0 ? 0 : 0.9 * (k == other) + 0.1 / CLASSES;
            sum += (share * a + (1 - share) * p) * (lse - z[k]);
        }
    }
    return sum / taking;
}

/* Pixels and loss of each step against the draw of that step. */
static void by_the_definition(void)
{
    static float plain[4 * MAKE_PIXELS], x[4 * MAKE_PIXELS];
    static const int64_t some[] = { 1, -1, 2, 0 };
    for (int w = 0; w < COUNT(ways); w++) {
        mim_trainer *t = make_trainer(ctx, ways[w]);
        for (int step = 0; step < 6; step++) {
            int count = 4 - step % 3;
            const int64_t *of = step == 5 ? some : labels;
            mim_images images = make_images(0, count);
            OK(ctx, mim_trainer_set_input(t, "labels", MIM_I64, of, (size_t)count));
            OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
            make_read(t, MIM_OUTPUTS, "pixels", plain, (size_t)(count * MAKE_PIXELS));
            CHECK_NEAR(make_metric(t, "loss"), loss_by_hand(t, count, of, 1), 1e-5);
            OK(ctx, forward(t, count, of));
            make_read(t, MIM_OUTPUTS, "pixels", x, (size_t)(count * MAKE_PIXELS));
            struct mix m = mim__image_mix_draw(&t->image, 1, (uint64_t)step, 0);
            mim__image_mix(ctx, &t->image, &m, count, plain);
            CHECK(!memcmp(x, plain, (size_t)(count * MAKE_PIXELS) * sizeof *x));
            CHECK_NEAR(make_metric(t, "loss"), loss_by_hand(t, count, of, m.share), 1e-5);
            OK(ctx, mim_trainer_backward(t));
            OK(ctx, mim_trainer_update(t));
        }
        mim_trainer_destroy(t);
    }
}

/* Pictures that the host prepared, and its own soft labels, are mixed all the same. */
static void inputs_of_the_host(void)
{
    static float pixels[4 * MAKE_PIXELS], x[4 * MAKE_PIXELS];
    static const float soft[2][CLASSES] = { { 1, 0, 0 }, { 0.5f, 0.25f, 0.25f } };
    mim_trainer *t = make_trainer(ctx, "{\"image\": {\"mixup\": 1}, \"head\": {\"kind\": \"classifier\", \"classes\": 3, "
                                       "\"mixture\": 1}}");
    float z[2 * CLASSES];
    for (int i = 0; i < 2 * MAKE_PIXELS; i++)
        pixels[i] = sinf((float)i);
    OK(ctx, mim_trainer_set_input(t, "pixels", MIM_F32, pixels, 2 * MAKE_PIXELS));
    OK(ctx, mim_trainer_set_input(t, "mixture", MIM_F32, soft, 2 * CLASSES));
    CHECK(mim_trainer_set_input(t, "labels", MIM_I64, labels, 2) == MIM_ERR_KEY);
    OK(ctx, mim_trainer_forward(t, NULL, 0, NULL));
    make_read(t, MIM_OUTPUTS, "pixels", x, 2 * MAKE_PIXELS);
    make_read(t, MIM_OUTPUTS, "logits", z, 2 * CLASSES);
    struct mix m = mim__image_mix_draw(&t->image, 1, 0, 0);
    mim__image_mix(ctx, &t->image, &m, 2, pixels);
    CHECK(!memcmp(x, pixels, 2 * MAKE_PIXELS * sizeof *x));
    double sum = 0;
    for (int b = 0; b < 2; b++)
        for (int k = 0; k < CLASSES; k++) {
            const float *y = z + b * CLASSES;
            double lse = log(exp(y[0]) + exp(y[1]) + exp(y[2]));
            sum += (m.share * soft[b][k] + (1 - m.share) * soft[1 - b][k]) * (lse - y[k]) / 2;
        }
    CHECK_NEAR(make_metric(t, "loss"), sum, 1e-5);
    mim_trainer_destroy(t);
}

static mim_status step(mim_trainer *t, int i)
{
    mim_status status = mim_trainer_set_input(t, "labels", MIM_I64, labels, 4);
    return status ? status : make_step(t, i);
}

static void threads_and_resume(void)
{
    const char *json = "{\"image\": {\"mixup\": 0.8, \"cutmix\": 1, \"erase\": 0.5, \"randaugment\": 2}, "
                       "\"trainer\": {\"accumulate\": 2}, " HEAD "}";
    mim_trainer *one = make_trainer(ctx, json);
    for (int i = 0; i < 6; i++)
        OK(ctx, step(one, i));
    for (int threads = 2; threads <= 7; threads++) {
        CHECK(mim_context_set_threads(ctx, threads) == MIM_OK);
        mim_trainer *many = make_trainer(ctx, json), *resumed = NULL;
        mim_tensors *state = NULL;
        for (int i = 0; i < 2; i++)
            OK(ctx, step(many, i));
        OK(ctx, mim_trainer_tensors(many, MIM_STATE, NULL, &state));
        OK(ctx, mim_trainer_resume(ctx, NULL, state, &resumed));
        mim_tensors_destroy(state);
        for (int i = 2; i < 6; i++)
            OK(ctx, step(resumed, i));
        CHECK(make_same_state(one, resumed, MIM_STATE));
        mim_trainer_destroy(many);
        mim_trainer_destroy(resumed);
    }
    CHECK(mim_context_set_threads(ctx, 1) == MIM_OK);
    mim_trainer_destroy(one);
}

/* Learns, and knows its accuracy against the labels. */
static void learns(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"image\": {\"mixup\": 0.2, \"cutmix\": 0.2}, " HEAD ", "
                                       "\"optimizer\": {\"rate\": 0.002, \"steps\": 150}}");
    double first = 0;
    for (int i = 0; i < 150; i++) {
        OK(ctx, step(t, 0));
        if (i == 0)
            first = make_metric(t, "loss");
    }
    mim_images images = make_images(0, 4);
    OK(ctx, mim_trainer_set_input(t, "labels", MIM_I64, labels, 4));
    OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
    CHECK(make_metric(t, "loss") < 0.7 * first);
    CHECK(make_metric(t, "accuracy") == 1);
    mim_trainer_destroy(t);
}

static void refused(void)
{
    static const char *const bad[] = { "{\"image\": {\"mixup\": 0.8}}", "{\"image\": {\"cutmix\": 1}, \"head\": {\"kind\": \"none\"}}" };
    for (int i = 0; i < COUNT(bad); i++) {
        mim_config *config = make_config(ctx, bad[i]);
        mim_trainer *t = NULL;
        CHECK(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t) == MIM_ERR_VALUE && !t);
        CHECK(strstr(make_error(ctx), "classifier"));
        mim_config_destroy(config);
    }
    mim_trainer *t = make_trainer(ctx, ways[0]);
    mim_images images = make_images(0, 4);
    CHECK(mim_trainer_forward(t, &images, 0, NULL) == MIM_ERR_STATE);
    CHECK(mim_trainer_set_input(t, "labels", MIM_I64, (int64_t[]){ 3 }, 1) == MIM_ERR_VALUE);
    CHECK(mim_trainer_set_input(t, "mixture", MIM_F32, (float[]){ 1, 0, 0 }, 3) == MIM_ERR_KEY);
    mim_trainer_destroy(t);
}

/* The encoder of a fine-tuned model carries its options: another head, or one that only evaluates, has no use for them. */
static void inherited(void)
{
    mim_config *config = make_config(ctx, ways[0]), *other = make_config(ctx, "{\"head\": {\"kind\": \"pixels\"}}");
    mim_encoder *e = NULL;
    mim_trainer *t = NULL;
    OK(ctx, mim_encoder_create(ctx, config, NULL, &e));
    OK(ctx, mim_trainer_create(ctx, other, e, NULL, NULL, NULL, &t));
    OK(ctx, make_step(t, 0));
    mim_tensors *state = NULL;
    mim_trainer *again = NULL;
    OK(ctx, mim_trainer_tensors(t, MIM_STATE, NULL, &state));
    OK(ctx, mim_trainer_resume(ctx, NULL, state, &again));
    mim_trainer_destroy(again);
    mim_tensors_destroy(state);
    mim_trainer_destroy(t);
    t = NULL;
    OK(ctx, mim_config_set_i64(config, "trainer.gradients", 0));
    OK(ctx, mim_trainer_create(ctx, config, e, NULL, NULL, NULL, &t));
    mim_images images = make_images(0, 2);
    OK(ctx, mim_trainer_set_input(t, "labels", MIM_I64, labels, 2));
    OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
    mim_trainer_destroy(t);
    mim_encoder_destroy(e);
    mim_config_destroy(other);
    mim_config_destroy(config);
}

int main(void)
{
    ctx = make_context();
    TEST(soft_labels);
    TEST(by_the_definition);
    TEST(inputs_of_the_host);
    TEST(threads_and_resume);
    TEST(learns);
    TEST(refused);
    TEST(inherited);
    mim_context_destroy(ctx);
    return test_end();
}
