/* SPDX-License-Identifier: MIT */
/* schedule.h -- learning rate as a pure function of the step. */
#ifndef MIM_OPTIMIZER_SCHEDULE_H
#define MIM_OPTIMIZER_SCHEDULE_H

#include "optimizer/rule.h"

/* Contradictions among the options of a schedule: MIM_ERR_VALUE. */
mim_status mim__schedule_check(mim_context *ctx, const struct optimizer_options *o);
/* Rate of update `step` = 0, 1, ..., before layer decay. */
double mim__schedule_rate(const struct optimizer_options *o, int64_t step);

#endif
