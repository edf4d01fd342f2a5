/* SPDX-License-Identifier: MIT */
/* reconstruct.c -- what a pretrained model makes of hidden patches, to look at and in numbers; --help says how.
 *
 *     reconstruct --weights run --data pictures --mask-ratio 0.75 --count 512 --out sheet.png
 *
 * The numbers stand beside those of three guesses that nothing was learnt for. reconstruct/ holds the parts. */
#include "./reconstruct/task.h"
#include "support/system.h"

#include <stdio.h>

const char program_name[] = "reconstruct";

static int run(const struct arguments *a)
{
    struct task t = { .arguments = a };
    int32_t threads = (int32_t)(a->threads > 1 << 30 ? 1 << 30 : a->threads);
    mim_status status = mim_context_create(NULL, &t.context);
    if (!status) status = mim_context_set_threads(t.context, threads);
    if (status)
        tell_failed(t.context, status, "cannot begin");
    if (!status) status = task_open(&t);
    if (!status) status = task_measure(&t);
    if (!status)
        task_report(&t);
    task_close(&t);
    mim_context_destroy(t.context);
    return status != MIM_OK;
}

static int check(const struct arguments *a)
{
    if (!a->weights || !a->data.count)
        return fprintf(stderr, "reconstruct needs --weights PATH and --data FILES; --help lists the options\n");
    if (a->ratio >= 0 && (a->ratio == 0 || a->ratio >= 1))
        return fprintf(stderr, "reconstruct: --mask-ratio %g hides %s\n", a->ratio, a->ratio == 0 ? "nothing" : "all");
    return 0;
}

int main(int argc, char **argv)
{
    struct arguments a = { .ratio = -1, .threads = processors(), .seed = -1 };
    const struct option options[] = {
        { "--weights", TEXT, &a.weights, "PATH", "folder or file of a model that predicts pixels, head included" },
        { "--data", LIST, &a.data, "FILES", "pictures, as pretrain takes them: files or folders" },
        { "--mask-ratio", SECONDS, &a.ratio, "R", "share of patches to hide, above 0 and below 1 (as in pretraining)" },
        { "--count", COUNT, &a.count, "N", "pictures to take, from the first (all)" },
        { "--rows", COUNT, &a.rows, "N", "pictures on the sheet (8; at most the first batch of 32)" },
        { "--set", REPEATED, &a.set, "KEY=VALUE", "set an option on top, masker.kind for one; may be given again" },
        { "--threads", COUNT, &a.threads, "N", "threads (as many as there are processors)" },
        { "--precision", TEXT, &a.precision, "f32|bf16", "arithmetic (as the weights say)" },
        { "--seed", COUNT, &a.seed, "N", "of the masks" },
        { "--out", TEXT, &a.out, "FILE.png", "where the sheet goes; none is drawn unless given" },
        { NULL, FLAG, NULL, NULL, NULL },
    };
    enum option_result read = read_options(options, argc, argv, "reconstruct --weights PATH --data FILES [options]: "
                                                                "hidden patches, predicted", NULL);
    if (read)
        return read == OPTIONS_HELP ? 0 : 2;
    return check(&a) ? 2 : run(&a);
}
