/* SPDX-License-Identifier: MIT */
/* features.c -- features of pictures by a trained encoder, as one safetensors file.
 *
 *     features MODEL PICTURES OUT.safetensors [OUTPUT]
 *
 * MODEL: a folder as pretrain, timm or transformers writes it, or a file of libmim. PICTURES: as pretrain takes them.
 * OUTPUT: "pooled" (if not given), "tokens", "block.8", ...; OUT holds it with one row a picture, in their order, and
 * "labels" where the pictures have such. */
#include "support/data.h"

#include <mim.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 64 };

static mim_status open_encoder(mim_context *context, const char *path, mim_encoder **encoder)
{
    mim_tensors *weights = NULL;
    mim_status status = mim_tensors_open(context, path, &weights);
    if (!status) status = mim_encoder_create(context, NULL, weights, encoder);
    mim_tensors_destroy(weights);
    return status;
}

/* The output of all pictures, batch after batch, under its name in `to`. */
static mim_status encode(mim_encoder *encoder, const struct data *data, const char *output, mim_tensors *to)
{
    mim_tensors *outputs = NULL;
    mim_status status = mim_encoder_tensors(encoder, MIM_OUTPUTS, NULL, &outputs);
    int64_t ids[BATCH], shape[MIM_MAX_RANK];
    mim_images views[BATCH];
    int32_t rank = 0;
    size_t n = 0;
    float *features = NULL;
    for (int64_t i = 0; !status && i < data->count; i += BATCH) {
        int count = data->count - i < BATCH ? (int)(data->count - i) : BATCH;
        for (int k = 0; k < count; k++)
            ids[k] = i + k;
        data_views(data, ids, count, views);
        status = mim_encoder_encode(encoder, views, output);
        if (!status) status = mim_tensors_info(outputs, output, NULL, &rank, shape, &n);
        if (!status && !features && !(features = malloc(n / (size_t)count * (size_t)data->count * sizeof *features)))
            status = MIM_ERR_NOMEM;
        if (!status) status = mim_tensors_read(outputs, output, MIM_F32, 0, n, features + n / (size_t)count * (size_t)i);
    }
    shape[0] = data->count;
    if (!status) status = mim_tensors_add(to, output, MIM_F32, rank, shape, features);
    free(features);
    mim_tensors_destroy(outputs);
    return status;
}

static mim_status add_labels(const struct data *data, mim_tensors *to)
{
    int64_t *labels = data->classes ? malloc((size_t)data->count * sizeof *labels) : NULL;
    for (int64_t i = 0; labels && i < data->count; i++)
        labels[i] = data->pictures[i].label;
    mim_status status = labels ? mim_tensors_add(to, "labels", MIM_I64, 1, &data->count, labels) : MIM_OK;
    free(labels);
    return status;
}

int main(int argc, char **argv)
{
    struct data data;
    struct why why;
    mim_context *context = NULL;
    mim_encoder *encoder = NULL;
    mim_tensors *to = NULL;
    if (argc < 4 || argc > 5 || data_open(argv[2], &data, &why)) {
        fprintf(stderr, "%s\n", argc < 4 || argc > 5 ? "features MODEL PICTURES OUT.safetensors [OUTPUT]" : why.text);
        return 2;
    }
    mim_status status = mim_context_create(NULL, &context);
    if (!status) status = mim_context_set_threads(context, processors());
    if (!status) status = open_encoder(context, argv[1], &encoder);
    if (!status) status = mim_tensors_create(context, &to);
    if (!status) status = encode(encoder, &data, argc == 5 ? argv[4] : "pooled", to);
    if (!status) status = add_labels(&data, to);
    if (!status) status = mim_tensors_save(to, argv[3]);
    if (status && !mim_last_error(context, why.text, sizeof why.text, NULL)) fprintf(stderr, "%s\n", why.text);
    mim_tensors_destroy(to);
    mim_encoder_destroy(encoder);
    mim_context_destroy(context);
    data_close(&data);
    return status != MIM_OK;
}
