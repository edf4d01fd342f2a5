/* SPDX-License-Identifier: MIT */
/* test_replace.c -- whatever goes wrong, the old file is whole and nothing is left beside it. */
#include "io_test.h"
#include "io/replace.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int entries(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static void check_old(const char *path)
{
    char text[32] = "";
    CHECK(read_file(path, text, sizeof text - 1) == 3);
    CHECK_TEXT(text, "old");
    CHECK(entries() == 1);
}

static void commits(void)
{
    struct mim__replace r;
    char text[32] = "";
    CHECK(write_file(in_folder("a"), "old", 3) && chmod(in_folder("a"), 0640) == 0);
    if (!CHECK(mim__replace_begin(context, in_folder("a"), &r) == MIM_OK))
        return;
    CHECK(mim__replace_write(&r, "ne", 2) == 0 && mim__replace_write(&r, "", 0) == 0
          && mim__replace_write(&r, "wer", 3) == 0);
    CHECK(entries() == 2);
    CHECK(mim__replace_commit(&r) == MIM_OK);
    CHECK(read_file(in_folder("a"), text, sizeof text - 1) == 5);
    CHECK_TEXT(text, "newer");
    CHECK(entries() == 1);
    struct stat st;
    CHECK(stat(in_folder("a"), &st) == 0 && (st.st_mode & 0777) == 0640);
    unlink(in_folder("a"));
}

static void aborts(void)
{
    struct mim__replace r;
    CHECK(write_file(in_folder("a"), "old", 3));
    if (!CHECK(mim__replace_begin(context, in_folder("a"), &r) == MIM_OK))
        return;
    CHECK(mim__replace_write(&r, "newer", 5) == 0);
    mim__replace_abort(&r);
    check_old(in_folder("a"));
    unlink(in_folder("a"));
}

/* The disk is full after 1000 bytes: a file size limit, with its signal ignored, makes the kernel refuse. */
static void disk_full(void)
{
    struct mim__replace r;
    struct rlimit limit, small;
    char bytes[1500] = "";
    CHECK(write_file(in_folder("a"), "old", 3));
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    small = limit;
    small.rlim_cur = 1000;
    CHECK(mim__replace_begin(context, in_folder("a"), &r) == MIM_OK);
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    int32_t code = mim__replace_write(&r, bytes, sizeof bytes);          /* 1000 fit: a short write, then none */
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    signal(SIGXFSZ, SIG_DFL);
    CHECK(code == MIM_ERR_IO);
    CHECK(strstr(last_error(), "file too large") != NULL);
    mim__replace_abort(&r);
    check_old(in_folder("a"));
    unlink(in_folder("a"));
}

/* A process that dies in the middle leaves the old file, and its temporary is in nobody's way. */
static void killed(void)
{
    struct mim__replace r;
    int code = 0;
    CHECK(write_file(in_folder("a"), "old", 3));
    pid_t child = fork();
    if (child == 0) {
        if (mim__replace_begin(context, in_folder("a"), &r) == MIM_OK && mim__replace_write(&r, "newer", 5) == 0)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    CHECK(waitpid(child, &code, 0) == child && WIFSIGNALED(code));
    char left[64], text[32] = "";
    snprintf(left, sizeof left, "mim-%ld-0.tmp", (long)child);
    CHECK(read_file(in_folder("a"), text, sizeof text - 1) == 3 && !strcmp(text, "old"));
    CHECK(rename(in_folder(left), in_folder("b")) == 0);                /* as if of a process with our number */
    snprintf(left, sizeof left, "mim-%ld-0.tmp", (long)getpid());
    CHECK(rename(in_folder("b"), in_folder(left)) == 0);
    CHECK(mim__replace_begin(context, in_folder("a"), &r) == MIM_OK);
    CHECK(strstr(r.temporary, "-1.tmp") != NULL);
    CHECK(mim__replace_write(&r, "newest", 6) == 0 && mim__replace_commit(&r) == MIM_OK);
    CHECK(read_file(in_folder("a"), text, sizeof text - 1) == 6 && !strncmp(text, "newest", 6));
    CHECK(read_file(in_folder(left), text, sizeof text - 1) == 5);
    unlink(in_folder(left));
    unlink(in_folder("a"));
}

static void not_possible(void)
{
    struct mim__replace r;
    CHECK(mim__replace_begin(context, in_folder("missing/a"), &r) == MIM_ERR_IO);
    CHECK(mim__replace_begin(context, folder, &r) == MIM_ERR_IO);
    CHECK(mkfifo(in_folder("pipe"), 0600) == 0);         /* stands for devices: a rename would take their place */
    if (!CHECK(mim__replace_begin(context, in_folder("pipe"), &r) == MIM_ERR_IO))
        mim__replace_abort(&r);
    CHECK(strstr(last_error(), "not a regular file") != NULL);
    unlink(in_folder("pipe"));
    CHECK(mkdir(in_folder("a"), 0777) == 0 && rmdir(in_folder("a")) == 0);
    CHECK(mim__replace_begin(context, in_folder("a"), &r) == MIM_OK);
    CHECK(mkdir(in_folder("a"), 0777) == 0);                            /* in the way of the rename */
    CHECK(mim__replace_write(&r, "x", 1) == 0 && mim__replace_commit(&r) == MIM_ERR_IO);
    CHECK(entries() == 1);
    rmdir(in_folder("a"));
}

static void folders(void)
{
    CHECK(mim__replace_folder(context, in_folder("f")) == MIM_OK);
    CHECK(mim__replace_folder(context, in_folder("f")) == MIM_OK);
    CHECK(mim__replace_folder(context, in_folder("f/")) == MIM_OK);
    CHECK(mim__replace_folder(context, in_folder("g/h")) == MIM_ERR_IO);
    CHECK(write_file(in_folder("f/file"), "", 0));
    CHECK(mim__replace_folder(context, in_folder("f/file")) == MIM_ERR_IO);
    CHECK(strstr(last_error(), "not a folder") != NULL);
    unlink(in_folder("f/file"));
    rmdir(in_folder("f"));
}

static mim_status replace_once(void)
{
    struct mim__replace r;
    mim_status status = mim__replace_begin(context, in_folder("a"), &r);
    if (status != MIM_OK)
        return status;
    CHECK(mim__replace_write(&r, "x", 1) == 0);
    return mim__replace_commit(&r);
}

static void allocations_fail(void)
{
    CHECK(fail_each_allocation(replace_once) == 1);
    CHECK(entries() == 1);
    unlink(in_folder("a"));
}

int main(int argc, char **argv)
{
    if (!context_begin())
        return 1;
    folder_begin(argc, argv, "replace");
    TEST(commits);
    TEST(aborts);
    TEST(disk_full);
    TEST(killed);
    TEST(not_possible);
    TEST(folders);
    TEST(allocations_fail);
    rmdir(folder);
    return context_end();
}
