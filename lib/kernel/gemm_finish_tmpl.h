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

INLINE void gemm_keep(void *p, enum dtype type, ptrdiff_t at, int n, vf x)
{
    if (type == F32 && n >= VN)
        v_store((float *)p + at, x);
    else if (type == F32)
        v_store_n((float *)p + at, n, x);
    else if (n >= VN)
        v_store_bf16((uint16_t *)p + at, x);
    else
        v_store_bf16_n((uint16_t *)p + at, n, x);
}

INLINE void gemm_times_slope(const struct gemm_spot *g, const struct epilogue *ep, enum activation f)
{
    for (int i = 0; i < g->rows; i++) {
        float *t = g->t + i * g->width;
        for (int j = 0; j < g->cols; j += VN) {
            ptrdiff_t at = (g->row + i) * ep->gate_stride + g->col + j;
            struct activated y = v_activate(f, gemm_part_of(ep->gate, ep->gate_type, at, g->cols - j));
            v_store(t + j, v_mul(v_load(t + j), y.slope));
            if (ep->activated)
                gemm_keep(ep->activated, ep->gate_type, at, g->cols - j, y.value);
        }
    }
}
static void gemm_times_gate(const struct gemm_spot *g, const struct epilogue *ep)
{
    switch (ep->gate_activation) {      /* a loop each: no branch in it, and constants in registers */
    case ACT_NONE: gemm_times_slope(g, ep, ACT_NONE); return;
    case ACT_GELU: gemm_times_slope(g, ep, ACT_GELU); return;
    case ACT_GELU_TANH: gemm_times_slope(g, ep, ACT_GELU_TANH); return;
    case ACT_QUICK_GELU: gemm_times_slope(g, ep, ACT_QUICK_GELU); return;
    case ACT_RELU: gemm_times_slope(g, ep, ACT_RELU); return;
    case ACT_SILU: gemm_times_slope(g, ep, ACT_SILU); return;
    case ACT_SIGMOID: gemm_times_slope(g, ep, ACT_SIGMOID); return;
    }
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
