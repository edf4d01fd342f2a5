/* SPDX-License-Identifier: MIT */
/* step.c -- whole training steps (forward, backward, AdamW) through the public header, on random pixels.
 *
 *     step [MODEL] [--batch N] [--threads N] [--precision f32|bf16] [--steps N] [--isa NAME] [--profile]
 *          [--set key=value]...
 *
 * MODEL: simmim_vit_b (default), another of models.h, or a preset. Prints the median and the least seconds of a step, pictures a
 * second, the loss and the most memory that the process ever had; gflop, the operations of products and attention without
 * what is computed again, and of_peak, their rate beside the multiply-adds that the same threads could do at most (measured
 * before and after); the bytes that the plan names; and with --profile where the time goes. */
#define _POSIX_C_SOURCE 199309L
#include "limit.h"
#include "models.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

struct bench {
    mim_context *context;
    mim_config *config;
    mim_trainer *trainer;
    const char *name;
    int64_t batch, height;
    int threads, steps, profile;
    float *pixels;
    double *seconds, limit;     /* of all threads, GFLOP/s */
    char isa[32], precision[16];
};

/* The model comes first, so that options may change it. */
static mim_status arguments(struct bench *b, int argc, char **argv)
{
    bool named = argc > 1 && argv[1][0] != '-';
    if (named)
        b->name = argv[1];
    mim_status status = read_model(b->config, b->name);
    for (int i = named ? 2 : 1; i < argc && !status; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--profile")) {
            b->profile = 1;
            status = mim_config_set_i64(b->config, "trainer.profile", 1);
            continue;
        }
        i++;
        if (!strcmp(argv[i - 1], "--batch"))
            b->batch = atoi(value);
        else if (!strcmp(argv[i - 1], "--threads"))
            b->threads = atoi(value);
        else if (!strcmp(argv[i - 1], "--steps"))
            b->steps = atoi(value);
        else if (!strcmp(argv[i - 1], "--precision"))
            status = mim_config_set_str(b->config, "precision", value);
        else if (!strcmp(argv[i - 1], "--isa"))
            status = mim_context_set_isa_max(b->context, value);
        else if (!strcmp(argv[i - 1], "--set") && strchr(value, '=')) {
            char key[128];
            snprintf(key, sizeof key, "%.*s", (int)(strchr(value, '=') - value), value);
            status = mim_config_set_str(b->config, key, strchr(value, '=') + 1);
        } else
            return MIM_ERR_ARGUMENT;
    }
    return status;
}

static mim_status configure(struct bench *b)
{
    mim_status status = mim_config_set_i64(b->config, "trainer.batch", b->batch);
    if (!status) status = mim_config_get_i64(b->config, "image.height", &b->height);
    if (!status) status = mim_context_set_threads(b->context, b->threads);
    if (!status) status = mim_trainer_create(b->context, b->config, NULL, NULL, NULL, NULL, &b->trainer);
    return status;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static mim_status run(struct bench *b, double *loss)
{
    size_t n = (size_t)(b->batch * 3 * b->height * b->height);
    mim_status status = MIM_OK;
    uint32_t state = 1;
    b->pixels = malloc(n * sizeof *b->pixels);
    b->seconds = malloc((size_t)b->steps * sizeof *b->seconds);
    if (!b->pixels || !b->seconds)
        return MIM_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        b->pixels[i] = (float)(state >> 8) / 8388608.0f - 1;
    }
    for (int i = -2; i < b->steps && !status; i++) {        /* two to warm up */
        double seconds = 0;
        status = mim_trainer_set_input(b->trainer, "pixels", MIM_F32, b->pixels, n);
        if (!status) status = mim_trainer_step(b->trainer, NULL, 0, NULL);
        if (!status) status = mim_trainer_metric(b->trainer, "seconds", &seconds);
        if (!status) status = mim_trainer_metric(b->trainer, "loss", loss);
        if (i >= 0)
            b->seconds[i] = seconds;
    }
    qsort(b->seconds, (size_t)b->steps, sizeof *b->seconds, ascending);
    return status;
}

/* The best of some. */
static double measure_limit(const struct bench *b)
{
    struct env env = { .k = mim__kernels(b->context), .pool = mim__context_executor(b->context) };
    double best = 0;
    for (int i = 0; i < 20; i++)
        best = fmax(best, limit(&env, !strcmp(b->precision, "bf16")));
    return best;
}

static mim_status look_up(struct bench *b)
{
    mim_config *facts = NULL, *all = NULL;
    mim_status status = mim_context_describe(b->context, &facts);
    if (!status) status = mim_trainer_describe(b->trainer, &all);
    if (!status) status = mim_config_get_str(facts, "isa", b->isa, sizeof b->isa, NULL);
    if (!status) status = mim_config_get_str(all, "precision", b->precision, sizeof b->precision, NULL);
    mim_config_destroy(all);
    mim_config_destroy(facts);
    return status;
}

static double number(const mim_config *c, const char *format, int i)
{
    char key[64];
    double v = 0;
    snprintf(key, sizeof key, format, i);
    mim_config_get_f64(c, key, &v);
    return v;
}

static void print_profile(const mim_config *c)
{
    int rows = (int)number(c, "profile.count", 0);
    double whole = 0;
    for (int i = 0; i < rows; i++)
        whole += number(c, "profile.%d.seconds", i);
    for (int i = 0; i < rows; i++) {
        const char *const keys[] = { "profile.%d.operator", "profile.%d.place", "profile.%d.pass" };
        char key[64], text[3][64] = { "", "", "" };
        for (int k = 0; k < 3; k++) {
            snprintf(key, sizeof key, keys[k], i);
            mim_config_get_str(c, key, text[k], sizeof text[k], NULL);
        }
        double seconds = number(c, "profile.%d.seconds", i), scale = seconds > 0 ? 1e-9 / seconds : 0;
        printf("  %-14s %-18s %-9s %4.0f calls %9.3f ms %5.1f %% %7.1f GFLOP/s %6.1f GB/s\n", text[0], text[1], text[2],
               number(c, "profile.%d.calls", i), 1e3 * seconds, 100 * seconds / whole,
               scale * number(c, "profile.%d.operations", i), scale * number(c, "profile.%d.bytes", i));
    }
}

static mim_status report(const struct bench *b, double loss)
{
    mim_config *c = NULL;
    struct rusage usage;
    mim_status status = mim_trainer_describe(b->trainer, &c);
    if (status)
        return status;
    getrusage(RUSAGE_SELF, &usage);
    double s = b->seconds[b->steps / 2], once = number(c, "plan.operations.step", 0) - number(c, "plan.operations.recomputed", 0);
    printf("libmim-%s %s threads=%d %s batch=%d s_per_step=%.4f least=%.4f img_per_s=%.2f loss=%.4f peak_mib=%ld gflop=%.1f "
           "of_peak=%.3f plan_mib=%.0f isa=%s\n", mim_version_string(), b->name, b->threads, b->precision, (int)b->batch, s,
           b->seconds[0], (double)b->batch / s, loss, usage.ru_maxrss / 1024, once * 1e-9, once * 1e-9 / s / b->limit,
           number(c, "plan.bytes.total", 0) / 1048576, b->isa);
    if (b->profile)
        print_profile(c);
    mim_config_destroy(c);
    return MIM_OK;
}

int main(int argc, char **argv)
{
    struct bench b = { .name = "simmim_vit_b", .batch = 8, .threads = 1, .steps = 3 };
    double loss = 0;
    char why[256] = "";
    mim_status status = mim_context_create(NULL, &b.context);
    if (!status) status = mim_config_create(b.context, NULL, &b.config);
    if (!status) status = arguments(&b, argc, argv);
    if (!status && (b.steps < 1 || b.batch < 1)) status = MIM_ERR_ARGUMENT;
    if (!status) status = configure(&b);
    if (!status) status = look_up(&b);
    if (!status) b.limit = measure_limit(&b);
    if (!status) status = run(&b, &loss);
    if (!status) b.limit = (b.limit + measure_limit(&b)) / 2;
    if (!status) status = report(&b, loss);
    if (status && b.context) mim_last_error(b.context, why, sizeof why, NULL);
    if (status) fprintf(stderr, "step: %s %s\n", mim_status_name(status), why);
    mim_trainer_destroy(b.trainer);
    mim_config_destroy(b.config);
    mim_context_destroy(b.context);
    free(b.seconds);
    free(b.pixels);
    return status != MIM_OK;
}
