/* SPDX-License-Identifier: MIT */
/* order.h -- sorted orders of things that stay where they are. */
#ifndef MIM_IO_ORDER_H
#define MIM_IO_ORDER_H

#include "base/base.h"

/* Fill order with 0 .. count - 1, sorted by `less`; things of which neither is less keep their order. Takes no memory
 * and n log n steps whatever the input. */
void mim__order(int32_t *order, int32_t count, bool (*less)(const void *arg, int32_t a, int32_t b), const void *arg);

#endif
