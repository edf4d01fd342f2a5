/* SPDX-License-Identifier: MIT */
/* schedule.c -- the learning rate: a linear warm-up of w steps from a start to the full rate, then
 *
 *     cosine    minimum + (rate - minimum) (1 + cos(pi t / T)) / 2, minimum from the last step on
 *               (Loshchilov and Hutter 2017, eq. 5); t and T are counted from the end of the warm-up, or, with
 *               warmup_prefix 0, from the first step as SimMIM's code does: the rate then drops where the warm-up ends
 *     step      rate gamma^(milestones reached)
 *     constant  rate
 *
 * The warm-up at step s is start + (rate - start) s / (w - 1): its last step has the full rate already (BEiT). With
 * warmup_inclusive 0 it is start + (rate - start) s / w, which the step after the warm-up continues (MAE, SimMIM). By
 * default start is rate / w, so that step s has rate (s + 1) / w and no step is lost at rate zero.
 * With steps 0 the end is not known: cosine then stays at the full rate. */
#include "optimizer/schedule.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

static double warming_up(const struct optimizer_options *o, int64_t step)
{
    int64_t last = o->warmup_inclusive ? o->warmup - 1 : o->warmup;
    if (step >= last)
        return o->rate;
    double start = o->warmup_rate < 0 ? o->rate / (double)o->warmup : o->warmup_rate;
    return start + (o->rate - start) * (double)step / (double)last;
}

static double cosine(const struct optimizer_options *o, int64_t step)
{
    int64_t before = o->warmup_prefix ? o->warmup : 0;
    if (o->steps == 0)
        return o->rate;
    if (step >= o->steps)
        return o->minimum;
    return o->minimum + (o->rate - o->minimum) * 0.5 * (1 + cos(PI * (double)(step - before) / (double)(o->steps - before)));
}

static double falling(const struct optimizer_options *o, int64_t step)
{
    double rate = o->rate;
    for (int i = 0; i < o->milestones.count; i++)
        if (o->milestones.v[i] <= (double)step)
            rate *= o->gamma;
    return rate;
}

double mim__schedule_rate(const struct optimizer_options *o, int64_t step)
{
    if (step < o->warmup)
        return warming_up(o, step);
    switch (o->schedule) {
    case SCHEDULE_COSINE: return cosine(o, step);
    case SCHEDULE_STEP: return falling(o, step);
    default: return o->rate;
    }
}

mim_status mim__schedule_check(mim_context *ctx, const struct optimizer_options *o)
{
    if (o->steps && o->warmup > o->steps)
        return mim__fail(ctx, MIM_ERR_VALUE, "optimizer.warmup %lld is above optimizer.steps %lld",
                         (long long)o->warmup, (long long)o->steps);
    if (o->schedule == SCHEDULE_COSINE && o->minimum > o->rate)
        return mim__fail(ctx, MIM_ERR_VALUE, "optimizer.minimum %g is above optimizer.rate %g", o->minimum, o->rate);
    return MIM_OK;
}
