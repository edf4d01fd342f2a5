/* SPDX-License-Identifier: MIT */
/* mae.c -- masked autoencoder (He et al. 2022, sec. 3): tokens of the visible patches, a learned vector in the places of the
 * hidden ones, positions, some blocks, and of each patch its pixels. prediction [batch, patches, side^2 * channels], side =
 * patch / reduce, in the order (row, column, channel). Names of parameters and initial values are those of the authors'
 * code. */
#include "head/head.h"

#include "base/json.h"

#include <stdio.h>

enum { DEPTH_MOST = 64, PUBLISHED_WIDTH = 512, PUBLISHED_HEADS = 16 };

static mim_status check(const mim_head *h, struct head_options *o)
{
    if (o->positions == POSITIONS_SINCOS && o->width % 4)
        return mim__fail(h->object.ctx, MIM_ERR_VALUE, "head.positions sincos needs a width that 4 divides, not %lld",
                         (long long)o->width);
    return mim__head_check_decoder(h, o);
}

/* ---- the graph ---- */

static struct linear layer(int in, int out, enum dtype compute)
{
    return (struct linear){ .weight_init = mim__xavier(in, out), .compute = compute, .type = F32 };
}

/* All places of the picture: what the encoder saw, or the mask token; and where each is. */
static struct tensor *sequence(const mim_head *h, struct graph *g, const struct encoder_build *e, enum dtype compute)
{
    const struct encoder_options *from = &h->encoder->options;
    int width = (int)h->options.width;
    struct init normal = { INIT_NORMAL, 0.02f, 0, 0 };
    struct table places = { .name = "decoder_pos_embed", .kind = (enum positions)h->options.positions, .width = width,
                            .rows = (int)from->table_rows, .cols = (int)from->table_cols, .first = e->first,
                            .to_rows = e->rows, .to_cols = e->cols, .resize = (enum table_resize)from->table_resize,
                            .how = normal };
    struct tensor *x = mim__op_linear(g, "decoder_embed", e->tokens, width, layer((int)from->width, width, compute));
    struct tensor *token = mim__graph_param(g, "mask_token", SHAPE(1, 1, width), normal, PARAM_NO_DECAY);
    x = mim__op_scatter(g, x, token, e->visible, (struct scatter){ e->first, e->rows * e->cols });
    return mim__op_embed(g, x, NULL, mim__positions(g, &places));
}

static void build(const mim_head *h, struct graph *g, const struct encoder_build *e, struct head_build *b)
{
    int width = (int)h->options.width, depth = mim__head_depth(h);
    struct linear last = layer(width, depth, b->compute);
    struct tensor *x = mim__head_decode(h, g, sequence(h, g, e, b->compute), e->first + e->rows * e->cols, b->compute);
    last.norm = "decoder_norm";
    last.eps = (float)h->encoder->options.eps;
    x = e->first ? mim__op_slice(g, x, e->first, e->rows * e->cols) : x;
    b->prediction = mim__op_linear(g, "decoder_pred", x, depth, last);
    mim__head_regress(h, g, e, b, 0);
}

/* ---- files ---- */

/* transformers calls the blocks decoder_layers; some of its releases write decoder_encoder.layer instead. */
#define RULES(blocks)                                                                                                \
    { "decoder_embed.weight", "", "", "decoder.decoder_embed.weight" },                                              \
    { "decoder_embed.bias", "", "", "decoder.decoder_embed.bias" },                                                  \
    { "mask_token", "", "", "decoder.mask_token" },                                                                  \
    { "decoder_pos_embed", "", "", "decoder.decoder_pos_embed" },                                                    \
    { "decoder_blocks.%d.norm1.weight", "", "", blocks ".%d.layernorm_before.weight" },                              \
    { "decoder_blocks.%d.norm1.bias", "", "", blocks ".%d.layernorm_before.bias" },                                  \
    { "decoder_blocks.%d.attn.qkv.weight", "", "", blocks ".%d.attention.attention.@.weight" },                      \
    { "decoder_blocks.%d.attn.qkv.bias", "", "", blocks ".%d.attention.attention.@.bias" },                          \
    { "decoder_blocks.%d.attn.proj.weight", "", "", blocks ".%d.attention.output.dense.weight" },                    \
    { "decoder_blocks.%d.attn.proj.bias", "", "", blocks ".%d.attention.output.dense.bias" },                        \
    { "decoder_blocks.%d.norm2.weight", "", "", blocks ".%d.layernorm_after.weight" },                               \
    { "decoder_blocks.%d.norm2.bias", "", "", blocks ".%d.layernorm_after.bias" },                                   \
    { "decoder_blocks.%d.mlp.fc1.weight", "", "", blocks ".%d.intermediate.dense.weight" },                          \
    { "decoder_blocks.%d.mlp.fc1.bias", "", "", blocks ".%d.intermediate.dense.bias" },                              \
    { "decoder_blocks.%d.mlp.fc2.weight", "", "", blocks ".%d.output.dense.weight" },                                \
    { "decoder_blocks.%d.mlp.fc2.bias", "", "", blocks ".%d.output.dense.bias" },                                    \
    { "decoder_norm.weight", "", "", "decoder.decoder_norm.weight" },                                                \
    { "decoder_norm.bias", "", "", "decoder.decoder_norm.bias" },                                                    \
    { "decoder_pred.weight", "", "", "decoder.decoder_pred.weight" },                                                \
    { "decoder_pred.bias", "", "", "decoder.decoder_pred.bias" },                                                    \
    { NULL, NULL, NULL, NULL }
static const struct name_rule rules[] = { RULES("decoder.decoder_layers") };
static const struct name_rule nested_rules[] = { RULES("decoder.decoder_encoder.layer") };
#undef RULES

static const struct mim__tensor *find(const mim_tensors *t, const char *prefix, const char *format, int block)
{
    char name[TENSOR_NAME], full[TENSOR_NAME];
    snprintf(name, sizeof name, format, block);
    snprintf(full, sizeof full, "%s%s", prefix, name);
    int64_t at = mim__tensors_find(t, full);
    return at < 0 ? NULL : mim__tensors_at(t, at);
}

static bool is_nested(const mim_tensors *t, const char *prefix)
{
    return find(t, prefix, "decoder.decoder_encoder.layer.%d.layernorm_before.weight", 0) != NULL;
}

static const struct name_rule *rules_of(const mim_encoder *e, const mim_tensors *t, const char *prefix)
{
    (void)e;
    return t && is_nested(t, prefix) ? nested_rules : rules;
}

/* Of the first tensors that stand in a block, by the layout of the file. */
struct names { const char *norm, *fc1; };
static struct names names_of(const mim_tensors *t, enum name_column c, const char *prefix)
{
    if (c != COLUMN_HUGGINGFACE)
        return (struct names){ "decoder_blocks.%d.norm1.weight", "decoder_blocks.%d.mlp.fc1.weight" };
    return is_nested(t, prefix) ? (struct names){ "decoder.decoder_encoder.layer.%d.layernorm_before.weight",
                                                  "decoder.decoder_encoder.layer.%d.intermediate.dense.weight" }
                                : (struct names){ "decoder.decoder_layers.%d.layernorm_before.weight",
                                                  "decoder.decoder_layers.%d.intermediate.dense.weight" };
}

static mim_status set_i64(mim_config *out, const char *key, int64_t value)
{
    return mim__config_has(out, key) ? MIM_OK : mim_config_set_i64(out, key, value);
}
static mim_status set_str(mim_config *out, const char *key, const char *value)
{
    return mim__config_has(out, key) ? MIM_OK : mim_config_set_str(out, key, value);
}

/* Sizes that shapes tell. */
static mim_status read_shapes(const mim_tensors *t, enum name_column c, const char *prefix, const struct mim__tensor *embed,
                              mim_config *out)
{
    struct names names = names_of(t, c, prefix);
    const struct mim__tensor *fc1 = find(t, prefix, names.fc1, 0);
    int depth = 0;
    while (depth < DEPTH_MOST && find(t, prefix, names.norm, depth))
        depth++;
    if (!fc1 || fc1->rank != 2)
        return mim__fail(mim__tensors_context(t), MIM_ERR_FORMAT, "the decoder of this MAE has no block");
    mim_status status = set_str(out, "head.kind", "mae");
    if (!status)
        status = set_str(out, "head.positions", "sincos");
    if (!status)
        status = set_i64(out, "head.width", embed->shape[0]);
    if (!status)
        status = set_i64(out, "head.depth", depth);
    return status ? status : set_i64(out, "head.hidden", fc1->shape[0]);
}

/* Members of config.json of transformers, or the class's own defaults. */
static mim_status read_members(const mim_tensors *t, const struct json *all, int64_t *heads, mim_config *out)
{
    struct json count = mim__json_member(all, "decoder_num_attention_heads"), norm = mim__json_member(all, "norm_pix_loss");
    struct json hidden = mim__json_member(all, "mask_ratio");
    mim_context *ctx = mim__tensors_context(t);
    double ratio = 0;
    *heads = PUBLISHED_HEADS;
    if (count.type != JSON_ERROR && !mim__json_i64(&count, heads))
        return mim__json_unlike(ctx, MIM_ERR_FORMAT, "decoder_num_attention_heads", &count, "a number");
    if (norm.type != JSON_ERROR && norm.type != JSON_TRUE && norm.type != JSON_FALSE)
        return mim__json_unlike(ctx, MIM_ERR_FORMAT, "norm_pix_loss", &norm, "true or false");
    if (hidden.type != JSON_ERROR && !mim__json_f64(&hidden, &ratio))
        return mim__json_unlike(ctx, MIM_ERR_FORMAT, "mask_ratio", &hidden, "a number");
    mim_status status = set_str(out, "head.target", norm.type == JSON_TRUE ? "patch_norm" : "pixels");
    if (!status && ratio > 0 && ratio < 1 && !mim__config_has(out, "masker.ratio"))
        status = mim_config_set_f64(out, "masker.ratio", ratio);
    return status;
}

/* What shapes do not tell: config.json of transformers, else the one number of heads that was ever published. */
static mim_status read_json(const mim_tensors *t, int64_t width, mim_config *out)
{
    const char *text = mim__tensors_text(t, "config.json"), *why;
    struct json all = { JSON_ERROR, NULL, 0 };
    int64_t heads = width == PUBLISHED_WIDTH ? PUBLISHED_HEADS : 0;
    mim_status status = MIM_OK;
    if (text)
        all = mim__json_parse(text, strlen(text), &why);
    if (all.type == JSON_OBJECT)
        status = read_members(t, &all, &heads, out);
    if (!status && !heads && !mim__config_has(out, "head.heads"))
        return mim__fail(mim__tensors_context(t), MIM_ERR_FORMAT,
                         "neither a tensor nor config.json tells the number of attention heads of the decoder: set "
                         "head.heads");
    return status || !heads ? status : set_i64(out, "head.heads", heads);
}

static mim_status config_from(const mim_tensors *t, enum name_column c, const char *prefix, mim_config *out, bool *found)
{
    const struct mim__tensor *embed =
        find(t, prefix, c == COLUMN_HUGGINGFACE ? "decoder.decoder_embed.weight" : "decoder_embed.weight", 0);
    *found = embed && embed->rank == 2;
    if (!*found)
        return MIM_OK;
    mim_status status = read_shapes(t, c, prefix, embed, out);
    return status ? status : read_json(t, embed->shape[0], out);
}

const struct head_kind mim__mae = {
    .name = "mae", .check = check, .build = build, .config_from = config_from, .rules = rules, .rules_of = rules_of,
    .masks = true, .interleaved = true, .bare = true, .task = "MAEForPreTraining", .model_type = "vit_mae",
};
