/* SPDX-License-Identifier: MIT */
/* classify.c -- what features are worth: test rows classified by training rows, by k-NN or by a linear probe. */
#include "evaluate/evaluate.h"

#include "base/executor.h"

#include <math.h>

#define FIELD(name) offsetof(struct probe_options, name)

const struct mim__option mim__probe_options[] = {
    { "probe.kind", OPTION_CHOICE, FIELD(kind), "knn", 0, 0, "knn linear",
      "k nearest neighbours (scores: shares of the vote), or multinomial logistic regression (scores: logits)" },
    { "probe.k", OPTION_I64, FIELD(k), "20", 1, 100000, NULL, "neighbours that vote" },
    { "probe.temperature", OPTION_F64, FIELD(temperature), "0.07", 1e-6, 1e6, NULL,
      "a neighbour's vote weighs exp(cosine / temperature)" },
    { "probe.penalty", OPTION_F64, FIELD(penalty), "0.0001", 0, 1e6, NULL,
      "linear: half of this times the squared weights is added to the mean loss" },
    { "probe.tolerance", OPTION_F64, FIELD(tolerance), "1e-05", 0, 1, NULL,
      "linear: training ends when no element of the gradient is above this" },
    { "probe.iterations", OPTION_I64, FIELD(iterations), "1000", 1, 1000000, NULL, "linear: most iterations of L-BFGS" },
    OPTIONS_END
};

/* ---- Are all features finite? ---- */

enum { ROWS = 256 };

struct search { const struct features *f; int width; atomic_llong first; };

static void search_rows(void *arg, int task, void *scratch)
{
    struct search *s = arg;
    int64_t from = (int64_t)task * ROWS, end = lmin(s->f->count, from + ROWS);
    (void)scratch;
    for (int64_t row = from; row < end; row++) {
        const float *x = s->f->rows + row * s->width;
        float sum = 0;                       /* 0 * x is 0, or NaN where x is not finite */
        for (int i = 0; i < s->width; i++)
            sum += 0 * x[i];
        long long first = atomic_load(&s->first);
        while (sum != 0 && row < first && !atomic_compare_exchange_weak(&s->first, &first, row))
            ;
    }
}

static mim_status check_finite(const struct probe *p, const struct features *f, const char *name)
{
    struct search s = { f, p->width, 0 };
    atomic_store(&s.first, f->count);
    mim__run(mim__context_executor(p->ctx), (int)((f->count + ROWS - 1) / ROWS), search_rows, &s, NULL, NULL);
    long long first = atomic_load(&s.first);
    return first == f->count ? MIM_OK
                             : mim__fail(p->ctx, MIM_ERR_VALUE, "%s row %lld has a feature that is not finite", name, first);
}

static mim_status check_labels(const struct probe *p)
{
    for (int64_t i = 0; i < p->train.count; i++)
        if (p->train.labels[i] < 0 || p->train.labels[i] >= p->classes)
            return mim__fail(p->ctx, MIM_ERR_VALUE, "label %lld of training row %lld is outside 0 .. %d",
                             (long long)p->train.labels[i], (long long)i, p->classes - 1);
    return MIM_OK;
}

static mim_status check(const struct probe *p)
{
    int64_t room = PTRDIFF_MAX / 512, most = lmin(room / lmax(1, lmax(p->width, p->classes)), INT32_MAX);
    int wide = INT32_MAX / 64;               /* blocks of rows are indexed with int */
    if (p->classes < 1 || p->width < 1 || p->train.count < 0 || p->test.count < 0)
        return mim__fail(p->ctx, MIM_ERR_ARGUMENT, "%d classes, %d features, %lld training and %lld test rows", p->classes,
                         p->width, (long long)p->train.count, (long long)p->test.count);
    if (!p->train.count || !p->test.count)
        return mim__fail(p->ctx, MIM_ERR_VALUE, "%lld training and %lld test rows: a set is empty",
                         (long long)p->train.count, (long long)p->test.count);
    if (p->train.count > most || p->test.count > most || p->width > wide || p->classes > wide
        || p->classes > room / ((int64_t)p->width + 1))
        return mim__fail(p->ctx, MIM_ERR_SHAPE, "%lld training and %lld test rows, %d features and %d classes are too many",
                         (long long)p->train.count, (long long)p->test.count, p->width, p->classes);
    mim_status status = check_labels(p);
    if (!status)
        status = check_finite(p, &p->train, "training");
    if (!status)
        status = check_finite(p, &p->test, "test");
    return status;
}

mim_status mim_evaluate_classify(mim_context *context, const mim_config *config, int32_t classes, int32_t width,
                                 int64_t train_count, const float *train, const int64_t *train_labels,
                                 int64_t test_count, const float *test, float *scores)
{
    struct probe_options o;
    if (!context || !train || !train_labels || !test || !scores)
        return mim__null_argument(context, __func__);
    struct features training = { train_count, train, train_labels }, testing = { test_count, test, NULL };
    struct probe p = { context, &o, classes, width, training, testing, scores };
    mim_status status = mim__read_options(context, config, mim__probe_options, &o);
    if (!status)
        status = check(&p);
    if (status)
        return status;
    return o.kind == PROBE_KNN ? mim__evaluate_knn(&p) : mim__evaluate_linear(&p);
}
