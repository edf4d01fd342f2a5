/* SPDX-License-Identifier: MIT */
/* attention_tmpl.h -- the kernels of attention.h. Work goes by blocks of up to QB queries, which are the lanes: the scores
 * of a block are held turned over, st[key][query], so that softmax is a matter of whole vectors. They are kept times
 * log2(e), as it takes powers of two. With pt those powers,
 *
 *     st = scale k q^T     y = pt^T v     dst = v dy^T     dv += pt dy     dk += scale dst q     dq = scale dst^T k
 *
 * are products in tiles of AM rows by up to AV vectors, whose left operand is taken value by value (turned over as well as
 * not) and whose right operand is read straight on. All operands are packed as f32, rounded to bf16 first where that is
 * the compute type, rows padded to a multiple of 16 floats. Lanes of a last block that hold no query are computed like
 * others, from zeros, and never used. Rows of st are QL floats apart: an odd number of cache lines. */
enum { AM = 6, AV = VREGS == 32 ? 4 : 2, QB = VREGS == 32 ? 64 : 48, QL = VREGS == 32 ? 80 : 48 };
#define LOG2_E 1.44269504f
#define LN_2 0.693147181f

/* Queries go in blocks of nearly as many vectors each. */
static int attention_blocks(int n) { return ceil_div(ceil_div(n, VN), QB / VN); }
static int attention_block(int n, int block)
{
    return (int)lmin(n, (int64_t)ceil_div(n, VN) * block / attention_blocks(n) * VN);
}

struct attention_space {
    int ld;
    float *k, *v, *dk, *dv, *st, *dst, *qt, *dyt, *q, *dy, *out;
    struct attention_ahead *ahead;
};

static size_t attention_scratch(int n, int dim)
{
    size_t ld = round_up((size_t)dim, 16), rows = (size_t)n;
    return sizeof(float) * (4 * rows * ld + 2 * rows * QL + 2 * (size_t)dim * QL + 3 * QB * ld);
}

static struct attention_space attention_cut(int n, int dim, void *scratch)
{
    size_t ld = round_up((size_t)dim, 16), rows = (size_t)n * ld, block = QB * ld;
    struct attention_space s = { .ld = (int)ld };
    s.k = scratch;                           /* what attention_weights_of needs comes first */
    s.st = s.k + rows;
    s.qt = s.st + (size_t)n * QL;
    s.q = s.qt + (size_t)dim * QL;
    s.v = s.q + block;
    s.out = s.v + rows;
    s.dk = s.out + block;
    s.dv = s.dk + rows;
    s.dst = s.dv + rows;
    s.dyt = s.dst + (size_t)n * QL;
    s.dy = s.dyt + (size_t)dim * QL;
    return s;
}

INLINE ptrdiff_t attention_row(const struct attention_head *h, int i) { return h->rows ? h->rows[i] : i; }

/* Rows to be asked for a few at a time while a head computes: those that it will write, then those that the next one will
 * read. They lie in a page each, where the processor does not follow by itself. */
struct attention_ahead {
    int parts, rows, row, each;
    ptrdiff_t bytes, step[7];
    const char *at[7];
    const struct attention_head *of[7];
};

static void attention_ask(struct attention_ahead *a)
{
    for (int i = 0; i < a->each && a->parts; i++) {
        int part = a->parts - 1;
        const char *p = a->at[part] + attention_row(a->of[part], a->row) * a->step[part];
        for (ptrdiff_t at = 0; at < a->bytes; at += 64)
            prefetch_read(p + at);
        prefetch_read(p + a->bytes - 1);
        if (++a->row == a->rows)
            a->row = 0, a->parts--;
    }
}

static void attention_ahead_add(struct attention_ahead *a, const struct attention_head *h, const void *x, ptrdiff_t stride)
{
    a->at[a->parts] = x;
    a->of[a->parts] = h;
    a->step[a->parts++] = stride * (ptrdiff_t)dtype_size(h->type);
}

/* In the order of last to first. tiles: how many a call computes, at least. */
static struct attention_ahead attention_ahead_of(const struct attention_head *h, bool backward, int tiles)
{
    const struct attention_head *next = h->next;
    struct attention_ahead a = { .rows = h->n, .bytes = (ptrdiff_t)((size_t)h->dim * dtype_size(h->type)) };
    if (next && backward)
        attention_ahead_add(&a, next, next->dy, next->dy_stride);
    if (next) {
        attention_ahead_add(&a, next, next->q, next->stride);
        attention_ahead_add(&a, next, next->v, next->stride);
        attention_ahead_add(&a, next, next->k, next->stride);
    }
    if (backward) {
        attention_ahead_add(&a, h, h->dv, h->d_stride);
        attention_ahead_add(&a, h, h->dk, h->d_stride);
        attention_ahead_add(&a, h, h->dq, h->d_stride);
    } else
        attention_ahead_add(&a, h, h->y, h->y_stride);
    a.each = ceil_div(a.parts * a.rows, tiles);
    return a;
}

/* Tiles that `products` products of keys by queries, and as many of queries by keys, come to. */
static int attention_tiles(const struct attention_head *h, int over_keys, int over_queries)
{
    int64_t blocks = attention_blocks(h->n);
    return (int)lmin((over_keys * blocks + over_queries) * ceil_div(h->n, AM), INT32_MAX);
}

/* One product: a[i][p] is a + i ar + p ak, b[p] a row at b + p bk, c[i] at c + i cr. */
struct attention_product {
    int m, k;
    const float *a; ptrdiff_t ar, ak;
    const float *b; ptrdiff_t bk;
    float *c; ptrdiff_t cr;
    float alpha;
    bool add;
    struct attention_ahead *ahead;
    float *top;                              /* [cols]: becomes the largest of a column and what it is; or NULL */
};

/* m <= AM rows by nv vectors, nv a constant; what stands for rows beyond m repeats the last one, down to its place in c.
 * Pairs: values of a and b are two bf16 each (pairs_*.h), and k counts these. */
INLINE void attention_tile(bool pairs, int nv, int m, const struct attention_product *g, const float *a,
                           const float *b, float *c, float *top)
{
    vf sum[AM][AV];
    const float *row[AM];
    ptrdiff_t ak = g->ak, bk = g->bk;
    MIM_UNROLL
    for (int i = 0; i < AM; i++) {
        row[i] = a + imin(i, m - 1) * g->ar;
        MIM_UNROLL
        for (int j = 0; j < nv; j++)
            sum[i][j] = v_zero();
    }
    for (ptrdiff_t p = g->k, at = 0; p > 0; p--, at += ak, b += bk) {
        vf y[AV];
        MIM_UNROLL
        for (int j = 0; j < nv; j++)
            y[j] = v_load(b + j * VN);
        MIM_UNROLL
        for (int i = 0; i < AM; i++) {
            vf x = v_all(row[i][at]);
            MIM_UNROLL
            for (int j = 0; j < nv; j++)
                sum[i][j] = pairs ? v_fma_pairs(x, y[j], sum[i][j]) : v_fma(x, y[j], sum[i][j]);
        }
    }
    vf alpha = v_all(g->alpha);
    MIM_UNROLL
    for (int i = 0; i < AM; i++) {          /* all of c is read before any is written */
        const float *from = c + imin(i, m - 1) * g->cr;
        MIM_UNROLL
        for (int j = 0; j < nv; j++)
            sum[i][j] = g->add ? v_fma(sum[i][j], alpha, v_load(from + j * VN)) : v_mul(sum[i][j], alpha);
    }
    MIM_UNROLL
    for (int i = 0; i < AM; i++) {
        float *to = c + imin(i, m - 1) * g->cr;
        MIM_UNROLL
        for (int j = 0; j < nv; j++)
            v_store(to + j * VN, sum[i][j]);
    }
    if (top) {
        MIM_UNROLL
        for (int j = 0; j < nv; j++) {
            vf most = v_load(top + j * VN);
            MIM_UNROLL
            for (int i = 0; i < AM; i++)
                most = v_max(sum[i][j], most);
            v_store(top + j * VN, most);
        }
    }
}

/* The columns come in chunks of nearly equal width; a chunk of b stays near while the rows of a go by. */
INLINE void attention_product_of(bool pairs, const struct attention_product *g, int cols)
{
    int vectors = ceil_div(cols, VN), chunks = ceil_div(vectors, AV);
    for (int t = 0; t < chunks; t++) {
        int from = vectors * t / chunks, nv = vectors * (t + 1) / chunks - from;
        const float *b = g->b + from * VN;
        float *top = g->top ? g->top + from * VN : NULL;
        for (int i = 0; i < g->m; i += AM) {
            int m = imin(AM, g->m - i);
            const float *a = g->a + i * g->ar;
            float *c = g->c + i * g->cr + from * VN;
            switch (nv) {
            case 1: attention_tile(pairs, 1, m, g, a, b, c, top); break;
            case 2: attention_tile(pairs, 2, m, g, a, b, c, top); break;
            case 3: attention_tile(pairs, imin(3, AV), m, g, a, b, c, top); break;
            default: attention_tile(pairs, AV, m, g, a, b, c, top); break;
            }
            if (g->ahead)
                attention_ask(g->ahead);
        }
    }
}
static void attention_multiply(const struct attention_product *g, int cols) { attention_product_of(false, g, cols); }

INLINE vf attention_load(enum dtype type, const void *x, ptrdiff_t at, int m)
{
    if (type == F32)
        return v_take(m, (const float *)x + at);
    return m == VN ? v_load_bf16((const uint16_t *)x + at) : v_load_bf16_n((const uint16_t *)x + at, m);
}

/* Rows of an operand, padded with zeros to whole vectors. */
static void attention_pack(const struct attention_head *h, bool round, const void *x, ptrdiff_t stride, int first, int rows,
                           float *to, int ld)
{
    bool narrow = round && h->type == F32;
    for (int i = 0; i < rows; i++, to += ld)
        for (int d = 0; d < h->dim; d += VN) {
            vf v = attention_load(h->type, x, attention_row(h, first + i) * stride + d, imin(VN, h->dim - d));
            v_store(to + d, narrow ? v_bf16(v) : v);
        }
}

/* x times alpha goes to m elements of a gradient or of y. */
INLINE void attention_put(enum dtype type, void *to, ptrdiff_t at, int m, vf x, bool add)
{
    if (add)
        x = v_add(attention_load(type, to, at, m), x);
    if (type == F32)
        v_put(m, (float *)to + at, x);
    else
        v_store_bf16_n((uint16_t *)to + at, m, x);
}
static void attention_unpack(const struct attention_head *h, const float *x, int ld, const float *factors, bool add,
                             void *to, ptrdiff_t stride, int first, int rows)
{
    for (int i = 0; i < rows; i++, x += ld) {
        vf f = v_all(factors ? factors[i] : 1.0f);
        for (int d = 0; d < h->dim; d += VN)
            attention_put(h->type, to, attention_row(h, first + i) * stride + d, imin(VN, h->dim - d),
                          v_mul(v_load(x + d), f), add);
    }
}

/* y[c][r] = x[r][c], or += x[r][c], or = with zeros in the lanes that fill up the last vector of rows. */
enum attention_turn { TURN, TURN_ADD, TURN_PAD };
INLINE void attention_turn_block(int rows, int cols, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy,
                                 enum attention_turn how)
{
    int lanes = how == TURN_PAD ? VN : rows;
    vf t[VN];
    MIM_UNROLL
    for (int r = 0; r < VN; r++)
        t[r] = r < rows ? v_take(cols, x + r * ldx) : v_zero();
    v_transpose(t);
    MIM_UNROLL
    for (int c = 0; c < VN; c++)
        if (c < cols)
            v_put(lanes, y + c * ldy, how == TURN_ADD ? v_add(v_take(rows, y + c * ldy), t[c]) : t[c]);
}
static void attention_turn(int rows, int cols, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy,
                           enum attention_turn how)
{
    for (int r = 0; r < rows; r += VN)
        for (int c = 0; c < cols; c += VN)
            attention_turn_block(imin(VN, rows - r), imin(VN, cols - c), x + r * ldx + c, ldx, y + c * ldy + r, ldy, how);
}

/* Far below every score of a query: what it does not see gets no weight. */
#define ATTENTION_APART 1e9f

/* Less for keys of another region than a query's. Lanes without a query stay as they are: they must stay finite. */
static void attention_regions(const struct attention_head *h, const struct attention_space *s, int first, int w)
{
    float query[QB] = { 0 }, less[QB] = { 0 };
    memcpy(query, h->regions + first, (size_t)w * sizeof *query);
    for (int i = 0; i < w; i++)
        less[i] = h->apart > 0 ? h->apart * LOG2_E : ATTENTION_APART;
    for (int j = 0; j < h->n; j++) {
        float *st = s->st + (ptrdiff_t)j * QL;
        for (int i = 0; i < w; i += VN) {
            vf apart = v_sub(v_load(query + i), v_all(h->regions[j]));
            apart = v_min(v_mul(apart, apart), v_all(1));           /* whole numbers: 0 or 1 */
            v_store(st + i, v_fnma(apart, v_load(less + i), v_load(st + i)));
        }
    }
}

/* The bias of queries [first, first + w) times log2(e), where the scores are to be added to it. Is there one? */
static bool attention_bias(const struct attention_head *h, const struct attention_space *s, int first, int w)
{
    if (h->bias)
        attention_turn(w, h->n, h->bias + (ptrdiff_t)first * h->n, h->n, s->st, QL, TURN_PAD);
    for (int j = 0; j < h->n && (h->bias || h->regions); j++)
        for (int i = 0; i < w; i += VN) {
            float *st = s->st + (ptrdiff_t)j * QL + i;
            v_store(st, h->bias ? v_mul(v_load(st), v_all(LOG2_E)) : v_zero());
        }
    if (h->regions)
        attention_regions(h, s, first, w);
    return h->bias || h->regions;
}

/* Queries [first, first + w): st[key][query] = (scale k q + bias) log2(e), and the largest of a query, if asked for. */
static void attention_scores(const struct attention_head *h, const struct attention_space *s, bool round, int first, int w,
                             float *top)
{
    attention_pack(h, round, h->q, h->stride, first, w, s->q, s->ld);
    attention_turn(w, h->dim, s->q, s->ld, s->qt, QL, TURN_PAD);
    bool add = attention_bias(h, s, first, w);
    const struct attention_product g = { h->n, h->dim, s->k, s->ld, 1, s->qt, QL, s->st, QL, h->scale * LOG2_E,
                                         add, s->ahead, top };
    attention_multiply(&g, w);
}

static void attention_no_top(float top[QB])
{
    for (int i = 0; i < QB; i++)
        top[i] = -INFINITY;
}

/* VN queries: st becomes 2^(st - top), unnormalised; its sum over the keys. */
static void attention_softmax(int n, bool round, float *st, const float *top, float *sum)
{
    vf most = v_load(top), total = v_zero();
    for (int j = 0; j < n; j++, st += QL) {
        vf e = v_exp2_down(v_sub(v_load(st), most), round);
        total = v_add(total, e);
        v_store(st, round ? v_bf16(e) : e);
    }
    v_store(sum, total);
}

/* What a forward leaves of a block: y, once its sums are known, and lse. */
static void attention_finish(const struct attention_head *h, const struct attention_space *s, const float *top, float *sum,
                             int first, int w)
{
    for (int i = 0; i < w; i++) {
        h->lse[first + i] = top[i] * LN_2 + logf(sum[i]);
        sum[i] = 1.0f / sum[i];
    }
    attention_unpack(h, s->out, s->ld, sum, false, h->y, h->y_stride, first, w);
}

static void attention_forward(const struct attention_head *h, bool round, void *scratch)
{
    struct attention_space s = attention_cut(h->n, h->dim, scratch);
    struct attention_ahead ahead = attention_ahead_of(h, false, attention_tiles(h, 1, 1));
    s.ahead = &ahead;
    float top[QB], sum[QB];
    attention_pack(h, round, h->k, h->stride, 0, h->n, s.k, s.ld);
    attention_pack(h, round, h->v, h->stride, 0, h->n, s.v, s.ld);
    for (int block = 0; block < attention_blocks(h->n); block++) {
        int first = attention_block(h->n, block), w = attention_block(h->n, block + 1) - first;
        attention_no_top(top);
        attention_scores(h, &s, round, first, w, top);
        for (int i = 0; i < w; i += VN)
            attention_softmax(h->n, round, s.st + i, top + i, sum + i);
        const struct attention_product y = { w, h->n, s.st, 1, QL, s.v, s.ld, s.out, s.ld, 1.0f, false, s.ahead, NULL };
        attention_multiply(&y, h->dim);
        attention_finish(h, &s, top, sum, first, w);
    }
}

/* VN queries: p = exp(st - lse), into st. */
static void attention_probabilities(int n, float *st, const float *lse)
{
    vf shift = v_mul(v_load(lse), v_all(LOG2_E));
    for (int j = 0; j < n; j++, st += QL)
        v_store(st, v_exp2_down(v_sub(v_load(st), shift), false));
}

static void attention_weights_of(const struct attention_head *h, bool round, float *p, void *scratch)
{
    struct attention_space s = attention_cut(h->n, h->dim, scratch);
    float lse[QB] = { 0 };
    attention_pack(h, round, h->k, h->stride, 0, h->n, s.k, s.ld);
    for (int block = 0; block < attention_blocks(h->n); block++) {
        int first = attention_block(h->n, block), w = attention_block(h->n, block + 1) - first;
        attention_scores(h, &s, round, first, w, NULL);
        memcpy(lse, h->lse + first, (size_t)w * sizeof *lse);
        for (int i = 0; i < w; i += VN)
            attention_probabilities(h->n, s.st + i, lse + i);
        attention_turn(h->n, w, s.st, QL, p + (ptrdiff_t)first * h->n, h->n, TURN);
    }
}

/* VN queries: st becomes p = exp(st - lse), dst becomes dS = p (dst - D). D is taken from this very p, so that the sum of a
 * row of dS is zero but for the rounding of its terms: keys have no gradient in common. */
static void attention_score_gradients(int n, bool rough, float *st, float *dst, const float *lse)
{
    vf shift = v_mul(v_load(lse), v_all(LOG2_E)), whole = v_zero(), sum = v_zero();
    for (int j = 0; j < n; j++) {
        vf p = v_exp2_down(v_sub(v_load(st + j * QL), shift), rough);
        v_store(st + j * QL, p);
        whole = v_add(whole, p);
        sum = v_fma(p, v_load(dst + j * QL), sum);
    }
    vf mean = v_div(sum, whole);
    for (int j = 0; j < n; j++)
        v_store(dst + j * QL, v_mul(v_load(st + j * QL), v_sub(v_load(dst + j * QL), mean)));
}

/* The scores in st and dv^T in dst become p and dS; dbias on the way. */
static void attention_gradients(const struct attention_head *h, const struct attention_space *s, bool rough, int first,
                                int w)
{
    float lse[QB] = { 0 };
    memcpy(lse, h->lse + first, (size_t)w * sizeof *lse);
    for (int i = 0; i < w; i += VN)
        attention_score_gradients(h->n, rough, s->st + i, s->dst + i, lse + i);
    if (h->dbias)
        attention_turn(h->n, w, s->dst, QL, h->dbias + (ptrdiff_t)first * h->n, h->n, TURN_ADD);
}

static void attention_round(int n, int w, float *x)
{
    for (int j = 0; j < n; j++, x += QL)
        for (int i = 0; i < w; i += VN)
            v_store(x + i, v_bf16(v_load(x + i)));
}

/* st and dst of a block, as the products want them. */
static void attention_backward_scores(const struct attention_head *h, const struct attention_space *s, bool round,
                                      int first, int w)
{
    attention_scores(h, s, round, first, w, NULL);
    attention_pack(h, round, h->dy, h->dy_stride, first, w, s->dy, s->ld);
    attention_turn(w, h->dim, s->dy, s->ld, s->dyt, QL, TURN_PAD);
    const struct attention_product g = { h->n, h->dim, s->v, s->ld, 1, s->dyt, QL, s->dst, QL, 1.0f, false, s->ahead, NULL };
    attention_multiply(&g, w);
    attention_gradients(h, s, round, first, w);
    if (round) {
        attention_round(h->n, w, s->st);
        attention_round(h->n, w, s->dst);
    }
}

static void attention_backward(const struct attention_head *h, bool round, void *scratch)
{
    struct attention_space s = attention_cut(h->n, h->dim, scratch);
    struct attention_ahead ahead = attention_ahead_of(h, true, attention_tiles(h, 4, 1));
    s.ahead = &ahead;
    attention_pack(h, round, h->k, h->stride, 0, h->n, s.k, s.ld);
    attention_pack(h, round, h->v, h->stride, 0, h->n, s.v, s.ld);
    for (int block = 0; block < attention_blocks(h->n); block++) {
        int first = attention_block(h->n, block), w = attention_block(h->n, block + 1) - first;
        bool add = first > 0;
        attention_backward_scores(h, &s, round, first, w);
        const struct attention_product dv = { h->n, w, s.st, QL, 1, s.dy, s.ld, s.dv, s.ld, 1.0f, add, s.ahead, NULL };
        const struct attention_product dk = { h->n, w, s.dst, QL, 1, s.q, s.ld, s.dk, s.ld, h->scale, add, s.ahead, NULL };
        const struct attention_product dq = { w, h->n, s.dst, 1, QL, s.k, s.ld, s.out, s.ld, h->scale, false,
                                              s.ahead, NULL };
        attention_multiply(&dv, h->dim);
        attention_multiply(&dk, h->dim);
        attention_multiply(&dq, h->dim);
        attention_unpack(h, s.out, s.ld, NULL, h->add, h->dq, h->d_stride, first, w);
    }
    attention_unpack(h, s.dk, s.ld, NULL, h->add, h->dk, h->d_stride, 0, h->n);
    attention_unpack(h, s.dv, s.ld, NULL, h->add, h->dv, h->d_stride, 0, h->n);
}

static void attention_forward_f32(const struct attention_head *h, void *scratch) { attention_forward(h, false, scratch); }
static void attention_forward_bf16(const struct attention_head *h, void *scratch) { attention_forward(h, true, scratch); }
static void attention_backward_f32(const struct attention_head *h, void *scratch) { attention_backward(h, false, scratch); }
static void attention_backward_bf16(const struct attention_head *h, void *scratch) { attention_backward(h, true, scratch); }
static void attention_weights_f32(const struct attention_head *h, float *p, void *scratch)
{
    attention_weights_of(h, false, p, scratch);
}
static void attention_weights_bf16(const struct attention_head *h, float *p, void *scratch)
{
    attention_weights_of(h, true, p, scratch);
}

#define ATTENTION_TABLE(compute) { .scratch = attention_scratch, \
    .forward = (compute) == BF16 ? attention_forward_bf16 : attention_forward_f32, \
    .backward = (compute) == BF16 ? attention_backward_bf16 : attention_backward_f32, \
    .weights = (compute) == BF16 ? attention_weights_bf16 : attention_weights_f32 }
