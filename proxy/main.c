// The sluice daemon: arguments, process limits, and nothing else.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "admin/server.h"
#include "base/log.h"
#include "config/inspect.h"
#include "config/load.h"
#include "cutover/failpoint.h"
#include "sluice.h"

static const char USAGE[] =
    "usage: sluice -c FILE            run in the foreground, log to standard error\n"
    "       sluice -c FILE --check    check the configuration and the files it names\n"
    "       sluice --version\n"
    "       sluice --help\n"
    "\n"
    "Signals: TERM and INT end it after shutdown_grace, HUP reloads the configuration.\n"
    "An operator talks to it with sluicectl. See sluice(8).\n";

enum { OPTION_CHECK = 256, OPTION_VERSION, OPTION_HELP, OPTION_DOCS, OPTION_FAILPOINTS };

static const struct option OPTIONS[] = {
    {"config", required_argument, NULL, 'c'},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {"generate-docs", required_argument, NULL, OPTION_DOCS}, // for `make generate`
#ifdef SLUICE_FAILPOINTS
    {"list-failpoints", no_argument, NULL, OPTION_FAILPOINTS}, // for crash tests
#endif
    {NULL, 0, NULL, 0},
};

static int check(const char *path)
{
    struct config_errors errors = {0};
    const struct config *c = config_load_all(path, &errors);
    for (size_t i = 0; c != NULL && config_warning(c, i) != NULL; i++)
        fprintf(stderr, "warning: %s\n", config_warning(c, i));
    bool good = c != NULL && config_check_files(c, &errors) == SL_OK;
    for (size_t i = 0; i < errors.count; i++)
        fprintf(stderr, "%s\n", errors.items[i].text);
    if (errors.more > 0)
        fprintf(stderr, "... and %zu more\n", errors.more);
    if (good)
        printf("%s: good\n", path);
    config_errors_release(&errors);
    config_unref(c);
    return good ? 0 : 1;
}

static int generate_docs(const char *what)
{
    if (strcmp(what, "options") == 0) {
        config_generate_docs(stdout);
        return 0;
    }
    if (admin_generate_docs(what, stdout) == SL_OK)
        return 0;
    fprintf(stderr, "sluice: no such table: %s\n", what);
    return 2;
}

// Every session takes two descriptors: as many as the system lets us have.
static void raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0)
            LOG_WARN("limit", LOG_STR("what", "RLIMIT_NOFILE"), LOG_INT("errno", errno));
    }
    // Passwords pass through this process: no core files.
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
}

static int run(const char *path)
{
    struct sl_error err = {0};
    struct sluice *s = NULL;
    signal(SIGPIPE, SIG_IGN);
    raise_limits();
    enum sl_code code = SL_OK;
#ifdef SLUICE_FAILPOINTS
    code = failpoint_set(getenv("SLUICE_FAILPOINT"), &err);
#endif
    if (code == SL_OK)
        code = sluice_new(path, &s, &err);
    if (code != SL_OK) {
        fprintf(stderr, "sluice: %s\n", err.text);
        return 1;
    }
    sluice_run(s);
    sluice_free(s);
    return 0;
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    bool only_check = false;
    int option;
    while ((option = getopt_long(argc, argv, "c:h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'c': path = optarg; break;
        case OPTION_CHECK: only_check = true; break;
        case OPTION_VERSION: printf("sluice %s\n", SLUICE_VERSION); return 0;
        case OPTION_DOCS: return generate_docs(optarg);
#ifdef SLUICE_FAILPOINTS
        case OPTION_FAILPOINTS: failpoint_list(stdout); return 0;
#endif
        case 'h':
        case OPTION_HELP: fputs(USAGE, stdout); return 0;
        default: fputs(USAGE, stderr); return 2;
        }
    }
    if (path == NULL || optind != argc) {
        fputs(USAGE, stderr);
        return 2;
    }
    return only_check ? check(path) : run(path);
}
