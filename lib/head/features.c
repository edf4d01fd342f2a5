/* SPDX-License-Identifier: MIT */
/* features.c -- what of an encoder a head sees, by head.features: the tokens at its end, or those after a block or stage. */
#include "head/head.h"

#include <stdio.h>

enum { NUMBERS_MOST = 1 << 24 };        /* to be predicted from a token */

static bool is_last(const char *name) { return !strcmp(name, "pooled") || !strcmp(name, "tokens"); }

bool mim__head_sees_end(const mim_head *h) { return is_last(h->options.features); }

static bool is(const char *name, const char *kind, int number)
{
    char own[OPTION_TEXT_SIZE];
    snprintf(own, sizeof own, "%s.%d", kind, number);
    return !strcmp(name, own);
}

/* Of the stages that come before: block.K of an encoder without such is of the first. */
int mim__head_level(const mim_encoder *e, const char *features)
{
    const struct encoder_options *o = &e->options;
    int stages = mim__encoder_stages(e), level = 0, end = (int)(stages > 1 ? o->depths.v[0] : o->depth);
    if (is_last(features))
        return stages - 1;
    for (int k = 1; k <= o->depths.count; k++)
        if (is(features, "stage", k))
            return k - 1;
    for (int i = 0; i <= o->depth; i++) {
        if (i > end)
            end += (int)o->depths.v[++level];
        if (is(features, "block", i))
            return level;
    }
    return -1;
}

mim_status mim__head_check_features(const mim_head *h, const struct head_options *o)
{
    const struct encoder_options *e = &h->encoder->options;
    char stages[OPTION_TEXT_SIZE] = "";
    if (mim__head_level(h->encoder, o->features) >= 0)
        return MIM_OK;
    if (e->depths.count)
        snprintf(stages, sizeof stages, ", or stage.1 .. stage.%d", e->depths.count);
    return mim__fail(h->object.ctx, MIM_ERR_VALUE, "head.features is \"%s\", not pooled, tokens, block.0 .. block.%lld%s",
                     o->features, (long long)e->depth, stages);
}

mim_status mim__head_check_numbers(const mim_head *h, const struct head_options *o, int64_t numbers)
{
    int level = mim__head_level(h->encoder, o->features);
    if (numbers <= NUMBERS_MOST >> 2 * level)
        return MIM_OK;
    return mim__fail(h->object.ctx, MIM_ERR_VALUE, "%lld numbers a patch, from tokens that stand for %dx%d patches, are "
                     "more than %d a token", (long long)numbers, 1 << level, 1 << level, NUMBERS_MOST);
}

struct tensor *mim__head_features(const mim_head *h, struct graph *g, const struct encoder_build *e)
{
    bool last = mim__head_sees_end(h);
    struct tensor *x = last ? e->tokens : mim__graph_find(g, h->options.features);
    x = e->first && x ? mim__op_slice(g, x, e->first, e->rows * e->cols) : x;
    return last && !h->options.norm ? x : mim__op_norm(g, "norm", x, (float)h->encoder->options.eps, F32);
}
