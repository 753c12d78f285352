// Events of the scheduler, from the old master to the new one.
#include "control/schedule.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/text.h"

#define EVENTS_MAX 10000
#define STATEMENT_MAX ((size_t)4 << 10)

// An event that may have to be enabled.
struct sleeper {
    struct schedule_event event;
    char definer[129 + 256 + 2]; // user@host
};

void schedule_release(struct schedule *s)
{
    mem_free(s->events);
    *s = (struct schedule){0};
}

struct schedule schedule_copy(const struct schedule *s)
{
    struct schedule copy = {.count = s->count};
    if (s->count > 0) {
        copy.events = mem_array(s->count, sizeof *s->events);
        memcpy(copy.events, s->events, s->count * sizeof *s->events);
    }
    return copy;
}

static void read_event(const struct sql *sql, struct schedule_event *out)
{
    text_copy(out->schema, sizeof out->schema, sql_column_value(sql, 0));
    text_copy(out->name, sizeof out->name, sql_column_value(sql, 1));
}

enum sl_code schedule_look(struct sql *sql, struct schedule *out, struct sl_error *err)
{
    *out = (struct schedule){0};
    enum sl_code code = sql_query(sql,
                                  "SELECT EVENT_SCHEMA, EVENT_NAME FROM information_schema.EVENTS"
                                  " WHERE STATUS = 'ENABLED'",
                                  err);
    while (code == SL_OK && sql_next(sql)) {
        if (out->count == EVENTS_MAX)
            return sl_fail(err, SL_ETOOBIG, "more than %d events", EVENTS_MAX);
        out->events = mem_realloc(out->events, (out->count + 1) * sizeof *out->events);
        read_event(sql, &out->events[out->count++]);
    }
    return code;
}

static bool is_wanted(const struct schedule *wanted, const struct schedule_event *e)
{
    for (unsigned i = 0; i < wanted->count; i++)
        if (strcmp(wanted->events[i].schema, e->schema) == 0 &&
            strcmp(wanted->events[i].name, e->name) == 0)
            return true;
    return false;
}

static enum sl_code find_sleepers(struct sql *sql, const struct schedule *wanted,
                                  struct sleeper **out, unsigned *count, struct sl_error *err)
{
    struct sleeper one;
    enum sl_code code = sql_query(sql,
                                  "SELECT EVENT_SCHEMA, EVENT_NAME, DEFINER FROM"
                                  " information_schema.EVENTS WHERE STATUS IN"
                                  " ('SLAVESIDE_DISABLED', 'REPLICA_SIDE_DISABLED')",
                                  err);
    while (code == SL_OK && sql_next(sql) && *count < EVENTS_MAX) {
        read_event(sql, &one.event);
        text_copy(one.definer, sizeof one.definer, sql_column_value(sql, 2));
        if (!is_wanted(wanted, &one.event))
            continue;
        *out = mem_realloc(*out, (*count + 1) * sizeof **out);
        (*out)[(*count)++] = one;
    }
    return code;
}

static void put_name(struct buf *sql, const char *p, size_t n)
{
    buf_str(sql, "`");
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '`')
            buf_str(sql, "`");
        buf_put(sql, p + i, 1);
    }
    buf_str(sql, "`");
}

static enum sl_code enable(struct sql *sql, const struct sleeper *s, struct sl_error *err)
{
    struct buf text;
    // The host cannot hold an @; the user can.
    const char *at = strrchr(s->definer, '@');
    size_t user = at != NULL ? (size_t)(at - s->definer) : strlen(s->definer);
    buf_init(&text, STATEMENT_MAX);
    buf_str(&text, "ALTER DEFINER=");
    put_name(&text, s->definer, user);
    if (at != NULL) {
        buf_str(&text, "@");
        put_name(&text, at + 1, strlen(at + 1));
    }
    buf_str(&text, " EVENT ");
    put_name(&text, s->event.schema, strlen(s->event.schema));
    buf_str(&text, ".");
    put_name(&text, s->event.name, strlen(s->event.name));
    buf_str(&text, " ENABLE");
    enum sl_code code = sql_run(sql, buf_text(&text), err);
    buf_release(&text);
    return code;
}

enum sl_code schedule_enable(struct sql *sql, const struct schedule *wanted, unsigned *enabled,
                             struct sl_error *err)
{
    struct sleeper *sleepers = NULL;
    unsigned count = 0;
    *enabled = 0;
    enum sl_code code = find_sleepers(sql, wanted, &sleepers, &count, err);
    for (unsigned i = 0; code == SL_OK && i < count; i++) {
        code = enable(sql, &sleepers[i], err);
        *enabled += code == SL_OK ? 1 : 0;
    }
    mem_free(sleepers);
    return code;
}
