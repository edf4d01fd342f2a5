/* SPDX-License-Identifier: MIT */
/* options.c -- the options of section trainer. */
#include "train/trainer.h"

#define FIELD(name) offsetof(struct trainer_options, name)
const struct mim__option mim__trainer_options[] = {
    { "trainer.batch", OPTION_I64, FIELD(batch), "64", 1, 65536, NULL, "largest batch, in pictures" },
    { "trainer.accumulate", OPTION_I64, FIELD(accumulate), "1", 1, 65536, NULL, "backwards that an update takes" },
    { "trainer.frozen", OPTION_LIST_TEXT, FIELD(frozen), "[]", 0, 0, NULL,
      "parameters that stay as they are: names, what they are part of (encoder.blocks.0), or patterns with *" },
    { "trainer.outputs", OPTION_LIST_TEXT, FIELD(outputs), "[]", 0, 0, NULL,
      "outputs to keep beside the head's: tokens, pooled, block.K, stage.K, attention.K, pixels.gradient" },
    { "trainer.recompute", OPTION_I64, FIELD(recompute), "0", 0, 1000, NULL,
      "blocks whose activations are computed again in backward (gradient checkpointing), at least; first the encoder's, then "
      "the head's" },
    { "trainer.memory_budget", OPTION_I64, FIELD(memory_budget), "0", 0, 9e18, NULL,
      "bytes that weights, gradients, moments, activations and work memory may take together (the model's own records, some "
      "40 kB a block, are not counted); 0: any" },
    { "trainer.gradients", OPTION_BOOL, FIELD(gradients), "1", 0, 1, NULL, "0: evaluation only, without gradients and moments" },
    { "trainer.average", OPTION_F64, FIELD(average), "0", 0, 0.999999, NULL, "decay of a moving average of the weights; 0: none" },
    { "trainer.evaluate", OPTION_CHOICE, FIELD(evaluate), "weights", 0, 0, "weights average", "what evaluate runs with" },
    { "trainer.profile", OPTION_BOOL, FIELD(profile), "0", 0, 1, NULL, "time each operator" },
    OPTIONS_END
};
#undef FIELD
