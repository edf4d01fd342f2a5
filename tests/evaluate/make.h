/* SPDX-License-Identifier: MIT */
/* make.h -- features and contexts to test probes with. */
#ifndef MIM_TESTS_EVALUATE_MAKE_H
#define MIM_TESTS_EVALUATE_MAKE_H

#include "evaluate/evaluate.h"
#include "support/fail_alloc.h"
#include "support/test.h"

static unsigned make_state = 1;
static inline double make_unit(void)
{
    make_state = make_state * 1664525u + 1013904223u;
    return (make_state >> 8) / 16777216.0;
}

/* Clusters: class c lies around a point of its own, `spread` wide. */
static inline void make_features(int64_t count, int width, int classes, double spread, float *rows, int64_t *labels)
{
    for (int64_t r = 0; r < count; r++) {
        int64_t label = (int64_t)(make_unit() * classes);
        if (labels)
            labels[r] = label;
        for (int i = 0; i < width; i++)
            rows[r * width + i] = (float)(((i + 3 * label) % 7 - 3) + spread * (make_unit() - 0.5));
    }
}

/* A context with a config of probe.kind. */
static inline mim_context *make_context(const char *kind, int threads, mim_config **config)
{
    mim_context *context = NULL;
    CHECK(mim_context_create(NULL, &context) == MIM_OK);
    CHECK(mim_context_set_threads(context, threads) == MIM_OK);
    CHECK(mim_config_create(context, NULL, config) == MIM_OK);
    CHECK(mim_config_set_str(*config, "probe.kind", kind) == MIM_OK);
    return context;
}

#endif
