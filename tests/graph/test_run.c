/* SPDX-License-Identifier: MIT */
/* test_run.c -- replaying a plan: smaller batches, accumulation, cancelling, the profile. */
#include "graph/plan.h"
#include "op/op.h"
#include "support/test.h"

enum { BATCH = 4, TOKENS = 5, WIDTH = 8 };
struct model { mim_context *ctx; struct graph *g; struct plan *p; struct tensor *x, *y; float weights[1024], slopes[1024]; };

static void begin(struct model *m, int batch, bool recompute)
{
    static const char *const keep[] = { "y", NULL };
    unsigned char all[4] = { 1, 1, 1, 1 };
    memset(m, 0, sizeof *m);
    CHECK(mim_context_create(NULL, &m->ctx) == MIM_OK && mim__graph_create(m->ctx, &m->g) == MIM_OK);
    m->x = mim__graph_input(m->g, "x", SHAPE(batch, TOKENS, WIDTH), F32);
    mim__graph_segment(m->g);
    struct tensor *h = mim__op_linear(m->g, "qkv", m->x, 3 * WIDTH, (struct linear){ .norm = "n", .eps = 1e-6f });
    h = mim__op_attention(m->g, h, NULL, (struct attention){ .heads = 2 });
    h = mim__op_linear(m->g, "proj", h, WIDTH, (struct linear){ .residual = m->x });
    mim__graph_segment(m->g);
    m->y = mim__op_pool(m->g, h, 0, TOKENS);
    mim__graph_output(m->g, "y", m->y);
    struct plan_options o = { .weights = { m->weights }, .gradients = { m->slopes }, .backward = true, .keep = keep, .seed = m->y,
                              .input_gradients = true, .recompute = recompute ? all : NULL };
    CHECK(mim__graph_store_size(m->g, 0) <= 1024 && mim__graph_plan(m->g, &o, &m->p) == MIM_OK);
    for (int i = 0; i < 1024; i++)
        m->weights[i] = (float)((i * 37) % 101) / 101 - 0.5f;
}

static void end(struct model *m)
{
    mim__plan_destroy(m->p);
    mim__graph_destroy(m->g);
    mim_context_destroy(m->ctx);
}

static void fill(struct model *m, int batch)
{
    float *x = mim__plan_data(m->p, m->x);
    for (int i = 0; i < batch * TOKENS * WIDTH; i++)
        x[i] = (float)((i * 61) % 211) / 211 - 0.5f;
}

static mim_status step(struct model *m, int batch, bool accumulate)
{
    struct env e = { .pool = mim__context_executor(m->ctx), .training = true, .cancel = mim__context_cancel_flag(m->ctx) };
    mim_status status = mim__plan_forward(m->p, &e);
    float *dy = mim__plan_gradient(m->p, m->y);
    for (int i = 0; i < batch * WIDTH; i++)
        dy[i] = (float)(i % 3) - 0.5f;
    return status ? status : mim__plan_backward(m->p, &e, accumulate);
}

/* A plan of 4 runs 1 .. 4 as plans of these sizes do, in any order. */
static void smaller_batches(void)
{
    static const int order[] = { 4, 1, 3, 2, 4 };
    static struct model large, exact;
    begin(&large, BATCH, false);
    for (int i = 0; i < (int)(sizeof order / sizeof *order); i++) {
        int n = order[i];
        begin(&exact, n, i % 2);
        memset(large.p->arena, 0xFF, large.p->arena_bytes);
        memset(large.slopes, 0xFF, sizeof large.slopes);
        CHECK(mim__plan_set_batch(large.p, n, BATCH) == MIM_OK);
        CHECK(mim__plan_shape(large.p, large.y)->dim[0] == n && mim__plan_shape(large.p, large.x)->dim[0] == n);
        fill(&large, n);
        fill(&exact, n);
        CHECK(step(&large, n, false) == MIM_OK && step(&exact, n, false) == MIM_OK);
        CHECK(!memcmp(mim__plan_data(large.p, large.y), mim__plan_data(exact.p, exact.y), (size_t)n * WIDTH * 4));
        CHECK(!memcmp(mim__plan_gradient(large.p, large.x), mim__plan_gradient(exact.p, exact.x), (size_t)n * TOKENS * WIDTH * 4));
        for (int k = 0; k < mim__graph_params(large.g); k++) {
            const struct param *q = mim__graph_param_at(large.g, k);
            CHECK(!memcmp(large.slopes + q->offset, exact.slopes + q->offset, q->count * 4));
        }
        end(&exact);
    }
    end(&large);
}

static void accumulation(void)
{
    static struct model m;
    static float once[1024];
    begin(&m, BATCH, false);
    fill(&m, BATCH);
    CHECK(step(&m, BATCH, false) == MIM_OK);
    memcpy(once, m.slopes, sizeof once);
    CHECK(step(&m, BATCH, true) == MIM_OK && step(&m, BATCH, true) == MIM_OK);
    for (int k = 0; k < 1024; k++)
        CHECK_NEAR(m.slopes[k], 3 * once[k], 1e-5 * (1 + fabsf(once[k])));
    CHECK(step(&m, BATCH, false) == MIM_OK && !memcmp(once, m.slopes, sizeof once));
    end(&m);
}

/* Cancelled once, as good as new the next time. */
static void cancelling(void)
{
    static struct model m;
    begin(&m, BATCH, false);
    fill(&m, BATCH);
    mim_context_cancel(m.ctx);
    CHECK(step(&m, BATCH, false) == MIM_ERR_CANCELLED);
    CHECK(step(&m, BATCH, false) == MIM_OK);
    end(&m);
}

static void profile(void)
{
    static struct model m;
    const struct profile_row *rows = NULL;
    int64_t operations = 0;
    int calls = 0;
    begin(&m, BATCH, false);
    fill(&m, BATCH);
    CHECK(step(&m, BATCH, false) == MIM_OK);
    int n = mim__plan_profile_rows(m.p, &rows);
    for (int i = 0; i < n; i++)
        CHECK(rows[i].calls == 0 && rows[i].seconds == 0);
    mim__plan_profile(m.p, true);
    CHECK(step(&m, BATCH, false) == MIM_OK && step(&m, BATCH, false) == MIM_OK);     /* the last run only */
    n = mim__plan_profile_rows(m.p, &rows);
    CHECK(n == 8);                                  /* qkv, attention, proj, pool; forward and backward */
    for (int i = 0; i < n; i++) {
        calls += rows[i].calls;
        operations += rows[i].operations;
        CHECK(rows[i].seconds >= 0 && rows[i].bytes > 0 && rows[i].name);
    }
    CHECK(calls == 8 && operations == mim__plan_sizes(m.p).step);
    int64_t product = 2 * (int64_t)BATCH * TOKENS * WIDTH * 4 * WIDTH, attention = 4 * (int64_t)BATCH * TOKENS * TOKENS * WIDTH;
    CHECK(mim__plan_sizes(m.p).forward == product + attention);
    end(&m);
}

static const struct profile_row *row_of(const struct model *m, const char *place, const char *pass)
{
    const struct profile_row *rows = NULL;
    for (int i = 0; i < mim__plan_profile_rows(m->p, &rows); i++)
        if (!strcmp(rows[i].place, place) && !strcmp(rows[i].pass, pass))
            return &rows[i];
    CHECK(!"no such row");
    exit(1);
}

/* Operands by hand: a backward reads what it needs, writes gradients, and reads those that it adds to. */
static void profiled_bytes(void)
{
    static struct model m;
    begin(&m, BATCH, true);
    mim__plan_profile(m.p, true);
    CHECK(mim__plan_set_batch(m.p, 2, BATCH) == MIM_OK);
    fill(&m, 2);
    CHECK(step(&m, 2, false) == MIM_OK);
    int64_t x = 2 * TOKENS * WIDTH * 4, weights = 3 * WIDTH * WIDTH * 4, rest = 3 * WIDTH * 4 + 2 * WIDTH * 4, saved = 2 * TOKENS * 2 * 4;
    const struct profile_row *f = row_of(&m, "qkv", "forward"), *again = row_of(&m, "qkv", "recompute"),
                             *b = row_of(&m, "qkv", "backward");
    CHECK(f->bytes == x + weights + rest + 3 * x + saved && again->bytes == f->bytes && again->calls == 1);
    CHECK(f->operations == 2 * 2 * TOKENS * WIDTH * 3 * WIDTH && b->operations == 2 * f->operations);
    CHECK(b->bytes == x + weights + rest + saved + 3 * x + 2 * x + weights + rest);        /* adds to dx: the residual's is there */
    b = row_of(&m, "proj", "backward");
    int64_t small = WIDTH * WIDTH * 4 + WIDTH * 4;
    CHECK(b->bytes == x + small + x + x + small || b->bytes == x + small + x + 2 * x + small);
    CHECK(step(&m, 2, true) == MIM_OK);
    CHECK(row_of(&m, "qkv", "backward")->bytes == x + weights + rest + saved + 3 * x + 2 * x + 2 * (weights + rest));
    end(&m);
}

int main(void)
{
    TEST(smaller_batches);
    TEST(accumulation);
    TEST(cancelling);
    TEST(profile);
    TEST(profiled_bytes);
    return test_end();
}
