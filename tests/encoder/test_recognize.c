/* SPDX-License-Identifier: MIT */
/* test_recognize.c -- models that share the names of ours are refused, by what config.json says or by a tensor of theirs;
 * tensors that change nothing are not. Ratios, names and reasons on the way out. Files go under argv[1] or build/tmp. */
#include "train/make.h"

#include <sys/stat.h>

static mim_context *ctx;
static char folder[512] = "build/tmp";
static const char beit[] =
    "{\"encoder\": {\"relative\": \"block\", \"qkv_bias\": \"query_value\", \"positions\": \"none\"}}";

static mim_encoder *make_encoder(const char *json)
{
    mim_config *config = make_config(ctx, json);
    mim_encoder *e = NULL;
    OK(ctx, mim_encoder_create(ctx, config, NULL, &e));
    mim_config_destroy(config);
    return e;
}

/* Weights as another library's file would hold them, with config.json and one tensor more, where they are given. */
static mim_tensors *foreign(const char *json, const char *naming, const char *config_json, const char *more)
{
    mim_encoder *e = make_encoder(json);
    mim_tensors *w = NULL, *set = NULL;
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, naming, &w));
    set = make_blank(ctx, w);
    if (more)
        OK(ctx, mim_tensors_add(set, more, MIM_F32, 1, (const int64_t[]){ 3 }, NULL));
    if (config_json)
        OK(ctx, mim_tensors_set_text(set, "config.json", config_json));
    mim_tensors_destroy(w);
    mim_encoder_destroy(e);
    return set;
}

static mim_status open_one(const char *json, const char *naming, const char *config_json, const char *more)
{
    mim_tensors *set = foreign(json, naming, config_json, more);
    mim_config *config = make_config(ctx, "{\"encoder\": {\"heads\": 2}}");
    mim_encoder *e = NULL;
    mim_status status = mim_encoder_create(ctx, config, set, &e);
    mim_encoder_destroy(e);
    mim_config_destroy(config);
    mim_tensors_destroy(set);
    return status;
}

static void by_config(void)
{
    static const char *const refused[] = {
        "{\"model_type\": \"data2vec-vision\"}", "{\"model_type\": \"vit_hybrid\"}",
        "{\"architecture\": \"swinv2_cr_tiny_224\"}",
        "{\"architecture\": \"eva02_tiny_patch14_224\"}", "{\"architecture\": \"vit_base_patch16_rpn_224\"}",
        "{\"architecture\": \"vit_small_patch16_rope_224\"}", "{\"architecture\": \"vit_small_patch16_dinov3\"}",
        "{\"architecture\": \"vit_tiny_patch16_224\", \"model_args\": {\"pool_include_prefix\": true}}",
        "{\"architecture\": \"eva_giant_patch14_224\", \"model_args\": {\"use_rot_pos_emb\": true}}",
        "{\"architecture\": \"eva_giant_patch14_224\", \"use_post_norm\": true}",
        "{\"architecture\": \"swinv2_tiny_window8_256\", \"model_args\": {\"always_partition\": true}}",
        "{\"architecture\": \"vit_tiny_patch16_224\", \"global_pool\": \"map\"}",
    };
    static const char *const taken[] = {
        "{\"model_type\": \"vit\"}", "{\"model_type\": \"vit_mae\"}", "{\"architecture\": \"vit_tiny_patch16_224\"}",
        "{\"architecture\": \"deit3_small_patch16_224\"}",
        "{\"architecture\": \"vit_tiny_patch16_224\", \"model_args\": {\"pool_include_prefix\": false}}",
    };
    for (int i = 0; i < (int)(sizeof refused / sizeof *refused); i++)
        if (!CHECK(open_one(NULL, "timm", refused[i], NULL) == MIM_ERR_UNSUPPORTED))
            printf("%s\n", refused[i]);
    for (int i = 0; i < (int)(sizeof taken / sizeof *taken); i++)
        OK(ctx, open_one(NULL, "timm", taken[i], NULL));
    CHECK(open_one(NULL, "huggingface", "{\"model_type\": \"dinov2\"}", NULL) == MIM_ERR_UNSUPPORTED);
    CHECK(strstr(make_error(ctx), "dinov2") != NULL);
    CHECK(open_one(beit, "huggingface", "{\"model_type\": \"beit\", \"image_size\": [12, 8]}", NULL) == MIM_ERR_UNSUPPORTED);
    CHECK(strstr(make_error(ctx), "3x2 patches") != NULL);
}

/* What no tensor tells of a model with a norm of its pooled features. */
static void told(void)
{
    static const char pooled[] =
        "{\"encoder\": {\"positions\": \"none\", \"pool\": \"mean\", \"norm\": 0, \"pool_norm\": 1}}";
    static const struct { const char *config_json, *key, *value; } all[] = {
        { "\"vit_tiny_patch16_224\"", "pool", "mean" },
        { "\"vit_tiny_patch16_224\", \"global_pool\": \"token\"", "pool", "class" },
        { "\"vit_tiny_patch16_224\", \"model_args\": {\"fc_norm\": true}", "pool", "class" },
        { "\"vit_tiny_patch16_224\", \"model_args\": {\"fc_norm\": true, \"global_pool\": \"avg\"}", "pool", "mean" },
        { "\"vit_tiny_patch16_clip_224\", \"model_args\": {\"norm_layer\": \"layernorm\"}", "eps", "1e-06" },
        { "\"eva_giant_patch14_224\", \"model_args\": {\"fc_norm\": true}", "pool", "mean" },
        { "\"vit_base_patch16_224\"", "heads", "12" }, { "\"vit_base_patch16_gap_224\"", "heads", "16" },
        { "\"flexivit_small\"", "heads", "6" }, { "\"vit_base_patch16_clip_224\"", "eps", "1e-05" },
        { "\"eva_giant_patch14_clip_224\"", "eps", "1e-06" },
        { "\"vit_tiny_patch16_clip_224\", \"model_args\": {\"fc_norm\": true}", "pool", "class" },
        { "\"beit_base_patch16_224\", \"model_args\": {\"fc_norm\": true}", "pool", "mean" },
        { "\"beitv2_base_patch16_224\", \"global_pool\": \"token\"", "pool", "class" },
        { "\"vit_tiny_patch16_224\", \"model_args\": {\"act_layer\": \"gelu_fast\"}", "activation", "gelu_tanh" },
    };
    for (int i = 0; i < (int)(sizeof all / sizeof *all); i++) {
        char json[256], key[64], value[64] = "";
        snprintf(json, sizeof json, "{\"architecture\": %s}", all[i].config_json);
        snprintf(key, sizeof key, "encoder.%s", all[i].key);
        mim_tensors *set = foreign(pooled, "timm", json, NULL);
        mim_config *config = NULL;
        OK(ctx, mim_config_from_tensors(set, &config));
        OK(ctx, mim_config_get_str(config, key, value, sizeof value, NULL));
        if (!CHECK(!strcmp(value, all[i].value)))
            printf("%s: %s is %s\n", json, key, value);
        mim_config_destroy(config);
        mim_tensors_destroy(set);
    }
}

/* A model of other names altogether is called what config.json calls it. */
static void by_config_alone(void)
{
    mim_tensors *set = NULL;
    mim_config *config = NULL;
    OK(ctx, mim_tensors_create(ctx, &set));
    OK(ctx, mim_tensors_set_text(set, "config.json", "{\"model_type\": \"swin2sr\"}"));
    CHECK(mim_config_from_tensors(set, &config) == MIM_ERR_UNSUPPORTED && strstr(make_error(ctx), "swin2sr"));
    mim_tensors_destroy(set);
}

static void by_tensors(void)
{
    static const char *const refused[] = { "reg_token", "dist_token", "norm_pre.weight", "attn_pool.latent",
                                           "shared_rel_pos.mlp.fc1.weight",
                                           "blocks.0.attn.q_norm.weight",
                                           "blocks.1.mlp.norm.bias", "blocks.0.gamma", "patch_embed.backbone.conv.weight" };
    static const char *const taken[] = { "head.weight", "fc_norm.surplus", "mine.weight", "blocks.7.norm1.weight" };
    for (int i = 0; i < (int)(sizeof refused / sizeof *refused); i++) {
        CHECK(open_one(NULL, "timm", NULL, refused[i]) == MIM_ERR_UNSUPPORTED);
        CHECK(strstr(make_error(ctx), refused[i]) != NULL);
    }
    for (int i = 0; i < (int)(sizeof taken / sizeof *taken); i++)
        OK(ctx, open_one(NULL, "timm", NULL, taken[i]));
    CHECK(open_one(NULL, "huggingface", NULL, "embeddings.distillation_token") == MIM_ERR_UNSUPPORTED);
    CHECK(open_one(NULL, "huggingface", NULL, "encoder.layer.0.layer_scale1.lambda1") == MIM_ERR_UNSUPPORTED);
    CHECK(open_one(NULL, "huggingface", NULL, "encoder.layer.0.attention.attention.other.bias") == MIM_ERR_UNSUPPORTED);
    OK(ctx, open_one(NULL, "huggingface", NULL, "pooler.dense.weight"));
    OK(ctx, open_one(beit, "timm", NULL, "blocks.0.attn.relative_position_index"));
    OK(ctx, open_one(beit, "timm", NULL, "blocks.0.attn.k_bias"));
    CHECK(open_one(beit, "timm", NULL, "blocks.0.attn.qkv.bias") == MIM_ERR_UNSUPPORTED);
    CHECK(open_one(beit, "timm", NULL, "rel_pos_bias.relative_position_bias_table") == MIM_ERR_UNSUPPORTED);
}

/* ---- on the way out ---- */

/* What timm makes of mlp_ratio: the width times it, without the fraction. */
static void ratios(void)
{
    for (int hidden = 1; hidden < 200; hidden += 3) {
        char json[200], text[4000];
        snprintf(json, sizeof json, "{\"encoder\": {\"width\": 98, \"heads\": 2, \"hidden\": %d}}", hidden);
        mim_encoder *e = make_encoder(json);
        mim_tensors *w = NULL;
        OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "timm", &w));
        OK(ctx, mim_tensors_get_text(w, "config.json", text, sizeof text, NULL));
        const char *ratio = strstr(text, "\"mlp_ratio\": ");
        CHECK(ratio && (int)(98 * strtod(ratio + 13, NULL)) == hidden);
        mim_tensors_destroy(w);
        mim_encoder_destroy(e);
    }
}

/* Activations of Swin V2 go out by timm's names, which are ours, and come back; Swin has gelu alone there. */
static void activation(const char *kind, const char *name, int told)
{
    char json[256], text[4000] = "", member[64], value[64] = "";
    mim_tensors *w = NULL, *set = NULL;
    mim_config *config = NULL;
    snprintf(json, sizeof json, "{\"image\": {\"height\": 16, \"width\": 16}, \"encoder\": {\"kind\": \"%s\", "
             "\"depths\": [1, 1], \"stage_heads\": [1, 2], \"window\": 2, \"eps\": 1e-5, \"activation\": \"%s\"}}", kind, name);
    snprintf(member, sizeof member, "\"act_layer\": \"%s\"", name);
    mim_encoder *e = make_encoder(json);
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "timm", &w));
    if (told) {
        OK(ctx, mim_tensors_get_text(w, "config.json", text, sizeof text, NULL));
        CHECK(strcmp(name, "gelu") ? strstr(text, member) != NULL : !strstr(text, "act_layer"));     /* gelu goes unsaid */
        set = foreign(json, "timm", text, NULL);
        OK(ctx, mim_config_from_tensors(set, &config));
        OK(ctx, mim_config_get_str(config, "encoder.activation", value, sizeof value, NULL));
        CHECK_TEXT(value, name);
    } else {
        CHECK(mim_tensors_get_text(w, "config.json", text, sizeof text, NULL) == MIM_ERR_KEY);
    }
    mim_config_destroy(config);
    mim_tensors_destroy(set);
    mim_tensors_destroy(w);
    mim_encoder_destroy(e);
}

static void activations(void)
{
    static const char *const names[] = { "gelu", "gelu_tanh", "quick_gelu", "relu", "silu" };
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        activation("swinv2", names[i], 1);
        activation("swin", names[i], i == 0);
    }
}

/* A BEiT of timm stays one, also where nothing but its names tells. */
static void stays_beit(void)
{
    const char *plain = "{\"encoder\": {\"qkv_bias\": \"none\", \"mask_token\": 0}}";
    mim_tensors *w = NULL, *set = foreign(plain, "timm",
        "{\"architecture\": \"beit_base_patch16_224\", \"model_args\": {\"num_heads\": 2}}", NULL);
    const int64_t width[] = { 16 };
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "blocks.%d.gamma_%d", i / 2, i % 2 + 1);
        OK(ctx, mim_tensors_add(set, name, MIM_F32, 1, width, NULL));
    }
    mim_config *config = NULL;
    mim_encoder *e = NULL;
    OK(ctx, mim_config_create(ctx, NULL, &config));
    OK(ctx, mim_config_set_i64(config, "image.height", 12));
    OK(ctx, mim_config_set_i64(config, "image.width", 8));
    OK(ctx, mim_encoder_create(ctx, config, set, &e));
    for (int i = 0; e && i < 2; i++) {
        OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, i ? "timm" : NULL, &w));
        OK(ctx, mim_tensors_info(w, "blocks.1.gamma_2", NULL, NULL, NULL, NULL));
        mim_tensors_destroy(w);
    }
    mim_encoder_destroy(e);
    mim_config_destroy(config);
    mim_tensors_destroy(set);
}

static const char class_normed[] =
    "{\"encoder\": {\"relative\": \"block\", \"qkv_bias\": \"query_value\", \"norm\": 0, \"pool_norm\": 1}}";

/* What a config.json cannot tell can be read by name, but not saved as a folder without one. */
static void no_folder(void)
{
    mim_encoder *e = make_encoder("{\"encoder\": {\"eps\": 1e-5}}");
    mim_trainer *t = make_trainer(ctx, "{\"encoder\": {\"eps\": 1e-5}}");
    mim_tensors *w[2] = { NULL, NULL };
    char path[600], text[100];
    snprintf(path, sizeof path, "%s/test_recognize.none", folder);
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "timm", &w[0]));
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "timm", &w[1]));
    for (int i = 0; i < 2; i++) {
        OK(ctx, mim_tensors_info(w[i], "blocks.0.norm1.weight", NULL, NULL, NULL, NULL));
        CHECK(mim_tensors_get_text(w[i], "config.json", text, sizeof text, NULL) == MIM_ERR_KEY);
        CHECK(mim_tensors_save_folder(w[i], path) == MIM_ERR_UNSUPPORTED && strstr(make_error(ctx), "encoder.eps"));
        mim_tensors_destroy(w[i]);
    }
    mim_trainer_destroy(t);
    mim_encoder_destroy(e);
    e = make_encoder(class_normed);
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "timm", &w[0]));
    CHECK(mim_tensors_save_folder(w[0], path) == MIM_ERR_UNSUPPORTED && strstr(make_error(ctx), "class token alone"));
    struct stat there;
    CHECK(stat(path, &there) != 0);
    mim_tensors_destroy(w[0]);
    mim_encoder_destroy(e);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        snprintf(folder, sizeof folder, "%s", argv[1]);
    mkdir("build", 0777);
    mkdir(folder, 0777);
    ctx = make_context();
    TEST(by_config); TEST(told); TEST(by_config_alone); TEST(by_tensors); TEST(ratios); TEST(activations); TEST(stays_beit);
    TEST(no_folder);
    mim_context_destroy(ctx);
    return test_end();
}
