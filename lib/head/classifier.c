/* SPDX-License-Identifier: MIT */
/* classifier.c -- a linear layer from a picture's pooled features to classes, cross-entropy. logits [batch, classes]. */
#include "head/head.h"

#include <stdio.h>

static mim_status check(const mim_head *h, struct head_options *o)
{
    (void)h;
    (void)o;
    return MIM_OK;
}

static void build(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b)
{
    const struct head_options *o = &h->options;
    int classes = (int)o->classes;
    b->logits = mim__op_linear(
        g, "classifier", e->pooled, classes,
        (struct linear){ .weight_init = { INIT_TRUNCATED, 0.02f, 2, 0 }, .compute = b->compute, .type = F32 });
    if (o->mixture || b->soft)
        b->mixture = mim__graph_input(g, "mixture", SHAPE(e->batch, classes), F32);
    else
        b->labels = mim__graph_input(g, "labels", SHAPE(e->batch), I32);
    b->loss = b->seed =
        mim__op_cross_entropy(g, b->logits, b->labels, b->mixture, (struct cross_entropy){ (float)o->smoothing });
    mim__graph_output(g, "logits", b->logits);
    mim__graph_output(g, "loss", b->loss);
}

static const char *weight_name(enum name_column c)
{
    return c == COLUMN_TIMM || c == COLUMN_BEIT ? "head.weight" : "classifier.weight";
}

static mim_status config_from(const mim_tensors *t, enum name_column c, const char *prefix, mim_config *out, bool *found)
{
    char full[TENSOR_NAME];
    snprintf(full, sizeof full, "%s%s", prefix, weight_name(c));
    int64_t at = mim__tensors_find(t, full);
    const struct mim__tensor *w = at < 0 ? NULL : mim__tensors_at(t, at);
    mim_status status = MIM_OK;
    *found = w && w->rank == 2;
    if (*found && !mim__config_has(out, "head.kind"))
        status = mim_config_set_str(out, "head.kind", "classifier");
    if (*found && !status && !mim__config_has(out, "head.classes"))
        status = mim_config_set_i64(out, "head.classes", w->shape[0]);
    return status;
}

static const struct name_rule rules[] = {
    { "classifier.weight", "head.weight", "head.weight", "classifier.weight" },
    { "classifier.bias", "head.bias", "head.bias", "classifier.bias" },
    { NULL, NULL, NULL, NULL },
};

const struct head_kind mim__classifier = {
    .name = "classifier", .check = check, .build = build, .config_from = config_from, .rules = rules,
    .huggingface = "ViTForImageClassification", .model_type = "vit",
};
