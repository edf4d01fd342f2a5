/* SPDX-License-Identifier: MIT */
/* encode.c -- see encode.h. */
#include "encode.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 64 };

struct encoding {
    mim_encoder *encoder;
    const struct data *data;
    const char *output;
    enum pooling pool;
    int64_t class_tokens;
    mim_tensors *outputs;
    struct features features;
};

static mim_status count_class_tokens(struct encoding *e)
{
    mim_config *facts = NULL;
    mim_status status = mim_encoder_describe(e->encoder, &facts);
    if (!status) status = mim_config_get_i64(facts, "encoder.class_token", &e->class_tokens);
    mim_config_destroy(facts);
    return status;
}

/* What a batch of `count` pictures tells of all. Rows of attention under windows are [batch windows, ...]. */
static mim_status make_room(struct encoding *e, int32_t rank, const int64_t *shape, size_t elements, int64_t count)
{
    struct features *f = &e->features;
    f->rank = rank == 3 && e->pool ? 2 : rank;
    memcpy(f->shape, shape, (size_t)rank * sizeof *shape);
    if (f->rank != rank)
        f->shape[1] = shape[2];
    f->width = f->rank != rank ? shape[2] : (int64_t)elements / count;
    f->shape[0] = e->data->count * (shape[0] / count);
    if (rank == 3 && e->pool == POOL_CLASS && !e->class_tokens)
        return MIM_ERR_UNSUPPORTED;
    f->rows = malloc((size_t)f->width * (size_t)e->data->count * sizeof *f->rows + 1);
    return f->rows ? MIM_OK : MIM_ERR_NOMEM;
}

/* [batch, tokens, width] to one row a picture. Class tokens come first. */
static void pool_tokens(const struct encoding *e, const float *tokens, const int64_t *shape, float *to)
{
    int64_t width = shape[2], first = e->pool == POOL_CLASS ? 0 : e->class_tokens;
    int64_t end = e->pool == POOL_CLASS ? 1 : shape[1];
    for (int64_t b = 0; b < shape[0]; b++, tokens += shape[1] * width, to += width) {
        memset(to, 0, (size_t)width * sizeof *to);
        for (int64_t t = first; t < end; t++)
            for (int64_t i = 0; i < width; i++)
                to[i] += tokens[t * width + i];
        for (int64_t i = 0; i < width; i++)
            to[i] /= (float)(end - first);
    }
}

static mim_status keep_batch(struct encoding *e, int64_t first, int64_t count)
{
    int64_t shape[MIM_MAX_RANK];
    int32_t rank = 0;
    size_t n = 0;
    float *tokens = NULL;
    mim_status status = mim_tensors_info(e->outputs, e->output, NULL, &rank, shape, &n);
    if (!status && !e->features.rows) status = make_room(e, rank, shape, n, count);
    if (!status && e->features.rank == rank && (int64_t)n != count * e->features.width) {
        fprintf(stderr, "%s: pictures %lld to %lld give rows of another size than those before; set image.resize\n",
                e->output, (long long)first + 1, (long long)(first + count));
        status = MIM_ERR_SHAPE;
    }
    float *to = e->features.rows + (status ? 0 : first * e->features.width);
    if (!status && e->features.rank == rank)
        return mim_tensors_read(e->outputs, e->output, MIM_F32, 0, n, to);
    if (!status) status = mim_tensors_data(e->outputs, e->output, &tokens, &n);
    if (!status)
        pool_tokens(e, tokens, shape, to);
    return status;
}

static mim_status encode_all(struct encoding *e, struct progress *progress)
{
    int64_t ids[BATCH];
    mim_images views[BATCH];
    mim_status status = MIM_OK;
    for (int64_t i = 0; !status && i < e->data->count; i += BATCH) {
        int count = e->data->count - i < BATCH ? (int)(e->data->count - i) : BATCH;
        for (int k = 0; k < count; k++)
            ids[k] = i + k;
        data_views(e->data, ids, count, views);
        status = mim_encoder_encode(e->encoder, views, e->output);
        if (!status) status = keep_batch(e, i, count);
        if (!status && progress)
            progress_count(progress, i + count, count);
    }
    return status;
}

mim_status encode_pictures(mim_encoder *encoder, const struct data *data, const char *output, enum pooling pool,
                           const char *what, struct features *out)
{
    struct encoding e = { .encoder = encoder, .data = data, .output = output, .pool = pool };
    struct progress progress;
    mim_status status = count_class_tokens(&e);
    if (!status) status = mim_encoder_tensors(encoder, MIM_OUTPUTS, NULL, &e.outputs);
    progress_begin(&progress, 0, data->count);
    progress.what = what;
    if (!status) status = encode_all(&e, what ? &progress : NULL);
    progress_break(&progress);
    mim_tensors_destroy(e.outputs);
    if (status)
        free(e.features.rows);
    else
        *out = e.features;
    return status;
}
