/* SPDX-License-Identifier: MIT */
/* log.c -- why calls failed, and log lines: to the host's hook, or into a ring that waits to be read. Nothing here
 * allocates. */
#include "base/context_struct.h"
#include "base/text.h"

/* What came in from outside may hold anything: make it one line of valid UTF-8. */
static void tidy(char *text, size_t size)
{
    for (size_t at; (at = mim__utf8_check(text, size)) < size; )
        text[at] = '?';
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 127)
            text[i] = ' ';
}

static void compose(char *to, size_t capacity, const char *format, va_list args)
{
    size_t size = mim__format(to, capacity, format, args);
    if (size >= capacity)
        size = mim__utf8_floor(to, capacity - 1);
    to[size] = '\0';
    tidy(to, size);
}

static void keep_line(mim_context *ctx, int32_t level, const char *text)
{
    pthread_mutex_lock(&ctx->lock);
    struct log_line *line = &ctx->lines[(ctx->first + ctx->waiting) % LOG_LINES];
    if (ctx->waiting < LOG_LINES)
        ctx->waiting++;
    else
        ctx->first = (ctx->first + 1) % LOG_LINES;
    size_t size = strlen(text);
    if (size >= LOG_SIZE)
        size = mim__utf8_floor(text, LOG_SIZE - 1);
    line->level = level;
    memcpy(line->text, text, size);
    line->text[size] = '\0';
    pthread_mutex_unlock(&ctx->lock);
}

static void put_line(mim_context *ctx, int32_t level, const char *text)
{
    if (ctx->host.log)
        ctx->host.log(ctx->host.user, level, text);
    else
        keep_line(ctx, level, text);
}

static void keep_error(mim_context *ctx, const char *text)
{
    pthread_mutex_lock(&ctx->lock);
    memcpy(ctx->error, text, strlen(text) + 1);
    pthread_mutex_unlock(&ctx->lock);
}

mim_status mim__fail(mim_context *ctx, mim_status status, const char *format, ...)
{
    char text[ERROR_SIZE];
    if (!ctx)
        return status;
    va_list args;
    va_start(args, format);
    compose(text, sizeof text, format, args);
    va_end(args);
    keep_error(ctx, text);
    put_line(ctx, MIM_LOG_ERROR, text);
    return status;
}

mim_status mim__no_memory(mim_context *ctx, size_t bytes)
{
    return mim__fail(ctx, MIM_ERR_NOMEM, "no memory for %llu bytes", (unsigned long long)bytes);
}

mim_status mim__null_argument(mim_context *ctx, const char *function)
{
    return mim__fail(ctx, MIM_ERR_ARGUMENT, "%s: an argument is NULL that must not be", function);
}

void mim__log(mim_context *ctx, int32_t level, const char *format, ...)
{
    char text[ERROR_SIZE];
    va_list args;
    va_start(args, format);
    compose(text, sizeof text, format, args);
    va_end(args);
    put_line(ctx, level, text);
}

mim_status mim__text_out(mim_context *ctx, const char *text, char *to, size_t capacity, size_t *needed)
{
    struct mim__text out = { .data = to, .capacity = capacity };
    if (capacity && !to)
        return mim__fail(ctx, MIM_ERR_ARGUMENT, "a buffer of %llu bytes is NULL", (unsigned long long)capacity);
    mim__text_add(&out, text);
    return mim__text_end(ctx, &out, needed);
}

/* Asking why must not itself become the answer: a short buffer leaves the text as it is. */
mim_status mim_last_error(mim_context *context, char *text, size_t capacity, size_t *needed)
{
    char copy[ERROR_SIZE];
    if (!context || (capacity && !text))
        return MIM_ERR_ARGUMENT;
    pthread_mutex_lock(&context->lock);
    memcpy(copy, context->error, sizeof copy);
    pthread_mutex_unlock(&context->lock);
    return mim__text_out(NULL, copy, text, capacity, needed);
}

/* A failure here is not logged: it would push out the lines being fetched. */
mim_status mim_context_next_log(mim_context *context, int32_t *level, char *line, size_t capacity, size_t *needed)
{
    if (!context || !level || (capacity && !line))
        return MIM_ERR_ARGUMENT;
    pthread_mutex_lock(&context->lock);
    const struct log_line *oldest = context->waiting ? &context->lines[context->first] : NULL;
    mim_status status = mim__text_out(NULL, oldest ? oldest->text : "", line, capacity, needed);
    if (status == MIM_OK)
        *level = oldest ? oldest->level : 0;
    if (status == MIM_OK && oldest && capacity) {
        context->first = (context->first + 1) % LOG_LINES;
        context->waiting--;
    }
    pthread_mutex_unlock(&context->lock);
    if (status == MIM_ERR_SPACE)
        keep_error(context, "mim_context_next_log: the buffer is too small for the line");
    return status;
}
