// Log lines, byte by byte behind the time stamp, read back from a pipe.
#include "base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

static int pipe_fds[2];

static void set_up(void)
{
    cr_assert_eq(pipe2(pipe_fds, O_NONBLOCK | O_CLOEXEC), 0);
    cr_assert_gt(fcntl(pipe_fds[1], F_SETPIPE_SZ, 1 << 20), 0);
    log_set_fd(pipe_fds[1]);
}

TestSuite(log, .init = set_up);

// All that was written since the last call, terminated.
static const char *output(void)
{
    static char text[1 << 20];
    size_t n = 0;
    ssize_t got;
    while ((got = read(pipe_fds[0], text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    return text;
}

// The same without the time, whose length is fixed.
static const char *behind_time(enum log_format format)
{
    const char *line = output();
    const char *start = format == LOG_FORMAT_JSON ? "{\"ts\":\"" : "ts=";
    cr_assert_eq(strncmp(line, start, strlen(start)), 0, "%s", line);
    return line + strlen(start) + strlen("2026-11-22T02:13:05.123456Z");
}

Test(log, logfmt_kinds)
{
    LOG_WARN("login_failed", LOG_U64("session", UINT64_MAX), LOG_STR("user", "a b"),
             LOG_INT("errno", -7), LOG_BOOL("tls", true), LOG_BOOL("moved", false),
             LOG_MS("waited", 1234567), LOG_MS("early", -1500), LOG_STR("none", NULL));
    cr_expect_str_eq(behind_time(LOG_FORMAT_LOGFMT),
                     " level=warn event=login_failed session=18446744073709551615 user=\"a b\""
                     " errno=-7 tls=true moved=false waited=1.234 early=-0.001 none=\"\"\n");
}

Test(log, json_kinds)
{
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    LOG_INFO("started", LOG_U64("n", 1), LOG_STR("s", "x"), LOG_BOOL("b", true), LOG_MS("t", 0),
             LOG_STR("none", NULL));
    cr_expect_str_eq(behind_time(LOG_FORMAT_JSON),
                     "\",\"level\":\"info\",\"event\":\"started\",\"n\":1,\"s\":\"x\",\"b\":true,"
                     "\"t\":0.000,\"none\":\"\"}\n");
}

Test(log, a_line_without_fields)
{
    LOG_ERROR("stopped");
    cr_expect_str_eq(behind_time(LOG_FORMAT_LOGFMT), " level=error event=stopped\n");
}

Test(log, escapes)
{
    static const struct {
        const char *value, *logfmt, *json;
    } rows[] = {
        {"plain/word-1.5", "plain/word-1.5", "\"plain/word-1.5\""},
        {"", "\"\"", "\"\""},
        {"a=b", "\"a=b\"", "\"a=b\""},
        {"say \"hi\"", "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\""},
        {"back\\slash", "\"back\\\\slash\"", "\"back\\\\slash\""},
        {"a\nb\r\tc", "\"a\\nb\\r\\tc\"", "\"a\\nb\\r\\tc\""},
        {"\x1B[31m", "\"\\x1b[31m\"", "\"\\u001b[31m\""},
        {"\x7F", "\"\\x7f\"", "\"\\u007f\""},
        {"gr\xC3\xBC\xC3\x9F", "\"gr\xC3\xBC\xC3\x9F\"", "\"gr\xC3\xBC\xC3\x9F\""},
        {"\xC2\x9B", "\"\\u009b\"", "\"\\u009b\""},
        {"\xFF\xC3", "\"\\xff\\xc3\"", "\"\\ufffd\\ufffd\""},
        {"\xED\xA0\x80", "\"\\xed\\xa0\\x80\"", "\"\\ufffd\\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int json = 0; json < 2; json++) {
            char expected[128];
            log_configure(LOG_LEVEL_INFO, json ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT);
            snprintf(expected, sizeof expected, json ? "\"v\":%s}\n" : " v=%s\n",
                     json ? rows[i].json : rows[i].logfmt);
            log_emit(NULL, LOG_LEVEL_INFO, "e", &LOG_STR("v", rows[i].value), 1);
            const char *line = output();
            cr_assert_geq(strlen(line), strlen(expected), "%s", line);
            cr_expect_str_eq(line + strlen(line) - strlen(expected), expected, "row %zu", i);
        }
    }
}

Test(log, long_values_are_cut_between_characters)
{
    for (size_t shift = 0; shift < 3; shift++) {
        char value[LOG_VALUE_MAX * 2] = "aa";
        for (size_t i = shift; i + 3 < sizeof value; i += 3)
            memcpy(value + i, "\xE2\x82\xAC", 4);
        log_emit(NULL, LOG_LEVEL_INFO, "e", &LOG_STR("v", value), 1);
        const char *line = output();
        size_t n = strlen(line);
        cr_expect_str_eq(line + n - 8, "\xE2\x82\xAC...\"\n", "shift %zu", shift);
        cr_expect_null(strstr(line, "\\x"), "shift %zu", shift);
    }
}

Test(log, a_line_that_is_too_long_loses_whole_fields)
{
    char value[LOG_VALUE_MAX + 1];
    memset(value, 1, LOG_VALUE_MAX); // six bytes each in JSON
    value[LOG_VALUE_MAX] = '\0';
    struct log_field fields[4] = {LOG_STR("a", value), LOG_STR("b", value), LOG_INT("c", 3),
                                  LOG_STR("d", value)};
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_emit(NULL, LOG_LEVEL_INFO, "e", fields, 4);
    const char *line = output();
    const char end[] = "\\u0001\",\"c\":3,\"cut\":true}\n";
    cr_expect_lt(strlen(line), LOG_LINE_MAX);
    cr_expect_str_eq(line + strlen(line) - strlen(end), end);
    cr_expect_null(strstr(line, "\"b\":"));
}

static int calls;

static int counted(void)
{
    return ++calls;
}

Test(log, levels)
{
    for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
        enum log_level level;
        cr_assert_eq(log_parse_level(log_level_name((enum log_level)i), &level), SL_OK);
        cr_expect_eq((int)level, i);
        log_set_level(level);
        cr_expect_eq(log_get_level(), level);
        for (int k = 0; k < LOG_LEVEL_COUNT; k++)
            cr_expect_eq(log_enabled((enum log_level)k), k <= i);
    }
    enum log_level level;
    cr_expect_eq(log_parse_level("WARN", &level), SL_EINVAL);
    cr_expect_eq(log_parse_level(NULL, &level), SL_EINVAL);
    log_set_level(LOG_LEVEL_INFO);
    LOG_DEBUG("hidden", LOG_INT("n", counted()));
    cr_expect_str_eq(output(), "");
    cr_expect_eq(calls, 0, "fields of a hidden line are not evaluated");
}

Test(log, errno_survives)
{
    log_set_fd(-1);
    errno = EDOM;
    LOG_INFO("lost");
    cr_expect_eq(errno, EDOM);
}

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

Test(log, a_busy_site_is_limited)
{
    int64_t first = clock_now_ns() / NS_PER_S;
    for (int i = 0; i < 500; i++)
        LOG_INFO("busy", LOG_INT("i", i));
    size_t seconds = (size_t)(clock_now_ns() / NS_PER_S - first + 1);
    size_t lines = count_lines(output());
    cr_expect(lines >= LOG_BURST && lines <= LOG_BURST * seconds, "%zu lines", lines);
}

Test(log, the_next_line_says_how_many_were_left_out)
{
    static const struct {
        uint32_t count;
        const char *end;
    } rows[] = {
        {0, " event=e\n"},
        {LOG_BURST, " event=e\n"},
        {LOG_BURST + 1, " suppressed=1\n"},
        {LOG_BURST + 480, " suppressed=480\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct log_site site = {.second = 1, .count = rows[i].count};
        log_emit(&site, LOG_LEVEL_INFO, "e", NULL, 0);
        const char *line = output();
        cr_assert_geq(strlen(line), strlen(rows[i].end));
        cr_expect_str_eq(line + strlen(line) - strlen(rows[i].end), rows[i].end);
        cr_expect_eq(site.count, 1);
    }
}

static void *write_lines(void *arg)
{
    for (int i = 0; i < 200; i++)
        log_emit(NULL, LOG_LEVEL_INFO, "thread", &LOG_STR("who", arg), 1);
    return NULL;
}

Test(log, lines_of_threads_do_not_mix)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, write_lines, "0123456789012345678"), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    char *line = (char *)output();
    size_t n = 0;
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1, n++) {
        *end = '\0';
        cr_assert(text_match("ts=* level=info event=thread who=0123456789012345678", line), "%s",
                  line);
        cr_assert_null(strstr(line + 3, "ts="), "%s", line);
    }
    cr_expect_eq(n, 800);
}
