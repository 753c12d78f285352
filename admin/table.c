// THE command table. A new command is a row here and a handler in handlers.h.
#include "admin/command.h"
#include "admin/handlers.h"

#define TIMEOUT(standard)                                                                          \
    {                                                                                              \
        "timeout", ARGUMENT_DURATION, standard, "give up waiting after this long"                  \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, ARGUMENT_FLAG, NULL, NULL                                                            \
    }
#define STATE                                                                                      \
    {                                                                                              \
        "state", ARGUMENT_STATE, NULL, "only sessions in this state"                               \
    }
#define USER                                                                                       \
    {                                                                                              \
        "user", ARGUMENT_PATTERN, NULL, "only sessions of this user; * and ? match any letters"    \
    }
#define HOST                                                                                       \
    {                                                                                              \
        "host", ARGUMENT_HOST, NULL, "only sessions from this address or network"                  \
    }
#define OLDER                                                                                      \
    {                                                                                              \
        "older", ARGUMENT_DURATION, NULL, "only sessions older than this"                          \
    }
#define OBSTACLE                                                                                   \
    {                                                                                              \
        "obstacle", ARGUMENT_OBSTACLE, NULL, "only sessions with this obstacle"                    \
    }

static const struct argument HELP[] = {
    {"complete", ARGUMENT_FLAG, NULL, "candidates for the last word, one a line (for programs)"},
    END};
static const struct argument SESSIONS[] = {
    STATE, USER, HOST, OBSTACLE, OLDER, {"limit", ARGUMENT_COUNT, NULL, "at most so many rows"},
    END};
static const struct argument OBSTACLES_OF[] = {USER, HOST, OLDER, END};
static const struct argument ACCOUNTS[] = {
    {"user", ARGUMENT_PATTERN, NULL, "only this user; * and ? match any letters"}, END};
static const struct argument STATS[] = {
    {"reset", ARGUMENT_FLAG, NULL, "begin the longest times anew"}, END};
static const struct argument PAUSE[] = {
    {"reason", ARGUMENT_REASON, "operator", "the gate is closed until all its reasons have ended"},
    {"for", ARGUMENT_DURATION, NULL, "end this reason by itself after so long"},
    TIMEOUT("10s"),
    END};
static const struct argument RESUME[] = {
    {"reason", ARGUMENT_REASON, "operator", "the reason to end"},
    {"all", ARGUMENT_FLAG, NULL, "end every reason"},
    TIMEOUT("10s"),
    END};
static const struct argument DRAIN[] = {
    {"wait", ARGUMENT_DURATION, NULL, "let units of work go on for so long; default: drain.wait"},
    {"then", ARGUMENT_THEN, NULL, "what comes after the wait; default: drain.then"},
    {"timeout", ARGUMENT_DURATION, NULL, "end the drain after this long; default: wait and 30s"},
    END};
static const struct argument KILL[] = {
    USER,
    HOST,
    OLDER,
    STATE,
    {"all", ARGUMENT_FLAG, NULL, "every session"},
    {"reason", ARGUMENT_TEXT, NULL, "why, for the clients' error and the log"},
    TIMEOUT("10s"),
    END};
static const struct argument WARM[] = {
    {"off", ARGUMENT_FLAG, NULL, "drop the standby links"}, TIMEOUT("60s"), END};
static const struct argument REPOINT[] = {
    {"force", ARGUMENT_FLAG, NULL, "although the gate is open"}, END};
static const struct argument CHECK[] = {TIMEOUT("60s"), END};
static const struct argument CUTOVER[] = {
    {"dry-run", ARGUMENT_FLAG, NULL, "hold and drain live traffic, then let it go on where it was"},
    {"ask", ARGUMENT_FLAG, NULL,
     "before the release wait for: cutover go, or cutover no-go; cutover.testers are let in first"},
    {"budget", ARGUMENT_DURATION, NULL, "the longest stall; default: cutover.budget"},
    {"accept", ARGUMENT_TEXT, NULL,
     "rows of the check, with commas, whose NO does not hinder; not those that make it impossible"},
    {"watch", ARGUMENT_FLAG, NULL, "wait for the end of the watch as well, and print what it sees"},
    {"timeout", ARGUMENT_DURATION, NULL, "stop waiting for the end after this long; it goes on"},
    END};
#define DRY                                                                                        \
    {                                                                                              \
        "dry-run", ARGUMENT_FLAG, NULL, "only look: what speaks for and against it"                \
    }
static const struct argument MONGO[] = {
    DRY,
    {"timeout", ARGUMENT_DURATION, NULL, "stop waiting for the end after this long; it goes on"},
    END};
static const struct argument MONGO_STATUS[] = {TIMEOUT("60s"), END};
static const struct argument EVENTS[] = {
    {"timeout", ARGUMENT_DURATION, NULL, "end the stream after this long"}, END};

#define NOTHING                                                                                    \
    {                                                                                              \
        ARGUMENT_TEXT, 0, 0                                                                        \
    }
#define LOOKS false, false
#define CHANGES true, false
#define WAITS true, true

// words, positional {kind, least, most}, options, role, mutating, waiting, handler, help, detail
static const struct command ROWS[] = {
    {"help",
     {ARGUMENT_COMMAND, 0, COMMAND_POSITIONALS_MAX},
     HELP,
     ROLE_VIEW,
     LOOKS,
     run_help,
     "this list, or more about one command",
     NULL},
    {"show status", NOTHING, NULL, ROLE_VIEW, LOOKS, run_show_status,
     "active backend, gate and its reasons, sessions by state, rates", NULL},
    {"show sessions", NOTHING, SESSIONS, ROLE_VIEW, LOOKS, run_show_sessions,
     "every session: who, from where, in which state, what it waits for", NULL},
    {"show backends", NOTHING, NULL, ROLE_VIEW, LOOKS, run_show_backends,
     "role, version, position, lag, latency of every server", NULL},
    {"show obstacles", NOTHING, OBSTACLES_OF, ROLE_VIEW, LOOKS, run_show_obstacles,
     "how many sessions could move now, and why the others could not",
     "One row for each obstacle, user and host, with the oldest session that has it."},
    {"show accounts", NOTHING, ACCOUNTS, ROLE_VIEW, LOOKS, run_show_accounts,
     "accounts seen, and whether sluice could log in as them elsewhere",
     "One row for each password of a user. How: the password was seen, its hash was (native "
     "accounts), "
     "the account has none, or the configuration has it."},
    {"show stats", NOTHING, STATS, ROLE_VIEW, LOOKS, run_show_stats,
     "counters since the start, longest times since their reset", NULL},
    {"show config",
     {ARGUMENT_PATTERN, 0, 1},
     NULL,
     ROLE_VIEW,
     LOOKS,
     run_show_config,
     "every key with its value and where it comes from",
     "With a pattern only the keys that match, and those below them; secrets are not shown."},
    {"show version", NOTHING, NULL, ROLE_VIEW, LOOKS, run_show_version, "version and file", NULL},
    {"pause", NOTHING, PAUSE, ROLE_OPERATE, WAITS, run_pause,
     "close the gate; returns when every worker holds",
     "New connections and new units of work wait; transactions go on to their end. The gate stays "
     "closed when the client leaves."},
    {"resume", NOTHING, RESUME, ROLE_OPERATE, WAITS, run_resume,
     "end one reason for which the gate is closed", "The gate opens when no reason is left."},
    {"drain", NOTHING, DRAIN, ROLE_OPERATE, WAITS, run_drain,
     "bring all sessions to a safe point: wait, then abort or kill",
     "The gate must be closed. Ends early when the client leaves; the gate stays closed then."},
    {"kill",
     {ARGUMENT_SESSION, 0, COMMAND_POSITIONALS_MAX},
     KILL,
     ROLE_OPERATE,
     WAITS,
     run_kill,
     "end sessions now, by number or by what they have in common",
     "All conditions that are given must hold. Clients get error 1053."},
    {"warm",
     {ARGUMENT_BACKEND, 0, 1},
     WARM,
     ROLE_OPERATE,
     WAITS,
     run_warm,
     "open standby links, so that sessions move to that backend without logging in",
     "Returns when no link is being opened any more. They are kept, and new sessions get one, "
     "until "
     "warm --off, another target, or a repoint. A session without one is moved all the same."},
    {"repoint",
     {ARGUMENT_BACKEND, 1, 1},
     REPOINT,
     ROLE_OPERATE,
     CHANGES,
     run_repoint,
     "make another backend active: new links go there",
     "On disk before it is acted on. Refused while the gate is open, unless --force."},
    {"cutover check",
     {ARGUMENT_BACKEND, 1, 1},
     CHECK,
     ROLE_OPERATE,
     WAITS,
     run_cutover_check,
     "what a cutover to that backend would find: GO, WARN or NO for each question",
     "Only looks; a cutover begins with the same. Fails when a row says NO. RUNBOOK.md says what "
     "each "
     "row means."},
    {"cutover start",
     {ARGUMENT_BACKEND, 1, 1},
     CUTOVER,
     ROLE_OPERATE,
     WAITS,
     run_cutover_start,
     "make that backend the master: hold, drain, fence, catch up, promote, release",
     "Anything that goes wrong before the release undoes all of it. It goes on when its client "
     "leaves."},
    {"cutover status", NOTHING, NULL, ROLE_VIEW, LOOKS, run_cutover_status,
     "the cutover under way, or how the last one ended", NULL},
    {"cutover go", NOTHING, NULL, ROLE_OPERATE, CHANGES, run_cutover_go,
     "release, when the cutover asks", NULL},
    {"cutover no-go", NOTHING, NULL, ROLE_OPERATE, CHANGES, run_cutover_no_go,
     "undo, when the cutover asks", NULL},
    {"cutover abort", NOTHING, NULL, ROLE_OPERATE, CHANGES, run_cutover_abort,
     "undo the cutover under way, whatever it does; until the release", NULL},
    {"cutover report",
     {ARGUMENT_COUNT, 0, 1},
     NULL,
     ROLE_VIEW,
     LOOKS,
     run_cutover_report,
     "the report of a cutover or dry run: the newest, or the one of that number",
     "What clients felt, step by step; sessions moved and ended, and why; the fence and its proof; "
     "checks, words of operators, the watch. With --json the whole document of "
     "state_dir/report-N.json."},
    {"cutover forget", NOTHING, NULL, ROLE_ADMIN, CHANGES, run_cutover_forget,
     "end a cutover that is stuck or that sluice cannot recover, and open the gate",
     "What is wanted stands under `needs` in `cutover status`. One that is stuck lets go of the "
     "servers; the gate stays closed. Then make sure that one server is writable and the other is "
     "not, and that it is the active one, and say it again."},
    {"mongo status", NOTHING, MONGO_STATUS, ROLE_VIEW, false, true, run_mongo_status,
     "the MongoDB set, member by member, and the last manoeuvre", NULL},
    {"mongo add",
     {ARGUMENT_MEMBER, 1, 1},
     MONGO,
     ROLE_OPERATE,
     WAITS,
     run_mongo_add,
     "attach a member: without a vote until it is filled, then with one",
     "It may take hours, and goes on when its client leaves or sluice restarts. mongo abort takes "
     "the "
     "member out again."},
    {"mongo failover",
     {ARGUMENT_MEMBER, 0, 1},
     MONGO,
     ROLE_OPERATE,
     WAITS,
     run_mongo_failover,
     "make that member primary, or the healthiest, and put everything back",
     "Clients are not touched: their drivers follow. Anything that goes wrong before the new "
     "primary "
     "has taken a write undoes all of it. Says for how long nobody took a write."},
    {"mongo remove",
     {ARGUMENT_MEMBER, 1, 1},
     MONGO,
     ROLE_OPERATE,
     WAITS,
     run_mongo_remove,
     "take a member out of the set: first its vote, then itself",
     "Refused for the primary, and when the others would not be a majority."},
    {"mongo abort", NOTHING, NULL, ROLE_OPERATE, CHANGES, run_mongo_abort,
     "undo the manoeuvre under way, as long as it can be", NULL},
    {"mongo forget", NOTHING, NULL, ROLE_ADMIN, CHANGES, run_mongo_forget,
     "give up a manoeuvre that is stuck: what it has changed stays",
     "For a set that does not come back. Look at the configuration and the freezes yourself."},
    {"reload", NOTHING, NULL, ROLE_ADMIN, CHANGES, run_reload,
     "read the configuration and the certificates again",
     "With an error in the file nothing changes. Says which keys need a restart."},
    {"log level",
     {ARGUMENT_LEVEL, 1, 1},
     NULL,
     ROLE_ADMIN,
     CHANGES,
     run_log_level,
     "change the log level until the next reload",
     NULL},
    {"events", NOTHING, EVENTS, ROLE_VIEW, false, true, run_events,
     "a line for everything that happens, until you leave", NULL},
    {"shutdown", NOTHING, NULL, ROLE_ADMIN, CHANGES, run_shutdown,
     "end sessions at safe points within shutdown_grace, then exit", NULL},
};

const struct command_table *command_table(void)
{
    static const struct command_table TABLE = {ROWS, sizeof ROWS / sizeof ROWS[0]};
    return &TABLE;
}
