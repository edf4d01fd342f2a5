/* SPDX-License-Identifier: MIT */
/* test_encoder.c -- an encoder and its weights: there and back under every naming, what does not fit named, what a
 * config.json may not do, and how many parameters the published models have. Files go under argv[1] or build/tmp. */
#include "io/tensors.h"
#include "train/make.h"

#include <sys/stat.h>

static mim_context *ctx;
static const char *folder = "build/tmp";

static mim_encoder *make_encoder(const char *json)
{
    mim_config *config = make_config(ctx, json);
    mim_encoder *e = NULL;
    OK(ctx, mim_encoder_create(ctx, config, NULL, &e));
    mim_config_destroy(config);
    return e;
}

static void pooled(mim_encoder *e, const mim_images *images, float to[32])
{
    mim_tensors *v = NULL;
    OK(ctx, mim_encoder_encode(e, images, "pooled"));
    OK(ctx, mim_encoder_tensors(e, MIM_OUTPUTS, NULL, &v));
    OK(ctx, mim_tensors_read(v, "pooled", MIM_F32, 0, 32, to));
    mim_tensors_destroy(v);
}

/* Relative tables and scales that are zero or one would hide mistakes. */
static void stir(mim_encoder *e)
{
    mim_tensors *w = NULL;
    float *x;
    size_t n;
    char name[128];
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "mim", &w));
    for (int64_t i = 0; i < mim_tensors_count(w); i++) {
        mim_tensors_name(w, i, name, sizeof name, NULL);
        OK(ctx, mim_tensors_data(w, name, &x, &n));
        for (size_t k = 0; k < n; k++)
            x[k] += 0.3f * (float)sin(0.37 * (double)(k + 1) + (double)i);
    }
    mim_tensors_destroy(w);
}

/* ---- there and back ---- */

static const char *const variants[] = {
    "{}",
    "{\"encoder\": {\"class_token\": 0}}",
    "{\"encoder\": {\"pool\": \"mean\", \"norm\": 0, \"pool_norm\": 1, \"activation\": \"relu\"}}",
    "{\"encoder\": {\"relative\": \"shared\", \"positions\": \"none\", \"layer_scale\": 0.1, \"qkv_bias\": \"query_value\"}}",
    "{\"encoder\": {\"relative\": \"block\", \"qkv_bias\": \"query_value\", \"norm\": 0, \"pool_norm\": 1, \"pool\": \"mean\"}}",
    "{\"image\": {\"height\": 12, \"width\": 12}, \"encoder\": {\"relative\": \"block\", \"qkv_bias\": \"query_value\","
    " \"layer_scale\": 1, \"norm\": 0, \"pool_norm\": 1, \"pool\": \"mean\", \"positions\": \"none\"}}",
    "{\"image\": {\"height\": 12, \"width\": 12}, \"encoder\": {\"relative\": \"shared\", \"qkv_bias\": \"query_value\"}}",
    "{\"encoder\": {\"positions\": \"sincos\", \"qkv_bias\": \"none\", \"eps\": 1e-12, \"activation\": \"gelu_tanh\"}}",
};

/* Kept under a naming (as a file, or a folder whose texts of libmim are not there), opened, the features are the same. */
static void there_and_back(const char *json, const char *naming, int as_folder)
{
    mim_encoder *e = make_encoder(json), *back = NULL;
    mim_tensors *w = NULL, *file = NULL;
    mim_images images = make_images(0, 2);
    float a[32], b[32];
    char path[300];
    stir(e);
    pooled(e, &images, a);
    snprintf(path, sizeof path, "%s/test_encoder_%s%s", folder, naming, as_folder ? "" : ".safetensors");
    mim_status status = mim_encoder_tensors(e, MIM_WEIGHTS, naming, &w);
    if (!status)
        status = as_folder ? mim_tensors_save_folder(w, path) : mim_tensors_save(w, path);
    if (status) {                                               /* then the reason is told */
        CHECK(status == MIM_ERR_UNSUPPORTED && strlen(make_error(ctx)) > 20);
        CHECK(strcmp(naming, "mim"));
    } else {
        OK(ctx, mim_tensors_open(ctx, path, &file));
        if (OK(ctx, mim_encoder_create(ctx, NULL, file, &back))) {
            pooled(back, &images, b);
            for (int i = 0; i < 32; i++)
                if (!CHECK(fabs(a[i] - b[i]) <= 2e-5 * (1 + fabs(a[i])))) {
                    printf("%s as %s: %g, not %g\n", json, naming, b[i], a[i]);
                    break;
                }
        }
    }
    mim_tensors_destroy(file);
    mim_tensors_destroy(w);
    mim_encoder_destroy(back);
    mim_encoder_destroy(e);
}

static void namings(void)
{
    static const char *const names[] = { "mim", "timm", "huggingface" };
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        for (int k = 0; k < 3; k++) {
            there_and_back(variants[i], names[k], 0);
            if (k)
                there_and_back(variants[i], names[k], 1);
        }
}

static void refused_namings(void)
{
    mim_encoder *e = make_encoder("{\"encoder\": {\"layer_scale\": 0.1}}"), *f = make_encoder("{\"encoder\": {\"relative\": \"shared\"}}");
    mim_tensors *w = NULL;
    CHECK(mim_encoder_tensors(e, MIM_WEIGHTS, "huggingface", &w) == MIM_ERR_UNSUPPORTED && strstr(make_error(ctx), "a layer scale"));
    CHECK(mim_encoder_tensors(f, MIM_WEIGHTS, "huggingface", &w) == MIM_ERR_UNSUPPORTED && strstr(make_error(ctx), "relative positions"));
    CHECK(mim_encoder_tensors(e, MIM_WEIGHTS, "torch", &w) != MIM_OK && !w);
    CHECK(mim_encoder_tensors(e, MIM_GRADIENTS, NULL, &w) == MIM_ERR_ARGUMENT && !w);
    mim_encoder_destroy(e);
    mim_encoder_destroy(f);
}

/* Tensors that can be had under a naming, in a folder that cannot be written: an error of the folder alone. */
static void no_folder(void)
{
    mim_encoder *e = make_encoder("{\"encoder\": {\"eps\": 1e-5}}");
    mim_config *config = make_config(ctx, "{\"head\": {\"kind\": \"classifier\", \"features\": \"block.1\"}}");
    mim_trainer *t = NULL;
    mim_tensors *w[2] = { NULL, NULL };
    char before[600], path[300];
    OK(ctx, mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t));
    CHECK(mim_encoder_tensors(e, 99, NULL, &w[0]) == MIM_ERR_ARGUMENT);
    snprintf(before, sizeof before, "%s", make_error(ctx));
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "timm", &w[0]));
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "timm", &w[1]));
    CHECK(!strcmp(before, make_error(ctx)));
    snprintf(path, sizeof path, "%s/test_encoder_no_folder", folder);
    CHECK(mim_tensors_save_folder(w[0], path) == MIM_ERR_UNSUPPORTED && strstr(make_error(ctx), "encoder.eps"));
    CHECK(mim_tensors_save_folder(w[1], path) == MIM_ERR_UNSUPPORTED && strstr(make_error(ctx), "features of a block"));
    mim_tensors_destroy(w[0]);
    mim_tensors_destroy(w[1]);
    mim_trainer_destroy(t);
    mim_config_destroy(config);
    mim_encoder_destroy(e);
}

/* ---- what does not fit ---- */

/* A copy of the weights in a set of its own; one left out, one misshapen, one too many, as asked. */
static mim_tensors *copy_of(mim_encoder *e, const char *left_out, const char *misshapen, const char *more, const char *naming)
{
    mim_tensors *w = NULL, *set = NULL;
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, naming, &w));
    OK(ctx, mim_tensors_create(ctx, &set));
    for (int64_t i = 0; i < mim_tensors_count(w); i++) {
        char name[128];
        int32_t rank;
        int64_t shape[MIM_MAX_RANK];
        size_t n;
        mim_tensors_name(w, i, name, sizeof name, NULL);
        mim_tensors_info(w, name, NULL, &rank, shape, &n);
        float *x = calloc(n + 64, sizeof *x);
        mim_tensors_read(w, name, MIM_F32, 0, n, x);
        if (misshapen && !strcmp(name, misshapen))
            shape[0]++;
        if (!left_out || strcmp(name, left_out))
            OK(ctx, mim_tensors_add(set, name, MIM_F32, rank, shape, misshapen && !strcmp(name, misshapen) ? NULL : x));
        free(x);
    }
    if (more)
        OK(ctx, mim_tensors_add(set, more, MIM_F32, 1, (const int64_t[]){ 3 }, NULL));
    mim_tensors_destroy(w);
    return set;
}

static void misfits(void)
{
    mim_encoder *e = make_encoder(NULL), *back = NULL;
    mim_config *config = make_config(ctx, NULL), *r = NULL;
    char text[400];
    mim_tensors *set = copy_of(e, "blocks.1.mlp.fc1.bias", NULL, NULL, "timm");
    CHECK(mim_encoder_create(ctx, config, set, &back) == MIM_ERR_FORMAT && strstr(make_error(ctx), "blocks.1.mlp.fc1.bias"));
    mim_tensors_destroy(set);
    set = copy_of(e, NULL, "blocks.1.mlp.fc2.bias", NULL, "timm");
    CHECK(mim_encoder_create(ctx, config, set, &back) == MIM_ERR_SHAPE && !back);
    CHECK(strstr(make_error(ctx), "blocks.1.mlp.fc2.bias") && strstr(make_error(ctx), "[17]") && strstr(make_error(ctx), "[16]"));
    mim_tensors_destroy(set);
    set = copy_of(e, NULL, NULL, "fc_norm.surplus", "timm");
    OK(ctx, mim_encoder_create(ctx, config, set, &back));
    OK(ctx, mim_encoder_describe(back, &r));
    OK(ctx, mim_config_get_str(r, "weights.unused", text, sizeof text, NULL));
    CHECK_TEXT(text, "[\"fc_norm.surplus\"]");
    OK(ctx, mim_config_get_str(r, "weights.naming", text, sizeof text, NULL));
    CHECK_TEXT(text, "timm");
    mim_config_destroy(r);
    mim_encoder_destroy(back);
    back = NULL;
    OK(ctx, mim_config_set_i64(config, "encoder.width", 32));              /* keys of the host win, where the weights allow */
    CHECK(mim_encoder_create(ctx, config, set, &back) == MIM_ERR_SHAPE && !back);
    mim_tensors_destroy(set);
    mim_config_destroy(config);
    OK(ctx, mim_tensors_create(ctx, &set));
    CHECK(mim_encoder_create(ctx, NULL, set, &back) == MIM_ERR_FORMAT);
    CHECK(mim_config_from_tensors(set, &r) == MIM_ERR_FORMAT);
    mim_tensors_destroy(set);
    mim_encoder_destroy(e);
}

/* ---- another size ---- */

static void resized(void)
{
    mim_encoder *e = make_encoder("{\"image\": {\"height\": 16, \"width\": 16}, \"encoder\": {\"relative\": \"shared\"}}"), *back = NULL;
    mim_tensors *w = NULL;
    mim_config *config = NULL, *r = NULL;
    mim_images images = make_images(0, 2);
    char text[400];
    int64_t v;
    float x[32];
    stir(e);
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, NULL, &w));
    OK(ctx, mim_config_create(ctx, NULL, &config));
    OK(ctx, mim_encoder_create(ctx, config, w, &back));                     /* the same size */
    OK(ctx, mim_encoder_describe(back, &r));
    OK(ctx, mim_config_get_str(r, "weights.resized", text, sizeof text, NULL));
    CHECK(!strcmp(text, "[]"));
    mim_config_destroy(r);
    mim_encoder_destroy(back);
    OK(ctx, mim_config_read_json(config, "{\"image\": {\"height\": 24, \"width\": 20}}"));
    OK(ctx, mim_encoder_create(ctx, config, w, &back));
    OK(ctx, mim_encoder_describe(back, &r));
    OK(ctx, mim_config_get_str(r, "weights.resized", text, sizeof text, NULL));
    CHECK(strstr(text, "pos_embed") && strstr(text, "relative_position_bias_table"));
    OK(ctx, mim_config_get_i64(r, "grid.rows", &v));
    CHECK(v == 6);
    OK(ctx, mim_config_get_i64(r, "tokens", &v));
    CHECK(v == 31);
    pooled(back, &images, x);
    CHECK(isfinite(x[0]));
    mim_tensors_destroy(w);
    OK(ctx, mim_encoder_tensors(back, MIM_WEIGHTS, NULL, &w));              /* stored as they were */
    int64_t shape[MIM_MAX_RANK];
    OK(ctx, mim_tensors_info(w, "pos_embed", NULL, NULL, shape, NULL));
    CHECK(shape[1] == 17);
    mim_tensors_destroy(w);
    mim_config_destroy(r);
    mim_config_destroy(config);
    mim_encoder_destroy(back);
    mim_encoder_destroy(e);
}

/* A grid of tables of which only one side is said has the picture's other one: 3 x 2 patches. */
static void half_said(void)
{
    static const struct { const char *json; int64_t places; } cases[] = {
        { "{\"encoder\": {\"table_rows\": 5}}", 1 + 5 * 2 }, { "{\"encoder\": {\"table_cols\": 5}}", 1 + 3 * 5 },
        { "{}", 1 + 3 * 2 }, { "{\"encoder\": {\"table_rows\": 4, \"table_cols\": 5}}", 1 + 4 * 5 },
    };
    for (int i = 0; i < 4; i++) {
        mim_encoder *e = make_encoder(cases[i].json);
        mim_tensors *w = NULL;
        int64_t shape[MIM_MAX_RANK];
        OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, NULL, &w));
        OK(ctx, mim_tensors_info(w, "pos_embed", NULL, NULL, shape, NULL));
        CHECK(shape[1] == cases[i].places);
        mim_tensors_destroy(w);
        mim_encoder_destroy(e);
    }
}

/* ---- hostile configurations ---- */

static void hostile(void)
{
    static const char *const texts[] = {
        "", "[]", "{", "null", "7", "\"x\"", "{\"model_type\": 5}", "{\"model_type\": \"bert\"}", "{\"image_size\": \"x\"}",
        "{\"image_size\": -4}", "{\"image_size\": 2147483647}", "{\"image_size\": 65536}", "{\"image_size\": 1e300}", "{\"image_size\": []}", "{\"image_size\": [1]}",
        "{\"image_size\": [[1], 2]}", "{\"img_size\": {\"a\": 1}}", "{\"num_attention_heads\": 0}", "{\"num_attention_heads\": -1}",
        "{\"num_attention_heads\": \"two\"}", "{\"num_attention_heads\": 9223372036854775807}", "{\"layer_norm_eps\": \"big\"}",
        "{\"layer_norm_eps\": -1, \"num_attention_heads\": 2}", "{\"hidden_act\": 3, \"num_attention_heads\": 2}", "{\"hidden_act\": \"tanh\", \"num_attention_heads\": 2}",
        "{\"architecture\": 5}", "{\"architecture\": \"vit_tiny_patch16\", \"model_args\": 7}", "{\"pretrained_cfg\": {\"input_size\": [3]}}",
        "{\"pretrained_cfg\": {\"input_size\": [\"a\", {}, []]}}", "{\"pretrained_cfg\": {\"mean\": [\"x\"]}, \"model_args\": {\"num_heads\": 2}}",
        "{\"pretrained_cfg\": {\"mean\": [1e999]}, \"num_attention_heads\": 2}", "{\"global_pool\": \"map\", \"num_attention_heads\": 2, \"num_heads\": 2}",
        "{\"model_type\": \"vit\", \"model_type\": \"vit\"}",
    };
    mim_encoder *e = make_encoder(NULL);
    static const char *const namings_of[] = { "timm", "huggingface" };
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            mim_tensors *set = copy_of(e, NULL, NULL, NULL, namings_of[k]);
            mim_encoder *back = NULL;
            mim_config *config = NULL;
            OK(ctx, mim_tensors_set_text(set, "config.json", texts[i]));
            mim_status status = mim_encoder_create(ctx, NULL, set, &back);
            CHECK(!status == !!back);
            status = mim_config_from_tensors(set, &config);
            CHECK(!status == !!config);
            mim_encoder_destroy(back);
            mim_config_destroy(config);
            mim_tensors_destroy(set);
        }
    char *deep = malloc(200001);
    memset(deep, '[', 200000);
    deep[200000] = 0;
    mim_tensors *set = copy_of(e, NULL, NULL, NULL, "timm");
    mim_encoder *back = NULL;
    OK(ctx, mim_tensors_set_text(set, "config.json", deep));
    CHECK(mim_encoder_create(ctx, NULL, set, &back) == MIM_ERR_FORMAT);
    mim_tensors_destroy(set);
    free(deep);
    mim_encoder_destroy(e);
}

/* Files of a few hundred bytes that claim much: refused, and no memory goes to the claim. */
static void claims(void)
{
    mim_context *own = make_context(), *outer = ctx;
    mim_tensors *set = NULL;
    mim_encoder *e = NULL;
    mim_config *config = NULL, *facts = NULL;
    const int64_t empty[] = { 0, 3, (int64_t)1 << 62, (int64_t)1 << 62 }, small[] = { 4, 3, 4, 4 }, places[] = { 1, 16, 1 };
    ctx = own;
    for (int i = 0; i < 2; i++) {
        OK(ctx, mim_tensors_create(ctx, &set));
        OK(ctx, mim_tensors_add(set, "patch_embed.proj.weight", MIM_F32, 4, i ? small : empty, NULL));
        OK(ctx, mim_tensors_add(set, "blocks.0.norm1.weight", MIM_F32, 1, small, NULL));
        OK(ctx, mim_tensors_add(set, "blocks.0.mlp.fc1.weight", MIM_F32, 2, small, NULL));
        OK(ctx, mim_tensors_add(set, "pos_embed", MIM_F32, 3, places, NULL));
        if (i)
            OK(ctx, mim__tensors_put_text(set, "mim.config", "{\"encoder\": {\"width\": 2048, \"depth\": 24, \"heads\": 16}}"));
        OK(ctx, mim_config_create(ctx, NULL, &config));
        OK(ctx, mim_config_set_i64(config, "encoder.patch", 16));
        OK(ctx, mim_config_set_i64(config, "encoder.width", i ? 2048 : 16));
        CHECK(mim_encoder_create(ctx, config, set, &e) != MIM_OK);
        mim_config_destroy(config);
        mim_tensors_destroy(set);
    }
    int64_t peak = 0;
    OK(ctx, mim_context_describe(ctx, &facts));
    OK(ctx, mim_config_get_i64(facts, "bytes.peak", &peak));
    CHECK(peak < 4 << 20);
    mim_config_destroy(facts);
    ctx = outer;
    mim_context_destroy(own);
}

static void huge_tables(void)
{
    static const char *const jsons[] = {
        "{\"encoder\": {\"table_rows\": 65536, \"table_cols\": 65536}}", "{\"encoder\": {\"table_rows\": 65536, \"table_cols\": 65536, \"relative\": \"shared\"}}",
        "{\"image\": {\"height\": 16384, \"width\": 16384}, \"encoder\": {\"patch\": 1, \"width\": 16, \"relative\": \"block\"}}",
    };
    for (int i = 0; i < 3; i++) {
        mim_config *config = make_config(ctx, jsons[i]);
        mim_encoder *e = NULL;
        mim_status status = mim_encoder_create(ctx, config, NULL, &e);
        if (!CHECK(status && !e))
            printf("%s\n", jsons[i]);
        mim_encoder_destroy(e);
        mim_config_destroy(config);
    }
}

/* ---- published sizes ---- */

static void parameters(void)
{
    static const struct { const char *preset; int64_t with_head; } all[] = {
        { "vit_tiny", 5717416 }, { "vit_small", 22050664 }, { "vit_base", 86567656 }, { "vit_large", 304326632 }, { "vit_huge", 632045800 },
        { "simmim_vit_base", 86256720 },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        mim_config *config = NULL, *plan = NULL;
        int64_t v = 0;
        OK(ctx, mim_config_create(ctx, all[i].preset, &config));
        OK(ctx, mim_config_set_i64(config, "trainer.batch", 1));
        OK(ctx, mim_trainer_plan(ctx, config, &plan));
        OK(ctx, mim_config_get_i64(plan, "parameters", &v));
        if (!CHECK(v == all[i].with_head))
            printf("%s: %lld\n", all[i].preset, (long long)v);
        mim_config_destroy(plan);
        mim_config_destroy(config);
    }
}

int main(int argc, char **argv)
{
    folder = argc > 1 ? argv[1] : folder;
    mkdir("build", 0777);
    mkdir(folder, 0777);
    ctx = make_context();
    TEST(namings); TEST(refused_namings); TEST(no_folder); TEST(misfits); TEST(resized); TEST(half_said);
    TEST(hostile); TEST(claims); TEST(huge_tables); TEST(parameters);
    mim_context_destroy(ctx);
    return test_end();
}
