/* SPDX-License-Identifier: MIT */
/* test_mix.c -- shares by Beta, boxes of known values, and batches mixed with themselves reversed. */
#include "image/make.h"

static mim_context *context;

static void boxes(void)
{
    struct image_options o = plain_options(32, 32, 1);
    struct mix m = mim__image_mix_box(&o, 0.7, 3, 30);
    CHECK(m.cut && m.top == 0 && m.bottom == 11 && m.left == 22 && m.right == 32);
    CHECK_NEAR(m.share, .892578125, 1e-12);
    o = plain_options(224, 224, 1);
    m = mim__image_mix_box(&o, 0.3, 112, 100);
    CHECK(m.top == 19 && m.bottom == 205 && m.left == 7 && m.right == 193);
    CHECK_NEAR(m.share, .310507015, 1e-9);
    m = mim__image_mix_box(&o, 1, 0, 0);
    CHECK(m.share == 1 && m.top == m.bottom);
    m = mim__image_mix_box(&o, 0, 112, 112);
    CHECK(m.share == 0 && m.bottom - m.top == 224 && m.right - m.left == 224);
}

/* Mean 1/2, variance 1 / (4 (2 a + 1)), symmetric. */
static void shares(void)
{
    static const double shapes[] = { 0.1, 0.8, 1, 2.5, 40 };
    for (int i = 0; i < COUNT(shapes); i++) {
        struct image_options o = plain_options(8, 8, 1);
        double sum = 0, square = 0, low = 0;
        o.mixup = shapes[i];
        for (uint64_t k = 0; k < 4000; k++) {
            struct mix m = mim__image_mix_draw(&o, 5, k, 0);
            CHECK(!m.cut && m.share >= 0 && m.share <= 1);
            sum += m.share;
            square += (m.share - 0.5) * (m.share - 0.5);
            low += m.share < 0.5;
        }
        double variance = 1 / (4 * (2 * shapes[i] + 1));
        CHECK_NEAR(sum / 4000, 0.5, 4 * sqrt(variance / 4000));
        CHECK_NEAR(square / 4000 / variance, 1, 0.06);
        CHECK_NEAR(low / 4000, 0.5, 0.03);
    }
    struct image_options o = plain_options(8, 8, 1);
    static const double least[] = { 1e-3, 1e-300, 5e-324 };
    for (uint64_t k = 0; k < 150; k++) {
        o.mixup = least[k % 3];
        double share = mim__image_mix_draw(&o, 5, k, 0).share;
        CHECK(share >= 0 && share <= 1);
    }
}

static void one_or_the_other(void)
{
    struct image_options o = plain_options(16, 16, 1);
    int cut = 0;
    o.mixup = 0.8, o.cutmix = 1, o.mix_switch = 0.25;
    for (uint64_t k = 0; k < 2000; k++)
        cut += mim__image_mix_draw(&o, 5, k, 0).cut;
    CHECK_NEAR(cut / 2000.0, 0.25, 0.04);
    o.mixup = 0;
    CHECK(mim__image_mix_draw(&o, 5, 1, 0).cut);
    CHECK(!mim__image_mixes(&(struct image_options){ 0 }) && mim__image_mixes(&o));
}

/* Against the definition, on any threads; the middle picture of an odd batch stays. */
static void batches(void)
{
    enum { SIDE = 6, EACH = 2 * SIDE * SIDE, MOST = 5 };
    static float before[MOST * EACH], x[MOST * EACH];
    struct image_options o = plain_options(SIDE, SIDE, 2);
    static const struct mix mixes[] = { { .share = 0.7 }, { .share = 0.5, .cut = true, .top = 1, .bottom = 4, .left = 2, .right = 6 },
                                        { .share = 1 }, { .share = 1, .cut = true } };
    for (int m = 0; m < COUNT(mixes); m++)
        for (int batch = 1; batch <= MOST; batch++)
            for (int threads = 1; threads <= 7; threads++) {
                const struct mix *k = mixes + m;
                CHECK(mim_context_set_threads(context, threads) == MIM_OK);
                for (int i = 0; i < batch * EACH; i++)
                    x[i] = before[i] = (float)i * 0.37f - (float)(i % 7);
                mim__image_mix(context, &o, k, batch, x);
                for (int i = 0; i < batch * EACH; i++) {
                    int n = i / EACH, y = i / SIDE % SIDE, c = i % SIDE;
                    float own = before[i], other = before[(batch - 1 - n) * EACH + i % EACH];
                    bool inside = y >= k->top && y < k->bottom && c >= k->left && c < k->right;
                    double want = k->cut ? (inside ? other : own) : k->share * own + (1 - k->share) * other;
                    CHECK_NEAR(x[i], want, k->cut ? 0 : 1e-4);
                }
            }
    CHECK(mim_context_set_threads(context, 1) == MIM_OK);
}

int main(void)
{
    if (mim_context_create(NULL, &context))
        return 1;
    TEST(boxes);
    TEST(shares);
    TEST(one_or_the_other);
    TEST(batches);
    mim_context_destroy(context);
    return test_end();
}
