/* SPDX-License-Identifier: MIT */
/* report.c -- the sheet and the table. */
#include "task.h"
#include "../support/outputs.h"
#include "../support/sheet.h"

#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 5, DEFAULT_ROWS = 8 };

static void show(const struct batch *b, const float *picture, const unsigned char *hidden, unsigned char *to)
{
    for (int64_t i = 0; i < (int64_t)b->height * b->width; i++)
        for (int c = 0; c < 3; c++)
            *to++ = hidden && hidden[i] ? 0x90
                  : outputs_byte((double)picture[i * b->channels + (b->channels < 3 ? 0 : c)]);
}

mim_status sheet_of(const struct task *t, const struct batch *b)
{
    int64_t wanted = t->arguments->rows ? t->arguments->rows : DEFAULT_ROWS;
    int rows = wanted < b->count ? (int)wanted : b->count;
    size_t pixels = (size_t)b->height * (size_t)b->width, column = (size_t)rows * pixels * 3;
    unsigned char *rgb = malloc(COLUMNS * column);
    if (!rgb)
        return tell_wrong(MIM_ERR_NOMEM, "no memory for a sheet of %d pictures", rows);
    const float *const from[COLUMNS] = { b->shown, b->shown, b->whole, b->guesses[PREDICTED], b->guesses[SMOOTH] };
    struct sheet sheet = { .captions = { "picture", "masked", "predicted", "pasted", "smooth" }, .columns = COLUMNS,
                           .rows = rows, .width = b->width, .height = b->height };
    for (int k = 0; k < COLUMNS; k++) {
        sheet.pictures[k] = rgb + (size_t)k * column;
        for (int i = 0; i < rows; i++)
            show(b, from[k] + (size_t)i * pixels * (size_t)b->channels, k == 1 ? b->hidden + (size_t)i * pixels : NULL,
                 rgb + (size_t)k * column + (size_t)i * pixels * 3);
    }
    int failed = sheet_write(&sheet, t->arguments->out);
    free(rgb);
    return failed ? tell_wrong(MIM_ERR_IO, "cannot write %s", t->arguments->out) : MIM_OK;
}

static void print_score(const struct task *t, enum guess g, const char *name)
{
    const struct score *s = &t->scores[g];
    printf("  %-26s %6.2f dB", name, s->psnrs ? s->psnr / (double)s->psnrs : 0);
    if (s->ssims)
        printf("   %6.4f", s->ssim / (double)s->ssims);
    putchar('\n');
}

void task_report(const struct task *t)
{
    printf("%lld pictures, %.1f %% hidden; of the hidden pixels:\n  %-26s   PSNR       SSIM\n", (long long)t->count,
           100.0 * (double)t->hidden / (double)t->pixels, "");
    print_score(t, PREDICTED, "predicted");
    print_score(t, MEAN, "mean of the visible pixels");
    print_score(t, NEAREST, "nearest visible pixel");
    print_score(t, SMOOTH, "smooth (Laplace)");
    if (!t->normalised)
        return;
    print_score(t, PATCH_MEAN, "true mean of each patch");
    printf("The model predicts patches less their mean, by their deviation; both are put back from the true picture, so\n"
           "that its fair rival is the true mean of each patch.\n");
}
