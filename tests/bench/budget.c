/* SPDX-License-Identifier: MIT */
/* budget.c -- what a smaller memory costs: training steps of one model under budgets from all that it likes down to the
 * least that any plan takes, as comma-separated values.
 *
 *     budget [MODEL] [--batch N] [--threads N] [--precision f32|bf16] [--points N] [--steps N]
 *
 * A line is a precision and a budget: the bytes of it and of the plan it gives, of these activations, billions of
 * operations a step and of these computed again, the least seconds of a step (0 steps: none are run), and bytes and
 * seconds over the first line's. */
#include "models.h"

#include <stdio.h>
#include <stdlib.h>

struct bench {
    mim_context *context;
    mim_config *config;
    const char *name;
    int64_t batch, points, steps;
    double first_activations, first_seconds;
};

static mim_status arguments(struct bench *b, int argc, char **argv)
{
    mim_status status = MIM_OK;
    for (int i = 1; i < argc && !status; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (argv[i][0] != '-') {
            b->name = argv[i];
            continue;
        }
        i++;
        if (!strcmp(argv[i - 1], "--batch"))
            b->batch = atoi(value);
        else if (!strcmp(argv[i - 1], "--threads"))
            status = mim_context_set_threads(b->context, atoi(value));
        else if (!strcmp(argv[i - 1], "--points"))
            b->points = atoi(value);
        else if (!strcmp(argv[i - 1], "--steps"))
            b->steps = atoi(value);
        else if (!strcmp(argv[i - 1], "--precision"))
            status = mim_config_set_str(b->config, "precision", value);
        else
            status = MIM_ERR_ARGUMENT;
    }
    return b->batch < 1 || b->points < 2 || b->steps < 0 ? MIM_ERR_ARGUMENT : status;
}

static double number(const mim_config *c, const char *key)
{
    double v = 0;
    mim_config_get_f64(c, key, &v);
    return v;
}

static mim_status time_steps(struct bench *b, double *least)
{
    mim_trainer *t = NULL;
    double seconds = 0;
    size_t n = (size_t)(b->batch * 3) * (size_t)number(b->config, "image.height") * (size_t)number(b->config, "image.width");
    float *pixels = malloc(n * sizeof *pixels);
    mim_status status = pixels ? mim_trainer_create(b->context, b->config, NULL, NULL, NULL, NULL, &t) : MIM_ERR_NOMEM;
    for (size_t i = 0; i < n && !status; i++)
        pixels[i] = (float)(i * 2654435761u % 1024) / 512 - 1;
    for (int64_t i = -1; i < b->steps && !status; i++) {            /* one to warm up */
        status = mim_trainer_set_input(t, "pixels", MIM_F32, pixels, n);
        if (!status) status = mim_trainer_step(t, NULL, 0, NULL);
        if (!status) status = mim_trainer_metric(t, "seconds", &seconds);
        if (i == 0 || (i > 0 && seconds < *least)) *least = seconds;
    }
    mim_trainer_destroy(t);
    free(pixels);
    return status;
}

static mim_status point(struct bench *b, int64_t budget)
{
    mim_config *plan = NULL;
    double seconds = 0;
    mim_status status = mim_config_set_i64(b->config, "trainer.memory_budget", budget);
    if (!status) status = mim_trainer_plan(b->context, b->config, &plan);
    if (!status && b->steps) status = time_steps(b, &seconds);
    if (!status) {
        double activations = number(plan, "bytes.activations");
        b->first_activations = b->first_activations > 0 ? b->first_activations : activations;
        b->first_seconds = b->first_seconds > 0 ? b->first_seconds : seconds;
        char precision[16] = "";
        mim_config_get_str(b->config, "precision", precision, sizeof precision, NULL);
        printf("%s,%lld,%.0f,%.0f,%.1f,%.1f,%.4f,%.3f,%.3f\n", precision, (long long)budget,
               number(plan, "bytes.total"), activations, number(plan, "operations.step") * 1e-9,
               number(plan, "operations.recomputed") * 1e-9, seconds, activations / b->first_activations,
               seconds > 0 ? seconds / b->first_seconds : 0);
        fflush(stdout);
    }
    mim_config_destroy(plan);
    return status;
}

/* Bytes of the whole without recomputation, and the least: the error of a budget of one byte names it last. */
static mim_status ends(struct bench *b, int64_t *most, int64_t *least)
{
    mim_config *plan = NULL;
    char why[256] = "";
    mim_status status = mim_trainer_plan(b->context, b->config, &plan);
    if (!status) status = mim_config_get_i64(plan, "bytes.total", most);
    mim_config_destroy(plan);
    if (!status) status = mim_config_set_i64(b->config, "trainer.memory_budget", 1);
    if (status)
        return status;
    status = mim_trainer_plan(b->context, b->config, &plan);
    mim_last_error(b->context, why, sizeof why, NULL);
    const char *last = strrchr(why, ' ');
    *least = status == MIM_ERR_BUDGET && last ? atoll(last) : 0;
    return *least > 0 ? MIM_OK : status;
}

int main(int argc, char **argv)
{
    struct bench b = { .name = "simmim_vit_b", .batch = 8, .points = 8, .steps = 3 };
    int64_t most = 0, least = 0;
    char why[256] = "";
    mim_status status = mim_context_create(NULL, &b.context);
    if (!status) status = mim_config_create(b.context, NULL, &b.config);
    if (!status) status = arguments(&b, argc, argv);
    if (!status) status = read_model(b.config, b.name);
    if (!status) status = mim_config_set_i64(b.config, "trainer.batch", b.batch);
    if (!status) status = ends(&b, &most, &least);
    if (!status) printf("precision,budget_bytes,plan_bytes,activation_bytes,gflop,recomputed_gflop,s_per_step,of_bytes,"
                        "of_seconds\n");
    for (int64_t i = 0; i < b.points && !status; i++)
        status = point(&b, most - (most - least) * i / (b.points - 1));
    if (status && b.context) mim_last_error(b.context, why, sizeof why, NULL);
    if (status) fprintf(stderr, "budget: %s %s\n", mim_status_name(status), why);
    mim_config_destroy(b.config);
    mim_context_destroy(b.context);
    return status != MIM_OK;
}
