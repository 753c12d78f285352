// Memory: malloc that never returns NULL for what we size ourselves, and one that may for the rest.
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Goes around stdio and the log, which might allocate.
static _Noreturn void out_of_memory(void)
{
    static const char text[] = "sluice: out of memory\n";
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        abort();
    abort();
}

static void *check(void *p)
{
    if (p == NULL)
        out_of_memory();
    return p;
}

// malloc(0) may return NULL, which here would look like a failure.
static size_t at_least_one(size_t size)
{
    return size > 0 ? size : 1;
}

void *mem_alloc(size_t size)
{
    return check(malloc(at_least_one(size)));
}

void *mem_zalloc(size_t size)
{
    return check(calloc(1, at_least_one(size)));
}

void *mem_realloc(void *old, size_t size)
{
    return check(realloc(old, at_least_one(size)));
}

void *mem_array(size_t count, size_t size)
{
    return check(calloc(at_least_one(count), at_least_one(size)));
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = mem_alloc(len + 1);
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *mem_printf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = NULL;
    if (vasprintf(&text, fmt, args) < 0)
        out_of_memory();
    va_end(args);
    return text;
}

void *mem_try_alloc(size_t size)
{
    return malloc(at_least_one(size));
}

void *mem_try_realloc(void *old, size_t size)
{
    return realloc(old, at_least_one(size));
}

void mem_free(void *p)
{
    free(p);
}

void mem_wipe_free(void *p, size_t size)
{
    if (p != NULL)
        explicit_bzero(p, size);
    free(p);
}
