/* SPDX-License-Identifier: MIT */
/* data.c -- what pictures cost a training step: pixels as the model wants them out of pictures as a decoder leaves them.
 *
 *     data [--threads N] [--seconds S]
 *
 * Milliseconds a picture and bytes that come and go (u8 in, f32 out), each the best of several rounds, for the image stage
 * alone; then whole steps of a model, with pictures and with the input "pixels" in turn. Their difference drowns in what
 * steps differ by anyway; "share" is the time of the stage by that of the step. */
#define _POSIX_C_SOURCE 199309L
#include <mim.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BOX(filter, least) \
    "\"resize\": \"" filter "\", \"crop\": \"random_resized\", \"crop_least\": " least ", \"flip\": 0.5"

struct stage { const char *name; int batch, from, to; const char *json; };
static const struct stage stages[] = {
    { "crop_resize_flip_bilinear_256_224", 8, 256, 224, BOX("bilinear", "0.67") },
    { "crop_resize_flip_bicubic_256_224", 8, 256, 224, BOX("bicubic", "0.08") },
    { "crop_resize_flip_bilinear_500_224", 8, 500, 224, BOX("bilinear", "0.67") },
    { "crop_flip_256_224", 8, 256, 224, "\"resize\": \"none\", \"crop\": \"random\", \"flip\": 0.5" },
    { "flip_224", 8, 224, 224, "\"crop\": \"none\", \"flip\": 0.5" },
    { "crop_resize_flip_bilinear_32", 64, 32, 32, BOX("bilinear", "0.67") },
    { "pad_crop_flip_32", 64, 32, 32, "\"resize\": \"none\", \"crop\": \"random\", \"pad\": 4, \"flip\": 0.5" },
};

struct step { const char *name; int stage; const char *encoder, *precision; };
static const struct step steps[] = {
    { "vit_b_16_batch_8", 0, "\"patch\": 16, \"width\": 768, \"depth\": 12, \"heads\": 12", "bf16" },
    { "vit_ti_4_batch_64", 5, "\"patch\": 4, \"width\": 192, \"depth\": 12, \"heads\": 3", "bf16" },
};

struct bench {
    mim_context *ctx;
    mim_config *config;
    mim_trainer *trainer;
    unsigned char *bytes;
    float *pixels;
    double seconds;
};
static double stage_seconds[sizeof stages / sizeof *stages];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t samples(const struct stage *s, int side) { return (size_t)s->batch * 3 * (size_t)side * (size_t)side; }

/* Pictures with edges and smooth parts, as many as the batch. */
static mim_status make(struct bench *b, const struct stage *s, mim_images *images)
{
    size_t n = samples(s, s->from);
    b->bytes = malloc(n);
    b->pixels = malloc(samples(s, s->to) * sizeof *b->pixels);
    if (!b->bytes || !b->pixels)
        return MIM_ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        b->bytes[i] = (unsigned char)(i / 3 % (size_t)s->from * 3 + i / 4099 % 7 * 30);
    *images = (mim_images){ .struct_size = sizeof *images, .type = MIM_U8, .data = b->bytes, .count = s->batch,
                            .height = s->from, .width = s->from, .channels = 3 };
    return MIM_OK;
}

static mim_status configure(struct bench *b, const struct stage *s)
{
    char json[512];
    snprintf(json, sizeof json, "{\"image\": {\"height\": %d, \"width\": %d, %s}}", s->to, s->to, s->json);
    mim_status status = mim_config_create(b->ctx, NULL, &b->config);
    return status ? status : mim_config_read_json(b->config, json);
}

static void clear(struct bench *b)
{
    mim_trainer_destroy(b->trainer);
    mim_config_destroy(b->config);
    free(b->bytes);
    free(b->pixels);
    b->trainer = NULL;
    b->config = NULL;
    b->bytes = NULL;
    b->pixels = NULL;
}

static mim_status run_stage(struct bench *b, const struct stage *s)
{
    mim_images images;
    double best = 1e30, end = now() + b->seconds;
    mim_status status = make(b, s, &images);
    if (!status) status = configure(b, s);
    for (int64_t epoch = 0; !status && (epoch < 3 || now() < end); epoch++) {      /* other boxes in every round */
        double start = now();
        status = mim_images_prepare(b->ctx, b->config, 1, &images, epoch, NULL, b->pixels, samples(s, s->to));
        double t = now() - start;
        best = t < best ? t : best;
    }
    double bytes = (double)samples(s, s->from) + 4 * (double)samples(s, s->to);
    stage_seconds[s - stages] = best;
    if (!status)
        printf("%-36s ms_per_picture=%.3f gb_per_s=%.2f\n", s->name, 1e3 * best / s->batch, 1e-9 * bytes / best);
    clear(b);
    return status;
}

static mim_status create(struct bench *b, const struct step *m)
{
    char json[256];
    snprintf(json, sizeof json, "{\"encoder\": {%s}, \"trainer\": {\"batch\": %d}, \"precision\": \"%s\"}", m->encoder,
             stages[m->stage].batch, m->precision);
    mim_status status = configure(b, &stages[m->stage]);
    if (!status) status = mim_config_read_json(b->config, json);
    return status ? status : mim_trainer_create(b->ctx, b->config, NULL, NULL, NULL, NULL, &b->trainer);
}

static mim_status run_step(struct bench *b, const struct step *m)
{
    const struct stage *s = &stages[m->stage];
    mim_images images;
    double least[2] = { 1e30, 1e30 };
    mim_status status = make(b, s, &images);
    if (!status) status = create(b, m);
    if (!status) status = mim_images_prepare(b->ctx, b->config, 0, &images, 0, NULL, b->pixels, samples(s, s->to));
    for (int i = -2; !status && i < 6; i++) {           /* two to warm up; then pictures and pixels in turn */
        double start = now();
        if (i & 1)
            status = mim_trainer_set_input(b->trainer, "pixels", MIM_F32, b->pixels, samples(s, s->to));
        if (!status)
            status = mim_trainer_step(b->trainer, i & 1 ? NULL : &images, i + 2, NULL);
        double t = now() - start;
        if (i >= 0 && t < least[i & 1])
            least[i & 1] = t;
    }
    if (!status)
        printf("%-18s %s step_with_pictures=%.4f step_with_pixels=%.4f share=%.4f\n", m->name, m->precision, least[0],
               least[1], stage_seconds[m->stage] / least[0]);
    clear(b);
    return status;
}

int main(int argc, char **argv)
{
    struct bench b = { .seconds = 0.3 };
    char why[256] = "";
    mim_status status = mim_context_create(NULL, &b.ctx);
    for (int i = 1; i + 1 < argc && !status; i += 2)
        if (!strcmp(argv[i], "--threads"))
            status = mim_context_set_threads(b.ctx, atoi(argv[i + 1]));
        else if (!strcmp(argv[i], "--seconds"))
            b.seconds = atof(argv[i + 1]);
    for (size_t i = 0; i < sizeof stages / sizeof *stages && !status; i++)
        status = run_stage(&b, stages + i);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !status; i++)
        status = run_step(&b, steps + i);
    if (status && b.ctx) mim_last_error(b.ctx, why, sizeof why, NULL);
    if (status) fprintf(stderr, "data: %s %s\n", mim_status_name(status), why);
    mim_context_destroy(b.ctx);
    return status != MIM_OK;
}
