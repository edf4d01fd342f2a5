/* SPDX-License-Identifier: MIT */
/* use.c -- mim.h as a program sees it, in C and in C++, with every warning an error. It is compiled, never run. Some
 * headers of some systems define small words as macros; -DHOSTILE does the same before mim.h is read. */
#ifdef HOSTILE
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define near
#define far
#define small char
#define huge
#define interface struct
#define ERROR 0
#define IN
#define OUT
#define OPTIONAL
#define TRUE 1
#define FALSE 0
#define I 7
#define linux 1
#define unix 1
#define major(x) (x)
#define minor(x) (x)
#define assert(x)
#ifndef __cplusplus
#define bool int
#define true 1
#define false 0
#endif
#endif

#include <mim.h>
#include <mim.h>

/* Sizes and numbers that programs have been compiled with. */
typedef char status_is_32_bits[sizeof(mim_status) == 4 ? 1 : -1];
typedef char images_is_80_bytes[sizeof(void *) != 8 || sizeof(mim_images) == 80 ? 1 : -1];
typedef char host_is_48_bytes[sizeof(void *) != 8 || sizeof(mim_host) == 48 ? 1 : -1];
typedef char size_comes_first[offsetof(mim_images, struct_size) == 0 && offsetof(mim_host, struct_size) == 0 ? 1 : -1];
typedef char next_comes_last[sizeof(void *) != 8 || offsetof(mim_images, next) == 72 ? 1 : -1];
typedef char numbers_stay[MIM_OK == 0 && MIM_ERR_SYSTEM == -14 && MIM_BOOL == 13 && MIM_STATE == 6 ? 1 : -1];
typedef char version_is_whole[MIM_VERSION == MIM_VERSION_MAJOR * 1000000 + MIM_VERSION_MINOR * 1000 + MIM_VERSION_PATCH
                              ? 1 : -1];

static void say(void *user, int32_t level, const char *line)
{
    *(int32_t *)user += level + line[0];
}

mim_status use(int32_t *seen);
mim_status use(int32_t *seen)
{
    mim_context *context = NULL;
    mim_host host = { sizeof(mim_host), NULL, NULL, NULL, NULL, NULL };
    mim_images images = { sizeof(mim_images), NULL, MIM_U8, 1, 2, 3, 4, 0, 0, 0, 0, 0, NULL };
    int64_t size = 0;
    mim_status status = mim_abi_check(MIM_VERSION);
    host.user = seen;
    host.log = say;
    if (status == MIM_OK) status = mim_constant("sizeof mim_images", &size);
    if (status == MIM_OK) status = mim_context_create(&host, &context);
    *seen += images.channels + (int32_t)size;
    mim_context_destroy(context);
    return status;
}
