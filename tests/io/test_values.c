/* SPDX-License-Identifier: MIT */
/* test_values.c -- values out, in, in place and across; from memory, file and live arrays alike. */
#include "io_test.h"
#include "io/convert.h"

static uint64_t random_bits(void)
{
    static uint64_t state = 5;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 32;
}

/* Written and opened again: through a file if `path` is set. */
static mim_tensors *reopened(const mim_tensors *t, const char *path)
{
    mim_tensors *again = NULL;
    size_t size = 0;
    if (path) {
        CHECK(mim_tensors_save(t, path) == MIM_OK);
        CHECK(mim_tensors_open(context, path, &again) == MIM_OK);
        return again;
    }
    CHECK(mim_tensors_save_memory(t, NULL, 0, &size) == MIM_OK);
    void *bytes = malloc(size);
    CHECK(mim_tensors_save_memory(t, bytes, size, NULL) == MIM_OK);
    CHECK(mim_tensors_open_memory(context, bytes, size, &again) == MIM_OK);
    free(bytes);
    return again;
}

/* Every type with random bits, of sizes around those of blocks and pieces, comes back bit for bit. */
static void round_trips(void)
{
    static const int64_t sizes[] = { 1, 255, 257, 20000 };
    unsigned char *in = malloc(160000), *out = malloc(160000);
    for (int32_t type = MIM_U8; type <= MIM_BOOL; type++)
        for (int i = 0; i < COUNT(sizes); i++) {
            mim_tensors *t = NULL;
            size_t bytes = (size_t)sizes[i] * mim__type_size(type);
            for (size_t k = 0; k < bytes; k++)
                in[k] = (unsigned char)(type == MIM_BOOL ? random_bits() & 1 : random_bits());
            CHECK(mim_tensors_create(context, &t) == MIM_OK);
            CHECK(mim_tensors_add(t, "x", type, 1, &sizes[i], in) == MIM_OK);
            mim_tensors *again = reopened(t, i == 2 ? in_folder("x") : NULL);
            memset(out, 0x55, bytes);
            CHECK(mim_tensors_read(again, "x", type, 0, (size_t)sizes[i], out) == MIM_OK);
            CHECK(!memcmp(in, out, bytes));
            size_t last = (size_t)sizes[i] - 1, size = mim__type_size(type);
            CHECK(mim_tensors_read(again, "x", type, last, 1, out) == MIM_OK && !memcmp(in + last * size, out, size));
            mim_tensors_destroy(again);
            mim_tensors_destroy(t);
        }
    unlink(in_folder("x"));
    free(in);
    free(out);
}

enum { N = 10000 };             /* more than one piece of a conversion */

static void conversions(void)
{
    mim_tensors *t = NULL;
    static float f[N];
    static int32_t n[N];
    static double d[N];
    static uint8_t small[N];
    for (int i = 0; i < N; i++) {
        f[i] = (float)i * 0.25f;
        n[i] = i % 256;
    }
    CHECK(mim_tensors_create(context, &t) == MIM_OK);
    CHECK(mim_tensors_add(t, "f", MIM_F32, 1, &(int64_t){ N }, f) == MIM_OK);
    CHECK(mim_tensors_add(t, "n", MIM_I32, 1, &(int64_t){ N }, n) == MIM_OK);
    mim_tensors *again = reopened(t, in_folder("x")), *const both[] = { t, again };
    for (int k = 0; k < 2; k++) {
        memset(d, 0, sizeof d);
        CHECK(mim_tensors_read(both[k], "f", MIM_F64, 3, N - 3, d) == MIM_OK && d[0] == 0.75 && d[N - 4] == (N - 1) * 0.25);
        CHECK(mim_tensors_read(both[k], "n", MIM_U8, 0, N, small) == MIM_OK && small[255] == 255
              && small[N - 1] == (N - 1) % 256);
        CHECK(mim_tensors_read(both[k], "f", MIM_I32, 0, 1, small) == MIM_ERR_VALUE);
        CHECK(mim_tensors_read(both[k], "n", MIM_F32, 0, 1, d) == MIM_ERR_VALUE);
        CHECK(mim_tensors_read(both[k], "n", MIM_BOOL, 0, 2, small) == MIM_OK && small[0] == 0 && small[1] == 1);
        CHECK(mim_tensors_read(both[k], "n", MIM_BOOL, 0, 3, small) == MIM_ERR_VALUE);
        CHECK(mim_tensors_read(both[k], "n", MIM_U8, N, 0, NULL) == MIM_OK);
        CHECK(mim_tensors_read(both[k], "n", MIM_U8, N, 1, small) == MIM_ERR_SHAPE);
        CHECK(mim_tensors_read(both[k], "n", MIM_U8, 1, N, small) == MIM_ERR_SHAPE);
        CHECK(mim_tensors_read(both[k], "n", MIM_U8, 2, SIZE_MAX, small) == MIM_ERR_SHAPE);
        CHECK(mim_tensors_read(both[k], "n", 0, 0, 1, small) == MIM_ERR_ARGUMENT);
        CHECK(mim_tensors_read(both[k], "n", 99, 0, 1, small) == MIM_ERR_ARGUMENT);
        CHECK(mim_tensors_read(both[k], "n", MIM_U8, 0, 1, NULL) == MIM_ERR_ARGUMENT);
        CHECK(mim_tensors_read(both[k], "none", MIM_U8, 0, 1, small) == MIM_ERR_KEY);
    }
    CHECK(mim_tensors_read(NULL, "n", MIM_U8, 0, 1, small) == MIM_ERR_ARGUMENT);
    mim_tensors_destroy(again);
    mim_tensors_destroy(t);
    unlink(in_folder("x"));
}

/* What does not fit is found before anything is written out, however late it stands. */
static void misfits_leave_all_alone(void)
{
    mim_tensors *t = NULL;
    static int64_t n[N];
    static uint8_t small[N];
    n[N - 1] = 256;
    CHECK(mim_tensors_create(context, &t) == MIM_OK);
    CHECK(mim_tensors_add(t, "n", MIM_I64, 1, &(int64_t){ N }, n) == MIM_OK);
    CHECK(mim_tensors_add(t, "s", MIM_U8, 1, &(int64_t){ N }, NULL) == MIM_OK);
    mim_tensors *again = reopened(t, in_folder("x"));
    memset(small, 7, sizeof small);
    CHECK(mim_tensors_read(t, "n", MIM_U8, 0, N, small) == MIM_ERR_VALUE && small[0] == 7);
    CHECK(mim_tensors_read(again, "n", MIM_U8, 0, N, small) == MIM_ERR_VALUE && small[0] == 7);
    CHECK_TEXT(last_error(), "element 9999 of tensor 'n' does not fit U8");
    n[0] = 5;
    CHECK(mim_tensors_write(t, "s", MIM_I64, 0, N, n) == MIM_ERR_VALUE);
    CHECK(mim_tensors_read(t, "s", MIM_U8, 0, 1, small) == MIM_OK && small[0] == 0);
    CHECK(mim_tensors_write(t, "s", MIM_I64, 0, N - 1, n) == MIM_OK);
    CHECK(mim_tensors_read(t, "s", MIM_U8, 0, 1, small) == MIM_OK && small[0] == 5);
    CHECK(mim_tensors_write(t, "s", MIM_I64, 1, N, n) == MIM_ERR_SHAPE);
    CHECK(mim_tensors_write(t, "s", MIM_F32, 0, 1, n) == MIM_ERR_VALUE);
    CHECK(mim_tensors_write(t, "s", MIM_U8, 0, 1, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_write(t, "none", MIM_U8, 0, 1, n) == MIM_ERR_KEY);
    CHECK(mim_tensors_write(again, "s", MIM_U8, 0, 1, n) == MIM_ERR_STATE);
    mim_tensors_destroy(again);
    mim_tensors_destroy(t);
    unlink(in_folder("x"));
}

/* Types and shapes that a file may have and this library cannot hold. */
static void listed_only(void)
{
    const char *json = "{\"f8\":{\"dtype\":\"F8_E4M3\",\"shape\":[3,1],\"data_offsets\":[0,3]},"
                       "\"wide\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1, 2],\"data_offsets\":[3,5]},"
                       "\"large\":{\"dtype\":\"U8\",\"shape\":[0,18446744073709551615],\"data_offsets\":[5,5]}}";
    mim_tensors *t = NULL;
    int32_t type = -1, rank = -1;
    int64_t shape[MIM_MAX_RANK];
    float f;
    CHECK(open_header(json, strlen(json), 5, &t) == MIM_OK);
    for (int twice = 0; twice < 2; twice++) {            /* the second time from a copy that we wrote */
        CHECK(mim_tensors_count(t) == 3);
        CHECK(mim_tensors_info(t, "f8", &type, &rank, shape, NULL) == MIM_OK);
        CHECK(type == 0 && rank == 2 && shape[0] == 3 && shape[1] == 1);
        CHECK(mim_tensors_read(t, "f8", MIM_F32, 0, 1, &f) == MIM_ERR_UNSUPPORTED);
        CHECK_TEXT(last_error(), "tensor 'f8' is of dtype F8_E4M3, which libmim cannot read");
        CHECK(mim_tensors_info(t, "wide", NULL, NULL, NULL, NULL) == MIM_ERR_UNSUPPORTED);
        CHECK(strstr(last_error(), "[1,1,1,1,1,1,1,1,2]") != NULL);
        CHECK(mim_tensors_read(t, "wide", MIM_U8, 0, 1, &f) == MIM_ERR_UNSUPPORTED);
        CHECK(mim_tensors_info(t, "large", NULL, NULL, NULL, NULL) == MIM_ERR_UNSUPPORTED);
        mim_tensors *again = twice ? NULL : reopened(t, NULL);
        mim_tensors_destroy(t);
        t = again;
    }
}

/* ---- Views ---- */

static mim_status view_of(float *a, float *b, bool writable, mim_tensors **out)
{
    const struct mim__tensor list[] = {
        { .name = "a", .type = MIM_F32, .rank = 1, .shape = { 4 }, .data = a },
        { .name = "b", .type = MIM_F32, .rank = 2, .shape = { 2, 2 }, .data = b },
        { .name = "zero", .type = MIM_F32, .rank = 1, .shape = { 2 } },
    };
    const struct mim__view v = { .writable = writable, .whole = a && writable, .array = a, .elements = 12 };
    return mim__tensors_view(context, &v, 3, list, out);
}

static void write_view(void)
{
    float a[12] = { 0 }, one = 1, zero = 0, *data = NULL;
    double d[4] = { 1, 2, 3, 4 };
    size_t elements = 0;
    mim_tensors *t = NULL, *fixed = NULL;
    CHECK(view_of(a, a + 8, true, &t) == MIM_OK && view_of(a, a + 8, false, &fixed) == MIM_OK);
    CHECK(mim_tensors_write(t, "b", MIM_F64, 0, 4, d) == MIM_OK && a[8] == 1 && a[11] == 4);
    CHECK(mim_tensors_write(t, "zero", MIM_F32, 0, 1, &zero) == MIM_OK);
    CHECK(mim_tensors_write(t, "zero", MIM_F32, 0, 1, &one) == MIM_ERR_VALUE);
    CHECK(mim_tensors_write(fixed, "b", MIM_F32, 0, 1, &one) == MIM_ERR_STATE);
    CHECK(mim_tensors_data(t, NULL, &data, &elements) == MIM_OK && data == a && elements == 12);
    CHECK(mim_tensors_data(t, "b", &data, &elements) == MIM_OK && data == a + 8 && elements == 4);
    CHECK(mim_tensors_data(t, "b", &data, NULL) == MIM_OK);
    CHECK(mim_tensors_data(t, "zero", &data, NULL) == MIM_ERR_UNSUPPORTED);
    CHECK(mim_tensors_data(t, "none", &data, NULL) == MIM_ERR_KEY);
    CHECK(mim_tensors_data(fixed, NULL, &data, NULL) == MIM_ERR_UNSUPPORTED);
    CHECK(mim_tensors_data(t, "b", NULL, NULL) == MIM_ERR_ARGUMENT);
    mim_tensors *again = reopened(t, NULL);
    CHECK(mim_tensors_data(again, "b", &data, NULL) == MIM_ERR_UNSUPPORTED);
    float back[4];
    CHECK(mim_tensors_read(again, "b", MIM_F32, 0, 4, back) == MIM_OK && !memcmp(back, a + 8, sizeof back));
    CHECK(mim_tensors_read(again, "zero", MIM_F32, 0, 2, back) == MIM_OK && back[0] == 0 && back[1] == 0);
    mim_tensors_destroy(again);
    mim_tensors_destroy(t);
    mim_tensors_destroy(fixed);
}

static void load(void)
{
    float a[12] = { 1, 2, 3, 4 }, out[4] = { 0 };
    mim_tensors *t = NULL, *n = NULL;
    const int64_t four = 4, square[] = { 2, 2 };
    CHECK(view_of(a, a + 8, false, &t) == MIM_OK);
    CHECK(mim__tensors_load(context, t, "a", 1, &four, out) == MIM_OK && out[3] == 4);
    CHECK(mim__tensors_load(context, t, "a", 2, square, out) == MIM_ERR_SHAPE);
    CHECK_TEXT(last_error(), "tensor 'a' is [4], it should be [2, 2]");
    CHECK(mim__tensors_load(context, t, "c", 1, &four, out) == MIM_ERR_FORMAT);
    CHECK_TEXT(last_error(), "tensor 'c' is missing");
    CHECK(mim_tensors_create(context, &n) == MIM_OK && mim_tensors_add(n, "a", MIM_I32, 1, &four, NULL) == MIM_OK);
    CHECK(mim__tensors_load(context, n, "a", 1, &four, out) == MIM_ERR_VALUE);
    mim_tensors_destroy(n);
    mim_tensors_destroy(t);
}

/* ---- Copying ---- */

static mim_status add_f32(mim_tensors *t, const char *name, int32_t rank, const int64_t *shape, float value)
{
    float values[4] = { value, value, value, value };
    return mim_tensors_add(t, name, MIM_F32, rank, shape, values);
}

static void copies(void)
{
    const int64_t four = 4, two = 2, square[] = { 2, 2 };
    float a[12] = { 0 };
    int64_t unused = -1;
    mim_tensors *view = NULL, *from = NULL;
    CHECK(view_of(a, a + 8, true, &view) == MIM_OK && mim_tensors_create(context, &from) == MIM_OK);
    CHECK(add_f32(from, "zero", 1, &two, 0) == MIM_OK && add_f32(from, "a", 1, &four, 5) == MIM_OK);
    CHECK(mim_tensors_copy(view, from, &unused) == MIM_ERR_KEY);
    CHECK_TEXT(last_error(), "tensor 'b' is missing");
    CHECK(a[0] == 0 && unused == -1);
    CHECK(mim_tensors_add(from, "b", MIM_F64, 2, square, (const double[]){ 1, 2, 3, 4 }) == MIM_OK);
    CHECK(add_f32(from, "c", 1, &four, 5) == MIM_OK);
    CHECK(mim_tensors_copy(view, from, &unused) == MIM_OK);
    CHECK(a[0] == 5 && a[3] == 5 && a[4] == 0 && a[8] == 1 && a[11] == 4 && unused == 1);
    memset(a, 0, sizeof a);
    mim_tensors *file = reopened(from, in_folder("x"));
    CHECK(mim_tensors_copy(view, file, NULL) == MIM_OK && a[3] == 5 && a[11] == 4);
    CHECK(mim_tensors_copy(file, view, NULL) == MIM_ERR_STATE);
    CHECK(mim_tensors_copy(view, view, &unused) == MIM_OK && unused == 0 && a[11] == 4);
    CHECK(truncate(in_folder("x"), 600) == 0);           /* the file fails in the middle: nothing has changed */
    CHECK(mim_tensors_write(view, "a", MIM_F32, 0, 1, &(float){ 9 }) == MIM_OK);
    CHECK(truncate(in_folder("x"), 100) == 0);
    CHECK(mim_tensors_copy(view, file, NULL) == MIM_ERR_IO && a[0] == 9 && a[3] == 5);
    CHECK(mim_tensors_copy(NULL, file, NULL) == MIM_ERR_ARGUMENT && mim_tensors_copy(view, NULL, NULL) == MIM_ERR_ARGUMENT);
    mim_tensors_destroy(file);
    mim_tensors_destroy(from);
    mim_tensors_destroy(view);
    unlink(in_folder("x"));
}

static void copies_refused(void)
{
    const int64_t four = 4, two = 2, square[] = { 2, 2 };
    float a[12] = { 0 };
    mim_tensors *view = NULL, *from = NULL;
    CHECK(view_of(a, a + 8, true, &view) == MIM_OK && mim_tensors_create(context, &from) == MIM_OK);
    CHECK(add_f32(from, "a", 1, &four, 5) == MIM_OK && add_f32(from, "b", 1, &four, 5) == MIM_OK);
    CHECK(add_f32(from, "zero", 1, &two, 0) == MIM_OK);
    CHECK(mim_tensors_copy(view, from, NULL) == MIM_ERR_SHAPE && a[0] == 0);
    CHECK_TEXT(last_error(), "tensor 'b' is [4], it should be [2, 2]");
    mim_tensors_destroy(from);
    CHECK(mim_tensors_create(context, &from) == MIM_OK);
    CHECK(add_f32(from, "a", 1, &four, 5) == MIM_OK && add_f32(from, "b", 2, square, 5) == MIM_OK);
    CHECK(add_f32(from, "zero", 1, &two, 1) == MIM_OK);
    CHECK(mim_tensors_copy(view, from, NULL) == MIM_ERR_VALUE && a[0] == 0);     /* zero is to stay zero */
    mim_tensors_destroy(from);
    mim_tensors_destroy(view);
}

static void copies_integers_or_nothing(void)
{
    mim_tensors *to = NULL, *from = NULL;
    const int64_t two = 2;
    uint8_t got[2];
    CHECK(mim_tensors_create(context, &to) == MIM_OK && mim_tensors_create(context, &from) == MIM_OK);
    CHECK(mim_tensors_add(to, "a", MIM_U8, 1, &two, NULL) == MIM_OK
          && mim_tensors_add(to, "b", MIM_U8, 1, &two, NULL) == MIM_OK);
    CHECK(mim_tensors_add(from, "a", MIM_I32, 1, &two, (const int32_t[]){ 1, 2 }) == MIM_OK);
    CHECK(mim_tensors_add(from, "b", MIM_I32, 1, &two, (const int32_t[]){ 1, 256 }) == MIM_OK);
    CHECK(mim_tensors_copy(to, from, NULL) == MIM_ERR_VALUE);
    CHECK(mim_tensors_read(to, "a", MIM_U8, 0, 2, got) == MIM_OK && got[0] == 0 && got[1] == 0);
    CHECK(mim_tensors_write(from, "b", MIM_U8, 1, 1, (const uint8_t[]){ 255 }) == MIM_OK);
    CHECK(mim_tensors_copy(to, from, NULL) == MIM_OK);
    CHECK(mim_tensors_read(to, "b", MIM_U8, 0, 2, got) == MIM_OK && got[0] == 1 && got[1] == 255);
    mim_tensors_destroy(from);
    mim_tensors_destroy(to);
}

static float target[12];
static mim_tensors *source;

static mim_status copy_once(void)
{
    mim_tensors *view = NULL;
    memset(target, 0, sizeof target);
    mim_status status = view_of(target, target + 8, true, &view);
    if (status == MIM_OK)
        status = mim_tensors_copy(view, source, NULL);
    CHECK(target[0] == (status == MIM_OK ? 3.0f : 0.0f));
    mim_tensors_destroy(view);
    return status;
}

static void allocations_fail(void)
{
    const int64_t four = 4, two = 2, square[] = { 2, 2 };
    CHECK(mim_tensors_create(context, &source) == MIM_OK);
    CHECK(add_f32(source, "a", 1, &four, 3) == MIM_OK && add_f32(source, "b", 2, square, 5) == MIM_OK);
    CHECK(add_f32(source, "zero", 1, &two, 0) == MIM_OK);
    CHECK(fail_each_allocation(copy_once) > 4);
    mim_tensors_destroy(source);
}

/* Offsets beyond 32 bits: a file of six billion bytes that nobody has to store. */
static int32_t read_large(void *user, uint64_t offset, void *to, size_t size)
{
    uint64_t data = *(const uint64_t *)user;
    if (offset < data)
        return -1;                               /* the header was read before */
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)to)[i] = (unsigned char)((offset - data + i) >> 32);
    return 0;
}

static unsigned char large_file[256];
static int32_t read_header(void *user, uint64_t offset, void *to, size_t size)
{
    if (offset + size > *(const uint64_t *)user)
        return read_large(user, offset, to, size);
    memcpy(to, large_file + offset, size);
    return 0;
}

static void large_offsets(void)
{
    const char *json = "{\"x\":{\"dtype\":\"U8\",\"shape\":[6000000000],\"data_offsets\":[0,6000000000]}}";
    uint64_t data = make_file(large_file, json, strlen(json), 0);
    mim_tensors *t = NULL;
    uint8_t byte = 7;
    int64_t wide = 7;
    size_t elements = 0;
    CHECK(mim_tensors_open_stream(context, read_header, &data, data + 6000000000u, &t) == MIM_OK);
    CHECK(mim_tensors_info(t, "x", NULL, NULL, NULL, &elements) == MIM_OK && elements == 6000000000u);
    CHECK(mim_tensors_read(t, "x", MIM_U8, 4294967295u, 1, &byte) == MIM_OK && byte == 0);
    CHECK(mim_tensors_read(t, "x", MIM_U8, 4294967296u, 1, &byte) == MIM_OK && byte == 1);
    CHECK(mim_tensors_read(t, "x", MIM_I64, 5999999999u, 1, &wide) == MIM_OK && wide == 1);
    CHECK(mim_tensors_read(t, "x", MIM_U8, 6000000000u, 1, &byte) == MIM_ERR_SHAPE);
    mim_tensors_destroy(t);
}

int main(int argc, char **argv)
{
    if (!context_begin())
        return 1;
    folder_begin(argc, argv, "values");
    TEST(round_trips);
    TEST(conversions);
    TEST(misfits_leave_all_alone);
    TEST(listed_only);
    TEST(write_view);
    TEST(load);
    TEST(copies);
    TEST(copies_refused);
    TEST(copies_integers_or_nothing);
    TEST(large_offsets);
    TEST(allocations_fail);
    rmdir(folder);
    return context_end();
}
