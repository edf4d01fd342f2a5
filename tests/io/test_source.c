/* SPDX-License-Identifier: MIT */
/* test_source.c -- the three kinds of sources, and what can be wrong with them. */
#include "io_test.h"
#include "io/source.h"

#include <errno.h>

static void file(void)
{
    struct mim__source s;
    char got[8] = "";
    CHECK(write_file(in_folder("a"), "0123456789", 10));
    if (!CHECK(mim__source_file(context, in_folder("a"), &s) == MIM_OK))
        return;
    CHECK(s.size == 10);
    CHECK(mim__source_read(context, &s, 3, got, 4) == MIM_OK);
    CHECK_TEXT(got, "3456");
    CHECK(mim__source_read(context, &s, 10, got, 0) == MIM_OK);
    CHECK(truncate(in_folder("a"), 5) == 0);             /* behind our back */
    CHECK(mim__source_read(context, &s, 3, got, 4) == MIM_ERR_IO);
    CHECK(strstr(last_error(), "ends at byte 5") != NULL);
    unlink(in_folder("a"));                              /* what is open stays readable */
    CHECK(mim__source_read(context, &s, 3, got, 2) == MIM_OK);
    mim__source_close(context, &s);
    CHECK(s.fd == -1);
}

static void not_a_file(void)
{
    struct mim__source s;
    CHECK(mim__source_file(context, in_folder("missing"), &s) == MIM_ERR_IO);
    CHECK(strstr(last_error(), "no such file") != NULL);
    CHECK(mim__source_file(context, folder, &s) == MIM_ERR_IO);
    CHECK(mkfifo(in_folder("pipe"), 0600) == 0);
    CHECK(mim__source_file(context, in_folder("pipe"), &s) == MIM_ERR_IO);       /* and does not wait */
    unlink(in_folder("pipe"));
}

static void copy_in_memory(void)
{
    struct mim__source s;
    char data[] = "abcdef", got[4] = "";
    if (!CHECK(mim__source_memory(context, data, 6, &s) == MIM_OK))
        return;
    memset(data, 'x', 6);
    CHECK(mim__source_read(context, &s, 2, got, 3) == MIM_OK);
    CHECK_TEXT(got, "cde");
    mim__source_close(context, &s);
}

static int32_t read_offsets(void *user, uint64_t offset, void *to, size_t size)
{
    memset(to, (int)(offset >> 40), size);
    return *(int32_t *)user;
}

static void stream(void)
{
    struct mim__source s;
    int32_t code = 0;
    unsigned char got = 0;
    if (!CHECK(mim__source_stream(context, read_offsets, &code, UINT64_MAX, &s) == MIM_OK))
        return;
    CHECK(mim__source_read(context, &s, (uint64_t)77 << 40, &got, 1) == MIM_OK && got == 77);
    code = -5;
    CHECK(mim__source_read(context, &s, 9, &got, 1) == MIM_ERR_IO);
    CHECK(strstr(last_error(), "gave -5 for 1 bytes at byte 9") != NULL);
    mim__source_close(context, &s);
}

static void join(void)
{
    static const char *const cases[][3] = { { "a", "b", "a/b" }, { "a/", "b", "a/b" }, { "/", "b", "/b" },
        { "", "b", "b" } };
    for (int i = 0; i < COUNT(cases); i++) {
        char *path = mim__source_join(context, cases[i][0], cases[i][1]);
        CHECK_TEXT(path, cases[i][2]);
        mim__free(context, path);
    }
}

static void reasons(void)
{
    CHECK(mim__system_error(context, "write", "x", ENOSPC) == MIM_ERR_IO);
    CHECK_TEXT(last_error(), "cannot write 'x': no space left");
    CHECK(mim__system_error(context, "write", "x", 9999) == MIM_ERR_IO);
    CHECK_TEXT(last_error(), "cannot write 'x': system error 9999");
}

static mim_status open_and_close(void)
{
    struct mim__source s;
    mim_status status = mim__source_file(context, in_folder("b"), &s);
    if (status == MIM_OK)
        mim__source_close(context, &s);
    if (status == MIM_OK)
        status = mim__source_memory(context, "abc", 3, &s);
    if (status == MIM_OK)
        mim__source_close(context, &s);
    return status;
}

static void allocations_fail(void)
{
    CHECK(write_file(in_folder("b"), "x", 1));
    CHECK(fail_each_allocation(open_and_close) == 3);
    unlink(in_folder("b"));
}

/* Of a long path its end is told, and the reason all the same. */
static void long_path(void)
{
    char path[600], why[512];
    mim_tensors *t = NULL;
    memset(path, 'p', sizeof path);
    for (int i = 100; i < 600; i += 100)
        path[i] = '/';
    snprintf(path + 590, 10, "/the_end");
    CHECK(mim_tensors_open(context, path, &t) == MIM_ERR_IO);
    CHECK(mim_last_error(context, why, sizeof why, NULL) == MIM_OK);
    CHECK(strstr(why, "'...p") && strstr(why, "pp/the_end'") && strstr(why, "no such file or folder"));
}

int main(int argc, char **argv)
{
    if (!context_begin())
        return 1;
    folder_begin(argc, argv, "source");
    TEST(file);
    TEST(not_a_file);
    TEST(copy_in_memory);
    TEST(stream);
    TEST(join);
    TEST(reasons);
    TEST(long_path);
    TEST(allocations_fail);
    rmdir(folder);
    return context_end();
}
