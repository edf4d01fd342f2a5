/* SPDX-License-Identifier: MIT */
/* folder.c -- opening: a file, memory, a stream, or a folder as timm and Hugging Face write it, whose weights may be
 * in parts that an index lists. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif
#include "base/json.h"
#include "base/text.h"
#include "io/set.h"

#include <errno.h>
#include <sys/stat.h>

enum { TEXT_MOST = 1 << 26, PARTS_MOST = 1000 };         /* bytes of a text file; files that one folder opens */

static mim_status name_all(mim_tensors *t)
{
    char quoted[QUOTE];
    int32_t twin;
    mim__set_sort(t, &twin);
    if (twin < 0)
        return MIM_OK;
    return mim__fail(t->object.ctx, MIM_ERR_FORMAT, "'%s': the name '%s' is there twice",
                     t->sources[t->entries[twin].source].name, mim__quote(t->entries[twin].t.name, quoted));
}

/* The set takes the source over, also when this fails. */
static mim_status add_source(mim_tensors *t, struct mim__source *s)
{
    mim_context *ctx = t->object.ctx;
    size_t size = (size_t)(t->source_count + 1) * sizeof *t->sources;
    struct mim__source *sources = mim__realloc(ctx, t->sources, size);
    if (!sources) {
        mim__source_close(ctx, s);
        return mim__no_memory(ctx, size);
    }
    t->sources = sources;
    t->sources[t->source_count++] = *s;
    return mim__header_read(t, t->source_count - 1);
}

static mim_status open_single(mim_context *ctx, struct mim__source *s, mim_tensors **out)
{
    mim_tensors *t = NULL;
    mim_status status = mim__set_create(ctx, SET_OPENED, &t);
    if (status != MIM_OK) {
        mim__source_close(ctx, s);
        return status;
    }
    status = add_source(t, s);
    if (status == MIM_OK)
        status = name_all(t);
    if (status != MIM_OK) {
        mim__set_destroy(t);
        return status;
    }
    *out = t;
    return MIM_OK;
}

mim_status mim_tensors_open_memory(mim_context *ctx, const void *data, size_t size, mim_tensors **out)
{
    struct mim__source s;
    if (!ctx || !data || !out)
        return mim__null_argument(ctx, "mim_tensors_open_memory");
    mim_status status = mim__source_memory(ctx, data, size, &s);
    return status == MIM_OK ? open_single(ctx, &s, out) : status;
}

mim_status mim_tensors_open_stream(mim_context *ctx, mim_read read, void *user, uint64_t size, mim_tensors **out)
{
    struct mim__source s;
    if (!ctx || !read || !out)
        return mim__null_argument(ctx, "mim_tensors_open_stream");
    mim_status status = mim__source_stream(ctx, read, user, size, &s);
    return status == MIM_OK ? open_single(ctx, &s, out) : status;
}

/* ---- Folders ---- */

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* A whole file as text, with its NUL; *text is NULL where there is no such file. */
static mim_status read_text(mim_context *ctx, const char *path, char **text, size_t *size)
{
    struct mim__source s;
    *text = NULL;
    if (!exists(path))
        return MIM_OK;
    mim_status status = mim__source_file(ctx, path, &s);
    if (status != MIM_OK)
        return status;
    if (s.size > TEXT_MOST)
        status = mim__fail(ctx, MIM_ERR_FORMAT, "'%s' has more than %d bytes", path, TEXT_MOST);
    char *data = status == MIM_OK ? mim__alloc(ctx, (size_t)s.size + 1) : NULL;
    if (!data && status == MIM_OK)
        status = mim__no_memory(ctx, (size_t)s.size + 1);
    if (status == MIM_OK)
        status = mim__source_read(ctx, &s, 0, data, (size_t)s.size);
    *size = (size_t)s.size;
    mim__source_close(ctx, &s);
    if (status == MIM_OK && (memchr(data, 0, *size) || mim__utf8_check(data, *size) < *size))
        status = mim__fail(ctx, MIM_ERR_FORMAT, "'%s' is not UTF-8 text", path);
    if (status != MIM_OK) {
        mim__free(ctx, data);
        return status;
    }
    data[*size] = 0;
    *text = data;
    return MIM_OK;
}

static mim_status add_text_file(mim_tensors *t, const char *folder, const char *name)
{
    mim_context *ctx = t->object.ctx;
    char *text, *path = mim__source_join(ctx, folder, name);
    size_t size;
    if (!path)
        return MIM_ERR_NOMEM;
    mim_status status = read_text(ctx, path, &text, &size);
    if (status == MIM_OK && text)
        status = mim__texts_set(t->texts, name, text);
    mim__free(ctx, text);
    mim__free(ctx, path);
    return status;
}

static mim_status add_file(mim_tensors *t, const char *path)
{
    struct mim__source s;
    mim_status status = mim__source_file(t->object.ctx, path, &s);
    return status == MIM_OK ? add_source(t, &s) : status;
}

/* File names come from outside: only plain names of this folder. */
static bool plain(const char *name)
{
    return name[0] && !strpbrk(name, "/\\:") && strcmp(name, ".") && strcmp(name, "..");
}

/* The parts that the map names, each once. */
static mim_status list_parts(mim_context *ctx, const char *path, const struct json *map, struct mim__texts *parts)
{
    struct json key, value;
    char name[256], quoted[QUOTE];
    mim_status status = MIM_OK;
    for (size_t at = 0; status == MIM_OK && mim__json_next(map, &at, &key, &value);) {
        if (value.type != JSON_STRING || mim__json_string(&value, name, sizeof name) == SIZE_MAX)
            return mim__fail(ctx, MIM_ERR_FORMAT, "'%s': a value of weight_map is not a file name", path);
        if (!plain(name))
            return mim__fail(ctx, MIM_ERR_FORMAT, "'%s': '%s' is not a plain file name", path, mim__quote(name, quoted));
        if (!mim__texts_get(parts, name))
            status = mim__texts_set(parts, name, "");
        if (mim__texts_count(parts) > PARTS_MOST)
            return mim__fail(ctx, MIM_ERR_FORMAT, "'%s' names more than %d files", path, PARTS_MOST);
    }
    return status;
}

static mim_status open_parts(mim_tensors *t, const char *folder, const struct mim__texts *parts)
{
    mim_status status = MIM_OK;
    for (int i = 0; i < mim__texts_count(parts) && status == MIM_OK; i++) {
        char *path = mim__source_join(t->object.ctx, folder, mim__texts_key(parts, i));
        status = path ? add_file(t, path) : MIM_ERR_NOMEM;
        mim__free(t->object.ctx, path);
    }
    return status == MIM_OK ? name_all(t) : status;
}

/* Every tensor of the map is in the part the map names. Parts are in the order of their names, as sources are. */
static mim_status check_map(const mim_tensors *t, const char *path, const struct json *map, const struct mim__texts *parts)
{
    struct json key, value;
    char name[NAME_MOST + 1] = "", part[256] = "", quoted[QUOTE];
    for (size_t at = 0; mim__json_next(map, &at, &key, &value);) {
        bool known = mim__json_string(&key, name, sizeof name) != SIZE_MAX;
        int64_t found = known ? mim__tensors_find(t, name) : -1;
        mim__json_string(&value, part, sizeof part);
        if (found < 0 || strcmp(mim__texts_key(parts, t->entries[found].source), part))
            return mim__fail(t->object.ctx, MIM_ERR_FORMAT, "'%s': tensor '%s' is not in '%.80s'", path,
                             mim__quote(name, quoted), part);
    }
    return MIM_OK;
}

static mim_status open_map(mim_tensors *t, const char *folder, const char *path, const struct json *map)
{
    struct mim__texts *parts = NULL;
    mim_status status = mim__texts_create(t->object.ctx, &parts);
    if (status != MIM_OK)
        return status;
    status = list_parts(t->object.ctx, path, map, parts);
    if (status == MIM_OK)
        status = open_parts(t, folder, parts);
    if (status == MIM_OK)
        status = check_map(t, path, map, parts);
    mim__texts_destroy(parts);
    return status;
}

static mim_status open_index(mim_tensors *t, const char *folder, const char *path)
{
    mim_context *ctx = t->object.ctx;
    const char *why = "";
    char *text;
    size_t size;
    mim_status status = read_text(ctx, path, &text, &size);
    if (status != MIM_OK)
        return status;
    if (!text)
        return mim__fail(ctx, MIM_ERR_IO, "folder '%s' has neither model.safetensors nor model.safetensors.index.json",
                         folder);
    struct json root = mim__json_parse(text, size, &why), map = { .type = JSON_ERROR };
    if (root.type == JSON_OBJECT)
        map = mim__json_member(&root, "weight_map");
    if (root.type == JSON_ERROR)
        status = mim__fail(ctx, MIM_ERR_FORMAT, "'%s', byte %lld: %s", path, (long long)(root.text - text), why);
    else if (map.type != JSON_OBJECT)
        status = mim__fail(ctx, MIM_ERR_FORMAT, "'%s' has no weight_map", path);
    else
        status = open_map(t, folder, path, &map);
    mim__free(ctx, text);
    return status;
}

static mim_status read_weights(mim_tensors *t, const char *folder)
{
    mim_context *ctx = t->object.ctx;
    char *whole = mim__source_join(ctx, folder, "model.safetensors");
    char *index = mim__source_join(ctx, folder, "model.safetensors.index.json");
    mim_status status = MIM_ERR_NOMEM;
    if (whole && index) {
        status = exists(whole) ? add_file(t, whole) : open_index(t, folder, index);
        if (status == MIM_OK && t->source_count == 1)
            status = name_all(t);
    }
    mim__free(ctx, whole);
    mim__free(ctx, index);
    return status;
}

static mim_status open_folder(mim_context *ctx, const char *folder, mim_tensors **out)
{
    mim_tensors *t = NULL;
    mim_status status = mim__set_create(ctx, SET_OPENED, &t);
    if (status != MIM_OK)
        return status;
    status = read_weights(t, folder);
    if (status == MIM_OK)
        status = add_text_file(t, folder, "config.json");
    if (status == MIM_OK)
        status = add_text_file(t, folder, "preprocessor_config.json");
    if (status != MIM_OK) {
        mim__set_destroy(t);
        return status;
    }
    *out = t;
    return MIM_OK;
}

mim_status mim_tensors_open(mim_context *ctx, const char *path, mim_tensors **out)
{
    struct mim__source s;
    struct stat st;
    if (!ctx || !path || !out)
        return mim__null_argument(ctx, "mim_tensors_open");
    if (stat(path, &st) != 0)
        return mim__system_error(ctx, "open", path, errno);
    if (S_ISDIR(st.st_mode))
        return open_folder(ctx, path, out);
    mim_status status = mim__source_file(ctx, path, &s);
    return status == MIM_OK ? open_single(ctx, &s, out) : status;
}
