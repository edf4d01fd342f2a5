/* SPDX-License-Identifier: MIT */
/* import.h -- what reading a configuration from named tensors needs: import.c has what is common, vit_files.c and
 * swin_files.c what is an architecture's own. */
#ifndef MIM_ENCODER_IMPORT_H
#define MIM_ENCODER_IMPORT_H

#include "base/json.h"
#include "encoder/encoder.h"

struct import {
    mim_context *ctx;
    const mim_tensors *t;
    struct encoder_source source;
    struct json json;               /* config.json, JSON_ERROR if there is none */
    mim_config *out;
    mim_status status;              /* of the first failure: what follows does nothing */
    int64_t patch, height, width;
};

/* A tensor under the name that the file's naming has, numbers in place of each %d; or NULL. A NULL name is none. */
const struct mim__tensor *mim__import_find(const struct import *m, const char *timm, const char *huggingface, int first,
                                           int second);
/* A member of config.json or, for timm, of its model_args; JSON_ERROR if there is none. */
struct json mim__import_look(const struct import *m, const char *name);
/* timm's name of the model: it tells what the model's own function sets. */
bool mim__import_architecture(const struct import *m, char *to, size_t capacity);
/* Where the caller has not set it. */
void mim__import_i64(struct import *m, const char *key, int64_t value);
void mim__import_f64(struct import *m, const char *key, double value);
void mim__import_str(struct import *m, const char *key, const char *value);
void mim__import_fail(struct import *m, mim_status status);
/* As mim__json_unlike. */
void mim__import_refuse(struct import *m, mim_status status, const char *name, const struct json *value, const char *what);

/* Parts of a configuration. patch: encoder.patch, width and image.channels; size: m->height and width, 0 if nothing tells
 * it; pixels: mean and deviation. eps: usual where config.json is silent, and where it is one of transformers. */
void mim__import_patch(struct import *m);
void mim__import_size(struct import *m);
void mim__import_activation(struct import *m);
void mim__import_eps(struct import *m, double usual, double usual_there);
void mim__import_pixels(struct import *m);

#endif
