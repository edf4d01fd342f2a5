/* SPDX-License-Identifier: MIT */
/* optimizer.h -- mim_optimizer from the inside: rule, schedule and parameter groups over one array of gradients. */
#ifndef MIM_OPTIMIZER_OPTIMIZER_H
#define MIM_OPTIMIZER_OPTIMIZER_H

#include "base/context.h"
#include "base/executor.h"
#include "base/options.h"
#include "kernel/kernel.h"

extern const struct mim__option mim__optimizer_options[];

/* One parameter as the optimizer sees it. */
struct mim__slot {
    const char *name;
    float *weight;                   /* the live values, count of them */
    size_t offset, count;            /* place in the gradient array */
    int rank;
    int layer;                       /* 0 = embedding, k + 1 = block k, layers - 1 = everything after (layer decay) */
    bool no_decay, frozen;
};

void mim__optimizer_retain(mim_optimizer *o);
mim_context *mim__optimizer_context(const mim_optimizer *o);
/* The part of a gradient array that is updated, and has moments: all of it, or this process's of several
 * (optimizer.shards), equal ones but the last, in whole cache lines. */
struct mim__range { size_t first, count; };
struct mim__range mim__optimizer_range(const mim_optimizer *o, size_t elements);
bool mim__optimizer_shares(const mim_optimizer *o);
/* Moment arrays that the rule needs (0, 1 or 2), each as long as that range, and their type. */
int mim__optimizer_moments(const mim_optimizer *o);
enum dtype mim__optimizer_moment_type(const mim_optimizer *o);
/* What a trainer brings beside its parameters: layers, elements of the gradient array, and the moment arrays, borrowed until
 * leave and zeroed by the caller. The seed is for rounding moments. */
struct mim__joining { int layers; size_t elements; uint64_t seed; void *moments[2]; };
/* Slots are copied, names too. Updates count from 0 again. MIM_ERR_STATE while it is joined already; MIM_ERR_SHAPE: a slot
 * ends behind `elements`. Nothing allocates between join and leave. */
mim_status mim__optimizer_join(mim_optimizer *o, int count, const struct mim__slot *slots, const struct mim__joining *j);
void mim__optimizer_leave(mim_optimizer *o);                     /* also when it never joined */

/* Norm of the gradients of all slots that are not frozen: double, in fixed order whatever the threads. Not finite if
 * any gradient is not. */
double mim__optimizer_norm(mim_optimizer *o, const struct kernels *k, const float *gradients);
/* One update of the range; norm (finite) is for clipping, which is the optimizer's own, and step picks the rate. Kind
 * "none" does nothing. */
void mim__optimizer_update(mim_optimizer *o, const struct kernels *k, const float *gradients, double norm, int64_t step);
double mim__optimizer_rate_now(const mim_optimizer *o, int64_t step);      /* the host's, or the schedule's */
/* What a checkpoint holds beside the moments: updates made so far (Adam's t) and the host's rate (negative: none). */
struct mim__optimizer_state { int64_t updates; double host_rate; };
struct mim__optimizer_state mim__optimizer_get(const mim_optimizer *o);
void mim__optimizer_set(mim_optimizer *o, struct mim__optimizer_state s);
mim_status mim__optimizer_report(const mim_optimizer *o, mim_config *report);

#endif
