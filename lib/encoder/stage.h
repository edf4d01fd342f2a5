/* SPDX-License-Identifier: MIT */
/* stage.h -- a stage of Swin Transformers, of encoders and of the decoders in heads that mirror them. */
#ifndef MIM_ENCODER_STAGE_H
#define MIM_ENCODER_STAGE_H

#include "encoder/encoder.h"

struct stage {
    const mim_encoder *e;                       /* of kind swin or swinv2: its windows, norms, biases and initial values */
    const struct encoder_build *build;
    struct graph *g;
    const char *scope;                          /* "layers.": what stands before `number` in names of parameters */
    int number, level;                          /* level: how often the grid of patches is halved */
    int width, heads, hidden, blocks;
    int rows, cols;                             /* its grid of tokens; this and what follows mim__stage_begin finds out */
    struct windows windows, stored;             /* of shifted blocks; that the tables are for */
    struct tensor *places;                      /* of V2: [offsets in a window, 2] */
    struct init weight;
};
/* side / 2^level, rounded up at each halving. */
static inline int mim__stage_side(int side, int level) { return (side - 1) / (1 << level) + 1; }

enum { STAGES_MOST = 8 };
/* What options of a section ("encoder") say: blocks and heads of each stage, width and hidden numbers of the first, or,
 * mirrored, of the last. MIM_ERR_VALUE: no whole numbers, heads that do not divide a width, too many. */
struct stages {
    const char *section;
    const struct mim__numbers *depths, *heads;
    int64_t width, hidden;
    bool mirrored;
};
mim_status mim__stages_check(mim_context *ctx, const struct stages *all);

void mim__stage_begin(struct stage *s);
/* x [batch, rows cols, width] f32 -> the same; block i = 0 .. blocks - 1. *weights (may be NULL): as of mim__block. */
struct tensor *mim__stage_block(const struct stage *s, struct tensor *x, int i, float drop_path, struct tensor **weights);
/* -> [batch, tokens of the halved grid, 2 width] f32; and the other way, [batch, tokens of the grid above, width / 2]. */
struct tensor *mim__stage_merge(const struct stage *s, struct tensor *x);
struct tensor *mim__stage_expand(const struct stage *s, struct tensor *x);

#endif
