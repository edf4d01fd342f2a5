/* SPDX-License-Identifier: MIT */
/* test_resample.c -- resize against values of Pillow 13 and against a plain reference, to the last bit for u8. */
#include "image/make.h"

static double filter(int kind, double x)
{
    x = fabs(x);
    if (kind == RESIZE_BILINEAR)
        return x < 1 ? 1 - x : 0;
    return x < 1 ? ((-0.5 + 2) * x - (-0.5 + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

/* One pass over a line of `in` values, as Pillow writes it: 32-bit fixed point for u8, double otherwise. */
static double pass(int kind, bool fixed, const double *line, int in, long long out, long long i)
{
    double scale = (double)in / (double)out, stretch = scale > 1 ? scale : 1;
    double support = (kind == RESIZE_BICUBIC ? 2 : 1) * stretch, centre = ((double)i + 0.5) * scale, sum = 0, result = 0;
    int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5), total = 1 << 21;
    if (in == out)
        return line[i];
    if (kind == RESIZE_NEAREST)
        return line[imin((int)centre, in - 1)];
    first = first < 0 ? 0 : first;
    end = end > in ? in : end;
    for (int j = first; j < end; j++)
        sum += filter(kind, (j - centre + 0.5) * (1 / stretch));
    for (int j = first; j < end; j++) {
        double w = filter(kind, (j - centre + 0.5) * (1 / stretch)) / sum;
        result += w * line[j];
        if (fixed)
            total += (int)(w < 0 ? w * (1 << 22) - 0.5 : w * (1 << 22) + 0.5) * (int)line[j];
    }
    total = total < 0 ? 0 : total >> 22;
    return !fixed ? (double)(float)result : total > 255 ? 255 : total;
}

/* The same view, the slow way: out [channels, height, width]. */
static void reference(const struct picture *p, const struct view *v, const struct image_options *o, float *out)
{
    bool fixed = p->type == MIM_U8;
    int height = (int)v->height, width = (int)v->width;
    double *line = malloc(sizeof *line * (size_t)(height + width)), *half = malloc(sizeof *half * (size_t)height);
    for (int c = 0; c < p->channels; c++)
        for (int x = 0; x < o->width; x++) {
            for (int y = 0; y < height; y++) {
                for (int j = 0; j < width; j++)
                    line[j] = get_sample(p, (int)v->top + y, (int)v->left + j, c);
                half[y] = pass(o->resize, fixed, line, width, v->cols, v->x + x);
            }
            for (int y = 0; y < o->height; y++) {
                int to = v->flip ? (int)o->width - 1 - x : x;
                out[(c * o->height + y) * o->width + to] =
                    (float)pass(o->resize, fixed, half, height, v->rows, v->y + y) / (p->type == MIM_U16 ? 65535.0f : 1);
            }
        }
    free(line);
    free(half);
}

/* Largest difference to the reference. */
static double difference(const struct picture *p, const struct view *v, const struct image_options *o)
{
    size_t n = (size_t)(o->channels * o->height * o->width);
    float *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b), *table = malloc(sizeof *table * 256 * 64);
    void *scratch = malloc(mim__image_resample_scratch(o));
    double worst = 0;
    plain_table((int)o->channels, table);
    memset(scratch, 0xff, mim__image_resample_scratch(o));
    mim__image_resample(p, v, &(struct finish){ o, table }, a, scratch);
    reference(p, v, o, b);
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    free(a);
    free(b);
    free(table);
    free(scratch);
    return worst;
}

/* The golden picture resized: bytes out, their sum given back. */
static int golden(int channels, int height, int width, struct view v, int kind, int rows, int cols, int *out)
{
    struct image_options o = plain_options(rows, cols, channels);
    struct picture p = { NULL, MIM_U8, height, width, channels, 0, 0, 0 };
    unsigned char *bytes = malloc((size_t)(height * width * channels));
    float *table = malloc(sizeof *table * 256 * 64), *result = malloc(sizeof *result * (size_t)(rows * cols * channels));
    int sum = 0;
    o.resize = kind;
    p.data = bytes;
    p.channel = 1, p.column = channels, p.row = (ptrdiff_t)channels * width;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                bytes[(y * width + x) * channels + c] = (unsigned char)pattern(c, y, x);
    plain_table(channels, table);
    void *scratch = malloc(mim__image_resample_scratch(&o));
    v.rows = rows, v.cols = cols;
    mim__image_resample(&p, &v, &(struct finish){ &o, table }, result, scratch);
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < rows * cols; i++)
            sum += out[i * channels + c] = (int)result[c * rows * cols + i];
    free(bytes);
    free(table);
    free(result);
    free(scratch);
    return sum;
}

static int same_row(const int *a, const int *b, int n)
{
    return !memcmp(a, b, (size_t)n * sizeof *a);
}

static void pillow_one_channel(void)
{
    struct view whole = { .height = 32, .width = 32 };
    static int out[2000];
    CHECK(golden(1, 32, 32, whole, RESIZE_BILINEAR, 13, 13, out) == 21544);
    CHECK(same_row(out, (int[]){ 80, 146, 106, 108, 118, 132, 90, 88, 117, 155, 139, 119, 118 }, 13));
    CHECK(golden(1, 32, 32, whole, RESIZE_BICUBIC, 13, 13, out) == 21545);
    CHECK(same_row(out, (int[]){ 71, 153, 103, 108, 117, 133, 81, 78, 116, 163, 141, 119, 121 }, 13));
    CHECK(golden(1, 32, 32, whole, RESIZE_BILINEAR, 40, 48, out) == 244401);
    CHECK(same_row(out, (int[]){ 0, 12, 30, 56, 88, 125, 169, 92 }, 8));
    CHECK(golden(1, 32, 32, whole, RESIZE_BICUBIC, 40, 48, out) == 244356);
    CHECK(same_row(out, (int[]){ 0, 7, 27, 53, 84, 124, 180, 87 }, 8));
}

/* Cut first, then resized: the filter sees nothing outside the box. */
static void pillow_box(void)
{
    static int out[256];
    int weighted = 0;
    struct view box = { .top = 3, .left = 4, .height = 26, .width = 23 };
    CHECK(golden(1, 32, 32, box, RESIZE_BICUBIC, 16, 16, out) == 33658);
    CHECK(same_row(out, (int[]){ 122, 86, 76, 101, 144, 107, 111, 197, 184, 203, 148, 54, 153, 76, 117, 123 }, 16));
    for (int i = 0; i < 256; i++)
        weighted += out[i] * (1 + i % 7);
    CHECK(weighted == 134076);
}

static void pillow_extremes(void)
{
    static int out[2000];
    struct view big = { .height = 300, .width = 1000 }, tiny = { .height = 2, .width = 3 };
    int weighted = 0;
    CHECK(golden(1, 300, 1000, big, RESIZE_BILINEAR, 5, 7, out) == 4445);
    CHECK(golden(1, 300, 1000, big, RESIZE_BICUBIC, 5, 7, out) == 4443);
    CHECK(same_row(out + 14, (int[]){ 126, 127, 126, 127, 127, 126, 127 }, 7));
    CHECK(golden(1, 32, 32, tiny, RESIZE_BILINEAR, 40, 50, out) == 104368);
    CHECK(golden(1, 32, 32, tiny, RESIZE_BICUBIC, 40, 50, out) == 105191);
    for (int i = 0; i < 2000; i++)
        weighted += out[i] * (i % 11);
    CHECK(weighted == 525610);
}

static void pillow_colour(void)
{
    static int out[17 * 23 * 3];
    struct view whole = { .height = 40, .width = 50 };
    int weighted[2] = { 0 };
    CHECK(golden(3, 40, 50, whole, RESIZE_BICUBIC, 23, 17, out) == 149999);
    for (int i = 0; i < COUNT(out); i++)
        weighted[0] += out[i] * (i % 13);
    CHECK(golden(3, 40, 50, whole, RESIZE_NEAREST, 23, 17, out) == 145294);
    for (int i = 0; i < COUNT(out); i++)
        weighted[1] += out[i] * (i % 13);
    CHECK(weighted[0] == 901142);
    CHECK(weighted[1] == 877308);
}

static void pillow_float(void)
{
    static const float line[8] = { 0, 24, 62, 114, 180, 4, 98, 206 };      /* row 0 of the golden picture */
    static const double wanted[2][3] = { { 33.157895, 104.904762, 113.473684 }, { 28.245822, 107.128269, 113.943499 } };
    struct picture p = { (const unsigned char *)line, MIM_F32, 1, 8, 1, 32, 4, 4 };
    struct view v = { .height = 1, .width = 8, .rows = 1, .cols = 3 };
    for (int i = 0; i < 8; i++)
        CHECK(line[i] == (float)pattern(0, 0, i));
    for (int k = 0; k < 2; k++) {
        struct image_options o = plain_options(1, 3, 1);
        float out[3], table[256] = { 0 };
        o.resize = k ? RESIZE_BICUBIC : RESIZE_BILINEAR;
        void *scratch = malloc(mim__image_resample_scratch(&o));
        mim__image_resample(&p, &v, &(struct finish){ &o, table }, out, scratch);
        for (int i = 0; i < 3; i++)
            CHECK_NEAR(out[i], wanted[k][i], 1e-5);
        free(scratch);
    }
}

/* Any type, layout, size, filter, box and window. u8 must be the same to the bit. */
static void random_views(void)
{
    static const int types[] = { MIM_U8, MIM_U16, MIM_F32 };
    for (int i = 0; i < 300; i++) {
        int type = types[i % 3], channels = i % 50 == 7 ? 64 : 1 + (int)make_random(5);
        int height = 1 + (int)make_random(40), width = 1 + (int)make_random(40);
        struct picture p;
        unsigned char *memory = make_picture(type, height, width, channels, i % 5, &p);
        struct image_options o = plain_options(1 + (int)make_random(30), 1 + (int)make_random(30), channels);
        struct view v = { .flip = i % 2 };
        o.resize = 1 + (int)make_random(3);
        v.top = make_random((unsigned)height), v.left = make_random((unsigned)width);
        v.height = 1 + make_random((unsigned)(height - v.top)), v.width = 1 + make_random((unsigned)(width - v.left));
        v.y = make_random(4), v.x = make_random(4);
        v.rows = o.height + v.y + make_random(4), v.cols = o.width + v.x + make_random(4);
        CHECK_NEAR(difference(&p, &v, &o), 0, type == MIM_U8 ? 0 : 1e-6);
        free(memory);
    }
}

/* Wider than a tile's weights, a single column wider than them, taller than the cache, and all of it enlarged. */
static void far_sizes(void)
{
    static const struct { int height, width, rows, cols; } cases[] = {
        { 2, 20000, 2, 100 }, { 1, 70000, 1, 1 }, { 1, 40000, 1, 3 }, { 3000, 2, 3, 2 }, { 70000, 1, 1, 1 },
        { 1, 1, 300, 200 }, { 2, 3, 500, 700 }, { 500, 700, 2, 1 }, { 1, 33000, 2, 2 },
    };
    for (int i = 0; i < COUNT(cases); i++)
        for (int k = RESIZE_NEAREST; k <= RESIZE_BICUBIC; k++)
            for (int type = 0; type < 2; type++) {
                struct picture p;
                unsigned char *memory = make_picture(type ? MIM_F32 : MIM_U8, cases[i].height, cases[i].width, 1, 0, &p);
                struct image_options o = plain_options(cases[i].rows, cases[i].cols, 1);
                struct view v = { .height = p.height, .width = p.width, .rows = o.height, .cols = o.width };
                o.resize = k;
                if (i < 6)
                    CHECK_NEAR(difference(&p, &v, &o), 0, type ? 1e-6 : 0);
                else if (type == 0)
                    CHECK_NEAR(difference(&p, &v, &o), 0, 0);
                free(memory);
            }
}

int main(void)
{
    TEST(pillow_one_channel);
    TEST(pillow_box);
    TEST(pillow_extremes);
    TEST(pillow_colour);
    TEST(pillow_float);
    TEST(random_views);
    TEST(far_sizes);
    return test_end();
}
