// The matcher of the text scan: what the tokens of a statement amount to.
//
// A statement is judged by its first token, by the tokens right before a keyword, and by the set
// of words seen, asked for at its end. scan_words.h says all there is about a keyword.
#include "state/scan_match.h"

#include "state/scan_words.h"

static bool after(const struct scan *s, uint8_t token)
{
    return (uint8_t)s->before == token;
}

// Where SET may set session variables; UPDATE ... SET may not.
static bool sets_variables(const struct scan *s)
{
    return s->each >= EACH_SET || ((s->here & SCAN_call) && (s->seen & SEEN_SET));
}

static void act_charset(struct scan *s, uint8_t token)
{
    (void)token;
    if (sets_variables(s))
        s->here |= SCAN_charset;
}

static void act_diagnostics(struct scan *s, uint8_t token)
{
    (void)token;
    if (s->first == KW_GET)
        s->here |= SCAN_diagnostics_use | SCAN_diagnostics_read;
}

static void act_diagnostics_variable(struct scan *s, uint8_t token)
{
    (void)token;
    if (after(s, TOKEN_ATAT) || after(s, TOKEN_DOT))
        s->here |= SCAN_diagnostics_use;
}

static void act_execute(struct scan *s, uint8_t token)
{
    (void)token;
    s->here |= SCAN_sql_execute;
}

// FLUSH STATUS, and FLUSH TABLES ... FOR EXPORT.
static void act_export(struct scan *s, uint8_t token)
{
    if (s->seen & SEEN_FLUSH)
        s->here |= token == KW_STATUS ? SCAN_session_track : SCAN_lock_tables;
}

// SET STATEMENT a = b FOR <statement>: from here on it is that statement.
static void act_for(struct scan *s, uint8_t token)
{
    (void)token;
    if (s->each != EACH_SET_STATEMENT)
        return;
    s->each = EACH_NONE;
    s->here &= ~(uint32_t)SCAN_set;
    s->restart = true;
}

static void act_from(struct scan *s, uint8_t token)
{
    if (token == KW_DUAL && after(s, KW_FROM))
        s->seen |= SEEN_DUAL;
    if (token == KW_DUAL)
        return;
    if (s->seen & SEEN_FROM)
        s->seen |= SEEN_FROM_AGAIN;
    if (s->seen & SEEN_PREPARE)
        s->here |= SCAN_sql_prepare;
}

static void act_calc(struct scan *s, uint8_t token)
{
    (void)token;
    s->here |= SCAN_found_rows;
}

// LOCK itself, and what stands after LOCK or BACKUP.
static void act_lock(struct scan *s, uint8_t token)
{
    if (token == KW_LOCK && after(s, KW_READ) && (s->seen & SEEN_FLUSH))
        s->here |= SCAN_lock_tables;
    if ((token == KW_LOCK || token == KW_STAGE) && after(s, KW_BACKUP))
        s->here |= SCAN_lock_other;
    if (after(s, KW_LOCK))
        s->here |= token == KW_INSTANCE ? SCAN_lock_other : SCAN_lock_tables;
}

static void act_open(struct scan *s, uint8_t token)
{
    (void)token;
    if (s->seen & SEEN_HANDLER)
        s->here |= SCAN_handler_open;
}

static void act_sql_mode(struct scan *s, uint8_t token)
{
    (void)token;
    if (sets_variables(s))
        s->here |= SCAN_sql_mode;
}

static void act_statement(struct scan *s, uint8_t token)
{
    (void)token;
    if (s->each == EACH_SET && s->tokens == 1)
        s->each = EACH_SET_STATEMENT;
}

static void act_table(struct scan *s, uint8_t token)
{
    s->creates = s->creates || (s->tokens == 1 && s->first == KW_CREATE && !s->ended);
    act_lock(s, token);
}

static void act_temporary(struct scan *s, uint8_t token)
{
    (void)token;
    if (after(s, KW_CREATE) || after(s, KW_REPLACE))
        s->here |= SCAN_temporary_table;
}

static void act_track(struct scan *s, uint8_t token)
{
    if (token != KW_VARIABLES || s->first == KW_SHOW)
        s->here |= SCAN_session_track;
}

static void act_transaction(struct scan *s, uint8_t token)
{
    (void)token;
    if (after(s, KW_START))
        s->here |= SCAN_begin;
    if (after(s, KW_SET) || (s->each == EACH_SET && after(s, TOKEN_COMMA)))
        s->here |= SCAN_next_transaction;
}

static void act_warnings(struct scan *s, uint8_t token)
{
    (void)token;
    if (s->first == KW_SHOW && (s->tokens == 1 || after(s, TOKEN_CLOSE)))
        s->here |= SCAN_diagnostics_use | SCAN_diagnostics_read;
}

// After XA, and COMMIT inside a compound statement. Only what begins a text may end a branch.
static void act_xa(struct scan *s, uint8_t token)
{
    bool ends = token == KW_COMMIT || token == KW_ROLLBACK;
    if (token == KW_COMMIT && ((after(s, KW_XA) && s->tokens == 1) || (s->here & SCAN_call)))
        s->here |= SCAN_commit;
    if (!after(s, KW_XA))
        return;
    if (!ends)
        s->here |= SCAN_xa_start;
    else if (s->tokens == 1)
        s->here |= SCAN_xa_end;
}

static void act_none(struct scan *s, uint8_t token)
{
    (void)s;
    (void)token;
}

typedef void act_fn(struct scan *s, uint8_t token);

static act_fn *const acts[ACT_COUNT] = {[ACT_NONE] = act_none,
#define X(id, name) [ACT_##id] = act_##name,
                                        SCAN_ACTS(X)
#undef X
};

// SET @a = ..., @b = ...: outside of brackets a comma separates assignments.
static void user_variable(struct scan *s)
{
    bool target =
        s->each == EACH_SET && (after(s, KW_SET) || (after(s, TOKEN_COMMA) && !s->inside));
    s->here |= SCAN_user_variable;
    s->reads = s->reads || !target;
}

// "=" and ":" both, since ":=" assigns as well; without a scope it is for the next transaction.
static void punctuation(struct scan *s, uint8_t token)
{
    uint8_t last = (uint8_t)s->before;
    bool isolation = last >= TOKEN_KEYWORDS && scan_keyword(last)->seen == SEEN_ISOLATION;
    if (token == TOKEN_OPEN && last >= TOKEN_KEYWORDS)
        s->here |= scan_keyword(last)->called;
    else if ((token == TOKEN_EQUAL || token == TOKEN_COLON) && isolation &&
             (uint8_t)(s->before >> 8) == TOKEN_ATAT)
        s->here |= SCAN_next_transaction;
    else if (token == TOKEN_COLON && s->tokens == 1)
        s->here |= SCAN_call; // a label
    else if (token == TOKEN_AT)
        user_variable(s);
}

static bool statement_begins(struct scan *s, uint8_t token)
{
    if (token == TOKEN_OPEN) // ( SELECT ... )
        return false;
    if (s->ended)
        s->flags |= SCAN_several;
    s->first = token;
    if (token >= TOKEN_KEYWORDS)
        s->here |= scan_keyword(token)->first;
    if (token == KW_KILL)
        s->each = EACH_KILL;
    else if (token == KW_SET)
        s->each = EACH_SET;
    else if (token == KW_SHOW)
        s->each = EACH_SHOW;
    return true;
}

void scan_match_look(struct scan *s, uint8_t token)
{
    if (s->tokens == 0) {
        if (!statement_begins(s, token))
            return;
    } else if (s->each != EACH_NONE) {
        scan_each_token(s, token);
    }
    if (token >= TOKEN_KEYWORDS) {
        const struct scan_keyword *k = scan_keyword(token);
        if (k->act != ACT_NONE)
            acts[k->act](s, token);
        s->seen |= k->seen;
    } else if (token >= TOKEN_AT) {
        punctuation(s, token);
        if (token == TOKEN_EQUAL && after(s, TOKEN_COLON)) {
            s->before = (s->before & ~UINT32_C(0xFF)) | TOKEN_EQUAL;
            return;
        }
    } else if (s->tokens == 1 && s->first == KW_BEGIN) {
        s->here |= SCAN_call;
    }
    scan_match_remember(s, token);
    s->plain = s->tokens > 1 && s->each == EACH_NONE;
    if (s->restart) {
        s->restart = false;
        s->tokens = 0;
        s->plain = false;
    }
}

// 0 when it is no plain number, or too long.
static uint64_t number_of(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    if (n > 19)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return 0;
        v = v * 10 + (uint64_t)(p[i] - '0');
    }
    return v;
}

void scan_match_word(struct scan *s, const uint8_t *p, size_t n)
{
    uint8_t token = TOKEN_WORD;
    if (p[0] >= '0' && p[0] <= '9') {
        token = TOKEN_NUMBER;
        if (s->each == EACH_KILL)
            s->number = number_of(p, n);
    } else if (p[0] == '$' && n > 1 && (n > SCAN_WORD_MAX || p[n - 1] == '$')) {
        scan_match_blind(s); // MySQL 9: $tag$ quotes text
    } else if (n <= SCAN_WORD_MAX) {
        token = scan_words_lookup(p, n);
        if (s->each >= EACH_SHOW)
            token = scan_words_builtin(p, n, token);
    }
    scan_match_token(s, token);
}

void scan_match_quoted(struct scan *s, uint8_t quote, size_t n)
{
    uint8_t token = quote == '`' ? TOKEN_QUOTED : TOKEN_STRING;
    uint8_t id = n > 0 && n <= SCAN_WORD_MAX ? scan_words_lookup(s->word, n) : TOKEN_WORD;
    if (id >= TOKEN_KEYWORDS) {
        const struct scan_keyword *k = scan_keyword(id);
        if ((k->name && quote != '\'') || (k->value && sets_variables(s)))
            token = id;
    }
    scan_match_token(s, token);
}

bool scan_match_wants_string(const struct scan *s)
{
    return sets_variables(s);
}

void scan_match_escape(struct scan *s)
{
    if (sets_variables(s) && ((s->seen & SEEN_CLIENT_CHARSET) || after(s, KW_NAMES) ||
                              after(s, KW_CHARSET) || after(s, KW_SET)))
        s->here |= SCAN_charset;
}

static bool reads_no_table(const struct scan *s)
{
    return (s->seen & SEEN_FROM) == 0 ||
           ((s->seen & SEEN_DUAL) != 0 && (s->seen & SEEN_FROM_AGAIN) == 0);
}

static bool reads(uint8_t first)
{
    return first == KW_SELECT || first == KW_WITH || first == KW_INSERT || first == KW_REPLACE;
}

// What can only be said when the whole statement has been seen.
static void judge(struct scan *s)
{
    const uint8_t b[] = {(uint8_t)s->before, (uint8_t)(s->before >> 8), (uint8_t)(s->before >> 16)};
    const uint32_t holds = SCAN_get_lock | SCAN_lock_other;
    if (!reads_no_table(s) && !(s->seen & SEEN_SCHEMA_TABLES) && reads(s->first))
        s->here |= SCAN_tables;
    if ((s->seen & SEEN_SELECT) && (s->first == KW_SET || s->first == KW_CREATE))
        s->here |= SCAN_calls;
    // Functions are looked for in SET and SHOW only.
    if ((s->here & SCAN_session_track) && s->first != KW_SET && s->first != KW_SHOW)
        s->here |= SCAN_calls;
    if ((s->seen & SEEN_NOT_READ) || (s->here & holds))
        s->here &= ~(uint32_t)SCAN_read;
    if ((s->here & SCAN_diagnostics_use) && reads_no_table(s) && !(s->here & holds) &&
        (s->first == KW_SELECT || s->first == KW_SET || s->first == KW_DO))
        s->here |= SCAN_diagnostics_read;
    if (s->first == KW_UNLOCK && s->tokens == 2 && (b[0] == KW_TABLES || b[0] == KW_TABLE))
        s->here |= SCAN_unlock_tables;
    if ((s->first == KW_SELECT || s->first == KW_DO) && s->tokens == 4 && b[0] == TOKEN_CLOSE &&
        b[1] == TOKEN_OPEN && b[2] == KW_RELEASE_ALL_LOCKS)
        s->here |= SCAN_release_all_locks;
    if (s->first == KW_BEGIN)
        s->here |= s->tokens == 1 || (s->tokens == 2 && b[0] == KW_WORK) ? SCAN_begin : SCAN_call;
    if (s->first == KW_ROLLBACK && !(s->seen & SEEN_TO))
        s->here |= SCAN_rollback;
}

static void judge_kill(struct scan *s)
{
    bool certain = s->mode != SCAN_BLIND || !s->ended;
    if (s->tokens < 2 || s->kill_state == KILL_OTHER_ID || !certain) {
        s->here &= ~(uint32_t)SCAN_kill_query;
        return;
    }
    s->here |= SCAN_kill;
    s->kill_id = s->kill_state == KILL_HAS_ID ? s->number : 0;
}

#define FLAGS_OF_ALL (uint32_t)(SCAN_read | SCAN_diagnostics_read)

static void statement_ends(struct scan *s)
{
    judge(s);
    if (s->each == EACH_KILL)
        judge_kill(s);
    if (s->each == EACH_SET && s->sets + s->sets_maria < UINT8_MAX) {
        if (s->assigns && !s->password)
            s->sets++;
        else
            s->sets_maria++;
    }
    s->may_call = s->may_call || s->tokens > 2;
    s->flags |= s->here & ~FLAGS_OF_ALL;
    s->all &= s->here;
    s->seen_ever |= s->seen;
    s->selects = s->selects || (s->first == KW_SELECT && !s->ended);
    s->ended = true;
}

void scan_match_begin(struct scan *s)
{
    s->all = FLAGS_OF_ALL;
}

void scan_match_separator(struct scan *s)
{
    if (s->tokens == 0)
        return;
    statement_ends(s);
    // How the rest is to be read may have changed.
    if (s->here & (SCAN_sql_mode | SCAN_charset | SCAN_sql_execute))
        s->mode = SCAN_BLIND;
    s->tokens = 0;
    s->first = 0;
    s->before = 0;
    s->plain = false;
    s->each = EACH_NONE;
    s->assigns = s->password = false;
    s->kill_state = KILL_WANTS_ID;
    s->here = 0;
    s->seen = 0;
}

void scan_match_blind(struct scan *s)
{
    s->mode = SCAN_BLIND;
    s->flags |= SCAN_several;
}

// The blind scan cannot rely on what stands next to what: all words of a sequence anywhere do.
static const struct {
    uint32_t seen, flags;
} blind_rules[] = {
    {SEEN_CREATE | SEEN_TEMPORARY, SCAN_temporary_table},
    {SEEN_LOCK | SEEN_TABLE, SCAN_lock_tables},
    {SEEN_FLUSH | SEEN_LOCK, SCAN_lock_tables},
    {SEEN_FLUSH | SEEN_EXPORT, SCAN_lock_tables},
    {SEEN_LOCK | SEEN_INSTANCE, SCAN_lock_other},
    {SEEN_BACKUP, SCAN_lock_other},
    {SEEN_LOCK_OTHER, SCAN_lock_other},
    {SEEN_GET_LOCK, SCAN_get_lock},
    {SEEN_HANDLER | SEEN_OPEN, SCAN_handler_open},
    {SEEN_PREPARE | SEEN_FROM, SCAN_sql_prepare},
    {SEEN_SET | SEEN_TRANSACTION, SCAN_next_transaction},
    {SEEN_SET | SEEN_ISOLATION, SCAN_next_transaction},
    {SEEN_XA, SCAN_xa_start},
    {SEEN_DIAGNOSTICS, SCAN_diagnostics_use | SCAN_found_rows},
    {SEEN_SET | SEEN_CHARSET, SCAN_charset},
    {SEEN_SET | SEEN_CLIENT_CHARSET, SCAN_charset},
    {SEEN_SET | SEEN_SQL_MODE, SCAN_sql_mode},
    {SEEN_TRACK, SCAN_session_track},
};

uint32_t scan_match_end(struct scan *s)
{
    if (s->tokens > 0)
        statement_ends(s);
    if (s->ended)
        s->flags |= s->all;
    for (size_t i = 0; s->mode == SCAN_BLIND && i < sizeof blind_rules / sizeof *blind_rules; i++) {
        if ((s->seen_ever & blind_rules[i].seen) == blind_rules[i].seen)
            s->flags |= blind_rules[i].flags;
    }
    return s->flags;
}
