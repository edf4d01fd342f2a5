/* SPDX-License-Identifier: MIT */
/* make.h -- tiny models and pictures for the tests of trainers, encoders and heads: 12 x 8 pixels, patches of 4. */
#ifndef MIM_TESTS_TRAIN_MAKE_H
#define MIM_TESTS_TRAIN_MAKE_H

#include "mim.h"
#include "support/test.h"

enum { MAKE_HEIGHT = 12, MAKE_WIDTH = 8, MAKE_BATCH = 4, MAKE_PATCHES = 6, MAKE_PIXELS = 3 * MAKE_HEIGHT * MAKE_WIDTH };

static const char make_config_json[] =
    "{\"image\": {\"height\": 12, \"width\": 8, \"crop\": \"none\", \"flip\": 0},"
    " \"masker\": {\"ratio\": 0.5}, \"encoder\": {\"patch\": 4, \"width\": 16, \"depth\": 2, \"heads\": 2},"
    " \"head\": {\"kind\": \"pixels\"}, \"optimizer\": {\"rate\": 0.01, \"decay\": 0.05},"
    " \"trainer\": {\"batch\": 4}}";

/* Pictures of 12 x 8, all different, soft shapes with some noise. */
static uint8_t make_pixels[8][MAKE_HEIGHT][MAKE_WIDTH][3];

static inline mim_images make_images(int first, int count)
{
    for (int n = 0; n < 8; n++)
        for (int y = 0; y < MAKE_HEIGHT; y++)
            for (int x = 0; x < MAKE_WIDTH; x++)
                for (int c = 0; c < 3; c++)
                    make_pixels[n][y][x][c] = (uint8_t)(128 + 90 * sin(0.5 * n + 0.4 * (c + 1) * y + 0.3 * x) + (n * 7 + y * 5 + x * 3 + c) % 11);
    return (mim_images){ .struct_size = sizeof(mim_images), .data = make_pixels[first], .type = MIM_U8, .count = count,
                         .height = MAKE_HEIGHT, .width = MAKE_WIDTH, .channels = 3 };
}

static inline const char *make_error(mim_context *ctx)
{
    static char text[600];
    text[0] = 0;
    mim_last_error(ctx, text, sizeof text, NULL);
    return text;
}

/* A status that should be MIM_OK; says why if it is not. */
#define OK(ctx, call) make_ok(ctx, call, __FILE__, __LINE__, #call)
static inline int make_ok(mim_context *ctx, mim_status status, const char *file, int line, const char *what)
{
    if (status)
        printf("%s: %s\n", mim_status_name(status), make_error(ctx));
    return test_check(status == MIM_OK, file, line, what);
}

static inline mim_context *make_context(void)
{
    mim_context *ctx = NULL;
    return CHECK(mim_context_create(NULL, &ctx) == MIM_OK) ? ctx : (exit(1), NULL);
}

/* The tiny run with `json` on top (NULL: nothing). */
static inline mim_config *make_config(mim_context *ctx, const char *json)
{
    mim_config *config = NULL;
    OK(ctx, mim_config_create(ctx, NULL, &config));
    OK(ctx, mim_config_read_json(config, make_config_json));
    if (json)
        OK(ctx, mim_config_read_json(config, json));
    return config;
}

static inline mim_trainer *make_trainer(mim_context *ctx, const char *json)
{
    mim_config *config = make_config(ctx, json);
    mim_trainer *trainer = NULL;
    OK(ctx, mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &trainer));
    mim_config_destroy(config);
    return trainer;
}

static inline mim_status make_step(mim_trainer *t, int i)
{
    mim_images images = make_images(i % 2 * 4, MAKE_BATCH);
    int64_t ids[MAKE_BATCH];
    for (int k = 0; k < MAKE_BATCH; k++)
        ids[k] = i % 2 * 4 + k;
    return mim_trainer_step(t, &images, i, ids);
}

static inline double make_metric(const mim_trainer *t, const char *name)
{
    double v = -12345;
    mim_trainer_metric(t, name, &v);
    return v;
}

/* A set of its own with the names and shapes of a view, all zero. */
static inline mim_tensors *make_blank(mim_context *ctx, mim_tensors *view)
{
    mim_tensors *set = NULL;
    OK(ctx, mim_tensors_create(ctx, &set));
    for (int64_t i = 0; i < mim_tensors_count(view); i++) {
        char name[128];
        int32_t rank;
        int64_t shape[MIM_MAX_RANK];
        mim_tensors_name(view, i, name, sizeof name, NULL);
        mim_tensors_info(view, name, NULL, &rank, shape, NULL);
        OK(ctx, mim_tensors_add(set, name, MIM_F32, rank, shape, NULL));
    }
    return set;
}

/* Every tensor of a view as bytes of doubles: [name values] in a row, for comparing bit for bit. NULL if it cannot be read. */
static inline double *make_dump(mim_tensors *v, size_t *count)
{
    double *all = NULL;
    *count = 0;
    for (int64_t i = 0; i < mim_tensors_count(v); i++) {
        char name[128];
        int32_t type;
        size_t n;
        mim_tensors_name(v, i, name, sizeof name, NULL);
        if (!CHECK(mim_tensors_info(v, name, &type, NULL, NULL, &n) == MIM_OK))
            break;
        all = realloc(all, (*count + n + 1) * sizeof *all);
        int floats = type == MIM_F32 || type == MIM_F64 || type == MIM_F16 || type == MIM_BF16;
        int64_t *whole = calloc(n + 1, sizeof *whole);
        CHECK(mim_tensors_read(v, name, floats ? MIM_F64 : MIM_I64, 0, n, floats ? (void *)(all + *count) : whole) == MIM_OK);
        for (size_t k = 0; !floats && k < n; k++)
            all[*count + k] = (double)whole[k];
        free(whole);
        *count += n;
    }
    return all;
}

static inline double *make_dump_of(mim_trainer *t, int32_t what, size_t *count)
{
    mim_tensors *view = NULL;
    *count = 0;
    if (!CHECK(mim_trainer_tensors(t, what, "mim", &view) == MIM_OK))
        return NULL;
    double *all = make_dump(view, count);
    mim_tensors_destroy(view);
    return all;
}

/* Do two trainers (or one, before and after) hold the same bits? */
static inline int make_same(const double *a, size_t n, const double *b, size_t m)
{
    return a && b && n == m && !memcmp(a, b, n * sizeof *a);
}

static inline int make_same_state(mim_trainer *a, mim_trainer *b, int32_t what)
{
    size_t n, m;
    double *x = make_dump_of(a, what, &n), *y = make_dump_of(b, what, &m);
    int same = make_same(x, n, y, m);
    free(x);
    free(y);
    return same;
}

static inline void make_read(mim_trainer *t, int32_t what, const char *name, float *to, size_t n)
{
    mim_tensors *view = NULL;
    if (CHECK(mim_trainer_tensors(t, what, "mim", &view) == MIM_OK))
        CHECK(mim_tensors_read(view, name, MIM_F32, 0, n, to) == MIM_OK);
    mim_tensors_destroy(view);
}

/* The loss of a forward on the first pictures, whose random draws are the same each time. */
static inline double make_loss(mim_context *ctx, mim_trainer *t)
{
    mim_images images = make_images(0, MAKE_BATCH);
    OK(ctx, mim_trainer_forward(t, &images, 0, (int64_t[]){ 0, 1, 2, 3 }));
    return make_metric(t, "loss");
}

/* Weights moved off their initial values, of which some are zeros that hold gradients back. */
static inline void make_shake(mim_context *ctx, mim_tensors *w)
{
    for (int64_t i = 0; i < mim_tensors_count(w); i++) {
        char name[128];
        size_t n;
        OK(ctx, mim_tensors_name(w, i, name, sizeof name, NULL));
        OK(ctx, mim_tensors_info(w, name, NULL, NULL, NULL, &n));
        float *v = malloc(n * sizeof *v);
        OK(ctx, mim_tensors_read(w, name, MIM_F32, 0, n, v));
        for (size_t k = 0; k < n; k++)
            v[k] += 0.2f * sinf(1.7f * (float)k + (float)i);
        OK(ctx, mim_tensors_write(w, name, MIM_F32, 0, n, v));
        free(v);
    }
}

/* By how much the loss changes along a direction, a unit of the way: central differences of two steps, whose errors of the
 * second order cancel. */
static inline double make_change(mim_context *ctx, mim_trainer *t, mim_tensors *w, const char *name, size_t n, const float *v,
                                 const double *along)
{
    static const double steps[] = { 4e-3, -4e-3, 8e-3, -8e-3 };
    double loss[4];
    float *x = malloc(n * sizeof *x);
    for (int i = 0; i < 4; i++) {
        for (size_t k = 0; k < n; k++)
            x[k] = (float)(v[k] + steps[i] * along[k]);
        OK(ctx, mim_tensors_write(w, name, MIM_F32, 0, n, x));
        loss[i] = make_loss(ctx, t);
    }
    OK(ctx, mim_tensors_write(w, name, MIM_F32, 0, n, v));
    free(x);
    return (8 * (loss[0] - loss[1]) - (loss[2] - loss[3])) / (12 * steps[0]);
}

/* Does the loss change along the gradient g of a tensor, and along that and another direction, as the gradient says? */
static inline void make_slope(mim_context *ctx, mim_trainer *t, mim_tensors *w, mim_tensors *g, const char *name)
{
    size_t n;
    double length = 0;
    OK(ctx, mim_tensors_info(w, name, NULL, NULL, NULL, &n));
    float *v = malloc(n * sizeof *v), *slope = malloc(n * sizeof *slope);
    double *along = malloc(n * sizeof *along);
    OK(ctx, mim_tensors_read(w, name, MIM_F32, 0, n, v));
    OK(ctx, mim_tensors_read(g, name, MIM_F32, 0, n, slope));
    for (size_t k = 0; k < n; k++)
        length += (double)slope[k] * slope[k];
    length = sqrt(length);
    for (int i = 0; i < 2; i++) {
        double want = 0;
        for (size_t k = 0; k < n; k++) {
            double turned = i * sin(2.3 * (double)k + 0.5) / sqrt((double)n / 2);
            along[k] = (length > 0 ? slope[k] / length : 0) + turned;
            want += slope[k] * along[k];
        }
        double got = make_change(ctx, t, w, name, n, v, along);
        if (!CHECK(fabs(got - want) <= 5e-3 * length + 1e-4))
            printf("%s: %g, not %g\n", name, got, want);
    }
    free(v);
    free(slope);
    free(along);
}

/* Of every tensor whose name begins with `prefix`, all weights shaken first; a palette has no gradient. */
static inline void make_slopes(mim_context *ctx, mim_trainer *t, const char *prefix)
{
    mim_tensors *w = NULL, *g = NULL;
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "mim", &w));
    OK(ctx, mim_trainer_tensors(t, MIM_GRADIENTS, "mim", &g));
    make_shake(ctx, w);
    make_loss(ctx, t);
    OK(ctx, mim_trainer_backward(t));
    for (int64_t i = 0; i < mim_tensors_count(w); i++) {
        char name[128];
        OK(ctx, mim_tensors_name(w, i, name, sizeof name, NULL));
        if (!strncmp(name, prefix, strlen(prefix)) && !strstr(name, "palette"))
            make_slope(ctx, t, w, g, name);
    }
    mim_tensors_destroy(w);
    mim_tensors_destroy(g);
}

/* The largest absolute value of a tensor, and the root of its mean square. */
static inline double make_spread(mim_context *ctx, mim_tensors *w, const char *name, double *rms)
{
    size_t n = 0;
    double most = 0, square = 0;
    OK(ctx, mim_tensors_info(w, name, NULL, NULL, NULL, &n));
    float *v = malloc(n * sizeof *v);
    OK(ctx, mim_tensors_read(w, name, MIM_F32, 0, n, v));
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs(v[i]));
        square += (double)v[i] * v[i] / (double)n;
    }
    free(v);
    *rms = sqrt(square);
    return most;
}

#endif
