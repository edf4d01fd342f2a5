/* SPDX-License-Identifier: MIT */
/* evaluation.c -- see evaluation.h. */
#include "evaluation.h"
#include "outputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHEET_PICTURES = 12, WORD = 64 };

static int is_set_to(const mim_config *config, const char *key, const char *value)
{
    char text[WORD];
    mim_status status = mim_config_get_str(config, key, text, sizeof text, NULL);
    return status == MIM_ERR_KEY || (!status && !strcmp(text, value));
}

/* head.loss where it is one of the hidden pixels as the encoder is shown them; "" otherwise. */
static mim_status comparable_loss(mim_trainer *trainer, char loss[WORD])
{
    mim_config *config = NULL;
    mim_status status = mim_trainer_describe(trainer, &config);
    if (status)
        return status;
    int plain = is_set_to(config, "head.target", "pixels") && is_set_to(config, "head.reduce", "1")
             && is_set_to(config, "head.visible", "0") && is_set_to(config, "head.beta", "1");
    if (!plain || mim_config_get_str(config, "head.loss", loss, WORD, NULL))
        *loss = 0;
    mim_config_destroy(config);
    return MIM_OK;
}

/* After the evaluation of a batch: its share of mean_loss, and the sheet if there is a path. */
static mim_status look(mim_trainer *trainer, const char *loss, const char *sheet, double *mean_loss, int *unwritten)
{
    struct outputs o;
    *mean_loss = NAN;
    mim_status status = outputs_read(trainer, &o);
    if (status)
        return status == MIM_ERR_KEY ? MIM_OK : status;
    *mean_loss = outputs_mean_loss(&o, loss);
    if (sheet && outputs_sheet(&o, SHEET_PICTURES, sheet))
        *unwritten = 1;
    outputs_free(&o);
    return status;
}

static mim_status evaluate_batch(mim_trainer *trainer, const struct data *data, const int64_t *ids, int n,
                                 mim_images *views, double *loss)
{
    data_views(data, ids, n, views);
    mim_status status = mim_trainer_evaluate(trainer, views, 0, ids);
    return status ? status : mim_trainer_metric(trainer, "loss", loss);
}

mim_status evaluate(mim_trainer *trainer, const struct data *data, int64_t first, int64_t count, int batch,
                    const char *sheet, struct evaluation *out)
{
    char name[WORD];
    int64_t *ids = malloc((size_t)batch * sizeof *ids);
    mim_images *views = malloc((size_t)batch * sizeof *views);
    struct evaluation sum = { 0 };
    mim_status status = ids && views ? comparable_loss(trainer, name) : MIM_ERR_NOMEM;
    for (int64_t i = 0; !status && i < count; i += batch) {
        int n = count - i < batch ? (int)(count - i) : batch;
        double loss = NAN, mean_loss = NAN;
        for (int k = 0; k < n; k++)
            ids[k] = first + i + k;
        status = evaluate_batch(trainer, data, ids, n, views, &loss);
        if (!status) status = look(trainer, name, i ? NULL : sheet, &mean_loss, &sum.unwritten);
        sum.loss += loss * n / (double)count;
        sum.mean_loss += mean_loss * n / (double)count;
    }
    free(views);
    free(ids);
    if (!status)
        *out = sum;
    return status;
}
