// Reads the recordings in tests/unit/data (see record.py there): the packets of a file, in order.
//
// Tests run from the repository root. Everything is released by the end of the process.
#ifndef SLUICE_TESTS_UNIT_WIRE_RECORDING_H
#define SLUICE_TESTS_UNIT_WIRE_RECORDING_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define RECORDING_MAX 400

struct recorded {
    bool client;
    char note[160]; // the last comment before it
    uint8_t *p;     // with header
    size_t n;
};

struct recording {
    struct recording *next; // all that were loaded, so that none counts as leaked
    uint64_t caps;
    size_t n;
    struct recorded packets[RECORDING_MAX];
};

static struct recording *recording_list;

static inline size_t recording_hex(const char *hex, uint8_t *out)
{
    size_t n = strspn(hex, "0123456789abcdef") / 2;
    char pair[3] = "";

    for (size_t i = 0; i < n; i++) {
        memcpy(pair, hex + 2 * i, 2);
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

// `name` without folder and ".txt".
static inline struct recording *recording_load(const char *name)
{
    struct recording *r = calloc(1, sizeof *r);
    char path[200], note[160] = "", *line = NULL;
    size_t size = 0;

    r->next = recording_list;
    recording_list = r;
    snprintf(path, sizeof path, "tests/unit/data/%s.txt", name);
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f, "%s", path);
    while (getline(&line, &size, f) > 0) {
        if (line[0] == '#') {
            snprintf(note, sizeof note, "%.*s", (int)strcspn(line, "\n") - 2, line + 2);
            if (strncmp(note, "caps: ", 6) == 0)
                r->caps = strtoull(note + 6, NULL, 16);
            continue;
        }
        cr_assert_lt(r->n, RECORDING_MAX, "%s", path);
        struct recorded *packet = &r->packets[r->n++];
        packet->client = line[0] == 'C';
        memcpy(packet->note, note, sizeof note);
        packet->p = malloc(strlen(line));
        packet->n = recording_hex(line + 3, packet->p);
    }
    free(line);
    fclose(f);
    return r;
}

static inline struct slice recording_payload(const struct recorded *packet)
{
    return (struct slice){packet->p + 4, packet->n - 4};
}

// Payload of the `index`-th (from 0) server packet behind the first comment that is `note`.
static inline struct slice recording_answer(const struct recording *r, const char *note,
                                            size_t index)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->packets[i].note, note) != 0)
            continue;
        for (; i < r->n; i++) {
            if (!r->packets[i].client && index-- == 0)
                return recording_payload(&r->packets[i]);
        }
    }
    cr_assert_fail("no packet for '%s'", note);
    return (struct slice){0};
}

static inline bool slice_is(struct slice s, const char *text)
{
    return s.n == strlen(text) && (s.n == 0 || memcmp(s.p, text, s.n) == 0);
}

#endif
