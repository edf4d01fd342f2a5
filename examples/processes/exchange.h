/* SPDX-License-Identifier: MIT */
/* exchange.h -- what goes between the processes of one run, through memory that they share. */
#ifndef EXAMPLES_PROCESSES_EXCHANGE_H
#define EXAMPLES_PROCESSES_EXCHANGE_H

#include <mim.h>

#include <stdatomic.h>

struct shared {                         /* by all processes */
    atomic_int there, turn, failed;
    int processes;
    size_t elements;                    /* of the array of gradients */
    float numbers[];                    /* weights of all ranges, then the gradients of each process */
};

struct process {
    struct shared *all;
    int index;
    mim_trainer *trainer;
    mim_tensors *views[3];              /* weights of encoder and head; gradients, laid out as these one after the other */
    int64_t first, count;               /* range of the weights that this process updates */
};

/* NULL: no memory. For models of the configuration. */
struct shared *shared_create(int processes, mim_context *context, const mim_config *config);

mim_status exchange_begin(struct process *p);       /* once there is a trainer */
void exchange_end(struct process *p);
/* Between backward and update: the mean of all processes' gradients, the same in each. */
mim_status exchange_gradients(const struct process *p);
/* After update: each process has the weights that the others have updated. */
mim_status exchange_weights(const struct process *p);

#endif
