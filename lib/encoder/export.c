/* SPDX-License-Identifier: MIT */
/* export.c -- an encoder under the names of timm and transformers, and the config.json that these write beside them. What
 * a format cannot express is an error, never left out; but for the mask token, which only models of masked image
 * modelling have there. */
#include "encoder/encoder.h"

#include <math.h>
#include <stdio.h>

mim_status mim__json_refuse(const struct encoder_json *j, const char *format, const char *what)
{
    snprintf(j->why, FOLDER_WHY, "%s cannot express an encoder with %s", format, what);
    return MIM_ERR_UNSUPPORTED;
}

/* ---- names ---- */

enum name_column mim__encoder_column(const mim_encoder *e, enum naming n)
{
    const struct encoder_options *o = &e->options;
    bool beit = (e->kind == &mim__vit && (o->relative != RELATIVE_NONE || o->qkv_bias == QKV_BIAS_QUERY_VALUE))
             || e->source.column == COLUMN_BEIT;
    return n == NAMING_MIM ? COLUMN_MIM : n == NAMING_HUGGINGFACE ? COLUMN_HUGGINGFACE : beit ? COLUMN_BEIT : COLUMN_TIMM;
}

/* What ViT there has not, or what came under BEiT's names; its keys have no bias. */
bool mim__encoder_is_beit(const mim_encoder *e)
{
    const struct encoder_options *o = &e->options;
    bool more = o->relative != RELATIVE_NONE || o->layer_scale > 0 || o->positions == POSITIONS_NONE || !o->norm
             || !strcmp(e->source.prefix, "beit.");
    return e->kind == &mim__vit && o->qkv_bias == QKV_BIAS_QUERY_VALUE && more;
}

const char *mim__encoder_prefix(const mim_encoder *e) { return mim__encoder_is_beit(e) ? "beit." : e->kind->prefix; }

/* Names of BEiT, without which there is no such part. */
static const char *foreign_to_vit(const mim_encoder *e)
{
    const struct encoder_options *o = &e->options;
    return e->kind != &mim__vit || mim__encoder_is_beit(e) ? NULL
         : o->relative != RELATIVE_NONE ? "relative positions and another encoder.qkv_bias than query_value"
         : o->layer_scale > 0 ? "a layer scale and another encoder.qkv_bias than query_value"
         : o->pool_norm ? "a norm of the pooled features" : NULL;
}

/* The bias of keys that transformers always has: zeros, as it changes nothing (it adds the same to all logits of a row). */
static mim_status add_key_biases(const mim_encoder *e, const char *before, struct mim__names *out)
{
    mim_status status = MIM_OK;
    for (int i = 0; i < e->options.depth && !status; i++) {
        char name[TENSOR_NAME];
        snprintf(name, sizeof name, "%sencoder.layer.%d.attention.attention.key.bias", before, i);
        status = mim__names_add_zeros(out, name, e->options.width);
    }
    return status;
}

mim_status mim__encoder_names(const mim_encoder *e, const struct encoder_naming *n, float *array, struct mim__names *out)
{
    enum name_column column = mim__encoder_column(e, n->naming);
    const char *without = n->pretext || n->naming == NAMING_MIM ? NULL : "mask_token";
    const struct encoder_options *o = &e->options;
    const char *other = o->head_width && o->heads * o->head_width != o->width ? "heads that do not make up its width"
                      : o->activation_out ? "an activation after the perceptron"
                      : column == COLUMN_HUGGINGFACE ? foreign_to_vit(e) : NULL;
    if (other && n->naming != NAMING_MIM)
        return mim__fail(e->object.ctx, MIM_ERR_UNSUPPORTED, "%s cannot express an encoder with %s",
                         n->naming == NAMING_TIMM ? "timm" : "transformers", other);
    mim_status status = mim__names_of_store(out, &e->store, e->kind->rules, column, n->before, without, array);
    if (!status && column == COLUMN_HUGGINGFACE && e->kind == &mim__vit && !mim__encoder_is_beit(e)
        && e->options.qkv_bias == QKV_BIAS_QUERY_VALUE)
        status = add_key_biases(e, n->before, out);
    return status;
}

/* ---- config.json ---- */

const char *mim__json_activation(const mim_encoder *e, enum naming n)
{
    static const char *const timm[] = { "gelu", "gelu_tanh", "quick_gelu", "relu", "silu" };
    static const char *const huggingface[] = { "gelu", "gelu_pytorch_tanh", "quick_gelu", "relu", "silu" };
    return (n == NAMING_HUGGINGFACE ? huggingface : timm)[e->options.activation];
}

struct json_size mim__json_size(const mim_encoder *e)
{
    const struct encoder_options *o = &e->options;
    bool kept = o->window_rule == WINDOW_RULE_TRANSFORMERS && o->window == o->table_window;
    if (e->kind == &mim__swinv2 && !kept)
        return (struct json_size){ e->image.height, e->image.width };
    return (struct json_size){ o->table_rows * o->patch, o->table_cols * o->patch };
}

void mim__json_add_size(const mim_encoder *e, struct mim__text *t, const char *key)
{
    struct json_size s = mim__json_size(e);
    if (s.height == s.width)
        mim__text_format(t, "  \"%s\": %lld,\n", key, (long long)s.height);
    else
        mim__text_format(t, "  \"%s\": [%lld, %lld],\n", key, (long long)s.height, (long long)s.width);
}

static void add_numbers(struct mim__text *t, const char *key, const struct mim__numbers *n)
{
    mim__text_format(t, "    \"%s\": [", key);
    for (int i = 0; i < n->count; i++) {
        mim__text_add(t, i ? ", " : "");
        mim__text_f64(t, n->v[i]);
    }
    mim__text_add(t, "]");
}

static mim_status check_huggingface_vit(const mim_encoder *e, const struct encoder_json *j)
{
    const struct encoder_options *o = &e->options;
    if (!o->class_token || !o->norm || o->pool_norm)
        return mim__json_refuse(j, "ViT of transformers",
                      !o->class_token ? "no class token" : "another final norm than one of all tokens");
    if (o->positions == POSITIONS_NONE || !o->position_class)
        return mim__json_refuse(j, "ViT of transformers", "no absolute positions of all tokens");
    if (j->classes && o->pool != POOL_CLASS)
        return mim__json_refuse(j, "ViTForImageClassification", "features that are the mean of patches");
    return MIM_OK;
}

/* There the mean of patches is normed where all tokens are not. */
static mim_status check_huggingface_beit(const mim_encoder *e, const struct encoder_json *j)
{
    const struct encoder_options *o = &e->options;
    bool mean = o->pool == POOL_MEAN, placed = o->positions == POSITIONS_NONE || o->position_class;
    bool normed = o->norm ? !o->pool_norm && !(j->classes && mean) : !j->classes || (mean && o->pool_norm);
    const char *other = !o->class_token ? "no class token" : !placed ? "no position of the class token"
                      : !normed ? "another norm than one of all tokens or one of their mean"
                      : o->relative != RELATIVE_NONE && o->table_rows != o->table_cols
                      ? "relative positions of pictures that are not square" : NULL;
    return other ? mim__json_refuse(j, "BEiT of transformers", other) : MIM_OK;
}

static const char *truth(bool b) { return b ? "true" : "false"; }

static void add_huggingface_beit(const mim_encoder *e, const struct encoder_json *j, struct mim__text *t)
{
    const struct encoder_options *o = &e->options;
    mim__text_format(t, ",\n  \"use_absolute_position_embeddings\": %s,\n  \"use_relative_position_bias\": %s,\n"
                        "  \"use_shared_relative_position_bias\": %s,\n  \"use_mean_pooling\": %s,\n"
                        "  \"use_mask_token\": %s,\n  \"drop_path_rate\": 0.0,\n  \"layer_scale_init_value\": ",
                     truth(o->positions != POSITIONS_NONE), truth(o->relative == RELATIVE_BLOCK),
                     truth(o->relative == RELATIVE_SHARED), truth(!o->norm),
                     truth(!strcmp(j->task, "ForMaskedImageModeling")));
    mim__text_f64(t, o->layer_scale);
    if (o->layer_scale == floor(o->layer_scale))    /* it wants a point */
        mim__text_add(t, ".0");
}

static mim_status huggingface_json(const mim_encoder *e, const struct encoder_json *j, struct mim__text *t)
{
    const struct encoder_options *o = &e->options;
    bool beit = mim__encoder_is_beit(e);
    mim_status status = beit ? check_huggingface_beit(e, j) : check_huggingface_vit(e, j);
    if (status)
        return status;
    mim__text_format(t, "{\n  \"architectures\": [\"%s%s\"],\n  \"model_type\": \"%s\",\n  \"dtype\": \"float32\",\n",
                     beit ? "Beit" : e->kind->class_name, j->task,
                     beit ? "beit" : j->model_type ? j->model_type : e->kind->model_type);
    mim__text_format(t, "  \"hidden_size\": %lld,\n  \"num_hidden_layers\": %lld,\n  \"num_attention_heads\": %lld,\n"
                        "  \"intermediate_size\": %lld,\n", (long long)o->width, (long long)o->depth, (long long)o->heads,
                     (long long)o->hidden);
    mim__json_add_size(e, t, "image_size");
    mim__text_format(
        t, "  \"patch_size\": %lld,\n  \"encoder_stride\": %lld,\n  \"num_channels\": %lld,\n  \"hidden_act\": \"%s\",\n",
        (long long)o->patch, (long long)o->patch, (long long)e->image.channels,
        mim__json_activation(e, j->naming));
    mim__text_add(t, "  \"layer_norm_eps\": ");
    mim__text_f64(t, o->eps);
    mim__text_format(t, ",\n  \"qkv_bias\": %s,\n  \"hidden_dropout_prob\": 0.0,\n  \"attention_probs_dropout_prob\": 0.0",
                     truth(o->qkv_bias != QKV_BIAS_NONE));
    if (beit)
        add_huggingface_beit(e, j, t);
    mim__text_format(t, "%s%s\n}\n", j->more ? ",\n  " : "", j->more ? j->more : "");
    return MIM_OK;
}

/* The nearest of timm's own names; model_args say all the rest. */
static const char *timm_architecture(const mim_encoder *e, bool beit)
{
    static const struct { int64_t width; const char *vit; } known[] = {
        { 192, "vit_tiny_patch16_224" }, { 384, "vit_small_patch16_224" }, { 768, "vit_base_patch16_224" },
        { 1024, "vit_large_patch16_224" }, { 1280, "vit_huge_patch14_224" },
    };
    if (beit)
        return e->options.width == 1024 ? "beit_large_patch16_224" : "beit_base_patch16_224";
    for (int i = 0; i < COUNT(known); i++)
        if (known[i].width == e->options.width)
            return known[i].vit;
    return "vit_base_patch16_224";
}

static mim_status check_timm(const mim_encoder *e, const struct encoder_json *j, bool beit)
{
    const struct encoder_options *o = &e->options;
    if (o->eps != 1e-6)
        return mim__json_refuse(j, "a timm config.json", "another encoder.eps than 1e-6");
    if (o->norm && o->pool_norm)
        return mim__json_refuse(j, "timm", "both a final norm and a norm of the pooled features");
    if (beit && !o->norm && !o->pool_norm)
        return mim__json_refuse(j, "BEiT of timm", "no norm after the blocks");
    if (beit && (!o->class_token || o->qkv_bias == QKV_BIAS_FULL || o->activation))
        return mim__json_refuse(j, "BEiT of timm", !o->class_token ? "no class token"
                                       : o->activation ? "another activation than gelu" : "a bias of keys");
    if (beit && o->positions != POSITIONS_NONE && !o->position_class)
        return mim__json_refuse(j, "BEiT of timm", "no position of the class token");
    if (beit && o->pool == POOL_CLASS && o->pool_norm)
        return mim__json_refuse(j, "BEiT of timm", "a norm of the class token alone");
    if (beit && j->classes && o->pool == POOL_MEAN && !o->pool_norm)
        return mim__json_refuse(j, "BEiT of timm", "features that are the mean of normed tokens");
    return MIM_OK;
}

static void add_beit_arguments(const mim_encoder *e, struct mim__text *t)
{
    const struct encoder_options *o = &e->options;
    mim__text_format(t,
                     ",\n    \"use_abs_pos_emb\": %s,\n    \"use_rel_pos_bias\": %s,\n    \"use_shared_rel_pos_bias\": %s,\n"
                     "    \"qkv_bias\": %s,\n    \"global_pool\": \"%s\"",
                     truth(o->positions != POSITIONS_NONE), truth(o->relative == RELATIVE_BLOCK),
                     truth(o->relative == RELATIVE_SHARED), truth(o->qkv_bias != QKV_BIAS_NONE),
                     o->pool_norm ? "avg" : "token");
}

static void add_vit_arguments(const mim_encoder *e, struct mim__text *t)
{
    const struct encoder_options *o = &e->options;
    mim__text_format(
        t,
        ",\n    \"class_token\": %s,\n    \"pos_embed\": \"%s\",\n    \"no_embed_class\": %s,\n    \"qkv_bias\": %s,\n"
        "    \"global_pool\": \"%s\",\n    \"fc_norm\": %s,\n    \"act_layer\": \"%s\"",
        truth(o->class_token), o->positions == POSITIONS_NONE ? "none" : "learn",
        truth(o->class_token && !o->position_class), truth(o->qkv_bias != QKV_BIAS_NONE),
        o->pool == POOL_MEAN ? "avg" : "token", truth(o->pool_norm), mim__json_activation(e, NAMING_TIMM));
    if (!o->norm && !o->pool_norm)
        mim__text_add(t, ",\n    \"final_norm\": false");
}

/* timm multiplies it by the width and drops the fraction: a quotient that was rounded down goes one step up. */
double mim__json_mlp_ratio(const struct encoder_options *o)
{
    double ratio = (double)o->hidden / (double)o->width;
    return (int64_t)((double)o->width * ratio) == o->hidden ? ratio : nextafter(ratio, INFINITY);
}

void mim__json_add_timm_rest(const mim_encoder *e, const struct encoder_json *j, const char *classifier,
                             struct mim__text *t)
{
    struct json_size s = mim__json_size(e);
    mim__text_format(t, "\n  },\n  \"pretrained_cfg\": {\n    \"input_size\": [%lld, %lld, %lld],\n",
                     (long long)e->image.channels, (long long)s.height, (long long)s.width);
    add_numbers(t, "mean", &e->image.mean);
    mim__text_add(t, ",\n");
    add_numbers(t, "std", &e->image.deviation);
    mim__text_format(
        t,
        ",\n    \"num_classes\": %lld,\n    \"first_conv\": \"patch_embed.proj\",\n    \"classifier\": \"%s\"\n  }\n}\n",
        (long long)j->classes, classifier);
}

static mim_status timm_json(const mim_encoder *e, const struct encoder_json *j, struct mim__text *t)
{
    const struct encoder_options *o = &e->options;
    bool beit = mim__encoder_column(e, NAMING_TIMM) == COLUMN_BEIT;
    mim_status status = check_timm(e, j, beit);
    if (status)
        return status;
    struct json_size s = mim__json_size(e);
    mim__text_format(
        t, "{\n  \"architecture\": \"%s\",\n  \"num_classes\": %lld,\n  \"num_features\": %lld,\n  \"model_args\": {\n",
        timm_architecture(e, beit), (long long)j->classes, (long long)o->width);
    mim__text_format(
        t,
        "    \"img_size\": [%lld, %lld],\n    \"patch_size\": %lld,\n    \"in_chans\": %lld,\n    \"embed_dim\": %lld,\n"
        "    \"depth\": %lld,\n    \"num_heads\": %lld,\n    \"mlp_ratio\": ",
        (long long)s.height, (long long)s.width, (long long)o->patch, (long long)e->image.channels, (long long)o->width,
        (long long)o->depth, (long long)o->heads);
    mim__text_f64(t, mim__json_mlp_ratio(o));
    if (o->layer_scale > 0) {
        mim__text_add(t, ",\n    \"init_values\": ");
        mim__text_f64(t, o->layer_scale);
    } else if (beit) {
        mim__text_add(t, ",\n    \"init_values\": 0");       /* timm takes null for unset */
    }
    (beit ? add_beit_arguments : add_vit_arguments)(e, t);
    mim__json_add_timm_rest(e, j, "head", t);
    return MIM_OK;
}

mim_status mim__vit_json(const mim_encoder *e, const struct encoder_json *j, struct mim__text *out)
{
    return j->naming == NAMING_HUGGINGFACE ? huggingface_json(e, j, out) : timm_json(e, j, out);
}

mim_status mim__encoder_json(const mim_encoder *e, const struct encoder_json *j, struct mim__text *out)
{
    bool wrapped = j->own && *e->source.wrapper;
    if (j->naming != NAMING_MIM && wrapped)
        snprintf(j->why, FOLDER_WHY, "names that begin with \"%s\", as in the file that they are from, make no folder: ask for "
                 "a naming by name", e->source.wrapper);
    mim_status status = j->naming == NAMING_MIM ? MIM_OK : wrapped ? MIM_ERR_UNSUPPORTED : e->kind->json(e, j, out);
    return !status && out->failed ? mim__no_memory(e->object.ctx, out->size) : status;
}
