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

static struct json member(const struct json *of, const char *name)
{
    return of->type == JSON_OBJECT ? mim__json_member(of, name) : (struct json){ JSON_ERROR, NULL, 0 };
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

void mim__import_refuse(struct import *m, mim_status status, const char *name, const struct json *value, const char *what)
{
    mim__import_fail(m, mim__json_unlike(m->ctx, status, name, value, what));
}

/* ---- sizes ---- */

void mim__import_patch(struct import *m)
{
    const struct mim__tensor *w = mim__import_find(m, "patch_embed.proj.weight",
                                                   "embeddings.patch_embeddings.projection.weight", 0, 0);
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

void mim__import_size(struct import *m)
{
    const char *key = m->source.naming == NAMING_HUGGINGFACE ? "image_size" : "img_size";
    struct json v = mim__import_look(m, key);
    int64_t depth;
    if (v.type != JSON_ERROR && !read_pair(&v, &m->height, &m->width))
        mim__import_refuse(m, MIM_ERR_FORMAT, key, &v, "a number or two");
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

bool mim__import_architecture(const struct import *m, char *to, size_t capacity)
{
    struct json v = member(&m->json, "architecture");
    return v.type == JSON_STRING && mim__json_string(&v, to, capacity) != SIZE_MAX;
}

static const struct { const char *theirs, *ours; } activations[] = {
    { "gelu", "gelu" }, { "gelu_python", "gelu" }, { "gelu_new", "gelu_tanh" }, { "gelu_fast", "gelu_tanh" },
    { "gelu_accurate", "gelu_tanh" }, { "gelu_python_tanh", "gelu_tanh" }, { "gelu_pytorch_tanh", "gelu_tanh" },
    { "gelu_tanh", "gelu_tanh" }, { "quick_gelu", "quick_gelu" }, { "relu", "relu" }, { "silu", "silu" },
    { "swish", "silu" },
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
        mim__import_refuse(m, MIM_ERR_FORMAT, "layer_norm_eps", &v, "a number");
    mim__import_f64(m, "encoder.eps", eps);
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

mim_status mim__encoder_config_from(mim_context *ctx, const mim_tensors *t, mim_config *out)
{
    const char *own, *text = mim__tensors_text(t, "config.json"), *why = "";
    struct import m = { .ctx = ctx, .t = t, .out = out };
    mim_status status = mim__tensors_get_config(ctx, t, &own);
    if (status || own)
        return status ? status : take_own(ctx, own, out);
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
