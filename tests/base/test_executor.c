/* SPDX-License-Identifier: MIT */
/* test_executor.c -- every task once, whoever runs it; scratch, cancelling, busy threads, the host's threads.
 * With --bench: what a call costs. */
#include "base/executor.h"
#include "base/context.h"
#include "support/fail_alloc.h"

#include <pthread.h>
#include <time.h>

enum { TASKS = 1000, SCRATCH = 256 };

static mim_context *make(const mim_host *host, int threads)
{
    mim_context *ctx = NULL;
    CHECK(mim_context_create(host, &ctx) == MIM_OK && mim_context_set_threads(ctx, threads) == MIM_OK);
    CHECK(mim__executor_reserve(mim__context_executor(ctx), SCRATCH) == MIM_OK);
    return ctx;
}

/* Fills the thread's scratch, works a little, and looks whether anyone else wrote into it. */
struct work { unsigned char times[TASKS]; double result[TASKS]; atomic_int spoilt; };
static void task(void *arg, int i, void *scratch)
{
    struct work *w = arg;
    unsigned char *s = scratch;
    memset(s, i & 0xFF, SCRATCH);
    double sum = 0;
    for (int k = 1; k < 200; k++)
        sum += 1.0 / (k * (i + 1));
    for (int k = 0; k < SCRATCH; k++)
        if (s[k] != (i & 0xFF))
            atomic_fetch_add(&w->spoilt, 1);
    w->times[i]++;
    w->result[i] = sum;
}

static void run_and_check(mim_context *ctx, int tasks, struct work *w)
{
    unsigned char scratch[SCRATCH];
    memset(w, 0, sizeof *w);
    mim__run(mim__context_executor(ctx), tasks, task, w, scratch, NULL);
    int wrong = 0;
    for (int i = 0; i < TASKS; i++)
        wrong += w->times[i] != (i < tasks);
    CHECK(wrong == 0 && atomic_load(&w->spoilt) == 0);
}

static void all_threads(void)
{
    static struct work alone, w;
    static const int counts[] = { 0, 1, 2, 3, 7, 64, TASKS };
    for (int threads = 1; threads <= 7; threads++) {
        mim_context *ctx = make(NULL, threads);
        CHECK(mim__executor_threads(mim__context_executor(ctx)) == threads);
        for (int round = 0; round < 20; round++)
            for (int i = 0; i < COUNT(counts); i++)
                run_and_check(ctx, counts[i], &w);
        if (threads == 1)
            alone = w;
        CHECK(!memcmp(alone.result, w.result, sizeof w.result));
        mim_context_destroy(ctx);
    }
}

static void changing(void)
{
    static struct work w;
    mim_context *ctx = make(NULL, 2);
    struct mim__executor *x = mim__context_executor(ctx);
    for (int round = 0; round < 30; round++) {
        CHECK(mim_context_set_threads(ctx, 1 + round % 5) == MIM_OK);
        run_and_check(ctx, 50, &w);
        if (round % 3 == 0)
            CHECK(mim_context_stop_threads(ctx) == MIM_OK);
        run_and_check(ctx, 50, &w);
        CHECK(mim__executor_reserve(x, (size_t)SCRATCH + 64 * (size_t)round) == MIM_OK);
        run_and_check(ctx, 50, &w);
    }
    CHECK(mim__executor_reserve(x, SIZE_MAX) == MIM_ERR_NOMEM);
    CHECK(mim__executor_reserve(x, SIZE_MAX / 4) == MIM_ERR_NOMEM);
    run_and_check(ctx, 50, &w);
    mim_context_destroy(ctx);
}

struct cancelling { atomic_int flag, begun; int at; };
static void cancel_task(void *arg, int i, void *scratch)
{
    struct cancelling *c = arg;
    (void)scratch;
    atomic_fetch_add(&c->begun, 1);
    if (i == c->at)
        atomic_store(&c->flag, 1);
}

static void cancel(void)
{
    for (int threads = 1; threads <= 3; threads++) {
        mim_context *ctx = make(NULL, threads);
        struct cancelling c = { .at = 10 };
        mim__run(mim__context_executor(ctx), 1000000, cancel_task, &c, NULL, &c.flag);
        CHECK(atomic_load(&c.begun) >= 11 && atomic_load(&c.begun) < 1000000);
        c = (struct cancelling){ .flag = 1, .at = -1 };
        mim__run(mim__context_executor(ctx), 100, cancel_task, &c, NULL, &c.flag);
        CHECK(atomic_load(&c.begun) == 0);
        mim__run(mim__context_executor(ctx), 100, cancel_task, &c, NULL, NULL);
        CHECK(atomic_load(&c.begun) == 100);
        mim_context_destroy(ctx);
    }
}

/* A call that finds the threads busy, also from inside a task, works alone. */
struct nest { struct mim__executor *x; atomic_int done; };
static void inner(void *arg, int i, void *scratch)
{
    struct nest *n = arg;
    (void)i;
    memset(scratch, 1, SCRATCH);
    atomic_fetch_add(&n->done, 1);
}
static void outer(void *arg, int i, void *scratch)
{
    struct nest *n = arg;
    (void)i;
    mim__run(n->x, 10, inner, n, scratch, NULL);
}

static void nested(void)
{
    unsigned char scratch[SCRATCH];
    mim_context *ctx = make(NULL, 3);
    struct nest n = { mim__context_executor(ctx), 0 };
    mim__run(n.x, 40, outer, &n, scratch, NULL);
    CHECK(atomic_load(&n.done) == 400);
    mim_context_destroy(ctx);
}

static void *caller(void *ctx)
{
    struct work *w = calloc(1, sizeof *w);
    unsigned char scratch[SCRATCH];
    int wrong = 0;
    for (int round = 0; round < 100; round++) {
        memset(w, 0, sizeof *w);
        mim__run(mim__context_executor(ctx), 60, task, w, scratch, NULL);
        for (int i = 0; i < 60; i++)
            wrong += w->times[i] != 1;
    }
    wrong += atomic_load(&w->spoilt);
    free(w);
    return wrong ? "wrong" : NULL;
}

static void two_callers(void)
{
    mim_context *ctx = make(NULL, 2);
    pthread_t thread[3];
    void *wrong;
    for (int i = 0; i < 3; i++)
        CHECK(!pthread_create(&thread[i], NULL, caller, ctx));
    for (int i = 0; i < 10; i++)
        CHECK(mim_context_set_threads(ctx, 2 + i % 2) == MIM_OK);
    for (int i = 0; i < 3; i++)
        CHECK(!pthread_join(thread[i], &wrong) && !wrong);
    mim_context_destroy(ctx);
}

/* A host that hands the indices to threads of its own, last first. */
struct host_work { mim_task task; void *arg; int32_t index; };
static void *host_thread(void *arg)
{
    struct host_work *w = arg;
    w->task(w->arg, w->index);
    return NULL;
}
static int host_calls, host_most;
static void parallel_for(void *user, int32_t tasks, mim_task run, void *arg)
{
    pthread_t thread[16];
    struct host_work work[16];
    host_calls += *(int *)user;
    host_most = imax(host_most, tasks);
    for (int32_t i = tasks - 1; i > 0; i--) {
        work[i] = (struct host_work){ run, arg, i };
        pthread_create(&thread[i], NULL, host_thread, &work[i]);
    }
    run(arg, 0);
    for (int32_t i = 1; i < tasks; i++)
        pthread_join(thread[i], NULL);
}
static void one_after_the_other(void *user, int32_t tasks, mim_task run, void *arg)
{
    (void)user;
    for (int32_t i = tasks - 1; i >= 0; i--)
        run(arg, i);
}

static void host_threads(void)
{
    static struct work w;
    int one = 1;
    mim_host host = { .struct_size = sizeof host, .user = &one, .parallel_for = parallel_for };
    mim_context *ctx = make(&host, 4);
    host_calls = host_most = 0;
    run_and_check(ctx, TASKS, &w);
    CHECK(host_calls == 1 && host_most == 4);
    run_and_check(ctx, 3, &w);
    CHECK(host_calls == 2);
    CHECK(mim_context_stop_threads(ctx) == MIM_OK);
    CHECK(mim_context_set_threads(ctx, 1) == MIM_OK);
    run_and_check(ctx, TASKS, &w);
    CHECK(host_calls == 2);
    mim_context_destroy(ctx);
    host.parallel_for = one_after_the_other;
    ctx = make(&host, 4);
    run_and_check(ctx, TASKS, &w);
    mim_context_destroy(ctx);
}

static void no_memory_while_running(void)
{
    static struct work w;
    struct fail_alloc f = { 0 };
    mim_host host = fail_host(&f);
    mim_context *ctx = make(&host, 3);
    long calls = f.calls;
    for (int i = 0; i < 50; i++)
        run_and_check(ctx, 20, &w);
    CHECK(f.calls == calls);
    f.fail_at = f.calls + 1;
    CHECK(mim_context_set_threads(ctx, 5) == MIM_ERR_NOMEM);
    f.fail_at = f.calls + 2;
    CHECK(mim__executor_reserve(mim__context_executor(ctx), 10000) == MIM_ERR_NOMEM);
    CHECK(mim__executor_threads(mim__context_executor(ctx)) == 3);
    run_and_check(ctx, 20, &w);
    mim_context_destroy(ctx);
    CHECK(f.live == 0 && f.wrong == 0);
}

static void nothing(void *arg, int i, void *scratch) { (void)arg, (void)i, (void)scratch; }

static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void bench(void)
{
    enum { CALLS = 100000 };
    for (int threads = 1; threads <= 4; threads++) {
        mim_context *ctx = make(NULL, threads);
        struct mim__executor *x = mim__context_executor(ctx);
        mim__run(x, threads, nothing, NULL, NULL, NULL);
        double start = now();
        for (int i = 0; i < CALLS; i++)
            mim__run(x, 2 * threads, nothing, NULL, NULL, NULL);
        printf("%d threads: %.2f us a call\n", threads, (now() - start) / CALLS * 1e6);
        mim_context_destroy(ctx);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--bench")) {
        bench();
        return 0;
    }
    TEST(all_threads);
    TEST(changing);
    TEST(cancel);
    TEST(nested);
    TEST(two_callers);
    TEST(host_threads);
    TEST(no_memory_while_running);
    return test_end();
}
