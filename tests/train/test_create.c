/* SPDX-License-Identifier: MIT */
/* test_create.c -- joining the four parts: who may be in how many trainers, what is frozen, which group a parameter is
 * in, what contradicts, and lives that end in any order. */
#include "train/make.h"

static mim_context *ctx;

static mim_status create(const char *json, mim_encoder *e, mim_head *h, mim_masker *m, mim_optimizer *o)
{
    mim_config *config = make_config(ctx, json);
    mim_trainer *t = NULL;
    mim_status status = mim_trainer_create(ctx, config, e, h, m, o, &t);
    CHECK(!status == !!t);
    mim_config_destroy(config);
    mim_trainer_destroy(t);
    return status;
}

#define SWIN "\"image\": {\"height\": 16, \"width\": 16}, \"encoder\": {\"kind\": \"swin\", \"depths\": [1, 1], \"window\": 2}"
static void contradictions(void)
{
    static const struct { const char *json; mim_status status; } cases[] = {
        { "{\"trainer\": {\"outputs\": [\"tokens\", \"block.3\"]}}", MIM_ERR_KEY },
        { "{\"trainer\": {\"outputs\": [\"logits\"]}}", MIM_ERR_KEY },
        { "{\"trainer\": {\"outputs\": [\"labels\"]}, \"head\": {\"kind\": \"classifier\", \"classes\": 3}}", MIM_ERR_KEY },
        { "{\"trainer\": {\"outputs\": [\"mask\"]}, \"head\": {\"kind\": \"classifier\", \"classes\": 3}}", MIM_ERR_KEY },
        { "{\"trainer\": {\"outputs\": [\"reconstruction\"]}, \"head\": {\"kind\": \"none\"}}", MIM_ERR_KEY },
        { "{\"trainer\": {\"outputs\": [\"pixels.gradient\"], \"gradients\": 0}}", MIM_ERR_KEY },
        { "{\"trainer\": {\"outputs\": [\"tokens\", \"block.2\", \"attention.1\", \"pooled\", \"mask\", \"picture\"]}}", MIM_OK },
        { "{\"trainer\": {\"frozen\": [\"encoder.blocks.2\"]}}", MIM_ERR_KEY },
        { "{\"trainer\": {\"frozen\": [\"encoder.block\"]}}", MIM_ERR_KEY },
        { "{\"trainer\": {\"frozen\": [\"blocks.0\"]}}", MIM_ERR_KEY },
        { "{\"trainer\": {\"evaluate\": \"average\"}}", MIM_ERR_VALUE },
        { "{\"image\": {\"height\": 13}}", MIM_ERR_SHAPE },
        { "{\"encoder\": {\"heads\": 3}}", MIM_ERR_VALUE },
        { "{\"encoder\": {\"mask_token\": 0}}", MIM_ERR_VALUE },
        { "{\"encoder\": {\"class_token\": 0, \"pool\": \"class\"}}", MIM_ERR_VALUE },
        { "{\"head\": {\"reduce\": 3}}", MIM_ERR_VALUE },
        { "{\"head\": {\"target\": \"window_norm\", \"window\": 4}}", MIM_ERR_VALUE },
        { "{\"masker\": {\"unit\": 8}}", MIM_ERR_SHAPE },
        { "{\"masker\": {\"unit\": 12}, " SWIN "}", MIM_ERR_SHAPE },
        { "{\"masker\": {\"unit\": 6}, " SWIN "}", MIM_ERR_SHAPE },
        { "{\"masker\": {\"unit\": 8}, " SWIN "}", MIM_OK },
        { "{\"masker\": {\"ratio\": 1}}", MIM_ERR_VALUE },
        { "{\"optimizer\": {\"warmup\": 9, \"steps\": 8}}", MIM_ERR_VALUE },
        { "{\"trainer\": {\"memory_budget\": 1000}}", MIM_ERR_BUDGET },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mim_status status = create(cases[i].json, NULL, NULL, NULL, NULL);
        if (!CHECK(status == cases[i].status))
            printf("%s: %s, %s\n", cases[i].json, mim_status_name(status), make_error(ctx));
    }
}

/* ---- frozen ---- */

static int frozen(const char *patterns, const char *name)
{
    char json[200];
    float before[16], after[16], slope[16];
    int same = 1;
    snprintf(json, sizeof json, "{\"trainer\": {\"frozen\": [%s]}, \"encoder\": {\"relative\": \"block\", \"layer_scale\": 0.5}}", patterns);
    mim_trainer *t = make_trainer(ctx, json);
    make_read(t, MIM_WEIGHTS, name, before, 16);
    for (int i = 0; i < 2; i++)
        OK(ctx, make_step(t, i));
    make_read(t, MIM_WEIGHTS, name, after, 16);
    make_read(t, MIM_GRADIENTS, name, slope, 16);
    same = !memcmp(before, after, sizeof before);
    for (int i = 0; i < 16 && same; i++)
        CHECK(slope[i] == 0);
    mim_trainer_destroy(t);
    return same;
}

static void freezing(void)
{
    CHECK(!frozen("", "encoder.blocks.0.mlp.fc1.weight"));
    CHECK(frozen("\"encoder.blocks.0.mlp.fc1.weight\"", "encoder.blocks.0.mlp.fc1.weight"));
    CHECK(!frozen("\"encoder.blocks.0.mlp.fc1.weight\"", "encoder.blocks.0.mlp.fc2.weight"));
    CHECK(frozen("\"encoder.blocks.0\"", "encoder.blocks.0.norm1.bias"));
    CHECK(!frozen("\"encoder.blocks.0\"", "encoder.blocks.1.norm1.bias"));
    CHECK(frozen("\"encoder.blocks.0.*\"", "encoder.blocks.0.attn.qkv.weight"));
    CHECK(frozen("\"*.norm1.*\"", "encoder.blocks.1.norm1.weight"));
    CHECK(!frozen("\"*.norm1.*\"", "encoder.blocks.1.norm2.weight"));
    CHECK(frozen("\"encoder\"", "encoder.pos_embed"));
    CHECK(!frozen("\"encoder\"", "head.decoder.0.weight"));
    CHECK(frozen("\"head\", \"*s.1*bias\"", "encoder.blocks.1.mlp.fc2.bias"));
    CHECK(!frozen("\"encoder.*.*.*.qkv*\"", "encoder.blocks.0.ls1.gamma"));
}

/* Fixed positions are frozen by themselves, and decay does not reach what is. */
static void fixed_positions(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"encoder\": {\"positions\": \"sincos\"}, \"optimizer\": {\"decay\": 10}}");
    float before[112], after[112];
    make_read(t, MIM_WEIGHTS, "encoder.pos_embed", before, 112);
    OK(ctx, make_step(t, 0));
    make_read(t, MIM_WEIGHTS, "encoder.pos_embed", after, 112);
    CHECK(!memcmp(before, after, sizeof before));
    for (int i = 0; i < 16; i++)
        CHECK(before[i] == 0);
    CHECK(before[16] == 0 && before[16 + 4] == 1);
    mim_trainer_destroy(t);
}

/* ---- groups ---- */

/* Scale and decay of the group that a parameter is in. */
static void group_of(const mim_config *r, const char *name, double *scale, double *decay)
{
    char key[64], list[4096], quoted[128];
    *scale = *decay = -1;
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    for (int g = 0; ; g++) {
        snprintf(key, sizeof key, "groups.%d.parameters", g);
        if (mim_config_get_str(r, key, list, sizeof list, NULL))
            return;
        if (!strstr(list, quoted))
            continue;
        CHECK(*scale == -1);
        snprintf(key, sizeof key, "groups.%d.rate_scale", g);
        mim_config_get_f64(r, key, scale);
        snprintf(key, sizeof key, "groups.%d.decay", g);
        mim_config_get_f64(r, key, decay);
    }
}

static void groups(void)
{
    static const struct { const char *name; double power; int decay; } cases[] = {
        { "encoder.cls_token", 3, 0 }, { "encoder.mask_token", 3, 0 }, { "encoder.pos_embed", 3, 0 },
        { "encoder.patch_embed.proj.weight", 3, 1 }, { "encoder.patch_embed.proj.bias", 3, 0 },
        { "encoder.blocks.0.attn.qkv.weight", 2, 1 }, { "encoder.blocks.0.attn.qkv.bias", 2, 0 }, { "encoder.blocks.0.norm1.weight", 2, 0 },
        { "encoder.blocks.1.mlp.fc2.weight", 1, 1 }, { "encoder.blocks.1.ls2.gamma", 1, 0 }, { "encoder.norm.weight", 0, 0 },
        { "encoder.rel_pos_bias.relative_position_bias_table", 0, 0 }, { "head.decoder.0.weight", 0, 1 }, { "head.decoder.0.bias", 0, 0 },
    };
    mim_trainer *t = make_trainer(ctx, "{\"encoder\": {\"relative\": \"shared\", \"layer_scale\": 0.1}, \"optimizer\": {\"layer_decay\": 0.5},"
                                       " \"trainer\": {\"frozen\": [\"encoder.blocks.1.norm2\"]}}");
    mim_optimizer *o = NULL;
    mim_config *r = NULL;
    double scale, decay;
    OK(ctx, mim_trainer_optimizer(t, &o));
    OK(ctx, mim_optimizer_describe(o, &r));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        group_of(r, cases[i].name, &scale, &decay);
        if (!CHECK(scale == pow(0.5, cases[i].power) && decay == (cases[i].decay ? 0.05 : 0)))
            printf("%s: %g, %g\n", cases[i].name, scale, decay);
    }
    group_of(r, "encoder.blocks.1.norm2.weight", &scale, &decay);
    CHECK(scale == -1);
    mim_config_destroy(r);
    mim_optimizer_destroy(o);
    mim_trainer_destroy(t);
}

/* ---- sharing ---- */

/* An optimizer in use is refused, and its trainer does not notice. */
static void one_optimizer(const char *kind)
{
    char json[100];
    snprintf(json, sizeof json, "{\"optimizer\": {%s}}", kind);
    mim_trainer *t = make_trainer(ctx, json), *u = make_trainer(ctx, json), *v = NULL;
    mim_config *config = make_config(ctx, json), *r = NULL;
    mim_optimizer *o = NULL;
    char text[4000];
    OK(ctx, mim_trainer_optimizer(t, &o));
    OK(ctx, make_step(t, 0));
    CHECK(create(json, NULL, NULL, NULL, o) == MIM_ERR_STATE);
    OK(ctx, mim_optimizer_describe(o, &r));
    CHECK(mim_config_get_str(r, "groups.0.parameters", text, sizeof text, NULL) == MIM_OK);
    mim_config_destroy(r);
    OK(ctx, make_step(t, 1));
    OK(ctx, make_step(u, 0));
    OK(ctx, make_step(u, 1));
    CHECK(make_same_state(t, u, MIM_STATE));
    mim_trainer_destroy(t);                                     /* then it is free again */
    OK(ctx, mim_trainer_create(ctx, config, NULL, NULL, NULL, o, &v));
    OK(ctx, make_step(v, 0));
    mim_optimizer_destroy(o);
    OK(ctx, make_step(v, 1));
    CHECK(make_same_state(v, u, MIM_WEIGHTS));
    mim_trainer_destroy(u);
    mim_trainer_destroy(v);
    mim_config_destroy(config);
}

static void optimizers(void)
{
    one_optimizer("\"kind\": \"adamw\"");
    one_optimizer("\"kind\": \"sgd\"");
    one_optimizer("\"kind\": \"sgd\", \"momentum\": 0");
    one_optimizer("\"kind\": \"none\"");
}

static void shared_encoder(void)
{
    mim_config *config = make_config(ctx, NULL), *classes = make_config(ctx, "{\"head\": {\"kind\": \"classifier\", \"classes\": 3}}");
    mim_encoder *e = NULL, *other = NULL;
    mim_head *h = NULL;
    mim_trainer *a = NULL, *b = NULL;
    const int64_t labels[] = { 0, 1, 2, 0 };
    float x[16], y[16];
    OK(ctx, mim_encoder_create(ctx, config, NULL, &e));
    OK(ctx, mim_encoder_create(ctx, config, NULL, &other));
    OK(ctx, mim_head_create(ctx, classes, e, NULL, &h));
    CHECK(create(NULL, other, h, NULL, NULL) == MIM_ERR_STATE);
    OK(ctx, mim_trainer_create(ctx, config, e, NULL, NULL, NULL, &a));
    OK(ctx, mim_trainer_create(ctx, classes, NULL, h, NULL, NULL, &b));
    OK(ctx, make_step(a, 0));
    make_read(a, MIM_WEIGHTS, "encoder.norm.bias", x, 16);
    make_read(b, MIM_WEIGHTS, "encoder.norm.bias", y, 16);
    CHECK(!memcmp(x, y, sizeof x) && x[0] != 0);
    OK(ctx, mim_trainer_set_input(b, "labels", MIM_I64, labels, 4));
    OK(ctx, make_step(b, 0));
    make_read(a, MIM_WEIGHTS, "encoder.norm.bias", y, 16);
    CHECK(memcmp(x, y, sizeof x));
    mim_trainer_destroy(a);
    mim_trainer_destroy(b);
    mim_head_destroy(h);
    mim_encoder_destroy(e);
    mim_encoder_destroy(other);
    mim_config_destroy(config);
    mim_config_destroy(classes);
}

static void maskers(void)
{
    mim_config *config = make_config(ctx, NULL), *larger = make_config(ctx, "{\"image\": {\"height\": 16}}");
    mim_masker *m = NULL, *wrong = NULL, *back = NULL;
    mim_trainer *t = NULL;
    mim_images images = make_images(0, 4);
    mim_tensors *outputs = NULL;
    uint8_t drawn[24], used[24];
    const int64_t ids[] = { 5, 6, 7, 8 };
    OK(ctx, mim_masker_create(ctx, config, &m));
    OK(ctx, mim_masker_create(ctx, larger, &wrong));
    CHECK(create(NULL, NULL, NULL, wrong, NULL) == MIM_ERR_SHAPE);
    OK(ctx, mim_trainer_create(ctx, config, NULL, NULL, m, NULL, &t));
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &outputs));
    OK(ctx, mim_trainer_step(t, &images, 2, ids));
    OK(ctx, mim_masker_draw(m, 2, ids, 4, drawn, 24));
    OK(ctx, mim_tensors_read(outputs, "mask", MIM_U8, 0, 24, used));
    CHECK(!memcmp(drawn, used, 24));
    OK(ctx, mim_trainer_masker(t, &back));
    CHECK(back == m);
    mim_masker_destroy(back);
    mim_masker_destroy(m);
    OK(ctx, mim_trainer_step(t, &images, 2, ids));
    mim_masker_destroy(wrong);
    mim_tensors_destroy(outputs);
    mim_trainer_destroy(t);
    mim_config_destroy(config);
    mim_config_destroy(larger);
    t = make_trainer(ctx, "{\"masker\": {\"kind\": \"host\"}}");
    CHECK(make_step(t, 0) == MIM_ERR_STATE);
    memset(used, 0, 24);
    used[3] = 1;
    OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, used, 24));
    OK(ctx, make_step(t, 0));
    CHECK_NEAR(make_metric(t, "hidden"), 1.0 / 24, 1e-12);
    mim_trainer_destroy(t);
}

/* ---- lives ---- */

/* Everything that a trainer has, destroyed in the order of a permutation; each is used after its elders are gone. */
static void any_order(void)
{
    for (int order = 0; order < 24; order++) {
        mim_context *own = make_context();
        mim_config *config = make_config(own, NULL), *r = NULL;
        mim_trainer *t = NULL;
        mim_encoder *e = NULL;
        mim_head *h = NULL;
        mim_optimizer *o = NULL;
        mim_tensors *v = NULL;
        mim_images images = make_images(0, 2);
        double rate;
        float x;
        OK(own, mim_trainer_create(own, config, NULL, NULL, NULL, NULL, &t));
        mim_config_destroy(config);
        OK(own, mim_trainer_encoder(t, &e));
        OK(own, mim_trainer_head(t, &h));
        OK(own, mim_trainer_optimizer(t, &o));
        OK(own, mim_trainer_tensors(t, MIM_GRADIENTS, NULL, &v));
        mim_context_destroy(own);
        for (int k = 0, left = order, gone = 0; k < 4; k++) {
            int pick = left % (4 - k), at = 0;
            left /= 4 - k;
            for (; gone >> at & 1 || pick--; at++)
                ;
            gone |= 1 << at;
            if (at == 0) mim_trainer_destroy(t);
            if (at == 1) mim_encoder_destroy(e);
            if (at == 2) mim_head_destroy(h);
            if (at == 3) mim_optimizer_destroy(o);
            if (!(gone & 2)) CHECK(mim_encoder_encode(e, &images, "pooled") == MIM_OK);
            if (!(gone & 4)) CHECK(mim_head_describe(h, &r) == MIM_OK), mim_config_destroy(r);
            if (!(gone & 8)) CHECK(mim_optimizer_rate(o, 0, &rate) == MIM_OK);
            if (!(gone & 1)) CHECK(make_step(t, k) == MIM_OK);
            CHECK(mim_tensors_read(v, "encoder.norm.bias", MIM_F32, 0, 1, &x) == MIM_OK);
        }
        mim_tensors_destroy(v);
    }
}

static void no_masker(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"head\": {\"kind\": \"none\"}}");
    mim_masker *m = NULL;
    CHECK(mim_trainer_masker(t, &m) == MIM_ERR_STATE && !m);
    mim_trainer_destroy(t);
}

int main(void)
{
    ctx = make_context();
    TEST(contradictions); TEST(freezing); TEST(fixed_positions); TEST(groups); TEST(optimizers); TEST(shared_encoder); TEST(maskers);
    TEST(any_order); TEST(no_masker);
    mim_context_destroy(ctx);
    return test_end();
}
