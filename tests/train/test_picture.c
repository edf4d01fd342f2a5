/* SPDX-License-Identifier: MIT */
/* test_picture.c -- predictions as pictures: where the prediction is the target, the reconstruction is the picture. */
#include "train/make.h"

enum { SIDE = 4, PATCHES = 6, DEPTH = 48, ROOM = 4 * MAKE_PIXELS };

static mim_context *ctx;
static float pixels[ROOM], prediction[ROOM], reconstruction[ROOM], picture[ROOM];
static uint8_t mask[24];

static void read_all(mim_trainer *t, size_t depth)
{
    mim_tensors *v = NULL;
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &v));
    OK(ctx, mim_tensors_read(v, "pixels", MIM_F32, 0, ROOM, pixels));
    OK(ctx, mim_tensors_read(v, "prediction", MIM_F32, 0, 4 * PATCHES * depth, prediction));
    OK(ctx, mim_tensors_read(v, "reconstruction", MIM_F32, 0, ROOM, reconstruction));
    OK(ctx, mim_tensors_read(v, "picture", MIM_F32, 0, ROOM, picture));
    OK(ctx, mim_tensors_read(v, "mask", MIM_U8, 0, 24, mask));
    mim_tensors_destroy(v);
}

static float plane(const float *p, int b, int c, int y, int x) { return p[((b * 3 + c) * MAKE_HEIGHT + y) * MAKE_WIDTH + x]; }

/* prediction [patch][channel, row, column] at 1 / reduce of the resolution. */
static void consistent(const char *json, int reduce)
{
    static const double mean[] = { 0.485, 0.456, 0.406 }, deviation[] = { 0.229, 0.224, 0.225 };
    mim_trainer *t = make_trainer(ctx, json);
    int side = SIDE / reduce, depth = 3 * side * side, hidden = 0;
    OK(ctx, make_step(t, 0));
    OK(ctx, make_step(t, 1));
    read_all(t, (size_t)depth);
    for (int i = 0; i < ROOM; i++) {
        int b = i / MAKE_PIXELS, c = i / 96 % 3, y = i / 8 % 12, x = i % 8, patch = b * PATCHES + y / 4 * 2 + x / 4;
        CHECK(reconstruction[i] == prediction[patch * depth + (c * side + y % 4 / reduce) * side + x % 4 / reduce]);
        float from = mask[patch] ? reconstruction[i] : pixels[i];
        double want = fmin(fmax(from * deviation[c] + mean[c], 0), 1);
        CHECK_NEAR(picture[((b * 12 + y) * 8 + x) * 3 + c], want, 1e-5);
        hidden += mask[patch];
        if (!mask[patch])                                       /* and that is the host's own picture */
            CHECK_NEAR(picture[((b * 12 + y) * 8 + x) * 3 + c], make_pixels[4 + b][y][x][c] / 255.0, 1e-5);
    }
    CHECK(hidden > 0 && hidden < ROOM);
    mim_trainer_destroy(t);
}

static void as_predicted(void) { consistent(NULL, 1); }
static void as_predicted_coarsely(void) { consistent("{\"head\": {\"reduce\": 2, \"layers\": 2}}", 2); }

/* MAE predicts (row, column, channel). */
static void as_predicted_interleaved(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"encoder\": {\"mask_token\": 0}, \"head\": {\"kind\": \"mae\", \"width\": 8, \"depth\": 1,"
                                       " \"heads\": 2, \"reduce\": 2}}");
    OK(ctx, make_step(t, 0));
    read_all(t, 12);
    for (int i = 0; i < ROOM; i++) {
        int b = i / MAKE_PIXELS, c = i / 96 % 3, y = i / 8 % 12, x = i % 8, patch = b * PATCHES + y / 4 * 2 + x / 4;
        CHECK(reconstruction[i] == prediction[patch * 12 + (y % 4 / 2 * 2 + x % 4 / 2) * 3 + c]);
    }
    mim_trainer_destroy(t);
}

/* Make the head say exactly `row` for every patch: weights zero, bias the row. All patches of the picture are alike. */
static void say(mim_trainer *t, const float *row, size_t depth)
{
    static float zero[DEPTH * 16];
    mim_tensors *w = NULL;
    size_t n = 0;
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "mim", &w));
    int mae = !mim_tensors_info(w, "head.decoder_pred.weight", NULL, NULL, NULL, &n);
    OK(ctx, mim_tensors_write(w, mae ? "head.decoder_pred.weight" : "head.decoder.0.weight", MIM_F32, 0, mae ? n : depth * 16, zero));
    OK(ctx, mim_tensors_write(w, mae ? "head.decoder_pred.bias" : "head.decoder.0.bias", MIM_F32, 0, depth, row));
    mim_tensors_destroy(w);
}

static void repeating(float *to)                                /* every patch of every picture the same */
{
    for (int i = 0; i < ROOM; i++) {
        int c = i / 96 % 3, y = i / 8 % 12 % 4, x = i % 8 % 4;
        to[i] = (float)(sin(1.3 * c + 0.9 * y) + 0.4 * x);
    }
}

static void perfect(const char *target, int mae)
{
    static float repeated[ROOM];
    char json[200];
    float row[DEPTH];
    double sum = 0, square = 0;
    snprintf(json, sizeof json, "{\"head\": {\"target\": \"%s\"%s}", target,
             mae ? ", \"kind\": \"mae\", \"width\": 8, \"depth\": 1, \"heads\": 2}, \"encoder\": {\"mask_token\": 0}" : "}");
    mim_trainer *t = make_trainer(ctx, json);
    repeating(repeated);
    for (int i = 0; i < DEPTH; i++)
        sum += row[i] = mae ? plane(repeated, 0, i % 3, i / 12, i / 3 % 4) : plane(repeated, 0, i / 16, i / 4 % 4, i % 4);
    for (int i = 0; i < DEPTH; i++)
        square += (row[i] - sum / DEPTH) * (row[i] - sum / DEPTH);
    for (int i = 0; i < DEPTH && !strcmp(target, "patch_norm"); i++)
        row[i] = (float)((row[i] - sum / DEPTH) / sqrt(square / (DEPTH - 1) + 1e-6));
    say(t, row, DEPTH);
    OK(ctx, mim_trainer_set_input(t, "pixels", MIM_F32, repeated, ROOM));
    OK(ctx, mim_trainer_evaluate(t, NULL, 0, NULL));
    CHECK_NEAR(make_metric(t, "loss"), 0, 1e-5);
    read_all(t, DEPTH);
    for (int i = 0; i < ROOM; i++)
        CHECK_NEAR(reconstruction[i], repeated[i], 1e-4);
    mim_trainer_destroy(t);
}

/* Of a target at half the resolution: what comes back is the mean of each 2 x 2 pixels, whatever is inside of them. */
static void perfect_reduced(const char *target, const char *more)
{
    static float shown[ROOM];
    char json[200];
    float row[DEPTH] = { 0 }, low[12];
    double sum[4] = { 0 }, square[4] = { 0 };               /* of each channel, and of a patch */
    int each = !strcmp(target, "window_norm");
    for (int i = 0; i < 12; i++)
        low[i] = (float)(sin(1.3 * (i / 4) + 0.9 * i) + 0.1 * i);
    for (int i = 0; i < ROOM; i++) {
        int c = i / 96 % 3, y = i / 8 % 12, x = i % 8;
        shown[i] = low[c * 4 + y % 4 / 2 * 2 + x % 4 / 2] + ((x + y) % 2 ? 0.3f : -0.3f);
    }
    for (int i = 0; i < 12; i++)
        sum[each ? i / 4 : 3] += low[i] / (each ? 4 : 12);
    for (int i = 0; i < 12; i++)
        square[each ? i / 4 : 3] += pow(low[i] - sum[each ? i / 4 : 3], 2);
    for (int i = 0; i < 12; i++) {                          /* the window: all 24 pixels of a channel, six times four */
        double variance = each ? square[i / 4] * 6 / 23 : square[3] / 11;
        row[i] = (float)((low[i] - sum[each ? i / 4 : 3]) / sqrt(variance + 1e-6));
    }
    snprintf(json, sizeof json, "{\"head\": {\"target\": \"%s\", \"reduce\": 2%s}}", target, more);
    mim_trainer *t = make_trainer(ctx, json);
    say(t, row, 12);
    OK(ctx, mim_trainer_set_input(t, "pixels", MIM_F32, shown, ROOM));
    OK(ctx, mim_trainer_evaluate(t, NULL, 0, NULL));
    CHECK_NEAR(make_metric(t, "loss"), 0, 1e-5);
    read_all(t, 12);
    for (int i = 0; i < ROOM; i++)
        CHECK_NEAR(reconstruction[i], low[i / 96 % 3 * 4 + i / 8 % 12 % 4 / 2 * 2 + i % 8 % 4 / 2], 1e-4);
    mim_trainer_destroy(t);
}

static void perfect_reduced_patch_norm(void) { perfect_reduced("patch_norm", ""); }
static void perfect_reduced_window_norm(void) { perfect_reduced("window_norm", ", \"window\": 31"); }

static void perfect_pixels(void) { perfect("pixels", 0); }
static void perfect_patch_norm(void) { perfect("patch_norm", 0); }
static void perfect_mae(void) { perfect("pixels", 1); }
static void perfect_mae_patch_norm(void) { perfect("patch_norm", 1); }

/* Windows that hold the whole picture have the statistics of a channel. */
static void perfect_window_norm(void)
{
    static float repeated[ROOM];
    float row[DEPTH];
    mim_trainer *t = make_trainer(ctx, "{\"head\": {\"target\": \"window_norm\", \"window\": 31}}");
    repeating(repeated);
    for (int c = 0; c < 3; c++) {
        double sum = 0, square = 0;
        for (int i = 0; i < 96; i++)
            sum += repeated[c * 96 + i] / 96;
        for (int i = 0; i < 96; i++)
            square += (repeated[c * 96 + i] - sum) * (repeated[c * 96 + i] - sum);
        for (int i = 0; i < 16; i++)
            row[c * 16 + i] = (float)((plane(repeated, 0, c, i / 4, i % 4) - sum) / sqrt(square / 95 + 1e-6));
    }
    say(t, row, DEPTH);
    OK(ctx, mim_trainer_set_input(t, "pixels", MIM_F32, repeated, ROOM));
    OK(ctx, mim_trainer_evaluate(t, NULL, 0, NULL));
    CHECK_NEAR(make_metric(t, "loss"), 0, 1e-5);
    read_all(t, DEPTH);
    for (int i = 0; i < ROOM; i++)
        CHECK_NEAR(reconstruction[i], repeated[i], 1e-4);
    mim_trainer_destroy(t);
}

int main(void)
{
    ctx = make_context();
    TEST(as_predicted); TEST(as_predicted_coarsely); TEST(as_predicted_interleaved); TEST(perfect_pixels); TEST(perfect_patch_norm); TEST(perfect_mae); TEST(perfect_mae_patch_norm); TEST(perfect_window_norm);
    TEST(perfect_reduced_patch_norm); TEST(perfect_reduced_window_norm);
    mim_context_destroy(ctx);
    return test_end();
}
