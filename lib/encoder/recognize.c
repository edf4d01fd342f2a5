/* SPDX-License-Identifier: MIT */
/* recognize.c -- models of timm and transformers that share the names of ours and compute something else: told by what
 * config.json calls them, and by tensors in the encoder's place that it has no use for. Better refused than misread. */
#include "encoder/encoder.h"

#include "base/json.h"

#include <stdio.h>

/* ---- what config.json calls it ---- */

static mim_status check_type(mim_context *ctx, const struct json *config)
{
    struct json type = mim__json_member(config, "model_type");
    char name[64] = "";
    bool ours = type.type != JSON_STRING || mim__json_equal(&type, "vit_mae") || mim__json_equal(&type, "beit");
    for (int i = 0; mim__architectures[i]; i++)
        ours = ours || mim__json_equal(&type, mim__architectures[i]->model_type);
    if (ours)
        return MIM_OK;
    mim__json_string(&type, name, sizeof name);
    return mim__fail(ctx, MIM_ERR_UNSUPPORTED,
                     "model_type \"%s\" in config.json: libmim has \"vit\", \"vit_mae\", \"beit\", \"swin\" and "
                     "\"swinv2\" of transformers", name);
}

/* timm's ViT, BEiT and Swin go by several names; some of these compute what no tensor shows: rotated positions, norms
 * after a branch. */
static mim_status check_architecture(mim_context *ctx, const struct json *config)
{
    static const char *const ours[] = { "vit_", "deit_", "deit3_", "beit_", "beitv2_", "eva_", "flexivit_", "test_vit",
                                        "swin_", "swinv2_" };
    static const char *const others[] = { "_rope", "_rpn_", "_dinov3", "_pe_", "_cr_" };
    struct json architecture = mim__json_member(config, "architecture");
    char name[128] = "";
    bool known = false;
    if (architecture.type != JSON_STRING)
        return MIM_OK;
    mim__json_string(&architecture, name, sizeof name);
    for (int i = 0; i < COUNT(ours); i++)
        known = known || !strncmp(name, ours[i], strlen(ours[i]));
    for (int i = 0; i < COUNT(others); i++)
        known = known && !strstr(name, others[i]);
    return known ? MIM_OK
                 : mim__fail(ctx, MIM_ERR_UNSUPPORTED,
                             "architecture \"%s\" in config.json: libmim has ViT, BEiT, Swin and Swin V2 of timm", name);
}

/* Arguments of timm's models that no tensor shows: the class token in the mean, rotated positions, norms after a branch,
 * windows larger than the grid. */
static mim_status check_arguments(mim_context *ctx, const struct json *config)
{
    static const char *const others[] = { "pool_include_prefix", "use_rot_pos_emb", "use_post_norm", "always_partition" };
    struct json arguments = mim__json_member(config, "model_args");
    for (int i = 0; i < COUNT(others); i++) {
        struct json v = mim__json_member(arguments.type == JSON_OBJECT ? &arguments : config, others[i]);
        if (v.type == JSON_TRUE)
            return mim__fail(ctx, MIM_ERR_UNSUPPORTED, "\"%s\": true in config.json: another encoder than libmim has",
                             others[i]);
    }
    return MIM_OK;
}

mim_status mim__encoder_check_model(mim_context *ctx, const struct json *config)
{
    mim_status status = check_type(ctx, config);
    if (!status)
        status = check_architecture(ctx, config);
    return status ? status : check_arguments(ctx, config);
}

/* ---- its tensors ---- */

static bool begins(const char *name, const char *const with[], int n)
{
    for (int i = 0; i < n; i++)
        if (!strncmp(name, with[i], strlen(with[i])))
            return true;
    return false;
}

/* Would a tensor of this name change what the encoder computes? Heads and a host's own do not. */
static bool of_encoder(const char *name, const struct encoder_source *s)
{
    static const char *const timm[] = { "blocks.", "patch_embed.", "rel_pos_bias.", "reg_token", "dist_token", "norm_pre.",
                                        "attn_pool.", "rope.", "shared_rel_pos." };
    static const char *const stages[] = { "layers.", "patch_embed.", "absolute_pos_embed" };
    static const char *const huggingface[] = { "encoder.", "embeddings." };
    return s->naming == NAMING_HUGGINGFACE ? begins(name, huggingface, COUNT(huggingface))
         : s->kind == &mim__vit ? begins(name, timm, COUNT(timm)) : begins(name, stages, COUNT(stages));
}

/* What follows from sizes, and a bias of keys, which adds the same to all logits of a row. */
static bool redundant(const char *name)
{
    static const char *const ends[] = { ".relative_position_index", ".k_bias", ".attn_mask", ".relative_coords_table" };
    const char *last = strrchr(name, '.');
    for (int i = 0; last && i < COUNT(ends); i++)
        if (!strcmp(last, ends[i]))
            return true;
    return false;
}

mim_status mim__encoder_check_tensors(const mim_tensors *t, const struct encoder_source *s)
{
    size_t prefix = strlen(s->prefix);
    for (int64_t i = 0; i < mim_tensors_count(t) && s->naming != NAMING_MIM; i++) {
        const char *full = mim__tensors_at(t, i)->name, *name = strncmp(full, s->prefix, prefix) ? "" : full + prefix;
        if (!of_encoder(name, s) || redundant(name) || mim__names_known(s->kind->rules, s->column, name))
            continue;
        return mim__fail(mim__tensors_context(t), MIM_ERR_UNSUPPORTED,
                         "tensor \"%.128s\" belongs to another encoder than libmim has", full);
    }
    return MIM_OK;
}
