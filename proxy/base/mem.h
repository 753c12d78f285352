// Memory: small allocations whose size we choose abort when there is none; sizes chosen by
// others are capped by their callers and use mem_try_alloc, which may fail.
#ifndef SLUICE_BASE_MEM_H
#define SLUICE_BASE_MEM_H

#include <stddef.h>

// Never NULL. mem_zalloc is zeroed. Freed with mem_free (NULL is fine).
void *mem_alloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *mem_zalloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *mem_realloc(void *old, size_t size) __attribute__((alloc_size(2), returns_nonnull));
// count * size with overflow check, zeroed, never NULL.
void *mem_array(size_t count, size_t size)
    __attribute__((malloc, alloc_size(1, 2), returns_nonnull));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
// May return NULL: for sizes that somebody else chose.
void *mem_try_alloc(size_t size) __attribute__((malloc, alloc_size(1)));
// Like realloc: on NULL the old block is untouched and still owned by the caller.
void *mem_try_realloc(void *old, size_t size) __attribute__((alloc_size(2)));
void mem_free(void *p);
// Overwrites `size` bytes in a way the compiler keeps, then frees. For secrets.
void mem_wipe_free(void *p, size_t size);

#endif
