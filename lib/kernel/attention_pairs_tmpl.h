/* SPDX-License-Identifier: MIT */
/* attention_pairs_tmpl.h -- attention of attention_tmpl.h in bf16, with products of pairs in the processor: a step along k
 * takes two values of each operand. Operands are packed as pairs, straight from rows of either type,
 *
 *     along:   y[r][u] = (x[r][2u], x[r][2u + 1])       left operands as they lie, right ones turned over
 *     across:  y[u][c] = (x[2u][c], x[2u + 1][c])       left operands turned over, right ones as they lie
 *
 * where an odd end is filled up with zeros. */

static void pairs_multiply(const struct attention_product *g, int cols) { attention_product_of(true, g, cols); }

/* A row along is `half` floats, one across `ld`. Backward needs keys both ways, forward values across and backward along. */
struct pairs_space { int half; float *across; struct attention_space s; };

static size_t pairs_half(int dim) { return round_up((size_t)ceil_div(dim, 2), 16); }
/* Also as much as attention_weights_bf16 uses of attention_cut. */
static size_t pairs_scratch(int n, int dim)
{
    size_t half = pairs_half(dim), ld = round_up((size_t)dim, 16), rows = (size_t)n;
    return sizeof(float) * (3 * (rows + 1) * half + 2 * rows * ld + 2 * rows * QL + 2 * half * QL + 2 * QB * ld);
}
static struct pairs_space pairs_cut(int n, int dim, void *scratch)
{
    size_t half = pairs_half(dim), ld = round_up((size_t)dim, 16), rows = (size_t)n, keys = (rows + 1) * half;
    struct pairs_space p = { .half = (int)half, .s.ld = (int)ld, .s.k = scratch };
    p.across = p.s.k + keys;
    p.s.v = p.across + keys;
    p.s.dk = p.s.v + keys;
    p.s.dv = p.s.dk + rows * ld;
    p.s.st = p.s.dv + rows * ld;
    p.s.dst = p.s.st + rows * QL;
    p.s.qt = p.s.dst + rows * QL;
    p.s.dyt = p.s.qt + half * QL;
    p.s.q = p.s.dyt + half * QL;
    p.s.dy = p.s.q + QB / 2 * ld;
    p.s.out = p.s.dy + QB / 2 * ld;
    return p;
}

/* m <= 2 VN values of a row. */
INLINE vf pairs_load(enum dtype type, const void *x, ptrdiff_t at, int m)
{
    if (type == BF16)
        return v_load_pairs((const uint16_t *)x + at, m);
    const float *f = (const float *)x + at;
    return v_pairs_along(v_take(imin(m, VN), f), m > VN ? v_take(m - VN, f + VN) : v_zero());
}

static void pairs_along(const struct attention_head *h, const void *x, ptrdiff_t stride, int first, int rows, float *to,
                        int half)
{
    for (int i = 0; i < rows; i++, to += half)
        for (int d = 0; d < h->dim; d += 2 * VN)
            v_store(to + d / 2, pairs_load(h->type, x, attention_row(h, first + i) * stride + d, imin(2 * VN, h->dim - d)));
}

static void pairs_across(const struct attention_head *h, const void *x, ptrdiff_t stride, int first, int rows, float *to,
                         int ld)
{
    for (int i = 0; i < rows; i += 2, to += ld) {
        bool two = i + 1 < rows;
        ptrdiff_t at = attention_row(h, first + i) * stride, after = two ? attention_row(h, first + i + 1) * stride : 0;
        for (int d = 0; d < h->dim; d += 2 * VN) {
            int m = imin(2 * VN, h->dim - d);
            vf low = pairs_load(h->type, x, at + d, m), high = two ? pairs_load(h->type, x, after + d, m) : v_zero();
            v_store(to + d, v_pairs_cross_low(low, high));
            if (m > VN)
                v_store(to + d + VN, v_pairs_cross_high(low, high));
        }
    }
}

/* to[pair of dims][query], from rows of x; `out` is free at that time. */
static void pairs_turn(const struct attention_head *h, const struct pairs_space *p, const void *x, ptrdiff_t stride,
                       int first, int w, float *to)
{
    pairs_along(h, x, stride, first, w, p->s.out, p->half);
    attention_turn(w, ceil_div(h->dim, 2), p->s.out, p->half, to, QL, TURN_PAD);
}

static void pairs_scores(const struct attention_head *h, const struct pairs_space *p, int first, int w, float *top)
{
    const struct attention_space *s = &p->s;
    pairs_turn(h, p, h->q, h->stride, first, w, s->qt);
    bool add = attention_bias(h, s, first, w);
    const struct attention_product g = { h->n, ceil_div(h->dim, 2), s->k, p->half, 1, s->qt, QL, s->st, QL,
                                         h->scale * LOG2_E, add, s->ahead, top };
    pairs_multiply(&g, w);
}

/* As attention_softmax; rows of st become pairs of keys on the way. */
static void pairs_softmax(int n, float *st, const float *top, float *sum)
{
    vf most = v_load(top), total = v_zero();
    float *to = st;
    for (int j = 0; j < n; j += 2, st += 2 * QL, to += QL) {
        vf low = v_exp2_down(v_sub(v_load(st), most), true), high = v_zero();
        if (j + 1 < n)
            high = v_exp2_down(v_sub(v_load(st + QL), most), true);
        total = v_add(total, v_add(low, high));
        v_store(to, v_pairs_across(low, high));
    }
    v_store(sum, total);
}

static void attention_forward_pairs(const struct attention_head *h, void *scratch)
{
    struct attention_ahead ahead = attention_ahead_of(h, false, attention_tiles(h, 1, 1));
    struct pairs_space p = pairs_cut(h->n, h->dim, scratch);
    struct attention_space *s = &p.s;
    float top[QB], sum[QB];
    s->ahead = &ahead;
    pairs_along(h, h->k, h->stride, 0, h->n, s->k, p.half);
    pairs_across(h, h->v, h->stride, 0, h->n, s->v, s->ld);
    for (int block = 0; block < attention_blocks(h->n); block++) {
        int first = attention_block(h->n, block), w = attention_block(h->n, block + 1) - first;
        attention_no_top(top);
        pairs_scores(h, &p, first, w, top);
        for (int i = 0; i < w; i += VN)
            pairs_softmax(h->n, s->st + i, top + i, sum + i);
        const struct attention_product y = { w, ceil_div(h->n, 2), s->st, 1, QL, s->v, s->ld, s->out, s->ld, 1.0f, false,
                                             s->ahead, NULL };
        pairs_multiply(&y, h->dim);
        attention_finish(h, s, top, sum, first, w);
    }
}

/* Rows j and j + 1 of p and dS, w lanes. A row of st keeps p along in its first half and dS along in its second; dst gets
 * dS across. */
INLINE void pairs_gradient_rows(int w, bool both, float *p, float *ds, float *across)
{
    for (int i = 0; i < w; i += 2 * VN) {
        bool wide = i + VN < w;
        v_store(p + i / 2, v_pairs_along(v_load(p + i), wide ? v_load(p + i + VN) : v_zero()));
        if (both)
            v_store(p + QL + i / 2, v_pairs_along(v_load(p + QL + i), wide ? v_load(p + QL + i + VN) : v_zero()));
    }
    for (int i = 0; i < w; i += 2 * VN) {
        bool wide = i + VN < w;
        vf low = v_pairs_along(v_load(ds + i), wide ? v_load(ds + i + VN) : v_zero()), high = v_zero();
        v_store(p + QL / 2 + i / 2, low);
        if (both) {
            high = v_pairs_along(v_load(ds + QL + i), wide ? v_load(ds + QL + i + VN) : v_zero());
            v_store(p + QL + QL / 2 + i / 2, high);
        }
        v_store(across + i, v_pairs_cross_low(low, high));
        if (wide)
            v_store(across + i + VN, v_pairs_cross_high(low, high));
    }
}

static void pairs_backward_scores(const struct attention_head *h, const struct pairs_space *p, int first, int w)
{
    const struct attention_space *s = &p->s;
    pairs_scores(h, p, first, w, NULL);
    pairs_turn(h, p, h->dy, h->dy_stride, first, w, s->dyt);
    const struct attention_product g = { h->n, ceil_div(h->dim, 2), s->v, p->half, 1, s->dyt, QL, s->dst, QL, 1.0f, false,
                                         s->ahead, NULL };
    pairs_multiply(&g, w);
    attention_gradients(h, s, true, first, w);
    for (int j = 0; j < h->n; j += 2)
        pairs_gradient_rows(w, j + 1 < h->n, s->st + (ptrdiff_t)j * QL, s->dst + (ptrdiff_t)j * QL,
                            s->dst + (ptrdiff_t)j / 2 * QL);
    pairs_across(h, h->q, h->stride, first, w, s->q, s->ld);
    pairs_across(h, h->dy, h->dy_stride, first, w, s->dy, s->ld);
}

/* What a block of queries, whose scores are done, adds to dk and dv, and its dq. */
static void pairs_backward_products(const struct attention_head *h, const struct pairs_space *p, int first, int w)
{
    const struct attention_space *s = &p->s;
    int half = ceil_div(w, 2);
    bool add = first > 0;
    const struct attention_product dv = { h->n, half, s->st, QL, 1, s->dy, s->ld, s->dv, s->ld, 1.0f, add, s->ahead, NULL };
    const struct attention_product dk = { h->n, half, s->st + QL / 2, QL, 1, s->q, s->ld, s->dk, s->ld, h->scale, add,
                                          s->ahead, NULL };
    const struct attention_product dq = { w, ceil_div(h->n, 2), s->dst, 1, QL, p->across, s->ld, s->out, s->ld, h->scale,
                                          false, s->ahead, NULL };
    pairs_multiply(&dv, h->dim);
    pairs_multiply(&dk, h->dim);
    pairs_multiply(&dq, h->dim);
    attention_unpack(h, s->out, s->ld, NULL, h->add, h->dq, h->d_stride, first, w);
}

static void attention_backward_pairs(const struct attention_head *h, void *scratch)
{
    struct attention_ahead ahead = attention_ahead_of(h, true, attention_tiles(h, 4, 1));
    struct pairs_space p = pairs_cut(h->n, h->dim, scratch);
    struct attention_space *s = &p.s;
    s->ahead = &ahead;
    pairs_along(h, h->k, h->stride, 0, h->n, s->k, p.half);
    pairs_across(h, h->k, h->stride, 0, h->n, p.across, s->ld);
    pairs_along(h, h->v, h->stride, 0, h->n, s->v, p.half);
    for (int block = 0; block < attention_blocks(h->n); block++) {
        int first = attention_block(h->n, block), w = attention_block(h->n, block + 1) - first;
        pairs_backward_scores(h, &p, first, w);
        pairs_backward_products(h, &p, first, w);
    }
    attention_unpack(h, s->dk, s->ld, NULL, h->add, h->dk, h->d_stride, 0, h->n);
    attention_unpack(h, s->dv, s->ld, NULL, h->add, h->dv, h->d_stride, 0, h->n);
}

#define ATTENTION_PAIRS_TABLE { .scratch = pairs_scratch, .forward = attention_forward_pairs, \
    .backward = attention_backward_pairs, .weights = attention_weights_bf16 }
