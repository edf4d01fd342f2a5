/* SPDX-License-Identifier: MIT */
/* graph.c -- building the tape: tensors, operators, parameters and their names. */
#include "graph/graph_internal.h"

#include "kernel/kernel.h"

#include <stdarg.h>
#include <stdio.h>

enum { PARAM_ALIGN = 16 };      /* elements: every parameter starts on a cache line */
enum { ELEMENTS_MOST = INT32_MAX - 1023 };      /* of a tensor: an int still holds it rounded up to whole tasks and tiles */
static const size_t RESULT_MOST = (size_t)-1 >> 24;     /* of one that a batch fills: 2^40, where sizes have 64 bits */

mim_status mim__graph_create(mim_context *ctx, struct graph **out)
{
    struct graph *g = mim__calloc(ctx, 1, sizeof *g);
    if (!g)
        return mim__no_memory(ctx, sizeof *g);
    g->ctx = ctx;
    g->k = mim__kernels(ctx);
    *out = g;
    return MIM_OK;
}

void mim__graph_destroy(struct graph *g)
{
    if (!g)
        return;
    for (int i = 0; i < g->tensor_count; i++) {
        mim__free(g->ctx, g->tensors[i]->constant);
        mim__free(g->ctx, g->tensors[i]);
    }
    mim__free(g->ctx, g->tensors);
    mim__free(g->ctx, g->nodes);
    mim__free(g->ctx, g->params);
    mim__free(g->ctx, g->outputs);
    mim__free(g->ctx, g);
}

mim_context *mim__graph_context(const struct graph *g) { return g->ctx; }
const struct kernels *mim__graph_kernels(const struct graph *g) { return g->k; }
mim_status mim__graph_status(const struct graph *g) { return g->status; }

void mim__graph_fail(struct graph *g, mim_status status)
{
    if (!g->status)
        g->status = status;
}

/* Room for one more element in a growing array; false (and the graph has failed) when there is no memory. */
static bool grow(struct graph *g, void *array, int count, int *room, size_t size)
{
    void *old;                  /* `array` points to a pointer of any type: it is copied, never read as a void * */
    if (count < *room)
        return true;
    int more = *room ? 2 * *room : 32;
    memcpy(&old, array, sizeof old);
    void *larger = mim__realloc(g->ctx, old, (size_t)more * size);
    if (!larger) {
        mim__graph_fail(g, mim__no_memory(g->ctx, (size_t)more * size));
        return false;
    }
    memcpy(array, &larger, sizeof larger);
    *room = more;
    return true;
}

static struct tensor *add_tensor(struct graph *g, enum tensor_kind kind, int source, struct shape s, enum dtype t)
{
    if (g->status || !grow(g, &g->tensors, g->tensor_count, &g->tensor_room, sizeof *g->tensors))
        return NULL;
    struct tensor *made = mim__calloc(g->ctx, 1, sizeof *made);
    if (!made) {
        mim__graph_fail(g, mim__no_memory(g->ctx, sizeof *made));
        return NULL;
    }
    *made = (struct tensor){ .kind = kind, .index = g->tensor_count, .source = source, .shape = s, .type = t };
    g->tensors[g->tensor_count++] = made;
    return made;
}

/* "12x197x768" for messages. */
static const char *shape_text(const struct shape *s, char to[64])
{
    size_t at = 0;
    to[0] = 0;
    for (int i = 0; i < imin(s->rank, MAX_RANK) && at < 56; i++)
        at += (size_t)snprintf(to + at, 64 - at, i ? "x%d" : "%d", s->dim[i]);
    return to;
}

static bool is_whole(const struct shape *s, size_t most)
{
    size_t n = 1;
    bool good = s->rank >= 0 && s->rank <= MAX_RANK;
    for (int i = 0; good && i < s->rank; i++)
        good = s->dim[i] > 0 && size_mul(n, (size_t)s->dim[i], &n) && n <= most;
    return good;
}

static bool check_shape(struct graph *g, const char *what, const struct shape *s)
{
    bool good = is_whole(s, ELEMENTS_MOST);
    char text[64];
    if (!good && !g->status)
        mim__graph_fail(g, mim__fail(g->ctx, MIM_ERR_SHAPE, "%s of shape %s is empty or has more than 2^31 - 1024 elements",
                                     what, shape_text(s, text)));
    return good;
}

bool mim__graph_fits(const struct shape *s, enum dtype t)
{
    bool large = t != I32 && s->rank > 1 && is_whole(s, RESULT_MOST) && elements(s) / (size_t)cols(s) <= ELEMENTS_MOST &&
                 elements(s) / (size_t)s->dim[0] <= ELEMENTS_MOST;
    return large || is_whole(s, ELEMENTS_MOST);
}

struct tensor *mim__graph_input(struct graph *g, const char *name, struct shape s, enum dtype t)
{
    if (g->status || !check_shape(g, name, &s))
        return NULL;
    struct tensor *made = add_tensor(g, TENSOR_INPUT, -1, s, t);
    mim__graph_output(g, name, made);
    return made;
}

struct tensor *mim__graph_param(struct graph *g, const char *name, struct shape s, struct init how, unsigned flags)
{
    if (g->status || !check_shape(g, name, &s) || !grow(g, &g->params, g->param_count, &g->param_room, sizeof *g->params))
        return NULL;
    struct param *p = &g->params[g->param_count];
    size_t *size = &g->store_size[g->store];
    *p = (struct param){ .shape = s, .init = how, .flags = flags, .store = g->store, .offset = *size };
    p->count = elements(&s);
    snprintf(p->name, sizeof p->name, "%s%s", g->scope, name);
    struct tensor *made = add_tensor(g, TENSOR_PARAM, g->param_count, s, F32);
    if (!made)
        return NULL;
    *size += round_up(p->count, PARAM_ALIGN);
    g->param_count++;
    return made;
}

struct tensor *mim__graph_constant(struct graph *g, const char *name, struct shape s, const float *data)
{
    if (g->status || !check_shape(g, name, &s))
        return NULL;
    struct tensor *made = add_tensor(g, TENSOR_CONSTANT, -1, s, F32);
    size_t bytes = elements(&s) * sizeof(float);
    if (!made)
        return NULL;
    made->constant = mim__alloc(g->ctx, bytes);
    if (!made->constant) {
        mim__graph_fail(g, mim__no_memory(g->ctx, bytes));
        return NULL;
    }
    memcpy(made->constant, data, bytes);
    return made;
}

/* What an operator's infer sees: shapes, types, attributes. */
static struct call describe(const struct node *node)
{
    struct call c = { .n = node->n, .attr = node->attr };
    for (int i = 0; i < node->n; i++)
        if (node->in[i]) {
            c.xs[i] = &node->in[i]->shape;
            c.xt[i] = node->in[i]->type;
        }
    return c;
}

static void fail_infer(struct graph *g, const struct node *node, mim_status status)
{
    char text[MAX_IN][64] = { "", "", "" };
    for (int i = 0; i < node->n; i++)
        if (node->in[i])
            shape_text(&node->in[i]->shape, text[i]);
    mim__graph_fail(g, mim__fail(g->ctx, status, "operator %s after \"%s\" does not take shapes %s, %s, %s", node->op->name,
                                 g->scope, text[0], text[1], text[2]));
}

/* "blocks.3.mlp.fc1.weight" is at "mlp.fc1"; "decoder_blocks.0.", a scope without parameters, at "decoder". */
static void name_place(const struct graph *g, struct node *node)
{
    const char *path = g->scope;
    snprintf(node->scope, sizeof node->scope, "%s", path);
    for (int i = node->n - 1; i >= 0; i--)
        if (node->in[i] && node->in[i]->kind == TENSOR_PARAM)
            path = g->params[node->in[i]->source].name;
    const char *block = strstr(path, "blocks."), *rest = block ? block + strlen("blocks.") : path, *end = strrchr(path, '.');
    rest += block ? strspn(rest, "0123456789") : 0;
    rest += block && *rest == '.';
    end = end ? end : path + strlen(path);
    int before = block ? (int)(block - path) : 0, after = end > rest ? (int)(end - rest) : 0;
    if (!after && before)
        before--;
    snprintf(node->place, sizeof node->place, "%.*s%.*s", before, path, after, rest);
}

struct tensor *mim__graph_op(struct graph *g, const struct op *op, const void *attr, size_t attr_size,
                             int n, struct tensor *const in[])
{
    if (g->status || !grow(g, &g->nodes, g->node_count, &g->node_room, sizeof *g->nodes))
        return NULL;
    struct node *node = &g->nodes[g->node_count];
    *node = (struct node){ .op = op, .n = n, .segment = g->segment };
    if (attr_size)
        memcpy(node->attr, attr, attr_size);
    memcpy(node->in, in, (size_t)n * sizeof *in);
    struct call c = describe(node);
    mim_status status = op->infer(&c, g->k, &node->sizes);
    if (status) {
        fail_infer(g, node, status);
        return NULL;
    }
    if (!mim__graph_fits(&node->sizes.y, node->sizes.yt) && !check_shape(g, op->name, &node->sizes.y))
        return NULL;
    node->out = add_tensor(g, TENSOR_RESULT, g->node_count, node->sizes.y, node->sizes.yt);
    if (node->out) {
        name_place(g, node);
        g->node_count++;
    }
    return node->out;
}

void mim__graph_scope(struct graph *g, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(g->scope, sizeof g->scope, format, list);
    va_end(list);
}

void mim__graph_store(struct graph *g, int store) { g->store = store; }
void mim__graph_segment(struct graph *g) { g->segment++; }

void mim__graph_output(struct graph *g, const char *name, struct tensor *t)
{
    if (!t || g->status || !grow(g, &g->outputs, g->output_count, &g->output_room, sizeof *g->outputs))
        return;
    struct output *o = &g->outputs[g->output_count++];
    snprintf(o->name, sizeof o->name, "%s", name);
    o->tensor = t;
}

struct tensor *mim__graph_find(const struct graph *g, const char *name)
{
    for (int i = 0; i < g->output_count; i++)
        if (!strcmp(g->outputs[i].name, name))
            return g->outputs[i].tensor;
    return NULL;
}

const struct shape *mim__tensor_shape(const struct tensor *t) { return &t->shape; }
enum dtype mim__tensor_type(const struct tensor *t) { return t->type; }

int mim__graph_params(const struct graph *g) { return g->param_count; }
const struct param *mim__graph_param_at(const struct graph *g, int index) { return &g->params[index]; }
size_t mim__graph_store_size(const struct graph *g, int store) { return g->store_size[store]; }
