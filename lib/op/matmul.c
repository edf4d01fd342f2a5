/* SPDX-License-Identifier: MIT */
/* matmul.c -- a matrix product cut into blocks for the caches and into tasks for the threads, by its shape alone
 * (Goto and van de Geijn 2008).
 *
 *     depth    in parts of DEEP, which are products of their own that add up in c; each in blocks of kc, or half of it where
 *             a is transposed: memory is read along its bands then, and these can be wider
 *     columns  in ranges whose packed b fits WORK_FLOATS; all tasks share it
 *     tasks    a band of rows by a strip of columns: pack a block of a into own scratch, run it along the panels of b
 *
 * An f32 matrix whose columns are the rows of a (a transposed) is like a panel already: it is not packed at all, only asked for
 * early, as its depths lie far apart.
 *
 * The sums of a tile wait in the task's scratch from block to block, so that c is written once and may be bf16, or the
 * residual. Where one band holds all rows, nobody shares b: each panel is packed right before its only use. */
#include "op/matmul.h"

enum {
    DEEP = 8192,                /* depth of a part */
    BAND_FLOATS = 96 << 10,     /* packed block of a: part of the second cache */
    SUM_FLOATS = 256 << 10,     /* sums of a task */
    STRIP_PANELS = 128,         /* most panels of b in a strip */
    WORK_FLOATS = 3 << 20,      /* packed b: a part of the last cache */
    PACK_FLOATS = 64 << 10,     /* a task that packs b */
    SPILL_FLOATS = 16,          /* behind packed panels */
    LOW = 8, FEW = 8,           /* rows of a tile; panels of b */
    TASKS = 8,                  /* where a product is large enough, at least so many */
    SMALL = 4 << 20             /* multiply-adds that are not worth a second task */
};

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
    struct gemm_cut batches;            /* of the panels of this range, to pack them */
    bool a_lies, b_lies;                /* taken from memory as they are */
    float *packed;                      /* b of this range, block after block; NULL: tasks pack it themselves */
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

static void pack_b(void *arg, int task, void *scratch)
{
    (void)scratch;
    const struct product *x = arg;
    int start, depth = block_depth(x, task / x->batches.parts, &start), batch = task % x->batches.parts;
    int from = x->from + gemm_start(&x->batches, batch), to = x->from + gemm_start(&x->batches, batch + 1);
    x->k->pack(&(struct gemm_pack){ x->b, x->b->transposed, &x->cols, from, to, x->p + start, depth,
                                    packed_panel(x, start, depth, from) });
}

static const float *at(const struct matrix *x, int row, int col) { return (const float *)x->data + row * x->stride + col; }

/* Block of a for the run's panels, and panel j of b: packed already, packed now into `space`, or as it lies. */
static const float *block_of_a(const struct product *x, const struct gemm_run *r, int start, int depth, float *space)
{
    int row = gemm_start(&x->rows, r->from), p = x->p + start;
    if (x->a_lies)
        return x->a->transposed ? at(x->a, p, row) : at(x->a, row, p);
    x->k->pack(&(struct gemm_pack){ x->a, !x->a->transposed, &x->rows, r->from, r->to, x->p + start, depth, space });
    return space;
}
static const float *panel_of_b(const struct product *x, int j, int start, int depth, float *space)
{
    if (x->packed)
        return packed_panel(x, start, depth, j);
    if (x->b_lies)
        return at(x->b, x->p + start, gemm_start(&x->cols, j));
    x->k->pack(&(struct gemm_pack){ x->b, x->b->transposed, &x->cols, j, j + 1, x->p + start, depth, space });
    return space;
}

/* While panel `turn` of a strip runs, the next block of a is on its way from memory: of its rows as it lies one for each
 * tile and turn, of its columns (a transposed) all in the first turn. After the last block comes the next band's first. */
static void foresee(const struct product *x, struct gemm_run *r, int block, int turn)
{
    const struct matrix *a = x->a;
    ptrdiff_t size = (ptrdiff_t)dtype_size(a->type), row = gemm_start(&x->rows, r->last ? r->to : r->from);
    ptrdiff_t depth = x->p + gemm_start(&x->depth, r->last ? 0 : block + 1);
    r->soon = NULL;
    if ((x->a_lies && !a->transposed) || row >= x->rows.n || turn >= (a->transposed ? 1 : x->k->mr))
        return;
    r->soon_row = a->transposed ? size : a->stride * size;
    r->soon_depth = (a->transposed ? a->stride * size : size) * x->k->step;
    r->soon = (const char *)a->data + (row + turn) * r->soon_row + depth * (r->soon_depth / x->k->step);
}

/* One block of the depth for a task: its block of a against the panels [left, right) of b. */
static void multiply_block(const struct product *x, struct gemm_run *r, int i, int left, int right, float *space)
{
    float *block = space, *panel = block + BAND_FLOATS + SPILL_FLOATS;
    float *sums = panel + x->k->nr * x->k->kc + SPILL_FLOATS;
    ptrdiff_t height = gemm_start(&x->rows, r->to) - gemm_start(&x->rows, r->from);
    int start, depth = block_depth(x, i, &start), col = gemm_start(&x->cols, left);
    r->k = packed_depth(x->k, depth);
    r->first = i == 0;
    r->last = i == x->depth.parts - 1;
    r->a = block_of_a(x, r, start, depth, block);
    for (int j = left; j < right; j++) {
        r->panel = j;
        r->b = panel_of_b(x, j, start, depth, panel);
        r->sums = sums + height * (gemm_start(&x->cols, j) - col);
        foresee(x, r, i, j - left);
        x->k->run(r);
    }
}

static void multiply(void *arg, int task, void *scratch)
{
    const struct product *x = arg;
    int band = task / x->strips.parts, strip = task % x->strips.parts;
    int left = x->from + gemm_start(&x->strips, strip), right = x->from + gemm_start(&x->strips, strip + 1);
    struct gemm_run run = {
        .a_row = !x->a_lies ? 0 : x->a->transposed ? 1 : x->a->stride,
        .a_depth = !x->a_lies ? 0 : x->a->transposed ? x->a->stride : 1,
        .b_stride = x->b_lies ? x->b->stride : 0,
        .rows = &x->rows, .cols = &x->cols,
        .from = gemm_start(&x->bands, band), .to = gemm_start(&x->bands, band + 1),
        .c = x->c, .ct = x->ct, .ldc = x->ldc, .ep = x->ep
    };
    for (int i = 0; i < x->depth.parts; i++)
        multiply_block(x, &run, i, left, right, scratch);
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
    if (size > SMALL && bands > 4)      /* the same number for each of 2 or 4 threads */
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
/* Low tiles take less than half a line of memory each: where many panels of b do that, packing is worth it. */
static bool columns_lie_well(const struct product *x)
{
    const struct matrix *a = x->a;
    return x->compute == F32 && a->type == F32 && a->transposed && a->stride % 2048 && is_plain(a) &&
           (x->k->mr > LOW || x->cols.parts <= FEW);
}

/* Panels [from, to) of c. */
static void run_range(struct product *x, const struct env *e, int from, int to, int64_t size, float *work)
{
    x->from = from;
    x->to = to;
    cut_tasks(x, size);
    int64_t floats = (int64_t)packed_depth(x->k, x->depth.n) * (gemm_start(&x->cols, to) - gemm_start(&x->cols, from));
    x->packed = x->bands.parts > 1 && !x->b_lies && floats <= WORK_FLOATS ? work : NULL;
    if (x->packed) {
        int64_t panel = floats / (to - from) / x->depth.parts;
        x->batches = gemm_cut(to - from, 1, imax(1, imin(to - from, (int)((to - from) * panel / PACK_FLOATS))));
        split(e, x->depth.parts * x->batches.parts, pack_b, x);
    }
    split(e, x->bands.parts * x->strips.parts, multiply, x);
}

static void run_part(struct product *x, const struct env *e, int p, int depth, float *work)
{
    int most = imax(1, WORK_FLOATS / imax(1, packed_depth(x->k, depth) * x->k->nr));
    struct gemm_cut ranges = gemm_cut(x->cols.parts, 1, ceil_div(x->cols.parts, most));
    x->p = p;
    int kc = x->a->transposed ? x->k->kc / 2 : x->k->kc;
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
    return m <= 0 ? 0 : ((size_t)lmin(floats, WORK_FLOATS) + SPILL_FLOATS) * sizeof(float);
}

size_t mim__matmul_scratch(const struct kernels *k, enum dtype compute)
{
    const struct gemm_kernels *g = k->gemm[compute];
    return (size_t)(BAND_FLOATS + SUM_FLOATS + g->nr * g->kc + 2 * SPILL_FLOATS) * sizeof(float);
}
