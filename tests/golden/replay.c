/* SPDX-License-Identifier: MIT */
/* replay.c -- repeat one training step that another library made, and compare loss, outputs and every gradient.
 *
 *     replay [--bf16] FOLDER...       a line for each; ends non-zero if one failed
 *
 * A folder is what make_fixtures.py writes: config.json and model.safetensors of that library, and inputs, outputs and
 * gradients.safetensors. In f32 the loss must agree to 1e-5 of itself, an output to 1e-4 of its largest value, a gradient
 * to 1e-4 of its own largest value or of a thousandth of the largest gradient of all, whichever is more. In bf16 loss and
 * outputs must agree to 5e-2, and all gradients together to 0.15 of their length. */
#include <mim.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct folder {
    mim_context *context;
    mim_tensors *weights, *inputs, *outputs, *gradients;         /* what the other library had */
    mim_trainer *trainer;
    mim_tensors *our_outputs, *our_gradients;
};

struct difference {
    double loss, output, gradient, together;
    char output_name[256], gradient_name[256];
};

/* Names of make_fixtures.py that mim.h calls otherwise. */
static const char *our_name(const char *theirs)
{
    static const char *const names[][2] = {
        { "pixel_values", "pixels" }, { "input_ids", "ids" }, { "hidden", "tokens" }, { "ids_keep", "visible" },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(theirs, names[i][0]))
            return names[i][1];
    return theirs;
}

/* All of a tensor in a new array, or NULL if there is none of this name and type. */
static void *fetch(const mim_tensors *set, const char *name, int32_t type, size_t *n)
{
    if (mim_tensors_info(set, name, NULL, NULL, NULL, n))
        return NULL;
    void *data = malloc((*n ? *n : 1) * 8);
    if (data && mim_tensors_read(set, name, type, 0, *n, data)) {
        free(data);
        data = NULL;
    }
    return data;
}

static double largest(const float *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)x[i]));
    return most;
}

/* Largest difference; infinite where either holds a NaN, which fmax would pass over. */
static double distance(const float *x, const float *y, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)x[i] - (double)y[i]);
        most = isnan(d) ? INFINITY : fmax(most, d);
    }
    return most;
}

static double share(double part, double whole) { return part == 0 ? 0 : part / whole; }

static mim_status open_file(struct folder *f, const char *path, const char *file, mim_tensors **out)
{
    char name[4096];
    snprintf(name, sizeof name, "%s/%s", path, file);
    return mim_tensors_open(f->context, name, out);
}

static mim_status open_folder(struct folder *f, const char *path)
{
    mim_status status = mim_context_create(NULL, &f->context);
    if (!status) status = mim_tensors_open(f->context, path, &f->weights);
    if (!status) status = open_file(f, path, "inputs.safetensors", &f->inputs);
    if (!status) status = open_file(f, path, "outputs.safetensors", &f->outputs);
    if (!status) status = open_file(f, path, "gradients.safetensors", &f->gradients);
    return status;
}

static void close_folder(struct folder *f)
{
    mim_tensors *sets[] = { f->our_gradients, f->our_outputs, f->gradients, f->outputs, f->inputs, f->weights };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        mim_tensors_destroy(sets[i]);
    mim_trainer_destroy(f->trainer);
    mim_context_destroy(f->context);
}

/* What the encoder is asked for: its tokens, and the stages that the fixture has. */
static mim_status list_outputs(const struct folder *f, char *list, size_t size)
{
    mim_status status = MIM_OK;
    snprintf(list, size, "tokens");
    for (int64_t i = 0; !status && i < mim_tensors_count(f->outputs); i++) {
        char name[256] = "";
        size_t n = strlen(list);
        status = mim_tensors_name(f->outputs, i, name, sizeof name, NULL);
        if (!strncmp(name, "stage.", 6))
            snprintf(list + n, size - n, " %s", name);
    }
    return status;
}

/* Keys that the fixture decides: the sizes of its pictures, and no update. All else comes with the weights. */
static mim_status configure(struct folder *f, mim_config *config, const char *precision)
{
    int64_t shape[MIM_MAX_RANK] = { 0 };
    char outputs[256];
    mim_status status = mim_tensors_info(f->inputs, "pixel_values", NULL, NULL, shape, NULL);
    if (!status) {
        status = mim_config_set_i64(config, "image.height", shape[2]);
        if (!status) status = mim_config_set_i64(config, "image.width", shape[3]);
    } else {
        status = mim_tensors_info(f->inputs, "input_ids", NULL, NULL, shape, NULL);
    }
    if (!status) status = mim_config_set_i64(config, "trainer.batch", shape[0]);
    if (!status) status = list_outputs(f, outputs, sizeof outputs);
    if (!status) status = mim_config_set_str(config, "trainer.outputs", outputs);
    if (!status) status = mim_config_set_str(config, "optimizer.kind", "none");
    if (!status) status = mim_config_set_str(config, "precision", precision);
    return status;
}

static mim_status build(struct folder *f, const char *precision)
{
    mim_config *config = NULL;
    mim_encoder *encoder = NULL;
    mim_head *head = NULL;
    mim_status status = mim_config_create(f->context, NULL, &config);
    if (!status) status = configure(f, config, precision);
    if (!status) status = mim_encoder_create(f->context, config, f->weights, &encoder);
    if (!status) status = mim_head_create(f->context, config, encoder, f->weights, &head);
    if (!status) status = mim_trainer_create(f->context, config, encoder, head, NULL, NULL, &f->trainer);
    if (!status) status = mim_trainer_tensors(f->trainer, MIM_OUTPUTS, NULL, &f->our_outputs);
    if (!status) status = mim_trainer_tensors(f->trainer, MIM_GRADIENTS, NULL, &f->our_gradients);
    mim_head_destroy(head);
    mim_encoder_destroy(encoder);
    mim_config_destroy(config);
    return status;
}

static mim_status set_input(struct folder *f, int64_t i)
{
    char name[256];
    int32_t type = 0;
    size_t n = 0;
    mim_status status = mim_tensors_name(f->inputs, i, name, sizeof name, NULL);
    if (!status) status = mim_tensors_info(f->inputs, name, &type, NULL, NULL, &n);
    if (status)
        return status;
    void *data = fetch(f->inputs, name, type, &n);
    status = data ? mim_trainer_set_input(f->trainer, our_name(name), type, data, n) : MIM_ERR_IO;
    free(data);
    return status;
}

static mim_status step(struct folder *f)
{
    mim_status status = MIM_OK;
    for (int64_t i = 0; !status && i < mim_tensors_count(f->inputs); i++)
        status = set_input(f, i);
    if (!status) status = mim_trainer_forward(f->trainer, NULL, 0, NULL);
    if (!status) status = mim_trainer_backward(f->trainer);
    return status;
}

/* Rows of one picture after its first `extra`, from the order of `ours` into that of `theirs`. */
static void sort_rows(int64_t n, int64_t extra, int64_t width, const int64_t *theirs, const int64_t *ours,
                      const float *from, float *to)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            if (theirs[i] == ours[j])
                memcpy(to + (extra + i) * width, from + (extra + j) * width, (size_t)width * sizeof *to);
}

/* MAE: both encoded the same patches, in different orders. */
static mim_status reorder(const struct folder *f, float *tokens)
{
    int64_t shape[MIM_MAX_RANK];                                 /* batch, tokens, width */
    size_t n = 0, m = 0, k = 0;
    mim_status status = mim_tensors_info(f->our_outputs, "tokens", NULL, NULL, shape, &n);
    int64_t *theirs = fetch(f->outputs, "ids_keep", MIM_I64, &m), *ours = fetch(f->our_outputs, "visible", MIM_I64, &k);
    float *copy = malloc((n ? n : 1) * sizeof *copy);
    if (!status && (!theirs || !ours || !copy || m != k))
        status = MIM_ERR_SHAPE;
    if (!status) {
        int64_t visible = (int64_t)m / shape[0], picture = shape[1] * shape[2];
        memcpy(copy, tokens, n * sizeof *copy);
        for (int64_t b = 0; b < shape[0]; b++)
            sort_rows(visible, shape[1] - visible, shape[2], theirs + b * visible, ours + b * visible,
                      copy + b * picture, tokens + b * picture);
    }
    free(theirs);
    free(ours);
    free(copy);
    return status;
}

static void keep_worst(double *worst, char *worst_name, double value, const char *name)
{
    if (!(value > *worst))
        return;
    *worst = value;
    snprintf(worst_name, 256, "%s", name);
}

static mim_status compare_output(const struct folder *f, const char *name, struct difference *d)
{
    size_t n = 0, m = 0;
    float *theirs = fetch(f->outputs, name, MIM_F32, &n), *ours = fetch(f->our_outputs, our_name(name), MIM_F32, &m);
    mim_status status = !theirs || !ours || n != m ? MIM_ERR_SHAPE : MIM_OK;
    if (!status && !strcmp(name, "hidden") && !mim_tensors_info(f->outputs, "ids_keep", NULL, NULL, NULL, NULL))
        status = reorder(f, ours);
    if (!status) {
        double value = share(distance(ours, theirs, n), largest(theirs, n));
        if (!strcmp(name, "loss"))
            d->loss = value;
        else
            keep_worst(&d->output, d->output_name, value, name);
    } else {
        keep_worst(&d->output, d->output_name, INFINITY, name);
    }
    free(theirs);
    free(ours);
    return status;
}

static mim_status compare_outputs(const struct folder *f, struct difference *d)
{
    d->loss = INFINITY;                                          /* until it is seen */
    mim_status status = MIM_OK;
    for (int64_t i = 0; !status && i < mim_tensors_count(f->outputs); i++) {
        char name[256];
        status = mim_tensors_name(f->outputs, i, name, sizeof name, NULL);
        if (!status && strcmp(name, "ids_keep"))
            status = compare_output(f, name, d);
    }
    return status;
}

static double largest_of_all(const mim_tensors *set)
{
    double most = 0;
    for (int64_t i = 0; i < mim_tensors_count(set); i++) {
        char name[256];
        size_t n = 0;
        float *x = mim_tensors_name(set, i, name, sizeof name, NULL) ? NULL : fetch(set, name, MIM_F32, &n);
        if (x) most = fmax(most, largest(x, n));
        free(x);
    }
    return most;
}

struct sums { double floor, apart, length; };

static mim_status compare_gradient(const struct folder *f, const char *name, struct sums *s, struct difference *d)
{
    size_t n = 0, m = 0;
    float *theirs = fetch(f->gradients, name, MIM_F32, &n), *ours = fetch(f->our_gradients, name, MIM_F32, &m);
    mim_status status = !theirs || !ours || n != m ? MIM_ERR_SHAPE : MIM_OK;
    double value = status ? INFINITY : share(distance(ours, theirs, n), fmax(largest(theirs, n), s->floor));
    keep_worst(&d->gradient, d->gradient_name, value, name);
    for (size_t k = 0; !status && k < n; k++) {
        s->apart += ((double)ours[k] - theirs[k]) * ((double)ours[k] - theirs[k]);
        s->length += (double)theirs[k] * theirs[k];
    }
    free(theirs);
    free(ours);
    return status;
}

static mim_status compare_gradients(const struct folder *f, struct difference *d)
{
    struct sums s = { .floor = largest_of_all(f->gradients) / 1000 };
    mim_status status = MIM_OK;
    for (int64_t i = 0; !status && i < mim_tensors_count(f->gradients); i++) {
        char name[256];
        status = mim_tensors_name(f->gradients, i, name, sizeof name, NULL);
        if (!status) status = compare_gradient(f, name, &s, d);
    }
    d->together = sqrt(share(s.apart, s.length));
    return status;
}

static int replay(const char *path, int bf16)
{
    struct folder f = { 0 };
    struct difference d = { 0 };
    char why[512] = "";
    mim_status status = open_folder(&f, path);
    if (!status) status = build(&f, bf16 ? "bf16" : "f32");
    if (!status) status = step(&f);
    if (status && f.context)
        mim_last_error(f.context, why, sizeof why, NULL);
    if (!status) status = compare_outputs(&f, &d);
    if (!status) status = compare_gradients(&f, &d);
    int pass = !status && (bf16 ? d.loss < 5e-2 && d.output < 5e-2 && d.together < 0.15
                                : d.loss < 1e-5 && d.output < 1e-4 && d.gradient < 1e-4);
    printf("%s %s: loss %.1e, outputs %.1e (%s), gradients %.1e (%s), together %.1e", pass ? "PASS" : "FAIL", path,
           d.loss, d.output, d.output_name, d.gradient, d.gradient_name, d.together);
    printf(status ? " -- %s %s\n" : "\n", mim_status_name(status), why);
    close_folder(&f);
    return pass;
}

int main(int argc, char **argv)
{
    int bf16 = argc > 1 && !strcmp(argv[1], "--bf16"), passed = 0, all = argc - 1 - bf16;
    for (int i = 1 + bf16; i < argc; i++)
        passed += replay(argv[i], bf16);
    printf("%d passed, %d failed\n", passed, all - passed);
    return passed != all;
}
