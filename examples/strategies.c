/* SPDX-License-Identifier: MIT */
/* strategies.c -- which masks make a task worth learning (SimMIM, Xie et al. 2022, sec. 4.1.2): the same small encoder is
 * trained under each strategy and ratio, and AvgDist, the distance of hidden pixels to the nearest visible one, is set
 * against what a linear probe makes of the features. strategies --help says how.
 *
 *     strategies --out masks                                  on pictures it draws itself
 *     strategies --train C/data_batch_[1-4].bin --test C/data_batch_5.bin --out masks
 *
 * strategies/ holds the parts. */
#include "./strategies/task.h"
#include "support/interrupt.h"

#include <string.h>

const char program_name[] = "strategies";

static mim_status run_points(struct task *t)
{
    mim_status status = report_begin(t);
    t->untrained.strategy = -1;
    if (!status) status = point_run(t, &t->untrained);
    if (!status) status = report_point(t, &t->untrained);
    while (!status && t->done < t->count) {
        status = point_run(t, &t->points[t->done]);
        if (!status) status = report_point(t, &t->points[t->done++]);
    }
    if (status == MIM_ERR_CANCELLED) {
        printf("Stopped after %d of %d\n", t->done, t->count);
        status = MIM_OK;
    }
    return status ? status : report_chart(t);
}

static int run(const struct arguments *a)
{
    static struct task t;
    int32_t threads = (int32_t)(a->threads > 1 << 30 ? 1 << 30 : a->threads);
    t.arguments = a;
    mim_status status = mim_context_create(NULL, &t.context);
    if (!status) status = mim_context_set_threads(t.context, threads);
    if (status) tell_failed(t.context, status, "cannot begin");
    if (!status) status = task_open(&t);
    if (!status) status = task_choose(&t);
    if (!status) interrupt_begin(t.context);
    if (!status) status = run_points(&t);
    interrupt_end();
    task_close(&t);
    mim_context_destroy(t.context);
    return status != MIM_OK;
}

/* Of the command line alone. */
static mim_status check(const struct arguments *a)
{
    if (!a->train.count != !a->test.count)
        return tell_wrong(MIM_ERR_ARGUMENT, "--train FILES and --test FILES go together; without both, pictures are drawn");
    if (!a->steps || !a->batch || !a->probe)
        return tell_wrong(MIM_ERR_VALUE, "--steps, --batch and --probe must be 1 or more, not %lld, %lld and %lld", a->steps,
                          a->batch, a->probe);
    return MIM_OK;
}

int main(int argc, char **argv)
{
    struct arguments a = { .steps = 1000, .batch = 16, .probe = 10000, .threads = processors(), .seed = 1 };
    const struct option options[] = {
        { "--train", LIST, &a.train, "FILES", "labelled pictures, CIFAR-10 binary or IDX; none: pictures are drawn" },
        { "--test", LIST, &a.test, "FILES", "likewise: what the accuracies are of" },
        { "--strategies", LIST, &a.strategies, "NAMES", "random, square, block; random-8: in units of 8 pixels\n"
                                                        "(random by units of 1, 2, 4, 8 patches; square; block)" },
        { "--ratios", LIST, &a.ratios, "NUMBERS", "shares to hide (0.1 to 0.9)" },
        { "--steps", COUNT, &a.steps, "N", "of training, for each (1000)" },
        { "--batch", COUNT, &a.batch, "N", "pictures a step (16)" },
        { "--probe", COUNT, &a.probe, "N", "training pictures that the probe learns from, at most (10000)" },
        { "--set", REPEATED, &a.set, "KEY=VALUE", "set an option on top; may be given again" },
        { "--threads", COUNT, &a.threads, "N", "threads (as many as there are processors)" },
        { "--precision", TEXT, &a.precision, "f32|bf16", "arithmetic (f32)" },
        { "--seed", COUNT, &a.seed, "N", "initial weights, masks, order of the pictures, drawn pictures (1)" },
        { "--out", TEXT, &a.out, "DIR", "strategies.csv and strategies.png, which Ctrl-C does not lose" },
        { NULL, FLAG, NULL, NULL, NULL },
    };
    enum option_result read = read_options(options, argc, argv, "strategies [options]: masks, and what is learnt under them",
                                           NULL);
    if (read)
        return read == OPTIONS_HELP ? 0 : 2;
    return check(&a) ? 2 : run(&a);
}
