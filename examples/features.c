/* SPDX-License-Identifier: MIT */
/* features.c -- features of pictures by a trained encoder, as one safetensors file.
 *
 *     features MODEL PICTURES OUT.safetensors [OUTPUT] [--threads N] [--precision bf16]
 *
 * MODEL: a folder as pretrain, timm or transformers writes it, or a file of libmim. PICTURES: as pretrain takes them.
 * OUTPUT: "pooled" (if not given), "tokens", "block.8", "stage.2", ...; OUT holds it with one row a picture, in
 * their order, and "labels" where the pictures have such. */
#include "support/encode.h"
#include "support/model.h"
#include "support/options.h"
#include "support/outputs.h"

#include <stdio.h>
#include <stdlib.h>

enum { MODEL, PICTURES, OUT, OUTPUT, WORDS };

static mim_status open_encoder(mim_context *context, const char *path, const char *precision, mim_encoder **encoder)
{
    mim_tensors *weights = NULL;
    mim_config *config = NULL;
    mim_status status = model_open(context, path, &weights);
    if (!status) status = mim_config_create(context, NULL, &config);
    if (!status && precision) status = mim_config_set_str(config, "precision", precision);
    if (!status) status = mim_encoder_create(context, config, weights, encoder);
    mim_config_destroy(config);
    mim_tensors_destroy(weights);
    return status;
}

static mim_status add_features(mim_encoder *encoder, const struct data *data, const char *output, mim_tensors *to)
{
    struct features f = { 0 };
    mim_status status = encode_pictures(encoder, data, output, POOL_NOT, "picture", &f);
    if (!status) status = mim_tensors_add(to, output, MIM_F32, f.rank, f.shape, f.rows);
    free(f.rows);
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

static mim_status run(const struct texts *words, long long threads, const char *precision, const struct data *data)
{
    mim_context *context = NULL;
    mim_encoder *encoder = NULL;
    mim_tensors *to = NULL;
    mim_status status = mim_context_create(NULL, &context);
    if (!status) status = mim_context_set_threads(context, (int32_t)(threads > 1 << 30 ? 1 << 30 : threads));
    if (!status) status = open_encoder(context, words->text[MODEL], precision, &encoder);
    if (!status) status = mim_tensors_create(context, &to);
    if (!status) status = add_features(encoder, data, words->count > OUTPUT ? words->text[OUTPUT] : "pooled", to);
    if (!status) status = add_labels(data, to);
    if (!status) status = mim_tensors_save(to, words->text[OUT]);
    if (status)
        print_error(context, status);
    mim_tensors_destroy(to);
    mim_encoder_destroy(encoder);
    mim_context_destroy(context);
    return status;
}

int main(int argc, char **argv)
{
    struct data data;
    struct why why;
    struct texts words = { 0 };
    long long threads = processors();
    const char *precision = NULL;
    const struct option options[] = {
        { "--threads", COUNT, &threads, "N", "threads (as many as there are processors)" },
        { "--precision", TEXT, &precision, "f32|bf16", "arithmetic (as the model says)" },
        { NULL, FLAG, NULL, NULL, NULL },
    };
    const char *about = "features MODEL PICTURES OUT.safetensors [OUTPUT] [options]\n"
                        "  MODEL is as evaluate takes it, PICTURES as pretrain takes them; OUTPUT: pooled (unless given), tokens,\n"
                        "  block.K, stage.K";
    enum option_result read = read_words(options, argc, argv, about, &words);
    if (read)
        return read == OPTIONS_HELP ? 0 : 2;
    if (words.count < OUTPUT || words.count > WORDS || data_open(words.text[PICTURES], &data, &why)) {
        fprintf(stderr, "%s\n", words.count < OUTPUT || words.count > WORDS ? about : why.text);
        return 2;
    }
    mim_status status = run(&words, threads, precision, &data);
    data_close(&data);
    return status != MIM_OK;
}
