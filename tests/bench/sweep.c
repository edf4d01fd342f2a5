/* SPDX-License-Identifier: MIT */
/* sweep.c -- how a training step scales: one thing at a time changes of SimMIM on a ViT of depth 4, width 384, 6 heads and
 * patches of 16, at 224 x 224 (196 tokens) and batch 8.
 *
 *     sweep [batch|tokens|width|all] [f32|bf16|both] [threads] [value]  > sweep.csv
 *
 * tokens: larger pictures, at batch 2; width: at batch 4, heads as models of that width have them. value: that one alone. A
 * line is what,value,precision,seconds,gflop,of_limit,ms_per_picture,us_per_token: the median of three steps or as many as
 * take half a second, the products and attention of one, and their rate beside the multiply-adds that the same threads could
 * do (before and after). Cliffs, points under 0.8 of the mean of their neighbours, are told on stderr. */
#define _POSIX_C_SOURCE 199309L
#include "limit.h"

#include <mim.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct point { const char *what; int value, batch, side, width, heads; };
#define BATCH(n) { "batch", n, n, 224, 384, 6 }
#define TOKENS(side) { "tokens", (side) / 16 * ((side) / 16), 2, side, 384, 6 }
#define WIDTH(n, heads) { "width", n, 4, 224, n, heads }
static const struct point points[] = {
    BATCH(1), BATCH(2), BATCH(3), BATCH(4), BATCH(6), BATCH(8), BATCH(12), BATCH(16), BATCH(24), BATCH(32), BATCH(48),
    BATCH(64), BATCH(96), BATCH(128), BATCH(192), BATCH(256),
    TOKENS(64), TOKENS(96), TOKENS(128), TOKENS(160), TOKENS(192), TOKENS(224), TOKENS(256), TOKENS(320), TOKENS(384),
    TOKENS(448), TOKENS(512), TOKENS(640), TOKENS(768), TOKENS(896), TOKENS(1024),
    WIDTH(64, 1), WIDTH(96, 3), WIDTH(128, 2), WIDTH(192, 3), WIDTH(200, 5), WIDTH(256, 4), WIDTH(320, 5), WIDTH(344, 8),
    WIDTH(384, 6), WIDTH(448, 7), WIDTH(512, 8), WIDTH(576, 9), WIDTH(640, 10), WIDTH(704, 11), WIDTH(768, 12),
    WIDTH(896, 14), WIDTH(1000, 20), WIDTH(1024, 16), WIDTH(1152, 16), WIDTH(1280, 16), WIDTH(1408, 16), WIDTH(1536, 24),
    WIDTH(1664, 16),
};

struct bench {
    mim_context *ctx;
    mim_config *config, *facts;
    mim_trainer *trainer;
    float *pixels;
};
static const double most_bytes = 5.5 * (1 << 30);       /* what takes more is not tried */
enum { STEPS = 30 };

static mim_status configure(struct bench *b, const struct point *p, const char *precision, int threads)
{
    char json[512];
    snprintf(json, sizeof json,
             "{\"image\": {\"height\": %d, \"width\": %d}, \"trainer\": {\"batch\": %d}, \"precision\": \"%s\","
             " \"encoder\": {\"patch\": 16, \"width\": %d, \"depth\": 4, \"heads\": %d}}",
             p->side, p->side, p->batch, precision, p->width, p->heads);
    mim_status status = mim_context_create(NULL, &b->ctx);
    if (!status) status = mim_context_set_threads(b->ctx, threads);
    if (!status) status = mim_config_create(b->ctx, NULL, &b->config);
    if (!status) status = mim_config_read_json(b->config, json);
    return status ? status : mim_trainer_plan(b->ctx, b->config, &b->facts);
}

static double fact(const struct bench *b, const char *key)
{
    double v = 0;
    mim_config_get_f64(b->facts, key, &v);
    return v;
}

static mim_status create(struct bench *b, size_t samples)
{
    mim_status status = mim_trainer_create(b->ctx, b->config, NULL, NULL, NULL, NULL, &b->trainer);
    b->pixels = malloc(samples * sizeof *b->pixels);
    for (size_t i = 0; b->pixels && i < samples; i++)
        b->pixels[i] = (float)(i * 2654435761u >> 8 & 0xffff) / 32768.0f - 1;
    return status ? status : b->pixels ? MIM_OK : MIM_ERR_NOMEM;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One step that does not count, then three; more where that takes less than half a second, one where a step takes four. */
static mim_status run(struct bench *b, size_t samples, double *median)
{
    double seconds[STEPS + 1] = { 0 }, sum = 0;
    mim_status status = MIM_OK;
    int done = 0;
    while (!status && done <= STEPS && (done < 4 ? sum < 4 || done < 2 : sum < 0.5)) {
        status = mim_trainer_set_input(b->trainer, "pixels", MIM_F32, b->pixels, samples);
        if (!status) status = mim_trainer_step(b->trainer, NULL, 0, NULL);
        if (!status) status = mim_trainer_metric(b->trainer, "seconds", &seconds[done]);
        sum += seconds[done++];
    }
    qsort(seconds + 1, (size_t)imax(done - 1, 0), sizeof *seconds, ascending);
    *median = seconds[done / 2];
    return status;
}

static double measure_limit(const struct bench *b, bool bf16)
{
    struct env env = { .k = mim__kernels(b->ctx), .pool = mim__context_executor(b->ctx) };
    double best = 0;
    for (int i = 0; i < 10; i++)
        best = fmax(best, limit(&env, bf16));
    return best;
}

/* What the point reaches of the limit; 0 where it was not tried. */
static mim_status measure(const struct point *p, const char *precision, int threads, double *of_limit)
{
    struct bench b = { 0 };
    size_t samples = (size_t)p->batch * 3 * (size_t)p->side * (size_t)p->side;
    bool bf16 = !strcmp(precision, "bf16");
    double seconds = 0, top = 0;
    mim_status status = configure(&b, p, precision, threads);
    bool tried = !status && fact(&b, "bytes.total") <= most_bytes;
    if (tried) status = create(&b, samples);
    if (tried && !status) top = measure_limit(&b, bf16);
    if (tried && !status) status = run(&b, samples, &seconds);
    if (tried && !status) {
        double work = 1e-9 * fact(&b, "operations.step"), pictures = p->batch, across = p->side / 16;
        top = (top + measure_limit(&b, bf16)) / 2;
        *of_limit = work / seconds / top;
        printf("%s,%d,%s,%.5f,%.2f,%.3f,%.3f,%.3f\n", p->what, p->value, precision, seconds, work, *of_limit,
               1e3 * seconds / pictures, 1e6 * seconds / (pictures * across * across));
        fflush(stdout);
    }
    mim_trainer_destroy(b.trainer);
    mim_config_destroy(b.facts);
    mim_config_destroy(b.config);
    mim_context_destroy(b.ctx);
    free(b.pixels);
    return status;
}

static void tell_cliffs(const double of_limit[], const char *precision)
{
    for (int i = 1; i + 1 < COUNT(points); i++) {
        const char *what = points[i].what;
        double around = (of_limit[i - 1] + of_limit[i + 1]) / 2;
        if (of_limit[i] > 0 && of_limit[i - 1] > 0 && of_limit[i] < 0.8 * around && !strcmp(what, points[i - 1].what) &&
            !strcmp(what, points[i + 1].what))
            fprintf(stderr, "cliff: %s %d %s reaches %.3f of the limit, its neighbours %.3f\n", what, points[i].value,
                    precision, of_limit[i], around);
    }
}

static mim_status sweep(const char *what, const char *precision, int threads, int value)
{
    double of_limit[COUNT(points)] = { 0 };
    mim_status status = MIM_OK;
    for (int i = 0; i < COUNT(points) && !status; i++)
        if ((!strcmp(what, "all") || !strcmp(what, points[i].what)) && (!value || value == points[i].value))
            status = measure(&points[i], precision, threads, &of_limit[i]);
    tell_cliffs(of_limit, precision);
    return status;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "all", *precision = argc > 2 ? argv[2] : "both";
    int threads = argc > 3 ? imax(atoi(argv[3]), 1) : 1, value = argc > 4 ? atoi(argv[4]) : 0;
    mim_status status = MIM_OK;
    puts("what,value,precision,seconds,gflop,of_limit,ms_per_picture,us_per_token");
    if (strcmp(precision, "bf16"))
        status = sweep(what, "f32", threads, value);
    if (!status && strcmp(precision, "f32"))
        status = sweep(what, "bf16", threads, value);
    if (status)
        fprintf(stderr, "sweep: %s\n", mim_status_name(status));
    return status != MIM_OK;
}
