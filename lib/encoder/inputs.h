/* SPDX-License-Identifier: MIT */
/* inputs.h -- arrays of the host under a name, checked and converted into place. */
#ifndef MIM_ENCODER_INPUTS_H
#define MIM_ENCODER_INPUTS_H

#include "base/context.h"

enum input_check { INPUT_ANY, INPUT_FINITE, INPUT_MASK, INPUT_LABEL };

struct mim__input {
    const char *name;
    enum input_check check;
    enum dtype type;            /* of data: F32 or I32 */
    size_t each;                /* elements a picture */
    int64_t batch;              /* largest */
    int64_t classes;            /* of labels: -1 .. classes - 1 */
    bool needs_hidden, needs_visible;       /* of masks: some of the whole batch must be */
    bool equal;                             /* of masks: as many of every picture are hidden */
    void *data;                 /* batch * each elements */
    int64_t set;                /* pictures that stand in it; 0: not set */
};

/* All or nothing. MIM_ERR_SHAPE: elements is no whole batch, or too large; MIM_ERR_VALUE: floats for integers or the other
 * way round, a value out of range or not finite, a mask that hides nothing or all where some
 * are needed, or of another picture another number where all must agree. */
mim_status mim__input_set(mim_context *ctx, struct mim__input *in, int32_t type, const void *data, size_t elements);
/* Pictures that `elements` are, checked as above; values are not looked at. */
mim_status mim__input_count(mim_context *ctx, const struct mim__input *in, size_t elements, int64_t *count);

/* A mask that is set: patches that it leaves visible in the first picture. */
int mim__input_visible(const struct mim__input *mask);
/* to [batch, kept]: numbers of the patches that mask [batch, patches] leaves visible, ascending. */
void mim__list_visible(const int32_t *mask, int64_t batch, int64_t patches, int32_t *to);

#endif
