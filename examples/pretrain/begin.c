/* SPDX-License-Identifier: MIT */
/* begin.c -- from a command line, or a state file, to a trainer and pictures. */
#include "run.h"
#include "../support/model.h"
#include "../support/outputs.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_HELD_OUT = 512, HELD_OUT_SHARE = 10 };      /* one in ten */

mim_status run_failed(const struct run *r, mim_status status, const char *doing)
{
    if (status == MIM_ERR_CANCELLED)
        return status;
    fprintf(stderr, "%s: ", doing);
    print_error(r->context, status);
    return status;
}

static mim_status wrong(const char *what, const char *sentence, mim_status status)
{
    fprintf(stderr, "%s: %s\n", what, sentence);
    return status;
}

/* ---- configuration ---- */

static int is_path(const char *name)
{
    size_t n = strlen(name);
    return strchr(name, '/') || (n > 5 && !strcmp(name + n - 5, ".json"));
}

/* What the command line sets; on top of a preset or file, or, resuming, of what the state holds. */
static mim_status set_arguments(mim_config *config, const struct arguments *a)
{
    mim_status status = MIM_OK;
    if (a->steps) status = mim_config_set_i64(config, "optimizer.steps", a->steps);
    if (!status && a->batch) status = mim_config_set_i64(config, "trainer.batch", a->batch);
    if (!status && a->seed >= 0) status = mim_config_set_i64(config, "seed", a->seed);
    if (!status && a->precision) status = mim_config_set_str(config, "precision", a->precision);
    for (int i = 0; !status && i < a->set.count; i++)
        status = model_set(config, a->set.text[i]);
    return status;
}

/* A warm-up made for a longer run would not fit a shorter one. */
static mim_status fit_warmup(mim_config *config)
{
    int64_t steps = 0, warmup = 0;
    mim_status status = mim_config_get_i64(config, "optimizer.steps", &steps);
    if (!status) status = mim_config_get_i64(config, "optimizer.warmup", &warmup);
    return !status && steps > 0 && warmup >= steps ? mim_config_set_i64(config, "optimizer.warmup", steps / 10) : status;
}

/* Pictures of another number of channels than the preset's are normalised plainly. */
static mim_status fit_channels(mim_config *config, int32_t channels)
{
    int64_t wanted = 0;
    mim_status status = mim_config_get_i64(config, "image.channels", &wanted);
    if (status || wanted == channels)
        return status;
    status = mim_config_set_i64(config, "image.channels", channels);
    if (!status) status = mim_config_set_str(config, "image.mean", "[0.5]");
    if (!status) status = mim_config_set_str(config, "image.deviation", "[0.25]");
    return status;
}

static mim_status configure(struct run *r, mim_config **config)
{
    struct why why;
    size_t size;
    const char *name = r->arguments.config;
    char *json = is_path(name) ? (char *)read_file(name, &size, &why) : NULL;
    if (is_path(name) && !json)
        return wrong("pretrain", why.text, MIM_ERR_IO);
    mim_status status = mim_config_create(r->context, json ? NULL : name, config);
    if (!status && json) status = mim_config_read_json(*config, json);
    if (!status) status = fit_channels(*config, r->data.channels);
    if (!status) status = set_arguments(*config, &r->arguments);
    if (!status) status = fit_warmup(*config);
    free(json);
    return status ? run_failed(r, status, name) : MIM_OK;
}

/* ---- pictures ---- */

static mim_status open_data(struct run *r, const char *path)
{
    struct why why;
    if (data_open(path, &r->data, &why))
        return wrong("pretrain", why.text, MIM_ERR_IO);
    if (r->data.count < 2)
        return wrong(path, "one picture is not enough; the last of them are held out", MIM_ERR_VALUE);
    r->data_path = path;
    int64_t share = r->data.count / HELD_OUT_SHARE;
    r->held_out = share < 1 ? 1 : share > MOST_HELD_OUT ? MOST_HELD_OUT : share;
    r->training = r->data.count - r->held_out;
    return MIM_OK;
}

/* ---- a new run, or one taken up again ---- */

static mim_status create(struct run *r)
{
    mim_config *config = NULL;
    mim_status status = open_data(r, r->arguments.data);
    if (status)
        return status;
    status = configure(r, &config);
    if (!status) {
        status = mim_trainer_create(r->context, config, NULL, NULL, NULL, NULL, &r->trainer);
        if (status) run_failed(r, status, "cannot begin");
    }
    mim_config_destroy(config);
    return status;
}

static mim_status text_number(const mim_tensors *state, const char *key, int64_t *to)
{
    char text[64];
    mim_status status = mim_tensors_get_text(state, key, text, sizeof text, NULL);
    if (!status)
        *to = atoll(text);
    return status;
}

/* The pictures must be the ones the run began with, or order and place mean nothing. */
static mim_status open_stored_data(struct run *r, const mim_tensors *state)
{
    int64_t pictures = 0;
    mim_status status = mim_tensors_get_text(state, "host.data", r->stored_path, sizeof r->stored_path, NULL);
    if (!status) status = text_number(state, "host.pictures", &pictures);
    if (status)
        return run_failed(r, status, "the state is not one of pretrain");
    const char *path = r->arguments.data ? r->arguments.data : r->stored_path;
    status = open_data(r, path);
    if (!status && r->data.count != pictures)
        return wrong(path, "holds another number of pictures than when the run began", MIM_ERR_VALUE);
    return status;
}

static mim_status read_place(struct run *r, const mim_tensors *state)
{
    int64_t milliseconds = 0;
    mim_status status = text_number(state, "host.epoch", &r->place.epoch);
    if (!status) status = text_number(state, "host.offset", &r->place.offset);
    if (!status) status = text_number(state, "host.milliseconds", &milliseconds);
    if (status)
        return run_failed(r, status, "the state is not one of pretrain");
    if (r->place.epoch < 0 || r->place.offset < 0 || r->place.offset > r->training)
        return wrong("state.safetensors", "its place is not one in these pictures", MIM_ERR_FORMAT);
    r->mark = r->place;
    r->seconds = (double)milliseconds / 1000;
    return MIM_OK;
}

static mim_status resume(struct run *r, const char *path)
{
    mim_tensors *state = NULL;
    mim_config *config = NULL;
    mim_status status = mim_tensors_open(r->context, path, &state);
    if (status)
        return run_failed(r, status, "cannot resume");
    status = open_stored_data(r, state);
    if (!status) status = read_place(r, state);
    if (!status) {
        status = mim_config_create(r->context, NULL, &config);
        if (!status) status = set_arguments(config, &r->arguments);
        if (!status) status = mim_trainer_resume(r->context, config, state, &r->trainer);
        if (status) run_failed(r, status, "cannot resume");
    }
    mim_config_destroy(config);
    mim_tensors_destroy(state);
    return status;
}

/* ---- what the trainer says of itself ---- */

static double described(const mim_config *config, const char *key)
{
    double value = 0;
    return mim_config_get_f64(config, key, &value) ? 0 : value;
}

static mim_status read_settings(struct run *r)
{
    double step = 0;
    mim_config *config = NULL;
    mim_status status = mim_trainer_describe(r->trainer, &config);
    if (!status) status = mim_config_get_i64(config, "trainer.batch", &r->batch);
    if (!status) status = mim_config_get_i64(config, "optimizer.steps", &r->steps);
    if (!status) status = mim_config_get_i64(config, "seed", &r->seed);
    if (!status) status = mim_trainer_metric(r->trainer, "step", &step);
    if (!status) status = mim_trainer_tensors(r->trainer, MIM_STATE, NULL, &r->state);
    if (status) {
        run_failed(r, status, "cannot begin");
    } else {
        r->step = (int64_t)step;
        const struct picture *p = r->data.pictures;
        printf("%lld pictures of %d channel(s), the first %d x %d; the last %lld are held out\n", (long long)r->data.count,
               (int)r->data.channels, (int)p->width, (int)p->height, (long long)r->held_out);
        printf("%.2f million parameters, %.0f MB, %lld steps of %lld, %lld thread(s)\n",
               described(config, "plan.parameters") / 1e6, described(config, "plan.bytes.total") / 1e6,
               (long long)r->steps, (long long)r->batch, r->arguments.threads);
    }
    mim_config_destroy(config);
    return status;
}

static mim_status check_folder(struct run *r, const char *state)
{
    const struct arguments *a = &r->arguments;
    if (a->resume && !is_file(state))
        return wrong(state, "there is no such file to resume from", MIM_ERR_IO);
    if (!a->resume && is_file(state))
        return wrong(a->out, "holds a run already; go on with --resume, or give another --out", MIM_ERR_VALUE);
    char *model = join_path(a->out, "model.safetensors");
    int taken = !a->resume && model && is_file(model);
    free(model);
    if (taken)
        return wrong(a->out, "holds a model already; give another --out", MIM_ERR_VALUE);
    return MIM_OK;
}

mim_status run_begin(struct run *r)
{
    char *path = join_path(r->arguments.out, "state.safetensors");
    mim_status status = path ? check_folder(r, path) : MIM_ERR_NOMEM;
    if (!status) status = r->arguments.resume ? resume(r, path) : create(r);
    if (!status) status = read_settings(r);
    free(path);
    if (!status && r->steps < 1)
        return wrong(r->arguments.config, "how many steps? Give --steps N", MIM_ERR_VALUE);
    if (!status && !(r->order = malloc((size_t)r->training * sizeof *r->order)))
        return wrong(r->data_path, "no memory for the order of its pictures", MIM_ERR_NOMEM);
    if (!status && make_folder(r->arguments.out))
        return wrong(r->arguments.out, "cannot make this folder", MIM_ERR_IO);
    if (!status && log_open(r))
        return wrong(r->arguments.out, "cannot write log.csv and held_out.csv there", MIM_ERR_IO);
    r->ordered = r->saved = -1;
    r->begun = seconds_now();
    return status;
}

void run_end(struct run *r)
{
    if (r->log)
        fclose(r->log);
    if (r->held_log)
        fclose(r->held_log);
    free(r->order);
    mim_tensors_destroy(r->state);
    mim_trainer_destroy(r->trainer);
    data_close(&r->data);
    history_free(&r->losses);
    history_free(&r->held_losses);
}
