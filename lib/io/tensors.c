/* SPDX-License-Identifier: MIT */
/* tensors.c -- the mim_tensors handle: its life, its names, what stands in it. Values are in values.c. */
#include "base/text.h"
#include "io/convert.h"
#include "io/dtype.h"
#include "io/order.h"
#include "io/set.h"

enum { NEAREST_AMONG = 4096 };          /* names that an error message is worth comparing with */

/* ---- Life ---- */

mim_status mim__set_create(mim_context *ctx, enum set_kind kind, mim_tensors **out)
{
    mim_tensors *t = mim__alloc(ctx, sizeof *t);
    if (!t)
        return mim__no_memory(ctx, sizeof *t);
    *t = (mim_tensors){ .kind = kind };
    mim__object_init(&t->object, ctx);
    mim_status status = mim__texts_create(ctx, &t->texts);
    if (status == MIM_OK)
        status = mim__set_reserve(t, 1);
    if (status != MIM_OK) {
        mim__set_destroy(t);
        return status;
    }
    *out = t;
    return MIM_OK;
}

void mim__set_destroy(mim_tensors *t)
{
    if (!t || !mim__object_release(&t->object))
        return;
    mim_context *ctx = t->object.ctx;
    for (int32_t i = 0; i < t->count && t->kind == SET_CREATED; i++)
        mim__free(ctx, t->entries[i].t.data);
    for (int i = 0; i < t->source_count; i++)
        mim__source_close(ctx, &t->sources[i]);
    for (struct mim__storage *next, *s = t->storage; s; s = next) {
        next = s->next;
        mim__free(ctx, s);
    }
    mim__texts_destroy(t->texts);
    mim__free(ctx, t->sources);
    mim__free(ctx, t->entries);
    mim__free(ctx, t->by_name);
    mim__object_free(&t->object);
}

char *mim__set_storage(mim_tensors *t, size_t size)
{
    struct mim__storage *s = mim__alloc(t->object.ctx, sizeof *s + size);
    if (!s) {
        mim__no_memory(t->object.ctx, sizeof *s + size);
        return NULL;
    }
    s->next = t->storage;
    t->storage = s;
    return (char *)(s + 1);
}

mim_status mim__set_reserve(mim_tensors *t, int32_t count)
{
    if (count <= t->capacity)
        return MIM_OK;
    int32_t capacity = count > 2 * t->capacity ? count : 2 * t->capacity;
    struct mim__entry *entries = mim__realloc(t->object.ctx, t->entries, (size_t)capacity * sizeof *entries);
    if (!entries)
        return mim__no_memory(t->object.ctx, (size_t)capacity * sizeof *entries);
    t->entries = entries;
    int32_t *by_name = mim__realloc(t->object.ctx, t->by_name, (size_t)capacity * sizeof *by_name);
    if (!by_name)
        return mim__no_memory(t->object.ctx, (size_t)capacity * sizeof *by_name);
    t->by_name = by_name;
    t->capacity = capacity;
    return MIM_OK;
}

mim_status mim_tensors_create(mim_context *ctx, mim_tensors **out)
{
    if (!ctx || !out)
        return mim__null_argument(ctx, "mim_tensors_create");
    return mim__set_create(ctx, SET_CREATED, out);
}

void mim_tensors_destroy(mim_tensors *t)
{
    struct mim__view view = t ? t->view : (struct mim__view){ .owner = NULL };
    mim__set_destroy(t);
    if (view.release)
        view.release(view.owner);
}

/* ---- Names ---- */

static bool name_before(const void *arg, int32_t a, int32_t b)
{
    const struct mim__entry *entries = arg;
    return strcmp(entries[a].t.name, entries[b].t.name) < 0;
}

void mim__set_sort(mim_tensors *t, int32_t *twin)
{
    mim__order(t->by_name, t->count, name_before, t->entries);
    *twin = -1;
    for (int32_t i = 1; i < t->count && *twin < 0; i++)
        if (!strcmp(t->entries[t->by_name[i - 1]].t.name, t->entries[t->by_name[i]].t.name))
            *twin = t->by_name[i];
}

/* Place in by_name of the first name that is not before `name`. */
static int32_t place(const mim_tensors *t, const char *name)
{
    int32_t low = 0, high = t->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (strcmp(t->entries[t->by_name[middle]].t.name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t mim__tensors_find(const mim_tensors *t, const char *name)
{
    int32_t at = place(t, name);
    return at < t->count && !strcmp(t->entries[t->by_name[at]].t.name, name) ? t->by_name[at] : -1;
}

static const char *nearest(const mim_tensors *t, const char *name)
{
    const char *best = NULL;
    int least = 0;
    if (t->count > NEAREST_AMONG || strlen(name) >= TENSOR_NAME)
        return NULL;
    for (int32_t i = 0; i < t->count; i++) {
        const char *other = t->entries[i].t.name;
        int distance = strlen(other) < TENSOR_NAME ? mim__distance(name, other) : -1;
        if (distance >= 0 && (!best || distance < least)) {
            best = other;
            least = distance;
        }
    }
    return best;
}

mim_status mim__set_find(mim_context *ctx, const mim_tensors *t, const char *name, int32_t *index)
{
    int64_t found = mim__tensors_find(t, name);
    char quoted[QUOTE], near_quoted[QUOTE];
    if (found >= 0) {
        *index = (int32_t)found;
        return MIM_OK;
    }
    const char *near = nearest(t, name);
    if (near)
        return mim__fail(ctx, MIM_ERR_KEY, "there is no tensor '%s'; the nearest is '%s'", mim__quote(name, quoted),
                         mim__quote(near, near_quoted));
    return mim__fail(ctx, MIM_ERR_KEY, "there is no tensor '%s'", mim__quote(name, quoted));
}

const char *mim__quote(const char *name, char to[QUOTE])
{
    size_t size = strlen(name);
    bool cut = size >= QUOTE;
    if (cut) {
        size = QUOTE - sizeof "...";
        while (size && ((unsigned char)name[size] & 0xc0) == 0x80)       /* not inside a character */
            size--;
    }
    memcpy(to, name, size);
    memcpy(to + size, cut ? "..." : "", cut ? sizeof "..." : 1);
    return to;
}

int64_t mim_tensors_count(const mim_tensors *t) { return t ? t->count : -1; }

mim_status mim_tensors_name(const mim_tensors *t, int64_t index, char *name, size_t capacity, size_t *needed)
{
    if (!t || (!name && capacity))
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_tensors_name");
    if (index < 0 || index >= t->count)
        return mim__fail(t->object.ctx, MIM_ERR_ARGUMENT, "tensor %lld of %d", (long long)index, (int)t->count);
    return mim__text_out(t->object.ctx, t->entries[index].t.name, name, capacity, needed);
}

const struct mim__tensor *mim__tensors_at(const mim_tensors *t, int64_t index) { return &t->entries[index].t; }
mim_context *mim__tensors_context(const mim_tensors *t) { return t->object.ctx; }

/* ---- What a tensor is ---- */

mim_status mim__set_now(mim_context *ctx, const mim_tensors *t, int32_t index, bool shape_only, struct mim__tensor *now)
{
    const struct mim__entry *e = &t->entries[index];
    const struct mim__view *v = &t->view;
    char quoted[QUOTE];
    *now = e->t;
    if (e->listed)
        return mim__fail(ctx, MIM_ERR_UNSUPPORTED, "tensor '%s' has shape %.80s: above %d dimensions, or too large",
                         mim__quote(now->name, quoted), e->listed, MIM_MAX_RANK);
    if (v->unreadable && !shape_only)
        return mim__fail(ctx, MIM_ERR_STATE, "input '%s' has a shape but no value to read", mim__quote(now->name, quoted));
    return v->refresh ? v->refresh(v->owner, index, shape_only, now) : MIM_OK;
}

/* Of a shape that was checked: fits, but on a 32-bit machine may exceed size_t. */
size_t mim__set_elements(const struct mim__tensor *now)
{
    uint64_t n = 1;
    for (int32_t i = 0; i < now->rank; i++)
        n *= (uint64_t)now->shape[i];
    return n > SIZE_MAX ? SIZE_MAX : (size_t)n;
}

const char *mim__shape_text(int32_t rank, const int64_t *shape, char to[SHAPE_TEXT])
{
    char *p = to;
    *p++ = '[';
    for (int32_t i = 0; i < rank && i < MIM_MAX_RANK; i++) {
        char digits[20];
        int n = 0;
        for (uint64_t size = (uint64_t)shape[i]; n == 0 || size; size /= 10)
            digits[n++] = (char)('0' + size % 10);
        if (i)
            p = (char *)memcpy(p, ", ", 2) + 2;
        while (n)
            *p++ = digits[--n];
    }
    memcpy(p, "]", 2);
    return to;
}

mim_status mim_tensors_info(const mim_tensors *t, const char *name, int32_t *type, int32_t *rank, int64_t *shape,
                            size_t *elements)
{
    struct mim__tensor now;
    int32_t index;
    if (!t || !name)
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_tensors_info");
    mim_status status = mim__set_find(t->object.ctx, t, name, &index);
    if (status == MIM_OK)
        status = mim__set_now(t->object.ctx, t, index, true, &now);
    if (status != MIM_OK)
        return status;
    if (type)
        *type = now.type;
    if (rank)
        *rank = now.rank;
    if (shape)
        memcpy(shape, now.shape, (size_t)now.rank * sizeof *shape);
    if (elements)
        *elements = mim__set_elements(&now);
    return MIM_OK;
}

/* ---- Adding ---- */

/* Of a host's or another room's tensor; *bytes is the size of its values. */
static mim_status check_tensor(mim_context *ctx, const struct mim__tensor *x, size_t *bytes)
{
    char quoted[QUOTE];
    size_t length = strlen(x->name), size = mim__type_size(x->type);
    if (!size || x->rank < 0 || x->rank > MIM_MAX_RANK)
        return mim__fail(ctx, MIM_ERR_ARGUMENT, "tensor '%s' of type %d and rank %d", mim__quote(x->name, quoted),
                         (int)x->type, (int)x->rank);
    if (length == 0 || length > NAME_MOST || mim__utf8_check(x->name, length) < length || !strcmp(x->name, "__metadata__"))
        return mim__fail(ctx, MIM_ERR_VALUE, "'%s' cannot name a tensor: 1 to %d bytes of UTF-8, not __metadata__",
                         mim__quote(x->name, quoted), NAME_MOST);
    for (int32_t i = 0; i < x->rank; i++)
        if (x->shape[i] < 0 || (int64_t)(size_t)x->shape[i] != x->shape[i] || !size_mul(size, (size_t)x->shape[i], &size)
            || size > INT64_MAX)
            return mim__fail(ctx, MIM_ERR_SHAPE, "size %lld in dimension %d of tensor '%s' is negative or too large",
                             (long long)x->shape[i], (int)i, mim__quote(x->name, quoted));
    *bytes = size;
    return MIM_OK;
}

/* The next entry, under a copy of its name. */
static mim_status append(mim_tensors *t, const struct mim__tensor *x)
{
    size_t size = strlen(x->name) + 1;
    mim_status status = mim__set_reserve(t, t->count + 1);
    char *name = status == MIM_OK ? mim__set_storage(t, size) : NULL;
    if (!name)
        return MIM_ERR_NOMEM;
    struct mim__entry *e = &t->entries[t->count++];
    *e = (struct mim__entry){ .t = *x, .dtype = mim__dtype_of(x->type) };
    e->t.name = memcpy(name, x->name, size);
    return MIM_OK;
}

static mim_status add(mim_tensors *t, struct mim__tensor *x, size_t bytes, const void *data)
{
    mim_context *ctx = t->object.ctx;
    int32_t at = place(t, x->name);
    x->data = mim__alloc(ctx, bytes);
    mim_status status = x->data ? append(t, x) : mim__no_memory(ctx, bytes);
    if (status != MIM_OK) {
        mim__free(ctx, x->data);
        return status;
    }
    if (bytes && data)
        memcpy(x->data, data, bytes);
    else
        memset(x->data, 0, bytes);
    memmove(t->by_name + at + 1, t->by_name + at, (size_t)(t->count - 1 - at) * sizeof *t->by_name);
    t->by_name[at] = t->count - 1;
    return MIM_OK;
}

mim_status mim_tensors_add(mim_tensors *t, const char *name, int32_t type, int32_t rank, const int64_t *shape,
                           const void *data)
{
    if (!t || !name || (!shape && rank))
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_tensors_add");
    mim_context *ctx = t->object.ctx;
    struct mim__tensor x = { .name = name, .type = type, .rank = rank };
    char quoted[QUOTE];
    size_t bytes;
    if (t->kind != SET_CREATED)
        return mim__fail(ctx, MIM_ERR_STATE, "tensor '%s' cannot be added to a view or an opened set",
                         mim__quote(name, quoted));
    if (rank > 0 && rank <= MIM_MAX_RANK)
        memcpy(x.shape, shape, (size_t)rank * sizeof *shape);
    mim_status status = check_tensor(ctx, &x, &bytes);
    if (status != MIM_OK)
        return status;
    if (mim__tensors_find(t, name) >= 0)
        return mim__fail(ctx, MIM_ERR_VALUE, "tensor '%s' is there already", mim__quote(name, quoted));
    if (t->count >= TENSORS_MOST)
        return mim__fail(ctx, MIM_ERR_UNSUPPORTED, "more than %d tensors in a set", TENSORS_MOST);
    for (size_t i = 0; type == MIM_BOOL && data && i < bytes; i++)
        if (((const unsigned char *)data)[i] > 1)
            return mim__fail(ctx, MIM_ERR_VALUE, "element %lld of '%s' is no bool", (long long)i, mim__quote(name, quoted));
    return add(t, &x, bytes, data);
}

/* ---- Views ---- */

/* Types as the owner has them: those of its list may stand in for what it tells when asked. */
static void settle_types(mim_tensors *t)
{
    const struct mim__view *v = &t->view;
    for (int32_t i = 0; v->refresh && i < t->count; i++) {
        struct mim__tensor now = t->entries[i].t;
        if (v->refresh(v->owner, i, true, &now) != MIM_OK)
            continue;
        t->entries[i].t.type = now.type;
        t->entries[i].dtype = mim__dtype_of(now.type);
    }
}

static mim_status fill_view(mim_tensors *t, const struct mim__view *v, int count, const struct mim__tensor *list)
{
    mim_context *ctx = t->object.ctx;
    char quoted[QUOTE];
    int32_t twin;
    size_t bytes;
    mim_status status = mim__set_reserve(t, count);
    for (int i = 0; i < count && status == MIM_OK; i++) {
        status = check_tensor(ctx, &list[i], &bytes);
        if (status == MIM_OK)
            status = append(t, &list[i]);
    }
    if (status == MIM_OK && v->config_json)
        status = mim__texts_set(t->texts, "config.json", v->config_json);
    if (status != MIM_OK)
        return status;
    mim__set_sort(t, &twin);
    if (twin >= 0)
        return mim__fail(ctx, MIM_ERR_VALUE, "two tensors have the name '%s'", mim__quote(t->entries[twin].t.name, quoted));
    t->view = *v;
    t->view.config_json = NULL;                  /* a text of the set now */
    settle_types(t);
    return MIM_OK;
}

mim_status mim__tensors_view(mim_context *ctx, const struct mim__view *v, int count, const struct mim__tensor *list,
                             mim_tensors **out)
{
    mim_tensors *t = NULL;
    mim_status status = mim__set_create(ctx, SET_VIEW, &t);
    if (status != MIM_OK)
        return status;
    status = fill_view(t, v, count, list);
    if (status != MIM_OK) {
        mim__set_destroy(t);
        return status;
    }
    *out = t;
    return MIM_OK;
}
