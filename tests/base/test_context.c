/* SPDX-License-Identifier: MIT */
/* test_context.c -- creating, hooks, references, cancelling, and the cap of the instruction set. */
#include "base/context.h"
#include "base/executor.h"
#include "support/fail_alloc.h"

#include <pthread.h>
#include <signal.h>

static void hooks(void)
{
    struct fail_alloc f = { 0 };
    mim_host good = fail_host(&f), host = good;
    mim_context *ctx = NULL;
    CHECK(mim_context_create(NULL, NULL) == MIM_ERR_ARGUMENT);
    host.struct_size = 0;
    CHECK(mim_context_create(&host, &ctx) == MIM_ERR_VALUE);
    host.struct_size = sizeof host + 8;
    CHECK(mim_context_create(&host, &ctx) == MIM_ERR_VALUE);
    host = good;
    host.release = NULL;
    CHECK(mim_context_create(&host, &ctx) == MIM_ERR_VALUE);
    host = good;
    host.allocate = NULL;
    CHECK(mim_context_create(&host, &ctx) == MIM_ERR_VALUE);
    CHECK(!ctx && f.calls == 0);
    host = (mim_host){ .struct_size = sizeof host };
    CHECK(mim_context_create(&host, &ctx) == MIM_OK);
    mim_context_destroy(ctx);
    mim_context_destroy(NULL);
}

static mim_status life(const mim_host *host, void *arg)
{
    (void)arg;
    mim_context *ctx = NULL;
    mim_status status = mim_context_create(host, &ctx);
    if (status != MIM_OK)
        return CHECK(!ctx) ? status : MIM_OK;
    status = mim_context_set_threads(ctx, 3);
    if (status == MIM_OK)
        status = mim__executor_reserve(mim__context_executor(ctx), 1000);
    mim_context_destroy(ctx);
    return status;
}

static void memory_fails(void) { CHECK(fail_every_allocation(life, NULL) >= 5); }

static void threads(void)
{
    mim_context *ctx;
    if (!CHECK(mim_context_create(NULL, &ctx) == MIM_OK))
        return;
    struct mim__executor *x = mim__context_executor(ctx);
    CHECK(mim__executor_threads(x) == 1);
    CHECK(mim_context_set_threads(ctx, 0) == MIM_ERR_VALUE);
    CHECK(mim_context_set_threads(ctx, -1) == MIM_ERR_VALUE);
    CHECK(mim_context_set_threads(ctx, 1025) == MIM_ERR_VALUE);
    CHECK(mim__executor_threads(x) == 1);
    CHECK(mim_context_set_threads(ctx, 1024) == MIM_OK);
    CHECK(mim__executor_threads(x) == 1024);
    CHECK(mim_context_set_threads(ctx, 2) == MIM_OK);
    CHECK(mim_context_stop_threads(ctx) == MIM_OK);
    CHECK(mim_context_set_threads(NULL, 2) == MIM_ERR_ARGUMENT);
    CHECK(mim_context_stop_threads(NULL) == MIM_ERR_ARGUMENT);
    mim_context_destroy(ctx);
}

struct thing { struct mim__object object; int value; };

static void objects(void)
{
    struct fail_alloc f = { 0 };
    mim_host host = fail_host(&f);
    mim_context *ctx;
    if (!CHECK(mim_context_create(&host, &ctx) == MIM_OK))
        return;
    struct thing *t = mim__alloc(ctx, sizeof *t);
    mim__object_init(&t->object, ctx);
    mim__object_retain(&t->object);
    mim_context_destroy(ctx);                   /* lives on behind the thing */
    CHECK(f.live > 0);
    CHECK(!mim__object_release(&t->object));
    CHECK(mim__bytes_now(t->object.ctx) == f.bytes);
    CHECK(mim__object_release(&t->object));
    mim__object_free(&t->object);
    CHECK(f.live == 0 && f.wrong == 0);
}

static mim_context *signalled;
static void on_signal(int number) { (void)number; mim_context_cancel(signalled); }

static void *cancel_from_thread(void *ctx)
{
    mim_context_cancel(ctx);
    return NULL;
}

static void cancel(void)
{
    mim_context *ctx;
    char text[200];
    pthread_t thread;
    if (!CHECK(mim_context_create(NULL, &ctx) == MIM_OK))
        return;
    mim_context_cancel(NULL);
    CHECK(!mim__cancelled(ctx));
    mim_context_cancel(ctx);
    mim_context_cancel(ctx);
    CHECK(atomic_load(mim__context_cancel_flag(ctx)) != 0);
    CHECK(mim__cancelled(ctx));
    CHECK(!mim__cancelled(ctx));
    CHECK(mim_last_error(ctx, text, sizeof text, NULL) == MIM_OK && strstr(text, "cancel"));
    signalled = ctx;
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_DFL);
    CHECK(mim__cancelled(ctx));
    CHECK(!pthread_create(&thread, NULL, cancel_from_thread, ctx));
    pthread_join(thread, NULL);
    CHECK(mim__cancelled(ctx));
    mim_context_destroy(ctx);
}

static void isa(void)
{
    mim_context *ctx;
    int kernels;
    if (!CHECK(mim_context_create(NULL, &ctx) == MIM_OK))
        return;
    CHECK_TEXT(mim__context_isa_max(ctx), "");
    CHECK(!mim__context_kernels(ctx));
    mim__context_set_kernels(ctx, &kernels);
    CHECK(mim__context_kernels(ctx) == &kernels);
    CHECK(mim__context_set_isa_max(ctx, "scalar") == MIM_OK);
    CHECK_TEXT(mim__context_isa_max(ctx), "scalar");
    CHECK(!mim__context_kernels(ctx));
    CHECK(mim__context_set_isa_max(ctx, "an instruction set with a very long name") == MIM_ERR_KEY);
    mim__context_pin_isa(ctx, 1);
    CHECK(mim__context_set_isa_max(ctx, "avx2") == MIM_ERR_STATE);
    mim__context_pin_isa(ctx, -1);
    CHECK_TEXT(mim__context_isa_max(ctx), "scalar");
    CHECK(mim__context_set_isa_max(ctx, "avx2") == MIM_OK);
    mim_context_destroy(ctx);
}

int main(void)
{
    TEST(hooks);
    TEST(memory_fails);
    TEST(threads);
    TEST(objects);
    TEST(cancel);
    TEST(isa);
    return test_end();
}
