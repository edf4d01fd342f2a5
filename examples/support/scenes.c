/* SPDX-License-Identifier: MIT */
/* scenes.c -- see scenes.h. Shapes are signed distances (negative inside) over -1 .. 1, so that edges are anti-aliased,
 * shaded and cast a shadow by one number. */
#include "scenes.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>

static const double pi = 3.14159265358979323846;

struct colour { double v[3]; };
struct ground { struct colour low, high, other; double dx, dy, wave, phase, strength; int texture; };
struct scene {
    struct ground ground;
    struct colour body, edge;
    int class;
    double x, y, size, cos, sin;            /* where the shape stands */
    double light_x, light_y, shadow;
};

/* ---- shapes ---- */

static double box(double x, double y, double w, double h)
{
    double dx = fabs(x) - w, dy = fabs(y) - h;
    return hypot(fmax(dx, 0), fmax(dy, 0)) + fmin(fmax(dx, dy), 0);
}

/* A regular polygon: the farthest of its sides. */
static double polygon(double x, double y, int sides, double radius)
{
    double most = -INFINITY;
    for (int i = 0; i < sides; i++) {
        double a = 2 * pi * i / sides + pi / 2;
        most = fmax(most, x * cos(a) + y * sin(a) - radius);
    }
    return most;
}

/* Folded into one half of one ray, a star is the space behind one line. */
static double star(double x, double y)
{
    double sector = 2 * pi / 5, a = fabs(remainder(atan2(x, y), sector)), r = hypot(x, y);
    double px = r * sin(a), py = r * cos(a);
    double qx = 0.42 * sin(sector / 2), qy = 0.42 * cos(sector / 2) - 1;     /* from the tip to the notch */
    return (px * -qy + (py - 1) * qx) / hypot(qx, qy);
}

static double circle(double x, double y)   { return hypot(x, y) - 0.85; }
static double square(double x, double y)   { return box(x, y, 0.75, 0.75); }
static double triangle(double x, double y) { return polygon(x, y, 3, 0.5); }
static double cross(double x, double y)    { return fmin(box(x, y, 0.95, 0.28), box(x, y, 0.28, 0.95)); }
static double ring(double x, double y)     { return fabs(hypot(x, y) - 0.68) - 0.22; }
static double crescent(double x, double y) { return fmax(hypot(x, y) - 0.95, 0.8 - hypot(x - 0.45, y)); }
static double bar(double x, double y)      { return box(x, y, 1.05, 0.27); }
static double frame(double x, double y)    { return fabs(box(x, y, 0.68, 0.68)) - 0.17; }
static double pair(double x, double y)     { return hypot(fabs(x) - 0.55, y) - 0.42; }

static const struct { const char *name; double (*distance)(double x, double y); } shapes[SCENE_CLASSES] = {
    { "circle", circle }, { "square", square }, { "triangle", triangle }, { "cross", cross }, { "ring", ring },
    { "star", star }, { "crescent", crescent }, { "bar", bar }, { "frame", frame }, { "pair", pair },
};

const char *scene_class_name(int class)
{
    return class < 0 || class >= SCENE_CLASSES ? "" : shapes[class].name;
}

/* ---- what is random ---- */

static struct colour from_hue(double hue, double saturation, double value)
{
    struct colour c;
    for (int i = 0; i < 3; i++) {
        double k = fmod(5 - 2 * i + hue * 6, 6);
        c.v[i] = value * (1 - saturation * fmax(0, fmin(fmin(k, 4 - k), 1)));
    }
    return c;
}

static struct colour mix(struct colour a, struct colour b, double share)
{
    for (int i = 0; i < 3; i++)
        a.v[i] += (b.v[i] - a.v[i]) * share;
    return a;
}

static struct ground random_ground(struct random *r, double hue, double value)
{
    double angle = random_between(r, 0, 2 * pi);
    struct ground g = { .dx = cos(angle), .dy = sin(angle) };
    g.low = from_hue(hue, random_between(r, 0.2, 0.7), value * random_between(r, 0.7, 1));
    g.high = from_hue(hue + random_between(r, 0, 0.15), random_between(r, 0.2, 0.7), value);
    g.other = from_hue(random_unit(r), random_between(r, 0.2, 0.6), value);
    g.texture = (int)random_below(r, 4);
    g.wave = random_between(r, 5, 11);
    g.phase = random_between(r, 0, 2 * pi);
    g.strength = random_between(r, 0.05, 0.25);
    return g;
}

static struct scene random_scene(struct random *r)
{
    double hue = random_unit(r), turn = random_between(r, -0.25, 0.25), light = random_between(r, 0, 2 * pi);
    int bright = random_below(r, 2) == 1;                   /* the shape is, and the ground is not; or the reverse */
    struct scene s = { .class = (int)random_below(r, SCENE_CLASSES) };
    s.ground = random_ground(r, hue, bright ? random_between(r, 0.25, 0.5) : random_between(r, 0.75, 1));
    s.body = from_hue(hue + random_between(r, 0.25, 0.75), random_between(r, 0.4, 0.9),
                      bright ? random_between(r, 0.8, 1) : random_between(r, 0.25, 0.5));
    s.edge = mix(s.body, from_hue(random_unit(r), 0.3, bright ? 1 : 0.1), 0.3);
    s.size = random_between(r, 0.55, 0.75);
    s.x = random_between(r, s.size - 1, 1 - s.size) * 0.8;
    s.y = random_between(r, s.size - 1, 1 - s.size) * 0.8;
    s.cos = cos(turn);
    s.sin = sin(turn);
    s.light_x = cos(light);
    s.light_y = sin(light);
    s.shadow = random_between(r, 0.2, 0.5);
    return s;
}

/* ---- pixels ---- */

static struct colour ground_at(const struct ground *g, double x, double y)
{
    double u = x * g->dx + y * g->dy, v = y * g->dx - x * g->dy, pattern = 0;
    if (g->texture == 1)
        pattern = sin(u * g->wave + g->phase) > 0;
    else if (g->texture == 2)
        pattern = (sin(u * g->wave + g->phase) > 0) != (sin(v * g->wave) > 0);
    else if (g->texture == 3)
        pattern = sin(u * g->wave + g->phase) * sin(v * g->wave) > 0.4;
    return mix(mix(g->low, g->high, 0.5 + 0.35 * u), g->other, pattern * g->strength);
}

static double distance_at(const struct scene *s, double x, double y)
{
    double dx = (x - s->x) / s->size, dy = (y - s->y) / s->size;
    return shapes[s->class].distance(dx * s->cos + dy * s->sin, dy * s->cos - dx * s->sin) * s->size;
}

static double cover(double distance, double width)          /* how much of an edge `width` wide is inside */
{
    return fmin(fmax(0.5 - distance / width, 0), 1);
}

static struct colour colour_at(const struct scene *s, double x, double y, double pixel)
{
    static const struct colour black = { { 0 } };
    double d = distance_at(s, x, y);
    struct colour c = ground_at(&s->ground, x, y);
    double shade = cover(distance_at(s, x - 0.12 * s->light_x, y - 0.12 * s->light_y), 4 * pixel);
    c = mix(c, black, shade * s->shadow);
    double lit = ((s->x - x) * s->light_x + (s->y - y) * s->light_y) / s->size;
    struct colour body = mix(mix(s->body, s->edge, cover(-d - 2 * pixel, pixel)), black, 0.2 - 0.2 * lit);
    return mix(c, body, cover(d, pixel));
}

int scene_draw(uint64_t seed, int64_t index, int side, unsigned char *rgb)
{
    struct random r = random_start(seed, (uint64_t)index);
    struct scene s = random_scene(&r);
    double pixel = 2.0 / side;
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++) {
            struct colour c = colour_at(&s, (j + 0.5) * pixel - 1, (i + 0.5) * pixel - 1, pixel);
            for (int k = 0; k < 3; k++)
                *rgb++ = (unsigned char)(255 * fmin(fmax(c.v[k], 0), 1) + 0.5);
        }
    return s.class;
}

int scenes_open(uint64_t seed, int64_t first, int64_t count, int side, struct data *data, struct why *why)
{
    struct data fresh = { .channels = 3, .classes = SCENE_CLASSES };
    size_t size = (size_t)side * (size_t)side * 3;
    unsigned char *pixels = malloc((size_t)count * size);
    if (!pixels || data_keep(&fresh, pixels))
        return data_refuse(why, "pictures", "no memory to draw them");
    for (int64_t i = 0; i < count; i++, pixels += size) {
        struct picture p = { pixels, MIM_U8, side, side, 0, scene_draw(seed, first + i, side, pixels) };
        if (data_add(&fresh, p, why)) {
            data_close(&fresh);
            return -1;
        }
    }
    *data = fresh;
    return 0;
}
