/* SPDX-License-Identifier: MIT */
/* erase.c -- random erasing (Zhong et al. 2020) as timm does it: a box of random area and aspect, smaller than the picture
 * both ways, of noise or 0, after normalisation.
 *
 * Draws, stream 19: word 0 whether; from word 4 on, four an attempt, area, aspect, top, left; noise from word 64 on. */
#include "image/augment.h"

#include "base/philox.h"

#include <math.h>

enum { ATTEMPTS = 10, NOISE = 32 };          /* normal number 32 is made of words 64 and 65 */

bool mim__image_erase_box(const struct image_options *o, const double u[4], struct erase_box *box)
{
    double area = (double)(o->height * o->width) * (o->erase_least + u[0] * (o->erase_most - o->erase_least));
    double low = log(o->erase_aspect), aspect = exp(low - 2 * u[1] * low);
    double h = rint(sqrt(area * aspect)), w = rint(sqrt(area / aspect));
    if (!(h < (double)o->height && w < (double)o->width))
        return false;
    *box = (struct erase_box){ .height = (int64_t)h, .width = (int64_t)w };
    box->top = lmin(o->height - box->height, (int64_t)(u[2] * (double)(o->height - box->height + 1)));
    box->left = lmin(o->width - box->width, (int64_t)(u[3] * (double)(o->width - box->width + 1)));
    return true;
}

static void fill(const struct image_options *o, const struct mim__stream *s, const struct erase_box *b, float *pixels)
{
    uint32_t n = NOISE;
    for (int64_t c = 0; c < o->channels; c++) {
        float colour = o->erase_fill == ERASE_RAND ? (float)mim__normal(s, NOISE + (uint32_t)c) : 0;
        for (int64_t y = b->top; y < b->top + b->height; y++)
            for (int64_t x = b->left; x < b->left + b->width; x++)
                pixels[(c * o->height + y) * o->width + x] =
                    o->erase_fill == ERASE_PIXEL ? (float)mim__normal(s, n++) : colour;
    }
}

void mim__image_erase(const struct image_options *o, float *pixels, uint64_t seed, uint64_t epoch, uint64_t id)
{
    struct mim__stream s = mim__stream(seed, STREAM_ERASE, id, epoch);
    struct erase_box box;
    if ((double)mim__unit(mim__word(&s, 0)) >= o->erase)
        return;
    for (uint32_t i = 0; i < ATTEMPTS; i++) {
        double u[4];
        for (uint32_t k = 0; k < 4; k++)
            u[k] = (double)mim__unit(mim__word(&s, 4 + 4 * i + k));
        if (mim__image_erase_box(o, u, &box)) {
            fill(o, &s, &box, pixels);
            return;
        }
    }
}
