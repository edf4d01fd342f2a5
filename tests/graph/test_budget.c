/* SPDX-License-Identifier: MIT */
/* test_budget.c -- what is computed again so that an arena fits: every limit from all to nothing, on stacks of blocks. */
#include "graph/plan.h"
#include "op/op.h"
#include "support/fail_alloc.h"

enum { BATCH = 2, TOKENS = 9, WIDTH = 16, MOST = 600 };
struct stack { mim_context *ctx; struct graph *g; struct plan_options o; unsigned char recompute[8 * MOST]; float *stores; };

/* Blocks as a transformer's; with `plain` between them operators that save nothing and read nothing. */
static mim_status begin(struct stack *s, const mim_host *host, int blocks, bool plain)
{
    static const char *const keep[] = { "y", NULL };
    memset(s, 0, sizeof *s);
    mim_status status = mim_context_create(host, &s->ctx);
    if (!status)
        status = mim__graph_create(s->ctx, &s->g);
    if (status)
        return status;
    struct tensor *x = mim__graph_input(s->g, "x", SHAPE(BATCH, TOKENS, WIDTH), F32);
    for (int i = 0; i < blocks; i++) {
        mim__graph_segment(s->g);
        mim__graph_scope(s->g, "blocks.%d.", i);
        struct tensor *h = mim__op_linear(s->g, "qkv", x, 3 * WIDTH, (struct linear){ .norm = "n1", .eps = 1e-6f });
        h = mim__op_attention(s->g, h, NULL, (struct attention){ .heads = 2 });
        if (plain)
            h = mim__op_reshape(s->g, mim__op_reshape(s->g, h, SHAPE(BATCH * TOKENS, WIDTH)), SHAPE(BATCH, TOKENS, WIDTH));
        x = mim__op_linear(s->g, "proj", h, WIDTH, (struct linear){ .residual = x });
        h = mim__op_linear(s->g, "fc1", x, 4 * WIDTH, (struct linear){ .norm = "n2", .eps = 1e-6f });
        x = mim__op_linear(s->g, "fc2", h, WIDTH, (struct linear){ .residual = x, .activation = ACT_GELU });
    }
    mim__graph_output(s->g, "y", x);
    size_t size = mim__graph_store_size(s->g, 0);
    s->stores = mim__graph_status(s->g) ? NULL : calloc(2 * size + 1, sizeof *s->stores);
    for (size_t i = 0; s->stores && i < size; i++)
        s->stores[i] = (float)((i * 37) % 101) / 505 - 0.1f;
    s->o = (struct plan_options){ .weights = { s->stores }, .gradients = { s->stores + size }, .backward = true, .keep = keep,
                                  .seed = x, .recompute = s->recompute, .dry = true };
    return mim__graph_status(s->g);
}

static void end(struct stack *s)
{
    free(s->stores);
    mim__graph_destroy(s->g);
    mim_context_destroy(s->ctx);
}

static struct plan_sizes sizes(struct stack *s)
{
    struct plan *p = NULL;
    struct plan_sizes z = { 0 };
    if (CHECK(mim__graph_plan(s->g, &s->o, &p) == MIM_OK))
        z = mim__plan_sizes(p);
    mim__plan_destroy(p);
    return z;
}

static mim_status fit(struct stack *s, size_t arena, size_t *least)
{
    memset(s->recompute, 0, sizeof s->recompute);
    return mim__graph_fit(s->g, &s->o, arena, s->recompute, least);
}

/* All gradients of a run, in stores + size. */
static void run(struct stack *s)
{
    struct plan *p = NULL;
    struct plan_options o = s->o;
    struct env e = { .pool = mim__context_executor(s->ctx), .training = true };
    o.dry = false;
    if (!CHECK(mim__graph_plan(s->g, &o, &p) == MIM_OK))
        return;
    memset(p->arena, 0xFF, p->arena_bytes);
    float *x = mim__plan_data(p, mim__graph_find(s->g, "x"));
    for (int i = 0; i < BATCH * TOKENS * WIDTH; i++)
        x[i] = (float)((i * 61) % 211) / 211 - 0.5f;
    CHECK(mim__plan_forward(p, &e) == MIM_OK);
    memcpy(mim__plan_gradient(p, o.seed), mim__plan_data(p, o.seed), BATCH * TOKENS * WIDTH * sizeof(float));
    CHECK(mim__plan_backward(p, &e, false) == MIM_OK);
    mim__plan_destroy(p);
}

/* Every limit in steps of a cache line's multiple: kept, more operations with fewer bytes only, the same gradients. */
static void every_limit(int blocks, bool plain, bool runs)
{
    static struct stack s;
    CHECK(begin(&s, NULL, blocks, plain) == MIM_OK);
    size_t n = mim__graph_store_size(s.g, 0), least = 0, again = 0;
    struct plan_sizes all = sizes(&s), z = all;
    CHECK(all.recomputed == 0 && all.live <= all.activations);
    float *slopes = s.stores + n, *first = calloc(n, sizeof *first);
    if (runs)
        run(&s);
    memcpy(first, slopes, n * sizeof *first);
    CHECK(fit(&s, 0, &least) == MIM_ERR_BUDGET && least > 0 && least < all.activations);
    CHECK(fit(&s, least - 1, &again) == MIM_ERR_BUDGET && again == least);
    int64_t before = 0;
    size_t last = 0, step = (all.activations - least) / 40 + 1;
    for (size_t limit = all.activations; ; limit = limit > least + step ? limit - step : least) {
        CHECK(fit(&s, limit, &again) == MIM_OK);
        z = sizes(&s);
        CHECK(z.activations <= limit && z.live <= z.activations && z.recomputed >= before && z.step == all.step + z.recomputed);
        before = z.recomputed;
        if (runs && z.activations != last) {
            memset(slopes, 0xFF, n * sizeof *slopes);
            run(&s);
            for (int i = 0; i < mim__graph_params(s.g); i++) {
                const struct param *q = mim__graph_param_at(s.g, i);
                CHECK(!memcmp(slopes + q->offset, first + q->offset, q->count * sizeof *first));
            }
        }
        last = z.activations;
        if (limit == least)
            break;
    }
    CHECK(z.activations == least && before > 0 && before < all.forward);
    free(first);
    end(&s);
}

static void small(void)
{
    for (int blocks = 1; blocks < 8; blocks++) {
        every_limit(blocks, false, true);
        every_limit(blocks, true, true);
    }
}
static void deep(void) { every_limit(200, false, false); }      /* more values than plans in the row */

/* A first block that is to be recomputed in any case stays so; a graph that failed is not looked at. */
static void given(void)
{
    static struct stack s;
    size_t least = 0;
    CHECK(begin(&s, NULL, 3, false) == MIM_OK);
    s.recompute[2] = s.recompute[3] = 1;
    struct plan_sizes z = sizes(&s);
    CHECK(z.recomputed > 0);
    CHECK(mim__graph_fit(s.g, &s.o, z.activations - 64, s.recompute, &least) == MIM_OK && s.recompute[2] && s.recompute[3]);
    CHECK(sizes(&s).recomputed > z.recomputed);
    mim__graph_fail(s.g, MIM_ERR_VALUE);
    CHECK(fit(&s, 1 << 20, &least) == MIM_ERR_VALUE);
    end(&s);
}

/* Nothing to drop at all. */
static void empty(void)
{
    static struct stack s;
    size_t least = 0;
    CHECK(begin(&s, NULL, 0, false) == MIM_OK);
    CHECK(fit(&s, 0, &least) == MIM_ERR_BUDGET && least > 0 && fit(&s, least, &least) == MIM_OK);
    end(&s);
}

static mim_status scenario(const mim_host *host, void *arg)
{
    static struct stack s;
    size_t least = 0;
    (void)arg;
    mim_status status = begin(&s, host, 2, false);
    if (!status)
        status = fit(&s, 0, &least);
    status = status == MIM_ERR_BUDGET ? fit(&s, least, &least) : status;
    end(&s);
    return status;
}
static void allocations(void) { CHECK(fail_every_allocation(scenario, NULL) > 100); }

/* Hundreds of blocks, every plan of the row: a second or so; the time of a plan for each would be minutes. */
static void hundreds(void)
{
    static struct stack s;
    size_t least = 0;
    CHECK(begin(&s, NULL, MOST, false) == MIM_OK);
    double start = mim__seconds();
    CHECK(fit(&s, 0, &least) == MIM_ERR_BUDGET);
    CHECK(mim__seconds() - start < 60);
    end(&s);
}

int main(void)
{
    TEST(small); TEST(deep); TEST(given); TEST(empty); TEST(allocations); TEST(hundreds);
    return test_end();
}
