/* SPDX-License-Identifier: MIT */
/* options.c -- the options of section head. */
#include "head/head.h"

#define FIELD(name) offsetof(struct head_options, name)
const struct mim__option mim__head_options[] = {
    { "head.kind", OPTION_CHOICE, FIELD(kind), "pixels", 0, 0, "pixels classifier none mae tokens flat inverse_swin",
      "task: predict hidden pixels from each token, through a decoder (mae), or so but all at once (flat), or through the "
      "stages of a Swin Transformer mirrored (inverse_swin); classify pictures, or patches (tokens); or end at the tokens" },
    { "head.layers", OPTION_I64, FIELD(layers), "1", 1, 2, NULL, "pixels: linear (1), or a perceptron with a hidden layer (2)" },
    { "head.hidden", OPTION_I64, FIELD(hidden), "0", 0, 262144, NULL,
      "numbers of that hidden layer, 0: those of a token; mae, flat: of a block's perceptron, 0: 4 width; inverse_swin: "
      "of one in the last stage, 0: in proportion to the width, as encoder.hidden" },
    { "head.width", OPTION_I64, FIELD(width), "0", 0, 65536, NULL,
      "numbers a token in the decoder; mae, flat: 0: 512; inverse_swin: in the last stage, twice as many in each one "
      "before, 0: encoder.width" },
    { "head.depths", OPTION_LIST_F64, FIELD(depths), "[]", 1, 1000, NULL,
      "inverse_swin: blocks of each stage, from the encoder to the pixels; empty: as the encoder's, backwards" },
    { "head.stage_heads", OPTION_LIST_F64, FIELD(stage_heads), "[]", 1, 4096, NULL,
      "inverse_swin: attention heads of each stage; empty: heads as wide as the encoder's" },
    { "head.depth", OPTION_I64, FIELD(depth), "8", 1, 64, NULL, "mae, flat: blocks of the decoder" },
    { "head.heads", OPTION_I64, FIELD(heads), "16", 1, 4096, NULL,
      "mae, flat: attention heads of the decoder; they divide its width where head_width is 0" },
    { "head.head_width", OPTION_I64, FIELD(head_width), "0", 0, 65536, NULL,
      "mae, flat: numbers of one of these; 0: width / heads" },
    { "head.positions", OPTION_CHOICE, FIELD(positions), "sincos", 0, 0, "learned sincos", "mae: positions in the decoder" },
    { "head.loss", OPTION_CHOICE, FIELD(loss), "auto", 0, 0, "l1 l2 smooth_l1 host auto",
      "heads that predict pixels: distance of prediction and target; host: its gradient is an input; auto: l1 for pixels "
      "and inverse_swin, l2 for mae, flat and hog" },
    { "head.beta", OPTION_F64, FIELD(beta), "1", 1e-6, 1e6, NULL, "smooth_l1: where the parabola ends" },
    { "head.target", OPTION_CHOICE, FIELD(target), "auto", 0, 0,
      HEAD_TARGETS,
      "pixels, mae, inverse_swin: as shown (flat: this alone), normalised a patch, normalised in a window around each, "
      "the input \"target\", histograms of gradients (MaskFeat), Sobel's edges; tokens: the input \"labels\", the nearest colour of \"palette\", "
      "bins of all channels together, or of each by itself; auto: pixels, or for tokens classes" },
    { "head.masked", OPTION_BOOL, FIELD(masked), "1", 0, 1, NULL,
      "pixels, tokens, inverse_swin: patches are hidden and count in the loss alone; 0: none is, all count (dense probes)" },
    { "head.numbers", OPTION_I64, FIELD(numbers), "0", 0, 1048576, NULL,
      "pixels, mae, inverse_swin, target host: numbers a patch; 0: as many as its pixels" },
    { "head.bins", OPTION_I64, FIELD(bins), "8", 1, 256, NULL,
      "tokens, target bins: of each channel; classes are their combinations; channel_bins: and they are the classes" },
    { "head.window", OPTION_I64, FIELD(window), "47", 3, 1025, NULL, "side of the window of window_norm, odd" },
    { "head.reduce", OPTION_I64, FIELD(reduce), "1", 1, 256, NULL, "predict at 1 / reduce of the resolution; divides the patch" },
    { "head.visible", OPTION_F64, FIELD(visible), "0", 0, 1, NULL,
      "pixels, mae, flat, inverse_swin, tokens (0 or 1): weight of visible patches in the loss, 0 none, 1 as hidden ones" },
    { "head.eps", OPTION_F64, FIELD(eps), "1e-5", 0, 1, NULL,
      "pixels, inverse_swin: added to the number of pixels that the loss is divided by" },
    { "head.classes", OPTION_I64, FIELD(classes), "1000", 1, 1000000, NULL, "classifier, tokens: classes" },
    { "head.smoothing", OPTION_F64, FIELD(smoothing), "0", 0, 0.999, NULL,
      "classifier, tokens: share of a label spread over all classes" },
    { "head.mixture", OPTION_BOOL, FIELD(mixture), "0", 0, 1, NULL, "classifier: takes soft labels, the input \"mixture\"" },
    { "head.features", OPTION_TEXT, FIELD(features), "pooled", 0, 0, NULL,
      "what it sees; classifier: pooled, tokens, block.K or stage.K; pixels, tokens, inverse_swin: the tokens at the "
      "end (also where it is pooled), or block.K or stage.K, through a layer norm" },
    { "head.norm", OPTION_BOOL, FIELD(norm), "0", 0, 1, NULL,
      "pixels, tokens, inverse_swin: tokens at the end go through a layer norm of the head as well, as others do" },
    { "head.pool", OPTION_CHOICE, FIELD(pool), "auto", 0, 0, "auto class mean",
      "classifier: how tokens, block.K or stage.K are brought to one; auto: as encoder.pool" },
    { "head.batch_norm", OPTION_BOOL, FIELD(batch_norm), "0", 0, 1, NULL,
      "classifier: batch norm without gain and bias before it (linear probe of MAE)" },
    { "head.init_deviation", OPTION_F64, FIELD(init_deviation), "0.02", 0, 10, NULL,
      "classifier, tokens: deviation of initial weights" },
    OPTIONS_END
};
#undef FIELD
