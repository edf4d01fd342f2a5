/* SPDX-License-Identifier: MIT */
/* test_masker.c -- the handle: grids from the configuration, units, what a draw depends on, bad calls, no memory. */
#include "masker/make.h"
#include "support/fail_alloc.h"

static mim_config *config_of(const char *json)
{
    mim_config *config = NULL;
    CHECK(mim_config_create(context, NULL, &config) == MIM_OK);
    CHECK(mim_config_read_json(config, json) == MIM_OK);
    return config;
}

static mim_status create(const char *json, mim_masker **out)
{
    mim_config *config = config_of(json);
    mim_status status = mim_masker_create(context, config, out);
    mim_config_destroy(config);
    return status;
}

static int64_t described(const mim_masker *m, const char *key)
{
    mim_config *report = NULL;
    int64_t value = -2;
    if (CHECK(mim_masker_describe(m, &report) == MIM_OK))
        CHECK(mim_config_get_i64(report, key, &value) == MIM_OK);
    mim_config_destroy(report);
    return value;
}

static void grid_from_the_configuration(void)
{
    static const struct { const char *json; int rows, cols, hidden; } cases[] = {
        { "{\"image.height\": 224, \"image.width\": 224, \"encoder.patch\": 16, \"masker.unit\": 32}", 14, 14, 120 },
        { "{\"image.height\": 192, \"image.width\": 192, \"encoder.patch\": 4, \"masker.unit\": 32}", 48, 48, 1408 },
        { "{\"image.height\": 40, \"image.width\": 16, \"encoder.patch\": 8, \"masker.ratio\": 0.5}", 5, 2, 5 },
        { "{\"image.height\": 32, \"image.width\": 96, \"encoder.patch\": 32, \"masker.count\": 2}", 1, 3, 2 },
    };
    for (int i = 0; i < COUNT(cases); i++) {
        mim_masker *m = NULL;
        int rows, cols;
        if (!CHECK(create(cases[i].json, &m) == MIM_OK))
            continue;
        mim__masker_grid(m, &rows, &cols);
        CHECK(rows == cases[i].rows && cols == cases[i].cols && mim__masker_hidden(m) == cases[i].hidden);
        CHECK(described(m, "grid.rows") == rows && described(m, "grid.cols") == cols);
        CHECK(described(m, "hidden") == cases[i].hidden);
        mim_masker_destroy(m);
    }
}

/* Masks of the host are not known; what ratio or count ask for is. */
static void expected(void)
{
    static const struct { const char *json; int hidden; } cases[] = {
        { "{\"image.height\": 40, \"image.width\": 32, \"encoder.patch\": 8, \"masker.kind\": \"host\", \"masker.ratio\": 0.75}", 15 },
        { "{\"image.height\": 40, \"image.width\": 32, \"encoder.patch\": 8, \"masker.kind\": \"host\", \"masker.count\": 7}", 7 },
        { "{\"image.height\": 40, \"image.width\": 32, \"encoder.patch\": 8, \"masker.ratio\": 0.75}", 15 },
        { "{\"image.height\": 40, \"image.width\": 32, \"encoder.patch\": 8, \"masker.kind\": \"block\", \"masker.least\": 2}", -1 },
    };
    for (int i = 0; i < COUNT(cases); i++) {
        mim_masker *m = NULL;
        if (CHECK(create(cases[i].json, &m) == MIM_OK))
            CHECK(mim__masker_expects(m) == cases[i].hidden);
        mim_masker_destroy(m);
    }
}

static void sizes_that_do_not_fit(void)
{
    static const char *const jsons[] = {
        "{\"image.height\": 225, \"image.width\": 224, \"encoder.patch\": 16}",
        "{\"image.height\": 224, \"image.width\": 225, \"encoder.patch\": 16}",
        "{\"image.height\": 224, \"image.width\": 224, \"encoder.patch\": 16, \"masker.unit\": 24}",
        "{\"image.height\": 224, \"image.width\": 224, \"encoder.patch\": 16, \"masker.unit\": 8}",
        "{\"image.height\": 224, \"image.width\": 240, \"encoder.patch\": 16, \"masker.unit\": 32}",
        "{\"image.height\": 240, \"image.width\": 224, \"encoder.patch\": 16, \"masker.unit\": 32}",
        "{\"image.height\": 224, \"image.width\": 224, \"encoder.patch\": 16, \"masker.unit\": 2147483632}",
        "{\"image.height\": 224, \"image.width\": 224, \"encoder.patch\": 16, \"masker.unit\": 448}",
    };
    for (int i = 0; i < COUNT(jsons); i++) {
        mim_masker *m = NULL;
        CHECK(create(jsons[i], &m) == MIM_ERR_SHAPE && !m);
    }
    char why[512];
    CHECK(mim_last_error(context, why, sizeof why, NULL) == MIM_OK);
    CHECK(strstr(why, "448") && strstr(why, "14"));
    CHECK(masker_status("{}", 0, 4, 16) == MIM_ERR_SHAPE);
    CHECK(masker_status("{}", 4, -1, 16) == MIM_ERR_SHAPE);
    CHECK(masker_status("{}", 4, 4, 0) == MIM_ERR_SHAPE);
    CHECK(masker_status("{}", 65536, 65536, 1) == MIM_ERR_SHAPE);
    CHECK(masker_status("{\"masker.unit\": 448}", 14, 14, 16) == MIM_ERR_SHAPE);
    CHECK(masker_status("{\"masker.unit\": 224}", 14, 14, 16) == MIM_ERR_VALUE);      /* one unit */
    CHECK(masker_status("{\"masker.unit\": 224}", 14, 28, 16) == MIM_ERR_VALUE);      /* two: 1.2 of them are both */
    CHECK(masker_status("{\"masker.unit\": 224, \"masker.ratio\": 0.5}", 14, 28, 16) == MIM_OK);
}

static void values_that_are_refused(void)
{
    CHECK(masker_status("{\"masker.kind\": \"blocks\"}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.ratio\": 1.5}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.ratio\": -0.5}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.count\": -1}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.unit\": -16}", 14, 14, 16) == MIM_ERR_VALUE);
    CHECK(masker_status("{\"masker.ratios\": 0.5}", 14, 14, 16) == MIM_ERR_KEY);
}

static const char *const kinds[] = {
    "{\"seed\": 3, \"masker.kind\": \"random\"}", "{\"seed\": 3, \"masker.kind\": \"block\", \"masker.least\": 4}",
    "{\"seed\": 3, \"masker.kind\": \"square\"}", "{\"seed\": 3, \"masker.kind\": \"grid\", \"masker.stride\": 4}",
};

/* A mask by its epoch and id alone: whatever was drawn before it, with it, or on how many threads. */
static void order_and_threads_do_not_matter(void)
{
    enum { ROWS = 12, COLS = 8, N = ROWS * COLS, BATCH = 40 };
    static uint8_t forward[BATCH][N], backward[BATCH][N], single[N];
    int64_t up[BATCH], down[BATCH];
    for (int i = 0; i < BATCH; i++)
        up[i] = i * 7, down[BATCH - 1 - i] = i * 7;
    for (int k = 0; k < COUNT(kinds); k++) {
        mim_masker *m = make_masker(kinds[k], ROWS, COLS, 16), *other = make_masker(kinds[k], ROWS, COLS, 16);
        if (!m || !other)
            return;
        CHECK(mim_masker_draw(m, 5, up, BATCH, forward[0], sizeof forward) == MIM_OK);
        for (int threads = 1; threads <= 16; threads += 15) {
            CHECK(mim_context_set_threads(context, threads) == MIM_OK);
            CHECK(mim_masker_draw(other, 5, down, BATCH, backward[0], sizeof backward) == MIM_OK);
            for (int i = 0; i < BATCH; i++)
                CHECK(!memcmp(forward[i], backward[BATCH - 1 - i], N));
        }
        CHECK(mim_context_set_threads(context, 1) == MIM_OK);
        CHECK(mim_masker_draw(m, 5, &up[17], 1, single, N) == MIM_OK);
        CHECK(!memcmp(single, forward[17], N));
        mim_masker_destroy(m);
        mim_masker_destroy(other);
    }
}

/* Seed, epoch and id, each in all of its 64 bits; the fixed epoch of validation too. */
static void what_a_draw_depends_on(void)
{
    enum { N = 16 * 16 };
    static const int64_t numbers[] = { 0, 1, -1, 0xffffffff, (int64_t)1 << 32, (int64_t)1 << 45, INT64_MAX, INT64_MIN };
    static uint8_t masks[COUNT(numbers) * COUNT(numbers) + 1][N];
    uint8_t again[N];
    int n = 0;
    mim_masker *m = make_masker("{\"seed\": 1}", 16, 16, 1), *other = make_masker("{\"seed\": 8589934593}", 16, 16, 1);
    if (!m || !other)
        return;
    for (int e = 0; e < COUNT(numbers); e++)
        for (int i = 0; i < COUNT(numbers); i++)
            CHECK(mim_masker_draw(m, numbers[e], &numbers[i], 1, masks[n++], N) == MIM_OK);
    CHECK(mim_masker_draw(other, 0, NULL, 1, masks[n++], N) == MIM_OK);
    for (int a = 0; a < n; a++)
        for (int b = 0; b < a; b++)
            CHECK(memcmp(masks[a], masks[b], N));
    CHECK(mim_masker_draw(m, 0xffffffff, NULL, 1, again, N) == MIM_OK);
    CHECK(!memcmp(again, masks[3 * COUNT(numbers)], N));
    mim_masker_destroy(m);
    mim_masker_destroy(other);
}

/* masker.seed stands for seed, and says so. */
static void seed_of_its_own(void)
{
    uint8_t masks[3][16 * 16];
    static const char *const made[] = { "{\"seed\": 7}", "{\"seed\": 1, \"masker.seed\": 7}", "{\"seed\": 1}" };
    for (int i = 0; i < 3; i++) {
        mim_masker *m = make_masker(made[i], 16, 16, 1);
        CHECK(m && mim_masker_draw(m, 0, NULL, 1, masks[i], sizeof masks[i]) == MIM_OK);
        CHECK(m && described(m, "seed") == (i < 2 ? 7 : 1) && described(m, "masker.seed") == (i == 1 ? 7 : -1));
        mim_masker_destroy(m);
    }
    CHECK(!memcmp(masks[0], masks[1], sizeof masks[0]) && memcmp(masks[1], masks[2], sizeof masks[1]));
    CHECK(masker_status("{\"masker.seed\": -2}", 16, 16, 1) == MIM_ERR_VALUE);
}

static void ids_count_from_zero(void)
{
    static const int64_t ids[3] = { 0, 1, 2 };
    uint8_t a[3][16], b[3][16];
    mim_masker *m = make_masker("{}", 4, 4, 16);
    if (!m)
        return;
    CHECK(mim_masker_draw(m, 2, ids, 3, a[0], sizeof a) == MIM_OK);
    CHECK(mim_masker_draw(m, 2, NULL, 3, b[0], sizeof b) == MIM_OK);
    CHECK(!memcmp(a, b, sizeof a));
    mim_masker_destroy(m);
}

static void bad_calls(void)
{
    uint8_t mask[33];
    mim_masker *m = make_masker("{}", 4, 4, 16), *none = NULL;
    mim_config *config = config_of("{}"), *report = NULL;
    if (!m)
        return;
    memset(mask, 7, sizeof mask);
    CHECK(mim_masker_create(NULL, config, &none) == MIM_ERR_ARGUMENT);
    CHECK(mim_masker_create(context, NULL, &none) == MIM_ERR_ARGUMENT);
    CHECK(mim_masker_create(context, config, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_masker_draw(NULL, 0, NULL, 1, mask, 16) == MIM_ERR_ARGUMENT);
    CHECK(mim_masker_draw(m, 0, NULL, 1, NULL, 16) == MIM_ERR_ARGUMENT);
    CHECK(mim_masker_draw(m, 0, NULL, -1, mask, 16) == MIM_ERR_ARGUMENT);
    CHECK(mim_masker_draw(m, 0, NULL, INT64_MIN, mask, 16) == MIM_ERR_ARGUMENT);
    CHECK(mim_masker_draw(m, 0, NULL, 1, mask, 15) == MIM_ERR_SPACE);
    CHECK(mim_masker_draw(m, 0, NULL, 3, mask, 33) == MIM_ERR_SPACE);
    CHECK(mim_masker_draw(m, 0, NULL, INT64_MAX, mask, 33) == MIM_ERR_SPACE);
    CHECK(mim_masker_draw(m, 0, NULL, (int64_t)1 << 60, mask, 0) == MIM_ERR_SPACE);
    CHECK(mim_masker_describe(NULL, &report) == MIM_ERR_ARGUMENT);
    CHECK(mim_masker_describe(m, NULL) == MIM_ERR_ARGUMENT);
    for (int i = 0; i < 33; i++)
        CHECK(mask[i] == 7);
    CHECK(mim_masker_draw(m, 0, NULL, 0, NULL, 0) == MIM_OK);
    CHECK(mim_masker_draw(m, 0, NULL, 2, mask, 33) == MIM_OK);
    CHECK(mask[31] <= 1 && mask[32] == 7);
    mim_masker_destroy(NULL);
    mim_masker_destroy(m);
    mim_config_destroy(config);
}

static void masks_of_the_host(void)
{
    uint8_t mask[16];
    mim_masker *m = make_masker("{\"masker.kind\": \"host\", \"masker.ratio\": 1, \"masker.unit\": 7}", 4, 4, 16);
    int rows, cols;
    if (!m)
        return;
    CHECK(mim__masker_is_host(m) && mim__masker_hidden(m) == -1);
    CHECK(mim_masker_draw(m, 0, NULL, 1, mask, 16) == MIM_ERR_UNSUPPORTED);
    mim__masker_grid(m, &rows, &cols);
    CHECK(rows == 4 && cols == 4);
    CHECK(described(m, "hidden") == -1);
    mim_masker_destroy(m);
    m = make_masker("{}", 4, 4, 16);
    CHECK(m && !mim__masker_is_host(m));
    mim_masker_destroy(m);
}

static void describe_fills_in_defaults(void)
{
    mim_masker *m = make_masker("{\"seed\": 9223372036854775807, \"masker\": {\"kind\": \"block\", \"count\": 75}}",
                                14, 14, 16);
    mim_config *report = NULL;
    char text[64];
    double ratio = 0;
    if (!m)
        return;
    CHECK(described(m, "seed") == INT64_MAX && described(m, "masker.least") == 16 && described(m, "masker.count") == 75);
    CHECK(described(m, "hidden") == -1);
    CHECK(mim_masker_describe(m, &report) == MIM_OK);
    CHECK(mim_config_get_str(report, "masker.kind", text, sizeof text, NULL) == MIM_OK);
    CHECK_TEXT(text, "block");
    CHECK(mim_config_get_f64(report, "masker.ratio", &ratio) == MIM_OK && ratio == 0.6);
    mim_config_destroy(report);
    mim_masker_destroy(m);
}

/* The trainer's hold on it, and the context's life behind the handle. */
static void lives_as_long_as_it_is_held(void)
{
    mim_context *own = NULL;
    mim_config *config = NULL;
    mim_masker *m = NULL;
    uint8_t mask[16];
    CHECK(mim_context_create(NULL, &own) == MIM_OK && mim_config_create(own, NULL, &config) == MIM_OK);
    CHECK(mim__masker_create(own, NULL, 4, 4, 16, &m) == MIM_OK);
    mim_masker_destroy(m);
    CHECK(mim__masker_create(own, config, 4, 4, 16, &m) == MIM_OK);
    mim_config_destroy(config);
    mim_context_destroy(own);
    mim__masker_retain(m);
    mim_masker_destroy(m);
    CHECK(mim_masker_draw(m, 0, NULL, 1, mask, 16) == MIM_OK && hidden_in(mask, 16) == 10);
    mim_masker_destroy(m);
}

/* arg: the JSON. */
static mim_status whole_life(const mim_host *host, void *arg)
{
    mim_config *config = NULL, *report = NULL;
    mim_masker *m = NULL;
    uint8_t mask[14 * 14];
    mim_context *own = NULL;
    mim_status status = mim_context_create(host, &own);
    if (status == MIM_OK)
        status = mim_config_create(own, NULL, &config);
    if (status == MIM_OK)
        status = mim_config_read_json(config, arg);
    if (status == MIM_OK)
        status = mim_masker_create(own, config, &m);
    if (status == MIM_OK)
        status = mim_masker_draw(m, 0, NULL, 1, mask, sizeof mask);
    if (status == MIM_OK)
        status = mim_masker_describe(m, &report);
    mim_config_destroy(config);
    mim_config_destroy(report);
    mim_masker_destroy(m);
    mim_context_destroy(own);
    return status;
}

static void no_memory(void)
{
    static char sized[160];
    for (int k = 0; k < COUNT(kinds); k++) {
        snprintf(sized, sizeof sized, "{\"image\": {\"height\": 224, \"width\": 224}, \"encoder.patch\": 16, %s",
                 kinds[k] + 1);
        CHECK(fail_every_allocation(whole_life, sized) > 4);
    }
}

static void drawing_allocates_nothing(void)
{
    struct fail_alloc f = { 0 };
    mim_host host = fail_host(&f);
    mim_context *outer = context;
    uint8_t mask[2][12 * 8];
    if (!CHECK(mim_context_create(&host, &context) == MIM_OK))
        return;
    for (int k = 0; k < COUNT(kinds); k++) {
        mim_masker *m = make_masker(kinds[k], 12, 8, 16);
        long before = f.calls;
        CHECK(m && mim_masker_draw(m, 0, NULL, 2, mask[0], sizeof mask) == MIM_OK);
        CHECK(f.calls == before);
        mim_masker_destroy(m);
    }
    mim_context_destroy(context);
    CHECK(f.live == 0 && f.wrong == 0);
    context = outer;
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(grid_from_the_configuration);
    TEST(expected); TEST(sizes_that_do_not_fit);
    TEST(values_that_are_refused);
    TEST(order_and_threads_do_not_matter);
    TEST(what_a_draw_depends_on); TEST(seed_of_its_own);
    TEST(ids_count_from_zero);
    TEST(bad_calls);
    TEST(masks_of_the_host);
    TEST(describe_fills_in_defaults);
    TEST(lives_as_long_as_it_is_held);
    TEST(no_memory);
    TEST(drawing_allocates_nothing);
    mim_context_destroy(context);
    return test_end();
}
