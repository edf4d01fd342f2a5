/* SPDX-License-Identifier: MIT */
/* choose.c -- which strategies and ratios there are to try, and what their masks are like (SimMIM, Xie et al. 2022, sec.
 * 4.1.2: units of 4 .. 32 of 192 pixels, a square, blocks). */
#include "task.h"
#include "../support/outputs.h"

#include <stdlib.h>
#include <string.h>

enum { MASKS = 512 };               /* to measure a strategy by */

struct grid { int64_t patch, rows, cols; };

/* ---- names ---- */

static mim_status add_strategy(struct task *t, const char *name)
{
    struct strategy *s = &t->strategies[t->strategy_count];
    size_t n = strcspn(name, "-");
    char *end = "";
    snprintf(s->name, sizeof s->name, "%s", name);
    snprintf(s->kind, sizeof s->kind, "%.*s", (int)n, name);
    s->unit = name[n] ? strtoll(name + n + 1, &end, 10) : 0;
    if ((strcmp(s->kind, "random") && strcmp(s->kind, "square") && strcmp(s->kind, "block")) || strlen(name) >= NAME)
        return tell_wrong(MIM_ERR_VALUE, "--strategies %s: not random, square or block", name);
    if (name[n] && (*end || s->unit < 1 || s->unit > INT32_MAX))
        return tell_wrong(MIM_ERR_VALUE, "--strategies %s: \"%s\" is no side of a unit in pixels", name, name + n + 1);
    t->strategy_count++;
    return MIM_OK;
}

/* Units of a patch, two, four and eight, as long as there are two of them along each side; then single patches as others
 * hide them. */
static mim_status usual_strategies(struct task *t, const struct grid *g)
{
    mim_status status = MIM_OK;
    for (int64_t k = 1; !status && k <= 8 && g->rows % k == 0 && g->cols % k == 0 && g->rows > k && g->cols > k; k *= 2) {
        char name[NAME];
        snprintf(name, sizeof name, "random-%lld", (long long)(k * g->patch));
        status = add_strategy(t, name);
    }
    if (!status) status = add_strategy(t, "square");
    return status ? status : add_strategy(t, "block");
}

static mim_status read_ratio(const char *text, double *ratio)
{
    char *end;
    *ratio = strtod(text, &end);
    if (end == text || *end || !(*ratio > 0) || !(*ratio < 1))
        return tell_wrong(MIM_ERR_VALUE, "--ratios %s: not a number above 0 and below 1", text);
    return MIM_OK;
}

/* ---- what their masks are like ---- */

/* The least block of BEiT, 16 of 14 x 14 patches, in proportion. */
static int64_t least_block(const struct grid *g, const struct strategy *s)
{
    int64_t side = s->unit > g->patch ? s->unit / g->patch : 1, least = g->rows / side * (g->cols / side) * 16 / 196;
    return least < 1 ? 1 : least;
}

static mim_status read_grid(const struct task *t, struct grid *g)
{
    int64_t height = 0, width = 0;
    mim_status status = mim_config_get_i64(t->config, "encoder.patch", &g->patch);
    if (!status) status = mim_config_get_i64(t->config, "image.height", &height);
    if (!status) status = mim_config_get_i64(t->config, "image.width", &width);
    g->rows = height / g->patch;
    g->cols = width / g->patch;
    return status ? tell_failed(t->context, status, "configuration") : MIM_OK;
}

mim_status point_configure(struct task *t, const struct point *p)
{
    struct grid g = { 0 };
    const struct strategy *s = &t->strategies[p->strategy];
    mim_status status = read_grid(t, &g);
    if (!status) status = mim_config_set_str(t->config, "masker.kind", s->kind);
    if (!status) status = mim_config_set_f64(t->config, "masker.ratio", p->ratio);
    if (!status) status = mim_config_set_i64(t->config, "masker.unit", s->unit);
    if (!status) status = mim_config_set_i64(t->config, "masker.least", least_block(&g, s));
    return status;
}

/* AvgDist of pixels, not of patches: each patch of a mask becomes all of its pixels. */
static mim_status measure(struct task *t, mim_masker *masker, const struct grid *g, struct point *p)
{
    size_t patches = (size_t)(g->rows * g->cols), side = (size_t)g->patch, width = (size_t)g->cols * side;
    size_t pixels = patches * side * side, hidden = 0;
    uint8_t *masks = malloc(MASKS * patches), *fine = malloc(MASKS * pixels);
    mim_status status = masks && fine ? mim_masker_draw(masker, 0, NULL, MASKS, masks, MASKS * patches) : MIM_ERR_NOMEM;
    for (size_t i = 0; !status && i < MASKS * pixels; i++) {
        size_t in = i % pixels, row = in / width / side, col = in % width / side;
        fine[i] = masks[i / pixels * patches + row * (size_t)g->cols + col];
        hidden += fine[i];
    }
    if (!status)
        status = mim_evaluate_masks(t->context, MASKS, (int32_t)(pixels / width), (int32_t)width, fine, &p->distance);
    p->hidden = (double)hidden / (double)(MASKS * pixels);
    free(fine);
    free(masks);
    return status;
}

/* Another ratio that comes to the same number of units is the same training again. */
static const struct point *twin(const struct task *t, const struct point *p)
{
    for (int i = 0; i < t->count; i++)
        if (t->points[i].strategy == p->strategy && t->points[i].hidden == p->hidden)
            return &t->points[i];
    return NULL;
}

/* Planned, so that what cannot be trained is refused before anything is. */
static mim_status add_point(struct task *t, const struct grid *g, struct point p)
{
    const struct point *same = NULL;
    const char *name = t->strategies[p.strategy].name;
    mim_masker *masker = NULL;
    mim_config *plan = NULL;
    mim_status status = point_configure(t, &p);
    if (!status) status = mim_masker_create(t->context, t->config, &masker);
    if (status == MIM_ERR_VALUE) {
        char why[256] = "";
        mim_last_error(t->context, why, sizeof why, NULL);
        printf("%s %g is left out: %s\n", name, p.ratio, why);
        return MIM_OK;
    }
    if (!status) status = mim_trainer_plan(t->context, t->config, &plan);
    if (!status) status = measure(t, masker, g, &p);
    mim_config_destroy(plan);
    mim_masker_destroy(masker);
    if (status)
        return tell_failed(t->context, status, name);
    if ((same = twin(t, &p)))
        printf("%s %g is left out: it hides as much as %g\n", name, p.ratio, same->ratio);
    else
        t->points[t->count++] = p;
    return MIM_OK;
}

mim_status task_choose(struct task *t)
{
    static const char *const usual[] = { "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9" };
    const struct arguments *a = t->arguments;
    const char *const *ratios = a->ratios.count ? a->ratios.text : usual;
    int ratio_count = a->ratios.count ? a->ratios.count : (int)(sizeof usual / sizeof *usual);
    struct grid g = { 0 };
    double ratio = 0;
    mim_status status = read_grid(t, &g);
    if (!status && !a->strategies.count) status = usual_strategies(t, &g);
    for (int i = 0; !status && i < a->strategies.count; i++)
        status = add_strategy(t, a->strategies.text[i]);
    for (int s = 0; !status && s < t->strategy_count; s++)
        for (int i = 0; !status && i < ratio_count; i++) {
            status = read_ratio(ratios[i], &ratio);
            if (!status) status = add_point(t, &g, (struct point){ .strategy = s, .ratio = ratio });
        }
    if (!status && !t->count)
        return tell_wrong(MIM_ERR_VALUE, "none of these strategies and ratios hides some patches and leaves some");
    return status;
}
