// See services.h. Each question is a struct of the service's around what the traffic wants to know.
#include "services.h"

#include "base/list.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/holdings.h"
#include "control/killer.h"
#include "control/names.h"
#include "session/traffic.h"

struct services {
    struct killer_service *killer;
    struct names_service *names;
    struct holdings_service *holdings;
    struct list asked; // holding questions on their way
};

static void kill_through_service(void *arg, const char *backend, uint32_t thread_id,
                                 bool query_only, struct loop *reply_to, struct mail *done)
{
    killer_kill(arg, backend, thread_id, query_only, reply_to, done);
}

// --- names --------------------------------------------------------------------------------------

struct naming {
    struct names_answer answer; // first: its mail
    struct namer_reply *reply;
};

// In the asker's loop.
static void deliver_names(struct mail *mail, void *owner)
{
    struct naming *n = (struct naming *)(void *)mail;
    n->reply->names = n->answer.names;
    n->reply->count = n->answer.count;
    (void)text_copy(n->reply->problem, sizeof n->reply->problem, n->answer.problem);
    n->reply->mail.deliver(&n->reply->mail, owner);
    mem_free(n);
}

static void names_through_service(void *arg, const char *backend, uint32_t thread_id,
                                  struct loop *reply_to, struct namer_reply *done)
{
    struct naming *n = mem_zalloc(sizeof *n);
    n->answer.mail.deliver = deliver_names;
    n->reply = done;
    names_ask(arg, backend, thread_id, reply_to, &n->answer);
}

// --- holdings -----------------------------------------------------------------------------------

struct holding_question {
    struct holdings_answer answer; // first: its mail
    struct list_node node;
    struct services *services;
    struct holder_reply *reply;
};

static const struct {
    uint8_t holds; // HOLDS_*
    uint32_t obstacles;
} meanings[] = {
    {HOLDS_USER_LOCK, OBSTACLE_BIT(user_lock)},
    {HOLDS_TABLE_LOCK, OBSTACLE_BIT(lock_tables) | OBSTACLE_BIT(handler_open)},
    {HOLDS_SQL_PREPARE, OBSTACLE_BIT(sql_prepare)},
};

static uint32_t obstacles_of(uint8_t holds)
{
    uint32_t set = 0;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        set |= (holds & meanings[i].holds) != 0 ? meanings[i].obstacles : 0;
    return set;
}

static void deliver_holdings(struct mail *mail, void *owner)
{
    struct holding_question *q = (struct holding_question *)(void *)mail;
    struct holder_reply *r = q->reply;
    list_remove(&q->services->asked, &q->node);
    if (q->answer.code == SL_OK) {
        r->count = q->answer.count;
        r->threads = mem_array(r->count + 1, sizeof r->threads[0]);
        for (unsigned i = 0; i < r->count; i++) {
            const struct holding *h = &q->answer.threads[i];
            r->threads[i] =
                (struct held){h->thread_id, obstacles_of(h->known), obstacles_of(h->held)};
        }
    }
    (void)text_copy(r->problem, sizeof r->problem, q->answer.problem);
    holdings_answer_release(&q->answer);
    mem_free(q);
    r->mail.deliver(&r->mail, owner);
}

static void holdings_through_service(void *arg, const char *backend, struct loop *reply_to,
                                     struct holder_reply *done)
{
    struct services *s = arg;
    struct holding_question *q = mem_zalloc(sizeof *q);
    q->answer.mail.deliver = deliver_holdings;
    q->services = s;
    q->reply = done;
    list_append(&s->asked, &q->node);
    holdings_ask(s->holdings, backend, reply_to, &q->answer);
}

// --- all of them --------------------------------------------------------------------------------

enum sl_code services_new(struct services **out, struct sl_error *err)
{
    struct services *s = mem_zalloc(sizeof *s);
    list_init(&s->asked);
    enum sl_code code = killer_new(&s->killer, err);
    if (code == SL_OK)
        code = names_new(&s->names, err);
    if (code == SL_OK)
        code = holdings_new(&s->holdings, err);
    *out = s;
    return code;
}

void services_set_targets(struct services *s, const struct control_target *targets, unsigned count)
{
    killer_set_targets(s->killer, targets, count);
    names_set_targets(s->names, targets, count);
    holdings_set_targets(s->holdings, targets, count);
}

void services_offer(struct services *s, struct traffic *t)
{
    traffic_set_killer(t, &(struct killer){.kill = kill_through_service, .arg = s->killer});
    traffic_set_namer(t, &(struct namer){.ask = names_through_service, .arg = s->names});
    traffic_set_holder(t, &(struct holder){.ask = holdings_through_service, .arg = s});
}

void services_free(struct services *s)
{
    if (s == NULL)
        return;
    killer_free(s->killer);
    names_free(s->names);
    holdings_free(s->holdings);
    // Posted, but the loop runs no more: it frees the mail, not what is in it.
    LIST_FOR_EACH (&s->asked, it, next)
        holdings_answer_release(&LIST_ITEM(it, struct holding_question, node)->answer);
    mem_free(s);
}
