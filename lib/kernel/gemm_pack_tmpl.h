/* SPDX-License-Identifier: MIT */
/* gemm_pack_tmpl.h -- operands into panels, and on the way whatever `struct matrix` asks for. Lanes always run along
 * rows of memory; where a panel wants them across, blocks of VN x VN are turned over in registers.
 *
 * Compute types: a float as it is (SINGLE), a float rounded to bf16 (ROUNDED), a pair of bf16 (PAIRED). Each comes in
 * two builds: from plain f32 and from plain bf16. What is more than that is prepared in first cache, part by part, and
 * packed from there. */
enum gemm_value { SINGLE, ROUNDED, PAIRED };
enum gemm_source { PLAIN_F32, PLAIN_BF16 };
enum { GROUP = 8, AHEAD = 16 };      /* depths at a time; how far ahead memory is asked for, twice that in rows of bf16 */

/* Columns c to c + n of row r, n <= 32. */
INLINE void gemm_prefetch(const struct matrix *x, bool narrow, int r, int c, int n)
{
    const char *p = (const char *)x->data + (r * x->stride + c) * (narrow ? 2 : 4);
    prefetch_near(p);
    if (!narrow && n > 16)
        prefetch_near(p + 64);
}

INLINE vf gemm_load(const struct matrix *x, bool narrow, ptrdiff_t at, int n)
{
    if (narrow) {
        const uint16_t *h = (const uint16_t *)x->data + at;
        return n == VN ? v_load_bf16(h) : v_load_bf16_n(h, n);
    }
    const float *f = (const float *)x->data + at;
    return n == VN ? v_load(f) : v_load_n(f, n);
}

INLINE vf gemm_some(const float *p, int n) { return n == VN ? v_load(p) : v_load_n(p, n); }

/* Columns c to c + n of row r, n <= VN, the other lanes zero or nothing that matters. */
INLINE vf gemm_fetch(const struct matrix *x, enum gemm_source from, int r, int c, int n)
{
    return gemm_load(x, from == PLAIN_BF16, r * x->stride + c, n);
}

/* One packed vector: columns c to c + n of row r, n <= VN * step. */
INLINE vf gemm_along_row(const struct matrix *x, enum gemm_source from, enum gemm_value to, int r, int c, int n)
{
    if (to == PAIRED && from == PLAIN_BF16)
        return v_load_pairs((const uint16_t *)x->data + r * x->stride + c, n);
    vf low = gemm_fetch(x, from, r, c, imin(n, VN));
    if (to == PAIRED)
        return v_pairs_along(low, n > VN ? gemm_fetch(x, from, r, c + VN, n - VN) : v_zero());
    return to == ROUNDED && from != PLAIN_BF16 ? v_bf16(low) : low;
}

/* VN depths of VN lanes, which are memory rows i, i + 1, ...; lanes from `lanes` on repeat the last one. `full`: all VN
 * depths are there. A group of lanes that sticks out of its panel spills into depths that are written later, or behind
 * the panels; where another group comes before it, it must not. */
INLINE void gemm_pack_block(const struct gemm_pack *g, enum gemm_source from, enum gemm_value to, bool full,
                            int i, int lanes, int p, int width, int room, float *out)
{
    int step = to == PAIRED ? 2 : 1, n = full ? VN * step : g->k - p * step, end = ceil_div(n, step);
    vf t[VN];
    if (full) {
        MIM_UNROLL
        for (int r = 0; r < VN; r++)
            t[r] = gemm_along_row(g->x, from, to, i + imin(r, lanes - 1), g->p + p * step, n);
    } else {                    /* unrolled, this would be most of the library's code */
        for (int r = 0; r < VN; r++)
            t[r] = gemm_along_row(g->x, from, to, i + imin(r, lanes - 1), g->p + p * step, n);
    }
    v_transpose(t);
    if (full && room >= VN) {
        MIM_UNROLL
        for (int q = 0; q < VN; q++)
            v_store(out + q * width, t[q]);
        return;
    }
    for (int q = 0; q < end; q++)
        v_store_n(out + q * width, imin(room, VN), t[q]);
}

INLINE void gemm_pack_across(const struct gemm_pack *g, enum gemm_source from, enum gemm_value to,
                             int i, int count, int width, float *panel)
{
    int step = to == PAIRED ? 2 : 1, whole = g->k / (VN * step) * VN, k = ceil_div(g->k, step);
    for (int at = 0; at < width; at += VN) {
        int lanes = imin(VN, count - at), room = at ? width - at : VN, p = 0;
        for (; p < whole; p += VN)
            gemm_pack_block(g, from, to, true, i + at, lanes, p, width, room, panel + (ptrdiff_t)p * width + at);
        if (p < k)
            gemm_pack_block(g, from, to, false, i + at, lanes, p, width, imin(VN, width - at),
                            panel + (ptrdiff_t)p * width + at);
    }
}

/* One packed vector of a panel whose lanes are memory columns c to c + n, at depth p of it. */
INLINE vf gemm_along_depth(const struct gemm_pack *g, enum gemm_source from, enum gemm_value to, int p, int c, int n)
{
    if (to != PAIRED) {
        vf v = gemm_fetch(g->x, from, g->p + p, c, n);
        return to == ROUNDED && from != PLAIN_BF16 ? v_bf16(v) : v;
    }
    vf low = gemm_fetch(g->x, from, g->p + 2 * p, c, n);
    return v_pairs_across(low, 2 * p + 1 < g->k ? gemm_fetch(g->x, from, g->p + 2 * p + 1, c, n) : v_zero());
}

struct gemm_rows {          /* depths p to end of one panel: lanes are memory columns i to i + count */
    int p, end, i, count, width;
    float *panel;
};

/* Vector j of nv at one depth. What it holds beyond the width spills into the next depths, which are written later, but for
 * the last ones, from `safe` on. */
INLINE void gemm_pack_vector(const struct gemm_pack *g, enum gemm_source from, enum gemm_value to, int nv,
                             const struct gemm_rows *r, int p, int safe, int j)
{
    float *out = r->panel + (ptrdiff_t)p * r->width + j * VN;
    vf v = gemm_along_depth(g, from, to, p, r->i + j * VN, j < nv - 1 ? VN : r->count - j * VN);
    if (j < nv - 1 || p < safe)
        v_store(out, v);
    else
        v_store_n(out, r->width - j * VN, v);
}

INLINE void gemm_pack_rows(const struct gemm_pack *g, enum gemm_source from, enum gemm_value to, int nv,
                           const struct gemm_rows *r)
{
    int k = to == PAIRED ? ceil_div(g->k, 2) : g->k, safe = imin(r->end, k - ceil_div(nv * VN - r->width, r->width));
    bool narrow = from == PLAIN_BF16;
    int ahead = narrow ? 2 * AHEAD : AHEAD;
    for (int p = r->p; p < r->end; p++) {
        if (to == PAIRED)
            gemm_prefetch(g->x, narrow, g->p + 2 * (p + ahead) + 1, r->i, nv * VN);
        gemm_prefetch(g->x, narrow, g->p + (to == PAIRED ? 2 * (p + ahead) : p + ahead), r->i, nv * VN);
        if (nv == 1) {
            gemm_pack_vector(g, from, to, 1, r, p, safe, 0);
        } else if (nv == 2) {
            gemm_pack_vector(g, from, to, 2, r, p, safe, 0);
            gemm_pack_vector(g, from, to, 2, r, p, safe, 1);
        } else {
            for (int j = 0; j < nv; j++)
                gemm_pack_vector(g, from, to, nv, r, p, safe, j);
        }
    }
}

/* The same for a number of vectors known only now. */
INLINE void gemm_pack_rows_of(const struct gemm_pack *g, enum gemm_source from, enum gemm_value to, int nv,
                              const struct gemm_rows *r)
{
    if (nv == 2)
        gemm_pack_rows(g, from, to, 2, r);
    else if (nv == 1)
        gemm_pack_rows(g, from, to, 1, r);
    else
        gemm_pack_rows(g, from, to, nv, r);
}

/* A few depths of all panels, then the next few: memory rows are read straight on. */
INLINE void gemm_pack_along(const struct gemm_pack *g, enum gemm_source from, enum gemm_value to)
{
    int k = to == PAIRED ? ceil_div(g->k, 2) : g->k, start = gemm_start(g->cut, g->from);
    for (int p = 0; p < k; p += GROUP) {
        int i = start, end = imin(p + GROUP, k);
        for (int t = g->from; t < g->to; t++) {
            int next = gemm_start(g->cut, t + 1), width = next - i, count = imin(width, g->cut->n - i);
            struct gemm_rows r = { p, end, i, count, width, g->panels + (ptrdiff_t)(i - start) * k };
            gemm_pack_rows_of(g, from, to, ceil_div(width, VN), &r);
            i = next;
        }
    }
}

INLINE void gemm_pack_from(const struct gemm_pack *g, enum gemm_source from, enum gemm_value to)
{
    if (!g->across) {
        gemm_pack_along(g, from, to);
        return;
    }
    int start = gemm_start(g->cut, g->from), k = to == PAIRED ? ceil_div(g->k, 2) : g->k;
    for (int t = g->from; t < g->to; t++) {
        int i = gemm_start(g->cut, t), width = gemm_start(g->cut, t + 1) - i;
        gemm_pack_across(g, from, to, i, imin(width, g->cut->n - i), width, g->panels + (ptrdiff_t)(i - start) * k);
    }
}

/* ---- preparing ---- */

/* Pieces of memory rows: so many, so long (no panel is wider than either), and so far apart that they stay out of each
 * other's way in first cache. */
enum { READY_ROWS = 32, READY = 128, READY_STRIDE = READY + 16 };

/* Columns c to c + n of row r as the product sees them. Meanwhile what lies `ahead` elements further is asked for. */
static void gemm_prepare(const struct matrix *x, int r, int c, int n, ptrdiff_t ahead, float *to)
{
    ptrdiff_t at = r * x->stride + c, size = (ptrdiff_t)dtype_size(x->type);
    const float *from = x->type == F32 ? (const float *)x->data + at : to;
    for (ptrdiff_t i = 0; i < n * size; i += 64)
        prefetch_near((const char *)x->data + (at + ahead) * size + i);
    if (x->type == BF16)
        row_widen(n, (const uint16_t *)x->data + at, to);
    if (x->mean) {
        row_norm(n, from, x->mean[r], x->rstd[r], x->gamma + c, x->beta + c, to);
        from = to;
    }
    if (x->activation != ACT_NONE) {
        row_activate(n, x->activation, from, to);
        from = to;
    }
    if (x->row_factor) {
        row_scale(n, x->row_factor[r / x->row_group], from, to);
        from = to;
    }
    if (x->col_factor)
        row_multiply(n, from, x->col_factor + c, to);
}

/* Panel t, lanes rows of memory, a part of the depth after the other. */
static void gemm_prepare_across(const struct gemm_pack *g, int t, int step, void (*pack)(const struct gemm_pack *g))
{
    _Alignas(64) float ready[READY_ROWS * READY_STRIDE];
    int start = gemm_start(g->cut, g->from), i = gemm_start(g->cut, t), width = gemm_start(g->cut, t + 1) - i;
    const struct gemm_cut one = { imin(width, g->cut->n - i), width, 1, 1, 0 };
    const struct matrix x = { .data = ready, .type = F32, .stride = READY_STRIDE };
    float *panel = g->panels + (ptrdiff_t)(i - start) * ceil_div(g->k, step);
    for (int p = 0; p < g->k; p += READY) {
        int depth = imin(READY, g->k - p);
        for (int r = 0; r < one.n; r++)
            gemm_prepare(g->x, i + r, g->p + p, depth, READY, ready + r * READY_STRIDE);
        pack(&(struct gemm_pack){ &x, true, &one, 0, 1, 0, depth, panel + (ptrdiff_t)(p / step) * width });
    }
}

/* Panels [from, to), READY columns at most, lanes columns of memory: depths p to p + depth. */
static void gemm_prepare_along(const struct gemm_pack *g, int from, int to, int p, int depth, int step,
                               void (*pack)(const struct gemm_pack *g))
{
    _Alignas(64) float ready[READY_ROWS * READY_STRIDE];
    int start = gemm_start(g->cut, g->from), first = gemm_start(g->cut, from);
    int last = imin(gemm_start(g->cut, to), g->cut->n);
    for (int r = 0; r < depth; r++)
        gemm_prepare(g->x, g->p + p + r, first, last - first, READY_ROWS * g->x->stride, ready + r * READY_STRIDE);
    for (int t = from; t < to; t++) {
        int i = gemm_start(g->cut, t), width = gemm_start(g->cut, t + 1) - i;
        const struct gemm_cut one = { imin(width, g->cut->n - i), width, 1, 1, 0 };
        const struct matrix x = { .data = ready + i - first, .type = F32, .stride = READY_STRIDE };
        float *panel = g->panels + (ptrdiff_t)(i - start) * ceil_div(g->k, step) + (ptrdiff_t)(p / step) * width;
        pack(&(struct gemm_pack){ &x, false, &one, 0, 1, 0, depth, panel });
    }
}

static void gemm_pack_prepared(const struct gemm_pack *g, int step, void (*pack)(const struct gemm_pack *g))
{
    int each = READY / imax(MR, NV * VN);
    for (int t = g->from; g->across && t < g->to; t++)
        gemm_prepare_across(g, t, step, pack);
    for (int p = 0; !g->across && p < g->k; p += READY_ROWS)
        for (int t = g->from; t < g->to; t += each)
            gemm_prepare_along(g, t, imin(t + each, g->to), p, imin(READY_ROWS, g->k - p), step, pack);
}

/* On copies: what the panels are written through may alias anything, and would make every field be read again and again.
 * pack: the caller itself, for what has been prepared. */
INLINE void gemm_pack_to(const struct gemm_pack *given, enum gemm_value to, void (*pack)(const struct gemm_pack *g))
{
    const struct matrix x = *given->x;
    const struct gemm_cut cut = *given->cut;
    const struct gemm_pack g = { &x, given->across, &cut, given->from, given->to, given->p, given->k, given->panels };
    if (x.mean || x.activation != ACT_NONE || x.row_factor || x.col_factor)
        gemm_pack_prepared(&g, to == PAIRED ? 2 : 1, pack);
    else if (x.type == BF16)
        gemm_pack_from(&g, PLAIN_BF16, to);
    else
        gemm_pack_from(&g, PLAIN_F32, to);
}
