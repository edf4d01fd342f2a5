/* SPDX-License-Identifier: MIT */
/* optimizer.c -- mim_optimizer: the handle and its options. The update rules are listed in the table below. */
#include "optimizer/rule.h"
#include "optimizer/schedule.h"

#include <math.h>
#include <stdio.h>

/* In the order of the choices of optimizer.kind. */
static const struct rule *const rules[] = {
    &mim__optimizer_adamw, &mim__optimizer_sgd, &mim__optimizer_lars, &mim__optimizer_lamb,
    NULL /* none: the host updates the weights */
};

enum { SHARD_ALIGN = 16 };          /* elements: a cache line */

#define FIELD(name) offsetof(struct optimizer_options, name)
#define STEPS_MOST 9007199254740992.0      /* 2^53: every count below is exact in a double */
const struct mim__option mim__optimizer_options[] = {
    { "optimizer.kind", OPTION_CHOICE, FIELD(kind), "adamw", 0, 0, "adamw sgd lars lamb none",
      "update rule; none: the host changes the weights itself" },
    { "optimizer.rate", OPTION_F64, FIELD(rate), "0.0001", 0, 1e6, NULL,
      "learning rate after warm-up, for the whole batch" },
    { "optimizer.schedule", OPTION_CHOICE, FIELD(schedule), "cosine", 0, 0, "cosine step constant",
      "how the rate falls after warm-up" },
    { "optimizer.steps", OPTION_I64, FIELD(steps), "0", 0, STEPS_MOST, NULL,
      "updates of the whole run, warm-up included; 0: unknown, cosine then stays at the full rate" },
    { "optimizer.warmup", OPTION_I64, FIELD(warmup), "0", 0, STEPS_MOST, NULL,
      "updates over which the rate rises to its full value" },
    { "optimizer.warmup_rate", OPTION_F64, FIELD(warmup_rate), "-1", -1, 1e6, NULL,
      "rate of the first update of warm-up; negative: rate / warmup" },
    { "optimizer.warmup_inclusive", OPTION_BOOL, FIELD(warmup_inclusive), "1", 0, 1, NULL,
      "the last update of warm-up has the full rate; 0: the first one after it (MAE, SimMIM)" },
    { "optimizer.warmup_prefix", OPTION_BOOL, FIELD(warmup_prefix), "1", 0, 1, NULL,
      "cosine begins where warm-up ends; 0: at the first update, hidden by warm-up (SimMIM)" },
    { "optimizer.minimum", OPTION_F64, FIELD(minimum), "0", 0, 1e6, NULL, "cosine: rate at the end" },
    { "optimizer.milestones", OPTION_LIST_F64, FIELD(milestones), "[]", 0, STEPS_MOST, NULL,
      "step: updates from which on the rate is multiplied by gamma once more" },
    { "optimizer.gamma", OPTION_F64, FIELD(gamma), "0.1", 0, 1, NULL, "step: factor at each milestone" },
    { "optimizer.decay", OPTION_F64, FIELD(decay), "0.05", 0, 1e6, NULL,
      "weight decay of matrices; vectors, tokens and position tables have none" },
    { "optimizer.decay_all", OPTION_BOOL, FIELD(decay_all), "0", 0, 1, NULL, "vectors, tokens and position tables decay too" },
    { "optimizer.decay_by_rate", OPTION_BOOL, FIELD(decay_by_rate), "1", 0, 1, NULL,
      "an update takes off rate times decay of the weights; 0: adamw takes off decay, whatever the rate (TensorFlow Addons)" },
    { "optimizer.layer_decay", OPTION_F64, FIELD(layer_decay), "1", 0, 1, NULL,
      "factor on the rate from each layer to the one below it" },
    { "optimizer.clip", OPTION_F64, FIELD(clip), "5", 0, 1e30, NULL,
      "largest norm of all gradients, clipped once per update; 0: none" },
    { "optimizer.beta1", OPTION_F64, FIELD(beta1), "0.9", 0, 1, NULL, "adamw, lamb: memory of the first moment, below 1" },
    { "optimizer.beta2", OPTION_F64, FIELD(beta2), "0.999", 0, 1, NULL,
      "adamw, lamb: memory of the second moment, below 1" },
    { "optimizer.eps", OPTION_F64, FIELD(eps), "1e-8", 1e-30, 1, NULL,
      "adamw, lamb: added to the root of the second moment" },
    { "optimizer.eps_first", OPTION_BOOL, FIELD(eps_first), "0", 0, 1, NULL,
      "adamw: eps is added before the moment's bias is corrected (Adam's epsilon hat; Keras)" },
    { "optimizer.momentum", OPTION_F64, FIELD(momentum), "0.9", 0, 1, NULL, "sgd, lars: memory of the velocity; 0: none" },
    { "optimizer.nesterov", OPTION_BOOL, FIELD(nesterov), "0", 0, 1, NULL, "sgd: look ahead along the velocity" },
    { "optimizer.trust", OPTION_F64, FIELD(trust), "0.001", 0, 1e6, NULL,
      "lars: norm of an update by the norm of its weights, at rate 1" },
    { "optimizer.moments", OPTION_CHOICE, FIELD(moments), "f32", 0, 0, "f32 bf16",
      "type of moments; bf16: rounded up or down at random, right on average" },
    { "optimizer.shards", OPTION_I64, FIELD(shards), "1", 1, 65536, NULL,
      "processes that share the moments: each updates one range of the weights, and the hosts exchange these" },
    { "optimizer.shard", OPTION_I64, FIELD(shard), "0", 0, 65535, NULL, "which of these this process is" },
    OPTIONS_END
};
#undef FIELD

static mim_status check(mim_context *ctx, const struct optimizer_options *o)
{
    const struct rule *rule = rules[o->kind];
    if ((rule == &mim__optimizer_adamw || rule == &mim__optimizer_lamb) && ((float)o->beta1 >= 1 || (float)o->beta2 >= 1))
        return mim__fail(ctx, MIM_ERR_VALUE, "optimizer.beta1 %g and beta2 %g must be below 1", o->beta1, o->beta2);
    if (rule == &mim__optimizer_sgd && o->nesterov && o->momentum == 0)
        return mim__fail(ctx, MIM_ERR_VALUE, "optimizer.nesterov needs optimizer.momentum above 0");
    if (!o->decay_by_rate && (rule != &mim__optimizer_adamw || o->decay > 1))
        return mim__fail(ctx, MIM_ERR_VALUE, "optimizer.decay_by_rate 0 is for optimizer.kind adamw and optimizer.decay up to "
                                             "1, not %g", o->decay);
    if (o->shard >= o->shards)
        return mim__fail(ctx, MIM_ERR_VALUE, "optimizer.shard %lld is none of the %lld of optimizer.shards, counted from 0",
                         (long long)o->shard, (long long)o->shards);
    if (o->shards > 1 && rule && rule->moves)
        return mim__fail(ctx, MIM_ERR_VALUE, "optimizer.shards %lld: lamb measures the updates of whole parameters, and no "
                                             "process has those", (long long)o->shards);
    return mim__schedule_check(ctx, o);
}

mim_status mim_optimizer_create(mim_context *ctx, const mim_config *config, mim_optimizer **out)
{
    if (!ctx || !config || !out)
        return mim__null_argument(ctx, "mim_optimizer_create");
    mim_optimizer *o = mim__calloc(ctx, 1, sizeof *o);
    if (!o)
        return mim__no_memory(ctx, sizeof *o);
    mim__object_init(&o->object, ctx);
    o->state.host_rate = -1;
    mim_status status = mim__read_options(ctx, config, mim__optimizer_options, &o->options);
    if (status == MIM_OK)
        status = check(ctx, &o->options);
    if (status != MIM_OK) {
        mim_optimizer_destroy(o);
        return status;
    }
    o->rule = rules[o->options.kind];
    *out = o;
    return MIM_OK;
}

void mim_optimizer_destroy(mim_optimizer *o)
{
    if (!o || !mim__object_release(&o->object))
        return;
    mim__optimizer_leave(o);
    mim__object_free(&o->object);
}

mim_context *mim__optimizer_context(const mim_optimizer *o) { return o->object.ctx; }
void mim__optimizer_retain(mim_optimizer *o) { mim__object_retain(&o->object); }

int mim__optimizer_moments(const mim_optimizer *o) { return o->rule ? o->rule->moments(&o->options) : 0; }
enum dtype mim__optimizer_moment_type(const mim_optimizer *o) { return (enum dtype)o->options.moments; }

bool mim__optimizer_shares(const mim_optimizer *o) { return o->options.shards > 1; }

struct mim__range mim__optimizer_range(const mim_optimizer *o, size_t elements)
{
    size_t shards = (size_t)o->options.shards, each = round_up(elements / shards + (elements % shards > 0), SHARD_ALIGN);
    size_t first = zmin((size_t)o->options.shard * each, elements);
    return (struct mim__range){ first, zmin(each, elements - first) };
}

mim_status mim_optimizer_rate(const mim_optimizer *o, int64_t step, double *rate)
{
    if (!o || !rate)
        return mim__null_argument(o ? o->object.ctx : NULL, "mim_optimizer_rate");
    if (step < 0)
        return mim__fail(o->object.ctx, MIM_ERR_ARGUMENT, "mim_optimizer_rate: step is %lld", (long long)step);
    *rate = mim__schedule_rate(&o->options, step);
    return MIM_OK;
}

mim_status mim_optimizer_set_rate(mim_optimizer *o, double rate)
{
    if (!o)
        return mim__null_argument(NULL, "mim_optimizer_set_rate");
    if (!isfinite(rate))
        return mim__fail(o->object.ctx, MIM_ERR_VALUE, "mim_optimizer_set_rate: %g is not finite", rate);
    o->state.host_rate = rate < 0 ? -1 : rate;
    return MIM_OK;
}

struct mim__optimizer_state mim__optimizer_get(const mim_optimizer *o) { return o->state; }
void mim__optimizer_set(mim_optimizer *o, struct mim__optimizer_state s) { o->state = s; }

mim_status mim__optimizer_report(const mim_optimizer *o, mim_config *report)
{
    return mim__report_options(report, mim__optimizer_options, &o->options);
}

static mim_status report_group(const mim_optimizer *o, int group, const char **names, mim_config *report)
{
    const struct joined *j = &o->joined;
    const struct member *one = NULL;
    char key[64];
    int count = 0;
    for (const struct member *m = j->member; m < j->member + j->members; m++)
        if (m->group == group) {
            names[count++] = m->slot.name;
            one = m;
        }
    snprintf(key, sizeof key, "groups.%d.rate_scale", group);
    mim_status status = mim__report_f64(report, key, one->rate_scale);
    snprintf(key, sizeof key, "groups.%d.decay", group);
    if (status == MIM_OK)
        status = mim__report_f64(report, key, one->decay);
    snprintf(key, sizeof key, "groups.%d.parameters", group);
    return status == MIM_OK ? mim__report_words(report, key, count, names) : status;
}

static mim_status report_groups(const mim_optimizer *o, mim_config *report)
{
    mim_context *ctx = o->object.ctx;
    const char **names = mim__calloc(ctx, (size_t)o->joined.members, sizeof *names);
    if (!names)
        return mim__no_memory(ctx, (size_t)o->joined.members * sizeof *names);
    mim_status status = MIM_OK;
    for (int i = 0; i < o->joined.groups && status == MIM_OK; i++)
        status = report_group(o, i, names, report);
    mim__free(ctx, names);
    return status;
}

mim_status mim_optimizer_describe(const mim_optimizer *o, mim_config **out)
{
    if (!o || !out)
        return mim__null_argument(o ? o->object.ctx : NULL, "mim_optimizer_describe");
    mim_config *report;
    mim_status status = mim__report_create(o->object.ctx, &report);
    if (status != MIM_OK)
        return status;
    status = mim__optimizer_report(o, report);
    if (status == MIM_OK && o->is_joined)
        status = report_groups(o, report);
    if (status != MIM_OK) {
        mim_config_destroy(report);
        return status;
    }
    *out = report;
    return MIM_OK;
}
