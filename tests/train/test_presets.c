/* SPDX-License-Identifier: MIT */
/* test_presets.c -- what presets set, to the last key, beside presets.txt: a line for each, its name and what it comes to as
 * JSON. A line changes only where a preset is meant to. */
#include "base/options.h"
#include "support/test.h"

static const char path[] = "tests/train/presets.txt";
static mim_context *ctx;

static void check(const char *line, const struct mim__preset *p)
{
    char json[2048] = "", said[2112];
    mim_config *config = NULL;
    CHECK(mim_config_create(ctx, p->name, &config) == MIM_OK);
    CHECK(mim_config_write_json(config, json, sizeof json, NULL) == MIM_OK);
    snprintf(said, sizeof said, "%s %s\n", p->name, json);
    if (!CHECK(!strcmp(said, line)))
        printf("%sis not\n%s", said, line);
    mim_config_destroy(config);
}

static void same_as_written(void)
{
    char line[2112];
    const struct mim__preset *p = mim__presets;
    FILE *f = fopen(path, "r");
    if (!CHECK(f))
        return;
    for (; p->name && CHECK(fgets(line, sizeof line, f)); p++)
        check(line, p);
    CHECK(!fgets(line, sizeof line, f));
    fclose(f);
}

int main(void)
{
    if (mim_context_create(NULL, &ctx) != MIM_OK)
        return 1;
    TEST(same_as_written);
    mim_context_destroy(ctx);
    return test_end();
}
