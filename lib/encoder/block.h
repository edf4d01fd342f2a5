/* SPDX-License-Identifier: MIT */
/* block.h -- the transformer block, of encoders and of decoders in heads, and tables of absolute positions. */
#ifndef MIM_ENCODER_BLOCK_H
#define MIM_ENCODER_BLOCK_H

#include "op/op.h"

enum qkv_bias { QKV_BIAS_FULL, QKV_BIAS_QUERY_VALUE, QKV_BIAS_NONE };
enum positions { POSITIONS_LEARNED, POSITIONS_SINCOS, POSITIONS_NONE, POSITIONS_AUTO };
enum table_resize { TABLE_BICUBIC, TABLE_ANTIALIAS };
enum init_way { INIT_WAY_TRUNCATED, INIT_WAY_XAVIER, INIT_WAY_KERAS };

/* Initial weights of a linear layer: within the square root of 6 / (in + out) (Glorot and Bengio 2010, eq. 16). */
struct init mim__xavier(int in, int out);

/* x [batch, tokens, width] f32 -> the same, y = x + attention(norm(x)), z = y + perceptron(norm(y)); or with norm_after
 * y = x + norm(attention(x)), z = y + norm(perceptron(y)). Parameters go under the graph's scope, by timm's names. */
struct block {
    int width, heads, hidden, tokens;
    int head_width;                 /* numbers a head; 0: width / heads */
    double eps;
    enum activation activation;
    bool activation_out;            /* after the perceptron's second layer too; without layer scale and drop path */
    enum qkv_bias qkv_bias;
    enum dtype compute;
    enum init_way init;             /* of weights: as above, or likewise by Keras's rule for three-dimensional ones, or: */
    struct init weight, end;        /* of all layers but those at the end of a branch; of these */
    double layer_scale;             /* 0: none */
    float drop_path;
    struct tensor *bias;            /* of attention, [heads, tokens, tokens], or of a window's; or NULL */
    int rows, cols;                 /* with windows: the grid of tokens; that of the windows may be larger, with zeros */
    struct windows windows;
    bool norm_after;                /* without layer scale and activation_out; these norms' gains start from 0 */
    struct tensor *cosine;          /* scale of cosine attention, [heads, 1, 1], or NULL */
};
/* *weights (may be NULL): of attention, to be looked at. */
struct tensor *mim__block(struct graph *g, struct tensor *x, const struct block *b, struct tensor **weights);

/* A table of positions, [1, first + rows cols, width], for a grid of its own, brought to that of the picture. */
struct table {
    const char *name;
    enum positions kind;
    int rows, cols, first, width;   /* stored */
    int to_rows, to_cols;           /* wanted */
    enum table_resize resize;
    struct init how;                /* of learned ones */
};
/* NULL: without positions. */
struct tensor *mim__positions(struct graph *g, const struct table *t);

/* [m, n], from a table's side n to m; kept as a constant of the graph. */
struct tensor *mim__table_matrix(struct graph *g, int n, int m, enum table_resize how);

#endif
