/* SPDX-License-Identifier: MIT */
/* test_regress.c -- what else than pixels a patch may be to predict: histograms of gradients, edges, any numbers of the host;
 * on hidden patches, or on all of a frozen encoder. With a head of zeros the loss is the target's own size. */
#include "train/make.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static mim_context *ctx;

static void clear_head(mim_trainer *t, const char *weight, const char *bias)
{
    const char *const names[] = { weight, bias };
    mim_tensors *w = NULL;
    size_t n;
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "mim", &w));
    for (int i = 0; i < 2; i++) {
        OK(ctx, mim_tensors_info(w, names[i], NULL, NULL, NULL, &n));
        float *zero = calloc(n, sizeof *zero);
        OK(ctx, mim_tensors_write(w, names[i], MIM_F32, 0, n, zero));
        free(zero);
    }
    mim_tensors_destroy(w);
}

static size_t elements_of(mim_trainer *t, int32_t what, const char *name)
{
    mim_tensors *v = NULL;
    size_t n = 0;
    OK(ctx, mim_trainer_tensors(t, what, NULL, &v));
    mim_status status = mim_tensors_info(v, name, NULL, NULL, NULL, &n);
    mim_tensors_destroy(v);
    return status ? 0 : n;
}

/* Patches of 8: each cell's nine numbers have norm 1, whatever the normalisation, so the mean square is 1 / 9. */
static void hog(void)
{
    static const char *const all[] = {
        "{\"image\": {\"height\": 16, \"width\": 8}, \"encoder.patch\": 8, \"head.target\": \"hog\"}",
        "{\"image\": {\"height\": 16, \"width\": 32, \"mean\": [0.5], \"deviation\": [0.1]}, \"encoder.patch\": 16, "
        "\"head\": {\"target\": \"hog\", \"layers\": 1}}",
        "{\"image\": {\"height\": 16, \"width\": 16}, \"encoder\": {\"patch\": 8, \"mask_token\": 0}, \"head\": {\"kind\": \"mae\", "
        "\"target\": \"hog\", \"width\": 8, \"heads\": 2, \"depth\": 1}}",
    };
    static const int depth[] = { 27, 108, 27 }, patches[] = { 2, 2, 4 };
    for (int i = 0; i < COUNT(all); i++) {
        mim_trainer *t = make_trainer(ctx, all[i]);
        mim_images images = make_images(0, 4);
        clear_head(t, i < 2 ? "head.decoder.0.weight" : "head.decoder_pred.weight", i < 2 ? "head.decoder.0.bias" : "head.decoder_pred.bias");
        CHECK(elements_of(t, MIM_OUTPUTS, "prediction") == (size_t)(4 * patches[i] * depth[i]));
        CHECK(elements_of(t, MIM_OUTPUTS, "reconstruction") == 0 && elements_of(t, MIM_OUTPUTS, "picture") == 0);
        OK(ctx, mim_trainer_step(t, &images, 0, NULL));
        CHECK_NEAR(make_metric(t, "loss"), 1.0 / 9, 1e-5);
        for (int k = 0; k < 30; k++)
            OK(ctx, mim_trainer_step(t, &images, 0, NULL));
        CHECK(make_metric(t, "loss") < 0.1);
        mim_trainer_destroy(t);
    }
}

static int mirrored(int i, int n) { return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; }

/* Edges of pixel (y, x) of a plane of the pixels shown. */
static double edge(const float *p, int y, int x)
{
    double gx = 0, gy = 0;
    for (int i = -1; i <= 1; i++) {
        #define P(Y, X) p[mirrored(Y, MAKE_HEIGHT) * MAKE_WIDTH + mirrored(X, MAKE_WIDTH)]
        gx += (i ? 1 : 2) * (P(y + i, x - 1) - P(y + i, x + 1));
        gy += (i ? 1 : 2) * (P(y - 1, x + i) - P(y + 1, x + i));
    }
    return hypot(gx, gy) / 4;
}

static void edges(void)
{
    static const double deviation[] = { 0.229, 0.224, 0.225 };
    static float x[MAKE_BATCH * MAKE_PIXELS];
    mim_trainer *t = make_trainer(ctx, "{\"head.target\": \"edges\"}");
    mim_images images = make_images(0, MAKE_BATCH);
    mim_tensors *v = NULL;
    uint8_t mask[MAKE_BATCH * MAKE_PATCHES];
    double sum = 0;
    int count = 0;
    clear_head(t, "head.decoder.0.weight", "head.decoder.0.bias");
    OK(ctx, mim_trainer_step(t, &images, 0, NULL));
    make_read(t, MIM_OUTPUTS, "pixels", x, MAKE_BATCH * MAKE_PIXELS);
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &v));
    OK(ctx, mim_tensors_read(v, "mask", MIM_U8, 0, MAKE_BATCH * MAKE_PATCHES, mask));
    CHECK(mim_tensors_info(v, "picture", NULL, NULL, NULL, NULL) == MIM_ERR_KEY);
    mim_tensors_destroy(v);
    for (int i = 0; i < MAKE_BATCH * MAKE_PIXELS; i++) {
        int col = i % MAKE_WIDTH, row = i / MAKE_WIDTH % MAKE_HEIGHT, plane = i / (MAKE_WIDTH * MAKE_HEIGHT);
        if (!mask[plane / 3 * MAKE_PATCHES + row / 4 * 2 + col / 4])
            continue;
        sum += edge(x + plane * MAKE_WIDTH * MAKE_HEIGHT, row, col) * deviation[plane % 3];
        count++;
    }
    CHECK_NEAR(make_metric(t, "loss"), sum / count, 1e-5);
    mim_trainer_destroy(t);
}

/* A pixel of a plane minus the mean over the deviation of what of its window is in the picture (Swin V2's SimMIM), from the
 * definition. */
static double normalised(const float *p, int height, int width, int window, int y, int x)
{
    double sum = 0, square = 0;
    int n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = y - window / 2; i <= y + window / 2; i++)
            for (int j = x - window / 2; j <= x + window / 2; j++) {
                if (i < 0 || j < 0 || i >= height || j >= width)
                    continue;
                if (pass)
                    square += pow(p[i * width + j] - sum / n, 2);
                else
                    sum += p[i * width + j], n++;
            }
    return (p[y * width + x] - sum / n) / sqrt(square / (n - 1) + 1e-6);
}

/* On Swin V2, with the window of its authors and others, at full and at half the resolution: a head of zeros is as far off
 * as the targets of the hidden patches are large. */
static void windows_of_swin(void)
{
    enum { HEIGHT = 72, WIDTH = 48, PLANES = 2 * 3 };
    static const struct { int window, reduce; } all[] = { { 47, 1 }, { 5, 1 }, { 23, 2 } };
    static float x[PLANES * HEIGHT * WIDTH], small[PLANES * HEIGHT * WIDTH];
    uint8_t mask[2 * HEIGHT / 4 * WIDTH / 4];
    for (int i = 0; i < COUNT(x); i++)
        x[i] = (float)(sin(0.013 * i) + 0.4 * sin(0.7 * (i % WIDTH)) + (i / WIDTH % HEIGHT > 40 ? 1.5 : 0));
    for (int i = 0; i < COUNT(mask); i++)
        mask[i] = i * 7 % 5 < 3;
    for (int k = 0; k < COUNT(all); k++) {
        int r = all[k].reduce, height = HEIGHT / r, width = WIDTH / r, count = 0;
        char json[400];
        double sum = 0;
        snprintf(json, sizeof json, "{\"image\": {\"height\": 72, \"width\": 48}, \"trainer.batch\": 2, \"encoder\": {"
                 "\"kind\": \"swinv2\", \"width\": 8, \"depths\": [1, 1, 1], \"window\": 3}, \"head\": {"
                 "\"target\": \"window_norm\", \"window\": %d, \"reduce\": %d, \"layers\": 2}}", all[k].window, r);
        mim_trainer *t = make_trainer(ctx, json);
        clear_head(t, "head.decoder.2.weight", "head.decoder.2.bias");
        OK(ctx, mim_trainer_set_input(t, "pixels", MIM_F32, x, COUNT(x)));
        OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, mask, COUNT(mask)));
        OK(ctx, mim_trainer_forward(t, NULL, 0, NULL));
        memset(small, 0, sizeof small);
        for (int i = 0; i < COUNT(x); i++)
            small[(i / WIDTH / HEIGHT * height + i / WIDTH % HEIGHT / r) * width + i % WIDTH / r] += x[i] / (float)(r * r);
        for (int i = 0; i < PLANES * height * width; i++) {
            int col = i % width, row = i / width % height, plane = i / width / height;
            if (!mask[(plane / 3 * (HEIGHT / 4) + row * r / 4) * (WIDTH / 4) + col * r / 4])
                continue;
            sum += fabs(normalised(small + plane * height * width, height, width, all[k].window, row, col));
            count++;
        }
        CHECK_NEAR(make_metric(t, "loss"), sum / count, 1e-5);
        mim_trainer_destroy(t);
    }
}

/* Any numbers of the host for each patch, all of which count: a dense regression probe on a frozen encoder. */
static void numbers_of_the_host(void)
{
    enum { DEPTH = 5, ALL = MAKE_BATCH * MAKE_PATCHES * DEPTH };
    mim_trainer *t = make_trainer(ctx, "{\"head\": {\"target\": \"host\", \"numbers\": 5, \"masked\": 0, \"loss\": \"l2\"}, "
                                       "\"trainer.frozen\": \"encoder\", \"optimizer.rate\": 0.1}");
    float target[ALL], prediction[ALL];
    double sum = 0, first = 0;
    for (int i = 0; i < ALL; i++)
        target[i] = sinf((float)i);
    CHECK(elements_of(t, MIM_INPUTS, "target") == ALL && elements_of(t, MIM_INPUTS, "mask") == 0);
    CHECK(elements_of(t, MIM_OUTPUTS, "prediction") == ALL && elements_of(t, MIM_OUTPUTS, "reconstruction") == 0);
    for (int k = 0; k < 40; k++) {
        OK(ctx, mim_trainer_set_input(t, "target", MIM_F32, target, ALL));
        OK(ctx, make_step(t, 0));
        if (k)
            continue;
        make_read(t, MIM_OUTPUTS, "prediction", prediction, ALL);
        for (int i = 0; i < ALL; i++)
            sum += pow((double)prediction[i] - target[i], 2) / ALL;
        CHECK_NEAR(make_metric(t, "loss"), sum, 1e-5);
        first = make_metric(t, "loss");
    }
    CHECK(make_metric(t, "loss") < 0.8 * first);
    mim_trainer_destroy(t);
}

/* Features of a teacher, three numbers a patch, for MAE to predict where patches are hidden. */
static void numbers_for_mae(void)
{
    enum { DEPTH = 3, ALL = MAKE_BATCH * MAKE_PATCHES * DEPTH };
    mim_trainer *t = make_trainer(ctx, "{\"encoder.mask_token\": 0, \"head\": {\"kind\": \"mae\", \"target\": \"host\","
                                       " \"numbers\": 3, \"loss\": \"l2\", \"width\": 16, \"depth\": 1, \"heads\": 2}}");
    mim_images images = make_images(0, MAKE_BATCH);
    float target[ALL], p[ALL];
    uint8_t mask[MAKE_BATCH * MAKE_PATCHES];
    double sum = 0;
    for (int i = 0; i < ALL; i++)
        target[i] = sinf((float)i);
    for (int i = 0; i < COUNT(mask); i++)
        mask[i] = i * 5 % MAKE_PATCHES < 3;
    OK(ctx, mim_trainer_set_input(t, "target", MIM_F32, target, ALL));
    OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, mask, COUNT(mask)));
    OK(ctx, mim_trainer_forward(t, &images, 0, NULL));
    make_read(t, MIM_OUTPUTS, "prediction", p, ALL);
    for (int i = 0; i < ALL; i++)
        sum += mask[i / DEPTH] ? pow((double)p[i] - target[i], 2) / (MAKE_BATCH * 3 * DEPTH) : 0;
    CHECK(sum > 0.1);
    CHECK_NEAR(make_metric(t, "loss"), sum, 1e-5);
    mim_trainer_destroy(t);
}

/* Smooth l1 that is a square up to beta. */
static void beta(void)
{
    enum { DEPTH = 5, ALL = MAKE_BATCH * MAKE_PATCHES * DEPTH };
    mim_trainer *t = make_trainer(ctx, "{\"head\": {\"target\": \"host\", \"numbers\": 5, \"masked\": 0,"
                                       " \"loss\": \"smooth_l1\", \"beta\": 0.1}}");
    float target[ALL], p[ALL];
    double sum = 0;
    for (int i = 0; i < ALL; i++)
        target[i] = sinf((float)i);
    OK(ctx, mim_trainer_set_input(t, "target", MIM_F32, target, ALL));
    OK(ctx, make_step(t, 0));
    make_read(t, MIM_OUTPUTS, "prediction", p, ALL);
    for (int i = 0; i < ALL; i++) {
        double d = fabs((double)p[i] - target[i]);
        sum += (d < 0.1 ? d * d / 0.2 : d - 0.05) / ALL;
    }
    CHECK_NEAR(make_metric(t, "loss"), sum, 1e-5);
    mim_trainer_destroy(t);
}

/* Pixels of all patches, none hidden: the usual loss without a mask, and pictures still. */
static void nothing_hidden(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"head.masked\": 0, \"encoder.mask_token\": 0}");
    mim_masker *m = NULL;
    static float x[MAKE_BATCH * MAKE_PIXELS];
    double sum = 0;
    clear_head(t, "head.decoder.0.weight", "head.decoder.0.bias");
    OK(ctx, make_step(t, 0));
    CHECK(mim_trainer_masker(t, &m) == MIM_ERR_STATE);
    CHECK(elements_of(t, MIM_OUTPUTS, "picture") == MAKE_BATCH * MAKE_PIXELS && elements_of(t, MIM_OUTPUTS, "mask") == 0);
    make_read(t, MIM_OUTPUTS, "pixels", x, MAKE_BATCH * MAKE_PIXELS);
    for (int i = 0; i < MAKE_BATCH * MAKE_PIXELS; i++)
        sum += fabs(x[i]) / (MAKE_BATCH * MAKE_PIXELS);         /* from a head that predicts zeros */
    CHECK_NEAR(make_metric(t, "loss"), sum, 1e-5);
    make_read(t, MIM_OUTPUTS, "picture", x, MAKE_BATCH * MAKE_PIXELS);
    for (int i = 0; i < MAKE_BATCH * MAKE_PIXELS; i++)
        CHECK(x[i] >= 0 && x[i] <= 1);
    mim_trainer_destroy(t);
}

static void refused(void)
{
    static const struct { const char *json, *word; } bad[] = {
        { "{\"head.target\": \"hog\"}", "8" },
        { "{\"image\": {\"height\": 16, \"width\": 16}, \"encoder.patch\": 8, \"head\": {\"target\": \"hog\", \"reduce\": 2}}", "reduce" },
        { "{\"head\": {\"numbers\": 5}}", "host" }, { "{\"head\": {\"target\": \"bins\"}}", "tokens" },
        { "{\"head\": {\"target\": \"channel_bins\"}}", "tokens" },
        { "{\"head\": {\"target\": \"window_norm\", \"window\": 46}}", "46" },
    };
    for (int i = 0; i < COUNT(bad); i++) {
        mim_config *config = make_config(ctx, bad[i].json);
        mim_trainer *t = NULL;
        CHECK(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t) == MIM_ERR_VALUE && !t);
        if (!CHECK(strstr(make_error(ctx), bad[i].word)))
            printf("%s: %s\n", bad[i].json, make_error(ctx));
        mim_config_destroy(config);
    }
}

int main(void)
{
    ctx = make_context();
    TEST(hog);
    TEST(edges);
    TEST(windows_of_swin);
    TEST(numbers_of_the_host);
    TEST(numbers_for_mae);
    TEST(beta);
    TEST(nothing_hidden);
    TEST(refused);
    mim_context_destroy(ctx);
    return test_end();
}
