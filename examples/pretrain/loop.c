/* SPDX-License-Identifier: MIT */
/* loop.c -- the steps of a run: shuffled epochs, log, regular saves, and an end in order when a signal comes. */
#include "run.h"
#include "../support/interrupt.h"
#include "../support/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SKIPPED = 100 };        /* updates in a row that are not finite: nothing will come of it any more */

/* Pictures of the next batch. What is left of an epoch and fills no batch is dropped; with fewer pictures than a batch,
 * all of them make one. */
static int next_batch(struct run *r, int64_t *ids)
{
    int64_t n = r->batch < r->training ? r->batch : r->training;
    if (r->place.offset + n > r->training)
        r->place = (struct place){ r->place.epoch + 1, 0 };
    if (r->ordered != r->place.epoch)
        random_order(r->order, r->training, (uint64_t)r->seed, r->place.epoch);
    r->ordered = r->place.epoch;
    memcpy(ids, r->order + r->place.offset, (size_t)n * sizeof *ids);
    return (int)n;
}

static double metric(const struct run *r, const char *name)
{
    double value = NAN;
    return mim_trainer_metric(r->trainer, name, &value) ? NAN : value;
}

/* After an update, finite or not. loss is the mean over the batches it took. */
static mim_status after_update(struct run *r, double loss, int pictures)
{
    r->mark = r->place;
    progress_step(&r->progress, r->step, loss, pictures);
    if (log_row(r, loss, metric(r, "rate"), metric(r, "gradient_norm"))) {
        progress_break(&r->progress);
        fprintf(stderr, "%s: cannot write log.csv\n", r->arguments.out);
        return MIM_ERR_IO;
    }
    if (r->arguments.save_every && r->step % r->arguments.save_every == 0 && r->step < r->steps)
        return run_save(r);
    return MIM_OK;
}

struct sums { double loss; int batches, pictures, skipped_in_a_row; };

/* One batch, and what follows if it completed an update. Cancelled: MIM_ERR_CANCELLED, with the place put back. */
static mim_status one_batch(struct run *r, int64_t *ids, mim_images *views, struct sums *s)
{
    int n = next_batch(r, ids);
    data_views(&r->data, ids, n, views);
    mim_status status = mim_trainer_step(r->trainer, views, r->place.epoch, ids);
    if (status == MIM_ERR_CANCELLED)
        r->place = r->mark;
    if (status && status != MIM_ERR_NOT_FINITE)
        return status;
    s->skipped_in_a_row = status ? s->skipped_in_a_row + 1 : 0;
    r->skipped += status != MIM_OK;
    if (s->skipped_in_a_row == MOST_SKIPPED)
        return status;
    r->place.offset += n;
    s->loss += metric(r, "loss");
    s->batches++;
    s->pictures += n;
    int64_t step = (int64_t)metric(r, "step");
    if (step == r->step)
        return MIM_OK;                                      /* in the middle of an accumulation */
    r->step = step;
    status = after_update(r, s->loss / s->batches, s->pictures);
    *s = (struct sums){ .skipped_in_a_row = s->skipped_in_a_row };
    return status;
}

mim_status run_steps(struct run *r)
{
    struct sums sums = { 0 };
    int64_t *ids = malloc((size_t)r->batch * sizeof *ids);
    mim_images *views = malloc((size_t)r->batch * sizeof *views);
    mim_status status = ids && views ? MIM_OK : MIM_ERR_NOMEM;
    progress_begin(&r->progress, r->step, r->steps);
    while (!status && r->step < r->steps && !interrupted())
        status = one_batch(r, ids, views, &sums);
    progress_break(&r->progress);
    if (r->skipped)
        printf("%lld update(s) skipped: loss or gradient was not finite\n", (long long)r->skipped);
    free(views);
    free(ids);
    if (status == MIM_ERR_CANCELLED)
        return MIM_OK;
    return status ? run_failed(r, status, "training ended") : MIM_OK;
}
