/* SPDX-License-Identifier: MIT */
/* rule.h -- mim_optimizer's own parts: options, the handle, and what an update rule is. Adding a rule is a file with a
 * struct rule in it, a line here, and a line in the table of optimizer.c. */
#ifndef MIM_OPTIMIZER_RULE_H
#define MIM_OPTIMIZER_RULE_H

#include "optimizer/optimizer.h"

enum schedule_kind { SCHEDULE_COSINE, SCHEDULE_STEP, SCHEDULE_CONSTANT };

struct optimizer_options {
    int kind;
    double rate, warmup_rate, minimum;
    int64_t warmup, steps;
    int warmup_inclusive, warmup_prefix;
    int schedule;
    struct mim__numbers milestones;
    double gamma;
    double decay, layer_decay, clip;
    int decay_by_rate, decay_all;
    double beta1, beta2, eps;
    int eps_first;
    double momentum, trust;
    int nesterov;
};

/* A parameter with its group's settings. */
struct member {
    struct mim__slot slot;
    int group;                       /* -1: frozen */
    double rate_scale, decay;
    double trust;                    /* of the update under way, for rules that measure */
};
/* A piece of one parameter: the unit of work, whatever the threads. */
struct part { int member, count; size_t first; };

/* What a trainer brought; all empty before it joined. Frozen members have no parts. */
struct joined {
    int members, groups, parts;
    struct member *member;
    char *names;                     /* of all members, one after the other */
    struct part *part;
    double *squares;                 /* two for each part */
    float *moments[2];
};

struct rule;
struct mim_optimizer {
    struct mim__object object;
    struct optimizer_options options;
    const struct rule *rule;
    bool is_joined;
    struct joined joined;
    struct mim__optimizer_state state;
};

/* One update under way. */
struct update {
    const mim_optimizer *o;
    const struct row_kernels *rows;
    const float *gradients;
    double rate;                     /* before the group's scale */
    union { struct adamw_step adamw; struct sgd_step sgd; } step;      /* what all parts share of it */
};

/* A rule that needs norms of each parameter goes over all parts twice: `measure`, then `apply`. */
struct rule {
    int (*moments)(const struct optimizer_options *o);
    /* Fills u->step for gradients times `scale` in update number t = 1, 2, ... */
    void (*begin)(struct update *u, int64_t t, double scale);
    /* Updates elements [first, first + count) of a member. */
    void (*apply)(const struct update *u, const struct member *m, size_t first, int count);
    /* Or NULL. Sums of squares of these elements: the weights, and what is to change them. */
    void (*measure)(const struct update *u, const struct member *m, size_t first, int count, double squares[2]);
    /* With measure: m->trust from the norms of the whole parameter. */
    double (*trust)(const struct update *u, const struct member *m, double weight, double change);
};
extern const struct rule mim__optimizer_adamw, mim__optimizer_sgd, mim__optimizer_lars, mim__optimizer_lamb;

#endif
