/* SPDX-License-Identifier: MIT */
/* model.h -- trained models: folders and files, as pretrain and others write them. */
#ifndef EXAMPLES_SUPPORT_MODEL_H
#define EXAMPLES_SUPPORT_MODEL_H

#include <mim.h>

/* A folder or a file of weights. Of a folder that pretrain wrote it is the state, which also tells how pictures were
 * normalised, masked and predicted. */
mim_status model_open(mim_context *context, const char *path, mim_tensors **weights);

/* What a configuration sets in the sections named, "image. encoder.", or outside of any, "seed", on top of `to`. */
mim_status model_copy_sections(const mim_config *from, const char *sections, mim_config *to);

/* KEY=VALUE, as of a command line. */
mim_status model_set(mim_config *config, const char *text);

/* Weights (MIM_WEIGHTS or MIM_AVERAGE) into a folder, under the names that other programs know where the model has such. */
mim_status model_save(mim_trainer *trainer, int32_t what, const char *folder);

#endif
