/* SPDX-License-Identifier: MIT */
/* support.c -- sums over rows and layer norm over rows, cut into tasks of a fixed number of rows. */
#include "op/support.h"

#include "base/philox.h"

#include <math.h>

void mim__op_to_bytes(const float *x, const float *scale, const int *d, int index, uint8_t *to)
{
    size_t plane = (size_t)d[2] * (size_t)d[3];
    float mean = scale[index % d[1]], deviation = scale[d[1] + index % d[1]];
    x += (size_t)index * plane;
    for (size_t i = 0; i < plane; i++)
        to[i] = (uint8_t)lrintf(fminf(fmaxf((x[i] * deviation + mean) * 255.0f, 0), 255));
}

void mim__op_pass(const struct env *e, enum dtype t, int n, const void *from, void *to, bool add, float *buffer)
{
    if (!add)
        memmove(to, from, (size_t)n * dtype_size(t));
    else if (t == F32)
        e->k->rows->axpy(n, 1, from, to);
    else
        mim__op_store(e, t, n, read_row(e, t, from, n, buffer), to, true);
}

void mim__op_store(const struct env *e, enum dtype t, int n, const float *from, void *to, bool add)
{
    uint16_t *half = to;
    if (t == F32 && add) {
        e->k->rows->axpy(n, 1, from, to);
    } else if (t == F32) {
        memmove(to, from, (size_t)n * sizeof *from);
    } else if (!add) {
        e->k->rows->narrow(n, from, half);
    } else {                                    /* in pieces: the old values need room too */
        float old[256];
        for (int i = 0; i < n; i += COUNT(old)) {
            int m = imin(COUNT(old), n - i);
            e->k->rows->widen(m, half + i, old);
            e->k->rows->add(m, old, from + i, old);
            e->k->rows->narrow(m, old, half + i);
        }
    }
}

const float *mim__op_drop_factors(const struct env *e, uint32_t id, int pictures, float rate, float *to)
{
    if (!rate || !e->training)
        return NULL;
    struct mim__stream s = mim__stream(e->seed, STREAM_DROP_PATH | STREAM_BATCH, e->step, id);
    for (int i = 0; i < pictures; i++)
        to[i] = mim__unit(mim__word(&s, (uint32_t)i)) < rate ? 0 : 1 / (1 - rate);
    return to;
}

/* ---- sums over rows ---- */

struct sums {
    const struct env *e;
    enum dtype t;
    int rows, cols, group;
    const void *x;
    const float *factor;
    float *partial;
};

size_t mim__op_sums_size(int rows, int cols) { return (size_t)tasks(rows, ROWS) * (size_t)cols; }

static void sum_task(void *arg, int task, void *scratch)
{
    const struct sums *s = arg;
    float *sum = s->partial + (size_t)task * (size_t)s->cols;
    int end = imin(s->rows, (task + 1) * ROWS);
    memset(sum, 0, (size_t)s->cols * sizeof *sum);
    for (int r = task * ROWS; r < end; r++) {
        float factor = s->factor ? s->factor[r / s->group] : 1;
        if (factor != 0)
            s->e->k->rows->axpy(s->cols, factor, read_row(s->e, s->t, row_of(s->x, s->t, s->cols, r), s->cols, scratch), sum);
    }
}

/* Partial sums of `count` tasks, added in their order. */
static void gather(const struct env *e, int count, int cols, const float *partial, float *sum, bool add)
{
    if (!add)
        memset(sum, 0, (size_t)cols * sizeof *sum);
    for (int i = 0; i < count; i++)
        e->k->rows->axpy(cols, 1, partial + (size_t)i * (size_t)cols, sum);
}

void mim__op_sums(const struct env *e, enum dtype t, int rows, int cols, const void *x, const float *factor, int group,
                  float *partial, float *sum, bool add)
{
    struct sums s = { e, t, rows, cols, group, x, factor, partial };
    split(e, tasks(rows, ROWS), sum_task, &s);
    gather(e, tasks(rows, ROWS), cols, partial, sum, add);
}

/* ---- layer norm ---- */

struct stats { const struct env *e; int rows, dim; const float *x; float eps, *mean, *rstd; };

static void stats_task(void *arg, int task, void *scratch)
{
    const struct stats *s = arg;
    int end = imin(s->rows, (task + 1) * ROWS);
    (void)scratch;
    for (int r = task * ROWS; r < end; r++)
        s->e->k->rows->norm_stats(s->dim, s->x + (size_t)r * (size_t)s->dim, s->eps, &s->mean[r], &s->rstd[r]);
}

void mim__op_norm_stats(const struct env *e, int rows, int dim, const float *x, float eps, float *mean, float *rstd)
{
    struct stats s = { e, rows, dim, x, eps, mean, rstd };
    split(e, tasks(rows, ROWS), stats_task, &s);
}

struct norm_job { const struct env *e; const struct norm_rows *n; };

static void norm_task(void *arg, int task, void *scratch)
{
    const struct norm_job *j = arg;
    const struct norm_rows *n = j->n;
    size_t dim = (size_t)n->dim;
    int end = imin(n->rows, (task + 1) * ROWS);
    bool sums = n->dgamma || n->dbeta;
    float *dgamma = n->partial + (size_t)task * dim, *dbeta = dgamma + mim__op_sums_size(n->rows, n->dim);
    (void)scratch;
    if (sums) {
        memset(dgamma, 0, dim * sizeof *dgamma);
        memset(dbeta, 0, dim * sizeof *dbeta);
    }
    for (int r = task * ROWS; r < end; r++)
        j->e->k->rows->norm_backward(n->dim, n->x + (size_t)r * dim, n->mean[r], n->rstd[r], n->gamma,
                                    n->dy + (size_t)r * dim, n->dx ? n->dx + (size_t)r * dim : NULL, n->add_dx,
                                    sums ? dgamma : NULL, sums ? dbeta : NULL);
}

void mim__op_norm_backward(const struct env *e, const struct norm_rows *n)
{
    struct norm_job j = { e, n };
    int count = tasks(n->rows, ROWS);
    split(e, count, norm_task, &j);
    if (n->dgamma)
        gather(e, count, n->dim, n->partial, n->dgamma, n->add_dgamma);
    if (n->dbeta)
        gather(e, count, n->dim, n->partial + mim__op_sums_size(n->rows, n->dim), n->dbeta, n->add_dbeta);
}
