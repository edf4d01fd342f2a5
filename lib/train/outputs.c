/* SPDX-License-Identifier: MIT */
/* outputs.c -- views of what goes into a trainer and what comes out of it. */
#include "train/trainer.h"

#include <stdio.h>

/* ---- outputs ---- */

static void set_shape(struct mim__tensor *t, int32_t type, int rank, const int64_t *shape)
{
    t->type = type;
    t->rank = rank;
    memcpy(t->shape, shape, (size_t)rank * sizeof *shape);
}

static struct tensor *find(const mim_trainer *t, const char *name)
{
    return !strcmp(name, "pixels.gradient") ? t->eb.pixels : mim__graph_find(t->graph, name);
}

/* Shape for n pictures, in the words of the header. */
static void describe(const mim_trainer *t, int64_t n, struct mim__tensor *to)
{
    const char *name = to->name;
    int64_t rows = t->eb.rows, cols = t->eb.cols, height = t->eb.height, width = t->eb.width, channels = t->image.channels;
    if (!strcmp(name, "mask")) {
        set_shape(to, MIM_U8, 3, (int64_t[]){ n, rows, cols });
    } else if (!strcmp(name, "visible")) {
        set_shape(to, MIM_I64, 2, (int64_t[]){ n, t->eb.kept });
    } else if (!strcmp(name, "reconstruction")) {
        set_shape(to, MIM_F32, 4, (int64_t[]){ n, channels, height, width });
    } else if (!strcmp(name, "picture")) {
        set_shape(to, MIM_F32, 4, (int64_t[]){ n, height, width, channels });
    } else {
        const struct shape *s = mim__tensor_shape(find(t, name));
        to->type = MIM_F32;
        to->rank = s->rank;
        for (int i = 0; i < s->rank; i++)
            to->shape[i] = s->dim[i];
        if (strcmp(name, "loss"))
            to->shape[0] = s->dim[0] / t->eb.batch * n;
    }
}

static void *data_of(mim_trainer *t, const char *name)
{
    if (!strcmp(name, "mask"))
        return t->mask;
    if (!strcmp(name, "visible"))
        return mim__trainer_visible(t);
    if (!strcmp(name, "reconstruction")) {
        mim__trainer_reconstruct(t);
        return t->reconstruction;
    }
    if (!strcmp(name, "picture")) {
        mim__trainer_compose(t);
        return t->picture;
    }
    if (!strcmp(name, "pixels.gradient"))
        return mim__plan_gradient(t->plan, t->eb.pixels);
    return mim__plan_data(t->plan, find(t, name));
}

static mim_status refresh(void *owner, int index, bool shape_only, struct mim__tensor *to)
{
    mim_trainer *t = owner;
    (void)index;
    describe(t, t->shown ? t->shown : t->options.batch, to);
    if (shape_only)
        return MIM_OK;
    if (!t->shown)
        return mim__fail(t->object.ctx, MIM_ERR_STATE, "output \"%s\" is there after forward, step or evaluate", to->name);
    if (!strcmp(to->name, "pixels.gradient") && !t->sloped)
        return mim__fail(t->object.ctx, MIM_ERR_STATE, "output \"%s\" is there after backward or step", to->name);
    to->data = data_of(t, to->name);
    return MIM_OK;
}

static void release(void *owner) { mim_trainer_destroy(owner); }

static mim_status add(struct mim__names *n, const char *name, bool there)
{
    for (int i = 0; i < n->count; i++)
        there = there && strcmp(n->list[i].name, name);
    return there ? mim__names_add_zeros(n, name, 1) : MIM_OK;
}

static mim_status make_view(mim_trainer *t, const struct mim__view *like, const struct mim__names *names, mim_tensors **out)
{
    struct mim__view v = *like;
    v.owner = t;
    v.release = release;
    mim__object_retain(&t->object);
    mim_status status = mim__tensors_view(t->object.ctx, &v, names->count, names->list, out);
    if (status)
        mim_trainer_destroy(t);
    return status;
}

mim_status mim__trainer_outputs(mim_trainer *t, mim_tensors **out)
{
    struct mim__names names = { .ctx = t->object.ctx };
    const struct { const char *name; bool there; } own[] = {
        { "loss", t->hb.loss }, { "mask", t->eb.mask }, { "visible", t->eb.visible }, { "pixels", true },
        { "prediction", t->hb.prediction },
        { "reconstruction", t->hb.shows }, { "picture", t->hb.shows }, { "logits", t->hb.logits },
        { "tokens", t->hb.seed == t->eb.tokens },
    };
    mim_status status = MIM_OK;
    for (int i = 0; i < COUNT(own) && !status; i++)
        status = add(&names, own[i].name, own[i].there);
    for (int i = 0; i < t->options.outputs.count && !status; i++)
        status = add(&names, t->options.outputs.v[i], true);
    if (!status)
        status = make_view(t, &(struct mim__view){ .refresh = refresh }, &names, out);
    mim__names_free(&names);
    return status;
}

/* ---- inputs ---- */

static mim_status refresh_input(void *owner, int index, bool shape_only, struct mim__tensor *to)
{
    const mim_trainer *t = owner;
    int64_t n = t->options.batch, rows = t->eb.rows, cols = t->eb.cols, tokens = t->eb.first + t->eb.kept;
    (void)index;
    (void)shape_only;
    if (!strcmp(to->name, "mask"))
        set_shape(to, MIM_U8, 3, (int64_t[]){ n, rows, cols });
    else if (!strcmp(to->name, "labels") && t->hb.answers)
        set_shape(to, MIM_I64, 3, (int64_t[]){ n, rows, cols });
    else if (!strcmp(to->name, "labels"))
        set_shape(to, MIM_I64, 1, (int64_t[]){ n });
    else if (!strcmp(to->name, "mixture"))
        set_shape(to, MIM_F32, 2, (int64_t[]){ n, t->head->options.classes });
    else if (!strcmp(to->name, "target"))
        set_shape(to, MIM_F32, 4, (int64_t[]){ n, rows, cols, mim__head_depth(t->head) });
    else if (!strcmp(to->name, "gradient") && t->hb.prediction)
        set_shape(to, MIM_F32, 3, (int64_t[]){ n, rows * cols, mim__head_depth(t->head) });
    else if (!strcmp(to->name, "gradient"))
        set_shape(to, MIM_F32, 3, (int64_t[]){ n, tokens, mim__encoder_width(t->encoder) });
    else
        set_shape(to, MIM_F32, 4, (int64_t[]){ n, t->image.channels, t->eb.height, t->eb.width });
    return MIM_OK;
}

mim_status mim__trainer_inputs(mim_trainer *t, mim_tensors **out)
{
    struct mim__names names = { .ctx = t->object.ctx };
    mim_status status = MIM_OK;
    for (int i = 0; i < TRAINER_INPUTS && !status; i++)
        if (t->inputs[i].name)
            status = mim__names_add_zeros(&names, t->inputs[i].name, 1);
    if (!status)
        status = make_view(t, &(struct mim__view){ .refresh = refresh_input, .unreadable = true }, &names, out);
    mim__names_free(&names);
    return status;
}
