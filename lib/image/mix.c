/* SPDX-License-Identifier: MIT */
/* mix.c -- mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019) of a whole batch, as timm and MAE's fine-tuning do it: one
 * share for all, the partner is the batch reversed.
 *
 *   mixup    x = share x + (1 - share) partner       share ~ Beta(mixup, mixup)
 *   cutmix   a box of the partner's of 1 - share of the area, share ~ Beta(cutmix, cutmix), around a place anywhere, cut at
 *            the border; the share becomes what is really left
 *
 * Draws, stream 20 of a batch: word 0 which of the two; words 2 and 3 the place; gamma numbers from words 16 and 1024 on. */
#include "image/image.h"

#include "base/executor.h"
#include "base/philox.h"

#include <math.h>

enum { ATTEMPTS = 64, FIRST = 16, SECOND = 1024 };

/* Logarithm of a gamma number of shape a (Marsaglia and Tsang 2000; below 1 by the boost of sec. 6, in logarithms as the
 * number itself may be too small). Four words an attempt from `at` on. */
static double log_gamma(const struct mim__stream *s, uint32_t at, double a)
{
    double boost = a < 1 ? log(mim__open(mim__word(s, at))) / a : 0, d = (a < 1 ? a + 1 : a) - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (uint32_t i = 1; i < ATTEMPTS; i++) {
        double x = mim__normal(s, (at + 4 * i) / 2), v = 1 + c * x;
        if (v > 0 && log(mim__open(mim__word(s, at + 4 * i + 2))) < 0.5 * x * x + d * (1 - v * v * v + 3 * log(v)))
            return log(d) + 3 * log(v) + boost;
    }
    return log(d) + boost;
}

/* Below 1e-6 the share is 0 or 1 at any precision, and the logarithms would be infinite. */
static double beta(const struct mim__stream *s, double a)
{
    a = fmax(a, 1e-6);
    return 1 / (1 + exp(log_gamma(s, SECOND, a) - log_gamma(s, FIRST, a)));
}

struct mix mim__image_mix_box(const struct image_options *o, double share, int y, int x)
{
    double side = sqrt(1 - share);
    int height = (int)o->height, width = (int)o->width, down = (int)(height * side) / 2, across = (int)(width * side) / 2;
    struct mix m = { .cut = true, .top = imax(y - down, 0), .bottom = imin(y + down, height),
                     .left = imax(x - across, 0), .right = imin(x + across, width) };
    m.share = 1 - (double)(m.bottom - m.top) * (m.right - m.left) / ((double)height * width);
    return m;
}

struct mix mim__image_mix_draw(const struct image_options *o, uint64_t seed, uint64_t sample, uint64_t epoch)
{
    struct mim__stream s = mim__stream(seed, STREAM_MIXUP | STREAM_BATCH, sample, epoch);
    bool both = o->mixup > 0 && o->cutmix > 0;
    bool cut = both ? (double)mim__unit(mim__word(&s, 0)) < o->mix_switch : o->cutmix > 0;
    double share = beta(&s, cut ? o->cutmix : o->mixup);
    if (!cut)
        return (struct mix){ .share = share };
    return mim__image_mix_box(o, share, (int)mim__below(mim__word(&s, 2), (uint32_t)o->height),
                              (int)mim__below(mim__word(&s, 3), (uint32_t)o->width));
}

struct job { const struct image_options *o; const struct mix *m; int batch; float *pixels; };

static void exchange(int n, float *a, float *b)
{
    for (int i = 0; i < n; i++) {
        float v = a[i];
        a[i] = b[i];
        b[i] = v;
    }
}

/* A picture and its partner. */
static void mix_pair(void *arg, int index, void *scratch)
{
    const struct job *j = arg;
    const struct mix *m = j->m;
    size_t each = (size_t)(j->o->channels * j->o->height * j->o->width), width = (size_t)j->o->width;
    float *a = j->pixels + (size_t)index * each, *b = j->pixels + (size_t)(j->batch - 1 - index) * each;
    float share = (float)m->share, rest = 1 - share;
    (void)scratch;
    for (int64_t r = 0; m->cut && r < j->o->channels * j->o->height; r++) {
        int y = (int)(r % j->o->height);
        if (y >= m->top && y < m->bottom)
            exchange(m->right - m->left, a + (size_t)r * width + m->left, b + (size_t)r * width + m->left);
    }
    for (size_t i = 0; !m->cut && i < each; i++) {
        float x = a[i], y = b[i];
        a[i] = share * x + rest * y;
        b[i] = share * y + rest * x;
    }
}

void mim__image_mix(mim_context *ctx, const struct image_options *o, const struct mix *m, int batch, float *pixels)
{
    struct job j = { o, m, batch, pixels };
    if (batch > 1)
        mim__run(mim__context_executor(ctx), batch / 2, mix_pair, &j, NULL, NULL);
}
