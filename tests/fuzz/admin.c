// A request line through splitter, checks and answer, with the real table and handlers that only
// say what they got: one answer, whose last line is its only end; words survive quoting.
#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "admin/request.h"
#include "base/log.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct command *rows;
static struct command_table table;
static bool asked_json;

static void say_call(struct request *r)
{
    const struct call *c = &r->call;
    asked_json = r->json;
    answer_fact(r->answer, "command", "command", cell_text(c->command->words));
    for (unsigned i = 0; i < c->positional_count; i++)
        answer_line(r->answer, "%s", c->positionals[i].text);
    for (int i = 0; c->command->options != NULL && c->command->options[i].name != NULL; i++)
        if (c->options[i].given)
            answer_fact(r->answer, c->command->options[i].name, "option",
                        cell_text(c->options[i].text));
    request_done(r);
}

static void make_table(void)
{
    const struct command_table *real = command_table();
    rows = mem_array(real->count, sizeof *rows);
    memcpy(rows, real->rows, real->count * sizeof *rows);
    for (unsigned i = 0; i < real->count; i++) {
        rows[i].run = say_call;
        rows[i].waiting = false; // there is no loop for deadlines
    }
    table = (struct command_table){rows, real->count};
    log_set_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
}

struct sink {
    struct buf text;
    unsigned ends;
    enum sl_code code;
};

static void on_line(void *arg, const char *text, size_t n)
{
    (void)arg;
    (void)text;
    (void)n;
    assert(!"no handler here has progress");
}

static void on_finish(void *arg, enum sl_code code, const char *text, size_t n)
{
    struct sink *s = arg;
    s->ends++;
    s->code = code;
    buf_put(&s->text, text, n);
}

static size_t no_backlog(void *arg)
{
    (void)arg;
    return 0;
}

// Every line but the last is text, the last is an end that fits the code.
static void check_answer(struct sink *s, bool json)
{
    char *p = (char *)(uintptr_t)buf_text(&s->text), *end;
    assert(s->ends == 1 && s->text.n > 0 && p[s->text.n - 1] == '\n');
    while ((end = strchr(p, '\n'))[1] != '\0') {
        *end = '\0';
        assert(protocol_classify(p, json) == PROTOCOL_LINE_TEXT);
        p = end + 1;
    }
    *end = '\0';
    enum protocol_line kind = protocol_classify(p, json);
    assert(kind == (s->code == SL_OK       ? PROTOCOL_LINE_OK
                    : s->code == SL_EINVAL ? PROTOCOL_LINE_USAGE
                                           : PROTOCOL_LINE_ERR));
    assert((size_t)(end + 1 - (char *)(uintptr_t)s->text.p) == s->text.n);
}

static void check_quoting(const char *line, size_t n)
{
    struct words w, again;
    struct buf quoted = {.cap = 4 * PROTOCOL_LINE_MAX};
    if (words_split(line, n, &w, NULL) != SL_OK)
        return;
    for (unsigned i = 0; i < w.count; i++) {
        words_quote(&quoted, w.at[i]);
        buf_u8(&quoted, ' ');
    }
    if (quoted.n <= PROTOCOL_LINE_MAX) {
        enum sl_code code = words_split((const char *)quoted.p, quoted.n, &again, NULL);
        assert(code == SL_OK && again.count == w.count);
        for (unsigned i = 0; i < w.count; i++)
            assert(strcmp(w.at[i], again.at[i]) == 0);
        words_release(&again);
    }
    words_release(&w);
    buf_release(&quoted);
}

// The first byte chooses the role, the rest is the line.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct request_sink ops = {on_line, on_finish, no_backlog};
    static const struct peer peer = {.user = "fuzz"};
    struct events events;
    struct request_home home = {.events = &events, .table = &table};
    struct sink sink = {.text = {.cap = (size_t)16 << 20}};
    if (size == 0)
        return 0;
    if (rows == NULL)
        make_table();
    const char *line = (const char *)data + 1;
    events_init(&events);
    request_home_init(&home);
    asked_json = false;
    struct request *r =
        request_start(&home, &peer, (enum admin_role)(data[0] % 4), &ops, &sink, line, size - 1);
    assert(r == NULL && list_first(&home.requests) == NULL);
    // A refusal in JSON begins with a brace, which no reason in text does.
    bool json = asked_json || (sink.text.n > 0 && sink.text.p[0] == '{');
    check_answer(&sink, json);
    buf_release(&sink.text);
    check_quoting(line, size - 1);
    return 0;
}
