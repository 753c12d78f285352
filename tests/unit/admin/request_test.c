// Requests from line to answer, with the real command table and faked traffic.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "fake_traffic.h"

static struct fake_home h;
static struct kept k;

static void begin(void)
{
    fake_home_init(&h);
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
}

static void end(void)
{
    kept_release(&k);
    fake_home_release(&h);
}

TestSuite(request, .init = begin, .fini = end);

static void expect_end(const char *text)
{
    cr_expect(k.finished);
    cr_expect(strstr(buf_text(&k.end), text) != NULL, "found: %s", buf_text(&k.end));
}

Test(request, refusals_in_both_formats)
{
    cr_expect_null(fake_run(&h, &k, ROLE_ADMIN, "pauze"));
    cr_expect_eq(k.code, SL_EINVAL);
    expect_end("ERR usage: unknown command \"pauze\", did you mean \"pause\"?\n");
    fake_run(&h, &k, ROLE_ADMIN, "--json pauze");
    expect_end("{ \"ok\" : false, \"kind\" : \"usage\", \"error\" : ");
    fake_run(&h, &k, ROLE_VIEW, "pause");
    expect_end("ERR pause needs the role operate");
    fake_run(&h, &k, ROLE_VIEW, "pause --json");
    expect_end("\"kind\" : \"denied\"");
    fake_run(&h, &k, ROLE_ADMIN, "'open");
    expect_end("ERR usage: a quote");
    cr_expect_eq(fake.pauses, 0u);
}

Test(request, every_view_command_answers)
{
    static const char *const LINES[] = {"help",
                                        "help pause",
                                        "help show sessions",
                                        "show status",
                                        "show backends",
                                        "show stats",
                                        "show stats --reset",
                                        "show config",
                                        "show config hold",
                                        "show version"};
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        cr_expect_null(fake_run(&h, &k, ROLE_VIEW, LINES[i]));
        cr_expect_eq(k.code, SL_OK, "%s", LINES[i]);
        cr_expect(strcmp(buf_text(&k.end) + k.end.n - 3, "OK\n") == 0, "%s", LINES[i]);
        char line[80];
        snprintf(line, sizeof line, "--json %s", LINES[i]);
        fake_run(&h, &k, ROLE_VIEW, line);
        expect_end(PROTOCOL_JSON_OK);
    }
    cr_expect_eq(list_first(&h.home.requests), NULL);
}

Test(request, pause_and_resume)
{
    struct request *r = fake_run(&h, &k, ROLE_OPERATE, "pause --reason night --for 1h");
    cr_assert_not_null(r);
    cr_expect_not(k.finished);
    fake.paused(fake.arg, 1234567);
    expect_end("took        1.2ms\nOK\n");
    cr_expect_str_eq(fake.gate.reasons[0].name, "night");
    cr_expect_str_eq(fake.gate.reasons[0].owner, "ann (pid 4711)");
    cr_expect(fake.gate.reasons[0].deadline_ns > 0);

    fake_run(&h, &k, ROLE_VIEW, "show status");
    expect_end("closed for night (by ann (pid 4711), since ");
    fake_run(&h, &k, ROLE_VIEW, "--json show status");
    expect_end("\"gate\" : { \"closed\" : true, \"since_ms\" : ");

    fake_run(&h, &k, ROLE_OPERATE, "resume");
    expect_end("ERR the gate is not closed for \"operator\" but for: night");
    cr_expect_eq(k.code, SL_ECONFLICT);
    cr_assert_not_null(fake_run(&h, &k, ROLE_OPERATE, "resume --all"));
    fake.resumed(fake.arg);
    expect_end("gate  open\nOK\n");
    fake_run(&h, &k, ROLE_OPERATE, "resume");
    expect_end("ERR the gate is open already");
}

Test(request, resume_ends_only_its_reason)
{
    fake_run(&h, &k, ROLE_OPERATE, "pause");
    fake.paused(fake.arg, 1);
    fake_run(&h, &k, ROLE_OPERATE, "pause --reason other");
    fake.paused(fake.arg, 1);
    fake_run(&h, &k, ROLE_OPERATE, "resume");
    fake.resumed(fake.arg);
    expect_end("still closed for: other\nOK\n");
    cr_expect_eq(fake.gate.count, 1u);
}

// The callback comes after the client has left: nothing is sent, nothing leaks, the pause stays.
Test(request, client_leaves_during_pause)
{
    struct request *r = fake_run(&h, &k, ROLE_OPERATE, "pause");
    request_leave(r);
    cr_expect_not_null(list_first(&h.home.requests));
    fake.paused(fake.arg, 1);
    cr_expect_null(list_first(&h.home.requests));
    cr_expect_not(k.finished);
    cr_expect(gate_is_closed(&fake.gate));
}

Test(request, deadline_passes_before_the_workers_answer)
{
    cr_assert_not_null(fake_run(&h, &k, ROLE_OPERATE, "pause --timeout 10ms"));
    k.stop = h.context.loop;
    loop_run(h.context.loop);
    cr_expect_eq(k.code, SL_ETIMEOUT);
    expect_end("ERR not every worker has acknowledged in time; the gate stays closed");
    cr_expect_not_null(list_first(&h.home.requests));
    fake.paused(fake.arg, 1); // too late, and harmless
    cr_expect_null(list_first(&h.home.requests));
}

Test(request, drain_reports)
{
    static const struct drain_counts COUNTS = {
        .sessions = 5, .settled = 2, .aborted = 1, .killed = 1, .left = 1};
    fake_run(&h, &k, ROLE_OPERATE, "drain");
    expect_end("ERR the gate is open");
    fake_run(&h, &k, ROLE_OPERATE, "pause");
    fake.paused(fake.arg, 1);
    cr_assert_not_null(fake_run(&h, &k, ROLE_OPERATE, "drain --wait 2s --then kill"));
    cr_expect_eq(fake.drain_wait, 2 * NS_PER_S);
    cr_expect_eq(fake.drain_then, (int)DRAIN_KILL);
    cr_expect_eq(fake.drain_timeout, 32 * NS_PER_S);
    fake.drain_moves(fake.arg, &COUNTS);
    cr_expect(strncmp(buf_text(&k.lines), "* sessions 5, ", 14) == 0, "%s", buf_text(&k.lines));
    struct drain_row row = {.what = DRAINED_LEFT, .session = {.id = 9, .user = "bob"}};
    fake.drained(fake.arg, &COUNTS, &row, 1);
    expect_end("ERR 1 sessions are still open\n");
    expect_end("still open                 1\n");
    expect_end("bob");
}

Test(request, drain_defaults_are_the_configuration)
{
    static const struct drain_counts NONE = {0};
    fake_run(&h, &k, ROLE_OPERATE, "pause");
    fake.paused(fake.arg, 1);
    fake_run(&h, &k, ROLE_OPERATE, "--json drain");
    cr_expect_eq(fake.drain_wait, -1);
    cr_expect_eq(fake.drain_then, -1);
    fake.drain_moves(fake.arg, &NONE);
    cr_expect(strncmp(buf_text(&k.lines), PROTOCOL_JSON_PROGRESS, 10) == 0);
    fake.drained(fake.arg, &NONE, NULL, 0);
    expect_end(PROTOCOL_JSON_OK);
}

Test(request, client_leaves_during_drain)
{
    fake_run(&h, &k, ROLE_OPERATE, "pause");
    fake.paused(fake.arg, 1);
    struct request *r = fake_run(&h, &k, ROLE_OPERATE, "drain");
    request_leave(r);
    cr_expect_eq(fake.cancels, 1u);
    cr_expect_null(list_first(&h.home.requests));
}

Test(request, sessions)
{
    const struct session_row rows[] = {
        {.id = 3,
         .thread_id = 17,
         .client = "10.0.0.1:4000",
         .user = "bob",
         .database = "shop",
         .backend = "milan",
         .state = SESSION_BUSY,
         .age_ns = 5 * NS_PER_S,
         .obstacles = OBSTACLE_BIT(in_transaction) | OBSTACLE_BIT(user_lock)},
        {.id = 4,
         .client = "10.0.0.1:4001",
         .user = "bob",
         .state = SESSION_IDLE,
         .age_ns = 9 * NS_PER_S,
         .obstacles = OBSTACLE_BIT(user_lock)},
        {.id = 5, .client = "unix", .user = "eve", .state = SESSION_IDLE}};
    cr_assert_not_null(fake_run(&h, &k, ROLE_VIEW,
                                "--json show sessions --state busy --user 'b*' --host 10.0.0.0/8"));
    cr_expect_eq(fake.filter.state, (int)SESSION_BUSY);
    cr_expect_eq(fake.filter.obstacle, -1);
    cr_expect_str_eq(fake.filter.user, "b*");
    cr_expect_str_eq(fake.filter.host, "10.0.0.0/8");
    fake.looked(fake.arg, rows, 1, 1);
    expect_end("\"obstacles\" : [ \"in_transaction\", \"user_lock\" ]");
    expect_end("\"waits_for\" : \"its unit of work to end\"");

    cr_assert_not_null(fake_run(&h, &k, ROLE_VIEW, "--json show obstacles"));
    fake.looked(fake.arg, rows, 3, 3);
    expect_end("\"total\" : 3, \"safe\" : 2, \"movable\" : 1");
    expect_end("\"obstacle\" : \"user_lock\", \"kind\" : \"does not move\", \"sessions\" : 2, "
               "\"user\" : \"bob\", \"host\" : \"10.0.0.1\", \"oldest_id\" : 4");
    cr_expect_eq(fake.confirms, 1);
    cr_expect_null(strstr(buf_text(&k.end), "not confirmed"));
    text_copy(fake.unconfirmed, sizeof fake.unconfirmed, "milan: no plugin");
    cr_assert_not_null(fake_run(&h, &k, ROLE_VIEW, "show obstacles --user bob"));
    cr_expect_str_eq(fake.filter.user, "bob");
    fake.looked(fake.arg, rows, 3, 3);
    expect_end("not confirmed: milan: no plugin");
    fake.unconfirmed[0] = '\0';
}

Test(request, a_transaction_is_no_reason_to_stay)
{
    const struct session_row rows[] = {
        {.id = 1, .state = SESSION_BUSY, .obstacles = OBSTACLE_BIT(in_transaction)},
        {.id = 2, .state = SESSION_LOGIN},
        {.id = 3, .state = SESSION_HELD, .obstacles = OBSTACLE_BIT(temporary_table)}};
    cr_assert_not_null(fake_run(&h, &k, ROLE_VIEW, "--json show obstacles"));
    fake.looked(fake.arg, rows, 3, 3);
    expect_end("\"total\" : 3, \"safe\" : 1, \"movable\" : 1");
}

Test(request, accounts)
{
    const struct account_row rows[] = {{"app", "mysql_native_password", "hash", true, 3},
                                       {"eve", "client_ed25519", "unknown", false, 2}};
    fake.accounts = rows;
    fake.account_count = 2;
    h.context.accounts = (struct accounts_status){
        .learning = true, .problem = "SELECT command denied", .read_wall_us = 1};
    fake_run(&h, &k, ROLE_VIEW, "--json show accounts");
    expect_end("{ \"user\" : \"app\", \"plugin\" : \"mysql_native_password\", \"how\" : \"hash\", "
               "\"movable\" : true, \"sessions\" : 3 }");
    expect_end("\"reader\" : { \"ok\" : false, \"accounts\" : null, ");
    expect_end("\"problem\" : \"SELECT command denied\"");
    fake_run(&h, &k, ROLE_VIEW, "show accounts");
    expect_end("cannot be read: SELECT command denied");
    expect_end("2 sessions cannot move");
    fake_run(&h, &k, ROLE_VIEW, "show accounts --user 'a*'");
    cr_expect_null(strstr(buf_text(&k.end), "eve"));
    h.context.accounts.learning = false;
    fake_run(&h, &k, ROLE_VIEW, "show accounts");
    expect_end("auth.learn is off");
}

Test(request, warm)
{
    struct warm_counts c = {.sessions = 5, .ready = 2, .opening = 2, .unable = 1};
    fake_run(&h, &k, ROLE_VIEW, "warm aws");
    expect_end("ERR warm needs the role operate");
    fake_run(&h, &k, ROLE_OPERATE, "warm");
    expect_end("ERR usage: warm needs BACKEND or --off");
    fake_run(&h, &k, ROLE_OPERATE, "warm aws --off");
    expect_end("ERR usage: --off goes with no backend");
    fake_run(&h, &k, ROLE_OPERATE, "warm milan");
    expect_end("ERR it is the active one");
    cr_assert_not_null(fake_run(&h, &k, ROLE_OPERATE, "warm aws --timeout 2s"));
    cr_expect_eq(fake.warm_timeout, 2 * NS_PER_S);
    fake.warm_moves(fake.arg, &c);
    cr_expect_not_null(strstr(buf_text(&k.lines), "ready 2, opening 2, failed 0, cannot move 1"));
    c.opening = 0;
    c.ready = 4;
    fake.warmed(fake.arg, &c);
    expect_end("ready        4");
    fake_run(&h, &k, ROLE_VIEW, "--json show status");
    expect_end("\"warm\" : \"aws\"");
    fake_run(&h, &k, ROLE_OPERATE, "warm --off");
    expect_end("was warm  aws");
    fake_run(&h, &k, ROLE_VIEW, "--json show status");
    expect_end("\"warm\" : null");
}

Test(request, warm_that_is_not_ready_in_time_goes_on)
{
    const struct warm_counts c = {.sessions = 5, .ready = 2, .opening = 3};
    cr_assert_not_null(fake_run(&h, &k, ROLE_OPERATE, "warm aws"));
    fake.warmed(fake.arg, &c);
    expect_end("ERR 3 links are still being opened; it goes on");
    struct request *r = fake_run(&h, &k, ROLE_OPERATE, "warm aws");
    request_leave(r);
    cr_expect_eq(fake.warm_cancels, 1u);
}

Test(request, kill_needs_a_condition)
{
    fake_run(&h, &k, ROLE_OPERATE, "kill");
    expect_end("ERR usage: kill whom?");
    fake_run(&h, &k, ROLE_OPERATE, "kill --all 5");
    expect_end("ERR usage: --all goes with nothing else");
    cr_expect_eq(fake.kills, 0u);
    cr_assert_not_null(fake_run(&h, &k, ROLE_OPERATE, "kill 5 6 --reason nap"));
    cr_expect_eq(fake.filter.id_count, 2u);
    cr_expect_eq(fake.ids[1], 6u);
    cr_expect_str_eq(fake.why, "nap");
    fake.killed(fake.arg, 1);
    expect_end("ERR killed 1 of 2");
    cr_assert_not_null(fake_run(&h, &k, ROLE_OPERATE, "kill --older 1h"));
    fake.killed(fake.arg, 0);
    cr_expect_eq(k.code, SL_OK);
}

Test(request, repoint)
{
    fake_run(&h, &k, ROLE_OPERATE, "repoint aws");
    expect_end("ERR the gate is open");
    fake_run(&h, &k, ROLE_OPERATE, "--json repoint aws");
    expect_end("\"kind\" : \"refused\"");
    fake_run(&h, &k, ROLE_OPERATE, "repoint nowhere --force");
    expect_end("ERR there is no backend nowhere");
    fake_run(&h, &k, ROLE_OPERATE, "repoint aws --force");
    expect_end("active  aws\nOK\n");
}

Test(request, reload_failure_is_not_usage)
{
    fake_run(&h, &k, ROLE_ADMIN, "reload");
    expect_end("ERR f.yaml:1:1 listen: nothing there\n");
    cr_expect_eq(fake.reloads, 1u);
}

Test(request, shutdown_answers_first)
{
    fake_run(&h, &k, ROLE_ADMIN, "shutdown");
    expect_end("OK\n");
    cr_expect_eq(fake.shutdowns, 1u);
}

Test(request, events)
{
    struct request *r = fake_run(&h, &k, ROLE_VIEW, "events");
    cr_assert_not_null(r);
    const struct log_field fields[] = {LOG_STR("backend", "aws"), LOG_STR("why", "a b"),
                                       LOG_MS("took_ms", 5 * NS_PER_MS)};
    events_publish(&h.events, "repointed", fields, 3);
    const char *line = buf_text(&k.lines);
    cr_expect(strstr(line, " repointed backend=aws why=\"a b\" took_ms=5ms\n") != NULL, "%s", line);
    // A reader that is behind misses events, and is told how many.
    k.backlog = (size_t)2 << 20;
    events_publish(&h.events, "lost", NULL, 0);
    events_publish(&h.events, "lost", NULL, 0);
    k.backlog = 0;
    events_publish(&h.events, "kept", NULL, 0);
    line = buf_text(&k.lines);
    cr_expect(strstr(line, "lost") == NULL && strstr(line, "* events left out 2\n") != NULL, "%s",
              line);
    request_leave(r);
    cr_expect_null(list_first(&h.home.requests));
    cr_expect_null(list_first(&h.events.subscribers));
}

Test(request, events_until_the_timeout)
{
    cr_assert_not_null(fake_run(&h, &k, ROLE_VIEW, "events --timeout 5ms"));
    k.stop = h.context.loop;
    loop_run(h.context.loop);
    cr_expect_eq(k.code, SL_OK);
    cr_expect_null(list_first(&h.home.requests));
}

static const struct {
    const char *line, *offers;
} COMPLETIONS[] = {
    {"help --complete -- sho", "show\nOK\n"},
    {"help --complete -- show sess", "sessions\nOK\n"},
    {"help --complete -- pause --f", "--for\nOK\n"},
    {"help --complete -- drain --then \"\"", "abort\nkill\nwait\nOK\n"},
    {"help --complete -- repoint \"\"", "milan\naws\nOK\n"},
    {"help --complete -- log level d", "debug\nOK\n"},
    {"help --complete -- bogus \"\"", "OK\n"},
    {"help --complete -- show sessions --state held --ob", "--obstacle\nOK\n"},
};

Test(request, completion)
{
    for (size_t i = 0; i < sizeof COMPLETIONS / sizeof COMPLETIONS[0]; i++) {
        fake_run(&h, &k, ROLE_VIEW, COMPLETIONS[i].line);
        cr_expect_str_eq(buf_text(&k.end), COMPLETIONS[i].offers, "%s", COMPLETIONS[i].line);
    }
}

// Whoever changes something leaves a line, also when it was refused; whoever looks does not.
Test(request, audit)
{
    char log[2048];
    int fds[2];
    cr_assert_eq(pipe(fds), 0);
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    log_set_fd(fds[1]);
    fake_run(&h, &k, ROLE_VIEW, "show status");
    fake_run(&h, &k, ROLE_OPERATE, "repoint nowhere --force");
    fake_run(&h, &k, ROLE_VIEW, "shutdown");
    log_set_fd(2);
    close(fds[1]);
    ssize_t n = read(fds[0], log, sizeof log - 1);
    close(fds[0]);
    cr_assert(n > 0);
    log[n] = '\0';
    cr_expect(strstr(log, "show status") == NULL);
    cr_expect(strstr(log, "command=\"repoint nowhere --force\" user=ann uid=0 pid=4711 "
                          "role=operate result=unknown") != NULL,
              "%s", log);
    cr_expect(strstr(log, "command=shutdown user=ann uid=0 pid=4711 role=view result=denied") !=
                  NULL,
              "%s", log);
}
