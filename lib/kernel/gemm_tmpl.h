/* SPDX-License-Identifier: MIT */
/* gemm_tmpl.h -- the inner loops of a matrix product: a tile of c in registers, and a run of tiles.
 *
 * The ISA gives MR rows and NV vectors for a full tile; lower and narrower tiles are the same code with other constants.
 * Panels hold floats, or pairs of bf16 where the ISA multiplies these; floats of a may also be taken from a
 * matrix as it lies: from its rows, where a product is too small to earn the packing back, or from its columns, which are like
 * a panel whose depths lie further apart. Where DEPTHS are taken at a time, PACKED means both operands, and ROWS all else. */
enum gemm_left { PACKED, PACKED_PAIRS, ROWS };
struct gemm_rows_ahead { const char *at; ptrdiff_t step, last; };   /* bytes from row to row, and to a row's last one */
struct gemm_step {          /* to[h][nv * VN] = from + a b, panels of depth k; from NULL: zero */
    int k;
    const float *a, *b, *from;
    float *to;
    int tail;               /* lanes of the last vector of a row that are stored */
    ptrdiff_t from_stride, to_stride, b_stride, a_row, a_depth;      /* a_row: of ROWS */
    uintptr_t next, soon;               /* memory to ask for: what the next panels of b take, and what is packed next */
    ptrdiff_t next_step, soon_step;     /* bytes of it for each depth */
    ptrdiff_t soon_turn;                /* and for each row of the tile */
    struct gemm_rows_ahead read, write, keep;   /* what the finished tile meets: asked for row by row, as a burst of misses
                                                   would hold up the panels */
};
enum { AHEAD_A = 16 };      /* depths of a that are asked for early: it streams from second cache */

INLINE void gemm_ask_row(const struct gemm_step *s, int i)
{
    const char *read = s->read.at + i * s->read.step, *write = s->write.at + i * s->write.step;
    const char *keep = s->keep.at + i * s->keep.step;
    prefetch_near(read);
    prefetch_near(read + s->read.last);
    prefetch_write(write);
    prefetch_write(write + s->write.last);
    prefetch_write(keep);
    prefetch_write(keep + s->keep.last);
}

/* sum += a b for one depth: a's value of row i at row[i / 3][i % 3 * a_row] for ROWS, at row[0][i] otherwise. */
INLINE void gemm_depth(enum gemm_left left, int h, int nv, const float *b, const float *const *row, ptrdiff_t at,
                       ptrdiff_t a_row, vf sum[MR][NV])
{
    vf x[NV];
    MIM_UNROLL
    for (int j = 0; j < nv; j++)
        x[j] = v_load(b + j * VN);
    MIM_UNROLL
    for (int i = 0; i < h; i++) {
        vf y = v_all(left == ROWS ? row[i / 3][at + i % 3 * a_row] : row[0][at + i]);
        MIM_UNROLL
        for (int j = 0; j < nv; j++)
            sum[i][j] = left == PACKED_PAIRS ? v_fma_pairs(y, x[j], sum[i][j]) : v_fma(y, x[j], sum[i][j]);
    }
}

/* The same for all depths, DEPTHS at a time: a processor that shares its decoder between two threads counts every
 * instruction. Row i of ROWS is reached from every third one: addresses of x86 can do that without a register each. The
 * loop ends by an address: from a count, compilers work out anew after each turn what the other addresses have become. */
INLINE void gemm_chains(const struct gemm_step *s, enum gemm_left left, int h, int nv, vf sum[MR][NV])
{
    const bool dense = DEPTHS > 1 && left != ROWS;
    const ptrdiff_t step = dense ? h : DEPTHS == 1 && left == ROWS ? 1 : s->a_depth, b_stride = dense ? nv * VN : s->b_stride;
    const float *b = s->b, *row[(MR + 2) / 3];
    int starts = left == ROWS ? (h + 2) / 3 : 1;
    uintptr_t early = (uintptr_t)s->a + (uintptr_t)(AHEAD_A * step) * sizeof *b, next = s->next, soon = s->soon;
    const float *last = b + s->k * b_stride, *end = last - s->k % DEPTHS * b_stride;
    ptrdiff_t part = s->k / (h * DEPTHS) * DEPTHS * b_stride;   /* of b, for a turn */
    MIM_UNROLL
    for (int i = 0; i < starts; i++)
        row[i] = s->a + 3 * i * s->a_row;
    for (int turn = 0; turn < h; turn++) {
        gemm_ask_row(s, turn);
        for (const float *stop = turn < h - 1 ? b + part : end; b != stop; b += DEPTHS * b_stride) {
            prefetch_near((const void *)early);
            prefetch_read((const void *)next);
            prefetch_read((const void *)soon);
            MIM_UNROLL
            for (int d = 0; d < DEPTHS; d++)
                gemm_depth(left, h, nv, b + d * b_stride, row, d * step, s->a_row, sum);
            MIM_UNROLL
            for (int i = 0; i < starts; i++)
                row[i] += DEPTHS * step;
            early += (uintptr_t)(DEPTHS * step) * sizeof *b;
            next += (uintptr_t)(DEPTHS * s->next_step);
            soon += (uintptr_t)(DEPTHS * s->soon_step);
        }
        soon += (uintptr_t)s->soon_turn;
    }
    if (DEPTHS > 1 && b != last)
        gemm_depth(left, h, nv, b, row, 0, s->a_row, sum);
}

INLINE void gemm_add_sums(const float *from, ptrdiff_t stride, int h, int nv, vf sum[MR][NV])
{
    MIM_UNROLL
    for (int i = 0; i < h; i++, from += stride) {
        MIM_UNROLL
        for (int j = 0; j < nv; j++)
            sum[i][j] = v_add(v_load(from + j * VN), sum[i][j]);
    }
}

/* All vectors but the last, and that as far as it is wanted. */
INLINE void gemm_store(float *to, ptrdiff_t stride, int h, int nv, int tail, vf sum[MR][NV])
{
    float *last = to + (nv - 1) * VN;
    MIM_UNROLL
    for (int i = 0; i < h; i++, to += stride) {
        MIM_UNROLL
        for (int j = 0; j < nv - 1; j++)
            v_store(to + j * VN, sum[i][j]);
    }
    if (tail == VN) {
        MIM_UNROLL
        for (int i = 0; i < h; i++, last += stride)
            v_store(last, sum[i][nv - 1]);
        return;
    }
    MIM_UNROLL
    for (int i = 0; i < h; i++, last += stride)
        v_store_n(last, tail, sum[i][nv - 1]);
}

/* h rows by nv vectors, both constants. */
INLINE void gemm_tile(const struct gemm_step *s, enum gemm_left left, int h, int nv)
{
    vf sum[MR][NV];
    MIM_UNROLL
    for (int i = 0; i < h; i++) {
        MIM_UNROLL
        for (int j = 0; j < nv; j++)
            sum[i][j] = v_zero();
    }
    gemm_chains(s, left, h, nv, sum);
    if (s->from)
        gemm_add_sums(s->from, s->from_stride, h, nv, sum);
    gemm_store(s->to, s->to_stride, h, nv, s->tail, sum);
}

/* The same for a height known only now: as many functions as heights, each with constants. */
INLINE void gemm_tile_of(const struct gemm_step *s, enum gemm_left left, int h, int nv)
{
    switch (h) {
    case 1: gemm_tile(s, left, 1, nv); return;
    case 2: gemm_tile(s, left, 2, nv); return;
    case 3: gemm_tile(s, left, 3, nv); return;
    case 4: gemm_tile(s, left, 4, nv); return;
    case 5: if (MR >= 5) gemm_tile(s, left, 5, nv); return;
    case 6: if (MR >= 6) gemm_tile(s, left, 6, nv); return;
    case 7: if (MR >= 7) gemm_tile(s, left, 7, nv); return;
    case 8: if (MR >= 8) gemm_tile(s, left, 8, nv); return;
    case 9: if (MR >= 9) gemm_tile(s, left, 9, nv); return;
    case 10: if (MR >= 10) gemm_tile(s, left, 10, nv); return;
    case 11: if (MR >= 11) gemm_tile(s, left, 11, nv); return;
    case 12: if (MR >= 12) gemm_tile(s, left, 12, nv); return;
    case 13: if (MR >= 13) gemm_tile(s, left, 13, nv); return;
    case 14: if (MR >= 14) gemm_tile(s, left, 14, nv); return;
    }
}

INLINE void gemm_tile_any(const struct gemm_step *s, enum gemm_left left, int h, int nv)
{
    switch (nv) {
    case 1: gemm_tile_of(s, left, h, 1); return;
    case 2: gemm_tile_of(s, left, h, 2); return;
    case 3: if (NV >= 3) gemm_tile_of(s, left, h, 3); return;
    case 4: if (NV >= 4) gemm_tile_of(s, left, h, 4); return;
    }
}

INLINE struct gemm_rows_ahead gemm_ahead(const void *x, enum dtype type, ptrdiff_t stride, int row, int col, int cols)
{
    ptrdiff_t size = (ptrdiff_t)dtype_size(type);
    return (struct gemm_rows_ahead){ (const char *)x + (row * stride + col) * size, stride * size, (cols - 1) * size };
}

/* The tile at row, col meets its sums so far, or c and what the epilogue brings. */
INLINE void gemm_look_ahead(const struct gemm_run *g, struct gemm_step *s, int row, int col, int cols)
{
    const struct epilogue *ep = g->last ? g->ep : NULL;
    s->write = g->last ? gemm_ahead(g->c, g->ct, g->ldc, row, col, cols) : gemm_ahead(s->to, F32, s->to_stride, 0, 0, cols);
    s->read = s->from ? gemm_ahead(s->from, F32, s->from_stride, 0, 0, cols) : s->write;
    s->keep = s->write;
    if (ep && ep->activated)
        s->keep = gemm_ahead(ep->activated, ep->gate_type, ep->gate_stride, row, col, cols);
    if (ep && ep->gate)
        s->read = gemm_ahead(ep->gate, ep->gate_type, ep->gate_stride, row, col, cols);
    else if (ep && ep->residual)
        s->read = gemm_ahead(ep->residual, F32, ep->residual_stride, row, col, cols);
}

INLINE void gemm_run(const struct gemm_run *g, enum gemm_left left)
{
    int start = gemm_start(g->rows, g->from), col = gemm_start(g->cols, g->panel);
    int width = gemm_start(g->cols, g->panel + 1) - col, cols = imin(width, g->cols->n - col);
    bool direct = g->last && !g->ep && g->ct == F32;
    ptrdiff_t a_row = g->a_row ? g->a_row : g->k, b_stride = g->b_stride ? g->b_stride : width;
    int ahead = (int)sizeof(float) * width / imax(1, g->to - g->from);  /* each tile asks for a share of b's next panel */
    uintptr_t next = (uintptr_t)g->b + (uintptr_t)g->k * (uintptr_t)width * sizeof(float);
    _Alignas(64) float tile[MR * NV * VN];
    for (int t = g->from; t < g->to; t++) {
        int row = gemm_start(g->rows, t), h = gemm_start(g->rows, t + 1) - row;
        float *sums = g->first && g->last ? tile : g->sums + (ptrdiff_t)(row - start) * width;
        struct gemm_step s = { g->k, g->a + (row - start) * a_row, g->b, g->first ? NULL : sums, g->last ? tile : sums, VN,
                               width, width, b_stride, g->a_row ? g->a_row : 1, g->a_depth ? g->a_depth : h, next, (uintptr_t)g->b,
                               ahead, 0, 0, { 0 }, { 0 }, { 0 } };
        if (g->soon && row - start < g->soon_rows) {
            s.soon = (uintptr_t)g->soon + (uintptr_t)((row - start) * g->soon_row);
            s.soon_step = g->soon_all ? g->soon_depth * h : g->soon_depth;
            s.soon_turn = g->soon_all ? g->soon_row - g->k / (h * DEPTHS) * DEPTHS * s.soon_step : 0;
        }
        if (direct) {
            s.to = (float *)g->c + row * g->ldc + col;
            s.to_stride = g->ldc;
            s.tail = VN - (width - cols);
        }
        gemm_look_ahead(g, &s, row, col, cols);
        next += (uintptr_t)g->k * (uintptr_t)ahead;
        gemm_tile_any(&s, left, h, width / VN);
        if (g->last && !direct)
            gemm_finish(g, &(struct gemm_spot){ tile, width, row, col, h, cols });
    }
}
