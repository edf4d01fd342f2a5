/* SPDX-License-Identifier: MIT */
/* op.h -- every differentiable operator, as the builders of models call it. One file each in this room; shapes,
 * formula and source stand there. All take and give tensors of the graph; parameters are made on the way, under
 * the graph's scope and the names given, as timm names them. Activations of a branch are of the graph's branch type
 * (f32, or bf16 in mixed precision), the residual stream, predictions and losses f32. */
#ifndef MIM_OP_OP_H
#define MIM_OP_OP_H

#include "graph/graph.h"
#include "kernel/kernel.h"

/* y [rows, width] = residual + drop_path(scale * (f(x) w^T + bias)), f the norm or the activation. */
struct linear {
    const char *norm; float eps;             /* layer norm of x first, parameters norm.weight, norm.bias; NULL: none */
    enum activation activation;              /* of x first: ACT_NONE, ... (after the norm, if both) */
    struct tensor *weight;                   /* in place of a parameter name.weight, f32 with `width` rows */
    bool no_bias, no_decay;                  /* no_decay: of the weight */
    struct tensor *bias;                     /* in place of a parameter name.bias, f32 [width] */
    struct init weight_init, bias_init;      /* kind INIT_ZERO with a = 0 for weight_init means TRUNCATED 0.02 */
    struct shape weight_shape;               /* of the parameter, if not [width, cols of x]: a convolution's */
    const char *scale; float scale_init;     /* layer scale parameter of this name, or NULL */
    float drop_path;                         /* rate; rows are grouped by picture */
    struct tensor *residual;                 /* f32, of the shape of y; the output is then f32 */
    enum dtype compute;                      /* BF16: operands rounded to bf16 */
    enum dtype type;                         /* of y without residual */
    int tokens;                              /* rows a picture, for drop path */
};
struct tensor *mim__op_linear(struct graph *g, const char *name, struct tensor *x, int width, struct linear o);

/* y f32 = residual + f(x), residual f32 or NULL: where no linear layer follows to do it on the way. */
struct tensor *mim__op_activate(struct graph *g, struct tensor *x, enum activation f, struct tensor *residual);

/* y = layer norm of x; parameters name.weight, name.bias. type of y as asked. */
struct tensor *mim__op_norm(struct graph *g, const char *name, struct tensor *x, float eps, enum dtype type);
/* y f32 = residual + drop_path(layer norm of x), rows grouped by picture; name.weight starts from `gain`. */
struct norm_after { float eps, gain, drop_path; int tokens; struct tensor *residual; };
struct tensor *mim__op_norm_after(struct graph *g, const char *name, struct tensor *x, struct norm_after o);

/* y [batch, tokens, width] from qkv [batch, tokens, 3 width] = [q | k | v], each heads x (width / heads).
 * Logits are q k^T * scale + bias[head]; scale 0 means (width / heads)^-0.5. bias f32 [heads, tokens, tokens] or NULL. */
struct attention {
    int heads;
    float scale;
    enum dtype compute;
    struct windows {                         /* of the grid of tokens; high 0: none, all tokens see each other */
        int rows, cols, high, wide;          /* the windows divide the grid; bias is [heads, high wide, high wide] */
        int down, right;                     /* where the grid is cut: it wraps around, what meets does not see each other */
        int turned_rows, turned_cols;        /* 0: all; only so much of the grid, from its beginning, wraps around */
        float apart;                         /* what scores of tokens lose that do not see each other; 0: they get no weight */
    } windows;
};
struct tensor *mim__op_attention(struct graph *g, struct tensor *qkv, struct tensor *bias, struct attention o);
/* The weights themselves, f32 [batch windows, heads, tokens of one, tokens of one], to be looked at. No gradient. NULL,
 * and nothing else, where an array of them would be too large. */
struct tensor *mim__op_attention_weights(struct graph *g, struct tensor *qkv, struct tensor *bias, struct attention o);

/* y [batch, rows * cols, channels * patch^2] in the order (channel, row, column) from pixels [batch, channels, h, w]. */
struct tensor *mim__op_patches(struct graph *g, struct tensor *pixels, int patch, enum dtype type);

/* Hidden patches become one learned vector. x [batch, patches, width] f32, mask i32 [batch, patches], token [.., width]. */
struct tensor *mim__op_mask_tokens(struct graph *g, struct tensor *x, struct tensor *mask, struct tensor *token);

/* y [batch, kept, width]: the rows of x [batch, patches, width] named in which i32 [batch, kept], in its order. Each of a
 * picture once; the caller has made sure of it. */
struct tensor *mim__op_gather(struct graph *g, struct tensor *x, struct tensor *which);
/* The way back, from x [batch, first + kept, width] f32 into y [batch, first + patches, width]: rows that which does not
 * name are the token [1, 1, width]. */
struct scatter { int first, patches; };
struct tensor *mim__op_scatter(struct graph *g, struct tensor *x, struct tensor *token, struct tensor *which,
                               struct scatter o);

/* The tokens of a grid as those of another, [batch, to_rows to_cols, step^2 width]: cut off, filled up with zeros, or with a
 * step above 1 step x step of them side by side, those of a column together (patch merging). apart: the way back, from
 * [batch, rows cols, step^2 width]. */
struct regrid { int rows, cols, to_rows, to_cols, step; bool apart; };
struct tensor *mim__op_regrid(struct graph *g, struct tensor *x, struct regrid o);

/* What tokens predict, [batch, tokens, channels (patches side)^2] f32 in the order (channel, row, column), as that of the
 * patches of a grid, [batch, rows cols, channels side^2], of which each token stands for patches x patches. */
struct split_tokens { int rows, cols, patches, channels, side; };
struct tensor *mim__op_split(struct graph *g, struct tensor *x, struct split_tokens o);

/* qkv as attention takes it, queries and keys of each head made of length one, queries times exp(min(scale, log 100)), scale
 * [heads, 1, 1]: with attention's scale 1, cosine attention. */
struct tensor *mim__op_cosine(struct graph *g, struct tensor *qkv, struct tensor *scale);

/* y [batch, patches + (cls ? 1 : 0), width] = [cls; x] + positions. cls [1, 1, width], positions [1, n, width] or NULL;
 * positions have as many rows as y, or, where they leave out the class token, as x. */
struct tensor *mim__op_embed(struct graph *g, struct tensor *x, struct tensor *cls, struct tensor *positions);
/* The same where x [batch, kept, width] are only the patches that which i32 [batch, kept] names: each gets the position of
 * its own. prefix: rows of positions before those of the patches, 0 or 1. */
struct tensor *mim__op_embed_some(struct graph *g, struct tensor *x, struct tensor *cls, struct tensor *positions,
                                  struct tensor *which, int prefix);

/* A table of prefix + r0 * c0 + suffix rows to prefix + r1 * c1 + suffix rows: out = (R kron C) table per column, prefix and
 * suffix rows unchanged. R [r1, r0] and C [c1, c0] are constants. Positions and relative tables of another grid. */
struct resample { int prefix, suffix; };
struct tensor *mim__op_resample(struct graph *g, struct tensor *table, struct tensor *r, struct tensor *c,
                                struct resample o);

/* Relative position bias [heads, n, n] of a grid, scale times what stands in its table [(2 rows - 1)(2 cols - 1) (+ 3 with
 * class token), heads]. */
struct relative { int rows, cols, cls; float scale; };      /* scale 0: 1 */
struct tensor *mim__op_relative(struct graph *g, struct tensor *table, struct relative o);

/* [q; 0; v]: a qkv bias [3 width] whose key part is zero (BEiT, SimMIM). */
struct tensor *mim__op_join_bias(struct graph *g, struct tensor *q, struct tensor *v);

/* Batch norm without gain and bias, x [rows, width]: statistics [2, width] are the mean and the biased variance of the batch
 * in training, else the running ones, which the trainer keeps. */
struct tensor *mim__op_batch_statistics(struct graph *g, struct tensor *x, struct tensor *mean, struct tensor *variance);
struct tensor *mim__op_batch_norm(struct graph *g, struct tensor *x, struct tensor *statistics, float eps);

/* y [batch, width]: the class token (first 0, count 1), or the mean of tokens first .. first + count - 1. */
struct tensor *mim__op_pool(struct graph *g, struct tensor *x, int first, int count);
/* y [batch, count, width]: tokens first .. first + count - 1. */
struct tensor *mim__op_slice(struct graph *g, struct tensor *x, int first, int count);

/* What pixels are to be predicted: target [batch, patches, channels * (patch / reduce)^2] f32, order (channel, row, column)
 * as above; or with `interleaved` (row, column, channel) as MAE orders it. No gradient. */
enum target_kind { TARGET_PIXELS, TARGET_PATCH_NORM, TARGET_WINDOW_NORM };
struct target { int patch; enum target_kind kind; int window; int reduce; int interleaved; };
struct tensor *mim__op_target(struct graph *g, struct tensor *pixels, struct target o);
/* Other things to predict, of pixels and the scale [2, channels] (means, deviations) that they were normalised with. No
 * gradient. Histograms of oriented gradients [batch, patches, channels * 9 (patch / 8)^2], 8 dividing the patch; magnitudes
 * of edges, as large as the picture; classes i32 [batch, patches] by the nearest colour of palette [classes, channels], or
 * where that is NULL, by bins of all channels, or, apart, of each, [batch, patches channels]; and those of hidden patches
 * alone, others -1, of mask [batch, patches]. */
struct tensor *mim__op_hog(struct graph *g, struct tensor *pixels, struct tensor *scale, int patch);
struct tensor *mim__op_edges(struct graph *g, struct tensor *pixels, struct tensor *scale);
struct colours { int patch, bins; bool apart; };
struct tensor *mim__op_colours(struct graph *g, struct tensor *pixels, struct tensor *scale, struct tensor *palette,
                               struct colours o);
struct tensor *mim__op_hidden_classes(struct graph *g, struct tensor *classes, struct tensor *mask);
/* The window around a pixel of one channel, for turning a window-normalised prediction back: sums, of 2 (height + 1)
 * (width + 1) doubles, is filled first. */
struct mim__window { double mean, deviation; };
void mim__window_sums(const float *x, int height, int width, double *sums);
struct mim__window mim__window_at(const double *sums, int height, int width, int window, int y, int x);

/* loss [1] = weighted sum over patches / (count + eps) / channels; SimMIM eq. in spec: the count is of pixels.
 * prediction, target [batch, patches, depth] f32; mask i32 [batch, patches]; visible: weight of patches not hidden (0: only
 * hidden ones count). depth = channels * pixels a patch. */
enum loss_kind { LOSS_L1, LOSS_L2, LOSS_SMOOTH_L1 };
struct pixel_loss { enum loss_kind kind; float beta, visible, eps; int channels; };
struct tensor *mim__op_pixel_loss(struct graph *g, struct tensor *prediction, struct tensor *target, struct tensor *mask,
                                  struct pixel_loss o);

/* loss [1] = mean cross-entropy of logits [rows, classes] f32 against labels i32 [rows] (-1 takes no part), or
 * against soft labels f32 [rows, classes] (labels NULL). smoothing: share spread over all classes. */
struct cross_entropy { float smoothing; };
struct tensor *mim__op_cross_entropy(struct graph *g, struct tensor *logits, struct tensor *labels, struct tensor *mixture,
                                     struct cross_entropy o);

/* The same values as another shape (dimension 0 still scales with the batch): no copy of its own is promised. */
struct tensor *mim__op_reshape(struct graph *g, struct tensor *x, struct shape s);

#endif
