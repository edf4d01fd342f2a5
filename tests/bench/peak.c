/* SPDX-License-Identifier: MIT */
/* peak.c -- the limits of this machine: multiply-adds of each instruction set, on one thread and on all; bandwidth of memory
 * that is copied (read and written bytes counted) and that is read.
 *
 *     peak [threads]          threads: what "all" means; as many as processors by default
 *
 * Each is the best of several tries, in GFLOP/s or GB/s. */
#define _POSIX_C_SOURCE 200112L
#include "stream.h"

#include <stdio.h>
#include <unistd.h>

static void multiply_adds(struct env *e, const char *suffix)
{
    const struct kernels *const *all = mim__kernels_available();
    for (int i = 0; all[i]; i++) {
        bool bf16 = !strcmp(all[i]->isa, "avx512_bf16");
        double best = 0;
        if (i && !all[i + 1])
            break;                          /* plain C: no limit of its own where there is anything better */
        e->k = all[i];
        for (int k = 0; k < 200; k++) {
            double rate = limit(e, bf16);
            best = rate > best ? rate : best;
        }
        printf("%s%s_gflops%s %.1f\n", e->k->isa, bf16 ? "" : "_f32", suffix, best);
    }
}

static void bandwidth(struct env *e, const char *suffix)
{
    e->k = *mim__kernels_available();
    printf("copy_gb_s%s %.1f\n", suffix, stream_rate(e, true));
    printf("read_gb_s%s %.1f\n", suffix, stream_rate(e, false));
}

int main(int argc, char **argv)
{
    int most = argc > 1 ? atoi(argv[1]) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    mim_context *ctx = NULL;
    mim_status status = mim_context_create(NULL, &ctx);
    for (int threads = 1; !status && threads <= most; threads = threads < most ? most : most + 1) {
        char suffix[32] = "";
        if (threads > 1)
            snprintf(suffix, sizeof suffix, "_%d_threads", threads);
        status = mim_context_set_threads(ctx, threads);
        struct env e = { .pool = mim__context_executor(ctx) };
        if (!status) multiply_adds(&e, suffix);
        if (!status) bandwidth(&e, suffix);
        fflush(stdout);
    }
    mim_context_destroy(ctx);
    return status != MIM_OK;
}
