/* SPDX-License-Identifier: MIT */
/* evaluation.h -- how well a trainer predicts pictures it has not been trained on. */
#ifndef EXAMPLES_SUPPORT_EVALUATION_H
#define EXAMPLES_SUPPORT_EVALUATION_H

#include "data.h"

#include <mim.h>

struct evaluation {
    double loss;                /* mean over the pictures */
    double mean_loss;           /* of predicting the mean of the visible pixels; NaN where it does not compare */
    int unwritten;              /* the sheet could not be written */
};

/* Pictures [first, first + count) in batches. sheet: where to write the reconstructions of the first of them, or NULL; a
 * head that does not predict pixels writes none. */
mim_status evaluate(mim_trainer *trainer, const struct data *data, int64_t first, int64_t count, int batch,
                    const char *sheet, struct evaluation *out);

#endif
