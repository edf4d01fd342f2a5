/* SPDX-License-Identifier: MIT */
/* vit_files.c -- Vision Transformers in files: names of parameters, and the configuration in and beside them, as timm and
 * transformers have them, both with BEiT under names of its own, and MAE's authors. */
#include "encoder/import.h"

#include <stdio.h>

/* ---- names ---- */

#define BLOCK(name) NAMED_ALIKE("blocks.%d." name)
#define BLOCK_THERE(name) "encoder.layer.%d." name
#define TABLE "relative_position_bias_table"
const struct name_rule mim__vit_rules[] = {
    { NAMED_ALIKE("cls_token"), "embeddings.cls_token" },
    { NAMED_ALIKE("mask_token"), "embeddings.mask_token" },
    { NAMED_ALIKE("pos_embed"), "embeddings.position_embeddings" },
    { NAMED_ALIKE("patch_embed.proj.weight"), "embeddings.patch_embeddings.projection.weight" },
    { NAMED_ALIKE("patch_embed.proj.bias"), "embeddings.patch_embeddings.projection.bias" },
    { "rel_pos_bias." TABLE, NULL, "rel_pos_bias." TABLE, "encoder.relative_position_bias." TABLE },
    { BLOCK("norm1.weight"), BLOCK_THERE("layernorm_before.weight") },
    { BLOCK("norm1.bias"), BLOCK_THERE("layernorm_before.bias") },
    { BLOCK("attn.qkv.weight"), BLOCK_THERE("attention.attention.@.weight") },
    { "blocks.%d.attn.qkv.bias", "blocks.%d.attn.qkv.bias", NULL, BLOCK_THERE("attention.attention.@.bias") },
    { "blocks.%d.attn.q_bias", NULL, "blocks.%d.attn.q_bias", BLOCK_THERE("attention.attention.query.bias") },
    { "blocks.%d.attn.v_bias", NULL, "blocks.%d.attn.v_bias", BLOCK_THERE("attention.attention.value.bias") },
    { "blocks.%d.attn." TABLE, NULL, "blocks.%d.attn." TABLE,
      BLOCK_THERE("attention.attention.relative_position_bias." TABLE) },
    { BLOCK("attn.proj.weight"), BLOCK_THERE("attention.output.dense.weight") },
    { BLOCK("attn.proj.bias"), BLOCK_THERE("attention.output.dense.bias") },
    { "blocks.%d.ls1.gamma", "blocks.%d.ls1.gamma", "blocks.%d.gamma_1", BLOCK_THERE("lambda_1") },
    { BLOCK("norm2.weight"), BLOCK_THERE("layernorm_after.weight") },
    { BLOCK("norm2.bias"), BLOCK_THERE("layernorm_after.bias") },
    { BLOCK("mlp.fc1.weight"), BLOCK_THERE("intermediate.dense.weight") },
    { BLOCK("mlp.fc1.bias"), BLOCK_THERE("intermediate.dense.bias") },
    { BLOCK("mlp.fc2.weight"), BLOCK_THERE("output.dense.weight") },
    { BLOCK("mlp.fc2.bias"), BLOCK_THERE("output.dense.bias") },
    { "blocks.%d.ls2.gamma", "blocks.%d.ls2.gamma", "blocks.%d.gamma_2", BLOCK_THERE("lambda_2") },
    { NAMED_ALIKE("norm.weight"), "layernorm.weight" },
    { NAMED_ALIKE("norm.bias"), "layernorm.bias" },
    { NAMED_ALIKE("fc_norm.weight"), "pooler.layernorm.weight" },
    { NAMED_ALIKE("fc_norm.bias"), "pooler.layernorm.bias" },
    { NULL, NULL, NULL, NULL },
};
#undef BLOCK

/* ---- sizes, from shapes ---- */

static const struct mim__tensor *find(const struct import *m, const char *timm, const char *huggingface, int block)
{
    return mim__import_find(m, timm, huggingface, block, 0);
}

/* Of relative positions: the one of all blocks, or that of the first. */
static const struct mim__tensor *relative_table(const struct import *m, bool shared)
{
    return shared ? find(m, "rel_pos_bias." TABLE, "encoder.relative_position_bias." TABLE, 0)
                  : find(m, "blocks.%d.attn." TABLE, BLOCK_THERE("attention.attention.relative_position_bias." TABLE), 0);
}
#undef BLOCK_THERE
#undef TABLE

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
    bool some = find(m, "blocks.%d.attn.q_bias", "encoder.layer.%d.attention.attention.query.bias", 0) != NULL;
    mim__import_str(m, "encoder.qkv_bias", full ? "full" : some ? "query_value" : "none");
    bool scale = find(m, "blocks.%d.gamma_1", "encoder.layer.%d.lambda_1", 0) || find(m, "blocks.%d.ls1.gamma", NULL, 0);
    mim__import_f64(m, "encoder.layer_scale", scale ? 0.1 : 0);
    bool shared = relative_table(m, true) != NULL, own = relative_table(m, false) != NULL;
    if (shared && own)
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_UNSUPPORTED,
                                      "tables of relative positions both of each block and one for all blocks"));
    mim__import_str(m, "encoder.relative", shared ? "shared" : own ? "block" : "none");
}

static void read_ends(struct import *m)
{
    struct json type = mim__import_look(m, "model_type");
    bool decoder = mim__encoder_has_decoder(m->t, &m->source), mae = decoder || mim__json_equal(&type, "vit_mae");
    mim__import_i64(m, "encoder.class_token", find(m, "cls_token", "embeddings.cls_token", 0) != NULL);
    mim__import_i64(m, "encoder.mask_token", !mae && find(m, "mask_token", "embeddings.mask_token", 0) != NULL);
    mim__import_i64(m, "encoder.norm", find(m, "norm.weight", "layernorm.weight", 0) != NULL);
    mim__import_i64(m, "encoder.pool_norm", find(m, "fc_norm.weight", "pooler.layernorm.weight", 0) != NULL);
    bool places = find(m, "pos_embed", "embeddings.position_embeddings", 0) != NULL;
    mim__import_str(m, "encoder.positions", !places ? "none" : mae ? "sincos" : "learned");
    mim__import_str(m, "encoder.table_resize", m->source.naming == NAMING_TIMM ? "antialias" : "bicubic");
}

static int64_t square_root(int64_t n)
{
    int64_t r = 0;
    while ((r + 1) * (r + 1) <= n && r < 65536)
        r++;
    return r * r == n ? r : 0;
}

/* transformers takes the positions of a ViTMAE for a square where there are as many, and rows of BEiT for columns. */
static void check_square(struct import *m, int64_t rows, int64_t cols, bool places, bool table)
{
    if (rows == cols || m->source.naming != NAMING_HUGGINGFACE)
        return;
    if (places && square_root(rows * cols) && mim__encoder_has_decoder(m->t, &m->source))
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_UNSUPPORTED, "ViTMAE of transformers with positions of %lldx%lld "
                                      "patches: it takes them for a square", (long long)rows, (long long)cols));
    if (table)
        mim__import_fail(m, mim__fail(m->ctx, MIM_ERR_UNSUPPORTED, "BEiT of transformers with relative positions of "
                                      "%lldx%lld patches, which are not square", (long long)rows, (long long)cols));
}

/* Rows and columns of the stored tables: the picture's grid if it fits, else a square. */
static void read_grid(struct import *m)
{
    const struct mim__tensor *places = find(m, "pos_embed", "embeddings.position_embeddings", 0);
    const struct mim__tensor *shared = relative_table(m, true), *table = shared ? shared : relative_table(m, false);
    bool cls = find(m, "cls_token", "embeddings.cls_token", 0) != NULL;
    int64_t rows = m->height / m->patch, cols = m->width / m->patch;
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
    check_square(m, rows, cols, places, table);
    mim__import_i64(m, "encoder.table_rows", rows);
    mim__import_i64(m, "encoder.table_cols", cols);
    mim__import_i64(m, "image.height", m->height ? m->height : rows * m->patch);
    mim__import_i64(m, "image.width", m->width ? m->width : cols * m->patch);
}

/* ---- what shapes do not tell ---- */

static const struct { const char *part; int heads; } timm_heads[] = {
    { "_tiny", 3 }, { "_small", 6 }, { "_base", 12 }, { "_large", 16 }, { "_huge", 16 }, { "_giant", 16 },
    { "_gigantic_", 16 }, { "_medium_", 8 }, { "_so400m_", 16 }, { "_plus_", 14 }, { "_base_patch16_gap_", 16 },
};

static void read_heads(struct import *m)
{
    const char *key = m->source.naming == NAMING_HUGGINGFACE ? "num_attention_heads" : "num_heads";
    struct json v = mim__import_look(m, key);
    const struct mim__tensor *shared = relative_table(m, true), *table = shared ? shared : relative_table(m, false);
    int64_t heads = 0;
    char name[128];
    if (v.type != JSON_ERROR && !mim__json_i64(&v, &heads))
        mim__import_refuse(m, MIM_ERR_FORMAT, key, &v, "a number");
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

/* Without a word of it, timm's BEiT and EVA (not EVA-CLIP) pool the mean, and so does what has a norm after the pool that
 * nobody asked for. */
static void read_pool(struct import *m)
{
    struct json pool = mim__import_look(m, "global_pool"), norm = mim__import_look(m, "fc_norm");
    struct json of_beit = mim__import_look(m, "use_mean_pooling");
    char name[128] = "";
    mim__import_architecture(m, name, sizeof name);
    bool usual = !strncmp(name, "beit", 4) || (!strncmp(name, "eva_", 4) && !strstr(name, "_clip_"));
    bool mean = usual || of_beit.type == JSON_TRUE || (norm.type != JSON_TRUE && find(m, "fc_norm.weight", NULL, 0));
    if (pool.type == JSON_STRING)
        mean = mim__json_equal(&pool, "avg");
    if (pool.type == JSON_STRING && !mean && !mim__json_equal(&pool, "token") && !mim__json_equal(&pool, ""))
        mim__import_refuse(m, MIM_ERR_UNSUPPORTED, "global_pool", &pool, "avg or token");
    mim__import_str(m, "encoder.pool", mean || !find(m, "cls_token", "embeddings.cls_token", 0) ? "mean" : "class");
}

static void read_eps(struct import *m)
{
    char name[128];
    struct json norm = mim__import_look(m, "norm_layer");
    bool clip = mim__import_architecture(m, name, sizeof name) && !strncmp(name, "vit_", 4) && strstr(name, "_clip_")
             && norm.type != JSON_STRING;
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
