// The way to a statement's text: never outside the packet, and the same text from any longer part.
#include "wire/command.h"

#include <stdlib.h>

#include "wire/caps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0, again = 0;
    bool malformed, never;

    if (size == 0 || size > 4096)
        return 0;
    command_name(data[0]);
    if (!command_query_text(data, size, CAP_QUERY_ATTRIBUTES, &at, &malformed))
        return 0;
    if (malformed || at == 0 || at > size)
        abort();
    for (size_t n = 0; n <= size; n++) {
        bool found = command_query_text(data, n, CAP_QUERY_ATTRIBUTES, &again, &never);
        if (found != (n >= at) || never || (found && again != at))
            abort();
    }
    return 0;
}
