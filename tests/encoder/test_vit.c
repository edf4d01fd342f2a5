/* SPDX-License-Identifier: MIT */
/* test_vit.c -- the Vision Transformer: a tiny SimMIM model against values worked out in double precision elsewhere, and
 * the sizes of the published models. */
#include "mim.h"
#include "kernel/kernel.h"
#include "support/test.h"

/* ---- the tiny model: 12 x 12 pixels, patch 4, width 8, two heads, two blocks ---- */

static const char tiny[] =
    "{\"image\": {\"height\": 12, \"width\": 12, \"crop\": \"none\", \"flip\": 0}, \"masker\": {\"kind\": \"host\"},"
    " \"encoder\": {\"patch\": 4, \"width\": 8, \"depth\": 2, \"heads\": 2, \"qkv_bias\": \"query_value\", \"positions\": \"none\","
    " \"relative\": \"shared\", \"layer_scale\": 0.1, \"drop_path\": 0}, \"head\": {\"kind\": \"pixels\", \"loss\": \"l1\"},"
    " \"trainer\": {\"batch\": 2, \"outputs\": [\"tokens\"]}}";

/* In the order that numbers the formula of the weights. */
static const char *const block_names[] = { "ls1.gamma", "ls2.gamma", "norm1.weight", "norm1.bias", "attn.q_bias", "attn.v_bias",
    "attn.qkv.weight", "attn.proj.weight", "attn.proj.bias", "norm2.weight", "norm2.bias", "mlp.fc1.weight", "mlp.fc1.bias",
    "mlp.fc2.weight", "mlp.fc2.bias" };
static void tensor_name(int t, char to[96])
{
    static const char *const before[] = { "encoder.cls_token", "encoder.mask_token", "encoder.patch_embed.proj.weight",
        "encoder.patch_embed.proj.bias", "encoder.rel_pos_bias.relative_position_bias_table" };
    static const char *const behind[] = { "encoder.norm.weight", "encoder.norm.bias", "head.decoder.0.weight", "head.decoder.0.bias" };
    if (t < 5)
        snprintf(to, 96, "%s", before[t]);
    else if (t >= 35)
        snprintf(to, 96, "%s", behind[t - 35]);
    else
        snprintf(to, 96, "encoder.blocks.%d.%s", (t - 5) / 15, block_names[(t - 5) % 15]);
}

static void set_weights(mim_trainer *trainer)
{
    mim_tensors *w = NULL;
    char name[96];
    float v[1024];
    size_t all = 0;
    CHECK(mim_trainer_tensors(trainer, MIM_WEIGHTS, "mim", &w) == MIM_OK);
    for (int t = 0; t < 39; t++) {
        size_t n = 0;
        tensor_name(t, name);
        if (!CHECK(mim_tensors_info(w, name, NULL, NULL, NULL, &n) == MIM_OK && n <= 1024)) {
            printf("%s\n", name);
            continue;
        }
        int kind = t >= 5 && t < 35 ? (t - 5) % 15 : -1;
        for (size_t i = 0; i < n; i++) {
            double f = 0.2 * sin(0.7 * (double)i + 1.3 * t + 0.5);
            v[i] = (float)(kind == 2 || kind == 9 || t == 35 ? 1 + 0.5 * f : kind == 0 || kind == 1 ? 0.1 + 0.1 * f : f);
        }
        CHECK(mim_tensors_write(w, name, MIM_F32, 0, n, v) == MIM_OK);
        all += n;
    }
    CHECK(all == 2672 && mim_tensors_count(w) == 39);
    mim_tensors_destroy(w);
}

static void set_inputs(mim_trainer *trainer)
{
    static const uint8_t mask[18] = { 1, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1 };
    static float x[2][3][12][12];
    for (int b = 0; b < 2; b++)
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < 144; i++)
                x[b][c][i / 12][i % 12] = (float)sin(0.31 * (i / 12) + 0.53 * (i % 12) + 0.9 * c + 0.7 * b);
    CHECK(mim_trainer_set_input(trainer, "pixels", MIM_F32, x, 864) == MIM_OK);
    CHECK(mim_trainer_set_input(trainer, "mask", MIM_U8, mask, 18) == MIM_OK);
}

static void check_outputs(mim_trainer *trainer, double tolerance)
{
    mim_tensors *out = NULL;
    float z[160] = { 0 }, x[864] = { 0 };
    double sum[2] = { 0 }, square[2] = { 0 }, pixels[2] = { 0 }, loss = 0;
    CHECK(mim_trainer_metric(trainer, "loss", &loss) == MIM_OK);
    CHECK_NEAR(loss, 0.7450250078, 1e-5 * 0.745 * tolerance);
    CHECK(mim_trainer_tensors(trainer, MIM_OUTPUTS, "mim", &out) == MIM_OK);
    CHECK(mim_tensors_read(out, "tokens", MIM_F32, 0, 160, z) == MIM_OK);
    CHECK(mim_tensors_read(out, "reconstruction", MIM_F32, 0, 864, x) == MIM_OK);
    mim_tensors_destroy(out);
    for (int b = 0; b < 2; b++) {
        for (int i = 0; i < 80; i++) {
            sum[b] += z[80 * b + i];
            square[b] += z[80 * b + i] * z[80 * b + i];
        }
        for (int i = 0; i < 432; i++)
            pixels[b] += x[432 * b + i];
    }
    CHECK_NEAR(sum[0], -0.054149289, 2e-5 * tolerance);
    CHECK_NEAR(sum[1], 0.026408783, 2e-5 * tolerance);
    CHECK_NEAR(square[0], 79.00600864, 1e-4 * tolerance);
    CHECK_NEAR(square[1], 77.90758590, 1e-4 * tolerance);
    static const double first[] = { 1.40351917, -1.06332658, 1.03742843, -0.19645567 };
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(z[i], first[i], 2e-6 * tolerance);
    CHECK_NEAR(pixels[0], 1.28296204, 5e-5 * tolerance);
    CHECK_NEAR(pixels[1], 0.98906036, 5e-5 * tolerance);
    CHECK_NEAR(x[0], -0.67607293, 2e-6 * tolerance);
    CHECK_NEAR(x[1], -0.19643766, 2e-6 * tolerance);
    CHECK_NEAR(x[2 * 144 + 143], -0.09244621, 2e-6 * tolerance);
}

static void check_gradients(mim_trainer *trainer, double tolerance)
{
    static const struct { int t, at; double want; } known[] = {
        { 0, 1, 6.0556832e-3 }, { 1, 0, 2.2918645e-1 }, { 2, 5, -1.4710315e-3 }, { 4, 24, 4.8226661e-4 }, { 4, 50, -5.3381521e-5 },
        { 4, 52, 2.5665852e-3 }, { 4, 54, 5.3381521e-5 }, { 5, 2, 6.4765401e-2 }, { 9, 3, -1.6449259e-3 }, { 11, 70, -6.0131833e-4 },
        { 33, 9, -1.6440729e-3 }, { 35, 4, -7.7299979e-3 }, { 37, 33, -3.3525819e-3 } };
    mim_tensors *g = NULL;
    char name[96];
    CHECK(mim_trainer_tensors(trainer, MIM_GRADIENTS, "mim", &g) == MIM_OK);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        float v = NAN;
        tensor_name(known[i].t, name);
        CHECK(mim_tensors_read(g, name, MIM_F32, (size_t)known[i].at, 1, &v) == MIM_OK);
        CHECK_NEAR(v, known[i].want, tolerance > 1 ? 0.1 * fabs(known[i].want) + 2e-4 : 1e-6);
    }
    mim_tensors_destroy(g);
}

static void run_tiny(const char *isa, int threads, const char *more, double tolerance)
{
    mim_context *ctx = NULL;
    mim_config *config = NULL;
    mim_trainer *trainer = NULL;
    char text[512];
    CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim_context_set_isa_max(ctx, isa) == MIM_OK);
    CHECK(mim_context_set_threads(ctx, threads) == MIM_OK);
    CHECK(mim_config_create(ctx, NULL, &config) == MIM_OK && mim_config_read_json(config, tiny) == MIM_OK);
    CHECK(mim_config_read_json(config, more) == MIM_OK);
    if (CHECK(mim_trainer_create(ctx, config, NULL, NULL, NULL, NULL, &trainer) == MIM_OK)) {
        set_weights(trainer);
        set_inputs(trainer);
        CHECK(mim_trainer_forward(trainer, NULL, 0, NULL) == MIM_OK);
        check_outputs(trainer, tolerance);
        CHECK(mim_trainer_backward(trainer) == MIM_OK);
        check_gradients(trainer, tolerance);
    } else {
        mim_last_error(ctx, text, sizeof text, NULL);
        printf("%s\n", text);
    }
    mim_trainer_destroy(trainer);
    mim_config_destroy(config);
    mim_context_destroy(ctx);
}

static void golden(void)
{
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++) {
        run_tiny((*k)->isa, 1, "{}", 1);
        run_tiny((*k)->isa, 3, "{\"trainer.recompute\": 2}", 1);
        run_tiny((*k)->isa, 2, "{\"trainer.batch\": 5}", 1);
    }
}

/* bf16 has 2^-8 of relative rounding: near, not equal. */
static void golden_bf16(void)
{
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++)
        run_tiny((*k)->isa, 1, "{\"precision\": \"bf16\"}", 1000);
}

/* ---- sizes, without memory for them ---- */

static void counts(void)
{
    static const struct { const char *preset, *json; int64_t parameters; } models[] = {
        { "vit_tiny", "{}", 5717416 },
        { "vit_small", "{}", 22050664 },
        { "vit_small", "{\"encoder.patch\": 32}", 22878952 },
        { "vit_base", "{\"encoder.patch\": 32}", 88224232 },
        { "vit_base", "{}", 86567656 },
        { "vit_base", "{\"encoder.patch\": 8}", 86576872 },
        { "vit_large", "{\"encoder.patch\": 32}", 306535400 },
        { "vit_large", "{}", 304326632 },
        { "vit_large", "{\"encoder.patch\": 14}", 304203752 },
        { "vit_huge", "{}", 632045800 },
        { "vit_huge", "{\"encoder\": {\"width\": 1408, \"depth\": 40, \"hidden\": 6144}}", 1012611432 },
        { "vit_huge", "{\"encoder\": {\"width\": 1664, \"depth\": 48, \"hidden\": 8192}}", 1844440680 },
        { "simmim_vit_base", "{}", 86256720 },
        { "simmim_vit_base", "{\"encoder\": {\"qkv_bias\": \"full\", \"positions\": \"learned\", \"relative\": \"none\", \"layer_scale\": 0}}",
          86390016 },
        { "vit_base", "{\"encoder\": {\"qkv_bias\": \"query_value\", \"positions\": \"none\", \"relative\": \"block\", \"layer_scale\": 0.1,"
          " \"norm\": 0, \"pool\": \"mean\", \"pool_norm\": 1}}", 86530984 },
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        mim_context *ctx = NULL;
        mim_config *config = NULL, *plan = NULL;
        int64_t parameters = 0;
        CHECK(mim_context_create(NULL, &ctx) == MIM_OK && mim_config_create(ctx, models[i].preset, &config) == MIM_OK);
        CHECK(mim_config_read_json(config, models[i].json) == MIM_OK && mim_config_set_i64(config, "trainer.batch", 2) == MIM_OK);
        if (CHECK(mim_trainer_plan(ctx, config, &plan) == MIM_OK)) {
            CHECK(mim_config_get_i64(plan, "parameters", &parameters) == MIM_OK);
            CHECK_NEAR(parameters, models[i].parameters, 0);
        }
        CHECK(mim__bytes_peak(ctx) < 8000000);
        mim_config_destroy(plan);
        mim_config_destroy(config);
        mim_context_destroy(ctx);
    }
}

int main(void)
{
    TEST(golden);
    TEST(golden_bf16);
    TEST(counts);
    return test_end();
}
