/* SPDX-License-Identifier: MIT */
/* models.h -- the models that benchmarks know by name: encoders with learned positions and a linear pixel head, 60 % of
 * the patches hidden; Swin Transformers of presets, windows of 6; and masked autoencoders, 75 % hidden and left out.
 * Presets go by their own names. */
#ifndef MIM_BENCH_MODELS_H
#define MIM_BENCH_MODELS_H

#include <mim.h>

#include <stdio.h>
#include <string.h>

static const struct model { const char *name, *json; } models[] = {
    { "simmim_vit_b", "{\"image\": {\"height\": 224, \"width\": 224},"
      " \"encoder\": {\"patch\": 16, \"width\": 768, \"depth\": 12, \"heads\": 12}}" },
    { "simmim_vit_s", "{\"image\": {\"height\": 224, \"width\": 224},"
      " \"encoder\": {\"patch\": 16, \"width\": 384, \"depth\": 12, \"heads\": 6}}" },
    { "simmim_vit_ti_cifar", "{\"image\": {\"height\": 32, \"width\": 32},"
      " \"encoder\": {\"patch\": 4, \"width\": 192, \"depth\": 12, \"heads\": 3}}" },
    { "simmim_swin_t", "{\"preset\": \"simmim_swin_tiny\"}" },
    { "simmim_swin_b", "{\"preset\": \"simmim_swin_base\"}" },
    { "simmim_swinv2_t", "{\"preset\": \"simmim_swinv2_tiny\", \"image\": {\"height\": 256, \"width\": 256},"
      " \"encoder.window\": 8, \"head.target\": \"pixels\"}" },
    { "mae_vit_b", "{\"preset\": \"mae_vit_base\"}" },
    { "mae_cifar", "{\"preset\": \"mae_vit_base\", \"image\": {\"height\": 48, \"width\": 48},"
      " \"encoder\": {\"patch\": 6, \"width\": 128, \"depth\": 3, \"heads\": 4},"
      " \"head\": {\"width\": 64, \"depth\": 1, \"heads\": 4}}" },
};

static inline mim_status read_model(mim_config *config, const char *name)
{
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (!strcmp(models[i].name, name))
            return mim_config_read_json(config, models[i].json);
    char json[128];
    snprintf(json, sizeof json, "{\"preset\": \"%.64s\"}", name);
    return mim_config_read_json(config, json);
}

#endif
