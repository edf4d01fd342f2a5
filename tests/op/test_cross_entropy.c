/* SPDX-License-Identifier: MIT */
/* test_cross_entropy.c -- against labels or a mixture. a: rows a picture, classes, mixture; r: smoothing, share without label. */
#include "support/op_check.h"

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    const int *a = c->a;
    struct tensor *x = op_input(b, SHAPE(b->batch, a[0], a[1]), F32);
    struct tensor *labels = a[2] ? NULL : op_input(b, SHAPE(b->batch, a[0]), I32);
    struct tensor *mixture = a[2] ? op_plain(b, SHAPE(b->batch, a[0], a[1])) : NULL;
    return mim__op_cross_entropy(b->g, x, labels, mixture, (struct cross_entropy){ (float)c->r[0] });
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    int n = c->a[1], count = 0;
    double sum = 0, smoothing = (float)c->r[0];
    for (int r = 0; r < batch * c->a[0]; r++) {
        const double *x = in[0] + (size_t)r * (size_t)n;
        double most = x[0], z = 0;
        double all = 0;
        for (int i = 0; c->a[2] && i < n; i++)
            all += in[1][r * n + i];
        if (c->a[2] ? all == 0 : in[1][r] < 0)
            continue;
        count++;
        for (int i = 0; i < n; i++)
            most = fmax(most, x[i]);
        for (int i = 0; i < n; i++)
            z += exp(x[i] - most);
        for (int i = 0; i < n; i++) {
            double t = c->a[2] ? in[1][r * n + i] : (1 - smoothing) * (i == (int)in[1][r]) + smoothing / n;
            sum -= t * (x[i] - most - log(z));
        }
    }
    *y = count ? sum / count : 0;
}

static float fill(const struct op_case *c, int leaf, size_t i)
{
    float v = op_noise(leaf, i) / 2 + 0.5f;
    if (leaf == 0)
        return 3 * op_noise(0, i) + (float)c->r[2];
    if (c->a[2])
        return op_noise(9, i / (size_t)c->a[1]) / 2 + 0.5f < (float)c->r[1] ? 0 : v;
    return op_noise(9, i) / 2 + 0.5f < (float)c->r[1] ? -1 : floorf(v * (float)c->a[1]);
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1 } }, { "classes", 3, { 5, 7 } }, { "smoothing", 2, { 70, 10 }, { 0.1 } },
    { "some without label", 4, { 3, 5 }, { 0.2, 0.5 } }, { "none with a label", 2, { 3, 5 }, { 0, 2 } },
    { "mixture", 3, { 2, 9, 1 } }, { "some rows of a mixture empty", 4, { 5, 6, 1 }, { 0, 0.5 } },
    { "far from zero", 2, { 3, 33 }, { 0, 0, 500 }, .tolerance = 2e-4 },
};

static void bad(struct graph *g, int k)
{
    struct tensor *x = mim__graph_input(g, "x", SHAPE(4, 5), k == 0 ? BF16 : F32);
    struct tensor *labels = mim__graph_input(g, "l", SHAPE(k == 1 || k == 5 ? 3 : 4), k == 2 ? F32 : I32);
    struct tensor *mixture = mim__graph_input(g, "m", SHAPE(4, k == 3 ? 4 : 5), F32);
    if (k == 6)
        mixture = mim__graph_input(g, "n", SHAPE(5, 4), F32);
    mim__op_cross_entropy(g, x, k == 3 || k == 6 || k == 4 ? NULL : labels, k == 3 || k == 5 || k == 6 || k == 7 ? mixture : NULL, (struct cross_entropy){ 0 });
}

static const struct op_test test = { "cross_entropy", build, reference, fill, cases, COUNT(cases), bad, 8, false };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
