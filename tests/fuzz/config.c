// Any text is a configuration or a list of problems: never a crash, never both, never neither.
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "config/inspect.h"
#include "config/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Values are printed as well: what was accepted must be printable.
static void walk(const struct config *c)
{
    struct config_dump d;
    struct config_row row;
    for (config_dump_start(&d, c); config_dump_next(&d, &row);)
        assert(row.key[0] != '\0' && row.origin[0] != '\0');
    config_dump_end(&d);
    struct config_diff same;
    config_diff(c, c, &same);
    assert(same.count == 0);
    config_diff_release(&same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_errors errors;
    const struct config *c = config_load_text_all("fuzz", (const char *)data, size, &errors);
    assert((c == NULL) == (errors.count > 0));
    config_errors_release(&errors);
    if (c != NULL)
        walk(c);
    config_unref(c);
    return 0;
}
