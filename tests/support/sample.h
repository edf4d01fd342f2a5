/* SPDX-License-Identifier: MIT */
/* sample.h -- a table with an option of every type, for tests. */
#ifndef MIM_TESTS_SUPPORT_SAMPLE_H
#define MIM_TESTS_SUPPORT_SAMPLE_H

#include "base/options.h"

struct sample {
    int64_t depth, any;
    double ratio;
    int flip, kind;
    char note[OPTION_TEXT_SIZE], cut[OPTION_TEXT_SIZE];
    struct mim__numbers mean;
    struct mim__words names, parts;
};

#define SAMPLE(field) offsetof(struct sample, field)
static const struct mim__option sample_table[] = {
    { "s.depth", OPTION_I64, SAMPLE(depth), "12", 1, 1000, NULL, "number of blocks" },
    { "s.any", OPTION_I64, SAMPLE(any), "-3", 0, 0, NULL, "without a range" },
    { "s.ratio", OPTION_F64, SAMPLE(ratio), "0.6", 0, 1, NULL, "share" },
    { "s.flip", OPTION_BOOL, SAMPLE(flip), "true", 0, 0, NULL, "mirror" },
    { "s.kind", OPTION_CHOICE, SAMPLE(kind), "random", 0, 0, "random block square", "how" },
    { "s.note", OPTION_TEXT, SAMPLE(note), "", 0, 0, NULL, "anything" },
    { "s.cut", OPTION_TEXT, SAMPLE(cut), "centre", 0, 0, "random centre none", "a text among words" },
    { "s.mean", OPTION_LIST_F64, SAMPLE(mean), "0.5 0.25", -10, 10, NULL, "numbers" },
    { "s.names", OPTION_LIST_TEXT, SAMPLE(names), "", 0, 0, NULL, "words" },
    { "s.parts", OPTION_LIST_TEXT, SAMPLE(parts), "head", 0, 0, "head encoder", "words among words" },
    OPTIONS_END
};
enum { S_DEPTH, S_ANY, S_RATIO, S_FLIP, S_KIND, S_NOTE, S_CUT, S_MEAN, S_NAMES, S_PARTS, S_COUNT };

#endif
