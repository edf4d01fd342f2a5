/* SPDX-License-Identifier: MIT */
/* step.c -- whole training steps (forward, backward, AdamW) through the public header, on random pixels.
 *
 *     step [MODEL] [--batch N] [--threads N] [--precision f32|bf16] [--steps N] [--profile] [--set key=value]...
 *
 * MODEL: simmim_vit_b (default), simmim_vit_s, simmim_vit_ti_cifar: encoders with learned positions and a linear pixel
 * head, 60 % of the patches hidden. Prints the median and the least seconds of a step, pictures and GFLOP a second, the
 * loss, the bytes that the plan names, and with --profile where the time goes. */
#include <mim.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model { const char *name, *json; };
static const struct model models[] = {
    { "simmim_vit_b", "{\"image\": {\"height\": 224, \"width\": 224}, \"encoder\": {\"patch\": 16, \"width\": 768, \"depth\": 12, \"heads\": 12}}" },
    { "simmim_vit_s", "{\"image\": {\"height\": 224, \"width\": 224}, \"encoder\": {\"patch\": 16, \"width\": 384, \"depth\": 12, \"heads\": 6}}" },
    { "simmim_vit_ti_cifar", "{\"image\": {\"height\": 32, \"width\": 32}, \"encoder\": {\"patch\": 4, \"width\": 192, \"depth\": 12, \"heads\": 3}}" },
};

struct bench {
    mim_context *context;
    mim_config *config;
    mim_trainer *trainer;
    const char *name;
    int64_t batch, height;
    int threads, steps, profile;
    float *pixels;
    double *seconds;
};

static mim_status arguments(struct bench *b, int argc, char **argv)
{
    mim_status status = MIM_OK;
    for (int i = 1; i < argc && !status; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--profile")) {
            b->profile = 1;
            status = mim_config_set_i64(b->config, "trainer.profile", 1);
            continue;
        }
        if (argv[i][0] != '-') {
            b->name = argv[i];
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
    mim_status status = MIM_ERR_KEY;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (!strcmp(models[i].name, b->name))
            status = mim_config_read_json(b->config, models[i].json);
    if (!status) status = mim_config_set_i64(b->config, "trainer.batch", b->batch);
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
    for (int i = 0; i < (int)number(c, "profile.count", 0); i++) {
        char key[64], name[64] = "", pass[16] = "";
        snprintf(key, sizeof key, "profile.%d.operator", i);
        mim_config_get_str(c, key, name, sizeof name, NULL);
        snprintf(key, sizeof key, "profile.%d.pass", i);
        mim_config_get_str(c, key, pass, sizeof pass, NULL);
        double seconds = number(c, "profile.%d.seconds", i);
        printf("  %-18s %-8s %4.0f calls %8.2f ms %8.1f GFLOP/s\n", name, pass, number(c, "profile.%d.calls", i), 1e3 * seconds,
               number(c, "profile.%d.operations", i) / seconds * 1e-9);
    }
}

static mim_status report(const struct bench *b, double loss)
{
    mim_config *c = NULL;
    char precision[16] = "", isa[32] = "";
    mim_status status = mim_trainer_describe(b->trainer, &c);
    if (status)
        return status;
    double median = b->seconds[b->steps / 2], least = b->seconds[0], work = number(c, "plan.operations.step", 0);
    mim_config_get_str(c, "precision", precision, sizeof precision, NULL);
    mim_config *facts = NULL;
    if (!mim_context_describe(b->context, &facts))
        mim_config_get_str(facts, "isa", isa, sizeof isa, NULL);
    printf("%s %s %s threads=%d batch=%d s_per_step=%.4f (least %.4f) img_per_s=%.1f gflop_per_s=%.1f loss=%.4f mib=%.0f\n", b->name,
           isa, precision, b->threads, (int)b->batch, median, least, (double)b->batch / median, work / median * 1e-9, loss,
           number(c, "plan.bytes.total", 0) / 1048576);
    if (b->profile)
        print_profile(c);
    mim_config_destroy(facts);
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
    if (!status) status = run(&b, &loss);
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
