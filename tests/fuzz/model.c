// Any commands and any answers: the model stays consistent, and while something is outstanding or
// passing, no session counts as at a safe point.
//
// Input: one byte of capabilities, one of collation, then steps of kind, length, bytes: kind even
// a command (cut in two), odd a packet.
#include "state/model.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pass_command(struct model *m, const uint8_t *p, uint32_t n, uint32_t cut)
{
    uint32_t head = n < MODEL_COMMAND_HEAD ? n : MODEL_COMMAND_HEAD;
    uint64_t id;
    if (n == 0 || tracker_full(&m->tracker))
        return;
    (void)model_peek(m, p, n, &id);
    uint32_t at = model_command(m, p, head, n);
    if (cut % 8 == 7)
        model_command_own(m);
    if (at > n)
        abort();
    cut = cut < at ? at : cut > n ? n : cut;
    model_text(m, p + at, cut - at);
    if (m->tracker.phase != TRACKER_OPAQUE && model_at_safe_point(m, INT64_MAX))
        abort();
    model_text(m, p + cut, n - cut);
    model_command_end(m);
}

static void pass_packet(struct model *m, const uint8_t *p, uint32_t n)
{
    struct tracked done;
    if (model_wants_whole(m, p, n < REPLY_HEAD ? n : REPLY_HEAD, n))
        model_report(m, (struct slice){p, n});
    model_packet(m, p, n < REPLY_HEAD ? n : REPLY_HEAD, n, 1, &done);
    if (m->added != NULL && statements_find(&m->statements, m->added->id) != m->added)
        abort();
}

static void check(const struct model *m)
{
    bool dumps = m->tracker.phase == TRACKER_OPAQUE && m->dumps;
    if (tracker_outstanding(&m->tracker) > 0 && !dumps && model_at_safe_point(m, INT64_MAX))
        abort();
    if (m->statements.cursors > statements_count(&m->statements) ||
        m->statements.long_data > statements_count(&m->statements) ||
        m->statements.incomplete > statements_count(&m->statements))
        abort();
    if (m->tracker.phase == TRACKER_OPAQUE &&
        !(model_obstacles(m, 0) & (OBSTACLE_BIT(binlog_dump) | OBSTACLE_BIT(unsupported))))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model m;
    if (size < 2)
        return 0;
    model_init(&m,
               CAP_PROTOCOL_41 | (data[0] & 1 ? CAP_DEPRECATE_EOF : 0) |
                   (data[0] & 8 ? CAP_SESSION_TRACK : 0) |
                   (data[0] & 2 ? CAP_QUERY_ATTRIBUTES : 0) |
                   (data[0] & 4 ? CAP_OPTIONAL_METADATA : 0),
               2, data[1]);
    for (size_t at = 2; at + 2 < size;) {
        uint8_t kind = data[at], want = data[at + 1];
        at += 2;
        uint32_t n = (uint32_t)(want < size - at ? want : size - at);
        if (kind % 2 == 0)
            pass_command(&m, data + at, n, kind / 2);
        else
            pass_packet(&m, data + at, n);
        check(&m);
        at += n;
    }
    model_release(&m);
    return 0;
}
