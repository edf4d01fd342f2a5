/* SPDX-License-Identifier: MIT */
/* describe.c -- the whole configuration of a run, its sizes and where its time goes; and what named tensors carry. */
#include "train/trainer.h"

#include <stdio.h>

mim_status mim__trainer_config(const mim_trainer *t, mim_config **out)
{
    mim_config *r = NULL;
    mim_status status = mim__report_create(t->object.ctx, &r);
    if (!status)
        status = mim__encoder_report(t->encoder, r);
    if (!status)
        status = mim__head_report(t->head, r);
    if (!status && t->masker)
        status = mim__masker_report(t->masker, t->run.seed, r);
    if (!status)
        status = mim__optimizer_report(t->optimizer, r);
    if (!status)
        status = mim__report_options(r, mim__image_options, &t->image);
    if (!status)
        status = mim__report_options(r, mim__run_options, &t->run);
    if (!status)
        status = mim__report_options(r, mim__trainer_options, &t->options);
    if (status)
        mim_config_destroy(r);
    else
        *out = r;
    return status;
}

static mim_status report_row(mim_config *r, int i, const struct profile_row *row)
{
    char key[64];
    mim_status status = MIM_OK;
    const struct { const char *part, *text; } texts[] = {
        { "operator", row->name }, { "place", row->place }, { "pass", row->pass },
    };
    for (int k = 0; k < COUNT(texts) && !status; k++) {
        snprintf(key, sizeof key, "profile.%d.%s", i, texts[k].part);
        status = mim__report_text(r, key, texts[k].text);
    }
    const struct { const char *part; int64_t value; } numbers[] = {
        { "calls", row->calls }, { "operations", row->operations }, { "bytes", row->bytes },
    };
    for (int k = 0; k < COUNT(numbers) && !status; k++) {
        snprintf(key, sizeof key, "profile.%d.%s", i, numbers[k].part);
        status = mim__report_i64(r, key, numbers[k].value);
    }
    snprintf(key, sizeof key, "profile.%d.seconds", i);
    return status ? status : mim__report_f64(r, key, row->seconds);
}

/* The norm reads the gradients; the rule reads those of its range again, and reads and writes all else of it. */
static int64_t bytes_updated(const struct trainer_sizes *s)
{
    size_t own = s->gradients ? 3 * s->range.count * sizeof(float) : 0;
    return (int64_t)(s->gradients + own + 2 * (s->moments + s->average) + (s->average ? s->weights : 0));
}

static mim_status report_profile(const mim_trainer *t, mim_config *r)
{
    const struct profile_row *rows;
    int n = mim__plan_profile_rows(t->plan, &rows);
    bool updated = t->update_seconds >= 0;
    mim_status status = mim__report_i64(r, "profile.count", n + updated);
    for (int i = 0; i < n && !status; i++)
        status = report_row(r, i, &rows[i]);
    struct profile_row update = { .name = "optimizer", .place = "", .pass = "update", .calls = 1,
                                  .seconds = t->update_seconds, .bytes = bytes_updated(&t->sizes) };
    return status || !updated ? status : report_row(r, n, &update);
}

mim_status mim_trainer_describe(const mim_trainer *t, mim_config **out)
{
    mim_config *r = NULL;
    if (!t || !out)
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_trainer_describe");
    mim_status status = mim__trainer_config(t, &r);
    if (!status)
        status = mim__trainer_report_sizes(t, "plan.", r);
    if (!status && t->options.profile)
        status = report_profile(t, r);
    if (status)
        mim_config_destroy(r);
    else
        *out = r;
    return status;
}

mim_status mim_config_from_tensors(const mim_tensors *tensors, mim_config **out)
{
    mim_config *config = NULL;
    if (!tensors || !out)
        return mim__null_argument(tensors ? mim__tensors_context(tensors) : NULL, "mim_config_from_tensors");
    mim_context *ctx = mim__tensors_context(tensors);
    mim_status status = mim_config_create(ctx, NULL, &config);
    if (!status)
        status = mim__encoder_config_from(ctx, tensors, config);
    if (!status)
        status = mim__head_config_from(ctx, tensors, config);
    if (status)
        mim_config_destroy(config);
    else
        *out = config;
    return status;
}
