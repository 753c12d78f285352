// What tests of the session model share: commands and answers in hexadecimal digits.
#ifndef SLUICE_TESTS_UNIT_STATE_MODEL_HELP_H
#define SLUICE_TESTS_UNIT_STATE_MODEL_HELP_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "state/model.h"
#include "wire/recording.h"

#define CAPS (CAP_PROTOCOL_41 | CAP_MULTI_RESULTS | CAP_DEPRECATE_EOF | CAP_SESSION_TRACK)
#define MS INT64_C(1000000)

#define OK_AUTO "00000002000000"
#define OK_TRANS "00000003000000"
#define OK_NONE "00000000000000"
#define OK_WARN "00000002000100"
#define ERR_HEX "ff1e0423343253323258"

static inline void send_bytes(struct model *m, const void *payload, size_t n)
{
    const uint8_t *p = payload;
    size_t head = n < MODEL_COMMAND_HEAD ? n : MODEL_COMMAND_HEAD;
    uint32_t at = model_command(m, p, head, (uint32_t)n);
    for (size_t i = at; i < n; i++)
        model_text(m, p + i, 1);
    model_command_end(m);
}

static inline void query(struct model *m, const char *text)
{
    char payload[400];
    int n = snprintf(payload, sizeof payload, "\x03%s", text);
    send_bytes(m, payload, (size_t)n);
}

// A command with a statement id: "17 00000001 00" and so on.
static inline void command(struct model *m, const char *hex)
{
    uint8_t payload[64] = {0};
    send_bytes(m, payload, recording_hex(hex, payload));
}

static inline enum tracker_event answer(struct model *m, const char *hex)
{
    uint8_t payload[64];
    struct tracked done;
    size_t n = recording_hex(hex, payload);
    return model_packet(m, payload, n, (uint32_t)n, MS, &done);
}

static inline void ask(struct model *m, const char *text, const char *hex)
{
    query(m, text);
    cr_assert_eq(answer(m, hex), TRACKER_DONE, "%s", text);
}

static inline void prepare(struct model *m, const char *text, const char *id)
{
    char payload[400], hex[40];
    int n = snprintf(payload, sizeof payload, "\x16%s", text);
    send_bytes(m, payload, (size_t)n);
    snprintf(hex, sizeof hex, "00%s00000000000000", id);
    cr_assert_eq(answer(m, hex), TRACKER_DONE);
}

#define EXPECT(m, names) expect(m, names, __LINE__)

// Exactly these obstacles, long after the answer.
static inline void expect(const struct model *m, const char *names, int line)
{
    char text[300];
    obstacle_format(model_obstacles(m, 1000 * MS), text, sizeof text);
    cr_expect_str_eq(text, names, "line %d: %s, not %s", line, text, names);
}

static inline struct model begin(void)
{
    struct model m;
    model_init(&m, CAPS, STATUS_AUTOCOMMIT, 45);
    return m;
}

#endif
