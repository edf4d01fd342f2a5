/* SPDX-License-Identifier: MIT */
/* model.c -- see model.h. */
#include "model.h"
#include "system.h"

#include <stdlib.h>
#include <string.h>

mim_status model_open(mim_context *context, const char *path, mim_tensors **weights)
{
    char *state = join_path(path, "state.safetensors");
    mim_status status = state ? mim_tensors_open(context, is_file(state) ? state : path, weights) : MIM_ERR_NOMEM;
    free(state);
    return status;
}

/* Is the key in one of the sections, which stand with spaces between them, or itself among them? */
static int is_within(const char *key, const char *sections)
{
    size_t n = strcspn(key, ".");
    n += key[n] == '.';
    for (const char *p = sections; *p; p += strcspn(p, " "), p += strspn(p, " "))
        if (!strncmp(p, key, n) && strcspn(p, " ") == n)
            return 1;
    return 0;
}

static mim_status copy_value(const mim_config *from, const char *key, mim_config *to)
{
    size_t needed = 0;
    mim_config_get_str(from, key, NULL, 0, &needed);
    char *value = malloc(needed + 1);
    mim_status status = value ? mim_config_get_str(from, key, value, needed + 1, NULL) : MIM_ERR_NOMEM;
    if (!status) status = mim_config_set_str(to, key, value);
    free(value);
    return status;
}

mim_status model_copy_sections(const mim_config *from, const char *sections, mim_config *to)
{
    char key[128];
    mim_status status = MIM_OK;
    for (int64_t i = 0; !status && i < mim_config_count(from); i++) {
        status = mim_config_key(from, i, key, sizeof key, NULL);
        if (!status && is_within(key, sections)) status = copy_value(from, key, to);
    }
    return status;
}

mim_status model_set(mim_config *config, const char *text)
{
    size_t n = strcspn(text, "=");
    char *key = malloc(n + 1);
    if (!key)
        return MIM_ERR_NOMEM;
    memcpy(key, text, n);
    key[n] = 0;
    mim_status status = mim_config_set_str(config, key, text[n] ? text + n + 1 : "");
    free(key);
    return status;
}

mim_status model_save(mim_trainer *trainer, int32_t what, const char *folder)
{
    static const char *const namings[] = { "huggingface", "timm", NULL };
    mim_status status = MIM_ERR_UNSUPPORTED;
    for (int i = 0; i < 3 && status == MIM_ERR_UNSUPPORTED; i++) {
        mim_tensors *weights = NULL;
        status = mim_trainer_tensors(trainer, what, namings[i], &weights);
        if (!status) status = mim_tensors_save_folder(weights, folder);
        mim_tensors_destroy(weights);
    }
    return status;
}
