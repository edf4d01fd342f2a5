/* SPDX-License-Identifier: MIT */
/* header.c -- the header of a safetensors file: 8 bytes of length, then one JSON object of tensors and metadata. It is
 * not trusted in anything: the data must be covered by the tensors without gap, overlap or rest, and what is allocated
 * is bounded by the size of the header, which is bounded by the size of the file. */
#include "base/json.h"
#include "base/text.h"
#include "io/dtype.h"
#include "io/order.h"
#include "io/set.h"

enum { PREFIX = 8, HEADER_MOST = 100000000, RANK_MOST = 16, MESSAGE = 400 };

struct reading {
    mim_context *ctx;
    mim_tensors *set;
    int source;
    const char *text;           /* the header */
    size_t size;
    struct json metadata;
    int32_t first, count;       /* its entries in the set */
    size_t names;               /* bytes for their names */
};

/* `at` points into the header. */
MIM_PRINTF(3) static mim_status refuse(const struct reading *r, const char *at, const char *format, ...)
{
    char message[MESSAGE];
    va_list list;
    va_start(list, format);
    mim__format(message, sizeof message, format, list);
    va_end(list);
    const char *name = r->set->sources[r->source].name, *end = mim__path_end(name), *cut = end > name ? "..." : "";
    long long offset = at ? (long long)(at - r->text) + PREFIX : 0;
    return mim__fail(r->ctx, MIM_ERR_FORMAT, "'%s%s', byte %lld: %s", cut, end, offset, message);
}

static mim_status read_length(const struct reading *r, uint64_t *length)
{
    const struct mim__source *s = &r->set->sources[r->source];
    unsigned char b[PREFIX];
    if (s->size < PREFIX)
        return refuse(r, NULL, "too short for a safetensors file: %lld bytes", (long long)s->size);
    mim_status status = mim__source_read(r->ctx, s, 0, b, PREFIX);
    if (status != MIM_OK)
        return status;
    uint64_t n = 0;
    for (int i = PREFIX; i-- > 0;)
        n = n << 8 | b[i];
    if (n > HEADER_MOST)
        return refuse(r, NULL, "not a safetensors file, or a header above %d bytes", HEADER_MOST);
    if (n > s->size - PREFIX)
        return refuse(r, NULL, "a header of %lld bytes does not fit a file of %lld", (long long)n, (long long)s->size);
    *length = n;
    return MIM_OK;
}

/* The whole header as one JSON object. */
static mim_status parse(const struct reading *r, struct json *root)
{
    const char *why = "", *end = r->text + r->size;
    if (r->size == 0 || r->text[0] != '{')
        return refuse(r, r->text, "the header does not begin with '{'");
    *root = mim__json_parse(r->text, r->size, &why);
    if (root->type == JSON_OBJECT)
        return MIM_OK;
    const char *nul = root->text;
    while (nul < end && *nul == 0)
        nul++;
    if (root->text < end && nul == end)
        return refuse(r, root->text, "the header is padded with NUL bytes; it must be spaces");
    return refuse(r, root->text, "the header is not valid JSON: %s", why);
}

/* First pass: how many tensors, how much room for their names, where the metadata is. */
static mim_status survey(struct reading *r, const struct json *root)
{
    struct json key, value;
    for (size_t at = 0; mim__json_next(root, &at, &key, &value);) {
        if (mim__json_equal(&key, "__metadata__")) {
            if (r->metadata.type != JSON_ERROR)
                return refuse(r, key.text, "__metadata__ is there twice");
            r->metadata = value;
        } else {
            if (r->count == TENSORS_MOST - r->first)
                return refuse(r, key.text, "more than %d tensors", TENSORS_MOST);
            r->count++;
            r->names += key.size;
        }
    }
    return MIM_OK;
}

struct fields { struct json dtype, shape, offsets; };

static mim_status find_fields(const struct reading *r, const struct json *tensor, const char *name, struct fields *f)
{
    static const char *const names[] = { "dtype", "shape", "data_offsets" };
    struct json key, value, *const to[] = { &f->dtype, &f->shape, &f->offsets };
    char quoted[QUOTE];
    *f = (struct fields){ .dtype = { .type = JSON_ERROR } };
    for (size_t at = 0; mim__json_next(tensor, &at, &key, &value);)
        for (int i = 0; i < COUNT(names); i++) {
            if (!mim__json_equal(&key, names[i]))
                continue;
            if (to[i]->type != JSON_ERROR)
                return refuse(r, key.text, "tensor '%s' has %s twice", mim__quote(name, quoted), names[i]);
            *to[i] = value;
        }
    static const enum json_type wanted[] = { JSON_STRING, JSON_ARRAY, JSON_ARRAY };
    for (int i = 0; i < COUNT(names); i++)
        if (to[i]->type != wanted[i])
            return refuse(r, to[i]->type == JSON_ERROR ? tensor->text : to[i]->text, "tensor '%s' has no valid %s",
                          mim__quote(name, quoted), names[i]);
    return MIM_OK;
}

/* product *= by; false if it overflows. Left to right, zeros included, as other readers do it. */
static bool multiply(uint64_t *product, uint64_t by)
{
    if (by && *product > UINT64_MAX / by)
        return false;
    *product *= by;
    return true;
}

static mim_status keep_shape_text(const struct reading *r, const struct json *shape, struct mim__entry *e)
{
    char *text = mim__set_storage(r->set, shape->size + 1);
    if (!text)
        return MIM_ERR_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < shape->size; i++)
        if (!strchr(" \t\r\n", shape->text[i]))
            text[n++] = shape->text[i];
    text[n] = 0;
    e->listed = text;
    return MIM_OK;
}

static mim_status read_shape(const struct reading *r, const struct json *shape, struct mim__entry *e)
{
    struct json value;
    uint64_t size, product = 1;
    char quoted[QUOTE];
    bool large = false;
    int rank = 0;
    for (size_t at = 0; mim__json_next(shape, &at, NULL, &value); rank++) {
        if (rank == RANK_MOST)
            return refuse(r, shape->text, "tensor '%s' has more than %d dimensions", mim__quote(e->t.name, quoted),
                          RANK_MOST);
        if (!mim__json_u64(&value, &size))
            return refuse(r, value.text, "a size of tensor '%s' is not a plain integer", mim__quote(e->t.name, quoted));
        if (!multiply(&product, size))
            return refuse(r, shape->text, "the sizes of tensor '%s' overflow", mim__quote(e->t.name, quoted));
        large = large || size > INT64_MAX;
        if (rank < MIM_MAX_RANK && !large)
            e->t.shape[rank] = (int64_t)size;
    }
    uint64_t bits = product;
    if (!multiply(&bits, (uint64_t)mim__dtype_at(e->dtype)->bits))
        return refuse(r, shape->text, "the sizes of tensor '%s' overflow", mim__quote(e->t.name, quoted));
    if (bits % 8)
        return refuse(r, shape->text, "tensor '%s' does not end at a byte", mim__quote(e->t.name, quoted));
    e->t.rank = rank;
    e->bytes = bits / 8;
    return large || rank > MIM_MAX_RANK ? keep_shape_text(r, shape, e) : MIM_OK;
}

static mim_status read_offsets(const struct reading *r, const struct json *offsets, struct mim__entry *e)
{
    struct json value;
    uint64_t range[2] = { 0, 0 };
    char quoted[QUOTE];
    int n = 0;
    for (size_t at = 0; mim__json_next(offsets, &at, NULL, &value); n++)
        if (n == 2 || !mim__json_u64(&value, &range[n]))
            return refuse(r, value.text, "data_offsets of tensor '%s' are not two plain integers",
                          mim__quote(e->t.name, quoted));
    if (n != 2)
        return refuse(r, offsets->text, "data_offsets of tensor '%s' are not two plain integers",
                      mim__quote(e->t.name, quoted));
    if (range[1] < range[0] || range[1] - range[0] != e->bytes)
        return refuse(r, offsets->text, "tensor '%s' needs %lld bytes, its data_offsets do not give that many",
                      mim__quote(e->t.name, quoted), (long long)e->bytes);
    e->begin = range[0];
    return MIM_OK;
}

/* to has room for the key. */
static mim_status read_name(const struct reading *r, const struct json *key, char *to, size_t *length)
{
    *length = mim__json_string(key, to, key->size);
    if (*length == SIZE_MAX)
        return refuse(r, key->text, "a tensor name contains NUL");
    if (*length == 0)
        return refuse(r, key->text, "a tensor name is empty");
    if (*length > NAME_MOST)
        return refuse(r, key->text, "a tensor name is longer than %d bytes", NAME_MOST);
    return MIM_OK;
}

static mim_status read_tensor(const struct reading *r, const struct json *value, struct mim__entry *e)
{
    struct fields f;
    char dtype[16], quoted[QUOTE];
    if (value->type != JSON_OBJECT)
        return refuse(r, value->text, "tensor '%s' is not an object", mim__quote(e->t.name, quoted));
    mim_status status = find_fields(r, value, e->t.name, &f);
    if (status != MIM_OK)
        return status;
    e->dtype = mim__json_string(&f.dtype, dtype, sizeof dtype) == SIZE_MAX ? -1 : mim__dtype_find(dtype);
    if (e->dtype < 0)
        return refuse(r, f.dtype.text, "tensor '%s' has an unknown dtype", mim__quote(e->t.name, quoted));
    e->t.type = mim__dtype_at(e->dtype)->type;
    status = read_shape(r, &f.shape, e);
    return status == MIM_OK ? read_offsets(r, &f.offsets, e) : status;
}

/* Second pass: the entries. */
static mim_status read_tensors(struct reading *r, const struct json *root)
{
    mim_status status = mim__set_reserve(r->set, r->first + r->count);
    char *name = status == MIM_OK ? mim__set_storage(r->set, r->names) : NULL;
    if (!name)
        return MIM_ERR_NOMEM;
    struct json key, value;
    size_t length = 0;
    struct mim__entry *e = r->set->entries + r->first;
    for (size_t at = 0; status == MIM_OK && mim__json_next(root, &at, &key, &value);) {
        if (mim__json_equal(&key, "__metadata__"))
            continue;
        *e = (struct mim__entry){ .t.name = name, .source = r->source };
        status = read_name(r, &key, name, &length);
        if (status == MIM_OK)
            status = read_tensor(r, &value, e);
        name += length + 1;
        e++;
    }
    return status;
}

static bool begins_before(const void *arg, int32_t a, int32_t b)
{
    const struct mim__entry *x = (const struct mim__entry *)arg + a, *y = (const struct mim__entry *)arg + b;
    return x->begin != y->begin ? x->begin < y->begin : x->bytes < y->bytes;
}

/* The tensors lie end to end from the first byte of data to the last. Turns offsets into those of the file. */
static mim_status check_layout(struct reading *r)
{
    struct mim__entry *entries = r->set->entries + r->first;
    int32_t *order = mim__calloc(r->ctx, (size_t)r->count, sizeof *order);
    if (!order)
        return mim__no_memory(r->ctx, (size_t)r->count * sizeof *order);
    mim_status status = MIM_OK;
    uint64_t cursor = 0, data = r->set->sources[r->source].size - PREFIX - r->size;
    char quoted[QUOTE];
    mim__order(order, r->count, begins_before, entries);
    for (int32_t i = 0; i < r->count && status == MIM_OK; i++) {
        struct mim__entry *e = &entries[order[i]];
        if (e->begin != cursor)
            status = refuse(r, NULL, "data of tensor '%s' begins at %lld of the data, where %lld must follow",
                            mim__quote(e->t.name, quoted), (long long)e->begin, (long long)cursor);
        cursor += e->bytes;
        e->begin += PREFIX + r->size;
    }
    if (status == MIM_OK && cursor != data)
        status = refuse(r, NULL, "the tensors take %lld bytes, the file has %lld for them", (long long)cursor,
                        (long long)data);
    mim__free(r->ctx, order);
    return status;
}

static mim_status read_text(const struct reading *r, struct mim__texts *to, const struct json *key, const struct json *value)
{
    if (value->type != JSON_STRING)
        return refuse(r, value->text, "a value of __metadata__ is not a string");
    char *block = mim__alloc(r->ctx, key->size + value->size);
    if (!block)
        return mim__no_memory(r->ctx, key->size + value->size);
    size_t length = mim__json_string(key, block, key->size);
    if (length == SIZE_MAX || mim__json_string(value, block + length + 1, value->size) == SIZE_MAX) {
        mim__free(r->ctx, block);
        return refuse(r, key->text, "__metadata__ contains NUL");
    }
    return mim__texts_add(to, block);
}

static mim_status read_texts(const struct reading *r)
{
    if (r->metadata.type == JSON_ERROR || r->metadata.type == JSON_NULL)
        return MIM_OK;
    if (r->metadata.type != JSON_OBJECT)
        return refuse(r, r->metadata.text, "__metadata__ is not an object");
    struct mim__texts *texts = NULL;
    struct json key, value;
    const char *twin = "";
    char quoted[QUOTE];
    mim_status status = mim__texts_create(r->ctx, &texts);
    if (status != MIM_OK)
        return status;
    for (size_t at = 0; status == MIM_OK && mim__json_next(&r->metadata, &at, &key, &value);) {
        status = read_text(r, texts, &key, &value);
        if (status == MIM_OK && mim__texts_count(texts) + mim__texts_count(r->set->texts) > TEXTS_MOST)
            status = refuse(r, key.text, "__metadata__ has more than %d texts", TEXTS_MOST);
    }
    if (status == MIM_OK)
        status = mim__texts_settle(texts, &twin);
    if (status == MIM_ERR_VALUE)
        status = refuse(r, r->metadata.text, "__metadata__ has '%s' twice", mim__quote(twin, quoted));
    if (status == MIM_OK)
        status = mim__texts_merge(r->set->texts, texts);
    mim__texts_destroy(texts);
    return status;
}

static mim_status read_all(struct reading *r)
{
    struct json root;
    mim_status status = parse(r, &root);
    if (status == MIM_OK)
        status = survey(r, &root);
    if (status == MIM_OK)
        status = read_tensors(r, &root);
    if (status == MIM_OK)
        status = read_texts(r);
    if (status == MIM_OK)
        status = check_layout(r);
    if (status == MIM_OK)
        r->set->count = r->first + r->count;
    return status;
}

mim_status mim__header_read(mim_tensors *t, int source)
{
    struct reading r = { .ctx = t->object.ctx, .set = t, .source = source, .first = t->count };
    uint64_t length = 0;
    mim_status status = read_length(&r, &length);
    if (status != MIM_OK)
        return status;
    char *text = mim__alloc(r.ctx, (size_t)length);
    if (!text)
        return mim__no_memory(r.ctx, (size_t)length);
    r.text = text;
    r.size = (size_t)length;
    status = mim__source_read(r.ctx, &t->sources[source], PREFIX, text, r.size);
    if (status == MIM_OK)
        status = read_all(&r);
    mim__free(r.ctx, text);
    return status;
}
