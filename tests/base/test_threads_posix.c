/* SPDX-License-Identifier: MIT */
/* test_threads_posix.c -- the life of a team: lazy start, sleep and waking, stop, fork. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "base/threads.h"
#include "support/test.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static mim_context *ctx;

struct work { atomic_int left, done, callers; };
static void lane(void *arg, int lane)
{
    struct work *w = arg;
    atomic_fetch_add(&w->callers, lane == 0);
    while (atomic_fetch_sub(&w->left, 1) > 0)
        atomic_fetch_add(&w->done, 1);
}

static void run(struct mim__threads *team, int lanes, int pieces)
{
    struct work w = { pieces, 0, 0 };
    mim__threads_run(team, lanes, lane, &w);
    CHECK(atomic_load(&w.done) == pieces && atomic_load(&w.callers) == 1);
}

static struct mim__threads *make(int helpers)
{
    struct mim__threads *team = NULL;
    CHECK(mim__threads_create(ctx, helpers, &team) == MIM_OK);
    return team;
}

static void unused(void)
{
    struct mim__threads *team = make(5);
    mim__threads_stop(team);
    mim__threads_destroy(team);
    mim__threads_stop(NULL);
    mim__threads_destroy(NULL);
}

static void many_runs(void)
{
    struct mim__threads *team = make(3);
    for (int i = 0; i < 20000; i++)
        run(team, 2 + i % 3, i % 7);
    mim__threads_destroy(team);
}

/* Helpers that went to sleep come back. */
static void sleepers(void)
{
    struct mim__threads *team = make(2);
    for (int i = 0; i < 10; i++) {
        run(team, 3, 100);
        nanosleep(&(struct timespec){ 0, 3000000 }, NULL);
    }
    mim__threads_destroy(team);
}

/* The caller goes to sleep too, where a helper has a long piece. */
static void slow_helper(void *arg, int lane)
{
    atomic_int *inside = arg;
    if (lane > 0) {
        atomic_fetch_add(inside, 1);
        nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
        atomic_fetch_sub(inside, 1);
    } else {
        nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
    }
}

static void slow(void)
{
    struct mim__threads *team = make(2);
    atomic_int inside = 0;
    for (int i = 0; i < 5; i++) {
        mim__threads_run(team, 3, slow_helper, &inside);
        CHECK(atomic_load(&inside) == 0);
    }
    mim__threads_destroy(team);
}

static void stopping(void)
{
    struct mim__threads *team = make(2);
    for (int i = 0; i < 50; i++) {
        run(team, 3, 10);
        mim__threads_stop(team);
        mim__threads_stop(team);
    }
    mim__threads_destroy(team);
}

static int child_status(struct mim__threads *team, int run_in_child)
{
    int status = -1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        if (run_in_child)
            run(team, 3, 10);
        mim__threads_destroy(team);
        _exit(test_broken);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

/* A child of a fork with threads running may destroy; after a stop it may also go on. */
static void forking(void)
{
    struct mim__threads *team = make(2);
    run(team, 3, 10);
    CHECK(child_status(team, 0) == 0);
    run(team, 3, 10);
    mim__threads_stop(team);
    CHECK(child_status(team, 1) == 0);
    run(team, 3, 10);
    mim__threads_destroy(team);
}

int main(void)
{
    if (mim_context_create(NULL, &ctx) != MIM_OK)
        return 1;
    TEST(unused);
    TEST(many_runs);
    TEST(sleepers);
    TEST(slow);
    TEST(stopping);
    TEST(forking);
    mim_context_destroy(ctx);
    return test_end();
}
