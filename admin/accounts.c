// show accounts: who has logged in, and could sluice do so elsewhere.
#include "admin/handlers.h"
#include "base/clock.h"
#include "base/text.h"

struct listing {
    struct answer *answer;
    const char *pattern; // NULL: all
    unsigned stuck;      // sessions of accounts that cannot be moved
};

static void add_row(void *arg, const struct account_row *row)
{
    struct listing *l = arg;
    if (l->pattern != NULL && !text_match(l->pattern, row->user))
        return;
    l->stuck += row->movable ? 0 : row->sessions;
    answer_row(l->answer,
               (struct cell[]){cell_text(row->user), cell_text(row->plugin), cell_text(row->how),
                               cell_bool(row->movable), cell_number(row->sessions)});
}

// What an operator can do about "unknown".
static void add_reader(struct answer *a, const struct accounts_status *s)
{
    answer_fact(a, "reader.ok", NULL, cell_bool(s->read));
    answer_fact(a, "reader.accounts", NULL, s->read ? cell_number(s->count) : cell_text(NULL));
    answer_fact(a, "reader.ago_ms", NULL,
                s->read_wall_us > 0 ? cell_of(CELL_MS, (clock_wall_us() - s->read_wall_us) * 1000)
                                    : cell_text(NULL));
    answer_fact(a, "reader.problem", NULL, cell_text(s->problem[0] != '\0' ? s->problem : NULL));
    if (s->problem[0] != '\0')
        answer_line(a, "hashes of native accounts cannot be read: %s", s->problem);
}

void run_show_accounts(struct request *r)
{
    static const struct column COLUMNS[] = {{"user", "user"},
                                            {"plugin", "plugin"},
                                            {"how", "how"},
                                            {"movable", "movable"},
                                            {"sessions", "sessions"}};
    struct admin_context *ctx = r->context;
    const struct value *user = request_option(r, "user");
    struct listing l = {.answer = r->answer, .pattern = user->given ? user->text : NULL};
    answer_table(r->answer, "accounts", "accounts", COLUMNS, sizeof COLUMNS / sizeof COLUMNS[0]);
    ctx->list_accounts(ctx->arg, add_row, &l);
    answer_fact(r->answer, "learning", NULL, cell_bool(ctx->accounts.learning));
    add_reader(r->answer, &ctx->accounts);
    if (!ctx->accounts.learning)
        answer_say(r->answer, "auth.learn is off: sessions do not move");
    else if (l.stuck > 0)
        answer_say(r->answer, "%u sessions cannot move, because their account's secret is unknown",
                   l.stuck);
    request_done(r);
}
