/* SPDX-License-Identifier: MIT */
/* rule.h -- mim_optimizer's own parts: options, the handle, and what an update rule is. Adding a rule is a file with a
 * struct rule in it, a line here, and a line in the table of optimizer.c. */
#ifndef MIM_OPTIMIZER_RULE_H
#define MIM_OPTIMIZER_RULE_H

#include "base/philox.h"
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
    int moments;                     /* type: enum dtype */
    int64_t shards, shard;
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
    void *moments[2];                /* of the range */
    struct mim__range range;
    uint64_t seed;
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
    const struct normal_kernels *normals;
    struct mim__stream stream;       /* of draws that round the moments */
    union { struct adamw_step adamw; struct sgd_step sgd; } step;      /* what all parts share of it */
};

/* A rule that needs norms of each parameter goes over all parts twice: `measure`, then `apply`. moments: of these elements,
 * f32; NULL where the rule has none. */
struct rule {
    int (*moments)(const struct optimizer_options *o);
    /* Fills u->step for gradients times `scale` in update number t = 1, 2, ... */
    void (*begin)(struct update *u, int64_t t, double scale);
    /* Updates elements [first, first + count) of a member. */
    void (*apply)(const struct update *u, const struct member *m, size_t first, int count, float *const moments[2]);
    /* Or NULL. Adds squares of these elements: of the weights, and of what is to change them. */
    void (*measure)(const struct update *u, const struct member *m, size_t first, int count, float *const moments[2],
                    double squares[2]);
    /* With measure: m->trust from the norms of the whole parameter. */
    double (*trust)(const struct update *u, const struct member *m, double weight, double change);
    bool moves;                      /* measure brings the moments on, apply does not; else measure has none */
};
extern const struct rule mim__optimizer_adamw, mim__optimizer_sgd, mim__optimizer_lars, mim__optimizer_lamb;

/* moments.c: moments of elements from `at` of the gradient array on, as f32: where they lie, or, of bf16, copies of no more
 * than a chunk, which put rounds and stores. */
struct piece {
    size_t at;
    int count;
    float *moments[2];
    int skip;                        /* of the chunk, before the first */
    float chunk[2][NARROWED];
};
void mim__moments_begin(struct update *u, const struct kernels *k);
void mim__moments_take(const struct update *u, size_t at, int most, struct piece *p);
void mim__moments_put(const struct update *u, const struct piece *p);

#endif
