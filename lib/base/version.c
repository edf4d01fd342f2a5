/* SPDX-License-Identifier: MIT */
/* version.c -- which library this is, and the constants of mim.h for those who cannot read C. */
#include "base/base.h"

struct constant { const char *name; int64_t value; };

#define NAMED(constant) { #constant, constant }

static const struct constant statuses[] = {
    NAMED(MIM_OK), NAMED(MIM_ERR_ARGUMENT), NAMED(MIM_ERR_NOMEM), NAMED(MIM_ERR_KEY), NAMED(MIM_ERR_VALUE),
    NAMED(MIM_ERR_SHAPE), NAMED(MIM_ERR_STATE), NAMED(MIM_ERR_SPACE), NAMED(MIM_ERR_NOT_FINITE),
    NAMED(MIM_ERR_CANCELLED), NAMED(MIM_ERR_IO), NAMED(MIM_ERR_FORMAT), NAMED(MIM_ERR_BUDGET),
    NAMED(MIM_ERR_UNSUPPORTED), NAMED(MIM_ERR_SYSTEM),
};

static const struct constant others[] = {
    NAMED(MIM_VERSION), NAMED(MIM_VERSION_MAJOR), NAMED(MIM_VERSION_MINOR), NAMED(MIM_VERSION_PATCH),
    NAMED(MIM_LOG_ERROR), NAMED(MIM_LOG_WARNING), NAMED(MIM_LOG_INFO), NAMED(MIM_LOG_DEBUG),
    NAMED(MIM_U8), NAMED(MIM_I8), NAMED(MIM_U16), NAMED(MIM_I16), NAMED(MIM_U32), NAMED(MIM_I32), NAMED(MIM_U64),
    NAMED(MIM_I64), NAMED(MIM_F16), NAMED(MIM_BF16), NAMED(MIM_F32), NAMED(MIM_F64), NAMED(MIM_BOOL),
    NAMED(MIM_WEIGHTS), NAMED(MIM_GRADIENTS), NAMED(MIM_AVERAGE), NAMED(MIM_INPUTS), NAMED(MIM_OUTPUTS),
    NAMED(MIM_STATE), NAMED(MIM_MAX_RANK),
    { "sizeof mim_host", sizeof(mim_host) }, { "sizeof mim_images", sizeof(mim_images) },
};

int32_t mim_version(void) { return MIM_VERSION; }
const char *mim_version_string(void) { return "0.1.0"; }

mim_status mim_abi_check(int32_t compiled)
{
    bool fits = compiled >= 0 && compiled / 1000000 == MIM_VERSION_MAJOR && compiled <= MIM_VERSION;
    return fits ? MIM_OK : MIM_ERR_UNSUPPORTED;
}

static const struct constant *find(const struct constant *table, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}

mim_status mim_constant(const char *name, int64_t *value)
{
    if (!name || !value)
        return MIM_ERR_ARGUMENT;
    const struct constant *c = find(statuses, COUNT(statuses), name);
    if (!c)
        c = find(others, COUNT(others), name);
    if (!c)
        return MIM_ERR_KEY;
    *value = c->value;
    return MIM_OK;
}

const char *mim_status_name(mim_status status)
{
    for (int i = 0; i < COUNT(statuses); i++)
        if (statuses[i].value == status)
            return statuses[i].name;
    return "unknown";
}
