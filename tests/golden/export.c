/* SPDX-License-Identifier: MIT */
/* export.c -- write a model again in every form, with what we computed; open_elsewhere.py then opens these.
 *
 *     export OUT FIXTURE                     a folder of make_fixtures.py, on its inputs
 *     export OUT PRESET [KEY=VALUE]...       a fresh model, its weights moved off their initial values, on made-up pictures
 *     export OUT PRESET [KEY=VALUE]... then [KEY=VALUE]...       the same trained a little, and opened with other keys
 *
 *     OUT/huggingface, OUT/timm                      the whole model
 *     OUT/huggingface_encoder, OUT/timm_encoder      its encoder alone
 *     OUT/mim.safetensors                            libmim's own, read again here: the same weights and outputs to the bit
 *
 * Beside config.json and model.safetensors stands features.safetensors: pixel_values; tokens; and of the whole model mask,
 * visible (MAE), and logits or reconstruction. timm hides no patches: there the tokens are those of whole pictures, as of an encoder alone.
 * A form that cannot express the model is reported, and is a failure only if the fixture came in it. */
#include <mim.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct work {
    mim_context *context;
    mim_config *config;
    mim_tensors *source, *inputs;           /* NULL and made up, of a preset */
    mim_encoder *encoder;
    mim_head *head;
    mim_trainer *trainer;
    mim_tensors *features, *plain;          /* of the whole model; of the encoder on whole pictures */
};

/* ---- tensors ---- */

static void *fetch(const mim_tensors *from, const char *name, int32_t *type, int32_t *rank, int64_t *shape, size_t *n)
{
    if (mim_tensors_info(from, name, type, rank, shape, n))
        return NULL;
    void *data = malloc((*n ? *n : 1) * 8);
    if (data && mim_tensors_read(from, name, *type, 0, *n, data)) {
        free(data);
        data = NULL;
    }
    return data;
}

static mim_status pass_on(const mim_tensors *from, const char *name, mim_tensors *to, const char *as)
{
    int64_t shape[MIM_MAX_RANK];
    int32_t type = 0, rank = 0;
    size_t n = 0;
    void *data = fetch(from, name, &type, &rank, shape, &n);
    mim_status status = data ? mim_tensors_add(to, as, type, rank, shape, data) : MIM_ERR_IO;
    free(data);
    return status;
}

static mim_status set_inputs(const struct work *w, mim_trainer *to)
{
    mim_status status = MIM_OK;
    for (int64_t i = 0; !status && i < mim_tensors_count(w->inputs); i++) {
        char name[256];
        int64_t shape[MIM_MAX_RANK];
        int32_t type = 0, rank = 0;
        size_t n = 0;
        status = mim_tensors_name(w->inputs, i, name, sizeof name, NULL);
        void *data = status ? NULL : fetch(w->inputs, name, &type, &rank, shape, &n);
        if (!status)
            status = data ? mim_trainer_set_input(to, strcmp(name, "pixel_values") ? name : "pixels", type, data, n)
                          : MIM_ERR_IO;
        free(data);
    }
    return status;
}

/* Same names, in the same order; same bits where `values`. */
static int same(const mim_tensors *a, const mim_tensors *b, int values)
{
    int equal = mim_tensors_count(a) == mim_tensors_count(b);
    for (int64_t i = 0; equal && i < mim_tensors_count(a); i++) {
        char name[256], other[256];
        int64_t shape[MIM_MAX_RANK];
        int32_t type = 0, rank = 0;
        size_t n = 0, m = 0;
        equal = !mim_tensors_name(a, i, name, sizeof name, NULL) && !mim_tensors_name(b, i, other, sizeof other, NULL)
             && !strcmp(name, other);
        void *x = equal && values ? fetch(a, name, &type, &rank, shape, &n) : NULL;
        void *y = equal && values ? fetch(b, name, &type, &rank, shape, &m) : NULL;
        equal = equal && (!values || (x && y && n == m && type == MIM_F32 && !memcmp(x, y, n * 4)));
        free(x);
        free(y);
    }
    return equal;
}

static mim_status mismatch(const char *what)
{
    fprintf(stderr, "%s\n", what);
    return MIM_ERR_VALUE;
}

/* ---- models ---- */

static mim_status make(struct work *w, const mim_tensors *weights, mim_encoder **e, mim_head **h, mim_trainer **t)
{
    mim_status status = mim_encoder_create(w->context, w->config, weights, e);
    if (!status) status = mim_head_create(w->context, w->config, *e, weights, h);
    if (!status) status = mim_trainer_create(w->context, w->config, *e, *h, NULL, NULL, t);
    return status;
}

static mim_status open_fixture(struct work *w, const char *path)
{
    char name[4096];
    int64_t shape[MIM_MAX_RANK] = { 0 };
    snprintf(name, sizeof name, "%s/inputs.safetensors", path);
    mim_status status = mim_tensors_open(w->context, path, &w->source);
    if (!status) status = mim_config_from_tensors(w->source, &w->config);
    if (!status) status = mim_tensors_open(w->context, name, &w->inputs);
    if (!status) status = mim_tensors_info(w->inputs, "pixel_values", NULL, NULL, shape, NULL);
    if (!status) status = mim_config_set_i64(w->config, "trainer.batch", shape[0]);
    if (!status) status = mim_config_set_i64(w->config, "image.height", shape[2]);
    if (!status) status = mim_config_set_i64(w->config, "image.width", shape[3]);
    return status;
}

static float noise(uint32_t *state)         /* -1 .. 1 */
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 8388608.0f - 1;
}

static mim_status make_pictures(struct work *w)
{
    int64_t shape[4] = { 2 };
    uint32_t state = 1;
    mim_status status = mim_config_set_i64(w->config, "trainer.batch", shape[0]);
    if (!status) status = mim_config_get_i64(w->config, "image.channels", &shape[1]);
    if (!status) status = mim_config_get_i64(w->config, "image.height", &shape[2]);
    if (!status) status = mim_config_get_i64(w->config, "image.width", &shape[3]);
    if (!status) status = mim_tensors_create(w->context, &w->inputs);
    size_t n = (size_t)(shape[0] * shape[1] * shape[2] * shape[3]);
    float *pixels = status ? NULL : malloc(n * sizeof *pixels);
    for (size_t i = 0; pixels && i < n; i++)
        pixels[i] = 2 * noise(&state);
    if (!status) status = pixels ? mim_tensors_add(w->inputs, "pixel_values", MIM_F32, 4, shape, pixels) : MIM_ERR_NOMEM;
    free(pixels);
    char kind[32];
    if (!status) status = mim_config_get_str(w->config, "head.kind", kind, sizeof kind, NULL);
    if (!status && !strcmp(kind, "classifier"))
        status = mim_tensors_add(w->inputs, "labels", MIM_I64, 1, shape, NULL);
    return status;
}

/* No bias, scale or table stays at zero or one. */
static mim_status move_off(struct work *w)
{
    mim_tensors *weights = NULL;
    uint32_t state = 2;
    mim_status status = mim_trainer_tensors(w->trainer, MIM_WEIGHTS, "mim", &weights);
    for (int64_t i = 0; !status && i < mim_tensors_count(weights); i++) {
        char name[256];
        int64_t shape[MIM_MAX_RANK];
        int32_t type = 0, rank = 0;
        size_t n = 0;
        status = mim_tensors_name(weights, i, name, sizeof name, NULL);
        float *x = status ? NULL : fetch(weights, name, &type, &rank, shape, &n);
        for (size_t k = 0; x && k < n; k++)
            x[k] += 0.05f * noise(&state);
        if (!status) status = x ? mim_tensors_write(weights, name, MIM_F32, 0, n, x) : MIM_ERR_IO;
        free(x);
    }
    mim_tensors_destroy(weights);
    return status;
}

/* From pair *from on, up to "then". */
static mim_status make_preset(struct work *w, char **pairs, int *from, int n)
{
    mim_status status = MIM_OK;
    for (; !status && *from < n && strcmp(pairs[*from], "then"); ++*from) {
        char *equals = strchr(pairs[*from], '=');
        if (!equals)
            return mismatch("neither a fixture nor KEY=VALUE");
        *equals = 0;
        status = mim_config_set_str(w->config, pairs[*from], equals + 1);
    }
    return status ? status : make_pictures(w);
}

/* ---- features ---- */

static mim_status compute(struct work *w)
{
    static const char *const names[] = { "mask", "logits", "reconstruction", "visible" };
    int64_t shape[MIM_MAX_RANK];
    int32_t type = 0, rank = 0;
    size_t n = 0;
    mim_tensors *out = NULL, *encoded = NULL;
    void *pixels = fetch(w->inputs, "pixel_values", &type, &rank, shape, &n);
    mim_status status = set_inputs(w, w->trainer);
    if (!status) status = mim_trainer_evaluate(w->trainer, NULL, 0, NULL);
    if (!status) status = mim_tensors_create(w->context, &w->features);
    if (!status) status = mim_tensors_create(w->context, &w->plain);
    if (!status) status = mim_trainer_tensors(w->trainer, MIM_OUTPUTS, NULL, &out);
    if (!status) status = pass_on(w->inputs, "pixel_values", w->features, "pixel_values");
    if (!status) status = pass_on(out, "tokens", w->features, "tokens");
    for (int i = 0; !status && i < 4; i++)
        if (!mim_tensors_info(out, names[i], NULL, NULL, NULL, NULL))
            status = pass_on(out, names[i], w->features, names[i]);
    if (!status) status = pixels ? mim_encoder_set_input(w->encoder, "pixels", type, pixels, n) : MIM_ERR_IO;
    if (!status) status = mim_encoder_encode(w->encoder, NULL, "tokens");
    if (!status) status = mim_encoder_tensors(w->encoder, MIM_OUTPUTS, NULL, &encoded);
    if (!status) status = pass_on(w->inputs, "pixel_values", w->plain, "pixel_values");
    if (!status) status = pass_on(encoded, "tokens", w->plain, "tokens");
    mim_tensors_destroy(encoded);
    mim_tensors_destroy(out);
    free(pixels);
    return status;
}

/* ---- the forms ---- */

/* Gradients go by the names of the weights. */
static mim_status check_gradients(const struct work *w, const mim_tensors *weights, const char *naming)
{
    mim_tensors *gradients = NULL;
    mim_status status = mim_trainer_tensors(w->trainer, MIM_GRADIENTS, naming, &gradients);
    if (!status && !same(weights, gradients, 0))
        status = mismatch("gradients have other names than weights");
    mim_tensors_destroy(gradients);
    return status;
}

static mim_status write_folder(const struct work *w, const char *out, const char *naming, int whole)
{
    char path[4096];
    mim_tensors *view = NULL;
    int masked = !mim_tensors_info(w->features, "mask", NULL, NULL, NULL, NULL);
    const mim_tensors *features = whole && !(masked && !strcmp(naming, "timm")) ? w->features : w->plain;
    mim_status status = whole ? mim_trainer_tensors(w->trainer, MIM_WEIGHTS, naming, &view)
                              : mim_encoder_tensors(w->encoder, MIM_WEIGHTS, naming, &view);
    if (!status && whole) status = check_gradients(w, view, naming);
    snprintf(path, sizeof path, "%s/%s%s", out, naming, whole ? "" : "_encoder");
    if (!status) status = mim_tensors_save_folder(view, path);
    snprintf(path, sizeof path, "%s/%s%s/features.safetensors", out, naming, whole ? "" : "_encoder");
    if (!status) status = mim_tensors_save(features, path);
    mim_tensors_destroy(view);
    return status;
}

/* libmim's own file, opened again without a configuration beside it. */
static mim_status write_own(struct work *w, const char *out)
{
    char path[4096];
    mim_tensors *view = NULL, *file = NULL, *again = NULL, *outputs = NULL, *repeated = NULL;
    mim_encoder *e = NULL;
    mim_head *h = NULL;
    mim_trainer *t = NULL;
    snprintf(path, sizeof path, "%s/mim.safetensors", out);
    mim_status status = mim_trainer_tensors(w->trainer, MIM_WEIGHTS, "mim", &view);
    if (!status) status = check_gradients(w, view, "mim");
    if (!status) status = mim_tensors_save(view, path);
    if (!status) status = mim_tensors_open(w->context, path, &file);
    if (!status) status = mim_encoder_create(w->context, NULL, file, &e);
    if (!status) status = mim_head_create(w->context, NULL, e, file, &h);
    if (!status) status = mim_trainer_create(w->context, w->config, e, h, NULL, NULL, &t);
    if (!status) status = mim_trainer_tensors(t, MIM_WEIGHTS, "mim", &again);
    if (!status && !same(view, again, 1)) status = mismatch("mim.safetensors gives other weights");
    if (!status) status = set_inputs(w, t);
    if (!status) status = mim_trainer_evaluate(t, NULL, 0, NULL);
    if (!status) status = mim_trainer_tensors(w->trainer, MIM_OUTPUTS, NULL, &outputs);
    if (!status) status = mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &repeated);
    int64_t shape[MIM_MAX_RANK];
    int32_t type = 0, rank = 0;
    size_t a = 0, b = 0;
    float *x = status ? NULL : fetch(outputs, "tokens", &type, &rank, shape, &a);
    float *y = status ? NULL : fetch(repeated, "tokens", &type, &rank, shape, &b);
    if (!status && !(x && y && a == b && !memcmp(x, y, a * sizeof *x)))
        status = mismatch("mim.safetensors computes otherwise");
    free(x);
    free(y);
    mim_tensors *sets[] = { repeated, outputs, again, file, view };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        mim_tensors_destroy(sets[i]);
    mim_trainer_destroy(t);
    mim_head_destroy(h);
    mim_encoder_destroy(e);
    return status;
}

/* The naming a fixture came in; none of a preset. */
static void naming_of(const struct work *w, char *to, size_t capacity)
{
    mim_config *about = NULL;
    to[0] = 0;
    if (w->source && !mim_encoder_describe(w->encoder, &about))
        mim_config_get_str(about, "weights.naming", to, capacity, NULL);
    mim_config_destroy(about);
}

static mim_status write_all(struct work *w, const char *out)
{
    static const char *const namings[] = { "huggingface", "timm" };
    char own[32], why[512];
    naming_of(w, own, sizeof own);
    mim_status status = write_own(w, out);
    for (int i = 0; !status && i < 4; i++) {
        status = write_folder(w, out, namings[i / 2], i % 2 == 0);
        if (status != MIM_ERR_UNSUPPORTED || !strcmp(own, namings[i / 2]))
            continue;
        mim_last_error(w->context, why, sizeof why, NULL);
        printf("  not as %s%s: %s\n", namings[i / 2], i % 2 ? " encoder" : "", why);
        status = MIM_OK;
    }
    return status;
}

/* Some steps; what they give, and not the model, stays. */
static mim_status train(struct work *w)
{
    mim_status status = MIM_OK;
    for (int i = 0; !status && i < 10; i++) {
        status = set_inputs(w, w->trainer);
        if (!status) status = mim_trainer_step(w->trainer, NULL, i, NULL);
    }
    if (!status) status = mim_trainer_tensors(w->trainer, MIM_WEIGHTS, "mim", &w->source);
    mim_trainer_destroy(w->trainer);
    mim_head_destroy(w->head);
    mim_encoder_destroy(w->encoder);
    mim_tensors_destroy(w->inputs);
    w->trainer = NULL;
    w->head = NULL;
    w->encoder = NULL;
    w->inputs = NULL;
    return status;
}

static mim_status run(struct work *w, const char *out, const char *what, char **pairs, int n)
{
    int preset = mim_config_create(w->context, what, &w->config) == MIM_OK, at = 0;
    mim_status status = preset ? make_preset(w, pairs, &at, n) : open_fixture(w, what);
    if (!status) status = mim_config_set_str(w->config, "trainer.outputs", "tokens");
    if (!status) status = make(w, w->source, &w->encoder, &w->head, &w->trainer);
    if (!status && preset) status = move_off(w);
    if (!status && preset && at++ < n) {
        status = train(w);
        if (!status) status = make_preset(w, pairs, &at, n);
        if (!status) status = make(w, w->source, &w->encoder, &w->head, &w->trainer);
    }
    if (!status) status = compute(w);
    return status ? status : write_all(w, out);
}

int main(int argc, char **argv)
{
    struct work w = { 0 };
    char why[512] = "";
    if (argc < 3)
        return fprintf(stderr, "export OUT FIXTURE, or export OUT PRESET [KEY=VALUE]... [then [KEY=VALUE]...]\n"), 2;
    mim_status status = mim_context_create(NULL, &w.context);
    if (!status) status = run(&w, argv[1], argv[2], argv + 3, argc - 3);
    if (status && w.context && !mim_last_error(w.context, why, sizeof why, NULL))
        fprintf(stderr, "%s: %s %s\n", argv[2], mim_status_name(status), why);
    mim_tensors *sets[] = { w.features, w.plain, w.inputs, w.source };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        mim_tensors_destroy(sets[i]);
    mim_trainer_destroy(w.trainer);
    mim_head_destroy(w.head);
    mim_encoder_destroy(w.encoder);
    mim_config_destroy(w.config);
    mim_context_destroy(w.context);
    return status != MIM_OK;
}
