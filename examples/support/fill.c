/* SPDX-License-Identifier: MIT */
/* fill.c -- see fill.h. */
#include "fill.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SWEEPS = 2000 };
static const double over = 1.8, still = 1e-5;       /* over-relaxation; the largest change at which it ends */

int fill_mean(const struct hole *h, float *picture)
{
    int pixels = h->height * h->width;
    for (int c = 0; c < h->channels; c++) {
        double sum = 0, visible = 0;
        for (int i = 0; i < pixels; i++)
            if (!h->hidden[i])
                sum += (double)picture[i * h->channels + c], visible++;
        for (int i = 0; i < pixels; i++)
            if (h->hidden[i])
                picture[i * h->channels + c] = (float)(sum / visible);
    }
    return 0;
}

/* Neighbours of pixel i in `to`; how many there are. */
static int neighbours(const struct hole *h, int i, int to[4])
{
    int n = 0, y = i / h->width, x = i % h->width;
    if (y > 0) to[n++] = i - h->width;
    if (x > 0) to[n++] = i - 1;
    if (x + 1 < h->width) to[n++] = i + 1;
    if (y + 1 < h->height) to[n++] = i + h->width;
    return n;
}

/* Visible pixels first, then ring after ring; each pixel is reached from the one it copies. */
int fill_nearest(const struct hole *h, float *picture)
{
    int pixels = h->height * h->width, known = 0, next[4];
    int *queue = malloc((size_t)pixels * sizeof *queue);
    unsigned char *reached = calloc((size_t)pixels, 1);
    for (int i = 0; queue && reached && i < pixels; i++)
        if (!h->hidden[i])
            queue[known++] = i, reached[i] = 1;
    for (int k = 0; k < known; k++)
        for (int j = neighbours(h, queue[k], next); j--;)
            if (!reached[next[j]]) {
                reached[next[j]] = 1;
                memcpy(picture + next[j] * h->channels, picture + queue[k] * h->channels,
                       (size_t)h->channels * sizeof *picture);
                queue[known++] = next[j];
            }
    int failed = !queue || !reached;
    free(reached);
    free(queue);
    return failed ? -1 : 0;
}

/* One pixel moves beyond the mean of its neighbours; by how much it moved. */
static double relax(const struct hole *h, int i, float *picture)
{
    int next[4], n = neighbours(h, i, next);
    double most = 0;
    for (int c = 0; c < h->channels; c++) {
        double sum = 0;
        for (int j = 0; j < n; j++)
            sum += (double)picture[next[j] * h->channels + c];
        float *p = &picture[i * h->channels + c];
        double change = over * (sum / n - (double)*p);
        *p = (float)((double)*p + change);
        most = fmax(most, fabs(change));
    }
    return most;
}

int fill_smooth(const struct hole *h, float *picture)
{
    double most = 1;
    if (fill_nearest(h, picture))
        return -1;
    for (int sweep = 0; sweep < MOST_SWEEPS && most > still; sweep++) {
        most = 0;
        for (int i = 0; i < h->height * h->width; i++)
            if (h->hidden[i])
                most = fmax(most, relax(h, i, picture));
    }
    return 0;
}
