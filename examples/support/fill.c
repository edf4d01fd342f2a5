/* SPDX-License-Identifier: MIT */
/* fill.c -- see fill.h. */
#include "fill.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SWEEPS = 2000 };
static const double half_turn = 3.14159265358979323846, still = 1e-4;      /* the largest change at which it ends */

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

/* Visible pixels first, then ring after ring; each pixel copies the one it is reached from. How many rings there are, or -1
 * without memory. */
static int spread(const struct hole *h, float *picture)
{
    int pixels = h->height * h->width, known = 0, next[4], farthest = -1;
    int *queue = malloc((size_t)pixels * sizeof *queue), *ring = calloc((size_t)pixels, sizeof *ring);
    for (int i = 0; queue && ring && i < pixels; i++)
        if (!h->hidden[i])
            queue[known++] = i, ring[i] = 1;
    for (int k = 0; k < known; k++) {
        farthest = ring[queue[k]] - 1;
        for (int j = neighbours(h, queue[k], next); j--;)
            if (!ring[next[j]]) {
                ring[next[j]] = ring[queue[k]] + 1;
                memcpy(picture + next[j] * h->channels, picture + queue[k] * h->channels,
                       (size_t)h->channels * sizeof *picture);
                queue[known++] = next[j];
            }
    }
    free(ring);
    free(queue);
    return farthest;
}

int fill_nearest(const struct hole *h, float *picture)
{
    return spread(h, picture) < 0 ? -1 : 0;
}

/* One pixel moves beyond the mean of its neighbours; by how much it moved. */
static double relax(const struct hole *h, int i, double over, float *picture)
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

/* Successive over-relaxation, at the factor that is best for a square as wide as the widest hole (Young 1954). */
int fill_smooth(const struct hole *h, float *picture)
{
    int rings = spread(h, picture);
    double over = 2 / (1 + sin(half_turn / (2 * rings + 2))), most = 1;
    if (rings < 0)
        return -1;
    for (int sweep = 0; sweep < MOST_SWEEPS && most > still; sweep++) {
        most = 0;
        for (int i = 0; i < h->height * h->width; i++)
            if (h->hidden[i])
                most = fmax(most, relax(h, i, over, picture));
    }
    return 0;
}
