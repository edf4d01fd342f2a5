/* SPDX-License-Identifier: MIT */
/* test_examples_support.c -- what the examples stand on: PNG files against a decoder written here, readers of pictures
 * against good files and bad ones, drawing, command lines. The examples are no library, so the sources are compiled
 * in; system.c stands first, as it says what it needs of POSIX. Files go under argv[1] or build/tmp. */
#include "../../examples/support/system.c"
#include "../../examples/support/chart.c"
#include "../../examples/support/confusion.c"
#include "../../examples/support/data.c"
#include "../../examples/support/data_cifar.c"
#include "../../examples/support/data_idx.c"
#include "../../examples/support/data_pnm.c"
#include "../../examples/support/draw.c"
#include "../../examples/support/fill.c"
#include "../../examples/support/history.c"
#include "../../examples/support/model.c"
#include "../../examples/support/options.c"
#include "../../examples/support/outputs.c"
#include "../../examples/support/png.c"
#include "../../examples/support/random.c"
#include "../../examples/support/scenes.c"
#include "../../examples/support/sheet.c"
#include "support/test.h"

static const char *folder = "build/tmp/examples_support";

static char *place(const char *name)            /* one path at a time */
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_bytes(const char *name, const void *data, size_t size)
{
    FILE *f = fopen(place(name), "wb");
    if (!f || fwrite(data, 1, size, f) != size)
        printf("cannot write %s\n", place(name)), exit(1);
    fclose(f);
}

#define WRITE(name, text) write_bytes(name, text, sizeof(text) - 1)

/* ---- a decoder of PNG, for what png.c may write: one fixed block ---- */

struct in { const unsigned char *data; size_t size, bit; };

static unsigned get_bits(struct in *in, int count)
{
    unsigned value = 0;
    for (int i = 0; i < count; i++, in->bit++)
        if (in->bit / 8 < in->size)
            value |= (unsigned)(in->data[in->bit / 8] >> in->bit % 8 & 1) << i;
    return value;
}

static unsigned get_code(struct in *in, unsigned code, int count)       /* `count` more bits, highest first */
{
    while (count--)
        code = code << 1 | get_bits(in, 1);
    return code;
}

static int get_symbol(struct in *in)                                    /* RFC 1951, 3.2.6 */
{
    unsigned code = get_code(in, 0, 7);
    if (code < 24)
        return (int)code + 256;
    code = get_code(in, code, 1);
    if (code < 0xC0)
        return (int)code - 0x30;
    if (code < 0xC8)
        return (int)code - 0xC0 + 280;
    return (int)get_code(in, code, 1) - 0x190 + 144;
}

/* The tables of the RFC, written out, so that the encoder's arithmetic is checked by something else. */
static int inflate(struct in *in, unsigned char *out, size_t room)
{
    static const short length_base[] = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99,
                                         115, 131, 163, 195, 227, 258 };
    static const short length_bits[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5,
                                         0 };
    static const short far_base[] = { 1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025,
                                      1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577 };
    size_t n = 0;
    if (get_bits(in, 3) != 3)                                           /* last block, fixed codes */
        return -1;
    for (int symbol; (symbol = get_symbol(in)) != 256;) {
        if (in->bit / 8 > in->size || symbol > 285)
            return -1;
        if (symbol < 256) {
            if (n == room)
                return -1;
            out[n++] = (unsigned char)symbol;
            continue;
        }
        size_t length = (size_t)length_base[symbol - 257] + get_bits(in, length_bits[symbol - 257]);
        unsigned code = get_code(in, 0, 5);
        size_t far = code < 30 ? (size_t)far_base[code] + get_bits(in, code < 4 ? 0 : (int)code / 2 - 1) : 0;
        if (!far || far > n || length > room - n)
            return -1;
        for (; length; length--, n++)
            out[n] = out[n - far];
    }
    return n == room ? 0 : -1;
}

static uint32_t big(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t crc_of(const unsigned char *p, size_t n)        /* by polynomial division of the bits */
{
    uint32_t c = 0xFFFFFFFFu;
    for (size_t i = 0; i < 8 * n; i++) {
        uint32_t bit = ((uint32_t)p[i / 8] >> i % 8 ^ c) & 1;
        c = c >> 1 ^ (bit ? 0xEDB88320u : 0);
    }
    return ~c;
}

static void unfilter(unsigned char *rows, int height, int bytes, int step)
{
    for (int y = 0; y < height; y++) {
        unsigned char *row = rows + (size_t)y * (size_t)(bytes + 1) + 1;
        int filter = row[-1] < 5 ? row[-1] : 0;
        for (int i = 0; i < bytes; i++) {
            int a = i < step ? 0 : row[i - step], b = y ? row[i - bytes - 1] : 0;
            int c = i < step || !y ? 0 : row[i - bytes - 1 - step], p = a + b - c;
            int nearest = abs(p - a) <= abs(p - b) && abs(p - a) <= abs(p - c) ? a : abs(p - b) <= abs(p - c) ? b : c;
            int guess[] = { 0, a, b, (a + b) / 2, nearest };
            row[i] = (unsigned char)(row[i] + guess[filter]);
        }
    }
}

/* Pixels of the file in a new array, or NULL after a failed check. */
static unsigned char *decode(const char *path, int *width, int *height, int *channels)
{
    struct why why;
    size_t size;
    unsigned char *file = read_file(path, &size, &why), *rows = NULL;
    if (!CHECK(file && size > 57 && !memcmp(file, "\x89PNG\r\n\x1a\n", 8)))
        return free(file), NULL;
    const unsigned char *header = file + 8, *data = header + 25, *end = file + size - 12;
    *width = (int)big(header + 8), *height = (int)big(header + 12), *channels = header[17] == 2 ? 3 : 1;
    uint32_t length = big(data);
    CHECK(big(header) == 13 && crc_of(header + 4, 17) == big(header + 21));
    CHECK(header[16] == 8 && !header[18] && !header[19] && !header[20]);
    CHECK(!memcmp(data + 4, "IDAT", 4) && data + 12 + length == end && crc_of(data + 4, length + 4) == big(end - 4));
    CHECK(!memcmp(end, "\0\0\0\0IEND\xAE\x42\x60\x82", 12));
    CHECK((data[8] * 256 + data[9]) % 31 == 0 && data[8] == 0x78);
    int bytes = *width * *channels;
    size_t room = (size_t)(bytes + 1) * (size_t)*height;
    struct in in = { data + 10, length - 6, 0 };
    rows = malloc(room);
    if (CHECK(rows && !inflate(&in, rows, room) && (in.bit + 7) / 8 == in.size)) {
        uint32_t a = 1, b = 0;
        for (size_t i = 0; i < room; i++)
            a = (a + rows[i]) % 65521, b = (b + a) % 65521;
        CHECK((b << 16 | a) == big(end - 8));
        unfilter(rows, *height, bytes, *channels);
        for (int y = 0; y < *height; y++)
            memmove(rows + (size_t)y * (size_t)bytes, rows + (size_t)y * (size_t)(bytes + 1) + 1, (size_t)bytes);
    }
    free(file);
    return rows;
}

static void fill(unsigned char *pixels, size_t n, int kind)
{
    struct random r = random_start(3, (uint64_t)kind);
    for (size_t i = 0; i < n; i++)
        pixels[i] = (unsigned char)(kind == 0 ? 0 : kind == 1 ? (int)i : kind == 2 ? (int)random_below(&r, 256)
                                    : (int)(i / 700 * 37 + i % 700 / 3 % 5 * (i / 90 % 2)));
}

static void png_round_trip(void)
{
    static const int sizes[][3] = { { 1, 1, 1 }, { 1, 1, 3 }, { 3, 5, 3 }, { 257, 2, 1 }, { 1, 300, 3 }, { 320, 200, 3 },
                                    { 33000 / 3, 5, 3 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int kind = 0; kind < 4; kind++) {
            int w = sizes[i][0], h = sizes[i][1], c = sizes[i][2], width = 0, height = 0, channels = 0;
            size_t n = (size_t)w * (size_t)h * (size_t)c;
            unsigned char *pixels = malloc(n);
            fill(pixels, n, kind);
            CHECK(!png_write(place("a.png"), w, h, c, pixels));
            unsigned char *back = decode(place("a.png"), &width, &height, &channels);
            CHECK(back && width == w && height == h && channels == c && !memcmp(back, pixels, n));
            free(back);
            free(pixels);
        }
}

static void png_bad_input(void)
{
    unsigned char pixel[4] = { 0 };
    CHECK(png_write(place("b.png"), 0, 1, 1, pixel));
    CHECK(png_write(place("b.png"), 1, -1, 1, pixel));
    CHECK(png_write(place("b.png"), 1, 1, 2, pixel));
    CHECK(png_write(place("b.png"), 40000, 1, 1, pixel));
    CHECK(png_write(place("nowhere/b.png"), 1, 1, 1, pixel));
    CHECK(!is_file(place("b.png")));
}

/* ---- readers ---- */

static struct why why;

/* The sentence must hold `word`; nothing may be left open. */
static void refused(const char *name, const char *word)
{
    struct data d = { .count = -7 };
    char text[700];
    *why.text = 0;
    int result = data_open(place(name), &d, &why);
    snprintf(text, sizeof text, "%s: \"%s\" should speak of \"%s\"", name, why.text, word);
    test_check(result && d.count == -7 && strstr(why.text, word), __FILE__, __LINE__, text);
}

static void refused_bytes(const char *name, const char *bytes, size_t size, const char *word)
{
    write_bytes(name, bytes, size);
    refused(name, word);
    remove(place(name));
}
#define REFUSED(name, text, word) refused_bytes(name, text, sizeof(text) - 1, word)

static int sample(const struct data *d, int64_t picture, int y, int x, int c)
{
    mim_images view;
    data_views(d, &picture, 1, &view);
    const unsigned char *p = (const unsigned char *)view.data + y * view.row_stride + x * view.column_stride
                           + c * view.channel_stride;
    return view.type == MIM_U16 ? *(const uint16_t *)(const void *)p : *p;
}

static void pnm_good(void)
{
    struct data d;
    WRITE("a.pgm", "P5\n# a comment\n2 1 # another\n255\n\x07\xFF");
    if (CHECK(!data_open(place("a.pgm"), &d, &why))) {
        CHECK(d.count == 1 && d.channels == 1 && d.classes == 0);
        CHECK(sample(&d, 0, 0, 0, 0) == 7 && sample(&d, 0, 0, 1, 0) == 255);
        data_close(&d);
    }
    WRITE("b.ppm", "P6 1 2 65535\n\x01\x02\x03\x04\x05\x06\xFF\xFE\0\0\0\x01");
    if (CHECK(!data_open(place("b.ppm"), &d, &why))) {
        CHECK(d.pictures[0].type == MIM_U16 && d.pictures[0].height == 2 && d.pictures[0].width == 1);
        CHECK(sample(&d, 0, 0, 0, 0) == 0x0102 && sample(&d, 0, 0, 0, 2) == 0x0506 && sample(&d, 0, 1, 0, 0) == 0xFFFE);
        data_close(&d);
    }
    WRITE("c.pgm", "P5 3 1 4 \0\x02\x04");                     /* 0..4 goes to 0..255 */
    if (CHECK(!data_open(place("c.pgm"), &d, &why))) {
        CHECK(sample(&d, 0, 0, 0, 0) == 0 && sample(&d, 0, 0, 1, 0) == 128 && sample(&d, 0, 0, 2, 0) == 255);
        data_close(&d);
    }
    remove(place("a.pgm")), remove(place("b.ppm")), remove(place("c.pgm"));
}

static void pnm_bad(void)
{
    REFUSED("x.ppm", "P6", "header");
    REFUSED("x.ppm", "P6 2 2 255", "header");
    REFUSED("x.ppm", "P6 0 2 255\n", "header");
    REFUSED("x.ppm", "P6 2 -2 255\nabc", "header");
    REFUSED("x.ppm", "P6 99999999999999999999 2 255\nabc", "header");
    REFUSED("x.ppm", "P6 2 2 65536\nabcdefghijkl", "header");
    REFUSED("x.ppm", "P6 2 2 # no end", "header");
    REFUSED("x.ppm", "P6 2 2 255\nabcdefghijk", "cut short");
    REFUSED("x.ppm", "P6 32768 32768 65535\nabc", "cut short");
    REFUSED("x.ppm", "P6 1 1 65535\nabc", "cut short");
    REFUSED("x.pgm", "P5 1 1 100\n\x65", "above the maximum");
    REFUSED("x.ppm", "P3 1 1 255\n1 2 3", "neither binary");
}

static void folder_of_pictures(void)
{
    struct data d;
    int64_t ids[] = { 2, 0 };
    mim_images views[2];
    make_folder(place("pictures/sub"));
    refused("pictures", "no data_batch");
    WRITE("pictures/b.pgm", "P5 1 1 255\n\x02");
    WRITE("pictures/a.PGM", "P5 2 1 255\n\x01\x09");
    WRITE("pictures/sub/c.pgm", "P5 1 1 65535\n\x03\x04");
    WRITE("pictures/notes.txt", "P6");
    if (CHECK(!data_open(place("pictures"), &d, &why))) {
        data_views(&d, ids, 2, views);
        CHECK(d.count == 3 && sample(&d, 0, 0, 1, 0) == 9 && sample(&d, 1, 0, 0, 0) == 2 && sample(&d, 2, 0, 0, 0) == 0x304);
        CHECK(views[0].next == &views[1] && !views[1].next && views[0].type == MIM_U16 && views[1].width == 2);
        data_close(&d);
    }
    WRITE("pictures/d.ppm", "P6 1 1 255\nabc");
    refused("pictures", "channel");
    WRITE("pictures/d.ppm", "\0\0\x08\x04\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\3abc");     /* IDX under a false name */
    refused("pictures", "channel");
    remove(place("pictures/d.ppm")), remove(place("pictures/a.PGM")), remove(place("pictures/b.pgm"));
    remove(place("pictures/sub/c.pgm")), remove(place("pictures/notes.txt"));
    remove(place("pictures/sub")), remove(place("pictures"));
}

static void cifar(void)
{
    static unsigned char record[2 * 3073];
    struct data d;
    record[0] = 9, record[1] = 11, record[1 + 1024] = 22, record[1 + 2048 + 33] = 33, record[3073] = 0;
    write_bytes("a.bin", record, sizeof record);
    if (CHECK(!data_open(place("a.bin"), &d, &why))) {
        CHECK(d.count == 2 && d.channels == 3 && d.classes == 10 && d.pictures[0].label == 9);
        CHECK(sample(&d, 0, 0, 0, 0) == 11 && sample(&d, 0, 0, 0, 1) == 22 && sample(&d, 0, 1, 1, 2) == 33);
        data_close(&d);
    }
    make_folder(place("batches"));
    write_bytes("batches/data_batch_1.bin", record, sizeof record);
    write_bytes("batches/data_batch_2.bin", record, 3073);
    write_bytes("batches/test_batch.bin", record, 5);
    if (CHECK(!data_open(place("batches"), &d, &why))) {
        CHECK(d.count == 3);
        data_close(&d);
    }
    write_bytes("batches/data_batch_2.bin", record, 3072);
    refused("batches", "records");
    remove(place("batches/data_batch_1.bin")), remove(place("batches/data_batch_2.bin"));
    remove(place("batches/test_batch.bin")), remove(place("batches")), remove(place("a.bin"));
    record[3073] = 10;
    refused_bytes("a.bin", (char *)record, sizeof record, "record 1 has label 10");
    REFUSED("a.bin", "", "records");
    REFUSED("a.gz", "\x1F\x8B and more", "unpack");
    refused("missing", "missing");
}

static void several_files(void)
{
    static unsigned char record[3073] = { 3 };
    struct data d = { .count = -7 };
    char paths[3][512];
    const char *list[] = { paths[0], paths[1], paths[2] };
    write_bytes("a.bin", record, sizeof record);
    WRITE("b.ppm", "P6 1 1 255\nabc");
    WRITE("c.pgm", "P5 1 1 255\na");
    for (int i = 0; i < 3; i++)
        snprintf(paths[i], sizeof paths[i], "%s", place((const char *const[]){ "a.bin", "b.ppm", "c.pgm" }[i]));
    CHECK(data_open_list(list, 3, &d, &why) && d.count == -7 && strstr(why.text, "channel"));
    if (CHECK(!data_open_list(list, 2, &d, &why))) {
        CHECK(d.count == 2 && !d.classes && d.channels == 3 && sample(&d, 1, 0, 0, 2) == 'c');
        data_close(&d);
    }
    list[1] = list[0];
    if (CHECK(!data_open_list(list, 2, &d, &why))) {
        CHECK(d.count == 2 && d.classes == 10 && d.pictures[1].label == 3);
        data_close(&d);
    }
    remove(paths[0]), remove(paths[1]), remove(paths[2]);
    CHECK(data_open_list(list, 1, &d, &why) && strstr(why.text, "a.bin"));
}

static void idx(void)
{
    struct data d;
    WRITE("t-images-idx3-ubyte", "\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\2abcd");
    if (CHECK(!data_open(place("t-images-idx3-ubyte"), &d, &why))) {
        CHECK(d.count == 2 && d.channels == 1 && !d.classes && d.pictures[1].label == -1 && sample(&d, 1, 0, 1, 0) == 'd');
        data_close(&d);
    }
    WRITE("t-labels-idx1-ubyte", "\0\0\x08\x01\0\0\0\2\x05\x03");
    if (CHECK(!data_open(place("t-images-idx3-ubyte"), &d, &why))) {
        CHECK(d.classes == 6 && d.pictures[0].label == 5 && d.pictures[1].label == 3);
        data_close(&d);
    }
    WRITE("t-labels-idx1-ubyte", "\0\0\x08\x01\0\0\0\3\x05\x03\x01");
    refused("t-images-idx3-ubyte", "number of labels");
    WRITE("t-labels-idx1-ubyte", "\0\0\x08\x01\0\0");
    refused("t-images-idx3-ubyte", "cut short");
    remove(place("t-labels-idx1-ubyte")), remove(place("t-images-idx3-ubyte"));
    REFUSED("x", "\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\2abc", "shorter");
    REFUSED("x", "\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\2abcde", "longer");
    REFUSED("x", "\0\0\x08\x03\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "shorter");
    REFUSED("x", "\0\0\x08\x03\0\0\0\0\0\0\0\1\0\0\0\2", "size of 0");
    REFUSED("x", "\0\0\x0D\x03\0\0\0\1\0\0\0\1\0\0\0\1abcd", "another type");
    REFUSED("x", "\0\0\x08\x01\0\0\0\1a", "no pictures");
    REFUSED("x", "\0\0\x08\x08\0\0\0\1a", "cut short");
}

/* ---- drawing ---- */

static void canvas_is_cut(void)
{
    struct canvas c;
    if (!CHECK(!canvas_create(&c, 20, 10, 0xFFFFFF)))
        return;
    canvas_fill(&c, -5, -5, 7, 7, 0x102030);
    canvas_line(&c, -100, 5, 100, 5, 2, 0);
    canvas_line(&c, 1e9, 1e9, 2e9, -1e9, 2, 0);
    canvas_text(&c, 15, 5, 3, 0, "cut off \x80\x01");
    CHECK(c.rgb[0] == 0x10 && c.rgb[1] == 0x20 && c.rgb[2] == 0x30);
    CHECK(c.rgb[(5 * 20 + 10) * 3] == 0 && c.rgb[(8 * 20 + 5) * 3] == 255);
    CHECK(canvas_text_width(2, "abc") == 36);
    canvas_destroy(&c);
}

static int inked(const unsigned char *rgb, size_t pixels, unsigned colour)
{
    int n = 0;
    for (size_t i = 0; rgb && i < pixels; i++)
        n += (unsigned)(rgb[3 * i] << 16 | rgb[3 * i + 1] << 8 | rgb[3 * i + 2]) == colour;
    return n;
}

static void charts(void)
{
    static const double ranges[][2] = { { 1, 0.5 }, { 1, 1e-5 }, { 1, 1 }, { 0, 0 }, { -3, 5 }, { 1e300, 1e-300 } };
    int w, h, c;
    for (int i = 0; i < 7; i++) {
        struct history t = { 0 }, v = { 0 };
        for (int k = 0; i < 6 && k < 1000; k++)
            history_add(&t, k + 1, ranges[i][0] + (ranges[i][1] - ranges[i][0]) * k / 999);
        history_add(&v, 500, i < 6 ? ranges[i][1] : NAN);
        CHECK(t.count == (i < 6 ? 1000 : 0) && v.count == (i < 6));
        CHECK(!history_chart(&t, &v, i ? NAN : 0.7, "title", place("chart.png")));
        unsigned char *rgb = decode(place("chart.png"), &w, &h, &c);
        int blue = inked(rgb, (size_t)(w * h), 0x2060C0), gray = inked(rgb, (size_t)(w * h), 0x808080);
        CHECK(i == 6 ? blue < 200 : blue > 500);
        CHECK(i ? gray < 200 : gray > 400);
        free(rgb);
        history_free(&t);
        history_free(&v);
    }
    double x[] = { 1, 2, 3, 4, 5 }, y[] = { 1, 3, 5, 7, 9 };
    CHECK(chart_thin(x, y, 5, 10) == 5 && x[4] == 5);
    CHECK(chart_thin(x, y, 5, 3) == 3 && x[0] == 1.5 && y[1] == 6 && y[2] == 9);
    CHECK(chart_thin(x, y, 0, 3) == 0);
}

/* Every mark is drawn twice, in the plot and in the legend; the second line of that takes room from the plot. */
static void points(void)
{
    static const char *const names[] = { "square", "diamond", "triangle", "cross", "plus", "wedge", "bow" };
    static const char *const words[] = { "1", "a word that goes on beyond the edge of the chart" };
    struct chart_curve curves[2 * (MARKS - 1)];
    double x[2 * (MARKS - 1)][2], y[2 * (MARKS - 1)][2];
    int w, h, c;
    for (int n = MARKS - 1; n <= 2 * (MARKS - 1); n += MARKS - 1) {
        for (int k = 0; k < n; k++) {
            x[k][0] = y[k][1] = k;
            x[k][1] = n;
            y[k][0] = k % 2 ? NAN : 3 * k;                  /* which leaves the point out */
            curves[k] = (struct chart_curve){ .name = names[k % (MARKS - 1)], .x = x[k], .y = y[k], .count = 2,
                                              .colour = 0x400000u + (uint32_t)k * 0x1000, .mark = 1 + k % (MARKS - 1),
                                              .words = words };
        }
        struct chart chart = { .title = "title", .x_name = "x", .y_name = "y", .curves = curves, .count = n };
        CHECK(!chart_write(&chart, place("chart.png")));
        unsigned char *rgb = decode(place("chart.png"), &w, &h, &c);
        for (int k = 0; k < n; k++)
            CHECK(inked(rgb, (size_t)(w * h), curves[k].colour) > (k % 2 ? 30 : 60));
        for (int line = 0; line < 3; line++) {              /* of the legend; the last is none */
            int ink = inked(rgb + (size_t)(36 + 22 * line) * (size_t)w * 3, (size_t)w * 15, 0x303030);
            CHECK(line == 2 || (n < MARKS && line) ? ink < 100 : ink > 300);
        }
        free(rgb);
    }
}

static void confusions(void)
{
    static const int64_t counts[] = { 3, 1, 0, 4 };
    static const char *const names[] = { "cat", "a name that is much longer than a cell is wide" };
    int w, h, c;
    CHECK(!confusion_write(counts, 2, NULL, "title", place("confusion.png")));
    unsigned char *rgb = decode(place("confusion.png"), &w, &h, &c);
    CHECK(inked(rgb, (size_t)(w * h), shade(1, 1)) > 1000);             /* the second class is always right */
    CHECK(inked(rgb, (size_t)(w * h), shade(0.25, 0)) > 1000);
    CHECK(shade(0, 0) == 0xFFFFFF && shade(0, 1) == 0xFFFFFF);
    free(rgb);
    CHECK(!confusion_write(counts, 2, names, "title", place("confusion.png")));
    int64_t *many = calloc(300 * 300, sizeof *many);
    CHECK(many && !confusion_write(many, 300, NULL, "no pictures at all", place("confusion.png")));
    free(many);
    remove(place("confusion.png"));
    CHECK(confusion_write(counts, 0, NULL, "title", place("confusion.png")));
    CHECK(confusion_write(counts, CONFUSION_MOST_CLASSES + 1, NULL, "title", place("confusion.png")));
    CHECK(confusion_write(counts, 2, NULL, "title", place("nowhere/confusion.png")) && !is_file(place("confusion.png")));
}

static void sheet_shows_every_pixel(void)
{
    unsigned char a[3 * 12] = { 0 };
    int w, h, c;
    memset(a, 7, sizeof a);
    struct sheet s = { { "a", "b", "c" }, { a, a, a }, 3, 3, 2, 2 };
    CHECK(!sheet_write(&s, place("sheet.png")));
    unsigned char *rgb = decode(place("sheet.png"), &w, &h, &c);
    CHECK(inked(rgb, (size_t)(w * h), 0x070707) == 9 * 160 * 160);
    free(rgb);
}

/* ---- guesses ---- */

static void fillers(void)
{
    static const unsigned char hidden[] = { 0, 1, 1, 1, 0 };
    const struct hole h = { 1, 5, 2, hidden };
    const float given[] = { 1, -1, 9, 9, 9, 9, 9, 9, 5, 3 };
    float p[10];
    memcpy(p, given, sizeof p);
    CHECK(!fill_mean(&h, p) && p[0] == 1 && p[9] == 3);
    for (int i = 1; i < 4; i++)
        CHECK(p[2 * i] == 3 && p[2 * i + 1] == 1);
    memcpy(p, given, sizeof p);
    CHECK(!fill_nearest(&h, p) && p[2] == 1 && p[3] == -1 && p[6] == 5 && p[7] == 3 && (p[4] == 1 || p[4] == 5));
    memcpy(p, given, sizeof p);
    CHECK(!fill_smooth(&h, p));
    for (int i = 0; i < 5; i++)                                 /* on a line: straight between the ends */
        CHECK(fabsf(p[2 * i] - (1 + (float)i)) < 1e-3f && fabsf(p[2 * i + 1] - ((float)i - 1)) < 1e-3f);
}

/* A plane solves Laplace's equation: with its border given, the inside comes out. One pixel alone tells all the rest. */
static void smooth_is_harmonic(void)
{
    enum { N = 24 };
    static unsigned char hidden[N * N];
    static float p[N * N];
    const struct hole h = { N, N, 1, hidden };
    for (int i = 0; i < N * N; i++) {
        int y = i / N, x = i % N;
        hidden[i] = y && x && y < N - 1 && x < N - 1;
        p[i] = hidden[i] ? 0 : (float)(2 * x + y) / (3 * N);
    }
    CHECK(!fill_smooth(&h, p));
    for (int i = 0; i < N * N; i++)
        CHECK(fabsf(p[i] - (float)(2 * (i % N) + i / N) / (3 * N)) < 1e-3f);
    memset(hidden, 1, sizeof hidden);
    hidden[5 * N + 7] = 0;
    p[5 * N + 7] = 0.25f;
    CHECK(!fill_nearest(&h, p));
    for (int i = 0; i < N * N; i++)
        CHECK(p[i] == 0.25f);
}

static void mean_of_visible_pixels(void)
{
    float pixels[] = { 1, 3, 10, 20,   0, 0, 1, 1 }, picture[8] = { 0 };         /* one picture, two channels of 1 x 4 */
    uint8_t mask[] = { 0, 1 };
    struct outputs o = { 1, 2, 1, 4, 1, 2, pixels, picture, mask, { 0 }, { 0 } };
    CHECK_NEAR(outputs_mean_loss(&o, "l1"), (8 + 18 + 1 + 1) / 4.0, 1e-12);
    CHECK_NEAR(outputs_mean_loss(&o, "l2"), (64 + 324 + 1 + 1) / 4.0, 1e-12);
    CHECK_NEAR(outputs_mean_loss(&o, "smooth_l1"), (7.5 + 17.5 + 0.5 + 0.5) / 4.0, 1e-12);
    CHECK(isnan(outputs_mean_loss(&o, "other")));
    mask[1] = 0;
    CHECK(isnan(outputs_mean_loss(&o, "l1")));
}

static void scenes(void)
{
    static unsigned char a[64 * 64 * 3], b[64 * 64 * 3];
    int seen[SCENE_CLASSES] = { 0 };
    for (int64_t i = 0; i < 500; i++) {
        int class = scene_draw(5, i, 32, a);
        if (!CHECK(class >= 0 && class < SCENE_CLASSES))
            return;
        seen[class]++;
        CHECK(scene_draw(5, i, 32, b) == class && !memcmp(a, b, 32 * 32 * 3));
        CHECK(scene_draw(5, i, 64, b) == class);
        scene_draw(6, i, 32, b);
        CHECK(memcmp(a, b, 32 * 32 * 3));
    }
    for (int i = 0; i < SCENE_CLASSES; i++)
        CHECK(seen[i] > 25 && seen[i] < 80 && *scene_class_name(i));
    CHECK_TEXT(scene_class_name(-1), "");
    struct data d = { 0 };
    struct why why;
    CHECK(!scenes_open(5, 7, 3, 32, &d, &why) && d.count == 3 && d.channels == 3 && d.classes == SCENE_CLASSES);
    for (int i = 0; i < 3; i++) {
        const struct picture *p = &d.pictures[i];
        CHECK(scene_draw(5, 7 + i, 32, a) == p->label && !memcmp(a, p->pixels, 32 * 32 * 3));
        CHECK(p->type == MIM_U8 && p->width == 32 && p->height == 32 && !p->planar);
    }
    data_close(&d);
}

static void orders(void)
{
    int64_t a[100], b[100], c[100], fixed = 0;
    int seen[100] = { 0 };
    random_order(a, 100, 1, 0);
    random_order(b, 100, 1, 0);
    random_order(c, 100, 1, 1);
    CHECK(!memcmp(a, b, sizeof a) && memcmp(a, c, sizeof a));
    for (int i = 0; i < 100; i++) {
        seen[a[i]]++;
        fixed += a[i] == i;
    }
    for (int i = 0; i < 100; i++)
        CHECK(seen[i] == 1);
    CHECK(fixed < 10);
}

/* ---- models ---- */

static void sections(void)
{
    char text[64];
    mim_context *context = NULL;
    mim_config *from = NULL, *to = NULL;
    CHECK(!mim_context_create(NULL, &context) && !mim_config_create(context, "mae_vit_tiny_32", &from));
    CHECK(!mim_config_create(context, NULL, &to) && !model_copy_sections(from, "image. encoder.", to));
    CHECK(!mim_config_get_str(to, "encoder.patch", text, sizeof text, NULL) && !strcmp(text, "4"));
    CHECK(!mim_config_get_str(to, "image.height", text, sizeof text, NULL) && !strcmp(text, "32"));
    CHECK(!mim_config_get_str(to, "head.kind", text, sizeof text, NULL) && !strcmp(text, "pixels"));    /* the default */
    CHECK(is_within("seed.x", "a. seed.") && !is_within("see.x", "a. seed.") && !is_within("a", "a. seed.")
          && is_within("seed", "a. seed b.") && !is_within("see", "a. seed b.") && !is_within("b", "a. seed b."));
    CHECK(!model_set(to, "encoder.depth=3") && model_set(to, "encoder.dept=3") && model_set(to, "encoder.depth"));
    mim_config_destroy(to);
    mim_config_destroy(from);
    mim_context_destroy(context);
}

/* ---- command lines ---- */

static void options(void)
{
    int flag = 0;
    long long count = 5;
    double number = 0;
    const char *text = NULL, *word = "unset";
    struct texts texts = { 0 }, list = { 0 };
    const struct option table[] = {
        { "--flag", FLAG, &flag, NULL, "" }, { "--count", COUNT, &count, "N", "" },
        { "--number", SECONDS, &number, "N", "" }, { "--text", TEXT, &text, "T", "" },
        { "--set", REPEATED, &texts, "K=V", "" }, { "--list", LIST, &list, "WORDS", "" }, { NULL, FLAG, NULL, NULL, NULL },
    };
    char *good[] = { "p", "--flag", "--count=7", "word", "--number", "1.5", "--set", "a=b", "--set=c=d", "--text", "-x" };
    CHECK(read_options(table, 11, good, "", &word) == OPTIONS_READ);
    CHECK(flag == 1 && count == 7 && number == 1.5 && texts.count == 2);
    CHECK_TEXT(word, "word");
    CHECK_TEXT(text, "-x");
    CHECK_TEXT(texts.text[1], "c=d");
    char *words[] = { "p", "--list", "a", "b", "--set", "x=1", "word", "--list=c", "--list", "d", "--flag" };
    CHECK(read_options(table, 11, words, "", &word) == OPTIONS_READ);
    CHECK(list.count == 4 && texts.count == 3);
    CHECK_TEXT(list.text[1], "b");
    CHECK_TEXT(list.text[3], "d");
    char *bad[][3] = { { "p", "--unknown", "1" }, { "p", "--count", "x" }, { "p", "--count", "-1" },
                       { "p", "--count=", "1" },
                       { "p", "--number", "nan" }, { "p", "--flag=1", "1" }, { "p", "--coun", "1" },
                       { "p", "--count", "99999999999999999999" }, { "p", "--flag", "--text" },
                       { "p", "--flag", "--list" }, { "p", "--set", "x" }, { "p", "--set", "=x" } };
    FILE *quiet = freopen("/dev/null", "w", stderr);
    for (size_t i = 0; quiet && i < sizeof bad / sizeof *bad; i++)
        CHECK(read_options(table, 3, bad[i], "", &word) == OPTIONS_WRONG);
    char *stray[] = { "p", "stray" };
    CHECK(read_options(table, 2, stray, "", NULL) == OPTIONS_WRONG);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        folder = argv[1];
    if (make_folder(folder))
        return printf("cannot make %s\n", folder), 1;
    TEST(png_round_trip);
    TEST(png_bad_input);
    TEST(pnm_good);
    TEST(pnm_bad);
    TEST(folder_of_pictures);
    TEST(cifar);
    TEST(several_files);
    TEST(idx);
    TEST(canvas_is_cut);
    TEST(charts);
    TEST(points);
    TEST(confusions);
    TEST(sheet_shows_every_pixel);
    TEST(fillers);
    TEST(smooth_is_harmonic);
    TEST(sections);
    TEST(mean_of_visible_pixels);
    TEST(scenes);
    TEST(orders);
    TEST(options);
    return test_end();
}
