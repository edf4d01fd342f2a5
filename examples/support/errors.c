/* SPDX-License-Identifier: MIT */
/* errors.c -- see errors.h. */
#include "errors.h"
#include "outputs.h"

#include <stdarg.h>
#include <stdio.h>

mim_status tell_wrong(mim_status status, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fprintf(stderr, "%s: ", program_name);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    return status;
}

mim_status tell_failed(mim_context *context, mim_status status, const char *doing)
{
    fprintf(stderr, "%s: %s: ", program_name, doing);
    print_error(context, status);
    return status;
}
