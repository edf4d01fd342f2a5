/* SPDX-License-Identifier: MIT */
/* swin_files.c -- Swin Transformers in files: names of parameters, and the configuration in and beside them, as timm and
 * transformers have them. Files of the authors, and of SimMIM, name as libmim does. */
#include "encoder/import.h"

#include <math.h>
#include <stdio.h>

/* ---- names ---- */

#define BLOCK(name) NAMED_ALIKE("layers.%d.blocks.%d." name)
#define BLOCK_THERE(name) "encoder.layers.%d.blocks.%d." name
#define MERGING(name) "layers.%d.downsample." name, "layers.%+.downsample." name, "layers.%d.downsample." name, \
    "encoder.layers.%d.downsample." name
const struct name_rule mim__swin_rules[] = {
    { NAMED_ALIKE("mask_token"), "embeddings.mask_token" },
    { NAMED_ALIKE("patch_embed.proj.weight"), "embeddings.patch_embeddings.projection.weight" },
    { NAMED_ALIKE("patch_embed.proj.bias"), "embeddings.patch_embeddings.projection.bias" },
    { NAMED_ALIKE("patch_embed.norm.weight"), "embeddings.norm.weight" },
    { NAMED_ALIKE("patch_embed.norm.bias"), "embeddings.norm.bias" },
    { "absolute_pos_embed", NULL, "absolute_pos_embed", "embeddings.position_embeddings" },
    { BLOCK("norm1.weight"), BLOCK_THERE("layernorm_before.weight") },
    { BLOCK("norm1.bias"), BLOCK_THERE("layernorm_before.bias") },
    { BLOCK("attn.relative_position_bias_table"), BLOCK_THERE("attention.self.relative_position_bias_table") },
    { BLOCK("attn.qkv.weight"), BLOCK_THERE("attention.self.@.weight") },
    { BLOCK("attn.qkv.bias"), BLOCK_THERE("attention.self.@.bias") },
    { BLOCK("attn.q_bias"), BLOCK_THERE("attention.self.query.bias") },
    { BLOCK("attn.v_bias"), BLOCK_THERE("attention.self.value.bias") },
    { BLOCK("attn.logit_scale"), BLOCK_THERE("attention.self.logit_scale") },
    { BLOCK("attn.cpb_mlp.0.weight"), BLOCK_THERE("attention.self.continuous_position_bias_mlp.0.weight") },
    { BLOCK("attn.cpb_mlp.0.bias"), BLOCK_THERE("attention.self.continuous_position_bias_mlp.0.bias") },
    { BLOCK("attn.cpb_mlp.2.weight"), BLOCK_THERE("attention.self.continuous_position_bias_mlp.2.weight") },
    { BLOCK("attn.proj.weight"), BLOCK_THERE("attention.output.dense.weight") },
    { BLOCK("attn.proj.bias"), BLOCK_THERE("attention.output.dense.bias") },
    { BLOCK("norm2.weight"), BLOCK_THERE("layernorm_after.weight") },
    { BLOCK("norm2.bias"), BLOCK_THERE("layernorm_after.bias") },
    { BLOCK("mlp.fc1.weight"), BLOCK_THERE("intermediate.dense.weight") },
    { BLOCK("mlp.fc1.bias"), BLOCK_THERE("intermediate.dense.bias") },
    { BLOCK("mlp.fc2.weight"), BLOCK_THERE("output.dense.weight") },
    { BLOCK("mlp.fc2.bias"), BLOCK_THERE("output.dense.bias") },
    { "layers.%d.blocks.%d.norm3.weight", NULL, "layers.%d.blocks.%d.norm3.weight", NULL },
    { "layers.%d.blocks.%d.norm3.bias", NULL, "layers.%d.blocks.%d.norm3.bias", NULL },
    { MERGING("reduction.weight") },
    { MERGING("norm.weight") },
    { MERGING("norm.bias") },
    { NAMED_ALIKE("norm.weight"), "layernorm.weight" },
    { NAMED_ALIKE("norm.bias"), "layernorm.bias" },
    { NULL, NULL, NULL, NULL },
};
#undef BLOCK
#undef BLOCK_THERE
#undef MERGING

/* ---- reading ---- */

static const struct mim__tensor *of_block(const struct import *m, const char *timm, const char *huggingface, int stage,
                                          int block)
{
    char names[2][TENSOR_NAME];
    snprintf(names[0], sizeof names[0], "layers.%%d.blocks.%%d.%s", timm);
    snprintf(names[1], sizeof names[1], "encoder.layers.%%d.blocks.%%d.%s", huggingface ? huggingface : "");
    return mim__import_find(m, names[0], huggingface ? names[1] : NULL, stage, block);
}

/* Lists as text: "[2, 2, 6, 2]". */
struct list { char text[256]; size_t size; };

static void add_item(struct list *l, int64_t value)
{
    const char *join = l->size ? ", " : "[";
    l->size += (size_t)snprintf(l->text + l->size, sizeof l->text - l->size, "%s%lld", join, (long long)value);
}

static void set_list(struct import *m, const char *key, struct list *l)
{
    snprintf(l->text + l->size, sizeof l->text - l->size, "]");
    mim__import_str(m, key, l->text);
}

static void read_stages(struct import *m)
{
    struct list depths = { "", 0 }, heads = { "", 0 };
    for (int stage = 0; stage < 8 && of_block(m, "norm1.weight", "layernorm_before.weight", stage, 0); stage++) {
        const struct mim__tensor *table = of_block(m, "attn.relative_position_bias_table",
                                                   "attention.self.relative_position_bias_table", stage, 0);
        const struct mim__tensor *scale = of_block(m, "attn.logit_scale", "attention.self.logit_scale", stage, 0);
        int blocks = 1;
        while (blocks < 1000 && of_block(m, "norm1.weight", "layernorm_before.weight", stage, blocks))
            blocks++;
        if (!(table && table->rank == 2) && !(scale && scale->rank == 3)) {
            mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_FORMAT, "stage %d has neither a table of relative positions nor a "
                                          "scale of cosines", stage));
            return;
        }
        add_item(&depths, blocks);
        add_item(&heads, table && table->rank == 2 ? table->shape[1] : scale->shape[0]);
    }
    set_list(m, "encoder.depths", &depths);
    set_list(m, "encoder.stage_heads", &heads);
}

/* Perceptrons of a ratio that is no whole number are not twice as wide in the next stage, but cut to whole numbers there. */
static void read_hidden(struct import *m)
{
    struct list hidden = { "", 0 };
    int64_t first = 0;
    bool doubled = true;
    for (int stage = 0; stage < 8 && of_block(m, "norm1.weight", "layernorm_before.weight", stage, 0); stage++) {
        const struct mim__tensor *fc1 = of_block(m, "mlp.fc1.weight", "intermediate.dense.weight", stage, 0);
        if (!fc1 || fc1->rank != 2) {
            mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_UNSUPPORTED,
                                          "the blocks of this encoder have no perceptron of two layers"));
            return;
        }
        first = stage ? first : fc1->shape[0];
        doubled = doubled && fc1->shape[0] == first << stage;
        add_item(&hidden, fc1->shape[0]);
    }
    mim__import_i64(m, "encoder.hidden", first);
    if (!doubled)
        set_list(m, "encoder.stage_hidden", &hidden);
}

/* The first block of a stage that a norm follows, counted from 1; 0: none. */
static int norm_every(const struct import *m)
{
    for (int stage = 0; stage < 8; stage++)
        for (int i = 0; i < 1000 && of_block(m, "norm1.weight", NULL, stage, i); i++)
            if (of_block(m, "norm3.weight", NULL, stage, i))
                return i + 1;
    return 0;
}

static void read_ends(struct import *m)
{
    bool full = of_block(m, "attn.qkv.bias", "attention.self.key.bias", 0, 0) != NULL;
    bool some = of_block(m, "attn.q_bias", "attention.self.query.bias", 0, 0) != NULL;
    mim__import_i64(m, "encoder.norm_every", norm_every(m));
    mim__import_str(m, "encoder.qkv_bias", full ? "full" : some ? "query_value" : "none");
    mim__import_i64(m, "encoder.mask_token", mim__import_find(m, "mask_token", "embeddings.mask_token", 0, 0) != NULL);
    bool places = mim__import_find(m, "absolute_pos_embed", "embeddings.position_embeddings", 0, 0) != NULL;
    mim__import_str(m, "encoder.positions", places ? "learned" : "none");
    mim__import_i64(m, "encoder.norm", mim__import_find(m, "norm.weight", "layernorm.weight", 0, 0) != NULL);
    mim__import_str(m, "encoder.window_rule", m->source.naming == NAMING_HUGGINGFACE ? "transformers" : "timm");
    bool twice = m->source.naming == NAMING_HUGGINGFACE && m->source.kind == &mim__swinv2;     /* as it is there */
    mim__import_f64(m, "encoder.window_mask", twice ? 200 : 100);
    struct json pool = mim__import_look(m, "global_pool");
    if (pool.type != JSON_ERROR && !mim__json_equal(&pool, "avg"))
        mim__import_refuse(m, MIM_ERR_UNSUPPORTED, "global_pool", &pool, "avg");
}

/* One number, or several that agree. */
static bool read_same(const struct json *v, int64_t *to)
{
    struct json item;
    int64_t other;
    size_t at = 0;
    if (v->type != JSON_ARRAY)
        return mim__json_i64(v, to);
    if (!mim__json_next(v, &at, NULL, &item) || !mim__json_i64(&item, to))
        return false;
    while (mim__json_next(v, &at, NULL, &item))
        if (!mim__json_i64(&item, &other) || other != *to)
            return false;
    return true;
}

/* From config.json, timm's name of the model, or the square table of the first stage. */
static void read_window(struct import *m)
{
    struct json v = mim__import_look(m, "window_size");
    const struct mim__tensor *table = of_block(m, "attn.relative_position_bias_table",
                                               "attention.self.relative_position_bias_table", 0, 0);
    char name[128];
    const char *said = mim__import_architecture(m, name, sizeof name) ? strstr(name, "_window") : NULL;
    int64_t window = 0;
    int named = 0, was = 0;
    if (v.type != JSON_ERROR && !read_same(&v, &window))
        mim__import_refuse(m, MIM_ERR_UNSUPPORTED, "window_size", &v, "one number for all");
    if (!window && said && sscanf(said, "_window%dto%d", &was, &named) >= 1)
        window = named ? named : was;
    for (int64_t side = 1; !window && table && side < 1024 && side * side <= table->shape[0]; side += 2)
        window = side * side == table->shape[0] ? (side + 1) / 2 : 0;
    if (m->status)
        return;
    if (window) {
        mim__import_i64(m, "encoder.window", window);
        mim__import_i64(m, "encoder.table_window", window);
    }
    if (!window && !mim__config_has(m->out, "encoder.window"))
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_FORMAT, "nothing tells the size of the windows: set encoder.window"));
}

/* timm's "swinv2_base_window12to16_192to256": windows no larger than the grids of the pictures before. */
static void add_named(const struct import *m, struct list *sizes)
{
    char name[128];
    const char *said = mim__import_architecture(m, name, sizeof name) ? strstr(name, "_window") : NULL;
    int was, is, size;
    if (!said || sscanf(said, "_window%dto%d_%dto", &was, &is, &size) != 3 || size < 1)
        return;
    int64_t grid = ceil_div(imin(size, 65536), (int)m->patch);
    for (int k = 0; k < 8 && of_block(m, "norm1.weight", NULL, k, 0); k++, grid = (grid + 1) / 2)
        add_item(sizes, was < grid ? was : grid);
}

/* Swin V2's, of each stage. */
static void read_pretrained(struct import *m)
{
    struct json v = mim__import_look(m, "pretrained_window_sizes"), item;
    struct list sizes = { "", 0 };
    int64_t size;
    size_t at = 0;
    bool bad = v.type != JSON_ARRAY && v.type != JSON_ERROR;
    for (int k = 0; k < 8 && v.type == JSON_ARRAY && mim__json_next(&v, &at, NULL, &item); k++) {
        bad = bad || !mim__json_i64(&item, &size) || size < 0 || size > 128;
        add_item(&sizes, bad ? 0 : size);
    }
    if (bad)
        mim__import_refuse(m, MIM_ERR_UNSUPPORTED, "pretrained_window_sizes", &v, "a list of numbers from 0 to 128");
    if (v.type == JSON_ERROR)
        add_named(m, &sizes);
    if (sizes.size)
        set_list(m, "encoder.pretrained_windows", &sizes);
}

static void read_grid(struct import *m)
{
    mim__import_size(m);
    if (m->status || !m->height || !m->width)
        return;
    mim__import_i64(m, "encoder.table_rows", m->height / m->patch);
    mim__import_i64(m, "encoder.table_cols", m->width / m->patch);
    mim__import_i64(m, "image.height", m->height);
    mim__import_i64(m, "image.width", m->width);
}

/* transformers has layer_norm_eps in blocks and at the end alone. */
static void read_eps(struct import *m)
{
    mim__import_eps(m, 1e-5, 1e-5);
    if (m->source.naming == NAMING_HUGGINGFACE)
        mim__import_f64(m, "encoder.merge_eps", 1e-5);
}

void mim__swin_import(struct import *m)
{
    static void (*const readers[])(struct import *) = {
        mim__import_patch, read_stages, read_hidden, read_ends, read_window, read_pretrained, read_grid, mim__import_activation, read_eps,
        mim__import_pixels,
    };
    for (int i = 0; i < COUNT(readers) && !m->status; i++)
        readers[i](m);
}

/* ---- config.json ---- */

static void add_list(struct mim__text *t, const char *key, const struct mim__numbers *n)
{
    mim__text_format(t, "\"%s\": [", key);
    for (int i = 0; i < n->count; i++)
        mim__text_format(t, "%s%lld", i ? ", " : "", (long long)n->v[i]);
    mim__text_add(t, "]");
}

/* Windows of training, of V2. */
static void add_pretrained(const mim_encoder *e, struct mim__text *t)
{
    mim__text_add(t, "\"pretrained_window_sizes\": [");
    for (int k = 0; k < e->options.depths.count; k++)
        mim__text_format(t, "%s%d", k ? ", " : "", mim__swin_pretrained(e, k));
    mim__text_add(t, "]");
}

/* A ratio by which the perceptrons of all stages are as wide as they are, cut to whole numbers; 0: there is none. */
static double ratio_of(const struct encoder_options *o)
{
    double least = 0, most = INFINITY;
    if (!o->stage_hidden.count)
        return mim__json_mlp_ratio(o);
    for (int k = 0; k < o->stage_hidden.count; k++) {
        double width = (double)(o->width << k);
        least = fmax(least, o->stage_hidden.v[k] / width);
        most = fmin(most, (o->stage_hidden.v[k] + 1) / width);
    }
    return least < most ? (least + most) / 2 : 0;
}

/* What both write alike. `join` stands between members. */
static void add_stages(const mim_encoder *e, const char *join, struct mim__text *t)
{
    const struct encoder_options *o = &e->options;
    mim__text_format(t, "\"patch_size\": %lld%s\"embed_dim\": %lld%s", (long long)o->patch, join, (long long)o->width, join);
    add_list(t, "depths", &o->depths);
    mim__text_add(t, join);
    add_list(t, "num_heads", &o->stage_heads);
    mim__text_format(t, "%s\"window_size\": %lld%s\"qkv_bias\": %s%s\"mlp_ratio\": ", join, (long long)o->window, join,
                     o->qkv_bias == QKV_BIAS_NONE ? "false" : "true", join);
    mim__text_f64(t, ratio_of(o));
    if (ratio_of(o) == floor(ratio_of(o)))          /* transformers wants it with a point */
        mim__text_add(t, ".0");
    if (e->kind != &mim__swinv2)
        return;
    mim__text_add(t, join);
    add_pretrained(e, t);
}

static mim_status check_json(const mim_encoder *e, const struct encoder_json *j, const char *format,
                             enum window_rule theirs)
{
    const struct encoder_options *o = &e->options;
    if (!o->norm)
        return mim__json_refuse(j, format, "no final norm");
    if (e->kind == &mim__swin && o->table_window != o->window)
        return mim__json_refuse(j, format, "position tables of another window");
    for (int k = 0; e->kind == &mim__swinv2 && k < o->depths.count; k++)
        if (mim__swin_pretrained(e, k) < 0)
            return mim__json_refuse(j, format, "windows of training that were not square");
    if (o->window_mask != 0 && o->window_mask != 100 && o->window_mask != 200)      /* these differ for sharp scores alone */
        return mim__json_refuse(j, format, "an encoder.window_mask of its own");
    if (ratio_of(o) == 0)
        return mim__json_refuse(j, format, "perceptrons in no one proportion to the widths of its stages");
    if (o->norm_every)
        return mim__json_refuse(j, format, "norms between blocks");
    if (o->positions != POSITIONS_NONE && (theirs == WINDOW_RULE_TIMM || e->kind == &mim__swinv2))
        return mim__json_refuse(j, format, "absolute positions");
    if (o->merge_eps != 1e-5)
        return mim__json_refuse(j, format, "another encoder.merge_eps than 1e-5");
    if (o->window_rule != (int)theirs && !mim__swin_rules_agree(e))
        return mim__json_refuse(j, format, "windows that do not fit its grids, by another rule");
    return MIM_OK;
}

static mim_status huggingface_json(const mim_encoder *e, const struct encoder_json *j, struct mim__text *t)
{
    mim_status status = check_json(e, j, "Swin of transformers", WINDOW_RULE_TRANSFORMERS);
    if (status)
        return status;
    mim__text_format(t, "{\n  \"architectures\": [\"%s%s\"],\n  \"model_type\": \"%s\",\n  \"dtype\": \"float32\",\n",
                     e->kind->class_name, j->task, e->kind->model_type);
    mim__json_add_size(e, t, "image_size");
    mim__text_format(t, "  \"num_channels\": %lld,\n  ", (long long)e->image.channels);
    add_stages(e, ",\n  ", t);
    mim__text_format(t, ",\n  \"encoder_stride\": %d,\n  \"hidden_size\": %d,\n  \"hidden_act\": \"%s\",\n"
                        "  \"layer_norm_eps\": ",
                     mim__encoder_stride(e), mim__encoder_width(e), mim__json_activation(e, j->naming));
    mim__text_f64(t, e->options.eps);
    mim__text_format(t, ",\n  \"use_absolute_embeddings\": %s", e->options.positions == POSITIONS_NONE ? "false" : "true");
    mim__text_add(t, ",\n  \"hidden_dropout_prob\": 0.0,\n  \"attention_probs_dropout_prob\": 0.0,\n  \"drop_path_rate\": 0.0");
    mim__text_format(t, "%s%s\n}\n", j->more ? ",\n  " : "", j->more ? j->more : "");
    return MIM_OK;
}

/* The nearest of timm's own names; model_args say all the rest. */
static const char *timm_architecture(const mim_encoder *e)
{
    const struct encoder_options *o = &e->options;
    bool small = o->depths.count > 2 && o->depths.v[2] > 6;
    if (e->kind == &mim__swinv2)
        return o->width >= 192 ? "swinv2_large_window12_192" : o->width >= 128 ? "swinv2_base_window8_256"
             : small ? "swinv2_small_window8_256" : "swinv2_tiny_window8_256";
    return o->width >= 192 ? "swin_large_patch4_window7_224" : o->width >= 128 ? "swin_base_patch4_window7_224"
         : small ? "swin_small_patch4_window7_224" : "swin_tiny_patch4_window7_224";
}

static mim_status timm_json(const mim_encoder *e, const struct encoder_json *j, struct mim__text *t)
{
    const struct encoder_options *o = &e->options;
    struct json_size s = mim__json_size(e);
    bool other = e->kind == &mim__swin && o->activation;        /* only V2 has an argument for it */
    mim_status status = check_json(e, j, "Swin of timm", WINDOW_RULE_TIMM);
    if (!status && (o->eps != 1e-5 || other))
        status = mim__json_refuse(j, "Swin of timm", other ? "another activation than gelu"
                                                           : "another encoder.eps than 1e-5");
    if (status)
        return status;
    mim__text_format(t, "{\n  \"architecture\": \"%s\",\n  \"num_classes\": %lld,\n  \"num_features\": %d,\n"
                        "  \"model_args\": {\n    \"img_size\": [%lld, %lld],\n    \"in_chans\": %lld,\n    ",
                     timm_architecture(e), (long long)j->classes, mim__encoder_width(e), (long long)s.height,
                     (long long)s.width, (long long)e->image.channels);
    add_stages(e, ",\n    ", t);
    if (o->activation)
        mim__text_format(t, ",\n    \"act_layer\": \"%s\"", mim__json_activation(e, NAMING_TIMM));
    mim__json_add_timm_rest(e, j, "head.fc", t);
    return MIM_OK;
}

mim_status mim__swin_json(const mim_encoder *e, const struct encoder_json *j, struct mim__text *out)
{
    return j->naming == NAMING_HUGGINGFACE ? huggingface_json(e, j, out) : timm_json(e, j, out);
}
