/* SPDX-License-Identifier: MIT */
/* threads_posix.c -- our own helpers. A run writes down its work and opens a gate; helpers that see it open come in,
 * the caller works too, and when nothing is left to take it shuts the gate and waits for those inside. A helper that
 * comes late finds it shut, so nobody waits for a thread that the system has not woken yet.
 *
 * Helpers look at the gate for some microseconds after each run, then sleep on a condition variable: the runs of a
 * training step follow each other closely, and waking a thread costs more than most of them. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "base/threads.h"

#if !defined(_OPENMP)

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
static void relax(void) { __builtin_ia32_pause(); }
#elif defined(__aarch64__) && defined(__GNUC__)
static void relax(void) { __asm__ volatile("yield"); }
#else
static void relax(void) { }
#endif

/* The gate in one word: how many are inside, whether it is open, and which run this is. */
enum { INSIDE = 0x7FF, OPEN = 0x800, RUN_SHIFT = 12 };
enum { SPINS = 200, PAUSES = 20, YIELDS = 20 };

struct helper {
    pthread_t thread;
    struct mim__threads *team;
    int lane;
};

struct mim__threads {
    mim_context *ctx;
    int helpers, started;
    bool tried;                             /* to start them; fewer may have come */
    pid_t process;                          /* in which they were started */
    mim__lane lane;                         /* the work: written while the gate is shut and nobody is inside */
    void *arg;
    atomic_uint gate;
    atomic_int asleep, waiting, stop;       /* helpers parked; caller parked; time to end */
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    struct helper helper[];
};

static bool inside(struct mim__threads *t) { return atomic_load(&t->gate) & INSIDE; }

static bool fresh(struct mim__threads *t, unsigned seen)
{
    unsigned g = atomic_load(&t->gate);
    return atomic_load(&t->stop) || ((g & OPEN) && g >> RUN_SHIFT != seen);
}

static bool enter(struct mim__threads *t, unsigned *seen)
{
    unsigned g = atomic_load(&t->gate);
    do {
        if (!(g & OPEN) || g >> RUN_SHIFT == *seen)
            return false;
    } while (!atomic_compare_exchange_weak(&t->gate, &g, g + 1));
    *seen = g >> RUN_SHIFT;
    return true;
}

static void leave(struct mim__threads *t)
{
    unsigned g = atomic_fetch_sub(&t->gate, 1) - 1;
    if ((g & (OPEN | INSIDE)) || !atomic_load(&t->waiting))
        return;
    pthread_mutex_lock(&t->mutex);
    pthread_cond_signal(&t->done);
    pthread_mutex_unlock(&t->mutex);
}

/* Round i of a wait: first pause, then give the processor to whoever wants it; false when it is time to sleep. */
static bool linger(int i)
{
    if (i >= SPINS)
        sched_yield();
    else
        for (int k = 0; k < PAUSES; k++)
            relax();
    return i < SPINS + YIELDS;
}

static void await_work(struct mim__threads *t, unsigned seen)
{
    for (int i = 0; linger(i); i++)
        if (fresh(t, seen))
            return;
    pthread_mutex_lock(&t->mutex);
    atomic_fetch_add(&t->asleep, 1);        /* before the last look; the caller opens first and counts then */
    while (!fresh(t, seen))
        pthread_cond_wait(&t->work, &t->mutex);
    atomic_fetch_sub(&t->asleep, 1);
    pthread_mutex_unlock(&t->mutex);
}

static void *help(void *arg)
{
    struct helper *h = arg;
    struct mim__threads *t = h->team;
    unsigned seen = ~0u;                    /* no run has this number */
    while (!atomic_load(&t->stop)) {
        if (enter(t, &seen)) {
            t->lane(t->arg, h->lane);
            leave(t);
        } else {
            await_work(t, seen);
        }
    }
    return NULL;
}

/* As many as the system gives. Signals are for the host's own threads, but those that a thread brings upon itself: the
 * handler of these must see them. */
static void start(struct mim__threads *t)
{
    static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (int i = 0; i < COUNT(own); i++)
        sigdelset(&blocked, own[i]);
    t->tried = true;
    t->process = getpid();
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    for (; t->started < t->helpers; t->started++) {
        struct helper *h = &t->helper[t->started];
        *h = (struct helper){ .team = t, .lane = t->started + 1 };
        if (pthread_create(&h->thread, NULL, help, h))
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (t->started < t->helpers)
        mim__log(t->ctx, MIM_LOG_WARNING, "only %d of %d threads could be started", t->started + 1, t->helpers + 1);
}

static void wake(struct mim__threads *t, int count)
{
    if (!atomic_load(&t->asleep))
        return;
    pthread_mutex_lock(&t->mutex);
    for (int i = 0; i < count; i++)
        pthread_cond_signal(&t->work);
    pthread_mutex_unlock(&t->mutex);
}

static void shut(struct mim__threads *t)
{
    atomic_fetch_and(&t->gate, ~(unsigned)OPEN);
    for (int i = 0; linger(i); i++)
        if (!inside(t))
            return;
    pthread_mutex_lock(&t->mutex);
    atomic_store(&t->waiting, 1);
    while (inside(t))
        pthread_cond_wait(&t->done, &t->mutex);
    atomic_store(&t->waiting, 0);
    pthread_mutex_unlock(&t->mutex);
}

void mim__threads_run(struct mim__threads *t, int lanes, mim__lane lane, void *arg)
{
    if (!t->tried)
        start(t);
    t->lane = lane;
    t->arg = arg;
    unsigned run = (atomic_load(&t->gate) >> RUN_SHIFT) + 1;
    atomic_store(&t->gate, run << RUN_SHIFT | OPEN);
    wake(t, imin(lanes - 1, t->started));
    lane(arg, 0);
    shut(t);
}

mim_status mim__threads_create(mim_context *ctx, int helpers, struct mim__threads **out)
{
    size_t bytes = sizeof **out + (size_t)helpers * sizeof(struct helper);
    struct mim__threads *t = mim__calloc(ctx, 1, bytes);
    if (!t)
        return mim__no_memory(ctx, bytes);
    t->ctx = ctx;
    t->helpers = helpers;
    if (pthread_mutex_init(&t->mutex, NULL))
        goto no_mutex;
    if (pthread_cond_init(&t->work, NULL))
        goto no_work;
    if (pthread_cond_init(&t->done, NULL))
        goto no_done;
    *out = t;
    return MIM_OK;
no_done:
    pthread_cond_destroy(&t->work);
no_work:
    pthread_mutex_destroy(&t->mutex);
no_mutex:
    mim__free(ctx, t);
    return mim__fail(ctx, MIM_ERR_SYSTEM, "the system refused a lock");
}

/* True in a process forked while they ran: they are not in it, and what they held stays as it was. */
static bool forked(const struct mim__threads *t) { return t->started && t->process != getpid(); }

void mim__threads_stop(struct mim__threads *t)
{
    if (!t || forked(t))
        return;
    pthread_mutex_lock(&t->mutex);
    atomic_store(&t->stop, 1);
    pthread_cond_broadcast(&t->work);
    pthread_mutex_unlock(&t->mutex);
    for (int i = 0; i < t->started; i++)
        pthread_join(t->helper[i].thread, NULL);
    t->started = 0;
    t->tried = false;
    atomic_store(&t->stop, 0);
}

void mim__threads_destroy(struct mim__threads *t)
{
    if (!t)
        return;
    if (!forked(t)) {
        mim__threads_stop(t);
        pthread_cond_destroy(&t->done);
        pthread_cond_destroy(&t->work);
        pthread_mutex_destroy(&t->mutex);
    }
    mim__free(t->ctx, t);
}

#endif
