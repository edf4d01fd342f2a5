/* SPDX-License-Identifier: MIT */
/* features.c -- features and attention of a picture from a satellite: four channels of 16 bits, plane after plane, rows
 * with a margin, another size than the model was made for; from a folder as transformers or timm writes it.
 *
 *     features FOLDER OUT */
#include <mim.h>
#include <stdio.h>
#include <stdlib.h>

enum { FEATURES_HEIGHT = 160, FEATURES_WIDTH = 224, FEATURES_CHANNELS = 4, FEATURES_PITCH = 256 };
static uint16_t features_planes[FEATURES_CHANNELS][FEATURES_HEIGHT][FEATURES_PITCH];

static mim_status features_open(mim_context *context, const char *folder, mim_encoder **encoder)
{
    mim_tensors *weights = NULL;
    mim_config *config = NULL;
    mim_status status = mim_tensors_open(context, folder, &weights);
    if (!status) status = mim_config_create(context, NULL, &config);
    if (!status) status = mim_config_read_json(config,
        "{\"image\": {\"height\": 160, \"width\": 224, \"channels\": 4, \"mean\": [0.3, 0.3, 0.25, 0.4],"
        " \"deviation\": [0.1, 0.1, 0.12, 0.2]}}");
    if (!status) status = mim_encoder_create(context, config, weights, encoder);
    mim_config_destroy(config);
    mim_tensors_destroy(weights);
    return status;
}

/* Where the class token looks most, in head 0. */
static mim_status features_attention(const mim_tensors *outputs)
{
    int64_t shape[MIM_MAX_RANK];                            /* batch, heads, tokens, tokens */
    mim_status status = mim_tensors_info(outputs, "attention.8", NULL, NULL, shape, NULL);
    if (status)
        return status;
    size_t tokens = (size_t)shape[3], best = 1;
    float *row = malloc(tokens * sizeof *row);
    if (!row)
        return MIM_ERR_NOMEM;
    status = mim_tensors_read(outputs, "attention.8", MIM_F32, 0, tokens, row);
    for (size_t i = 2; !status && i < tokens; i++)
        if (row[i] > row[best])
            best = i;
    if (!status) printf("patch %lu of %lu: %.4f\n", (unsigned long)(best - 1), (unsigned long)(tokens - 1), (double)row[best]);
    free(row);
    return status;
}

int main(int argc, char **argv)
{
    mim_context *context = NULL;
    mim_encoder *encoder = NULL;
    mim_tensors *outputs = NULL;
    mim_images picture = { .struct_size = sizeof picture, .data = features_planes, .type = MIM_U16, .count = 1,
                           .height = FEATURES_HEIGHT, .width = FEATURES_WIDTH, .channels = FEATURES_CHANNELS,
                           .image_stride = sizeof features_planes, .row_stride = sizeof features_planes[0][0],
                           .column_stride = sizeof features_planes[0][0][0], .channel_stride = sizeof features_planes[0] };
    mim_status status = argc == 3 ? mim_context_create(NULL, &context) : MIM_ERR_ARGUMENT;
    if (!status) status = features_open(context, argv[1], &encoder);
    if (!status) status = mim_encoder_encode(encoder, &picture, "block.8 attention.8");
    if (!status) status = mim_encoder_tensors(encoder, MIM_OUTPUTS, NULL, &outputs);
    if (!status) status = features_attention(outputs);
    if (!status) status = mim_tensors_save(outputs, argv[2]);
    if (status) {
        char why[512] = "";
        mim_last_error(context, why, sizeof why, NULL);
        fprintf(stderr, "%s: %s\n", mim_status_name(status), why);
    }
    mim_tensors_destroy(outputs);
    mim_encoder_destroy(encoder);
    mim_context_destroy(context);
    return status != MIM_OK;
}
