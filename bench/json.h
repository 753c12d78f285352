// The little JSON that sluice-bench writes: a quoted string. Numbers are printed in place.
#ifndef SLUICE_BENCH_JSON_H
#define SLUICE_BENCH_JSON_H

#include <stdio.h>

// Writes `text` with quotes and escapes.
static inline void json_print_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p < 0x20)
            fprintf(out, "\\u%04x", *p);
        else
            fputc(*p, out);
    }
    fputc('"', out);
}

#endif
