/* SPDX-License-Identifier: MIT */
/* visible.c -- an encoder without a mask token sees the visible patches alone. A plan is for one count of them: the
 * masker's, or that of the masks which the host hands in; another count takes another plan. */
#include "train/trainer.h"

#include "base/philox.h"

mim_status mim__trainer_expect_visible(mim_trainer *t)
{
    int rows, cols, hidden;
    mim_status status = mim__encoder_grid(t->encoder, t->image.height, t->image.width, &rows, &cols);
    if (status || !t->masker || t->encoder->options.mask_token)
        return status;
    hidden = mim__masker_expects(t->masker);
    if (hidden < 0)
        return mim__fail(t->object.ctx, MIM_ERR_VALUE,
                         "this masker hides more of one picture than of another, and hidden patches are left out of the "
                         "encoder (encoder.mask_token 0): of kind block set masker.exact 1, of kind grid masker.phase");
    if (hidden < 1 || hidden >= rows * cols)
        return mim__fail(t->object.ctx, MIM_ERR_VALUE,
                         "masker.ratio and masker.count hide %d of %d patches; they must hide some and leave some", hidden,
                         rows * cols);
    t->kept = rows * cols - hidden;
    return MIM_OK;
}

/* ---- another plan ---- */

struct layout {
    struct graph *graph;
    struct plan *plan;
    unsigned char *recompute;
    struct encoder_build eb;
    struct head_build hb;
    struct trainer_sizes sizes;
};

static struct layout take(mim_trainer *t)
{
    struct layout l = { t->graph, t->plan, t->recompute, t->eb, t->hb, t->sizes };
    t->graph = NULL;
    t->plan = NULL;
    t->recompute = NULL;
    return l;
}

static void put_back(mim_trainer *t, const struct layout *l)
{
    t->graph = l->graph;
    t->plan = l->plan;
    t->recompute = l->recompute;
    t->eb = l->eb;
    t->hb = l->hb;
    t->sizes = l->sizes;
    t->kept = l->eb.kept;
}

static void drop(mim_context *ctx, const struct layout *l)
{
    mim__free(ctx, l->recompute);
    mim__plan_destroy(l->plan);
    mim__graph_destroy(l->graph);
}

/* The new plan before the old one goes, so that a failure changes nothing. */
static mim_status plan_for(mim_trainer *t, int kept)
{
    const struct layout old = take(t);
    t->kept = kept;
    mim_status status = mim__trainer_lay_out(t, false);
    if (status) {
        const struct layout failed = take(t);
        drop(t->object.ctx, &failed);
        put_back(t, &old);
        return status;
    }
    drop(t->object.ctx, &old);
    mim__trainer_tie_inputs(t);
    t->forwarded = t->sloped = false;
    t->shown = 0;
    return MIM_OK;
}

mim_status mim__trainer_fit_visible(mim_trainer *t, const mim_images *images, int64_t batch)
{
    const struct mim__input *in = &t->inputs[INPUT_HIDDEN];
    if (!t->eb.visible)
        return MIM_OK;
    int kept = in->set ? mim__input_visible(in) : t->usual;
    if (kept == t->eb.kept)
        return MIM_OK;
    mim_status status = MIM_OK;
    if (images && !t->inputs[INPUT_PIXELS].set)             /* before the outputs of the last batch go */
        status = mim__images_check(t->object.ctx, &t->image, images, &batch);
    return status ? status : plan_for(t, kept);
}

/* ---- which ---- */

/* Elements first .. end - 1 in random order (Fisher and Yates; Knuth, TAOCP vol. 2, alg. 3.4.2 P). */
static void shuffle(const struct mim__stream *s, int first, int end, int32_t *v)
{
    for (int i = end - 1; i > first; i--) {
        int j = first + (int)mim__below(mim__word(s, (uint32_t)i), (uint32_t)(i - first + 1));
        int32_t held = v[i];
        v[i] = v[j];
        v[j] = held;
    }
}

/* The patches of each picture: visible ones, then hidden ones, each in an order drawn for this picture and epoch. */
static void draw_order(mim_trainer *t, int64_t batch, int64_t epoch, const int64_t *ids)
{
    int all = t->eb.rows * t->eb.cols, kept = t->eb.kept;
    const int32_t *mask = mim__plan_data(t->plan, t->eb.mask);
    int32_t *order = mim__plan_data(t->plan, t->hb.order);
    for (int64_t b = 0; b < batch; b++, mask += all, order += all) {
        struct mim__stream s = mim__stream((uint64_t)t->run.seed, STREAM_ORDER, (uint64_t)ids[b], (uint64_t)epoch);
        int place[2] = { 0, kept };
        for (int i = 0; i < all; i++)
            order[place[mask[i]]++] = i;
        shuffle(&s, 0, kept, order);
        shuffle(&s, kept, all, order);
    }
}

void mim__trainer_list_visible(mim_trainer *t, int64_t batch, int64_t epoch, const int64_t *ids)
{
    if (t->eb.visible)
        mim__list_visible(mim__plan_data(t->plan, t->eb.mask), batch, (int64_t)t->inputs[INPUT_HIDDEN].each,
                          mim__plan_data(t->plan, t->eb.visible));
    if (t->hb.order)
        draw_order(t, batch, epoch, ids);
}

int64_t *mim__trainer_visible(mim_trainer *t)
{
    const int32_t *from = mim__plan_data(t->plan, t->eb.visible);
    for (int64_t i = 0; i < (int64_t)t->shown * t->eb.kept; i++)
        t->visible[i] = from[i];
    return t->visible;
}
