/* SPDX-License-Identifier: MIT */
/* order.c -- heap sort of indices. Input from files must not find a quadratic case, and qsort may allocate. */
#include "io/order.h"

struct ordering { int32_t *order; bool (*less)(const void *arg, int32_t a, int32_t b); const void *arg; };

static bool before(const struct ordering *o, int32_t a, int32_t b)
{
    return o->less(o->arg, a, b) || (a < b && !o->less(o->arg, b, a));
}

/* Let order[root] sink in the heap of the first `count`, the last one on top. */
static void sink(const struct ordering *o, int32_t root, int32_t count)
{
    int32_t *v = o->order, moved = v[root];
    for (int32_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && before(o, v[child], v[child + 1]))
            child++;
        if (!before(o, moved, v[child]))
            break;
        v[root] = v[child];
    }
    v[root] = moved;
}

void mim__order(int32_t *order, int32_t count, bool (*less)(const void *arg, int32_t a, int32_t b), const void *arg)
{
    struct ordering o = { order, less, arg };
    bool sorted = true;
    for (int32_t i = 0; i < count; i++) {
        order[i] = i;
        sorted = sorted && (i == 0 || !less(arg, i, i - 1));
    }
    if (sorted)                                  /* what most files are */
        return;
    for (int32_t i = count / 2; i-- > 0;)
        sink(&o, i, count);
    for (int32_t end = count; end-- > 1;) {
        int32_t last = order[0];
        order[0] = order[end];
        order[end] = last;
        sink(&o, 0, end);
    }
}
