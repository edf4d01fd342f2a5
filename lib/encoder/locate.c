/* SPDX-License-Identifier: MIT */
/* locate.c -- whose names are these? Finds an encoder among named tensors and tells how it is named there. */
#include "encoder/encoder.h"

#include <stdio.h>

static const char timm_patch[] = "patch_embed.proj.weight";
static const char huggingface_patch[] = "embeddings.patch_embeddings.projection.weight";

static bool ends_with(const char *name, const char *end, char prefix[NAME_PREFIX])
{
    size_t n = strlen(name), m = strlen(end);
    if (n < m || n - m >= NAME_PREFIX || strcmp(name + n - m, end) || (n > m && name[n - m - 1] != '.'))
        return false;
    memcpy(prefix, name, n - m);
    prefix[n - m] = 0;
    return true;
}

static bool has(const mim_tensors *t, const char *prefix, const char *name)
{
    char full[TENSOR_NAME];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return mim__tensors_find(t, full) >= 0;
}

/* timm's plain ViT, or what only BEiT has there. Files of libmim say it themselves. */
static enum name_column timm_column(const mim_tensors *t, const char *prefix)
{
    bool beit = has(t, prefix, "blocks.0.gamma_1") || has(t, prefix, "blocks.0.attn.q_bias")
             || has(t, prefix, "blocks.0.attn.relative_position_bias_table")
             || has(t, prefix, "rel_pos_bias.relative_position_bias_table");
    return beit ? COLUMN_BEIT : COLUMN_TIMM;
}

bool mim__encoder_has_decoder(const mim_tensors *t, const struct encoder_source *s)
{
    return s->naming == NAMING_TIMM ? has(t, s->prefix, "decoder_embed.weight")
                                    : s->naming == NAMING_HUGGINGFACE && has(t, s->wrapper, "decoder.decoder_embed.weight");
}

/* The same of Swin: the authors' files count a merging to the stage before it. */
static enum name_column swin_column(const mim_tensors *t, const char *prefix)
{
    return has(t, prefix, "layers.0.downsample.reduction.weight") ? COLUMN_BEIT : COLUMN_TIMM;
}

/* Is an encoder of this kind beside the tensor `name`? */
static bool found(const mim_tensors *t, const struct architecture *kind, const char *name, struct encoder_source *s)
{
    const char *said = mim__tensors_text(t, "mim.naming");
    s->kind = kind;
    if (ends_with(name, timm_patch, s->prefix) && has(t, s->prefix, kind->timm_mark)) {
        bool ours = said && !strcmp(said, "mim");
        s->column = ours ? COLUMN_MIM : kind == &mim__vit ? timm_column(t, s->prefix) : swin_column(t, s->prefix);
        s->naming = ours ? NAMING_MIM : NAMING_TIMM;
        return true;
    }
    s->naming = NAMING_HUGGINGFACE;
    s->column = COLUMN_HUGGINGFACE;
    return ends_with(name, huggingface_patch, s->prefix) && has(t, s->prefix, kind->huggingface_mark);
}

/* One level of wrapping more, if there is one around all names. */
static bool unwrap(const mim_tensors *t, char wrapper[NAME_PREFIX])
{
    static const char *const all[] = { "module.", "model.", "_orig_mod." };
    size_t within = strlen(wrapper);
    for (int k = 0; k < COUNT(all); k++) {
        size_t n = within + strlen(all[k]);
        int64_t i = 0;
        while (n < NAME_PREFIX && i < mim_tensors_count(t) && !strncmp(mim__tensors_at(t, i)->name, wrapper, within)
               && !strncmp(mim__tensors_at(t, i)->name + within, all[k], n - within))
            i++;
        if (i && i == mim_tensors_count(t)) {
            memcpy(wrapper + within, all[k], n - within + 1);
            return true;
        }
    }
    return false;
}

mim_status mim__encoder_locate(const mim_tensors *t, struct encoder_source *out)
{
    for (int64_t i = 0; i < mim_tensors_count(t); i++)
        for (int k = 0; mim__architectures[k]; k++) {
            struct encoder_source s = { 0 };
            if (found(t, mim__architectures[k], mim__tensors_at(t, i)->name, &s)) {
                while (s.naming != NAMING_MIM && unwrap(t, s.wrapper))
                    continue;
                *out = s;
                return MIM_OK;
            }
        }
    return mim__fail(
        mim__tensors_context(t), MIM_ERR_FORMAT,
        "among %lld tensors there is no encoder that libmim knows: neither a \"...%s\" with \"...%s\" nor a \"...%s\" with "
        "\"...%s\", nor those of another kind",
        (long long)mim_tensors_count(t), timm_patch, mim__vit.timm_mark, huggingface_patch, mim__vit.huggingface_mark);
}
