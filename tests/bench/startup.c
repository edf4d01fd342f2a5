/* SPDX-License-Identifier: MIT */
/* startup.c -- from the start of a process to the end of its first training step, on one picture of 32 x 32.
 *
 *     startup [--threads N] [--runs N] [--precision f32|bf16]
 *
 * Each run is a process of its own, started and awaited by this program; medians in milliseconds. "first step" ends where
 * the process says that the step is done, "whole" when it has ended. A second step shows what the first pays for being
 * first, and "plan" is a plan without memory, made after that: the part of "create" that is not memory and first weights. */
#define _POSIX_C_SOURCE 200809L
#include <mim.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum mark { STARTED, MAIN, CONTEXT, CONFIG, CREATE, FIRST, SECOND, PLAN, ENDED, MARKS };
enum { RUNS_MAX = 200, SIDE = 32, SAMPLES = 3 * SIDE * SIDE };

struct model { const char *name, *json; };
static const struct model models[] = {
    { "simmim_vit_tiny_32", "{\"preset\": \"simmim_vit_tiny_32\"}" },
    { "simmim_vit_ti_cifar", "{\"image\": {\"height\": 32, \"width\": 32},"
                             " \"encoder\": {\"patch\": 4, \"width\": 192, \"depth\": 12, \"heads\": 3}}" },
};
enum { MODELS = sizeof models / sizeof *models };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- The process that is measured: startup --child MODEL THREADS PRECISION ---- */

static mim_status configure(mim_context *ctx, const char *json, const char *precision, mim_config **out)
{
    mim_status status = mim_config_create(ctx, NULL, out);
    if (!status) status = mim_config_read_json(*out, json);
    if (!status) status = mim_config_set_i64(*out, "trainer.batch", 1);
    if (!status) status = mim_config_set_str(*out, "precision", precision);
    return status;
}

static mim_status step(mim_trainer *trainer, const float *pixels)
{
    mim_status status = mim_trainer_set_input(trainer, "pixels", MIM_F32, pixels, SAMPLES);
    return status ? status : mim_trainer_step(trainer, NULL, 0, NULL);
}

static int child(char **argv, double at[MARKS])
{
    static float pixels[SAMPLES];
    mim_context *ctx = NULL;
    mim_config *config = NULL, *plan = NULL;
    mim_trainer *trainer = NULL;
    for (int i = 0; i < SAMPLES; i++)
        pixels[i] = (float)(i * 7 % 256) / 128.0f - 1;
    mim_status status = mim_context_create(NULL, &ctx);
    if (!status) status = mim_context_set_threads(ctx, atoi(argv[1]));
    at[CONTEXT] = now();
    if (!status) status = configure(ctx, argv[0], argv[2], &config);
    at[CONFIG] = now();
    if (!status) status = mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &trainer);
    at[CREATE] = now();
    if (!status) status = step(trainer, pixels);
    at[FIRST] = now();
    if (!status) status = step(trainer, pixels);
    at[SECOND] = now();
    if (!status) status = mim_trainer_plan(ctx, config, &plan);
    at[PLAN] = now();
    mim_config_destroy(plan);
    mim_trainer_destroy(trainer);
    mim_config_destroy(config);
    mim_context_destroy(ctx);
    return status || write(STDOUT_FILENO, at, MARKS * sizeof *at) != (ssize_t)(MARKS * sizeof *at);
}

/* ---- The one that measures ---- */

/* Start one process and read its marks. */
static int run(char *self, const char *json, char *threads, char *precision, double at[MARKS])
{
    int ends[2], code = 1;
    char *argv[] = { self, "--child", (char *)json, threads, precision, NULL };
    if (pipe(ends))
        return 1;
    double start = now();
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]), close(ends[1]);
        execv(self, argv);
        _exit(127);
    }
    close(ends[1]);
    ssize_t got = pid > 0 ? read(ends[0], at, MARKS * sizeof *at) : 0;
    close(ends[0]);
    if (pid > 0)
        waitpid(pid, &code, 0);
    at[STARTED] = start;
    at[ENDED] = now();
    return got != (ssize_t)(MARKS * sizeof *at) || code;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(int runs, double at[][MARKS], enum mark from, enum mark to)
{
    double ms[RUNS_MAX];
    for (int r = 0; r < runs; r++)
        ms[r] = 1e3 * (at[r][to] - at[r][from]);
    qsort(ms, (size_t)runs, sizeof *ms, ascending);
    return ms[runs / 2];
}

static int measure(char *self, const struct model *m, int runs, char *threads, char *precision)
{
    static double at[RUNS_MAX][MARKS];
    for (int r = -1; r < runs; r++)                     /* one to warm up */
        if (run(self, m->json, threads, precision, at[r < 0 ? 0 : r])) {
            fprintf(stderr, "startup: a run of %s failed\n", m->name);
            return 1;
        }
    printf("%-19s %s threads=%s first_step_ms=%.1f (load %.1f context %.1f config %.1f create %.1f step %.1f) "
           "second_ms=%.1f plan_ms=%.1f whole_ms=%.1f\n",
           m->name, precision, threads, median(runs, at, STARTED, FIRST), median(runs, at, STARTED, MAIN),
           median(runs, at, MAIN, CONTEXT), median(runs, at, CONTEXT, CONFIG), median(runs, at, CONFIG, CREATE),
           median(runs, at, CREATE, FIRST), median(runs, at, FIRST, SECOND), median(runs, at, SECOND, PLAN),
           median(runs, at, STARTED, ENDED));
    return 0;
}

int main(int argc, char **argv)
{
    double at[MARKS] = { [MAIN] = now() };
    char *threads = "1", *precision = "f32";
    int runs = 20, failed = 0;
    if (argc == 5 && !strcmp(argv[1], "--child"))
        return child(argv + 2, at);
    for (int i = 1; i + 1 < argc; i += 2)
        if (!strcmp(argv[i], "--threads"))
            threads = argv[i + 1];
        else if (!strcmp(argv[i], "--precision"))
            precision = argv[i + 1];
        else if (!strcmp(argv[i], "--runs"))
            runs = atoi(argv[i + 1]);
    runs = runs < 1 ? 1 : runs > RUNS_MAX ? RUNS_MAX : runs;
    for (int i = 0; i < MODELS; i++)
        failed |= measure(argv[0], models + i, runs, threads, precision);
    return failed;
}
