/* SPDX-License-Identifier: MIT */
/* pretrain.c -- masked pretraining on a folder or file of pictures; pretrain --help says how.
 *
 *     pretrain --data cifar-10-batches-bin --config simmim_vit_tiny_32 --steps 20000 --out run
 *     pretrain --resume --out run
 *
 * Ctrl-C saves and ends; the run can be taken up again from its state file alone. pretrain/ holds the parts. */
#include "pretrain/run.h"
#include "support/interrupt.h"
#include "support/outputs.h"

#include <stdlib.h>

static mim_status print_presets(void)
{
    size_t needed = 0;
    mim_config_presets(NULL, 0, &needed);
    char *json = malloc(needed + 1);
    mim_status status = json ? mim_config_presets(json, needed + 1, NULL) : MIM_ERR_NOMEM;
    if (!status)
        printf("%s\n", json);
    free(json);
    return status;
}

/* A model that has no form of transformers' is described by the file of its weights alone. */
static void print_done(const char *out)
{
    char *path = join_path(out, "config.json");
    printf("Done. %s holds model.safetensors,%s state.safetensors, log.csv, held_out.csv, reconstruction.png and "
           "curve.png.\n", out, path && is_file(path) ? " config.json," : "");
    free(path);
}

static mim_status train(struct run *r)
{
    mim_status status = run_begin(r);
    if (status == MIM_ERR_CANCELLED) {
        printf("Stopped before the first step; nothing was written.\n");
        return MIM_OK;
    }
    if (!status && r->step >= r->steps)
        printf("All %lld steps are done already; --steps N asks for more.\n", (long long)r->steps);
    else if (!status) {
        status = run_steps(r);
        if (!status && r->saved != r->step) status = run_save(r);
        if (!status && r->step < r->steps)
            printf("Stopped after step %lld and saved; go on with: pretrain --resume --out %s\n", (long long)r->step,
                   r->arguments.out);
        else if (!status)
            print_done(r->arguments.out);
    }
    return status;
}

static int run(const struct arguments *a)
{
    struct run r = { .arguments = *a };
    mim_status status = mim_context_create(NULL, &r.context);
    if (!status) status = mim_context_set_threads(r.context, (int32_t)(a->threads > 1 << 30 ? 1 << 30 : a->threads));
    if (status) {
        print_error(r.context, status);
    } else {
        interrupt_begin(r.context);
        status = train(&r);
        interrupt_end();
    }
    run_end(&r);
    mim_context_destroy(r.context);
    return status != MIM_OK;
}

static int check(const struct arguments *a)
{
    if (!a->out)
        return fprintf(stderr, "pretrain needs --out DIR; --help lists the options\n");
    if (!a->data && !a->resume)
        return fprintf(stderr, "pretrain needs --data PATH; --help lists the options\n");
    if (a->resume && a->config)
        return fprintf(stderr, "pretrain: --resume goes on with the options of the run, not --config; --set changes some\n");
    return 0;
}

int main(int argc, char **argv)
{
    struct arguments a = { .threads = processors(), .seed = -1, .save_every = 1000 };
    const struct option options[] = {
        { "--data", TEXT, &a.data, "PATH", "CIFAR-10 binary file or folder of data_batch_*.bin, IDX file, or\n"
                                           "PPM or PGM file or folder of such" },
        { "--config", TEXT, &a.config, "NAME|FILE", "preset, or JSON file of options (simmim_vit_tiny_32)" },
        { "--set", REPEATED, &a.set, "KEY=VALUE", "set an option on top; may be given again" },
        { "--steps", COUNT, &a.steps, "N", "updates in all; to be given unless the configuration says" },
        { "--batch", COUNT, &a.batch, "N", "pictures a batch" },
        { "--threads", COUNT, &a.threads, "N", "threads (as many as there are processors)" },
        { "--precision", TEXT, &a.precision, "f32|bf16", "arithmetic" },
        { "--seed", COUNT, &a.seed, "N", "initial weights, masks, augmentation, order of the pictures" },
        { "--out", TEXT, &a.out, "DIR", "folder of all that is written" },
        { "--save-every", COUNT, &a.save_every, "N", "updates between saves (1000); 0: at the end alone" },
        { "--resume", FLAG, &a.resume, NULL, "go on with the run in DIR; what else is given here wins" },
        { "--presets", FLAG, &a.presets, NULL, "list the presets" },
        { NULL, FLAG, NULL, NULL, NULL },
    };
    enum option_result read = read_options(options, argc, argv,
                                           "pretrain --data PATH --out DIR [options]: masked pretraining", NULL);
    if (read)
        return read == OPTIONS_HELP ? 0 : 2;
    if (a.presets)
        return print_presets() != MIM_OK;
    if (check(&a))
        return 2;
    if (!a.config)
        a.config = "simmim_vit_tiny_32";
    return run(&a);
}
