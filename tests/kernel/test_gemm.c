/* SPDX-License-Identifier: MIT */
/* test_gemm.c -- packed panels value by value, and tiles of every height and width, against what gemm.h draws; all arrays
 * between forbidden pages. */
#define _DEFAULT_SOURCE
#include "kernel/kernel.h"
#include "support/guard.h"
#include "support/test.h"

static float widen(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}
static uint16_t narrow(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
static float number(int i) { return (float)((uint32_t)i * 2654435761u >> 8) / (float)(1 << 23) - 1.0f; }

/* Value of depth p, lane i of a panel of width w, whatever a packed value is. */
static float packed_at(const struct gemm_kernels *g, const float *panel, int w, int i, int p)
{
    if (g->step == 1)
        return panel[p * w + i];
    return widen(((const uint16_t *)panel)[2 * (p / 2 * w + i) + p % 2]);
}

/* x as it lies is [rows, cols] = `across` ? [lanes, depth] : [depth, lanes]. */
static void check_pack(const struct gemm_kernels *g, bool rounded, bool across, enum dtype type, int n, int k,
                       int unit, int widest)
{
    int rows = across ? n : k, cols = across ? k : n, skip = k > 5 ? 4 : 0, depth = k - skip;
    size_t stride = (size_t)cols + 3, count = (size_t)(rows - 1) * stride + (size_t)cols;
    struct gemm_cut cut = gemm_cut(n, unit, ceil_div(n, widest));
    int values = ceil_div(depth, g->step), all = gemm_start(&cut, cut.parts);
    struct guard source = guard_take(count * dtype_size(type), n % 2);
    struct guard out = guard_take(sizeof(float) * (size_t)(all * values) + 64, 1);
    for (size_t i = 0; i < count; i++) {
        float f = number((int)i);
        uint16_t h = narrow(f);
        memcpy(source.data + i * dtype_size(type), type == BF16 ? (void *)&h : (void *)&f, dtype_size(type));
    }
    struct matrix x = { .data = source.data, .type = type, .stride = (ptrdiff_t)stride };
    float *panels = (float *)(void *)out.data;
    memset(panels, 0xff, sizeof(float) * (size_t)(all * values));
    g->pack(&(struct gemm_pack){ &x, across, &cut, 0, cut.parts, skip, depth, panels });
    for (int t = 0; t < cut.parts && !test_broken; t++) {
        int start = gemm_start(&cut, t), w = gemm_start(&cut, t + 1) - start;
        CHECK(w <= widest && w % unit == 0);
        for (int i = 0; i < w && start + i < n; i++)
            for (int p = 0; p < values * g->step; p++) {
                size_t lane = (size_t)(start + i), deep = (size_t)(skip + p);
                size_t at = across ? lane * stride + deep : deep * stride + lane;
                bool inside = p < depth;
                float want = !inside ? 0 : type == BF16 ? widen(((uint16_t *)(void *)source.data)[at])
                                                        : ((float *)(void *)source.data)[at];
                float got = packed_at(g, panels + (ptrdiff_t)start * values, w, i, p);
                if (!CHECK(got == (rounded ? widen(narrow(want)) : want)))
                    return;
            }
    }
    guard_give(source);
    guard_give(out);
}

static void pack(void)
{
    static const int depths[] = { 1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 47, 64, 70 };
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++)
        for (int compute = F32; compute <= BF16; compute++) {
            const struct gemm_kernels *g = (*k)->gemm[compute];
            for (int n = 1; n <= 70; n += n < 36 ? 1 : 13)
                for (int d = 0; d < COUNT(depths); d++)
                    for (int way = 0; way < 4 && !test_broken; way++) {
                        check_pack(g, compute == BF16, way & 1, way & 2 ? BF16 : F32, n, depths[d], 1, g->mr);
                        check_pack(g, compute == BF16, way & 1, way & 2 ? BF16 : F32, n, depths[d], g->unit, g->nr);
                    }
        }
}

/* Integers, so that every order of sums gives the same: a(i, p) = i + p + 1, b(p, j) = p - j. */
static void fill(const struct gemm_kernels *g, float *panel, const struct gemm_cut *cut, int k, bool is_a)
{
    int values = ceil_div(k, g->step);
    for (int t = 0; t < cut->parts; t++) {
        int start = gemm_start(cut, t), w = gemm_start(cut, t + 1) - start;
        float *to = panel + (ptrdiff_t)start * values;
        for (int p = 0; p < values * g->step; p++)
            for (int i = 0; i < w; i++) {
                float v = p >= k || start + i >= cut->n ? 0.0f : (float)(is_a ? start + i + p + 1 : p - start - i);
                if (g->step == 1)
                    to[p * w + i] = v;
                else
                    ((uint16_t *)(void *)to)[2 * (p / 2 * w + i) + p % 2] = narrow(v);
            }
    }
}
static double product_at(int i, int j, int k)
{
    double v = 0;
    for (int p = 0; p < k; p++)
        v += (double)(i + p + 1) * (p - j);
    return v;
}

/* c [m, n] by panels, in two blocks of the depth if `twice`: the second adds the same again. */
static void check_run(const struct gemm_kernels *g, int m, int n, int k, bool twice, enum dtype ct)
{
    struct gemm_cut rows = gemm_cut(m, 1, ceil_div(m, g->mr)), cols = gemm_cut(n, g->unit, ceil_div(n, g->nr));
    int values = ceil_div(k, g->step), width = gemm_start(&cols, cols.parts);
    size_t stride = (size_t)n + 1, count = (size_t)(m - 1) * stride + (size_t)n;
    struct guard a = guard_take(sizeof(float) * (size_t)(m * values), 1);
    struct guard b = guard_take(sizeof(float) * (size_t)(width * values), 1);
    struct guard c = guard_take(count * dtype_size(ct), 1), sums = guard_take(sizeof(float) * (size_t)(m * width), 1);
    memset(c.data, 0xff, count * dtype_size(ct));
    fill(g, (float *)(void *)a.data, &rows, k, true);
    fill(g, (float *)(void *)b.data, &cols, k, false);
    for (int pass = 0; pass <= twice; pass++)
        for (int j = 0; j < cols.parts; j++) {
            int col = gemm_start(&cols, j);
            struct gemm_run r = {
                .k = values, .a = (float *)(void *)a.data, .b = (float *)(void *)b.data + (ptrdiff_t)col * values,
                .soon = a.data, .soon_row = 4, .soon_depth = 4,
                .rows = &rows, .cols = &cols, .to = rows.parts, .panel = j, .first = pass == 0, .last = pass == twice,
                .sums = (float *)(void *)sums.data + (ptrdiff_t)m * col, .c = c.data, .ct = ct, .ldc = (ptrdiff_t)stride
            };
            g->run(&r);
        }
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n && !test_broken; j++) {
            size_t at = (size_t)i * stride + (size_t)j;
            float want = (float)((twice ? 2 : 1) * product_at(i, j, k));
            if (ct == BF16)
                CHECK(((uint16_t *)(void *)c.data)[at] == narrow(want));
            else
                CHECK(((float *)(void *)c.data)[at] == want);
        }
    guard_give(a);
    guard_give(b);
    guard_give(c);
    guard_give(sums);
}

static void run(void)
{
    for (const struct kernels *const *k = mim__kernels_available(); *k; k++)
        for (int compute = F32; compute <= BF16; compute++) {
            const struct gemm_kernels *g = (*k)->gemm[compute];
            for (int m = 1; m <= 2 * g->mr + 1; m++)
                for (int n = 1; n <= 2 * g->nr + 1 && !test_broken; n += n < 4 ? 1 : 3)
                    check_run(g, m, n, 1 + (m + n) % 20, (m + n) % 2, n % 3 ? F32 : BF16);
        }
}

static void cut(void)
{
    for (int n = 1; n < 300; n++)
        for (int unit = 1; unit <= 16; unit *= 4)
            for (int parts = 1; parts <= ceil_div(n, unit); parts += 3) {
                struct gemm_cut c = gemm_cut(n, unit, parts);
                int end = gemm_start(&c, parts);
                CHECK(gemm_start(&c, 0) == 0 && end >= n && end < n + unit);
                for (int i = 0; i < parts; i++) {
                    int w = gemm_start(&c, i + 1) - gemm_start(&c, i);
                    int units = ceil_div(n, unit);
                    CHECK(w % unit == 0 && w / unit >= units / parts && w / unit <= ceil_div(units, parts));
                }
            }
}

int main(void)
{
    TEST(cut);
    TEST(pack);
    TEST(run);
    return test_end();
}
