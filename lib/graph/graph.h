/* SPDX-License-Identifier: MIT */
/* graph.h -- the tape: a model as a list of operators on static shapes. plan.c turns it into a schedule.
 *
 * Dimension 0 of what depends on the batch is a multiple of the batch; nothing else may depend on it, attributes
 * of operators least of all. So a plan runs any smaller batch by inferring the shapes anew (mim__plan_set_batch). */
#ifndef MIM_GRAPH_GRAPH_H
#define MIM_GRAPH_GRAPH_H

#include "base/context.h"
#include "base/executor.h"

enum { MAX_RANK = 6, MAX_IN = 8, MAX_ATTR = 96, MAX_STORES = 2 };

struct shape { int rank, dim[MAX_RANK]; };       /* row-major and dense, always */
#define SHAPE(...) ((struct shape){ COUNT(((int[]){ __VA_ARGS__ })), { __VA_ARGS__ } })

static inline size_t elements(const struct shape *s)
{
    size_t n = 1;
    for (int i = 0; i < s->rank; i++)
        n *= (size_t)s->dim[i];
    return n;
}
/* A tensor as a matrix: the last dimension, and all the others. */
static inline int cols(const struct shape *s) { return s->rank ? s->dim[s->rank - 1] : 1; }
static inline int rows(const struct shape *s) { return cols(s) ? (int)(elements(s) / (size_t)cols(s)) : 0; }

struct call {   /* one step of the schedule, resolved to plain pointers: all an operator ever sees */
    uint32_t id;                                 /* which operator this is: keeps its random draws apart from its twins' */
    int n;                                       /* inputs; those left out are NULL in every array below */
    const void *attr;                            /* the operator's own options, copied at build time */
    const struct shape *xs[MAX_IN], *ys;
    enum dtype xt[MAX_IN], yt;
    const void *x[MAX_IN];                       /* inputs */
    void *y;                                     /* output; one per operator */
    const void *dy;                              /* gradient of y, of type yt; backward only */
    void *dx[MAX_IN];                            /* gradients of x, of type xt; NULL where none is wanted */
    void *saved;                                 /* forward leaves it, backward reads it */
    unsigned add;                                /* bit i: dx[i] += ..., otherwise dx[i] = ... */
};

struct kernels;
struct env {    /* how to run it; the same for every call of a training step */
    const struct kernels *k;                     /* the ISA chosen when the context was created */
    struct mim__executor *pool;
    void *work;                                  /* as many bytes as infer asked for, shared by the tasks */
    void *scratch;                               /* likewise, the calling thread's own; other threads have theirs */
    uint64_t seed, step;                         /* counter-based: a replayed call draws the same numbers */
    bool training;                               /* false: no drop path */
    const atomic_int *cancel;                    /* looked at between calls and tasks, and in long ones */
    atomic_bool *skipped;                        /* set when that left tasks out */
};
/* In a task that goes on for long: is it time to end? What it leaves then is not used. */
static inline bool stopped(const struct env *e)
{
    if (!e->cancel || !atomic_load_explicit(e->cancel, memory_order_relaxed))
        return false;
    atomic_store(e->skipped, true);
    return true;
}
/* What every operator with tasks does: task(arg, i, scratch) for i < tasks. */
static inline void split(const struct env *e, int tasks, mim__task task, void *arg)
{
    if (!mim__run(e->pool, tasks, task, arg, e->scratch, e->cancel))
        atomic_store(e->skipped, true);
}

/* What infer answers. work is shared by the tasks of a call, scratch is one thread's; neither outlives the call. */
struct sizes { struct shape y; enum dtype yt; size_t saved, work, scratch; int64_t operations; };

struct op {     /* stateless, const, one per file in lib/op; only infer can fail */
    const char *name;
    /* Shapes and sizes from c->xs, xt, attr (pointers to data are not set). operations: multiply-adds of products
     * and attention times two, forward; backward is counted as twice that. k: the kernels that will run it.
     * MIM_ERR_SHAPE if the inputs do not fit; the planner names the operator and the shapes. */
    mim_status (*infer)(const struct call *c, const struct kernels *k, struct sizes *out);
    void (*forward)(const struct call *c, const struct env *e);
    void (*backward)(const struct call *c, const struct env *e);     /* NULL: gradients end here */
    unsigned reads;                              /* what backward must find alive: READ_X(i) | READ_Y */
    /* 1 + index of an input whose gradient is dy itself (a residual), or 0. The planner then hands dy's own buffer
     * on where it can, and dx of that input is NULL; where it cannot, the operator adds or copies dy as usual. */
    int passes;
    unsigned stops;                              /* inputs, as READ_X(i), that are constants to backward: no gradient */
};
#define READ_X(i) (1u << (i))
#define READ_Y (1u << MAX_IN)

/* Initial values of a parameter, drawn by seed and name. */
enum init_kind { INIT_ZERO, INIT_CONSTANT, INIT_NORMAL, INIT_TRUNCATED, INIT_UNIFORM, INIT_SINCOS };
struct init { enum init_kind kind; float a, b, c; };   /* constant a; N(0, a) cut at +-b (absolute); U(-a, a); grid a x b
                                                          with c rows of zeros before it (MAE's fixed table) */
enum { PARAM_NO_DECAY = 1, PARAM_FIXED = 2 };          /* fixed: stored, never trained */

struct graph;
struct tensor;                                   /* borrowed from its graph */

/* The kernels are those of the context; they fix the sizes of work memory, so a graph keeps to them. */
mim_status mim__graph_create(mim_context *ctx, struct graph **out);
void mim__graph_destroy(struct graph *g);                       /* accepts NULL; plans made from it must be gone */
mim_context *mim__graph_context(const struct graph *g);
const struct kernels *mim__graph_kernels(const struct graph *g);

/* Building. The first error sticks: later calls return NULL and mim__graph_plan reports it, so a builder needs no
 * checks of its own. A NULL among in[] is an input left out. */
struct tensor *mim__graph_input(struct graph *g, const char *name, struct shape s, enum dtype t);
struct tensor *mim__graph_param(struct graph *g, const char *name, struct shape s, struct init how, unsigned flags);
/* Fixed f32 values, copied. */
struct tensor *mim__graph_constant(struct graph *g, const char *name, struct shape s, const float *data);
struct tensor *mim__graph_op(struct graph *g, const struct op *op, const void *attr, size_t attr_size,
                             int n, struct tensor *const in[]);
void mim__graph_scope(struct graph *g, const char *format, ...) MIM_PRINTF(2);   /* prefix of parameter names: "blocks.3." */
void mim__graph_store(struct graph *g, int store);              /* parameters from now on: 0 encoder, 1 head */
void mim__graph_segment(struct graph *g);                       /* a gradient-checkpoint border */
/* Can an operator's result have this shape? It may be larger than an input: operators count its rows, and what is in one
 * of dimension 0, with an int, but not all together. */
bool mim__graph_fits(const struct shape *s, enum dtype t);
/* Name a tensor, so that mim__graph_find gives it back: "tokens", "block.8", "prediction". */
void mim__graph_output(struct graph *g, const char *name, struct tensor *t);
struct tensor *mim__graph_find(const struct graph *g, const char *name);
/* Stick an error from a builder (MIM_ERR_VALUE for options that contradict, ...). */
void mim__graph_fail(struct graph *g, mim_status status);
mim_status mim__graph_status(const struct graph *g);

const struct shape *mim__tensor_shape(const struct tensor *t);
enum dtype mim__tensor_type(const struct tensor *t);

/* Parameters in order of creation: each store is one f32 array, every parameter at its offset (a multiple of 16
 * elements), padding zero. */
struct param { char name[96]; struct shape shape; struct init init; unsigned flags; int store; size_t offset, count; };
int mim__graph_params(const struct graph *g);
const struct param *mim__graph_param_at(const struct graph *g, int index);
size_t mim__graph_store_size(const struct graph *g, int store);          /* elements, padding included */
/* Initial values of elements first .. first + n - 1; the same on every ISA. */
void mim__init_values(const struct kernels *k, const struct param *p, uint64_t seed, size_t first, size_t n, float *to);

/* Planning orders the steps (replaying each checkpointed segment before its backward), finds every buffer's
 * lifetime and packs them into one arena. It allocates; nothing after it does. */
struct plan_options {
    float *weights[MAX_STORES], *gradients[MAX_STORES];   /* the stores */
    bool backward;                        /* false: forward only, and no gradients are looked at */
    const unsigned char *trained;         /* one byte a parameter: 0, no gradient; NULL: all that are not fixed */
    const char *const *keep;              /* names of outputs that callers read after a run, ended by NULL; or NULL */
    struct tensor *seed;                  /* whose gradient backward starts from (the loss, or the tokens) */
    bool input_gradients;                 /* also gradients of f32 inputs */
    const unsigned char *recompute;       /* one byte a node: 1, its value is not kept for backward; NULL: all are */
    bool dry;                             /* count only: the arena is not allocated and the plan cannot run */
};
struct plan;
mim_status mim__graph_plan(struct graph *g, const struct plan_options *o, struct plan **out);
void mim__plan_destroy(struct plan *p);

/* What has to be computed again so that the arena fits into so many bytes, cheapest first. recompute, one byte a node, says
 * what is to be in any case, and then what is in all; operations never fall with fewer bytes. MIM_ERR_BUDGET: there is no
 * such plan, *least are the bytes of the smallest. */
mim_status mim__graph_fit(struct graph *g, const struct plan_options *o, size_t arena, unsigned char *recompute,
                          size_t *least);

/* Bytes: of the arena, alive at the fullest moment (the arena is that or hardly more), of work memory with the caller's
 * scratch, of one further thread's scratch. Operations of a batch. */
struct plan_sizes { size_t activations, live, scratch, thread; int64_t forward, step, recomputed; int segments; };
struct plan_sizes mim__plan_sizes(const struct plan *p);

/* Shapes for a batch of n pictures, at most the planned one: dimension 0 of every input is scaled. */
mim_status mim__plan_set_batch(struct plan *p, int n, int planned);
const struct shape *mim__plan_shape(const struct plan *p, const struct tensor *t);
void *mim__plan_data(const struct plan *p, const struct tensor *t);          /* NULL if it was not kept */
void *mim__plan_gradient(const struct plan *p, const struct tensor *t);      /* of the seed and of inputs */

/* Parts of the schedule. The first backward of an accumulation writes parameter gradients, later ones add to them: the
 * caller says which by `accumulate`. e->k, work and scratch are filled in here. MIM_ERR_CANCELLED if *e->cancel became
 * non-zero. */
mim_status mim__plan_forward(struct plan *p, struct env *e);
mim_status mim__plan_backward(struct plan *p, struct env *e, bool accumulate);

/* Where the last run spent its time, if profiling was asked for: by operator, place in the model and pass ("forward",
 * "recompute", "backward"). The place is the name of the operator's first parameter without its last part, or where it
 * has none the scope, both without the number of the block: "mlp.fc1", "patch_embed.proj", "". Bytes are those of the
 * operands: read, written or both. */
struct profile_row { const char *name, *place, *pass; int calls; double seconds; int64_t operations, bytes; };
void mim__plan_profile(struct plan *p, bool on);
int mim__plan_profile_rows(const struct plan *p, const struct profile_row **rows);

#endif
