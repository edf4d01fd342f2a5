/* SPDX-License-Identifier: MIT */
/* evaluate.c -- what an encoder has learnt: classify pictures by its features, or fine-tune it; evaluate --help says how.
 *
 *     evaluate --weights run --train data_batch_1.bin data_batch_2.bin --test test_batch.bin
 *     evaluate --weights run --train train --test test --probe finetune --epochs 20 --out tuned
 *
 * evaluate/ holds the parts. */
#include "./evaluate/task.h"
#include "support/system.h"

#include <stdio.h>
#include <string.h>

const char program_name[] = "evaluate";

const char *const probe_names[PROBE_COUNT] = { "linear", "steps", "knn", "finetune", "pixels", "random" };

static mim_status evaluate_all(struct task *t)
{
    mim_status status = task_open(t);
    if (!status)
        status = t->probe == PROBE_STEPS || t->probe == PROBE_FINETUNE ? task_train(t) : task_probe(t);
    return status || t->stopped ? status : task_report(t);
}

static int run(const struct arguments *a, enum probe probe)
{
    struct task t = { .arguments = a, .probe = probe };
    int32_t threads = (int32_t)(a->threads > 1 << 30 ? 1 << 30 : a->threads);
    mim_status status = mim_context_create(NULL, &t.context);
    if (!status) status = mim_context_set_threads(t.context, threads);
    status = status ? tell_failed(t.context, status, "cannot begin") : evaluate_all(&t);
    task_close(&t);
    mim_context_destroy(t.context);
    return status != MIM_OK;
}

static int wrong(const char *sentence, const char *value)
{
    fprintf(stderr, "evaluate: %s%s; --help lists the options\n", sentence, value);
    return 2;
}

/* Of the command line alone. 0, or a status for main. */
static int check(const struct arguments *a, enum probe probe)
{
    if (probe == PROBE_COUNT)
        return wrong("--probe is one of linear, steps, knn, finetune, pixels and random, not ", a->probe);
    if (!a->train.count || !a->test.count)
        return wrong("needs pictures to train on, --train FILES, and others to test, --test FILES", "");
    if (!a->weights && probe != PROBE_PIXELS)
        return wrong("needs --weights PATH, for all but --probe pixels", "");
    if (strcmp(a->pool, "auto") && strcmp(a->pool, "mean") && strcmp(a->pool, "class"))
        return wrong("--pool is auto, mean or class, not ", a->pool);
    return 0;
}

int main(int argc, char **argv)
{
    struct arguments a = { .probe = "linear", .features = "pooled", .pool = "auto", .threads = processors(), .seed = -1 };
    const struct option options[] = {
        { "--weights", TEXT, &a.weights, "PATH", "folder as pretrain, timm or transformers writes it, or a file of libmim" },
        { "--train", LIST, &a.train, "FILES", "labelled pictures, CIFAR-10 binary or IDX: files or folders" },
        { "--test", LIST, &a.test, "FILES", "likewise: what the accuracies are of" },
        { "--probe", TEXT, &a.probe, "NAME", "linear: logistic regression on features (unless given)\n"
                                             "steps: a linear classifier by steps with augmentation, as MAE does\n"
                                             "knn: weighted nearest neighbours; finetune: the whole encoder\n"
                                             "pixels: as linear, on plain pixels; random: on an untrained encoder" },
        { "--scratch", FLAG, &a.scratch, NULL, "begin untrained: the same without what the weights hold (and without layer decay)" },
        { "--features", TEXT, &a.features, "OUTPUT", "linear, steps, knn: pooled (unless given), tokens, block.K, stage.K" },
        { "--pool", TEXT, &a.pool, "HOW", "tokens, block.K, stage.K to one row: class, mean, or auto as the encoder does" },
        { "--epochs", COUNT, &a.epochs, "N", "steps, finetune: passes over the training pictures (20)" },
        { "--batch", COUNT, &a.batch, "N", "steps, finetune: pictures a batch (256)" },
        { "--set", REPEATED, &a.set, "KEY=VALUE", "set an option on top; may be given again" },
        { "--threads", COUNT, &a.threads, "N", "threads (as many as there are processors)" },
        { "--precision", TEXT, &a.precision, "f32|bf16", "arithmetic (as the weights say)" },
        { "--seed", COUNT, &a.seed, "N", "initial weights, augmentation, order of the pictures" },
        { "--classes", COUNT, &a.classes, "N", "classes, where the labels do not show them all" },
        { "--names", TEXT, &a.names, "FILE", "names of the classes, one a line" },
        { "--out", TEXT, &a.out, "DIR", "confusion.png, classes.csv; of finetune and steps also curve.png, log.csv and\n"
                                        "the model, after Ctrl-C too" },
        { NULL, FLAG, NULL, NULL, NULL },
    };
    enum option_result read = read_options(options, argc, argv, "evaluate --weights PATH --train FILES --test FILES "
                                                                "[options]: what an encoder has learnt", NULL);
    if (read)
        return read == OPTIONS_HELP ? 0 : 2;
    int probe = 0;
    while (probe < PROBE_COUNT && strcmp(a.probe, probe_names[probe]))
        probe++;
    int bad = check(&a, (enum probe)probe);
    return bad ? bad : run(&a, (enum probe)probe);
}
