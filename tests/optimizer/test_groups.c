/* SPDX-License-Identifier: MIT */
/* test_groups.c -- joining: layer decay, who is spared from weight decay, what describe says of it, joining twice. */
#include "optimizer/make.h"

static double get(const mim_config *report, int group, const char *what)
{
    char key[64];
    double value = -1;
    snprintf(key, sizeof key, "groups.%d.%s", group, what);
    CHECK(mim_config_get_f64(report, key, &value) == MIM_OK);
    return value;
}

static void check_names(const mim_config *report, int group, const char *expected)
{
    char key[64], text[512] = "";
    snprintf(key, sizeof key, "groups.%d.parameters", group);
    CHECK(mim_config_get_str(report, key, text, sizeof text, NULL) == MIM_OK);
    CHECK_TEXT(text, expected);
}

/* Scale of one parameter of layer `layer` out of `layers`. */
static double scale_of(double layer_decay, int layers, int layer)
{
    static struct model x;
    struct mim__slot slot = { .name = "w", .count = 1, .rank = 2, .layer = layer };
    mim_config *report = NULL;
    char json[64];
    snprintf(json, sizeof json, "{\"optimizer.layer_decay\": %g}", layer_decay);
    if (!model_join(&x, json, 1, &slot, layers, 0) || !CHECK(mim_optimizer_describe(x.o, &report) == MIM_OK))
        return -1;
    double scale = get(report, 0, "rate_scale");
    mim_config_destroy(report);
    model_leave(&x);
    return scale;
}

static void layer_decay(void)
{
    CHECK_NEAR(scale_of(0.65, 14, 0), .00369721, 5e-9);       /* ViT of 12 blocks */
    CHECK_NEAR(scale_of(0.65, 14, 12), .65, 1e-12);
    CHECK_NEAR(scale_of(0.65, 14, 13), 1, 0);
    CHECK_NEAR(scale_of(0.8, 26, 0), .00377789, 5e-9);        /* Swin of 2, 2, 18, 2 blocks */
    CHECK_NEAR(scale_of(0.8, 26, 4), .00922337, 5e-9);
    CHECK_NEAR(scale_of(0.8, 26, 22), .512, 1e-12);
    CHECK_NEAR(scale_of(0.8, 26, 25), 1, 0);
    CHECK_NEAR(scale_of(1, 14, 0), 1, 0);
    CHECK_NEAR(scale_of(0, 3, 1), 0, 0);
    CHECK_NEAR(scale_of(0.5, 1, 0), 1, 0);
}

static void groups_of_a_model(void)
{
    static struct model x;
    struct mim__slot slots[] = {
        { .name = "cls_token", .count = 4, .rank = 3, .layer = 0, .no_decay = true },
        { .name = "patch.weight", .count = 4, .rank = 2, .layer = 0 },
        { .name = "patch.bias", .count = 2, .rank = 1, .layer = 0 },
        { .name = "frozen.weight", .count = 2, .rank = 2, .layer = 1, .frozen = true },
        { .name = "blocks.0.weight", .count = 4, .rank = 2, .layer = 1 },
        { .name = "scale", .count = 1, .rank = 0, .layer = 2 },
        { .name = "head.weight", .count = 4, .rank = 4, .layer = 2 },
        { .name = "head.bias", .count = 1, .rank = 1, .layer = 2 },
    };
    mim_config *report = NULL;
    if (!model_join(&x, "{\"optimizer\": {\"layer_decay\": 0.5, \"decay\": 0.25}}", COUNT(slots), slots, 3, 0)
        || !CHECK(mim_optimizer_describe(x.o, &report) == MIM_OK))
        return;
    static const struct { double scale, decay; const char *names; } expected[] = {
        { .25, 0, "[\"cls_token\", \"patch.bias\"]" },
        { .25, .25, "[\"patch.weight\"]" },
        { .5, .25, "[\"blocks.0.weight\"]" },
        { 1, 0, "[\"scale\", \"head.bias\"]" },
        { 1, .25, "[\"head.weight\"]" },
    };
    for (int i = 0; i < COUNT(expected); i++) {
        CHECK(get(report, i, "rate_scale") == expected[i].scale);
        CHECK(get(report, i, "decay") == expected[i].decay);
        check_names(report, i, expected[i].names);
    }
    double value;
    CHECK(mim_config_get_f64(report, "groups.5.decay", &value) == MIM_ERR_KEY);
    mim_config_destroy(report);
    model_leave(&x);
}

/* What describe says is what the update does: gradient 0, so only decay moves a weight. */
static void decay_and_scale_are_applied(void)
{
    static struct model x;
    struct mim__slot slots[] = {
        { .name = "low", .count = 1, .rank = 2, .layer = 0 },
        { .name = "high", .count = 1, .rank = 2, .layer = 1 },
        { .name = "bias", .count = 1, .rank = 1, .layer = 1 },
        { .name = "token", .count = 1, .rank = 3, .no_decay = true },
    };
    if (!model_join(&x, "{\"optimizer\": {\"rate\": 0.5, \"layer_decay\": 0.5, \"decay\": 0.5}}", 4, slots, 2, 0))
        return;
    for (int i = 0; i < 4; i++)
        x.w[i] = 1;
    model_update(&x, 0);
    CHECK(x.w[0] == 0.875f && x.w[1] == 0.75f && x.w[2] == 1 && x.w[3] == 1);
    model_leave(&x);
}

static void joined_once_at_a_time(void)
{
    static struct model x;
    struct mim__slot slot = { .name = "w", .count = 2, .rank = 2 };
    if (!model_join(&x, "{}", 1, &slot, 1, 0))
        return;
    const struct mim__joining all = { 1, x.elements, 1, { x.m[0], x.m[1] } };
    CHECK(mim__optimizer_join(x.o, 1, &slot, &all) == MIM_ERR_STATE);
    x.g[0] = 1;
    model_update(&x, 0);
    CHECK(mim__optimizer_get(x.o).updates == 1 && x.w[0] != 0);
    mim__optimizer_leave(x.o);
    mim__optimizer_leave(x.o);
    CHECK(mim__optimizer_join(x.o, 1, &slot, &all) == MIM_OK);
    CHECK(mim__optimizer_get(x.o).updates == 0);
    model_leave(&x);
}

static void slots_within_the_gradients(void)
{
    mim_optimizer *o = make_optimizer("{}");
    float w[4] = { 0 };
    const struct mim__joining all = { 1, 4, 1, { w, w } };
    struct mim__slot slot = { .name = "w", .weight = w, .offset = 3, .count = 2, .rank = 1 };
    if (!o)
        return;
    CHECK(mim__optimizer_join(o, 1, &slot, &all) == MIM_ERR_SHAPE);
    slot.offset = SIZE_MAX;
    CHECK(mim__optimizer_join(o, 1, &slot, &all) == MIM_ERR_SHAPE);
    slot.offset = 2;
    CHECK(mim__optimizer_join(o, 1, &slot, &all) == MIM_OK);
    mim_optimizer_destroy(o);          /* while joined */
}

static void nothing_to_train(void)
{
    mim_optimizer *o = make_optimizer("{}");
    float w[2] = { 1, 1 }, g[2] = { 1, 1 };
    const struct mim__joining all = { 1, 2, 1, { w, w } };
    struct mim__slot slot = { .name = "w", .weight = w, .count = 2, .rank = 1, .frozen = true };
    mim_config *report = NULL;
    if (!o)
        return;
    for (int count = 0; count < 2; count++) {
        CHECK(mim__optimizer_join(o, count, &slot, &all) == MIM_OK);
        CHECK(mim__optimizer_norm(o, &plain, g) == 0);
        mim__optimizer_update(o, &plain, g, 0, 0);
        CHECK(w[0] == 1 && w[1] == 1);
        CHECK(mim_optimizer_describe(o, &report) == MIM_OK);
        mim_config_destroy(report);
        mim__optimizer_leave(o);
    }
    mim_optimizer_destroy(o);
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(layer_decay);
    TEST(groups_of_a_model);
    TEST(decay_and_scale_are_applied);
    TEST(joined_once_at_a_time);
    TEST(slots_within_the_gradients);
    TEST(nothing_to_train);
    mim_context_destroy(context);
    return test_end();
}
