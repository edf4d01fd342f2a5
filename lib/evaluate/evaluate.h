/* SPDX-License-Identifier: MIT */
/* evaluate.h -- inside this room: probes on features, and likeness of pictures. */
#ifndef MIM_EVALUATE_EVALUATE_H
#define MIM_EVALUATE_EVALUATE_H

#include "base/context.h"
#include "base/options.h"
#include "image/image.h"

enum probe_kind { PROBE_KNN, PROBE_LINEAR };
struct probe_options {
    int kind;
    int64_t k;
    double temperature;
    double penalty, tolerance;
    int64_t iterations;
};
extern const struct mim__option mim__probe_options[];

struct features { int64_t count; const float *rows; const int64_t *labels; };    /* rows [count, width], all finite */
struct probe {
    mim_context *ctx;
    const struct probe_options *o;
    int classes, width;
    struct features train, test;             /* test.labels is not used */
    float *scores;                           /* [test.count, classes], written on success only */
};
mim_status mim__evaluate_knn(const struct probe *p);
mim_status mim__evaluate_linear(const struct probe *p);

/* Find the least value of a smooth convex function from x on, by L-BFGS. `value` writes gradient g at x and gives *f;
 * what it returns other than MIM_OK ends the search. Stops when no element of g is above `tolerance`, after `iterations`,
 * or when rounding leaves no descent. x holds the best point then. */
typedef mim_status (*mim__objective)(void *arg, const double *x, double *f, double *g);
mim_status mim__evaluate_minimise(mim_context *ctx, size_t n, double *x, int64_t iterations, double tolerance,
                                  mim__objective value, void *arg);

/* What is compared: one plane (a channel, or a weighted sum of three) with values in 0..1. */
struct plane { const struct picture *p; int channel; const double *luma; };  /* luma: three weights and an offset, or NULL */
void mim__evaluate_row(const struct plane *p, int y, double *to);
/* Mean of structural similarity over whole windows whose centre counts (where NULL: all). scratch is in doubles. */
enum { SSIM_SIDE = 11 };
size_t mim__evaluate_ssim_scratch(int width);
double mim__evaluate_ssim(const struct plane *a, const struct plane *b, const uint8_t *where, double *scratch);

#endif
