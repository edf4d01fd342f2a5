/* SPDX-License-Identifier: MIT */
/* import.c -- the configuration that named tensors carry: sizes from the tensors' shapes, the rest from the config.json
 * of transformers or timm beside them. Files of libmim carry their configuration whole. */
#include "encoder/import.h"

#include <stdio.h>

enum { PATCH_MOST = 65536 };        /* far beyond encoder.patch; keeps products with it in range */

/* ---- looking ---- */

const struct mim__tensor *mim__import_find(const struct import *m, const char *timm, const char *huggingface, int first,
                                           int second)
{
    char name[TENSOR_NAME + NAME_PREFIX];
    const char *from = m->source.naming == NAMING_HUGGINGFACE ? huggingface : timm;
    size_t at = (size_t)snprintf(name, sizeof name, "%s", m->source.prefix);
    if (!from)
        return NULL;
    for (int number = first; *from && at + 16 < sizeof name; from++)
        if (from[0] == '%') {
            at += (size_t)snprintf(name + at, sizeof name - at, "%d", number);
            number = second;
            from++;
        } else {
            name[at++] = *from;
        }
    name[at] = 0;
    int64_t found = mim__tensors_find(m->t, name);
    return found < 0 ? NULL : mim__tensors_at(m->t, found);
}

static const struct mim__tensor *find(const struct import *m, const char *timm, const char *huggingface, int block)
{
    return mim__import_find(m, timm, huggingface, block, 0);
}

static struct json member(const struct json *of, const char *name)
{
    return of->type == JSON_OBJECT ? mim__json_member(of, name) : (struct json){ JSON_ERROR, NULL, 0 };
}

static bool is_type(const struct import *m, const char *name)
{
    struct json type = member(&m->json, "model_type");
    return mim__json_equal(&type, name);
}

struct json mim__import_look(const struct import *m, const char *name)
{
    if (m->source.naming == NAMING_HUGGINGFACE)
        return member(&m->json, name);
    struct json arguments = member(&m->json, "model_args"), v = member(&arguments, name);
    return v.type == JSON_ERROR ? member(&m->json, name) : v;
}

/* ---- setting, where the caller has not set it ---- */

void mim__import_i64(struct import *m, const char *key, int64_t value)
{
    if (!m->status && !mim__config_has(m->out, key))
        m->status = mim_config_set_i64(m->out, key, value);
}

void mim__import_f64(struct import *m, const char *key, double value)
{
    if (!m->status && !mim__config_has(m->out, key))
        m->status = mim_config_set_f64(m->out, key, value);
}

void mim__import_str(struct import *m, const char *key, const char *value)
{
    if (!m->status && !mim__config_has(m->out, key))
        m->status = mim_config_set_str(m->out, key, value);
}

void mim__import_fail(struct import *m, mim_status status) { m->status = m->status ? m->status : status; }

/* ---- sizes, from shapes ---- */

void mim__import_patch(struct import *m)
{
    const struct mim__tensor *w = find(m, "patch_embed.proj.weight", "embeddings.patch_embeddings.projection.weight", 0);
    char text[SHAPE_TEXT];
    if (!w || w->rank != 4 || w->shape[2] != w->shape[3] || w->shape[2] < 1 || w->shape[2] > PATCH_MOST) {
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_UNSUPPORTED,
                          "the weight of the patch embedding has shape %s, not [width, channels, patch, patch]",
                          w ? mim__shape_text(w->rank, w->shape, text) : "none"));
        return;
    }
    m->patch = w->shape[2];
    mim__import_i64(m, "encoder.width", w->shape[0]);
    mim__import_i64(m, "image.channels", w->shape[1]);
    mim__import_i64(m, "encoder.patch", m->patch);
}

static void read_blocks(struct import *m)
{
    int depth = 0;
    while (depth < 1000 && find(m, "blocks.%d.norm1.weight", "encoder.layer.%d.layernorm_before.weight", depth))
        depth++;
    const struct mim__tensor *fc1 = find(m, "blocks.%d.mlp.fc1.weight", "encoder.layer.%d.intermediate.dense.weight", 0);
    if (!fc1 || fc1->rank != 2) {
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_UNSUPPORTED,
                                      "the blocks of this encoder have no perceptron of two layers"));
        return;
    }
    mim__import_i64(m, "encoder.depth", depth);
    mim__import_i64(m, "encoder.hidden", fc1->shape[0]);
    bool full = find(m, "blocks.%d.attn.qkv.bias", "encoder.layer.%d.attention.attention.key.bias", 0) != NULL;
    bool some = find(m, "blocks.%d.attn.q_bias", NULL, 0) != NULL;
    mim__import_str(m, "encoder.qkv_bias", full ? "full" : some ? "query_value" : "none");
    bool scale = find(m, "blocks.%d.gamma_1", NULL, 0) || find(m, "blocks.%d.ls1.gamma", NULL, 0);
    mim__import_f64(m, "encoder.layer_scale", scale ? 0.1 : 0);
    bool shared = find(m, "rel_pos_bias.relative_position_bias_table", NULL, 0) != NULL;
    const struct mim__tensor *own = find(m, "blocks.%d.attn.relative_position_bias_table", NULL, 0);
    mim__import_str(m, "encoder.relative", shared ? "shared" : own ? "block" : "none");
}

static void read_ends(struct import *m)
{
    bool decoder = mim__encoder_has_decoder(m->t, &m->source), mae = decoder || is_type(m, "vit_mae");
    mim__import_i64(m, "encoder.class_token", find(m, "cls_token", "embeddings.cls_token", 0) != NULL);
    mim__import_i64(m, "encoder.mask_token", !mae && find(m, "mask_token", "embeddings.mask_token", 0) != NULL);
    mim__import_i64(m, "encoder.norm", find(m, "norm.weight", "layernorm.weight", 0) != NULL);
    mim__import_i64(m, "encoder.pool_norm", find(m, "fc_norm.weight", NULL, 0) != NULL);
    bool places = find(m, "pos_embed", "embeddings.position_embeddings", 0) != NULL;
    mim__import_str(m, "encoder.positions", !places ? "none" : mae ? "sincos" : "learned");
    mim__import_str(m, "encoder.table_resize", m->source.naming == NAMING_TIMM ? "antialias" : "bicubic");
}

/* ---- the picture's size and the grid of the tables ---- */

static bool read_pair(const struct json *v, int64_t *first, int64_t *second)
{
    struct json item[2] = { { JSON_ERROR, NULL, 0 }, { JSON_ERROR, NULL, 0 } };
    size_t at = 0;
    if (v->type != JSON_ARRAY)
        return mim__json_i64(v, first) && mim__json_i64(v, second);
    for (int i = 0; i < 2; i++)
        if (!mim__json_next(v, &at, NULL, &item[i]))
            return false;
    return mim__json_i64(&item[0], first) && mim__json_i64(&item[1], second);
}

static int64_t square_root(int64_t n)
{
    int64_t r = 0;
    while ((r + 1) * (r + 1) <= n && r < 65536)
        r++;
    return r * r == n ? r : 0;
}

/* Rows and columns of the stored tables: the picture's grid if it fits, else a square. */
static void read_grid(struct import *m)
{
    const struct mim__tensor *places = find(m, "pos_embed", "embeddings.position_embeddings", 0);
    const struct mim__tensor *table = find(m, "rel_pos_bias.relative_position_bias_table", NULL, 0);
    bool cls = find(m, "cls_token", "embeddings.cls_token", 0) != NULL;
    int64_t rows = m->height / m->patch, cols = m->width / m->patch;
    if (!table)
        table = find(m, "blocks.%d.attn.relative_position_bias_table", NULL, 0);
    if (places && places->rank == 3) {
        int64_t n = places->shape[1], extra = n == rows * cols ? 0 : 1;
        if (!rows || (n != rows * cols && n != rows * cols + 1)) {
            extra = square_root(n - 1) && cls ? 1 : 0;
            rows = cols = square_root(n - extra);
        }
        mim__import_i64(m, "encoder.position_class", cls && extra);
    } else if (table && table->rank == 2) {
        int64_t n = table->shape[0] - (cls ? 3 : 0);
        if (!rows || n != (2 * rows - 1) * (2 * cols - 1))
            rows = cols = (square_root(n) + 1) / 2;
    }
    if (!places && !table && (!rows || !cols))      /* nothing to fit: the size is the caller's */
        return;
    if (!rows || !cols) {
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_FORMAT,
                          "the tables of positions fit no grid: config.json does not say the size of the pictures"));
        return;
    }
    mim__import_i64(m, "encoder.table_rows", rows);
    mim__import_i64(m, "encoder.table_cols", cols);
    mim__import_i64(m, "image.height", m->height ? m->height : rows * m->patch);
    mim__import_i64(m, "image.width", m->width ? m->width : cols * m->patch);
}

void mim__import_size(struct import *m)
{
    struct json v = mim__import_look(m, m->source.naming == NAMING_HUGGINGFACE ? "image_size" : "img_size");
    int64_t depth;
    if (v.type != JSON_ERROR && !read_pair(&v, &m->height, &m->width))
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_FORMAT,
                                      "the size of pictures in config.json is neither a number nor two"));
    struct json cfg = member(&m->json, "pretrained_cfg"), size = member(&cfg, "input_size");
    size_t at = 0;
    struct json item[3];
    if (v.type == JSON_ERROR && size.type == JSON_ARRAY && mim__json_next(&size, &at, NULL, &item[0])
        && mim__json_next(&size, &at, NULL, &item[1]) && mim__json_next(&size, &at, NULL, &item[2])
        && (!mim__json_i64(&item[0], &depth) || !mim__json_i64(&item[1], &m->height) || !mim__json_i64(&item[2], &m->width)))
        m->height = m->width = 0;
    if (m->height < 0 || m->width < 0 || m->height > 65536 || m->width > 65536)
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_FORMAT, "pictures of %lldx%lld in config.json", (long long)m->height,
                          (long long)m->width));
    if (!m->status && !m->height && mim__config_has(m->out, "image.height") && mim__config_has(m->out, "image.width")) {
        mim_config_get_i64(m->out, "image.height", &m->height);         /* the caller's, which the tables may fit */
        mim_config_get_i64(m->out, "image.width", &m->width);
    }
}

/* ---- what shapes do not tell ---- */

static const struct { const char *part; int heads; } timm_heads[] = {
    { "_tiny", 3 }, { "_small", 6 }, { "_base", 12 }, { "_large", 16 }, { "_huge", 16 }, { "_giant", 16 }, { "_gigantic_", 16 },
    { "_medium_", 8 }, { "_so400m_", 16 }, { "_plus_", 14 }, { "_base_patch16_gap_", 16 },
};

bool mim__import_architecture(const struct import *m, char *to, size_t capacity)
{
    struct json v = member(&m->json, "architecture");
    return v.type == JSON_STRING && mim__json_string(&v, to, capacity) != SIZE_MAX;
}

static void read_heads(struct import *m)
{
    struct json v = mim__import_look(m, m->source.naming == NAMING_HUGGINGFACE ? "num_attention_heads" : "num_heads");
    const struct mim__tensor *table = find(m, "blocks.%d.attn.relative_position_bias_table", NULL, 0);
    int64_t heads = 0;
    char name[128];
    if (!table)
        table = find(m, "rel_pos_bias.relative_position_bias_table", NULL, 0);
    if (v.type != JSON_ERROR && !mim__json_i64(&v, &heads))
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_FORMAT, "the number of heads in config.json is not a number"));
    if (!heads && table && table->rank == 2)
        heads = table->shape[1];
    if (!heads && mim__import_architecture(m, name, sizeof name))
        for (int i = 0; i < COUNT(timm_heads); i++)             /* the last one counts: "_base_patch16_plus_" */
            if (strstr(name, timm_heads[i].part))
                heads = timm_heads[i].heads;
    if (heads)
        mim__import_i64(m, "encoder.heads", heads);
    else if (!mim__config_has(m->out, "encoder.heads"))
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_FORMAT,
                          "neither a tensor nor config.json tells the number of attention heads: set encoder.heads"));
}

static const struct { const char *theirs, *ours; } activations[] = {
    { "gelu", "gelu" }, { "gelu_python", "gelu" }, { "gelu_new", "gelu_tanh" }, { "gelu_fast", "gelu_tanh" },
    { "gelu_accurate", "gelu_tanh" }, { "gelu_python_tanh", "gelu_tanh" }, { "gelu_pytorch_tanh", "gelu_tanh" },
    { "gelu_tanh", "gelu_tanh" }, { "quick_gelu", "quick_gelu" }, { "relu", "relu" }, { "silu", "silu" }, { "swish", "silu" },
};

static void architecture_activation(struct import *m)
{
    char name[128];
    if (!mim__import_architecture(m, name, sizeof name))
        return;
    if (strstr(name, "_quickgelu_"))
        mim__import_str(m, "encoder.activation", "quick_gelu");
    else if (strstr(name, "_siglip_") && !mim__config_has(m->out, "encoder.activation"))    /* gelu or gelu_tanh, by size */
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_UNSUPPORTED,
                          "config.json does not say the activation of architecture \"%s\": set encoder.activation", name));
}

void mim__import_activation(struct import *m)
{
    struct json v = mim__import_look(m, m->source.naming == NAMING_HUGGINGFACE ? "hidden_act" : "act_layer");
    char name[128] = "";
    if (v.type == JSON_ERROR || v.type == JSON_NULL) {
        architecture_activation(m);
        return;
    }
    for (int i = 0; i < COUNT(activations); i++)
        if (mim__json_equal(&v, activations[i].theirs)) {
            mim__import_str(m, "encoder.activation", activations[i].ours);
            return;
        }
    mim__json_string(&v, name, sizeof name);
    if (!mim__config_has(m->out, "encoder.activation"))
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_UNSUPPORTED, "activation \"%s\" in config.json is none of those that "
                                                                   "libmim has: %s", name, mim__activation_names));
}

void mim__import_eps(struct import *m, double usual, double usual_there)
{
    struct json v = mim__import_look(m, "layer_norm_eps");
    bool theirs = m->source.naming == NAMING_HUGGINGFACE && v.type == JSON_ERROR && m->json.type == JSON_OBJECT;
    double eps = theirs ? usual_there : usual;
    if (v.type != JSON_ERROR && !mim__json_f64(&v, &eps))
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_FORMAT, "layer_norm_eps in config.json is not a number"));
    mim__import_f64(m, "encoder.eps", eps);
}

static void read_pool(struct import *m)
{
    struct json pool = mim__import_look(m, "global_pool"), prefix = mim__import_look(m, "pool_include_prefix");
    struct json norm = mim__import_look(m, "fc_norm");
    char name[64] = "";
    if (prefix.type == JSON_TRUE)
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_UNSUPPORTED,
                          "pool_include_prefix in config.json: a mean with the class token in it"));
    bool mean = norm.type != JSON_TRUE && find(m, "fc_norm.weight", NULL, 0);      /* if asked for, it goes with any pool */
    if (pool.type == JSON_STRING)
        mean = mim__json_equal(&pool, "avg");
    if (pool.type == JSON_STRING && !mean && !mim__json_equal(&pool, "token") && !mim__json_equal(&pool, "")) {
        mim__json_string(&pool, name, sizeof name);
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_UNSUPPORTED, "global_pool \"%s\" in config.json is neither avg nor "
                                                                   "token", name));
    }
    mim__import_str(m, "encoder.pool", mean || !find(m, "cls_token", "embeddings.cls_token", 0) ? "mean" : "class");
}

/* Mean and deviation of pixels, from preprocessor_config.json or timm's pretrained_cfg. */
void mim__import_pixels(struct import *m)
{
    static const char *const keys[][3] = { { "image.mean", "image_mean", "mean" },
                                           { "image.deviation", "image_std", "std" } };
    const char *text = mim__tensors_text(m->t, "preprocessor_config.json"), *why;
    struct json of_file = { JSON_ERROR, NULL, 0 }, cfg = member(&m->json, "pretrained_cfg");
    if (text)
        of_file = mim__json_parse(text, strlen(text), &why);
    for (int i = 0; i < 2; i++) {
        struct json v = member(&of_file, keys[i][1]);
        char list[512];
        if (v.type != JSON_ARRAY)
            v = member(&cfg, keys[i][2]);
        if (v.type == JSON_ARRAY && v.size < sizeof list) {
            snprintf(list, sizeof list, "%.*s", (int)v.size, v.text);
            mim__import_str(m, keys[i][0], list);
        }
    }
}

/* A libmim file's own: everything that *out has not set. */
static mim_status take_own(mim_context *ctx, const char *json, mim_config *out)
{
    mim_config *stored = NULL;
    mim_status status = mim_config_create(ctx, NULL, &stored);
    if (!status)
        status = mim_config_read_json(stored, json);
    if (!status)
        status = mim__config_merge(stored, out);
    if (!status)
        status = mim__config_merge(out, stored);
    mim_config_destroy(stored);
    return status;
}

static void read_eps(struct import *m)
{
    char name[128];
    bool clip = mim__import_architecture(m, name, sizeof name) && !strncmp(name, "vit_", 4) && strstr(name, "_clip_");
    mim__import_eps(m, clip ? 1e-5 : 1e-6, 1e-12);
}

void mim__vit_import(struct import *m)
{
    static void (*const readers[])(struct import *) = {
        mim__import_patch, read_blocks, read_ends, mim__import_size, read_grid,
        read_heads, mim__import_activation, read_eps, read_pool, mim__import_pixels,
    };
    for (int i = 0; i < COUNT(readers) && !m->status; i++)
        readers[i](m);
}

mim_status mim__encoder_config_from(mim_context *ctx, const mim_tensors *t, mim_config *out)
{
    const char *own = mim__tensors_text(t, "mim.config"), *text = mim__tensors_text(t, "config.json"), *why = "";
    struct import m = { .ctx = ctx, .t = t, .out = out };
    if (own)
        return take_own(ctx, own, out);
    if (text) {
        m.json = mim__json_parse(text, strlen(text), &why);
        m.status = m.json.type == JSON_OBJECT
                     ? mim__encoder_check_model(ctx, &m.json)
                     : mim__fail(ctx, MIM_ERR_FORMAT, "config.json is not a JSON object: %s at offset %lld", why,
                                 m.json.text ? (long long)(m.json.text - text) : 0);
    }
    if (!m.status)
        m.status = mim__encoder_locate(t, &m.source);
    if (!m.status)
        m.status = mim__encoder_check_tensors(t, &m.source);
    if (m.status)
        return m.status;
    mim__import_str(&m, "encoder.kind", m.source.kind->name);
    m.source.kind->import(&m);
    return m.status;
}
