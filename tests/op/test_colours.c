/* SPDX-License-Identifier: MIT */
/* test_colours.c -- classes of patches by palette and by bins, and of hidden patches alone. a: channels, rows and columns of
 * patches, patch, classes (0: bins), bins, hidden, apart; r: mean, deviation. */
#include "support/op_check.h"

/* Classes as floats, which is what the check reads. */
static mim_status infer(const struct call *c, const struct kernels *k, struct sizes *out)
{
    (void)k;
    *out = (struct sizes){ .y = *c->xs[0], .yt = F32 };
    return c->xt[0] == I32 ? MIM_OK : MIM_ERR_SHAPE;
}
static void forward(const struct call *c, const struct env *e)
{
    (void)e;
    for (size_t i = 0; i < elements(c->ys); i++)
        ((float *)c->y)[i] = (float)((const int32_t *)c->x[0])[i];
}
static const struct op as_floats = { .name = "as_floats", .infer = infer, .forward = forward };

static float palette_at(const struct op_case *c, int i)
{
    int channels = c->a[0], k = i / channels;
    return k == 3 ? op_noise(5, (size_t)(i - 2 * channels)) : op_noise(5, (size_t)i);      /* 1 and 3 are the same */
}

static struct tensor *build(struct op_build *b, const struct op_case *c)
{
    const int *a = c->a;
    float scale[16], palette[512];
    for (int k = 0; k < 2 * a[0]; k++)
        scale[k] = (float)c->r[k / a[0]];
    for (int i = 0; i < a[4] * a[0]; i++)
        palette[i] = palette_at(c, i);
    struct tensor *x = op_input(b, SHAPE(b->batch, a[0], a[1] * a[3], a[2] * a[3]), F32);
    struct tensor *colours = a[4] ? mim__graph_constant(b->g, "palette", SHAPE(a[4], a[0]), palette) : NULL;
    struct tensor *y = mim__op_colours(b->g, x, mim__graph_constant(b->g, "scale", SHAPE(2, a[0]), scale), colours,
                                       (struct colours){ a[3], a[5], a[7] });
    if (a[6])
        y = mim__op_hidden_classes(b->g, y, op_input(b, SHAPE(b->batch, a[1] * a[2]), I32));
    return y ? mim__graph_op(b->g, &as_floats, NULL, 0, 1, &y) : NULL;
}

static int class_of(const struct op_case *c, const double *colour)
{
    const int *a = c->a;
    int best = 0, number = 0;
    double least = 1e300;
    for (int k = 0; k < a[4]; k++) {
        double square = 0;
        for (int i = 0; i < a[0]; i++)
            square += pow(colour[i] / 127.5 - 1 - palette_at(c, k * a[0] + i), 2);
        if (square < least)
            least = square, best = k;
    }
    for (int i = 0; i < a[0]; i++)
        number = number * a[5] + (int)floor(colour[i] * a[5] / 256);
    return a[4] ? best : number;
}

/* As 8 bits. */
static double byte(const struct op_case *c, double x)
{
    float v = (float)x * (float)c->r[1] + (float)c->r[0];
    return nearbyint(fmin(fmax(v * 255.0f, 0), 255));
}

static void reference(const struct op_case *c, int batch, const double *const in[], double *y)
{
    const int *a = c->a;
    int side = a[3], width = a[2] * side;
    for (int b = 0; b < batch; b++)
        for (int p = 0; p < a[1] * a[2]; p++) {
            double colour[8] = { 0 };
            bool shown = a[6] && in[1][b * a[1] * a[2] + p] == 0;
            for (int k = 0; k < a[0]; k++)
                for (int i = 0; i < side * side; i++)
                    colour[k] += byte(c, in[0][((b * a[0] + k) * a[1] * side + p / a[2] * side + i / side) * width
                                               + p % a[2] * side + i % side]) / (side * side);
            for (int k = 0; a[7] && k < a[0]; k++)
                *y++ = shown ? -1 : floor(colour[k] * a[5] / 256);
            if (!a[7])
                *y++ = shown ? -1 : class_of(c, colour);
        }
}

static const struct op_case cases[] = {
    { "smallest", 1, { 1, 1, 1, 1, 1 }, { 0.5, 0.5 } }, { "palette", 2, { 3, 5, 7, 2, 20 }, { 0.5, 0.6 } },
    { "bins", 2, { 3, 9, 4, 1, 0, 8 }, { 0.5, 0.7 } }, { "bins of one channel", 3, { 1, 3, 3, 4, 0, 256 }, { 0.5, 1 } },
    { "hidden alone", 2, { 3, 4, 5, 2, 7, 0, 1 }, { 0.4, 0.5 } },
    { "bins of each channel", 3, { 3, 9, 5, 2, 0, 256, 0, 1 }, { 0.5, 0.6 } },
    { "bins of each channel, hidden alone", 2, { 2, 4, 5, 2, 0, 8, 1, 1 }, { 0.4, 0.5 } },
};

static void bad(struct graph *g, int k)
{
    static const float data[12];
    struct tensor *x = mim__graph_input(g, "x", SHAPE(2, 3, 4, 4), k == 0 ? BF16 : F32);
    struct tensor *scale = mim__graph_constant(g, "s", SHAPE(2, k == 1 ? 2 : 3), data);
    struct tensor *palette = mim__graph_constant(g, "p", SHAPE(2, k == 2 ? 4 : 3), data);
    struct tensor *y = mim__op_colours(g, x, scale, k == 3 ? NULL : palette, (struct colours){ k == 4 ? 3 : 2, 0, k == 6 });
    if (k == 5)
        mim__op_hidden_classes(g, y, mim__graph_input(g, "m", SHAPE(2, 3), I32));
}

static const struct op_test test = { "colours", build, reference, NULL, cases, COUNT(cases), bad, 7, true };
int main(int argc, char **argv) { return op_check(argc, argv, &test); }
