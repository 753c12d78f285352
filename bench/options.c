// Parses a subcommand's options by table and prints their help from it.
#include "bench/options.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

// The set whose row matches also says where the value goes.
static const struct option_row *find_row(const struct option_set *sets, size_t set_count,
                                         const char *name, size_t length, void **values)
{
    for (size_t s = 0; s < set_count; s++) {
        for (size_t i = 0; i < sets[s].count; i++) {
            const struct option_row *row = &sets[s].rows[i];
            if (strlen(row->name) == length && memcmp(row->name, name, length) == 0) {
                *values = sets[s].values;
                return row;
            }
        }
    }
    return NULL;
}

// Strict: "10s" is not a number and "10" not a duration, so that a missing unit is noticed.
static enum sl_code store(const struct option_row *row, void *values, const char *text,
                          struct sl_error *err)
{
    char *place = (char *)values + row->offset;
    enum sl_code code = SL_OK;
    switch (row->kind) {
    case OPTION_FLAG: *(bool *)(void *)place = true; break;
    case OPTION_TEXT: memcpy(place, &text, sizeof text); break;
    case OPTION_COUNT: code = text_parse_u64(text, (uint64_t *)(void *)place); break;
    case OPTION_DURATION: code = text_parse_duration_ms(text, (int64_t *)(void *)place); break;
    }
    if (code != SL_OK)
        return sl_fail(err, SL_EINVAL, "--%s: found \"%s\", expected %s", row->name, text,
                       row->kind == OPTION_COUNT ? "a number" : "a duration such as 250ms or 5s");
    return SL_OK;
}

// Reads the option at argv[*at] with its value and moves *at to the last word used.
static enum sl_code parse_one(int argc, char **argv, int *at, const struct option_set *sets,
                              size_t set_count, struct sl_error *err)
{
    const char *word = argv[*at];
    if (strncmp(word, "--", 2) != 0)
        return sl_fail(err, SL_EINVAL, "\"%s\" is not an option", word);
    const char *name = word + 2;
    size_t length = strcspn(name, "=");
    void *values = NULL;
    const struct option_row *row = find_row(sets, set_count, name, length, &values);
    if (row == NULL)
        return sl_fail(err, SL_EINVAL, "unknown option --%.*s", (int)length, name);
    const char *text = name[length] == '=' ? name + length + 1 : NULL;
    if (row->kind == OPTION_FLAG) {
        if (text != NULL)
            return sl_fail(err, SL_EINVAL, "--%s takes no value", row->name);
        return store(row, values, "", err);
    }
    if (text == NULL) {
        if (*at + 1 >= argc)
            return sl_fail(err, SL_EINVAL, "--%s needs a value", row->name);
        *at += 1;
        text = argv[*at];
    }
    return store(row, values, text, err);
}

enum sl_code options_parse(int argc, char **argv, const struct option_set *sets, size_t set_count,
                           struct sl_error *err)
{
    for (int i = 0; i < argc; i++) {
        enum sl_code code = parse_one(argc, argv, &i, sets, set_count, err);
        if (code != SL_OK)
            return code;
    }
    return SL_OK;
}

void options_print(FILE *out, const struct option_set *sets, size_t set_count)
{
    for (size_t s = 0; s < set_count; s++) {
        for (size_t i = 0; i < sets[s].count; i++) {
            const struct option_row *row = &sets[s].rows[i];
            char left[40];
            snprintf(left, sizeof left, "--%s%s%s", row->name, row->argument ? " " : "",
                     row->argument ? row->argument : "");
            fprintf(out, "  %-26s %s\n", left, row->help);
        }
    }
}
