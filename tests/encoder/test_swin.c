/* SPDX-License-Identifier: MIT */
/* test_swin.c -- the Swin Transformer: a tiny SimMIM model against values worked out in double precision elsewhere, grids
 * that windows do not fit, tables of other windows, positions in larger windows than those of training, the sizes of the
 * published models, and options that contradict. */
#include "mim.h"
#include "encoder/encoder.h"
#include "kernel/kernel.h"
#include "support/test.h"

/* ---- the tiny model: 16 x 16 pixels, patch 2, two stages of width 8 and 16, windows of 4 ---- */

static const char tiny[] =
    "{\"image\": {\"height\": 16, \"width\": 16, \"crop\": \"none\", \"flip\": 0}, \"masker\": {\"kind\": \"host\"},"
    " \"encoder\": {\"patch\": 2, \"width\": 8, \"depths\": [2, 2], \"stage_heads\": [2, 4], \"window\": 4, \"eps\": 1e-5},"
    " \"head\": {\"kind\": \"pixels\", \"loss\": \"l1\"}, \"trainer\": {\"batch\": 2, \"outputs\": [\"tokens\"]}}";

static const char *const of_first[] = { "norm1.weight", "norm1.bias", "attn.relative_position_bias_table",
    "attn.qkv.weight", "attn.qkv.bias", "attn.proj.weight", "attn.proj.bias", "norm2.weight", "norm2.bias", "mlp.fc1.weight",
    "mlp.fc1.bias", "mlp.fc2.weight", "mlp.fc2.bias" };
static const char *const of_second[] = { "norm1.weight", "norm1.bias", "attn.logit_scale", "attn.q_bias", "attn.v_bias",
    "attn.cpb_mlp.0.weight", "attn.cpb_mlp.0.bias", "attn.cpb_mlp.2.weight", "attn.qkv.weight", "attn.proj.weight",
    "attn.proj.bias", "norm2.weight", "norm2.bias", "mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight", "mlp.fc2.bias" };

struct slope { int t, at; double want; };
static const struct slope slopes_of_first[] = {
    { 0, 0, 2.1033758e-2 }, { 1, 5, -7.0242240e-3 }, { 21, 20, -1.5103505e-4 }, { 20, 48, -7.1041117e-6 },
    { 7, 0, -6.4878436e-5 }, { 18, 3, -2.4624143e-2 }, { 31, 100, 9.6441847e-3 }, { 32, 6, -1.0548162e-2 },
    { 56, 17, 1.3681398e-2 }, { 61, 1, -7.0615446e-2 }, { 62, 33, -1.9254464e-2 },
};
static const struct slope slopes_of_second[] = {
    { 0, 0, -6.0373465e-3 }, { 1, 5, -1.4579779e-2 }, { 30, 20, -3.6481260e-4 }, { 24, 0, -7.9176767e-4 }, { 61, 3, 0 },
    { 27, 7, -1.2370194e-5 }, { 28, 3, 2.1937729e-6 }, { 29, 600, 2.3801738e-6 }, { 25, 2, -4.3629969e-4 },
    { 22, 3, 1.0173036e-3 }, { 39, 100, 5.4704137e-2 }, { 40, 6, -4.5244026e-2 }, { 72, 17, -2.4863200e-4 },
    { 77, 1, -7.4250605e-2 }, { 78, 33, -5.9256597e-4 },
};

static const struct version {
    const char *kind;
    int of_block;                               /* tensors a block */
    const char *const *names;
    size_t parameters;
    double loss, sums[2], squares[2], first[2][4], pixels[2], some[3];
    const struct slope *slopes;
    int slope_count;
} versions[] = {
    { "swin", COUNT(of_first), of_first, 10444, 0.7969485693, { 5.745782029, 5.762204558 }, { 259.01987307, 260.17778841 },
      { { .36416519, -1.44027897, .41959983, -1.35255136 }, { -.28218481, -.86147170, .33054664, -1.22247052 } },
      { 17.20097879, 17.25189717 }, { -.21821955, 1.04169363, .89592513 }, slopes_of_first, COUNT(slopes_of_first) },
    { "swinv2", COUNT(of_second), of_second, 22076, 0.8738803202, { 3.752848663, 3.780027630 },
      { 232.54574640, 232.89697474 },
      { { 1.45415772, -.12201387, -.83219527, -1.75951121 }, { 1.18267222, .32690059, -1.42464960, -1.16172387 } },
      { -28.28609113, -28.42306220 }, { -.43095284, -1.11102399, -1.22318607 }, slopes_of_second, COUNT(slopes_of_second) },
};

/* In the order that numbers the formula of the weights. */
static int tensors(const struct version *v) { return 4 * v->of_block + 12; }
static void tensor_name(const struct version *v, int t, char to[96])
{
    static const char *const before[] = { "mask_token", "patch_embed.proj.weight", "patch_embed.proj.bias",
                                          "patch_embed.norm.weight", "patch_embed.norm.bias" };
    static const char *const merging[] = { "reduction.weight", "norm.weight", "norm.bias" };
    static const char *const behind[] = { "encoder.norm.weight", "encoder.norm.bias", "head.decoder.0.weight",
                                          "head.decoder.0.bias" };
    int of_stage = 2 * v->of_block, k = t - 5 - (t >= 5 + of_stage ? 3 : 0), last = tensors(v) - 4;
    if (t < 5)
        snprintf(to, 96, "encoder.%s", before[t]);
    else if (t >= last)
        snprintf(to, 96, "%s", behind[t - last]);
    else if (t >= 5 + of_stage && t < 8 + of_stage)
        snprintf(to, 96, "encoder.layers.0.downsample.%s", merging[t - 5 - of_stage]);
    else
        snprintf(to, 96, "encoder.layers.%d.blocks.%d.%s", k / of_stage, k / v->of_block % 2, v->names[k % v->of_block]);
}

static void set_weights(const struct version *v, mim_trainer *trainer)
{
    mim_tensors *w = NULL;
    char name[96];
    float x[2048];
    size_t all = 0;
    CHECK(mim_trainer_tensors(trainer, MIM_WEIGHTS, "mim", &w) == MIM_OK);
    for (int t = 0; t < tensors(v); t++) {
        size_t n = 0;
        tensor_name(v, t, name);
        if (!CHECK(mim_tensors_info(w, name, NULL, NULL, NULL, &n) == MIM_OK && n <= COUNT(x))) {
            printf("%s\n", name);
            continue;
        }
        bool gain = strstr(name, "norm") && strstr(name, "weight"), scale = strstr(name, "logit_scale");
        for (size_t i = 0; i < n; i++) {
            double f = 0.2 * sin(0.7 * (double)i + 1.3 * t + 0.5);
            x[i] = (float)(gain ? 1 + 0.5 * f : scale ? log(10) + f : strstr(name, "cpb_mlp.2") ? f / 10 : f);
        }
        if (!strcmp(name, "encoder.layers.1.blocks.1.attn.logit_scale"))
            x[3] = 4.7f;                            /* above its bound */
        CHECK(mim_tensors_write(w, name, MIM_F32, 0, n, x) == MIM_OK);
        all += n;
    }
    CHECK(all == v->parameters && mim_tensors_count(w) == tensors(v));
    mim_tensors_destroy(w);
}

/* Of either. */
static void set_inputs(mim_trainer *trainer, mim_encoder *encoder)
{
    static const char coarse[2][17] = { "1001011011010111", "0110110110111100" };
    static float x[2][3][16][16];
    uint8_t mask[128];
    for (int b = 0; b < 2; b++)
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < 256; i++)
                x[b][c][i / 16][i % 16] = (float)sin(0.31 * (i / 16) + 0.53 * (i % 16) + 0.9 * c + 0.7 * b);
    for (int i = 0; i < 128; i++)
        mask[i] = coarse[i / 64][i % 64 / 16 * 4 + i % 8 / 2] == '1';
    CHECK(!trainer || mim_trainer_set_input(trainer, "pixels", MIM_F32, x, 1536) == MIM_OK);
    CHECK(!trainer || mim_trainer_set_input(trainer, "mask", MIM_U8, mask, 128) == MIM_OK);
    CHECK(!encoder || mim_encoder_set_input(encoder, "pixels", MIM_F32, x, 1536) == MIM_OK);
    CHECK(!encoder || mim_encoder_set_input(encoder, "mask", MIM_U8, mask, 128) == MIM_OK);
}

static void check_outputs(const struct version *v, mim_trainer *trainer, double tolerance)
{
    mim_tensors *out = NULL;
    float z[512] = { 0 }, x[1536] = { 0 };
    double loss = 0;
    CHECK(mim_trainer_metric(trainer, "loss", &loss) == MIM_OK);
    CHECK_NEAR(loss, v->loss, 1e-5 * tolerance);
    CHECK(mim_trainer_tensors(trainer, MIM_OUTPUTS, "mim", &out) == MIM_OK);
    CHECK(mim_tensors_read(out, "tokens", MIM_F32, 0, 512, z) == MIM_OK);
    CHECK(mim_tensors_read(out, "reconstruction", MIM_F32, 0, 1536, x) == MIM_OK);
    mim_tensors_destroy(out);
    for (int b = 0; b < 2; b++) {
        double sum = 0, square = 0, of_pixels = 0;
        for (int i = 0; i < 256; i++) {
            sum += z[256 * b + i];
            square += z[256 * b + i] * z[256 * b + i];
        }
        for (int i = 0; i < 768; i++)
            of_pixels += x[768 * b + i];
        CHECK_NEAR(sum, v->sums[b], 5e-5 * tolerance);
        CHECK_NEAR(square, v->squares[b], 3e-4 * tolerance);
        CHECK_NEAR(of_pixels, v->pixels[b], 2e-4 * tolerance);
        for (int i = 0; i < 4; i++)
            CHECK_NEAR(z[256 * b + i], v->first[b][i], 5e-6 * tolerance);
    }
    CHECK_NEAR(x[0], v->some[0], 5e-6 * tolerance);
    CHECK_NEAR(x[1], v->some[1], 5e-6 * tolerance);
    CHECK_NEAR(x[767], v->some[2], 5e-6 * tolerance);
}

static void check_gradients(const struct version *v, mim_trainer *trainer, double tolerance)
{
    mim_tensors *g = NULL;
    char name[96];
    CHECK(mim_trainer_tensors(trainer, MIM_GRADIENTS, "mim", &g) == MIM_OK);
    for (int i = 0; i < v->slope_count; i++) {
        const struct slope *s = &v->slopes[i];
        float x = NAN;
        tensor_name(v, s->t, name);
        CHECK(mim_tensors_read(g, name, MIM_F32, (size_t)s->at, 1, &x) == MIM_OK);
        if (!CHECK(fabs(x - s->want) <= (tolerance > 1 ? 0.5 * fabs(s->want) + 5e-4 : 1e-6)))
            printf("%s: %.9g, not %.9g\n", name, x, s->want);
    }
    float table[49 * 2];                            /* rows of dS sum to zero: so does each head of a table */
    double sum = 0;
    tensor_name(v, 20, name);
    if (!strcmp(v->kind, "swin")) {
        CHECK(mim_tensors_read(g, name, MIM_F32, 0, 98, table) == MIM_OK);
        for (int i = 0; i < 49; i++)
            sum += table[2 * i];
    }
    CHECK_NEAR(sum, 0, 1e-6);
    mim_tensors_destroy(g);
}

static void run_tiny(const struct version *v, const char *isa, int threads, const char *more, double tolerance)
{
    mim_context *ctx = NULL;
    mim_config *config = NULL;
    mim_trainer *trainer = NULL;
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim_context_set_isa_max(ctx, isa) == MIM_OK);
    CHECK(mim_context_set_threads(ctx, threads) == MIM_OK);
    CHECK(mim_config_create(ctx, NULL, &config) == MIM_OK && mim_config_read_json(config, tiny) == MIM_OK);
    CHECK(mim_config_read_json(config, more) == MIM_OK && mim_config_set_str(config, "encoder.kind", v->kind) == MIM_OK);
    if (CHECK(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &trainer) == MIM_OK)) {
        set_weights(v, trainer);
        set_inputs(trainer, NULL);
        CHECK(mim_trainer_forward(trainer, NULL, 0, NULL) == MIM_OK);
        check_outputs(v, trainer, tolerance);
        CHECK(mim_trainer_backward(trainer) == MIM_OK);
        check_gradients(v, trainer, tolerance);
    }
    mim_trainer_destroy(trainer);
    mim_config_destroy(config);
    mim_context_destroy(ctx);
}

static void golden(void)
{
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++)
        for (int i = 0; i < COUNT(versions); i++) {
            const struct version *v = &versions[i];
            run_tiny(v, (*k)->isa, 1, "{}", 1);
            run_tiny(v, (*k)->isa, 3, "{\"trainer.recompute\": 3}", 1);
            run_tiny(v, (*k)->isa, 2, "{\"trainer.batch\": 5, \"encoder.window_rule\": \"transformers\"}", 1);
            run_tiny(v, (*k)->isa, 1, "{\"precision\": \"bf16\"}", 3000);
        }
}

static void read_outputs(const mim_tensors *out, float *tokens, float *first, float *second)
{
    CHECK(mim_tensors_read(out, "tokens", MIM_F32, 0, 512, tokens) == MIM_OK);
    CHECK(mim_tensors_read(out, "stage.1", MIM_F32, 0, 1024, first) == MIM_OK);
    CHECK(mim_tensors_read(out, "stage.2", MIM_F32, 0, 512, second) == MIM_OK);
}

/* An encode gives the features of a trainer, to the bit. */
static void encoded_alike(void)
{
    for (int i = 0; i < COUNT(versions); i++) {
        static float a[2048], b[2048];
        mim_context *ctx = NULL;
        mim_config *config = NULL;
        mim_trainer *trainer = NULL;
        mim_encoder *encoder = NULL;
        mim_tensors *out[2] = { NULL, NULL };
        CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim_config_create(ctx, NULL, &config) == MIM_OK);
        CHECK(mim_config_read_json(config, tiny) == MIM_OK);
        CHECK(mim_config_set_str(config, "encoder.kind", versions[i].kind) == MIM_OK);
        CHECK(mim_config_set_str(config, "trainer.outputs", "stage.2 tokens stage.1") == MIM_OK);
        CHECK(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &trainer) == MIM_OK);
        CHECK(mim_trainer_encoder(trainer, &encoder) == MIM_OK);
        set_weights(&versions[i], trainer);
        set_inputs(trainer, NULL);
        set_inputs(NULL, encoder);
        CHECK(mim_trainer_forward(trainer, NULL, 0, NULL) == MIM_OK);
        CHECK(mim_encoder_encode(encoder, NULL, "tokens stage.1 stage.2") == MIM_OK);
        CHECK(mim_trainer_tensors(trainer, MIM_OUTPUTS, NULL, &out[0]) == MIM_OK);
        CHECK(mim_encoder_tensors(encoder, MIM_OUTPUTS, NULL, &out[1]) == MIM_OK);
        read_outputs(out[0], a, a + 512, a + 1536);
        read_outputs(out[1], b, b + 512, b + 1536);
        CHECK(!memcmp(a, b, sizeof a));
        mim_tensors_destroy(out[0]);
        mim_tensors_destroy(out[1]);
        mim_encoder_destroy(encoder);
        mim_trainer_destroy(trainer);
        mim_config_destroy(config);
        mim_context_destroy(ctx);
    }
}

/* Gains of the norms at the ends of branches start from 0: a fresh block of V2 does nothing, and only they are trained; nor
 * does a visible patch reach the loss. */
static void fresh_second(void)
{
    mim_context *ctx = NULL;
    mim_config *config = NULL;
    mim_trainer *trainer = NULL;
    mim_tensors *g = NULL;
    float x[2048];
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim_config_create(ctx, NULL, &config) == MIM_OK);
    CHECK(mim_config_read_json(config, tiny) == MIM_OK && mim_config_set_str(config, "encoder.kind", "swinv2") == MIM_OK);
    CHECK(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &trainer) == MIM_OK);
    set_inputs(trainer, NULL);
    CHECK(mim_trainer_forward(trainer, NULL, 0, NULL) == MIM_OK && mim_trainer_backward(trainer) == MIM_OK);
    CHECK(mim_trainer_tensors(trainer, MIM_GRADIENTS, "mim", &g) == MIM_OK);
    for (int64_t i = 0; i < mim_tensors_count(g); i++) {
        char name[96];
        size_t n = 0;
        bool moves = false;
        CHECK(mim_tensors_name(g, i, name, sizeof name, NULL) == MIM_OK);
        CHECK(mim_tensors_info(g, name, NULL, NULL, NULL, &n) == MIM_OK && n <= COUNT(x));
        CHECK(mim_tensors_read(g, name, MIM_F32, 0, n, x) == MIM_OK);
        for (size_t k = 0; k < n; k++)
            moves = moves || x[k] != 0;
        bool stays = (strstr(name, "blocks.") && !strstr(name, ".norm")) || strstr(name, "patch_embed");
        if (!CHECK(moves != stays))
            printf("%s\n", name);
    }
    mim_tensors_destroy(g);
    mim_trainer_destroy(trainer);
    mim_config_destroy(config);
    mim_context_destroy(ctx);
}

/* ---- encoders alone ---- */

static mim_status encode(mim_context *ctx, const char *json, const char *outputs, mim_encoder **encoder)
{
    mim_config *config = NULL;
    static float x[3 * 64 * 64];
    int64_t height = 0, width = 0;
    CHECK(mim_config_create(ctx, NULL, &config) == MIM_OK);
    mim_status status = mim_config_read_json(config, json);
    for (int i = 0; i < COUNT(x); i++)
        x[i] = (float)sin(0.37 * i);
    CHECK(mim_config_get_i64(config, "image.height", &height) == MIM_OK);
    CHECK(mim_config_get_i64(config, "image.width", &width) == MIM_OK);
    if (!status)
        status = mim_encoder_create(ctx, config, NULL, encoder);
    if (!status)
        status = mim_encoder_set_input(*encoder, "pixels", MIM_F32, x, (size_t)(3 * height * width));
    if (!status)
        status = mim_encoder_encode(*encoder, NULL, outputs);
    mim_config_destroy(config);
    return status;
}

/* A scale of cosines that is not a number shows, and is not taken for the largest one. */
static void broken_scale(void)
{
    static const uint8_t pixels[16 * 16 * 3] = { 1, 2, 3 };
    const mim_images images = { .struct_size = sizeof images, .data = pixels, .type = MIM_U8, .count = 1, .height = 16,
                                .width = 16, .channels = 3 };
    const float broken = NAN;
    float x = 0;
    mim_context *ctx = NULL;
    mim_encoder *e = NULL;
    mim_tensors *weights = NULL, *out = NULL;
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK);
    CHECK(encode(ctx, "{\"image\": {\"height\": 16, \"width\": 16}, \"encoder\": {\"kind\": \"swinv2\", \"patch\": 4, "
                      "\"width\": 6, \"depths\": [1], \"stage_heads\": [1]}}", "pooled", &e) == MIM_OK);
    CHECK(mim_encoder_tensors(e, MIM_WEIGHTS, "mim", &weights) == MIM_OK);
    CHECK(mim_tensors_write(weights, "layers.0.blocks.0.attn.logit_scale", MIM_F32, 0, 1, &broken) == MIM_OK);
    CHECK(mim_encoder_encode(e, &images, "pooled") == MIM_OK && mim_encoder_tensors(e, MIM_OUTPUTS, NULL, &out) == MIM_OK);
    CHECK(mim_tensors_read(out, "pooled", MIM_F32, 0, 1, &x) == MIM_OK && isnan(x));
    mim_tensors_destroy(out);
    mim_tensors_destroy(weights);
    mim_encoder_destroy(e);
    mim_context_destroy(ctx);
}

static void check_shape(const mim_tensors *t, const char *name, int32_t rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    int64_t want[] = { a, b, c, d }, shape[MIM_MAX_RANK] = { 0 };
    int32_t have = 0;
    bool same = mim_tensors_info(t, name, NULL, &have, shape, NULL) == MIM_OK && have == rank;
    for (int i = 0; i < rank; i++)
        same = same && shape[i] == want[i];
    if (!CHECK(same))
        printf("%s: rank %d, %lld %lld %lld %lld\n", name, (int)have, (long long)shape[0], (long long)shape[1],
               (long long)shape[2], (long long)shape[3]);
}

/* Shapes before anything is encoded, and then: the grid of 10 x 7 becomes 5 x 4, then 3 x 2. */
static void stages(void)
{
    static const char json[] = "{\"image\": {\"height\": 40, \"width\": 28}, \"encoder\": {\"kind\": \"swin\", \"patch\": 4,"
                               " \"width\": 6, \"depths\": [2, 1, 1], \"stage_heads\": [1, 2, 3], \"window\": 4}}";
    mim_context *ctx = NULL;
    mim_encoder *encoder = NULL;
    mim_tensors *out = NULL;
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK);
    static const char outputs[] = "stage.1 stage.2 stage.3 block.0 block.4 tokens pooled attention.2 attention.3";
    CHECK(encode(ctx, json, outputs, &encoder) == MIM_OK);
    CHECK(mim_encoder_tensors(encoder, MIM_OUTPUTS, NULL, &out) == MIM_OK);
    check_shape(out, "stage.1", 3, 1, 70, 6, 0);
    check_shape(out, "stage.2", 3, 1, 20, 12, 0);
    check_shape(out, "stage.3", 3, 1, 6, 24, 0);
    check_shape(out, "block.0", 3, 1, 70, 6, 0);
    check_shape(out, "block.4", 3, 1, 6, 24, 0);
    check_shape(out, "tokens", 3, 1, 6, 24, 0);
    check_shape(out, "pooled", 2, 1, 24, 0, 0);
    check_shape(out, "attention.2", 4, 6, 1, 16, 16);
    check_shape(out, "attention.3", 4, 2, 2, 16, 16);
    mim_tensors_destroy(out);
    mim_encoder_destroy(encoder);
    encoder = NULL;
    mim_config *config = NULL;
    CHECK(mim_config_create(ctx, NULL, &config) == MIM_OK && mim_config_read_json(config, json) == MIM_OK);
    CHECK(mim_encoder_create(ctx, config, NULL, &encoder) == MIM_OK);
    CHECK(mim_encoder_tensors(encoder, MIM_OUTPUTS, NULL, &out) == MIM_OK);
    check_shape(out, "stage.2", 3, 1, 20, 12, 0);
    check_shape(out, "attention.2", 4, 6, 1, 16, 16);
    mim_tensors_destroy(out);
    mim_encoder_destroy(encoder);
    mim_config_destroy(config);
    mim_context_destroy(ctx);
}

/* Tables of a window of 4 serve windows of 6, and of less where a picture is of a few patches; under libmim's names and
 * timm's. */
static void open_with(mim_context *ctx, const mim_tensors *weights, int64_t height, int64_t width, int64_t window)
{
    mim_config *config = NULL;
    mim_encoder *encoder = NULL;
    static float x[3 * 48 * 48];
    CHECK(mim_config_create(ctx, NULL, &config) == MIM_OK);
    CHECK(mim_config_set_i64(config, "image.height", height) == MIM_OK);
    CHECK(mim_config_set_i64(config, "image.width", width) == MIM_OK);
    CHECK(mim_config_set_i64(config, "encoder.window", window) == MIM_OK);
    if (CHECK(mim_encoder_create(ctx, config, weights, &encoder) == MIM_OK)) {
        CHECK(mim_encoder_set_input(encoder, "pixels", MIM_F32, x, (size_t)(3 * height * width)) == MIM_OK);
        CHECK(mim_encoder_encode(encoder, NULL, "pooled attention.1") == MIM_OK);
    }
    mim_encoder_destroy(encoder);
    mim_config_destroy(config);
}

static void other_windows(void)
{
    static const struct { int64_t height, width, window; } cases[] = {
        { 32, 32, 4 }, { 48, 48, 6 }, { 32, 40, 6 }, { 8, 12, 4 }, { 4, 4, 4 },
    };
    for (int i = 0; i < 4; i++) {
        char json[256];
        mim_context *ctx = NULL;
        mim_encoder *first = NULL;
        mim_tensors *weights = NULL;
        snprintf(json, sizeof json, "{\"image\": {\"height\": 32, \"width\": 32}, \"encoder\": {\"kind\": \"%s\","
                 " \"patch\": 4, \"width\": 6, \"depths\": [2, 2], \"stage_heads\": [1, 2], \"window\": 4, \"eps\": 1e-5}}",
                 versions[i / 2].kind);
        CHECK(mim_context_create(NULL, &ctx) == MIM_OK);
        CHECK(encode(ctx, json, "pooled", &first) == MIM_OK);
        CHECK(mim_encoder_tensors(first, MIM_WEIGHTS, i % 2 ? "timm" : "mim", &weights) == MIM_OK);
        for (int k = 0; k < COUNT(cases) && (i != 3 || cases[k].window == 4); k++)
            open_with(ctx, weights, cases[k].height, cases[k].width, cases[k].window);
        mim_tensors_destroy(weights);
        mim_encoder_destroy(first);
        mim_context_destroy(ctx);
    }
}

/* Tables of whole windows, as transformers keeps them, serve a grid of 2 x 2; and are not those of timm. */
static void small_grids(void)
{
    static const char json[] = "{\"image\": {\"height\": 16, \"width\": 16}, \"encoder\": {\"kind\": \"swin\", \"patch\": 4,"
                               " \"width\": 6, \"depths\": [1, 1], \"stage_heads\": [1, 2], \"window\": 4, \"eps\": 1e-5,"
                               " \"window_rule\": \"%s\"}}";
    static const struct { const char *rule; int64_t rows; } rules[] = { { "timm", 9 }, { "transformers", 49 } };
    for (int i = 0; i < COUNT(rules); i++) {
        char text[512];
        mim_context *ctx = NULL;
        mim_encoder *encoder = NULL;
        mim_tensors *weights = NULL, *other = NULL;
        snprintf(text, sizeof text, json, rules[i].rule);
        CHECK(mim_context_create(NULL, &ctx) == MIM_OK && encode(ctx, text, "pooled", &encoder) == MIM_OK);
        CHECK(mim_encoder_tensors(encoder, MIM_WEIGHTS, "mim", &weights) == MIM_OK);
        check_shape(weights, "layers.1.blocks.0.attn.relative_position_bias_table", 2, rules[i].rows, 2, 0, 0);
        CHECK(mim_encoder_tensors(encoder, MIM_WEIGHTS, i ? "timm" : "huggingface", &other) == MIM_OK);
        CHECK(mim_tensors_save_folder(other, "/nonexistent/folder") == MIM_ERR_UNSUPPORTED);
        mim_last_error(ctx, text, sizeof text, NULL);
        CHECK(strstr(text, "windows that do not fit its grids") != NULL);
        mim_tensors_destroy(other);
        mim_tensors_destroy(weights);
        mim_encoder_destroy(encoder);
        mim_context_destroy(ctx);
    }
}

/* What timm's name of a model tells of its windows. */
static void named_windows(void)
{
    mim_context *ctx = NULL;
    mim_encoder *encoder = NULL;
    mim_tensors *weights = NULL, *bare = NULL;
    mim_config *config = NULL;
    char text[256] = "";
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim_tensors_create(ctx, &bare) == MIM_OK);
    CHECK(encode(ctx, "{\"image\": {\"height\": 64, \"width\": 64}, \"encoder\": {\"kind\": \"swinv2\", \"patch\": 4,"
                      " \"width\": 6, \"depths\": [1, 1, 1], \"stage_heads\": [1, 2, 2], \"window\": 4, \"eps\": 1e-5}}",
                 "pooled", &encoder) == MIM_OK);
    CHECK(mim_encoder_tensors(encoder, MIM_WEIGHTS, "timm", &weights) == MIM_OK);
    for (int64_t i = 0; i < mim_tensors_count(weights); i++) {
        static float x[8192];
        int64_t shape[MIM_MAX_RANK];
        int32_t rank = 0;
        char name[96];
        size_t n = 0;
        CHECK(mim_tensors_name(weights, i, name, sizeof name, NULL) == MIM_OK);
        CHECK(mim_tensors_info(weights, name, NULL, &rank, shape, &n) == MIM_OK && n <= COUNT(x));
        CHECK(mim_tensors_read(weights, name, MIM_F32, 0, n, x) == MIM_OK);
        CHECK(mim_tensors_add(bare, name, MIM_F32, rank, shape, x) == MIM_OK);
    }
    CHECK(mim_tensors_set_text(bare, "config.json", "{\"architecture\": \"swinv2_base_window12to16_192to256\"}") == MIM_OK);
    CHECK(mim_config_from_tensors(bare, &config) == MIM_OK);
    CHECK(mim_config_get_str(config, "encoder.pretrained_windows", text, sizeof text, NULL) == MIM_OK);
    if (!CHECK(!strcmp(text, "[12, 12, 12]")))
        printf("%s\n", text);
    CHECK(mim_config_get_str(config, "encoder.window", text, sizeof text, NULL) == MIM_OK && !strcmp(text, "16"));
    mim_config_destroy(config);
    mim_tensors_destroy(bare);
    mim_tensors_destroy(weights);
    mim_encoder_destroy(encoder);
    mim_context_destroy(ctx);
}

/* ---- Swin V2 trained with windows of 8, used with windows of 16 ---- */

static const char trained_json[] =
    "{\"image\": {\"height\": 32, \"width\": 32, \"crop\": \"none\", \"flip\": 0}, \"encoder\": {\"kind\": \"swinv2\","
    " \"patch\": 2, \"width\": 8, \"depths\": [2], \"stage_heads\": [2], \"window\": 8, \"eps\": 1e-5}, \"masker.unit\": 2,"
    " \"head.kind\": \"pixels\", \"optimizer.rate\": 0.03, \"trainer.batch\": 2}";

static mim_tensors *train_a_little(mim_context *ctx)
{
    mim_config *config = NULL;
    mim_trainer *trainer = NULL;
    mim_tensors *weights = NULL;
    static float x[2 * 3 * 32 * 32];
    double first = 0, last = 0;
    CHECK(mim_config_create(ctx, NULL, &config) == MIM_OK && mim_config_read_json(config, trained_json) == MIM_OK);
    CHECK(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &trainer) == MIM_OK);
    for (int i = 0; i < COUNT(x); i++)
        x[i] = (float)sin(0.21 * i) + (float)cos(0.0137 * i);
    for (int i = 0; i < 12; i++) {
        CHECK(mim_trainer_set_input(trainer, "pixels", MIM_F32, x, COUNT(x)) == MIM_OK);
        CHECK(mim_trainer_step(trainer, NULL, 0, NULL) == MIM_OK);
        CHECK(mim_trainer_metric(trainer, "loss", i ? &last : &first) == MIM_OK);
    }
    CHECK(last < 0.9 * first);
    CHECK(mim_trainer_tensors(trainer, MIM_WEIGHTS, "mim", &weights) == MIM_OK);
    mim_trainer_destroy(trainer);
    mim_config_destroy(config);
    return weights;
}

/* Network of positions of block 0: [512, 2], [512], [heads, 512]. */
struct network { float first[512][2], shift[512], second[2][512]; };

static double bias_of(const struct network *p, int head, int dy, int dx, int window)
{
    double at[2] = { 8.0 * dy / (window - 1), 8.0 * dx / (window - 1) }, z = 0;
    for (int i = 0; i < 2; i++)
        at[i] = copysign(log2(fabs(at[i]) + 1) / 3, at[i]);
    for (int u = 0; u < 512; u++)
        z += p->second[head][u] * fmax(p->first[u][0] * at[0] + p->first[u][1] * at[1] + p->shift[u], 0);
    return 16 / (1 + exp(-z));
}

/* Without queries the weights of attention are those of the bias alone. Returns how far they are from it at most, in the
 * first window, offsets being measured by `window`. */
static double distance_from_bias(const struct network *p, const float *weights, int window)
{
    double most = 0;
    for (int head = 0; head < 2; head++)
        for (int i = 0; i < 256; i += 37) {
            double bias[256], sum = 0;
            for (int j = 0; j < 256; j++)
                sum += bias[j] = exp(bias_of(p, head, i / 16 - j / 16, i % 16 - j % 16, window));
            for (int j = 0; j < 256; j++)
                most = fmax(most, fabs(weights[(head * 256 + i) * 256 + j] * sum / bias[j] - 1));
        }
    return most;
}

static mim_encoder *open_larger(mim_context *ctx, const mim_tensors *weights)
{
    mim_config *config = NULL;
    mim_encoder *e = NULL;
    CHECK(mim_config_create(ctx, NULL, &config) == MIM_OK);
    CHECK(mim_config_read_json(config, "{\"image\": {\"height\": 64, \"width\": 64}, \"encoder.window\": 16}") == MIM_OK);
    CHECK(mim_encoder_create(ctx, config, weights, &e) == MIM_OK);
    mim_config_destroy(config);
    return e;
}

static void larger_windows(void)
{
    mim_context *ctx = NULL;
    mim_tensors *view = NULL, *out = NULL;
    static struct network p;
    static float weights[2 * 256 * 256], x[3 * 64 * 64], zero[24 * 8];
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK);
    mim_tensors *trained = train_a_little(ctx);
    mim_encoder *e = open_larger(ctx, trained);
    CHECK(mim_encoder_tensors(e, MIM_WEIGHTS, "mim", &view) == MIM_OK);
    CHECK(mim_tensors_read(view, "layers.0.blocks.0.attn.cpb_mlp.0.weight", MIM_F32, 0, 1024, p.first) == MIM_OK);
    CHECK(mim_tensors_read(view, "layers.0.blocks.0.attn.cpb_mlp.0.bias", MIM_F32, 0, 512, p.shift) == MIM_OK);
    CHECK(mim_tensors_read(view, "layers.0.blocks.0.attn.cpb_mlp.2.weight", MIM_F32, 0, 1024, p.second) == MIM_OK);
    CHECK(mim_tensors_write(view, "layers.0.blocks.0.attn.qkv.weight", MIM_F32, 0, COUNT(zero), zero) == MIM_OK);
    CHECK(mim_tensors_write(view, "layers.0.blocks.0.attn.q_bias", MIM_F32, 0, 8, zero) == MIM_OK);
    CHECK(mim_encoder_set_input(e, "pixels", MIM_F32, x, COUNT(x)) == MIM_OK);
    CHECK(mim_encoder_encode(e, NULL, "attention.1") == MIM_OK);
    CHECK(mim_encoder_tensors(e, MIM_OUTPUTS, NULL, &out) == MIM_OK);
    check_shape(out, "attention.1", 4, 4, 2, 256, 256);
    CHECK(mim_tensors_read(out, "attention.1", MIM_F32, 0, COUNT(weights), weights) == MIM_OK);
    CHECK_NEAR(distance_from_bias(&p, weights, 8), 0, 2e-5);
    CHECK(distance_from_bias(&p, weights, 16) > 0.01);
    mim_tensors_destroy(out);
    mim_tensors_destroy(view);
    mim_encoder_destroy(e);
    mim_tensors_destroy(trained);
    mim_context_destroy(ctx);
}

/* Of layer decay: a merging goes with the last block before it. */
static void layers(void)
{
    static const struct { const char *name; int layer; } known[] = {
        { "mask_token", 0 }, { "patch_embed.norm.weight", 0 }, { "layers.0.blocks.0.norm1.weight", 1 },
        { "layers.0.blocks.1.attn.qkv.weight", 2 }, { "layers.0.downsample.reduction.weight", 2 },
        { "layers.1.blocks.0.norm1.weight", 3 }, { "layers.1.blocks.1.mlp.fc2.bias", 4 }, { "norm.weight", 5 },
    };
    mim_context *ctx = NULL;
    mim_config *config = NULL;
    mim_encoder *encoder = NULL;
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim_config_create(ctx, NULL, &config) == MIM_OK);
    CHECK(mim_config_read_json(config, tiny) == MIM_OK && mim_config_set_str(config, "encoder.kind", "swin") == MIM_OK);
    CHECK(mim_encoder_create(ctx, config, NULL, &encoder) == MIM_OK);
    for (int i = 0; i < COUNT(known); i++)
        CHECK_NEAR(encoder->kind->layer(encoder, known[i].name), known[i].layer, 0);
    mim_encoder_destroy(encoder);
    mim_config_destroy(config);
    mim_context_destroy(ctx);
}

/* ---- options that contradict ---- */

static void refused(void)
{
    static const struct { const char *json, *part; } bad[] = {
        { "{\"encoder\": {\"stage_heads\": [3, 5]}}", "the width 12 of stage 1 is not a multiple of its 5 heads" },
        { "{\"encoder\": {\"stage_heads\": [3]}}", "encoder.stage_heads is of 1 stages, encoder.depths of 2" },
        { "{\"encoder\": {\"stage_hidden\": [20]}}", "encoder.stage_hidden is of 1 stages, encoder.depths of 2" },
        { "{\"encoder\": {\"stage_hidden\": [20, 41.5]}}", "41.5 is no whole number" },
        { "{\"encoder\": {\"depths\": [1.5, 2]}}", "1.5 blocks" },
        { "{\"encoder\": {\"depths\": [1, 1, 1, 1, 1, 1, 1, 1, 1]}}", "9 stages" },
        { "{\"encoder\": {\"depths\": [900, 900]}}", "1800 blocks" },
        { "{\"encoder\": {\"patch\": 5}}", "32x32 is not a multiple of patch 5" },
        { "{\"encoder\": {\"positions\": \"sincos\"}}", "learned or none, not sincos" },
        { "{\"encoder\": {\"pool\": \"class\"}}", "mean" },
        { "{\"encoder\": {\"layer_scale\": 0.1}}", "encoder.layer_scale is 0.1" },
        { "{\"encoder\": {\"qkv_bias\": \"query_value\"}}", "encoder.qkv_bias" },
        { "{\"encoder\": {\"head_width\": 4}}", "encoder.head_width" },
        { "{\"encoder\": {\"norm_every\": 6}}", "encoder.norm_every 6" },
        { "{\"encoder\": {\"kind\": \"swinv2\", \"pretrained_windows\": [2.5]}}", "2.5" },
    };
    for (int i = 0; i < COUNT(bad); i++) {
        mim_context *ctx = NULL;
        mim_config *config = NULL;
        mim_encoder *encoder = NULL;
        char why[512] = "";
        CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim_config_create(ctx, NULL, &config) == MIM_OK);
        CHECK(mim_config_read_json(config, "{\"image\": {\"height\": 32, \"width\": 32}, \"encoder\": {\"kind\": \"swin\","
                                   " \"patch\": 4, \"width\": 6, \"heads\": 1, \"depths\": [1, 1]}}") == MIM_OK);
        CHECK(mim_config_read_json(config, bad[i].json) == MIM_OK);
        CHECK(mim_encoder_create(ctx, config, NULL, &encoder) != MIM_OK && !encoder);
        mim_last_error(ctx, why, sizeof why, NULL);
        if (!CHECK(strstr(why, bad[i].part) != NULL))
            printf("%s: %s\n", bad[i].json, why);
        mim_config_destroy(config);
        mim_context_destroy(ctx);
    }
}

/* ---- sizes, without memory for them ---- */

static void counts(void)
{
    static const struct { const char *preset, *json; int64_t parameters; } models[] = {
        { "swin_tiny", "{}", 28288354 }, { "swin_small", "{}", 49606258 }, { "swin_base", "{}", 87768224 },
        { "swin_large", "{}", 196532476 }, { "swinv2_tiny", "{}", 28347154 }, { "swinv2_small", "{}", 49728418 },
        { "swinv2_base", "{}", 87918816 }, { "swinv2_large", "{}", 196739932 },
        { "swinv2_huge", "{\"encoder\": {\"norm_every\": 0}}", 658027922 },
        { "swin_base", "{\"image\": {\"height\": 384, \"width\": 384}, \"encoder\": {\"window\": 12}}", 87903584 },
        { "swin_base", "{\"image\": {\"height\": 192, \"width\": 192}, \"encoder\": {\"window\": 6}}", 87750176 },
        { "simmim_swin_tiny", "{}", 29875194 }, { "simmim_swin_small", "{}", 51186186 },
        { "simmim_swin_base", "{}", 89874104 }, { "simmim_swin_large", "{}", 199881204 },
    };
    for (int i = 0; i < COUNT(models); i++) {
        mim_context *ctx = NULL;
        mim_config *config = NULL, *plan = NULL;
        int64_t parameters = 0;
        CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim_config_create(ctx, models[i].preset, &config) == MIM_OK);
        CHECK(mim_config_read_json(config, models[i].json) == MIM_OK);
        CHECK(mim_config_set_i64(config, "trainer.batch", 2) == MIM_OK);
        if (CHECK(mim_trainer_plan(ctx, config, &plan) == MIM_OK)) {
            CHECK(mim_config_get_i64(plan, "parameters", &parameters) == MIM_OK);
            if (!CHECK(parameters == models[i].parameters))
                printf("%s: %lld\n", models[i].preset, (long long)parameters);
        }
        mim_config_destroy(plan);
        mim_config_destroy(config);
        mim_context_destroy(ctx);
    }
}

int main(void)
{
    TEST(golden);
    TEST(encoded_alike);
    TEST(fresh_second);
    TEST(broken_scale);
    TEST(stages);
    TEST(other_windows);
    TEST(small_grids);
    TEST(named_windows);
    TEST(larger_windows);
    TEST(layers);
    TEST(refused);
    TEST(counts);
    return test_end();
}
