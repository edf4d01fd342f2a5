/* SPDX-License-Identifier: MIT */
/* threads_openmp.c -- helpers from OpenMP, where the library is built with it: the host's other OpenMP code and ours
 * then share one set of threads. Stopping pauses the whole OpenMP runtime, which is what a fork needs. */
#include "base/threads.h"

#if defined(_OPENMP)

#include <omp.h>

struct mim__threads { mim_context *ctx; bool started; };

void mim__threads_run(struct mim__threads *t, int lanes, mim__lane lane, void *arg)
{
    t->started = true;
    #pragma omp parallel num_threads(lanes)
    lane(arg, omp_get_thread_num());
}

mim_status mim__threads_create(mim_context *ctx, int helpers, struct mim__threads **out)
{
    struct mim__threads *t = mim__calloc(ctx, 1, sizeof *t);
    (void)helpers;
    if (!t)
        return mim__no_memory(ctx, sizeof *t);
    t->ctx = ctx;
    *out = t;
    return MIM_OK;
}

void mim__threads_stop(struct mim__threads *t)
{
    if (t && t->started)
        omp_pause_resource_all(omp_pause_soft);
    if (t)
        t->started = false;
}

void mim__threads_destroy(struct mim__threads *t)
{
    if (t)
        mim__free(t->ctx, t);
}

#endif
