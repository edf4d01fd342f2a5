/* SPDX-License-Identifier: MIT */
/* context_struct.h -- what a context is made of; for context.c, memory.c and log.c alone. */
#ifndef MIM_BASE_CONTEXT_STRUCT_H
#define MIM_BASE_CONTEXT_STRUCT_H

#include "base/context.h"

#include <pthread.h>

enum { ERROR_SIZE = 512, LOG_LINES = 256, LOG_SIZE = 252, ISA_SIZE = 24 };

struct log_line { int32_t level; char text[LOG_SIZE]; };

struct mim_context {
    mim_host host;
    atomic_int refs, cancel, pinned;
    atomic_size_t now, peak;                /* bytes */
    const void *_Atomic kernels;
    char isa_max[ISA_SIZE];
    struct mim__executor *executor;
    pthread_mutex_t lock;                   /* of all below */
    char error[ERROR_SIZE];
    struct log_line *lines;                 /* a ring of LOG_LINES; NULL where the host has a log hook */
    int first, waiting;
};

/* Memory straight from the host or the C library, at a multiple of 64 bytes; neither counted nor remembered. */
void *mim__memory_take(const mim_host *host, size_t size);
void mim__memory_give(const mim_host *host, void *memory, size_t size);
void mim__memory_count(mim_context *ctx, size_t size);

#endif
