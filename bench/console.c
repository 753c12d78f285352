// The admin socket, blocking.
#include "bench/console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/protocol.h"
#include "base/text.h"

static int connect_to(const struct sockaddr_un *address, int64_t timeout_ms)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
        return fd;
    int errnum = errno;
    close(fd);
    errno = errnum;
    return -1;
}

enum sl_code console_connect(struct console *c, const char *path, int64_t timeout_ms,
                             struct sl_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    c->socket = NULL;
    if (!text_copy(address.sun_path, sizeof address.sun_path, path))
        return sl_fail(err, SL_ETOOBIG, "%s: the path is too long", path);
    int fd = connect_to(&address, timeout_ms);
    if (fd < 0)
        return sl_fail_errno(err, SL_EIO, errno, "%s", path);
    c->socket = fdopen(fd, "r");
    return SL_OK;
}

void console_release(struct console *c)
{
    if (c->socket != NULL)
        fclose(c->socket);
    c->socket = NULL;
}

enum sl_code console_begin(struct console *c, const char *verb, const char *word,
                           struct sl_error *err)
{
    struct buf line;
    buf_init(&line, 0);
    buf_str(&line, verb);
    if (word != NULL) {
        buf_str(&line, " ");
        words_quote(&line, word);
    }
    buf_str(&line, "\n");
    bool sent = send(fileno(c->socket), line.p, line.n, MSG_NOSIGNAL) == (ssize_t)line.n;
    buf_release(&line);
    return sent ? SL_OK : sl_fail_errno(err, SL_EIO, errno, "the admin socket");
}

enum sl_code console_finish(struct console *c, struct sl_error *err)
{
    char *line = NULL;
    size_t size = 0;
    enum sl_code code = SL_EAGAIN;
    while (code == SL_EAGAIN) {
        ssize_t n = getline(&line, &size, c->socket);
        if (n < 0) {
            code = sl_fail(err, SL_EIO, "the admin socket gave no answer");
            break;
        }
        line[strcspn(line, "\n")] = '\0';
        switch (protocol_classify(line, false)) {
        case PROTOCOL_LINE_OK: code = SL_OK; break;
        case PROTOCOL_LINE_ERR:
        case PROTOCOL_LINE_USAGE: code = sl_fail(err, SL_ECONFLICT, "%s", line); break;
        default: break;
        }
    }
    free(line);
    return code;
}

enum sl_code console_do(struct console *c, const char *verb, const char *word, struct sl_error *err)
{
    enum sl_code code = console_begin(c, verb, word, err);
    return code == SL_OK ? console_finish(c, err) : code;
}
