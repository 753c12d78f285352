// The list of problems: one line each, in the order of the file, bounded.
#include "config/errors.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

// Longer lines are cut: values are shortened before they get here, paths are not.
#define PROBLEM_MAX 1024

static char *place_text(const struct config_place *at, const char *fmt, va_list args)
{
    char what[PROBLEM_MAX];
    (void)vsnprintf(what, sizeof what, fmt, args);
    if (at->line == 0)
        return mem_printf("%s: %s: %s", at->file, at->key, what);
    return mem_printf("%s:%d:%d %s: %s", at->file, at->line, at->column, at->key, what);
}

char *config_place_text(const struct config_place *at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = place_text(at, fmt, args);
    va_end(args);
    return text;
}

// Equal places keep the order in which they were found.
static bool behind(const struct config_problem *p, const struct config_place *at)
{
    return p->line > at->line || (p->line == at->line && p->column > at->column);
}

// The first CONFIG_ERRORS_MAX found are kept, sorted by place: insertion into a short array.
void config_errors_add(struct config_errors *errors, const struct config_place *at, const char *fmt,
                       ...)
{
    if (errors->count == CONFIG_ERRORS_MAX) {
        errors->more++;
        return;
    }
    size_t i = errors->count++;
    for (; i > 0 && behind(&errors->items[i - 1], at); i--)
        errors->items[i] = errors->items[i - 1];
    va_list args;
    va_start(args, fmt);
    errors->items[i] = (struct config_problem){at->line, at->column, place_text(at, fmt, args)};
    va_end(args);
}

void config_errors_release(struct config_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++)
        mem_free(errors->items[i].text);
    *errors = (struct config_errors){0};
}

enum sl_code config_errors_first(const struct config_errors *errors, struct sl_error *err)
{
    assert(errors->count > 0);
    size_t others = errors->count - 1 + errors->more;
    if (others == 0)
        return sl_fail(err, SL_EINVAL, "%s", errors->items[0].text);
    return sl_fail(err, SL_EINVAL, "%s (and %zu more)", errors->items[0].text, others);
}
