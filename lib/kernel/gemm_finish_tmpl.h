/* SPDX-License-Identifier: MIT */
/* gemm_finish_tmpl.h -- a finished tile, still in first cache, through the epilogue into c. One pass over the tile for
 * each part that is asked for: the tile is a few dozen vectors, and a pass without branches costs less than a branch
 * for each of them. */
struct gemm_spot {          /* rows x cols values at c[row][col]; t is dense with `width` floats a row, zero filled */
    float *t;
    int width, row, col, rows, cols;
};

INLINE vf gemm_part(const float *p, int n) { return n >= VN ? v_load(p) : v_load_n(p, n); }
INLINE vf gemm_part_of(const void *p, enum dtype type, ptrdiff_t at, int n)
{
    if (type == F32)
        return gemm_part((const float *)p + at, n);
    const uint16_t *h = (const uint16_t *)p + at;
    return n >= VN ? v_load_bf16(h) : v_load_bf16_n(h, n);
}

static void gemm_add_row(const struct gemm_spot *g, const float *bias)
{
    for (int j = 0; j < g->cols; j += VN) {
        vf b = gemm_part(bias + g->col + j, g->cols - j);
        for (float *t = g->t + j, *end = t + g->rows * g->width; t < end; t += g->width)
            v_store(t, v_add(v_load(t), b));
    }
}

static void gemm_times_row(const struct gemm_spot *g, const float *factor)
{
    for (int j = 0; j < g->cols; j += VN) {
        vf f = gemm_part(factor + g->col + j, g->cols - j);
        for (float *t = g->t + j, *end = t + g->rows * g->width; t < end; t += g->width)
            v_store(t, v_mul(v_load(t), f));
    }
}

static void gemm_times_column(const struct gemm_spot *g, const float *factor, int group)
{
    for (int i = 0; i < g->rows; i++) {
        vf f = v_all(factor[(g->row + i) / group]);
        for (float *t = g->t + i * g->width, *end = t + g->cols; t < end; t += VN)
            v_store(t, v_mul(v_load(t), f));
    }
}

static void gemm_add_matrix(const struct gemm_spot *g, const void *x, enum dtype type, ptrdiff_t stride)
{
    for (int i = 0; i < g->rows; i++) {
        float *t = g->t + i * g->width;
        for (int j = 0; j < g->cols; j += VN)
            v_store(t + j, v_add(v_load(t + j), gemm_part_of(x, type, (g->row + i) * stride + g->col + j, g->cols - j)));
    }
}

/* n values from place `at` on, then zeros to the end of a row of the tile. */
static void gemm_take_row(const void *p, enum dtype type, ptrdiff_t at, int n, int width, float *to)
{
    int j = 0;
    for (; j < n; j += VN)
        v_store(to + j, gemm_part_of(p, type, at + j, n - j));
    for (; j < width; j += VN)
        v_store(to + j, v_zero());
}

static void gemm_put_row(const float *t, int n, void *c, enum dtype ct, ptrdiff_t at)
{
    int j = 0;
    if (ct == BF16) {
        uint16_t *h = (uint16_t *)c + at;
        for (; j + VN <= n; j += VN)
            v_store_bf16(h + j, v_load(t + j));
        if (j < n)
            v_store_bf16_n(h + j, n - j, v_load(t + j));
        return;
    }
    float *f = (float *)c + at;
    for (; j + VN <= n; j += VN)
        v_store(f + j, v_load(t + j));
    if (j < n)
        v_store_n(f + j, n - j, v_load(t + j));
}

INLINE void gemm_times_slope(int n, enum activation f, float *t, float *gate)
{
    for (int i = 0; i < n; i += VN) {
        struct activated y = v_activate(f, v_load(gate + i));
        v_store(t + i, v_mul(v_load(t + i), y.slope));
        v_store(gate + i, y.value);
    }
}

/* n values at once, of t times the derivative at gate, of gate the activation itself. */
static void gemm_activate(int n, enum activation f, float *t, float *gate)
{
    switch (f) {            /* a loop each: no branch in it, and constants in registers */
    case ACT_NONE: return;
    case ACT_GELU: gemm_times_slope(n, ACT_GELU, t, gate); return;
    case ACT_GELU_TANH: gemm_times_slope(n, ACT_GELU_TANH, t, gate); return;
    case ACT_QUICK_GELU: gemm_times_slope(n, ACT_QUICK_GELU, t, gate); return;
    case ACT_RELU: gemm_times_slope(n, ACT_RELU, t, gate); return;
    case ACT_SILU: gemm_times_slope(n, ACT_SILU, t, gate); return;
    case ACT_SIGMOID: gemm_times_slope(n, ACT_SIGMOID, t, gate); return;
    }
}

enum { GATED = 32 };        /* vectors at a time: a full tile has fewer */
static void gemm_times_gate(const struct gemm_spot *g, const struct epilogue *ep)
{
    _Alignas(64) float gate[GATED * VN];
    int each = GATED * VN / g->width;
    for (int from = 0; from < g->rows; from += each) {
        int rows = imin(each, g->rows - from);
        ptrdiff_t at = (g->row + from) * ep->gate_stride + g->col;
        for (int i = 0; i < rows; i++)
            gemm_take_row(ep->gate, ep->gate_type, at + i * ep->gate_stride, g->cols, g->width, gate + i * g->width);
        gemm_activate(rows * g->width, ep->gate_activation, g->t + from * g->width, gate);
        for (int i = 0; ep->activated && i < rows; i++)
            gemm_put_row(gate + i * g->width, g->cols, ep->activated, ep->gate_type, at + i * ep->gate_stride);
    }
}

static void gemm_finish(const struct gemm_run *r, const struct gemm_spot *g)
{
    const struct epilogue *ep = r->ep;
    if (ep) {
        if (ep->bias)
            gemm_add_row(g, ep->bias);
        if (ep->gate)
            gemm_times_gate(g, ep);
        if (ep->col_factor)
            gemm_times_row(g, ep->col_factor);
        if (ep->row_factor)
            gemm_times_column(g, ep->row_factor, ep->row_group);
        if (ep->residual)
            gemm_add_matrix(g, ep->residual, F32, ep->residual_stride);
        if (ep->add)
            gemm_add_matrix(g, r->c, r->ct, r->ldc);
    }
    for (int i = 0; i < g->rows; i++)
        gemm_put_row(g->t + i * g->width, g->cols, r->c, r->ct, (g->row + i) * r->ldc + g->col);
}
