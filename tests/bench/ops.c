/* SPDX-License-Identifier: MIT */
/* ops.c -- every operator as a training step has it, beside its limit: multiply-adds for products, copying for all else.
 *
 *     ops [model|all] [f32|bf16|both] [threads]
 *
 * Models: simmim_vit_b, simmim_vit_b_relative (with relative positions, layer scale and drop path) and vit_b_classifier at
 * batch 8, simmim_vit_ti_cifar at batch 64. A line: operator, where, pass, calls, milliseconds in the second of two steps,
 * share of it, GFLOP/s and GB/s, and their ratios to the limits measured just before. The larger ratio tells what holds an
 * operator (more than 1: a cache holds the data); one that is small in both is far from what the machine can do. Those below
 * 0.5 that take more than 0.2 % of the step are named again at the end. */
#define _POSIX_C_SOURCE 199309L
#include "stream.h"

#include <math.h>
#include <stdio.h>

struct model { const char *name; int batch; const char *json; };
#define SIZE_224 "\"image\": {\"height\": 224, \"width\": 224}, "
#define VIT_B "\"patch\": 16, \"width\": 768, \"depth\": 12, \"heads\": 12"
static const struct model models[] = {
    { "simmim_vit_b", 8, "{" SIZE_224 "\"encoder\": {" VIT_B "}}" },
    { "simmim_vit_b_relative", 8, "{\"preset\": \"simmim_vit_base\"}" },
    { "vit_b_classifier", 8, "{\"preset\": \"vit_base\", \"head.classes\": 1000}" },
    { "simmim_vit_ti_cifar", 64, "{\"image\": {\"height\": 32, \"width\": 32},"
                                 " \"encoder\": {\"patch\": 4, \"width\": 192, \"depth\": 12, \"heads\": 3}}" },
};

struct bench {
    mim_context *ctx;
    mim_config *config, *facts;
    mim_trainer *trainer;
    float *pixels;
    int32_t *labels;
    double multiply, copy;                  /* the limits */
};
struct row { char operator[64], place[64], pass[64]; double calls, seconds, operations, bytes; };

static mim_status configure(struct bench *b, const struct model *m, const char *precision, int threads)
{
    mim_status status = mim_context_create(NULL, &b->ctx);
    if (!status) status = mim_context_set_threads(b->ctx, threads);
    if (!status) status = mim_config_create(b->ctx, NULL, &b->config);
    if (!status) status = mim_config_read_json(b->config, m->json);
    if (!status) status = mim_config_set_i64(b->config, "trainer.batch", m->batch);
    if (!status) status = mim_config_set_i64(b->config, "trainer.profile", 1);
    if (!status) status = mim_config_set_str(b->config, "precision", precision);
    return status ? status : mim_trainer_create(b->ctx, b->config, NULL, NULL, NULL, NULL, &b->trainer);
}

static void measure_limits(struct bench *b, bool bf16)
{
    struct env env = { .k = mim__kernels(b->ctx), .pool = mim__context_executor(b->ctx) };
    for (int i = 0; i < 20; i++)
        b->multiply = fmax(b->multiply, limit(&env, bf16));
    b->copy = stream_rate(&env, true);
}

/* Two steps; the profile is of the second. */
static mim_status run(struct bench *b, const struct model *m)
{
    int64_t side = 0;
    mim_status status = mim_config_get_i64(b->config, "image.height", &side);
    size_t n = (size_t)m->batch * 3 * (size_t)side * (size_t)side;
    b->pixels = calloc(n, sizeof *b->pixels);
    b->labels = calloc((size_t)m->batch, sizeof *b->labels);
    if (!b->pixels || !b->labels)
        return MIM_ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        b->pixels[i] = (float)(i * 2654435761u >> 8 & 0xffff) / 32768.0f - 1;
    for (int i = 0; i < 2 && !status; i++) {
        status = mim_trainer_set_input(b->trainer, "pixels", MIM_F32, b->pixels, n);
        if (!status && strstr(m->name, "classifier"))
            status = mim_trainer_set_input(b->trainer, "labels", MIM_I32, b->labels, (size_t)m->batch);
        if (!status) status = mim_trainer_step(b->trainer, NULL, 0, NULL);
    }
    return status ? status : mim_trainer_describe(b->trainer, &b->facts);
}

static double number(const mim_config *c, const char *key, int i)
{
    char name[64];
    double v = 0;
    snprintf(name, sizeof name, "profile.%d.%s", i, key);
    mim_config_get_f64(c, name, &v);
    return v;
}

static void word(const mim_config *c, const char *key, int i, char to[64])
{
    char name[64];
    snprintf(name, sizeof name, "profile.%d.%s", i, key);
    to[0] = 0;
    mim_config_get_str(c, name, to, 64, NULL);
}

static struct row row_at(const mim_config *c, int i)
{
    struct row r = { .calls = number(c, "calls", i), .seconds = number(c, "seconds", i),
                     .operations = number(c, "operations", i), .bytes = number(c, "bytes", i) };
    word(c, "operator", i, r.operator);
    word(c, "place", i, r.place);
    word(c, "pass", i, r.pass);
    return r;
}

/* far: only if it is far from both limits, and matters. */
static void print_row(const struct bench *b, const struct row *r, double whole, bool far)
{
    double scale = r->seconds > 0 ? 1e-9 / r->seconds : 0, flops = scale * r->operations, bytes = scale * r->bytes;
    double of_multiply = flops / b->multiply, of_copy = bytes / b->copy;
    if (far && (fmax(of_multiply, of_copy) >= 0.5 || r->seconds < 0.002 * whole))
        return;
    printf("  %-3s %-14s %-18s %-9s %4.0f calls %9.3f ms %5.2f %% %7.1f GFLOP/s %6.1f GB/s of limits %.3f %.3f\n",
           far ? "far" : "", r->operator, r->place, r->pass, r->calls, 1e3 * r->seconds, 100 * r->seconds / whole, flops,
           bytes, of_multiply, of_copy);
}

static void report(const struct bench *b, const struct model *m, const char *precision)
{
    double count = 0, whole = 0;
    mim_config_get_f64(b->facts, "profile.count", &count);
    for (int i = 0; i < (int)count; i++)
        whole += number(b->facts, "seconds", i);
    printf("%s %s batch=%d seconds=%.4f limits: %.1f GFLOP/s, copy %.1f GB/s\n", m->name, precision, m->batch, whole,
           b->multiply, b->copy);
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < (int)count; i++) {
            struct row r = row_at(b->facts, i);
            print_row(b, &r, whole, pass);
        }
    fflush(stdout);
}

static mim_status bench(const struct model *m, const char *precision, int threads)
{
    struct bench b = { 0 };
    char why[256] = "";
    mim_status status = configure(&b, m, precision, threads);
    if (!status) measure_limits(&b, !strcmp(precision, "bf16"));
    if (!status) status = run(&b, m);
    if (!status) report(&b, m, precision);
    if (status && b.ctx) mim_last_error(b.ctx, why, sizeof why, NULL);
    if (status) fprintf(stderr, "ops: %s: %s %s\n", m->name, mim_status_name(status), why);
    mim_trainer_destroy(b.trainer);
    mim_config_destroy(b.facts);
    mim_config_destroy(b.config);
    mim_context_destroy(b.ctx);
    free(b.pixels);
    free(b.labels);
    return status;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "all", *precision = argc > 2 ? argv[2] : "both";
    int threads = argc > 3 ? imax(atoi(argv[3]), 1) : 1, failed = 0;
    for (int i = 0; i < COUNT(models); i++) {
        if (strcmp(name, "all") && strcmp(name, models[i].name))
            continue;
        if (strcmp(precision, "bf16"))
            failed |= bench(&models[i], "f32", threads) != MIM_OK;
        if (strcmp(precision, "f32"))
            failed |= bench(&models[i], "bf16", threads) != MIM_OK;
    }
    return failed;
}
