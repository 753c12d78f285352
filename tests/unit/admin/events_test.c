// What is noticed by comparison, rates, and the metrics page.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/metrics.h"
#include "admin/server.h"
#include "base/clock.h"
#include "base/text.h"
#include "fake_traffic.h"

static struct events events;
static struct buf seen;

static void deliver(struct subscriber *s, const struct answer *event)
{
    (void)s;
    struct buf line = {0};
    event_print(event, &line);
    const char *text = strchr(buf_text(&line), ' '); // without the time
    buf_str(&seen, text + 1);
    buf_u8(&seen, '\n');
    buf_release(&line);
}

static struct subscriber listener = {.deliver = deliver};

static void begin(void)
{
    events_init(&events);
    events_subscribe(&events, &listener);
}

static void end(void)
{
    buf_release(&seen);
}

static const char *take(void)
{
    static char text[1024];
    text_copy(text, sizeof text, buf_text(&seen));
    buf_release(&seen);
    return text;
}

TestSuite(events, .init = begin, .fini = end);

Test(events, gate)
{
    struct gate g;
    gate_init(&g);
    events_look_at_gate(&events, &g);
    cr_expect_str_eq(take(), "");
    cr_assert_eq(gate_close(&g, "a", "ann", clock_now_ns(), 0, NULL), SL_OK);
    cr_assert_eq(gate_close(&g, "b", "bob", clock_now_ns(), 0, NULL), SL_OK);
    events_look_at_gate(&events, &g);
    cr_expect_str_eq(take(), "gate_closed reason=a owner=ann for_ms=0us\n"
                             "gate_closed reason=b owner=bob for_ms=0us\n");
    events_look_at_gate(&events, &g);
    cr_expect_str_eq(take(), "");
    cr_assert_eq(gate_open(&g, "a", NULL), SL_OK);
    events_look_at_gate(&events, &g);
    cr_expect_eq(strncmp(take(), "gate_opened reason=a open=no ", 29), 0);
    cr_assert_eq(gate_open(&g, NULL, NULL), SL_OK);
    events_look_at_gate(&events, &g);
    cr_expect_eq(strncmp(take(), "gate_opened reason=b open=yes ", 30), 0);
}

Test(events, backends)
{
    struct backend_view v = {.name = "aws", .role = "replica", .version = "11.4", .problem = "no"};
    events_look_at_backends(&events, &v, 1);
    cr_expect_str_eq(take(), ""); // not looked at yet
    v.looked = true;
    events_look_at_backends(&events, &v, 1);
    cr_expect_str_eq(take(), "backend_unreachable backend=aws problem=no\n");
    v.reachable = true;
    events_look_at_backends(&events, &v, 1);
    cr_expect_str_eq(take(), "backend_reachable backend=aws version=11.4\n");
    v.read_only = true;
    events_look_at_backends(&events, &v, 1);
    cr_expect_str_eq(take(), "backend_changed backend=aws role=replica read_only=yes\n");
    events_look_at_backends(&events, &v, 1);
    cr_expect_str_eq(take(), "");
}

Test(rates, per_second)
{
    struct rates r = {0};
    struct traffic_stats s = {0};
    cr_expect_eq(rates_now(&r).commands, 0u);
    for (int i = 0; i < 20; i++) {
        rates_add(&r, &s, i * NS_PER_S);
        s.commands += 100;
        s.errors += i % 2;
    }
    cr_expect_eq(rates_now(&r).commands, 100u);
    cr_expect_eq(rates_now(&r).accepted, 0u);
}

Test(rates, worst_turn_is_remembered)
{
    struct rates r = {0};
    struct traffic_stats s = {.worst_turn_ns = 50};
    rates_fold(&r, &s);
    rates_add(&r, &s, 1);
    s.worst_turn_ns = 7;
    rates_fold(&r, &s);
    cr_expect_eq(s.worst_turn_ns, 50);
    for (int i = 0; i < RATES_SECONDS; i++)
        rates_add(&r, &s, 2 + i);
    s.worst_turn_ns = 7;
    rates_fold(&r, &s);
    cr_expect_eq(s.worst_turn_ns, 7);
}

Test(metrics, rows_are_complete)
{
    unsigned count;
    const struct metric *rows = metrics_table(&count);
    for (unsigned i = 0; i < count; i++) {
        bool counter = strcmp(rows[i].type, "counter") == 0;
        size_t n = strlen(rows[i].name);
        cr_expect(counter || strcmp(rows[i].type, "gauge") == 0, "%s", rows[i].name);
        cr_expect_eq(counter, n > 6 && strcmp(rows[i].name + n - 6, "_total") == 0, "%s",
                     rows[i].name);
        cr_expect(rows[i].help != NULL && rows[i].get != NULL, "%s", rows[i].name);
        for (unsigned m = 0; m < i; m++)
            cr_expect_str_neq(rows[i].name, rows[m].name);
    }
}

Test(metrics, page)
{
    struct fake_home h;
    fake_home_init(&h);
    struct backend_view views[] = {{.name = "milan", .looked = true, .reachable = true},
                                   {.name = "aws", .lag_seconds = -1}};
    h.context.views = views;
    h.context.view_count = 2;
    struct metrics_source s = {.context = &h.context,
                               .stats = {.sessions = 3, .commands = 12345678901},
                               .routes = &fake.routes,
                               .gate = &fake.gate,
                               .now_ns = h.context.started_ns + 90 * NS_PER_S};
    struct buf out = {0};
    metrics_print(&s, &out);
    const char *text = buf_text(&out);
    static const char *const LINES[] = {
        "\nsluice_sessions 3\n",
        "\nsluice_commands_total 12345678901\n",
        "\nsluice_uptime_seconds 90\n",
        "\nsluice_version_info{version=\"1.2.3\"} 1\n",
        "\nsluice_sessions_by_state{state=\"idle\"} 0\n",
        "\nsluice_backend_active{backend=\"milan\"} 1\n",
        "\nsluice_backend_active{backend=\"aws\"} 0\n",
        "\nsluice_backend_reachable{backend=\"milan\"} 1\n",
        "\n# TYPE sluice_gate_closed gauge\n",
    };
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++)
        cr_expect(strstr(text, LINES[i]) != NULL, "%s", LINES[i]);
    // Nobody has looked at it: no value rather than a wrong one.
    cr_expect_null(strstr(text, "sluice_backend_reachable{backend=\"aws\"}"));
    buf_release(&out);
    fake_home_release(&h);
}

static const struct {
    const char *what, *has;
} PAGES[] = {
    {"commands", "| `--then` | abort\\|kill\\|wait |  | what comes after"},
    {"metrics", "| `sluice_commands_total` | counter |"},
    {"states", "| `busy` | its unit of work to end |"},
    {"obstacles", "| `user_lock` | does not move | GET_LOCK() |"},
};

Test(generate, pages)
{
    for (size_t i = 0; i < sizeof PAGES / sizeof PAGES[0]; i++) {
        char *text = NULL;
        size_t n = 0;
        FILE *out = open_memstream(&text, &n);
        cr_expect_eq(admin_generate_docs(PAGES[i].what, out), SL_OK);
        fclose(out);
        cr_expect(strstr(text, PAGES[i].has) != NULL, "%s", text);
        free(text);
    }
    cr_expect_eq(admin_generate_docs("nothing", stdout), SL_ENOTFOUND);
}
