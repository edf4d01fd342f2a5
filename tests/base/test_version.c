/* SPDX-License-Identifier: MIT */
/* test_version.c -- version numbers and constants by name. */
#include "mim.h"
#include "support/test.h"

static void version(void)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", MIM_VERSION_MAJOR, MIM_VERSION_MINOR, MIM_VERSION_PATCH);
    CHECK_TEXT(mim_version_string(), text);
    CHECK(mim_version() == MIM_VERSION);
    CHECK(MIM_VERSION == MIM_VERSION_MAJOR * 1000000 + MIM_VERSION_MINOR * 1000 + MIM_VERSION_PATCH);
}

static void abi(void)
{
    CHECK(mim_abi_check(MIM_VERSION) == MIM_OK);
    CHECK(mim_abi_check(MIM_VERSION_MAJOR * 1000000) == MIM_OK);
    CHECK(mim_abi_check(MIM_VERSION + 1) == MIM_ERR_UNSUPPORTED);
    CHECK(mim_abi_check((MIM_VERSION_MAJOR + 1) * 1000000) == MIM_ERR_UNSUPPORTED);
    CHECK(mim_abi_check(-1) == MIM_ERR_UNSUPPORTED);
    CHECK(mim_abi_check(INT32_MIN) == MIM_ERR_UNSUPPORTED);
}

static int64_t constant(const char *name)
{
    int64_t value = -12345;
    CHECK(mim_constant(name, &value) == MIM_OK);
    return value;
}

static void constants(void)
{
    int64_t value = 77;
    CHECK(constant("MIM_OK") == 0);
    CHECK(constant("MIM_ERR_SHAPE") == -5);
    CHECK(constant("MIM_ERR_SYSTEM") == -14);
    CHECK(constant("MIM_LOG_DEBUG") == 4);
    CHECK(constant("MIM_BOOL") == 13);
    CHECK(constant("MIM_STATE") == 6);
    CHECK(constant("MIM_MAX_RANK") == 8);
    CHECK(constant("MIM_VERSION") == MIM_VERSION);
    CHECK(constant("sizeof mim_host") == sizeof(mim_host));
    CHECK(constant("sizeof mim_images") == sizeof(mim_images));
    CHECK(mim_constant("MIM_NOTHING", &value) == MIM_ERR_KEY);
    CHECK(mim_constant("", &value) == MIM_ERR_KEY);
    CHECK(mim_constant(NULL, &value) == MIM_ERR_ARGUMENT);
    CHECK(mim_constant("MIM_OK", NULL) == MIM_ERR_ARGUMENT);
    CHECK(value == 77);
}

static void names(void)
{
    for (mim_status s = MIM_ERR_SYSTEM; s <= MIM_OK; s++)
        CHECK(constant(mim_status_name(s)) == s);
    CHECK_TEXT(mim_status_name(MIM_ERR_SHAPE), "MIM_ERR_SHAPE");
    CHECK_TEXT(mim_status_name(1), "unknown");
    CHECK_TEXT(mim_status_name(-15), "unknown");
    CHECK_TEXT(mim_status_name(INT32_MIN), "unknown");
}

int main(void)
{
    TEST(version);
    TEST(abi);
    TEST(constants);
    TEST(names);
    return test_end();
}
