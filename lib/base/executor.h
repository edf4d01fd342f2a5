/* SPDX-License-Identifier: MIT */
/* executor.h -- runs the tasks of one call on the context's threads: the caller alone (the default), our own small
 * pool, OpenMP where built with it, or the host's parallel_for.
 *
 * A task is a piece of work whose size follows from shapes alone. Which thread takes it is left open, and so
 * nothing that it computes may depend on that: it writes rows of its own, or a partial sum of its own. */
#ifndef MIM_BASE_EXECUTOR_H
#define MIM_BASE_EXECUTOR_H

#include "base/base.h"

/* `scratch` is memory of the thread that happens to run the task, with whatever an earlier task left there. */
typedef void (*mim__task)(void *arg, int index, void *scratch);

struct mim__executor;

mim_status mim__executor_create(mim_context *ctx, struct mim__executor **out);
void mim__executor_destroy(struct mim__executor *x);                     /* joins its threads; accepts NULL */
mim_status mim__executor_set_threads(struct mim__executor *x, int threads);   /* also grows the scratch */
int mim__executor_threads(const struct mim__executor *x);
mim_status mim__executor_stop(struct mim__executor *x);

/* At plan time: every thread but the caller's owns at least `bytes` of scratch from now on. */
mim_status mim__executor_reserve(struct mim__executor *x, size_t bytes);

/* task(arg, i, scratch) for every i in [0, tasks); returns when all are done. The caller takes part, with
 * `scratch` as its own. Where the threads are busy with another call, or there is one task, the caller does all.
 * When *cancel (may be NULL) becomes non-zero, tasks not yet begun are left out: false then, and the caller drops
 * the result. Allocates nothing (threads start here on first use). */
bool mim__run(struct mim__executor *x, int tasks, mim__task task, void *arg, void *scratch, const atomic_int *cancel);

#endif
