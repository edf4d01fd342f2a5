/* SPDX-License-Identifier: MIT */
/* exchange.c -- the two exchanges of a step. With MPI they are MPI_Allreduce, and MPI_Allgatherv of the encoder's part of
 * each range and again of the head's. */
#define _DEFAULT_SOURCE
#include "exchange.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>

struct shared *shared_create(int processes, mim_context *context, const mim_config *config)
{
    mim_config *plan = NULL;
    int64_t bytes = 0;
    if (!mim_trainer_plan(context, config, &plan))
        mim_config_get_i64(plan, "bytes.gradients", &bytes);
    mim_config_destroy(plan);
    size_t size = sizeof(struct shared) + (size_t)(processes + 1) * (size_t)bytes;
    struct shared *s = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!bytes || s == MAP_FAILED)
        return NULL;
    s->processes = processes;
    s->elements = (size_t)bytes / sizeof(float);
    return s;
}

/* Wait for all. */
static mim_status meet(struct shared *s)
{
    int turn = atomic_load(&s->turn);
    if (atomic_fetch_add(&s->there, 1) == s->processes - 1) {
        atomic_store(&s->there, 0);
        atomic_fetch_add(&s->turn, 1);
    }
    while (atomic_load(&s->turn) == turn && !atomic_load(&s->failed))
        sched_yield();
    return atomic_load(&s->failed) ? MIM_ERR_CANCELLED : MIM_OK;
}

mim_status exchange_begin(struct process *p)
{
    mim_encoder *encoder = NULL;
    mim_head *head = NULL;
    mim_config *about = NULL;
    mim_status status = mim_trainer_encoder(p->trainer, &encoder);
    if (!status) status = mim_trainer_head(p->trainer, &head);
    if (!status) status = mim_encoder_tensors(encoder, MIM_WEIGHTS, "mim", &p->views[0]);
    if (!status) status = mim_head_tensors(head, MIM_WEIGHTS, "mim", &p->views[1]);
    if (!status) status = mim_trainer_tensors(p->trainer, MIM_GRADIENTS, "mim", &p->views[2]);
    if (!status) status = mim_trainer_describe(p->trainer, &about);
    if (!status) status = mim_config_get_i64(about, "plan.shard.first", &p->first);
    if (!status) status = mim_config_get_i64(about, "plan.shard.elements", &p->count);
    mim_config_destroy(about);
    mim_head_destroy(head);
    mim_encoder_destroy(encoder);
    return status;
}

void exchange_end(struct process *p)
{
    for (int i = 0; i < 3; i++)
        mim_tensors_destroy(p->views[i]);
}

mim_status exchange_gradients(const struct process *p)
{
    struct shared *s = p->all;
    float *gradients = NULL, share = 1 / (float)s->processes;
    size_t n = 0;
    mim_status status = mim_tensors_data(p->views[2], NULL, &gradients, &n);
    if (!status) memcpy(s->numbers + (size_t)(p->index + 1) * s->elements, gradients, n * sizeof *gradients);
    if (!status) status = meet(s);
    for (size_t i = 0; !status && i < n; i++) {         /* in the same order everywhere */
        float sum = 0;
        for (int k = 1; k <= s->processes; k++)
            sum += s->numbers[(size_t)k * s->elements + i];
        gradients[i] = share * sum;
    }
    return status ? status : meet(s);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* The range may hold weights of the encoder, of the head, or both. */
mim_status exchange_weights(const struct process *p)
{
    float *weights[2], *all = p->all->numbers;
    size_t n[2];
    mim_status status = MIM_OK;
    for (int i = 0; i < 2 && !status; i++)
        status = mim_tensors_data(p->views[i], NULL, &weights[i], &n[i]);
    for (int64_t i = 0, base = 0; i < 2 && !status; base += (int64_t)n[i], i++) {
        int64_t from = -least(-p->first, -base), to = least(p->first + p->count, base + (int64_t)n[i]);
        if (from < to)
            memcpy(all + from, weights[i] + (from - base), (size_t)(to - from) * sizeof *all);
    }
    if (!status) status = meet(p->all);
    for (int64_t i = 0, base = 0; i < 2 && !status; base += (int64_t)n[i], i++)
        memcpy(weights[i], all + base, n[i] * sizeof *all);
    return status ? status : meet(p->all);
}
