// The kinds of arguments: how each is written, read, and which values it can have.
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "admin/nearest.h"
#include "base/cidr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "drain/drain.h"
#include "control/mongo_set.h"
#include "session/traffic.h"

static const char *then_choice(unsigned i)
{
    static const char *const NAMES[] = {
        [DRAIN_ABORT] = "abort", [DRAIN_KILL] = "kill", [DRAIN_WAIT] = "wait"};
    return i < sizeof NAMES / sizeof NAMES[0] ? NAMES[i] : NULL;
}

static const char *state_choice(unsigned i)
{
    return i < SESSION_STATE_COUNT ? session_state_name((enum session_state)i) : NULL;
}

static const char *obstacle_choice(unsigned i)
{
    return i < OBSTACLE_COUNT ? obstacle_info((enum obstacle)i)->name : NULL;
}

static const char *level_choice(unsigned i)
{
    return i < LOG_LEVEL_COUNT ? log_level_name((enum log_level)i) : NULL;
}

// Long enough for any account or database name, so that filters can be copied without a cut.
static enum sl_code parse_text(const char *text, struct value *out)
{
    (void)out;
    return *text != '\0' && strlen(text) <= SESSION_NAME_MAX ? SL_OK : SL_EINVAL;
}

// What struct gate_reason has room for: a reason that was cut could not be ended by its name.
static enum sl_code parse_reason(const char *text, struct value *out)
{
    (void)out;
    return *text != '\0' && strlen(text) < GATE_TEXT_MAX ? SL_OK : SL_EINVAL;
}

// The word that is being typed may still be empty.
static enum sl_code parse_any(const char *text, struct value *out)
{
    (void)text;
    (void)out;
    return SL_OK;
}

static enum sl_code parse_host(const char *text, struct value *out)
{
    (void)out;
    struct cidr rule;
    return cidr_parse(text, &rule, NULL);
}

static enum sl_code parse_member(const char *text, struct value *out)
{
    (void)out;
    char host[MONGO_HOST_MAX];
    return mongo_host_normalize(text, host, NULL);
}

static enum sl_code parse_number(const char *text, struct value *out)
{
    uint64_t n = 0;
    enum sl_code code = text_parse_u64(text, &n);
    if (code != SL_OK || n > INT64_MAX)
        return SL_EINVAL;
    out->number = (int64_t)n;
    return SL_OK;
}

// TEXT_DURATION_MAX_MS keeps the product within 64 bits.
static enum sl_code parse_duration(const char *text, struct value *out)
{
    int64_t ms = 0;
    enum sl_code code = text_parse_duration_ms(text, &ms);
    out->number = code == SL_OK ? ms * NS_PER_MS : 0;
    return code;
}

// One of parse and choice is set for every kind that takes a value.
static const struct {
    const char *expected;
    enum sl_code (*parse)(const char *text, struct value *out);
    const char *(*choice)(unsigned i);
} KINDS[ARGUMENT_KIND_COUNT] = {
    [ARGUMENT_FLAG] = {"no value", NULL, NULL},
    [ARGUMENT_TEXT] = {"a text of at most 80 bytes", parse_text, NULL},
    [ARGUMENT_REASON] = {"a text of at most 63 bytes", parse_reason, NULL},
    [ARGUMENT_PATTERN] = {"a name, * and ? for any letters", parse_text, NULL},
    [ARGUMENT_HOST] = {"an address or a network like 10.0.0.0/8", parse_host, NULL},
    [ARGUMENT_SESSION] = {"the number of a session (show sessions)", parse_number, NULL},
    [ARGUMENT_DURATION] = {"a duration like 250ms, 5s, 2m", parse_duration, NULL},
    [ARGUMENT_THEN] = {NULL, NULL, then_choice},
    [ARGUMENT_STATE] = {NULL, NULL, state_choice},
    [ARGUMENT_OBSTACLE] = {NULL, NULL, obstacle_choice},
    [ARGUMENT_LEVEL] = {NULL, NULL, level_choice},
    [ARGUMENT_BACKEND] = {"the name of a backend (show backends)", parse_text, NULL},
    [ARGUMENT_COMMAND] = {"words of a command", parse_any, NULL},
    [ARGUMENT_COUNT] = {"a number", parse_number, NULL},
    [ARGUMENT_MEMBER] = {"HOST:PORT (mongo status)", parse_member, NULL},
};

const char *argument_kind_label(enum argument_kind kind)
{
    static const char *const LABELS[] = {
#define X(name, text) text,
        ARGUMENT_KINDS(X)
#undef X
    };
    return LABELS[kind];
}

const char *argument_kind_choice(enum argument_kind kind, unsigned i)
{
    return KINDS[kind].choice != NULL ? KINDS[kind].choice(i) : NULL;
}

// Names one neighbour where there is one, else all values: an operator should not need the manual.
static enum sl_code parse_choice(enum argument_kind kind, const char *label, const char *text,
                                 struct value *out, struct sl_error *err)
{
    struct nearest near = nearest_start(text);
    char names[320] = "";
    size_t n = 0;
    const char *name;
    for (unsigned i = 0; (name = KINDS[kind].choice(i)) != NULL; i++) {
        if (strcmp(name, text) == 0) {
            out->number = i;
            return SL_OK;
        }
        nearest_offer(&near, name);
        int wrote = snprintf(names + n, sizeof names - n, "%s%s", i > 0 ? ", " : "", name);
        n += wrote > 0 && (size_t)wrote < sizeof names - n ? (size_t)wrote : 0;
    }
    if (near.name != NULL)
        return sl_fail(err, SL_EINVAL, "%s: \"%.60s\" is not one of its values, did you mean %s?",
                       label, text, near.name);
    return sl_fail(err, SL_EINVAL, "%s: found \"%.60s\", expected one of %s", label, text, names);
}

enum sl_code argument_parse(enum argument_kind kind, const char *label, const char *text,
                            struct value *out, struct sl_error *err)
{
    *out = (struct value){.given = true, .text = text};
    if (KINDS[kind].choice != NULL)
        return parse_choice(kind, label, text, out, err);
    if (KINDS[kind].parse != NULL && KINDS[kind].parse(text, out) == SL_OK)
        return SL_OK;
    return sl_fail(err, SL_EINVAL, "%s: found \"%.60s\", expected %s", label, text,
                   KINDS[kind].expected);
}
