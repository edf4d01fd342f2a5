/* SPDX-License-Identifier: MIT */
/* test_canvas.c -- operations on 8-bit colours and shapes against Pillow's results, by two sums over the picture. */
#include "image/augment.h"

#include "image/make.h"

enum { HEIGHT = 23, WIDTH = 17, PLANE = HEIGHT * WIDTH, SIZE = 3 * PLANE };

/* The picture of the golden values; the same in a third of the range; one of ramps. */
static struct canvas make_canvas(int kind, int channels)
{
    static uint8_t memory[2][SIZE];
    struct canvas c = { channels, HEIGHT, WIDTH, memory[0], memory[1] };
    uint8_t *to = c.data;
    for (int k = 0; k < channels; k++)
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                int v = (int)pattern(k, y, x);
                *to++ = (uint8_t)(kind == 0 ? v : kind == 1 ? v / 3 + 60 : imin(255, 90 + 5 * x + 3 * y + 20 * k));
            }
    return c;
}

static void sums(const struct canvas *c, long long to[2])
{
    to[0] = to[1] = 0;
    for (int i = 0; i < c->channels * PLANE; i++) {
        to[0] += c->data[i];
        to[1] += (long long)c->data[i] * (i + 1);
    }
}

static void is(const struct canvas *c, long long sum, long long weighted, const char *what, double arg)
{
    long long now[2];
    sums(c, now);
    if (!CHECK(now[0] == sum && now[1] == weighted))
        printf("%s %g: %lld %lld, not %lld %lld\n", what, arg, now[0], now[1], sum, weighted);
}

/* Pillow 13, ImageEnhance. */
static const struct { void (*f)(struct canvas *, float); int kind; double factor; long long sum, weighted; } enhancements[] = {
    { mim__canvas_brightness, 0, 0, 0, 0 },
    { mim__canvas_brightness, 0, 0.3, 44940, 26437326 },
    { mim__canvas_brightness, 0, 0.75, 113217, 66598321 },
    { mim__canvas_brightness, 0, 1, 151539, 89160675 },
    { mim__canvas_brightness, 0, 1.6, 208623, 122385988 },
    { mim__canvas_contrast, 0, 0, 151317, 88823079 },
    { mim__canvas_contrast, 0, 0.3, 150836, 88604661 },
    { mim__canvas_contrast, 0, 0.75, 150997, 88809739 },
    { mim__canvas_contrast, 0, 1, 151539, 89160675 },
    { mim__canvas_contrast, 0, 1.6, 152521, 89928286 },
    { mim__canvas_saturation, 0, 0, 151269, 89029680 },
    { mim__canvas_saturation, 0, 0.3, 150859, 88835465 },
    { mim__canvas_saturation, 0, 0.75, 150932, 88753906 },
    { mim__canvas_saturation, 0, 1, 151539, 89160675 },
    { mim__canvas_saturation, 0, 1.6, 153538, 93406504 },
    { mim__canvas_sharpness, 0, 0, 151304, 88996237 },
    { mim__canvas_sharpness, 0, 0.3, 151171, 88925193 },
    { mim__canvas_sharpness, 0, 0.75, 151169, 88936470 },
    { mim__canvas_sharpness, 0, 1, 151539, 89160675 },
    { mim__canvas_sharpness, 0, 1.6, 151859, 89437451 },
    { mim__canvas_brightness, 1, 0, 0, 0 },
    { mim__canvas_brightness, 1, 0.3, 35647, 20941440 },
    { mim__canvas_brightness, 1, 0.75, 89961, 52862309 },
    { mim__canvas_brightness, 1, 1, 120502, 70799883 },
    { mim__canvas_brightness, 1, 1.6, 192343, 113012116 },
    { mim__canvas_contrast, 1, 0, 120819, 70920753 },
    { mim__canvas_contrast, 1, 0.3, 120205, 70575721 },
    { mim__canvas_contrast, 1, 0.75, 120133, 70564520 },
    { mim__canvas_contrast, 1, 1, 120502, 70799883 },
    { mim__canvas_contrast, 1, 1.6, 119837, 70446969 },
    { mim__canvas_saturation, 1, 0, 120423, 70767099 },
    { mim__canvas_saturation, 1, 0.3, 119779, 70364948 },
    { mim__canvas_saturation, 1, 0.75, 120147, 70570892 },
    { mim__canvas_saturation, 1, 1, 120502, 70799883 },
    { mim__canvas_saturation, 1, 1.6, 120164, 70591058 },
    { mim__canvas_sharpness, 1, 0, 120463, 70765627 },
    { mim__canvas_sharpness, 1, 0.3, 120180, 70603228 },
    { mim__canvas_sharpness, 1, 0.75, 120077, 70547262 },
    { mim__canvas_sharpness, 1, 1, 120502, 70799883 },
    { mim__canvas_sharpness, 1, 1.6, 120178, 70616223 },
    { mim__canvas_brightness, 2, 0, 0, 0 },
    { mim__canvas_brightness, 2, 0.3, 63812, 40094223 },
    { mim__canvas_brightness, 2, 0.75, 160427, 100766383 },
    { mim__canvas_brightness, 2, 1, 214487, 134696404 },
    { mim__canvas_brightness, 2, 1.6, 288626, 173057255 },
    { mim__canvas_contrast, 2, 0, 209967, 123250629 },
    { mim__canvas_contrast, 2, 0.3, 210789, 126366693 },
    { mim__canvas_contrast, 2, 0.75, 212925, 131585890 },
    { mim__canvas_contrast, 2, 1, 214487, 134696404 },
    { mim__canvas_contrast, 2, 1.6, 213642, 138153585 },
    { mim__canvas_saturation, 2, 0, 209925, 125991546 },
    { mim__canvas_saturation, 2, 0.3, 211047, 128455604 },
    { mim__canvas_saturation, 2, 0.75, 213325, 132503363 },
    { mim__canvas_saturation, 2, 1, 214487, 134696404 },
    { mim__canvas_saturation, 2, 1.6, 216366, 139210310 },
    { mim__canvas_sharpness, 2, 0, 214479, 134687464 },
    { mim__canvas_sharpness, 2, 0.3, 214479, 134687464 },
    { mim__canvas_sharpness, 2, 0.75, 214479, 134687464 },
    { mim__canvas_sharpness, 2, 1, 214487, 134696404 },
    { mim__canvas_sharpness, 2, 1.6, 214487, 134696404 },
};

static void enhanced(void)
{
    for (int i = 0; i < COUNT(enhancements); i++) {
        struct canvas c = make_canvas(enhancements[i].kind, 3);
        enhancements[i].f(&c, (float)enhancements[i].factor);
        is(&c, enhancements[i].sum, enhancements[i].weighted, "enhance", enhancements[i].factor);
    }
}

/* timm 1.0 on Pillow 13: operation, picture, strength, sign, bicubic. */
static const struct { int op, kind; double strength; int negative, cubic; long long sum, weighted; } augmentations[] = {
    { 0, 0, 3.7, 0, 1, 151156, 88936112 },
    { 0, 1, 3.7, 0, 1, 151160, 88929052 },
    { 0, 2, 3.7, 0, 1, 157364, 100585336 },
    { 1, 0, 3.7, 0, 1, 200340, 117719796 },
    { 1, 1, 3.7, 0, 1, 199298, 117128628 },
    { 1, 2, 3.7, 0, 1, 200154, 124318230 },
    { 2, 0, 3.7, 0, 1, 147576, 86419830 },
    { 3, 0, 3.7, 0, 1, 151569, 88774988 },
    { 3, 0, 3.7, 1, 1, 150626, 87889728 },
    { 3, 0, 9.3, 0, 1, 147819, 86375891 },
    { 3, 0, 9.3, 1, 1, 148904, 87043417 },
    { 3, 0, 10, 0, 1, 148042, 86462283 },
    { 3, 0, 10, 1, 1, 149145, 86947470 },
    { 4, 0, 3.7, 0, 1, 134592, 79247296 },
    { 4, 0, 9.3, 0, 1, 79104, 47229952 },
    { 5, 0, 3.7, 0, 1, 80986, 46859518 },
    { 5, 0, 9.3, 0, 1, 126339, 73570905 },
    { 5, 0, 10, 0, 1, 147576, 86419830 },
    { 6, 0, 3.7, 0, 1, 173739, 101943355 },
    { 6, 0, 9.3, 0, 1, 208149, 121756509 },
    { 6, 0, 10, 0, 1, 212589, 124313045 },
    { 7, 0, 3.7, 0, 1, 152041, 91018091 },
    { 7, 0, 3.7, 1, 1, 151011, 88832662 },
    { 7, 0, 9.3, 0, 1, 154252, 95047342 },
    { 7, 0, 9.3, 1, 1, 150626, 88757206 },
    { 7, 0, 10, 0, 1, 154392, 95595193 },
    { 7, 0, 10, 1, 1, 150658, 88660791 },
    { 8, 0, 3.7, 0, 1, 151774, 89453019 },
    { 8, 0, 3.7, 1, 1, 150880, 88710660 },
    { 8, 0, 9.3, 0, 1, 152811, 90156224 },
    { 8, 0, 9.3, 1, 1, 150780, 88543352 },
    { 8, 0, 10, 0, 1, 152904, 90232732 },
    { 8, 0, 10, 1, 1, 150795, 88537062 },
    { 9, 0, 3.7, 0, 1, 189395, 111329577 },
    { 9, 0, 3.7, 1, 1, 100639, 59211060 },
    { 9, 0, 9.3, 0, 1, 220454, 129105589 },
    { 9, 0, 9.3, 1, 1, 24128, 14194979 },
    { 9, 0, 10, 0, 1, 223112, 130624227 },
    { 9, 0, 10, 1, 1, 14648, 8613455 },
    { 10, 0, 3.7, 0, 1, 151580, 89237940 },
    { 10, 0, 3.7, 1, 1, 150915, 88787564 },
    { 10, 0, 9.3, 0, 1, 151906, 89451518 },
    { 10, 0, 9.3, 1, 1, 150890, 88757610 },
    { 10, 0, 10, 0, 1, 152009, 89515785 },
    { 10, 0, 10, 1, 1, 151253, 88967715 },
    { 11, 0, 3.7, 0, 1, 150572, 88278808 },
    { 11, 0, 3.7, 1, 1, 149706, 88151114 },
    { 11, 0, 9.3, 0, 1, 148508, 86561881 },
    { 11, 0, 9.3, 1, 1, 146581, 85871800 },
    { 11, 0, 10, 0, 1, 148031, 86101946 },
    { 11, 0, 10, 1, 1, 146674, 85764635 },
    { 12, 0, 3.7, 0, 1, 150576, 88111014 },
    { 12, 0, 3.7, 1, 1, 150864, 89049008 },
    { 12, 0, 9.3, 0, 1, 150420, 87466819 },
    { 12, 0, 9.3, 1, 1, 150620, 89370187 },
    { 12, 0, 10, 0, 1, 149924, 87159069 },
    { 12, 0, 10, 1, 1, 150362, 89263265 },
    { 13, 0, 3.7, 0, 1, 148789, 86722032 },
    { 13, 0, 3.7, 1, 1, 147125, 86042522 },
    { 13, 0, 9.3, 0, 1, 145865, 84279256 },
    { 13, 0, 9.3, 1, 1, 142988, 83244496 },
    { 13, 0, 10, 0, 1, 146006, 84358375 },
    { 13, 0, 10, 1, 1, 142080, 82273006 },
    { 14, 0, 3.7, 0, 1, 149719, 86447215 },
    { 14, 0, 3.7, 1, 1, 149290, 88295650 },
    { 14, 0, 9.3, 0, 1, 143911, 81953457 },
    { 14, 0, 9.3, 1, 1, 143254, 84026497 },
    { 14, 0, 10, 0, 1, 144328, 81857715 },
    { 14, 0, 10, 1, 1, 142940, 84279380 },
    { 3, 0, 3.7, 0, 0, 151287, 88631242 },
    { 3, 0, 3.7, 1, 0, 150542, 87900444 },
    { 3, 0, 9.3, 0, 0, 148256, 86525073 },
    { 3, 0, 9.3, 1, 0, 148973, 87104493 },
    { 3, 0, 10, 0, 0, 148231, 86609628 },
    { 11, 0, 3.7, 0, 0, 150473, 88176830 },
    { 11, 0, 3.7, 1, 0, 149632, 88028326 },
    { 11, 0, 9.3, 0, 0, 148548, 86589616 },
    { 11, 0, 9.3, 1, 0, 146711, 85879973 },
    { 11, 0, 10, 0, 0, 148093, 86148432 },
    { 11, 0, 10, 1, 0, 146659, 85723297 },
    { 12, 0, 3.7, 0, 0, 150646, 88122849 },
    { 12, 0, 3.7, 1, 0, 150954, 89070141 },
    { 12, 0, 9.3, 0, 0, 150494, 87459720 },
    { 12, 0, 9.3, 1, 0, 150619, 89341341 },
    { 12, 0, 10, 0, 0, 150026, 87160877 },
    { 12, 0, 10, 1, 0, 150305, 89172433 },
    { 13, 0, 3.7, 0, 0, 148665, 86608580 },
    { 13, 0, 3.7, 1, 0, 147155, 86080955 },
    { 13, 0, 9.3, 0, 0, 145845, 84276042 },
    { 13, 0, 9.3, 1, 0, 142966, 83189050 },
    { 13, 0, 10, 0, 0, 145627, 84053803 },
    { 13, 0, 10, 1, 0, 141941, 82215572 },
    { 14, 0, 3.7, 0, 0, 149683, 86390240 },
    { 14, 0, 3.7, 1, 0, 149213, 88257898 },
    { 14, 0, 9.3, 0, 0, 144040, 81932749 },
    { 14, 0, 9.3, 1, 0, 143287, 84063705 },
    { 14, 0, 10, 0, 0, 144244, 81799482 },
    { 14, 0, 10, 1, 0, 143023, 84259571 },
};

static void augmented(void)
{
    static const uint8_t fill[3] = { 124, 116, 104 };
    for (int i = 0; i < COUNT(augmentations); i++) {
        struct canvas c = make_canvas(augmentations[i].kind, 3);
        mim__canvas_augment(&c, (enum randaugment_op)augmentations[i].op, augmentations[i].strength, augmentations[i].negative,
                            augmentations[i].cubic, fill);
        is(&c, augmentations[i].sum, augmentations[i].weighted, "operation", augmentations[i].op);
    }
}

/* torchvision's adjust_hue of u8 tensors, which counts in f32. */
static void hue(void)
{
    static const struct { int kind; double turns; long long sum, weighted; } cases[] = {
        { 0, 0, 151539, 89160675 },     { 0, 0.1, 141200, 84310602 },   { 0, -0.25, 139371, 81958375 },
        { 0, 0.4, 141200, 81736619 },   { 0, -0.5, 151539, 89042832 },  { 1, 0, 120502, 70799883 },
        { 1, 0.1, 117038, 69183285 },   { 1, -0.25, 116421, 68386525 }, { 1, 0.4, 117046, 68322724 },
        { 1, -0.5, 120506, 70772715 },  { 2, 0, 214487, 134696404 },    { 2, 0.1, 208217, 130425357 },
        { 2, -0.25, 206758, 124091084 }, { 2, 0.4, 208309, 119627776 }, { 2, -0.5, 214318, 122472212 },
    };
    for (int i = 0; i < COUNT(cases); i++) {
        struct canvas c = make_canvas(cases[i].kind, 3);
        mim__canvas_hue(&c, cases[i].turns);
        is(&c, cases[i].sum, cases[i].weighted, "hue", cases[i].turns);
    }
    uint8_t one[3] = { 10, 200, 30 }, two[3] = { 200, 100, 50 }, spare[3], grey[3] = { 77, 77, 77 };
    struct canvas c = { 3, 1, 1, one, spare };
    mim__canvas_hue(&c, 0.1);
    CHECK(one[0] == 10 && one[1] == 200 && one[2] == 144);
    c.data = two;
    mim__canvas_hue(&c, -0.25);
    CHECK(two[0] == 175 && two[1] == 50 && two[2] == 200);
    c.data = grey;
    mim__canvas_hue(&c, 0.3);
    CHECK(grey[0] == 77 && grey[1] == 77 && grey[2] == 77);
}

static void grey(void)
{
    uint8_t one[3] = { 10, 200, 30 }, spare[3];
    struct canvas c = { 3, 1, 1, one, spare };
    mim__canvas_grey(&c);
    CHECK(one[0] == 124 && one[1] == 124 && one[2] == 124);
    uint8_t single = 200;
    c = (struct canvas){ 1, 1, 1, &single, spare };
    mim__canvas_grey(&c);
    mim__canvas_saturation(&c, 0.5f);
    mim__canvas_hue(&c, 0.5);
    CHECK(single == 200);
}

static void sharpness_is_a_filter(void)
{
    uint8_t p[9] = { 0, 0, 0, 0, 255, 0, 0, 0, 0 }, spare[9];
    struct canvas c = { 1, 3, 3, p, spare };
    mim__canvas_sharpness(&c, 0);
    CHECK(p[4] == 98);                                     /* 255 * 5 / 13 */
    CHECK(p[0] == 0 && p[8] == 0);
}

/* Nothing to spread, no bits to keep. */
static void flat_pictures(void)
{
    for (int v = 0; v < 256; v += 51) {
        uint8_t p[6], spare[6];
        memset(p, v, sizeof p);
        struct canvas c = { 1, 2, 3, p, spare };
        mim__canvas_autocontrast(&c);
        mim__canvas_equalize(&c);
        mim__canvas_contrast(&c, 3);
        mim__canvas_sharpness(&c, 3);
        for (int i = 0; i < 6; i++)
            CHECK(p[i] == v);
        mim__canvas_posterize(&c, 0);
        for (int i = 0; i < 6; i++)
            CHECK(p[i] == 0);
    }
}

/* A step below 1 leaves all; counts that would go beyond 255 end there. */
static void equalize_few_and_many(void)
{
    static uint8_t p[600], spare[600];
    struct canvas c = { 1, 20, 30, p, spare };
    for (int i = 0; i < 600; i++)
        p[i] = i < 10 ? 3 : 9;
    mim__canvas_equalize(&c);
    CHECK(p[0] == 3 && p[599] == 9);
    for (int i = 0; i < 600; i++)
        p[i] = i < 509 ? (uint8_t)(i % 250) : 255;
    mim__canvas_equalize(&c);
    CHECK(p[599] == 255 && p[0] == 0 && p[249] == 255);
}

/* Whole steps are exact, what is not in the frame is the fill, and data may have moved to the spare memory. */
static void affine(void)
{
    static const uint8_t fill[3] = { 1, 2, 3 };
    for (int cubic = 0; cubic < 2; cubic++) {
        struct canvas c = make_canvas(0, 3);
        mim__canvas_affine(&c, (double[]){ 1, 0, 4, 0, 1, -2 }, cubic, fill);
        for (int k = 0; k < 3; k++)
            for (int y = 0; y < HEIGHT; y++)
                for (int x = 0; x < WIDTH; x++) {
                    unsigned want = x + 4 < WIDTH && y - 2 >= 0 ? pattern(k, y - 2, x + 4) : fill[k];
                    CHECK(c.data[k * PLANE + y * WIDTH + x] == want);
                }
        c = make_canvas(1, 3);
        mim__canvas_rotate(&c, 0, cubic, fill);
        struct canvas same = make_canvas(1, 3);
        CHECK(!memcmp(c.data, same.data, SIZE));
        uint8_t dot = 9, spare;
        struct canvas one = { 1, 1, 1, &dot, &spare };
        mim__canvas_rotate(&one, 33, cubic, fill);
        CHECK(one.data[0] == 9);
    }
}

int main(void)
{
    TEST(enhanced);
    TEST(augmented);
    TEST(hue);
    TEST(grey);
    TEST(sharpness_is_a_filter);
    TEST(flat_pictures);
    TEST(equalize_few_and_many);
    TEST(affine);
    return test_end();
}
