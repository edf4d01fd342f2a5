/* SPDX-License-Identifier: MIT */
/* threads.h -- a team of threads that help a caller: our own (threads_posix.c), or OpenMP's where the library is
 * built with it (threads_openmp.c). */
#ifndef MIM_BASE_THREADS_H
#define MIM_BASE_THREADS_H

#include "base/context.h"

/* Takes pieces of the present work until none is left. Lanes are numbered: 0 is the caller's. */
typedef void (*mim__lane)(void *arg, int lane);

struct mim__threads;

/* A team that helps in lanes 1 to helpers; no thread starts yet. */
mim_status mim__threads_create(mim_context *ctx, int helpers, struct mim__threads **out);
void mim__threads_destroy(struct mim__threads *team);          /* accepts NULL */
void mim__threads_stop(struct mim__threads *team);             /* accepts NULL; the next run starts them again */

/* lane(arg, 0) on the caller, and lane(arg, i) on some of the helpers, each at most once; `lanes` says how many in
 * all are worth waking. Returns when all that began have ended. One run at a time. */
void mim__threads_run(struct mim__threads *team, int lanes, mim__lane lane, void *arg);

#endif
