/* SPDX-License-Identifier: MIT */
/* test_state.c -- a run that was saved and opened again goes on as if nothing had been, bit for bit. Files go under
 * argv[1] or build/tmp. */
#include "train/make.h"

#include <sys/stat.h>

static mim_context *ctx;
static const char *folder = "build/tmp";

/* ---- ways to keep a state ---- */

struct bytes { unsigned char *data; size_t size; };

static int32_t append(void *user, const void *from, size_t size)
{
    struct bytes *b = user;
    b->data = realloc(b->data, b->size + size);
    memcpy(b->data + b->size, from, size);
    b->size += size;
    return 0;
}

static int32_t fetch(void *user, uint64_t offset, void *to, size_t size)
{
    const struct bytes *b = user;
    if (offset > b->size || size > b->size - offset)
        return 1;
    memcpy(to, b->data + offset, size);
    return 0;
}

enum way { BY_FILE, BY_MEMORY, BY_STREAM, BY_VIEW, WAYS };

/* Save by one way, resume by it. */
static mim_trainer *again(mim_trainer *t, enum way way, const mim_config *config)
{
    mim_tensors *view = NULL, *stored = NULL;
    mim_trainer *out = NULL;
    struct bytes b = { NULL, 0 };
    char path[300];
    size_t needed = 0;
    OK(ctx, mim_trainer_tensors(t, MIM_STATE, NULL, &view));
    snprintf(path, sizeof path, "%s/test_state.safetensors", folder);
    if (way == BY_FILE) {
        OK(ctx, mim_tensors_save(view, path));
        OK(ctx, mim_tensors_open(ctx, path, &stored));
    } else if (way == BY_MEMORY) {
        OK(ctx, mim_tensors_save_memory(view, NULL, 0, &needed));
        b.data = malloc(needed);
        OK(ctx, mim_tensors_save_memory(view, b.data, needed, NULL));
        OK(ctx, mim_tensors_open_memory(ctx, b.data, needed, &stored));
    } else if (way == BY_STREAM) {
        OK(ctx, mim_tensors_save_stream(view, append, &b));
        OK(ctx, mim_tensors_open_stream(ctx, fetch, &b, b.size, &stored));
    }
    OK(ctx, mim_trainer_resume(ctx, config, stored ? stored : view, &out));
    mim_tensors_destroy(stored);
    mim_tensors_destroy(view);
    free(b.data);
    return out;
}

/* A masker of the host's making, of a seed of its own, stays a part of the run; also under a head that hides nothing. */
static void resume_masker(const char *json)
{
    enum { MASKS = 20 };
    mim_config *config = make_config(ctx, json);
    mim_masker *m = NULL, *kept = NULL;
    mim_trainer *t = NULL;
    OK(ctx, mim_masker_create(ctx, config, &m));
    OK(ctx, mim_config_set_i64(config, "seed", 1));
    OK(ctx, mim_trainer_create(ctx, config, NULL, NULL, m, NULL, &t));
    mim_trainer *u = again(t, BY_MEMORY, NULL), *v = again(u, BY_VIEW, NULL);
    uint8_t a[MASKS][MAKE_PATCHES], b[MASKS][MAKE_PATCHES] = { { 9 } };
    if (OK(ctx, mim_trainer_masker(v, &kept))) {
        OK(ctx, mim_masker_draw(m, 0, NULL, MASKS, a[0], sizeof a));
        OK(ctx, mim_masker_draw(kept, 0, NULL, MASKS, b[0], sizeof b));
        CHECK(!memcmp(a, b, sizeof a));
    }
    mim_masker_destroy(kept);
    mim_trainer_destroy(v);
    mim_trainer_destroy(u);
    mim_trainer_destroy(t);
    mim_masker_destroy(m);
    mim_config_destroy(config);
}

static void masker_of_the_host(void)
{
    resume_masker("{\"head\": {\"kind\": \"none\"}, \"masker\": {\"kind\": \"grid\", \"phase\": 1}}");
    resume_masker("{\"seed\": 7}");
    resume_masker("{\"seed\": 9223372036854775807, \"head\": {\"kind\": \"none\"}}");
    resume_masker("{\"masker.seed\": 7}");
}

/* ---- going on ---- */

/* n micro-steps in all; at each boundary k of an accumulation, save, resume and finish. */
static void every_boundary(const char *json, int accumulate, int n, double host_rate)
{
    for (int k = 0; k <= n; k += accumulate) {
        mim_trainer *t = make_trainer(ctx, json), *u = NULL;
        mim_optimizer *o = NULL;
        OK(ctx, mim_trainer_optimizer(t, &o));
        for (int i = 0; i < n; i++) {
            if (i == k) {
                if (host_rate > 0)
                    OK(ctx, mim_optimizer_set_rate(o, host_rate));
                u = again(t, (enum way)(k / accumulate % WAYS), NULL);
            }
            OK(ctx, make_step(t, i));
        }
        if (k == n)
            u = again(t, BY_FILE, NULL);
        for (int i = k; u && i < n; i++)
            OK(ctx, make_step(u, i));
        if (!CHECK(u && make_same_state(t, u, MIM_STATE)))
            printf("%s: stopped after %d of %d\n", json ? json : "", k, n);
        if (u && k < n)
            CHECK(make_metric(t, "loss") == make_metric(u, "loss") && make_metric(t, "rate") == make_metric(u, "rate"));
        mim_optimizer_destroy(o);
        mim_trainer_destroy(t);
        mim_trainer_destroy(u);
    }
}

static const char busy[] = "{\"seed\": 77, \"image\": {\"crop\": \"random_resized\", \"crop_least\": 0.3, \"flip\": 0.5},"
                           " \"encoder\": {\"drop_path\": 0.4, \"relative\": \"shared\"}, \"optimizer\": {\"warmup\": 3, \"steps\": 8}}";

static void adamw(void) { every_boundary(busy, 1, 6, -1); }
static void bf16(void) { every_boundary("{\"precision\": \"bf16\", \"encoder\": {\"drop_path\": 0.4}}", 1, 4, -1); }
static void accumulating(void) { every_boundary("{\"trainer\": {\"accumulate\": 2, \"average\": 0.9}, \"encoder\": {\"drop_path\": 0.4}}", 2, 6, -1); }
static void host_rate(void) { every_boundary(NULL, 1, 4, 0.003); }
static void sgd(void) { every_boundary("{\"optimizer\": {\"kind\": \"sgd\", \"rate\": 0.1, \"nesterov\": 1}}", 1, 4, -1); }
static void sgd_without_moments(void) { every_boundary("{\"optimizer\": {\"kind\": \"sgd\", \"rate\": 0.1, \"momentum\": 0}}", 1, 4, -1); }
static void lars(void) { every_boundary("{\"optimizer\": {\"kind\": \"lars\", \"rate\": 2}}", 1, 4, -1); }
static void lamb(void) { every_boundary("{\"optimizer\": {\"kind\": \"lamb\", \"clip\": 1}}", 1, 4, -1); }
static void recomputed(void) { every_boundary("{\"trainer\": {\"recompute\": 2}, \"encoder\": {\"drop_path\": 0.4}}", 1, 3, -1); }

static void numbered_by_the_trainer(void)
{
    mim_trainer *t = make_trainer(ctx, busy), *u = NULL;
    mim_images images = make_images(0, 3);
    for (int i = 0; i < 4; i++) {
        if (i == 2)
            u = again(t, BY_FILE, NULL);
        OK(ctx, mim_trainer_step(t, &images, 0, NULL));
    }
    for (int i = 2; i < 4; i++)
        OK(ctx, mim_trainer_step(u, &images, 0, NULL));
    CHECK(make_same_state(t, u, MIM_STATE));
    mim_trainer_destroy(t);
    mim_trainer_destroy(u);
}

/* Recomputing changes memory, never a bit. */
static void recomputing_is_the_same(void)
{
    mim_trainer *t = make_trainer(ctx, busy);
    mim_config *config = make_config(ctx, "{\"trainer\": {\"recompute\": 2}}"), *only = NULL;
    mim_config_create(ctx, NULL, &only);
    mim_config_set_i64(only, "trainer.recompute", 2);
    mim_trainer *u = again(t, BY_MEMORY, only);
    for (int i = 0; i < 3; i++) {
        OK(ctx, make_step(t, i));
        OK(ctx, make_step(u, i));
    }
    CHECK(make_same_state(t, u, MIM_WEIGHTS));
    mim_config_destroy(config);
    mim_config_destroy(only);
    mim_trainer_destroy(t);
    mim_trainer_destroy(u);
}

/* ---- texts ---- */

static void texts(void)
{
    mim_trainer *t = make_trainer(ctx, NULL);
    mim_tensors *view = NULL;
    char text[64];
    OK(ctx, mim_trainer_tensors(t, MIM_STATE, NULL, &view));
    OK(ctx, mim_tensors_set_text(view, "host.next", "42"));
    OK(ctx, mim_tensors_set_text(view, "\"quoted\"\n", "\xC3\xA4 \\ \" \t"));
    CHECK(mim_tensors_set_text(view, "mim.config", "{}") == MIM_ERR_VALUE);
    mim_tensors_destroy(view);                                  /* they live with the trainer, not the view */
    for (int way = 0; way < WAYS; way++) {
        mim_trainer *u = again(t, (enum way)way, NULL);
        OK(ctx, mim_trainer_tensors(u, MIM_STATE, NULL, &view));
        OK(ctx, mim_tensors_get_text(view, "host.next", text, sizeof text, NULL));
        CHECK_TEXT(text, "42");
        OK(ctx, mim_tensors_get_text(view, "\"quoted\"\n", text, sizeof text, NULL));
        CHECK_TEXT(text, "\xC3\xA4 \\ \" \t");
        mim_tensors_destroy(view);
        mim_trainer_destroy(u);
    }
    mim_trainer_destroy(t);
}

/* ---- keys on top ---- */

static void keys_that_win(void)
{
    mim_trainer *t = make_trainer(ctx, NULL);
    mim_config *config = NULL, *whole = NULL;
    double v;
    int64_t i;
    OK(ctx, make_step(t, 0));
    OK(ctx, mim_config_create(ctx, NULL, &config));
    OK(ctx, mim_config_read_json(config, "{\"optimizer\": {\"rate\": 0.5, \"steps\": 99}, \"trainer\": {\"batch\": 2, \"average\": 0.5}}"));
    mim_trainer *u = again(t, BY_MEMORY, config);
    OK(ctx, mim_trainer_describe(u, &whole));
    mim_config_get_f64(whole, "optimizer.rate", &v);
    CHECK(v == 0.5);
    mim_config_get_i64(whole, "optimizer.steps", &i);
    CHECK(i == 99);
    mim_config_get_i64(whole, "trainer.batch", &i);
    CHECK(i == 2);
    mim_config_get_i64(whole, "encoder.width", &i);
    CHECK(i == 16);
    CHECK(make_metric(u, "step") == 1 && make_same_state(t, u, MIM_WEIGHTS));
    mim_config_destroy(whole);
    mim_config_destroy(config);
    mim_trainer_destroy(u);
    mim_trainer_destroy(t);
}

/* A state opened for evaluation alone brings its average along. */
static void average_without_gradients(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"trainer\": {\"average\": 0.5, \"evaluate\": \"average\"}}");
    mim_config *config = NULL;
    mim_images images = make_images(0, MAKE_BATCH);
    for (int i = 0; i < 3; i++)
        OK(ctx, make_step(t, i));
    OK(ctx, mim_config_create(ctx, NULL, &config));
    OK(ctx, mim_config_set_i64(config, "trainer.gradients", 0));
    mim_trainer *u = again(t, BY_MEMORY, config);
    OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
    OK(ctx, mim_trainer_evaluate(u, &images, 0, NULL));
    CHECK(make_metric(t, "loss") == make_metric(u, "loss"));
    CHECK(make_same_state(t, u, MIM_AVERAGE));
    mim_config_destroy(config);
    mim_trainer_destroy(u);
    mim_trainer_destroy(t);
}

static void keys_that_cannot(void)
{
    static const char *const keys[][2] = {
        { "encoder.width", "32" }, { "encoder.depth", "1" }, { "encoder.depth", "3" }, { "encoder.hidden", "8" }, { "encoder.patch", "2" },
        { "encoder.class_token", "0" }, { "encoder.relative", "shared" }, { "encoder.positions", "none" }, { "encoder.qkv_bias", "none" },
        { "encoder.layer_scale", "0.1" }, { "encoder.norm", "0" }, { "encoder.table_rows", "5" }, { "image.channels", "1" },
        { "head.kind", "classifier" }, { "head.kind", "none" }, { "head.layers", "2" }, { "head.reduce", "2" },
        { "optimizer.kind", "sgd" }, { "optimizer.kind", "none" },
    };
    for (int way = 0; way < 2; way++) {
        mim_trainer *t = make_trainer(ctx, way ? "{\"optimizer\": {\"kind\": \"none\"}}" : NULL);
        mim_tensors *view = NULL;
        OK(ctx, mim_trainer_tensors(t, MIM_STATE, NULL, &view));
        for (size_t i = 0; i < sizeof keys / sizeof *keys - (way ? 2 : 0); i++) {
            mim_config *config = NULL;
            mim_trainer *u = NULL;
            OK(ctx, mim_config_create(ctx, NULL, &config));
            OK(ctx, mim_config_set_str(config, keys[i][0], keys[i][1]));
            mim_status status = mim_trainer_resume(ctx, config, view, &u);
            if (!CHECK(status == MIM_ERR_VALUE && !u))
                printf("%s %s: %s: %s\n", keys[i][0], keys[i][1], mim_status_name(status), make_error(ctx));
            mim_trainer_destroy(u);
            mim_config_destroy(config);
        }
        mim_tensors_destroy(view);
        mim_trainer_destroy(t);
    }
}

static void not_a_state(void)
{
    mim_trainer *t = make_trainer(ctx, NULL), *u = NULL;
    mim_tensors *weights = NULL, *empty = NULL;
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, NULL, &weights));
    OK(ctx, mim_tensors_create(ctx, &empty));
    CHECK(mim_trainer_resume(ctx, NULL, weights, &u) == MIM_ERR_FORMAT);
    CHECK(mim_trainer_resume(ctx, NULL, empty, &u) == MIM_ERR_FORMAT && !u);
    mim_tensors_destroy(weights);
    mim_tensors_destroy(empty);
    mim_trainer_destroy(t);
}

/* The state from memory, with a name or text `from` made `to`, as long. */
static mim_tensors *changed(mim_trainer *t, const char *from, const char *to)
{
    mim_tensors *view = NULL, *back = NULL;
    size_t needed = 0, n = strlen(from);
    OK(ctx, mim_trainer_tensors(t, MIM_STATE, NULL, &view));
    OK(ctx, mim_tensors_save_memory(view, NULL, 0, &needed));
    char *data = calloc(needed + 1, 1), *at = NULL;
    OK(ctx, mim_tensors_save_memory(view, data, needed, NULL));
    for (size_t i = 8; i + n + 2 < needed && !at; i++)
        if (data[i] == '"' && !memcmp(data + i + 1, from, n) && data[i + 1 + n] == '"')
            at = data + i;
    if (CHECK(at))
        memcpy(at + 1, to, n);
    OK(ctx, mim_tensors_open_memory(ctx, data, needed, &back));
    mim_tensors_destroy(view);
    free(data);
    return back;
}

static mim_status resume_changed(mim_trainer *t, const char *from, const char *to)
{
    mim_tensors *state = changed(t, from, to);
    mim_trainer *u = NULL;
    mim_config *budget = NULL;
    mim_status status = mim_trainer_resume(ctx, NULL, state, &u);
    CHECK(!status == !!u);
    OK(ctx, mim_config_create(ctx, NULL, &budget));             /* which the host has no part in */
    OK(ctx, mim_config_set_i64(budget, "trainer.memory_budget", (int64_t)1 << 30));
    if (status)
        CHECK(mim_trainer_resume(ctx, budget, state, &u) == status && !u);
    mim_config_destroy(budget);
    mim_trainer_destroy(u);
    mim_tensors_destroy(state);
    return status;
}

static void broken_states(void)
{
    mim_trainer *t = make_trainer(ctx, NULL);
    static const char *const names[] = { "encoder.pos_embed", "encoder.blocks.1.mlp.fc2.bias", "head.decoder.0.weight",
                                         "optimizer.moment.1", "optimizer.moment.2", "trainer.counters", "optimizer.rate" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char other[64];
        snprintf(other, sizeof other, "_%s", names[i] + 1);
        if (!CHECK(resume_changed(t, names[i], other) == MIM_ERR_FORMAT))
            printf("%s: %s\n", names[i], make_error(ctx));
    }
    mim_trainer_destroy(t);
}

/* Of another version: a later patch is read, what is later by more is refused, also where the encoder alone is wanted. */
static void later_versions(void)
{
    mim_trainer *t = make_trainer(ctx, NULL);
    const char *now = mim_version_string();
    size_t at[] = { strlen(now) - 1, strcspn(now, ".") + 1, 0 };
    for (int i = 0; i < 3; i++) {
        char later[32];
        snprintf(later, sizeof later, "%s", now);
        later[at[i]] = '9';
        CHECK(resume_changed(t, now, later) == (i ? MIM_ERR_UNSUPPORTED : MIM_OK));
        CHECK(!i || (strstr(make_error(ctx), now) && strstr(make_error(ctx), later)));
        mim_tensors *state = changed(t, now, later);
        mim_config *config = NULL;
        mim_encoder *e = NULL;
        CHECK(mim_encoder_create(ctx, NULL, state, &e) == (i ? MIM_ERR_UNSUPPORTED : MIM_OK));
        CHECK(mim_config_from_tensors(state, &config) == (i ? MIM_ERR_UNSUPPORTED : MIM_OK));
        mim_config_destroy(config);
        mim_encoder_destroy(e);
        mim_tensors_destroy(state);
    }
    mim_trainer_destroy(t);
}

int main(int argc, char **argv)
{
    folder = argc > 1 ? argv[1] : folder;
    mkdir("build", 0777);
    mkdir(folder, 0777);
    ctx = make_context();
    TEST(masker_of_the_host); TEST(adamw); TEST(bf16); TEST(accumulating); TEST(host_rate); TEST(sgd); TEST(sgd_without_moments);
    TEST(lars); TEST(lamb); TEST(recomputed);
    TEST(numbered_by_the_trainer); TEST(recomputing_is_the_same); TEST(texts); TEST(keys_that_win); TEST(keys_that_cannot);
    TEST(average_without_gradients);
    TEST(not_a_state); TEST(broken_states); TEST(later_versions);
    mim_context_destroy(ctx);
    return test_end();
}
