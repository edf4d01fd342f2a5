/* SPDX-License-Identifier: MIT */
/* test_tensors.c -- handles: created sets and views, their names, what is in them. */
#include "io_test.h"
#include "io/set.h"

static const int64_t shape[] = { 2, 3 };

static void created(void)
{
    mim_tensors *t = NULL;
    float in[] = { 1, 2, 3, 4, 5, 6 }, out[6];
    int64_t got[MIM_MAX_RANK];
    int32_t type, rank;
    size_t elements, needed;
    char name[16];
    CHECK(mim_tensors_create(context, &t) == MIM_OK);
    CHECK(mim_tensors_count(t) == 0);
    CHECK(mim_tensors_add(t, "w", MIM_F32, 2, shape, in) == MIM_OK);
    CHECK(mim_tensors_add(t, "a", MIM_I64, 0, NULL, NULL) == MIM_OK);
    CHECK(mim_tensors_add(t, "m", MIM_U8, 1, &(int64_t){ 0 }, NULL) == MIM_OK);
    memset(in, 0, sizeof in);                            /* it was copied */
    CHECK(mim_tensors_count(t) == 3);
    CHECK(mim_tensors_info(t, "w", &type, &rank, got, &elements) == MIM_OK);
    CHECK(type == MIM_F32 && rank == 2 && got[0] == 2 && got[1] == 3 && elements == 6);
    CHECK(mim_tensors_info(t, "a", &type, &rank, NULL, &elements) == MIM_OK && type == MIM_I64 && rank == 0
          && elements == 1);
    CHECK(mim_tensors_info(t, "m", NULL, NULL, NULL, &elements) == MIM_OK && elements == 0);
    CHECK(mim_tensors_read(t, "w", MIM_F32, 0, 6, out) == MIM_OK && out[0] == 1 && out[5] == 6);
    CHECK(mim_tensors_name(t, 0, name, sizeof name, &needed) == MIM_OK && needed == 2);
    CHECK_TEXT(name, "w");                               /* in the order they were added */
    CHECK(mim_tensors_name(t, 3, name, sizeof name, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_name(t, -1, name, sizeof name, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim__tensors_find(t, "m") == 2 && mim__tensors_find(t, "b") == -1);
    mim_tensors_destroy(t);
}

static void refused(void)
{
    mim_tensors *t = NULL;
    char name[1030];
    const int64_t huge[] = { INT64_MAX, 2 }, negative[] = { 2, -1 };
    CHECK(mim_tensors_create(context, &t) == MIM_OK);
    CHECK(mim_tensors_add(t, "w", MIM_F32, 2, shape, NULL) == MIM_OK);
    CHECK(mim_tensors_add(t, "w", MIM_F32, 2, shape, NULL) == MIM_ERR_VALUE);
    CHECK(mim_tensors_add(t, "", MIM_F32, 2, shape, NULL) == MIM_ERR_VALUE);
    CHECK(mim_tensors_add(t, "__metadata__", MIM_F32, 2, shape, NULL) == MIM_ERR_VALUE);
    CHECK(mim_tensors_add(t, "\xc3", MIM_F32, 2, shape, NULL) == MIM_ERR_VALUE);
    CHECK(mim_tensors_add(t, "x", 0, 2, shape, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_add(t, "x", 14, 2, shape, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_add(t, "x", MIM_F32, -1, shape, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_add(t, "x", MIM_F32, 9, shape, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_add(t, "x", MIM_F32, 1, NULL, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_add(t, "x", MIM_F32, 2, huge, NULL) == MIM_ERR_SHAPE);
    CHECK(mim_tensors_add(t, "x", MIM_F32, 2, negative, NULL) == MIM_ERR_SHAPE);
    CHECK(mim_tensors_add(t, "x", MIM_BOOL, 0, NULL, "\2") == MIM_ERR_VALUE);
    CHECK(mim_tensors_add(t, NULL, MIM_F32, 2, shape, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_add(NULL, "x", MIM_F32, 2, shape, NULL) == MIM_ERR_ARGUMENT);
    memset(name, 'n', sizeof name);
    name[1025] = 0;
    CHECK(mim_tensors_add(t, name, MIM_F32, 2, shape, NULL) == MIM_ERR_VALUE);
    CHECK(strlen(last_error()) < 400);
    name[1024] = 0;
    CHECK(mim_tensors_add(t, name, MIM_F32, 2, shape, NULL) == MIM_OK);
    CHECK(mim_tensors_count(t) == 2);
    CHECK(mim_tensors_count(NULL) == -1);
    CHECK(mim_tensors_create(NULL, &t) == MIM_ERR_ARGUMENT && mim_tensors_create(context, NULL) == MIM_ERR_ARGUMENT);
    mim_tensors_destroy(t);
    mim_tensors_destroy(NULL);
}

static void nearest_name(void)
{
    mim_tensors *t = NULL;
    CHECK(mim_tensors_create(context, &t) == MIM_OK);
    CHECK(mim_tensors_info(t, "x", NULL, NULL, NULL, NULL) == MIM_ERR_KEY);
    CHECK_TEXT(last_error(), "there is no tensor 'x'");
    CHECK(mim_tensors_add(t, "blocks.0.attn.qkv.weight", MIM_F32, 2, shape, NULL) == MIM_OK);
    CHECK(mim_tensors_add(t, "blocks.0.norm1.weight", MIM_F32, 2, shape, NULL) == MIM_OK);
    CHECK(mim_tensors_info(t, "block.0.norm.weight", NULL, NULL, NULL, NULL) == MIM_ERR_KEY);
    CHECK_TEXT(last_error(), "there is no tensor 'block.0.norm.weight'; the nearest is 'blocks.0.norm1.weight'");
    mim_tensors_destroy(t);
}

static void many_names(void)
{
    mim_tensors *t = NULL;
    char name[32];
    CHECK(mim_tensors_create(context, &t) == MIM_OK);
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "n%d", i * 1237 % 3000);
        CHECK(mim_tensors_add(t, name, MIM_I32, 0, NULL, &i) == MIM_OK);
    }
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "n%d", i * 1237 % 3000);
        CHECK(mim__tensors_find(t, name) == i);
    }
    mim_tensors_destroy(t);
}

/* ---- Views ---- */

struct owner { float weights[8]; int64_t visible[4]; int released, refreshed, ready; };

static void release(void *owner) { ((struct owner *)owner)->released++; }

/* Tensor 2 is an output: a batch of 4 at most, of 2 once it is computed. */
static mim_status refresh(void *owner, int index, bool shape_only, struct mim__tensor *t)
{
    struct owner *o = owner;
    o->refreshed++;
    if (index != 2)
        return MIM_OK;
    if (!shape_only && !o->ready)
        return mim__fail(context, MIM_ERR_STATE, "not computed yet");
    t->shape[0] = o->ready ? 2 : 4;
    t->data = o->visible;
    return MIM_OK;
}

static mim_status make_view(struct owner *o, bool unreadable, bool writable, mim_tensors **out)
{
    char name[] = "w";
    const struct mim__tensor list[] = {
        { .name = name, .type = MIM_F32, .rank = 2, .shape = { 2, 3 }, .data = o->weights },
        { .name = "zero", .type = MIM_F32, .rank = 1, .shape = { 2 } },
        { .name = "visible", .type = MIM_I64, .rank = 1, .shape = { 4 } },
    };
    const struct mim__view v = { .owner = o, .release = release, .refresh = refresh, .writable = writable,
                                 .unreadable = unreadable, .whole = writable, .array = o->weights, .elements = 8 };
    mim_status status = mim__tensors_view(context, &v, 3, list, out);
    name[0] = 'x';                                       /* names are copied */
    return status;
}

static void view(void)
{
    struct owner o = { .weights = { 1, 2, 3, 4, 5, 6 }, .visible = { 7, 8, 9, 10 } };
    mim_tensors *t = NULL;
    float out[6];
    int64_t shape_now, values[4];
    size_t elements;
    if (!CHECK(make_view(&o, false, true, &t) == MIM_OK))
        return;
    CHECK(mim_tensors_read(t, "w", MIM_F32, 1, 5, out) == MIM_OK && out[0] == 2 && out[4] == 6);
    o.weights[1] = -2;
    CHECK(mim_tensors_read(t, "w", MIM_F32, 1, 1, out) == MIM_OK && out[0] == -2);
    CHECK(mim_tensors_read(t, "zero", MIM_F32, 0, 2, out) == MIM_OK && out[0] == 0 && out[1] == 0);
    CHECK(mim_tensors_info(t, "visible", NULL, NULL, &shape_now, &elements) == MIM_OK && shape_now == 4 && elements == 4);
    CHECK(mim_tensors_read(t, "visible", MIM_I64, 0, 2, values) == MIM_ERR_STATE);
    o.ready = 1;
    CHECK(mim_tensors_info(t, "visible", NULL, NULL, &shape_now, &elements) == MIM_OK && shape_now == 2 && elements == 2);
    CHECK(mim_tensors_read(t, "visible", MIM_I64, 0, 2, values) == MIM_OK && values[1] == 8);
    CHECK(mim_tensors_read(t, "visible", MIM_I64, 0, 3, values) == MIM_ERR_SHAPE);
    CHECK(mim_tensors_add(t, "n", MIM_F32, 0, NULL, NULL) == MIM_ERR_STATE);
    CHECK(o.refreshed > 5 && o.released == 0);
    CHECK_TEXT(mim__tensors_at(t, 0)->name, "w");
    CHECK(mim__tensors_context(t) == context);
    mim_tensors_destroy(t);
    CHECK(o.released == 1);
}

static void inputs(void)
{
    struct owner o = { .released = 0 };
    mim_tensors *t = NULL;
    float f = 0, *data;
    size_t elements;
    if (!CHECK(make_view(&o, true, false, &t) == MIM_OK))
        return;
    CHECK(mim_tensors_info(t, "w", NULL, NULL, NULL, &elements) == MIM_OK && elements == 6);
    CHECK(mim_tensors_read(t, "w", MIM_F32, 0, 1, &f) == MIM_ERR_STATE);
    CHECK(mim_tensors_write(t, "w", MIM_F32, 0, 1, &f) == MIM_ERR_STATE);
    CHECK(mim_tensors_data(t, "w", &data, NULL) == MIM_ERR_STATE);
    CHECK(mim_tensors_save_memory(t, NULL, 0, &elements) == MIM_ERR_STATE);
    mim_tensors_destroy(t);
}

static void ill_made_view(void)
{
    struct owner o = { .released = 0 };
    struct mim__tensor list[] = { { .name = "a", .type = MIM_F32 }, { .name = "a", .type = MIM_F32 } };
    const struct mim__view v = { .owner = &o, .release = release };
    mim_tensors *t = NULL;
    CHECK(mim__tensors_view(context, &v, 2, list, &t) == MIM_ERR_VALUE);
    list[1].name = "";
    CHECK(mim__tensors_view(context, &v, 2, list, &t) == MIM_ERR_VALUE);
    CHECK(t == NULL && o.released == 0);
}

static void quotes_and_shapes(void)
{
    char quoted[QUOTE], text[SHAPE_TEXT], name[200];
    const int64_t most[] = { INT64_MAX, 0, 10, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX };
    CHECK_TEXT(mim__quote("short", quoted), "short");
    memset(name, 'n', sizeof name);
    name[QUOTE - 1] = 0;
    CHECK(strlen(mim__quote(name, quoted)) == QUOTE - 1);
    for (int i = 0; i < 199; i++)
        name[i] = "\xe2\x82\xac"[i % 3];
    name[199] = 0;
    CHECK(strlen(mim__quote(name, quoted)) % 3 == 0 && strlen(quoted) > 80 && strlen(quoted) < QUOTE);
    CHECK_TEXT(mim__shape_text(0, most, text), "[]");
    CHECK_TEXT(mim__shape_text(2, (const int64_t[]){ 3, 16 }, text), "[3, 16]");
    CHECK(strlen(mim__shape_text(8, most, text)) < SHAPE_TEXT);
    CHECK(!strncmp(text, "[9223372036854775807, 0, 10, 9223372036854775807, ", 50));
}

static mim_status make_some(void)
{
    struct owner o = { .released = 0 };
    mim_tensors *t = NULL, *v = NULL;
    mim_status status = mim_tensors_create(context, &t);
    for (char name[] = "a"; name[0] < 'a' + 5 && status == MIM_OK; name[0]++) {
        int64_t count = mim_tensors_count(t);
        status = mim_tensors_add(t, name, MIM_F32, 2, shape, NULL);
        CHECK(mim_tensors_count(t) == count + (status == MIM_OK));
        CHECK((mim__tensors_find(t, name) >= 0) == (status == MIM_OK));
    }
    if (status == MIM_OK)
        status = make_view(&o, false, false, &v);
    mim_tensors_destroy(t);
    mim_tensors_destroy(v);
    CHECK(o.released == (v != NULL));
    return status;
}

static void allocations_fail(void) { CHECK(fail_each_allocation(make_some) > 15); }

int main(void)
{
    if (!context_begin())
        return 1;
    TEST(created);
    TEST(refused);
    TEST(nearest_name);
    TEST(many_names);
    TEST(view);
    TEST(inputs);
    TEST(ill_made_view);
    TEST(quotes_and_shapes);
    TEST(allocations_fail);
    return context_end();
}
