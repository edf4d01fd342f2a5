/* SPDX-License-Identifier: MIT */
/* test_threads_openmp.c -- what any team promises, OpenMP's included where the library is built with it: each lane at
 * most once, the caller's always, none after the run, more lanes than processors. */
#include "base/threads.h"
#include "support/fail_alloc.h"

enum { HELPERS = 15 };

struct lanes { atomic_int times[HELPERS + 1], wrong, over; };
static void note(void *arg, int lane)
{
    struct lanes *l = arg;
    if (lane < 0 || lane > HELPERS || atomic_load(&l->over))
        atomic_fetch_add(&l->wrong, 1);
    else
        atomic_fetch_add(&l->times[lane], 1);
}

static void lanes(void)
{
    mim_context *ctx = NULL;
    struct mim__threads *team = NULL;
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim__threads_create(ctx, HELPERS, &team) == MIM_OK);
    for (int round = 0; round < 300; round++) {
        struct lanes l = { .over = 0 };
        mim__threads_run(team, 2 + round % HELPERS, note, &l);
        atomic_store(&l.over, 1);
        CHECK(atomic_load(&l.times[0]) == 1 && atomic_load(&l.wrong) == 0);
        for (int i = 1; i <= HELPERS; i++)
            CHECK(atomic_load(&l.times[i]) <= 1);
        if (round % 100 == 99)
            mim__threads_stop(team);
    }
    mim__threads_destroy(team);
    mim_context_destroy(ctx);
}

static mim_status scenario(const mim_host *host, void *arg)
{
    mim_context *ctx = NULL;
    struct mim__threads *team = NULL;
    struct lanes l = { .over = 0 };
    (void)arg;
    mim_status status = mim_context_create(host, &ctx);
    status = status ? status : mim__threads_create(ctx, 2, &team);
    if (status == MIM_OK)
        mim__threads_run(team, 3, note, &l);
    CHECK(status == MIM_OK || !team);
    mim__threads_destroy(team);
    mim_context_destroy(ctx);
    return status;
}

static void memory_fails(void) { CHECK(fail_every_allocation(scenario, NULL) >= 3); }

int main(void)
{
    TEST(lanes);
    TEST(memory_fails);
    return test_end();
}
