// Executes: the same result from any longer part; what was inserted is what is then learned.
//
// Input: one byte of parameters, one of capabilities, then the payload.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "state/statements.h"
#include "wire/caps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insert(struct statement *s, uint64_t caps, struct slice p, size_t at)
{
    struct buf out;
    size_t none;
    uint8_t *before = s->types;
    size_t n = (size_t)s->params * 2;
    buf_init(&out, 0);
    buf_put(&out, p.p, at);
    size_t replaced = statement_types_put(s, caps, p.p, at, &out);
    if (replaced > p.n - at)
        abort();
    buf_put(&out, p.p + at + replaced, p.n - at - replaced);
    s->types = mem_zalloc(n);
    if (statement_types_learn(s, caps, out.p, out.n) != EXECUTE_COMPLETE ||
        memcmp(s->types, before, n) != 0 ||
        statement_execute_head(s, caps, out.p, out.n, &none) != EXECUTE_COMPLETE)
        abort();
    mem_free(before);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct statements all;
    size_t at, again;
    if (size < 2 || size > 2048)
        return 0;
    uint64_t caps = data[1] & 1 ? CAP_QUERY_ATTRIBUTES : 0;
    struct slice p = {data + 2, size - 2};
    statements_init(&all);
    struct statement *s = statements_add(&all, 1, 0, data[0], 0, mem_strdup("x"), 1, NULL);
    s->types = mem_alloc((size_t)data[0] * 2 + 1);
    memset(s->types, 0x5A, (size_t)data[0] * 2);
    enum execute_head whole = statement_execute_head(s, caps, p.p, p.n, &at);
    for (size_t n = 0; n < p.n; n++) {
        enum execute_head part = statement_execute_head(s, caps, p.p, n, &again);
        if (part != EXECUTE_MORE && (part != whole || again != at))
            abort();
    }
    if (whole == EXECUTE_LACKS)
        insert(s, caps, p, at);
    (void)statement_types_learn(s, caps, p.p, p.n);
    statements_release(&all);
    return 0;
}
