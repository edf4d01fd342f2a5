/* SPDX-License-Identifier: MIT */
/* system.h -- what the examples need of the operating system (POSIX). */
#ifndef EXAMPLES_SUPPORT_SYSTEM_H
#define EXAMPLES_SUPPORT_SYSTEM_H

#include <stddef.h>

struct why { char text[512]; };         /* a sentence: why something failed */

double seconds_now(void);               /* from a clock that only goes forward */
int processors(void);                   /* that are online; at least 1 */
int is_folder(const char *path);
int is_file(const char *path);
int same_path(const char *a, const char *b);        /* one file or folder that is there, by whatever names */
int is_terminal(void);                  /* is standard output one? */
/* The folder and those above it; 0 if it is there in the end. */
int make_folder(const char *path);
/* "folder/name" into a new string, or NULL. */
char *join_path(const char *folder, const char *name);
/* A whole file into new memory with a NUL behind it; NULL and a sentence in why. */
unsigned char *read_file(const char *path, size_t *size, struct why *why);
/* Paths of all files under a folder, sorted; sub-folders too. *count is 0 and NULL is given where there are none or it
 * cannot be read. */
char **list_files(const char *folder, size_t *count);
void free_list(char **list, size_t count);

#endif
