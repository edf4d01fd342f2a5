/* SPDX-License-Identifier: MIT */
/* test_hosts.c -- whole host programs, run one after the other on files and folders that the library wrote. They are
 * compiled in under other names than main. Files go under argv[1] or build/tmp. */
#define main host_minimal
#include "api/hosts/minimal.c"
#undef main
#define main host_loop
#include "api/hosts/loop.c"
#undef main
#define main host_features
#include "api/hosts/features.c"
#undef main
#define main host_frozen
#include "api/hosts/frozen.c"
#undef main
#define main host_probe
#include "api/hosts/probe.c"
#undef main

#include "support/test.h"

#include <stdbool.h>
#include <sys/stat.h>

static const char *folder = "build/tmp";

static char *place(const char *name)
{
    static char path[4][300];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/test_hosts_%s", folder, name);
    return path[turn];
}

static int run(int (*program)(int, char **), char *a, char *b)
{
    char name[] = "host", *argv[] = { name, a, b, NULL };
    return program(1 + !!a + !!b, argv);
}

/* An encoder of depth 8 as a folder under a naming. */
static char *make_folder(const char *naming, int side, int channels)
{
    mim_context *context = NULL;
    mim_config *config = NULL;
    mim_encoder *encoder = NULL;
    mim_tensors *weights = NULL;
    char json[200], *path = place(naming);
    snprintf(json, sizeof json, "{\"image\": {\"height\": %d, \"width\": %d, \"channels\": %d}, \"encoder\": {\"patch\": 16, \"width\": 48,"
                                " \"depth\": 8, \"heads\": 3}}", side, side, channels);
    mim_status status = mim_context_create(NULL, &context);
    if (!status) status = mim_config_create(context, NULL, &config);
    if (!status) status = mim_config_read_json(config, json);
    if (!status) status = mim_encoder_create(context, config, NULL, &encoder);
    if (!status) status = mim_encoder_tensors(encoder, MIM_WEIGHTS, naming, &weights);
    if (!status) status = mim_tensors_save_folder(weights, path);
    CHECK(status == MIM_OK);
    mim_tensors_destroy(weights);
    mim_encoder_destroy(encoder);
    mim_config_destroy(config);
    mim_context_destroy(context);
    return path;
}

static void minimal_and_probe(void)
{
    char *state = place("minimal.safetensors");
    for (int i = 0; i < MINIMAL_PICTURES; i++)
        for (int k = 0; k < MINIMAL_SIDE * MINIMAL_SIDE * 3; k++)
            ((uint8_t *)minimal_pixels[i])[k] = (uint8_t)(i * k >> 4);
    CHECK(run(host_minimal, state, NULL) == 0);
    CHECK(run(host_probe, state, NULL) == 0);
    CHECK(run(host_probe, place("nothing"), NULL) != 0);
}

static bool same_files(const char *one, const char *other)
{
    static char x[1 << 16], y[sizeof x];
    FILE *a = fopen(one, "rb"), *b = fopen(other, "rb");
    size_t n = 0, m = 0, all = 0;
    bool same = a && b;
    do {
        n = same ? fread(x, 1, sizeof x, a) : 0;
        m = same ? fread(y, 1, sizeof y, b) : 0;
        same = same && n == m && !memcmp(x, y, n);
        all += n;
    } while (n && same);
    if (a) fclose(a);
    if (b) fclose(b);
    return same && all;
}

/* Four steps at once, and two and two, end in the same file. */
static void loops(void)
{
    char two[] = "2", four[] = "4", *one = place("loop.safetensors"), *other = place("loop2.safetensors");
    remove(one);
    remove(other);
    CHECK(run(host_loop, one, four) == 0);
    CHECK(run(host_loop, other, two) == 0);
    CHECK(!same_files(one, other));
    CHECK(run(host_loop, other, four) == 0);
    CHECK(same_files(one, other));
}

static void features(void)
{
    for (int i = 0; i < FEATURES_CHANNELS * FEATURES_HEIGHT * FEATURES_PITCH; i++)
        ((uint16_t *)features_planes)[i] = (uint16_t)(i * 7);
    CHECK(run(host_features, make_folder("huggingface", 64, 4), place("features.safetensors")) == 0);
    CHECK(run(host_features, make_folder("timm", 64, 4), place("features.safetensors")) == 0);
    CHECK(run(host_features, make_folder("timm", 64, 3), place("features.safetensors")) != 0);      /* three channels */
}

static void frozen(void)
{
    for (int i = 0; i < FROZEN_BATCH * FROZEN_SIDE * FROZEN_SIDE * 3; i++)
        ((uint8_t *)frozen_pixels)[i] = (uint8_t)(i >> 3);
    CHECK(run(host_frozen, make_folder("huggingface", 64, 3), NULL) == 0);
    CHECK(run(host_frozen, make_folder("timm", 64, 3), NULL) == 0);
}

int main(int argc, char **argv)
{
    folder = argc > 1 ? argv[1] : folder;
    mkdir("build", 0777);
    mkdir(folder, 0777);
    TEST(minimal_and_probe); TEST(loops); TEST(features); TEST(frozen);
    return test_end();
}
