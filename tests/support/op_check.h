/* SPDX-License-Identifier: MIT */
/* op_check.h -- every check of an operator from one declaration: how to build it, what it is in double precision, and
 * the cases. See op_check() at the end for what is checked.
 *
 *     static struct tensor *build(struct op_build *b, const struct op_case *c) { ... op_input(b, ...) ... }
 *     static void reference(const struct op_case *c, int batch, const double *const in[], double *y) { ... }
 *     int main(int argc, char **argv) { return op_check(argc, argv, &test); }
 *
 * Leaves (inputs and parameters) are numbered in the order in which they are made; `in` has their values in that order. */
#ifndef MIM_TESTS_SUPPORT_OP_CHECK_H
#define MIM_TESTS_SUPPORT_OP_CHECK_H

#include "graph/plan.h"
#include "op/op.h"
#include "support/fail_alloc.h"

#include <time.h>

/* Tables of cases name only what differs from zero. */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif

enum { OP_LEAVES = 24, OP_SAMPLES = 24 };

struct op_case {
    const char *what;
    int batch;
    int a[10];                  /* what the operator's own build makes of them */
    double r[4];
    bool half;                  /* bf16: leaves hold values that bf16 holds too */
    double tolerance;           /* 0: 3e-5, or 2e-2 for half */
    int samples;                /* of a gradient, for central differences; 0: OP_SAMPLES */
};
struct op_build {
    struct graph *g;
    int batch, next, made;      /* a second build takes the inputs of the first */
    struct tensor *inputs[OP_LEAVES];
    unsigned plain;             /* leaves that get no gradient: op_plain */
};
struct op_test {
    const char *name;
    struct tensor *(*build)(struct op_build *b, const struct op_case *c);
    void (*reference)(const struct op_case *c, int batch, const double *const in[], double *y);
    float (*fill)(const struct op_case *c, int leaf, size_t i);     /* NULL: uniform in [-1, 1), masks 0 or 1 */
    const struct op_case *cases;
    int count;
    void (*bad)(struct graph *g, int k);                            /* k-th ill-shaped use, k < bad_count */
    int bad_count;
    bool no_gradient;
};

/* ---- operators of the tests' own: a copy that may change the type, and a weighted sum of two ---- */

static inline mim_status op_copy_infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    (void)k;
    *out = (struct sizes){ .y = *c->xs[0], .yt = *(const enum dtype *)c->attr };
    return MIM_OK;
}
/* Element by element through f32: x of its type to y of its own. */
static inline void op_convert(const struct env *e, enum dtype from, const void *x, size_t i, enum dtype to, void *y, bool add)
{
    float v, old = 0;
    if (from == BF16)
        e->k->rows->widen(1, (const uint16_t *)x + i, &v);
    else
        v = ((const float *)x)[i];
    if (add && to == BF16)
        e->k->rows->widen(1, (uint16_t *)y + i, &old);
    else if (add)
        old = ((float *)y)[i];
    v += old;
    if (to == BF16)
        e->k->rows->narrow(1, &v, (uint16_t *)y + i);
    else
        ((float *)y)[i] = v;
}
static inline void op_copy_forward(const struct call *c, const struct env *e)
{
    for (size_t i = 0; i < elements(c->ys); i++)
        op_convert(e, c->xt[0], c->x[0], i, c->yt, c->y, false);
}
static inline void op_copy_backward(const struct call *c, const struct env *e)
{
    for (size_t i = 0; c->dx[0] && i < elements(c->ys); i++)
        op_convert(e, c->yt, c->dy, i, c->xt[0], c->dx[0], c->add & 1);
}
static const struct op op_copy = { .name = "copy", .infer = op_copy_infer, .forward = op_copy_forward, .backward = op_copy_backward };

static inline struct tensor *op_as(struct graph *g, struct tensor *x, enum dtype type)
{
    return x ? mim__graph_op(g, &op_copy, &type, sizeof type, 1, &x) : NULL;
}

static inline mim_status op_mix_infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    (void)k;
    *out = (struct sizes){ .y = *c->xs[0], .yt = F32 };
    return elements(c->xs[0]) == elements(c->xs[1]) ? MIM_OK : MIM_ERR_SHAPE;
}
static inline void op_mix_forward(const struct call *c, const struct env *e)
{
    (void)e;
    const float *a = c->x[0], *b = c->x[1];
    for (size_t i = 0; i < elements(c->ys); i++)
        ((float *)c->y)[i] = a[i] + 0.5f * b[i];
}
static inline void op_mix_backward(const struct call *c, const struct env *e)
{
    (void)e;
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; c->dx[k] && i < elements(c->ys); i++) {
            float *to = (float *)c->dx[k] + i;
            *to = (k ? 0.5f : 1) * ((const float *)c->dy)[i] + (c->add >> k & 1 ? *to : 0);
        }
}
static const struct op op_mix = { .name = "mix", .infer = op_mix_infer, .forward = op_mix_forward, .backward = op_mix_backward };

/* ---- leaves ---- */

/* An input that gets to the operator as `type`, through a copy, so that its gradient is one like any other. */
static inline struct tensor *op_input(struct op_build *b, struct shape s, enum dtype type)
{
    char name[16];
    if (b->next < b->made)
        return b->inputs[b->next++];
    snprintf(name, sizeof name, "x%d", b->made);
    struct tensor *t = mim__graph_input(b->g, name, s, type == I32 ? I32 : F32);
    b->next++;
    return b->inputs[b->made++] = type == I32 ? t : op_as(b->g, t, type);
}
/* An f32 input as it is, for operators that give it no gradient. */
static inline struct tensor *op_plain(struct op_build *b, struct shape s)
{
    char name[16];
    if (b->next < b->made)
        return b->inputs[b->next++];
    snprintf(name, sizeof name, "x%d", b->made);
    b->next++;
    b->plain |= 1u << b->made;
    return b->inputs[b->made++] = mim__graph_input(b->g, name, s, F32);
}
static inline struct tensor *op_param(struct op_build *b, struct shape s)
{
    char name[16];
    if (b->next < b->made)
        return b->inputs[b->next++];
    snprintf(name, sizeof name, "p%d", b->made);
    b->next++;
    return b->inputs[b->made++] = mim__graph_param(b->g, name, s, (struct init){ INIT_ZERO, 0, 0, 0 }, 0);
}

static inline float op_noise(int leaf, size_t i)       /* [-1, 1) */
{
    uint64_t x = ((uint64_t)(leaf + 1) << 40) + i * 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 31) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return (float)(x >> 40) * 0x1p-23f - 1;
}
static inline float op_round(float x)                  /* to bf16, to nearest even */
{
    uint32_t u;
    memcpy(&u, &x, 4);
    u = (u + 0x7FFF + (u >> 16 & 1)) & 0xFFFF0000u;
    memcpy(&x, &u, 4);
    return x;
}

/* ---- one run ---- */

enum { OP_ALL = -1, OP_INPUTS = -2, OP_PARAMS = -3 };
struct op_how {
    const char *isa;
    int threads, planned, batch;
    bool twin, recompute;
    int only;                   /* which gradients: OP_ALL, OP_INPUTS, OP_PARAMS, or one parameter's */
    int backwards;              /* times; the second and later ones accumulate */
    double seconds;             /* timed instead of compared: repeat so long */
};
struct op_leaf { bool param, whole, shared; size_t count; float *value, *gradient; };
struct op_result {
    mim_status status;
    int leaves, first;          /* first: leaves of the first build */
    unsigned plain;
    struct op_leaf leaf[OP_LEAVES];
    size_t n;                   /* elements of y */
    float *y, *dy;
    double forward, backward;   /* seconds */
};

static inline void op_free(struct op_result *r)
{
    for (int i = 0; i < r->leaves; i++) {
        free(r->leaf[i].value);
        free(r->leaf[i].gradient);
    }
    free(r->y);
    free(r->dy);
    memset(r, 0, sizeof *r);
}

static inline float op_value(const struct op_test *t, const struct op_case *c, const struct op_leaf *l, int leaf, size_t i)
{
    float x = t->fill ? t->fill(c, leaf, i) : l->whole ? (float)(op_noise(leaf, i) < 0.2f) : op_noise(leaf, i);
    return c->half && !l->whole ? op_round(x) : x;
}

/* The tensor tree of a test; `second` gets the leaves of the second build. */
static inline struct tensor *op_tree(const struct op_test *t, const struct op_case *c, struct graph *g, const struct op_how *how,
                                     struct op_result *r)
{
    struct op_case at = *c;
    struct op_build b = { .g = g, .batch = how->planned };
    at.batch = how->planned;
    mim__graph_segment(g);
    struct tensor *y = t->build(&b, &at);
    for (int i = 0; y && i < g->tensor_count; i++)
        r->first += g->tensors[i]->kind == TENSOR_INPUT || g->tensors[i]->kind == TENSOR_PARAM;
    if (how->twin && y) {
        b.next = 0;
        mim__graph_segment(g);
        struct tensor *two[2] = { op_as(g, y, F32), NULL }, *other = t->build(&b, &at);
        two[1] = op_as(g, other, F32);
        y = two[0] && two[1] ? mim__graph_op(g, &op_mix, NULL, 0, 2, two) : NULL;
    }
    r->plain = b.plain;
    mim__graph_segment(g);
    if (y)
        y = op_as(g, y, F32);                   /* what the test reads and seeds is f32 */
    mim__graph_output(g, "y", y);
    return y;
}

static inline double op_now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void op_poison(struct plan *p)
{
    memset(p->arena, 0xFF, p->arena_bytes);
    memset(p->work, 0xFF, p->work_bytes);
    memset(p->scratch, 0xFF, p->scratch_bytes);
}

/* Everything of one run: a context, the graph, its plan, poisoned memory, forward, backward. */
static inline void op_run_in(mim_context *ctx, const struct op_test *t, const struct op_case *c, const struct op_how *how,
                             struct op_result *r)
{
    struct graph *g = NULL;
    struct plan *p = NULL;
    unsigned char trained[OP_LEAVES] = { 0 }, recompute[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    static const char *const keep[] = { "y", NULL };
    r->status = mim__graph_create(ctx, &g);
    if (r->status)
        return;
    struct tensor *y = op_tree(t, c, g, how, r);
    float *weights = calloc(mim__graph_store_size(g, 0) + 16, 4), *slopes = malloc((mim__graph_store_size(g, 0) + 16) * 4);
    memset(slopes, 0xFF, (mim__graph_store_size(g, 0) + 16) * 4);
    for (int i = 0; i < g->param_count; i++)
        trained[i] = how->only == OP_ALL || how->only == OP_PARAMS || how->only == i;
    struct plan_options o = { .weights = { weights }, .gradients = { slopes }, .backward = !t->no_gradient, .trained = trained,
                              .keep = keep, .seed = y, .input_gradients = how->only == OP_ALL || how->only == OP_INPUTS,
                              .recompute = how->recompute ? recompute : NULL };
    r->status = mim__graph_plan(g, &o, &p);
    if (!r->status && how->batch != how->planned)
        r->status = mim__plan_set_batch(p, how->batch, how->planned);
    if (r->status)
        goto done;
    op_poison(p);
    bool f32s[OP_LEAVES] = { false };
    for (int i = 0; i < g->tensor_count; i++) {
        const struct tensor *x = g->tensors[i];
        if (x->kind != TENSOR_INPUT && x->kind != TENSOR_PARAM)
            continue;
        int number = r->leaves++;
        struct op_leaf *l = &r->leaf[number];
        *l = (struct op_leaf){ .param = x->kind == TENSOR_PARAM, .whole = x->type == I32, .count = elements(&p->shapes[i]) };
        l->shared = !l->param || g->params[x->source].name[0] == 'p';
        f32s[number] = !l->whole;
        l->value = malloc(l->count * 4);
        void *to = l->param ? weights + g->params[x->source].offset : p->data[i];
        for (size_t k = 0; k < l->count; k++) {
            l->value[k] = op_value(t, c, l, number, k);
            if (l->whole)
                ((int32_t *)to)[k] = (int32_t)l->value[k];
            else
                ((float *)to)[k] = l->value[k];
        }
    }
    r->n = elements(mim__plan_shape(p, y));
    r->y = malloc(r->n * 4);
    r->dy = malloc(r->n * 4);
    struct env e = { .pool = mim__context_executor(ctx), .seed = 7, .step = 3, .training = true };
    int times = 0;
    double limit = op_now() + how->seconds;
    do {
        double start = op_now();
        if (how->backwards || !times)
            CHECK(mim__plan_forward(p, &e) == MIM_OK);
        double middle = op_now();
        r->forward += middle - start;
        memcpy(r->y, mim__plan_data(p, y), r->n * 4);
        if (!how->seconds) {                    /* work memory outlives no call */
            memset(p->work, 0xFF, p->work_bytes);
            memset(p->scratch, 0xFF, p->scratch_bytes);
        }
        float *seed = mim__plan_gradient(p, y);
        for (size_t k = 0; k < r->n; k++)
            r->dy[k] = c->half ? op_round(op_noise(99, k)) : op_noise(99, k);
        if (seed)
            memcpy(seed, r->dy, r->n * 4);
        start = op_now();
        if (!t->no_gradient)
            CHECK(mim__plan_backward(p, &e, times > 0 && !how->seconds) == MIM_OK);
        r->backward += op_now() - start;
        times++;
    } while (how->seconds ? op_now() < limit : times < how->backwards);
    r->forward /= times;
    r->backward /= times;
    for (int i = 0, number = 0; i < g->tensor_count; i++) {
        const struct tensor *x = g->tensors[i];
        if (x->kind != TENSOR_INPUT && x->kind != TENSOR_PARAM)
            continue;
        struct op_leaf *l = &r->leaf[number++];
        const float *from = l->param ? (trained[x->source] ? slopes + g->params[x->source].offset : NULL) : p->gradient[i];
        if (!from || t->no_gradient || !f32s[number - 1])
            continue;
        l->gradient = malloc(l->count * 4);
        memcpy(l->gradient, from, l->count * 4);
    }
done:
    mim__plan_destroy(p);
    mim__graph_destroy(g);
    free(weights);
    free(slopes);
}

static inline struct op_result op_run(const struct op_test *t, const struct op_case *c, struct op_how how)
{
    struct op_result r = { 0 };
    mim_context *ctx = NULL;
    if (!how.backwards)
        how.backwards = 1;
    if (!CHECK(mim_context_create(NULL, &ctx) == MIM_OK))
        return r;
    CHECK(mim_context_set_isa_max(ctx, how.isa) == MIM_OK && mim_context_set_threads(ctx, how.threads) == MIM_OK);
    op_run_in(ctx, t, c, &how, &r);
    if (r.status) {
        char text[512];
        mim_last_error(ctx, text, sizeof text, NULL);
        printf("%s, %s: status %d, %s\n", t->name, c->what, (int)r.status, text);
    }
    CHECK(r.status == MIM_OK);
    mim_context_destroy(ctx);
    return r;
}

/* ---- comparisons ---- */

static inline void op_note(const struct op_test *t, const struct op_case *c, const struct op_how *how, const char *what)
{
    printf("  %s, case \"%s\", %s, %d threads: %s\n", t->name, c->what, how->isa, how->threads, what);
}

static inline void op_same(const struct op_test *t, const struct op_case *c, const struct op_how *how, const char *what,
                           const struct op_result *a, const struct op_result *b)
{
    int good = CHECK(a->n == b->n) && CHECK(!memcmp(a->y, b->y, a->n * 4));
    for (int i = 0; i < a->leaves && i < b->leaves; i++) {
        const struct op_leaf *x = &a->leaf[i], *y = &b->leaf[i];
        if (x->gradient && y->gradient && !CHECK(x->count == y->count && !memcmp(x->gradient, y->gradient, x->count * 4))) {
            printf("  gradient of leaf %d\n", i);
            good = 0;
        }
    }
    if (!good)
        op_note(t, c, how, what);
}

static inline double op_tolerance(const struct op_case *c) { return c->tolerance > 0 ? c->tolerance : c->half ? 2e-2 : 3e-5; }

/* Largest error against the size of the values. */
static inline void op_near(const struct op_test *t, const struct op_case *c, const struct op_how *how, const char *what, int leaf,
                           size_t n, const double *got, const double *want, double tolerance)
{
    double square = 0;
    for (size_t i = 0; i < n; i++)
        square += want[i] * want[i];
    double floor = sqrt(square / (double)(n ? n : 1)) + 1e-4;
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= tolerance * (floor + fabs(want[i])))) {
            test_near(got[i], want[i], tolerance * (floor + fabs(want[i])), __FILE__, __LINE__, what);
            printf("  leaf %d, value %zu of %zu\n", leaf, i, n);
            op_note(t, c, how, what);
            return;
        }
}

/* y in double of a run (of both builds of a twin), and sum(dy y) for central differences. */
static inline double op_reference(const struct op_test *t, const struct op_case *c, const struct op_how *how,
                                  const struct op_result *r, double *const value[], double *y)
{
    const double *in[OP_LEAVES] = { NULL };
    double *one = malloc(r->n * sizeof *one), *two = malloc(r->n * sizeof *two), sum = 0;
    for (int i = 0; i < r->first; i++)
        in[i] = value[i];
    t->reference(c, how->batch, in, one);
    if (how->twin) {
        for (int i = 0, own = r->first; i < r->first; i++)
            if (!r->leaf[i].shared)
                in[i] = value[own++];
        t->reference(c, how->batch, in, two);
    }
    for (size_t i = 0; i < r->n; i++) {
        double v = one[i] + (how->twin ? 0.5 * two[i] : 0);
        sum += v * r->dy[i];
        if (y)
            y[i] = v;
    }
    free(one);
    free(two);
    return sum;
}

static inline void op_against_reference(const struct op_test *t, const struct op_case *c, const struct op_how *how,
                                        const struct op_result *r)
{
    double *value[OP_LEAVES], *y = malloc(r->n * sizeof *y), *got = malloc(r->n * sizeof *got);
    for (int i = 0; i < r->leaves; i++) {
        value[i] = malloc(r->leaf[i].count * sizeof *value[i]);
        for (size_t k = 0; k < r->leaf[i].count; k++)
            value[i][k] = r->leaf[i].value[k];
    }
    op_reference(t, c, how, r, value, y);
    for (size_t i = 0; i < r->n; i++)
        got[i] = r->y[i];
    op_near(t, c, how, "value", -1, r->n, got, y, op_tolerance(c));
    for (int i = 0; i < r->leaves; i++) {
        const struct op_leaf *l = &r->leaf[i];
        double have[OP_SAMPLES], want[OP_SAMPLES];
        size_t most = c->samples ? (size_t)c->samples : OP_SAMPLES, n = l->count < most ? l->count : most;
        for (size_t s = 0; l->gradient && s < n; s++) {
            size_t k = n == l->count ? s : (size_t)((double)(op_noise(50 + i, s) + 1) / 2 * (double)l->count);
            double kept = value[i][k], h = 1e-5;
            value[i][k] = kept + h;
            double up = op_reference(t, c, how, r, value, NULL);
            value[i][k] = kept - h;
            want[s] = (up - op_reference(t, c, how, r, value, NULL)) / (2 * h);
            value[i][k] = kept;
            have[s] = l->gradient[k];
        }
        if (!t->no_gradient && !l->whole && !(r->plain >> i & 1) && !CHECK(l->gradient))
            op_note(t, c, how, "a leaf has no gradient");
        if (l->gradient)
            op_near(t, c, how, "gradient", i, n, have, want, 2 * op_tolerance(c) * how->backwards);
        for (size_t k = 0; l->gradient && k < l->count; k++)
            if (!CHECK(isfinite(l->gradient[k]))) {
                printf("  gradient of leaf %d at %zu\n", i, k);
                op_note(t, c, how, "not all written");
                break;
            }
    }
    for (int i = 0; i < r->leaves; i++)
        free(value[i]);
    free(y);
    free(got);
}

/* ---- the checks ---- */

static inline void op_variant(const struct op_test *t, const struct op_case *c, struct op_how how, const char *what,
                              const struct op_result *base)
{
    struct op_result r = op_run(t, c, how);
    if (!r.status)
        op_same(t, c, &how, what, base, &r);
    op_free(&r);
}

static inline void op_check_case(const struct op_test *t, const struct op_case *c, const char *isa)
{
    struct op_how how = { .isa = isa, .threads = 1, .planned = c->batch, .batch = c->batch, .only = OP_ALL, .backwards = 1 };
    struct op_result base = op_run(t, c, how);
    if (base.status) {
        op_free(&base);
        return;
    }
    op_against_reference(t, c, &how, &base);
    for (int threads = 2; threads <= 7; threads++) {
        struct op_how more = how;
        more.threads = threads;
        op_variant(t, c, more, "threads change the result", &base);
    }
    op_variant(t, c, how, "a second plan gives other bits", &base);
    struct op_how other = how;
    other.recompute = true;
    op_variant(t, c, other, "recomputing changes the result", &base);
    for (int only = OP_PARAMS; only < base.leaves; only++) {
        other = how;
        other.only = only;
        if (only != OP_ALL && !t->no_gradient)
            op_variant(t, c, other, "which gradients are wanted changes them", &base);
    }
    other = how;
    other.planned = c->batch + 2;
    other.threads = 2;
    op_variant(t, c, other, "a smaller batch gives other bits", &base);
    op_free(&base);
    if (t->no_gradient)
        return;
    other = how;
    other.twin = true;
    other.threads = 3;
    base = op_run(t, c, other);
    if (!base.status)
        op_against_reference(t, c, &other, &base);
    op_free(&base);
}

/* Parameter gradients of two backwards are twice those of one; a replay gives the same bits. */
static inline void op_check_replay(const struct op_test *t, const struct op_case *c, const char *isa)
{
    struct op_how how = { .isa = isa, .threads = 2, .planned = c->batch, .batch = c->batch, .only = OP_ALL, .backwards = 1 };
    struct op_result one = op_run(t, c, how);
    how.backwards = 2;
    struct op_result two = op_run(t, c, how);
    for (int i = 0; !one.status && !two.status && i < one.leaves; i++) {
        struct op_leaf *a = &one.leaf[i], *b = &two.leaf[i];
        for (size_t k = 0; a->gradient && a->param && k < a->count; k++)
            b->gradient[k] /= 2;
        for (size_t k = 0; a->gradient && k < a->count; k++)
            if (!CHECK(fabs(a->gradient[k] - b->gradient[k]) <= (a->param ? 1e-5 * (1 + fabs(a->gradient[k])) : 0))) {
                printf("  leaf %d at %zu: %g against %g\n", i, k, a->gradient[k], b->gradient[k]);
                op_note(t, c, &how, "a second backward is not the first again");
                break;
            }
    }
    if (!one.status && !two.status)
        CHECK(!memcmp(one.y, two.y, one.n * 4));
    op_free(&one);
    op_free(&two);
}

struct op_scenario { const struct op_test *t; const struct op_case *c; };

static inline mim_status op_scenario(const mim_host *host, void *arg)
{
    const struct op_scenario *s = arg;
    mim_context *ctx = NULL;
    struct graph *g = NULL;
    struct plan *p = NULL;
    struct op_result unused = { 0 };
    struct op_how how = { .planned = s->c->batch, .batch = s->c->batch };
    mim_status status = mim_context_create(host, &ctx);
    if (!status)
        status = mim__graph_create(ctx, &g);
    if (!status) {
        float *none = calloc(1 << 20, 4);
        struct tensor *y = op_tree(s->t, s->c, g, &how, &unused);
        struct plan_options o = { .weights = { none }, .gradients = { none }, .backward = true, .seed = y, .input_gradients = true };
        status = mim__graph_plan(g, &o, &p);
        free(none);
    }
    mim__plan_destroy(p);
    mim__graph_destroy(g);
    mim_context_destroy(ctx);
    return status;
}

static inline void op_check_bad(const struct op_test *t, int k)
{
    mim_context *ctx = NULL;
    struct graph *g = NULL;
    struct plan *p = NULL;
    struct plan_options o = { .backward = false };
    if (!CHECK(mim_context_create(NULL, &ctx) == MIM_OK) || !CHECK(mim__graph_create(ctx, &g) == MIM_OK))
        return;
    t->bad(g, k);
    if (!CHECK(mim__graph_status(g) == MIM_ERR_SHAPE))
        printf("  %s takes ill-shaped input %d: status %d\n", t->name, k, (int)mim__graph_status(g));
    CHECK(mim__graph_plan(g, &o, &p) == mim__graph_status(g));
    mim__plan_destroy(p);
    mim__graph_destroy(g);
    mim_context_destroy(ctx);
}

static inline void op_bench(const struct op_test *t)
{
    for (int i = 0; i < t->count; i++)
        for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
            const struct op_case *c = &t->cases[i];
            struct op_how how = { .isa = (*k)->isa, .threads = 1, .planned = c->batch, .batch = c->batch, .only = OP_ALL,
                                  .backwards = 1, .seconds = 0.2 };
            struct op_result r = op_run(t, c, how);
            printf("%-18s %-28s %-12s forward %9.1f us  backward %9.1f us\n", t->name, c->what, (*k)->isa, 1e6 * r.forward,
                   1e6 * r.backward);
            op_free(&r);
        }
}

/* For every case and ISA: values and gradients (of every leaf, with a random upstream gradient) against the reference; 1 to
 * 7 threads, a new plan, recomputed segments, any choice of wanted gradients and a smaller batch in a larger plan bit for
 * bit; two consumers of the same inputs; accumulated parameter gradients; memory that no step has written is NaN throughout. */
static inline void op_check_all(const struct op_test *t)
{
    struct op_scenario s = { t, &t->cases[0] };
    test_name = t->name;
    for (int i = 0; i < t->count; i++)
        for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
            test_broken = 0;
            op_check_case(t, &t->cases[i], (*k)->isa);
            if (!t->no_gradient)
                op_check_replay(t, &t->cases[i], (*k)->isa);
            *(test_broken ? &test_failed : &test_passed) += 1;
        }
    test_broken = 0;
    for (int k = 0; k < t->bad_count; k++)
        op_check_bad(t, k);
    fail_every_allocation(op_scenario, &s);
    *(test_broken ? &test_failed : &test_passed) += 1;
}

static inline int op_check(int argc, char **argv, const struct op_test *t)
{
    if (argc > 1 && !strcmp(argv[1], "--bench")) {
        op_bench(t);
        return 0;
    }
    op_check_all(t);
    return test_end();
}

#endif
