// The tracker against recordings of real servers: every answer ends at exactly its last packet.
// And what recordings do not have: continuations, pipelines, what nobody understands.
#include "state/tracker.h"

#include <criterion/criterion.h>
#include <string.h>

#include "wire/packet.h"
#include "wire/recording.h"

#define CAPS (CAP_PROTOCOL_41 | CAP_MULTI_RESULTS)

struct replay {
    struct tracker t;
    bool file, auth; // what the client sends next is not a command
    bool waiting;    // an answer has begun since the last command
};

static void replay_client(struct replay *r, const struct recorded *packet)
{
    struct slice p = recording_payload(packet);
    if (r->file) {
        r->file = p.n > 0;
        return;
    }
    if (r->auth) {
        r->auth = false;
        return;
    }
    if (r->waiting)
        cr_expect_eq(tracker_outstanding(&r->t), 0, "not at its end: %s", packet->note);
    r->waiting = false;
    struct tracked command = {.command = p.p[0]};
    tracker_sent(&r->t, &command);
}

static enum tracker_event replay_server(struct replay *r, const struct recorded *packet)
{
    struct slice p = recording_payload(packet);
    struct tracked done;
    // Only as much as the tracker may ask for, in memory of its own.
    size_t n = p.n < REPLY_HEAD ? p.n : REPLY_HEAD;
    uint8_t *head = malloc(n > 0 ? n : 1);
    memcpy(head, p.p, n);
    const uint16_t untold = 0xFFFF;
    bool expects = tracker_expects_status(&r->t, head, n, (uint32_t)p.n);
    uint16_t before = r->t.status;
    r->t.status = untold;
    enum tracker_event event = tracker_packet(&r->t, head, n, (uint32_t)p.n, &done);
    cr_expect_eq(r->t.status != untold, expects, "status expected: %d: %s", expects, packet->note);
    r->t.status = r->t.status == untold ? before : r->t.status;
    free(head);
    r->waiting = true;
    r->file = event == TRACKER_WANTS_FILE;
    r->auth = event == TRACKER_AUTH_PACKET;
    return event;
}

// Recordings; those that end unasked or in a command that nobody knows say so.
static const struct {
    const char *name;
    bool unasked, opaque;
} recordings[] = {
#define BOTH(name, unasked, opaque)                                                                \
    {name "-eof", unasked, opaque},                                                                \
    {                                                                                              \
        name "-ok", unasked, opaque                                                                \
    }
    BOTH("maria-bulk", false, false),
    BOTH("maria-cached-metadata", false, false),
    BOTH("maria-call-out", false, false),
    BOTH("maria-change-user", false, false),
    BOTH("maria-commands", false, true),
    BOTH("maria-cursor", false, false),
    BOTH("maria-extended-metadata", false, false),
    BOTH("maria-infile", false, false),
    BOTH("maria-killed", true, false),
    BOTH("maria-prepared", false, false),
    BOTH("maria-progress", false, false),
    BOTH("maria-results", false, false),
    BOTH("maria-timeout", true, false),
    BOTH("maria-track", false, false),
    BOTH("mysql-attributes", false, false),
    BOTH("mysql-call-out", false, false),
    BOTH("mysql-change-user", false, false),
    BOTH("mysql-commands", false, true),
    BOTH("mysql-cursor", false, false),
    BOTH("mysql-infile", false, false),
    BOTH("mysql-killed", true, false),
    BOTH("mysql-optional-metadata", false, false),
    BOTH("mysql-prepared", false, false),
    BOTH("mysql-results", false, false),
    BOTH("mysql-timeout", true, false),
    BOTH("mysql-track", false, false),
};

static void replay_one(size_t index)
{
    const struct recording *rec = recording_load(recordings[index].name);
    struct replay r = {0};
    tracker_init(&r.t, rec->caps, STATUS_AUTOCOMMIT);
    bool quit = false;
    for (size_t i = 0; i < rec->n; i++) {
        const struct recorded *packet = &rec->packets[i];
        const char *name = recordings[index].name;
        if (packet->client) {
            replay_client(&r, packet);
            quit = packet->n > 4 && packet->p[4] == COM_QUIT;
            if (r.t.phase == TRACKER_OPAQUE && recordings[index].opaque)
                return;
            continue;
        }
        enum tracker_event event = replay_server(&r, packet);
        if (event == TRACKER_UNASKED)
            cr_expect(recordings[index].unasked || quit, "%s: unasked: %s", name, packet->note);
        cr_expect_neq(event, TRACKER_OPAQUE_DATA, "%s: %s", name, packet->note);
    }
    cr_expect_eq(tracker_outstanding(&r.t), 0, "%s does not end", recordings[index].name);
}

Test(tracker, recorded_answers_end_where_they_end)
{
    for (size_t i = 0; i < sizeof recordings / sizeof *recordings; i++)
        replay_one(i);
}

// --- random pipelines of recorded exchanges ------------------------------------------------------

#define EXCHANGES_MAX 400

struct exchange {
    uint8_t command;
    const struct recorded *packets; // of the answer
    size_t n;
};

static size_t exchanges_of(const char *name, struct exchange *out, size_t n)
{
    const struct recording *rec = recording_load(name);
    for (size_t i = 0; i < rec->n; i++) {
        uint8_t command = rec->packets[i].p[4];
        size_t first = i + 1, end = first;
        while (end < rec->n && !rec->packets[end].client)
            end++;
        // Commands sent together have their answers together: not here.
        bool together = end == first || (i > 0 && rec->packets[i - 1].client);
        if (rec->packets[i].client && !together && command != 0x55 && n < EXCHANGES_MAX)
            out[n++] = (struct exchange){command, &rec->packets[first], end - first};
        i = end - 1;
    }
    return n;
}

static void answer_one(struct tracker *t, const struct exchange *e)
{
    struct tracked done;
    for (size_t k = 0; k < e->n; k++) {
        struct slice p = recording_payload(&e->packets[k]);
        enum tracker_event event = tracker_packet(t, p.p, p.n, (uint32_t)p.n, &done);
        cr_assert_eq(event, k + 1 == e->n ? TRACKER_DONE : TRACKER_MORE, "%s", e->packets[k].note);
    }
    cr_assert_eq(done.command, e->command);
}

static void pipeline(const char *const *names)
{
    static struct exchange all[EXCHANGES_MAX];
    size_t n = 0, asked[TRACKER_DEPTH], first = 0, last = 0;
    uint32_t random = 12345;
    struct tracker t;
    for (size_t i = 0; names[i] != NULL; i++)
        n = exchanges_of(names[i], all, n);
    cr_assert_gt(n, 40);
    tracker_init(&t, recording_load(names[0])->caps, STATUS_AUTOCOMMIT);
    for (int step = 0; step < 20000; step++) {
        random = random * 1103515245 + 12345;
        if (last - first < TRACKER_DEPTH && (first == last || (random >> 16) % 2 == 0)) {
            asked[last % TRACKER_DEPTH] = (random >> 8) % n;
            struct tracked command = {.command = all[asked[last++ % TRACKER_DEPTH]].command};
            tracker_sent(&t, &command);
        } else {
            answer_one(&t, &all[asked[first++ % TRACKER_DEPTH]]);
        }
        cr_assert_eq(tracker_outstanding(&t), last - first);
    }
}

Test(tracker, random_pipelines_of_recorded_exchanges)
{
    pipeline((const char *[]){"mysql-results-ok", "mysql-prepared-ok", "mysql-cursor-ok", NULL});
    pipeline((const char *[]){"mysql-results-eof", "mysql-prepared-eof", "mysql-cursor-eof", NULL});
    pipeline((const char *[]){"maria-results-ok", "maria-prepared-ok", "maria-cursor-ok", NULL});
    pipeline((const char *[]){"maria-results-eof", "maria-prepared-eof", "maria-cursor-eof", NULL});
}

// --- by hand --------------------------------------------------------------------------------------

static struct tracker with(uint64_t caps, const uint8_t *commands, size_t n)
{
    struct tracker t;
    tracker_init(&t, caps, STATUS_AUTOCOMMIT);
    for (size_t i = 0; i < n; i++) {
        struct tracked command = {.command = commands[i], .statement = (uint32_t)i};
        tracker_sent(&t, &command);
    }
    return t;
}

#define WITH(caps, ...)                                                                            \
    with(caps, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static enum tracker_event feed(struct tracker *t, const char *hex)
{
    uint8_t bytes[64];
    struct tracked done;
    size_t n = recording_hex(hex, bytes);
    return tracker_packet(t, bytes, n, (uint32_t)n, &done);
}

static enum tracker_event feed_long(struct tracker *t, uint8_t first, uint32_t length)
{
    uint8_t bytes[REPLY_HEAD] = {first};
    struct tracked done;
    return tracker_packet(t, bytes, sizeof bytes, length, &done);
}

#define OK_HEX "00000002000000"
#define EOF_HEX "fe00000200"
#define ERR_HEX "ff1e0423343253323258"
#define DEFINITION_HEX "036465660000000131000c3f000100"

Test(tracker, long_rows_are_continued)
{
    static const uint64_t caps[] = {CAPS, CAPS | CAP_DEPRECATE_EOF};
    for (size_t i = 0; i < 2; i++) {
        struct tracker t = WITH(caps[i], COM_QUERY);
        feed(&t, "01");
        feed(&t, DEFINITION_HEX);
        if (i == 0)
            feed(&t, EOF_HEX);
        cr_expect(tracker_in_rows(&t));
        // A row whose column is longer than 16 MiB starts with 0xFE.
        cr_expect_eq(feed_long(&t, 0xFE, PACKET_MAX_PAYLOAD), TRACKER_MORE);
        cr_expect(!tracker_in_rows(&t));
        // Its continuations start with anything.
        cr_expect_eq(feed_long(&t, 0xFE, PACKET_MAX_PAYLOAD), TRACKER_MORE);
        cr_expect_eq(feed_long(&t, 0xFF, 20), TRACKER_MORE);
        // One of exactly 16 MiB is followed by an empty packet.
        cr_expect_eq(feed_long(&t, 0x05, PACKET_MAX_PAYLOAD), TRACKER_MORE);
        cr_expect_eq(feed(&t, ""), TRACKER_MORE);
        cr_expect_eq(feed_long(&t, 0x05, PACKET_MAX_PAYLOAD), TRACKER_MORE);
        cr_expect_eq(feed(&t, "fe"), TRACKER_MORE);
        cr_expect_eq(feed(&t, i == 0 ? EOF_HEX : "fe000002000000"), TRACKER_DONE);
        cr_expect_eq(t.phase, TRACKER_IDLE);
    }
}

Test(tracker, a_row_that_starts_with_fe_is_no_eof)
{
    struct tracker t = WITH(CAPS, COM_QUERY);
    feed(&t, "01");
    feed(&t, DEFINITION_HEX);
    feed(&t, EOF_HEX);
    cr_expect_eq(feed(&t, "fe0000000100000000"), TRACKER_MORE);
    cr_expect_eq(feed(&t, EOF_HEX), TRACKER_DONE);
}

Test(tracker, errors_end_answers_in_every_phase)
{
    static const char *const before[] = {"", "01", "01," DEFINITION_HEX,
                                         "01," DEFINITION_HEX "," EOF_HEX,
                                         "01," DEFINITION_HEX "," EOF_HEX ",0131"};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        struct tracker t = WITH(CAPS, COM_QUERY, COM_PING);
        for (const char *p = before[i]; *p != '\0'; p += strcspn(p, ",") + (strchr(p, ',') != NULL))
            cr_expect_eq(feed(&t, p), TRACKER_MORE);
        cr_expect_eq(feed(&t, "ffffff010102e8030011"), TRACKER_MORE, "progress");
        cr_expect_eq(feed(&t, ERR_HEX), TRACKER_DONE);
        cr_expect(t.outcome.is_error);
        cr_expect_eq(t.outcome.error, 1054);
        cr_expect_eq(tracker_current(&t)->command, COM_PING);
        cr_expect_eq(feed(&t, OK_HEX), TRACKER_DONE);
        cr_expect(!t.outcome.is_error);
    }
}

Test(tracker, pipelined_commands_are_answered_in_order)
{
    struct tracker t = WITH(CAPS, COM_QUERY, COM_STMT_CLOSE, COM_STATISTICS, COM_STMT_PREPARE,
                            COM_STMT_FETCH, COM_PING);
    cr_expect_eq(tracker_outstanding(&t), 5, "close has no answer");
    cr_expect_eq(feed(&t, "000000"
                          "0a00"
                          "0000"),
                 TRACKER_MORE, "more results");
    cr_expect_eq(feed(&t, OK_HEX), TRACKER_DONE);
    cr_expect_eq(feed(&t, "ff5570"), TRACKER_DONE, "statistics are text");
    cr_expect_eq(feed(&t, "000100000000000000000000"), TRACKER_DONE);
    cr_expect(t.outcome.prepared);
    cr_expect_eq(feed(&t, "0000aa"), TRACKER_MORE);
    cr_expect_eq(feed(&t, "fe00008200"), TRACKER_DONE);
    cr_expect_eq(t.outcome.status, STATUS_AUTOCOMMIT | STATUS_LAST_ROW_SENT);
    cr_expect_eq(tracker_current(&t)->statement, 5);
    cr_expect_eq(feed(&t, OK_HEX), TRACKER_DONE);
    cr_expect_null(tracker_current(&t));
    cr_expect_eq(feed(&t, ERR_HEX), TRACKER_UNASKED);
}

Test(tracker, the_ring_is_full_at_its_depth)
{
    struct tracker t = WITH(CAPS, COM_PING);
    for (unsigned round = 0; round < 5; round++) {
        struct tracked ping = {.command = COM_PING, .statement = round};
        while (!tracker_full(&t))
            tracker_sent(&t, &ping);
        cr_expect_eq(tracker_outstanding(&t), TRACKER_DEPTH);
        for (unsigned i = 0; i < 7; i++)
            cr_expect_eq(feed(&t, OK_HEX), TRACKER_DONE);
    }
}

Test(tracker, prepare_definitions_with_and_without_eof)
{
    for (unsigned params = 0; params < 3; params++) {
        for (unsigned columns = 0; columns < 3; columns++) {
            for (unsigned mode = 0; mode < 4; mode++) {
                bool eof = mode & 1, metadata = mode & 2;
                uint64_t caps = CAPS | CAP_OPTIONAL_METADATA | (eof ? 0 : CAP_DEPRECATE_EOF);
                struct tracker t = WITH(caps, COM_STMT_PREPARE);
                unsigned left = 1 + (metadata ? params + columns : 0) +
                                (eof ? (params > 0) + (columns > 0) : 0);
                char hex[40];
                snprintf(hex, sizeof hex, "0001000000%02x00%02x00000000%02x", columns, params,
                         metadata);
                enum tracker_event event = feed(&t, hex);
                for (unsigned part = 0; part < 2; part++) {
                    unsigned n = part == 0 ? params : columns;
                    for (unsigned i = 0; i < (metadata ? n : 0); i++, left--) {
                        cr_expect_eq(event, TRACKER_MORE);
                        event = feed(&t, DEFINITION_HEX);
                    }
                    if (eof && n > 0) {
                        cr_expect_eq(event, TRACKER_MORE);
                        event = feed(&t, EOF_HEX);
                        left--;
                    }
                }
                cr_expect_eq(left, 1);
                cr_expect_eq(event, TRACKER_DONE, "%u params, %u columns, mode %u", params, columns,
                             mode);
            }
        }
    }
}

Test(tracker, what_it_does_not_know_is_opaque_for_good)
{
    static const struct {
        uint8_t command;
        const char *packet;
    } rows[] = {
        {0x55, OK_HEX},         {COM_BINLOG_DUMP, "0000"}, {COM_CLONE, OK_HEX},
        {COM_QUERY, ""},        {COM_QUERY, "00"},         {COM_QUERY, "fc"},
        {COM_QUERY, EOF_HEX},   {COM_PING, "05"},          {COM_STMT_PREPARE, "0001"},
        {COM_CHANGE_USER, "7"}, {COM_FIELD_LIST, "0301"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tracker t = WITH(CAPS, rows[i].command);
        struct tracked ping = {.command = COM_PING};
        cr_expect_eq(feed(&t, rows[i].packet), TRACKER_OPAQUE_DATA, "%zu", i);
        for (int k = 0; k < TRACKER_DEPTH + 1; k++)
            tracker_sent(&t, &ping);
        cr_expect(!tracker_full(&t));
        cr_expect_eq(feed(&t, OK_HEX), TRACKER_OPAQUE_DATA);
        cr_expect_eq(t.phase, TRACKER_OPAQUE);
    }
}

// MySQL 9.7 answers so; the same bytes may be a row of five TINYINTs.
Test(tracker, an_ok_in_the_place_of_rows)
{
    static const struct {
        const char *packet;
        bool opaque;
    } rows[] = {{"00000002000000", true},    {"0000000240000003020131", true},
                {"00000100000000", false},   {"000000020000", false},
                {"0000000200000000", false}, {"fe000002000000", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int before = 0; before < 2; before++) {
            struct tracker t;
            struct tracked execute = {.command = COM_STMT_EXECUTE, .cursor_before = before};
            tracker_init(&t, CAPS | CAP_DEPRECATE_EOF, 0);
            tracker_sent(&t, &execute);
            cr_assert_eq(feed(&t, "01"), TRACKER_MORE);
            cr_assert_eq(feed(&t, DEFINITION_HEX), TRACKER_MORE);
            bool opaque = feed(&t, rows[i].packet) == TRACKER_OPAQUE_DATA;
            cr_expect_eq(opaque, before && rows[i].opaque, "%zu, %d", i, before);
            if (!opaque && i + 1 < sizeof rows / sizeof *rows)
                cr_expect_eq(feed(&t, "fe000002000000"), TRACKER_DONE, "%zu, %d", i, before);
        }
    }
}

Test(tracker, change_user_goes_on_until_ok_or_err)
{
    struct tracker t = WITH(CAPS, COM_CHANGE_USER);
    cr_expect_eq(t.phase, TRACKER_AUTH);
    cr_expect_eq(feed(&t, "fe6100"), TRACKER_AUTH_PACKET);
    cr_expect_eq(feed(&t, "0104"), TRACKER_AUTH_PACKET);
    cr_expect_eq(feed(&t, "026100"), TRACKER_AUTH_PACKET);
    cr_expect_eq(feed(&t, OK_HEX), TRACKER_DONE);
    t = WITH(CAPS, COM_CHANGE_USER);
    cr_expect_eq(feed(&t, ERR_HEX), TRACKER_DONE);
}

Test(tracker, every_phase_has_a_name)
{
    cr_expect_str_eq(tracker_phase_name(TRACKER_IDLE), "IDLE");
    cr_expect_str_eq(tracker_phase_name(TRACKER_OPAQUE), "OPAQUE");
}
