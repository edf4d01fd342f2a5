/* SPDX-License-Identifier: MIT */
/* names.c -- lists of tensors by rules: one line of a table a parameter, one column a naming. */
#include "encoder/names.h"

#include <stdio.h>
#include <stdlib.h>

enum { NUMBERS = 2 };
struct numbers { int count, v[NUMBERS]; };      /* in a name, in their order */

void mim__names_free(struct mim__names *n)
{
    mim__free(n->ctx, n->list);
    mim__free(n->ctx, n->text);
    *n = (struct mim__names){ .ctx = n->ctx };
}

/* Names move when the list grows, so they are tied to it again. */
static mim_status grow(struct mim__names *n)
{
    int room = n->room ? 2 * n->room : 64;
    void *list = mim__realloc(n->ctx, n->list, (size_t)room * sizeof *n->list);
    if (list)
        n->list = list;
    void *text = list ? mim__realloc(n->ctx, n->text, (size_t)room * sizeof *n->text) : NULL;
    if (!text)
        return mim__no_memory(n->ctx, (size_t)room * sizeof *n->text);
    n->text = text;
    n->room = room;
    for (int i = 0; i < n->count; i++)
        n->list[i].name = n->text[i];
    return MIM_OK;
}

static mim_status add(struct mim__names *n, const char *name, const struct mim__tensor *t)
{
    mim_status status = n->count < n->room ? MIM_OK : grow(n);
    if (status)
        return status;
    snprintf(n->text[n->count], sizeof n->text[0], "%s", name);
    n->list[n->count] = *t;
    n->list[n->count].name = n->text[n->count];
    n->count++;
    return MIM_OK;
}

mim_status mim__names_add_zeros(struct mim__names *n, const char *name, int64_t size)
{
    return add(n, name, &(struct mim__tensor){ .type = MIM_F32, .rank = 1, .shape = { size } });
}

/* Does a pattern of libmim's, with %d in it, stand for this name? The numbers go to *at. */
static bool matches(const char *pattern, const char *name, struct numbers *at)
{
    *at = (struct numbers){ 0 };
    for (; *pattern; pattern++) {
        if (pattern[0] == '%' && pattern[1] == 'd') {
            char *end;
            if (at->count == NUMBERS || strspn(name, "0123456789") == 0)
                return false;
            at->v[at->count++] = (int)strtol(name, &end, 10);
            name = end;
            pattern++;
        } else if (*pattern != *name++) {
            return false;
        }
    }
    return !*name;
}

static const struct name_rule *find_rule(const struct name_rule *rules, const char *name, struct numbers *at)
{
    for (; rules->mim; rules++)
        if (matches(rules->mim, name, at))
            return rules;
    return NULL;
}

static const char *column_of(const struct name_rule *r, enum name_column c)
{
    return c == COLUMN_MIM ? r->mim : c == COLUMN_TIMM ? r->timm : c == COLUMN_BEIT ? r->beit : r->huggingface;
}

/* Does a pattern, %d and @ in it, stand for this name? */
static bool fits(const char *pattern, const char *name)
{
    static const char *const parts[] = { "query", "key", "value" };
    for (; *pattern; pattern++) {
        size_t n = 1;
        if (pattern[0] == '%' && strchr("d+", pattern[1])) {
            n = strspn(name, "0123456789");
            pattern++;
        } else if (*pattern == '@') {
            n = 0;
            for (int i = 0; i < COUNT(parts) && !n; i++)
                n = strncmp(name, parts[i], strlen(parts[i])) ? 0 : strlen(parts[i]);
        } else if (*pattern != *name) {
            return false;
        }
        if (!n)
            return false;
        name += n;
    }
    return !*name;
}

bool mim__names_known(const struct name_rule *rules, enum name_column column, const char *name)
{
    for (; rules->mim; rules++) {
        const char *pattern = column_of(rules, column);
        if (pattern && fits(pattern, name))
            return true;
    }
    return false;
}

/* before + pattern, with %d, %+ and @ replaced. */
static void spell(char to[TENSOR_NAME], const char *before, const char *pattern, const struct numbers *numbers,
                  const char *part)
{
    size_t at = (size_t)snprintf(to, TENSOR_NAME, "%s", before);
    for (int k = 0; *pattern && at + 1 < TENSOR_NAME; pattern++) {
        if (pattern[0] == '%' && strchr("d+", pattern[1])) {
            at += (size_t)snprintf(to + at, TENSOR_NAME - at, "%d", numbers->v[k++] + (pattern[1] == '+'));
            pattern++;
        } else if (*pattern == '@') {
            at += (size_t)snprintf(to + at, TENSOR_NAME - at, "%s", part);
        } else {
            to[at++] = *pattern;
        }
    }
    to[at < TENSOR_NAME ? at : TENSOR_NAME - 1] = 0;
}

static mim_status add_param(struct mim__names *n, const struct param *p, const char *before, const char *pattern,
                            const struct numbers *numbers, float *array)
{
    static const char *const parts[] = { "query", "key", "value" };
    int pieces = strchr(pattern, '@') ? 3 : 1;
    struct mim__tensor t = { .type = MIM_F32, .rank = p->shape.rank };
    for (int i = 0; i < p->shape.rank; i++)
        t.shape[i] = p->shape.dim[i];
    t.shape[0] /= pieces;
    mim_status status = MIM_OK;
    for (int i = 0; i < pieces && !status; i++) {
        char name[TENSOR_NAME];
        spell(name, before, pattern, numbers, parts[i]);
        t.data = array ? array + p->offset + (size_t)i * (p->count / (size_t)pieces) : NULL;
        status = add(n, name, &t);
    }
    return status;
}

mim_status mim__names_of_store(struct mim__names *n, const struct mim__store *s, const struct name_rule *rules,
                               enum name_column column, const char *before, const char *without, float *array)
{
    static const char *const called[] = { "libmim", "timm", "timm", "transformers" };
    mim_status status = MIM_OK;
    for (int i = 0; i < s->count && !status; i++) {
        struct numbers numbers;
        if (without && !strcmp(s->params[i].name, without))
            continue;
        const struct name_rule *rule = find_rule(rules, s->params[i].name, &numbers);
        const char *pattern = rule ? column_of(rule, column) : NULL;
        if (pattern && !*pattern)           /* this naming leaves it out */
            continue;
        if (!pattern)
            return mim__fail(n->ctx, MIM_ERR_UNSUPPORTED, "%s has no place for the parameter \"%s\" of this model",
                             called[column], s->params[i].name);
        status = add_param(n, &s->params[i], before, pattern, &numbers, array);
    }
    return status;
}

static const char *const namings[] = { "mim", "timm", "huggingface" };

const char *mim__naming_text(enum naming n) { return namings[n]; }

mim_status mim__naming_parse(mim_context *ctx, const char *text, enum naming usual, enum naming *out)
{
    for (int i = 0; text && i < COUNT(namings); i++)
        if (!strcmp(text, namings[i])) {
            *out = (enum naming)i;
            return MIM_OK;
        }
    if (text)
        return mim__fail(ctx, MIM_ERR_KEY, "naming \"%.64s\" is none of mim, timm, huggingface", text);
    *out = usual;
    return MIM_OK;
}
