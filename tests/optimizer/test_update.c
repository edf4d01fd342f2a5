/* SPDX-License-Identifier: MIT */
/* test_update.c -- norm, clipping and the pass over all weights: the same bits on any threads, frozen parameters and
 * padding left alone, gradients that are not finite seen. */
#include "optimizer/make.h"

static uint32_t noise(uint32_t i) { i = (i ^ 61) * 0x9E3779B9u; i ^= i >> 15; i *= 0x85EBCA6Bu; return i ^ i >> 13; }

/* Sizes around the size of a part, one frozen, one empty. */
static void big_model(struct mim__slot slots[7])
{
    static const size_t counts[7] = { 1, 16383, 16384, 0, 16385, 9000, 33001 };
    for (int i = 0; i < 7; i++)
        slots[i] = (struct mim__slot){ .name = &"abcdefg"[i], .count = counts[i], .rank = 1 + i % 3, .layer = i % 4,
                                       .frozen = i == 5 };
}

#define RULE "\"rate\": 0.01, \"warmup\": 2, \"steps\": 9, \"layer_decay\": 0.7, \"clip\": 3"
static bool run_big(struct model *x, const struct kernels *k, const char *kind, int threads)
{
    struct mim__slot slots[7];
    char json[200];
    big_model(slots);
    snprintf(json, sizeof json, "{\"optimizer\": {\"kind\": \"%s\", " RULE "}}", kind);
    CHECK(mim_context_set_threads(context, threads) == MIM_OK);
    if (!model_join(x, json, 7, slots, 4, 15))
        return false;
    for (size_t i = 0; i < x->elements; i++)
        x->w[i] = (float)(noise((uint32_t)i) % 2001) * 1e-3f - 1;
    for (int step = 0; step < 4; step++) {
        for (size_t i = 0; i < x->elements; i++)
            x->g[i] = (float)(noise((uint32_t)(i * 5 + (size_t)step)) % 2001) * 1e-3f - 1;
        mim__optimizer_update(x->o, k, x->g, mim__optimizer_norm(x->o, k, x->g), step);
    }
    model_leave(x);
    return true;
}

static void same_bits_on_any_threads(void)
{
    static struct model one, many;
    static const char *const kinds[] = { "adamw", "sgd", "lars", "lamb" };
    for (int k = 0; k < COUNT(kinds); k++) {
        if (!run_big(&one, &plain, kinds[k], 1))
            return;
        for (int threads = 2; threads <= 7; threads++) {
            if (!run_big(&many, &plain, kinds[k], threads))
                return;
            CHECK(!memcmp(one.w, many.w, sizeof one.w));
            CHECK(!memcmp(one.m, many.m, sizeof one.m));
        }
    }
    CHECK(mim_context_set_threads(context, 1) == MIM_OK);
}

/* Every instruction set of this machine comes to what the plain loops come to. */
static void kernels_of_this_machine(void)
{
    static struct model one, other;
    static const char *const kinds[] = { "adamw", "sgd", "lars", "lamb" };
    for (int k = 0; k < COUNT(kinds); k++)
        for (const struct kernels *const *isa = mim__kernels_available(); *isa; isa++) {
            if (!run_big(&one, &plain, kinds[k], 1) || !run_big(&other, *isa, kinds[k], 3))
                return;
            double worst = 0;
            for (size_t i = 0; i < one.elements; i++)
                worst = fmax(worst, fabs((double)one.w[i] - other.w[i]));
            CHECK_NEAR(worst, 0, 1e-6);
        }
    CHECK(mim_context_set_threads(context, 1) == MIM_OK);
}

/* The norm's own bits, by threads; and its value, frozen parameters and padding left out. */
static void norm(void)
{
    static struct model x;
    struct mim__slot slots[7];
    big_model(slots);
    if (!model_join(&x, "{}", 7, slots, 4, 15))
        return;
    for (size_t i = 0; i < x.elements; i++)
        x.g[i] = (float)(noise((uint32_t)i) % 2001) * 1e-3f - 1;
    double sum = 0, first = 0;
    for (int s = 0; s < 7; s++)
        for (size_t i = 0; i < slots[s].count && !slots[s].frozen; i++)
            sum += (double)x.g[slots[s].offset + i] * x.g[slots[s].offset + i];
    for (int threads = 1; threads <= 7; threads++) {
        CHECK(mim_context_set_threads(context, threads) == MIM_OK);
        double now = mim__optimizer_norm(x.o, &plain, x.g);
        CHECK_NEAR(now, sqrt(sum), 1e-9);
        CHECK(threads == 1 || now == first);
        first = now;
    }
    CHECK(mim_context_set_threads(context, 1) == MIM_OK);
    model_leave(&x);
}

static void norm_sees_what_is_not_finite(void)
{
    static struct model x;
    struct mim__slot slots[7];
    big_model(slots);
    if (!model_join(&x, "{}", 7, slots, 4, 15))
        return;
    static const size_t at[] = { 0, 1 + 15, 16383 + 15, 1 + 15 + 16383 + 15 + 16384 + 15 + 15 + 16384 };
    for (int i = 0; i < COUNT(at); i++) {
        static const float bad[] = { NAN, INFINITY, -INFINITY };
        for (int b = 0; b < 3; b++) {
            x.g[at[i]] = bad[b];
            CHECK(!isfinite(mim__optimizer_norm(x.o, &plain, x.g)));
            x.g[at[i]] = 0;
        }
    }
    CHECK(mim__optimizer_norm(x.o, &plain, x.g) == 0);
    x.g[slots[5].offset] = NAN;                                /* frozen */
    x.g[slots[6].offset + slots[6].count] = INFINITY;          /* padding */
    CHECK(mim__optimizer_norm(x.o, &plain, x.g) == 0);
    for (size_t i = 0; i < x.elements; i++)
        x.g[i] = 3e38f;
    CHECK(isfinite(mim__optimizer_norm(x.o, &plain, x.g)));
    model_leave(&x);
}

/* w -= g, so that what is taken off a weight is what was left of its gradient. */
#define DESCENT "\"kind\": \"sgd\", \"momentum\": 0, \"rate\": 1, \"decay\": 0, "

/* (3, -4, 12) clipped to norm 1, read off plain gradient steps. */
static void clipping(void)
{
    static struct model x;
    static const struct { const char *clip; double w[3]; } cases[] = {
        { "1", { -.230769213, .307692284, -.923076852 } }, { "0", { -3, 4, -12 } }, { "14", { -3, 4, -12 } },
        { "13", { -3, 4, -12 } }, { "6.5", { -1.5, 2, -6 } },
    };
    for (int c = 0; c < COUNT(cases); c++) {
        struct mim__slot slots[2] = { { .name = "a", .count = 2, .rank = 2 }, { .name = "b", .count = 1, .rank = 1 } };
        char json[160];
        snprintf(json, sizeof json, "{\"optimizer\": {" DESCENT "\"clip\": %s}}", cases[c].clip);
        if (!model_join(&x, json, 2, slots, 1, 0))
            return;
        x.g[0] = 3, x.g[1] = -4, x.g[2] = 12;
        model_update(&x, 0);
        for (int i = 0; i < 3; i++)
            CHECK_NEAR(x.w[i], cases[c].w[i], c ? 2e-6 : 1e-7);
        model_leave(&x);
    }
}

static void frozen_and_padding_stay(void)
{
    static struct model x;
    struct mim__slot slots[3] = { { .name = "a", .count = 3, .rank = 2 },
                                  { .name = "b", .count = 3, .rank = 2, .frozen = true },
                                  { .name = "c", .count = 3, .rank = 2 } };
    if (!model_join(&x, "{\"optimizer.rate\": 0.1}", 3, slots, 1, 2))
        return;
    for (size_t i = 0; i < x.elements; i++)
        x.w[i] = x.g[i] = 1;
    model_update(&x, 0);
    for (size_t i = 0; i < x.elements; i++) {
        bool trained = i < 3 || (i >= 10 && i < 13);
        CHECK((x.w[i] != 1) == trained);
        CHECK((x.m[0][i] != 0) == trained && (x.m[1][i] != 0) == trained);
    }
    model_leave(&x);
}

/* Each parameter has its own weights: two stores, in another order than the gradients. */
static void weights_in_several_stores(void)
{
    static struct model x;
    float encoder[2] = { 1, 1 }, head[1] = { 1 };
    x.o = make_optimizer("{\"optimizer\": {" DESCENT "\"clip\": 0}}");
    struct mim__slot slots[2] = { { .name = "head.w", .weight = head, .offset = 8, .count = 1, .rank = 1 },
                                  { .name = "encoder.w", .weight = encoder, .offset = 4, .count = 2, .rank = 2 } };
    if (!x.o || !CHECK(mim__optimizer_join(x.o, 2, slots, &(struct mim__joining){ 1, 9, 1, { NULL, NULL } }) == MIM_OK))
        return;
    x.g[4] = 0.25f, x.g[5] = 0.5f, x.g[8] = 2;
    model_update(&x, 0);
    CHECK(encoder[0] == 0.75f && encoder[1] == 0.5f && head[0] == -1);
    model_leave(&x);
}

static void rate_of_the_host(void)
{
    static struct model x;
    struct mim__slot slot = { .name = "w", .count = 1, .rank = 2 };
    if (!model_join(&x, "{\"optimizer\": {" DESCENT "\"clip\": 0}}", 1, &slot, 1, 0))
        return;
    x.g[0] = 1;
    double scheduled = 0;
    CHECK(mim_optimizer_set_rate(x.o, 0.25) == MIM_OK);
    CHECK(mim_optimizer_rate(x.o, 0, &scheduled) == MIM_OK && scheduled == 1);
    CHECK(mim__optimizer_rate_now(x.o, 0) == 0.25);
    model_update(&x, 0);
    CHECK(x.w[0] == -0.25f);
    CHECK(mim_optimizer_set_rate(x.o, 0) == MIM_OK);
    model_update(&x, 1);
    CHECK(x.w[0] == -0.25f);
    CHECK(mim_optimizer_set_rate(x.o, NAN) == MIM_ERR_VALUE);
    CHECK(mim_optimizer_set_rate(x.o, INFINITY) == MIM_ERR_VALUE);
    CHECK(mim_optimizer_set_rate(x.o, -INFINITY) == MIM_ERR_VALUE);
    CHECK(mim__optimizer_get(x.o).host_rate == 0);
    CHECK(mim_optimizer_set_rate(x.o, -3) == MIM_OK);
    CHECK(mim__optimizer_get(x.o).host_rate < 0);
    model_update(&x, 2);
    CHECK(x.w[0] == -1.25f);
    model_leave(&x);
}

static void none_does_nothing(void)
{
    static struct model x;
    struct mim__slot slot = { .name = "w", .count = 2, .rank = 2 };
    if (!model_join(&x, "{\"optimizer.kind\": \"none\"}", 1, &slot, 1, 0))
        return;
    CHECK(mim__optimizer_moments(x.o) == 0);
    x.g[0] = 3, x.g[1] = 4, x.w[0] = 1;
    CHECK(mim__optimizer_norm(x.o, &plain, x.g) == 5);
    model_update(&x, 0);
    CHECK(x.w[0] == 1 && x.w[1] == 0);
    model_leave(&x);
}

/* Stopping after two updates and going on in another optimizer gives what going on without a stop gives. */
static void resumed(const char *json)
{
    static struct model whole, first, second;
    struct mim__slot slot = { .name = "w", .count = 100, .rank = 2 };
    if (!model_join(&whole, json, 1, &slot, 1, 0)
        || !model_join(&first, json, 1, &slot, 1, 0)
        || !model_join(&second, json, 1, &slot, 1, 0))
        return;
    for (int step = 0; step < 4; step++) {
        struct model *now = step < 2 ? &first : &second;
        if (step == 2) {
            memcpy(second.w, first.w, sizeof second.w);
            memcpy(second.m, first.m, sizeof second.m);
            mim__optimizer_set(second.o, mim__optimizer_get(first.o));
        }
        for (int i = 0; i < 100; i++)
            whole.g[i] = now->g[i] = (float)(noise((uint32_t)(i + 100 * step)) % 100) - 50;
        model_update(&whole, step);
        model_update(now, step);
    }
    CHECK(!memcmp(whole.w, second.w, sizeof whole.w));
    CHECK(!memcmp(whole.m, second.m, sizeof whole.m));
    model_leave(&whole);
    model_leave(&first);
    model_leave(&second);
}

static void resumed_is_uninterrupted(void)
{
    resumed("{\"optimizer\": {" RULE "}}");
    resumed("{\"optimizer\": {\"kind\": \"lars\", " RULE "}}");
    resumed("{\"optimizer\": {\"kind\": \"lamb\", " RULE "}}");
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(same_bits_on_any_threads);
    TEST(kernels_of_this_machine);
    TEST(norm);
    TEST(norm_sees_what_is_not_finite);
    TEST(clipping);
    TEST(frozen_and_padding_stay);
    TEST(weights_in_several_stores);
    TEST(rate_of_the_host);
    TEST(none_does_nothing);
    TEST(resumed_is_uninterrupted);
    mim_context_destroy(context);
    return test_end();
}
