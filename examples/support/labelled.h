/* SPDX-License-Identifier: MIT */
/* labelled.h -- pictures with classes, some to train on and others to test. */
#ifndef EXAMPLES_SUPPORT_LABELLED_H
#define EXAMPLES_SUPPORT_LABELLED_H

#include "data.h"
#include "options.h"

struct labelled {
    struct data train, test;
    int64_t *train_labels, *test_labels;    /* one a picture, 0 .. classes - 1 */
    int32_t classes;
};

/* The files of --train and --test; classes 0: as many as the labels show, alike in both. Tells why not; to be closed in any
 * case. */
mim_status labelled_open(const struct texts *train, const struct texts *test, long long classes, struct labelled *l);
/* The same of pictures that l->train and l->test hold already. */
mim_status labelled_check(long long classes, struct labelled *l);
void labelled_close(struct labelled *l);

#endif
