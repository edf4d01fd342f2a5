/* SPDX-License-Identifier: MIT */
/* encode.c -- features without training: a plan of the encoder alone, kept for the next call of the same batch, size and
 * outputs. */
#include "encoder/encoder.h"
#include "encoder/inputs.h"

#include <stdio.h>

enum { OUTPUTS_MAX = 64, PIXELS = 0, MASK = 1 };

struct encoding {
    struct graph *g;
    struct plan *plan;
    struct encoder_build build;
    int64_t *visible;                       /* [batch, kept]: the output of this name */
    struct mim__words outputs;              /* of the last encode */
    bool done;                              /* the outputs can be read */
    struct mim__input inputs[2];            /* of the next encode; data grows as asked */
    size_t room[2];
    void *work;                             /* of the image stage */
};

static void drop_plan(mim_context *ctx, struct encoding *c)
{
    mim__free(ctx, c->visible);
    mim__plan_destroy(c->plan);
    mim__graph_destroy(c->g);
    c->plan = NULL;
    c->g = NULL;
    c->visible = NULL;
    c->done = false;
}

static void release_encoding(mim_context *ctx, struct encoding *c)
{
    drop_plan(ctx, c);
    for (int i = 0; i < 2; i++)
        mim__free(ctx, c->inputs[i].data);
    mim__free(ctx, c->work);
    mim__free(ctx, c);
}

void mim__encoding_free(mim_encoder *e)
{
    if (e->encoding)
        release_encoding(e->object.ctx, e->encoding);
    e->encoding = NULL;
}

static mim_status make_encoding(mim_encoder *e, struct encoding *c)
{
    mim_context *ctx = e->object.ctx;
    size_t bytes = mim__image_work(&e->image), pixels = (size_t)(e->image.channels * e->image.height * e->image.width);
    int rows, cols;
    c->work = mim__alloc(ctx, bytes);
    mim_status status = c->work ? mim__executor_reserve(mim__context_executor(ctx), bytes) : mim__no_memory(ctx, bytes);
    if (!status)
        status = mim__encoder_grid(e, e->image.height, e->image.width, &rows, &cols);
    if (status)
        return status;
    c->inputs[PIXELS] =
        (struct mim__input){ .name = "pixels", .check = INPUT_FINITE, .type = F32, .each = pixels, .batch = INT32_MAX };
    c->inputs[MASK] = (struct mim__input){
        .name = "mask", .check = INPUT_MASK, .type = I32, .each = (size_t)rows * (size_t)cols, .batch = INT32_MAX,
        .equal = !e->options.mask_token, .needs_visible = !e->options.mask_token
    };
    return MIM_OK;
}

static mim_status encoding_of(mim_encoder *e, struct encoding **out)
{
    mim_context *ctx = e->object.ctx;
    mim_status status = MIM_OK;
    if (!e->encoding) {
        struct encoding *c = mim__calloc(ctx, 1, sizeof *c);
        status = c ? make_encoding(e, c) : mim__no_memory(ctx, sizeof *c);
        if (!status)
            e->encoding = c;
        else if (c)
            release_encoding(ctx, c);
    }
    *out = e->encoding;
    return status;
}

/* ---- inputs ---- */

static mim_status set_input(mim_encoder *e, int which, int32_t type, const void *data, size_t elements)
{
    mim_context *ctx = e->object.ctx;
    struct encoding *c = e->encoding;
    struct mim__input *in = &c->inputs[which], larger = *in;
    int64_t count = 0;
    size_t bytes = elements * 4;
    mim_status status = mim__input_count(ctx, in, elements, &count);
    if (status || bytes <= c->room[which])
        return status ? status : mim__input_set(ctx, in, type, data, elements);
    larger.data = mim__alloc(ctx, bytes);
    status = larger.data ? mim__input_set(ctx, &larger, type, data, elements) : mim__no_memory(ctx, bytes);
    mim__free(ctx, status ? larger.data : in->data);
    if (status)                             /* what was set before stays */
        return status;
    *in = larger;
    c->room[which] = bytes;
    return MIM_OK;
}

mim_status mim_encoder_set_input(mim_encoder *e, const char *name, int32_t type, const void *data, size_t elements)
{
    struct encoding *c;
    if (!e || !name || !data)
        return mim__null_argument(e ? e->object.ctx : NULL, "mim_encoder_set_input");
    mim_status status = encoding_of(e, &c);
    if (status)
        return status;
    if (!strcmp(name, "pixels"))
        return set_input(e, PIXELS, type, data, elements);
    if (!strcmp(name, "mask"))
        return set_input(e, MASK, type, data, elements);
    return mim__fail(e->object.ctx, MIM_ERR_KEY, "an encoder has no input \"%.64s\": it has pixels and mask", name);
}

/* ---- the plan ---- */

static bool has_word(const struct mim__words *w, const char *word)
{
    bool has = false;
    for (int i = 0; i < w->count && !has; i++)
        has = !strcmp(w->v[i], word);
    return has;
}

/* Each name once. */
static mim_status parse_outputs(mim_context *ctx, const char *text, struct mim__words *out)
{
    *out = (struct mim__words){ 0 };
    while (*text) {
        size_t n = strcspn(text, " ");
        if (n >= OPTION_WORD_SIZE || (n && out->count == OUTPUTS_MAX))
            return mim__fail(ctx, MIM_ERR_KEY, "outputs are %d names at most, separated by spaces", OUTPUTS_MAX);
        if (n) {
            char *word = memcpy(out->v[out->count], text, n);
            word[n] = 0;
            out->count += !has_word(out, word);
        }
        text += n + (text[n] == ' ');
    }
    return out->count ? MIM_OK : mim__fail(ctx, MIM_ERR_KEY, "no output is named");
}

static bool same_words(const struct mim__words *a, const struct mim__words *b)
{
    bool same = a->count == b->count;
    for (int i = 0; same && i < a->count; i++)
        same = !strcmp(a->v[i], b->v[i]);
    return same;
}

/* Inputs are tensors of the graph too, but no outputs of an encoder. */
static mim_status check_outputs(const mim_encoder *e, const struct graph *g, const struct mim__words *outputs)
{
    for (int i = 0; i < outputs->count; i++) {
        const char *name = outputs->v[i];
        if (!strcmp(name, "pixels") || !strcmp(name, "mask") || !mim__graph_find(g, name))
            return mim__fail(e->object.ctx, MIM_ERR_KEY, "this encoder has no output \"%s\"", name);
    }
    return MIM_OK;
}

static mim_status graph_of(mim_encoder *e, struct encoder_build *build, const struct mim__words *outputs, struct graph **out)
{
    mim_status status = mim__graph_create(e->object.ctx, out);
    if (status)
        return status;
    e->kind->build(e, *out, build);
    status = mim__graph_status(*out);
    return status ? status : check_outputs(e, *out, outputs);
}

/* The new plan before the old one goes, whose outputs stay readable if this fails. */
static mim_status make_plan(mim_encoder *e, struct encoding *c, const struct encoder_build *want,
                            const struct mim__words *outputs)
{
    const char *keep[OUTPUTS_MAX + 1] = { NULL };
    struct plan_options o = { .weights = { e->store.values }, .keep = keep };
    struct encoder_build build = *want;
    struct graph *g = NULL;
    struct plan *plan = NULL;
    for (int i = 0; i < outputs->count; i++)
        keep[i] = outputs->v[i];
    mim_status status = graph_of(e, &build, outputs, &g);
    size_t visible = build.visible ? (size_t)build.batch * (size_t)build.kept : 0;
    int64_t *list = status || !visible ? NULL : mim__calloc(e->object.ctx, visible, sizeof *list);
    if (!status && visible && !list)
        status = mim__no_memory(e->object.ctx, visible * sizeof *list);
    if (!status)
        status = mim__graph_plan(g, &o, &plan);
    if (status) {
        mim__free(e->object.ctx, list);
        mim__graph_destroy(g);
        return status;
    }
    drop_plan(e->object.ctx, c);
    c->g = g;
    c->visible = list;
    c->plan = plan;
    c->build = build;
    c->outputs = *outputs;
    return MIM_OK;
}

static struct image_options sized(const mim_encoder *e, int height, int width)
{
    struct image_options o = e->image;
    o.height = height;
    o.width = width;
    return o;
}

static mim_status check_images(const mim_encoder *e, const struct encoder_build *want, const mim_images *images)
{
    const struct image_options o = sized(e, want->height, want->width);
    int64_t count;
    return mim__images_check(e->object.ctx, &o, images, &count);
}

/* Pictures are checked before a new plan takes the place of the last outputs; where it stays, place does it. */
static mim_status ready(mim_encoder *e, struct encoding *c, const struct encoder_build *want, const mim_images *images,
                        const char *names)
{
    struct mim__words outputs;
    int rows = 0, cols = 0;
    mim_status status = parse_outputs(e->object.ctx, names, &outputs);
    if (!status)
        status = mim__encoder_grid(e, want->height, want->width, &rows, &cols);
    if (status)
        return status;
    bool same = c->plan && c->build.batch == want->batch && c->build.height == want->height && c->build.width == want->width
             && c->build.masked == want->masked && (!want->kept || c->build.kept == want->kept)
             && c->build.compute == want->compute && same_words(&c->outputs, &outputs);
    if (!same && images && !c->inputs[PIXELS].set)
        status = check_images(e, want, images);
    return same || status ? status : make_plan(e, c, want, &outputs);
}

/* ---- encode ---- */

/* Batch and size of this call, from the images or the inputs. */
static mim_status measure(mim_encoder *e, const struct encoding *c, const mim_images *images, struct encoder_build *want)
{
    mim_context *ctx = e->object.ctx;
    const struct mim__input *pixels = &c->inputs[PIXELS], *mask = &c->inputs[MASK];
    int64_t batch = pixels->set;
    want->height = (int)e->image.height;
    want->width = (int)e->image.width;
    if (images) {
        mim_status status = mim__images_count(ctx, images, e->image.channels, "mim_encoder_encode", &batch);
        if (status)
            return status;
        if (pixels->set && pixels->set != batch)
            return mim__fail(ctx, MIM_ERR_SHAPE, "%lld pictures, but the input \"pixels\" is for %lld", (long long)batch,
                             (long long)pixels->set);
        if (e->image.resize == RESIZE_NONE && !pixels->set) {
            want->height = images->height;
            want->width = images->width;
        }
    } else if (!batch) {
        return mim__fail(ctx, MIM_ERR_ARGUMENT, "mim_encoder_encode: neither images nor the input \"pixels\"");
    }
    if (mask->set && (want->height != e->image.height || want->width != e->image.width))
        return mim__fail(ctx, MIM_ERR_SHAPE, "pictures of %dx%d, and masks for %lldx%lld", want->height, want->width,
                         (long long)e->image.height, (long long)e->image.width);
    if (batch < 1 || batch > INT32_MAX || (mask->set && mask->set != batch))
        return mim__fail(ctx, MIM_ERR_SHAPE, "%lld pictures, and masks for %lld", (long long)batch, (long long)mask->set);
    want->batch = (int)batch;
    want->masked = mask->set > 0;
    want->kept = want->masked && !e->options.mask_token ? mim__input_visible(mask) : 0;
    want->compute = (enum dtype)e->run.precision;
    return MIM_OK;
}

static void place_inputs(struct encoding *c)
{
    const struct mim__input *pixels = &c->inputs[PIXELS], *mask = &c->inputs[MASK];
    int32_t *visible = c->build.visible ? mim__plan_data(c->plan, c->build.visible) : NULL;
    if (c->build.masked)
        memcpy(mim__plan_data(c->plan, c->build.mask), mask->data, (size_t)mask->set * mask->each * sizeof(int32_t));
    if (visible)
        mim__list_visible(mask->data, mask->set, (int64_t)mask->each, visible);
    for (int64_t i = 0; visible && i < mask->set * c->build.kept; i++)
        c->visible[i] = visible[i];
    if (pixels->set)
        memcpy(mim__plan_data(c->plan, c->build.pixels), pixels->data, (size_t)pixels->set * pixels->each * sizeof(float));
}

/* The pixels of the host go before images. Images are checked before anything is written. */
static mim_status place(mim_encoder *e, struct encoding *c, const mim_images *images)
{
    const struct image_options o = sized(e, c->build.height, c->build.width);
    mim_status status = MIM_OK;
    if (!c->inputs[PIXELS].set)
        status = mim__image_prepare(e->object.ctx, &o, (uint64_t)e->run.seed, false, images, 0, NULL,
                                    mim__plan_data(c->plan, c->build.pixels), c->work);
    if (!status)
        place_inputs(c);
    return status;
}

mim_status mim_encoder_encode(mim_encoder *e, const mim_images *images, const char *outputs)
{
    struct encoding *c;
    struct encoder_build want = { 0 };
    if (!e || !outputs)
        return mim__null_argument(e ? e->object.ctx : NULL, "mim_encoder_encode");
    mim_status status = encoding_of(e, &c);
    if (!status)
        status = measure(e, c, images, &want);
    if (!status)
        status = ready(e, c, &want, images, outputs);
    if (!status)
        status = place(e, c, images);
    if (!status || status == MIM_ERR_CANCELLED)
        c->done = false;                                /* its pixels are written over */
    if (status)
        return status;
    struct env env = { .pool = mim__context_executor(e->object.ctx), .cancel = mim__context_cancel_flag(e->object.ctx) };
    status = mim__plan_forward(c->plan, &env);
    if (status)
        return status;
    c->done = true;
    c->inputs[PIXELS].set = c->inputs[MASK].set = 0;
    return MIM_OK;
}

/* ---- outputs ---- */

static void set_shape(struct mim__tensor *t, const struct shape *s)
{
    t->type = MIM_F32;
    t->rank = s->rank;
    for (int i = 0; i < s->rank; i++)
        t->shape[i] = s->dim[i];
}

static void set_visible(struct mim__tensor *t, const struct encoder_build *b)
{
    set_shape(t, &SHAPE(b->batch, b->kept));
    t->type = MIM_I64;
}

/* Shape of an output of one picture, before anything was encoded. */
static mim_status describe(const mim_encoder *e, struct mim__tensor *t)
{
    struct encoder_build b = { .batch = 1, .height = (int)e->image.height, .width = (int)e->image.width };
    struct graph *g = NULL;
    mim_status status = mim__graph_create(e->object.ctx, &g);
    if (status)
        return status;
    e->kind->build(e, g, &b);
    status = mim__graph_status(g);
    if (!status && !strcmp(t->name, "visible"))
        set_visible(t, &b);
    else if (!status && !mim__graph_find(g, t->name))
        status = mim__fail(e->object.ctx, MIM_ERR_KEY, "output \"%s\" would be too large for pictures of %dx%d", t->name,
                           b.height, b.width);
    else if (!status)
        set_shape(t, mim__tensor_shape(mim__graph_find(g, t->name)));
    mim__graph_destroy(g);
    return status;
}

static bool computed(const struct encoding *c, const char *name) { return c && c->done && has_word(&c->outputs, name); }

static mim_status refresh(void *owner, int index, bool shape_only, struct mim__tensor *t)
{
    const mim_encoder *e = owner;
    const struct encoding *c = e->encoding;
    (void)index;
    if (computed(c, t->name) && !strcmp(t->name, "visible")) {
        set_visible(t, &c->build);
        t->data = c->visible;
        return MIM_OK;
    }
    if (computed(c, t->name)) {
        struct tensor *x = mim__graph_find(c->g, t->name);
        set_shape(t, mim__plan_shape(c->plan, x));
        t->data = mim__plan_data(c->plan, x);
        return MIM_OK;
    }
    mim_status status = describe(e, t);
    return status || shape_only
             ? status : mim__fail(e->object.ctx, MIM_ERR_STATE, "output \"%s\" was not asked of the last encode", t->name);
}

static void release(void *owner) { mim_encoder_destroy(owner); }

/* Names of all outputs there can be, or of those of the last encode. */
static mim_status list_outputs(const mim_encoder *e, struct mim__names *n)
{
    const struct encoding *c = e->encoding;
    char name[32];
    mim_status status = MIM_OK;
    if (c && c->done) {
        for (int i = 0; i < c->outputs.count && !status; i++)
            status = mim__names_add_zeros(n, c->outputs.v[i], 1);
        return status;
    }
    status = mim__names_add_zeros(n, "tokens", 1);
    if (!status)
        status = mim__names_add_zeros(n, "pooled", 1);
    if (!status && !e->options.mask_token && !e->options.depths.count)
        status = mim__names_add_zeros(n, "visible", 1);
    for (int i = 0; i <= e->options.depth && !status; i++) {
        snprintf(name, sizeof name, "block.%d", i);
        status = mim__names_add_zeros(n, name, 1);
        snprintf(name, sizeof name, "attention.%d", i);
        if (i && !status)
            status = mim__names_add_zeros(n, name, 1);
    }
    for (int i = 1; i <= e->options.depths.count && !status; i++) {
        snprintf(name, sizeof name, "stage.%d", i);
        status = mim__names_add_zeros(n, name, 1);
    }
    return status;
}

mim_status mim__encoding_view(mim_encoder *e, mim_tensors **out)
{
    struct mim__names names = { .ctx = e->object.ctx };
    struct mim__view v = { .owner = e, .release = release, .refresh = refresh };
    mim_status status = list_outputs(e, &names);
    mim__encoder_retain(e);
    if (!status)
        status = mim__tensors_view(e->object.ctx, &v, names.count, names.list, out);
    if (status)
        mim_encoder_destroy(e);
    mim__names_free(&names);
    return status;
}
