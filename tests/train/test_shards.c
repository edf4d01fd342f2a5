/* SPDX-License-Identifier: MIT */
/* test_shards.c -- processes that share the moments of one run, here trainers of one process, through the public header: to
 * the bit what processes do that each hold all; what their states resume; and moments in bf16 in states. */
#include "train/make.h"

static mim_context *ctx;
enum { MOST = 5 };

static mim_trainer *trainer_of(const char *more, int shards, int shard)
{
    char json[512];
    snprintf(json, sizeof json, "{\"optimizer.shards\": %d, \"optimizer.shard\": %d%s}", shards, shard, more);
    return make_trainer(ctx, json);
}

static void gradients_of(mim_trainer *t, float **g, size_t *n)
{
    mim_tensors *view = NULL;
    OK(ctx, mim_trainer_tensors(t, MIM_GRADIENTS, NULL, &view));
    OK(ctx, mim_tensors_data(view, NULL, g, n));
    mim_tensors_destroy(view);
}

/* The weights of encoder and of head, as the gradients' array has them one after the other. */
static void weights_of(mim_trainer *t, float *w[2], size_t n[2])
{
    mim_encoder *e = NULL;
    mim_head *h = NULL;
    mim_tensors *views[2] = { NULL, NULL };
    OK(ctx, mim_trainer_encoder(t, &e));
    OK(ctx, mim_trainer_head(t, &h));
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "mim", &views[0]));
    OK(ctx, mim_head_tensors(h, MIM_WEIGHTS, "mim", &views[1]));
    for (int i = 0; i < 2; i++) {
        OK(ctx, mim_tensors_data(views[i], NULL, &w[i], &n[i]));
        mim_tensors_destroy(views[i]);
    }
    mim_head_destroy(h);
    mim_encoder_destroy(e);
}

static void range_of(mim_trainer *t, int64_t *first, int64_t *count)
{
    mim_config *about = NULL;
    OK(ctx, mim_trainer_describe(t, &about));
    OK(ctx, mim_config_get_i64(about, "plan.shard.first", first));
    OK(ctx, mim_config_get_i64(about, "plan.shard.elements", count));
    mim_config_destroy(about);
}

static void sum_gradients(mim_trainer *t[], int n)
{
    float *g[MOST];
    size_t size = 0;
    for (int i = 0; i < n; i++)
        gradients_of(t[i], &g[i], &size);
    for (size_t k = 0; k < size; k++) {
        float sum = 0;
        for (int i = 0; i < n; i++)
            sum += g[i][k];
        for (int i = 0; i < n; i++)
            g[i][k] = sum / (float)n;
    }
}

static void gather_weights(mim_trainer *t[], int n)
{
    float *from[2], *to[2];
    size_t size[2];
    for (int i = 0; i < n; i++) {
        int64_t first, count;
        range_of(t[i], &first, &count);
        weights_of(t[i], from, size);
        for (int other = 0; other < n; other++) {
            weights_of(t[other], to, size);
            for (int64_t k = first; other != i && k < first + count; k++) {
                int part = k >= (int64_t)size[0];
                size_t at = (size_t)k - (part ? size[0] : 0);
                to[part][at] = from[part][at];
            }
        }
    }
}

/* One step: process i has pictures of its own. */
static void train(mim_trainer *t[], int n, int step, int shared)
{
    for (int i = 0; i < n; i++) {
        mim_images images = make_images((step + i) % 5, 2);
        const int64_t ids[] = { 100 * step + 2 * i, 100 * step + 2 * i + 1 };
        OK(ctx, mim_trainer_forward(t[i], &images, step, ids));
        OK(ctx, mim_trainer_backward(t[i]));
    }
    sum_gradients(t, n);
    for (int i = 0; i < n; i++)
        OK(ctx, mim_trainer_update(t[i]));
    if (shared)
        gather_weights(t, n);
}

/* ---- bits ---- */

static void as_whole(const char *more, int n)
{
    mim_trainer *shared[MOST], *whole[MOST];
    for (int i = 0; i < n; i++) {
        shared[i] = trainer_of(more, n, i);
        whole[i] = trainer_of(more, 1, 0);
    }
    for (int step = 0; step < 4; step++) {
        train(shared, n, step, 1);
        train(whole, n, step, 0);
    }
    for (int i = 0; i < n; i++) {
        if (!CHECK(make_same_state(shared[i], whole[0], MIM_WEIGHTS) && make_same_state(shared[i], whole[i], MIM_WEIGHTS)))
            printf("%s: %d of %d\n", more, i, n);
        CHECK(make_metric(shared[i], "gradient_norm") == make_metric(whole[i], "gradient_norm"));
    }
    for (int i = 0; i < n; i++) {
        mim_trainer_destroy(shared[i]);
        mim_trainer_destroy(whole[i]);
    }
}

static void same_bits(void)
{
    static const char *const runs[] = {
        "", ", \"optimizer.moments\": \"bf16\"", ", \"precision\": \"bf16\", \"optimizer.moments\": \"bf16\"",
        ", \"optimizer.clip\": 0.01, \"trainer.frozen\": [\"encoder.blocks.0\"]", ", \"optimizer.kind\": \"sgd\"",
        ", \"optimizer.kind\": \"lars\", \"optimizer.moments\": \"bf16\", \"optimizer.rate\": 1",
    };
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        as_whole(runs[i], 2);
        as_whole(runs[i], 5);
    }
}

/* Moments of a process are those of its range; the last range ends with the gradients. */
static void sizes(void)
{
    int64_t end = 0, moments = 0, whole = 0;
    for (int i = 0; i < 3; i++) {
        mim_trainer *t = trainer_of("", 3, i);
        mim_config *about = NULL;
        int64_t first, count, bytes;
        range_of(t, &first, &count);
        OK(ctx, mim_trainer_describe(t, &about));
        OK(ctx, mim_config_get_i64(about, "plan.bytes.moments", &bytes));
        OK(ctx, mim_config_get_i64(about, "plan.bytes.gradients", &whole));
        CHECK(first == end && bytes == 8 * count && first % 16 == 0);
        end += count;
        moments += bytes;
        mim_config_destroy(about);
        mim_trainer_destroy(t);
    }
    CHECK(4 * end == whole && moments == 2 * whole);
}

/* Moments in bf16 are half as large, and learn as well. */
static void learns(void)
{
    double loss[2] = { 0, 0 };                      /* mean of the last hundred steps */
    for (int i = 0; i < 2; i++) {
        mim_trainer *t = make_trainer(ctx, i ? "{\"optimizer.rate\": 0.001, \"optimizer.moments\": \"bf16\"}"
                                          : "{\"optimizer.rate\": 0.001}");
        mim_config *about = NULL;
        int64_t moments = 0, weights = 0;
        for (int k = 0; k < 200; k++) {
            OK(ctx, make_step(t, k));
            loss[i] += k < 100 ? 0 : make_metric(t, "loss") / 100;
        }
        OK(ctx, mim_trainer_describe(t, &about));
        OK(ctx, mim_config_get_i64(about, "plan.bytes.moments", &moments));
        OK(ctx, mim_config_get_i64(about, "plan.bytes.weights", &weights));
        CHECK(moments == (i ? 1 : 2) * weights);
        mim_config_destroy(about);
        mim_trainer_destroy(t);
    }
    if (!CHECK(fabs(loss[1] - loss[0]) < 0.05 * loss[0]))
        printf("%g, %g\n", loss[0], loss[1]);
}

/* ---- states ---- */

static mim_status resumed(mim_trainer *t, const char *keys, mim_trainer **out)
{
    mim_config *config = NULL;
    mim_tensors *state = NULL, *file = NULL;
    size_t needed = 0;
    OK(ctx, mim_config_create(ctx, NULL, &config));
    OK(ctx, mim_config_read_json(config, keys));
    OK(ctx, mim_trainer_tensors(t, MIM_STATE, NULL, &state));
    OK(ctx, mim_tensors_save_memory(state, NULL, 0, &needed));
    void *bytes = malloc(needed);
    OK(ctx, mim_tensors_save_memory(state, bytes, needed, NULL));
    OK(ctx, mim_tensors_open_memory(ctx, bytes, needed, &file));
    *out = NULL;
    mim_status status = mim_trainer_resume(ctx, config, file, out);
    CHECK(!status == !!*out);
    free(bytes);
    mim_tensors_destroy(file);
    mim_tensors_destroy(state);
    mim_config_destroy(config);
    return status;
}

/* Stopped half way and resumed, each as the process it was; and a run of one process, by two. */
static void going_on(void)
{
    static const char bf16[] = ", \"optimizer.moments\": \"bf16\"";
    mim_trainer *shared[2] = { trainer_of(bf16, 2, 0), trainer_of(bf16, 2, 1) }, *again[2], *parted[2];
    mim_trainer *whole[2] = { trainer_of(bf16, 1, 0), trainer_of(bf16, 1, 0) };
    for (int step = 0; step < 2; step++) {
        train(shared, 2, step, 1);
        train(whole, 2, step, 0);
    }
    for (int i = 0; i < 2; i++) {
        char keys[80];
        snprintf(keys, sizeof keys, "{\"optimizer\": {\"shards\": 2, \"shard\": %d}}", i);
        OK(ctx, resumed(shared[i], "{}", &again[i]));
        OK(ctx, resumed(whole[i], keys, &parted[i]));
        CHECK(make_same_state(shared[i], again[i], MIM_STATE) && make_same_state(shared[i], parted[i], MIM_STATE));
    }
    for (int step = 2; step < 4; step++) {
        train(shared, 2, step, 1);
        train(again, 2, step, 1);
        train(parted, 2, step, 1);
        train(whole, 2, step, 0);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(make_same_state(shared[i], again[i], MIM_STATE) && make_same_state(shared[i], parted[i], MIM_STATE));
        CHECK(make_same_state(shared[i], whole[i], MIM_WEIGHTS));
        mim_trainer_destroy(shared[i]);
        mim_trainer_destroy(again[i]);
        mim_trainer_destroy(parted[i]);
        mim_trainer_destroy(whole[i]);
    }
}

static void other_parts(void)
{
    static const struct { const char *keys, *word; } cases[] = {
        { "{\"optimizer\": {\"shard\": 0}}", "shard 1 of 2" }, { "{\"optimizer\": {\"shards\": 4}}", "1 of 4" },
        { "{\"optimizer\": {\"shards\": 1, \"shard\": 0}}", "0 of 1" },
    };
    mim_trainer *t = trainer_of("", 2, 1), *u = NULL;
    OK(ctx, make_step(t, 0));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!CHECK(resumed(t, cases[i].keys, &u) == MIM_ERR_VALUE && strstr(make_error(ctx), cases[i].word)))
            printf("%s: %s\n", cases[i].keys, make_error(ctx));
    OK(ctx, resumed(t, "{\"trainer.gradients\": 0, \"optimizer\": {\"shards\": 1, \"shard\": 0}}", &u));     /* evaluates */
    mim_trainer_destroy(u);
    mim_trainer_destroy(t);
}

/* From f32 to bf16 and back: the nearest, then as they are. */
static void other_type(void)
{
    mim_trainer *t = make_trainer(ctx, NULL), *half = NULL, *back = NULL, *again = NULL;
    for (int i = 0; i < 3; i++)
        OK(ctx, make_step(t, i));
    OK(ctx, resumed(t, "{\"optimizer.moments\": \"bf16\"}", &half));
    OK(ctx, resumed(half, "{\"optimizer.moments\": \"f32\"}", &back));
    OK(ctx, resumed(back, "{\"optimizer.moments\": \"bf16\"}", &again));
    CHECK(make_same_state(half, back, MIM_STATE) && make_same_state(half, again, MIM_STATE));
    CHECK(!make_same_state(half, t, MIM_STATE) && make_same_state(half, t, MIM_WEIGHTS));
    OK(ctx, make_step(half, 3));
    OK(ctx, make_step(again, 3));
    CHECK(make_same_state(half, again, MIM_STATE));
    mim_trainer_destroy(again);
    mim_trainer_destroy(back);
    mim_trainer_destroy(half);
    mim_trainer_destroy(t);
}

static void refused(void)
{
    mim_config *config = make_config(ctx, "{\"trainer.average\": 0.9, \"optimizer\": {\"shards\": 2}}");
    mim_trainer *t = NULL;
    CHECK(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &t) == MIM_ERR_VALUE && !t);
    CHECK(strstr(make_error(ctx), "trainer.average"));
    mim_config_destroy(config);
}

int main(void)
{
    ctx = make_context();
    TEST(same_bits); TEST(sizes); TEST(learns); TEST(going_on); TEST(other_parts); TEST(other_type); TEST(refused);
    mim_context_destroy(ctx);
    return test_end();
}
