/* SPDX-License-Identifier: MIT */
/* test_plan.c -- schedules and memory: random tapes, run in a packed and poisoned arena, against a sweep over doubles
 * that keeps everything; recomputed segments, handed-on gradients, dead nodes, sizes. */
#include "graph/plan.h"
#include "support/fail_alloc.h"

/* ---- operators of all habits: what backward reads, what is saved, what is passed on ---- */

enum kind { MIX, SQUARE, TANH, CUBE, RESIDUAL, PASS, KINDS };
static int executed[64];                        /* forward runs by node */

static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    (void)k;
    *out = (struct sizes){ .y = *c->xs[0], .yt = F32, .saved = *(const enum kind *)c->attr == CUBE ? elements(c->xs[0]) * 4 : 0,
                           .work = 64, .scratch = 64, .operations = 10 };
    return MIM_OK;
}

static void forward(const struct call *c, const struct env *e)
{
    const float *a = c->x[0], *b = c->n > 1 ? c->x[1] : NULL;
    float *y = c->y;
    executed[c->id]++;
    memset(e->work, 0xFF, 64);
    memset(e->scratch, 0xFF, 64);
    for (size_t i = 0; i < elements(c->ys); i++)
        switch (*(const enum kind *)c->attr) {
        case MIX: y[i] = a[i] - 0.5f * b[i]; break;
        case SQUARE: y[i] = 0.5f * a[i] * a[i]; break;
        case TANH: y[i] = tanhf(a[i]); break;
        case CUBE:
            ((float *)c->saved)[i] = 0.3f * a[i] * a[i];
            y[i] = 0.1f * a[i] * a[i] * a[i];
            break;
        case RESIDUAL: y[i] = a[i] + 0.25f * b[i] * b[i]; break;
        default: y[i] = a[i];
        }
}

static void backward(const struct call *c, const struct env *e)
{
    const float *a = c->x[0], *b = c->n > 1 ? c->x[1] : NULL, *dy = c->dy, *y = c->y;
    memset(e->work, 0xFF, 64);
    for (size_t i = 0; i < elements(c->ys); i++) {
        float d[2] = { dy[i], 0 };
        switch (*(const enum kind *)c->attr) {
        case MIX: d[1] = -0.5f * dy[i]; break;
        case SQUARE: d[0] = a[i] * dy[i]; break;
        case TANH: d[0] = (1 - y[i] * y[i]) * dy[i]; break;
        case CUBE: d[0] = ((const float *)c->saved)[i] * dy[i]; break;
        case RESIDUAL: d[1] = 0.5f * b[i] * dy[i]; break;
        default: break;
        }
        for (int k = 0; k < c->n; k++)
            if (c->dx[k]) {
                float *to = (float *)c->dx[k] + i;
                *to = d[k] + (c->add >> k & 1 ? *to : 0);
            }
    }
}

static const struct op ops[KINDS] = {
    { .name = "mix", .infer = infer, .forward = forward, .backward = backward },
    { .name = "square", .infer = infer, .forward = forward, .backward = backward, .reads = READ_X(0) },
    { .name = "tanh", .infer = infer, .forward = forward, .backward = backward, .reads = READ_Y },
    { .name = "cube", .infer = infer, .forward = forward, .backward = backward },
    { .name = "residual", .infer = infer, .forward = forward, .backward = backward, .reads = READ_X(1), .passes = 1 },
    { .name = "pass", .infer = infer, .forward = forward, .backward = backward, .passes = 1 },
};
static int inputs_of(enum kind k) { return k == MIX || k == RESIDUAL ? 2 : 1; }

/* ---- a random tape, described before it is built ---- */

enum { LEAVES = 3, NODES = 14, ALL = LEAVES + NODES, N = 6 };     /* leaves: two inputs and a parameter */
struct tape {
    struct { enum kind kind; int in[2]; bool border; } node[NODES];
    float leaf[LEAVES][N], dy[N];
    double value[ALL][N], slope[ALL][N];
    bool alive[ALL];
};

static uint64_t state;
static int draw(int n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int)((state >> 33) % (uint64_t)n);
}
static float draw_float(void) { return (float)draw(2001) / 1000 - 1; }

static void make_tape(struct tape *t, uint64_t seed)
{
    memset(t, 0, sizeof *t);
    state = seed;
    for (int i = 0; i < LEAVES * N; i++)
        t->leaf[i / N][i % N] = draw_float();
    for (int i = 0; i < N; i++)
        t->dy[i] = draw_float();
    for (int i = 0; i < NODES; i++) {
        t->node[i].kind = (enum kind)draw(KINDS);
        t->node[i].border = draw(3) == 0;
        for (int k = 0; k < 2; k++)                 /* mostly what came last, so that little is dead */
            t->node[i].in[k] = draw(2) ? LEAVES + i - 1 - draw(imin(i + 1, 3)) : draw(LEAVES + i);
        if (i == 0)
            t->node[i].in[0] = draw(LEAVES);
    }
}

/* Values and gradients in double, everything kept. */
static void sweep(struct tape *t)
{
    for (int i = 0; i < LEAVES * N; i++)
        t->value[i / N][i % N] = t->leaf[i / N][i % N];
    for (int i = 0; i < NODES; i++)
        for (int j = 0; j < N; j++) {
            double a = t->value[t->node[i].in[0]][j], b = t->value[t->node[i].in[1]][j], *y = &t->value[LEAVES + i][j];
            switch (t->node[i].kind) {
            case MIX: *y = a - 0.5 * b; break;
            case SQUARE: *y = 0.5 * a * a; break;
            case TANH: *y = tanh(a); break;
            case CUBE: *y = (double)0.1f * a * a * a; break;
            case RESIDUAL: *y = a + 0.25 * b * b; break;
            default: *y = a;
            }
        }
    t->alive[ALL - 1] = true;
    for (int j = 0; j < N; j++)
        t->slope[ALL - 1][j] = t->dy[j];
    for (int i = NODES - 1; i >= 0; i--) {
        if (!t->alive[LEAVES + i])
            continue;
        t->alive[t->node[i].in[0]] = true;
        if (inputs_of(t->node[i].kind) > 1)
            t->alive[t->node[i].in[1]] = true;
        for (int j = 0; j < N; j++) {
            double a = t->value[t->node[i].in[0]][j], b = t->value[t->node[i].in[1]][j], y = t->value[LEAVES + i][j];
            double dy = t->slope[LEAVES + i][j], *da = &t->slope[t->node[i].in[0]][j], *db = &t->slope[t->node[i].in[1]][j];
            switch (t->node[i].kind) {
            case MIX: *da += dy; *db -= 0.5 * dy; break;
            case SQUARE: *da += a * dy; break;
            case TANH: *da += (1 - y * y) * dy; break;
            case CUBE: *da += (double)0.3f * a * a * dy; break;
            case RESIDUAL: *da += dy; *db += 0.5 * b * dy; break;
            default: *da += dy;
            }
        }
    }
}

/* ---- the same through a plan ---- */

struct how { bool keep_all, all_recomputed, some_recomputed, dry; unsigned frozen; };
struct got { float y[N], slope[LEAVES][N]; bool has[LEAVES]; size_t arena; int64_t recomputed; };

static struct tensor *build(struct graph *g, const struct tape *t, struct tensor *made[ALL])
{
    char name[16];
    made[0] = mim__graph_input(g, "a", SHAPE(1, N), F32);
    made[1] = mim__graph_input(g, "b", SHAPE(1, N), F32);
    made[2] = mim__graph_param(g, "w", SHAPE(1, N), (struct init){ INIT_ZERO, 0, 0, 0 }, 0);
    for (int i = 0; i < NODES; i++) {
        if (t->node[i].border)
            mim__graph_segment(g);
        enum kind k = t->node[i].kind;
        struct tensor *in[2] = { made[t->node[i].in[0]], made[t->node[i].in[1]] };
        made[LEAVES + i] = mim__graph_op(g, &ops[k], &k, sizeof k, inputs_of(k), in);
        snprintf(name, sizeof name, "t%d", i);
        mim__graph_output(g, name, made[LEAVES + i]);
    }
    return made[ALL - 1];
}

static void through_plan(const struct tape *t, struct how how, struct got *got)
{
    static const char *const all[] = { "t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9", "t10", "t11", "t12", "t13", NULL };
    static const char *const last[] = { "t13", NULL };
    mim_context *ctx = NULL;
    struct graph *g = NULL;
    struct plan *p = NULL;
    struct tensor *made[ALL];
    float weights[16], slopes[16];
    unsigned char recompute[NODES], trained[1] = { !(how.frozen & 4) };
    memset(got, 0, sizeof *got);
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim__graph_create(ctx, &g) == MIM_OK);
    struct tensor *y = build(g, t, made);
    for (int i = 0; i < NODES; i++)
        recompute[i] = how.all_recomputed || draw(2);
    memcpy(weights, t->leaf[2], sizeof t->leaf[2]);
    memset(slopes, 0xFF, sizeof slopes);
    struct plan_options o = { .weights = { weights }, .gradients = { slopes }, .backward = true, .trained = trained, .seed = y,
                              .keep = how.keep_all ? all : last, .input_gradients = !(how.frozen & 1), .dry = how.dry,
                              .recompute = how.all_recomputed || how.some_recomputed ? recompute : NULL };
    if (CHECK(mim__graph_plan(g, &o, &p) == MIM_OK))
        *got = (struct got){ .arena = p->arena_bytes, .recomputed = mim__plan_sizes(p).recomputed };
    if (p && !how.dry) {
        struct env e = { .pool = mim__context_executor(ctx) };
        memset(p->arena, 0xFF, p->arena_bytes);
        memset(executed, 0, sizeof executed);
        memcpy(mim__plan_data(p, made[0]), t->leaf[0], sizeof t->leaf[0]);
        memcpy(mim__plan_data(p, made[1]), t->leaf[1], sizeof t->leaf[1]);
        CHECK(mim__plan_forward(p, &e) == MIM_OK);
        for (int i = 0; i < NODES; i++)
            CHECK(executed[i] == (how.keep_all || t->alive[LEAVES + i]));
        if (mim__plan_gradient(p, y))
            memcpy(mim__plan_gradient(p, y), t->dy, sizeof t->dy);
        CHECK(mim__plan_backward(p, &e, false) == MIM_OK);
        memcpy(got->y, mim__plan_data(p, y), sizeof got->y);
        for (int i = 0; i < NODES; i++) {
            const float *kept = mim__plan_data(p, made[LEAVES + i]);
            CHECK(!kept == !(how.keep_all || i == NODES - 1));
            for (int j = 0; kept && j < N; j++)
                CHECK_NEAR(kept[j], t->value[LEAVES + i][j], 1e-5 * (1 + fabs(t->value[LEAVES + i][j])));
            CHECK(executed[i] <= 2 && (executed[i] == 0 || how.keep_all || t->alive[LEAVES + i]));
        }
        for (int i = 0; i < LEAVES; i++) {
            const float *from = i == 2 ? (trained[0] && t->alive[2] ? slopes : NULL) : mim__plan_gradient(p, made[i]);
            got->has[i] = from != NULL;
            if (from)
                memcpy(got->slope[i], from, sizeof got->slope[i]);
        }
    }
    mim__plan_destroy(p);
    mim__graph_destroy(g);
    mim_context_destroy(ctx);
}

static void random_tapes(void)
{
    static struct tape t;
    struct got base, other;
    static const struct how variants[] = { { .keep_all = true }, { .all_recomputed = true }, { .some_recomputed = true },
        { .keep_all = true, .some_recomputed = true }, { .frozen = 1 }, { .frozen = 4 }, { .frozen = 4, .all_recomputed = true } };
    int broken = 0;
    for (int seed = 1; seed <= 400 && !broken; seed++) {
        make_tape(&t, (uint64_t)seed);
        sweep(&t);
        through_plan(&t, (struct how){ 0 }, &base);
        for (int i = 0; i < LEAVES; i++) {
            CHECK(base.has[i] == t.alive[i]);
            for (int j = 0; base.has[i] && j < N; j++)
                CHECK_NEAR(base.slope[i][j], t.slope[i][j], 2e-5 * (1 + fabs(t.slope[i][j])));
        }
        for (int v = 0; v < (int)(sizeof variants / sizeof *variants); v++) {
            through_plan(&t, variants[v], &other);
            CHECK(!memcmp(base.y, other.y, sizeof base.y));
            for (int i = 0; i < LEAVES; i++) {
                CHECK(other.has[i] == (base.has[i] && !(variants[v].frozen & 1 && i < 2) && !(variants[v].frozen & 4 && i == 2)));
                CHECK(!other.has[i] || !memcmp(base.slope[i], other.slope[i], sizeof base.slope[i]));
            }
        }
        through_plan(&t, (struct how){ .dry = true }, &other);
        CHECK(other.arena == base.arena && other.recomputed == 0);
        broken = test_broken;
        if (broken)
            printf("tape %d\n", seed);
    }
}

/* ---- names, memory, sizes ---- */

struct chain { mim_context *ctx; struct graph *g; struct tensor *y; float weights[16], slopes[16]; };
enum { WIDE = 4096 };

/* `blocks` segments of four cubes, each with something saved; every block one residual, as in a transformer. */
static void chain_begin(struct chain *c, int blocks)
{
    enum kind cube = CUBE, residual = RESIDUAL;
    *c = (struct chain){ 0 };
    CHECK(mim_context_create(NULL, &c->ctx) == MIM_OK && mim__graph_create(c->ctx, &c->g) == MIM_OK);
    struct tensor *x = mim__graph_input(c->g, "x", SHAPE(4, WIDE), F32);
    for (int i = 0; i < blocks; i++) {
        struct tensor *in[2] = { x, x };
        mim__graph_segment(c->g);
        for (int k = 0; k < 4; k++)
            in[1] = mim__graph_op(c->g, &ops[CUBE], &cube, sizeof cube, 1, &in[1]);
        x = mim__graph_op(c->g, &ops[RESIDUAL], &residual, sizeof residual, 2, in);
    }
    c->y = x;
    mim__graph_output(c->g, "y", x);
}
static void chain_end(struct chain *c)
{
    mim__graph_destroy(c->g);
    mim_context_destroy(c->ctx);
}

static struct plan_sizes chain_plan(struct chain *c, bool recompute, bool backward, bool dry)
{
    unsigned char all[5 * 64];
    struct plan *p = NULL;
    struct plan_sizes s = { 0 };
    memset(all, 1, sizeof all);
    struct plan_options o = { .backward = backward, .seed = c->y, .input_gradients = true, .recompute = recompute ? all : NULL, .dry = dry };
    size_t before = mim__bytes_now(c->ctx);
    if (CHECK(mim__graph_plan(c->g, &o, &p) == MIM_OK)) {
        s = mim__plan_sizes(p);
        size_t taken = mim__bytes_now(c->ctx) - before;
        CHECK(dry ? taken < 200000 : taken >= s.activations + s.scratch);
    }
    mim__plan_destroy(p);
    CHECK(mim__bytes_now(c->ctx) <= before + 64);
    return s;
}

static void checkpointing(void)
{
    struct chain c;
    size_t each = 4 * WIDE * sizeof(float);
    chain_begin(&c, 20);
    chain_plan(&c, true, false, false);                 /* the context's threads take their scratch once */
    struct plan_sizes full = chain_plan(&c, false, true, false), less = chain_plan(&c, true, true, false),
                      forward = chain_plan(&c, false, false, false), dry = chain_plan(&c, true, true, true);
    CHECK(!memcmp(&less, &dry, sizeof less));
    CHECK(full.activations >= 20 * 5 * each);           /* four cubes saved, and the last one's value */
    CHECK(less.activations <= (20 + 14) * each);        /* a border a block, and one block */
    CHECK(forward.activations <= 7 * each);
    CHECK(full.segments == 21 && full.recomputed == 0 && full.forward == 20 * 5 * 10 && full.step == 3 * full.forward);
    CHECK(less.recomputed > 0 && less.recomputed <= less.forward && less.step == full.step + less.recomputed);
    chain_end(&c);
}

static void names(void)
{
    static const char *const wrong[] = { "y", "nothing", NULL };
    struct chain c;
    struct plan *p = NULL;
    char text[512];
    chain_begin(&c, 1);
    struct plan_options o = { .keep = wrong };
    CHECK(mim__graph_plan(c.g, &o, &p) == MIM_ERR_KEY && !p);
    mim_last_error(c.ctx, text, sizeof text, NULL);
    CHECK(strstr(text, "\"nothing\""));
    chain_end(&c);
}

/* Nothing to do: no seed, no kept output, no nodes at all. */
static void empty(void)
{
    struct chain c;
    struct plan *p = NULL;
    chain_begin(&c, 2);
    struct plan_options o = { .backward = true };
    struct env e = { .pool = mim__context_executor(c.ctx) };
    memset(executed, 0, sizeof executed);
    if (CHECK(mim__graph_plan(c.g, &o, &p) == MIM_OK)) {
        CHECK(mim__plan_forward(p, &e) == MIM_OK && mim__plan_backward(p, &e, false) == MIM_OK);
        CHECK(!executed[0] && !executed[1] && !mim__plan_data(p, c.y) && !mim__plan_gradient(p, c.y));
    }
    mim__plan_destroy(p);
    mim__plan_destroy(NULL);
    chain_end(&c);
}

static mim_status scenario(const mim_host *host, void *arg)
{
    static const char *const keep[] = { "t3", NULL };
    struct tape *t = arg;
    mim_context *ctx = NULL;
    struct graph *g = NULL;
    struct plan *p = NULL;
    struct tensor *made[ALL];
    float weights[16] = { 0 }, slopes[16];
    unsigned char recompute[NODES + 1] = { 1, 1, 1, 1 };
    mim_status status = mim_context_create(host, &ctx);
    if (!status)
        status = mim__graph_create(ctx, &g);
    if (!status) {
        struct plan_options o = { .weights = { weights }, .gradients = { slopes }, .backward = true, .input_gradients = true,
                                  .seed = build(g, t, made), .keep = keep, .recompute = recompute };
        status = mim__graph_plan(g, &o, &p);
        CHECK(!status == !!p);
    }
    mim__plan_destroy(p);
    mim__graph_destroy(g);
    mim_context_destroy(ctx);
    return status;
}

static void allocations(void)
{
    static struct tape t;
    make_tape(&t, 5);
    CHECK(fail_every_allocation(scenario, &t) > 40);
}

int main(void)
{
    TEST(random_tapes);
    TEST(checkpointing);
    TEST(names);
    TEST(empty);
    TEST(allocations);
    return test_end();
}
