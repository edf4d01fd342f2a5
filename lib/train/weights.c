/* SPDX-License-Identifier: MIT */
/* weights.c -- views of weights, gradients and averages under any naming, encoder first, then head. */
#include "train/trainer.h"

#include <math.h>

static void release(void *owner) { mim_trainer_destroy(owner); }

mim_status mim__trainer_names(const mim_trainer *t, float *encoder, float *head, struct mim__names *out)
{
    mim_status status =
        mim__encoder_names(t->encoder, &(struct encoder_naming){ NAMING_MIM, "encoder.", true }, encoder, out);
    return status ? status : mim__head_names(t->head, &(struct head_naming){ NAMING_MIM, false, "head." }, head, out);
}

/* What stands before the encoder's names: libmim's and transformers' models have a part for it, timm's are bare. */
static struct encoder_naming naming_of(const mim_trainer *t, const char *asked, enum naming n)
{
    bool own = !asked && n != NAMING_MIM;
    bool within = n == NAMING_HUGGINGFACE && t->head->store.count;
    const char *usual = n == NAMING_MIM ? "encoder." : within ? mim__encoder_prefix(t->encoder) : "";
    return (struct encoder_naming){ n, own ? t->encoder->source.prefix : usual,
                                    own ? t->encoder->source_pretext : n == NAMING_HUGGINGFACE && mim__head_masks(t->head) };
}

static mim_status list_names(const mim_trainer *t, const char *asked, enum naming n, int32_t what, struct mim__names *names)
{
    float *base = what == MIM_GRADIENTS ? t->gradients : what == MIM_AVERAGE ? t->average : NULL;
    float *encoder = base ? base : t->encoder->store.values;
    float *head = base ? base + t->encoder->store.elements : t->head->store.values;
    struct encoder_naming as = naming_of(t, asked, n);
    struct head_naming of_head = { n, !asked, n == NAMING_MIM ? "head." : "" };
    mim_status status = mim__encoder_names(t->encoder, &as, encoder, names);
    return status ? status : mim__head_names(t->head, &of_head, head, names);
}

/* Share of hidden patches, such that transformers, which drops the fraction of the visible ones, comes to our count. */
static double mask_ratio(const mim_trainer *t)
{
    int all = t->eb.rows * t->eb.cols, kept = t->usual ? t->usual : all;
    double ratio = (double)(all - kept) / all;
    return (int)(all * (1 - ratio)) == kept ? ratio : nextafter(ratio, 0);
}

/* config.json of the folder that the view can be saved as; none under libmim's own naming, or, for the reason that goes to
 * no_folder, where the other library has no such model. */
static mim_status make_json(const mim_trainer *t, enum naming n, bool own, struct mim__text *more, struct mim__text *json,
                            char no_folder[FOLDER_WHY])
{
    struct encoder_json j = { .naming = n, .own = own, .why = no_folder };
    mim_status status = n == NAMING_MIM ? MIM_OK : mim__head_json(t->head, own, mask_ratio(t), &j, more);
    if (!status)
        status = mim__encoder_json(t->encoder, &j, json);
    if (status)
        json->size = 0;
    return no_folder[0] ? MIM_OK : status;
}

mim_status mim__trainer_weights(mim_trainer *t, int32_t what, const char *naming, mim_tensors **out)
{
    mim_context *ctx = t->object.ctx;
    struct mim__names names = { .ctx = ctx };
    struct mim__text more = { .ctx = ctx }, json = { .ctx = ctx };
    char no_folder[FOLDER_WHY] = "";
    enum naming n;
    mim_tensors *view = NULL;
    mim_status status = mim__naming_parse(ctx, naming, t->encoder->source.naming, &n);
    if (!status)
        status = list_names(t, naming, n, what, &names);
    if (!status)
        status = make_json(t, n, !naming, &more, &json, no_folder);
    bool slopes = what == MIM_GRADIENTS;
    struct mim__view v = { .owner = t,
                           .release = release,
                           .writable = true,
                           .whole = slopes,
                           .array = t->gradients,
                           .elements = slopes ? t->elements : 0,
                           .config_json = json.size ? json.data : NULL };
    memcpy(v.no_folder, no_folder, sizeof v.no_folder);
    mim__object_retain(&t->object);
    if (!status)
        status = mim__tensors_view(ctx, &v, names.count, names.list, &view);
    if (status)
        mim_trainer_destroy(t);
    else
        status = mim__trainer_config_text(t, view, n, slopes ? "gradients" : "model");
    if (status)
        mim_tensors_destroy(view);
    else
        *out = view;
    mim__text_free(&json);
    mim__text_free(&more);
    mim__names_free(&names);
    return status;
}

mim_status mim_trainer_tensors(mim_trainer *t, int32_t what, const char *naming, mim_tensors **out)
{
    if (!t || !out)
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_trainer_tensors");
    mim_context *ctx = t->object.ctx;
    switch (what) {
    case MIM_INPUTS: return mim__trainer_inputs(t, out);
    case MIM_OUTPUTS: return mim__trainer_outputs(t, out);
    case MIM_STATE: return mim__trainer_state(t, out);
    case MIM_WEIGHTS: return mim__trainer_weights(t, what, naming, out);
    case MIM_GRADIENTS:
        return t->gradients ? mim__trainer_weights(t, what, naming, out)
                            : mim__fail(ctx, MIM_ERR_STATE, "trainer.gradients is 0: there are none");
    case MIM_AVERAGE:
        return t->average ? mim__trainer_weights(t, what, naming, out)
                          : mim__fail(ctx, MIM_ERR_STATE, "trainer.average is 0: no average is kept");
    default: return mim__fail(ctx, MIM_ERR_ARGUMENT, "mim_trainer_tensors: what is %d", (int)what);
    }
}
