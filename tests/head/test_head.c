/* SPDX-License-Identifier: MIT */
/* test_head.c -- heads of each kind: what they describe, their weights there and back, what they refuse. */
#include "train/make.h"

static mim_context *ctx;

static mim_encoder *make_encoder(void)
{
    mim_config *config = make_config(ctx, NULL);
    mim_encoder *e = NULL;
    OK(ctx, mim_encoder_create(ctx, config, NULL, &e));
    mim_config_destroy(config);
    return e;
}

static mim_head *make_head(mim_encoder *e, const char *json)
{
    mim_config *config = make_config(ctx, json);
    mim_head *h = NULL;
    OK(ctx, mim_head_create(ctx, config, e, NULL, &h));
    mim_config_destroy(config);
    return h;
}

static void described(void)
{
    static const struct { const char *json; int64_t parameters; const char *inputs, *outputs; } all[] = {
        { "{\"head\": {\"kind\": \"pixels\"}}", 48 * 17, "[\"pixels\",\"mask\"]", "prediction" },
        { "{\"head\": {\"kind\": \"pixels\", \"layers\": 2, \"hidden\": 8, \"reduce\": 2}}", 8 * 17 + 12 * 9, "[\"pixels\",\"mask\"]", "picture" },
        { "{\"head\": {\"kind\": \"pixels\", \"loss\": \"host\"}}", 48 * 17, "gradient", "prediction" },
        { "{\"head\": {\"kind\": \"pixels\", \"target\": \"host\"}}", 48 * 17, "target", "loss" },
        { "{\"head\": {\"kind\": \"classifier\", \"classes\": 5}}", 5 * 17, "labels", "logits" },
        { "{\"head\": {\"kind\": \"classifier\", \"classes\": 5, \"mixture\": 1}}", 5 * 17, "mixture", "logits" },
        { "{\"head\": {\"kind\": \"classifier\", \"classes\": 5, \"batch_norm\": 1}}", 5 * 17 + 32, "labels", "logits" },
        { "{\"head\": {\"kind\": \"tokens\", \"classes\": 5}}", 5 * 17, "labels", "logits" },
        { "{\"head\": {\"kind\": \"tokens\", \"classes\": 5, \"target\": \"clusters\", \"masked\": 0}}", 5 * 17 + 15, "[\"pixels\"]", "logits" },
        { "{\"head\": {\"numbers\": 2, \"target\": \"host\", \"masked\": 0}}", 2 * 17, "target", "prediction" },
        { "{\"head\": {\"kind\": \"none\"}}", 0, "gradient", "tokens" },
    };
    mim_encoder *e = make_encoder();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        mim_head *h = make_head(e, all[i].json);
        mim_config *r = NULL;
        char text[400] = "";
        int64_t v = -1;
        OK(ctx, mim_head_describe(h, &r));
        OK(ctx, mim_config_get_i64(r, "parameters", &v));
        CHECK(v == all[i].parameters);
        OK(ctx, mim_config_get_str(r, "inputs", text, sizeof text, NULL));
        if (all[i].inputs[0] != '[' && !CHECK(strstr(text, all[i].inputs)))
            printf("%s\n", text);
        OK(ctx, mim_config_get_str(r, "outputs", text, sizeof text, NULL));
        CHECK(strstr(text, all[i].outputs));
        mim_config_destroy(r);
        mim_head_destroy(h);
    }
    mim_encoder_destroy(e);
}

/* Every name that describe lists is there in a trainer. */
static void names_are_true(void)
{
    static const char *const heads[] = { "\"kind\": \"pixels\", \"target\": \"host\"", "\"kind\": \"pixels\", \"loss\": \"host\"", "\"kind\": \"none\"",
                                         "\"kind\": \"classifier\", \"classes\": 3", "\"kind\": \"classifier\", \"mixture\": 1",
                                         "\"kind\": \"classifier\", \"batch_norm\": 1", "\"kind\": \"tokens\"",
                                         "\"kind\": \"tokens\", \"masked\": 0, \"target\": \"bins\"", "\"target\": \"edges\"" };
    for (int i = 0; i < 9; i++) {
        char json[140], list[2][400], name[100];
        snprintf(json, sizeof json, "{\"head\": {%s}}", heads[i]);
        mim_trainer *t = make_trainer(ctx, json);
        mim_head *h = NULL;
        mim_config *r = NULL;
        mim_tensors *view[2] = { NULL, NULL };
        OK(ctx, mim_trainer_head(t, &h));
        OK(ctx, mim_head_describe(h, &r));
        OK(ctx, mim_config_get_str(r, "inputs", list[0], 400, NULL));
        OK(ctx, mim_config_get_str(r, "outputs", list[1], 400, NULL));
        OK(ctx, mim_trainer_tensors(t, MIM_INPUTS, NULL, &view[0]));
        OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &view[1]));
        for (int k = 0; k < 2; k++) {
            int64_t listed = 0;
            for (char *at = list[k]; (at = strchr(at, '"')); at++, listed++) {
                size_t n = strcspn(at + 1, "\"");
                snprintf(name, sizeof name, "%.*s", (int)n, at + 1);
                if (!CHECK(mim_tensors_info(view[k], name, NULL, NULL, NULL, NULL) == MIM_OK))
                    printf("%s: %s\n", heads[i], name);
                at += n + 1;
            }
            if (!CHECK(listed == mim_tensors_count(view[k])))
                printf("%s: %s\n", heads[i], list[k]);
            mim_tensors_destroy(view[k]);
        }
        mim_config_destroy(r);
        mim_head_destroy(h);
        mim_trainer_destroy(t);
    }
}

/* A head's own weights, saved alone, make the same head, under every naming that has it. */
static void alone(void)
{
    static const struct { const char *json, *naming; } all[] = {
        { "{\"head\": {\"kind\": \"pixels\", \"layers\": 2, \"reduce\": 2}}", "mim" }, { "{\"head\": {\"kind\": \"pixels\"}}", "huggingface" },
        { "{\"head\": {\"kind\": \"classifier\", \"classes\": 3}}", "mim" }, { "{\"head\": {\"kind\": \"classifier\", \"classes\": 3}}", "timm" },
        { "{\"head\": {\"kind\": \"classifier\", \"classes\": 3}}", "huggingface" },
    };
    mim_encoder *e = make_encoder();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        mim_head *h = make_head(e, all[i].json), *back = NULL;
        mim_tensors *w = NULL, *file = NULL, *again = NULL;
        size_t needed = 0, n, m;
        OK(ctx, mim_head_tensors(h, MIM_WEIGHTS, all[i].naming, &w));
        OK(ctx, mim_tensors_save_memory(w, NULL, 0, &needed));
        char *data = malloc(needed);
        OK(ctx, mim_tensors_save_memory(w, data, needed, NULL));
        OK(ctx, mim_tensors_open_memory(ctx, data, needed, &file));
        if (OK(ctx, mim_head_create(ctx, NULL, e, file, &back))) {
            OK(ctx, mim_head_tensors(back, MIM_WEIGHTS, all[i].naming, &again));
            double *a = make_dump(w, &n), *b = make_dump(again, &m);
            CHECK(make_same(a, n, b, m) && n > 10);
            free(a);
            free(b);
        }
        mim_tensors_destroy(again);
        mim_tensors_destroy(file);
        mim_tensors_destroy(w);
        free(data);
        mim_head_destroy(back);
        mim_head_destroy(h);
    }
    mim_encoder_destroy(e);
}

static void refused(void)
{
    mim_encoder *e = make_encoder();
    mim_config *pixels = make_config(ctx, NULL), *classes = make_config(ctx, "{\"head\": {\"kind\": \"classifier\", \"classes\": 3}}");
    mim_tensors *w = NULL, *v = NULL;
    mim_head *h = NULL;
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, NULL, &w));                 /* an encoder alone */
    CHECK(mim_head_create(ctx, pixels, e, w, &h) == MIM_ERR_FORMAT && !h);
    mim_tensors_destroy(w);
    w = NULL;
    OK(ctx, mim_head_create(ctx, classes, e, NULL, &h));
    OK(ctx, mim_head_tensors(h, MIM_WEIGHTS, NULL, &w));
    mim_head *other = NULL;
    CHECK(mim_head_create(ctx, pixels, e, w, &other) == MIM_ERR_FORMAT && !other);
    OK(ctx, mim_config_set_i64(classes, "head.classes", 4));
    CHECK(mim_head_create(ctx, classes, e, w, &other) == MIM_ERR_SHAPE && strstr(make_error(ctx), "classifier"));
    CHECK(mim_head_tensors(h, MIM_OUTPUTS, NULL, &v) == MIM_ERR_ARGUMENT && !v);
    mim_tensors_destroy(w);
    mim_head_destroy(h);
    mim_config_destroy(pixels);
    mim_config_destroy(classes);
    mim_encoder_destroy(e);
}

/* A classifier of transformers that was trained with another loss than cross-entropy. */
static void other_problems(void)
{
    static const struct { int classes; const char *problem, *kind; } all[] = {
        { 1, "null", "none" }, { 3, "\"multi_label_classification\"", "none" },
        { 3, "\"single_label_classification\"", "classifier" }, { 3, "null", "classifier" },
    };
    char json[200];
    mim_encoder *e = make_encoder();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        mim_tensors *w = NULL, *set = NULL;
        mim_config *config = NULL;
        OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "huggingface", &w));
        set = make_blank(ctx, w);
        OK(ctx, mim_tensors_add(set, "classifier.weight", MIM_F32, 2, (const int64_t[]){ all[i].classes, 16 }, NULL));
        snprintf(json, sizeof json, "{\"model_type\": \"vit\", \"num_attention_heads\": 2, \"image_size\": [12, 8],"
                 " \"problem_type\": %s}", all[i].problem);
        OK(ctx, mim_tensors_set_text(set, "config.json", json));
        OK(ctx, mim_config_from_tensors(set, &config));
        OK(ctx, mim_config_get_str(config, "head.kind", json, sizeof json, NULL));
        CHECK_TEXT(json, all[i].kind);
        mim_config_destroy(config);
        mim_tensors_destroy(set);
        mim_tensors_destroy(w);
    }
    mim_encoder_destroy(e);
}

int main(void)
{
    ctx = make_context();
    TEST(described); TEST(names_are_true); TEST(alone); TEST(refused); TEST(other_problems);
    mim_context_destroy(ctx);
    return test_end();
}
