/* SPDX-License-Identifier: MIT */
/* test_tokens.c -- classes of patches: the host's, by colours, by bins; of hidden patches, or of all on a frozen encoder. */
#include "train/make.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

enum { CLASSES = 3, ALL = MAKE_BATCH * MAKE_PATCHES };

static mim_context *ctx;

#define TOKENS(more) "{\"head\": {\"kind\": \"tokens\", \"classes\": 3" more "}}"

/* A class for each patch of the pictures that make_step shows. */
static void labels_of(int first, int64_t *to)
{
    for (int i = 0; i < ALL; i++)
        to[i] = (first + i % MAKE_PATCHES * 5 / 3) % CLASSES;
}

static mim_status step(mim_trainer *t, int i)
{
    int64_t labels[ALL];
    labels_of(i % 2, labels);
    mim_status status = mim_trainer_set_input(t, "labels", MIM_I64, labels, ALL);
    return status ? status : make_step(t, i);
}

static void read_mask(mim_trainer *t, uint8_t *to, int n)
{
    mim_tensors *view = NULL;
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &view));
    OK(ctx, mim_tensors_read(view, "mask", MIM_U8, 0, (size_t)n, to));
    mim_tensors_destroy(view);
}

/* Loss and accuracy of the logits shown, over patches whose class is not -1. */
static void check_loss(mim_trainer *t, int n, int classes, const int64_t *labels, double smoothing)
{
    float *z = malloc((size_t)(n * classes) * sizeof *z);
    double sum = 0, right = 0;
    int count = 0;
    make_read(t, MIM_OUTPUTS, "logits", z, (size_t)(n * classes));
    for (int r = 0; r < n; r++) {
        double total = 0, all = 0;
        int best = 0;
        if (labels[r] < 0)
            continue;
        for (int k = 0; k < classes; k++) {
            total += exp(z[r * classes + k]);
            all += z[r * classes + k];
            best = z[r * classes + k] > z[r * classes + best] ? k : best;
        }
        sum += log(total) - (1 - smoothing) * z[r * classes + labels[r]] - smoothing * all / classes;
        right += best == labels[r];
        count++;
    }
    CHECK_NEAR(make_metric(t, "loss"), count ? sum / count : 0, 1e-5);
    CHECK_NEAR(make_metric(t, "accuracy"), count ? right / count : 0, 1e-12);
    free(z);
}

static void hidden_patches_count(void)
{
    static const char *const all[] = { TOKENS(""), TOKENS(", \"smoothing\": 0.2"), TOKENS(", \"visible\": 1") };
    for (int k = 0; k < COUNT(all); k++) {
        mim_trainer *t = make_trainer(ctx, all[k]);
        int64_t labels[ALL];
        uint8_t mask[ALL];
        mim_images images = make_images(0, 4);
        labels_of(0, labels);
        labels[3] = labels[4] = labels[17] = -1;
        OK(ctx, mim_trainer_set_input(t, "labels", MIM_I64, labels, ALL));
        OK(ctx, mim_trainer_forward(t, &images, 0, NULL));
        read_mask(t, mask, ALL);
        for (int i = 0; i < ALL; i++)
            labels[i] = mask[i] || k == 2 ? labels[i] : -1;
        check_loss(t, ALL, CLASSES, labels, k == 1 ? (double)0.2f : 0);
        mim_trainer_destroy(t);
    }
}

static void shapes(void)
{
    mim_trainer *t = make_trainer(ctx, TOKENS(""));
    mim_tensors *in = NULL, *out = NULL;
    int64_t shape[MIM_MAX_RANK];
    int32_t type, rank;
    OK(ctx, mim_trainer_tensors(t, MIM_INPUTS, NULL, &in));
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &out));
    OK(ctx, mim_tensors_info(in, "labels", &type, &rank, shape, NULL));
    CHECK(type == MIM_I64 && rank == 3 && shape[0] == 4 && shape[1] == 3 && shape[2] == 2);
    OK(ctx, mim_tensors_info(out, "logits", &type, &rank, shape, NULL));
    CHECK(type == MIM_F32 && rank == 3 && shape[0] == 4 && shape[1] == 6 && shape[2] == 3);
    CHECK(mim_tensors_info(out, "reconstruction", NULL, NULL, NULL, NULL) == MIM_ERR_KEY);
    mim_images images = make_images(0, 4);
    CHECK(mim_trainer_forward(t, &images, 0, NULL) == MIM_ERR_STATE && strstr(make_error(ctx), "labels"));
    CHECK(mim_trainer_set_input(t, "labels", MIM_I64, (int64_t[6]){ 0, 1, 3 }, 6) == MIM_ERR_VALUE);
    CHECK(mim_trainer_set_input(t, "labels", MIM_I64, (int64_t[6]){ 0 }, 5) == MIM_ERR_SHAPE);
    mim_tensors_destroy(in);
    mim_tensors_destroy(out);
    mim_trainer_destroy(t);
}

/* Mean colour of each patch in 8 bits, 0..255, by the pixels shown and the usual means and deviations. */
static void colours_of(mim_trainer *t, double to[ALL][3])
{
    static const double mean[] = { 0.485, 0.456, 0.406 }, deviation[] = { 0.229, 0.224, 0.225 };
    static float x[MAKE_BATCH * MAKE_PIXELS];
    make_read(t, MIM_OUTPUTS, "pixels", x, MAKE_BATCH * MAKE_PIXELS);
    memset(to, 0, ALL * sizeof *to);
    for (int i = 0; i < MAKE_BATCH * MAKE_PIXELS; i++) {
        int col = i % MAKE_WIDTH, row = i / MAKE_WIDTH % MAKE_HEIGHT, c = i / (MAKE_WIDTH * MAKE_HEIGHT) % 3, n = i / MAKE_PIXELS;
        to[n * MAKE_PATCHES + row / 4 * 2 + col / 4][c] += nearbyint((x[i] * deviation[c] + mean[c]) * 255) / 16;
    }
}

/* Classes that are made of the pixels; the palette is the host's, and stored. */
static void clusters_of(const char *json)
{
    static const float palette[3][3] = { { -0.5f, 0, 0.5f }, { 0, 0, 0 }, { 0.5f, 0.25f, -0.25f } };
    mim_trainer *t = make_trainer(ctx, json), *u = NULL;
    mim_tensors *w = NULL, *state = NULL;
    double colour[ALL][3];
    int64_t labels[ALL];
    uint8_t mask[ALL];
    float kept[9];
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "mim", &w));
    OK(ctx, mim_tensors_write(w, "head.palette", MIM_F32, 0, 9, palette));
    mim_tensors_destroy(w);
    for (int i = 0; i < 3; i++) {
        OK(ctx, make_step(t, i));
        colours_of(t, colour);
        read_mask(t, mask, ALL);
        for (int p = 0; p < ALL; p++) {
            double least = 1e9;
            labels[p] = -1;
            for (int k = 0; k < 3 && mask[p]; k++) {
                double square = 0;
                for (int c = 0; c < 3; c++)
                    square += pow(colour[p][c] / 127.5 - 1 - palette[k][c], 2);
                if (square < least)
                    least = square, labels[p] = k;
            }
        }
        check_loss(t, ALL, CLASSES, labels, 0);
    }
    CHECK(mim_trainer_set_input(t, "labels", MIM_I64, labels, 6) == MIM_ERR_KEY);
    OK(ctx, mim_trainer_tensors(t, MIM_STATE, NULL, &state));
    OK(ctx, mim_trainer_resume(ctx, NULL, state, &u));
    make_read(u, MIM_WEIGHTS, "head.palette", kept, 9);
    CHECK(!memcmp(kept, palette, sizeof kept));
    OK(ctx, make_step(t, 3));
    OK(ctx, make_step(u, 3));
    CHECK(make_same_state(t, u, MIM_STATE));
    mim_tensors_destroy(state);
    mim_trainer_destroy(t);
    mim_trainer_destroy(u);
}

static void clusters(void)
{
    clusters_of("{\"head\": {\"kind\": \"tokens\", \"classes\": 3, \"target\": \"clusters\"}}");
    clusters_of("{\"head\": {\"kind\": \"tokens\", \"classes\": 3, \"target\": \"clusters\"}, \"encoder\": {"
                "\"kind\": \"swinv2\", \"width\": 8, \"depths\": [1, 1], \"window\": 2}}");
}

/* Of each channel by itself: three classes a patch, on ViT and Swin. */
static void channel_bins(void)
{
    static const char *const all[] = {
        "{\"head\": {\"kind\": \"tokens\", \"target\": \"channel_bins\", \"bins\": 5}}",
        "{\"head\": {\"kind\": \"tokens\", \"target\": \"channel_bins\", \"bins\": 5}, \"encoder\": {\"kind\": \"swin\", "
        "\"width\": 8, \"depths\": [1, 1], \"window\": 2}}",
    };
    for (int i = 0; i < COUNT(all); i++) {
        mim_trainer *t = make_trainer(ctx, all[i]);
        mim_tensors *out = NULL;
        double colour[ALL][3];
        int64_t labels[3 * ALL], shape[MIM_MAX_RANK];
        uint8_t mask[ALL];
        int32_t rank;
        OK(ctx, make_step(t, 0));
        OK(ctx, make_step(t, 1));
        colours_of(t, colour);
        read_mask(t, mask, ALL);
        for (int p = 0; p < 3 * ALL; p++)
            labels[p] = mask[p / 3] ? (int64_t)floor(colour[p / 3][p % 3] * 5 / 256) : -1;
        check_loss(t, 3 * ALL, 5, labels, 0);
        OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &out));
        OK(ctx, mim_tensors_info(out, "logits", NULL, &rank, shape, NULL));
        CHECK(rank == 3 && shape[0] == MAKE_BATCH && shape[1] == MAKE_PATCHES && shape[2] == 15);
        mim_tensors_destroy(out);
        mim_trainer_destroy(t);
    }
}

static void bins(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"head\": {\"kind\": \"tokens\", \"target\": \"bins\", \"bins\": 4}}");
    double colour[ALL][3];
    int64_t labels[ALL];
    uint8_t mask[ALL];
    OK(ctx, make_step(t, 0));
    OK(ctx, make_step(t, 1));
    colours_of(t, colour);
    read_mask(t, mask, ALL);
    for (int p = 0; p < ALL; p++) {
        labels[p] = 0;
        for (int c = 0; c < 3; c++)
            labels[p] = labels[p] * 4 + (int64_t)floor(colour[p][c] * 4 / 256);
        labels[p] = mask[p] ? labels[p] : -1;
    }
    check_loss(t, ALL, 64, labels, 0);
    mim_trainer_destroy(t);
}

/* A dense probe: every patch counts, nothing is hidden, the encoder stays; the same on any threads, and after a resume. */
static void dense_probe(void)
{
    const char *json = "{\"head\": {\"kind\": \"tokens\", \"classes\": 3, \"masked\": 0}, \"optimizer\": {\"rate\": 0.05}, "
                       "\"trainer\": {\"frozen\": [\"encoder\"]}}";
    mim_trainer *one = make_trainer(ctx, json);
    mim_encoder *e = NULL;
    mim_tensors *view = NULL;
    int64_t labels[ALL];
    size_t n, m;
    OK(ctx, mim_trainer_encoder(one, &e));
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "mim", &view));
    double *before = make_dump(view, &n), *after;
    uint8_t mask[MAKE_PATCHES] = { 1 };
    CHECK(mim_trainer_set_input(one, "mask", MIM_U8, mask, MAKE_PATCHES) == MIM_ERR_KEY);
    OK(ctx, step(one, 0));
    labels_of(0, labels);
    check_loss(one, ALL, CLASSES, labels, 0);
    double first = make_metric(one, "loss");
    for (int i = 1; i < 60; i++)
        OK(ctx, step(one, 0));
    CHECK(make_metric(one, "loss") < 0.8 * first && make_metric(one, "accuracy") > 0.6);
    after = make_dump(view, &m);
    CHECK(make_same(before, n, after, m));
    for (int threads = 2; threads <= 7; threads++) {
        CHECK(mim_context_set_threads(ctx, threads) == MIM_OK);
        mim_trainer *many = make_trainer(ctx, json), *resumed = NULL;
        mim_tensors *state = NULL;
        for (int i = 0; i < 5; i++)
            OK(ctx, step(many, 0));
        OK(ctx, mim_trainer_tensors(many, MIM_STATE, NULL, &state));
        OK(ctx, mim_trainer_resume(ctx, NULL, state, &resumed));
        for (int i = 5; i < 60; i++)
            OK(ctx, step(resumed, 0));
        CHECK(make_same_state(one, resumed, MIM_STATE));
        mim_tensors_destroy(state);
        mim_trainer_destroy(many);
        mim_trainer_destroy(resumed);
    }
    CHECK(mim_context_set_threads(ctx, 1) == MIM_OK);
    free(before);
    free(after);
    mim_tensors_destroy(view);
    mim_encoder_destroy(e);
    mim_trainer_destroy(one);
}

static void refused(void)
{
    static const struct { const char *json, *word; } bad[] = {
        { TOKENS(", \"target\": \"hog\""), "not hog" }, { TOKENS(", \"target\": \"host\""), "not host" },
        { TOKENS(", \"visible\": 0.5"), "0.5" }, { TOKENS(", \"target\": \"bins\", \"bins\": 101"), "101" },
        { "{\"head\": {\"kind\": \"tokens\"}, \"encoder\": {\"mask_token\": 0}}", "mask_token" },
        { "{\"head\": {\"target\": \"classes\"}}", "tokens" },
        { "{\"head\": {\"kind\": \"mae\", \"masked\": 0}, \"encoder\": {\"mask_token\": 0}}", "masked" },
    };
    for (int i = 0; i < COUNT(bad); i++) {
        mim_config *config = make_config(ctx, bad[i].json);
        mim_trainer *t = NULL;
        CHECK(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t) == MIM_ERR_VALUE && !t);
        if (!CHECK(strstr(make_error(ctx), bad[i].word)))
            printf("%s: %s\n", bad[i].json, make_error(ctx));
        mim_config_destroy(config);
    }
    mim_trainer *t = make_trainer(ctx, "{\"head\": {\"kind\": \"tokens\", \"masked\": 0}, \"encoder\": {\"mask_token\": 0}}");
    mim_trainer_destroy(t);
}

int main(void)
{
    ctx = make_context();
    TEST(hidden_patches_count);
    TEST(shapes);
    TEST(clusters);
    TEST(bins);
    TEST(channel_bins);
    TEST(dense_probe);
    TEST(refused);
    mim_context_destroy(ctx);
    return test_end();
}
