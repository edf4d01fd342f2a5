/* SPDX-License-Identifier: MIT */
/* gemm_small_tmpl.h -- a whole product that is too small to earn packing back (gemm.h, struct gemm_small).
 *
 * The left operand is taken value by value, along its rows or its columns, mostly as it lies; the right one in panels of
 * whole vectors, as it lies or turned over one panel at a time. A few columns beyond the last whole vector would waste most
 * of one: for them a is the right operand and b the left one.
 *
 *     c = [ a b' | (b''^T a^T)^T ]        b' the columns in whole vectors, b'' the odd ones
 *
 * A single odd column (of 49, 65 or 257) is done with the last panel: the values of a that a tile has at hand, one for each
 * row, are the lanes of one vector more.
 *
 * The sums are those of gemm_tmpl.h, bit for bit. */
enum { SMALL_NV = VREGS == 32 ? 3 : 2, SMALL_MR = VREGS == 32 ? 9 : 6, ODD = VN / 3,
       LAST_MR = SMALL_MR - 1, ALONG = (int)LAST_MR <= (int)VN };   /* most rows where a single odd column goes along */

/* Value (i, p) of an operand: one float, or a pair of bf16, at[i * row + p * depth]; one of the two steps is 1. Rows of a,
 * columns of b; where they lie side by side, `wide` of them can be read. */
struct small_values { const float *at; ptrdiff_t row, depth; int wide; };

INLINE bool small_lies(const struct matrix *x, enum gemm_value to, int k)
{
    size_t size = dtype_size(x->type);
    if ((size_t)x->stride * size % 2048 == 0)   /* rows would fall upon each other in first cache */
        return false;
    if (to == PAIRED)
        return x->type == BF16 && !x->transposed && !((x->stride | k) & 1) && !((uintptr_t)x->data & 3);
    return to == SINGLE && x->type == F32;
}

/* n rows of an operand put straight into `space`, or as they lie. */
INLINE struct small_values small_laid(const struct matrix *x, enum gemm_source from, enum gemm_value to, int n, int k,
                                      float *space)
{
    int step = to == PAIRED ? 2 : 1, deep = ceil_div(k, step), width = (int)round_up((size_t)(x->transposed ? n : deep), VN);
    const struct gemm_pack g = { .x = x, .k = k };
    if (!x->transposed)
        for (int r = 0; r < n; r++)
            for (int p = 0; p < deep; p += VN)
                v_store(space + r * width + p, gemm_along_row(x, from, to, r, p * step, imin(k - p * step, VN * step)));
    else
        for (int p = 0; p < deep; p++)
            for (int r = 0; r < n; r += VN)
                v_store(space + p * width + r, gemm_along_depth(&g, from, to, p, r, imin(n - r, VN)));
    return x->transposed ? (struct small_values){ space, 1, width, width } : (struct small_values){ space, width, 1, 0 };
}
INLINE struct small_values small_values(const struct matrix *x, enum gemm_value to, int n, int k, float *space)
{
    if (!small_lies(x, to, k))
        return x->type == BF16 ? small_laid(x, PLAIN_BF16, to, n, k, space) : small_laid(x, PLAIN_F32, to, n, k, space);
    ptrdiff_t stride = to == PAIRED ? x->stride / 2 : x->stride;
    return x->transposed ? (struct small_values){ x->data, 1, stride, n } : (struct small_values){ x->data, stride, 1, 0 };
}

/* t[q] = VN rows from row i on at depth p + q; lanes from `lanes` on repeat the last row, depths from `depths` on are not
 * to be used. */
INLINE void small_turn(const struct small_values *x, int i, int lanes, int p, int depths, vf t[VN])
{
    const float *at = x->at + i * x->row + p * x->depth;
    if (x->row == 1) {
        MIM_UNROLL
        for (int q = 0; q < VN; q++)
            t[q] = gemm_some(at + imin(q, depths - 1) * x->depth, lanes);
        return;
    }
    MIM_UNROLL
    for (int r = 0; r < VN; r++)
        t[r] = gemm_some(at + imin(r, lanes - 1) * x->row, depths);
    v_transpose(t);
}

/* VN lanes of a panel. */
INLINE void small_turn_lanes(const struct small_values *b, int i, int lanes, int k, float *panel, int width)
{
    vf t[VN];
    for (int p = 0; p < k; p += VN, panel += VN * width) {
        if (lanes == VN && p + VN <= k) {
            small_turn(b, i, VN, p, VN, t);
            MIM_UNROLL
            for (int q = 0; q < VN; q++)
                v_store(panel + q * width, t[q]);
            continue;
        }
        small_turn(b, i, lanes, p, imin(VN, k - p), t);
        for (int q = 0; q < imin(VN, k - p); q++)
            v_store(panel + q * width, t[q]);
    }
}

struct small_step {         /* to[h][nv * VN] = a b */
    int k;
    struct small_values a;
    const float *b; ptrdiff_t b_stride;
    float *to; ptrdiff_t to_stride;
    int tail;               /* lanes of the last vector of a row that are stored */
    const float *last; ptrdiff_t last_depth;    /* one column of b more; NULL: none */
};

/* Where there are masks, they cost less than a branch. */
INLINE void small_last(float *to, int tail, vf x)
{
    if (VN < 16 && tail == VN)
        v_store(to, x);
    else
        v_store_n(to, tail, x);
}

INLINE vf small_add(bool pairs, vf a, vf b, vf sum) { return pairs ? v_fma_pairs(a, b, sum) : v_fma(a, b, sum); }
INLINE void small_scatter(vf x, int n, float *to, ptrdiff_t stride)
{
    float lanes[VN];
    v_store(lanes, x);
    for (int i = 0; i < imin(n, VN); i++)
        to[i * stride] = lanes[i];
}

/* h rows by nv vectors, and the last column if `last`, all constants. Row i is reached from every third one, as in
 * gemm_tmpl.h. */
INLINE void small_tile(const struct small_step *s, bool pairs, int h, int nv, bool last)
{
    vf sum[SMALL_MR][SMALL_NV], column = v_zero(), left = v_zero();
    const float *b = s->b, *beyond = s->last, *row[(SMALL_MR + 2) / 3];
    MIM_UNROLL
    for (int i = 0; i < h; i++) {
        if (i % 3 == 0)
            row[i / 3] = s->a.at + i * s->a.row;
        MIM_UNROLL
        for (int j = 0; j < nv; j++)
            sum[i][j] = v_zero();
    }
    for (int p = s->k; p > 0; p--, b += s->b_stride) {
        vf x[SMALL_NV];
        MIM_UNROLL
        for (int j = 0; j < nv; j++)
            x[j] = v_load(b + j * VN);
        MIM_UNROLL
        for (int i = 0; i < h; i++) {
            vf y = v_all(row[i / 3][i % 3 * s->a.row]);
            if (last)
                left = i == 0 ? y : v_with_lane(left, i, y);
            MIM_UNROLL
            for (int j = 0; j < nv; j++)
                sum[i][j] = small_add(pairs, y, x[j], sum[i][j]);
        }
        if (last) {
            column = small_add(pairs, left, v_all(*beyond), column);
            beyond += s->last_depth;
        }
        MIM_UNROLL
        for (int i = 0; i < h; i += 3)
            row[i / 3] += s->a.depth;
    }
    float *to = s->to;
    MIM_UNROLL
    for (int i = 0; i < h; i++, to += s->to_stride) {
        MIM_UNROLL
        for (int j = 0; j < nv - 1; j++)
            v_store(to + j * VN, sum[i][j]);
        small_last(to + (nv - 1) * VN, s->tail, sum[i][nv - 1]);
    }
    if (last)
        small_scatter(column, h, s->to + nv * VN, s->to_stride);
}

/* As many functions as heights, but no more than there is a use for: small_goes_along. */
INLINE void small_tile_of(const struct small_step *s, bool pairs, int h, int nv, bool last)
{
    int least = last ? LAST_MR / 2 : 1, most = last ? LAST_MR : SMALL_MR;
    switch (h) {
    case 1: if (least <= 1) small_tile(s, pairs, 1, nv, last); return;
    case 2: if (least <= 2) small_tile(s, pairs, 2, nv, last); return;
    case 3: if (least <= 3) small_tile(s, pairs, 3, nv, last); return;
    case 4: small_tile(s, pairs, 4, nv, last); return;
    case 5: small_tile(s, pairs, 5, nv, last); return;
    case 6: if (most >= 6) small_tile(s, pairs, 6, nv, last); return;
    case 7: if (SMALL_MR >= 7 && most >= 7) small_tile(s, pairs, 7, nv, last); return;
    case 8: if (SMALL_MR >= 8 && most >= 8) small_tile(s, pairs, 8, nv, last); return;
    case 9: if (SMALL_MR >= 9 && most >= 9) small_tile(s, pairs, 9, nv, last); return;
    }
}
INLINE void small_tile_any(const struct small_step *s, bool pairs, int h, int nv)
{
    bool last = ALONG && s->last;
    switch (nv) {
    case 1: small_tile_of(s, pairs, h, 1, false); return;
    case 2: last ? small_tile_of(s, pairs, h, 2, ALONG) : small_tile_of(s, pairs, h, 2, false); return;
    case 3:
        if (SMALL_NV == 3)
            last ? small_tile_of(s, pairs, h, SMALL_NV, ALONG) : small_tile_of(s, pairs, h, SMALL_NV, false);
        return;
    }
}
typedef void (*small_tiles)(const struct small_step *s, int h, int nv);
static void small_floats(const struct small_step *s, int h, int nv) { small_tile_any(s, false, h, nv); }
static void small_pairs_of(const struct small_step *s, int h, int nv) { small_tile_any(s, true, h, nv); }

/* A tile in `t` that does not go straight to c. */
static void small_finish(const struct gemm_small *g, const struct gemm_spot *spot)
{
    const struct gemm_run r = { .c = g->c, .ct = g->ct, .ldc = g->ldc, .ep = g->ep };
    gemm_finish(&r, spot);
}

/* Panel j of b, `lanes` of it in use, for a step. */
static void small_right(struct small_step *s, const struct small_values *b, const struct gemm_cut *cols, int j, float *space)
{
    int col = gemm_start(cols, j), width = gemm_start(cols, j + 1) - col, lanes = imin(width, cols->n - col);
    bool there = col + width <= b->wide;
    s->b = there ? b->at + col : space;
    s->b_stride = there ? b->depth : width;
    if (!there)
        for (int i = 0; i < width; i += VN)
            small_turn_lanes(b, col + i, imin(VN, lanes - i), s->k, space + i, width);
}

/* Columns [0, n) of c in panels of nearly equal width, with the last of them one column more if `last`; k: values along the
 * depth. */
static void small_columns(const struct gemm_small *g, const struct small_values *a, const struct small_values *b,
                          small_tiles multiply, int k, int n, bool last)
{
    struct gemm_cut cols = gemm_cut(n, VN, ceil_div(n, SMALL_NV * VN));
    bool direct = !g->ep && g->ct == F32;
    _Alignas(64) float tile[SMALL_MR * (SMALL_NV + 1) * VN];
    struct small_step s = { .k = k, .a = *a, .to = tile, .last_depth = b->depth };
    for (int j = 0; j < cols.parts; j++) {
        bool more = last && j == cols.parts - 1;
        struct gemm_cut rows = gemm_cut(g->m, 1, ceil_div(g->m, more ? LAST_MR : SMALL_MR));
        int col = gemm_start(&cols, j), width = gemm_start(&cols, j + 1) - col, w = imin(width, n - col);
        small_right(&s, b, &cols, j, g->space + 2 * GEMM_SMALL_OPERAND);
        s.last = more ? b->at + n * b->row : NULL;
        s.to_stride = direct ? g->ldc : width + (more ? VN : 0);
        s.tail = direct ? w - (width - VN) : VN;
        if (more && !direct)
            memset(tile, 0, sizeof tile);
        for (int t = 0; t < rows.parts; t++) {
            int row = gemm_start(&rows, t), h = gemm_start(&rows, t + 1) - row;
            s.a.at = a->at + row * a->row;
            if (direct)
                s.to = (float *)g->c + row * g->ldc + col;
            multiply(&s, h, width / VN);
            if (!direct)
                small_finish(g, &(struct gemm_spot){ tile, (int)s.to_stride, row, col, h, w + more });
        }
    }
}

/* The last `odd` columns of c, lanes being rows: b holds the values of these columns alone. */
static void small_odd(const struct gemm_small *g, const struct small_values *a, const struct small_values *b,
                      small_tiles multiply, int k, int odd)
{
    struct gemm_cut rows = gemm_cut(g->m, VN, ceil_div(g->m, SMALL_NV * VN));
    bool direct = !g->ep && g->ct == F32;
    _Alignas(64) float turned[(ODD + 1) * SMALL_NV * VN], tile[SMALL_NV * VN * VN];
    struct small_step s = { .k = k, .a = *b, .to = turned, .tail = VN };
    if (!direct)
        memset(tile, 0, sizeof tile);
    for (int t = 0; t < rows.parts; t++) {
        int row = gemm_start(&rows, t), width = gemm_start(&rows, t + 1) - row, h = imin(width, g->m - row);
        small_right(&s, a, &rows, t, g->space + 2 * GEMM_SMALL_OPERAND);
        s.to_stride = width;
        multiply(&s, odd, width / VN);
        float *out = direct ? (float *)g->c + row * g->ldc + g->n - odd : tile;
        ptrdiff_t stride = direct ? g->ldc : VN;
        for (int j = 0; j < odd; j++)
            for (int r = 0; r < h; r++)
                out[r * stride + j] = turned[j * width + r];
        if (!direct)
            small_finish(g, &(struct gemm_spot){ tile, VN, row, g->n - odd, h, odd });
    }
}

/* Does a single odd column go along? Few rows or a narrow panel are not worth the tiles. */
static bool small_goes_along(const struct gemm_small *g, int n)
{
    return ALONG && g->n - n == 1 && g->m >= LAST_MR && n >= 2 * VN && n / VN / ceil_div(n, SMALL_NV * VN) >= 2;
}

INLINE void gemm_small(const struct gemm_small *g, enum gemm_value to)
{
    int odd = g->n % VN <= ODD ? g->n % VN : 0, n = g->n - odd, k = to == PAIRED ? ceil_div(g->k, 2) : g->k;
    small_tiles multiply = to == PAIRED ? small_pairs_of : small_floats;
    struct matrix turned = *g->b;       /* its rows are the columns of b */
    turned.transposed = !turned.transposed;
    struct small_values a = small_values(g->a, to, g->m, g->k, g->space);
    struct small_values b = small_values(&turned, to, g->n, g->k, g->space + GEMM_SMALL_OPERAND);
    bool last = small_goes_along(g, n);
    if (n > 0)
        small_columns(g, &a, &b, multiply, k, n, last);
    if (odd && !last) {
        b.at += n * b.row;
        small_odd(g, &a, &b, multiply, k, odd);
    }
}
