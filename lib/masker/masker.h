/* SPDX-License-Identifier: MIT */
/* masker.h -- mim_masker from the inside. One strategy per file; the table at the top of masker.c lists them. */
#ifndef MIM_MASKER_MASKER_H
#define MIM_MASKER_MASKER_H

#include "base/context.h"
#include "base/options.h"
#include "base/philox.h"

extern const struct mim__option mim__masker_options[];

/* A masker for a grid that is already known (the trainer knows its encoder's). `unit` of the options is in pixels of
 * patches: patch is the side of one. */
mim_status mim__masker_create(mim_context *ctx, const mim_config *config, int rows, int cols, int patch, mim_masker **out);
void mim__masker_retain(mim_masker *m);
mim_context *mim__masker_context(const mim_masker *m);
bool mim__masker_is_host(const mim_masker *m);
void mim__masker_grid(const mim_masker *m, int *rows, int *cols);
/* Patches that every mask hides; -1 if their number varies or the masks are the host's. */
int mim__masker_hidden(const mim_masker *m);
/* The same; for masks of the host, what ratio and count ask for, of patches. */
int mim__masker_expects(const mim_masker *m);
/* One mask, u8 [rows, cols], 1 = hidden: at least one patch is and one is not. Allocates nothing. Not for kind "host". */
void mim__masker_draw_one(mim_masker *m, int64_t epoch, int64_t id, uint8_t *mask);
/* Its options, every default filled in, for a run of this seed: masker.seed says if the masks follow from another. */
mim_status mim__masker_report(const mim_masker *m, int64_t seed, mim_config *report);

#endif
