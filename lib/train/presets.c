/* SPDX-License-Identifier: MIT */
/* presets.c -- named configurations. Most begin with another, which they then change.
 *
 * simmim_vit_*: SimMIM as published (Xie et al. 2022, the configuration of ViT-B; other widths after Dosovitskiy et al.
 * 2021, table 1, and Touvron et al. 2021, table 1). Rates are for 2048 pictures an update. Schedules are the default, a
 * cosine to 0; the authors' long runs keep the rate for 7/8 of the way and go on with a tenth of it ("step"), and that of
 * Swin-B ends at 1/20 without warm-up taking steps from the cosine.
 * mae_vit_*: MAE as published (He et al. 2022, with the sizes of the authors' code; tiny and small with a decoder in
 * proportion). Rates are for 4096 pictures an update; warm-up was 40 of 800 epochs. Class and mask token are not decayed
 * here; in the authors' code they are.
 * mae_cifar10: what the short runs of docs/learning.md point to, for 24 epochs of 40000 pictures.
 * keras_cifar10: the example "Masked image modeling with Autoencoders" of keras.io, what makes it differ included; rate and
 * steps are for 100 epochs of 40000 pictures.
 * simmim_swin_*: SimMIM on Swin Transformers as published (Xie et al. 2022; base for 100 epochs, tiny and small after Liu
 * et al. 2021, sec. 3.3). simmim_swinv2_*: on Swin V2, targets normalised in windows of 47 (base as published, huge and
 * giant by Liu et al. 2022, app. A1; these authors tell no heads of theirs). swin_*, swinv2_*: with a classifier.
 * vit_*: the same encoders as timm and transformers have them, with a classifier. */
#include "base/options.h"

/* Another preset, and what differs. */
#define FROM(preset, more) "{\"preset\": \"" preset "\", " more "}"
#define ENCODER(more) "\"encoder\": {" more "}"
#define HEAD(more) "\"head\": {" more "}"
#define PICTURES(side) "\"image.height\": " side ", \"image.width\": " side

#define SIMMIM                                                                                                        \
    "\"image\": {\"height\": 224, \"width\": 224, \"resize\": \"bilinear\", \"crop\": \"random_resized\","             \
    " \"crop_least\": 0.67, \"flip\": 0.5}, \"masker\": {\"kind\": \"random\", \"ratio\": 0.6, \"unit\": 32},"         \
    " \"head.kind\": \"pixels\","                                                                                       \
    " \"optimizer\": {\"kind\": \"adamw\", \"rate\": 4e-4, \"decay\": 0.05, \"clip\": 5}"
#define CLASSIFIER                                                                                                    \
    "\"image\": {\"height\": 224, \"width\": 224, \"resize\": \"bicubic\", \"crop\": \"random_resized\","              \
    " \"crop_least\": 0.08, \"flip\": 0.5}, \"head\": {\"kind\": \"classifier\", \"smoothing\": 0.1},"                 \
    " \"optimizer\": {\"kind\": \"adamw\", \"rate\": 1e-3, \"decay\": 0.05, \"clip\": 5, \"layer_decay\": 0.65}"

#define VIT_TINY "\"width\": 192, \"heads\": 3"
#define VIT_SMALL "\"width\": 384, \"heads\": 6"
#define VIT_BASE "\"width\": 768, \"depth\": 12, \"heads\": 12, \"patch\": 16"
#define VIT_LARGE "\"width\": 1024, \"depth\": 24, \"heads\": 16"
#define VIT_HUGE "\"width\": 1280, \"depth\": 32, \"heads\": 16, \"patch\": 14"
#define SWIN_TINY                                                                                                     \
    "\"kind\": \"swin\", \"patch\": 4, \"eps\": 1e-5, \"init_cut\": 2, \"init_rescale\": 0, \"width\": 96,"            \
    " \"heads\": 3, \"depths\": [2, 2, 6, 2]"
#define SWIN_SMALL "\"depths\": [2, 2, 18, 2]"
#define SWIN_BASE "\"width\": 128, \"heads\": 4, \"depths\": [2, 2, 18, 2]"
#define SWIN_LARGE "\"width\": 192, \"heads\": 6, \"depths\": [2, 2, 18, 2]"
#define SWIN_HUGE "\"width\": 352, \"heads\": 11, \"depths\": [2, 2, 18, 2], \"norm_every\": 6"
#define SWIN_GIANT "\"width\": 512, \"heads\": 16, \"depths\": [2, 2, 42, 4], \"norm_every\": 6"

const struct mim__preset mim__presets[] = {
    { "simmim_vit_tiny", "SimMIM on ViT-Ti/16", FROM("simmim_vit_base", ENCODER(VIT_TINY)) },
    { "simmim_vit_small", "SimMIM on ViT-S/16", FROM("simmim_vit_base", ENCODER(VIT_SMALL)) },
    { "simmim_vit_base", "SimMIM on ViT-B/16, as published",
      "{" SIMMIM ", " ENCODER("\"kind\": \"vit\", \"qkv_bias\": \"query_value\", \"positions\": \"none\","
      " \"relative\": \"shared\", \"layer_scale\": 0.1, \"drop_path\": 0.1, \"pool\": \"mean\", " VIT_BASE) "}" },
    { "simmim_vit_large", "SimMIM on ViT-L/16", FROM("simmim_vit_base", ENCODER(VIT_LARGE)) },
    { "simmim_vit_huge", "SimMIM on ViT-H/14", FROM("simmim_vit_base", ENCODER(VIT_HUGE) ", \"masker.unit\": 28") },
    { "simmim_vit_tiny_32", "SimMIM on a small ViT for pictures of 32 x 32, with sine-cosine positions",
      "{" SIMMIM ", " PICTURES("32") ", \"masker.unit\": 8, \"optimizer.rate\": 1e-3, "
      ENCODER("\"kind\": \"vit\", \"patch\": 4, \"width\": 192, \"depth\": 6, \"heads\": 3, \"positions\": \"sincos\","
              " \"pool\": \"mean\"") "}" },
    { "simmim_swin_tiny", "SimMIM on Swin-T",
      "{" SIMMIM ", " PICTURES("192") ", " ENCODER(SWIN_TINY ", \"window\": 6") "}" },
    { "simmim_swin_small", "SimMIM on Swin-S", FROM("simmim_swin_tiny", ENCODER(SWIN_SMALL)) },
    { "simmim_swin_base", "SimMIM on Swin-B, as published",
      FROM("simmim_swin_tiny", ENCODER(SWIN_BASE) ", \"optimizer.rate\": 8e-4") },
    { "simmim_swin_large", "SimMIM on Swin-L, as published",
      FROM("simmim_swin_tiny", ENCODER(SWIN_LARGE ", \"window\": 12")) },
    { "simmim_swinv2_tiny", "SimMIM on Swin V2-T",
      FROM("simmim_swin_tiny", ENCODER("\"kind\": \"swinv2\", \"window\": 12, \"drop_path\": 0.1") ", "
           HEAD("\"target\": \"window_norm\", \"window\": 47")) },
    { "simmim_swinv2_small", "SimMIM on Swin V2-S", FROM("simmim_swinv2_tiny", ENCODER(SWIN_SMALL)) },
    { "simmim_swinv2_base", "SimMIM on Swin V2-B, as published", FROM("simmim_swinv2_tiny", ENCODER(SWIN_BASE)) },
    { "simmim_swinv2_large", "SimMIM on Swin V2-L", FROM("simmim_swinv2_tiny", ENCODER(SWIN_LARGE)) },
    { "simmim_swinv2_huge", "SimMIM on Swin V2-H", FROM("simmim_swinv2_tiny", ENCODER(SWIN_HUGE)) },
    { "simmim_swinv2_giant", "SimMIM on Swin V2-G", FROM("simmim_swinv2_tiny", ENCODER(SWIN_GIANT)) },
    { "mae_vit_tiny", "MAE on ViT-Ti/16",
      FROM("mae_vit_base", ENCODER(VIT_TINY) ", " HEAD("\"width\": 128, \"depth\": 4, \"heads\": 4")) },
    { "mae_vit_small", "MAE on ViT-S/16",
      FROM("mae_vit_base", ENCODER(VIT_SMALL) ", " HEAD("\"width\": 256, \"depth\": 4, \"heads\": 8")) },
    { "mae_vit_base", "MAE on ViT-B/16, as published",
      "{\"image\": {\"height\": 224, \"width\": 224, \"resize\": \"bicubic\", \"crop\": \"random_resized\","
      " \"crop_least\": 0.2, \"flip\": 0.5}, \"masker\": {\"kind\": \"random\", \"ratio\": 0.75}, "
      ENCODER("\"kind\": \"vit\", \"mask_token\": 0, \"positions\": \"sincos\", \"init\": \"xavier\", \"pool\": \"mean\", "
              VIT_BASE) ", "
      HEAD("\"kind\": \"mae\", \"loss\": \"l2\", \"target\": \"patch_norm\", \"positions\": \"sincos\", \"width\": 512,"
           " \"depth\": 8, \"heads\": 16") ","
      " \"optimizer\": {\"kind\": \"adamw\", \"rate\": 2.4e-3, \"beta2\": 0.95, \"decay\": 0.05, \"clip\": 0,"
      " \"warmup_inclusive\": 0}}" },
    { "mae_vit_large", "MAE on ViT-L/16, as published", FROM("mae_vit_base", ENCODER(VIT_LARGE)) },
    { "mae_vit_huge", "MAE on ViT-H/14, as published", FROM("mae_vit_base", ENCODER(VIT_HUGE)) },
    { "mae_vit_tiny_32", "MAE on a small ViT for pictures of 32 x 32",
      FROM("mae_vit_base", PICTURES("32") ", \"optimizer.rate\": 1e-3, "
           ENCODER("\"patch\": 4, \"width\": 192, \"depth\": 6, \"heads\": 3") ", "
           HEAD("\"width\": 128, \"depth\": 2, \"heads\": 4")) },
    { "mae_cifar10", "MAE on CIFAR-10: six blocks of 320, a thin decoder",
      FROM("mae_vit_tiny_32", "\"masker.ratio\": 0.85, \"trainer.batch\": 32, \"optimizer.rate\": 6e-4,"
           " \"optimizer.warmup\": 1500, \"optimizer.steps\": 30000, "
           ENCODER("\"width\": 320, \"depth\": 6, \"heads\": 5, \"hidden\": 640, \"class_token\": 0") ", "
           HEAD("\"width\": 96, \"depth\": 1, \"heads\": 3")) },
    { "keras_cifar10", "masked autoencoder of keras.io on CIFAR-10, brought to 48 x 48",
      "{\"image\": {\"height\": 48, \"width\": 48, \"mean\": [0], \"deviation\": [1], \"resize\": \"bilinear\","
      " \"crop\": \"random\", \"crop_from\": 52, \"flip\": 0.5, \"eval_crop\": 1},"
      " \"masker\": {\"kind\": \"random\", \"ratio\": 0.75}, \"trainer.batch\": 256,"
      " \"encoder\": {\"kind\": \"vit\", \"patch\": 6, \"width\": 128, \"depth\": 6, \"heads\": 4, \"head_width\": 128,"
      " \"hidden\": 256, \"activation_out\": 1, \"class_token\": 0, \"mask_token\": 0, \"init\": \"keras\","
      " \"pool\": \"mean\"},"
      " \"head\": {\"kind\": \"flat\", \"width\": 64, \"depth\": 2, \"heads\": 4, \"head_width\": 64, \"hidden\": 128},"
      " \"optimizer\": {\"kind\": \"adamw\", \"rate\": 5e-3, \"warmup\": 2343, \"warmup_rate\": 0, \"warmup_inclusive\": 0,"
      " \"steps\": 15625, \"decay\": 1e-4, \"decay_all\": 1, \"decay_by_rate\": 0, \"eps\": 1e-7, \"eps_first\": 1,"
      " \"clip\": 0}}" },
    { "vit_tiny", "ViT-Ti/16 and a classifier", FROM("vit_base", ENCODER(VIT_TINY)) },
    { "vit_small", "ViT-S/16 and a classifier", FROM("vit_base", ENCODER(VIT_SMALL)) },
    { "vit_base", "ViT-B/16 and a classifier", "{" CLASSIFIER ", " ENCODER(VIT_BASE ", \"mask_token\": 0") "}" },
    { "vit_large", "ViT-L/16 and a classifier", FROM("vit_base", ENCODER(VIT_LARGE)) },
    { "vit_huge", "ViT-H/14 and a classifier", FROM("vit_base", ENCODER(VIT_HUGE)) },
    { "swin_tiny", "Swin-T and a classifier",
      "{" CLASSIFIER ", " ENCODER(SWIN_TINY ", \"mask_token\": 0, \"drop_path\": 0.2") "}" },
    { "swin_small", "Swin-S and a classifier", FROM("swin_tiny", ENCODER(SWIN_SMALL ", \"drop_path\": 0.3")) },
    { "swin_base", "Swin-B and a classifier", FROM("swin_tiny", ENCODER(SWIN_BASE ", \"drop_path\": 0.5")) },
    { "swin_large", "Swin-L and a classifier", FROM("swin_tiny", ENCODER(SWIN_LARGE ", \"drop_path\": 0.5")) },
    { "swinv2_tiny", "Swin V2-T and a classifier",
      FROM("swin_tiny", PICTURES("256") ", " ENCODER("\"kind\": \"swinv2\", \"window\": 8")) },
    { "swinv2_small", "Swin V2-S and a classifier", FROM("swinv2_tiny", ENCODER(SWIN_SMALL ", \"drop_path\": 0.3")) },
    { "swinv2_base", "Swin V2-B and a classifier", FROM("swinv2_tiny", ENCODER(SWIN_BASE ", \"drop_path\": 0.5")) },
    { "swinv2_large", "Swin V2-L and a classifier", FROM("swinv2_tiny", ENCODER(SWIN_LARGE)) },
    { "swinv2_huge", "Swin V2-H and a classifier", FROM("swinv2_tiny", ENCODER(SWIN_HUGE)) },
    { "swinv2_giant", "Swin V2-G and a classifier", FROM("swinv2_tiny", ENCODER(SWIN_GIANT ", \"drop_path\": 0.3")) },
    { NULL, NULL, NULL },
};
