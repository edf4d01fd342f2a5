/* SPDX-License-Identifier: MIT */
/* test_moments.c -- moments in bf16 against f32 arithmetic rounded by the same draws, to the bit, and against f32 moments;
 * and moments that processes share: together they make the update of one, to the bit. */
#include "optimizer/make.h"

static float noise(uint32_t i, uint32_t t)          /* -1 .. 1 */
{
    i = (i ^ t << 20 ^ 61) * 0x9E3779B9u;
    i ^= i >> 15;
    i *= 0x85EBCA6Bu;
    return (float)((i ^ i >> 13) % 20001) * 1e-4f - 1;
}

enum { PARAMETERS = 6 };
/* Sizes around a chunk and a part; offsets as a trainer's, multiples of 16. */
static void some_parameters(struct mim__slot slots[PARAMETERS])
{
    static const size_t counts[PARAMETERS] = { 1, 511, 16384, 257, 16400, 9001 };
    for (int i = 0; i < PARAMETERS; i++)
        slots[i] = (struct mim__slot){ .name = &"abcdef"[i], .count = counts[i], .rank = 1 + i % 2, .frozen = i == 3 };
}

/* Joins with every parameter on a cache line. */
static bool join(struct model *x, const char *json)
{
    struct mim__slot slots[PARAMETERS];
    some_parameters(slots);
    memset(x, 0, sizeof *x);
    x->o = make_optimizer(json);
    if (!x->o)
        return false;
    for (int i = 0; i < PARAMETERS; i++) {
        slots[i].offset = x->elements;
        slots[i].weight = x->w + x->elements;
        x->elements += round_up(slots[i].count, 16);
    }
    for (size_t i = 0; i < x->elements; i++)
        x->w[i] = noise((uint32_t)i, 77);
    const struct mim__joining all = { 1, x->elements, 9, { x->m[0], x->m[1] } };
    return CHECK(mim__optimizer_join(x->o, PARAMETERS, slots, &all) == MIM_OK);
}

static void step(struct model *x, const struct kernels *k, uint32_t t)
{
    for (size_t i = 0; i < x->elements; i++)
        x->g[i] = noise((uint32_t)i, t);
    mim__optimizer_update(x->o, k, x->g, mim__optimizer_norm(x->o, k, x->g), t);
}

#define RULE "\"rate\": 0.01, \"schedule\": \"constant\", \"clip\": 3, \"decay\": 0.1"
static const char *rule(const char *kind, const char *more)
{
    static char json[2][256];
    static int turn;
    char *to = json[turn = !turn];
    snprintf(to, sizeof json[0], "{\"optimizer\": {\"kind\": \"%s\", " RULE "%s}}", kind, more);
    return to;
}

/* ---- rounding ---- */

static uint16_t rounded(const struct mim__stream *s, int which, size_t at, float x)
{
    static const uint32_t factors[2][4] = { { 0x9E3779B1u, 0x85EBCA77u, 0xC2B2AE3Du, 0x27D4EB2Fu },
                                            { 0x165667B1u, 0x7FEB352Du, 0x846CA68Bu, 0x6C8E9CF5u } };
    uint32_t bits, i = (uint32_t)(at % 512), word = mim__word(s, 4 * (32 * (uint32_t)(at / 512) + i % 32) + i / 32 % 4);
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)((bits + (word * factors[which][i / 128] >> 16)) >> 16);
}

static float wide(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The same kernels on f32 arrays, whose moments are rounded after each update. */
static void as_rounded_by_hand(void)
{
    static struct model x, wide_one;
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        if (!join(&x, rule("adamw", ", \"moments\": \"bf16\"")) || !join(&wide_one, rule("adamw", "")))
            return;
        const uint16_t *halves[2] = { (const uint16_t *)x.m[0], (const uint16_t *)x.m[1] };
        int wrong = 0;
        for (uint32_t t = 0; t < 20; t++) {
            step(&x, *k, t);
            step(&wide_one, *k, t);
            struct mim__stream s = mim__stream(9, STREAM_MOMENT | STREAM_BATCH, t + 1, 0);
            for (int i = 0; i < 2; i++)
                for (size_t e = 0; e < x.elements; e++) {
                    uint16_t want = rounded(&s, i, e, wide_one.m[i][e]);
                    wrong += want != halves[i][e];
                    wide_one.m[i][e] = wide(want);
                }
        }
        CHECK(!wrong && !memcmp(x.w, wide_one.w, sizeof x.w));
        model_leave(&x);
        model_leave(&wide_one);
    }
}

/* Gradients fall to a third: so does the root of the second moment, though a step changes it by less than what its last bit
 * is worth; rounded to the nearest it would stay. */
static void small_changes_are_kept(void)
{
    static struct model x;
    struct mim__slot slot = { .name = "w", .count = 4096, .rank = 2 };
    if (!model_join(&x, "{\"optimizer\": {\"rate\": 0, \"clip\": 0, \"moments\": \"bf16\"}}", 1, &slot, 1, 0))
        return;
    const struct kernels *k = mim__kernels_available()[0];
    const uint16_t *v = (const uint16_t *)x.m[1];
    double want = 0, worst = 0;
    float nearest = 0;
    uint16_t h;
    for (int t = 0; t < 6000; t++) {
        float g = t < 3000 ? 1 : 1.0f / 3;
        for (int i = 0; i < 4096; i++)
            x.g[i] = i % 2 ? -g : g;
        mim__optimizer_update(x.o, k, x.g, 1, t);
        want = 0.999 * want + 0.001 * (double)g * g;
        nearest = 0.999f * nearest + 0.001f * g * g;
        k->rows->narrow(1, &nearest, &h);
        nearest = wide(h);
        if (t % 500 != 499)
            continue;
        double mean = 0;
        for (int i = 0; i < 4096; i++) {
            mean += wide(v[i]) / 4096;
            worst = fmax(worst, fabs(wide(v[i]) / want - 1));
        }
        CHECK_NEAR(mean / want, 1, 0.006);
    }
    CHECK(worst < 0.3 && worst > 0.02);             /* of one among thousands; half of it for the root */
    CHECK(fabs(nearest / want - 1) > 0.5);
    model_leave(&x);
}

/* How far weights are after 60 updates from those of moments in f32, over how far they have moved. */
static double distance(const char *kind, const char *more)
{
    static struct model x, wide_one;
    char with[128];
    double apart = 0, moved = 0;
    snprintf(with, sizeof with, "%s, \"moments\": \"bf16\"", more);
    if (!join(&x, rule(kind, with)) || !join(&wide_one, rule(kind, more)))
        return NAN;
    for (uint32_t t = 0; t < 60; t++) {
        step(&x, mim__kernels_available()[0], t);
        step(&wide_one, mim__kernels_available()[0], t);
    }
    for (size_t i = 0; i < x.elements; i++) {
        apart += pow(x.w[i] - wide_one.w[i], 2);
        moved += pow(wide_one.w[i] - noise((uint32_t)i, 77), 2);
    }
    model_leave(&x);
    model_leave(&wide_one);
    return sqrt(apart / moved);
}

static void rules_follow_f32(void)
{
    static const struct { const char *kind, *more; } cases[] = {
        { "adamw", "" }, { "adamw", ", \"beta2\": 0.95" }, { "sgd", "" }, { "sgd", ", \"momentum\": 0.99, \"nesterov\": 1" },
        { "sgd", ", \"momentum\": 0" }, { "lars", "" }, { "lamb", "" },
    };
    for (int i = 0; i < COUNT(cases); i++) {
        double d = distance(cases[i].kind, cases[i].more);
        if (!CHECK(d < 0.03))
            printf("%s%s: %g\n", cases[i].kind, cases[i].more, d);
    }
}

static void any_threads(void)
{
    static struct model one, many;
    static const char *const kinds[] = { "adamw", "sgd", "lars", "lamb" };
    for (int i = 0; i < COUNT(kinds); i++)
        for (int threads = 1; threads <= 7; threads++) {
            struct model *x = threads == 1 ? &one : &many;
            CHECK(mim_context_set_threads(context, threads) == MIM_OK);
            if (!join(x, rule(kinds[i], ", \"moments\": \"bf16\"")))
                return;
            for (uint32_t t = 0; t < 3; t++)
                step(x, mim__kernels_available()[0], t);
            CHECK(!memcmp(one.w, x->w, sizeof one.w) && !memcmp(one.m, x->m, sizeof one.m));
            model_leave(x);
        }
    CHECK(mim_context_set_threads(context, 1) == MIM_OK);
}

/* ---- shared moments ---- */

/* All ranges, one after the other: whole cache lines, nothing left out. */
static void ranges(void)
{
    static const size_t sizes[] = { 0, 16, 32, 1600, 42320, (size_t)1 << 33 };
    for (int n = 1; n < 70; n += 1 + n / 4)
        for (int k = 0; k < COUNT(sizes); k++) {
            size_t at = 0, most = 0;
            for (int i = 0; i < n; i++) {
                char json[128];
                snprintf(json, sizeof json, "{\"optimizer\": {\"shards\": %d, \"shard\": %d}}", n, i);
                mim_optimizer *o = make_optimizer(json);
                struct mim__range r = mim__optimizer_range(o, sizes[k]);
                CHECK(r.first == at && r.first % 16 == 0 && mim__optimizer_shares(o) == (n > 1));
                at += r.count;
                most = zmax(most, r.count);
                mim_optimizer_destroy(o);
            }
            CHECK(at == sizes[k] && most <= sizes[k] / (size_t)n + 16);
        }
}

/* One update of `n` processes: each its own, then every range of weights is its owner's. */
static bool share(struct model *all[], int n, const struct kernels *k, uint32_t t)
{
    for (int i = 0; i < n; i++)
        step(all[i], k, t);
    for (int i = 0; i < n; i++) {
        struct mim__range r = mim__optimizer_range(all[i]->o, all[i]->elements);
        for (int to = 0; to < n; to++)
            if (to != i)
                memcpy(all[to]->w + r.first, all[i]->w + r.first, r.count * sizeof(float));
    }
    return true;
}

static void as_one_process(const char *kind, const char *more, int n)
{
    static struct model one, shards[7];
    struct model *all[7];
    char with[128];
    const struct kernels *k = mim__kernels_available()[0];
    if (!join(&one, rule(kind, more)))
        return;
    for (int i = 0; i < n; i++) {
        all[i] = &shards[i];
        snprintf(with, sizeof with, "%s, \"shards\": %d, \"shard\": %d", more, n, i);
        if (!join(all[i], rule(kind, with)))
            return;
    }
    for (uint32_t t = 0; t < 4; t++) {
        step(&one, k, t);
        share(all, n, k, t);
    }
    size_t size = strstr(more, "bf16") ? 2 : 4;
    for (int i = 0; i < n; i++) {
        struct mim__range r = mim__optimizer_range(all[i]->o, one.elements);
        CHECK(!memcmp(one.w, all[i]->w, sizeof one.w));
        for (int m = 0; m < mim__optimizer_moments(one.o); m++) {
            CHECK(!memcmp((const char *)one.m[m] + r.first * size, all[i]->m[m], r.count * size));
            CHECK(((const char *)all[i]->m[m])[r.count * size] == 0);
        }
        model_leave(all[i]);
    }
    model_leave(&one);
}

static void together_as_one(void)
{
    static const char *const kinds[] = { "adamw", "sgd", "lars" };
    static const int counts[] = { 1, 2, 3, 7 };
    for (int i = 0; i < COUNT(kinds); i++)
        for (int k = 0; k < COUNT(counts); k++) {
            as_one_process(kinds[i], "", counts[k]);
            as_one_process(kinds[i], ", \"moments\": \"bf16\"", counts[k]);
        }
}

static void refused(void)
{
    CHECK(optimizer_status("{\"optimizer\": {\"shards\": 4, \"shard\": 4}}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer\": {\"shard\": 1}}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer\": {\"shards\": 0}}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer\": {\"shard\": -1}}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer\": {\"moments\": \"f16\"}}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer\": {\"kind\": \"lamb\", \"shards\": 2}}") == MIM_ERR_VALUE);
    CHECK(optimizer_status("{\"optimizer\": {\"kind\": \"lars\", \"shards\": 2}}") == MIM_OK);
    CHECK(optimizer_status("{\"optimizer\": {\"kind\": \"none\", \"shards\": 2, \"shard\": 1}}") == MIM_OK);
}

int main(void)
{
    CHECK(mim_context_create(NULL, &context) == MIM_OK);
    TEST(as_rounded_by_hand); TEST(small_changes_are_kept); TEST(rules_follow_f32); TEST(any_threads);
    TEST(ranges); TEST(together_as_one); TEST(refused);
    mim_context_destroy(context);
    return test_end();
}
