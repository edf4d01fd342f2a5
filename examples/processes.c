/* SPDX-License-Identifier: MIT */
/* processes.c -- processes that train one model: each has pictures of its own, and holds the moments of one range of the
 * weights alone. Their gradients are averaged between backward and update, the updated ranges gathered after it.
 *
 *     processes [PROCESSES [UPDATES]] */
#define _DEFAULT_SOURCE
#include "processes/exchange.h"
#include "support/scenes.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 32, SIDE = 32 };
static uint8_t pixels[BATCH][SIDE][SIDE][3];

/* Batch `number` of all processes together, this one's share of it. */
static mim_status train(const struct process *p, int64_t number)
{
    int n = BATCH / p->all->processes;
    double loss = 0;
    int64_t ids[BATCH];
    mim_images images = { .struct_size = sizeof images, .data = pixels, .type = MIM_U8, .count = n,
                          .height = SIDE, .width = SIDE, .channels = 3 };
    for (int i = 0; i < n; i++)
        scene_draw(1, ids[i] = number * BATCH + p->index * n + i, SIDE, pixels[i][0][0]);
    mim_status status = mim_trainer_forward(p->trainer, &images, 0, ids);
    if (!status) status = mim_trainer_backward(p->trainer);
    if (!status) status = exchange_gradients(p);
    if (!status) status = mim_trainer_update(p->trainer);       /* of its own range */
    if (!status) status = exchange_weights(p);
    if (!status) status = mim_trainer_metric(p->trainer, "loss", &loss);
    if (!status && p->index == 0) printf("update %d, loss %.4f of process 0\n", (int)number + 1, loss);
    return status;
}

static mim_status configure(int processes, int index, mim_context **context, mim_config **config)
{
    mim_status status = mim_context_create(NULL, context);
    if (!status) status = mim_config_create(*context, "simmim_vit_tiny_32", config);
    if (!status) status = mim_config_set_i64(*config, "trainer.batch", BATCH / processes);
    if (!status) status = mim_config_set_str(*config, "optimizer.moments", "bf16");
    if (!status) status = mim_config_set_i64(*config, "optimizer.shards", processes);
    return status ? status : mim_config_set_i64(*config, "optimizer.shard", index);
}

static mim_status run(struct process *p, int64_t updates)
{
    mim_context *context = NULL;
    mim_config *config = NULL;
    char why[256] = "";
    mim_status status = configure(p->all->processes, p->index, &context, &config);
    if (!status) status = mim_trainer_create(context, config, NULL, NULL, NULL, NULL, &p->trainer);
    if (!status) status = exchange_begin(p);
    if (!status) printf("process %d: weights %d to %d\n", p->index, (int)p->first, (int)(p->first + p->count - 1));
    for (int64_t i = 0; i < updates && !status; i++)
        status = train(p, i);
    if (status && context) mim_last_error(context, why, sizeof why, NULL);
    if (status) fprintf(stderr, "process %d: %s %s\n", p->index, mim_status_name(status), why);
    exchange_end(p);
    mim_trainer_destroy(p->trainer);
    mim_config_destroy(config);
    mim_context_destroy(context);
    return status;
}

static struct shared *share(int processes)
{
    mim_context *context = NULL;
    mim_config *config = NULL;
    struct shared *s = configure(processes, 0, &context, &config) ? NULL : shared_create(processes, context, config);
    mim_config_destroy(config);
    mim_context_destroy(context);
    return s;
}

int main(int argc, char **argv)
{
    int processes = argc > 1 ? atoi(argv[1]) : 2, how;
    int64_t updates = argc > 2 ? atoll(argv[2]) : 10;
    struct shared *s = processes > 0 && BATCH % processes == 0 ? share(processes) : NULL;
    if (!s)
        return fprintf(stderr, "processes: %d cannot share a batch of %d\n", processes, BATCH), 1;
    for (int i = 0; i < processes && !atomic_load(&s->failed); i++) {
        pid_t child = fork();
        if (child == 0)
            return run(&(struct process){ .all = s, .index = i }, updates) != MIM_OK;
        if (child < 0)
            atomic_store(&s->failed, 1);
    }
    while (wait(&how) > 0)
        if (how)
            atomic_store(&s->failed, 1);                        /* nobody waits for it any longer */
    return atomic_load(&s->failed);
}
