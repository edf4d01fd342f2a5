/* SPDX-License-Identifier: MIT */
/* options.c -- the tables of options: finding a key, filling a room's struct, and the two options of no room. */
#include "base/config.h"

const struct mim__option mim__run_options[] = {
    { "seed", OPTION_I64, offsetof(struct run_options, seed), "1", 0, 0x1p63, NULL,
      "initial weights, masks, augmentation and drop path follow from it" },
    { "precision", OPTION_CHOICE, offsetof(struct run_options, precision), "f32", 0, 0, "f32 bf16",
      "activations inside the branches: 32 bits, or 16 with sums and weights in 32" },
    OPTIONS_END
};

const struct mim__option *mim__option_find(const char *key)
{
    for (int t = 0; mim__option_tables[t]; t++)
        for (const struct mim__option *o = mim__option_tables[t]; o->key; o++)
            if (!strcmp(o->key, key))
                return o;
    return NULL;
}

static const char *nearest(const char *key)
{
    const char *best = "";
    int least = -1;
    for (int t = 0; mim__option_tables[t]; t++)
        for (const struct mim__option *o = mim__option_tables[t]; o->key; o++) {
            int d = mim__distance(o->key, key);
            if (least < 0 || d < least) {
                least = d;
                best = o->key;
            }
        }
    return best;
}

const struct mim__option *mim__option_need(mim_context *ctx, const char *key)
{
    const struct mim__option *o = mim__option_find(key);
    if (!o)
        mim__fail(ctx, MIM_ERR_KEY, "no option \"%s\"; the nearest is \"%s\"", key, nearest(key));
    return o;
}

mim_status mim__read_options(mim_context *ctx, const mim_config *config, const struct mim__option *table, void *out)
{
    union field field;
    for (const struct mim__option *o = table; o->key; o++) {
        const struct entry *e = config ? mim__config_find(config, o->key) : NULL;
        const char *text = e ? e->text : o->fallback;
        mim_status status = mim__option_read(ctx, o, FROM_TEXT, text, strlen(text), &field);
        if (status != MIM_OK)
            return status;
        memcpy((char *)out + o->field, &field, mim__option_size(o));
    }
    return MIM_OK;
}
