/* SPDX-License-Identifier: MIT */
/* system.c -- see system.h. */
#define _POSIX_C_SOURCE 200809L
#define _DARWIN_C_SOURCE
#include "system.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DEEPEST = 16 };      /* levels of sub-folders */

double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 1024 ? 1024 : (int)n;
}

int is_folder(const char *path)
{
    struct stat s;
    return !stat(path, &s) && S_ISDIR(s.st_mode);
}

int same_path(const char *a, const char *b)
{
    struct stat s, t;
    return !stat(a, &s) && !stat(b, &t) && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

int is_file(const char *path)
{
    struct stat s;
    return !stat(path, &s) && S_ISREG(s.st_mode);
}

int is_terminal(void)
{
    return isatty(STDOUT_FILENO);
}

int make_folder(const char *path)
{
    char *part = malloc(strlen(path) + 1);
    if (!part)
        return -1;
    strcpy(part, path);
    for (char *p = part + (*part == '/'); *p; p++)
        if (*p == '/') {
            *p = 0;
            mkdir(part, 0777);              /* whether it worked shows at the end */
            *p = '/';
        }
    mkdir(part, 0777);
    free(part);
    return is_folder(path) ? 0 : -1;
}

char *join_path(const char *folder, const char *name)
{
    size_t length = strlen(folder);
    char *path = malloc(length + strlen(name) + 2);
    if (path)
        sprintf(path, "%s%s%s", folder, length && folder[length - 1] == '/' ? "" : "/", name);
    return path;
}

/* The size is asked first, so that a device or a pipe does not fill the memory. */
unsigned char *read_file(const char *path, size_t *size, struct why *why)
{
    struct stat s;
    int found = !stat(path, &s), regular = found && S_ISREG(s.st_mode);
    FILE *file = regular ? fopen(path, "rb") : NULL;
    if (!file) {
        const char *reason = found && S_ISDIR(s.st_mode) ? "is a folder" : "is no regular file";
        snprintf(why->text, sizeof why->text, "%s: %s", path, found && !regular ? reason : strerror(errno));
        return NULL;
    }
    size_t length = (size_t)s.st_size;
    unsigned char *data = malloc(length + 1);
    if (data && fread(data, 1, length, file) != length) {
        free(data);
        data = NULL;
    }
    fclose(file);
    if (!data) {
        snprintf(why->text, sizeof why->text, "%s: cannot read its %zu bytes", path, length);
        return NULL;
    }
    data[length] = 0;
    *size = length;
    return data;
}

struct list { char **path; size_t count, room; };

static int add_path(struct list *l, char *path)
{
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : 64;
        char **more = realloc(l->path, room * sizeof *more);
        if (!more)
            return -1;
        l->path = more;
        l->room = room;
    }
    l->path[l->count++] = path;
    return 0;
}

/* A folder, and those that it was reached through. */
struct folder { const char *path; const struct folder *above; int depth; };

static int leads_back(const struct folder *f, const char *path)
{
    while (f && !same_path(f->path, path))
        f = f->above;
    return f != NULL;
}

static void walk(struct list *l, const struct folder *f)
{
    DIR *dir = f->depth < DEEPEST ? opendir(f->path) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char *path = *entry->d_name == '.' ? NULL : join_path(f->path, entry->d_name);
        if (path && is_file(path) && !add_path(l, path))
            continue;
        if (path && is_folder(path) && !leads_back(f, path))
            walk(l, &(struct folder){ path, f, f->depth + 1 });
        free(path);
    }
    if (dir)
        closedir(dir);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **list_files(const char *folder, size_t *count)
{
    struct list l = { 0 };
    walk(&l, &(struct folder){ folder, NULL, 0 });
    if (l.count)
        qsort(l.path, l.count, sizeof *l.path, by_name);
    *count = l.count;
    return l.path;
}

void free_list(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}
