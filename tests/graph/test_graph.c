/* SPDX-License-Identifier: MIT */
/* test_graph.c -- building the tape: names, offsets, errors that stick, shapes that do not fit. */
#include "graph/graph_internal.h"
#include "op/op.h"
#include "support/fail_alloc.h"

static mim_context *ctx;
static struct graph *g;

static void begin(void)
{
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK);
    CHECK(mim__graph_create(ctx, &g) == MIM_OK);
}
static void end(void)
{
    mim__graph_destroy(g);
    mim_context_destroy(ctx);
}
static const struct init zero = { INIT_ZERO, 0, 0, 0 };

static void parameters(void)
{
    begin();
    mim__graph_param(g, "a", SHAPE(3, 5), zero, 0);
    mim__graph_scope(g, "blocks.%d.", 12);
    mim__graph_store(g, 1);
    mim__graph_param(g, "b", SHAPE(16), zero, PARAM_NO_DECAY);
    mim__graph_store(g, 0);
    mim__graph_param(g, "c.weight", SHAPE(17), zero, PARAM_FIXED);
    mim__graph_scope(g, "%s", "");
    mim__graph_param(g, "d", SHAPE(1), zero, 0);
    if (CHECK(mim__graph_params(g) == 4)) {
        const struct param *a = mim__graph_param_at(g, 0), *b = mim__graph_param_at(g, 1), *c = mim__graph_param_at(g, 2),
                           *d = mim__graph_param_at(g, 3);
        CHECK_TEXT(a->name, "a");
        CHECK_TEXT(b->name, "blocks.12.b");
        CHECK_TEXT(c->name, "blocks.12.c.weight");
        CHECK_TEXT(d->name, "d");
        CHECK(a->store == 0 && b->store == 1 && c->store == 0);
        CHECK(a->offset == 0 && b->offset == 0 && c->offset == 16 && d->offset == 48);
        CHECK(a->count == 15 && c->count == 17 && c->flags == PARAM_FIXED && b->flags == PARAM_NO_DECAY);
    }
    CHECK(mim__graph_store_size(g, 0) == 64 && mim__graph_store_size(g, 1) == 16);
    end();
}

static void outputs(void)
{
    begin();
    struct tensor *x = mim__graph_input(g, "x", SHAPE(2, 3), F32);
    struct tensor *y = mim__op_linear(g, "w", x, 4, (struct linear){ 0 });
    mim__graph_output(g, "y", y);
    mim__graph_output(g, "none", NULL);
    CHECK(mim__graph_find(g, "x") == x && mim__graph_find(g, "y") == y && !mim__graph_find(g, "none") && !mim__graph_find(g, ""));
    CHECK(mim__tensor_shape(y)->rank == 2 && mim__tensor_shape(y)->dim[0] == 2 && mim__tensor_shape(y)->dim[1] == 4);
    CHECK(mim__tensor_type(y) == F32 && mim__graph_context(g) == ctx && mim__graph_kernels(g) == mim__kernels(ctx));
    end();
}

/* Where an operator stands: without the number of its block and the last part of its parameter's name. */
static void places(void)
{
    static const struct { const char *scope, *name, *place, *bare; } cases[] = {
        { "blocks.11.", "mlp.fc1", "mlp.fc1", "" },
        { "decoder_blocks.0.", "mlp.fc1", "decoder_mlp.fc1", "decoder" },
        { "layers.2.blocks.5.", "attn.qkv", "layers.2.attn.qkv", "layers.2" },
        { "", "patch_embed.proj", "patch_embed.proj", "" },
        { "decoder.", "w", "decoder.w", "decoder" },
        { "blocks.", "w", "w", "" },
        { "blocks.3.a.b.c.d.e.f.g.h.i.j.k.l.m.", "a.name.longer.than.a.place.has.room.for",
          "a.b.c.d.e.f.g.h.i.j.k.l.m.a.name.longer.than.a.", "a.b.c.d.e.f.g.h.i.j.k.l.m" },
    };
    for (int i = 0; i < COUNT(cases); i++) {
        begin();
        struct tensor *x = mim__graph_input(g, "x", SHAPE(2, 1, 8), F32);
        mim__graph_scope(g, "%s", cases[i].scope);
        x = mim__op_pool(g, mim__op_linear(g, cases[i].name, x, 8, (struct linear){ .norm = "norm1" }), 0, 1);
        if (CHECK(x && g->node_count == 2)) {
            CHECK_TEXT(g->nodes[0].place, cases[i].place);
            CHECK_TEXT(g->nodes[1].place, cases[i].bare);
        }
        end();
    }
    begin();
    struct tensor *x = mim__graph_input(g, "x", SHAPE(2, 3, 8), F32), *cls = mim__graph_param(g, "cls_token", SHAPE(1, 1, 8), zero, 0);
    CHECK(mim__op_embed(g, x, cls, NULL) != NULL);
    CHECK_TEXT(g->nodes[0].place, "cls_token");
    end();
}

/* After the first error nothing is built, nothing crashes, and the error stays the first one. */
static void errors_stick(void)
{
    char text[512];
    struct plan *p = NULL;
    struct plan_options o = { .backward = true };
    begin();
    struct tensor *x = mim__graph_input(g, "x", SHAPE(2, 3), F32);
    struct tensor *bad = mim__op_linear(g, "w", x, 4, (struct linear){ .weight_shape = SHAPE(4, 7) });
    CHECK(!bad && mim__graph_status(g) == MIM_ERR_SHAPE);
    mim_last_error(ctx, text, sizeof text, NULL);
    CHECK(strstr(text, "linear") && strstr(text, "2x3"));
    mim__graph_fail(g, MIM_ERR_VALUE);
    CHECK(mim__graph_status(g) == MIM_ERR_SHAPE);
    CHECK(!mim__op_norm(g, "n", bad, 1e-6f, F32) && !mim__op_linear(g, "v", x, 4, (struct linear){ .norm = "n" }));
    CHECK(!mim__op_attention(g, bad, NULL, (struct attention){ .heads = 1 }) && !mim__graph_input(g, "z", SHAPE(1), F32));
    CHECK(!mim__graph_constant(g, "c", SHAPE(1), (const float[]){ 1 }) && !mim__graph_param(g, "q", SHAPE(1), zero, 0));
    CHECK(mim__graph_plan(g, &o, &p) == MIM_ERR_SHAPE && !p);
    end();
}

static void shapes(void)
{
    static const struct shape wrong[] = { { 1, { 0 } }, { 2, { 3, -1 } }, { 7, { 1 } }, { -1, { 0 } }, { 2, { 1 << 16, 1 << 15 } },
                                          { 3, { 1 << 30, 1 << 30, 1 << 30 } }, { 6, { INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX } } };
    for (int i = 0; i < COUNT(wrong); i++) {
        begin();
        CHECK(!mim__graph_input(g, "x", wrong[i], F32) && mim__graph_status(g) == MIM_ERR_SHAPE);
        end();
        begin();
        CHECK(!mim__graph_param(g, "x", wrong[i], zero, 0) && mim__graph_status(g) == MIM_ERR_SHAPE && !mim__graph_params(g));
        end();
    }
    begin();                                    /* an operator's own output too large: of one of dimension 0, or in all */
    struct tensor *x = mim__graph_input(g, "x", SHAPE(1, 1 << 20, 1), F32);
    CHECK(!mim__op_linear(g, "w", x, 1 << 12, (struct linear){ 0 }) && mim__graph_status(g) == MIM_ERR_SHAPE);
    end();
    begin();
    x = mim__graph_input(g, "x", SHAPE(1 << 20, 1), F32);
    CHECK(!mim__op_linear(g, "w", x, 1 << 21, (struct linear){ 0 }) && mim__graph_status(g) == MIM_ERR_SHAPE);
    end();
    begin();                                    /* but not of a batch */
    x = mim__graph_input(g, "x", SHAPE(1 << 20, 1), F32);
    CHECK(sizeof(size_t) < 8 || mim__op_linear(g, "w", x, 1 << 12, (struct linear){ 0 }) != NULL);
    end();
    begin();
    CHECK(mim__graph_input(g, "x", (struct shape){ 0, { 0 } }, F32) != NULL);      /* a single number */
    end();
}

static void constants(void)
{
    static const char *const keep[] = { "y", NULL };
    float data[2] = { 3, 4 };
    struct plan *p = NULL;
    begin();
    struct tensor *c = mim__graph_constant(g, "c", SHAPE(1, 2), data), *x = mim__graph_input(g, "x", SHAPE(1, 1, 2), F32);
    data[0] = 9;                                /* copied, so this does not show */
    struct tensor *y = mim__op_embed(g, x, NULL, c);
    mim__graph_output(g, "y", y);
    struct plan_options o = { .keep = keep };
    struct env e = { .pool = mim__context_executor(ctx) };
    if (CHECK(mim__graph_plan(g, &o, &p) == MIM_OK)) {
        memset(mim__plan_data(p, x), 0, 8);
        CHECK(mim__plan_forward(p, &e) == MIM_OK);
        CHECK(((const float *)mim__plan_data(p, y))[0] == 3 && ((const float *)mim__plan_data(p, y))[1] == 4);
    }
    mim__plan_destroy(p);
    end();
}

static mim_status build_all(const mim_host *host, void *arg)
{
    mim_context *c = NULL;
    struct graph *made = NULL;
    (void)arg;
    mim_status status = mim_context_create(host, &c);
    if (!status)
        status = mim__graph_create(c, &made);
    if (!status) {
        struct tensor *x = mim__graph_input(made, "x", SHAPE(2, 3, 8), F32);
        float ones[8] = { 0 };
        for (int i = 0; i < 40; i++) {          /* more than any array holds at first */
            mim__graph_scope(made, "blocks.%d.", i);
            x = mim__op_linear(made, "w", x, 8, (struct linear){ .norm = "n", .residual = x });
            x = mim__op_embed(made, x, NULL, mim__graph_constant(made, "c", SHAPE(3, 8), (float[24]){ ones[0] }));
            mim__graph_output(made, "y", x);
        }
        status = mim__graph_status(made);
    }
    mim__graph_destroy(made);
    mim_context_destroy(c);
    return status;
}

static void allocations(void)
{
    CHECK(fail_every_allocation(build_all, NULL) > 100);
    mim__graph_destroy(NULL);
}

int main(void)
{
    TEST(parameters);
    TEST(outputs);
    TEST(places);
    TEST(errors_stick);
    TEST(shapes);
    TEST(constants);
    TEST(allocations);
    return test_end();
}
