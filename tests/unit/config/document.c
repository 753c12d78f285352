// Helpers for the tests of config/.
#include "config/document.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "config/inspect.h"

char *problems_of(const char *text)
{
    struct config_errors errors;
    struct buf lines = {0};
    const struct config *c = config_load_text_all("t", text, strlen(text), &errors);
    cr_assert_eq(c == NULL, errors.count > 0, "a snapshot or a problem, not both");
    for (size_t i = 0; i < errors.count; i++)
        buf_printf(&lines, "%s\n", errors.items[i].text);
    config_errors_release(&errors);
    config_unref(c);
    char *copy = mem_strdup(buf_text(&lines));
    buf_release(&lines);
    return copy;
}

const struct config *load_good(const char *text)
{
    struct sl_error err;
    const struct config *c = config_load_text("t", text, strlen(text), &err);
    cr_assert_not_null(c, "%s", c == NULL ? err.text : "");
    return c;
}

static char *column_of(const struct config *c, const char *key, bool origin)
{
    struct config_dump d;
    struct config_row row;
    char *found = NULL;
    for (config_dump_start(&d, c); config_dump_next(&d, &row);)
        if (strcmp(row.key, key) == 0)
            found = mem_strdup(origin ? row.origin : row.value);
    config_dump_end(&d);
    return found != NULL ? found : mem_strdup("(none)");
}

char *value_of(const struct config *c, const char *key)
{
    return column_of(c, key, false);
}

char *origin_of(const struct config *c, const char *key)
{
    return column_of(c, key, true);
}
