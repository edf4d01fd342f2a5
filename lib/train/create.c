/* SPDX-License-Identifier: MIT */
/* create.c -- joining the four parts: made from the configuration where they are not given, then planned. */
#include "train/trainer.h"

#include <stdio.h>

/* ---- frozen parameters ---- */

/* `*` stands for any run of characters. Without recursion: on a mismatch the last `*` takes one more. */
static bool glob(const char *pattern, const char *name)
{
    const char *star = NULL, *from = NULL;
    while (*name)
        if (*pattern == '*') {
            star = pattern++;
            from = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++from;
        } else {
            return false;
        }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

bool mim__name_matches(const char *pattern, const char *name)
{
    size_t n = strlen(pattern);
    return glob(pattern, name) || (!strncmp(pattern, name, n) && name[n] == '.');
}

static void full_name(const struct param *p, char to[128])
{
    snprintf(to, 128, "%s%s", p->store ? "head." : "encoder.", p->name);
}

const struct param *mim__trainer_param(const mim_trainer *t, int i)
{
    return i < t->encoder->store.count ? &t->encoder->store.params[i] : &t->head->store.params[i - t->encoder->store.count];
}

static mim_status mark_trained(mim_trainer *t)
{
    int count = t->encoder->store.count + t->head->store.count;
    bool hit[OPTION_LIST_MAX] = { false };
    t->trained = mim__calloc(t->object.ctx, (size_t)count + 1, 1);
    if (!t->trained)
        return mim__no_memory(t->object.ctx, (size_t)count);
    for (int i = 0; i < count; i++) {
        char name[128];
        full_name(mim__trainer_param(t, i), name);
        t->trained[i] = mim__trainer_param(t, i)->flags & PARAM_FIXED ? 0 : TRAINED;
        for (int k = 0; k < t->options.frozen.count; k++)
            if (mim__name_matches(t->options.frozen.v[k], name)) {
                hit[k] = true;
                t->trained[i] = 0;
            }
    }
    for (int k = 0; k < t->options.frozen.count; k++)
        if (!hit[k])
            return mim__fail(t->object.ctx, MIM_ERR_KEY, "trainer.frozen: no parameter is \"%s\" or part of it; * stands "
                             "for any part of a name", t->options.frozen.v[k]);
    return MIM_OK;
}

/* ---- the optimizer ---- */

static mim_status join(mim_trainer *t)
{
    int count = t->encoder->store.count + t->head->store.count, depth = (int)t->encoder->options.depth;
    struct mim__slot *slots = mim__calloc(t->object.ctx, (size_t)count + 1, sizeof *slots);
    char (*names)[128] = mim__calloc(t->object.ctx, (size_t)count + 1, sizeof *names);
    mim_status status = slots && names ? MIM_OK : mim__no_memory(t->object.ctx, (size_t)count * sizeof *slots);
    for (int i = 0; i < count && !status; i++) {
        const struct param *p = mim__trainer_param(t, i);
        const struct mim__store *s = p->store ? &t->head->store : &t->encoder->store;
        full_name(p, names[i]);
        slots[i] = (struct mim__slot){
            .name = names[i],
            .weight = s->values + p->offset,
            .offset = p->offset + (p->store ? t->encoder->store.elements : 0),
            .count = p->count,
            .rank = p->shape.rank,
            .layer = p->store ? depth + 1 : t->encoder->kind->layer(t->encoder, p->name),
            .no_decay = p->flags & PARAM_NO_DECAY,
            .frozen = !t->trained[i],
        };
    }
    struct mim__joining all = { depth + 2, t->elements, (uint64_t)t->run.seed, { t->moments[0], t->moments[1] } };
    if (!status)
        status = mim__optimizer_join(t->optimizer, count, slots, &all);
    t->joined = !status;
    mim__free(t->object.ctx, names);
    mim__free(t->object.ctx, slots);
    return status;
}

static mim_status floats(mim_trainer *t, size_t n, float **out)
{
    *out = mim__calloc(t->object.ctx, n + 1, sizeof **out);
    return *out ? MIM_OK : mim__no_memory(t->object.ctx, n * sizeof **out);
}

static mim_status make_moments(mim_trainer *t)
{
    size_t n = t->sizes.range.count, size = dtype_size(mim__optimizer_moment_type(t->optimizer));
    for (int i = 0; i < mim__optimizer_moments(t->optimizer); i++) {
        t->moments[i] = mim__calloc(t->object.ctx, n + 1, size);
        if (!t->moments[i])
            return mim__no_memory(t->object.ctx, n * size);
    }
    return join(t);
}

/* Also where nothing is trained: a state that is resumed may bring one to evaluate. */
static mim_status make_average(mim_trainer *t)
{
    mim_status status = floats(t, t->elements, &t->average);
    if (status)
        return status;
    memcpy(t->average, t->encoder->store.values, t->encoder->store.elements * sizeof(float));
    memcpy(t->average + t->encoder->store.elements, t->head->store.values, t->head->store.elements * sizeof(float));
    return MIM_OK;
}

/* ---- inputs and what outputs need ---- */

/* Labels that become soft ones on their way into the graph: mix.c makes "mixture" of them. */
static bool softens(const mim_trainer *t) { return t->mixes && !t->head->options.mixture; }

static struct tensor *input_tensor(const mim_trainer *t, enum trainer_input i)
{
    struct tensor *const all[TRAINER_INPUTS] = {
        [INPUT_PIXELS] = t->eb.pixels, [INPUT_HIDDEN] = t->eb.mask, [INPUT_LABELS] = t->hb.labels,
        [INPUT_MIXTURE] = softens(t) ? NULL : t->hb.mixture, [INPUT_TARGET] = t->hb.target,
        [INPUT_GRADIENT] = t->hb.seed == t->hb.loss ? NULL : t->hb.seed,
    };
    return all[i];
}

/* Elements of the largest batch; of the tokens' gradient, with all patches encoded. */
static size_t input_room(const mim_trainer *t, enum trainer_input i)
{
    struct tensor *x = input_tensor(t, i);
    if (!x)
        return softens(t) && i == INPUT_LABELS ? (size_t)t->options.batch : 0;
    const struct shape *s = mim__tensor_shape(x);
    bool tokens = i == INPUT_GRADIENT && x == t->eb.tokens;
    size_t all = (size_t)(t->eb.first + t->eb.token_rows * t->eb.token_cols);
    return tokens ? (size_t)s->dim[0] * all * (size_t)s->dim[2] : elements(s);
}

void mim__trainer_tie_inputs(mim_trainer *t)
{
    for (int i = 0; i < TRAINER_INPUTS; i++) {
        struct mim__input *in = &t->inputs[i];
        t->places[i] = input_tensor(t, (enum trainer_input)i);
        size_t each = t->places[i] ? elements(mim__tensor_shape(t->places[i])) / (size_t)t->eb.batch
                                     : input_room(t, (enum trainer_input)i) / (size_t)t->eb.batch;
        if (each != in->each)                       /* a gradient that was set is for other tokens */
            in->set = 0;
        in->each = each;
    }
}

/* Copies, so that the next batch may be handed in while the outputs of this one stand and its backward is due. */
static mim_status make_inputs(mim_trainer *t)
{
    static const struct { const char *name; enum input_check check; } all[TRAINER_INPUTS] = {
        [INPUT_PIXELS] = { "pixels", INPUT_FINITE }, [INPUT_HIDDEN] = { "mask", INPUT_MASK },
        [INPUT_LABELS] = { "labels", INPUT_LABEL }, [INPUT_MIXTURE] = { "mixture", INPUT_FINITE },
        [INPUT_TARGET] = { "target", INPUT_FINITE }, [INPUT_GRADIENT] = { "gradient", INPUT_ANY },
    };
    for (int i = 0; i < TRAINER_INPUTS; i++) {
        struct tensor *x = input_tensor(t, (enum trainer_input)i);
        size_t n = input_room(t, (enum trainer_input)i);
        if (!n)
            continue;
        t->inputs[i] = (struct mim__input){ .name = all[i].name, .check = all[i].check, 
                                            .type = x ? mim__tensor_type(x) : I32,
                                            .batch = t->options.batch, .classes = t->head->options.classes };
        t->inputs[i].data = mim__calloc(t->object.ctx, n, sizeof(float));
        if (!t->inputs[i].data)
            return mim__no_memory(t->object.ctx, n * sizeof(float));
    }
    mim__trainer_tie_inputs(t);
    const struct head_options *o = &t->head->options;
    struct mim__input *mask = &t->inputs[INPUT_HIDDEN];
    mask->needs_hidden = mim__head_masks(t->head) && o->loss != HEAD_LOSS_HOST && o->visible == 0;
    mask->equal = t->eb.visible != NULL;
    mask->needs_visible = mask->equal;
    return MIM_OK;
}

static size_t picture_bytes(const mim_trainer *t)
{
    return (size_t)t->options.batch * (size_t)(t->image.channels * t->image.height * t->image.width) * sizeof(float);
}

static size_t sums_bytes(const mim_trainer *t)
{
    return 2 * (size_t)(t->image.height + 1) * (size_t)(t->image.width + 1) * sizeof(double);
}

size_t mim__trainer_buffers(const mim_trainer *t)
{
    size_t batch = (size_t)t->options.batch, bytes = mim__image_work(&t->image) + sums_bytes(t) + batch * sizeof(int64_t);
    for (int i = 0; i < TRAINER_INPUTS; i++)
        bytes += input_room(t, (enum trainer_input)i) * sizeof(float);
    bytes += batch * (size_t)t->eb.rows * (size_t)t->eb.cols * (1 + (t->eb.visible ? sizeof(int64_t) : 0));
    bytes += t->hb.statistics ? elements(mim__tensor_shape(t->hb.statistics)) * sizeof(float) : 0;
    return bytes + (t->hb.shows ? 2 * picture_bytes(t) : 0);
}

static mim_status make_buffers(mim_trainer *t)
{
    mim_context *ctx = t->object.ctx;
    size_t batch = (size_t)t->options.batch, pixels = picture_bytes(t) / sizeof(float), bytes = mim__image_work(&t->image);
    t->image_work = mim__alloc(ctx, bytes);
    t->mask = mim__calloc(ctx, batch, (size_t)t->eb.rows * (size_t)t->eb.cols);
    t->sums = mim__calloc(ctx, sums_bytes(t), 1);
    t->ids = mim__calloc(ctx, batch, sizeof *t->ids);
    if (t->eb.visible)
        t->visible = mim__calloc(ctx, batch * (size_t)t->eb.rows * (size_t)t->eb.cols, sizeof *t->visible);
    if (!t->image_work || !t->mask || !t->sums || !t->ids || (t->eb.visible && !t->visible))
        return mim__no_memory(ctx, bytes);
    mim_status status = mim__executor_reserve(mim__context_executor(ctx), bytes);
    if (!status && t->hb.shows)
        status = floats(t, pixels, &t->reconstruction);
    if (!status && t->hb.shows)
        status = floats(t, pixels, &t->picture);
    if (!status && t->hb.statistics && t->options.gradients)
        status = floats(t, elements(mim__tensor_shape(t->hb.statistics)), &t->statistics);
    return status;
}

/* ---- parts ---- */

/* Image keys that config does not set are the encoder's. */
static mim_status read_image(mim_trainer *t, const mim_config *config)
{
    mim_config *whole = NULL;
    mim_status status = mim__report_create(t->object.ctx, &whole);
    if (!status)
        status = mim__report_options(whole, mim__image_options, &t->encoder->image);
    if (!status && config)
        status = mim__config_merge(whole, config);
    if (!status)
        status = mim__image_read_options(t->object.ctx, whole, &t->image);
    mim_config_destroy(whole);
    if (!status && t->image.channels != t->encoder->image.channels)
        status = mim__fail(t->object.ctx, MIM_ERR_SHAPE, "image.channels is %lld, the encoder's is %lld",
                           (long long)t->image.channels, (long long)t->encoder->image.channels);
    return status;
}

static mim_status take_encoder(mim_trainer *t, const mim_config *config, const struct trainer_parts *p, bool dry)
{
    mim_context *ctx = t->object.ctx;
    if (p->head && p->encoder && p->head->encoder != p->encoder)
        return mim__fail(ctx, MIM_ERR_STATE, "the head belongs to another encoder");
    mim_encoder *given = p->encoder ? p->encoder : p->head ? p->head->encoder : NULL;
    if (given) {
        mim__encoder_retain(given);
        t->encoder = given;
        return MIM_OK;
    }
    return dry ? mim__encoder_create_dry(ctx, config, &t->encoder) : mim_encoder_create(ctx, config, NULL, &t->encoder);
}

static mim_status take_head(mim_trainer *t, const mim_config *config, const struct trainer_parts *p, bool dry)
{
    if (p->head) {
        mim__head_retain(p->head);
        t->head = p->head;
        return MIM_OK;
    }
    return dry ? mim__head_create_dry(t->object.ctx, config, t->encoder, &t->head)
               : mim_head_create(t->object.ctx, config, t->encoder, NULL, &t->head);
}

static mim_status take_masker(mim_trainer *t, const mim_config *config, const struct trainer_parts *p)
{
    mim_context *ctx = t->object.ctx;
    int rows, cols, of_masker[2];
    mim_status status = mim__encoder_grid(t->encoder, t->image.height, t->image.width, &rows, &cols);
    if (status)
        return status;
    if (!p->masker)
        return mim__head_masks(t->head)
                   ? mim__masker_create(ctx, config, rows, cols, (int)t->encoder->options.patch, &t->masker)
                   : MIM_OK;
    mim__masker_grid(p->masker, &of_masker[0], &of_masker[1]);
    if (of_masker[0] != rows || of_masker[1] != cols)
        return mim__fail(ctx, MIM_ERR_SHAPE, "the masker is for %dx%d patches, the pictures have %dx%d", of_masker[0],
                         of_masker[1], rows, cols);
    mim__masker_retain(p->masker);
    t->masker = p->masker;
    return MIM_OK;
}

static mim_status take_optimizer(mim_trainer *t, const mim_config *config, const struct trainer_parts *p)
{
    if (p->optimizer) {
        mim__optimizer_retain(p->optimizer);
        t->optimizer = p->optimizer;
        return MIM_OK;
    }
    return mim_optimizer_create(t->object.ctx, config, &t->optimizer);
}

/* Handles of one trainer share a context. */
static mim_status check_contexts(mim_trainer *t, const struct trainer_parts *p)
{
    mim_context *ctx = t->object.ctx;
    const char *foreign = p->encoder && p->encoder->object.ctx != ctx ? "encoder"
                        : p->head && p->head->object.ctx != ctx ? "head"
                        : p->masker && mim__masker_context(p->masker) != ctx ? "masker"
                        : p->optimizer && mim__optimizer_context(p->optimizer) != ctx ? "optimizer" : NULL;
    return foreign ? mim__fail(ctx, MIM_ERR_ARGUMENT, "the %s is another context's", foreign) : MIM_OK;
}

/* Mixing is asked for by this trainer's configuration, or inherited with the encoder's, where it matters to a classifier
 * only. */
static mim_status choose_mixing(mim_trainer *t, const mim_config *config)
{
    bool classifies = t->head->kind == &mim__classifier, asked = mim__image_mixes(&t->image);
    t->mixes = asked && classifies && t->options.gradients;
    if (asked && !classifies && (mim__config_has(config, "image.mixup") || mim__config_has(config, "image.cutmix")))
        return mim__fail(t->object.ctx, MIM_ERR_VALUE, "image.mixup %g and image.cutmix %g want a head of kind classifier, "
                         "not %s", t->image.mixup, t->image.cutmix, t->head->kind->name);
    if (!classifies)                                /* nothing of it in the state, which would ask for it */
        t->image.mixup = t->image.cutmix = 0;
    return MIM_OK;
}

static mim_status take_parts(mim_trainer *t, const mim_config *config, const struct trainer_parts *p, bool dry)
{
    mim_status status = check_contexts(t, p);
    if (!status)
        status = mim__read_options(t->object.ctx, config, mim__run_options, &t->run);
    if (!status)
        status = mim__read_options(t->object.ctx, config, mim__trainer_options, &t->options);
    if (!status)
        status = take_encoder(t, config, p, dry);
    if (!status)
        status = take_head(t, config, p, dry);
    if (!status)
        status = read_image(t, config);
    if (!status)
        status = choose_mixing(t, config);
    if (!status)
        status = take_masker(t, config, p);
    if (!status)
        status = mim__trainer_expect_visible(t);
    t->usual = t->kept;
    if (!status)
        status = take_optimizer(t, config, p);
    if (!status && t->options.evaluate && !(t->options.average > 0))
        status = mim__fail(t->object.ctx, MIM_ERR_VALUE, "trainer.evaluate is average, but trainer.average is 0");
    if (!status && t->options.average > 0 && mim__optimizer_shares(t->optimizer))
        status = mim__fail(t->object.ctx, MIM_ERR_VALUE,
                           "trainer.average %g is of all weights, but with optimizer.shards an update knows one range of them",
                           t->options.average);
    return status;
}

static mim_status set_up(mim_trainer *t, const mim_config *config, const struct trainer_parts *p, bool dry)
{
    mim_status status = take_parts(t, config, p, dry);
    if (!status)
        status = mark_trained(t);
    t->elements = status ? 0 : t->encoder->store.elements + t->head->store.elements;
    if (!status && !dry && t->options.gradients)
        status = floats(t, t->elements, &t->gradients);
    if (!status)
        status = mim__trainer_lay_out(t, dry);
    if (status || dry)
        return status;
    status = mim__texts_create(t->object.ctx, &t->texts);
    if (!status && t->options.gradients)
        status = make_moments(t);
    if (!status && t->options.average > 0)
        status = make_average(t);
    if (!status)
        status = make_inputs(t);
    return status ? status : make_buffers(t);
}

mim_status mim__trainer_create(mim_context *ctx, const mim_config *config, struct trainer_parts parts, bool dry,
                               mim_trainer **out)
{
    mim_config *empty = NULL;
    mim_trainer *t = mim__calloc(ctx, 1, sizeof *t);
    if (!t)
        return mim__no_memory(ctx, sizeof *t);
    mim__object_init(&t->object, ctx);
    mim__context_pin_isa(ctx, 1);
    t->host_rate = t->update_seconds = -1;
    t->loss_finite = true;
    mim_status status = config ? MIM_OK : mim_config_create(ctx, NULL, &empty);
    if (!status)
        status = set_up(t, config ? config : empty, &parts, dry);
    mim_config_destroy(empty);
    if (status)
        mim_trainer_destroy(t);
    else
        *out = t;
    return status;
}

mim_status mim_trainer_create(mim_context *ctx, const mim_config *config, mim_encoder *encoder, mim_head *head,
                              mim_masker *masker, mim_optimizer *optimizer, mim_trainer **out)
{
    if (!ctx || !out || (!config && !encoder && !head))
        return mim__null_argument(ctx, "mim_trainer_create");
    return mim__trainer_create(ctx, config, (struct trainer_parts){ encoder, head, masker, optimizer }, false, out);
}

void mim_trainer_destroy(mim_trainer *t)
{
    if (!t || !mim__object_release(&t->object))
        return;
    mim_context *ctx = t->object.ctx;
    if (t->joined)
        mim__optimizer_leave(t->optimizer);
    mim__plan_destroy(t->plan);
    mim__graph_destroy(t->graph);
    mim_optimizer_destroy(t->optimizer);
    mim_masker_destroy(t->masker);
    mim_head_destroy(t->head);
    mim_encoder_destroy(t->encoder);
    mim__texts_destroy(t->texts);
    for (int i = 0; i < TRAINER_INPUTS; i++)
        mim__free(ctx, t->inputs[i].data);
    void *const memory[] = { t->gradients, t->moments[0], t->moments[1], t->average, t->trained, t->recompute, t->image_work,
                             t->ids, t->mask, t->visible, t->reconstruction, t->picture, t->sums,
                             t->statistics };
    for (int i = 0; i < COUNT(memory); i++)
        mim__free(ctx, memory[i]);
    mim__context_pin_isa(ctx, -1);
    mim__object_free(&t->object);
}

/* ---- parts as handles ---- */

mim_status mim_trainer_encoder(mim_trainer *t, mim_encoder **out)
{
    if (!t || !out)
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_trainer_encoder");
    mim__encoder_retain(t->encoder);
    *out = t->encoder;
    return MIM_OK;
}

mim_status mim_trainer_head(mim_trainer *t, mim_head **out)
{
    if (!t || !out)
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_trainer_head");
    mim__head_retain(t->head);
    *out = t->head;
    return MIM_OK;
}

mim_status mim_trainer_masker(mim_trainer *t, mim_masker **out)
{
    if (!t || !out)
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_trainer_masker");
    if (!t->masker)
        return mim__fail(t->object.ctx, MIM_ERR_STATE, "a trainer with a head of kind %s has no masker",
                         t->head->kind->name);
    mim__masker_retain(t->masker);
    *out = t->masker;
    return MIM_OK;
}

mim_status mim_trainer_optimizer(mim_trainer *t, mim_optimizer **out)
{
    if (!t || !out)
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_trainer_optimizer");
    mim__optimizer_retain(t->optimizer);
    *out = t->optimizer;
    return MIM_OK;
}
