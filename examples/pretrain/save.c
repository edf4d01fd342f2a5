/* SPDX-License-Identifier: MIT */
/* save.c -- all that a run leaves in its folder. The state comes last, so that log and weights are never behind it. */
#include "run.h"
#include "../support/evaluation.h"
#include "../support/model.h"

#include <math.h>
#include <stdlib.h>

/* A signal may have asked to cancel a call when none was under way; the first one after it then takes the request. */
static mim_status evaluate_held_out(struct run *r, const char *sheet, struct evaluation *e)
{
    mim_status status = evaluate(r->trainer, &r->data, r->training, r->held_out, (int)r->batch, sheet, e);
    if (status == MIM_ERR_CANCELLED)
        status = evaluate(r->trainer, &r->data, r->training, r->held_out, (int)r->batch, sheet, e);
    return status;
}

static mim_status save_evaluation(struct run *r, const char *folder)
{
    struct evaluation e = { NAN, NAN, 0 };
    char *sheet = join_path(folder, "reconstruction.png"), *curve = join_path(folder, "curve.png");
    mim_status status = sheet && curve ? evaluate_held_out(r, sheet, &e) : MIM_ERR_NOMEM;
    r->mean_loss = e.mean_loss;
    if (!status && e.unwritten)                             /* no reason to lose the rest */
        fprintf(stderr, "%s: cannot be written\n", sheet);
    if (!status && log_evaluation(r, e.loss))
        status = MIM_ERR_NOMEM;
    if (!status && history_chart(&r->losses, &r->held_losses, e.mean_loss, "loss of the hidden pixels", curve))
        fprintf(stderr, "%s: cannot be written\n", curve);
    if (!status && isfinite(e.mean_loss))
        printf("step %lld: held out %.4f; predicting the mean of the visible pixels %.4f\n", (long long)r->step, e.loss,
               e.mean_loss);
    else if (!status)
        printf("step %lld: held out %.4f\n", (long long)r->step, e.loss);
    free(curve);
    free(sheet);
    return status;
}

static mim_status set_number(mim_tensors *state, const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return mim_tensors_set_text(state, key, text);
}

static mim_status save_state(struct run *r, const char *folder)
{
    char *path = join_path(folder, "state.safetensors");
    mim_status status = path ? MIM_OK : MIM_ERR_NOMEM;
    if (!status) status = mim_tensors_set_text(r->state, "host.data", r->data_path);
    if (!status) status = set_number(r->state, "host.pictures", r->data.count);
    if (!status) status = set_number(r->state, "host.epoch", r->mark.epoch);
    if (!status) status = set_number(r->state, "host.offset", r->mark.offset);
    if (!status) status = set_number(r->state, "host.milliseconds", (int64_t)(1000 * run_seconds(r)));
    if (!status) status = mim_tensors_save(r->state, path);
    free(path);
    return status;
}

mim_status run_save(struct run *r)
{
    progress_break(&r->progress);
    mim_status status = save_evaluation(r, r->arguments.out);
    if (!status) status = model_save(r->trainer, MIM_WEIGHTS, r->arguments.out);
    if (!status && (fflush(r->log) || fflush(r->held_log))) {
        fprintf(stderr, "%s: log.csv or held_out.csv there cannot be written\n", r->arguments.out);
        return MIM_ERR_IO;
    }
    if (!status) status = save_state(r, r->arguments.out);
    if (status)
        return run_failed(r, status, "cannot save");
    r->saved = r->step;
    return MIM_OK;
}
