/* SPDX-License-Identifier: MIT */
/* inputs.c -- checks first, everything of it, then converts. */
#include "encoder/inputs.h"

#include "io/convert.h"

#include <math.h>

enum { BLOCK = 512 };

mim_status mim__input_count(mim_context *ctx, const struct mim__input *in, size_t elements, int64_t *count)
{
    if (elements == 0 || elements % in->each)
        return mim__fail(ctx, MIM_ERR_SHAPE, "input \"%s\": %lld elements are no whole number of pictures of %lld", in->name,
                         (long long)elements, (long long)in->each);
    *count = (int64_t)(elements / in->each);
    if (*count > in->batch)
        return mim__fail(ctx, MIM_ERR_SHAPE, "input \"%s\": %lld pictures, but the largest batch is %lld", in->name,
                         (long long)*count, (long long)in->batch);
    return MIM_OK;
}

static mim_status check_floats(mim_context *ctx, const struct mim__input *in, const float *v, size_t n, size_t at)
{
    for (size_t i = 0; i < n; i++)
        if (in->check == INPUT_FINITE && !isfinite(v[i]))
            return mim__fail(ctx, MIM_ERR_VALUE, "input \"%s\": element %lld of picture %lld is not finite", in->name,
                             (long long)((at + i) % in->each), (long long)((at + i) / in->each));
    return MIM_OK;
}

static mim_status check_integers(mim_context *ctx, const struct mim__input *in, const int64_t *v, size_t n, size_t at)
{
    int64_t least = in->check == INPUT_LABEL ? -1 : 0, most = in->check == INPUT_LABEL ? in->classes - 1 : 1;
    for (size_t i = 0; i < n; i++)
        if (in->check != INPUT_ANY && (v[i] < least || v[i] > most))
            return mim__fail(ctx, MIM_ERR_VALUE, "input \"%s\": element %lld of picture %lld is %lld, not in %lld .. %lld",
                             in->name, (long long)((at + i) % in->each), (long long)((at + i) / in->each), (long long)v[i],
                             (long long)least, (long long)most);
    return MIM_OK;
}

static mim_status check_hidden(mim_context *ctx, const struct mim__input *in, int64_t hidden, int64_t count)
{
    if (in->needs_hidden && hidden == 0)
        return mim__fail(ctx, MIM_ERR_VALUE, "input \"%s\" hides none of %lld patches: the loss would be undefined",
                         in->name, (long long)count);
    if (in->needs_visible && hidden == count)
        return mim__fail(ctx, MIM_ERR_VALUE, "input \"%s\" hides all of %lld patches: nothing is left to predict from",
                         in->name, (long long)count);
    return MIM_OK;
}

/* What has been seen of masks: hidden patches of all pictures, of the first, of the present one. */
struct tally { int64_t all, first, now; };

static mim_status count_hidden(mim_context *ctx, const struct mim__input *in, const int64_t *v, size_t n, size_t at,
                               struct tally *t)
{
    for (size_t i = at; i < at + n; i++) {
        size_t picture = i / in->each;
        t->all += v[i - at];
        t->now += v[i - at];
        if ((i + 1) % in->each)
            continue;
        if (picture == 0)
            t->first = t->now;
        if (in->equal && t->now != t->first)
            return mim__fail(ctx, MIM_ERR_VALUE,
                             "input \"%s\" hides %lld patches of picture %lld and %lld of picture 0: where hidden patches "
                             "are left out of the encoder (encoder.mask_token 0), all pictures of a batch hide as many",
                             in->name, (long long)t->now, (long long)picture, (long long)t->first);
        t->now = 0;
    }
    return MIM_OK;
}

/* A block through the checks and, if `write`, into place. */
static mim_status block(mim_context *ctx, const struct mim__input *in, int32_t type, const unsigned char *from, size_t n,
                        size_t at, bool write, struct tally *hidden)
{
    union { float f[BLOCK]; int64_t i[BLOCK]; } v;
    size_t fits = mim__convert(type, from, in->type == F32 ? MIM_F32 : MIM_I64, &v, n);
    if (fits < n)
        return mim__fail(ctx, MIM_ERR_VALUE, "input \"%s\": element %lld does not fit", in->name, (long long)(at + fits));
    mim_status status = in->type == F32 ? check_floats(ctx, in, v.f, n, at) : check_integers(ctx, in, v.i, n, at);
    if (!status && in->check == INPUT_MASK)
        status = count_hidden(ctx, in, v.i, n, at, hidden);
    if (status || !write)
        return status;
    if (in->type == F32)
        memcpy((float *)in->data + at, v.f, n * sizeof(float));
    for (size_t i = 0; in->type == I32 && i < n; i++)
        ((int32_t *)in->data)[at + i] = (int32_t)v.i[i];
    return MIM_OK;
}

mim_status mim__input_set(mim_context *ctx, struct mim__input *in, int32_t type, const void *data, size_t elements)
{
    int64_t count = 0;
    size_t width = mim__type_size(type);
    mim_status status = mim__input_count(ctx, in, elements, &count);
    if (status)
        return status;
    if (!width || mim__type_mix(type, in->type == F32 ? MIM_F32 : MIM_I64))
        return mim__fail(ctx, MIM_ERR_VALUE, "input \"%s\" takes %s, not type %d", in->name,
                         in->type == F32 ? "floats" : "integers", (int)type);
    for (int pass = 0; pass < 2 && !status; pass++) {
        struct tally hidden = { 0, 0, 0 };
        for (size_t at = 0; at < elements && !status; at += BLOCK)
            status = block(ctx, in, type, (const unsigned char *)data + at * width,
                           elements - at < BLOCK ? elements - at : BLOCK, at, pass == 1, &hidden);
        if (!status)
            status = check_hidden(ctx, in, hidden.all, (int64_t)elements);
    }
    if (!status)
        in->set = count;
    return status;
}

int mim__input_visible(const struct mim__input *mask)
{
    const int32_t *v = mask->data;
    int visible = 0;
    for (size_t i = 0; i < mask->each; i++)
        visible += !v[i];
    return visible;
}

void mim__list_visible(const int32_t *mask, int64_t batch, int64_t patches, int32_t *to)
{
    for (int64_t i = 0; i < batch * patches; i++)
        if (!mask[i])
            *to++ = (int32_t)(i % patches);
}
