/* SPDX-License-Identifier: MIT */
/* test_ssim.c -- structural similarity against windows taken one by one. */
#include "evaluate/make.h"

enum { HEIGHT = 19, WIDTH = 15 };
static unsigned char a[HEIGHT][WIDTH], b[HEIGHT][WIDTH];

static struct picture picture(const void *data)
{
    return (struct picture){ data, MIM_U8, HEIGHT, WIDTH, 1, WIDTH, 1, 1 };
}

/* The whole of one window, its upper left corner at (y, x). */
static double window(int y, int x)
{
    double total = 0, ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < 11; i++)
            for (int j = 0; j < 11; j++) {
                double w = exp(-((i - 5) * (i - 5) + (j - 5) * (j - 5)) / 4.5), p = a[y + i][x + j], q = b[y + i][x + j];
                if (pass == 0) {
                    total += w;
                    continue;
                }
                w /= total;
                ma += w * p, mb += w * q, aa += w * p * p, bb += w * q * q, ab += w * p * q;
            }
    double c1 = 2.55 * 2.55, c2 = 7.65 * 7.65;
    return (2 * ma * mb + c1) * (2 * (ab - ma * mb) + c2) / ((ma * ma + mb * mb + c1) * (aa - ma * ma + bb - mb * mb + c2));
}

static void windows(void)
{
    static uint8_t where[HEIGHT][WIDTH];
    double *scratch = malloc(mim__evaluate_ssim_scratch(WIDTH) * sizeof *scratch), all = 0;
    struct picture p = picture(a), q = picture(b);
    struct plane pa = { &p, 0, NULL }, pb = { &q, 0, NULL };
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            a[y][x] = (unsigned char)(make_unit() * 256);
            b[y][x] = (unsigned char)(0.7 * a[y][x] + make_unit() * 60);
        }
    for (int y = 0; y + 11 <= HEIGHT; y++)
        for (int x = 0; x + 11 <= WIDTH; x++) {
            memset(where, 0, sizeof where);
            where[y + 5][x + 5] = 1;
            where[0][0] = 1;                    /* no window has its centre here */
            CHECK_NEAR(mim__evaluate_ssim(&pa, &pb, where[0], scratch), window(y, x), 1e-9);
            all += window(y, x) / ((HEIGHT - 10) * (WIDTH - 10));
        }
    CHECK_NEAR(mim__evaluate_ssim(&pa, &pb, NULL, scratch), all, 1e-9);
    CHECK_NEAR(mim__evaluate_ssim(&pa, &pa, NULL, scratch), 1, 1e-12);
    free(scratch);
}

int main(void)
{
    TEST(windows);
    return test_end();
}
