/* SPDX-License-Identifier: MIT */
/* accuracy.c -- top-k accuracy and the confusion matrix. Of equal scores the lower class ranks higher. */
#include "evaluate/evaluate.h"

/* How many classes rank above `label`; -1 if a score is NaN. *best gets the class that ranks first. */
static int64_t rank_of(int classes, const float *scores, int64_t label, int *best)
{
    int64_t above = 0;
    *best = 0;
    for (int c = 0; c < classes; c++) {
        if (scores[c] != scores[c])
            return -1;
        above += scores[c] > scores[label] || (scores[c] == scores[label] && c < label);
        if (scores[c] > scores[*best])
            *best = c;
    }
    return above;
}

static mim_status check(mim_context *ctx, int32_t classes, int64_t count, const int64_t *labels, int32_t top)
{
    if (classes < 1 || count < 0)
        return mim__fail(ctx, MIM_ERR_ARGUMENT, "mim_evaluate_accuracy: %d classes, %lld rows", classes, (long long)count);
    if (!count)
        return mim__fail(ctx, MIM_ERR_VALUE, "mim_evaluate_accuracy: no rows");
    if (top < 1 || top > classes)
        return mim__fail(ctx, MIM_ERR_VALUE, "mim_evaluate_accuracy: top %d is outside 1 .. %d", top, classes);
    for (int64_t i = 0; i < count; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            return mim__fail(ctx, MIM_ERR_VALUE, "mim_evaluate_accuracy: label %lld of row %lld is outside 0 .. %d",
                             (long long)labels[i], (long long)i, classes - 1);
    return MIM_OK;
}

static void count_confusions(int classes, int64_t count, const float *scores, const int64_t *labels, int64_t *confusion)
{
    memset(confusion, 0, (size_t)classes * (size_t)classes * sizeof *confusion);
    for (int64_t i = 0; i < count; i++) {
        int best;
        (void)rank_of(classes, scores + i * classes, labels[i], &best);
        confusion[labels[i] * classes + best]++;
    }
}

mim_status mim_evaluate_accuracy(mim_context *context, int32_t classes, int64_t count, const float *scores,
                                 const int64_t *labels, int32_t top, double *accuracy, int64_t *confusion)
{
    int64_t right = 0;
    if (!context || !scores || !labels || !accuracy)
        return mim__null_argument(context, __func__);
    mim_status status = check(context, classes, count, labels, top);
    if (status)
        return status;
    for (int64_t i = 0; i < count; i++) {
        int best;
        int64_t above = rank_of(classes, scores + i * classes, labels[i], &best);
        if (above < 0)
            return mim__fail(context, MIM_ERR_VALUE, "%s: a score of row %lld is not a number", __func__, (long long)i);
        right += above < top;
    }
    if (confusion)
        count_confusions(classes, count, scores, labels, confusion);
    *accuracy = (double)right / (double)count;
    return MIM_OK;
}
