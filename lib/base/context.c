/* SPDX-License-Identifier: MIT */
/* context.c -- the life of a context and of the handles counted in it; threads, cancelling, instruction set. */
#include "base/context_struct.h"
#include "base/executor.h"

#include <time.h>

static mim_status check_host(const mim_host *host)
{
    if (!host)
        return MIM_OK;
    bool known = host->struct_size == sizeof *host;
    return known && !host->allocate == !host->release ? MIM_OK : MIM_ERR_VALUE;
}

static void end(mim_context *ctx)
{
    mim_host host = ctx->host;
    mim__executor_destroy(ctx->executor);
    mim__free(ctx, ctx->lines);
    pthread_mutex_destroy(&ctx->lock);
    mim__memory_give(&host, ctx, sizeof *ctx);
}

mim_status mim_context_create(const mim_host *host, mim_context **out)
{
    mim_host hooks = { .struct_size = sizeof hooks };
    if (!out)
        return MIM_ERR_ARGUMENT;
    if (check_host(host) != MIM_OK)
        return MIM_ERR_VALUE;
    if (host)
        hooks = *host;
    mim_context *ctx = mim__memory_take(&hooks, sizeof *ctx);
    if (!ctx)
        return MIM_ERR_NOMEM;
    memset(ctx, 0, sizeof *ctx);
    ctx->host = hooks;
    atomic_store(&ctx->refs, 1);
    mim__memory_count(ctx, sizeof *ctx);
    if (pthread_mutex_init(&ctx->lock, NULL)) {
        mim__memory_give(&hooks, ctx, sizeof *ctx);
        return MIM_ERR_SYSTEM;
    }
    if (!hooks.log)
        ctx->lines = mim__calloc(ctx, LOG_LINES, sizeof *ctx->lines);
    mim_status status = hooks.log || ctx->lines ? mim__executor_create(ctx, &ctx->executor) : MIM_ERR_NOMEM;
    if (status != MIM_OK)
        end(ctx);
    else
        *out = ctx;
    return status;
}

void mim_context_destroy(mim_context *context) { mim__context_release(context); }

void mim__context_retain(mim_context *ctx) { atomic_fetch_add(&ctx->refs, 1); }

void mim__context_release(mim_context *ctx)
{
    if (ctx && atomic_fetch_sub(&ctx->refs, 1) == 1)
        end(ctx);
}

void mim__object_init(struct mim__object *o, mim_context *ctx)
{
    mim__context_retain(ctx);
    o->ctx = ctx;
    atomic_init(&o->refs, 1);
}

void mim__object_retain(struct mim__object *o) { atomic_fetch_add(&o->refs, 1); }
bool mim__object_release(struct mim__object *o) { return atomic_fetch_sub(&o->refs, 1) == 1; }

void mim__object_free(struct mim__object *o)
{
    mim_context *ctx = o->ctx;
    mim__free(ctx, o);
    mim__context_release(ctx);
}

mim_status mim_context_set_threads(mim_context *context, int32_t threads)
{
    if (!context)
        return MIM_ERR_ARGUMENT;
    if (threads < 1 || threads > 1024)
        return mim__fail(context, MIM_ERR_VALUE, "%d threads are not in 1 .. 1024", (int)threads);
    return mim__executor_set_threads(context->executor, threads);
}

mim_status mim_context_stop_threads(mim_context *context)
{
    return context ? mim__executor_stop(context->executor) : MIM_ERR_ARGUMENT;
}

void mim_context_cancel(mim_context *context)
{
    if (context)
        atomic_store(&context->cancel, 1);
}

atomic_int *mim__context_cancel_flag(mim_context *ctx) { return &ctx->cancel; }

bool mim__cancelled(mim_context *ctx)
{
    if (!atomic_load_explicit(&ctx->cancel, memory_order_relaxed) || !atomic_exchange(&ctx->cancel, 0))
        return false;
    mim__fail(ctx, MIM_ERR_CANCELLED, "cancelled by mim_context_cancel");
    return true;
}

const mim_host *mim__context_host(const mim_context *ctx) { return &ctx->host; }
struct mim__executor *mim__context_executor(mim_context *ctx) { return ctx->executor; }
const void *mim__context_kernels(mim_context *ctx) { return atomic_load(&ctx->kernels); }
void mim__context_set_kernels(mim_context *ctx, const void *kernels) { atomic_store(&ctx->kernels, kernels); }
const char *mim__context_isa_max(const mim_context *ctx) { return ctx->isa_max; }
void mim__context_pin_isa(mim_context *ctx, int by) { atomic_fetch_add(&ctx->pinned, by); }

mim_status mim__context_set_isa_max(mim_context *ctx, const char *isa)
{
    size_t size = strlen(isa) + 1;
    if (atomic_load(&ctx->pinned) > 0)
        return mim__fail(ctx, MIM_ERR_STATE, "an encoder, head or trainer of this context exists already");
    if (size > sizeof ctx->isa_max)
        return mim__fail(ctx, MIM_ERR_KEY, "no instruction set \"%s\"", isa);
    memcpy(ctx->isa_max, isa, size);
    atomic_store(&ctx->kernels, NULL);
    return MIM_OK;
}

double mim__seconds(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
