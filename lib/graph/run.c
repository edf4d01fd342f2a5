/* SPDX-License-Identifier: MIT */
/* run.c -- replaying a plan: forward, backward, a smaller batch, and where the time goes. */
#include "graph/plan.h"

mim_status mim__plan_set_batch(struct plan *p, int n, int planned)
{
    const struct graph *g = p->g;
    for (int i = 0; i < g->tensor_count; i++) {
        p->shapes[i] = g->tensors[i]->shape;
        if (g->tensors[i]->kind == TENSOR_INPUT)
            p->shapes[i].dim[0] = p->shapes[i].dim[0] / planned * n;
    }
    for (int i = 0; i < g->node_count; i++) {
        const struct node *node = &g->nodes[i];
        struct call c = { .n = node->n, .attr = node->attr };
        struct sizes sizes;
        for (int k = 0; k < node->n; k++)
            if (node->in[k]) {
                c.xs[k] = &p->shapes[node->in[k]->index];
                c.xt[k] = node->in[k]->type;
            }
        mim_status status = node->op->infer(&c, g->k, &sizes);
        if (status)
            return mim__fail(g->ctx, status, "operator %s cannot run a batch of %d of %d", node->op->name, n, planned);
        p->shapes[node->out->index] = sizes.y;
    }
    p->batch = n;
    p->planned = planned;
    return MIM_OK;
}

const struct shape *mim__plan_shape(const struct plan *p, const struct tensor *t) { return &p->shapes[t->index]; }
void *mim__plan_data(const struct plan *p, const struct tensor *t) { return p->data[t->index]; }
void *mim__plan_gradient(const struct plan *p, const struct tensor *t) { return p->gradient[t->index]; }

static int64_t bytes_of(const struct shape *s, enum dtype t) { return (int64_t)(elements(s) * dtype_size(t)); }

/* Of the operands that the call reads or writes; what it adds to, twice. */
static int64_t bytes_moved(const struct call *c)
{
    int64_t y = bytes_of(c->ys, c->yt), n = (c->y ? y : 0) + (c->dy ? y : 0);
    for (int k = 0; k < c->n; k++)
        if (c->xs[k]) {
            int64_t x = bytes_of(c->xs[k], c->xt[k]);
            n += (c->x[k] ? x : 0) + (c->dx[k] ? x : 0) + (c->dx[k] && c->add >> k & 1 ? x : 0);
        }
    return n;
}

static void profile(struct plan *p, const struct step *step, const struct call *c, double seconds)
{
    const struct node *node = &p->g->nodes[step->node];
    struct profile_row *row = &p->rows[step->row];
    int64_t operations = node->sizes.operations * (step->backward ? 2 : 1);
    row->calls++;
    row->seconds += seconds;
    row->operations += p->batch == p->planned ? operations : operations / p->planned * p->batch;
    row->bytes += bytes_moved(c) + (c->saved ? (int64_t)node->sizes.saved / p->planned * p->batch : 0);
}

static void run_step(struct plan *p, const struct step *step, const struct env *e, bool accumulate)
{
    const struct op *op = p->g->nodes[step->node].op;
    double start = p->profiled ? mim__seconds() : 0;
    struct call c = step->call;
    if (step->backward && accumulate)
        c.add |= step->fresh;
    if (step->backward)
        op->backward(&c, e);
    else
        op->forward(&c, e);
    if (p->profiled)
        profile(p, step, &c, mim__seconds() - start);
}

/* The request may be consumed by another call of the context after it left out tasks of this one. */
static mim_status look_up(const struct plan *p, const struct env *e)
{
    if (mim__cancelled(p->g->ctx))
        return MIM_ERR_CANCELLED;
    return atomic_load(e->skipped) ? mim__fail(p->g->ctx, MIM_ERR_CANCELLED, "cancelled") : MIM_OK;
}

static mim_status run(struct plan *p, struct env *e, int from, int to, bool accumulate)
{
    atomic_bool skipped = false;
    e->k = p->g->k;
    e->work = p->work;
    e->scratch = p->scratch;
    e->skipped = &skipped;
    mim_status status = look_up(p, e);
    for (int s = from; s < to && !status; s++) {
        run_step(p, &p->steps[s], e, accumulate);
        status = look_up(p, e);
    }
    e->skipped = NULL;
    return status;
}

mim_status mim__plan_forward(struct plan *p, struct env *e)
{
    for (int r = 0; p->profiled && r < p->row_count; r++)
        p->rows[r] = (struct profile_row){ .name = p->rows[r].name, .place = p->rows[r].place, .pass = p->rows[r].pass };
    return run(p, e, 0, p->forward_steps, false);
}

mim_status mim__plan_backward(struct plan *p, struct env *e, bool accumulate)
{
    return run(p, e, p->forward_steps, p->step_count, accumulate);
}

void mim__plan_profile(struct plan *p, bool on) { p->profiled = on; }

int mim__plan_profile_rows(const struct plan *p, const struct profile_row **rows)
{
    *rows = p->rows;
    return p->row_count;
}
