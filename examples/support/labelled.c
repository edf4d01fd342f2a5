/* SPDX-License-Identifier: MIT */
/* labelled.c -- see labelled.h. */
#include "labelled.h"
#include "errors.h"

#include <stdlib.h>

static mim_status open_pictures(const struct texts *paths, const char *option, struct data *data)
{
    struct why why;
    if (data_open_list(paths->text, paths->count, data, &why))
        return tell_wrong(MIM_ERR_IO, "%s: %s", option, why.text);
    if (!data->count)
        return tell_wrong(MIM_ERR_VALUE, "%s %s holds no pictures", option, paths->text[0]);
    if (!data->classes)
        return tell_wrong(MIM_ERR_VALUE, "%s %s: these pictures have no labels", option, paths->text[0]);
    return MIM_OK;
}

static mim_status count_classes(long long given, struct labelled *l)
{
    int most = l->train.classes > l->test.classes ? l->train.classes : l->test.classes;
    if (given && (given < most || given > 1000000))
        return tell_wrong(MIM_ERR_VALUE, "--classes %lld, but the labels go up to %d", given, most - 1);
    if (!given && l->train.classes != l->test.classes)
        return tell_wrong(MIM_ERR_VALUE, "--train has %d classes, --test %d; --classes N says how many there are",
                          (int)l->train.classes, (int)l->test.classes);
    l->classes = given ? (int32_t)given : most;
    if (l->classes < 2)
        return tell_wrong(MIM_ERR_VALUE, "all pictures are of one class; two are needed");
    return MIM_OK;
}

static mim_status read_labels(const struct data *data, int32_t classes, const char *option, int64_t **to)
{
    int64_t *labels = malloc((size_t)data->count * sizeof *labels);
    if (!labels)
        return tell_wrong(MIM_ERR_NOMEM, "no memory for %lld labels", (long long)data->count);
    *to = labels;
    for (int64_t i = 0; i < data->count; i++) {
        labels[i] = data->pictures[i].label;
        if (labels[i] < 0 || labels[i] >= classes)
            return tell_wrong(MIM_ERR_VALUE, "%s: picture %lld has label %lld, outside 0 .. %d", option, (long long)i,
                              (long long)labels[i], (int)classes - 1);
    }
    return MIM_OK;
}

mim_status labelled_check(long long classes, struct labelled *l)
{
    if (l->train.channels != l->test.channels)
        return tell_wrong(MIM_ERR_SHAPE, "--train has %d channel(s), --test %d", (int)l->train.channels,
                          (int)l->test.channels);
    mim_status status = count_classes(classes, l);
    if (!status) status = read_labels(&l->train, l->classes, "--train", &l->train_labels);
    if (!status) status = read_labels(&l->test, l->classes, "--test", &l->test_labels);
    return status;
}

mim_status labelled_open(const struct texts *train, const struct texts *test, long long classes, struct labelled *l)
{
    mim_status status = open_pictures(train, "--train", &l->train);
    if (!status) status = open_pictures(test, "--test", &l->test);
    return status ? status : labelled_check(classes, l);
}

void labelled_close(struct labelled *l)
{
    free(l->train_labels);
    free(l->test_labels);
    data_close(&l->train);
    data_close(&l->test);
}
