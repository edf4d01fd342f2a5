/* SPDX-License-Identifier: MIT */
/* test_save.c -- the bytes that are written, and what happens when they cannot be. */
#include "io_test.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int entries(const char *path)
{
    int n = 0;
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static mim_tensors *small_set(void)
{
    mim_tensors *t = NULL;
    CHECK(mim_tensors_create(context, &t) == MIM_OK);
    CHECK(mim_tensors_add(t, "w", MIM_F32, 1, &(int64_t){ 2 }, (const float[]){ 1, -2 }) == MIM_OK);
    return t;
}

/* Sizes of the file: types descending, then names; metadata sorted, with its format; spaces up to a multiple of 8. */
static void exact_bytes(void)
{
    static const char header[] = "{\"__metadata__\":{\"a\":\"\\\"\\\\\\u0001\xc3\xa9\",\"format\":\"pt\",\"z\":\"\"},"
        "\"i\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
        "\"B\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[8,8]},"
        "\"a/\xc3\xa9\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]},"
        "\"h\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[12,14]},"
        "\"g\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[14,16]},"
        "\"u\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[16,19]},"
        "\"m\":{\"dtype\":\"BOOL\",\"shape\":[1,2],\"data_offsets\":[19,21]}}";
    static const unsigned char data[] = { 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 128, 63, 0x80, 0x3f, 0, 0x3c, 1, 2, 3, 1, 0 };
    size_t padded = (sizeof header - 1 + 7) / 8 * 8, size = 0;
    unsigned char want[1024], got[1024];
    mim_tensors *t = NULL;
    CHECK(mim_tensors_create(context, &t) == MIM_OK);
    CHECK(mim_tensors_add(t, "m", MIM_BOOL, 2, (const int64_t[]){ 1, 2 }, "\1\0") == MIM_OK);
    CHECK(mim_tensors_add(t, "u", MIM_U8, 1, &(int64_t){ 3 }, "\1\2\3") == MIM_OK);
    CHECK(mim_tensors_add(t, "a/\xc3\xa9", MIM_F32, 1, &(int64_t){ 1 }, &(float){ 1 }) == MIM_OK);
    CHECK(mim_tensors_add(t, "B", MIM_F32, 2, (const int64_t[]){ 0, 3 }, NULL) == MIM_OK);
    CHECK(mim_tensors_add(t, "g", MIM_F16, 1, &(int64_t){ 1 }, &(uint16_t){ 0x3c00 }) == MIM_OK);
    CHECK(mim_tensors_add(t, "h", MIM_BF16, 1, &(int64_t){ 1 }, &(uint16_t){ 0x3f80 }) == MIM_OK);
    CHECK(mim_tensors_add(t, "i", MIM_I64, 0, NULL, &(int64_t){ 0x0102030405060708 }) == MIM_OK);
    CHECK(mim_tensors_set_text(t, "z", "") == MIM_OK && mim_tensors_set_text(t, "a", "\"\\\1\xc3\xa9") == MIM_OK);
    size_t n = make_file(want, header, sizeof header - 1, 0);
    memset(want + n, ' ', 8 + padded - n);
    want[0] = (unsigned char)padded, want[1] = (unsigned char)(padded >> 8);
    memcpy(want + 8 + padded, data, sizeof data);
    CHECK(mim_tensors_save_memory(t, got, sizeof got, &size) == MIM_OK);
    CHECK(size == 8 + padded + sizeof data);
    if (!CHECK(!memcmp(want, got, size)))
        printf("    %.*s\n", (int)padded, got + 8);
    mim_tensors_destroy(t);
}

static void memory_sizes(void)
{
    mim_tensors *t = small_set();
    unsigned char got[256];
    size_t size = 0, again = 0;
    CHECK(mim_tensors_save_memory(t, NULL, 0, &size) == MIM_OK && size > 16 && size % 8 == 0);
    memset(got, 0x77, sizeof got);
    CHECK(mim_tensors_save_memory(t, got, size - 1, &again) == MIM_ERR_SPACE && again == size && got[0] == 0x77);
    CHECK(mim_tensors_save_memory(t, got, size, NULL) == MIM_OK && got[size] == 0x77);
    CHECK(mim_tensors_save_memory(t, NULL, 5, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_save_memory(NULL, got, size, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_save(t, NULL) == MIM_ERR_ARGUMENT && mim_tensors_save(NULL, "x") == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_save_stream(t, NULL, NULL) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_save_folder(t, NULL) == MIM_ERR_ARGUMENT);
    mim_tensors_destroy(t);
}

/* Opened and saved again, all stays: order, texts of anyone, what cannot be read; only the format is ours. */
static void preserves(void)
{
    const char *json = "{\"__metadata__\":{\"zz\":\"1\",\"format\":\"tf\",\"mim.kind\":\"model\"},"
        "\"q\":{\"dtype\":\"F8_E5M2\",\"shape\":[1,1,1,1,1,1,1,1,1,3],\"data_offsets\":[4,7]},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    const char *want = "{\"__metadata__\":{\"format\":\"pt\",\"mim.kind\":\"model\",\"zz\":\"1\"},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
        "\"q\":{\"dtype\":\"F8_E5M2\",\"shape\":[1,1,1,1,1,1,1,1,1,3],\"data_offsets\":[4,7]}}";
    mim_tensors *t = NULL;
    unsigned char got[512];
    size_t size = 0;
    CHECK(open_header(json, strlen(json), 7, &t) == MIM_OK);
    CHECK(mim_tensors_save_memory(t, got, sizeof got, &size) == MIM_OK);
    CHECK(!memcmp(got + 8, want, strlen(want)));
    for (int i = 0; i < 7; i++)
        CHECK(got[size - 7 + (size_t)i] == i);
    mim_tensors_destroy(t);
}

/* ---- Streams ---- */

struct writes { int calls, fail_at; size_t bytes; };

static int32_t count_bytes(void *user, const void *from, size_t size)
{
    struct writes *w = user;
    (void)from;
    if (++w->calls == w->fail_at)
        return -3;
    w->bytes += size;
    return 0;
}

static void failing_stream(void)
{
    mim_tensors *t = small_set();
    CHECK(mim_tensors_add(t, "big", MIM_U8, 1, &(int64_t){ 600000 }, NULL) == MIM_OK);
    for (int k = 1; ; k++) {
        struct writes w = { .fail_at = k };
        mim_status status = mim_tensors_save_stream(t, count_bytes, &w);
        if (status == MIM_OK) {
            CHECK(k == 7 && w.bytes > 600000);           /* length, header, w, and big in three pieces */
            break;
        }
        CHECK(status == MIM_ERR_IO && w.calls == k && strstr(last_error(), "gave -3") != NULL);
        if (!CHECK(k < 20))
            break;
    }
    mim_tensors_destroy(t);
}

/* ---- Files ---- */

static void file(void)
{
    mim_tensors *t = small_set(), *again = NULL;
    unsigned char a[256], b[256];
    size_t size = 0;
    CHECK(mim_tensors_save(t, in_folder("x")) == MIM_OK);
    CHECK(mim_tensors_save_memory(t, a, sizeof a, &size) == MIM_OK);
    CHECK(read_file(in_folder("x"), b, sizeof b) == (long)size && !memcmp(a, b, size));
    CHECK(mim_tensors_open(context, in_folder("x"), &again) == MIM_OK);
    CHECK(mim_tensors_save(again, in_folder("x")) == MIM_OK);    /* over itself: the old one stays open */
    float f = 0;
    CHECK(mim_tensors_read(again, "w", MIM_F32, 1, 1, &f) == MIM_OK && f == -2);
    CHECK(read_file(in_folder("x"), b, sizeof b) == (long)size && !memcmp(a, b, size));
    CHECK(entries(folder) == 1);
    CHECK(mim_tensors_save(t, in_folder("missing/x")) == MIM_ERR_IO);
    CHECK(mim_tensors_save(t, folder) == MIM_ERR_IO);
    struct stat st;
    CHECK(mkfifo(in_folder("pipe"), 0600) == 0);         /* what is no regular file is not replaced */
    CHECK(mim_tensors_save(t, in_folder("pipe")) == MIM_ERR_IO);
    CHECK(stat(in_folder("pipe"), &st) == 0 && S_ISFIFO(st.st_mode));
    unlink(in_folder("pipe"));
    mim_tensors_destroy(again);
    mim_tensors_destroy(t);
    unlink(in_folder("x"));
}

/* The disk is full at every byte that the file has: the old one is still there, and nothing else. */
static void disk_full(void)
{
    mim_tensors *t = small_set();
    struct rlimit limit, less;
    size_t size = 0;
    char text[8] = "";
    CHECK(mim_tensors_save_memory(t, NULL, 0, &size) == MIM_OK);
    CHECK(write_file(in_folder("x"), "old", 3));
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    less = limit;
    for (size_t n = 0; n <= size; n++) {
        less.rlim_cur = n;
        setrlimit(RLIMIT_FSIZE, &less);
        mim_status status = mim_tensors_save(t, in_folder("x"));
        setrlimit(RLIMIT_FSIZE, &limit);
        CHECK(status == (n < size ? MIM_ERR_IO : MIM_OK));
        CHECK(entries(folder) == 1);
        CHECK(n == size || (read_file(in_folder("x"), text, 7) == 3 && !strcmp(text, "old")));
    }
    signal(SIGXFSZ, SIG_DFL);
    mim_tensors_destroy(t);
    unlink(in_folder("x"));
}

/* A process killed in the middle of a save, by the signal of a file too large. */
static void killed(void)
{
    mim_tensors *t = small_set(), *old = NULL;
    int code = 0;
    CHECK(mim_tensors_save(t, in_folder("x")) == MIM_OK);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit less = { 100, 100 };
        setrlimit(RLIMIT_FSIZE, &less);
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        signal(SIGXFSZ, SIG_DFL);
        mim_tensors_save(t, in_folder("x"));
        _exit(1);
    }
    CHECK(waitpid(child, &code, 0) == child && WIFSIGNALED(code) && WTERMSIG(code) == SIGXFSZ);
    CHECK(entries(folder) == 2);
    CHECK(mim_tensors_open(context, in_folder("x"), &old) == MIM_OK && mim_tensors_count(old) == 1);
    mim_tensors_destroy(old);
    CHECK(mim_tensors_save(t, in_folder("x")) == MIM_OK);
    char left[64];
    snprintf(left, sizeof left, "mim-%ld-0.tmp", (long)child);
    CHECK(unlink(in_folder(left)) == 0);
    unlink(in_folder("x"));
    mim_tensors_destroy(t);
}

/* A name may be as long as the file system takes. */
static void long_name(void)
{
    mim_tensors *t = small_set();
    char name[256] = "";
    memset(name, 'n', 255);
    CHECK(mim_tensors_save(t, in_folder(name)) == MIM_OK);
    CHECK(entries(folder) == 1 && unlink(in_folder(name)) == 0);
    mim_tensors_destroy(t);
}

/* What can be saved can be opened. */
static void many_texts(void)
{
    mim_tensors *t = small_set(), *again = NULL;
    char key[16];
    for (int i = 1; i < 65536; i++) {
        snprintf(key, sizeof key, "%05d", i);
        CHECK(mim_tensors_set_text(t, key, "") == MIM_OK);
    }
    CHECK(mim_tensors_save(t, in_folder("x")) == MIM_OK && mim_tensors_open(context, in_folder("x"), &again) == MIM_OK);
    CHECK(mim_tensors_set_text(t, "one more", "") == MIM_OK);
    CHECK(mim_tensors_save(t, in_folder("x")) == MIM_ERR_UNSUPPORTED);
    mim_tensors_destroy(again);
    unlink(in_folder("x"));
    mim_tensors_destroy(t);
}

/* A source that fails while it is copied to a file. */
static void source_fails(void)
{
    mim_tensors *t = small_set(), *again = NULL;
    char text[8] = "";
    CHECK(mim_tensors_save(t, in_folder("from")) == MIM_OK);
    CHECK(mim_tensors_open(context, in_folder("from"), &again) == MIM_OK);
    CHECK(truncate(in_folder("from"), 100) == 0);
    CHECK(write_file(in_folder("x"), "old", 3));
    CHECK(mim_tensors_save(again, in_folder("x")) == MIM_ERR_IO);
    CHECK(read_file(in_folder("x"), text, 7) == 3 && !strcmp(text, "old"));
    CHECK(entries(folder) == 2);
    mim_tensors_destroy(again);
    mim_tensors_destroy(t);
    unlink(in_folder("from"));
    unlink(in_folder("x"));
}

/* ---- Folders ---- */

static void folders(void)
{
    float w[2] = { 1, -2 };
    const struct mim__tensor list[] = { { .name = "w", .type = MIM_F32, .rank = 1, .shape = { 2 }, .data = w } };
    const struct mim__view v = { .config_json = "{\"a\": 1}" };
    mim_tensors *t = NULL, *again = NULL;
    char text[256] = "", got[16];
    CHECK(mim__tensors_view(context, &v, 1, list, &t) == MIM_OK);
    CHECK(mim_tensors_save_folder(t, in_folder("f")) == MIM_OK);
    CHECK(mim_tensors_save_folder(t, in_folder("f/")) == MIM_OK);
    CHECK(entries(in_folder("f")) == 2);
    CHECK(read_file(in_folder("f/config.json"), got, sizeof got) == 8);
    CHECK(read_file(in_folder("f/model.safetensors"), text, sizeof text - 1) > 0);
    CHECK(strstr(text + 8, "{\"__metadata__\":{\"format\":\"pt\"},\"w\"") == text + 8);      /* config.json is beside it */
    CHECK(mim_tensors_open(context, in_folder("f"), &again) == MIM_OK);
    CHECK(mim_tensors_get_text(again, "config.json", got, sizeof got, NULL) == MIM_OK);
    CHECK_TEXT(got, "{\"a\": 1}");
    CHECK(mim_tensors_save(again, in_folder("x")) == MIM_OK);            /* and stays with the set in one file */
    mim_tensors_destroy(again);
    CHECK(mim_tensors_open(context, in_folder("x"), &again) == MIM_OK);
    CHECK(mim_tensors_get_text(again, "config.json", got, sizeof got, NULL) == MIM_OK);
    mim_tensors_destroy(again);
    CHECK(mim_tensors_save_folder(t, in_folder("missing/f")) == MIM_ERR_IO);
    CHECK(mim_tensors_save_folder(t, in_folder("x")) == MIM_ERR_IO);
    mim_tensors_destroy(t);
    unlink(in_folder("x"));
    unlink(in_folder("f/config.json"));
    unlink(in_folder("f/model.safetensors"));
    rmdir(in_folder("f"));
}

/* ---- No memory ---- */

static mim_tensors *to_save;

static mim_status save_file(void)
{
    mim_status status = mim_tensors_save(to_save, in_folder("x"));
    CHECK(entries(folder) == (status == MIM_OK));
    return status;
}

static mim_status save_folder(void) { return mim_tensors_save_folder(to_save, in_folder("f")); }
static mim_status save_memory(void)
{
    char bytes[512];
    return mim_tensors_save_memory(to_save, bytes, sizeof bytes, NULL);
}

static void allocations_fail(void)
{
    to_save = small_set();
    CHECK(mim_tensors_set_text(to_save, "config.json", "{}") == MIM_OK);
    CHECK(fail_each_allocation(save_file) > 5);
    CHECK(fail_each_allocation(save_memory) > 5);
    unlink(in_folder("x"));
    CHECK(fail_each_allocation(save_folder) > 8);
    CHECK(entries(in_folder("f")) == 2);
    unlink(in_folder("f/config.json"));
    unlink(in_folder("f/model.safetensors"));
    rmdir(in_folder("f"));
    mim_tensors_destroy(to_save);
}

int main(int argc, char **argv)
{
    if (!context_begin())
        return 1;
    folder_begin(argc, argv, "save");
    TEST(exact_bytes);
    TEST(memory_sizes);
    TEST(preserves);
    TEST(failing_stream);
    TEST(file);
    TEST(disk_full);
    TEST(killed);
    TEST(long_name);
    TEST(many_texts);
    TEST(source_fails);
    TEST(folders);
    TEST(allocations_fail);
    rmdir(folder);
    return context_end();
}
