/* SPDX-License-Identifier: MIT */
/* classifier.c -- a linear layer from a picture's features to classes, cross-entropy. logits [batch, classes]. The features
 * are the encoder's pooled ones or those of a block; for MAE's linear probe (He et al. 2022, app. A.2) they go through a
 * batch norm whose running statistics are stored with the weights. */
#include "head/head.h"

#include "base/json.h"

#include <stdio.h>

static mim_status check(const mim_head *h, struct head_options *o)
{
    mim_status status = mim__head_check_features(h, o);
    if (status)
        return status;
    if (o->pool == POOL_AUTO)
        o->pool = h->encoder->options.pool;
    if (o->pool == POOL_CLASS && !h->encoder->options.class_token && strcmp(o->features, "pooled"))
        return mim__fail(h->object.ctx, MIM_ERR_VALUE, "head.pool is class, but encoder.class_token is 0");
    return MIM_OK;
}

static struct tensor *features(const mim_head *h, struct graph *g, const struct encoder_build *e)
{
    const struct head_options *o = &h->options;
    struct tensor *x = strcmp(o->features, "pooled") ? mim__graph_find(g, o->features) : e->pooled;
    if (!x || x == e->pooled)
        return x;
    bool mean = o->pool == POOL_MEAN;
    return mim__op_pool(g, x, mean ? e->first : 0, mean ? mim__tensor_shape(x)->dim[1] - e->first : 1);
}

/* MAE's eps, app. A.2 and main_linprobe. */
static struct tensor *normalised(struct graph *g, struct tensor *x, struct head_build *b)
{
    if (!x)
        return NULL;
    int width = cols(mim__tensor_shape(x));
    unsigned flags = PARAM_FIXED | PARAM_NO_DECAY;
    struct init zero = { INIT_ZERO, 0, 0, 0 }, one = { INIT_CONSTANT, 1, 0, 0 };
    struct tensor *mean = mim__graph_param(g, RUNNING_MEAN, SHAPE(width), zero, flags);
    struct tensor *variance = mim__graph_param(g, RUNNING_VARIANCE, SHAPE(width), one, flags);
    b->statistics = mim__op_batch_statistics(g, x, mean, variance);
    mim__graph_output(g, "statistics", b->statistics);
    return mim__op_batch_norm(g, x, b->statistics, 1e-6f);
}

static void build(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b)
{
    const struct head_options *o = &h->options;
    int classes = (int)o->classes;
    struct tensor *x = features(h, g, e);
    float deviation = (float)o->init_deviation;
    if (o->batch_norm)
        x = normalised(g, x, b);
    b->logits = mim__op_linear(
        g, "classifier", x, classes,
        (struct linear){ .weight_init = { INIT_TRUNCATED, deviation, 2, 0 }, .compute = b->compute, .type = F32 });
    if (o->mixture || b->soft)
        b->mixture = mim__graph_input(g, "mixture", SHAPE(e->batch, classes), F32);
    else
        b->labels = mim__graph_input(g, "labels", SHAPE(e->batch), I32);
    b->loss = b->seed =
        mim__op_cross_entropy(g, b->logits, b->labels, b->mixture, (struct cross_entropy){ (float)o->smoothing });
    mim__graph_output(g, "logits", b->logits);
    mim__graph_output(g, "loss", b->loss);
}

/* timm's of hierarchical encoders, where the name of others may stand too. */
static const char fc_weight[] = "head.fc.weight";

static bool has_fc(const mim_tensors *t, const char *prefix)
{
    char full[TENSOR_NAME];
    snprintf(full, sizeof full, "%s%s", prefix, fc_weight);
    return mim__tensors_find(t, full) >= 0;
}

static const char *weight_name(const mim_tensors *t, enum name_column c, const char *prefix)
{
    bool theirs = c == COLUMN_TIMM || c == COLUMN_BEIT;
    return theirs && has_fc(t, prefix) ? fc_weight : theirs ? "head.weight" : "classifier.weight";
}

/* transformers trains some of its classifiers with another loss: one number is regressed, several labels are each their own
 * question. Then the encoder is of use, and the head is not. */
static bool is_other_problem(const mim_tensors *t, int64_t classes)
{
    const char *text = mim__tensors_text(t, "config.json"), *why;
    struct json all = { JSON_ERROR, NULL, 0 }, problem = all;
    char name[64] = "";
    if (text)
        all = mim__json_parse(text, strlen(text), &why);
    if (all.type == JSON_OBJECT)
        problem = mim__json_member(&all, "problem_type");
    if (problem.type == JSON_STRING)
        mim__json_string(&problem, name, sizeof name);
    bool other = classes < 2 || (*name && strcmp(name, "single_label_classification"));
    if (other)
        mim__log(mim__tensors_context(t), MIM_LOG_WARNING,
                 "the classifier of these weights gives %lld number(s) for problem_type \"%s\", libmim's one class of several: "
                 "it is left out", (long long)classes, *name ? name : "regression");
    return other;
}

static mim_status config_from(const mim_tensors *t, enum name_column c, const char *prefix, mim_config *out, bool *found)
{
    char full[TENSOR_NAME];
    snprintf(full, sizeof full, "%s%s", prefix, weight_name(t, c, prefix));
    int64_t at = mim__tensors_find(t, full);
    const struct mim__tensor *w = at < 0 ? NULL : mim__tensors_at(t, at);
    mim_status status = MIM_OK;
    *found = w && w->rank == 2;
    if (*found && c == COLUMN_HUGGINGFACE && !mim__config_has(out, "head.kind") && is_other_problem(t, w->shape[0]))
        return mim_config_set_str(out, "head.kind", "none");
    if (*found && !mim__config_has(out, "head.kind"))
        status = mim_config_set_str(out, "head.kind", "classifier");
    if (*found && !status && !mim__config_has(out, "head.classes"))
        status = mim_config_set_i64(out, "head.classes", w->shape[0]);
    return status;
}

static const struct name_rule rules[] = {
    { "classifier.weight", "head.weight", "head.weight", "classifier.weight" },
    { "classifier.bias", "head.bias", "head.bias", "classifier.bias" },
    { RUNNING_MEAN, NULL, NULL, NULL },
    { RUNNING_VARIANCE, NULL, NULL, NULL },
    { NULL, NULL, NULL, NULL },
};

static const struct name_rule fc_rules[] = {
    { "classifier.weight", fc_weight, fc_weight, "classifier.weight" },
    { "classifier.bias", "head.fc.bias", "head.fc.bias", "classifier.bias" },
    { RUNNING_MEAN, NULL, NULL, NULL },
    { RUNNING_VARIANCE, NULL, NULL, NULL },
    { NULL, NULL, NULL, NULL },
};

static const struct name_rule *rules_of(const mim_encoder *e, const mim_tensors *t, const char *prefix)
{
    bool fc = t ? has_fc(t, prefix) : mim__encoder_stages(e) > 1;
    return fc ? fc_rules : rules;
}

const struct head_kind mim__classifier = {
    .name = "classifier", .check = check, .build = build, .config_from = config_from, .rules = rules, .rules_of = rules_of,
    .stages = true, .task = "ForImageClassification",
};
