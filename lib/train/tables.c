/* SPDX-License-Identifier: MIT */
/* tables.c -- the tables of options of every room, in the order of the reference. */
#include "base/options.h"

extern const struct mim__option mim__run_options[], mim__image_options[], mim__masker_options[], mim__encoder_options[],
    mim__head_options[], mim__optimizer_options[], mim__trainer_options[], mim__probe_options[];

const struct mim__option *const mim__option_tables[] = {
    mim__run_options, mim__image_options, mim__masker_options, mim__encoder_options, mim__head_options,
    mim__optimizer_options, mim__trainer_options, mim__probe_options, NULL,
};
