/* SPDX-License-Identifier: MIT */
/* options.c -- the options of section encoder. */
#include "encoder/encoder.h"

const char mim__activation_names[] = "gelu gelu_tanh quick_gelu relu silu";

#define FIELD(name) offsetof(struct encoder_options, name)
const struct mim__option mim__encoder_options[] = {
    { "encoder.kind", OPTION_CHOICE, FIELD(kind), "vit", 0, 0, "vit swin", "architecture" },
    { "encoder.patch", OPTION_I64, FIELD(patch), "16", 1, 256, NULL, "side of a patch in pixels" },
    { "encoder.width", OPTION_I64, FIELD(width), "768", 1, 65536, NULL,
      "numbers a token; of stages those of the first, twice as many in each next one" },
    { "encoder.depth", OPTION_I64, FIELD(depth), "12", 1, 1000, NULL, "blocks; of stages their sum" },
    { "encoder.heads", OPTION_I64, FIELD(heads), "12", 1, 4096, NULL,
      "attention heads; they divide the width where head_width is 0; of stages those of the first" },
    { "encoder.head_width", OPTION_I64, FIELD(head_width), "0", 0, 65536, NULL,
      "numbers of one attention head, if their sum is not to be the width; 0: width / heads" },
    { "encoder.hidden", OPTION_I64, FIELD(hidden), "0", 0, 262144, NULL, "hidden numbers of the perceptron of a block; 0: 4 width" },
    { "encoder.eps", OPTION_F64, FIELD(eps), "1e-6", 0, 1, NULL, "added to the variance in layer norms" },
    { "encoder.activation", OPTION_CHOICE, FIELD(activation), "gelu", 0, 0, mim__activation_names,
      "between the layers of a block's perceptron; gelu_tanh is gelu_new and gelu_pytorch_tanh elsewhere" },
    { "encoder.activation_out", OPTION_BOOL, FIELD(activation_out), "0", 0, 1, NULL,
      "the activation follows the perceptron's second layer as well" },
    { "encoder.qkv_bias", OPTION_CHOICE, FIELD(qkv_bias), "full", 0, 0, "full query_value none",
      "bias of the projection to queries, keys and values" },
    { "encoder.class_token", OPTION_BOOL, FIELD(class_token), "1", 0, 1, NULL, "a learned token before the patches" },
    { "encoder.mask_token", OPTION_BOOL, FIELD(mask_token), "1", 0, 1, NULL, 
      "hidden patches become a learned token; 0: they are left out, and only what is visible is encoded" },
    { "encoder.positions", OPTION_CHOICE, FIELD(positions), "auto", 0, 0, "learned sincos none auto",
      "absolute positions; auto: learned ones, none of stages" },
    { "encoder.position_class", OPTION_BOOL, FIELD(position_class), "1", 0, 1, NULL, "the class token has a position too" },
    { "encoder.relative", OPTION_CHOICE, FIELD(relative), "none", 0, 0, "none shared block",
      "relative position bias: one table for all blocks, or one a block" },
    { "encoder.layer_scale", OPTION_F64, FIELD(layer_scale), "0", 0, 1e6, NULL, "initial scale of every branch; 0: no layer scale" },
    { "encoder.drop_path", OPTION_F64, FIELD(drop_path), "0", 0, 0.99, NULL,
      "probability of leaving out a branch of the last block; earlier blocks less, in proportion" },
    { "encoder.norm", OPTION_BOOL, FIELD(norm), "1", 0, 1, NULL, "layer norm after the last block" },
    { "encoder.pool", OPTION_CHOICE, FIELD(pool), "auto", 0, 0, "auto class mean",
      "how a picture's features are made of its tokens; auto: the class token if there is one" },
    { "encoder.pool_norm", OPTION_BOOL, FIELD(pool_norm), "0", 0, 1, NULL, "layer norm of the pooled features" },
    { "encoder.table_rows", OPTION_I64, FIELD(table_rows), "0", 0, 65536, NULL,
      "rows of the grid that position tables are stored for; 0: the picture's" },
    { "encoder.table_cols", OPTION_I64, FIELD(table_cols), "0", 0, 65536, NULL, "columns of that grid" },
    { "encoder.table_resize", OPTION_CHOICE, FIELD(table_resize), "bicubic", 0, 0, "bicubic antialias",
      "how absolute positions are brought to another grid: as transformers and MAE do it, or as timm" },
    { "encoder.init", OPTION_CHOICE, FIELD(init), "truncated", 0, 0, "truncated xavier keras",
      "initial weights: normal within the bounds below, or uniform by the sizes of a layer (MAE), tokens normal; or as "
      "Keras's layers: attention by three dimensions, positions uniform" },
    { "encoder.init_deviation", OPTION_F64, FIELD(init_deviation), "0.02", 0, 10, NULL, "deviation of initial weights" },
    { "encoder.init_cut", OPTION_F64, FIELD(init_cut), "0.02", 0, 1000, NULL, "largest absolute value of initial weights" },
    { "encoder.init_rescale", OPTION_BOOL, FIELD(init_rescale), "1", 0, 1, NULL,
      "divide initial weights at the end of a branch of block k = 1, 2, ... by sqrt(2 k)" },
    { "encoder.depths", OPTION_LIST_F64, FIELD(depths), "[]", 1, 1000, NULL,
      "swin: blocks of each stage; empty: [2, 2, 6, 2]" },
    { "encoder.stage_heads", OPTION_LIST_F64, FIELD(stage_heads), "[]", 1, 4096, NULL,
      "swin: attention heads of each stage; empty: encoder.heads, twice as many in each next stage" },
    { "encoder.window", OPTION_I64, FIELD(window), "7", 1, 256, NULL,
      "swin: side of a window in tokens; a grid that is not larger is one window" },
    { "encoder.table_window", OPTION_I64, FIELD(table_window), "0", 0, 256, NULL,
      "swin: side of the windows that the position tables are stored for; 0: encoder.window" },
    { "encoder.window_rule", OPTION_CHOICE, FIELD(window_rule), "timm", 0, 0, "timm transformers",
      "swin, where windows do not fit the grid: shrunk along an axis by itself, and the grid shifted, then filled up; or "
      "shrunk along both, and the grid filled up, then shifted" },
    OPTIONS_END
};
#undef FIELD
