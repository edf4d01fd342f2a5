/* SPDX-License-Identifier: MIT */
/* lbfgs.c -- limited-memory BFGS (Nocedal and Wright 2006, alg. 7.4 and 7.5) with a backtracking line search (alg. 3.1).
 * The functions here are convex: every step that descends also curves upwards. */
#include "evaluate/evaluate.h"

#include <math.h>

enum { HISTORY = 10, BACKTRACKS = 40 };

struct lbfgs {
    size_t n;
    mim__objective value;
    void *arg;
    double f, *x, *g;                        /* where we are */
    double *next_x, *next_g, *direction;
    double *s[HISTORY], *y[HISTORY], rho[HISTORY];      /* steps and changes of the gradient, the last at (pairs - 1) */
    int64_t pairs;
};

static double inner(size_t n, const double *a, const double *b)
{
    double sum[4] = { 0 };
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int l = 0; l < 4; l++)
            sum[l] += a[i + (size_t)l] * b[i + (size_t)l];
    for (; i < n; i++)
        sum[0] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void add(size_t n, double a, const double *x, double *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

static double largest(size_t n, const double *x)
{
    double top = 0;
    for (size_t i = 0; i < n; i++)
        top = fabs(x[i]) > top ? fabs(x[i]) : top;
    return top;
}

/* direction = -H g, H the inverse Hessian as the last pairs tell it. The first step is as long as 1. */
static void find_direction(struct lbfgs *l)
{
    double alpha[HISTORY], *d = l->direction;
    int64_t oldest = lmax(0, l->pairs - HISTORY);
    int last = (int)((l->pairs + HISTORY - 1) % HISTORY);
    for (size_t i = 0; i < l->n; i++)
        d[i] = -l->g[i];
    for (int64_t p = l->pairs - 1; p >= oldest; p--) {
        int i = (int)(p % HISTORY);
        alpha[i] = l->rho[i] * inner(l->n, l->s[i], d);
        add(l->n, -alpha[i], l->y[i], d);
    }
    double scale = l->pairs ? 1 / (l->rho[last] * inner(l->n, l->y[last], l->y[last])) : 1 / sqrt(inner(l->n, l->g, l->g));
    for (size_t i = 0; i < l->n; i++)
        d[i] *= scale;
    for (int64_t p = oldest; p < l->pairs; p++) {
        int i = (int)(p % HISTORY);
        add(l->n, alpha[i] - l->rho[i] * inner(l->n, l->y[i], d), l->s[i], d);
    }
}

/* Halve the step until f falls enough. *found is false if it never does. */
static mim_status search_line(struct lbfgs *l, double *f, bool *found)
{
    double slope = inner(l->n, l->g, l->direction), step = 1;
    *found = false;
    for (int i = 0; i < BACKTRACKS && slope < 0; i++, step /= 2) {
        for (size_t e = 0; e < l->n; e++)
            l->next_x[e] = l->x[e] + step * l->direction[e];
        mim_status status = l->value(l->arg, l->next_x, f, l->next_g);
        if (status)
            return status;
        if (*f <= l->f + 1e-4 * step * slope) {         /* a step below rounding "falls enough" too */
            *found = memcmp(l->next_x, l->x, l->n * sizeof *l->x) != 0;
            return MIM_OK;
        }
    }
    return MIM_OK;
}

/* Move on to the point that the line search found, and remember the pair. */
static void accept(struct lbfgs *l, double f)
{
    int i = (int)(l->pairs % HISTORY);
    for (size_t e = 0; e < l->n; e++) {
        l->s[i][e] = l->next_x[e] - l->x[e];
        l->y[i][e] = l->next_g[e] - l->g[e];
    }
    double curvature = inner(l->n, l->s[i], l->y[i]);
    if (curvature > 1e-14 * inner(l->n, l->y[i], l->y[i])) {
        l->rho[i] = 1 / curvature;
        l->pairs++;
    } else {
        l->pairs = 0;                        /* its place was that of the oldest pair */
    }
    memcpy(l->x, l->next_x, l->n * sizeof *l->x);
    memcpy(l->g, l->next_g, l->n * sizeof *l->g);
    l->f = f;
}

static mim_status iterate(struct lbfgs *l, int64_t iterations, double tolerance)
{
    mim_status status = l->value(l->arg, l->x, &l->f, l->g);
    for (int64_t i = 0; !status && i < iterations && largest(l->n, l->g) > tolerance; i++) {
        double f = 0;
        bool found = false;
        find_direction(l);
        status = search_line(l, &f, &found);
        if (!status && found)
            accept(l, f);
        else if (!status && l->pairs)
            l->pairs = 0;                    /* once more, straight down */
        else
            break;
    }
    return status;
}

mim_status mim__evaluate_minimise(mim_context *ctx, size_t n, double *x, int64_t iterations, double tolerance,
                                  mim__objective value, void *arg)
{
    struct lbfgs l = { .n = n, .value = value, .arg = arg, .x = x };
    double *memory = mim__calloc(ctx, n, (4 + 2 * HISTORY) * sizeof *memory), *at = memory;
    if (!memory)
        return mim__no_memory(ctx, n * (4 + 2 * HISTORY) * sizeof *memory);
    double **const parts[] = { &l.g, &l.next_x, &l.next_g, &l.direction };
    for (int i = 0; i < COUNT(parts); i++, at += n)
        *parts[i] = at;
    for (int i = 0; i < HISTORY; i++, at += 2 * n) {
        l.s[i] = at;
        l.y[i] = at + n;
    }
    mim_status status = iterate(&l, iterations, tolerance);
    mim__free(ctx, memory);
    return status;
}
