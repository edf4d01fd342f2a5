/* SPDX-License-Identifier: MIT */
/* encode.h -- features of a collection of pictures, batch after batch. */
#ifndef EXAMPLES_SUPPORT_ENCODE_H
#define EXAMPLES_SUPPORT_ENCODE_H

#include "data.h"

#include <mim.h>

enum pooling {
    POOL_NOT,                   /* all numbers of the output */
    POOL_MEAN,                  /* of tokens, the mean of the patches */
    POOL_CLASS                  /* of tokens, the class token */
};

struct features {
    float *rows;                /* one a picture, in their order; free it */
    int32_t rank;
    int64_t shape[MIM_MAX_RANK], width;     /* [pictures, ...], width numbers a picture */
};

/* output: "pooled", "tokens", "block.K"; an output with one row a picture is taken as it is. Shows how far it is, with a
 * line that begins with `what`, or nothing if that is NULL. MIM_ERR_UNSUPPORTED: POOL_CLASS, and the encoder has no class
 * token. */
mim_status encode_pictures(mim_encoder *encoder, const struct data *data, const char *output, enum pooling pool,
                           const char *what, struct features *out);

#endif
