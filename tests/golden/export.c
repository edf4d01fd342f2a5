/* SPDX-License-Identifier: MIT */
/* export.c -- read a fixture, write it again as a folder of its own library, with what we computed on its inputs.
 *
 *     export FIXTURE OUT          OUT/model.safetensors, OUT/config.json, OUT/features.safetensors
 *
 * open_elsewhere.py then opens OUT with that library and compares. features.safetensors holds the fixture's inputs under
 * their names, and our outputs: tokens, and logits or reconstruction. */
#include <mim.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct work {
    mim_context *context;
    mim_tensors *fixture, *inputs, *features;
    mim_trainer *trainer;
};

static const char *our_name(const char *theirs)
{
    return !strcmp(theirs, "pixel_values") ? "pixels" : !strcmp(theirs, "input_ids") ? "ids" : theirs;
}

/* Copies a tensor of `from` into the features under the name `as`; into the trainer as an input, if one is given. */
static mim_status pass_on(struct work *w, const mim_tensors *from, const char *name, const char *as, mim_trainer *to)
{
    int64_t shape[MIM_MAX_RANK];
    int32_t type = 0, rank = 0;
    size_t n = 0;
    mim_status status = mim_tensors_info(from, name, &type, &rank, shape, &n);
    if (status)
        return status;
    void *data = malloc((n ? n : 1) * 8);
    status = data ? mim_tensors_read(from, name, type, 0, n, data) : MIM_ERR_NOMEM;
    if (!status && to) status = mim_trainer_set_input(to, our_name(name), type, data, n);
    if (!status) status = mim_tensors_add(w->features, as, type, rank, shape, data);
    free(data);
    return status;
}

static mim_status build(struct work *w)
{
    int64_t shape[MIM_MAX_RANK] = { 0 };
    mim_config *config = NULL;
    mim_encoder *encoder = NULL;
    mim_head *head = NULL;
    mim_status status = mim_config_create(w->context, NULL, &config);
    if (!status) status = mim_tensors_info(w->inputs, "pixel_values", NULL, NULL, shape, NULL);
    if (!status) status = mim_config_set_i64(config, "trainer.batch", shape[0]);
    if (!status) status = mim_config_set_i64(config, "image.height", shape[2]);
    if (!status) status = mim_config_set_i64(config, "image.width", shape[3]);
    if (!status) status = mim_config_set_i64(config, "trainer.gradients", 0);
    if (!status) status = mim_config_set_str(config, "trainer.outputs", "tokens");
    if (!status) status = mim_encoder_create(w->context, config, w->fixture, &encoder);
    if (!status) status = mim_head_create(w->context, config, encoder, w->fixture, &head);
    if (!status) status = mim_trainer_create(w->context, config, encoder, head, NULL, NULL, &w->trainer);
    mim_head_destroy(head);
    mim_encoder_destroy(encoder);
    mim_config_destroy(config);
    return status;
}

static mim_status compute(struct work *w)
{
    char name[256];
    mim_tensors *outputs = NULL;
    mim_status status = mim_tensors_create(w->context, &w->features);
    for (int64_t i = 0; !status && i < mim_tensors_count(w->inputs); i++) {
        status = mim_tensors_name(w->inputs, i, name, sizeof name, NULL);
        if (!status) status = pass_on(w, w->inputs, name, name, w->trainer);
    }
    if (!status) status = mim_trainer_evaluate(w->trainer, NULL, 0, NULL);
    if (!status) status = mim_trainer_tensors(w->trainer, MIM_OUTPUTS, NULL, &outputs);
    if (!status) status = pass_on(w, outputs, "tokens", "tokens", NULL);
    const char *heads[] = { "logits", "reconstruction" };
    for (int i = 0; !status && i < 2; i++)
        if (!mim_tensors_info(outputs, heads[i], NULL, NULL, NULL, NULL))
            status = pass_on(w, outputs, heads[i], heads[i], NULL);
    mim_tensors_destroy(outputs);
    return status;
}

static mim_status write(struct work *w, const char *out)
{
    char path[4096];
    mim_tensors *weights = NULL;
    mim_status status = mim_trainer_tensors(w->trainer, MIM_WEIGHTS, NULL, &weights);
    if (!status) status = mim_tensors_save_folder(weights, out);
    snprintf(path, sizeof path, "%s/features.safetensors", out);
    if (!status) status = mim_tensors_save(w->features, path);
    mim_tensors_destroy(weights);
    return status;
}

int main(int argc, char **argv)
{
    struct work w = { 0 };
    char path[4096], why[512] = "";
    if (argc != 3)
        return fprintf(stderr, "export FIXTURE OUT\n"), 2;
    snprintf(path, sizeof path, "%s/inputs.safetensors", argv[1]);
    mim_status status = mim_context_create(NULL, &w.context);
    if (!status) status = mim_tensors_open(w.context, argv[1], &w.fixture);
    if (!status) status = mim_tensors_open(w.context, path, &w.inputs);
    if (!status) status = build(&w);
    if (!status) status = compute(&w);
    if (!status) status = write(&w, argv[2]);
    if (status && w.context && !mim_last_error(w.context, why, sizeof why, NULL))
        fprintf(stderr, "%s: %s %s\n", argv[1], mim_status_name(status), why);
    mim_tensors_destroy(w.features);
    mim_trainer_destroy(w.trainer);
    mim_tensors_destroy(w.inputs);
    mim_tensors_destroy(w.fixture);
    mim_context_destroy(w.context);
    return status != MIM_OK;
}
