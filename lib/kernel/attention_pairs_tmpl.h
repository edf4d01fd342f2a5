/* SPDX-License-Identifier: MIT */
/* attention_pairs_tmpl.h -- attention of attention_tmpl.h in bf16, with products of pairs in the processor: a step along k
 * takes two values of each operand. Operands are packed as floats first and then paired in place,
 *
 *     along:   y[r][u] = (x[r][2u], x[r][2u + 1])       left operands as they lie, right ones turned over
 *     across:  y[u][c] = (x[2u][c], x[2u + 1][c])       left operands turned over, right ones as they lie
 *
 * where an odd end is filled up with zeros. */

static void pairs_multiply(const struct attention_product *g, int cols) { attention_product_of(true, g, cols); }

/* cols is a multiple of VN; y may be x. */
static void pairs_along(int rows, int cols, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy)
{
    for (int r = 0; r < rows; r++, x += ldx, y += ldy)
        for (int c = 0; c < cols; c += 2 * VN) {
            bool both = c + VN < cols;
            vf v = v_pairs_along(v_load(x + c), both ? v_load(x + c + VN) : v_zero());
            v_put(both ? VN : VN / 2, y + c / 2, v);
        }
}
/* In place. */
static void pairs_across(int rows, int cols, float *x, ptrdiff_t ld)
{
    float *y = x;
    for (int r = 0; r < rows; r += 2, x += 2 * ld, y += ld)
        for (int c = 0; c < cols; c += VN)
            v_store(y + c, v_pairs_across(v_load(x + c), r + 1 < rows ? v_load(x + ld + c) : v_zero()));
}

/* Behind what attention_tmpl.h cuts up: keys along, as backward needs them both ways. */
static size_t pairs_scratch(int n, int dim)
{
    return attention_scratch(n, dim) + (size_t)n * round_up((size_t)dim, 16) * sizeof(float);
}
static float *pairs_keys(const struct attention_head *h, void *scratch)
{
    return (float *)scratch + attention_scratch(h->n, h->dim) / sizeof(float);
}

/* to[pair of dims][query], from rows of x; `out` is free at that time. */
static void pairs_turn(const struct attention_head *h, const struct attention_space *s, const float *x, int w, float *to)
{
    pairs_along(w, s->ld, x, s->ld, s->out, s->ld);
    attention_turn(w, ceil_div(h->dim, 2), s->out, s->ld, to, QL, TURN_PAD);
}

static void pairs_scores(const struct attention_head *h, const struct attention_space *s, const float *k, int first, int w,
                         float *top)
{
    attention_pack(h, false, h->q, h->stride, first, w, s->q, s->ld);
    pairs_turn(h, s, s->q, w, s->qt);
    attention_bias(h, s, first, w);
    const struct attention_product g = { h->n, ceil_div(h->dim, 2), k, s->ld, 1, s->qt, QL, s->st, QL,
                                         h->scale * LOG2_E, h->bias, s->ahead, top };
    pairs_multiply(&g, w);
}

static void attention_forward_pairs(const struct attention_head *h, void *scratch)
{
    struct attention_space s = attention_cut(h->n, h->dim, scratch);
    struct attention_ahead ahead = attention_ahead_of(h, false, attention_tiles(h, 1, 1));
    s.ahead = &ahead;
    float top[QB], sum[QB];
    attention_pack(h, false, h->k, h->stride, 0, h->n, s.k, s.ld);
    attention_pack(h, false, h->v, h->stride, 0, h->n, s.v, s.ld);
    pairs_along(h->n, s.ld, s.k, s.ld, s.k, s.ld);
    pairs_across(h->n, s.ld, s.v, s.ld);
    for (int block = 0; block < attention_blocks(h->n); block++) {
        int first = attention_block(h->n, block), w = attention_block(h->n, block + 1) - first;
        attention_no_top(top);
        pairs_scores(h, &s, s.k, first, w, top);
        for (int i = 0; i < w; i += VN)
            attention_softmax(h->n, false, s.st + i, top + i, sum + i);
        pairs_across(h->n, w, s.st, QL);
        const struct attention_product y = { w, ceil_div(h->n, 2), s.st, 1, QL, s.v, s.ld, s.out, s.ld, 1.0f, false,
                                             s.ahead, NULL };
        pairs_multiply(&y, h->dim);
        attention_finish(h, &s, top, sum, first, w);
    }
}

/* A row of st holds p along in its first half and dS along in its second; dst holds dS across. */
static void pairs_backward_scores(const struct attention_head *h, const struct attention_space *s, const float *k,
                                  int first, int w)
{
    pairs_scores(h, s, k, first, w, NULL);
    attention_pack(h, true, h->dy, h->dy_stride, first, w, s->dy, s->ld);
    pairs_turn(h, s, s->dy, w, s->dyt);
    const struct attention_product g = { h->n, ceil_div(h->dim, 2), s->v, s->ld, 1, s->dyt, QL, s->dst, QL, 1.0f,
                                         false, s->ahead, NULL };
    pairs_multiply(&g, w);
    attention_gradients(h, s, true, first, w);
    int lanes = ceil_div(w, VN) * VN;
    pairs_along(h->n, lanes, s->st, QL, s->st, QL);
    pairs_along(h->n, lanes, s->dst, QL, s->st + QL / 2, QL);
    pairs_across(h->n, lanes, s->dst, QL);
    pairs_across(w, s->ld, s->q, s->ld);
    pairs_across(w, s->ld, s->dy, s->ld);
}

static void attention_backward_pairs(const struct attention_head *h, void *scratch)
{
    struct attention_space s = attention_cut(h->n, h->dim, scratch);
    struct attention_ahead ahead = attention_ahead_of(h, true, attention_tiles(h, 4, 1));
    s.ahead = &ahead;
    float *k = pairs_keys(h, scratch);
    attention_pack(h, false, h->k, h->stride, 0, h->n, s.k, s.ld);
    attention_pack(h, false, h->v, h->stride, 0, h->n, s.v, s.ld);
    pairs_along(h->n, s.ld, s.k, s.ld, k, s.ld);
    pairs_across(h->n, s.ld, s.k, s.ld);
    pairs_along(h->n, s.ld, s.v, s.ld, s.v, s.ld);
    for (int block = 0; block < attention_blocks(h->n); block++) {
        int first = attention_block(h->n, block), w = attention_block(h->n, block + 1) - first, half = ceil_div(w, 2);
        bool add = first > 0;
        pairs_backward_scores(h, &s, k, first, w);
        const struct attention_product dv = { h->n, half, s.st, QL, 1, s.dy, s.ld, s.dv, s.ld, 1.0f, add, s.ahead, NULL };
        const struct attention_product dk = { h->n, half, s.st + QL / 2, QL, 1, s.q, s.ld, s.dk, s.ld, h->scale, add,
                                              s.ahead, NULL };
        const struct attention_product dq = { w, ceil_div(h->n, 2), s.dst, 1, QL, s.k, s.ld, s.out, s.ld, h->scale,
                                              false, s.ahead, NULL };
        pairs_multiply(&dv, h->dim);
        pairs_multiply(&dk, h->dim);
        pairs_multiply(&dq, h->dim);
        attention_unpack(h, s.out, s.ld, NULL, h->add, h->dq, h->d_stride, first, w);
    }
    attention_unpack(h, s.dk, s.ld, NULL, h->add, h->dk, h->d_stride, 0, h->n);
    attention_unpack(h, s.dv, s.ld, NULL, h->add, h->dv, h->d_stride, 0, h->n);
}

#define ATTENTION_PAIRS_TABLE { .scratch = pairs_scratch, .forward = attention_forward_pairs, \
    .backward = attention_backward_pairs, .weights = attention_weights_bf16 }
