/* SPDX-License-Identifier: MIT */
/* make.h -- maskers for tests: from JSON, on a grid given outright; and masks as rows of text. */
#ifndef MIM_TESTS_MASKER_MAKE_H
#define MIM_TESTS_MASKER_MAKE_H

#include "masker/masker.h"
#include "support/test.h"

enum { GRID_MOST = 64 * 64 };
static mim_context *context;

static inline mim_status try_masker(const char *json, int rows, int cols, int patch, mim_masker **out)
{
    mim_config *config;
    mim_status status = mim_config_create(context, NULL, &config);
    if (status != MIM_OK)
        return status;
    status = mim_config_read_json(config, json);
    if (status == MIM_OK)
        status = mim__masker_create(context, config, rows, cols, patch, out);
    mim_config_destroy(config);
    return status;
}

/* NULL, and a failed check, if it cannot be made. */
static inline mim_masker *make_masker(const char *json, int rows, int cols, int patch)
{
    mim_masker *m = NULL;
    if (!CHECK(try_masker(json, rows, cols, patch, &m) == MIM_OK)) {
        char why[512];
        mim_last_error(context, why, sizeof why, NULL);
        printf("    %s: %s\n", json, why);
    }
    return m;
}

/* The status that making it gives; whatever is made is destroyed again, and on failure nothing may have been written. */
static inline mim_status masker_status(const char *json, int rows, int cols, int patch)
{
    mim_masker *const untouched = (mim_masker *)&context, *m = untouched;
    mim_status status = try_masker(json, rows, cols, patch, &m);
    if (status == MIM_OK)
        mim_masker_destroy(m);
    else
        CHECK(m == untouched);
    return status;
}

static inline int hidden_in(const uint8_t *mask, int n)
{
    int hidden = 0;
    for (int i = 0; i < n; i++) {
        CHECK(mask[i] <= 1);
        hidden += mask[i];
    }
    return hidden;
}

/* "110 011" for two rows of three. */
static inline void mask_text(const uint8_t *mask, int rows, int cols, char *to)
{
    for (int y = 0; y < rows; y++) {
        for (int x = 0; x < cols; x++)
            *to++ = (char)('0' + *mask++);
        *to++ = ' ';
    }
    to[-1] = 0;
}

#endif
