// Any server against any commands: never more answers than commands, and opaque is for good.
//
// Input: one byte of capabilities, then steps: 0 command | otherwise length, that many bytes of a
// packet; a length of 255 is a packet of 16 MiB of which only a head is there.
#include "state/tracker.h"

#include <stdlib.h>
#include <string.h>

#include "wire/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t caps_of(uint8_t bits)
{
    return CAP_PROTOCOL_41 | (bits & 1 ? CAP_DEPRECATE_EOF : 0) |
           (bits & 2 ? CAP_OPTIONAL_METADATA : 0) | (bits & 4 ? CAP_MARIADB_CACHE_METADATA : 0);
}

static void check(const struct tracker *t, unsigned before, enum tracker_event event, bool opaque)
{
    unsigned now = tracker_outstanding(t);
    if (now != before - (event == TRACKER_DONE) || now > TRACKER_DEPTH)
        abort();
    if (opaque && event != TRACKER_OPAQUE_DATA)
        abort();
    if (t->phase != TRACKER_OPAQUE && (now == 0) != (t->phase == TRACKER_IDLE))
        abort();
    if ((event == TRACKER_UNASKED) && before != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tracker t;
    struct tracked done;
    if (size == 0)
        return 0;
    tracker_init(&t, caps_of(data[0]), 2);
    for (size_t at = 1; at + 1 < size;) {
        if (data[at] == 0) {
            struct tracked command = {.command = data[at + 1]};
            if (!tracker_full(&t))
                tracker_sent(&t, &command);
            at += 2;
            continue;
        }
        bool huge = data[at] == 255;
        size_t n = huge ? REPLY_HEAD : (size_t)data[at] - 1;
        uint8_t head[256] = {0};
        at++;
        size_t there = n < size - at ? n : size - at;
        memcpy(head, data + at, there);
        at += there;
        unsigned before = tracker_outstanding(&t);
        bool opaque = t.phase == TRACKER_OPAQUE;
        uint32_t length = huge ? PACKET_MAX_PAYLOAD : (uint32_t)n;
        uint8_t *exact = malloc(n < REPLY_HEAD ? n + !n : REPLY_HEAD);
        memcpy(exact, head, n < REPLY_HEAD ? n : REPLY_HEAD);
        check(&t, before, tracker_packet(&t, exact, n < REPLY_HEAD ? n : REPLY_HEAD, length, &done),
              opaque);
        free(exact);
    }
    return 0;
}
