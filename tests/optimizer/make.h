/* SPDX-License-Identifier: MIT */
/* make.h -- optimizers for tests: from JSON, joined to parameters of their own, on plain C kernels that follow the
 * formulas of rows.h. */
#ifndef MIM_TESTS_OPTIMIZER_MAKE_H
#define MIM_TESTS_OPTIMIZER_MAKE_H

#include "optimizer/optimizer.h"
#include "support/test.h"

static mim_context *context;

static inline double plain_squares(int n, const float *x)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

static inline void plain_adamw(int n, const struct adamw_step *s, const float *gradient, float *w, float *m, float *v)
{
    for (int i = 0; i < n; i++) {
        float g = gradient[i] * s->scale;
        w[i] *= s->keep;
        m[i] = s->beta1 * m[i] + (1 - s->beta1) * g;
        v[i] = s->beta2 * v[i] + (1 - s->beta2) * g * g;
        w[i] -= s->rate / s->correction1 * m[i] / (sqrtf(v[i]) / sqrtf(s->correction2) + s->eps);
    }
}

static inline void plain_sgd(int n, const struct sgd_step *s, const float *gradient, float *w, float *b)
{
    for (int i = 0; i < n; i++) {
        float g = gradient[i] * s->scale + s->decay * w[i], d = g;
        if (b) {
            b[i] = s->first ? g : s->momentum * b[i] + g;
            d = s->nesterov ? g + s->momentum * b[i] : b[i];
        }
        w[i] -= s->rate * d;
    }
}

static inline void plain_scale(int n, float a, const float *x, float *y)
{
    for (int i = 0; i < n; i++)
        y[i] = a == 0 ? 0 : a * x[i];
}

static inline void plain_axpy(int n, float a, const float *x, float *y)
{
    for (int i = 0; i < n; i++)
        y[i] += a * x[i];
}

static const struct row_kernels plain_rows = { .squares = plain_squares, .scale = plain_scale, .axpy = plain_axpy,
                                               .adamw = plain_adamw, .sgd = plain_sgd };
static const struct kernels plain = { .isa = "plain", .rows = &plain_rows };

static inline mim_status try_optimizer(const char *json, mim_optimizer **out)
{
    mim_config *config;
    mim_status status = mim_config_create(context, NULL, &config);
    if (status != MIM_OK)
        return status;
    status = mim_config_read_json(config, json);
    if (status == MIM_OK)
        status = mim_optimizer_create(context, config, out);
    mim_config_destroy(config);
    return status;
}

/* NULL, and a failed check, if it cannot be made. */
static inline mim_optimizer *make_optimizer(const char *json)
{
    mim_optimizer *o = NULL;
    if (!CHECK(try_optimizer(json, &o) == MIM_OK)) {
        char why[512];
        mim_last_error(context, why, sizeof why, NULL);
        printf("    %s: %s\n", json, why);
    }
    return o;
}

/* The status that making it gives; whatever is made is destroyed again, and on failure nothing may have been written. */
static inline mim_status optimizer_status(const char *json)
{
    mim_optimizer *const untouched = (mim_optimizer *)&context, *o = untouched;
    mim_status status = try_optimizer(json, &o);
    if (status == MIM_OK)
        mim_optimizer_destroy(o);
    else
        CHECK(o == untouched);
    return status;
}

enum { MODEL_MOST = 100000 };
/* Weights of some parameters one after the other, with their gradients and moments. */
struct model {
    mim_optimizer *o;
    float w[MODEL_MOST], g[MODEL_MOST], m[2][MODEL_MOST];
    size_t elements;
};

/* Joins: slots name count, rank, layer and flags; offset and weight are filled in here, with `gap` elements between. */
static inline bool model_join(struct model *x, const char *json, int count, struct mim__slot *slots, int layers, size_t gap)
{
    memset(x, 0, sizeof *x);
    x->o = make_optimizer(json);
    if (!x->o)
        return false;
    for (int i = 0; i < count; i++) {
        slots[i].offset = x->elements;
        slots[i].weight = x->w + x->elements;
        x->elements += slots[i].count + gap;
    }
    return CHECK(x->elements <= MODEL_MOST)
        && CHECK(mim__optimizer_join(x->o, count, slots,
                                     &(struct mim__joining){ layers, x->elements, 1, { x->m[0], x->m[1] } }) == MIM_OK);
}

static inline void model_update(struct model *x, int64_t step)
{
    mim__optimizer_update(x->o, &plain, x->g, mim__optimizer_norm(x->o, &plain, x->g), step);
}

static inline void model_leave(struct model *x)
{
    mim__optimizer_leave(x->o);
    mim_optimizer_destroy(x->o);
}

/* The three updates of w = (1, -2, 0.5) that the rules are checked by: `expected` [3][3], rows NaN are not looked at. */
static inline void check_three_updates(const char *json, const double expected[3][3])
{
    static const float start[3] = { 1, -2, 0.5f }, g[3][3] = { { .1f, -.2f, .3f }, { -.3f, .1f, .2f }, { .05f, .4f, -.1f } };
    static struct model x;
    struct mim__slot slot = { .name = "w", .count = 3, .rank = 2 };
    if (!model_join(&x, json, 1, &slot, 1, 0))
        return;
    memcpy(x.w, start, sizeof start);
    for (int i = 0; i < 3; i++) {
        memcpy(x.g, g[i], sizeof g[i]);
        model_update(&x, i);
        for (int j = 0; j < 3; j++)
            if (!isnan(expected[i][j]))
                CHECK_NEAR(x.w[j], expected[i][j], 4e-7);
    }
    CHECK(mim__optimizer_get(x.o).updates == 3);
    model_leave(&x);
}

#endif
