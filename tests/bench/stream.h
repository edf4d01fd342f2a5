/* SPDX-License-Identifier: MIT */
/* stream.h -- how fast the threads of an executor can copy memory, and read it: arrays that no cache holds. */
#ifndef MIM_BENCH_STREAM_H
#define MIM_BENCH_STREAM_H

#include "limit.h"

#include <stdlib.h>

enum { STREAM_FLOATS = 1 << 26, STREAM_TASK = 1 << 18 };       /* 256 MiB in tasks of one */

struct stream { const struct row_kernels *rows; float *from, *to; bool copy; float sink[STREAM_FLOATS / STREAM_TASK]; };

static void stream_task(void *arg, int task, void *scratch)
{
    struct stream *s = arg;
    size_t at = (size_t)task * STREAM_TASK;
    (void)scratch;
    if (s->copy)
        memcpy(s->to + at, s->from + at, STREAM_TASK * sizeof(float));
    else
        s->sink[task] = s->rows->sum(STREAM_TASK, s->from + at);
}

/* GB/s, read and written bytes both counted; the best of five. 0 where there is no memory for it. */
static double stream_rate(const struct env *env, bool copy)
{
    struct stream s = { .rows = env->k->rows, .copy = copy };
    double bytes = STREAM_FLOATS * sizeof(float) * (copy ? 2.0 : 1.0), best = 0;
    s.from = aligned_alloc(1 << 21, STREAM_FLOATS * sizeof(float));
    s.to = copy ? aligned_alloc(1 << 21, STREAM_FLOATS * sizeof(float)) : NULL;
    for (size_t i = 0; s.from && i < STREAM_FLOATS; i++)
        s.from[i] = 1;
    for (int i = -1; s.from && (s.to || !copy) && i < 5; i++) {
        double t = now();
        mim__run(env->pool, STREAM_FLOATS / STREAM_TASK, stream_task, &s, NULL, NULL);
        t = bytes / (now() - t) * 1e-9;
        best = i >= 0 && t > best ? t : best;
    }
    free(s.from), free(s.to);
    return best;
}

#endif
