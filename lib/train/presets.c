/* SPDX-License-Identifier: MIT */
/* presets.c -- named configurations. A preset may begin with another ("preset"), which it then changes.
 *
 * simmim_vit_*: SimMIM as published (Xie et al. 2022, the configuration of ViT-B; other widths after Dosovitskiy et al.
 * 2021, table 1, and Touvron et al. 2021, table 1). Rates are for 2048 pictures an update.
 * mae_vit_*: MAE as published (He et al. 2022, with the sizes of the authors' code; tiny and small with a decoder in
 * proportion). Rates are for 4096 pictures an update; warm-up was 40 of 800 epochs. Class and mask token are not decayed
 * here; in the authors' code they are.
 * keras_cifar10: the example "Masked image modeling with Autoencoders" of keras.io, what makes it differ included; rate and
 * steps are for 100 epochs of 40000 pictures.
 * simmim_swin_*: SimMIM on Swin Transformers as published (Xie et al. 2022; base for 100 epochs, tiny and small after Liu
 * et al. 2021, sec. 3.3). simmim_swinv2_*: on Swin V2, targets normalised in windows of 47 (base as published, huge and
 * giant by Liu et al. 2022, app. A1; these authors tell no heads of theirs). swin_*, swinv2_*: with a classifier.
 * vit_*: the same encoders as timm and transformers have them, with a classifier. */
#include "base/options.h"

#define SIMMIM                                                                                                        \
    "\"image\": {\"height\": 224, \"width\": 224, \"resize\": \"bilinear\", \"crop\": \"random_resized\", \"crop_least\": 0.67,"  \
    " \"flip\": 0.5}, \"masker\": {\"kind\": \"random\", \"ratio\": 0.6, \"unit\": 32},"                                 \
    " \"head\": {\"kind\": \"pixels\", \"loss\": \"l1\"},"                                                               \
    " \"optimizer\": {\"kind\": \"adamw\", \"rate\": 4e-4, \"decay\": 0.05, \"clip\": 5}"
#define SIMMIM_ENCODER                                                                                                \
    "\"kind\": \"vit\", \"qkv_bias\": \"query_value\", \"positions\": \"none\", \"relative\": \"shared\", \"layer_scale\": 0.1,"   \
    " \"drop_path\": 0.1, \"pool\": \"mean\""
#define MAE                                                                                                           \
    "\"image\": {\"height\": 224, \"width\": 224, \"resize\": \"bicubic\", \"crop\": \"random_resized\", \"crop_least\": 0.2,"    \
    " \"flip\": 0.5}, \"masker\": {\"kind\": \"random\", \"ratio\": 0.75},"                                            \
    " \"optimizer\": {\"kind\": \"adamw\", \"rate\": 2.4e-3, \"beta2\": 0.95, \"decay\": 0.05, \"clip\": 0,"             \
    " \"warmup_inclusive\": 0}"
#define MAE_ENCODER                                                                                                   \
    "\"kind\": \"vit\", \"mask_token\": 0, \"positions\": \"sincos\", \"init\": \"xavier\", \"pool\": \"mean\""
#define MAE_HEAD "\"kind\": \"mae\", \"loss\": \"l2\", \"target\": \"patch_norm\", \"positions\": \"sincos\""
#define MAE_DECODER ", \"head\": {" MAE_HEAD ", \"width\": 512, \"depth\": 8, \"heads\": 16}"
#define VIT                                                                                                           \
    "\"image\": {\"height\": 224, \"width\": 224, \"resize\": \"bicubic\", \"crop\": \"random_resized\", \"crop_least\": 0.08,"   \
    " \"flip\": 0.5}, \"head\": {\"kind\": \"classifier\", \"smoothing\": 0.1},"                                         \
    " \"optimizer\": {\"kind\": \"adamw\", \"rate\": 1e-3, \"decay\": 0.05, \"clip\": 5, \"layer_decay\": 0.65}"
#define SWIN "\"kind\": \"swin\", \"patch\": 4, \"eps\": 1e-5, \"init_cut\": 2, \"init_rescale\": 0"
#define SWIN_192 "\"image.height\": 192, \"image.width\": 192"
#define SWIN_TINY SWIN ", \"width\": 96, \"heads\": 3, \"depths\": [2, 2, 6, 2]"
#define SWIN_SMALL SWIN ", \"width\": 96, \"heads\": 3, \"depths\": [2, 2, 18, 2]"
#define SWIN_BASE SWIN ", \"width\": 128, \"heads\": 4, \"depths\": [2, 2, 18, 2]"
#define SWIN_LARGE SWIN ", \"width\": 192, \"heads\": 6, \"depths\": [2, 2, 18, 2]"
#define SWINV2 "\"kind\": \"swinv2\", \"patch\": 4, \"eps\": 1e-5, \"init_cut\": 2, \"init_rescale\": 0"
#define SWINV2_TINY SWINV2 ", \"width\": 96, \"heads\": 3, \"depths\": [2, 2, 6, 2]"
#define SWINV2_SMALL SWINV2 ", \"width\": 96, \"heads\": 3, \"depths\": [2, 2, 18, 2]"
#define SWINV2_BASE SWINV2 ", \"width\": 128, \"heads\": 4, \"depths\": [2, 2, 18, 2]"
#define SWINV2_LARGE SWINV2 ", \"width\": 192, \"heads\": 6, \"depths\": [2, 2, 18, 2]"
#define SWINV2_HUGE SWINV2 ", \"width\": 352, \"heads\": 11, \"depths\": [2, 2, 18, 2], \"norm_every\": 6"
#define SWINV2_GIANT SWINV2 ", \"width\": 512, \"heads\": 16, \"depths\": [2, 2, 42, 4], \"norm_every\": 6"
#define SIMMIM_V2 ", \"window\": 12, \"drop_path\": 0.1}, \"head.target\": \"window_norm\", \"head.window\": 47}"
#define SWINV2_256 "\"image.height\": 256, \"image.width\": 256"
#define TINY "\"width\": 192, \"depth\": 12, \"heads\": 3, \"patch\": 16"
#define SMALL "\"width\": 384, \"depth\": 12, \"heads\": 6, \"patch\": 16"
#define BASE "\"width\": 768, \"depth\": 12, \"heads\": 12, \"patch\": 16"
#define LARGE "\"width\": 1024, \"depth\": 24, \"heads\": 16, \"patch\": 16"
#define HUGE "\"width\": 1280, \"depth\": 32, \"heads\": 16, \"patch\": 14"

const struct mim__preset mim__presets[] = {
    { "simmim_vit_tiny", "SimMIM on ViT-Ti/16", "{" SIMMIM ", \"encoder\": {" TINY ", " SIMMIM_ENCODER "}}" },
    { "simmim_vit_small", "SimMIM on ViT-S/16", "{" SIMMIM ", \"encoder\": {" SMALL ", " SIMMIM_ENCODER "}}" },
    { "simmim_vit_base", "SimMIM on ViT-B/16, as published", "{" SIMMIM ", \"encoder\": {" BASE ", " SIMMIM_ENCODER "}}" },
    { "simmim_vit_large", "SimMIM on ViT-L/16", "{" SIMMIM ", \"encoder\": {" LARGE ", " SIMMIM_ENCODER "}}" },
    { "simmim_vit_huge", "SimMIM on ViT-H/14",
      "{" SIMMIM ", \"encoder\": {" HUGE ", " SIMMIM_ENCODER "}, \"masker.unit\": 28}" },
    { "simmim_vit_tiny_32", "SimMIM on a small ViT for pictures of 32 x 32, with sine-cosine positions",
      "{\"image\": {\"height\": 32, \"width\": 32, \"resize\": \"bilinear\", \"crop\": \"random_resized\", \"crop_least\": 0.67,"
      " \"flip\": 0.5}, \"masker\": {\"kind\": \"random\", \"ratio\": 0.6, \"unit\": 8},"
      " \"encoder\": {\"kind\": \"vit\", \"patch\": 4, \"width\": 192, \"depth\": 6, \"heads\": 3, \"positions\": \"sincos\","
      " \"pool\": \"mean\"},"
      " \"head\": {\"kind\": \"pixels\", \"loss\": \"l1\"},"
      " \"optimizer\": {\"kind\": \"adamw\", \"rate\": 1e-3, \"decay\": 0.05, \"clip\": 5}}" },
    { "simmim_swin_tiny", "SimMIM on Swin-T",
      "{" SIMMIM ", " SWIN_192 ", \"encoder\": {" SWIN_TINY ", \"window\": 6}}" },
    { "simmim_swin_small", "SimMIM on Swin-S",
      "{" SIMMIM ", " SWIN_192 ", \"encoder\": {" SWIN_SMALL ", \"window\": 6}}" },
    { "simmim_swin_base", "SimMIM on Swin-B, as published",
      "{" SIMMIM ", " SWIN_192 ", \"encoder\": {" SWIN_BASE ", \"window\": 6}, \"optimizer.rate\": 8e-4}" },
    { "simmim_swin_large", "SimMIM on Swin-L, as published",
      "{" SIMMIM ", " SWIN_192 ", \"encoder\": {" SWIN_LARGE ", \"window\": 12}}" },
    { "simmim_swinv2_tiny", "SimMIM on Swin V2-T",
      "{" SIMMIM ", " SWIN_192 ", \"encoder\": {" SWINV2_TINY SIMMIM_V2 },
    { "simmim_swinv2_small", "SimMIM on Swin V2-S",
      "{" SIMMIM ", " SWIN_192 ", \"encoder\": {" SWINV2_SMALL SIMMIM_V2 },
    { "simmim_swinv2_base", "SimMIM on Swin V2-B, as published",
      "{" SIMMIM ", " SWIN_192 ", \"encoder\": {" SWINV2_BASE SIMMIM_V2 },
    { "simmim_swinv2_large", "SimMIM on Swin V2-L",
      "{" SIMMIM ", " SWIN_192 ", \"encoder\": {" SWINV2_LARGE SIMMIM_V2 },
    { "simmim_swinv2_huge", "SimMIM on Swin V2-H",
      "{" SIMMIM ", " SWIN_192 ", \"encoder\": {" SWINV2_HUGE SIMMIM_V2 },
    { "simmim_swinv2_giant", "SimMIM on Swin V2-G",
      "{" SIMMIM ", " SWIN_192 ", \"encoder\": {" SWINV2_GIANT SIMMIM_V2 },
    { "mae_vit_tiny", "MAE on ViT-Ti/16",
      "{" MAE ", \"encoder\": {" TINY ", " MAE_ENCODER "}, \"head\": {" MAE_HEAD ", \"width\": 128, \"depth\": 4, \"heads\": 4}}" },
    { "mae_vit_small", "MAE on ViT-S/16",
      "{" MAE ", \"encoder\": {" SMALL ", " MAE_ENCODER "}, \"head\": {" MAE_HEAD ", \"width\": 256, \"depth\": 4, \"heads\": 8}}" },
    { "mae_vit_base", "MAE on ViT-B/16, as published", "{" MAE ", \"encoder\": {" BASE ", " MAE_ENCODER "}" MAE_DECODER "}" },
    { "mae_vit_large", "MAE on ViT-L/16, as published", "{" MAE ", \"encoder\": {" LARGE ", " MAE_ENCODER "}" MAE_DECODER "}" },
    { "mae_vit_huge", "MAE on ViT-H/14, as published", "{" MAE ", \"encoder\": {" HUGE ", " MAE_ENCODER "}" MAE_DECODER "}" },
    { "mae_vit_tiny_32", "MAE on a small ViT for pictures of 32 x 32",
      "{" MAE ", \"image.height\": 32, \"image.width\": 32, \"optimizer.rate\": 1e-3,"
      " \"encoder\": {\"patch\": 4, \"width\": 192, \"depth\": 6, \"heads\": 3, " MAE_ENCODER "},"
      " \"head\": {" MAE_HEAD ", \"width\": 128, \"depth\": 2, \"heads\": 4}}" },
    { "keras_cifar10", "masked autoencoder of keras.io on CIFAR-10, brought to 48 x 48",
      "{\"image\": {\"height\": 48, \"width\": 48, \"mean\": [0], \"deviation\": [1], \"resize\": \"bilinear\","
      " \"crop\": \"random\", \"crop_from\": 52, \"flip\": 0.5, \"eval_crop\": 1},"
      " \"masker\": {\"kind\": \"random\", \"ratio\": 0.75}, \"trainer.batch\": 256,"
      " \"encoder\": {\"kind\": \"vit\", \"patch\": 6, \"width\": 128, \"depth\": 6, \"heads\": 4, \"head_width\": 128,"
      " \"hidden\": 256, \"activation_out\": 1, \"class_token\": 0, \"mask_token\": 0, \"init\": \"keras\", \"pool\": \"mean\"},"
      " \"head\": {\"kind\": \"flat\", \"width\": 64, \"depth\": 2, \"heads\": 4, \"head_width\": 64, \"hidden\": 128},"
      " \"optimizer\": {\"kind\": \"adamw\", \"rate\": 5e-3, \"warmup\": 2343, \"warmup_rate\": 0, \"warmup_inclusive\": 0,"
      " \"steps\": 15625, \"decay\": 1e-4, \"decay_all\": 1, \"decay_by_rate\": 0, \"eps\": 1e-7, \"eps_first\": 1,"
      " \"clip\": 0}}" },
    { "vit_tiny", "ViT-Ti/16 and a classifier", "{" VIT ", \"encoder\": {" TINY ", \"mask_token\": 0}}" },
    { "vit_small", "ViT-S/16 and a classifier", "{" VIT ", \"encoder\": {" SMALL ", \"mask_token\": 0}}" },
    { "vit_base", "ViT-B/16 and a classifier", "{" VIT ", \"encoder\": {" BASE ", \"mask_token\": 0}}" },
    { "vit_large", "ViT-L/16 and a classifier", "{" VIT ", \"encoder\": {" LARGE ", \"mask_token\": 0}}" },
    { "vit_huge", "ViT-H/14 and a classifier", "{" VIT ", \"encoder\": {" HUGE ", \"mask_token\": 0}}" },
    { "swin_tiny", "Swin-T and a classifier",
      "{" VIT ", \"encoder\": {" SWIN_TINY ", \"mask_token\": 0, \"drop_path\": 0.2}}" },
    { "swin_small", "Swin-S and a classifier",
      "{" VIT ", \"encoder\": {" SWIN_SMALL ", \"mask_token\": 0, \"drop_path\": 0.3}}" },
    { "swin_base", "Swin-B and a classifier",
      "{" VIT ", \"encoder\": {" SWIN_BASE ", \"mask_token\": 0, \"drop_path\": 0.5}}" },
    { "swin_large", "Swin-L and a classifier",
      "{" VIT ", \"encoder\": {" SWIN_LARGE ", \"mask_token\": 0, \"drop_path\": 0.5}}" },
    { "swinv2_tiny", "Swin V2-T and a classifier",
      "{" VIT ", " SWINV2_256 ", \"encoder\": {" SWINV2_TINY ", \"window\": 8, \"mask_token\": 0, \"drop_path\": 0.2}}" },
    { "swinv2_small", "Swin V2-S and a classifier",
      "{" VIT ", " SWINV2_256 ", \"encoder\": {" SWINV2_SMALL ", \"window\": 8, \"mask_token\": 0, \"drop_path\": 0.3}}" },
    { "swinv2_base", "Swin V2-B and a classifier",
      "{" VIT ", " SWINV2_256 ", \"encoder\": {" SWINV2_BASE ", \"window\": 8, \"mask_token\": 0, \"drop_path\": 0.5}}" },
    { "swinv2_large", "Swin V2-L and a classifier",
      "{" VIT ", " SWINV2_256 ", \"encoder\": {" SWINV2_LARGE ", \"window\": 8, \"mask_token\": 0, \"drop_path\": 0.2}}" },
    { "swinv2_huge", "Swin V2-H and a classifier",
      "{" VIT ", " SWINV2_256 ", \"encoder\": {" SWINV2_HUGE ", \"window\": 8, \"mask_token\": 0, \"drop_path\": 0.2}}" },
    { "swinv2_giant", "Swin V2-G and a classifier",
      "{" VIT ", " SWINV2_256 ", \"encoder\": {" SWINV2_GIANT ", \"window\": 8, \"mask_token\": 0, \"drop_path\": 0.3}}" },
    { NULL, NULL, NULL },
};
