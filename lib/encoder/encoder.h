/* SPDX-License-Identifier: MIT */
/* encoder.h -- mim_encoder from the inside. One architecture per file; the table at the top of encoder.c lists them. */
#ifndef MIM_ENCODER_ENCODER_H
#define MIM_ENCODER_ENCODER_H

#include "base/options.h"
#include "base/text.h"
#include "encoder/block.h"
#include "encoder/names.h"
#include "graph/store.h"
#include "image/image.h"
#include "io/tensors.h"

enum relative_kind { RELATIVE_NONE, RELATIVE_SHARED, RELATIVE_BLOCK };
enum pool { POOL_AUTO, POOL_CLASS, POOL_MEAN };
enum window_rule { WINDOW_RULE_TIMM, WINDOW_RULE_TRANSFORMERS };

struct encoder_options {
    int kind;
    int64_t patch, width, depth, heads, hidden;      /* hidden 0 becomes 4 width */
    int64_t head_width;                              /* 0: width / heads */
    double eps, merge_eps;                           /* merge_eps 0 becomes eps */
    int activation;                                  /* of the choices; + 1 is an enum activation */
    int activation_out;
    int qkv_bias, class_token, mask_token, positions, position_class, relative;
    double layer_scale, drop_path;
    int norm, pool, pool_norm;                       /* pool is never POOL_AUTO once an encoder is made */
    int64_t table_rows, table_cols;                  /* grid of the position tables; 0 becomes the picture's */
    int table_resize;
    int init;                                        /* an enum init_way */
    double init_deviation, init_cut;
    int init_rescale;
    struct mim__numbers depths, stage_heads, stage_hidden;   /* of stages; empty where there are none */
    int64_t window, table_window, norm_every;        /* table_window 0 becomes window */
    struct mim__numbers pretrained_windows;
    int window_rule;
    double window_mask;
};
extern const struct mim__option mim__encoder_options[];
extern const char mim__activation_names[];           /* as choices, in the order of enum activation from ACT_GELU */

/* What a builder is told and what it answers. */
struct encoder_build {
    int batch, height, width;
    enum dtype compute;                              /* of products and branch activations */
    bool masked;                                     /* is there an input "mask"? */
    int kept;                                        /* patches of a picture that are encoded, where hidden ones are left out
                                                        (mask_token 0); else, and where it is 0, it becomes all of them */
    struct tensor *pixels, *mask, *visible;          /* visible i32 [batch, kept]: which these are; NULL where it is all */
    struct tensor *patch_weight, *patch_bias;        /* of the patches' linear layer, and absolute positions of the picture's */
    struct tensor *positions;                        /* grid (NULL: none), for heads that embed something themselves */
    struct tensor *tokens, *pooled;                  /* tokens f32 [batch, first + kept, width] */
    int first, rows, cols;                           /* tokens before the patches; the grid of patches, */
    int token_rows, token_cols;                      /* and of tokens at the end: coarser after stages */
};

struct import;                                       /* import.h */
struct encoder_json;
struct architecture {
    const char *name;
    mim_status (*check)(mim_context *ctx, struct encoder_options *o);      /* fills in what 0 and auto stand for */
    /* Inputs, operators and outputs ("tokens", "pooled", "block.K", "attention.K", "stage.K") into the graph's store 0. The
     * parameters and their order do not depend on the build. */
    void (*build)(const mim_encoder *e, struct graph *g, struct encoder_build *b);
    int (*layer)(const mim_encoder *e, const char *parameter);             /* 0 .. depth + 1, for layer decay */
    const struct name_rule *rules;
    const char *timm_mark, *huggingface_mark;        /* a tensor by whose name its files are told from those of the others */
    const char *class_name, *model_type, *prefix;    /* of transformers: what begins its classes; its names in files */
    void (*import)(struct import *m);                /* what tensors and config.json say of it; import.h */
    mim_status (*json)(const mim_encoder *e, const struct encoder_json *j, struct mim__text *out);
};
extern const struct architecture mim__vit, mim__swin, mim__swinv2;
extern const struct architecture *const mim__architectures[];          /* as the choices of encoder.kind, ended by NULL */

/* How named tensors name an encoder: what stands before its names, and which column of the rules. */
struct encoder_source {
    enum naming naming;
    enum name_column column;
    const struct architecture *kind;
    char prefix[NAME_PREFIX];
    char wrapper[NAME_PREFIX];                           /* of PyTorch, around the whole model: "module." before all names */
};

struct encoding;                                     /* the plan of the last encode; encode.c */
struct mim_encoder {
    struct mim__object object;
    struct run_options run;
    struct encoder_options options;
    struct image_options image;
    const struct architecture *kind;
    struct mim__store store;
    struct encoder_source source;                    /* how the file that the weights came from named them */
    bool source_pretext;                             /* it had a mask token */
    struct mim__words unused, resized;               /* tensors of the file not wanted; tables brought to another grid */
    struct encoding *encoding;
};

/* Each stage but the first halves the grid and doubles the width. */
static inline int mim__encoder_stages(const mim_encoder *e) { return imax(1, e->options.depths.count); }
/* Pixels a side that a token stands for at the end, and its width there. */
static inline int mim__encoder_stride(const mim_encoder *e) { return (int)e->options.patch << (mim__encoder_stages(e) - 1); }
static inline int mim__encoder_width(const mim_encoder *e) { return (int)e->options.width << (mim__encoder_stages(e) - 1); }

void mim__encoder_retain(mim_encoder *e);
/* One without memory for its weights, to be planned with only. */
mim_status mim__encoder_create_dry(mim_context *ctx, const mim_config *config, mim_encoder **out);
/* The grid of patches of a picture; MIM_ERR_SHAPE if the patches do not divide it. */
mim_status mim__encoder_grid(const mim_encoder *e, int64_t height, int64_t width, int *rows, int *cols);
mim_status mim__encoder_report(const mim_encoder *e, mim_config *report);

/* Tensors of the encoder under a naming, in the order of the store, with `array` in place of the weights (gradients).
 * before: what stands before each name. pretext false leaves out the mask token, which other libraries have only
 * in models of masked image modelling. MIM_ERR_UNSUPPORTED: the naming cannot express it. */
struct encoder_naming { enum naming naming; const char *before; bool pretext; };
mim_status mim__encoder_names(const mim_encoder *e, const struct encoder_naming *n, float *array, struct mim__names *out);
/* Is it BEiT to transformers? And what stands before its names there, in models with a head. */
bool mim__encoder_is_beit(const mim_encoder *e);
const char *mim__encoder_prefix(const mim_encoder *e);
enum name_column mim__encoder_column(const mim_encoder *e, enum naming n);

/* config.json as transformers or timm writes it. task ends the class of transformers that the encoder's begins ("Model"),
 * model_type is NULL where it is the encoder's, `more` further members as JSON text ("\"num_labels\": 5"), all the head's
 * matter; classes 0: none. own: beside names as in the file that the weights came from. MIM_ERR_UNSUPPORTED: not
 * expressible; the reason goes to why [FOLDER_WHY] and is no error of a call yet. */
struct encoder_json { enum naming naming; bool own; const char *task, *model_type, *more; int64_t classes; char *why; };
mim_status mim__encoder_json(const mim_encoder *e, const struct encoder_json *j, struct mim__text *out);
mim_status mim__vit_json(const mim_encoder *e, const struct encoder_json *j, struct mim__text *out);
mim_status mim__swin_json(const mim_encoder *e, const struct encoder_json *j, struct mim__text *out);
/* Parts of it, for the architectures. */
mim_status mim__json_refuse(const struct encoder_json *j, const char *format, const char *what);
/* Of the pictures that config.json speaks of: those that position tables are stored for; of Swin V2, which has none, its own,
 * but where it keeps the windows of the others (stage.c). */
struct json_size { int64_t height, width; };
struct json_size mim__json_size(const mim_encoder *e);
void mim__json_add_size(const mim_encoder *e, struct mim__text *t, const char *key);
const char *mim__json_activation(const mim_encoder *e, enum naming n);
double mim__json_mlp_ratio(const struct encoder_options *o);
/* What ends model_args, and timm's pretrained_cfg after them. */
void mim__json_add_timm_rest(const mim_encoder *e, const struct encoder_json *j, const char *classifier,
                             struct mim__text *t);

/* MIM_ERR_FORMAT: no encoder that libmim knows by name. */
mim_status mim__encoder_locate(const mim_tensors *t, struct encoder_source *out);
/* Is there a decoder of MAE beside it? Then a bare "mask_token" is that one's. Files of libmim keep them apart. */
bool mim__encoder_has_decoder(const mim_tensors *t, const struct encoder_source *s);
/* Is this config.json, or are these tensors, of a model that shares names with ours and is another? Then
 * MIM_ERR_UNSUPPORTED. */
struct json;
mim_status mim__encoder_check_model(mim_context *ctx, const struct json *config);
mim_status mim__encoder_check_tensors(const mim_tensors *t, const struct encoder_source *s);
/* Sections image and encoder that named tensors carry, put into *out where it has none. MIM_ERR_FORMAT: none;
 * MIM_ERR_UNSUPPORTED: another model. */
mim_status mim__encoder_config_from(mim_context *ctx, const mim_tensors *t, mim_config *out);
/* All weights of a fresh encoder; where its store is dry, only looks whether all are there, in their shapes. */
mim_status mim__encoder_load(mim_encoder *e, const mim_tensors *t);

/* Do timm and transformers treat all windows of these grids alike? */
bool mim__swin_rules_agree(const mim_encoder *e);
/* Side of the windows that the positions of a stage are measured by (Swin V2), as transformers and timm write it: 0 where it
 * is that of its own windows; -1: not one number. */
int mim__swin_pretrained(const mim_encoder *e, int stage);
extern const struct name_rule mim__vit_rules[], mim__swin_rules[];
void mim__vit_import(struct import *m);
void mim__swin_import(struct import *m);

/* A view of the outputs of the last encode: of what it computed, or, before the first, of all there can be. */
mim_status mim__encoding_view(mim_encoder *e, mim_tensors **out);
/* Release the plan of the last encode. */
void mim__encoding_free(mim_encoder *e);

#endif
