/* SPDX-License-Identifier: MIT */
/* test_threads.c -- the same bits whatever runs the tasks, whatever the order of pictures is called, and whatever the
 * batch was planned for; and cancelling at any moment. */
#define _POSIX_C_SOURCE 200809L      /* nanosleep */
#include "train/make.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static const char busy[] = "{\"image\": {\"crop\": \"random_resized\", \"crop_least\": 0.3, \"flip\": 0.5}, \"encoder\": {\"drop_path\": 0.4,"
                           " \"relative\": \"shared\"}}";
static const char busy_bf16[] = "{\"precision\": \"bf16\", \"encoder\": {\"drop_path\": 0.4, \"width\": 32}}";

/* The host's own threads: here, tasks in reverse on the caller's. */
static void backwards(void *user, int32_t tasks, mim_task task, void *arg)
{
    ++*(int *)user;
    while (tasks--)
        task(arg, tasks);
}

static double *run(const mim_host *host, int threads, const char *json, size_t *n)
{
    mim_context *ctx = NULL;
    CHECK(mim_context_create(host, &ctx) == MIM_OK);
    OK(ctx, mim_context_set_threads(ctx, threads));
    mim_trainer *t = make_trainer(ctx, json);
    for (int i = 0; i < 3; i++)
        OK(ctx, make_step(t, i));
    OK(ctx, mim_context_stop_threads(ctx));
    OK(ctx, make_step(t, 3));
    double *all = make_dump_of(t, MIM_STATE, n);
    mim_trainer_destroy(t);
    mim_context_destroy(ctx);
    return all;
}

static void any_number(const char *json)
{
    static const int threads[] = { 2, 3, 7 };
    size_t n, m;
    int calls = 0;
    mim_host host = { .struct_size = sizeof host, .user = &calls, .parallel_for = backwards };
    double *one = run(NULL, 1, json, &n), *other;
    for (int i = 0; i < 3; i++) {
        other = run(NULL, threads[i], json, &m);
        if (!CHECK(make_same(one, n, other, m)))
            printf("%d threads\n", threads[i]);
        free(other);
    }
    other = run(&host, 5, json, &m);
    CHECK(make_same(one, n, other, m) && calls > 0);
    free(other);
    free(one);
}

static void threads_f32(void) { any_number(busy); }
static void threads_bf16(void) { any_number(busy_bf16); }
static void threads_swin(void)
{
    static const char *const kinds[] = { "swin", "swinv2" }, *const precisions[] = { "f32", "bf16" };
    static const char *const heads[] = { "pixels", "inverse_swin" };
    for (int i = 0; i < 8; i++) {
        char json[256];
        snprintf(json, sizeof json, "{\"precision\": \"%s\", \"encoder\": {\"kind\": \"%s\", \"patch\": 2,"
                 " \"drop_path\": 0.4, \"depths\": [2, 1], \"window\": 4}, \"head.kind\": \"%s\"}", precisions[i / 2 % 2],
                 kinds[i % 2], heads[i / 4]);
        any_number(json);
    }
}

static void smaller_batches(void)
{
    mim_context *ctx = make_context();
    static const char *const heads[] = { "\"kind\": \"pixels\"", "\"kind\": \"classifier\", \"classes\": 3" };
    for (int k = 0; k < 2; k++)
        for (int n = 1; n <= 3; n++) {
            char json[200];
            const int64_t labels[] = { 0, 2, 1 };
            snprintf(json, sizeof json, "{\"encoder\": {\"drop_path\": 0.4, \"relative\": \"block\"}, \"head\": {%s}, \"trainer\": {\"batch\": 7}}", heads[k]);
            mim_trainer *t = make_trainer(ctx, json), *u;
            char *digit = strstr(json, "7}}");
            *digit = (char)('0' + n);
            u = make_trainer(ctx, json);
            for (int i = 0; i < 2; i++) {
                mim_images images = make_images(i, n);
                if (k) {
                    OK(ctx, mim_trainer_set_input(t, "labels", MIM_I64, labels, (size_t)n));
                    OK(ctx, mim_trainer_set_input(u, "labels", MIM_I64, labels, (size_t)n));
                }
                OK(ctx, mim_trainer_step(t, &images, i, NULL));
                OK(ctx, mim_trainer_step(u, &images, i, NULL));
                CHECK(make_metric(t, "loss") == make_metric(u, "loss"));
            }
            CHECK(make_same_state(t, u, MIM_STATE));
            mim_trainer_destroy(t);
            mim_trainer_destroy(u);
        }
    mim_context_destroy(ctx);
}

/* A picture's mask and crop follow its number, not its place. */
static void numbers_not_places(void)
{
    mim_context *ctx = make_context();
    mim_trainer *t = make_trainer(ctx, busy);
    mim_images images = make_images(0, 4), reversed = images;
    const int64_t ids[] = { 3, 1, 4, 15 }, back[] = { 15, 4, 1, 3 };
    static float a[4][MAKE_PIXELS], b[4][MAKE_PIXELS];
    uint8_t m[24], r[24];
    mim_tensors *out = NULL;
    reversed.data = make_pixels[3];
    reversed.image_stride = -(int64_t)sizeof make_pixels[0];
    reversed.row_stride = sizeof make_pixels[0][0];
    reversed.column_stride = 3;
    reversed.channel_stride = 1;
    OK(ctx, mim_trainer_tensors(t, MIM_OUTPUTS, NULL, &out));
    OK(ctx, mim_trainer_forward(t, &images, 1, ids));
    OK(ctx, mim_tensors_read(out, "pixels", MIM_F32, 0, 4 * MAKE_PIXELS, a));
    OK(ctx, mim_tensors_read(out, "mask", MIM_U8, 0, 24, m));
    OK(ctx, mim_trainer_forward(t, &reversed, 1, back));
    OK(ctx, mim_tensors_read(out, "pixels", MIM_F32, 0, 4 * MAKE_PIXELS, b));
    OK(ctx, mim_tensors_read(out, "mask", MIM_U8, 0, 24, r));
    for (int i = 0; i < 4; i++)
        CHECK(!memcmp(a[i], b[3 - i], sizeof a[i]) && !memcmp(m + 6 * i, r + 6 * (3 - i), 6));
    mim_tensors_destroy(out);
    mim_trainer_destroy(t);
    mim_context_destroy(ctx);
}

/* ---- several threads of the host on one context ---- */

enum { SIDES = 3, STATE_ROOM = 1 << 20 };
struct side { mim_context *ctx; mim_config *config; mim_images images; int threads; mim_status status; char *state; size_t size; };

static void *one_side(void *arg)
{
    struct side *s = arg;
    mim_trainer *t = NULL;
    mim_tensors *view = NULL;
    s->status = mim_context_set_threads(s->ctx, s->threads);
    if (!s->status) s->status = mim_trainer_create(s->ctx, s->config, NULL, NULL, NULL, NULL, &t);
    for (int i = 0; i < 6 && !s->status; i++) s->status = mim_trainer_step(t, &s->images, i, NULL);
    if (!s->status) s->status = mim_trainer_tensors(t, MIM_STATE, NULL, &view);
    if (!s->status) s->status = mim_tensors_save_memory(view, s->state, STATE_ROOM, &s->size);
    mim_tensors_destroy(view);
    mim_trainer_destroy(t);
    return NULL;
}

/* Trainers side by side come to what one alone comes to. */
static void side_by_side(void)
{
    mim_context *ctx = make_context();
    pthread_t threads[SIDES];
    struct side sides[SIDES];
    for (int i = 0; i < SIDES; i++)
        sides[i] = (struct side){ ctx, make_config(ctx, busy), make_images(0, 4), 1 + i, MIM_OK, malloc(STATE_ROOM), 0 };
    one_side(&sides[0]);
    for (int i = 1; i < SIDES; i++)
        CHECK(pthread_create(&threads[i], NULL, one_side, &sides[i]) == 0);
    for (int i = 1; i < SIDES; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SIDES; i++) {
        CHECK(sides[i].status == MIM_OK && sides[i].size == sides[0].size);
        CHECK(!memcmp(sides[i].state, sides[0].state, sides[0].size));
    }
    for (int i = 0; i < SIDES; i++) {
        free(sides[i].state);
        mim_config_destroy(sides[i].config);
    }
    mim_context_destroy(ctx);
}

/* ---- cancelling ---- */

struct canceller { mim_context *ctx; atomic_int go, stop; };

static void *cancel_soon(void *arg)
{
    struct canceller *c = arg;
    unsigned random = 1;
    while (!atomic_load(&c->stop)) {
        int turn = atomic_exchange(&c->go, 0);
        if (!turn)
            continue;
        random = random * 1664525u + 1013904223u;
        struct timespec wait = { 0, (long)(random >> 8) % 1500000 };
        nanosleep(&wait, NULL);
        mim_context_cancel(c->ctx);
    }
    return NULL;
}

static void at_any_moment(void)
{
    static const char json[] = "{\"encoder\": {\"width\": 64, \"depth\": 3, \"drop_path\": 0.4}, \"masker\": {\"kind\": \"host\"}}";
    mim_context *ctx = make_context(), *quiet = make_context();
    OK(ctx, mim_context_set_threads(ctx, 2));
    mim_trainer *t = make_trainer(ctx, json), *u = make_trainer(quiet, json);
    struct canceller c = { ctx, 0, 0 };
    pthread_t thread;
    int cancelled = 0;
    CHECK(pthread_create(&thread, NULL, cancel_soon, &c) == 0);
    for (int i = 0; i < 40; i++) {
        uint8_t mask[24] = { 0 };
        for (int k = 0; k < 24; k++)
            mask[k] = (k + i) % 2 == 0;
        OK(quiet, mim_trainer_set_input(u, "mask", MIM_U8, mask, 24));
        OK(quiet, make_step(u, i));
        OK(ctx, mim_trainer_set_input(t, "mask", MIM_U8, mask, 24));
        size_t n, m;
        double *before = make_dump_of(t, MIM_STATE, &n);
        atomic_store(&c.go, 1);
        mim_status status;
        while ((status = make_step(t, i)) == MIM_ERR_CANCELLED) {          /* the mask that was set is still there */
            double *after = make_dump_of(t, MIM_STATE, &m);
            CHECK(make_same(before, n, after, m));
            free(after);
            cancelled++;
        }
        OK(ctx, status);
        free(before);
    }
    atomic_store(&c.stop, 1);
    pthread_join(thread, NULL);
    CHECK(make_same_state(t, u, MIM_STATE));
    CHECK(cancelled > 0);
    mim_trainer_destroy(t);
    mim_trainer_destroy(u);
    mim_context_destroy(ctx);
    mim_context_destroy(quiet);
}

static void before_the_call(void)
{
    mim_context *ctx = make_context();
    mim_trainer *t = make_trainer(ctx, "{\"trainer\": {\"accumulate\": 2}}"), *u = make_trainer(ctx, "{\"trainer\": {\"accumulate\": 2}}");
    mim_images images = make_images(0, 4);
    mim_encoder *e = NULL;
    for (int i = 0; i < 2; i++)
        OK(ctx, make_step(u, i));
    mim_context_cancel(ctx);
    CHECK(make_step(t, 0) == MIM_ERR_CANCELLED && make_metric(t, "step") == 0 && make_metric(t, "pictures") == 0);
    OK(ctx, make_step(t, 0));
    mim_context_cancel(ctx);
    CHECK(make_step(t, 1) == MIM_ERR_CANCELLED);                /* the accumulation starts anew */
    OK(ctx, make_step(t, 0));
    CHECK(make_metric(t, "step") == 0);
    OK(ctx, make_step(t, 1));
    CHECK(make_metric(t, "step") == 1 && make_same_state(t, u, MIM_STATE));
    mim_context_cancel(ctx);
    CHECK(mim_trainer_evaluate(t, &images, 0, NULL) == MIM_ERR_CANCELLED);
    OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
    OK(ctx, mim_trainer_encoder(t, &e));
    mim_context_cancel(ctx);
    CHECK(mim_encoder_encode(e, &images, "pooled") == MIM_ERR_CANCELLED);
    OK(ctx, mim_encoder_encode(e, &images, "pooled"));
    mim_config *config = make_config(ctx, NULL);
    static float prepared[4 * MAKE_PIXELS];
    mim_context_cancel(ctx);
    CHECK(mim_images_prepare(ctx, config, 0, &images, 0, NULL, prepared, 4 * MAKE_PIXELS) == MIM_ERR_CANCELLED);
    for (int i = 0; i < 4 * MAKE_PIXELS; i++)
        CHECK(prepared[i] == 0);                                /* no picture was begun */
    OK(ctx, mim_images_prepare(ctx, config, 0, &images, 0, NULL, prepared, 4 * MAKE_PIXELS));
    mim_config_destroy(config);
    for (int i = 0; i < 2; i++) {
        OK(ctx, mim_trainer_forward(t, &images, 0, NULL));
        OK(ctx, mim_trainer_backward(t));
    }
    mim_context_cancel(ctx);
    CHECK(mim_trainer_update(t) == MIM_ERR_CANCELLED && make_metric(t, "step") == 1);
    OK(ctx, mim_trainer_update(t));
    CHECK(make_metric(t, "step") == 2);
    mim_encoder_destroy(e);
    mim_trainer_destroy(t);
    mim_trainer_destroy(u);
    mim_context_destroy(ctx);
}

int main(void)
{
    TEST(threads_f32); TEST(threads_bf16);
    TEST(threads_swin); TEST(smaller_batches); TEST(numbers_not_places); TEST(side_by_side);
    TEST(at_any_moment); TEST(before_the_call);
    return test_end();
}
