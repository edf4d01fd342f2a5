/* SPDX-License-Identifier: MIT */
/* interrupt.h -- Ctrl-C, and SIGTERM, as a wish to end in order (POSIX). */
#ifndef EXAMPLES_SUPPORT_INTERRUPT_H
#define EXAMPLES_SUPPORT_INTERRUPT_H

#include <mim.h>

/* From now on a signal cancels the context's call under way, or else the next one. Once: a second Ctrl-C ends the program as
 * it always does. */
void interrupt_begin(mim_context *context);
/* Signals go unheeded: before the context ends, at the latest. */
void interrupt_end(void);
int interrupted(void);

#endif
