/* SPDX-License-Identifier: MIT */
/* values.c -- values of a mim_tensors: read, write, in place, and from one set into another. */
#include "io/convert.h"
#include "io/dtype.h"
#include "io/set.h"
#include "io/values.h"

enum { PIECE = 16384 };                 /* bytes of one read where values are converted on the way */

struct range { size_t first, count; };

static mim_status misfit(mim_context *ctx, const struct mim__tensor *x, int32_t type, size_t at)
{
    char quoted[QUOTE];
    return mim__fail(ctx, MIM_ERR_VALUE, "element %lld of tensor '%s' does not fit %s", (long long)at,
                     mim__quote(x->name, quoted), mim__dtype_at(mim__dtype_of(type))->name);
}

/* Can the range be had as `type` at all? */
static mim_status check(mim_context *ctx, const struct mim__entry *e, const struct mim__tensor *x, int32_t type,
                        struct range r)
{
    char quoted[QUOTE], shape[SHAPE_TEXT];
    size_t elements = mim__set_elements(x);
    if (x->type == 0)
        return mim__fail(ctx, MIM_ERR_UNSUPPORTED, "tensor '%s' is of dtype %s, which libmim cannot read",
                         mim__quote(x->name, quoted), mim__dtype_at(e->dtype)->name);
    if (!mim__type_size(type))
        return mim__fail(ctx, MIM_ERR_ARGUMENT, "type %d is not one of MIM_U8 ... MIM_BOOL", (int)type);
    if (mim__type_mix(x->type, type))
        return mim__fail(ctx, MIM_ERR_VALUE, "tensor '%s' is %s: no conversion between that and %s",
                         mim__quote(x->name, quoted), mim__dtype_at(e->dtype)->name,
                         mim__dtype_at(mim__dtype_of(type))->name);
    if (r.first > elements || r.count > elements - r.first)
        return mim__fail(ctx, MIM_ERR_SHAPE, "%lld elements from %lld are past the end of tensor '%s' %s",
                         (long long)r.count, (long long)r.first, mim__quote(x->name, quoted),
                         mim__shape_text(x->rank, x->shape, shape));
    return MIM_OK;
}

/* From a file; `to` NULL only checks. */
static mim_status fetch_file(mim_context *ctx, const mim_tensors *t, const struct mim__entry *e, int32_t type,
                             struct range r, char *to)
{
    const struct mim__source *s = &t->sources[e->source];
    size_t from_size = mim__type_size(e->t.type), to_size = mim__type_size(type), most = PIECE / from_size;
    uint64_t offset = e->begin + (uint64_t)r.first * from_size;
    if (type == e->t.type && to && type != MIM_BOOL) {
        mim_status status = mim__source_read(ctx, s, offset, to, r.count * from_size);
        mim__convert_little(to, status == MIM_OK ? r.count : 0, from_size);
        return status;
    }
    _Alignas(8) char piece[PIECE];
    for (size_t done = 0, n; done < r.count; done += n) {
        n = r.count - done < most ? r.count - done : most;
        mim_status status = mim__source_read(ctx, s, offset + (uint64_t)done * from_size, piece, n * from_size);
        if (status != MIM_OK)
            return status;
        mim__convert_little(piece, n, from_size);
        size_t good = mim__convert(e->t.type, piece, type, to ? to + done * to_size : NULL, n);
        if (good < n)
            return misfit(ctx, &e->t, type, r.first + done + good);
    }
    return MIM_OK;
}

static mim_status fetch_memory(mim_context *ctx, const struct mim__tensor *x, int32_t type, struct range r, char *to)
{
    if (!x->data) {
        if (to && r.count)
            memset(to, 0, r.count * mim__type_size(type));
        return MIM_OK;
    }
    size_t good = mim__convert(x->type, (const char *)x->data + r.first * mim__type_size(x->type), type, to, r.count);
    return good < r.count ? misfit(ctx, x, type, r.first + good) : MIM_OK;
}

/* Values that may not fit are looked at before the first is written, so that a failure leaves `to` as it was. */
static mim_status fetch(mim_context *ctx, const mim_tensors *t, int32_t index, const struct mim__tensor *x, int32_t type,
                        struct range r, void *to)
{
    const struct mim__entry *e = &t->entries[index];
    mim_status status = check(ctx, e, x, type, r);
    for (int pass = status == MIM_OK && mim__convert_may_fail(x->type, type) ? 0 : 1; pass < 2 && status == MIM_OK; pass++)
        status = t->kind == SET_OPENED ? fetch_file(ctx, t, e, type, r, pass ? to : NULL)
                                       : fetch_memory(ctx, x, type, r, pass ? to : NULL);
    return status;
}

mim_status mim_tensors_read(const mim_tensors *t, const char *name, int32_t type, size_t first, size_t elements, void *to)
{
    struct mim__tensor now;
    int32_t index;
    if (!t || !name || (!to && elements))
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_tensors_read");
    mim_context *ctx = t->object.ctx;
    mim_status status = mim__set_find(ctx, t, name, &index);
    if (status == MIM_OK)
        status = mim__set_now(ctx, t, index, false, &now);
    return status == MIM_OK ? fetch(ctx, t, index, &now, type, (struct range){ first, elements }, to) : status;
}

mim_status mim__tensors_load(mim_context *ctx, const mim_tensors *t, const char *name, int32_t rank, const int64_t *shape,
                             float *to)
{
    char quoted[QUOTE], has[SHAPE_TEXT], wants[SHAPE_TEXT];
    struct mim__tensor now;
    int64_t index = mim__tensors_find(t, name);
    if (index < 0)
        return mim__fail(ctx, MIM_ERR_FORMAT, "tensor '%s' is missing", mim__quote(name, quoted));
    mim_status status = mim__set_now(ctx, t, (int32_t)index, false, &now);
    if (status != MIM_OK)
        return status;
    if (now.rank != rank || memcmp(now.shape, shape, (size_t)rank * sizeof *shape))
        return mim__fail(ctx, MIM_ERR_SHAPE, "tensor '%s' is %s, it should be %s", mim__quote(name, quoted),
                         mim__shape_text(now.rank, now.shape, has), mim__shape_text(rank, shape, wants));
    struct range all = { 0, mim__set_elements(&now) };
    return to ? fetch(ctx, t, (int32_t)index, &now, MIM_F32, all, to) : check(ctx, &t->entries[index], &now, MIM_F32, all);
}

mim_status mim__values_bytes(mim_context *ctx, const mim_tensors *t, int32_t index, const struct mim__tensor *now,
                             uint64_t at, void *to, size_t size)
{
    const struct mim__entry *e = &t->entries[index];
    if (t->kind == SET_OPENED)
        return mim__source_read(ctx, &t->sources[e->source], e->begin + at, to, size);
    if (!now->data) {
        memset(to, 0, size);
        return MIM_OK;
    }
    size_t width = mim__type_size(now->type);
    memcpy(to, (const char *)now->data + at, size);
    mim__convert_little(to, size / width, width);
    return MIM_OK;
}

/* ---- Writing ---- */

static mim_status check_writable(mim_context *ctx, const mim_tensors *t)
{
    if (t->kind == SET_OPENED)
        return mim__fail(ctx, MIM_ERR_STATE, "an opened set cannot be written to");
    if (t->kind == SET_VIEW && !t->view.writable)
        return mim__fail(ctx, MIM_ERR_STATE, "inputs, outputs and state cannot be written to through a view");
    return MIM_OK;
}

/* A tensor without data is zero and stays so. */
static mim_status check_zero(mim_context *ctx, const struct mim__tensor *x, const void *from, size_t bytes)
{
    const unsigned char *p = from;
    char quoted[QUOTE];
    for (size_t i = 0; i < bytes; i++)
        if (p[i])
            return mim__fail(ctx, MIM_ERR_VALUE, "this model has no '%s': it can only be zero", mim__quote(x->name, quoted));
    return MIM_OK;
}

static mim_status store(mim_context *ctx, const struct mim__tensor *x, int32_t type, struct range r, const void *from)
{
    if (!x->data)
        return check_zero(ctx, x, from, r.count * mim__type_size(type));
    size_t good = mim__convert(type, from, x->type, NULL, r.count);
    if (good < r.count)
        return misfit(ctx, x, x->type, r.first + good);
    mim__convert(type, from, x->type, (char *)x->data + r.first * mim__type_size(x->type), r.count);
    return MIM_OK;
}

mim_status mim_tensors_write(mim_tensors *t, const char *name, int32_t type, size_t first, size_t elements, const void *from)
{
    struct mim__tensor now;
    struct range r = { first, elements };
    int32_t index;
    if (!t || !name || (!from && elements))
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_tensors_write");
    mim_context *ctx = t->object.ctx;
    mim_status status = check_writable(ctx, t);
    if (status == MIM_OK)
        status = mim__set_find(ctx, t, name, &index);
    if (status == MIM_OK)
        status = mim__set_now(ctx, t, index, false, &now);
    if (status == MIM_OK)
        status = check(ctx, &t->entries[index], &now, type, r);
    return status ? status : store(ctx, &now, type, r, from);
}

mim_status mim_tensors_data(mim_tensors *t, const char *name, float **data, size_t *elements)
{
    struct mim__tensor now;
    char quoted[QUOTE];
    int32_t index;
    if (!t || !data)
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_tensors_data");
    mim_context *ctx = t->object.ctx;
    if (t->kind == SET_OPENED || t->view.sealed || (!name && !t->view.whole))
        return mim__fail(ctx, MIM_ERR_UNSUPPORTED, "this set is not one array in memory; use mim_tensors_read");
    now = (struct mim__tensor){ .data = t->view.array };
    mim_status status = name ? mim__set_find(ctx, t, name, &index) : MIM_OK;
    if (status == MIM_OK && name)
        status = mim__set_now(ctx, t, index, false, &now);
    if (status != MIM_OK)
        return status;
    if (name && (now.type != MIM_F32 || !now.data))
        return mim__fail(ctx, MIM_ERR_UNSUPPORTED, "tensor '%s' is not f32 in memory; use mim_tensors_read",
                         mim__quote(name, quoted));
    *data = now.data;
    if (elements)
        *elements = name ? mim__set_elements(&now) : t->view.elements;
    return MIM_OK;
}

/* ---- Copying ---- */

/* A tensor and its namesake. Where reading or converting may fail, its values are staged first. */
struct namesakes { struct mim__tensor to, from; int32_t index; bool stage; size_t bytes; };

static mim_status match(const mim_tensors *to, const mim_tensors *from, int32_t i, struct namesakes *m)
{
    mim_context *ctx = to->object.ctx;
    char quoted[QUOTE], has[SHAPE_TEXT], wants[SHAPE_TEXT];
    int64_t index = mim__tensors_find(from, to->entries[i].t.name);
    if (index < 0)
        return mim__fail(ctx, MIM_ERR_KEY, "tensor '%s' is missing", mim__quote(to->entries[i].t.name, quoted));
    m->index = (int32_t)index;
    mim_status status = mim__set_now(ctx, to, i, false, &m->to);
    if (status == MIM_OK)
        status = mim__set_now(ctx, from, m->index, false, &m->from);
    if (status != MIM_OK)
        return status;
    if (m->to.rank != m->from.rank || memcmp(m->to.shape, m->from.shape, (size_t)m->to.rank * sizeof *m->to.shape))
        return mim__fail(ctx, MIM_ERR_SHAPE, "tensor '%s' is %s, it should be %s", mim__quote(m->to.name, quoted),
                         mim__shape_text(m->from.rank, m->from.shape, has), mim__shape_text(m->to.rank, m->to.shape, wants));
    struct range all = { 0, mim__set_elements(&m->to) };
    m->bytes = all.count * mim__type_size(m->to.type);
    status = check(ctx, &from->entries[m->index], &m->from, m->to.type, all);
    m->stage = status == MIM_OK
            && (from->kind == SET_OPENED || !m->to.data || mim__convert_may_fail(m->from.type, m->to.type));
    return status;
}

static size_t staged_size(const struct namesakes *m) { return m->stage ? round_up(m->bytes, 8) : 0; }

static mim_status stage_size(const mim_tensors *to, const mim_tensors *from, size_t *size)
{
    struct namesakes m;
    mim_status status = MIM_OK;
    *size = 0;
    for (int32_t i = 0; i < to->count && status == MIM_OK; i++) {
        status = match(to, from, i, &m);
        if (status == MIM_OK)
            *size += staged_size(&m);
    }
    return status;
}

static mim_status fill_stage(const mim_tensors *to, const mim_tensors *from, char *stage)
{
    struct namesakes m;
    mim_status status = MIM_OK;
    for (int32_t i = 0; i < to->count && status == MIM_OK; i++) {
        status = match(to, from, i, &m);
        if (status != MIM_OK || !m.stage)
            continue;
        status = fetch(to->object.ctx, from, m.index, &m.from, m.to.type, (struct range){ 0, mim__set_elements(&m.to) },
                       stage);
        if (status == MIM_OK && !m.to.data)
            status = check_zero(to->object.ctx, &m.to, stage, m.bytes);
        stage += staged_size(&m);
    }
    return status;
}

/* Nothing can fail any more. */
static void commit(const mim_tensors *to, const mim_tensors *from, const char *stage)
{
    struct namesakes m;
    for (int32_t i = 0; i < to->count && match(to, from, i, &m) == MIM_OK; i++) {
        if (!m.stage)
            fetch_memory(to->object.ctx, &m.from, m.to.type, (struct range){ 0, mim__set_elements(&m.to) }, m.to.data);
        else if (m.to.data && m.bytes)
            memcpy(m.to.data, stage, m.bytes);
        stage += staged_size(&m);
    }
}

mim_status mim_tensors_copy(mim_tensors *to, const mim_tensors *from, int64_t *unused)
{
    if (!to || !from)
        return mim__null_argument(to ? to->object.ctx : from ? from->object.ctx : NULL, "mim_tensors_copy");
    mim_context *ctx = to->object.ctx;
    size_t size = 0;
    mim_status status = check_writable(ctx, to);
    if (status == MIM_OK)
        status = stage_size(to, from, &size);
    if (status != MIM_OK)
        return status;
    char *stage = mim__alloc(ctx, size);
    if (!stage)
        return mim__no_memory(ctx, size);
    status = fill_stage(to, from, stage);
    if (status == MIM_OK)
        commit(to, from, stage);
    mim__free(ctx, stage);
    if (status == MIM_OK && unused)
        *unused = from->count - to->count;
    return status;
}
