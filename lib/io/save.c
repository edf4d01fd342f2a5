/* SPDX-License-Identifier: MIT */
/* save.c -- a mim_tensors as the bytes of a safetensors file: header, then values piece by piece, in the order that
 * the format's own writer uses, so that the same set always gives the same bytes. */
#include "base/text.h"
#include "io/dtype.h"
#include "io/order.h"
#include "io/replace.h"
#include "io/set.h"
#include "io/values.h"

enum { PREFIX = 8, HEADER_MOST = 100000000, PIECE = 1 << 18 };

struct saving {
    mim_context *ctx;
    const mim_tensors *set;
    bool folder;                /* texts that are files of their own there are left out */
    int32_t *order;             /* of writing */
    struct mim__text header;
    uint64_t data;              /* bytes after the header */
    uint64_t done;              /* bytes written */
    mim_write write;
    void *user;
};

/* Texts that are files in a folder. */
static const char *const text_files[] = { "config.json", "preprocessor_config.json" };

static bool is_text_file(const char *key)
{
    for (int i = 0; i < COUNT(text_files); i++)
        if (!strcmp(key, text_files[i]))
            return true;
    return false;
}

/* Widest types first, so that with a padded header each tensor is aligned; then by name. */
static bool written_before(const void *arg, int32_t a, int32_t b)
{
    const struct mim__entry *x = (const struct mim__entry *)arg + a, *y = (const struct mim__entry *)arg + b;
    return x->dtype != y->dtype ? x->dtype > y->dtype : strcmp(x->t.name, y->t.name) < 0;
}

/* The tensor with its present values. An opened set is passed on as it is, also what cannot be read. */
static mim_status present(const struct saving *s, int32_t index, struct mim__tensor *now, uint64_t *bytes)
{
    const struct mim__entry *e = &s->set->entries[index];
    *now = e->t;
    *bytes = e->bytes;
    if (s->set->kind == SET_OPENED)
        return MIM_OK;
    mim_status status = mim__set_now(s->ctx, s->set, index, false, now);
    *bytes = (uint64_t)mim__set_elements(now) * (uint64_t)(mim__dtype_at(e->dtype)->bits / 8);
    return status;
}

static mim_status add_metadata(struct saving *s)
{
    struct mim__texts *texts = NULL;
    mim_status status = mim__set_texts(s->set, &texts);
    if (status != MIM_OK)
        return status;
    status = mim__texts_set(texts, "format", "pt");      /* without it other loaders warn or refuse */
    if (status == MIM_OK && mim__texts_count(texts) > TEXTS_MOST)
        status = mim__fail(s->ctx, MIM_ERR_UNSUPPORTED, "%d texts, \"format\" among them; a file holds %d",
                           mim__texts_count(texts), TEXTS_MOST);
    const char *between = "";
    for (int i = 0; i < mim__texts_count(texts) && status == MIM_OK; i++) {
        if (s->folder && is_text_file(mim__texts_key(texts, i)))
            continue;
        mim__text_add(&s->header, between);
        mim__text_json(&s->header, mim__texts_key(texts, i));
        mim__text_add(&s->header, ":");
        mim__text_json(&s->header, mim__texts_value(texts, i));
        between = ",";
    }
    mim__texts_destroy(texts);
    return status;
}

static void add_shape(struct saving *s, const struct mim__entry *e, const struct mim__tensor *now)
{
    if (e->listed) {
        mim__text_add(&s->header, e->listed);
        return;
    }
    mim__text_add(&s->header, "[");
    for (int32_t i = 0; i < now->rank; i++)
        mim__text_format(&s->header, "%s%lld", i ? "," : "", (long long)now->shape[i]);
    mim__text_add(&s->header, "]");
}

static mim_status add_tensor(struct saving *s, int32_t index)
{
    const struct mim__entry *e = &s->set->entries[index];
    struct mim__tensor now;
    uint64_t bytes;
    mim_status status = present(s, index, &now, &bytes);
    if (status != MIM_OK)
        return status;
    if (bytes > INT64_MAX - PREFIX - HEADER_MOST - s->data)
        return mim__fail(s->ctx, MIM_ERR_UNSUPPORTED, "a file of more than 2^63 bytes");
    mim__text_add(&s->header, ",");
    mim__text_json(&s->header, now.name);
    mim__text_format(&s->header, ":{\"dtype\":\"%s\",\"shape\":", mim__dtype_at(e->dtype)->name);
    add_shape(s, e, &now);
    mim__text_format(&s->header, ",\"data_offsets\":[%lld,%lld]}", (long long)s->data, (long long)(s->data + bytes));
    s->data += bytes;
    return s->header.failed ? mim__no_memory(s->ctx, s->header.size) : MIM_OK;
}

static mim_status build_header(struct saving *s)
{
    mim__text_add(&s->header, "{\"__metadata__\":{");
    mim_status status = add_metadata(s);
    mim__text_add(&s->header, "}");
    for (int32_t i = 0; i < s->set->count && status == MIM_OK; i++)
        status = add_tensor(s, s->order[i]);
    mim__text_add(&s->header, "}");
    while (s->header.size % 8 && !s->header.failed)
        mim__text_add(&s->header, " ");
    if (status == MIM_OK && s->header.failed)
        return mim__no_memory(s->ctx, s->header.size);
    if (status == MIM_OK && s->header.size > HEADER_MOST)
        return mim__fail(s->ctx, MIM_ERR_UNSUPPORTED, "a header of %lld bytes; the format ends at %d",
                         (long long)s->header.size, HEADER_MOST);
    return status;
}

static void end(struct saving *s)
{
    mim__text_free(&s->header);
    mim__free(s->ctx, s->order);
}

/* Everything but the values; nothing is written yet. Ends itself when it fails. */
static mim_status begin(struct saving *s, const mim_tensors *set, bool folder)
{
    mim_context *ctx = set->object.ctx;
    *s = (struct saving){ .ctx = ctx, .set = set, .folder = folder, .header = { .ctx = ctx } };
    s->order = mim__calloc(ctx, (size_t)set->count, sizeof *s->order);
    if (!s->order)
        return mim__no_memory(ctx, (size_t)set->count * sizeof *s->order);
    mim__order(s->order, set->count, written_before, set->entries);
    mim_status status = build_header(s);
    if (status != MIM_OK)
        end(s);
    return status;
}

static mim_status put(struct saving *s, const void *from, size_t size)
{
    int32_t code = s->write(s->user, from, size);
    if (code && s->write == mim__replace_write)
        return MIM_ERR_IO;                       /* it has said why */
    if (code)
        return mim__fail(s->ctx, MIM_ERR_IO, "the write callback gave %d at byte %lld", (int)code, (long long)s->done);
    s->done += size;
    return MIM_OK;
}

static mim_status put_tensor(struct saving *s, int32_t index, char *piece)
{
    struct mim__tensor now;
    uint64_t bytes;
    mim_status status = present(s, index, &now, &bytes);
    for (uint64_t at = 0; at < bytes && status == MIM_OK; at += PIECE) {
        size_t size = (size_t)(bytes - at < PIECE ? bytes - at : PIECE);
        status = mim__values_bytes(s->ctx, s->set, index, &now, at, piece, size);
        if (status == MIM_OK)
            status = put(s, piece, size);
    }
    return status;
}

static mim_status put_all(struct saving *s, mim_write write, void *user)
{
    unsigned char prefix[PREFIX];
    char *piece = mim__alloc(s->ctx, PIECE);
    if (!piece)
        return mim__no_memory(s->ctx, PIECE);
    s->write = write;
    s->user = user;
    for (int i = 0; i < PREFIX; i++)
        prefix[i] = (unsigned char)((uint64_t)s->header.size >> 8 * i);
    mim_status status = put(s, prefix, PREFIX);
    if (status == MIM_OK)
        status = put(s, s->header.data, s->header.size);
    for (int32_t i = 0; i < s->set->count && status == MIM_OK; i++)
        status = put_tensor(s, s->order[i], piece);
    mim__free(s->ctx, piece);
    return status;
}

mim_status mim_tensors_save_stream(const mim_tensors *t, mim_write write, void *user)
{
    struct saving s;
    if (!t || !write)
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_tensors_save_stream");
    mim_status status = begin(&s, t, false);
    if (status != MIM_OK)
        return status;
    status = put_all(&s, write, user);
    end(&s);
    return status;
}

static int32_t write_memory(void *user, const void *from, size_t size)
{
    char **to = user;
    memcpy(*to, from, size);
    *to += size;
    return 0;
}

mim_status mim_tensors_save_memory(const mim_tensors *t, void *data, size_t capacity, size_t *needed)
{
    struct saving s;
    if (!t || (!data && capacity))
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_tensors_save_memory");
    mim_status status = begin(&s, t, false);
    if (status != MIM_OK)
        return status;
    uint64_t size = PREFIX + s.header.size + s.data;
    char *to = data;
    if (size > SIZE_MAX)
        status = mim__fail(s.ctx, MIM_ERR_UNSUPPORTED, "%lld bytes do not fit the memory", (long long)size);
    else if (needed)
        *needed = (size_t)size;
    if (status == MIM_OK && capacity && capacity < size)
        status = mim__fail(s.ctx, MIM_ERR_SPACE, "%lld bytes are needed, %lld given", (long long)size, (long long)capacity);
    if (status == MIM_OK && capacity)
        status = put_all(&s, write_memory, &to);
    end(&s);
    return status;
}

static mim_status save_file(const mim_tensors *t, const char *path, bool folder)
{
    struct saving s;
    struct mim__replace file;
    mim_status status = begin(&s, t, folder);
    if (status != MIM_OK)
        return status;
    status = mim__replace_begin(s.ctx, path, &file);
    if (status == MIM_OK) {
        status = put_all(&s, mim__replace_write, &file);
        if (status == MIM_OK)
            status = mim__replace_commit(&file);
        else
            mim__replace_abort(&file);
    }
    end(&s);
    return status;
}

mim_status mim_tensors_save(const mim_tensors *t, const char *path)
{
    if (!t || !path)
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_tensors_save");
    return save_file(t, path, false);
}

static mim_status save_text(mim_context *ctx, const char *path, const char *text)
{
    struct mim__replace file;
    mim_status status = mim__replace_begin(ctx, path, &file);
    if (status != MIM_OK)
        return status;
    if (mim__replace_write(&file, text, strlen(text)) == 0)
        return mim__replace_commit(&file);
    mim__replace_abort(&file);
    return MIM_ERR_IO;
}

/* The i-th file of a folder: texts, then weights. */
static mim_status save_part(const mim_tensors *t, const char *folder, int i)
{
    bool weights = i == COUNT(text_files);
    const char *text = weights ? NULL : mim__tensors_text(t, text_files[i]);
    if (!weights && !text)
        return MIM_OK;
    char *path = mim__source_join(t->object.ctx, folder, weights ? "model.safetensors" : text_files[i]);
    if (!path)
        return MIM_ERR_NOMEM;
    mim_status status = weights ? save_file(t, path, true) : save_text(t->object.ctx, path, text);
    mim__free(t->object.ctx, path);
    return status;
}

mim_status mim_tensors_save_folder(const mim_tensors *t, const char *path)
{
    if (!t || !path)
        return mim__null_argument(t ? t->object.ctx : NULL, "mim_tensors_save_folder");
    if (t->view.no_folder[0])
        return mim__fail(t->object.ctx, MIM_ERR_UNSUPPORTED, "%s", t->view.no_folder);
    mim_status status = mim__replace_folder(t->object.ctx, path);
    for (int i = 0; i <= COUNT(text_files) && status == MIM_OK; i++)
        status = save_part(t, path, i);
    return status;
}
