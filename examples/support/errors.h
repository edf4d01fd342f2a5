/* SPDX-License-Identifier: MIT */
/* errors.h -- sentences to stderr that begin with the name of the program. */
#ifndef EXAMPLES_SUPPORT_ERRORS_H
#define EXAMPLES_SUPPORT_ERRORS_H

#include <mim.h>

extern const char program_name[];           /* the program says it */

/* Both give the status back. What is wrong with what was asked for: */
mim_status tell_wrong(mim_status status, const char *format, ...);
/* and why the library's last call failed, with what was being done. */
mim_status tell_failed(mim_context *context, mim_status status, const char *doing);

#endif
