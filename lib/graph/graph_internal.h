/* SPDX-License-Identifier: MIT */
/* graph_internal.h -- what graph.c builds and plan.c reads. */
#ifndef MIM_GRAPH_GRAPH_INTERNAL_H
#define MIM_GRAPH_GRAPH_INTERNAL_H

#include "graph/graph.h"

enum tensor_kind { TENSOR_INPUT, TENSOR_PARAM, TENSOR_CONSTANT, TENSOR_RESULT };

struct tensor {
    enum tensor_kind kind;
    int index;                  /* among the tensors of the graph */
    int source;                 /* node of a result, number of a parameter */
    struct shape shape;
    enum dtype type;
    float *constant;
};

static inline size_t mim__tensor_bytes(const struct tensor *t) { return elements(&t->shape) * dtype_size(t->type); }

struct node {                   /* one operator of the tape */
    const struct op *op;
    _Alignas(16) unsigned char attr[MAX_ATTR];
    char scope[64];             /* "blocks.3." */
    char place[48];             /* in the model: "mlp.fc1", the same for every block */
    int n, segment;
    struct tensor *in[MAX_IN], *out;
    struct sizes sizes;
};

struct output { char name[64]; struct tensor *tensor; };

struct graph {
    mim_context *ctx;
    const struct kernels *k;
    mim_status status;          /* of the first failure; it sticks */
    char scope[64];
    int store, segment;
    struct tensor **tensors; int tensor_count, tensor_room;
    struct node *nodes; int node_count, node_room;
    struct param *params; int param_count, param_room;
    struct output *outputs; int output_count, output_room;
    size_t store_size[MAX_STORES];
};

#endif
