// Rounds: mail to every worker, and back.
#include "base/mem.h"
#include "session/fleet.h"

struct round_mail {
    struct mail mail;
    struct round *round;
};

static void came_back(struct mail *m, void *owner)
{
    struct round *r = ((struct round_mail *)(void *)m)->round;
    (void)owner;
    mem_free(m);
    if (--r->waiting == 0)
        r->done(r);
}

static void arrived(struct mail *m, void *owner)
{
    struct round *r = ((struct round_mail *)(void *)m)->round;
    struct worker *w = owner;
    r->visit(w, r);
    m->deliver = came_back;
    loop_post(w->traffic->main_loop, m);
}

void round_start(struct traffic *t, struct round *r)
{
    r->traffic = t;
    r->waiting = t->worker_count;
    for (unsigned i = 0; i < t->worker_count; i++) {
        struct round_mail *m = mem_zalloc(sizeof *m);
        m->mail.deliver = arrived;
        m->round = r;
        loop_post(t->workers[i]->loop, &m->mail);
    }
}
