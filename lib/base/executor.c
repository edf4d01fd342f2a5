/* SPDX-License-Identifier: MIT */
/* executor.c -- hands the tasks of one call to lanes (the caller, helpers, or the host's threads), each with scratch
 * memory of its own. Lanes draw task numbers from one counter. */
#include "base/executor.h"
#include "base/context.h"
#include "base/threads.h"

#include <pthread.h>

struct mim__executor {
    mim_context *ctx;
    pthread_mutex_t owner;                  /* held by the run that has the helpers, or by who changes what follows */
    atomic_int threads;
    struct mim__threads *team;              /* NULL with one thread or the host's */
    char *scratch;                          /* of lanes 1 and up, `stride` bytes each */
    size_t stride;
};

/* Filled before it is shown to other threads; they only count up `next`. */
struct job {
    struct mim__executor *x;
    mim__task task;
    void *arg, *scratch;
    const atomic_int *cancel;
    unsigned tasks;
    _Alignas(64) atomic_uint next;          /* not in the line that everyone reads */
};

static bool given_up(const atomic_int *cancel)
{
    return cancel && atomic_load_explicit(cancel, memory_order_relaxed);
}

static void run_lane(void *arg, int lane)
{
    struct job *j = arg;
    void *scratch = lane == 0 ? j->scratch : j->x->scratch + (size_t)(lane - 1) * j->x->stride;
    while (!given_up(j->cancel)) {
        unsigned i = atomic_fetch_add_explicit(&j->next, 1, memory_order_relaxed);
        if (i >= j->tasks)
            return;
        j->task(j->arg, (int)i, scratch);
    }
}

static void run_host_lane(void *arg, int32_t index) { run_lane(arg, index); }

static bool run_alone(int tasks, mim__task task, void *arg, void *scratch, const atomic_int *cancel)
{
    int i = 0;
    for (; i < tasks && !given_up(cancel); i++)
        task(arg, i, scratch);
    return i == tasks;
}

bool mim__run(struct mim__executor *x, int tasks, mim__task task, void *arg, void *scratch, const atomic_int *cancel)
{
    if (tasks < 2 || atomic_load_explicit(&x->threads, memory_order_relaxed) < 2 || pthread_mutex_trylock(&x->owner))
        return run_alone(tasks, task, arg, scratch, cancel);
    const mim_host *host = mim__context_host(x->ctx);
    int lanes = imin(tasks, atomic_load(&x->threads));
    struct job job = { x, task, arg, scratch, cancel, (unsigned)tasks, 0 };
    if (host->parallel_for)
        host->parallel_for(host->user, lanes, run_host_lane, &job);
    else if (x->team)
        mim__threads_run(x->team, lanes, run_lane, &job);
    else
        run_lane(&job, 0);
    pthread_mutex_unlock(&x->owner);
    return atomic_load(&job.next) >= job.tasks;     /* whoever drew a task did it */
}

mim_status mim__executor_create(mim_context *ctx, struct mim__executor **out)
{
    struct mim__executor *x = mim__calloc(ctx, 1, sizeof *x);
    if (!x)
        return MIM_ERR_NOMEM;
    x->ctx = ctx;
    atomic_store(&x->threads, 1);
    if (pthread_mutex_init(&x->owner, NULL)) {
        mim__free(ctx, x);
        return MIM_ERR_SYSTEM;
    }
    *out = x;
    return MIM_OK;
}

void mim__executor_destroy(struct mim__executor *x)
{
    if (!x)
        return;
    mim__threads_destroy(x->team);
    pthread_mutex_destroy(&x->owner);
    mim__free(x->ctx, x->scratch);
    mim__free(x->ctx, x);
}

/* Both new before anything old goes. */
static mim_status resize(struct mim__executor *x, int threads, size_t stride)
{
    size_t bytes;
    struct mim__threads *team = NULL;
    if (!size_mul((size_t)threads - 1, stride, &bytes))
        return mim__no_memory(x->ctx, SIZE_MAX);
    char *scratch = mim__alloc(x->ctx, bytes);
    if (!scratch)
        return mim__no_memory(x->ctx, bytes);
    if (threads > 1 && !mim__context_host(x->ctx)->parallel_for) {
        mim_status status = mim__threads_create(x->ctx, threads - 1, &team);
        if (status != MIM_OK) {
            mim__free(x->ctx, scratch);
            return status;
        }
    }
    mim__threads_destroy(x->team);
    mim__free(x->ctx, x->scratch);
    x->team = team;
    x->scratch = scratch;
    x->stride = stride;
    atomic_store(&x->threads, threads);
    return MIM_OK;
}

mim_status mim__executor_set_threads(struct mim__executor *x, int threads)
{
    pthread_mutex_lock(&x->owner);
    bool same = threads == atomic_load(&x->threads);
    mim_status status = same ? MIM_OK : resize(x, threads, x->stride);
    pthread_mutex_unlock(&x->owner);
    return status;
}

int mim__executor_threads(const struct mim__executor *x)
{
    return atomic_load(&x->threads);
}

mim_status mim__executor_stop(struct mim__executor *x)
{
    pthread_mutex_lock(&x->owner);
    mim__threads_stop(x->team);
    pthread_mutex_unlock(&x->owner);
    return MIM_OK;
}

mim_status mim__executor_reserve(struct mim__executor *x, size_t bytes)
{
    mim_status status = MIM_OK;
    if (bytes > SIZE_MAX / 2)
        return mim__no_memory(x->ctx, bytes);
    pthread_mutex_lock(&x->owner);
    if (round_up(bytes, 64) > x->stride)
        status = resize(x, atomic_load(&x->threads), round_up(bytes, 64));
    pthread_mutex_unlock(&x->owner);
    return status;
}
