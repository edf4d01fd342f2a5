/* SPDX-License-Identifier: MIT */
/* probe.c -- what are features worth? Nearest neighbours and a linear probe on them, beside the same of an encoder of
 * the same make that has learnt nothing.
 *
 *     probe WEIGHTS */
#include <mim.h>
#include <stdio.h>
#include <stdlib.h>

enum { PROBE_TRAIN = 100, PROBE_TEST = 50, PROBE_SIDE = 32, PROBE_CLASSES = 10, PROBE_BATCH = 50 };
static uint8_t probe_pictures[PROBE_TRAIN + PROBE_TEST][PROBE_SIDE][PROBE_SIDE][3];
static int64_t probe_labels[PROBE_TRAIN + PROBE_TEST];

/* Pictures that their label alone decides, but for some noise. */
static void probe_draw(void)
{
    for (int i = 0; i < PROBE_TRAIN + PROBE_TEST; i++) {
        probe_labels[i] = i % PROBE_CLASSES;
        for (int k = 0; k < PROBE_SIDE * PROBE_SIDE * 3; k++)
            ((uint8_t *)probe_pictures[i])[k] = (uint8_t)(i % PROBE_CLASSES * (k / 3 % PROBE_SIDE) + (i * 31 + k * 17) % 23);
    }
}

/* Pooled features [PROBE_TRAIN + PROBE_TEST, width] in a new array. */
static mim_status probe_extract(mim_encoder *encoder, float **features, int32_t *width)
{
    mim_tensors *outputs = NULL;
    int64_t shape[MIM_MAX_RANK] = { 0 };
    mim_images images = { .struct_size = sizeof images, .type = MIM_U8, .count = PROBE_BATCH, .height = PROBE_SIDE,
                          .width = PROBE_SIDE, .channels = 3 };
    mim_status status = mim_encoder_tensors(encoder, MIM_OUTPUTS, NULL, &outputs);
    for (size_t i = 0; !status && i < PROBE_TRAIN + PROBE_TEST; i += PROBE_BATCH) {
        images.data = probe_pictures[i];
        status = mim_encoder_encode(encoder, &images, "pooled");
        if (!status) status = mim_tensors_info(outputs, "pooled", NULL, NULL, shape, NULL);
        if (!status && !*features && !(*features = malloc((PROBE_TRAIN + PROBE_TEST) * (size_t)shape[1] * sizeof **features)))
            status = MIM_ERR_NOMEM;
        if (!status) status = mim_tensors_read(outputs, "pooled", MIM_F32, 0, PROBE_BATCH * (size_t)shape[1],
                                               *features + i * (size_t)shape[1]);
    }
    *width = (int32_t)shape[1];
    mim_tensors_destroy(outputs);
    return status;
}

static mim_status probe_report(mim_context *context, mim_encoder *encoder, const char *name)
{
    static const char *const kinds[] = { "knn", "linear" };
    static float scores[PROBE_TEST][PROBE_CLASSES];
    static int64_t confusion[PROBE_CLASSES][PROBE_CLASSES];
    float *features = NULL;
    int32_t width = 0;
    mim_config *config = NULL;
    mim_status status = probe_extract(encoder, &features, &width);
    if (!status) status = mim_config_create(context, NULL, &config);
    for (int i = 0; !status && i < 2; i++) {
        double top1 = 0, top5 = 0;
        status = mim_config_set_str(config, "probe.kind", kinds[i]);
        if (!status) status = mim_evaluate_classify(context, config, PROBE_CLASSES, width, PROBE_TRAIN, features, probe_labels,
                                                    PROBE_TEST, features + (size_t)PROBE_TRAIN * (size_t)width, scores[0]);
        if (!status) status = mim_evaluate_accuracy(context, PROBE_CLASSES, PROBE_TEST, scores[0], probe_labels + PROBE_TRAIN, 1,
                                                    &top1, confusion[0]);
        if (!status) status = mim_evaluate_accuracy(context, PROBE_CLASSES, PROBE_TEST, scores[0], probe_labels + PROBE_TRAIN, 5,
                                                    &top5, NULL);
        if (!status) printf("%-10s %-7s top-1 %.1f %%, top-5 %.1f %%\n", name, kinds[i], 100 * top1, 100 * top5);
    }
    mim_config_destroy(config);
    free(features);
    return status;
}

int main(int argc, char **argv)
{
    mim_context *context = NULL;
    mim_tensors *weights = NULL;
    mim_config *config = NULL;
    mim_encoder *learnt = NULL, *fresh = NULL;
    mim_status status = argc == 2 ? mim_context_create(NULL, &context) : MIM_ERR_ARGUMENT;
    probe_draw();
    if (!status) status = mim_tensors_open(context, argv[1], &weights);
    if (!status) status = mim_config_from_tensors(weights, &config);
    if (!status) status = mim_config_set_str(config, "encoder.pool", "mean");
    if (!status) status = mim_encoder_create(context, config, weights, &learnt);
    if (!status) status = mim_encoder_create(context, config, NULL, &fresh);
    if (!status) status = probe_report(context, learnt, "learnt");
    if (!status) status = probe_report(context, fresh, "untrained");
    if (status) {
        char why[512] = "";
        mim_last_error(context, why, sizeof why, NULL);
        fprintf(stderr, "%s: %s\n", mim_status_name(status), why);
    }
    mim_encoder_destroy(fresh);
    mim_encoder_destroy(learnt);
    mim_config_destroy(config);
    mim_tensors_destroy(weights);
    mim_context_destroy(context);
    return status != MIM_OK;
}
