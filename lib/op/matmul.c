/* SPDX-License-Identifier: MIT */
/* matmul.c -- a matrix product cut into blocks for the caches and into tasks for the threads, by its shape alone
 * (Goto and van de Geijn 2008).
 *
 *     depth    in parts of DEEP, which are products of their own that add up in c; each in blocks of kc, or half of it where
 *             a is transposed and tiles are high: memory is read along bands then, and these can be wider
 *     columns  in ranges whose packed b fits WORK_FLOATS; all tasks share it
 *     tasks    a band of rows by a strip of columns: pack a block of a into own scratch, run it along the panels of b; the
 *             first that needs a panel packs it, and while one runs the next is asked for from memory
 *
 * An f32 matrix whose columns are the rows of a (a transposed) is like a panel already: where tiles are high, it is not packed
 * at all, only asked for early, as its depths lie far apart.
 *
 * The sums of a tile wait in the task's scratch from block to block, so that c is written once and may be bf16, or the
 * residual. Where one band holds all rows, nobody shares b: each panel is packed into scratch. */
#include "op/matmul.h"

enum {
    DEEP = 8192,                /* depth of a part */
    BAND_FLOATS = 96 << 10,     /* packed block of a: part of the second cache */
    SUM_FLOATS = 256 << 10,     /* sums of a task */
    STRIP_PANELS = 128,         /* most panels of b in a strip */
    WORK_FLOATS = 3 << 20,      /* packed b: a part of the last cache */
    SPILL_FLOATS = 16,          /* behind packed panels of a */
    LOW = 8,                    /* rows of a tile */
    TASKS = 8,                  /* where a product is large enough, at least so many */
    SMALL = 4 << 20             /* multiply-adds that are not worth a second task */
};

enum { RAW, TAKEN, PACKED };    /* a panel of b: nobody has packed it, somebody is at it, it is there */

struct product {
    const struct gemm_kernels *k;
    enum dtype compute;
    const struct matrix *a, *b;
    void *c; enum dtype ct; ptrdiff_t ldc;
    const struct epilogue *ep;
    int p;                              /* depth where this part begins */
    struct gemm_cut depth, rows, cols;  /* blocks of the part, tiles of a, panels of b */
    struct gemm_cut bands, strips;      /* of tiles, of the panels of this range */
    int from, to;                       /* range of panels */
    bool a_lies, b_lies;                /* taken from memory as they are */
    float *packed;                      /* b of this range, block after block; NULL: tasks pack it themselves */
    atomic_uchar *states;               /* of its panels, in the same order */
};

static int packed_depth(const struct gemm_kernels *k, int depth) { return k->step == 2 ? (depth + 1) / 2 : depth; }

/* Depth of block i, and where it starts. */
static int block_depth(const struct product *x, int i, int *start)
{
    *start = gemm_start(&x->depth, i);
    return imin(gemm_start(&x->depth, i + 1), x->depth.n) - *start;
}

/* Panels of b are [block][panel]: those of one block lie together. */
static float *packed_panel(const struct product *x, int start, int depth, int panel)
{
    int first = gemm_start(&x->cols, x->from), width = gemm_start(&x->cols, x->to) - first;
    return x->packed + (ptrdiff_t)packed_depth(x->k, start) * width
                     + (ptrdiff_t)packed_depth(x->k, depth) * (gemm_start(&x->cols, panel) - first);
}

static atomic_uchar *state_of(const struct product *x, int block, int j)
{
    return x->states + block * (x->to - x->from) + j - x->from;
}

static const float *at(const struct matrix *x, int row, int col) { return (const float *)x->data + row * x->stride + col; }

/* Block of a for the run's panels: packed now into `space`, or as it lies. */
static const float *block_of_a(const struct product *x, const struct gemm_run *r, int start, int depth, float *space)
{
    int row = gemm_start(&x->rows, r->from), p = x->p + start;
    if (x->a_lies)
        return x->a->transposed ? at(x->a, p, row) : at(x->a, row, p);
    x->k->pack(&(struct gemm_pack){ x->a, !x->a->transposed, &x->rows, r->from, r->to, p, depth, space });
    return space;
}

/* Panel j of b. Who needs it first packs it for all; who comes while that is under way does not wait, but packs another
 * one into `space`. */
static const float *panel_of_b(const struct product *x, int block, int j, float *space)
{
    int start, depth = block_depth(x, block, &start);
    if (x->b_lies)
        return at(x->b, x->p + start, gemm_start(&x->cols, j));
    atomic_uchar *state = x->packed ? state_of(x, block, j) : NULL;
    unsigned char was = state ? atomic_load_explicit(state, memory_order_acquire) : TAKEN;
    if (was == PACKED)
        return packed_panel(x, start, depth, j);
    bool ours = was == RAW && atomic_compare_exchange_strong(state, &was, TAKEN);
    float *panel = ours ? packed_panel(x, start, depth, j) : space;
    x->k->pack(&(struct gemm_pack){ x->b, x->b->transposed, &x->cols, j, j + 1, x->p + start, depth, panel });
    if (ours)
        atomic_store_explicit(state, PACKED, memory_order_release);
    return panel;
}

static bool is_raw(const struct product *x, int block, int j)
{
    return !x->b_lies && (!x->packed || atomic_load_explicit(state_of(x, block, j), memory_order_relaxed) == RAW);
}

/* Lanes of an operand from `lane` on, its depths from `depth` on. across: lanes are rows of memory. */
static void ask_for(struct gemm_run *r, const struct matrix *x, bool across, int lane, int lanes, int depth, int step)
{
    ptrdiff_t size = (ptrdiff_t)dtype_size(x->type), stride = x->stride * size;
    r->soon_row = across ? stride : size;
    r->soon_depth = (across ? size : stride) * step;
    r->soon = (const char *)x->data + lane * r->soon_row + depth * (r->soon_depth / step);
    r->soon_rows = lanes;
}

/* While panel `turn` of a strip runs, what is packed next is on its way from memory: the next panel of b, if there is one
 * and nobody has packed it, or else the next block of a. Of that, rows as they lie come one for each tile and turn, columns
 * (a transposed) all in the first turn, and before b. After the last block comes the next band's first. */
static void foresee(const struct product *x, struct gemm_run *r, int block, int turn, int next)
{
    const struct matrix *a = x->a, *b = x->b;
    int row = gemm_start(&x->rows, r->last ? r->to : r->from), depth = x->p + gemm_start(&x->depth, r->last ? 0 : block + 1);
    bool of_a = row < x->rows.n && (a->transposed ? turn == 0 : turn < x->k->mr && !x->a_lies);
    bool of_b = next >= 0 && is_raw(x, block, next) && !(of_a && a->transposed);
    r->soon = NULL;
    r->soon_all = of_b && b->transposed;
    if (of_b) {
        int col = gemm_start(&x->cols, next), width = gemm_start(&x->cols, next + 1) - col;
        ask_for(r, b, b->transposed, col, width, x->p + gemm_start(&x->depth, block), x->k->step);
    } else if (of_a) {
        ask_for(r, a, !a->transposed, row + turn, x->rows.n - row, depth, x->k->step);
    }
}

/* One block of the depth for a task: its block of a against the panels of b from `left` on, the one at `first` first. */
static void multiply_block(const struct product *x, struct gemm_run *r, int i, int left, int panels, int first, float *space)
{
    float *block = space, *panel = block + BAND_FLOATS + SPILL_FLOATS;
    float *sums = panel + x->k->nr * x->k->kc + SPILL_FLOATS;
    ptrdiff_t height = gemm_start(&x->rows, r->to) - gemm_start(&x->rows, r->from);
    int start, depth = block_depth(x, i, &start), col = gemm_start(&x->cols, left);
    r->k = packed_depth(x->k, depth);
    r->first = i == 0;
    r->last = i == x->depth.parts - 1;
    r->a = block_of_a(x, r, start, depth, block);
    for (int turn = 0; turn < panels; turn++) {
        r->panel = left + (first + turn) % panels;
        r->b = panel_of_b(x, i, r->panel, panel);
        r->sums = sums + height * (gemm_start(&x->cols, r->panel) - col);
        foresee(x, r, i, turn, turn + 1 < panels ? left + (first + turn + 1) % panels : -1);
        x->k->run(r);
    }
}

/* Bands that run at the same time begin at different panels, as far from each other as may be: each of them packs others. */
static void multiply(void *arg, int task, void *scratch)
{
    static const int eighth[8] = { 0, 4, 2, 6, 1, 5, 3, 7 };
    const struct product *x = arg;
    int band = task / x->strips.parts, strip = task % x->strips.parts;
    int left = x->from + gemm_start(&x->strips, strip), panels = x->from + gemm_start(&x->strips, strip + 1) - left;
    struct gemm_run run = {
        .a_row = !x->a_lies ? 0 : x->a->transposed ? 1 : x->a->stride,
        .a_depth = !x->a_lies ? 0 : x->a->transposed ? x->a->stride : 1,
        .b_stride = x->b_lies ? x->b->stride : 0,
        .rows = &x->rows, .cols = &x->cols,
        .from = gemm_start(&x->bands, band), .to = gemm_start(&x->bands, band + 1),
        .c = x->c, .ct = x->ct, .ldc = x->ldc, .ep = x->ep
    };
    for (int i = 0; i < x->depth.parts; i++)
        multiply_block(x, &run, i, left, panels, eighth[band % 8] * panels / 8, scratch);
}

/* Bands as high and strips as wide as the scratch allows; if that makes few tasks, lower bands, as these cost least. */
static void cut_tasks(struct product *x, int64_t size)
{
    int block = packed_depth(x->k, imin(x->depth.n, (x->depth.each + 1) * x->depth.unit)), tiles = x->rows.parts;
    int high = imax(1, BAND_FLOATS / imax(1, block * x->k->mr)), wide = STRIP_PANELS, panels = x->to - x->from;
    int bands = ceil_div(tiles, high);
    if (x->depth.parts > 1)
        wide = imin(wide, imax(1, SUM_FLOATS / (imin(high, tiles) * x->k->mr * x->k->nr)));
    int strips = ceil_div(panels, wide);
    if (size > SMALL && bands * strips < TASKS) {
        bands = imax(bands, imin(ceil_div(x->rows.n, x->a->transposed ? 128 : 64), ceil_div(TASKS, strips)));
        strips = imax(strips, imin(panels / 4, ceil_div(TASKS, bands)));
    }
    if (size > SMALL && bands > 2)      /* the same number for each of 2 or 4 threads */
        bands = imin(ceil_div(bands, 4) * 4, tiles);
    x->bands = gemm_cut(tiles, 1, bands);
    x->strips = gemm_cut(panels, 1, strips);
}

static bool is_plain(const struct matrix *x)
{
    return !(x->mean || x->activation != ACT_NONE || x->row_factor || x->col_factor);
}

/* May a kernel read it as it lies? Rows 2 kB apart or a multiple of that would fall upon each other in first cache; where a
 * panel's depths are rows, in second cache, those 8 kB apart. */
static bool rows_lie_well(const struct matrix *x)
{
    return x->type == F32 && !x->transposed && x->stride % 512 && is_plain(x);
}
/* Low tiles take less than half a line of memory each: they are better packed. */
static bool columns_lie_well(const struct product *x)
{
    const struct matrix *a = x->a;
    return x->compute == F32 && a->type == F32 && a->transposed && a->stride % 2048 && is_plain(a) && x->k->mr > LOW;
}

/* Panels [from, to) of c. */
static void run_range(struct product *x, const struct env *e, int from, int to, int64_t size, float *work)
{
    x->from = from;
    x->to = to;
    cut_tasks(x, size);
    int64_t floats = (int64_t)packed_depth(x->k, x->depth.n) * (gemm_start(&x->cols, to) - gemm_start(&x->cols, from));
    x->packed = x->bands.parts > 1 && !x->b_lies && floats <= WORK_FLOATS ? work : NULL;
    x->states = (atomic_uchar *)(work + floats);
    for (int i = 0; x->packed && i < x->depth.parts * (to - from); i++)
        atomic_init(&x->states[i], RAW);
    split(e, x->bands.parts * x->strips.parts, multiply, x);
}

static void run_part(struct product *x, const struct env *e, int p, int depth, float *work)
{
    int most = imax(1, WORK_FLOATS / imax(1, packed_depth(x->k, depth) * x->k->nr));
    struct gemm_cut ranges = gemm_cut(x->cols.parts, 1, ceil_div(x->cols.parts, most));
    x->p = p;
    int kc = x->a->transposed && x->k->mr > LOW ? x->k->kc / 2 : x->k->kc;
    x->depth = gemm_cut(depth, 2, imax(1, ceil_div(depth, kc * x->k->step)));
    int64_t size = (int64_t)x->rows.n * x->cols.n * depth;
    bool small = x->compute == F32 && size <= SMALL;
    x->a_lies = (small && rows_lie_well(x->a)) || columns_lie_well(x);
    x->b_lies = small && rows_lie_well(x->b) && x->cols.n % x->k->unit == 0;
    for (int r = 0; r < ranges.parts; r++)
        run_range(x, e, gemm_start(&ranges, r), gemm_start(&ranges, r + 1), size, work);
}

static bool is_empty(const struct epilogue *ep)
{
    return !ep || !(ep->bias || ep->gate || ep->col_factor || ep->row_factor || ep->residual || ep->add);
}

struct small_product { const struct gemm_kernels *k; struct gemm_small whole; };
static void multiply_small(void *arg, int task, void *scratch)
{
    struct small_product *x = arg;
    (void)task;
    x->whole.space = scratch;
    x->k->small(&x->whole);
}

void mim__matmul(const struct env *e, enum dtype compute, int m, int n, int k,
                 const struct matrix *a, const struct matrix *b, void *c, enum dtype ct, ptrdiff_t ldc,
                 const struct epilogue *ep, void *work)
{
    if (m <= 0 || n <= 0)
        return;
    const struct gemm_kernels *g = e->k->gemm[compute];
    ep = is_empty(ep) ? NULL : ep;
    if (gemm_is_small(g, m, n, k) && is_plain(a) && is_plain(b)) {
        split(e, 1, multiply_small, &(struct small_product){ g, { m, n, k, a, b, c, ct, ldc, ep, NULL } });
        return;
    }
    struct product x = { .k = g, .compute = compute, .a = a, .b = b, .c = c, .ct = ct, .ldc = ldc, .ep = ep };
    x.rows = gemm_cut(m, 1, ceil_div(m, g->mr));
    x.cols = gemm_cut(n, g->unit, ceil_div(n, g->nr));
    struct gemm_cut parts = gemm_cut(k, 2, ct == F32 ? imax(1, ceil_div(k, DEEP)) : 1);
    struct epilogue more = { .add = true };
    for (int i = 0; i < parts.parts; i++) {
        int p = gemm_start(&parts, i);
        run_part(&x, e, p, imin(gemm_start(&parts, i + 1), k) - p, work);
        if (ep && i == 0) {     /* the epilogue is linear: later parts add what the factors make of them */
            more = *ep;
            more.bias = NULL;
            more.residual = NULL;
            more.add = true;
        }
        x.ep = &more;
    }
}

size_t mim__matmul_work(const struct kernels *k, enum dtype compute, int m, int n, int depth)
{
    const struct gemm_kernels *g = k->gemm[compute];
    int64_t floats = (int64_t)packed_depth(g, depth) * ceil_div(n, g->unit) * g->unit;
    size_t states = (size_t)ceil_div(n, g->nr) * (size_t)ceil_div(depth, g->kc / 2 * g->step);
    return m <= 0 ? 0 : (size_t)lmin(floats, WORK_FLOATS) * sizeof(float) + states;
}

size_t mim__matmul_scratch(const struct kernels *k, enum dtype compute)
{
    const struct gemm_kernels *g = k->gemm[compute];
    return (size_t)(BAND_FLOATS + SUM_FLOATS + g->nr * g->kc + 2 * SPILL_FLOATS) * sizeof(float);
}
