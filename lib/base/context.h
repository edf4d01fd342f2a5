/* SPDX-License-Identifier: MIT */
/* context.h -- memory, errors, log lines and threads that every handle reaches through its context. */
#ifndef MIM_BASE_CONTEXT_H
#define MIM_BASE_CONTEXT_H

#include "base/base.h"

struct mim__executor;

/* Contexts are counted: one reference for the host, one for each handle made from it. */
void mim__context_retain(mim_context *ctx);
void mim__context_release(mim_context *ctx);      /* accepts NULL */

/* A counted handle begins with this. `refs` is atomic because destroy may run on any thread. */
struct mim__object {
    mim_context *ctx;
    atomic_int refs;
};
/* Sets ctx (retained) and one reference. */
void mim__object_init(struct mim__object *o, mim_context *ctx);
void mim__object_retain(struct mim__object *o);
/* True when the last reference went: the caller then frees what the object holds and calls object_free. */
bool mim__object_release(struct mim__object *o);
/* Frees the memory that starts with `o` and gives up its hold on the context. */
void mim__object_free(struct mim__object *o);

/* Memory at a multiple of 64 bytes, from the host's allocator if it set one. NULL when there is none;
 * size 0 gives a valid pointer. alloc leaves the bytes as they come, calloc clears them and checks count * size
 * for overflow. Never called during a training step. Freeing NULL does nothing. */
void *mim__alloc(mim_context *ctx, size_t size);
void *mim__calloc(mim_context *ctx, size_t count, size_t size);
void *mim__realloc(mim_context *ctx, void *memory, size_t size);   /* moves; on failure `memory` stays as it was */
char *mim__strdup(mim_context *ctx, const char *text);
void mim__free(mim_context *ctx, void *memory);

#if defined(__GNUC__)
#define MIM_PRINTF(at) __attribute__((format(printf, at, at + 1)))
#else
#define MIM_PRINTF(at)
#endif

/* Bytes taken from the allocator now, and at most so far. */
size_t mim__bytes_now(mim_context *ctx);
size_t mim__bytes_peak(mim_context *ctx);

/* Record why a call failed (mim_last_error), log it at MIM_LOG_ERROR, and give `status` back:
 *     return mim__fail(ctx, MIM_ERR_SHAPE, "image %dx%d is not a multiple of patch %d", h, w, p);
 * ctx may be NULL. Numbers in messages: %d, %lld, %s, %g only (the text must not depend on the locale). */
mim_status mim__fail(mim_context *ctx, mim_status status, const char *format, ...) MIM_PRINTF(3);
/* The usual two. */
mim_status mim__no_memory(mim_context *ctx, size_t bytes);
mim_status mim__null_argument(mim_context *ctx, const char *function);

void mim__log(mim_context *ctx, int32_t level, const char *format, ...) MIM_PRINTF(3);

/* The hooks as the host gave them, or all zero. */
const mim_host *mim__context_host(const mim_context *ctx);
/* Seconds since some moment, to time calls by. */
double mim__seconds(void);

/* The context's threads; see executor.h. */
struct mim__executor *mim__context_executor(mim_context *ctx);
/* Set by mim_context_cancel. A long call looks at it between pieces of work; the one that finds it set clears
 * it and returns MIM_ERR_CANCELLED. */
atomic_int *mim__context_cancel_flag(mim_context *ctx);
/* True (and the request is consumed) if this long call shall end now. Records the error text. */
bool mim__cancelled(mim_context *ctx);

/* Kernels of the chosen instruction set: lib/kernel/dispatch.c puts the table here, base only keeps the pointer
 * and the name of the cap. NULL until the first handle that computes asks for it. */
const void *mim__context_kernels(mim_context *ctx);
void mim__context_set_kernels(mim_context *ctx, const void *kernels);
const char *mim__context_isa_max(const mim_context *ctx);      /* "" if not capped */
/* Caps the instruction set by a name that the caller has checked, and forgets the table chosen so far.
 * MIM_ERR_STATE while pinned. */
mim_status mim__context_set_isa_max(mim_context *ctx, const char *isa);
/* Encoders, heads and trainers count themselves here: the instruction set is fixed while one lives. */
void mim__context_pin_isa(mim_context *ctx, int by);

/* String out, as every public call gives it: at most capacity bytes, always ended, *needed with the NUL.
 * MIM_ERR_SPACE when it did not fit and capacity is not 0; capacity 0 with or without a buffer just asks. */
mim_status mim__text_out(mim_context *ctx, const char *text, char *to, size_t capacity, size_t *needed);

#endif
