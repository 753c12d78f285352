// The socket and HTTP with real clients; the loop runs in a thread of its own.
#include <criterion/criterion.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/server.h"
#include "base/text.h"
#include "config/load.h"
#include "fake_traffic.h"

static struct fake_home h;
static struct admin *admin;
static pthread_t thread;
static char folder[64], path[96];
static int http_port;

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(bind(fd, (struct sockaddr *)&a, n) == 0 &&
              getsockname(fd, (struct sockaddr *)&a, &n) == 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void *run(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void start(const char *more)
{
    char yaml[512];
    struct sl_error err;
    fake_home_init(&h);
    text_copy(folder, sizeof folder, "/tmp/sluice-admin-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.sock", folder);
    http_port = free_port();
    int n = snprintf(yaml, sizeof yaml,
                     "listen: ['127.0.0.1:3306']\nbackends: {milan: {address: '127.0.0.1:1'}}\n"
                     "active: milan\nadmin: {socket: %s, mode: '0640', http: '127.0.0.1:%d'%s}\n",
                     path, http_port, more);
    config_unref(h.context.config);
    h.context.config = config_load_text("f.yaml", yaml, (size_t)n, &err);
    cr_assert_not_null(h.context.config, "%s", err.text);
    cr_assert_eq(admin_new(&h.context, &admin, &err), SL_OK, "%s", err.text);
    cr_assert_eq(pthread_create(&thread, NULL, run, h.context.loop), 0);
}

static void end(void)
{
    loop_stop(h.context.loop);
    pthread_join(thread, NULL);
    admin_free(admin);
    fake_home_release(&h);
    cr_expect_neq(access(path, F_OK), 0, "the socket is removed");
    rmdir(folder);
}

TestSuite(server, .fini = end, .timeout = 60);

static int connected(int fd, const void *to, socklen_t n)
{
    const struct timeval limit = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    cr_assert_eq(connect(fd, to, n), 0);
    return fd;
}

static int client(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    text_copy(to.sun_path, sizeof to.sun_path, path);
    return connected(socket(AF_UNIX, SOCK_STREAM, 0), &to, sizeof to);
}

static void send_text(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

// Reads until the last bytes that came are `end`; how many there were.
static size_t receive_length(int fd, const char *end)
{
    char piece[32 << 10];
    char last[8] = "";
    size_t n = 0, keep = strlen(end);
    ssize_t got;
    while ((got = recv(fd, piece, sizeof piece, 0)) > 0) {
        n += (size_t)got;
        if ((size_t)got < keep)
            continue;
        memcpy(last, piece + got - keep, keep);
        if (strcmp(last, end) == 0)
            break;
    }
    return n;
}

// Reads to the end, or until `until` has come.
static const char *receive(int fd, const char *until)
{
    static char text[1 << 20];
    size_t n = 0;
    ssize_t got;
    text[0] = '\0';
    while (strstr(text, until) == NULL && (got = recv(fd, text + n, sizeof text - n - 1, 0)) > 0) {
        n += (size_t)got;
        text[n] = '\0';
    }
    return text;
}

#define TO_THE_END "\x01"

Test(server, answers_and_stays)
{
    start("");
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0640u);
    int fd = client();
    send_text(fd, "show version\r\n");
    cr_expect(strstr(receive(fd, "OK\n"), "1.2.3") != NULL);
    send_text(fd, "\nbogus\n");
    cr_expect_eq(strncmp(receive(fd, "\n"), "ERR usage: unknown", 18), 0);
    send_text(fd, "show ver");
    send_text(fd, "sion --json\n");
    cr_expect_eq(strncmp(receive(fd, "\n"), "{ \"ok\" : true", 13), 0);
    close(fd);
}

Test(server, client_that_ends_its_side_gets_its_answers)
{
    start("");
    int fd = client();
    for (int i = 0; i < 500; i++)
        send_text(fd, "log level\n");
    send_text(fd, "show version"); // the last line without its end
    shutdown(fd, SHUT_WR);
    const char *text = receive(fd, TO_THE_END);
    unsigned errors = 0, good = 0;
    for (const char *p = text; (p = strstr(p, "ERR usage")) != NULL; p++)
        errors++;
    for (const char *p = text; (p = strstr(p, "\nOK\n")) != NULL; p++)
        good++;
    cr_expect_eq(errors, 500u);
    cr_expect_eq(good, 1u);
    close(fd);
}

Test(server, line_without_end)
{
    start("");
    int fd = client();
    static char line[PROTOCOL_LINE_MAX + 100];
    memset(line, 'x', sizeof line - 1);
    send_text(fd, line);
    cr_expect_str_eq(receive(fd, TO_THE_END), "ERR usage: the line is too long\n");
    close(fd);
}

Test(server, nul_in_a_line)
{
    start("");
    int fd = client();
    cr_assert_eq(send(fd, "show\0version\n", 13, 0), 13);
    cr_expect_eq(strncmp(receive(fd, "\n"), "ERR usage: byte 5", 17), 0);
    close(fd);
}

Test(server, clients_that_never_read_hold_nobody_up)
{
    start("");
    int stuck = client(), fd = client();
    for (int i = 0; i < 2000; i++)
        if (send(stuck, "help\n", 5, MSG_NOSIGNAL | MSG_DONTWAIT) != 5)
            break;
    send_text(fd, "show version\n");
    cr_expect(strstr(receive(fd, "OK\n"), "1.2.3") != NULL);
    close(fd);
    close(stuck);
}

Test(server, too_many_clients)
{
    start("");
    int fds[65];
    for (int i = 0; i < 65; i++)
        fds[i] = client();
    cr_expect_str_eq(receive(fds[64], TO_THE_END), "ERR too many clients of the admin socket\n");
    for (int i = 0; i < 65; i++)
        close(fds[i]);
}

// `echo pause | socat - UNIX:...`: a client that has ended its sending side still waits.
Test(server, half_closed_client_gets_the_answer_of_what_waits)
{
    start("");
    int fd = client(), other = client();
    send_text(fd, "events --timeout 300ms\nshow version\n");
    shutdown(fd, SHUT_WR);
    send_text(other, "repoint aws --force\n");
    receive(other, "OK\n");
    const char *text = receive(fd, TO_THE_END);
    cr_expect(strstr(text, "repointed") != NULL && strstr(text, "1.2.3") != NULL, "%s", text);
    close(fd);
    close(other);
}

// The same, and it leaves: found out by the next line that is written to it.
Test(server, half_closed_client_leaves)
{
    start("");
    int fd = client(), other = client();
    send_text(fd, "events\n");
    shutdown(fd, SHUT_WR);
    close(fd);
    for (int i = 0; i < 3; i++) {
        send_text(other, "repoint aws --force\n");
        receive(other, "OK\n");
    }
    close(other);
}

// More than a connection keeps for a peer that is slow: the answer waits with us and comes whole.
Test(server, large_answers)
{
    static struct session_row rows[12000];
    start("");
    for (unsigned i = 0; i < 12000; i++) {
        rows[i].id = i;
        text_copy(rows[i].user, sizeof rows[i].user, "somebody");
        text_copy(rows[i].database, sizeof rows[i].database, "a_database_with_a_long_name");
        rows[i].obstacles = 0xFF;
    }
    fake.rows = rows;
    fake.row_count = 12000;
    fake.loop = h.context.loop;
    int fd = client();
    send_text(fd, "--json show sessions\n");
    cr_expect_gt(receive_length(fd, "] }\n"), (size_t)4 << 20);
    send_text(fd, "show sessions\n");
    cr_expect_gt(receive_length(fd, "\nOK\n"), (size_t)1 << 20);
    send_text(fd, "show sessions\n");
    close(fd); // leaves without reading
    fd = client();
    send_text(fd, "show version\n");
    cr_expect(strstr(receive(fd, "OK\n"), "1.2.3") != NULL);
    close(fd);
}

// The daemon ends while somebody listens.
Test(server, listener_at_the_end)
{
    start("");
    int fd = client();
    send_text(fd, "events\n");
    int other = client(); // its answer says that the line before has been read
    send_text(other, "repoint aws --force\n");
    cr_expect(strstr(receive(fd, "repointed"), "repointed backend=aws forced=yes") != NULL);
    close(other);
    close(fd);
}

static const char *get(const char *request)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)http_port)};
    int fd = connected(socket(AF_INET, SOCK_STREAM, 0), &to, sizeof to);
    send_text(fd, request);
    const char *text = receive(fd, TO_THE_END);
    close(fd);
    return text;
}

#define GET(path, headers) get("GET " path " HTTP/1.0\r\n" headers "\r\n")

Test(server, http)
{
    start("");
    cr_expect(strstr(GET("/status", ""), "{ \"ok\" : true, \"active\" : \"milan\"") != NULL);
    cr_expect(strstr(GET("/metrics", ""), "\nsluice_sessions 0\n") != NULL);
    cr_expect(strstr(GET("/health?x=1", ""), "200 OK") != NULL);
    cr_expect(strstr(GET("/nothing", ""), "404 Not Found") != NULL);
    cr_expect(strstr(get("POST /status HTTP/1.0\r\nContent-Length: 0\r\n\r\n"), "501 ") != NULL);
}

Test(server, http_token)
{
    char file[128], more[160];
    text_copy(file, sizeof file, "/tmp/sluice-token-XXXXXX");
    int fd = mkstemp(file);
    cr_assert(fd >= 0 && write(fd, "secret\n", 7) == 7);
    close(fd);
    snprintf(more, sizeof more, ", http_token_file: %s", file);
    start(more);
    unlink(file);
    cr_expect(strstr(GET("/status", ""), "401 ") != NULL);
    cr_expect(strstr(GET("/status", "Authorization: Bearer secreT\r\n"), "401 ") != NULL);
    cr_expect(strstr(GET("/status", "Authorization: Bearer secret1\r\n"), "401 ") != NULL);
    cr_expect(strstr(GET("/status", "Authorization: Bearer secre\r\n"), "401 ") != NULL);
    cr_expect(strstr(GET("/status", "Authorization: secret\r\n"), "401 ") != NULL);
    cr_expect(strstr(GET("/status", "Authorization: Bearer secret\r\n"), "200 OK") != NULL);
}
